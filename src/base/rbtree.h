/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A red-black tree of embedded nodes, with an augmentation.
 *
 * The caller finds the place of a new node and links it; the tree balances. An augmentation is a
 * value in each node that depends on the node and its two children: `update` recomputes it and says
 * whether it changed, and the tree calls it wherever children change. It is a parameter of inline
 * functions: a user that names a static function gets it inlined. (Guibas and Sedgewick 1978;
 * Cormen et al., "Introduction to Algorithms", chapters "Red-Black Trees" and "Augmenting Data
 * Structures".)
 *
 * Invariants: the root is black; a red node has no red child; every way from a node down to a
 * missing child passes the same number of black nodes; so depth is at most 2 log2(n + 1). Between
 * calls every value is up to date. Both sides are handled by one code with a side index.
 *
 * No locks: the caller's. Nothing here allocates.
 */
#ifndef IOMMU_BASE_RBTREE_H
#define IOMMU_BASE_RBTREE_H

#include <libiommu/types.h>

typedef bool (*iommu_rb_update)(struct iommu_rb_node *node);

struct iommu_rb_tree {
	struct iommu_rb_node *root;
};

static inline bool iommu_rb_is_red(const struct iommu_rb_node *node)
{
	return node != NULL && node->red;
}

/* Which child of its parent is this node? */
static inline unsigned int iommu_rb_side_of(const struct iommu_rb_node *node)
{
	return node->parent->child[1] == node;
}

/* What a node's value is made of has changed: recompute from it upwards, as far as needed. */
static inline void iommu_rb_changed(iommu_rb_update update, struct iommu_rb_node *node)
{
	while (node != NULL && update(node))
		node = node->parent;
}

/* The update of a tree without an augmentation. */
static inline bool iommu_rb_no_update(struct iommu_rb_node *node)
{
	(void)node;
	return false;
}

/* The node that follows in the tree's order, or NULL. */
static inline struct iommu_rb_node *iommu_rb_next(struct iommu_rb_node *node)
{
	if (node->child[1] != NULL) {
		node = node->child[1];
		while (node->child[0] != NULL)
			node = node->child[0];
		return node;
	}
	while (node->parent != NULL && iommu_rb_side_of(node) == 1)
		node = node->parent;
	return node->parent;
}

/* Put `node` where `old` hangs; what hung below either stays as it is. */
static inline void iommu_rb_replace_child(struct iommu_rb_tree *tree, struct iommu_rb_node *old,
					  struct iommu_rb_node *node)
{
	if (old->parent == NULL)
		tree->root = node;
	else
		old->parent->child[iommu_rb_side_of(old)] = node;
	if (node != NULL)
		node->parent = old->parent;
}

/* Turn so that `top` goes down to `side` and its other child comes up in its place. */
static inline void iommu_rb_rotate(struct iommu_rb_tree *tree, iommu_rb_update update,
				   struct iommu_rb_node *top, unsigned int side)
{
	struct iommu_rb_node *up = top->child[!side];

	iommu_rb_replace_child(tree, top, up);
	top->child[!side] = up->child[side];
	if (top->child[!side] != NULL)
		top->child[!side]->parent = top;
	up->child[side] = top;
	top->parent = up;
	/* The subtree as a whole holds the same nodes: nothing above changes. */
	(void)update(top);
	(void)update(up);
}

/* Make node a child of parent (NULL: the root of an empty tree), which has none on that side. */
static inline void iommu_rb_insert(struct iommu_rb_tree *tree, iommu_rb_update update,
				   struct iommu_rb_node *parent, bool right,
				   struct iommu_rb_node *node)
{
	*node = (struct iommu_rb_node){.parent = parent, .red = true};
	if (parent == NULL)
		tree->root = node;
	else
		parent->child[right] = node;
	(void)update(node);
	iommu_rb_changed(update, parent);

	for (parent = node->parent; parent != NULL && parent->red; parent = node->parent) {
		struct iommu_rb_node *grand = parent->parent; /* the root is black: there is one */
		const unsigned int side = iommu_rb_side_of(parent);
		struct iommu_rb_node *uncle = grand->child[!side];

		if (iommu_rb_is_red(uncle)) {
			parent->red = false;
			uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (iommu_rb_side_of(node) != side) {
			node = node->parent;
			iommu_rb_rotate(tree, update, node, side);
		}
		node->parent->red = false;
		grand->red = true;
		iommu_rb_rotate(tree, update, grand, !side);
	}
	tree->root->red = false;
}

/*
 * The way through `parent` on `side` lacks one black node. Mend it, or push the lack upwards.
 */
static inline void iommu_rb_mend_lack(struct iommu_rb_tree *tree, iommu_rb_update update,
				      struct iommu_rb_node *parent, unsigned int side)
{
	struct iommu_rb_node *node = NULL;

	while (parent != NULL && !iommu_rb_is_red(node)) {
		struct iommu_rb_node *sibling = parent->child[!side];

		if (sibling->red) {
			sibling->red = false;
			parent->red = true;
			iommu_rb_rotate(tree, update, parent, side);
			sibling = parent->child[!side];
		}
		if (!iommu_rb_is_red(sibling->child[0]) && !iommu_rb_is_red(sibling->child[1])) {
			sibling->red = true;
			node = parent;
			parent = node->parent;
			side = parent != NULL ? iommu_rb_side_of(node) : 0;
			continue;
		}
		if (!iommu_rb_is_red(sibling->child[!side])) {
			sibling->child[side]->red = false;
			sibling->red = true;
			iommu_rb_rotate(tree, update, sibling, !side);
			sibling = parent->child[!side];
		}
		sibling->red = parent->red;
		parent->red = false;
		sibling->child[!side]->red = false;
		iommu_rb_rotate(tree, update, parent, side);
		return;
	}
	if (node != NULL)
		node->red = false;
}

/*
 * Take out a node with two children: its successor, which has no left child, moves into its place.
 * Returns the colour of the place that went away; *parent and *side say where that was.
 */
static inline bool iommu_rb_remove_inner(struct iommu_rb_tree *tree, struct iommu_rb_node *node,
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
		iommu_rb_replace_child(tree, next, next->child[1]);
		next->child[1] = node->child[1];
		next->child[1]->parent = next;
	}
	iommu_rb_replace_child(tree, node, next);
	next->child[0] = node->child[0];
	next->child[0]->parent = next;
	next->red = node->red;
	return red;
}

static inline void iommu_rb_remove(struct iommu_rb_tree *tree, iommu_rb_update update,
				   struct iommu_rb_node *node)
{
	struct iommu_rb_node *parent = node->parent;
	struct iommu_rb_node *successor = NULL;
	struct iommu_rb_node *child, *up;
	unsigned int side;
	bool red = node->red;

	if (node->child[0] != NULL && node->child[1] != NULL) {
		red = iommu_rb_remove_inner(tree, node, &parent, &side);
		successor = node->child[0]->parent;
	} else {
		side = parent != NULL ? iommu_rb_side_of(node) : 0;
		child = node->child[0] != NULL ? node->child[0] : node->child[1];
		iommu_rb_replace_child(tree, node, child);
	}
	/* A successor that moved up has a stale value: all the way to it, whatever changes. */
	for (up = parent; successor != NULL && up != successor; up = up->parent)
		(void)update(up);
	if (successor != NULL) {
		(void)update(successor);
		up = successor->parent;
	}
	iommu_rb_changed(update, up);
	if (red)
		return;
	child = parent != NULL ? parent->child[side] : tree->root;
	if (iommu_rb_is_red(child))
		child->red = false;
	else
		iommu_rb_mend_lack(tree, update, parent, side);
}

#endif
