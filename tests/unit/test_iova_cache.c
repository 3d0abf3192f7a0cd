/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU IOVA caches: cached ranges come back, limits hold, memory is bounded, draining empties,
 * cached ranges serve an exhausted space, and threads may exchange ranges.
 */
#include <pthread.h>

#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "iova/cache.h"
#include "test.h"
#include "test_platform.h"

struct fixture {
	struct test_platform test;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	unsigned int cpus;
};

/* The CPU that the calling thread says it is on. */
static __thread unsigned int current_cpu;
static unsigned int cpus_now = 2;

static __thread int irq_depth, irq_calls, depth_at_cpu_id;

static unsigned int test_cpu_id(void *ctx)
{
	(void)ctx;
	depth_at_cpu_id = irq_depth;
	return current_cpu;
}

static unsigned int test_cpu_count(void *ctx)
{
	(void)ctx;
	return cpus_now;
}

static void begin(struct fixture *f, uint64_t last, unsigned int depot, unsigned int flags)
{
	struct iommu_iova_config space;
	struct iommu_iova_cache_config cache;

	current_cpu = 0;
	cpus_now = 2;
	test_platform_init(&f->test, 1 << 26, 0);
	/* Of a host that does not mask interrupts. */
	f->test.platform.irq_save = NULL;
	f->test.platform.irq_restore = NULL;
	f->test.platform.cpu_id = test_cpu_id;
	f->test.platform.cpu_count = test_cpu_count;
	space = (struct iommu_iova_config){
		.platform = &f->test.platform, .granule = 4096, .first = 1, .last = last};
	assert_int_equal(iommu_iova_space_create(&space, &f->space), 0);
	cache = (struct iommu_iova_cache_config){f->space, depot, flags};
	assert_int_equal(iommu_iova_cache_create(&cache, &f->cache), 0);
}

static uint64_t taken(struct fixture *f)
{
	struct iommu_iova_stats stats;

	iommu_iova_get_stats(f->space, &stats);
	return stats.taken;
}

static void end(struct fixture *f)
{
	iommu_iova_cache_destroy(f->cache);
	assert_int_equal(taken(f), 0); /* what was cached went back */
	iommu_iova_space_destroy(f->space);
	test_platform_destroy(&f->test);
}

static uint64_t take(struct fixture *f, unsigned int order)
{
	uint64_t first = 0;

	assert_int_equal(iommu_iova_cache_alloc(f->cache, order, UINT64_MAX, 0, &first), 0);
	assert_int_equal(first % (1ULL << order), 0);
	return first;
}

static void what_is_freed_comes_back(void **state)
{
	struct fixture f;
	unsigned int order;

	(void)state;
	begin(&f, 1 << 20, 8, 0);
	for (order = 0; order <= IOMMU_IOVA_CACHED_ORDERS; order++) {
		const uint64_t before = taken(&f);
		uint64_t first = take(&f, order);

		iommu_iova_cache_free(f.cache, first, order);
		/* Cached sizes stay taken; others do not. */
		assert_int_equal(taken(&f),
				 before + (order < IOMMU_IOVA_CACHED_ORDERS ? 1ULL << order : 0));
		assert_int_equal(take(&f, order), first);
		iommu_iova_cache_free(f.cache, first, order);
	}
	/* On a CPU that the caller names; one that does not exist is taken for the first. */
	iommu_iova_cache_free_on(f.cache, 1, take(&f, 0), 0);
	{
		uint64_t mine = take(&f, 0), first = 0;

		assert_int_equal(iommu_iova_cache_alloc_on(f.cache, 1, 0, UINT64_MAX, 0, &first),
				 0);
		assert_int_not_equal(first, mine);
		iommu_iova_cache_free_on(f.cache, 77, first, 0);
		assert_int_equal(take(&f, 0), first);
		iommu_iova_cache_free(f.cache, first, 0);
		iommu_iova_cache_free(f.cache, mine, 0);
	}
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 52, UINT64_MAX, 0, &(uint64_t){0}),
			 IOMMU_EINVAL);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 51, UINT64_MAX, 0, &(uint64_t){0}),
			 IOMMU_ENOSPC);
	end(&f);
}

