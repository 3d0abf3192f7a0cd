/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The red-black tree with an augmentation, by exhaustion: every order in which up to 6 nodes are
 * put in, and for each every order in which they are taken out again. After each step the
 * invariants at the head of base/rbtree.h hold, keys are in order, parents are right, and each
 * node's value is that of its subtree.
 */
#include "base/rbtree.h"
#include "test.h"

#define MOST 6U

struct item {
	struct iommu_rb_node node; /* first */
	unsigned int key, weight, sum;
};

static struct iommu_rb_tree tree;
static struct item items[MOST];

static struct item *item_of(struct iommu_rb_node *node)
{
	return (struct item *)(void *)node;
}

static unsigned int sum_of(struct iommu_rb_node *node)
{
	return node == NULL ? 0 : item_of(node)->sum;
}

static bool update(struct iommu_rb_node *node)
{
	struct item *item = item_of(node);
	const unsigned int sum = item->weight + sum_of(node->child[0]) + sum_of(node->child[1]);
	const bool changed = sum != item->sum;

	item->sum = sum;
	return changed;
}

static void insert(struct item *item)
{
	struct iommu_rb_node *parent = NULL, *at = tree.root;
	bool right = false;

	while (at != NULL) {
		parent = at;
		right = item->key > item_of(at)->key;
		at = at->child[right];
	}
	iommu_rb_insert(&tree, update, parent, right, &item->node);
}

/* The black nodes on every way down. */
static unsigned int check_below(struct iommu_rb_node *node, unsigned int *count)
{
	unsigned int left, right;

	if (node == NULL)
		return 0;
	++*count;
	for (unsigned int side = 0; side < 2; side++) {
		struct iommu_rb_node *child = node->child[side];

		if (child == NULL)
			continue;
		assert_ptr_equal(child->parent, node);
		assert_false(node->red && child->red);
		assert_int_equal(item_of(child)->key > item_of(node)->key, side);
	}
	left = check_below(node->child[0], count);
	right = check_below(node->child[1], count);
	assert_int_equal(left, right);
	assert_int_equal(item_of(node)->sum,
			 item_of(node)->weight + sum_of(node->child[0]) + sum_of(node->child[1]));
	return left + !node->red;
}

static void check(unsigned int expected)
{
	unsigned int count = 0;

	if (tree.root != NULL)
		assert_true(!tree.root->red && tree.root->parent == NULL);
	(void)check_below(tree.root, &count);
	assert_int_equal(count, expected);
}

/* The next order of `count` numbers, as they are listed in a dictionary; false: it was the last. */
static bool next_order(unsigned int *order, unsigned int count)
{
	unsigned int i = count - 1, k = count - 1, held;

	while (i != 0 && order[i - 1] >= order[i])
		i--;
	if (i == 0)
		return false;
	while (order[k] <= order[i - 1])
		k--;
	held = order[i - 1];
	order[i - 1] = order[k];
	order[k] = held;
	for (k = count - 1; i < k; i++, k--) {
		held = order[i];
		order[i] = order[k];
		order[k] = held;
	}
	return true;
}

static void put_in(const unsigned int *order, unsigned int count, bool checks)
{
	tree.root = NULL;
	for (unsigned int i = 0; i < count; i++) {
		/* Weights of which each sum of some tells of which. */
		items[i] = (struct item){.key = order[i], .weight = 1U << order[i]};
		insert(&items[i]);
		if (checks)
			check(i + 1);
	}
}

static void take_out(const unsigned int *order, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		iommu_rb_remove(&tree, update, &items[order[i]].node);
		check(count - i - 1);
	}
}

static void every_order_of_in_and_out(void **state)
{
	unsigned int in[MOST], out[MOST], orders = 0;

	(void)state;
	for (unsigned int count = 1; count <= MOST; count++) {
		for (unsigned int i = 0; i < count; i++)
			in[i] = i;
		do {
			for (unsigned int i = 0; i < count; i++)
				out[i] = i;
			put_in(in, count, true);
			do {
				put_in(in, count, false);
				take_out(out, count);
				orders++;
			} while (next_order(out, count));
		} while (next_order(in, count));
	}
	assert_int_equal(orders, 1 + 4 + 36 + 576 + 14400 + 518400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_in_and_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
