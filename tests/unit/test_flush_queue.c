/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lazy invalidation, above a domain that counts its invalidations: real page tables, and an
 * invalidation that the test can delay or refuse. The rule, checked at every reuse: no address
 * comes back before an invalidation that started after its unmap has completed.
 */
#include <pthread.h>
#include <string.h>

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "test.h"
#include "test_platform.h"

#define GRANULES 4096

struct fixture {
	struct test_platform test;
	struct iommu_domain domain; /* the back end: embedded as a back end would */
	struct iommu_pgtable pt;
	struct iommu_iova_space *space;
	struct iommu_iova_cache *cache;
	struct iommu_flush_queue *queue;
	uint64_t clock_ns;
	uint64_t clock_reads;
	/* A number for each event; the atomic fields below are read by several threads. */
	uint64_t events;
	uint64_t unmapped_at[GRANULES];
	uint64_t confirmed_from; /* when the latest invalidation that completed had started */
	uint64_t tables_at;      /* when a table was last unlinked */
	uint64_t flushes;
	bool refuse;
	bool fail_unmap; /* half way: what is cleared is cleared */
	int violations;
};

static uint64_t event(struct fixture *f)
{
	return __atomic_add_fetch(&f->events, 1, __ATOMIC_SEQ_CST);
}

static struct fixture *fixture_of(struct iommu_domain *domain)
{
	return iommu_container_of(domain, struct fixture, domain);
}

static int domain_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	struct fixture *f = fixture_of(domain);
	int status = iommu_vtdss_unmap(&f->pt, iova, size, flags, gather, unmapped);
	uint64_t now = event(f), i;

	for (i = iova / 4096; status == 0 && i < (iova + size) / 4096 && i < GRANULES; i++)
		__atomic_store_n(&f->unmapped_at[i], now, __ATOMIC_RELAXED);
	if (gather->freed != 0)
		__atomic_store_n(&f->tables_at, now, __ATOMIC_RELAXED);
	return f->fail_unmap ? IOMMU_ENOMEM : status;
}