static uintptr_t test_irq_save(void *ctx)
{
	(void)ctx;
	irq_calls++;
	return (uintptr_t)irq_depth++;
}

static void test_irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	irq_depth--;
	assert_int_equal(state, irq_depth);
}

/* A host that masks interrupts: always, in pairs, with and without a lock. */
static void interrupts_are_masked_around_a_cpu(void **state)
{
	unsigned int flags;

	(void)state;
	for (flags = 0; flags <= IOMMU_IOVA_CACHE_CPU_EXCLUSIVE; flags++) {
		const struct iommu_iova_cache_config config = {NULL, 2, flags};
		struct iommu_iova_cache_config with_space = config;
		struct iommu_iova_cache *cache;
		struct fixture f;
		uint64_t first = 0, again = 0;

		begin(&f, 1000, 0, 0);
		f.test.platform.irq_save = test_irq_save;
		f.test.platform.irq_restore = test_irq_restore;
		with_space.space = f.space;
		assert_int_equal(iommu_iova_cache_create(&with_space, &cache), 0);
		assert_int_equal(iommu_iova_cache_alloc(cache, 2, UINT64_MAX, 0, &first), 0);
		iommu_iova_cache_free(cache, first, 2);
		irq_calls = 0;
		assert_int_equal(iommu_iova_cache_alloc(cache, 2, UINT64_MAX, 0, &again), 0);
		assert_int_equal(again, first);
		assert_int_equal(irq_calls, 1);
		iommu_iova_cache_free(cache, again, 2);
		assert_int_equal(irq_calls, 2);
		iommu_iova_cache_destroy(cache);
		assert_int_equal(irq_depth, 0);
		end(&f);
	}
}

/* The shortest way is the same CPU's from the look at which it is to the end. */
static void interrupts_are_masked_on_the_shortest_way(void **state)
{
	unsigned int flags;

	(void)state;
	for (flags = 0; flags <= IOMMU_IOVA_CACHE_CPU_EXCLUSIVE; flags++) {
		struct iommu_iova_cache_config config = {NULL, 2, flags};
		struct iommu_iova_cache *cache;
		struct fixture f;
		uint64_t first = 0, again = 0;

		begin(&f, 1 << 30, 0, 0);
		f.test.platform.irq_save = test_irq_save;
		f.test.platform.irq_restore = test_irq_restore;
		config.space = f.space;
		assert_int_equal(iommu_iova_cache_create(&config, &cache), 0);
		assert_int_equal(iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &first), 0);
		iommu_iova_cache_free(cache, first, 0);
		irq_calls = depth_at_cpu_id = 0;
		assert_true(iommu_iova_cache_take_masked(cache, 0, UINT64_MAX, &again));
		assert_int_equal(again, first);
		assert_int_equal(depth_at_cpu_id, 1);
		assert_int_equal(irq_calls, 1);
		assert_false(iommu_iova_cache_take_masked(cache, 0, UINT64_MAX, &again));
		depth_at_cpu_id = 0;
		assert_true(iommu_iova_cache_give_masked(cache, first, 0));
		assert_int_equal(depth_at_cpu_id, 1);
		assert_int_equal(irq_depth, 0);
		iommu_iova_cache_destroy(cache);
		end(&f);
	}
}

