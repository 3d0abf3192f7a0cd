/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The caches of addresses behind the host's guard of a CPU (src/iova/cache.c, base/cpu_guard.h): a
 * thread that is not inside moves to another CPU, and two threads are never inside on one. Each
 * plain access is a step, too.
 */
#define CPUS 2U
#include "iova_cpus.h"

static uint32_t inside[CPUS]; /* atomic */
static unsigned int times[CPUS], moves;

/* A thread moves each second time, or each time. */
unsigned int iommu_cpu_enter(uintptr_t *state)
{
	const unsigned int thread = explore_is_running() ? explore_thread() : CPUS;
	const unsigned int cpu =
		thread == CPUS ? cpu_now : (thread + times[thread]++ / moves) % CPUS;

	while (__atomic_exchange_n(&inside[cpu], 1, __ATOMIC_SEQ_CST) != 0)
		explore_wait();
	*state = cpu;
	return cpu;
}

void iommu_cpu_leave(uintptr_t state)
{
	MUST(inside[state] == 1);
	__atomic_store_n(&inside[state], 0, __ATOMIC_SEQ_CST);
}

static void setup(void)
{
	times[0] = times[1] = 0;
	setup_with(IOMMU_IOVA_CACHE_CPU_EXCLUSIVE);
}

static void setup_restless(void)
{
	moves = 1;
	setup();
}

static void setup_calm(void)
{
	moves = 2;
	setup();
}

static void run(unsigned int cpu)
{
	if (cpu == 0)
		iommu_iova_cache_drain(cache);
	else
		alloc();
	give_one_back();
}

static const struct exploration explorations[] = {
	{"each time", 2, 2, setup_restless, run, NULL, check, NULL},
	{"each second time", 2, 2, setup_calm, run, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 2);
}