static int domain_flush_all(struct iommu_domain *domain)
{
	struct fixture *f = fixture_of(domain);
	uint64_t started = event(f), seen;

	__atomic_add_fetch(&f->flushes, 1, __ATOMIC_RELAXED);
	if (__atomic_load_n(&f->refuse, __ATOMIC_RELAXED))
		return IOMMU_ETIMEDOUT;
	seen = __atomic_load_n(&f->confirmed_from, __ATOMIC_SEQ_CST);
	while (seen < started &&
	       !__atomic_compare_exchange_n(&f->confirmed_from, &seen, started, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return 0;
}

static void domain_free_gathered(struct iommu_domain *domain, struct iommu_gather *gather)
{
	iommu_vtdss_free_gathered(&fixture_of(domain)->pt, gather);
}

static int domain_sync(struct iommu_domain *domain, struct iommu_gather *gather)
{
	int status = domain_flush_all(domain);

	if (status == 0)
		domain_free_gathered(domain, gather);
	return status;
}

static const struct iommu_domain_ops ops = {
	.unmap_pages = domain_unmap,
	.flush_all = domain_flush_all,
	.free_gathered = domain_free_gathered,
	.sync = domain_sync,
};

static __thread unsigned int current_cpu;

static unsigned int test_cpu_id(void *ctx)
{
	(void)ctx;
	return current_cpu;
}

static unsigned int test_cpu_count(void *ctx)
{
	(void)ctx;
	return 2;
}

/* Time that the test moves. */
static uint64_t test_clock(void *ctx)
{
	struct fixture *f = iommu_container_of(ctx, struct fixture, test);

	__atomic_add_fetch(&f->clock_reads, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&f->clock_ns, __ATOMIC_RELAXED);
}

static void begin_with(struct fixture *f, unsigned int entries, uint64_t max_bytes,
		       unsigned int flags)
{
	struct iommu_pgtable_config table = {
		.platform = &f->test.platform,
		.levels = 3,
		.input_bits = 39,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K,
	};
	struct iommu_iova_config space;
	struct iommu_iova_cache_config cache;
	struct iommu_flush_queue_config queue;

	memset(f, 0, sizeof(*f));
	current_cpu = 0;
	test_platform_init(&f->test, 1 << 26, 0);
	f->test.platform.cpu_id = test_cpu_id;
	f->test.platform.cpu_count = test_cpu_count;
	f->test.platform.now_ns = test_clock;
	f->domain.ops = &ops;
	assert_int_equal(iommu_vtdss_init(&f->pt, &table), 0);
	space = (struct iommu_iova_config){
		.platform = &f->test.platform, .granule = 4096, .first = 1, .last = GRANULES - 1};
	assert_int_equal(iommu_iova_space_create(&space, &f->space), 0);
	cache = (struct iommu_iova_cache_config){f->space, 8, 0};
	assert_int_equal(iommu_iova_cache_create(&cache, &f->cache), 0);
	queue = (struct iommu_flush_queue_config){
		.platform = &f->test.platform,
		.domain = &f->domain,
		.cache = f->cache,
		.granule = 4096,
		.entries = entries,
		.max_bytes = max_bytes,
		.max_age_ns = 1000,
		.flags = flags,
	};
	assert_int_equal(iommu_flush_queue_create(&queue, &f->queue), 0);
}

static void begin(struct fixture *f, unsigned int entries, uint64_t max_bytes)
{
	begin_with(f, entries, max_bytes, 0);
}

static void end(struct fixture *f)
{
	assert_int_equal(iommu_flush_queue_destroy(f->queue), 0);
	iommu_iova_cache_destroy(f->cache);
	iommu_iova_space_destroy(f->space);
	iommu_vtdss_destroy(&f->pt);
	test_platform_destroy(&f->test);
	assert_int_equal(f->violations, 0);
}

/* Take a range, map it, and check that it may be used again. */
static uint64_t use(struct fixture *f, unsigned int order)
{
	struct iommu_gather gather;
	uint64_t first = 0, mapped, i;

	if (iommu_iova_cache_alloc(f->cache, order, UINT64_MAX, 0, &first) != 0)
		return 0;
	for (i = first; i < first + (1ULL << order); i++) {
		uint64_t unmapped = __atomic_load_n(&f->unmapped_at[i], __ATOMIC_RELAXED);

		if (unmapped != 0 &&
		    unmapped > __atomic_load_n(&f->confirmed_from, __ATOMIC_SEQ_CST))
			__atomic_add_fetch(&f->violations, 1, __ATOMIC_RELAXED);
	}
	iommu_gather_init(&gather);
	if (iommu_vtdss_map(&f->pt, first * 4096, first * 4096, 4096ULL << order, IOMMU_PROT_READ,
			    &gather, &mapped) != 0)
		__atomic_add_fetch(&f->violations, 1, __ATOMIC_RELAXED);
	return first;
}

static struct iommu_flush_queue_stats stats_of(struct fixture *f)
{
	struct iommu_flush_queue_stats stats;

	iommu_flush_queue_get_stats(f->queue, &stats);
	return stats;
}

static void a_range_waits_for_an_invalidation(void **state)
{
	struct fixture f;
	uint64_t first;

	(void)state;
	begin(&f, 8, 0);
	first = use(&f, 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, first, 0), 0);
	assert_int_equal(iommu_vtdss_iova_to_phys(&f.pt, first * 4096, NULL, NULL), IOMMU_ENOENT);
	assert_int_equal(f.flushes, 0); /* lazy */
	assert_int_equal(stats_of(&f).entries, 1);
	assert_int_equal(stats_of(&f).bytes, 4096);
	assert_int_not_equal(use(&f, 0), first); /* not yet */
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	assert_int_equal(stats_of(&f).entries, 0);
	assert_int_equal(use(&f, 0), first); /* now */
	end(&f);
}

/* The ring is bounded in entries, in bytes and in age; reaching a bound costs one invalidation. */
static void bounds_are_kept(void **state)
{
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 8, 0);
	for (i = 0; i < 64; i++) {
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		assert_true(stats_of(&f).entries <= 8);
	}
	assert_int_equal(f.flushes, 7); /* one for eight */
	end(&f);

	begin(&f, 100, 10 * 4096);
	for (i = 0; i < 50; i++) {
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 2), 2), 0);
		assert_true(stats_of(&f).bytes <= 10 * 4096);
	}
	/* A range larger than the bound still goes through, alone. */
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 4), 4), 0);
	assert_int_equal(stats_of(&f).entries, 1);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(stats_of(&f).entries, 1); /* … and holds no other entry back */
	end(&f);
}

