/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DMA mapping API costs, for scripts/instructions.
 *
 *	instructions_dma WORKLOAD TIMES          for callgrind, which counts inside of counted_once
 *	instructions_dma locked WORKLOAD TIMES   prints the locked instructions of one
 *	instructions_dma bytes CPUS              bytes taken before the first address
 *
 * WORKLOAD is strict, lazy or exclusive: one page mapped and unmapped; sg16 or sg256: a list of so
 * many scattered pages; ring256: of 256 live pages the oldest unmapped, and another mapped. Over a
 * unit that takes no time; with "vtd-" in front, through the VT-d driver over registers that answer
 * at once. Or cached: an address alone, through the CPU's cache. bytes prints those of a strict
 * handle and of a lazy one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/iommu.h>
#include <libiommu/iova.h>

#include "null_unit.h"
#include "pages.h"
#include "step.h"
#include "vtd_at_once.h"

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

/* --- Workloads -------------------------------------------------------------------------------- */

#define PIECES 256

struct work {
	void (*once)(struct work *work);
	struct iommu_dma *dma;
	struct iommu_dma_device device;
	struct iommu_dma_piece pieces[PIECES];
	iommu_iova_t ring[PIECES];
	unsigned int count, at;
	struct iommu_iova_cache *cache;
};

static void expect(bool good)
{
	if (!good)
		exit(EXIT_FAILURE);
}

/* Never two neighbours. */
static iommu_paddr_t buffer(unsigned int n)
{
	return 0x100000000 + (iommu_paddr_t)n * 3 * IOMMU_PAGE_SIZE;
}

static iommu_iova_t map(struct work *work, unsigned int n)
{
	iommu_iova_t address = 0;

	expect(iommu_dma_map(work->dma, &work->device, buffer(n), IOMMU_PAGE_SIZE,
			     IOMMU_DMA_BIDIRECTIONAL, &address) == 0);
	return address;
}

static void unmap(struct work *work, iommu_iova_t address)
{
	expect(iommu_dma_unmap(work->dma, address, IOMMU_PAGE_SIZE) == 0);
}

static void pair(struct work *work)
{
	unmap(work, map(work, 0));
}

static void exchange(struct work *work)
{
	unmap(work, work->ring[work->at]);
	work->ring[work->at] = map(work, work->at);
	work->at = (work->at + 1) % PIECES;
}

static void list(struct work *work)
{
	unsigned int elements;

	expect(iommu_dma_map_sg(work->dma, &work->device, work->pieces, work->count,
				IOMMU_DMA_BIDIRECTIONAL, &elements) == 0 &&
	       iommu_dma_unmap_sg(work->dma, work->pieces, work->count) == 0);
}

static void address_alone(struct work *work)
{
	uint64_t first;

	expect(iommu_iova_cache_alloc_on(work->cache, 0, 0, UINT64_MAX, 0, &first) == 0);
	iommu_iova_cache_free_on(work->cache, 0, first, 0);
}

/* What is counted. */
static __attribute__((noinline)) void counted_once(struct work *work)
{
	work->once(work);
}

static void (*how_often)(struct work *work, unsigned long times);

static void repeat(struct work *work, unsigned long times)
{
	while (times-- != 0)
		counted_once(work);
}

static void count_locked(struct work *work, unsigned long times)
{
	struct step_counts counts;
	unsigned long i;

	repeat(work, 300); /* nothing is done for the first time, and lists are as they stay */
	step_begin();
	for (i = 0; i < times; i++)
		counted_once(work);
	counts = step_end();
	printf("%.4f\n", (double)counts.locked / (double)times);
}

/* --- Over what -------------------------------------------------------------------------------- */

static void run_cached(unsigned long times)
{
	struct iommu_iova_config config = {.platform = bench_platform(), .granule = 4096};
	struct iommu_iova_cache_config cached = {.depot_magazines = 32};
	struct work work = {.once = address_alone};

	config.first = 1;
	config.last = (1ULL << 36) - 1;
	expect(iommu_iova_space_create(&config, &cached.space) == 0 &&
	       iommu_iova_cache_create(&cached, &work.cache) == 0);
	how_often(&work, times);
	iommu_iova_cache_destroy(work.cache);
	iommu_iova_space_destroy(cached.space);
}

static void run_on(struct iommu_endpoint *endpoint, const char *workload, unsigned long times)
{
	static struct work work;
	iommu_iova_t keep;
	unsigned int i;

	work = (struct work){.once = pair};
	expect(iommu_dma_of(endpoint, &work.dma) == 0);
	work.device = iommu_dma_device_of(endpoint, 0);
	/* A neighbouring mapping keeps the tables. */
	keep = map(&work, 2 * PIECES);
	for (i = 0; i < PIECES; i++)
		work.pieces[i] = (struct iommu_dma_piece){
			.paddr = buffer(i),
			.size = IOMMU_PAGE_SIZE,
		};
	if (strncmp(workload, "sg", 2) == 0) {
		work.once = list;
		work.count = (unsigned int)strtoul(workload + 2, NULL, 10);
		expect(work.count != 0 && work.count <= PIECES);
	}
	if (strcmp(workload, "ring256") == 0) {
		work.once = exchange;
		for (i = 0; i < PIECES; i++)
			work.ring[i] = map(&work, i);
	}
	how_often(&work, times);
	for (i = 0; work.once == exchange && i < PIECES; i++)
		unmap(&work, work.ring[i]);
	unmap(&work, keep);
}

static void run(const char *workload, unsigned long times)
{
	const bool vtd = strncmp(workload, "vtd-", 4) == 0;
	const char *rest = vtd ? workload + 4 : workload;
	const bool exclusive = strcmp(rest, "exclusive") == 0;
	const enum iommu_domain_type type =
		strcmp(rest, "lazy") == 0 ? IOMMU_DOMAIN_DMA_LAZY : IOMMU_DOMAIN_DMA;

	if (vtd) {
		static struct vtd_at_once unit;

		expect(vtd_at_once_create(&unit, type, exclusive) == 0);
		run_on(unit.endpoint, rest, times);
		vtd_at_once_destroy(&unit);
	} else {
		struct null_unit null;

		expect(null_unit_create(&null, type, exclusive) == 0);
		run_on(null.endpoint, rest, times);
		null_unit_destroy(&null);
	}
}

int main(int argc, char **argv)
{
	const unsigned long number = argc >= 3 ? strtoul(argv[argc - 1], NULL, 10) : 0;

	if (number == 0)
		return EXIT_FAILURE;
	if (strcmp(argv[1], "bytes") == 0) {
		cpus = (unsigned int)number;
		printf("%llu", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA));
		printf(" %llu\n", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA_LAZY));
		return EXIT_SUCCESS;
	}
	how_often = argc == 4 ? count_locked : repeat;
	if (strcmp(argv[argc - 2], "cached") == 0)
		run_cached(number);
	else
		run(argv[argc - 2], number);
	return EXIT_SUCCESS;
}
