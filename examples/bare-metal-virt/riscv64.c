/* SPDX-License-Identifier: BSD-2-Clause */
/* RISC-V's machine "virt": the services of the processor, and an IOMMU that the tree has. */
#include <iommu_riscv64.h>

#include "virt.h"

#define IDS_MAX 8

_Noreturn void trap_taken(uint64_t cause, uint64_t address, uint64_t value);

static struct iommu_riscv64 port = {.machine_mode = true};
static struct iommu_riscv_ids ids[IDS_MAX];

/* No interrupt is let in: it is an exception. */
_Noreturn void trap_taken(uint64_t cause, uint64_t address, uint64_t value)
{
	(void)cause, (void)address, (void)value;
	host_stop("an exception");
}

void virt_fill(const struct iommu_fdt *tree, struct iommu_platform *platform)
{
	struct iommu_fdt_node node;
	const uint8_t *value;
	uint32_t size;

	if (!tree_find_with(tree, "timebase-frequency", &node))
		host_stop("the time base has no frequency");
	value = iommu_fdt_property(tree, &node, "timebase-frequency", &size);
	if (size < 4)
		host_stop("the time base has no frequency");
	port.timebase_hz = iommu_fdt_cell(value, 0);
	iommu_riscv64_fill(platform, &port);
}

static unsigned int read_ids(const struct iommu_fdt *tree, const struct iommu_fdt_node *pci,
			     uint32_t unit)
{
	struct iommu_fdt_map map = {0};
	unsigned int count = 0;

	while (count < IDS_MAX && iommu_fdt_next_map(tree, pci, &map))
		if (map.unit == unit)
			ids[count++] = (struct iommu_riscv_ids){
				.first = (uint16_t)map.source,
				.last = (uint16_t)(map.source + map.count - 1),
				.device_id = map.id,
			};
	return count;
}

int virt_add_unit(struct iommu *iommu, const struct iommu_fdt *tree,
		  const struct iommu_fdt_node *pci, struct iommu_unit **unit)
{
	struct iommu_riscv_config config = {.id_ranges = ids};
	struct iommu_fdt_node node;

	if (!tree_find(tree, "riscv,iommu", &node))
		return IOMMU_ENODEV;
	config.registers = tree_address(tree, &node);
	config.id_range_count = read_ids(tree, pci, iommu_fdt_phandle(tree, &node));
	return iommu_riscv_add_unit(iommu, &config, unit);
}
