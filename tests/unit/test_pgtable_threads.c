/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that map and unmap disjoint ranges of one table at once, without a lock. The ranges
 * interleave so that every table is shared and threads race to install it. Meant for the thread
 * sanitizer, and useful without: a lost table or a lost page shows at the end.
 */
#include <pthread.h>

#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "test.h"
#include "test_platform.h"

#define THREADS    4
#define ITERATIONS 3000

struct worker {
	struct iommu_pgtable *pt;
	unsigned int id;
	int failures;
};

/* Every fourth page and every fourth 2M region belongs to one thread. */
static void one_round(struct worker *worker, struct test_random *random)
{
	const bool large = test_random_below(random, 4) == 0;
	const uint64_t unit = large ? IOMMU_SIZE_2M : IOMMU_SIZE_4K;
	const uint64_t slot = test_random_below(random, large ? 64 : 2048) * THREADS + worker->id;
	const iommu_iova_t iova = (large ? 4 * IOMMU_SIZE_1G : 0) + slot * unit;
	/* Half of the 2M regions are filled with small pages, whose table goes away whole. */
	const iommu_paddr_t paddr = iova + (test_random_below(random, 2) != 0 ? 0 : IOMMU_SIZE_4K);
	struct iommu_gather gather;
	iommu_paddr_t found = 0;
	uint64_t bytes = 0;

	iommu_gather_init(&gather);
	worker->failures += iommu_vtdss_map(worker->pt, iova, paddr, unit, IOMMU_PROT_READ, &gather,
					    &bytes) != 0;
	worker->failures +=
		iommu_vtdss_iova_to_phys(worker->pt, iova + unit - 1, &found, NULL) != 0;
	worker->failures += found != paddr + unit - 1;
	worker->failures +=
		iommu_vtdss_unmap(worker->pt, iova, unit, 0, &gather, &bytes) != 0 || bytes != unit;
	worker->failures += iommu_vtdss_iova_to_phys(worker->pt, iova, NULL, NULL) != IOMMU_ENOENT;
	iommu_vtdss_free_gathered(worker->pt, &gather);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct test_random random = {worker->id};
	unsigned int i;

	for (i = 0; i < ITERATIONS; i++)
		one_round(worker, &random);
	return NULL;
}

static void disjoint_ranges_need_no_lock(void **state)
{
	struct test_platform test;
	struct iommu_pgtable pt;
	const struct iommu_pgtable_config config = {
		.platform = &test.platform,
		.levels = 4,
		.input_bits = 48,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 10; round++) {
		test_platform_init(&test, 1 << 28, 1 << 20);
		assert_int_equal(iommu_vtdss_init(&pt, &config), 0);
		for (i = 0; i < THREADS; i++) {
			workers[i] = (struct worker){&pt, i, 0};
			assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
		}
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (i = 0; i < THREADS; i++)
			assert_int_equal(workers[i].failures, 0);
		assert_int_equal(pt.pages, test.hosted.pages_in_use);
		iommu_vtdss_destroy(&pt);
		test_platform_destroy(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disjoint_ranges_need_no_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