static void limits_hold_for_what_is_cached(void **state)
{
	struct fixture f;
	uint64_t low, high, first;

	(void)state;
	begin(&f, 1 << 20, 8, 0);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 1, 1001, 0, &low), 0);
	assert_int_equal(low, 1000);
	high = take(&f, 1);
	iommu_iova_cache_free(f.cache, low, 1);
	iommu_iova_cache_free(f.cache, high, 1);
	/* The one below is found under the one above; one granule short, neither serves. */
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 1, 1000, 0, &first), 0);
	assert_int_equal(first, 998);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 1, 1001, 0, &first), 0);
	assert_int_equal(first, 1000);
	assert_int_equal(take(&f, 1), high);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 5, 30, 0, &first), IOMMU_ENOSPC);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 1, 0, 0, &first), IOMMU_ENOSPC);
	iommu_iova_cache_free(f.cache, 998, 1);
	iommu_iova_cache_free(f.cache, 1000, 1);
	iommu_iova_cache_free(f.cache, high, 1);
	end(&f);
}

static void low_ranges_go_first(void **state)
{
	struct fixture f;
	uint64_t low, high, first;

	(void)state;
	begin(&f, 1ULL << 30, 8, 0);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 0, 1000, 0, &low), 0);
	high = take(&f, 0);
	iommu_iova_cache_free(f.cache, low, 0);
	iommu_iova_cache_free(f.cache, high, 0);
	assert_int_equal(
		iommu_iova_cache_alloc(f.cache, 0, UINT64_MAX, IOMMU_IOVA_LOW_FIRST, &first), 0);
	assert_int_equal(first, low);
	assert_int_equal(
		iommu_iova_cache_alloc(f.cache, 0, UINT64_MAX, IOMMU_IOVA_LOW_FIRST, &first), 0);
	assert_int_equal(first,
			 (1ULL << 20) - 1); /* from the tree, rather than the cached high one */
	iommu_iova_cache_free(f.cache, low, 0);
	iommu_iova_cache_free(f.cache, first, 0);
	end(&f);
}

#define MANY 4000

static void memory_is_bounded(void **state)
{
	static uint64_t ranges[MANY];
	struct fixture f;
	size_t pages;
	unsigned int i;

	(void)state;
	begin(&f, 1 << 20, 4, 0);
	pages = f.test.hosted.pages_in_use;
	for (i = 0; i < MANY; i++)
		ranges[i] = take(&f, 0);
	for (i = 0; i < MANY; i++)
		iommu_iova_cache_free(f.cache, ranges[i], 0);
	/* Two magazines of this CPU and the depot's four. */
	assert_int_equal(taken(&f), 6 * IOMMU_IOVA_MAGAZINE);
	/* A magazine at a time goes back. */
	iommu_iova_cache_trim(f.cache);
	assert_int_equal(taken(&f), 5 * IOMMU_IOVA_MAGAZINE);
	/* The other CPU gets at the depot, not at the first one's magazines. */
	current_cpu = 1;
	for (i = 0; i < 3 * IOMMU_IOVA_MAGAZINE; i++)
		ranges[i] = take(&f, 0);
	assert_int_equal(taken(&f), 5 * IOMMU_IOVA_MAGAZINE);
	for (i = 0; i < 3 * IOMMU_IOVA_MAGAZINE; i++)
		iommu_iova_cache_free(f.cache, ranges[i], 0);
	assert_int_equal(taken(&f), 5 * IOMMU_IOVA_MAGAZINE);
	iommu_iova_cache_drain_cpu(f.cache, 0);
	assert_int_equal(taken(&f), 3 * IOMMU_IOVA_MAGAZINE);
	iommu_iova_cache_drain(f.cache);
	assert_int_equal(taken(&f), 0);
	/* The host has its pages again, but for spare handles of ranges. */
	assert_true(f.test.hosted.pages_in_use <= pages + 64 / (4064 / 96) + 1);
	end(&f);
}

/*
 * Without memory for magazines nothing is kept, and nothing is lost: ranges come from the tree and
 * go there.
 */
