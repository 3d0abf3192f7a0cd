/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DMA mapping API costs, for scripts/instructions.
 *
 *	instructions_dma WORKLOAD TIMES          for callgrind, which counts inside of dma_work_once
 *	instructions_dma locked WORKLOAD TIMES   prints the locked instructions of one
 *	instructions_dma bytes CPUS              bytes taken before the first address
 *
 * WORKLOAD: see dma_work.h. bytes prints those of a strict handle and of a lazy one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dma_work.h"
#include "pages.h"
#include "step.h"

static unsigned int cpus;
static uint64_t pages_in_use;
static struct iommu_platform counted;

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return cpus;
}

static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	pages_in_use += 1ULL << order;
	return counted.alloc_pages(ctx, order, node, flags);
}

static void free_pages(void *ctx, void *pages, unsigned int order)
{
	pages_in_use -= 1ULL << order;
	counted.free_pages(ctx, pages, order);
}

static uint64_t bytes_before_use(enum iommu_domain_type type)
{
	struct null_unit null;
	struct iommu_dma *dma;
	uint64_t before;

	if (null_unit_create(&null, type, false) != 0)
		exit(EXIT_FAILURE);
	counted = null.platform;
	null.platform.cpu_count = cpu_count;
	null.platform.alloc_pages = alloc_pages;
	null.platform.free_pages = free_pages;
	before = pages_in_use;
	if (iommu_dma_of(null.endpoint, &dma) != 0)
		exit(EXIT_FAILURE);
	before = pages_in_use - before;
	null_unit_destroy(&null);
	return before * IOMMU_PAGE_SIZE;
}

/* --- What is counted -------------------------------------------------------------------------- */

static void repeat(struct dma_work *work, unsigned long times)
{
	while (times-- != 0)
		dma_work_once(work);
}

static void count_locked(struct dma_work *work, unsigned long times)
{
	struct step_counts counts;

	/* Nothing is done for the first time, and lists are as they stay. */
	repeat(work, 300);
	step_begin();
	repeat(work, times);
	counts = step_end();
	printf("%.4f\n", (double)counts.locked / (double)times);
}

int main(int argc, char **argv)
{
	static struct dma_machine machine;
	const unsigned long number = argc >= 3 ? strtoul(argv[argc - 1], NULL, 10) : 0;

	if (number == 0)
		return EXIT_FAILURE;
	if (strcmp(argv[1], "bytes") == 0) {
		cpus = (unsigned int)number;
		printf("%llu", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA));
		printf(" %llu\n", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA_LAZY));
		return EXIT_SUCCESS;
	}
	dma_machine_create(&machine, argv[argc - 2], 1);
	if (argc == 4)
		count_locked(&machine.work[0], number);
	else
		repeat(&machine.work[0], number);
	dma_machine_destroy(&machine);
	return EXIT_SUCCESS;
}
