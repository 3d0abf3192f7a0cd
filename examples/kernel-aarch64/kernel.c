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
 *   take-over      start a second instance of the library over the first
 */
#include "machine.h"

#define IDS_MAX 16

static struct iommu_aarch64 port;

/* The ids of PCI functions behind the unit. */
static unsigned int read_ids(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
			     const struct iommu_fdt_node *unit, struct iommu_smmu_ids *ids)
{
	const uint32_t phandle = iommu_fdt_phandle(tree, unit);
	struct iommu_fdt_map map = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_fdt_next_map(tree, pci, &map))
		if (map.unit == phandle)
			ids[count++] = (struct iommu_smmu_ids){
				.first = (uint16_t)map.source,
				.last = (uint16_t)(map.source + map.count - 1),
				.stream_id = map.id,
			};
	return count;
}

static void find_unit(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
		      struct iommu_fdt_node *unit, struct iommu_smmu_config *config)
{
	static struct iommu_smmu_ids ids[IDS_MAX];
	uint32_t size;

	if (!tree_find(tree, "arm,smmu-v3", unit))
		host_stop("the device tree has no SMMUv3");
	config->registers = tree_address(tree, unit);
	if (iommu_fdt_property(tree, unit, "dma-coherent", &size) != NULL)
		config->flags |= IOMMU_SMMU_COHERENT;
	config->id_range_count = read_ids(tree, pci, unit, ids);
	config->id_ranges = ids;
	config->firmware_node = unit->name;
	/* The scenario counts faults, and is fast. */
	config->faults_per_second = IOMMU_SMMU_FAULTS_UNBOUNDED;
}

void kernel_main(const void *flat_tree);

void kernel_main(const void *flat_tree)
{
	static struct smmu_machine machine = {
		.base = {.say = console_text, .platform = &host_platform, .alloc = host_memory},
	};
	struct iommu_fdt_node pci, unit;
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
	find_unit(&tree, &pci, &unit, &machine.unit);
	edu_start_both(&bridge, machine.base.devices);
	machine.stage = tree_has_word(&tree, "second")  ? IOMMU_STAGE_SECOND
			: tree_has_word(&tree, "first") ? IOMMU_STAGE_FIRST
							: IOMMU_STAGE_ANY;
	machine.is_old = tree_has_word(&tree, "old");
	if (machine.is_old)
		machine.unit.flags |= IOMMU_SMMU_PASSES_WHILE_OFF;
	if (!interrupts_start(&tree, &unit, &machine))
		host_stop("the unit's interrupts have nowhere to go");
	machine_exit(tree_has_word(&tree, "take-over") ? scenario_smmu_take_over(&machine)
						       : scenario_smmu(&machine));
}
