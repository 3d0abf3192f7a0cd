/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters of a unit: where its registers say that they are (counters_find.c), how each
 * counts (counters_run.c), and who has them (counters.c).
 */
#ifndef IOMMU_VTD_COUNTERS_H
#define IOMMU_VTD_COUNTERS_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_counters.h>

#include "base/spinlock.h"
#include "unit/count.h"
#include "vtd/event.h"

struct vtd_unit;

#if IOMMU_CONFIG_COUNTERS

struct vtd_counter {
	uint64_t config;
	uint32_t filters[VTD_FILTERS];
	uint32_t events[VTD_COUNTER_GROUPS_MAX]; /* that it can count */
	bool is_allocated;
	bool runs;
	bool is_in_doubt; /* it may run although it should not, or the other way round */
	bool is_lost;     /* it should run, and did not come back */
	struct iommu_count count;
};

struct vtd_counters {
	struct iommu_spinlock lock;
	unsigned int order; /* of the pages of this structure */
	unsigned int count, groups, filters, width;
	uint32_t blocks, overflows, counts, stride;
	bool interrupts, freezes;
	bool is_frozen;       /* as the host wants it … */
	bool freeze_is_known; /* … and hardware was told */
	bool hangs;           /* a command was waited for in vain */
	bool is_asleep;
	uint64_t untold; /* bits of counters that have overflowed */
	struct vtd_event event;
	uint64_t events[VTD_COUNTER_GROUPS_MAX]; /* that some counter can count */
	struct vtd_counter counters[];
};

static inline uint32_t vtd_counter_block(const struct vtd_counters *counters, unsigned int number)
{
	return counters->blocks + number * VTD_COUNTER_BLOCK;
}

static inline uint16_t vtd_counter_number(const struct vtd_counters *counters,
					  const struct vtd_counter *counter)
{
	return (uint16_t)(counter - counters->counters);
}

extern const struct iommu_counter_ops iommu_vtd_counter_ops;

/* --- One counter: counters_run.c -------------------------------------------------------------- */

/* Has it overflowed? Clears its bit, and keeps for the host what that said. Under the lock. */
bool iommu_vtd_counter_take_overflow(struct vtd_unit *unit, const struct vtd_counter *counter);
/*
 * Add what it has gained. `overflowed`: its bit was set, and was cleared before this call. Under
 * the lock. IOMMU_EIO: the unit is gone.
 */
int iommu_vtd_counter_keep_up(const struct vtd_unit *unit, struct vtd_counter *counter,
			      bool overflowed);
/* Control path: as iommu_vtd_enhanced_command; also what was left in doubt. */
int iommu_vtd_counter_start(struct vtd_unit *unit, struct vtd_counter *counter);
int iommu_vtd_counter_stop(struct vtd_unit *unit, struct vtd_counter *counter);
/* Have hardware frozen, or not, as the host wants; it may have been left otherwise. */
int iommu_vtd_counters_settle_freeze(struct vtd_unit *unit);
/* What it counts, into its registers. */
void iommu_vtd_counter_program(struct vtd_unit *unit, const struct vtd_counter *counter);

/* --- All ------------------------------------------------------------------------------------- */

/*
 * Bytes of register space that the counters' registers point into; 0: there are no counters, or
 * their registers make no sense. Reads the first page of registers.
 */
uint64_t iommu_vtd_counters_space(const struct vtd_unit *unit);
/* Find the counters, in the registers that are mapped. 0, also without any; or IOMMU_ENOMEM. */
int iommu_vtd_counters_init(struct vtd_unit *unit);
/*
 * Give an enhanced command, and wait for it. IOMMU_ETIMEDOUT: it, or one before, does not complete;
 * IOMMU_EIO: it is refused, or the unit is gone. Control path.
 */
int iommu_vtd_enhanced_command(struct vtd_unit *unit, enum vtd_enhanced_command command,
			       uint16_t operand);
/* Are some allocated? */
bool iommu_vtd_counters_any(const struct vtd_unit *unit);
/* Stop counting, as far as the unit obeys, and keep the counts; and go on. */
void iommu_vtd_counters_suspend(struct vtd_unit *unit);
void iommu_vtd_counters_resume(struct vtd_unit *unit);
/* Stop and forget all. */
void iommu_vtd_counters_free(struct vtd_unit *unit);
#else
static inline uint64_t iommu_vtd_counters_space(const struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline int iommu_vtd_counters_init(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline bool iommu_vtd_counters_any(const struct vtd_unit *unit)
{
	(void)unit;
	return false;
}
static inline void iommu_vtd_counters_suspend(struct vtd_unit *unit)
{
	(void)unit;
}
static inline void iommu_vtd_counters_resume(struct vtd_unit *unit)
{
	(void)unit;
}
static inline void iommu_vtd_counters_free(struct vtd_unit *unit)
{
	(void)unit;
}
#endif

#endif