static void a_cache_does_not_depend_on_memory(void **state)
{
	static uint64_t ranges[MANY];
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 1 << 20, 4, 0);
	for (i = 0; i < MANY; i++)
		ranges[i] = take(&f, 0);
	f.test.fail_after = 1; /* nothing more from the host */
	for (i = 0; i < MANY; i++)
		iommu_iova_cache_free(f.cache, ranges[i], 0);
	assert_int_equal(taken(&f), 0);
	for (i = 0; i < 100; i++)
		ranges[i] = take(&f, 0); /* of handles that were kept */
	/* One magazine is made, and its two neighbours on the page, and then no more. */
	f.test.fail_after = f.test.allocations + 2;
	for (i = 0; i < 100; i++)
		iommu_iova_cache_free(f.cache, ranges[i], 0);
	f.test.fail_after = 1;
	assert_int_equal(taken(&f), 100);
	f.test.fail_after = 0;
	end(&f);
}

/* Requests of any size: blocks of the caches, or just what is asked for; and with every wish. */
static void any_size_is_served(void **state)
{
	struct iommu_iova_request request = {.size = 3, .limit = UINT64_MAX};
	uint64_t first = 0, second = 0;
	struct fixture f;

	(void)state;
	begin(&f, (1 << 20) - 1, 4, 0);
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	assert_int_equal(first % 4, 0);
	assert_int_equal(taken(&f), 4);
	iommu_iova_cache_free_size(f.cache, first, 3);
	assert_int_equal(taken(&f), 4); /* cached */
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &second), 0);
	assert_int_equal(second, first);
	iommu_iova_cache_free_size(f.cache, first, 3);
	/*
	 * More alignment than a cached block has, or a lower bound: still a whole block, which is
	 * then cached.
	 */
	request.alignment = 4096;
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	assert_int_equal(first % 4096, 0);
	assert_int_equal(taken(&f), 8);
	iommu_iova_cache_free_size(f.cache, first, 3);
	assert_int_equal(taken(&f), 8);
	request.alignment = 0;
	request.lowest = (1 << 20) - 8;
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	assert_true(first >= request.lowest);
	assert_int_equal(first % 4, 0);
	iommu_iova_cache_free_size(f.cache, first, 3);
	iommu_iova_cache_drain(f.cache);
	assert_int_equal(taken(&f), 0);
	/* The largest block, and one granule more. */
	request = (struct iommu_iova_request){.size = 32, .limit = UINT64_MAX};
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	iommu_iova_cache_free_size(f.cache, first, 32);
	assert_int_equal(taken(&f), 32);
	iommu_iova_cache_drain(f.cache);
	request = (struct iommu_iova_request){.size = 33, .limit = 999, .alignment = 16};
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	assert_int_equal(first, 960);
	assert_int_equal(taken(&f), 33);
	/* Given back with another size it stays taken. */
	iommu_iova_cache_free_size(f.cache, first, 34);
	iommu_iova_cache_free_size(f.cache, first + 1, 33);
	assert_int_equal(taken(&f), 33);
	iommu_iova_cache_free_size(f.cache, first, 33);
	assert_int_equal(taken(&f), 0);
	request.boundary = 32;
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), IOMMU_EINVAL);
	request.size = 0;
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), IOMMU_EINVAL);
	end(&f);
}

/*
 * What is no power of two is refused, and not taken for less than what a cached block has anyway.
 */
static void wishes_of_cached_sizes_are_checked(void **state)
{
	static const struct iommu_iova_request invalid[] = {
		{.size = 8, .limit = UINT64_MAX, .alignment = 3},
		{.size = 8, .limit = UINT64_MAX, .boundary = 12},
		{.size = 3, .limit = UINT64_MAX, .boundary = 5},
		{.size = 3, .limit = UINT64_MAX, .alignment = 3, .lowest = 5},
	};
	uint64_t first = 0;
	struct fixture f;

	(void)state;
	begin(&f, (1 << 20) - 1, 4, 0);
	for (unsigned int i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
		assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &invalid[i], &first),
				 IOMMU_EINVAL);
	assert_int_equal(taken(&f), 0);
	end(&f);
}

