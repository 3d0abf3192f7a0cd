/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu and kernel-common: its console, interrupts, tables of
 * firmware, and what is said of the unit. Each has a file of its own name. The CPU is at EL1, and
 * virtual addresses are physical ones.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <iommu_aarch64.h>
#include <libiommu/device_tree.h>
#include <libiommu/iort.h>
#include <stddef.h>

#include "access.h"
#include "device_tree.h"
#include "ecam.h"
#include "edu.h"
#include "host.h"
#include "scenario_smmu.h"

/* --- console.c: host.h ------------------------------------------------------------------------ */
/* False: the tree names no serial line. */
bool console_start(const struct iommu_fdt *tree);

/* --- interrupt.c ------------------------------------------------------------------------------ */
/* Begin to count interrupts; false: the machine has no GICv3. */
bool interrupts_start(const struct iommu_fdt *tree, struct smmu_machine *machine);
/* Let a wire in, whose interrupt is an edge, by its number at the controller. */
void interrupts_let_in(uint32_t number);

/* --- firmware.c ------------------------------------------------------------------------------- */
/* ACPI's table of SMMUs; false: the machine has none that can be read. */
bool firmware_iort(const struct iommu_fdt *tree, struct iommu_iort *iort);

/* --- unit.c ----------------------------------------------------------------------------------- */
/* What the machine says of its SMMU; its wires are let in. */
void unit_find_in_tree(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
		       struct iommu_smmu_config *config);
/* … of the one that a PCI function is behind; false: there is none. */
bool unit_find_in_iort(const struct iommu_iort *iort, uint16_t source_id,
		       struct iommu_smmu_config *config);
/* Let the scenario have the unit lose what its registers hold, as in a deep sleep. */
void unit_may_lose_state(struct smmu_machine *machine);

#endif
