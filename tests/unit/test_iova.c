/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOVA spaces: arguments and bounds; then random operations on a small space against a bitmap, with
 * the tree's own invariants and its augmentation checked after every step; then threads.
 *
 * IOMMU_TEST_OPERATIONS and IOMMU_TEST_SEED change length and sequence.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "iova/space.h"
#include "test.h"
#include "test_platform.h"

/* --- The tree, checked from outside ----------------------------------------------------------- */

struct subtree {
	uint64_t gap;
	int order;
	unsigned int black_height;
	uint64_t nodes;
};

static struct subtree check_subtree(const struct iommu_rb_node *node)
{
	const struct iommu_iova_range *range;
	struct subtree s = {.order = -1, .black_height = 1}, child[2];
	unsigned int side;
	uint64_t first;

	if (node == NULL)
		return s;
	range = iommu_iova_range_of(node);
	for (side = 0; side < 2; side++) {
		if (node->child[side] != NULL) {
			assert_ptr_equal(node->child[side]->parent, node);
			assert_false(node->red && node->child[side]->red);
		}
		child[side] = check_subtree(node->child[side]);
	}
	assert_int_equal(child[0].black_height, child[1].black_height);
	first = range->previous->last + 1;
	s.gap = range->first - first;
	s.order = iommu_iova_block_order(first, s.gap);
	for (side = 0; side < 2; side++) {
		s.gap = child[side].gap > s.gap ? child[side].gap : s.gap;
		s.order = child[side].order > s.order ? child[side].order : s.order;
	}
	assert_int_equal(range->subtree_gap, s.gap);
	assert_int_equal(range->subtree_order, s.order);
	s.black_height = child[0].black_height + !node->red;
	s.nodes = child[0].nodes + child[1].nodes + 1;
	return s;
}

/* Tree and list agree, and the space tiles exactly. A parked range stays parked. */
static void check_tree(const struct iommu_iova_space *space)
{
	const struct iommu_iova_range *range;
	uint64_t taken = 0, free = 0, ranges = 0;
	struct subtree s = check_subtree(space->tree.root);

	for (range = space->begin.next;; range = range->next) {
		assert_ptr_equal(range->next == NULL ? range : range->next->previous, range);
		assert_true(range->first >= range->previous->last + 1);
		free += range->first - (range->previous->last + 1);
		if (range == &space->end)
			break;
		taken += range->last - range->first + 1;
		ranges++;
	}
	assert_int_equal(s.nodes, ranges + 1);
	assert_int_equal(space->ranges, ranges);
	assert_int_equal(space->taken, taken);
	assert_int_equal(taken + free, space->last - space->first + 1);
	assert_true(!space->is_parked || space->latest != NULL);
}

/* And the space says so; nothing is parked afterwards. */
static void check_space(struct iommu_iova_space *space)
{
	struct iommu_iova_stats stats;
	struct subtree s;

	iommu_iova_get_stats(space, &stats);
	assert_false(space->is_parked);
	check_tree(space);
	s = check_subtree(space->tree.root);
	assert_int_equal(stats.ranges, space->ranges);
	assert_int_equal(stats.taken, space->taken);
	assert_int_equal(stats.taken + stats.free, space->last - space->first + 1);
	assert_int_equal(stats.largest_gap, s.gap);
	assert_int_equal(stats.largest_block, s.order < 0 ? 0 : 1ULL << s.order);
}

static struct iommu_iova_space *new_space(struct test_platform *test, uint64_t first, uint64_t last)
{
	const struct iommu_iova_config config = {
		.platform = &test->platform, .granule = 4096, .first = first, .last = last};
	struct iommu_iova_space *space = NULL;

	assert_int_equal(iommu_iova_space_create(&config, &space), 0);
	return space;
}

/* --- Arguments and ends ----------------------------------------------------------------------- */

static void the_order_of_a_block_is_exact(void **state)
{
	uint64_t first, size;

	(void)state;
	assert_int_equal(iommu_iova_block_order(0, 0), -1);
	assert_int_equal(iommu_iova_block_order(0, 1ULL << 52), 52);
	assert_int_equal(iommu_iova_block_order(1, (1ULL << 52) - 1), 51);
	for (first = 0; first < 70; first++)
		for (size = 1; size < 70; size++) {
			int order, best = -1;

			for (order = 0; order < 7; order++) {
				uint64_t block = 1ULL << order;
				uint64_t start = (first + block - 1) / block * block;

				if (start + block <= first + size)
					best = order;
			}
			assert_int_equal(iommu_iova_block_order(first, size), best);
		}
}