static void an_exhausted_space_uses_what_is_cached(void **state)
{
	struct fixture f;
	uint64_t first;
	unsigned int i;

	(void)state;
	begin(&f, 64, 4, 0);
	for (i = 0; i < 64; i++)
		(void)take(&f, 0);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 0, UINT64_MAX, 0, &first), IOMMU_ENOSPC);
	/* Freed on one CPU, needed on the other, in another size. */
	for (i = 1; i <= 64; i++)
		iommu_iova_cache_free(f.cache, i, 0);
	assert_int_equal(taken(&f), 64);
	current_cpu = 1;
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 5, UINT64_MAX, 0, &first), 0);
	assert_int_equal(first, 32);
	assert_int_equal(taken(&f), 32);
	iommu_iova_cache_free(f.cache, first, 5);
	end(&f);
}

/*
 * Exclusive CPUs cannot be drained by others, and must not make a space look full: in a small one
 * they keep nothing, in a larger one a quarter at most; and a CPU that finds no place asks, and
 * gets what the others had at their next call.
 */
static void exclusive_cpus_do_not_hoard(void **state)
{
	static const uint64_t sizes[] = {15, 1000, 16000};
	static uint64_t ranges[16000];
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct iommu_iova_cache_config config = {NULL, 0, IOMMU_IOVA_CACHE_CPU_EXCLUSIVE};
		struct iommu_iova_stats stats;
		struct iommu_iova_cache *cache;
		struct fixture f;
		uint64_t count = 0;

		begin(&f, sizes[i], 0, 0);
		config.space = f.space;
		assert_int_equal(iommu_iova_cache_create(&config, &cache), 0);
		current_cpu = 1;
		while (iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &ranges[count]) == 0)
			count++;
		assert_true(count >= sizes[i] - 1);
		while (count != 0)
			iommu_iova_cache_free(cache, ranges[--count], 0);
		iommu_iova_get_stats(f.space, &stats);
		assert_true(stats.taken <= sizes[i] / 4);
		/* No other CPU is kept from the rest. */
		current_cpu = 0;
		while (iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &ranges[count]) == 0)
			count++;
		assert_true(count >= sizes[i] - 1 - sizes[i] / 4);
		/* The other one gives what it has as soon as it comes by. */
		current_cpu = 1;
		iommu_iova_cache_free(cache, ranges[--count], 0);
		current_cpu = 0;
		while (iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &ranges[count]) == 0)
			count++;
		assert_true(count >= sizes[i] - 2);
		while (count != 0)
			iommu_iova_cache_free(cache, ranges[--count], 0);
		iommu_iova_cache_destroy(cache);
		end(&f);
	}
}

/*
 * What only a few address bits reach is not with other CPUs, wherever it was freed; nor what fills
 * the caches of a hundred CPUs.
 */
static void exclusive_cpus_leave_the_lowest_addresses(void **state)
{
	static const uint64_t limits[] = {4095, (1 << 18) - 1};
	static uint64_t ranges[1 << 18];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct iommu_iova_cache *cache;
		struct fixture f;
		uint64_t count = 0, high, n;
		struct iommu_iova_cache_config config = {
			NULL, 8, IOMMU_IOVA_CACHE_CPU_EXCLUSIVE | IOMMU_IOVA_CACHE_LINES};

		begin(&f, (1ULL << 36) - 1, 0, 0);
		config.space = f.space;
		assert_int_equal(iommu_iova_cache_create(&config, &cache), 0);
		current_cpu = 1;
		/* Not once more: to fail would drain it. */
		for (; count < limits[i]; count++)
			assert_int_equal(
				iommu_iova_cache_alloc(cache, 0, limits[i], 0, &ranges[count]), 0);
		/* There is room in its caches. */
		assert_int_equal(iommu_iova_cache_alloc(cache, 0, UINT64_MAX, 0, &high), 0);
		iommu_iova_cache_free(cache, high, 0);
		for (n = 0; n < count; n++)
			iommu_iova_cache_free(cache, ranges[n], 0);
		current_cpu = 0;
		count = 0;
		while (iommu_iova_cache_alloc(cache, 0, limits[i], 0, &ranges[count]) == 0)
			count++;
		assert_int_equal(count, limits[i]);
		while (count != 0)
			iommu_iova_cache_free(cache, ranges[--count], 0);
		iommu_iova_cache_destroy(cache);
		end(&f);
	}
}

