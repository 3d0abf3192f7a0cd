/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that are executed, counted one by one: the processor traps after each (x86-64 only).
 * Repeatable for the same binary and inputs, whatever else the machine does. One thread at a time.
 */
#ifndef BENCH_STEP_H
#define BENCH_STEP_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct step_counts {
	uint64_t instructions;
	/* Those that lock a cache line, or wait for all earlier stores: LOCK, XCHG, MFENCE. */
	uint64_t locked;
};

/* Whether this processor can. */
bool step_possible(void);
/* Count from here to step_end, of the calling thread. The pair itself is not counted. */
void step_begin(void);
struct step_counts step_end(void);

IOMMU_END_DECLS
#endif
