/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caches of addresses with a lock for each CPU (src/iova/cache.c), which the shortest way only
 * tries: one CPU drains all while another allocates and frees. Each plain access is a step, too.
 */
#define CPUS 2U
#include "iova_cpus.h"

static void setup(void)
{
	setup_with(0);
}

static void run(unsigned int cpu)
{
	if (cpu == 0) {
		iommu_iova_cache_drain(cache);
	} else {
		alloc();
		give_one_back();
	}
}

static const struct exploration explorations[] = {
	{"one drains", 2, 2, setup, run, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 1);
}
