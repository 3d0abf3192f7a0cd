/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu and kernel-common: its console, interrupts, and the
 * tables of firmware. Each has a file of its own name. The CPU is at EL1, and virtual addresses are
 * physical ones.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <iommu_aarch64.h>
#include <libiommu/device_tree.h>
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
/*
 * Begin to count the unit's interrupts, which arrive by wires of the machine's GICv3. False: there
 * is none, or the unit has no wires.
 */
bool interrupts_start(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit,
		      struct smmu_machine *machine);

#endif
