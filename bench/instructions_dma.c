/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DMA mapping API costs, for scripts/instructions, over a unit that takes no time.
 *
 *	instructions_dma strict|lazy|exclusive|cached PAIRS   pairs of calls, for callgrind to count
 *	instructions_dma bytes CPUS                           bytes taken before the first address
 *
 * strict, lazy, exclusive: map and unmap of one page; cached: an address alone, through the CPU's
 * cache. bytes prints those of a strict handle and of a lazy one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/iommu.h>
#include <libiommu/iova.h>

#include "null_unit.h"
#include "pages.h"

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

/* What is counted. */
static __attribute__((noinline)) void map_and_unmap(struct iommu_dma *dma,
						    const struct iommu_dma_device *device)
{
	iommu_iova_t address;

	if (iommu_dma_map(dma, device, 0x100000000, IOMMU_PAGE_SIZE, IOMMU_DMA_BIDIRECTIONAL,
			  &address) != 0 ||
	    iommu_dma_unmap(dma, address, IOMMU_PAGE_SIZE) != 0)
		exit(EXIT_FAILURE);
}

/* This too. */
static __attribute__((noinline)) void take_and_give(struct iommu_iova_cache *cache)
{
	uint64_t first;

	if (iommu_iova_cache_alloc_on(cache, 0, 0, UINT64_MAX, 0, &first) != 0)
		exit(EXIT_FAILURE);
	iommu_iova_cache_free_on(cache, 0, first, 0);
}

static void run_cached(unsigned long pairs)
{
	struct iommu_iova_config config = {.platform = bench_platform(), .granule = 4096};
	struct iommu_iova_cache_config cached = {.depot_magazines = 32};
	struct iommu_iova_cache *cache;

	config.first = 1;
	config.last = (1ULL << 36) - 1;
	if (iommu_iova_space_create(&config, &cached.space) != 0 ||
	    iommu_iova_cache_create(&cached, &cache) != 0)
		exit(EXIT_FAILURE);
	while (pairs-- != 0)
		take_and_give(cache);
	iommu_iova_cache_destroy(cache);
	iommu_iova_space_destroy(cached.space);
}

static void run(const char *mode, unsigned long pairs)
{
	const bool lazy = strcmp(mode, "lazy") == 0;
	struct iommu_dma_device device;
	struct null_unit null;
	struct iommu_dma *dma;
	iommu_iova_t keep;

	if (null_unit_create(&null, lazy ? IOMMU_DOMAIN_DMA_LAZY : IOMMU_DOMAIN_DMA,
			     strcmp(mode, "exclusive") == 0) != 0 ||
	    iommu_dma_of(null.endpoint, &dma) != 0)
		exit(EXIT_FAILURE);
	device = iommu_dma_device_of(null.endpoint, 0);
	/* A neighbouring mapping keeps the tables. */
	if (iommu_dma_map(dma, &device, 0x200000000, IOMMU_PAGE_SIZE, IOMMU_DMA_BIDIRECTIONAL,
			  &keep) != 0)
		exit(EXIT_FAILURE);
	while (pairs-- != 0)
		map_and_unmap(dma, &device);
	if (iommu_dma_unmap(dma, keep, IOMMU_PAGE_SIZE) != 0)
		exit(EXIT_FAILURE);
	null_unit_destroy(&null);
}

int main(int argc, char **argv)
{
	const unsigned long number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (number == 0)
		return EXIT_FAILURE;
	if (strcmp(argv[1], "bytes") == 0) {
		cpus = (unsigned int)number;
		printf("%llu", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA));
		printf(" %llu\n", (unsigned long long)bytes_before_use(IOMMU_DOMAIN_DMA_LAZY));
	} else if (strcmp(argv[1], "cached") == 0) {
		run_cached(number);
	} else {
		run(argv[1], number);
	}
	return EXIT_SUCCESS;
}
