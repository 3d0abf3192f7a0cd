/* SPDX-License-Identifier: BSD-2-Clause */
#include "ioas/tree.h"

/* --- Intervals -------------------------------------------------------------------------------- */

static struct ioas_interval *interval_of(const struct iommu_rb_node *node)
{
	return node != NULL ? iommu_container_of((uintptr_t)node, struct ioas_interval, node)
			    : NULL;
}

static bool update_interval(struct iommu_rb_node *node)
{
	struct ioas_interval *interval = interval_of(node);
	uint64_t last = interval->last;
	bool changed;

	for (unsigned int side = 0; side < 2; side++) {
		const struct ioas_interval *child = interval_of(node->child[side]);

		if (child != NULL && child->subtree_last > last)
			last = child->subtree_last;
	}
	changed = last != interval->subtree_last;
	interval->subtree_last = last;
	return changed;
}

void iommu_interval_insert(struct iommu_rb_tree *tree, struct ioas_interval *interval)
{
	struct iommu_rb_node *parent = NULL, *node = tree->root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = interval->first >= interval_of(node)->first;
		node = node->child[right];
	}
	iommu_rb_insert(tree, update_interval, parent, right, &interval->node);
}

void iommu_interval_remove(struct iommu_rb_tree *tree, struct ioas_interval *interval)
{
	iommu_rb_remove(tree, update_interval, &interval->node);
}

/* The leftmost below a node that touches [first, last]. */
static struct ioas_interval *leftmost(const struct iommu_rb_node *node, uint64_t first,
				      uint64_t last)
{
	while (node != NULL) {
		const struct ioas_interval *left = interval_of(node->child[0]);
		struct ioas_interval *here = interval_of(node);

		/* If anything on the left reaches `first`, the answer is there or nowhere. */
		if (left != NULL && left->subtree_last >= first) {
			node = node->child[0];
			continue;
		}
		if (here->first > last)
			return NULL;
		if (here->last >= first)
			return here;
		node = node->child[1];
	}
	return NULL;
}

struct ioas_interval *iommu_interval_first(const struct iommu_rb_tree *tree, uint64_t first,
					   uint64_t last)
{
	if (tree->root == NULL || interval_of(tree->root)->subtree_last < first)
		return NULL;
	return leftmost(tree->root, first, last);
}

struct ioas_interval *iommu_interval_next(const struct ioas_interval *interval, uint64_t first,
					  uint64_t last)
{
	const struct iommu_rb_node *node = &interval->node;
	struct ioas_interval *found;

	for (;;) {
		const struct ioas_interval *right = interval_of(node->child[1]);

		if (right != NULL && right->subtree_last >= first) {
			found = leftmost(&right->node, first, last);
			if (found != NULL)
				return found;
		}
		/* Up, to the first ancestor that this is on the left of. */
		while (node->parent != NULL && iommu_rb_side_of(node) == 1)
			node = node->parent;
		node = node->parent;
		if (node == NULL || interval_of(node)->first > last)
			return NULL;
		if (interval_of(node)->last >= first)
			return interval_of(node);
	}
}

/* --- By two numbers --------------------------------------------------------------------------- */

static bool update_nothing(struct iommu_rb_node *node)
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
	iommu_rb_insert(tree, update_nothing, parent, right, &keyed->node);
}

void iommu_keyed_remove(struct iommu_rb_tree *tree, struct ioas_keyed *keyed)
{
	iommu_rb_remove(tree, update_nothing, &keyed->node);
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
