/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters of a unit: how each counts (counters_run.c), and who has them (counters.c).
 */
#ifndef IOMMU_RISCV_COUNTERS_H
#define IOMMU_RISCV_COUNTERS_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_counters.h>

#include "base/spinlock.h"
#include "unit/count.h"

struct riscv_unit;

#if IOMMU_CONFIG_COUNTERS

struct riscv_counter {
	uint64_t selector; /* of iohpmevt; without the bit of an overflow */
	uint64_t events;   /* bits of the standard ones that it can count */
	bool is_allocated;
	bool runs;
	bool is_lost; /* it should run, and did not come back */
	struct iommu_count count;
};

/* By the number of hardware, where 0 counts cycles, and nothing else. */
#define RISCV_COUNTER_OF_CYCLES 0U
#define RISCV_COUNTER_NUMBERS   (RISCV_COUNTERS + 1)

struct riscv_counters {
	struct iommu_spinlock lock;
	bool are_known; /* they were looked for; atomic */
	bool is_frozen, is_asleep;
	uint32_t untold; /* bits of counters that have overflowed */
	struct riscv_counter counters[RISCV_COUNTER_NUMBERS];
};

static inline unsigned int riscv_counter_number(const struct riscv_counters *counters,
						const struct riscv_counter *counter)
{
	return (unsigned int)(counter - counters->counters);
}

extern const struct iommu_counter_ops iommu_riscv_counter_ops;

/* --- One counter ------------------------------------------------------------------------------ */

/*
 * Have those count that should; false: hardware does not have it so. Under the lock, as what
 * follows.
 */
bool iommu_riscv_counters_apply(struct riscv_unit *unit);
/* Has it overflowed? Clears its bit, and keeps for the host what that said. */
bool iommu_riscv_counter_take_overflow(struct riscv_unit *unit,
				       const struct riscv_counter *counter);
/* Add what it has gained. `overflowed`: its bit was cleared before this call. IOMMU_EIO: gone. */
int iommu_riscv_counter_keep_up(struct riscv_unit *unit, struct riscv_counter *counter,
				bool overflowed);
/* It has counted nothing. */
void iommu_riscv_counter_clear(struct riscv_unit *unit, struct riscv_counter *counter);
/* Control path, without the lock. IOMMU_EIO: hardware does not do it, or is gone. */
int iommu_riscv_counter_start(struct riscv_unit *unit, struct riscv_counter *counter);
int iommu_riscv_counter_stop(struct riscv_unit *unit, struct riscv_counter *counter);
/* What it counts, into its register; false: hardware does not keep it. It is stopped. */
bool iommu_riscv_counter_program(struct riscv_unit *unit, const struct riscv_counter *counter);

/* --- All ------------------------------------------------------------------------------------- */

/* Look for them, where that was not done so far; none without. Control path, as what follows. */
void iommu_riscv_counters_find(struct riscv_unit *unit);
/*
 * Stop counting, and keep the counts; and look for the counters where that was not done so far, and
 * go on.
 */
void iommu_riscv_counters_suspend(struct riscv_unit *unit);
void iommu_riscv_counters_resume(struct riscv_unit *unit);
/* Are some allocated? */
bool iommu_riscv_counters_any(const struct riscv_unit *unit);

#else

struct riscv_counters {
	char nothing;
};
static inline void iommu_riscv_counters_find(struct riscv_unit *unit)
{
	(void)unit;
}
static inline void iommu_riscv_counters_suspend(struct riscv_unit *unit)
{
	(void)unit;
}
static inline void iommu_riscv_counters_resume(struct riscv_unit *unit)
{
	(void)unit;
}
static inline bool iommu_riscv_counters_any(const struct riscv_unit *unit)
{
	(void)unit;
	return false;
}

#endif

#endif