static void bad_spaces_are_refused(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_config config;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
#define REFUSED(g, f, l)                                                                           \
	config = (struct iommu_iova_config){                                                       \
		.platform = &test.platform, .granule = g, .first = f, .last = l};                  \
	assert_int_equal(iommu_iova_space_create(&config, &space), IOMMU_EINVAL)
	REFUSED(0, 0, 1);
	REFUSED(2048, 0, 1);
	REFUSED(4097, 0, 1);
	REFUSED(2ULL << 30, 0, 1);
	REFUSED(4096, 2, 1);
	REFUSED(4096, 0, 1ULL << 52);
	REFUSED(1ULL << 30, 0, 1ULL << 34);
	config = (struct iommu_iova_config){.granule = 4096, .last = 1};
	assert_int_equal(iommu_iova_space_create(&config, &space), IOMMU_EINVAL);
	config = (struct iommu_iova_config){.platform = &test.platform, .granule = 4096, .last = 1};
	test.fail_after = 1;
	assert_int_equal(iommu_iova_space_create(&config, &space), IOMMU_ENOMEM);
	test_platform_destroy(&test);
}

static void bad_requests_are_refused(void **state)
{
	static const struct {
		struct iommu_iova_request request;
		int status;
	} cases[] = {
		{{.size = 0, .limit = 99}, IOMMU_EINVAL},
		{{.size = 1, .limit = 99, .alignment = 3}, IOMMU_EINVAL},
		{{.size = 1, .limit = 99, .boundary = 3}, IOMMU_EINVAL},
		{{.size = 5, .limit = 99, .boundary = 4}, IOMMU_EINVAL},
		{{.size = 1, .lowest = 5, .limit = 4}, IOMMU_EINVAL},
		{{.size = 1, .lowest = 100, .limit = 200}, IOMMU_ENOSPC},
		{{.size = 1, .limit = 9}, IOMMU_ENOSPC}, /* before the first granule */
		{{.size = 91, .limit = UINT64_MAX}, IOMMU_ENOSPC},
		{{.size = UINT64_MAX, .limit = UINT64_MAX}, IOMMU_ENOSPC},
		{{.size = 1, .limit = 99, .alignment = 1ULL << 63}, IOMMU_ENOSPC},
		{{.size = 1, .limit = 99, .alignment = 128}, IOMMU_ENOSPC},
	};
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range;
	size_t i;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 10, 99);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(iommu_iova_alloc(space, &cases[i].request, &range),
				 cases[i].status);
	assert_int_equal(iommu_iova_reserve(space, 11, 10, 0, NULL), IOMMU_EINVAL);
	assert_int_equal(iommu_iova_reserve(space, 9, 10, 0, NULL), IOMMU_ERANGE);
	assert_int_equal(iommu_iova_reserve(space, 99, 100, 0, NULL), IOMMU_ERANGE);
	assert_int_equal(iommu_iova_free_at(space, 50), IOMMU_ENOENT);
	assert_int_equal(iommu_iova_free_at(space, 500), IOMMU_ENOENT);
	assert_null(iommu_iova_find(space, 500));
	assert_int_equal(iommu_iova_reserve(space, 10, 99, 0, &range), 0); /* all of it */
	assert_int_equal(iommu_iova_alloc(space,
					  &(struct iommu_iova_request){.size = 1, .limit = 99},
					  &range),
			 IOMMU_ENOSPC);
	check_space(space);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

