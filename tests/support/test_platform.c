/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "test_platform.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "test.h"
#include "test_contract.h"

static uint32_t number_of(const struct test_platform *test, const void *pages)
{
	return (uint32_t)((size_t)((const unsigned char *)pages - test->hosted.arena) /
			  IOMMU_PAGE_SIZE);
}

/* The block that was given back last, zeroed; NULL: there is none of this order. */
static void *take_again(struct test_platform *test, unsigned int order)
{
	const size_t size = (size_t)IOMMU_PAGE_SIZE << order;
	unsigned char *pages = NULL;

	if (order >= IOMMU_HOSTED_ORDERS)
		return NULL;
	pthread_mutex_lock(&test->hosted.lock);
	if (test->free[order] != 0) {
		pages = test->hosted.arena + (size_t)(test->free[order] - 1) * IOMMU_PAGE_SIZE;
		test->free[order] = test->free_after[test->free[order] - 1];
		test->hosted.pages_in_use += (size_t)1 << order;
	}
	pthread_mutex_unlock(&test->hosted.lock);
	if (pages == NULL)
		return NULL;
	/* What was given back is not written any more. */
	assert_int_equal(pages[0], TEST_POISON);
	assert_memory_equal(pages, pages + 1, size - 1);
	return memset(pages, 0, size);
}

/* --- Hardware that does not snoop ------------------------------------------------------------- */

/* A valid entry in most tables; and one of a table that leads everywhere in many. */
#define STALE 0x4000000000000009ULL

static size_t offset_of(const struct test_platform *test, const void *virt)
{
	return (size_t)((const unsigned char *)virt - test->hosted.arena);
}

static void see_stale(struct test_platform *test, const void *pages, size_t size)
{
	const uint64_t entry = STALE;
	size_t at;

	if (pages == NULL || test->seen == NULL)
		return;
	for (at = 0; at < size; at += sizeof(entry))
		memcpy(test->seen + offset_of(test, pages) + at, &entry, sizeof(entry));
}

void *test_platform_seen(const struct test_platform *test, iommu_paddr_t paddr)
{
	void *virt = iommu_phys_to_virt(&test->platform, paddr);

	return test->seen != NULL ? test->seen + offset_of(test, virt) : virt;
}

static void test_cache_flush(void *ctx, const void *virt, size_t size)
{
	struct test_platform *test = ctx;

	__atomic_add_fetch(&test->flushes, 1, __ATOMIC_RELAXED);
	if (test->seen != NULL)
		memcpy(test->seen + offset_of(test, virt), virt, size);
}

static void test_cache_write_back(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	const struct test_platform *test = ctx;

	test_cache_flush(ctx, iommu_phys_to_virt(&test->platform, paddr), (size_t)size);
}

static void test_cache_invalidate(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	struct test_platform *test = ctx;

	memcpy(iommu_phys_to_virt(&test->platform, paddr), test_platform_seen(test, paddr),
	       (size_t)size);
}

void test_platform_hide_stores(struct test_platform *test)
{
	assert_null(test->seen);
	test->seen = mmap(NULL, test->hosted.arena_size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(test->seen != MAP_FAILED);
	test->platform.cache_write_back = test_cache_write_back;
	test->platform.cache_invalidate = test_cache_invalidate;
	test->platform.cache_line_size = 64;
}

/* --- Pages ------------------------------------------------------------------------------------ */

static void *test_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct test_platform *test = ctx;
	void *pages;
	uint64_t call = __atomic_add_fetch(&test->allocations, 1, __ATOMIC_RELAXED);

	test_contract_alloc(ctx, order, flags);
	if (order > __atomic_load_n(&test->largest_order, __ATOMIC_RELAXED))
		__atomic_store_n(&test->largest_order, order, __ATOMIC_RELAXED);
	if (test->fail_after != 0 && call >= test->fail_after)
		return NULL;
	if (test->fail_every != 0 && call % test->fail_every == 0)
		return NULL;
	pages = take_again(test, order);
	if (pages == NULL)
		pages = test->hosted.platform.alloc_pages(&test->hosted, order, node, flags);
	see_stale(test, pages, (size_t)IOMMU_PAGE_SIZE << order);
	return pages;
}

static void test_free_pages(void *ctx, void *pages, unsigned int order)
{
	struct test_platform *test = ctx;
	const uint32_t number = number_of(test, pages);

	memset(pages, TEST_POISON, (size_t)IOMMU_PAGE_SIZE << order);
	if (test->seen != NULL)
		memset(test->seen + offset_of(test, pages), TEST_POISON,
		       (size_t)IOMMU_PAGE_SIZE << order);
	pthread_mutex_lock(&test->hosted.lock);
	test->free_after[number] = test->free[order];
	test->free[order] = number + 1;
	test->hosted.pages_in_use -= (size_t)1 << order;
	pthread_mutex_unlock(&test->hosted.lock);
}

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void test_log(void *ctx, enum iommu_log_level level, const char *text)
{
	struct test_platform *test = ctx;

	test_contract_log(level, text);
	pthread_mutex_lock(&log_mutex);
	if (level <= IOMMU_LOG_WARNING)
		test->log_lines++;
	test->lines[level]++;
	snprintf(test->last[level], sizeof(test->last[level]), "%s", text);
	pthread_mutex_unlock(&log_mutex);
	if (!test->quiet && level <= IOMMU_LOG_WARNING)
		fprintf(stderr, "# log: %s\n", text);
}