static void creation_fails_cleanly(void **state)
{
	struct iommu_iova_cache *cache;
	struct iommu_iova_cache_config config;
	struct fixture f;
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin(&f, 100, 1, 0);
	config = (struct iommu_iova_cache_config){f.space, 8, 0x80};
	assert_int_equal(iommu_iova_cache_create(&config, &cache), IOMMU_EINVAL);
	config = (struct iommu_iova_cache_config){f.space, 5000, 0};
	assert_int_equal(iommu_iova_cache_create(&config, &cache), IOMMU_EINVAL);
	config = (struct iommu_iova_cache_config){f.space, 8, 0};
	cpus_now = 0;
	assert_int_equal(iommu_iova_cache_create(&config, &cache), IOMMU_EINVAL);
	cpus_now = 4097;
	assert_int_equal(iommu_iova_cache_create(&config, &cache), IOMMU_EINVAL);
	cpus_now = 33; /* more than a page has slots for */
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		const size_t pages = f.test.hosted.pages_in_use;

		f.test.fail_after = f.test.allocations + n;
		status = iommu_iova_cache_create(&config, &cache);
		f.test.fail_after = 0;
		if (status != 0)
			assert_int_equal(f.test.hosted.pages_in_use, pages);
	}
	assert_int_equal(status, 0);
	assert_int_equal(n, 5); /* the cache, and two pages */
	/* No depot at all is fine, too: what does not fit goes to the tree. */
	iommu_iova_cache_destroy(cache);
	config.depot_magazines = 0;
	assert_int_equal(iommu_iova_cache_create(&config, &cache), 0);
	iommu_iova_cache_destroy(cache);
	end(&f);
}

/*
 * A page of slots for 32 CPUs, in single pages: also on the largest of hosts, whose CPUs all have
 * their own.
 */
static void many_cpus_take_few_bytes(void **state)
{
	static const unsigned int counts[] = {1, 2, 32, 33, 64, 256, 1024, 4096};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct iommu_iova_cache_config config = {NULL, 32, 0};
		struct iommu_iova_cache *cache;
		struct fixture f;
		unsigned int n;
		uint64_t first;
		size_t pages;

		begin(&f, 1 << 20, 0, 0);
		config.space = f.space;
		cpus_now = counts[i];
		pages = f.test.hosted.pages_in_use;
		f.test.largest_order = 0;
		assert_int_equal(iommu_iova_cache_create(&config, &cache), 0);
		assert_int_equal(f.test.hosted.pages_in_use - pages, 1 + (counts[i] + 31) / 32);
		assert_int_equal(f.test.largest_order, 0);
		/* The last CPU's cache is its own. */
		first = take(&f, 0);
		iommu_iova_cache_free_on(cache, counts[i] - 1, first, 0);
		for (n = 0; n < counts[i] - 1; n += 1 + n / 64) {
			uint64_t other = 0;

			assert_int_equal(iommu_iova_cache_alloc_on(cache, n, 0, first, 0, &other),
					 0);
			assert_int_not_equal(other, first);
			assert_int_equal(iommu_iova_free_at(f.space, other), 0);
		}
		iommu_iova_cache_destroy(cache);
		end(&f);
	}
}

/* --- Neighbours ------------------------------------------------------------------------------- */

#define LINE 8U /* granules whose page-table entries are a cache line */