/* The whole 64-bit space of each granule, from the top. */
/* Memory of the caller is put where it says, or nowhere; ranges are found from outside, too. */
static void ranges_are_placed_and_found_within_the_space(void **state)
{
	struct test_platform test;
	struct iommu_iova_range one = {.reserved = true}, other = {.reserved = true};
	struct iommu_iova_space *space, *copy;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 16, 63);
	copy = new_space(&test, 0, 63);
	assert_int_equal(iommu_iova_place_at(space, 21, 20, &one), IOMMU_EINVAL);
	assert_int_equal(iommu_iova_place_at(space, 15, 20, &one), IOMMU_ERANGE);
	assert_int_equal(iommu_iova_place_at(space, 60, 64, &one), IOMMU_ERANGE);
	assert_null(iommu_iova_find_from(space, 0));
	assert_int_equal(iommu_iova_place_at(space, 16, 20, &one), 0);
	assert_int_equal(iommu_iova_place_at(space, 20, 30, &other), IOMMU_EEXIST);
	assert_int_equal(iommu_iova_place_at(space, 60, 63, &other), 0);
	assert_ptr_equal(iommu_iova_find_from(space, 0), &one);
	assert_ptr_equal(iommu_iova_find_from(space, 20), &one);
	assert_ptr_equal(iommu_iova_find_from(space, 21), &other);
	assert_ptr_equal(iommu_iova_find_from(space, 63), &other);
	assert_null(iommu_iova_find_from(space, 64));
	assert_null(iommu_iova_find_from(space, UINT64_MAX));
	/* Whatever the memory was before: none of this is reserved. */
	assert_int_equal(iommu_iova_copy_reserved(copy, space), 0);
	assert_null(iommu_iova_next(copy, NULL));
	iommu_iova_space_destroy(copy);
	iommu_iova_remove(space, &one);
	iommu_iova_remove(space, &other);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

static void the_whole_space_can_be_used(void **state)
{
	uint64_t granule;

	(void)state;
	for (granule = 4096; granule <= 1ULL << 30; granule *= 2) {
		struct test_platform test;
		const uint64_t last = UINT64_MAX / granule;
		const struct iommu_iova_config config = {
			.platform = &test.platform, .granule = granule, .last = last};
		struct iommu_iova_space *space;
		struct iommu_iova_range *range;

		test_platform_init(&test, 1 << 20, 0);
		assert_int_equal(iommu_iova_space_create(&config, &space), 0);
		assert_int_equal(iommu_iova_alloc(space,
						  &(struct iommu_iova_request){.size = 1,
									       .limit = UINT64_MAX},
						  &range),
				 0);
		assert_int_equal(range->last, last);
		assert_int_equal(range->last * granule + (granule - 1), UINT64_MAX);
		assert_int_equal(iommu_iova_alloc(space,
						  &(struct iommu_iova_request){.size = last,
									       .limit = UINT64_MAX},
						  &range),
				 0);
		assert_int_equal(range->first, 0);
		check_space(space);
		assert_int_equal(iommu_iova_free_at(space, 0), 0);
		assert_int_equal(iommu_iova_free_at(space, 0), IOMMU_ENOENT); /* twice */
		/* The one multiple of an alignment beyond all granules. */
		assert_int_equal(
			iommu_iova_alloc(space,
					 &(struct iommu_iova_request){.size = 1,
								      .alignment = 1ULL << 60,
								      .limit = UINT64_MAX},
					 &range),
			0);
		assert_int_equal(range->first, 0);
		iommu_iova_space_destroy(space);
		test_platform_destroy(&test);
	}
}

