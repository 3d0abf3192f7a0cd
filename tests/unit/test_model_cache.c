/* SPDX-License-Identifier: BSD-2-Clause */
/* What a model remembers: against an array that is searched from end to end, and at its bounds. */
#include <string.h>

#include <libiommu/status.h>

#include "base/list.h"
#include "model/cache.h"
#include "test.h"
#include "test_platform.h"

#define KNOWN_MAX 600

static struct {
	struct test_platform outside;
	struct model_cache cache;
	struct model_cached known[KNOWN_MAX];
	unsigned int count;
} f;

static void begin(size_t limit)
{
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, 64 << 20, 0);
	assert_int_equal(iommu_model_cache_init(&f.cache, &f.outside.platform, limit, 0), 0);
}

static void end(void)
{
	iommu_model_cache_destroy(&f.cache);
	test_platform_destroy(&f.outside);
}

/* As a model does it: in a walk. */
static void put(const struct model_cached *entry)
{
	struct model_walk walk;

	iommu_model_walk_begin(&f.cache, &walk, true);
	iommu_model_cache_put(&f.cache, &walk, entry);
	assert_false(iommu_model_walk_end(&f.cache, &walk));
}

static bool knows(unsigned int kind, uint64_t tag, unsigned int level, uint64_t address)
{
	struct model_cached found;

	return iommu_model_cache_find(&f.cache, kind, tag, level, address, &found);
}

/* --- Against an array ------------------------------------------------------------------------- */

static bool has_key(const struct model_cached *a, const struct model_cached *b)
{
	return a->kind == b->kind && a->tag == b->tag && a->level == b->level &&
	       a->address == b->address;
}

static void note(const struct model_cached *entry)
{
	for (unsigned int i = 0; i < f.count; i++)
		if (has_key(&f.known[i], entry))
			return;
	assert_true(f.count < KNOWN_MAX);
	f.known[f.count++] = *entry;
}

enum drop {
	BY_ADDRESS,
	BY_TAG,
	BY_OWNER,
	BY_KIND
};

struct span {
	enum drop how;
	unsigned int kind, level, owner;
	uint64_t tag, first, last;
};

static bool is_dropped(const struct model_cached *entry, const struct span *span)
{
	if (entry->kind != span->kind)
		return false;
	switch (span->how) {
	case BY_ADDRESS:
		return entry->tag == span->tag && entry->level == span->level &&
		       entry->address >= span->first && entry->address <= span->last;
	case BY_OWNER:
		return entry->has_owner && entry->owner == span->owner &&
		       entry->tag >= span->first && entry->tag <= span->last;
	case BY_TAG:
		return entry->tag >= span->first && entry->tag <= span->last;
	case BY_KIND:
	default:
		return true;
	}
}

static void drop(const struct span *span)
{
	const uintptr_t state = iommu_model_cache_begin_drop(&f.cache);
	unsigned int i = 0;

	switch (span->how) {
	case BY_ADDRESS:
		iommu_model_cache_drop(&f.cache, span->kind, span->tag, span->level, span->first,
				       span->last);
		break;
	case BY_OWNER:
		iommu_model_cache_drop_owned(&f.cache, span->kind, span->owner, span->first,
					     span->last);
		break;
	case BY_TAG:
		iommu_model_cache_drop_tags(&f.cache, span->kind, span->first, span->last);
		break;
	case BY_KIND:
	default:
		iommu_model_cache_drop_kind(&f.cache, span->kind);
	}
	iommu_model_cache_end_drop(&f.cache, state);
	while (i < f.count)
		if (is_dropped(&f.known[i], span))
			f.known[i] = f.known[--f.count];
		else
			i++;
}

static struct model_cached random_entry(struct test_random *random)
{
	const uint8_t kind = (uint8_t)test_random_below(random, 3);

	return (struct model_cached){
		.kind = kind,
		.tag = test_random_below(random, 4),
		.level = (uint8_t)test_random_below(random, 3),
		.address = test_random_below(random, 16) << 12,
		.has_owner = kind == 1,
		.owner = (uint32_t)test_random_below(random, 3),
		.low = test_random_next(random),
	};
}