/*
 * Age is the tick's: nothing waits longer than max_age_ns and one tick. What was confirmed by
 * another invalidation begins anew, and a silence costs none.
 */
static void a_tick_flushes_what_is_too_old(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 100, 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	f.clock_ns = 1000;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 0); /* not too old yet */
	f.clock_ns = 1001;
	current_cpu = 1; /* a timer on another CPU */
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(stats_of(&f).entries, 0);
	f.clock_ns = 100000;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 1); /* nothing to do */
	/* After an invalidation for another reason what is queued is young. */
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	f.clock_ns = 101000;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 2);
	assert_int_equal(stats_of(&f).entries, 1);
	/* One that is refused confirms nothing: the next tick tries again. */
	f.refuse = true;
	f.clock_ns = 101001;
	assert_int_equal(iommu_flush_queue_tick(f.queue), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_flush_queue_tick(f.queue), IOMMU_ETIMEDOUT);
	f.refuse = false;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(stats_of(&f).entries, 0);
	end(&f);
}

/* The clock may be slow to read: unmapping does without, but for one look for each invalidation. */
static void unmapping_reads_no_clock(void **state)
{
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 100, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.clock_reads, 0);
	assert_int_equal(f.flushes, 0);
	for (i = 0; i < 1000; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 10);
	assert_int_equal(f.clock_reads, 10);
	end(&f);
}

static void without_a_clock_every_tick_flushes(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 100, 0);
	f.test.platform.now_ns = NULL;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(stats_of(&f).entries, 0);
	end(&f);
}

/*
 * A ring is made for the first unmap of a CPU, as large as there is memory for; without any, unmaps
 * are strict.
 */
static void rings_are_made_on_demand(void **state)
{
	struct iommu_iova_stats space;
	struct fixture f;
	uint64_t ranges[200];
	unsigned int i;

	(void)state;
	begin(&f, 256, 0);
	for (i = 0; i < 200; i++)
		ranges[i] = use(&f, 0);
	f.test.fail_after = 1;
	assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[0], 0), 0);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(stats_of(&f).entries, 0);
	/* Not confirmed: it is the caller's to keep. */
	f.refuse = true;
	assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[1], 0), IOMMU_ETIMEDOUT);
	f.refuse = false;
	iommu_iova_get_stats(f.space, &space);
	assert_int_equal(space.taken, 199); /* nowhere to cache the other, either */
	assert_int_equal(iommu_iova_free_at(f.space, ranges[1]), 0);
	f.flushes = 0;
	/* Two pages are not to be had, one is: 128 entries. */
	f.test.fail_after = 0;
	f.test.fail_every = f.test.allocations + 1;
	for (i = 2; i < 130; i++) {
		assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[i], 0), 0);
		f.test.fail_every = 0;
	}
	assert_int_equal(f.flushes, 0);
	assert_int_equal(stats_of(&f).entries, 128);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[130], 0), 0);
	assert_int_equal(f.flushes, 1);
	for (i = 131; i < 200; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[i], 0), 0);
	end(&f);
}

/* Any number of granules, which go back as a range of just so many. */
static void ranges_of_any_size_wait_too(void **state)
{
	const struct iommu_iova_request request = {.size = 300, .limit = UINT64_MAX};
	struct iommu_iova_stats space;
	struct iommu_gather gather;
	uint64_t first, mapped;
	struct fixture f;

	(void)state;
	begin(&f, 8, 0);
	assert_int_equal(iommu_iova_cache_alloc_size(f.cache, &request, &first), 0);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_map(&f.pt, first * 4096, 0, 300 * 4096, IOMMU_PROT_READ,
					 &gather, &mapped),
			 0);
	assert_int_equal(iommu_flush_queue_unmap_size(f.queue, first, 300), 0);
	assert_int_equal(stats_of(&f).bytes, 300 * 4096);
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	iommu_iova_get_stats(f.space, &space);
	assert_int_equal(space.taken, 0);
	assert_int_equal(iommu_flush_queue_unmap_size(f.queue, first, 0), IOMMU_EINVAL);
	assert_int_equal(iommu_flush_queue_unmap_size(f.queue, first, UINT64_MAX >> 11),
			 IOMMU_EINVAL);
	end(&f);
}