/* A CPU's first addresses are those of a line, which no other CPU has a part of. */
static void cpus_have_lines_of_their_own(void **state)
{
	static const unsigned int flags[] = {
		IOMMU_IOVA_CACHE_LINES, IOMMU_IOVA_CACHE_LINES | IOMMU_IOVA_CACHE_CPU_EXCLUSIVE};
	struct iommu_iova_stats stats;
	struct fixture f;
	unsigned int i, order, n;

	(void)state;
	for (i = 0; i < 2; i++)
		for (order = 0; order < 4; order++) {
			const unsigned int pieces = LINE >> order;
			uint64_t firsts[2 * LINE], lines[2] = {0};

			begin(&f, 1 << 20, 4, flags[i]);
			for (n = 0; n < 2 * pieces; n++) {
				current_cpu = n % 2;
				firsts[n] = take(&f, order);
				if (n < 2)
					lines[n] = firsts[n] / LINE;
				assert_int_equal(firsts[n] / LINE, lines[n % 2]);
				if (n >= 2)
					assert_int_not_equal(firsts[n], firsts[n - 2]);
			}
			assert_int_not_equal(lines[0], lines[1]);
			/* All of both, in pieces that are given back one by one. */
			iommu_iova_get_stats(f.space, &stats);
			assert_int_equal(stats.taken, 2 * LINE);
			assert_int_equal(stats.ranges, 2 * pieces);
			for (n = 0; n < 2 * pieces; n++)
				assert_int_equal(iommu_iova_free_at(f.space, firsts[n]), 0);
			iommu_iova_get_stats(f.space, &stats);
			assert_int_equal(stats.largest_gap, 1 << 20);
			end(&f);
		}
	/* Larger ranges than a line, and others' lines, come as they are asked for. */
	begin(&f, 1 << 20, 4, IOMMU_IOVA_CACHE_LINES);
	iommu_iova_cache_free(f.cache, take(&f, 4), 4);
	assert_int_equal(taken(&f), 16);
	end(&f);
}

/* Without memory, or without room, or in a small space, there is an address all the same. */
static void a_line_that_cannot_be_had_is_an_address(void **state)
{
	uint64_t first = 0, least = 0;
	struct fixture f;
	unsigned int nth;

	(void)state;
	/* A space of 2 CPUs of which each could have a 64th. */
	begin(&f, 2 * 512 - 1, 4, IOMMU_IOVA_CACHE_LINES);
	iommu_iova_cache_free(f.cache, take(&f, 0), 0);
	assert_int_equal(taken(&f), 1);
	end(&f);
	begin(&f, 2 * 512 + 1, 4, IOMMU_IOVA_CACHE_LINES);
	iommu_iova_cache_free(f.cache, take(&f, 0), 0);
	assert_int_equal(taken(&f), LINE);
	end(&f);
	/* Each allocation of the host's pages fails in turn. */
	for (nth = 1; nth < 8; nth++) {
		begin(&f, 1 << 20, 4, IOMMU_IOVA_CACHE_LINES);
		f.test.fail_after = f.test.allocations + nth;
		if (iommu_iova_cache_alloc(f.cache, 0, UINT64_MAX, 0, &first) == 0)
			iommu_iova_cache_free(f.cache, first, 0);
		else
			least = nth;
		f.test.fail_after = 0;
		end(&f);
	}
	assert_int_equal(least, 1); /* only a space without any handle has no address */
	/* Below a limit where no whole line is free. */
	begin(&f, 1 << 20, 4, IOMMU_IOVA_CACHE_LINES);
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 0, 12, 0, &first), 0);
	assert_true(first <= 12);
	assert_int_equal(taken(&f), 1);
	iommu_iova_cache_free(f.cache, first, 0);
	end(&f);
}

/* --- Threads ---------------------------------------------------------------------------------- */

struct exchange {
	struct fixture *fixture;
	unsigned int cpu;
	uint64_t *slots; /* 64 of them: first granule << 3 | order, or 0; atomic */
	int failures;
	bool own; /* free only what this thread allocated */
};