static void reservations_are_merged_and_copied(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space, *other;
	struct iommu_iova_range *range, *a;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 0, 999);
	other = new_space(&test, 20, 500);
	assert_int_equal(iommu_iova_reserve(space, 10, 19, 0, &a), 0);
	assert_int_equal(iommu_iova_reserve(space, 30, 39, 0, NULL), 0);
	assert_int_equal(iommu_iova_reserve(space, 39, 45, 0, NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_iova_reserve(space, 5, 10, 0, NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_iova_reserve(space, 15, 34, IOMMU_IOVA_MERGE, &range), 0);
	assert_int_equal(range->first, 10);
	assert_int_equal(range->last, 39);
	assert_int_equal(iommu_iova_reserve(space, 12, 13, IOMMU_IOVA_MERGE, &range), 0);
	assert_int_equal(range->last, 39);
	check_space(space);
	/* Not over an allocation. */
	assert_int_equal(
		iommu_iova_alloc(
			space, &(struct iommu_iova_request){.size = 10, .lowest = 50, .limit = 59},
			&a),
		0);
	assert_int_equal(iommu_iova_reserve(space, 35, 50, IOMMU_IOVA_MERGE, NULL), IOMMU_EEXIST);
	assert_int_equal(iommu_iova_reserve(space, 490, 600, 0, NULL), 0);
	check_space(space);

	assert_int_equal(iommu_iova_copy_reserved(other, space), 0);
	range = iommu_iova_next(other, NULL);
	assert_int_equal(range->first, 20); /* cut to the other space */
	assert_int_equal(range->last, 39);
	range = iommu_iova_next(other, range);
	assert_int_equal(range->first, 490);
	assert_int_equal(range->last, 500);
	assert_null(iommu_iova_next(other, range));
	check_space(other);
	test.fail_after = 1;
	iommu_iova_free(space, iommu_iova_find(space, 490));
	test.fail_after = 0;
	check_space(space);
	iommu_iova_space_destroy(space);
	iommu_iova_space_destroy(other);
	test_platform_destroy(&test);
}

#define LOW_LAST ((1ULL << 20) - 1)

static int alloc_low_first(struct iommu_iova_space *space, uint64_t size, uint64_t alignment,
			   struct iommu_iova_range **range)
{
	return iommu_iova_alloc(space,
				&(struct iommu_iova_request){.size = size,
							     .alignment = alignment,
							     .limit = UINT64_MAX,
							     .flags = IOMMU_IOVA_LOW_FIRST},
				range);
}

static void low_addresses_go_first_and_failures_are_remembered(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range, *hole;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 1, 1ULL << 30);
	assert_int_equal(alloc_low_first(space, 8, 8, &range), 0);
	assert_int_equal(range->last, LOW_LAST);
	iommu_iova_free(space, range);
	/* All but 6 granules below 4 GiB. */
	assert_int_equal(iommu_iova_reserve(space, 1, LOW_LAST - 10, 0, NULL), 0);
	assert_int_equal(iommu_iova_reserve(space, LOW_LAST - 3, LOW_LAST, 0, &hole), 0);
	assert_int_equal(space->low_failed_natural, UINT64_MAX);
	assert_int_equal(alloc_low_first(space, 8, 8, &range), 0);
	assert_true(range->first > LOW_LAST); /* no place below: above, then */
	assert_int_equal(space->low_failed_natural, 8);
	assert_int_equal(space->low_failed_plain, UINT64_MAX); /* another question */
	assert_int_equal(alloc_low_first(space, 7, 1, &range), 0);
	assert_true(range->first > LOW_LAST);
	assert_int_equal(space->low_failed_plain, 7);
	/* A request that must be below fails fast; a smaller one is tried, and fits. */
	assert_int_equal(
		iommu_iova_alloc(space, &(struct iommu_iova_request){.size = 9, .limit = LOW_LAST},
				 &range),
		IOMMU_ENOSPC);
	assert_int_equal(alloc_low_first(space, 4, 4, &range), 0);
	assert_true(range->last <= LOW_LAST);
	/* A failure within narrower bounds says nothing about the rest. */
	assert_int_equal(iommu_iova_alloc(space,
					  &(struct iommu_iova_request){.size = 1, .limit = 100},
					  &range),
			 IOMMU_ENOSPC);
	assert_int_equal(space->low_failed_plain, 7);
	/* Freeing above 4 GiB changes nothing; freeing below forgets. */
	assert_int_equal(alloc_low_first(space, 64, 64, &range), 0);
	iommu_iova_free(space, range);
	assert_int_equal(space->low_failed_natural, 8);
	iommu_iova_free(space, hole);
	assert_int_equal(space->low_failed_natural, UINT64_MAX);
	assert_int_equal(space->low_failed_plain, UINT64_MAX);
	assert_int_equal(alloc_low_first(space, 4, 4, &range), 0);
	assert_int_equal(range->last, LOW_LAST);
	check_space(space);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

/* --- The parked range ------------------------------------------------------------------------- */

static struct iommu_iova_range *alloc_one(struct iommu_iova_space *space, uint64_t size)
{
	const struct iommu_iova_request request = {.size = size, .limit = UINT64_MAX};
	struct iommu_iova_range *range = NULL;

	assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
	return range;
}

/* Free, and be sure that it is parked. */
static uint64_t park(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	const uint64_t first = range->first;

	iommu_iova_free(space, range);
	assert_true(space->is_parked);
	return first;
}

static void what_was_placed_last_comes_back_to_the_same_request(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range, *other;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 1, 1000);
	range = alloc_one(space, 4);
	assert_int_equal(park(space, range), 997);
	assert_ptr_equal(alloc_one(space, 4), range);
	assert_false(space->is_parked);
	assert_int_equal(iommu_iova_free_at(space, 997), 0);
	assert_true(space->is_parked);
	/* Another request sees that its place is free. */
	assert_int_equal(alloc_one(space, 2)->first, 999);
	check_space(space);
	/* Of two, the one that was placed first leaves a place that is better. */
	other = alloc_one(space, 3);
	range = alloc_one(space, 3);
	assert_int_equal(other->first, 996);
	iommu_iova_free(space, other);
	iommu_iova_free(space, range);
	assert_false(space->is_parked);
	assert_int_equal(alloc_one(space, 3)->first, 996);
	other = alloc_one(space, 3);
	park(space, other);
	assert_int_equal(iommu_iova_free_at(space, 996), 0);
	assert_int_equal(alloc_one(space, 3)->first, 996);
	check_space(space);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

static void each_part_of_a_request_must_be_the_same(void **state)
{
	const struct iommu_iova_request request = {.size = 4, .limit = UINT64_MAX};
	/* With the first granule that each gets of 1 to 1000. */
	const struct {
		struct iommu_iova_request request;
		uint64_t first;
	} others[] = {
		{{.size = 3, .limit = UINT64_MAX}, 998},
		{{.size = 4, .alignment = 4, .limit = UINT64_MAX}, 996},
		{{.size = 4, .boundary = 8, .limit = UINT64_MAX}, 996},
		{{.size = 4, .limit = 500}, 497},
		{{.size = 4, .limit = UINT64_MAX, .flags = IOMMU_IOVA_BOTTOM_UP}, 1},
	};
	const struct iommu_iova_request nowhere = {.size = 4, .lowest = 998, .limit = UINT64_MAX};
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range;
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 1, 1000);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
		park(space, range);
		assert_int_equal(iommu_iova_alloc(space, &others[i].request, &range), 0);
		assert_int_equal(range->first, others[i].first);
		iommu_iova_free(space, range);
		check_space(space);
	}
	assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
	park(space, range);
	assert_int_equal(iommu_iova_alloc(space, &nowhere, &range), IOMMU_ENOSPC);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

