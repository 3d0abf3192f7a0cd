/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invariants: the root is black; a red node has no red child; every way from a node down to a
 * missing child passes the same number of black nodes. Both sides are handled by one code with a
 * side index.
 */
#include "base/rbtree.h"

static bool is_red(const struct iommu_rb_node *node)
{
	return node != NULL && node->red;
}

/* Which child of its parent is this node? */
static unsigned int side_of(const struct iommu_rb_node *node)
{
	return node->parent->child[1] == node;
}

void iommu_rb_changed(struct iommu_rb_tree *tree, struct iommu_rb_node *node)
{
	while (node != NULL && tree->update(node))
		node = node->parent;
}

/* Put `node` where `old` hangs; what hung below either stays as it is. */
static void replace_child(struct iommu_rb_tree *tree, struct iommu_rb_node *old,
			  struct iommu_rb_node *node)
{
	if (old->parent == NULL)
		tree->root = node;
	else
		old->parent->child[side_of(old)] = node;
	if (node != NULL)
		node->parent = old->parent;
}

/* Turn so that `top` goes down to `side` and its other child comes up in its place. */
static void rotate(struct iommu_rb_tree *tree, struct iommu_rb_node *top, unsigned int side)
{
	struct iommu_rb_node *up = top->child[!side];

	replace_child(tree, top, up);
	top->child[!side] = up->child[side];
	if (top->child[!side] != NULL)
		top->child[!side]->parent = top;
	up->child[side] = top;
	top->parent = up;
	/* The subtree as a whole holds the same nodes: nothing above changes. */
	(void)tree->update(top);
	(void)tree->update(up);
}

void iommu_rb_insert(struct iommu_rb_tree *tree, struct iommu_rb_node *parent, bool right,
		     struct iommu_rb_node *node)
{
	*node = (struct iommu_rb_node){.parent = parent, .red = true};
	if (parent == NULL)
		tree->root = node;
	else
		parent->child[right] = node;
	(void)tree->update(node);
	iommu_rb_changed(tree, parent);

	while (is_red(node->parent)) {
		struct iommu_rb_node *grand = node->parent->parent;
		const unsigned int side = side_of(node->parent);
		struct iommu_rb_node *uncle = grand->child[!side];

		if (is_red(uncle)) {
			node->parent->red = false;
			uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (side_of(node) != side) {
			node = node->parent;
			rotate(tree, node, side);
		}
		node->parent->red = false;
		grand->red = true;
		rotate(tree, grand, !side);
	}
	tree->root->red = false;
}

/*
 * The way through `parent` on `side` lacks one black node. Mend it, or push the lack upwards.
 */
static void mend_lack(struct iommu_rb_tree *tree, struct iommu_rb_node *parent, unsigned int side)
{
	struct iommu_rb_node *node = NULL;

	while (parent != NULL && !is_red(node)) {
		struct iommu_rb_node *sibling = parent->child[!side];

		if (sibling->red) {
			sibling->red = false;
			parent->red = true;
			rotate(tree, parent, side);
			sibling = parent->child[!side];
		}
		if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
			sibling->red = true;
			node = parent;
			parent = node->parent;
			side = parent != NULL ? side_of(node) : 0;
			continue;
		}
		if (!is_red(sibling->child[!side])) {
			sibling->child[side]->red = false;
			sibling->red = true;
			rotate(tree, sibling, !side);
			sibling = parent->child[!side];
		}
		sibling->red = parent->red;
		parent->red = false;
		sibling->child[!side]->red = false;
		rotate(tree, parent, side);
		return;
	}
	if (node != NULL)
		node->red = false;
}

/*
 * Take out a node with two children: its successor, which has no left child, moves into its place.
 * Returns the colour of the place that went away; *parent and *side say where that was.
 */
static bool remove_inner(struct iommu_rb_tree *tree, struct iommu_rb_node *node,
			 struct iommu_rb_node **parent, unsigned int *side)
{
	struct iommu_rb_node *next = node->child[1];
	bool red;

	while (next->child[0] != NULL)
		next = next->child[0];
	red = next->red;
	*parent = next;
	*side = 1;
	if (next->parent != node) {
		*parent = next->parent;
		*side = 0;
		replace_child(tree, next, next->child[1]);
		next->child[1] = node->child[1];
		next->child[1]->parent = next;
	}
	replace_child(tree, node, next);
	next->child[0] = node->child[0];
	next->child[0]->parent = next;
	next->red = node->red;
	return red;
}

void iommu_rb_remove(struct iommu_rb_tree *tree, struct iommu_rb_node *node)
{
	struct iommu_rb_node *parent = node->parent;
	struct iommu_rb_node *child, *up;
	unsigned int side;
	bool red = node->red;

	if (node->child[0] != NULL && node->child[1] != NULL) {
		red = remove_inner(tree, node, &parent, &side);
	} else {
		side = parent != NULL ? side_of(node) : 0;
		child = node->child[0] != NULL ? node->child[0] : node->child[1];
		replace_child(tree, node, child);
	}
	/* All the way: the successor that moved up has a stale augmentation. */
	for (up = parent; up != NULL; up = up->parent)
		(void)tree->update(up);
	if (red)
		return;
	child = parent != NULL ? parent->child[side] : tree->root;
	if (is_red(child))
		child->red = false;
	else
		mend_lack(tree, parent, side);
}
