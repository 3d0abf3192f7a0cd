/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "test_platform.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "test_contract.h"

static void *test_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct test_platform *test = ctx;
	uint64_t call = __atomic_add_fetch(&test->allocations, 1, __ATOMIC_RELAXED);

	test_contract_alloc(ctx, order, flags);
	if (order > __atomic_load_n(&test->largest_order, __ATOMIC_RELAXED))
		__atomic_store_n(&test->largest_order, order, __ATOMIC_RELAXED);
	if (test->fail_after != 0 && call >= test->fail_after)
		return NULL;
	if (test->fail_every != 0 && call % test->fail_every == 0)
		return NULL;
	return test->hosted.platform.alloc_pages(&test->hosted, order, node, flags);
}

static void test_free_pages(void *ctx, void *pages, unsigned int order)
{
	struct test_platform *test = ctx;

	memset(pages, TEST_POISON, (size_t)IOMMU_PAGE_SIZE << order);
	test->hosted.platform.free_pages(&test->hosted, pages, order);
}

static void test_cache_flush(void *ctx, const void *virt, size_t size)
{
	struct test_platform *test = ctx;

	(void)virt;
	(void)size;
	__atomic_add_fetch(&test->flushes, 1, __ATOMIC_RELAXED);
}

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static void test_log(void *ctx, enum iommu_log_level level, const char *text)
{
	struct test_platform *test = ctx;

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

	(void)ctx;
	pthread_mutex_lock(&mutexes_lock);
	mutex = mutex_take();
	pthread_mutex_unlock(&mutexes_lock);
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	pthread_mutex_init(&mutex->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return mutex;
}

static void test_mutex_destroy(void *ctx, void *mutex)
{
	(void)ctx;
	assert_int_equal(pthread_mutex_destroy(mutex), 0);
	pthread_mutex_lock(&mutexes_lock);
	((struct test_mutex *)mutex)->is_free = true;
	pthread_mutex_unlock(&mutexes_lock);
}

static void test_mutex_lock(void *ctx, void *mutex)
{
	test_contract_no_lock(ctx, "mutex_lock");
	assert_int_equal(pthread_mutex_lock(mutex), 0);
}

static void test_mutex_unlock(void *ctx, void *mutex)
{
	(void)ctx;
	assert_int_equal(pthread_mutex_unlock(mutex), 0);
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

void test_platform_init(struct test_platform *test, size_t size, iommu_paddr_t base)
{
	memset(test, 0, sizeof(*test));
	assert_int_equal(iommu_hosted_init(&test->hosted, NULL, size, base), 0);
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
	iommu_hosted_destroy(&test->hosted);
}