static void *exchange_ranges(void *argument)
{
	struct exchange *e = argument;
	struct iommu_iova_cache *cache = e->fixture->cache;
	struct test_random random = {e->cpu};
	uint64_t mine[64] = {0};
	unsigned int i;

	current_cpu = e->cpu;
	for (i = 0; i < 30000; i++) {
		const unsigned int order = (unsigned int)test_random_below(&random, 7);
		const uint64_t at = test_random_below(&random, 64);
		uint64_t first = 0, old;

		if (iommu_iova_cache_alloc(cache, order, UINT64_MAX, 0, &first) != 0) {
			e->failures++;
			continue;
		}
		old = __atomic_exchange_n(e->own ? &mine[at] : &e->slots[at], first << 3 | order,
					  __ATOMIC_ACQ_REL);
		if (old != 0)
			iommu_iova_cache_free(cache, old >> 3, (unsigned int)old & 7);
		/* A CPU goes away and comes back now and then. */
		if (i % 1000 == 999)
			iommu_iova_cache_drain_cpu(cache, e->cpu);
		if (i % 1500 == 1499)
			iommu_iova_cache_trim(cache);
	}
	for (i = 0; i < 64; i++)
		if (mine[i] != 0)
			iommu_iova_cache_free(cache, mine[i] >> 3, (unsigned int)mine[i] & 7);
	return NULL;
}

static void run_threads(unsigned int flags, unsigned int threads_per_cpu)
{
	struct exchange exchanges[4];
	pthread_t threads[4];
	static uint64_t slots[64];
	struct fixture f;
	unsigned int i;

	begin(&f, 1 << 20, 16, flags);
	for (i = 0; i < 2 * threads_per_cpu; i++) {
		exchanges[i] = (struct exchange){&f, i % 2, slots, 0, i == 0};
		assert_int_equal(pthread_create(&threads[i], NULL, exchange_ranges, &exchanges[i]),
				 0);
	}
	for (i = 0; i < 2 * threads_per_cpu; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(exchanges[i].failures, 0);
	}
	for (i = 0; i < 64; i++) {
		if (slots[i] != 0)
			iommu_iova_cache_free(f.cache, slots[i] >> 3, (unsigned int)slots[i] & 7);
		slots[i] = 0;
	}
	end(&f);
}

static void threads_share_cpus(void **state)
{
	(void)state;
	run_threads(0, 2);
	run_threads(IOMMU_IOVA_CACHE_LINES, 2);
}

static void exclusive_cpus_need_no_lock(void **state)
{
	(void)state;
	run_threads(IOMMU_IOVA_CACHE_CPU_EXCLUSIVE, 1);
	run_threads(IOMMU_IOVA_CACHE_CPU_EXCLUSIVE | IOMMU_IOVA_CACHE_LINES, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_freed_comes_back),
		cmocka_unit_test(interrupts_are_masked_around_a_cpu),
		cmocka_unit_test(interrupts_are_masked_on_the_shortest_way),
		cmocka_unit_test(limits_hold_for_what_is_cached),
		cmocka_unit_test(low_ranges_go_first),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_cache_does_not_depend_on_memory),
		cmocka_unit_test(any_size_is_served),
		cmocka_unit_test(wishes_of_cached_sizes_are_checked),
		cmocka_unit_test(many_cpus_take_few_bytes),
		cmocka_unit_test(cpus_have_lines_of_their_own),
		cmocka_unit_test(a_line_that_cannot_be_had_is_an_address),
		cmocka_unit_test(an_exhausted_space_uses_what_is_cached),
		cmocka_unit_test(exclusive_cpus_do_not_hoard),
		cmocka_unit_test(exclusive_cpus_leave_the_lowest_addresses),
		cmocka_unit_test(creation_fails_cleanly),
		cmocka_unit_test(threads_share_cpus),
		cmocka_unit_test(exclusive_cpus_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