/* One invalidation retires what every CPU had queued before it. */
static void one_invalidation_serves_all_cpus(void **state)
{
	struct fixture f;
	unsigned int cpu;

	(void)state;
	begin(&f, 8, 0);
	for (cpu = 0; cpu < 2; cpu++) {
		current_cpu = cpu;
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	}
	assert_int_equal(stats_of(&f).entries, 2);
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	assert_int_equal(f.flushes, 1);
	assert_int_equal(stats_of(&f).entries, 0);
	end(&f);
}

/*
 * What an invalidation of another CPU has made safe is released by the next call that queues, one
 * entry or several; and only that.
 */
static void what_became_safe_goes_with_the_next(void **state)
{
	struct fixture f;
	unsigned int count, i;

	(void)state;
	for (count = 1; count < 5; count++) {
		begin(&f, 8, 0);
		current_cpu = 1;
		for (i = 0; i < count; i++)
			assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		current_cpu = 0;
		for (i = 0; i < 9; i++)
			assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		assert_int_equal(f.flushes, 1);
		assert_int_equal(stats_of(&f).entries, count + 1);
		current_cpu = 1;
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		assert_int_equal(f.flushes, 1);
		assert_int_equal(stats_of(&f).entries, 2);
		end(&f);
	}
}

/* Table pages ride along: not given to the host before the invalidation. */
/* One ring: what either CPU queues counts for both, and one invalidation frees it. */
static void one_ring_serves_all_cpus(void **state)
{
	struct fixture f;
	size_t pages;
	unsigned int i;

	(void)state;
	begin_with(&f, 8, 0, IOMMU_FLUSH_QUEUE_SINGLE);
	(void)use(&f, 0);
	pages = f.test.hosted.pages_in_use;
	for (i = 0; i < 64; i++) {
		current_cpu = i % 2;
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		assert_true(stats_of(&f).entries <= 8);
	}
	assert_int_equal(f.flushes, 7);
	/* The ring, and what the other CPU's cache of addresses takes. */
	assert_true(f.test.hosted.pages_in_use <= pages + 4);
	current_cpu = 0;
	end(&f);
	/* It may have more entries than one of a CPU. */
	begin_with(&f, 2048, 0, IOMMU_FLUSH_QUEUE_SINGLE);
	for (i = 0; i < 2048; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 1);
	end(&f);
}

/* Under load a ring grows to what it may hold; in a quiet time it shrinks, and ages sooner. */
static void limits_follow_the_load(void **state)
{
	struct fixture f;
	uint64_t flushes;
	unsigned int i;

	(void)state;
	begin_with(&f, 64, 0, IOMMU_FLUSH_QUEUE_ADAPTIVE);
	for (i = 0; i < 8; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 0);
	/* An eighth: then 16, 32, and all 64 entries for one invalidation. */
	for (i = 0; i < 16 + 32 + 64; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 3);
	flushes = f.flushes;
	for (i = 0; i < 640; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes - flushes, 10);
	/* With all entries goes all of the age. */
	f.clock_ns = 1000;
	flushes = f.flushes;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, flushes);
	f.clock_ns = 1001;
	assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
	assert_int_equal(f.flushes, flushes + 1);
	/* Nearly empty rings are halved, down to an eighth of entries and age. */
	for (i = 0; i < 5; i++) {
		static const unsigned int ages[] = {1000, 500, 250, 125, 125};

		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
		f.clock_ns += ages[i];
		assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
		assert_int_equal(stats_of(&f).entries, 1);
		f.clock_ns++;
		assert_int_equal(iommu_flush_queue_tick(f.queue), 0);
		assert_int_equal(stats_of(&f).entries, 0);
	}
	flushes = f.flushes;
	for (i = 0; i < 9; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, flushes + 1);
	end(&f);
	/* A ring of the least size does not shrink below two. */
	begin_with(&f, 2, 0, IOMMU_FLUSH_QUEUE_ADAPTIVE | IOMMU_FLUSH_QUEUE_SINGLE);
	for (i = 0; i < 20; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(f.flushes, 9);
	end(&f);
}

