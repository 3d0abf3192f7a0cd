/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One performance counter: what it has counted, and whether it runs (VT-d specification,
 * "Performance Monitoring").
 *
 * Hardware's count is narrower than ours: whatever it has gained since the last look is added, an
 * overflow included, of which both the value and a bit of its own tell. The lock guards the counts;
 * commands are given on the control path, one at a time, and waited for without the lock. A counter
 * that does not obey is in doubt, and is tried again by the next call.
 */
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/spinlock.h"
#include "vtd/counters.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_COUNTERS

/* Looks at a count until two agree. */
#define LOOKS_MAX 4

/* --- Counts: under the lock ------------------------------------------------------------------- */

/*
 * Hardware's count. A host that reads the register in two halves may find them of different
 * moments: so it is read until it has not gained more than a half can hold.
 */
static int look(const struct vtd_unit *unit, const struct vtd_counter *counter, uint64_t *value)
{
	const struct vtd_counters *counters = unit->counters;
	const uint32_t offset =
		counters->counts + vtd_counter_number(unit->counters, counter) * counters->stride;
	const uint64_t mask = UINT64_MAX >> (64 - counter->count.width);
	uint64_t before, now = vtd_read64(unit, offset);
	unsigned int i;

	for (i = 0; i < LOOKS_MAX; i++) {
		before = now;
		now = vtd_read64(unit, offset);
		if (((now - before) & mask) <= UINT32_MAX / 2)
			break;
	}
	*value = now & mask;
	return now == UINT64_MAX && vtd_read32(unit, VTD_GSTS) == UINT32_MAX ? IOMMU_EIO : 0;
}

/* Has it overflowed since its bit was cleared? */
static bool has_overflowed(const struct vtd_unit *unit, const struct vtd_counter *counter)
{
	return (vtd_read64(unit, unit->counters->overflows) >>
			vtd_counter_number(unit->counters, counter) &
		1) != 0;
}

bool iommu_vtd_counter_take_overflow(struct vtd_unit *unit, const struct vtd_counter *counter)
{
	const uint64_t bit = 1ULL << vtd_counter_number(unit->counters, counter);

	if (!has_overflowed(unit, counter))
		return false;
	vtd_write64(unit, unit->counters->overflows, bit);
	unit->counters->untold |= bit;
	return true;
}

int iommu_vtd_counter_keep_up(const struct vtd_unit *unit, struct vtd_counter *counter,
			      bool overflowed)
{
	uint64_t value;
	int status = look(unit, counter, &value);

	if (status == 0)
		iommu_count_add(&counter->count, value, overflowed);
	return status;
}

/* From here on what hardware counts counts; or no longer. */
static int begin_counting(struct vtd_unit *unit, struct vtd_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters->lock);
	int status = look(unit, counter, &counter->count.last);

	counter->count.is_added = has_overflowed(unit, counter);
	counter->runs = status == 0;
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
	return status;
}

static int end_counting(struct vtd_unit *unit, struct vtd_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters->lock);
	int status = 0;

	if (counter->runs)
		status = iommu_vtd_counter_keep_up(unit, counter,
						   iommu_vtd_counter_take_overflow(unit, counter));
	counter->runs = false;
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
	return status;
}

static void set_lost(struct vtd_unit *unit, struct vtd_counter *counter, bool lost)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters->lock);

	counter->is_lost = lost;
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
}

/* --- Starting and stopping -------------------------------------------------------------------- */

int iommu_vtd_counters_settle_freeze(struct vtd_unit *unit)
{
	struct vtd_counters *counters = unit->counters;
	int status;

	if (counters->freeze_is_known || !counters->freezes)
		return 0;
	status = iommu_vtd_enhanced_command(unit,
					    counters->is_frozen ? VTD_COMMAND_FREEZE_COUNTERS
								: VTD_COMMAND_UNFREEZE_COUNTERS,
					    0);
	counters->freeze_is_known = status == 0;
	return status;
}

