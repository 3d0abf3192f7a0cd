/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caches of addresses of exclusive CPUs (src/iova/cache.c), which have no lock, and are asked
 * to drain: the shortest way of freeing is open just if all CPUs have answered.
 */
#define CPUS 3U
#include "iova_cpus.h"

static void setup_exclusive(void)
{
	setup_with(IOMMU_IOVA_CACHE_CPU_EXCLUSIVE);
	MUST(cache->short_orders != 0);
}

static void one_drains(unsigned int cpu)
{
	if (cpu == 0)
		iommu_iova_cache_drain(cache);
	else if (cpu == 1)
		give_one_back();
	else
		alloc();
}

static void two_drain(unsigned int cpu)
{
	if (cpu < 2)
		iommu_iova_cache_drain(cache);
	give_one_back();
}

static const struct exploration explorations[] = {
	{"one drains", 3, 3, setup_exclusive, one_drains, NULL, check, NULL},
	{"two drain", 3, 2, setup_exclusive, two_drain, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 2);
}
