/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that are under way (src/ioas/spapr_calls.c): what was made unreachable is freed after every
 * call that may still use it, also after one that read the epoch long before it was counted, and
 * where the next one that waits comes at once.
 */
#include "explorer.h"
#include "ioas/spapr.h"

#define THINGS 3U

static struct spapr_calls calls;
static unsigned int reachable; /* which thing is; atomic */
static bool is_freed[THINGS];

static void setup(void)
{
	unsigned int i;

	calls = (struct spapr_calls){0};
	reachable = 0;
	for (i = 0; i < THINGS; i++)
		is_freed[i] = false;
}

static void call(void)
{
	const unsigned int epoch = iommu_spapr_calls_enter(&calls);
	const unsigned int thing = __atomic_load_n(&reachable, __ATOMIC_ACQUIRE);

	MUST(!__atomic_load_n(&is_freed[thing], __ATOMIC_SEQ_CST));
	iommu_spapr_calls_leave(&calls, epoch);
}

static void replace(unsigned int thing)
{
	__atomic_store_n(&reachable, thing + 1, __ATOMIC_RELEASE);
	iommu_spapr_calls_wait(&calls, &explore_host);
	__atomic_store_n(&is_freed[thing], true, __ATOMIC_SEQ_CST);
}

/* One call, or two one after the other, and another thread that replaces twice. */
static void run(unsigned int thread)
{
	if (thread == 0) {
		replace(0);
		replace(1);
		return;
	}
	call();
	if (thread == 1)
		call();
}

static void check(void)
{
	MUST(calls.inside[0] == 0 && calls.inside[1] == 0);
	MUST(is_freed[0] && is_freed[1] && !is_freed[2]);
}

static const struct exploration explorations[] = {
	{"one caller", 2, 5, setup, run, NULL, check, NULL},
	{"two callers", 3, 3, setup, run, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 2);
}
