/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest kernel that does real DMA through tables that libiommu built, on an Arm machine with
 * an SMMUv3.
 *
 * It finds everything through the device tree: console, memory, the SMMU and its interrupts, PCI.
 * It fills in one host-services table, finds two "edu" devices by scanning PCI, and runs the
 * scenario of tests/system/ on them.
 *
 * Command line:
 *   first, second  the stage of the devices' domains, rather than the unit's best
 *   old            this is QEMU before its version 8
 *   iort           the SMMU is found by ACPI's table, rather than the device tree
 *   two-units      device B is behind a port, and another SMMU (with iort)
 *   one-level      a stream table of one level, for the devices of bus 0
 *   take-over      start a second instance of the library over the first
 */
#include "machine.h"

#define PORT      0x0800 /* of a second root bus */
#define ONE_LEVEL 8      /* bits of the StreamIDs of a table of one level */

static struct iommu_aarch64 port;

/* Of the ids that the machine names, those that such a table has room for. */
static void keep_to_one_level(struct iommu_smmu_config *config)
{
	static const struct iommu_smmu_ids ids = {.first = 0, .last = (1 << ONE_LEVEL) - 1};

	config->stream_id_bits = ONE_LEVEL;
	config->id_ranges = &ids;
	config->id_range_count = 1;
}

/* Both devices may be behind one unit. */
static void find_in_iort(const struct iommu_fdt *tree, struct smmu_machine *machine)
{
	const struct dma_device *devices = machine->base.devices;
	struct iommu_iort iort;

	if (!firmware_iort(tree, &iort))
		host_stop("there is no table IORT");
	if (!unit_find_in_iort(&iort, devices[0].info.source_id, &machine->unit) ||
	    !unit_find_in_iort(&iort, devices[1].info.source_id, &machine->second_unit))
		host_stop("a device is behind no SMMUv3");
	if (machine->second_unit.registers == machine->unit.registers)
		machine->second_unit.registers = 0;
	console_text("by ACPI's table IORT\n");
}

void kernel_main(const void *flat_tree);

void kernel_main(const void *flat_tree)
{
	static struct smmu_machine machine = {
		.base = {.say = console_text, .platform = &host_platform, .alloc = host_memory},
	};
	struct iommu_fdt_node pci;
	struct pci_bridge bridge;
	struct iommu_fdt tree;

	if (iommu_fdt_open(&tree, flat_tree, IOMMU_FDT_MAX_SIZE) != 0 || !console_start(&tree))
		for (;;)
			; /* no console */
	if (!host_memory_start(&tree))
		host_stop("memory is not where it is needed");
	iommu_aarch64_init(&port);
	iommu_aarch64_fill(&host_platform, &port);
	if (!pci_open(&tree, &pci, &bridge))
		host_stop("the device tree has no PCI");
	if (!interrupts_start(&tree, &machine))
		host_stop("the unit's interrupts have nowhere to go");
	edu_start_both(&bridge, tree_has_word(&tree, "two-units") ? PORT : 0, machine.base.devices);
	if (tree_has_word(&tree, "iort"))
		find_in_iort(&tree, &machine);
	else
		unit_find_in_tree(&tree, &pci, &machine.unit);
	machine.stage = tree_has_word(&tree, "second")  ? IOMMU_STAGE_SECOND
			: tree_has_word(&tree, "first") ? IOMMU_STAGE_FIRST
							: IOMMU_STAGE_ANY;
	machine.is_old = tree_has_word(&tree, "old");
	if (machine.is_old)
		machine.unit.flags |= IOMMU_SMMU_PASSES_WHILE_OFF;
	if (tree_has_word(&tree, "one-level"))
		keep_to_one_level(&machine.unit);
	unit_may_lose_state(&machine);
	/* The scenario counts faults, and is fast. */
	machine.unit.faults_per_second = IOMMU_SMMU_FAULTS_UNBOUNDED;
	machine.second_unit.faults_per_second = IOMMU_SMMU_FAULTS_UNBOUNDED;
	machine_exit(tree_has_word(&tree, "take-over") ? scenario_smmu_take_over(&machine)
						       : scenario_smmu(&machine));
}
