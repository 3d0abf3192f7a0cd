/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm's machine "virt": the services of the processor, and an SMMUv3 that the tree has. */
#include <iommu_aarch64.h>

#include "virt.h"

#define IDS_MAX 8

void interrupt_taken(void);
_Noreturn void exception_taken(uint64_t syndrome, uint64_t address, uint64_t value);

static struct iommu_aarch64 port;
static struct iommu_smmu_ids ids[IDS_MAX];

/* None is let in. */
void interrupt_taken(void)
{
}

_Noreturn void exception_taken(uint64_t syndrome, uint64_t address, uint64_t value)
{
	(void)syndrome, (void)address, (void)value;
	host_stop("an exception");
}

void virt_fill(const struct iommu_fdt *tree, struct iommu_platform *platform)
{
	(void)tree;
	iommu_aarch64_init(&port);
	iommu_aarch64_fill(platform, &port);
}

static unsigned int read_ids(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
			     uint32_t unit)
{
	struct iommu_fdt_map map = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_fdt_next_map(tree, pci, &map))
		if (map.unit == unit)
			ids[count++] = (struct iommu_smmu_ids){
				.first = (uint16_t)map.source,
				.last = (uint16_t)(map.source + map.count - 1),
				.stream_id = map.id,
			};
	return count;
}

int virt_add_unit(struct iommu *iommu, const struct iommu_fdt *tree,
		  const struct iommu_fdt_node *pci, struct iommu_unit **unit)
{
	struct iommu_smmu_config config = {.flags = IOMMU_SMMU_NOT_COHERENT, .id_ranges = ids};
	struct iommu_fdt_node node;
	uint32_t size;
	int status;

	if (!tree_find(tree, "arm,smmu-v3", &node))
		return IOMMU_ENODEV;
	config.registers = tree_address(tree, &node);
	if (iommu_fdt_property(tree, &node, "dma-coherent", &size) != NULL)
		config.flags = IOMMU_SMMU_COHERENT;
	config.id_range_count = read_ids(tree, pci, iommu_fdt_phandle(tree, &node));
	status = iommu_smmu_add_unit(iommu, &config, unit);
	if (status != IOMMU_EIO)
		return status;
	/* QEMU before version 8 cannot abort then. A real machine is not used so. */
	console_text("this unit lets everything pass while it is off\n");
	config.flags |= IOMMU_SMMU_PASSES_WHILE_OFF;
	return iommu_smmu_add_unit(iommu, &config, unit);
}
