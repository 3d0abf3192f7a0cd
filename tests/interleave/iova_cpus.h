/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For explorations of the caches of addresses: CPUS of them, each of which has an address, and has
 * cached others. No address is handed out twice, and at the end all come back.
 */
#ifndef INTERLEAVE_IOVA_CPUS_H
#define INTERLEAVE_IOVA_CPUS_H

#include <string.h>

#include "explorer.h"
#include "iova/cache.h"

#define LAST (1U << 18) /* large enough for magazines of the usual size */
#define MOST 4U         /* addresses of a CPU */

static struct iommu_iova_space *space;
static struct iommu_iova_cache *cache;
static uint64_t held[CPUS][MOST]; /* by each CPU; 0: none */
static unsigned int cpu_now;

/* The CPU of a thread has the thread's number. */
static unsigned int cpu_id(void *ctx)
{
	(void)ctx;
	return explore_is_running() ? explore_thread() : cpu_now;
}

static unsigned int cpu_count(void *ctx)
{
	(void)ctx;
	return CPUS;
}

static void alloc(void)
{
	uint64_t *place = held[cpu_id(NULL)];
	uint64_t first;
	unsigned int cpu, i;

	MUST(iommu_iova_cache_alloc(cache, 0, LAST, 0, &first) == 0);
	for (cpu = 0; cpu < CPUS; cpu++)
		for (i = 0; i < MOST; i++)
			MUST(held[cpu][i] != first);
	while (*place != 0)
		place++;
	*place = first;
}

static void give_one_back(void)
{
	uint64_t *place = held[cpu_id(NULL)];
	uint64_t first;

	while (*place == 0)
		place++;
	first = *place;
	*place = 0;
	iommu_iova_cache_free(cache, first, 0);
}

/* Each CPU has one address, and has cached another. */
static void setup_with(unsigned int flags)
{
	const struct iommu_iova_config config = {
		.platform = &explore_host, .granule = IOMMU_PAGE_SIZE, .first = 1, .last = LAST};
	struct iommu_iova_cache_config cache_config = {.depot_magazines = 2, .flags = flags};

	memset(held, 0, sizeof(held));
	explore_host.cpu_id = cpu_id;
	explore_host.cpu_count = cpu_count;
	MUST(iommu_iova_space_create(&config, &space) == 0);
	cache_config.space = space;
	MUST(iommu_iova_cache_create(&cache_config, &cache) == 0);
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++) {
		alloc();
		alloc();
	}
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++)
		give_one_back();
}

/* Are all requests to drain answered? */
static bool all_have_answered(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		if (iova_cpu_at(cache, cpu)->drained != cache->drains)
			return false;
	return true;
}

static void give_all_back(void)
{
	unsigned int i;

	for (i = 0; i < MOST; i++)
		if (held[cpu_now][i] != 0) {
			iommu_iova_cache_free(cache, held[cpu_now][i], 0);
			held[cpu_now][i] = 0;
		}
}

static void check(void)
{
	struct iommu_iova_stats stats;

	MUST(!cache->exclusive || (cache->short_orders != 0) == all_have_answered());
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++) {
		alloc();
		give_all_back();
	}
	MUST(!cache->exclusive || cache->short_orders != 0);
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++)
		iommu_iova_cache_drain_cpu(cache, cpu_now);
	cpu_now = 0;
	iommu_iova_cache_drain(cache);
	iommu_iova_get_stats(space, &stats);
	MUST(stats.taken == 0 && cache->magazines.objects == 0);
	iommu_iova_cache_destroy(cache);
	iommu_iova_space_destroy(space);
	MUST(explore_pages() == 0);
}

#endif
