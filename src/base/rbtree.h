/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A red-black tree of embedded nodes, with an augmentation.
 *
 * The caller finds the place of a new node and links it; the tree balances. An augmentation is a
 * value in each node that depends on the node and its two children: `update` recomputes it, and the
 * tree calls it wherever children change. (Guibas and Sedgewick 1978; Cormen et al., "Introduction
 * to Algorithms", chapters "Red-Black Trees" and "Augmenting Data Structures".)
 *
 * No locks: the caller's. Nothing here allocates. Depth is at most 2 log2(n + 1).
 */
#ifndef IOMMU_BASE_RBTREE_H
#define IOMMU_BASE_RBTREE_H

#include <libiommu/rb_node.h>

/* Recompute a node's augmentation; true when it changed. */
typedef bool (*iommu_rb_update)(struct iommu_rb_node *node);

struct iommu_rb_tree {
	struct iommu_rb_node *root;
	iommu_rb_update update;
};

/* Make node a child of parent (NULL: the root of an empty tree), which has none on that side. */
void iommu_rb_insert(struct iommu_rb_tree *tree, struct iommu_rb_node *parent, bool right,
		     struct iommu_rb_node *node);
void iommu_rb_remove(struct iommu_rb_tree *tree, struct iommu_rb_node *node);

/* What a node's augmentation is made of has changed: recompute from it upwards, as far as needed.
 */
void iommu_rb_changed(struct iommu_rb_tree *tree, struct iommu_rb_node *node);

#endif