/*
 * Many gaps that might do and do not: then one that is certain to, by its block of the next power
 * of two or by its room to align in, is found.
 */
static void a_gap_that_is_certain_to_fit_is_found(void **state)
{
	static const struct {
		struct iommu_iova_request request;
		uint64_t first, last; /* the gap */
		uint64_t place;
	} cases[] = {
		{{.size = 3, .alignment = 2, .boundary = 8, .limit = UINT64_MAX}, 96, 99, 96},
		{{.size = 3, .alignment = 2, .limit = UINT64_MAX}, 96, 99, 96},
		{{.size = 3, .alignment = 2, .limit = UINT64_MAX}, 97, 100, 98},
		{{.size = 3, .alignment = 2, .boundary = 4, .limit = UINT64_MAX}, 96, 99, 96},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned int up = 0; up < 2; up++) {
			struct iommu_iova_request request = cases[i].request;
			struct test_platform test;
			struct iommu_iova_space *space;
			struct iommu_iova_range *range;
			uint64_t next = 1;

			test_platform_init(&test, 1 << 20, 0);
			space = new_space(&test, 1, 1000);
			request.flags = up != 0 ? IOMMU_IOVA_BOTTOM_UP : 0;
			/* Odd gaps of three on the side where the search begins. */
			for (uint64_t gap = 0; gap < 2 * IOMMU_IOVA_CANDIDATES + 1; gap++) {
				const bool is_it = gap == (up != 0 ? 2 * IOMMU_IOVA_CANDIDATES : 0);
				const uint64_t shift = up != 0 ? 512 : 0;
				const uint64_t first =
					is_it ? cases[i].first + shift : 101 + 16 * gap;
				const uint64_t last = is_it ? cases[i].last + shift : first + 2;

				assert_int_equal(
					iommu_iova_reserve(space, next, first - 1, 0, &range), 0);
				next = last + 1;
			}
			assert_int_equal(iommu_iova_reserve(space, next, 1000, 0, &range), 0);
			assert_int_equal(iommu_iova_alloc(space, &request, &range), 0);
			assert_int_equal(range->first, cases[i].place + (up != 0 ? 512 : 0));
			iommu_iova_space_destroy(space);
			test_platform_destroy(&test);
		}
}

