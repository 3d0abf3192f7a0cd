/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of this kernel besides libiommu and kernel-common: its console, interrupts, and a
 * device with process ids. Each has a file of its own name. The CPU is in M mode, without
 * translation: virtual addresses are physical ones.
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include <iommu_riscv64.h>
#include <libiommu/device_tree.h>
#include <stddef.h>

#include "access.h"
#include "device_tree.h"
#include "ecam.h"
#include "edu.h"
#include "host.h"
#include "scenario_riscv.h"

/* --- console.c: host.h ------------------------------------------------------------------------ */
/* False: the tree names no serial line, or no way out. */
bool console_start(const struct iommu_fdt *tree);

/* --- interrupt.c ------------------------------------------------------------------------------ */
/* How the unit's interrupts reach this kernel. */
enum interrupt_way {
	INTERRUPT_MEMORY, /* there is no controller for messages: they are looked for in memory */
	INTERRUPT_IMSIC,  /* messages to the CPU's interrupt file */
	INTERRUPT_WIRES,  /* wires of the unit, by the platform's controller (PLIC) */
};

/*
 * Begin to count the unit's interrupts, and fill in how they are sent. With wires: those of the
 * unit's node. False: the machine has no controller for them.
 */
bool interrupts_start(const struct iommu_fdt *tree, const struct iommu_fdt_node *unit, bool wires,
		      struct riscv_machine *machine);

/* --- process_device.c: a device with process ids (tests/system/pasid-device) ------------------ */
void process_device_start(struct riscv_process_device *device, const struct pci_device *pci);

#endif