static struct span random_span(struct test_random *random)
{
	const unsigned int choice = (unsigned int)test_random_below(random, 16);
	const enum drop how = choice == 0  ? BY_KIND
			      : choice < 4 ? BY_TAG
			      : choice < 8 ? BY_OWNER
					   : BY_ADDRESS;
	const unsigned int shift = how == BY_ADDRESS ? 12 : 0;
	const uint64_t first = test_random_below(random, how == BY_ADDRESS ? 16 : 4);

	return (struct span){
		.how = how,
		.kind = (unsigned int)test_random_below(random, 3),
		.level = (unsigned int)test_random_below(random, 3),
		.owner = (unsigned int)test_random_below(random, 3),
		.tag = test_random_below(random, 4),
		.first = first << shift,
		.last = (first + test_random_below(random, 4)) << shift,
	};
}

static void random_operations(void **state)
{
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 21)};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 20000);

	(void)state;
	begin(SIZE_MAX);
	for (uint64_t i = 0; i < rounds; i++) {
		const struct model_cached entry = random_entry(&random);
		const struct span span = random_span(&random);
		unsigned int found = 0;

		if (test_random_below(&random, 4) == 0) {
			drop(&span);
		} else {
			put(&entry);
			note(&entry);
		}
		assert_int_equal(f.cache.total, f.count);
		for (unsigned int k = 0; k < f.count && i % 16 == 0; k++) {
			const struct model_cached *known = &f.known[k];
			struct model_cached cached;

			assert_true(iommu_model_cache_find(&f.cache, known->kind, known->tag,
							   known->level, known->address, &cached));
			assert_int_equal(cached.low, known->low);
			found++;
		}
		assert_true(i % 16 != 0 || found == f.cache.total);
	}
	end();
}

/* --- Its bounds ------------------------------------------------------------------------------- */

static void put_page(uint64_t number)
{
	put(&(struct model_cached){.tag = 1, .address = number << 12, .low = number});
}

static void the_one_unused_longest_goes(void **state)
{
	(void)state;
	begin(4);
	for (uint64_t i = 0; i < 4; i++)
		put_page(i);
	assert_true(knows(0, 1, 0, 0));
	assert_true(knows(0, 1, 0, 2 << 12));
	put_page(4);
	put_page(5);
	assert_int_equal(f.cache.total, 4);
	assert_false(knows(0, 1, 0, 1 << 12));
	assert_false(knows(0, 1, 0, 3 << 12));
	assert_true(knows(0, 1, 0, 0));
	assert_true(knows(0, 1, 0, 2 << 12));
	assert_true(knows(0, 1, 0, 4 << 12));
	assert_true(knows(0, 1, 0, 5 << 12));
	end();
}

/* However many there are: the default bounds the memory, and all that are there are found. */
static void there_is_a_bound(void **state)
{
	const uint64_t number = 3 * MODEL_CACHE_DEFAULT;
	size_t pages;

	(void)state;
	begin(0);
	for (uint64_t i = 0; i < number; i++)
		put_page(i);
	pages = f.outside.hosted.pages_in_use;
	assert_int_equal(f.cache.total, MODEL_CACHE_DEFAULT);
	assert_true(pages < 1024);
	for (uint64_t i = 0; i < number; i++)
		assert_int_equal(knows(0, 1, 0, i << 12), i >= number - MODEL_CACHE_DEFAULT);
	drop(&(struct span){.how = BY_KIND});
	assert_int_equal(f.cache.total, 0);
	for (uint64_t i = 0; i < number; i++)
		put_page(i);
	assert_int_equal(f.outside.hosted.pages_in_use, pages);
	end();
}

/* Far more than there are buckets: they are found through the tree. */
static void without_a_bound_all_are_found(void **state)
{
	const uint64_t number = 200000;

	(void)state;
	begin(SIZE_MAX);
	for (uint64_t i = 0; i < number; i++)
		put_page(i);
	assert_int_equal(f.cache.total, number);
	for (uint64_t i = 0; i < number; i += 7) {
		struct model_cached found;

		assert_true(iommu_model_cache_find(&f.cache, 0, 1, 0, i << 12, &found));
		assert_int_equal(found.low, i);
	}
	end();
}