static void a_parked_range_is_free_for_all_calls(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space, *other;
	struct iommu_iova_range *range;
	struct iommu_iova_stats stats;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 1, 1000);
	other = new_space(&test, 1, 1000);
	park(space, alloc_one(space, 4));
	assert_int_equal(iommu_iova_free_at(space, 997), IOMMU_ENOENT);
	park(space, alloc_one(space, 4));
	assert_null(iommu_iova_find(space, 998));
	park(space, alloc_one(space, 4));
	assert_null(iommu_iova_find_from(space, 5));
	park(space, alloc_one(space, 4));
	assert_null(iommu_iova_next(space, NULL));
	park(space, alloc_one(space, 4));
	iommu_iova_get_stats(space, &stats);
	assert_int_equal(stats.ranges, 0);
	assert_int_equal(stats.free, 1000);
	assert_int_equal(stats.largest_gap, 1000);
	/* A copy walks what nothing takes out meanwhile. */
	park(space, alloc_one(space, 4));
	assert_int_equal(iommu_iova_copy_reserved(other, space), 0);
	assert_false(space->is_parked);
	park(space, alloc_one(space, 4));
	assert_int_equal(iommu_iova_reserve(space, 996, 999, 0, &range), 0);
	check_space(space);
	iommu_iova_free(space, range);
	park(space, alloc_one(space, 4));
	/* And goes with the space. */
	iommu_iova_space_destroy(space);
	iommu_iova_space_destroy(other);
	test_platform_destroy(&test);
}

