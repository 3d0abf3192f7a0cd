/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking for what this kernel needs in the device tree, by the library's reader. */
#include "device_tree.h"

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

bool tree_has_word(const struct iommu_fdt *tree, const char *word)
{
	struct iommu_fdt_node node;
	const uint8_t *line;
	uint32_t size = 0;
	uint32_t i, length;

	if (!tree_find_with(tree, "bootargs", &node))
		return false;
	line = iommu_fdt_property(tree, &node, "bootargs", &size);
	for (length = 0; word[length] != '\0'; length++)
		;
	for (i = 0; i + length < size; i++) {
		if (i != 0 && line[i - 1] != ' ')
			continue;
		if (__builtin_memcmp(&line[i], word, length) == 0 &&
		    (line[i + length] == ' ' || line[i + length] == '\0'))
			return true;
	}
	return false;
}
