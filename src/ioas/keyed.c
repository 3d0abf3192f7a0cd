/* SPDX-License-Identifier: BSD-2-Clause */
#include "ioas/keyed.h"

static bool update(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

static bool is_before(const struct ioas_keyed *keyed, uint64_t first, uint64_t second)
{
	return keyed->first != first ? keyed->first < first : keyed->second < second;
}

void iommu_keyed_insert(struct iommu_rb_tree *tree, struct ioas_keyed *keyed)
{
	struct iommu_rb_node *parent = NULL, *node = tree->root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = is_before(iommu_keyed_of(node), keyed->first, keyed->second);
		node = node->child[right];
	}
	iommu_rb_insert(tree, update, parent, right, &keyed->node);
}

void iommu_keyed_remove(struct iommu_rb_tree *tree, struct ioas_keyed *keyed)
{
	iommu_rb_remove(tree, update, &keyed->node);
}

struct ioas_keyed *iommu_keyed_find(const struct iommu_rb_tree *tree, uint64_t first,
				    uint64_t second)
{
	struct iommu_rb_node *node = tree->root;

	while (node != NULL) {
		struct ioas_keyed *keyed = iommu_keyed_of(node);

		if (keyed->first == first && keyed->second == second)
			return keyed;
		node = node->child[is_before(keyed, first, second)];
	}
	return NULL;
}