static void a_reservation_is_no_answer_to_a_request(void **state)
{
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_range *range;

	(void)state;
	test_platform_init(&test, 1 << 20, 0);
	space = new_space(&test, 1, 1000);
	range = alloc_one(space, 4);
	assert_int_equal(iommu_iova_reserve(space, 10, 13, 0, NULL), 0);
	/* Nothing is kept of the request when something else was placed. */
	iommu_iova_free(space, iommu_iova_find(space, 10));
	assert_false(space->is_parked);
	iommu_iova_free(space, range);
	check_space(space);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

/* --- Against a bitmap ------------------------------------------------------------------------- */

#define MAP_FIRST 3
#define MAP_LAST  514

struct model {
	bool taken[MAP_LAST + 2];
	bool starts[MAP_LAST + 2];
};

static bool fits(const struct model *model, const struct iommu_iova_request *r, uint64_t start)
{
	const uint64_t alignment = r->alignment != 0 ? r->alignment : 1;
	uint64_t i;

	if (start % alignment != 0 || start < MAP_FIRST || start < r->lowest ||
	    start + r->size - 1 > MAP_LAST || start + r->size - 1 > r->limit)
		return false;
	if (r->boundary != 0 && start / r->boundary != (start + r->size - 1) / r->boundary)
		return false;
	for (i = 0; i < r->size; i++)
		if (model->taken[start + i])
			return false;
	return true;
}

/* The place by definition, or UINT64_MAX. */
static uint64_t best_place(const struct model *model, const struct iommu_iova_request *r)
{
	uint64_t i;

	for (i = MAP_FIRST; i <= MAP_LAST; i++) {
		uint64_t start =
			(r->flags & IOMMU_IOVA_BOTTOM_UP) != 0 ? i : MAP_LAST + MAP_FIRST - i;

		if (fits(model, r, start))
			return start;
	}
	return UINT64_MAX;
}

static unsigned int count_gaps(const struct model *model)
{
	unsigned int gaps = 0;
	uint64_t i;

	for (i = MAP_FIRST; i <= MAP_LAST; i++)
		gaps += !model->taken[i] && (i == MAP_FIRST || model->taken[i - 1]);
	return gaps;
}

static struct iommu_iova_request random_request(struct test_random *random)
{
	struct iommu_iova_request r = {
		.size = 1 + test_random_below(random, 1ULL << test_random_below(random, 6)),
		.limit = UINT64_MAX,
		.flags = test_random_below(random, 3) == 0 ? (unsigned int)IOMMU_IOVA_BOTTOM_UP : 0,
	};

	switch (test_random_below(random, 4)) {
	case 0: /* natural */
		r.size = 1ULL << test_random_below(random, 6);
		r.alignment = r.size;
		break;
	case 1:
		r.alignment = 1ULL << test_random_below(random, 7);
		break;
	case 2:
		r.alignment = 1ULL << test_random_below(random, 4);
		for (r.boundary = 1; r.boundary < r.size; r.boundary *= 2)
			;
		r.boundary <<= test_random_below(random, 3);
		break;
	default:
		break;
	}
	if (test_random_below(random, 3) == 0)
		r.limit = test_random_below(random, MAP_LAST + 20);
	if (test_random_below(random, 3) == 0)
		r.lowest = test_random_below(random, r.limit < MAP_LAST ? r.limit + 1 : MAP_LAST);
	if (test_random_below(random, 4) == 0)
		r.flags |= IOMMU_IOVA_EXACT;
	return r;
}

static void mark(struct model *model, uint64_t first, uint64_t last, bool taken)
{
	uint64_t i;

	for (i = first; i <= last; i++)
		model->taken[i] = taken;
	model->starts[first] = taken;
}

/* The request of the last allocation, and its range, as long as that is known to be there. */
static struct {
	struct iommu_iova_request request;
	struct iommu_iova_range *range;
} last_time;

static void random_alloc(struct iommu_iova_space *space, struct model *model,
			 struct test_random *random, unsigned int *succeeded)
{
	const bool again = last_time.request.size != 0 && test_random_below(random, 3) == 0;
	const struct iommu_iova_request r = again ? last_time.request : random_request(random);
	const uint64_t expected = best_place(model, &r);
	const bool exact = (r.alignment <= 1 && r.boundary == 0) ||
			   (r.alignment == r.size && (r.size & (r.size - 1)) == 0) ||
			   (r.flags & IOMMU_IOVA_EXACT) != 0 ||
			   count_gaps(model) <= IOMMU_IOVA_CANDIDATES;
	struct iommu_iova_range *range = NULL;
	int status = iommu_iova_alloc(space, &r, &range);

	if (status == IOMMU_ENOMEM)
		return;
	if (exact)
		assert_int_equal(status, expected == UINT64_MAX ? IOMMU_ENOSPC : 0);
	if (status != 0) {
		assert_int_equal(status, IOMMU_ENOSPC);
		return;
	}
	assert_int_equal(range->last - range->first + 1, r.size);
	assert_true(fits(model, &r, range->first));
	if (exact)
		assert_int_equal(range->first, expected);
	mark(model, range->first, range->last, true);
	last_time.request = r;
	last_time.range = range;
	++*succeeded;
}

static void random_free(struct iommu_iova_space *space, struct model *model,
			struct test_random *random)
{
	const uint64_t at = MAP_FIRST + test_random_below(random, MAP_LAST - MAP_FIRST + 1);
	struct iommu_iova_range *range = last_time.range;

	last_time.range = NULL;
	if (range != NULL && test_random_below(random, 3) != 0) {
		mark(model, range->first, range->last, false);
		iommu_iova_free(space, range);
		return;
	}
	range = iommu_iova_find(space, at);
	assert_int_equal(range != NULL, model->taken[at]);
	if (range == NULL) {
		assert_int_equal(iommu_iova_free_at(space, at), IOMMU_ENOENT);
		return;
	}
	assert_true(range->first <= at && at <= range->last);
	if (range->first != at)
		assert_int_equal(iommu_iova_free_at(space, at), IOMMU_ENOENT);
	mark(model, range->first, range->last, false);
	if (test_random_below(random, 2) == 0)
		iommu_iova_free(space, range);
	else
		assert_int_equal(iommu_iova_free_at(space, range->first), 0);
}

static void random_reserve(struct iommu_iova_space *space, struct model *model,
			   struct test_random *random)
{
	const uint64_t first = MAP_FIRST + test_random_below(random, MAP_LAST - MAP_FIRST);
	const uint64_t size = 1 + test_random_below(random, 8);
	const uint64_t last = first + size - 1 < MAP_LAST ? first + size - 1 : MAP_LAST;
	bool overlaps = false;
	uint64_t i;
	int status;

	for (i = first; i <= last; i++)
		overlaps |= model->taken[i];
	status = iommu_iova_reserve(space, first, last, 0, NULL);
	if (status == IOMMU_ENOMEM)
		return;
	assert_int_equal(status, overlaps ? IOMMU_EEXIST : 0);
	if (status == 0)
		mark(model, first, last, true);
}

static void run(uint64_t operations, uint64_t fail_every, uint64_t seed)
{
	struct test_random random = {seed};
	struct test_platform test;
	struct iommu_iova_space *space;
	static struct model model;
	unsigned int succeeded = 0, bias = 0, parked = 0;
	uint64_t i;

	printf("# IOMMU_TEST_OPERATIONS=%llu IOMMU_TEST_SEED=%llu\n",
	       (unsigned long long)operations, (unsigned long long)seed);
	memset(&model, 0, sizeof(model));
	memset(&last_time, 0, sizeof(last_time));
	test_platform_init(&test, 1 << 22, 0);
	space = new_space(&test, MAP_FIRST, MAP_LAST);
	test.fail_every = fail_every;
	for (i = 0; i < operations; i++) {
		/* Now filling, now emptying. */
		if (i % 500 == 0)
			bias = (unsigned int)test_random_below(&random, 9);
		if (test_random_below(&random, 10) == 0)
			random_reserve(space, &model, &random);
		else if (test_random_below(&random, 10) <= bias)
			random_alloc(space, &model, &random, &succeeded);
		else
			random_free(space, &model, &random);
		parked += space->is_parked;
		check_tree(space);
		if (test_random_below(&random, 4) == 0)
			check_space(space);
	}
	assert_true(succeeded > operations / 20);
	assert_true(parked > operations / 100);
	iommu_iova_space_destroy(space);
	test_platform_destroy(&test);
}

static void random_operations_agree_with_a_bitmap(void **state)
{
	(void)state;
	run(test_setting("IOMMU_TEST_OPERATIONS", 1000000), 0, test_setting("IOMMU_TEST_SEED", 3));
}

static void allocations_fail_in_turn(void **state)
{
	uint64_t n;

	(void)state;
	for (n = 1; n <= 4; n++)
		run(test_setting("IOMMU_TEST_OPERATIONS", 20000) / 4 + 1000, n + 1, 100 + n);
}

/* --- Threads
 * --------------------------------------------------------------------------------------- */

struct exchange {
	struct iommu_iova_space *space;
	struct iommu_iova_range *slots[64]; /* atomic: what one allocates another may free */
	int failures;
};

static void *exchange_ranges(void *argument)
{
	struct exchange *exchange = argument;
	struct test_random random = {(uintptr_t)&random};
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		const struct iommu_iova_request r = {.size = 1 + test_random_below(&random, 8),
						     .limit = UINT64_MAX};
		struct iommu_iova_range *range = NULL;

		if (iommu_iova_alloc(exchange->space, &r, &range) != 0) {
			__atomic_add_fetch(&exchange->failures, 1, __ATOMIC_RELAXED);
			continue;
		}
		range = __atomic_exchange_n(&exchange->slots[test_random_below(&random, 64)], range,
					    __ATOMIC_ACQ_REL);
		if (range != NULL)
			iommu_iova_free(exchange->space, range);
	}
	return NULL;
}