/*
 * Time that passes only when the clock is read, a microsecond each time: a time-out is a number of
 * polls, and comes out the same on a busy machine.
 */
static uint64_t test_now_ns(void *ctx)
{
	struct test_platform *test = ctx;

	test_contract_clock(ctx);
	__atomic_add_fetch(&test->clock_reads, 1, __ATOMIC_RELAXED);
	return __atomic_add_fetch(&test->clock_ns, 1000, __ATOMIC_RELAXED);
}

/*
 * A mutex that fails the test when the control path is entered from within itself, or left twice.
 * Kept for ever, for reuse: a test of a kernel that dies never destroys its own.
 */
struct test_mutex {
	pthread_mutex_t mutex; /* first: the mutex that the library is given */
	struct test_mutex *next;
	bool is_free;
	void *ctx; /* of the platform that created it */
};

static struct test_mutex *mutexes;
static pthread_mutex_t mutexes_lock = PTHREAD_MUTEX_INITIALIZER;

static struct test_mutex *mutex_take(void)
{
	struct test_mutex *mutex = mutexes;

	while (mutex != NULL && !mutex->is_free)
		mutex = mutex->next;
	if (mutex == NULL) {
		mutex = calloc(1, sizeof(*mutex));
		assert_non_null(mutex);
		mutex->next = mutexes;
		mutexes = mutex;
	}
	mutex->is_free = false;
	return mutex;
}

static void *test_mutex_create(void *ctx)
{
	pthread_mutexattr_t attributes;
	struct test_mutex *mutex;

	pthread_mutex_lock(&mutexes_lock);
	mutex = mutex_take();
	mutex->ctx = ctx;
	pthread_mutex_unlock(&mutexes_lock);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return mutex;
}

/* One that was created, in this context. */
static void check_mutex(const void *ctx, const void *given)
{
	const struct test_mutex *mutex;

	pthread_mutex_lock(&mutexes_lock);
	for (mutex = mutexes; mutex != NULL && mutex != given; mutex = mutex->next)
		;
	pthread_mutex_unlock(&mutexes_lock);
	if (mutex == NULL || mutex->is_free || mutex->ctx != ctx)
		fail_msg("%s", "not a mutex of this platform");
}

static void test_mutex_destroy(void *ctx, void *mutex)
{
	check_mutex(ctx, mutex);
	assert_int_equal(pthread_mutex_destroy(mutex), 0);
	pthread_mutex_lock(&mutexes_lock);
	((struct test_mutex *)mutex)->is_free = true;
	pthread_mutex_unlock(&mutexes_lock);
}

static void test_mutex_lock(void *ctx, void *mutex)
{
	test_contract_no_lock(ctx, "mutex_lock");
	check_mutex(ctx, mutex);
	assert_int_equal(pthread_mutex_lock(mutex), 0);
	test_contract_mutex(true);
}

static void test_mutex_unlock(void *ctx, void *mutex)
{
	check_mutex(ctx, mutex);
	assert_int_equal(pthread_mutex_unlock(mutex), 0);
	test_contract_mutex(false);
}

void test_platform_add_mutex(struct iommu_platform *platform)
{
	platform->mutex_create = test_mutex_create;
	platform->mutex_destroy = test_mutex_destroy;
	platform->mutex_lock = test_mutex_lock;
	platform->mutex_unlock = test_mutex_unlock;
}

static void test_relax(void *ctx)
{
	struct test_platform *test = ctx;

	test->hosted.platform.relax(&test->hosted);
}

static size_t links_size(const struct test_platform *test)
{
	return test->hosted.arena_size / IOMMU_PAGE_SIZE * sizeof(*test->free_after);
}

void test_platform_init(struct test_platform *test, size_t size, iommu_paddr_t base)
{
	memset(test, 0, sizeof(*test));
	assert_int_equal(iommu_hosted_init(&test->hosted, NULL, size, base), 0);
	/* No memory of malloc's: a test of a kernel that dies destroys nothing. */
	test->free_after = mmap(NULL, links_size(test), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(test->free_after != MAP_FAILED);
	test->platform = (struct iommu_platform){
		.ctx = test,
		.alloc_pages = test_alloc_pages,
		.free_pages = test_free_pages,
		.direct_map_offset = test->hosted.platform.direct_map_offset,
		.cache_flush = test_cache_flush,
		.now_ns = test_now_ns,
		.relax = test_relax,
		.irq_save = test_contract_irq_save,
		.irq_restore = test_contract_irq_restore,
		.log = test_log,
		.isolates_interrupts = true,
	};
	test_platform_add_mutex(&test->platform);
	test_contract_begin(test);
}

void test_platform_destroy(struct test_platform *test)
{
	assert_int_equal(test->hosted.pages_in_use, 0);
	munmap(test->free_after, links_size(test));
	if (test->seen != NULL)
		munmap(test->seen, test->hosted.arena_size);
	iommu_hosted_destroy(&test->hosted);
}
