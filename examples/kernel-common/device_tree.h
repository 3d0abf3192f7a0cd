/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking for what an example kernel needs in the device tree, by the library's reader. */
#ifndef KERNEL_DEVICE_TREE_H
#define KERNEL_DEVICE_TREE_H

#include <libiommu/device_tree.h>

/* The first node that is compatible with this; the first that has this property. */
bool tree_find(const struct iommu_fdt *tree, const char *compatible, struct iommu_fdt_node *node);
bool tree_find_with(const struct iommu_fdt *tree, const char *property,
		    struct iommu_fdt_node *node);
/* Where a node's first registers are; 0: it has none. */
uint64_t tree_address(const struct iommu_fdt *tree, const struct iommu_fdt_node *node);
/* Is this a word of the command line? */
bool tree_has_word(const struct iommu_fdt *tree, const char *word);

#endif
