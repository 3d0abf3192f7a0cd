/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Things that are found by two numbers, of which a manager or a guest may make as many as it is allowed: a red-black tree, so
 * that a look-up under a spinlock stays short. Several may have the same numbers. The locks and the memory are the caller's.
 */
#ifndef IOMMU_IOAS_KEYED_H
#define IOMMU_IOAS_KEYED_H

#include <stddef.h>

#include "base/list.h"
#include "base/rbtree.h"

struct ioas_keyed {
	struct iommu_rb_node node;
	uint64_t first, second;
};

static inline struct ioas_keyed *iommu_keyed_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct ioas_keyed, node);
}

static inline bool iommu_keyed_update(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

static inline bool iommu_keyed_is_before(const struct ioas_keyed *keyed, uint64_t first,
					 uint64_t second)
{
	return keyed->first != first ? keyed->first < first : keyed->second < second;
}

/* Its numbers are filled in. */
static inline void iommu_keyed_insert(struct iommu_rb_tree *tree, struct ioas_keyed *keyed)
{
	struct iommu_rb_node *parent = NULL, *node = tree->root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = iommu_keyed_is_before(iommu_keyed_of(node), keyed->first, keyed->second);
		node = node->child[right];
	}
	iommu_rb_insert(tree, iommu_keyed_update, parent, right, &keyed->node);
}

static inline void iommu_keyed_remove(struct iommu_rb_tree *tree, struct ioas_keyed *keyed)
{
	iommu_rb_remove(tree, iommu_keyed_update, &keyed->node);
}

/* One with these numbers; NULL: there is none. */
static inline struct ioas_keyed *iommu_keyed_find(const struct iommu_rb_tree *tree, uint64_t first,
						  uint64_t second)
{
	struct iommu_rb_node *node = tree->root;

	while (node != NULL) {
		struct ioas_keyed *keyed = iommu_keyed_of(node);

		if (keyed->first == first && keyed->second == second)
			return keyed;
		node = node->child[iommu_keyed_is_before(keyed, first, second)];
	}
	return NULL;
}

#endif
