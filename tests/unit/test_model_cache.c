/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache of a model: against an array that is searched from end to end, and at its bounds. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <libiommu/status.h>

#include "base/list.h"
#include "model/cache_parts.h"
#include "model/walk.h"
#include "test.h"
#include "test_platform.h"

#define KNOWN_MAX 600

static struct {
	struct test_platform outside;
	struct model_cache cache;
	struct model_cached known[KNOWN_MAX];
	unsigned int count;
} f;

static void begin_with_memory(size_t limit, size_t bytes)
{
	memset(&f, 0, sizeof(f));
	test_platform_init(&f.outside, bytes, 0);
	assert_int_equal(iommu_model_cache_init(&f.cache, &f.outside.platform, limit, 0), 0);
}

static void begin(size_t limit)
{
	begin_with_memory(limit, 64 << 20);
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

/* Far more than the default would let there be. */
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

/* However many there are, each has its place in the table: a look-up takes no lock. */
static void a_million_have_their_places(void **state)
{
	const uint64_t number = 1000000;
	struct model_cached found;

	(void)state;
	begin_with_memory(SIZE_MAX, 512 << 20);
	for (uint64_t i = 0; i < number; i++)
		put_page(i);
	assert_int_equal(f.cache.total, number);
	assert_int_equal(f.cache.made_slots, f.cache.spare_slot_count);
	assert_true(f.outside.hosted.pages_in_use < number * 200 / IOMMU_PAGE_SIZE);
	for (uint64_t i = 0; i < number; i += 17) {
		assert_true(iommu_model_cache_find(&f.cache, 0, 1, 0, i << 12, &found));
		assert_int_equal(found.low, i);
	}
	end();
}

/* What a walk has learned joins the order at once, while bunches come and go: also by ranges. */
static void what_was_learned_at_once_is_dropped_by_range(void **state)
{
	struct test_random random = {.state = test_setting("IOMMU_TEST_SEED", 77)};
	const size_t limits[] = {SIZE_MAX, 600};
	struct model_walk walk;

	(void)state;
	for (unsigned int round = 0; round < 400; round++) {
		const uint64_t first = test_random_below(&random, 4096);
		const uint64_t last = first + test_random_below(&random, 1024);

		if (round % 200 == 0)
			begin(limits[round / 200]);
		for (unsigned int i = 0; i < 40; i++) {
			const uint64_t near = test_random_below(&random, 4096);

			iommu_model_walk_begin(&f.cache, &walk, true);
			for (unsigned int k = 0; k < MODEL_WALK_LEARNS; k++)
				iommu_model_cache_put(
					&f.cache, &walk,
					&(struct model_cached){
						.tag = 1,
						.address = near + test_random_below(&random, 96)});
			assert_false(iommu_model_walk_end(&f.cache, &walk));
		}
		drop(&(struct span){.how = BY_ADDRESS, .tag = 1, .first = first, .last = last});
		for (uint64_t i = first; i <= last; i++)
			assert_false(knows(0, 1, 0, i));
		if (round % 200 != 199)
			continue;
		drop(&(struct span){.how = BY_ADDRESS, .tag = 1, .last = UINT64_MAX});
		assert_int_equal(f.cache.total, 0);
		end();
	}
}

/* Ranges that are empty, and that begin and end within bunches, in whatever order entries come. */
static void a_range_is_dropped_and_no_more(void **state)
{
	const uint64_t number = 10000;

	for (unsigned int order = 0; order < 3; order++) {
		(void)state;
		begin(SIZE_MAX);
		for (uint64_t i = 0; i < number; i++)
			put_page(order == 0   ? i
				 : order == 1 ? number - i
					      : i * 0x9e3779b9 % number);
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

/* A guest that leaves few entries of each neighbourhood leaves few bunches, too. */
static void bunches_that_became_small_are_few(void **state)
{
	const uint64_t number = 16384;

	for (unsigned int down = 0; down < 2; down++) {
		(void)state;
		begin(0);
		/* So that the bunches are full. */
		for (uint64_t i = 0; i < number; i += 2)
			put_page(i);
		for (uint64_t i = 1; i < number; i += 2)
			put_page(i);
		for (uint64_t k = 0; k < number; k++) {
			const uint64_t i = down != 0 ? number - 1 - k : k;

			if (i % 16 != 0)
				drop(&(struct span){.how = BY_ADDRESS,
						    .tag = 1,
						    .first = i << 12,
						    .last = i << 12});
		}
		assert_int_equal(f.cache.total, number / 16);
		assert_true(f.cache.bunch_count <= number / 16 / 4);
		for (uint64_t i = 0; i < number; i++)
			assert_int_equal(knows(0, 1, 0, i << 12), i % 16 == 0);
		end();
	}
}

/* Memory is taken as entries come: what is made is small, whatever it may become. */
static void memory_is_taken_as_entries_come(void **state)
{
	(void)state;
	begin(0);
	assert_true(f.outside.hosted.pages_in_use <= 4);
	for (uint64_t i = 0; i < 40; i++)
		put_page(i);
	assert_true(f.outside.hosted.pages_in_use <= 12);
	for (uint64_t i = 40; i < 4096; i++)
		put_page(i);
	assert_true(f.outside.hosted.pages_in_use <= 256); /* 256 bytes each */
	end();
}

/* What takes more than a slot has: all of it is told, also after the table has grown. */
static void what_does_not_fit_a_slot_is_whole(void **state)
{
	const uint64_t number = 2000;

	(void)state;
	begin(0);
	for (uint64_t i = 0; i < number; i++)
		put(&(struct model_cached){.kind = 1,
					   .tag = i,
					   .low = ~i,
					   .high = i % 5 == 0 ? i << 20 : i,
					   .third = i % 3 == 0 ? i << 1 : 0,
					   .reason = (uint8_t)i,
					   .fault_hidden = i % 7 == 0,
					   .has_owner = true,
					   .owner = (uint32_t)(i % 2)});
	for (unsigned int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < number; i++) {
			struct model_cached found;

			assert_int_equal(iommu_model_cache_find(&f.cache, 1, i, 0, 0, &found),
					 round == 0 || i % 2 == 0);
			if (round != 0 && i % 2 != 0)
				continue;
			assert_int_equal(found.low, ~i);
			assert_int_equal(found.high, i % 5 == 0 ? i << 20 : i);
			assert_int_equal(found.third, i % 3 == 0 ? i << 1 : 0);
			assert_int_equal(found.reason, (uint8_t)i);
			assert_int_equal(found.fault_hidden, i % 7 == 0);
		}
		drop(&(struct span){
			.how = BY_OWNER, .kind = 1, .owner = 1, .last = MODEL_CACHE_TAG_MAX});
	}
	end();
}

/* An invalidation takes as long as what it finds: here, nothing of very many. */
static void what_is_not_there_takes_no_time(void **state)
{
	const uint64_t number = 100000;
	clock_t start;

	(void)state;
	begin(SIZE_MAX);
	for (uint64_t i = 0; i < number; i++)
		put(&(struct model_cached){.kind = 1,
					   .tag = 2 * i,
					   .address = i & 0xffff,
					   .has_owner = true,
					   .owner = 1});
	start = clock();
	for (uint64_t i = 0; i < number / 2; i++) {
		drop(&(struct span){
			.how = BY_OWNER, .kind = 1, .owner = i & 2, .last = UINT64_MAX});
		drop(&(struct span){.how = BY_OWNER,
				    .kind = 1,
				    .owner = 1,
				    .first = 2 * i + 1,
				    .last = 2 * i + 1});
		drop(&(struct span){
			.how = BY_TAG, .kind = 1, .first = 2 * i + 1, .last = 2 * i + 1});
		drop(&(struct span){.how = BY_ADDRESS,
				    .kind = 1,
				    .tag = 2 * i,
				    .first = 1 << 16,
				    .last = 1 << 20});
	}
	assert_true(clock() - start < 2 * CLOCKS_PER_SEC);
	assert_int_equal(f.cache.total, number);
	end();
}

/* --- One hash --------------------------------------------------------------------------------- */

/* The n-th of the addresses of pages of tag 1 that have the same upper half of a hash. */
static uint64_t same_hash(uint64_t n)
{
	const uint64_t factor = 0xd6e8feb86659fd93;
	uint64_t inverse = factor;
	uint64_t mixed;

	for (unsigned int i = 0; i < 6; i++)
		inverse *= 2 - factor * inverse;
	mixed = ((0x12345678ULL << 32) | n) * inverse;
	mixed ^= mixed >> 32;
	return mixed - (1ULL << 8) * 0x9e3779b97f4a7c15;
}

static struct model_cached flood_entry(uint64_t n)
{
	return (struct model_cached){.tag = 1, .address = same_hash(n), .low = n};
}

/* A guest can choose what it makes a cache remember: no hash is too full for it. */
static void entries_of_one_hash_are_found(void **state)
{
	const uint64_t number = 400;

	for (unsigned int bounded = 0; bounded < 2; bounded++) {
		(void)state;
		begin(bounded != 0 ? 0 : SIZE_MAX);
		for (uint64_t n = 0; n < number; n++) {
			const struct model_cached entry = flood_entry(n);

			put(&entry);
			put_page(n);
		}
		/* They do lie beside the table. */
		assert_true(f.cache.made_slots - f.cache.spare_slot_count > number / 2);
		for (uint64_t n = 0; n < number; n++) {
			struct model_cached found;

			assert_true(
				iommu_model_cache_find(&f.cache, 0, 1, 0, same_hash(n), &found));
			assert_int_equal(found.low, n);
			assert_true(knows(0, 1, 0, n << 12));
		}
		for (uint64_t n = 0; n < number; n += 2)
			drop(&(struct span){.how = BY_ADDRESS,
					    .tag = 1,
					    .first = same_hash(n),
					    .last = same_hash(n)});
		for (uint64_t n = 0; n < number; n++)
			assert_int_equal(knows(0, 1, 0, same_hash(n)), n % 2 == 1);
		drop(&(struct span){.how = BY_TAG, .last = 1});
		assert_int_equal(f.cache.made_slots, f.cache.spare_slot_count);
		assert_int_equal(f.cache.total, 0);
		end();
	}
}

/* How far entries lie from where they are looked for first, of all that do. */
static unsigned int farthest_reach(void)
{
	unsigned int farthest = 0;

	for (size_t i = 0; i < f.cache.places; i++) {
		const struct model_cache_table *table =
			f.cache.table[i >> MODEL_CACHE_BLOCK_SHIFT]
				     [i & ((1U << MODEL_CACHE_BLOCK_SHIFT) - 1)];

		for (unsigned int slot = 0; slot < MODEL_TABLE_SLOTS; slot += 2) {
			const unsigned int reach =
				(unsigned int)(iommu_cell_load(&table->slots[slot].rank) >> 59);

			farthest = reach > farthest ? reach : farthest;
		}
	}
	return farthest;
}

/* A look-up reads no more than it must, also when what had strayed has gone: in either order. */
static void a_home_reaches_no_farther_than_it_must(void **state)
{
	const uint64_t number = 42;

	(void)state;
	for (unsigned int down = 0; down < 2; down++) {
		begin(100);
		for (uint64_t n = 0; n < number; n++) {
			const struct model_cached entry = flood_entry(n);

			put(&entry);
			assert_int_equal(farthest_reach(), n / 2);
		}
		for (uint64_t left = number; left-- != 0;) {
			const uint64_t n = down != 0 ? left : number - 1 - left;
			const uint64_t farthest = down != 0 ? n - 1 : number - 1;

			drop(&(struct span){.how = BY_ADDRESS,
					    .tag = 1,
					    .first = same_hash(n),
					    .last = same_hash(n)});
			assert_int_equal(farthest_reach(), left == 0 ? 0 : farthest / 2);
			assert_true(left == 0 || knows(0, 1, 0, same_hash(farthest)));
		}
		end();
	}
}

/* Where there is no memory for that, the one that came last is known. */
static void the_last_of_one_hash_is_known(void **state)
{
	(void)state;
	begin(0);
	put_page(1);
	f.outside.fail_after = f.outside.allocations + 1;
	for (uint64_t n = 0; n < 400; n++) {
		const struct model_cached entry = flood_entry(n);

		put(&entry);
		assert_true(knows(0, 1, 0, same_hash(n)));
	}
	end();
}

/* --- While it grows --------------------------------------------------------------------------- */

#define WATCHED 64

static void *look_while_it_grows(void *ends)
{
	uint64_t number = 0;

	while (__atomic_load_n((bool *)ends, __ATOMIC_RELAXED) == false) {
		struct model_cached found;

		number = (number + 1) % WATCHED;
		if (!iommu_model_cache_find(&f.cache, 0, 1, 0, number << 12, &found) ||
		    found.low != number)
			return &f;
	}
	return NULL;
}

/* What is known is found at any moment, also while it moves to where the table has grown. */
static void what_is_known_is_found_while_the_table_grows(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 8; round++) {
		bool ends = false;
		pthread_t thread;
		void *failed;

		begin(SIZE_MAX);
		for (uint64_t i = 0; i < WATCHED; i++)
			put_page(i);
		assert_int_equal(pthread_create(&thread, NULL, look_while_it_grows, &ends), 0);
		for (uint64_t i = WATCHED; i < 6000; i++)
			put_page(i);
		__atomic_store_n(&ends, true, __ATOMIC_RELAXED);
		assert_int_equal(pthread_join(thread, &failed), 0);
		assert_null(failed);
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
		cmocka_unit_test(a_million_have_their_places),
		cmocka_unit_test(what_was_learned_at_once_is_dropped_by_range),
		cmocka_unit_test(a_range_is_dropped_and_no_more),
		cmocka_unit_test(bunches_that_became_small_are_few),
		cmocka_unit_test(memory_is_taken_as_entries_come),
		cmocka_unit_test(what_does_not_fit_a_slot_is_whole),
		cmocka_unit_test(what_is_not_there_takes_no_time),
		cmocka_unit_test(entries_of_one_hash_are_found),
		cmocka_unit_test(a_home_reaches_no_farther_than_it_must),
		cmocka_unit_test(the_last_of_one_hash_is_known),
		cmocka_unit_test(what_is_known_is_found_while_the_table_grows),
		cmocka_unit_test(a_walk_may_learn_much),
		cmocka_unit_test(with_little_memory_less_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