int iommu_vtd_counter_start(struct vtd_unit *unit, struct vtd_counter *counter)
{
	int status;

	if (counter->runs && !counter->is_in_doubt)
		return 0;
	status = iommu_vtd_counters_settle_freeze(unit);
	if (status == 0 && !counter->runs)
		status = begin_counting(unit, counter);
	if (status != 0)
		return status;
	counter->is_in_doubt = true;
	status = iommu_vtd_enhanced_command(unit, VTD_COMMAND_START_COUNTER,
					    vtd_counter_number(unit->counters, counter));
	if (status != 0) {
		(void)end_counting(unit, counter);
		return status;
	}
	counter->is_in_doubt = false;
	set_lost(unit, counter, false);
	return 0;
}

int iommu_vtd_counter_stop(struct vtd_unit *unit, struct vtd_counter *counter)
{
	int status;

	set_lost(unit, counter, false);
	if (!counter->runs && !counter->is_in_doubt)
		return 0;
	status = iommu_vtd_enhanced_command(unit, VTD_COMMAND_STOP_COUNTER,
					    vtd_counter_number(unit->counters, counter));
	if (status == 0)
		status = end_counting(unit, counter);
	counter->is_in_doubt = status != 0;
	return status;
}

/* --- Power ------------------------------------------------------------------------------------ */

void iommu_vtd_counter_program(struct vtd_unit *unit, const struct vtd_counter *counter)
{
	const struct vtd_counters *counters = unit->counters;
	const uint32_t block =
		vtd_counter_block(counters, vtd_counter_number(unit->counters, counter));
	unsigned int i;

	for (i = 0; i < VTD_FILTERS; i++)
		if ((counters->filters >> i & 1) != 0)
			vtd_write32(unit, block + VTD_COUNTER_FILTERS + i * 4, counter->filters[i]);
	vtd_write64(unit, block + VTD_COUNTER_CONFIG, counter->config);
}

static void set_asleep(struct vtd_unit *unit, bool asleep)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters->lock);

	unit->counters->is_asleep = asleep;
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
}

/* Those that run are noted as lost until they run again. */
void iommu_vtd_counters_suspend(struct vtd_unit *unit)
{
	struct vtd_counters *counters = unit->counters;
	unsigned int i;

	if (counters == NULL || counters->is_asleep)
		return;
	for (i = 0; i < counters->count; i++) {
		struct vtd_counter *counter = &counters->counters[i];
		const bool runs = counter->runs || counter->is_lost;

		if (!counter->is_allocated)
			continue;
		(void)iommu_vtd_counter_stop(unit, counter);
		(void)end_counting(unit, counter);
		set_lost(unit, counter, runs);
	}
	vtd_write32(unit, VTD_PERFINTRCTL, VTD_EVENT_MASK);
	set_asleep(unit, true);
}

void iommu_vtd_counters_resume(struct vtd_unit *unit)
{
	struct vtd_counters *counters = unit->counters;
	unsigned int i;

	if (counters == NULL || !counters->is_asleep)
		return;
	counters->freeze_is_known = false;
	set_asleep(unit, false);
	for (i = 0; i < counters->count; i++) {
		struct vtd_counter *counter = &counters->counters[i];

		if (!counter->is_allocated)
			continue;
		iommu_vtd_counter_program(unit, counter);
		if (counter->is_lost && iommu_vtd_counter_start(unit, counter) != 0)
			vtd_log(unit, IOMMU_LOG_WARNING,
				"a performance counter does not start again");
	}
	iommu_vtd_event_apply(unit, VTD_PERFINTRCTL, &counters->event);
}

bool iommu_vtd_counters_any(const struct vtd_unit *unit)
{
	const struct vtd_counters *counters = unit->counters;
	unsigned int i;

	for (i = 0; counters != NULL && i < counters->count; i++)
		if (counters->counters[i].is_allocated)
			return true;
	return false;
}

void iommu_vtd_counters_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	if (unit->counters == NULL)
		return;
	iommu_vtd_counters_suspend(unit);
	platform->free_pages(platform->ctx, unit->counters, unit->counters->order);
	unit->counters = NULL;
}

#endif