static void table_pages_ride_along(void **state)
{
	struct iommu_gather gather;
	struct fixture f;
	uint64_t mapped, first = 0;
	size_t pages;

	(void)state;
	begin(&f, 8, 0);
	/* 512 granules at a border: a lowest table of its own. */
	assert_int_equal(iommu_iova_cache_alloc(f.cache, 9, UINT64_MAX, 0, &first), 0);
	iommu_gather_init(&gather);
	assert_int_equal(iommu_vtdss_map(&f.pt, first * 4096, 0, 512 * 4096, IOMMU_PROT_READ,
					 &gather, &mapped),
			 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(iommu_flush_queue_flush(f.queue),
			 0); /* the ring and the cache are there */
	pages = f.test.hosted.pages_in_use;
	assert_int_equal(iommu_flush_queue_unmap(f.queue, first, 9), 0);
	assert_int_not_equal(f.tables_at, 0);
	assert_int_equal(f.test.hosted.pages_in_use, pages);
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	assert_int_equal(f.test.hosted.pages_in_use, pages - 1);
	end(&f);
}

/* Hardware does not confirm: no entry leaves; a full ring is an error; later all is well. */
static void unconfirmed_entries_stay(void **state)
{
	uint64_t ranges[6], taken;
	struct iommu_iova_stats space;
	struct fixture f;
	unsigned int i;

	(void)state;
	begin(&f, 4, 0);
	for (i = 0; i < 6; i++)
		ranges[i] = use(&f, 0);
	f.refuse = true;
	for (i = 0; i < 4; i++)
		assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[i], 0), 0);
	assert_int_equal(iommu_flush_queue_flush(f.queue), IOMMU_ETIMEDOUT);
	assert_int_equal(stats_of(&f).entries, 4);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[4], 0), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_flush_queue_destroy(f.queue), IOMMU_ETIMEDOUT);
	/* Too old, but with room: it may wait with the others. */
	f.refuse = false;
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	assert_int_equal(stats_of(&f).entries, 0);
	f.refuse = true;
	assert_int_equal(iommu_flush_queue_unmap(f.queue, ranges[5], 0), 0);
	f.clock_ns = 5000;
	assert_int_equal(iommu_flush_queue_tick(f.queue), IOMMU_ETIMEDOUT);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	assert_int_equal(stats_of(&f).entries, 2);
	f.refuse = false;
	assert_int_equal(iommu_flush_queue_flush(f.queue), 0);
	/* Only the one that was refused is still taken; the others are in the cache. */
	iommu_iova_cache_drain(f.cache);
	iommu_iova_get_stats(f.space, &space);
	taken = space.taken;
	assert_int_equal(taken, 1);
	assert_int_equal(iommu_iova_free_at(f.space, ranges[4]), 0);
	end(&f);
}

/* One entry is as much as many: an end invalidates it, or does not come. */
static void the_last_entry_ends_with_its_queue(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, 4, 0);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, use(&f, 0), 0), 0);
	f.refuse = true;
	assert_int_equal(iommu_flush_queue_destroy(f.queue), IOMMU_ETIMEDOUT);
	assert_int_equal(stats_of(&f).entries, 1);
	f.refuse = false;
	end(&f);
	assert_int_equal(f.flushes, 2);
	/* Of none there is nothing to ask hardware. */
	begin(&f, 4, 0);
	f.refuse = true;
	end(&f);
	assert_int_equal(f.flushes, 0);
}

/* An unmap that fails half way leaves nothing on its gather: table pages are counted. */
static void a_failed_unmap_loses_no_table(void **state)
{
	struct fixture f;
	size_t before;
	uint64_t first;

	(void)state;
	begin(&f, 8, 0);
	first = use(&f, 9); /* a table of its own */
	before = f.test.hosted.pages_in_use;
	f.fail_unmap = true;
	assert_int_equal(iommu_flush_queue_unmap(f.queue, first, 9), IOMMU_ENOMEM);
	f.fail_unmap = false;
	assert_int_equal(f.flushes, 1);
	assert_int_equal(stats_of(&f).entries, 0);
	assert_int_equal(f.test.hosted.pages_in_use, before - 1);
	end(&f);
}