/* No bunch is long, in whatever order entries come; so all that searches one takes few steps. */
static void bunches_are_short(void **state)
{
	const uint64_t number = 10000;

	for (unsigned int order = 0; order < 3; order++) {
		(void)state;
		begin(SIZE_MAX);
		for (uint64_t i = 0; i < number; i++)
			put_page(order == 0   ? i
				 : order == 1 ? number - i
					      : i * 0x9e3779b9 % number);
		for (struct iommu_rb_node *node = f.cache.bunches.root; node != NULL;
		     node = node->child[order & 1])
			assert_true(
				iommu_container_of(node, struct model_cache_bunch, by_key)->count <=
				32);
		/* An empty range, and one that begins and ends within bunches. */
		drop(&(struct span){.how = BY_ADDRESS, .tag = 2, .last = UINT64_MAX});
		drop(&(struct span){
			.how = BY_ADDRESS, .tag = 1, .first = (100 << 12) + 1, .last = 4999 << 12});
		for (uint64_t i = 0; i < number; i++)
			if (knows(0, 1, 0, i << 12))
				assert_true(i <= 100 || i >= 5000);
		assert_true(knows(0, 1, 0, 100 << 12) && knows(0, 1, 0, 5000 << 12));
		end();
	}
}

/* What a walk learns is known from its end on, however much it is; or when it is settled. */
static void a_walk_may_learn_much(void **state)
{
	const uint64_t number = 3 * MODEL_WALK_LEARNS + 1;
	struct model_walk walk;

	(void)state;
	begin(0);
	iommu_model_walk_begin(&f.cache, &walk, true);
	for (uint64_t i = 0; i < number; i++)
		iommu_model_cache_put(&f.cache, &walk,
				      &(struct model_cached){.tag = 1, .address = i << 12});
	assert_false(knows(0, 1, 0, (number - 1) << 12));
	iommu_model_walk_settle(&f.cache, &walk);
	for (uint64_t i = 0; i < number; i++)
		assert_true(knows(0, 1, 0, i << 12));
	iommu_model_cache_put(&f.cache, &walk, &(struct model_cached){.tag = 2});
	assert_false(iommu_model_walk_end(&f.cache, &walk));
	assert_true(knows(0, 2, 0, 0));
	/* Nothing of what was learned before an invalidation. */
	iommu_model_walk_begin(&f.cache, &walk, true);
	iommu_model_cache_put(&f.cache, &walk, &(struct model_cached){.tag = 3});
	drop(&(struct span){.how = BY_KIND, .kind = 1});
	assert_false(iommu_model_walk_end(&f.cache, &walk));
	assert_false(knows(0, 3, 0, 0));
	end();
}

static void with_little_memory_less_is_remembered(void **state)
{
	unsigned int known = 0;

	(void)state;
	begin(0);
	f.outside.fail_after = f.outside.allocations + 1;
	put_page(1);
	assert_int_equal(f.cache.total, 0);
	f.outside.fail_after = f.outside.allocations + 2;
	for (uint64_t i = 0; i < 1000; i++)
		put_page(i);
	assert_true(f.cache.total != 0 && f.cache.total < 100); /* a page of them */
	/*
	 * What is new takes the place of what is old; where it has no place left in its chain it
	 * goes by.
	 */
	for (uint64_t i = 950; i < 1000; i++)
		known += knows(0, 1, 0, i << 12);
	assert_true(known >= 10);
	f.outside.fail_after = f.outside.allocations + 1;
	iommu_model_cache_destroy(&f.cache);
	assert_int_equal(iommu_model_cache_init(&f.cache, &f.outside.platform, 0, 0), IOMMU_ENOMEM);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(the_one_unused_longest_goes),
		cmocka_unit_test(there_is_a_bound),
		cmocka_unit_test(without_a_bound_all_are_found),
		cmocka_unit_test(bunches_are_short),
		cmocka_unit_test(a_walk_may_learn_much),
		cmocka_unit_test(with_little_memory_less_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
