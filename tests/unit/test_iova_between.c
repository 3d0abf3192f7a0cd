/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A CPU that frees while another one asks all to drain: that comes behind each instruction of the
 * request in turn, which the processor stops at, unless a lock is held there. When all have
 * answered, the shortest way of freeing is open again. Needs a processor that single-steps itself:
 * x86-64. tests/interleave/iova_cache.c has the same with more CPUs, by accesses.
 */
#define _POSIX_C_SOURCE 200809L
#include <libiommu/iova.h>
#include <signal.h>

#include "iova/cache.h"
#include "iova/space.h"
#include "single_step.h"
#include "test.h"
#include "test_platform.h"

#define CPUS 2U
#define LAST (1U << 18) /* large enough for magazines of the usual size */

static struct iommu_iova_space *space;
static struct iommu_iova_cache *cache;
static unsigned int cpu_now, steps, comes_at;
static uint64_t freed; /* by the CPU that is asked; 0: it was */

static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return cpu_now;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return CPUS;
}

static void free_one(unsigned int cpu, uint64_t first)
{
	const unsigned int before = cpu_now;

	cpu_now = cpu;
	iommu_iova_cache_free(cache, first, 0);
	cpu_now = before;
}

static void count_step(int signal)
{
	(void)signal;
	if (steps++ < comes_at || freed == 0 || space->lock.taken != 0 ||
	    space->cache.lock.taken != 0 || cache->depot_lock.taken != 0 ||
	    cache->magazines.lock.taken != 0)
		return;
	free_one(1, freed);
	freed = 0;
}

static void ask_beside(const struct test_platform *test)
{
	const struct iommu_iova_config config = {
		.platform = &test->platform, .granule = IOMMU_PAGE_SIZE, .first = 1, .last = LAST};
	struct iommu_iova_cache_config caches = {.flags = IOMMU_IOVA_CACHE_CPU_EXCLUSIVE};
	uint64_t first;

	assert_int_equal(iommu_iova_space_create(&config, &space), 0);
	caches.space = space;
	assert_int_equal(iommu_iova_cache_create(&caches, &cache), 0);
	cpu_now = 1;
	assert_int_equal(iommu_iova_cache_alloc(cache, 0, LAST, 0, &freed), 0);
	cpu_now = 0;
	steps = 0;
	step_on();
	iommu_iova_cache_drain(cache);
	step_off();
	if (freed != 0)
		free_one(1, freed);
	/* One of each answers what is still asked. */
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++) {
		assert_int_equal(iommu_iova_cache_alloc(cache, 0, LAST, 0, &first), 0);
		free_one(cpu_now, first);
	}
	assert_int_not_equal(cache->short_orders, 0);
	iommu_iova_cache_destroy(cache);
	iommu_iova_space_destroy(space);
}

static void the_shortest_way_opens_again(void **state)
{
	const struct sigaction action = {.sa_handler = count_step};
	struct test_platform test;

	(void)state;
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	test_platform_init(&test, 1 << 22, 1 << 16);
	/* One CPU is inside while another is not: what is held is not of the one thread. */
	test.platform.irq_save = NULL;
	test.platform.irq_restore = NULL;
	test.platform.cpu_id = cpu_id;
	test.platform.cpu_count = cpu_count;
	do {
		ask_beside(&test);
	} while (comes_at++ < steps);
	assert_true(comes_at > 100);
	test_platform_destroy(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shortest_way_opens_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
