/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking for what this kernel needs in the device tree, by the library's reader. */
#include "machine.h"

bool tree_find(const struct iommu_fdt *tree, const char *compatible, struct iommu_fdt_node *node)
{
	*node = (struct iommu_fdt_node){0};
	while (iommu_fdt_next(tree, node))
		if (iommu_fdt_is_compatible(tree, node, compatible) &&
		    iommu_fdt_is_available(tree, node))
			return true;
	return false;
}

bool tree_find_with(const struct iommu_fdt *tree, const char *property, struct iommu_fdt_node *node)
{
	uint32_t size;

	*node = (struct iommu_fdt_node){0};
	while (iommu_fdt_next(tree, node))
		if (iommu_fdt_property(tree, node, property, &size) != NULL)
			return true;
	return false;
}

uint64_t tree_address(const struct iommu_fdt *tree, const struct iommu_fdt_node *node)
{
	struct iommu_fdt_registers registers;

	return iommu_fdt_get_registers(tree, node, 0, &registers) == 0 ? registers.base : 0;
}