static void threads_free_what_others_allocated(void **state)
{
	struct exchange exchange = {.failures = 0};
	struct test_platform test;
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	test_platform_init(&test, 1 << 24, 0);
	exchange.space = new_space(&test, 1, 1 << 20);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, exchange_ranges, &exchange), 0);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(exchange.failures, 0);
	check_space(exchange.space);
	iommu_iova_space_destroy(exchange.space);
	test_platform_destroy(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_a_block_is_exact),
		cmocka_unit_test(bad_spaces_are_refused),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(ranges_are_placed_and_found_within_the_space),
		cmocka_unit_test(the_whole_space_can_be_used),
		cmocka_unit_test(reservations_are_merged_and_copied),
		cmocka_unit_test(low_addresses_go_first_and_failures_are_remembered),
		cmocka_unit_test(what_was_placed_last_comes_back_to_the_same_request),
		cmocka_unit_test(each_part_of_a_request_must_be_the_same),
		cmocka_unit_test(a_gap_that_is_certain_to_fit_is_found),
		cmocka_unit_test(a_parked_range_is_free_for_all_calls),
		cmocka_unit_test(a_reservation_is_no_answer_to_a_request),
		cmocka_unit_test(random_operations_agree_with_a_bitmap),
		cmocka_unit_test(allocations_fail_in_turn),
		cmocka_unit_test(threads_free_what_others_allocated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
