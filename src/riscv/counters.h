/* SPDX-License-Identifier: BSD-2-Clause */
/* Performance counters of a unit. */
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

struct riscv_counters {
	struct iommu_spinlock lock;
	bool are_known; /* they were looked for; atomic */
	bool is_frozen, is_asleep;
	uint32_t untold; /* bits of counters that have overflowed */
	/* By the number of hardware: 0 counts cycles. */
	struct riscv_counter counters[RISCV_COUNTERS + 1];
};

extern const struct iommu_counter_ops iommu_riscv_counter_ops;

/*
 * Stop counting, and keep the counts; and go on. Look for the counters where that was not done so
 * far. Control path.
 */
void iommu_riscv_counters_suspend(struct riscv_unit *unit);
void iommu_riscv_counters_resume(struct riscv_unit *unit);
/* Are some allocated? */
bool iommu_riscv_counters_any(const struct riscv_unit *unit);

#else

struct riscv_counters {
	char nothing;
};
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