static void bad_arguments_are_refused(void **state)
{
	struct iommu_flush_queue_config config;
	struct iommu_flush_queue *queue;
	struct fixture f;
	unsigned int n;
	int status = IOMMU_ENOMEM;

	(void)state;
	begin(&f, 8, 0);
	config = (struct iommu_flush_queue_config){.platform = &f.test.platform,
						   .domain = &f.domain,
						   .cache = f.cache,
						   .granule = 4096};
	config.entries = 1;
	assert_int_equal(iommu_flush_queue_create(&config, &queue), IOMMU_EINVAL);
	config.entries = 5000;
	assert_int_equal(iommu_flush_queue_create(&config, &queue), IOMMU_EINVAL);
	config.entries = 0;
	config.granule = 5000;
	assert_int_equal(iommu_flush_queue_create(&config, &queue), IOMMU_EINVAL);
	config.granule = 4096;
	config.flags = 4;
	assert_int_equal(iommu_flush_queue_create(&config, &queue), IOMMU_EINVAL);
	config.flags = 0;
	config.platform = NULL;
	assert_int_equal(iommu_flush_queue_create(&config, &queue), IOMMU_EINVAL);
	config.platform = &f.test.platform;
	for (n = 1; status == IOMMU_ENOMEM; n++) {
		const size_t pages = f.test.hosted.pages_in_use;

		f.test.fail_after = f.test.allocations + n;
		status = iommu_flush_queue_create(&config, &queue);
		f.test.fail_after = 0;
		if (status != 0)
			assert_int_equal(f.test.hosted.pages_in_use, pages);
	}
	assert_int_equal(status, 0);
	assert_int_equal(n, 4); /* two allocations */
	assert_int_equal(iommu_flush_queue_destroy(queue), 0);
	/* What unmap refuses is refused, and nothing is queued. */
	assert_int_equal(iommu_flush_queue_unmap(f.queue, 1ULL << 40, 0), IOMMU_ERANGE);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, 1, 52), IOMMU_EINVAL);
	assert_int_equal(iommu_flush_queue_unmap(f.queue, UINT64_MAX, 0), IOMMU_EINVAL);
	assert_int_equal(stats_of(&f).entries, 0);
	end(&f);
}

struct worker {
	struct fixture *fixture;
	unsigned int cpu;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct fixture *f = worker->fixture;
	struct test_random random = {worker->cpu + 1};
	uint64_t live[32] = {0};
	unsigned int i;

	current_cpu = worker->cpu;
	for (i = 0; i < 20000; i++) {
		const uint64_t at = test_random_below(&random, 32);
		const unsigned int order = (unsigned int)at % 3;

		if (live[at] != 0 && iommu_flush_queue_unmap(f->queue, live[at], order) != 0)
			__atomic_add_fetch(&f->violations, 1, __ATOMIC_RELAXED);
		live[at] = use(f, order);
		if (test_random_below(&random, 500) == 0)
			(void)iommu_flush_queue_flush(f->queue);
		if (test_random_below(&random, 100) == 0) {
			__atomic_add_fetch(&f->clock_ns, 600, __ATOMIC_RELAXED);
			(void)iommu_flush_queue_tick(f->queue);
		}
	}
	for (i = 0; i < 32; i++)
		if (live[i] != 0)
			(void)iommu_flush_queue_unmap(f->queue, live[i], i % 3);
	return NULL;
}

static void threads_keep_the_order(void **state)
{
	struct worker workers[3];
	pthread_t threads[3];
	struct fixture f;
	unsigned int flags, i;

	(void)state;
	for (flags = 0; flags <= (IOMMU_FLUSH_QUEUE_SINGLE | IOMMU_FLUSH_QUEUE_ADAPTIVE); flags++) {
		begin_with(&f, 32, 0, flags);
		for (i = 0; i < 3; i++) {
			workers[i] = (struct worker){&f, i % 2};
			assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
		}
		for (i = 0; i < 3; i++)
			pthread_join(threads[i], NULL);
		end(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_waits_for_an_invalidation),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test(a_tick_flushes_what_is_too_old),
		cmocka_unit_test(unmapping_reads_no_clock),
		cmocka_unit_test(without_a_clock_every_tick_flushes),
		cmocka_unit_test(rings_are_made_on_demand),
		cmocka_unit_test(ranges_of_any_size_wait_too),
		cmocka_unit_test(one_invalidation_serves_all_cpus),
		cmocka_unit_test(what_became_safe_goes_with_the_next),
		cmocka_unit_test(one_ring_serves_all_cpus),
		cmocka_unit_test(limits_follow_the_load),
		cmocka_unit_test(table_pages_ride_along),
		cmocka_unit_test(unconfirmed_entries_stay),
		cmocka_unit_test(the_last_entry_ends_with_its_queue),
		cmocka_unit_test(a_failed_unmap_loses_no_table),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(threads_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
