/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One performance counter: what it has counted, and whether it runs (RISC-V IOMMU specification
 * 1.0.0, 5.18 to 5.23, "Performance-monitoring …").
 *
 * Which counters there are, how wide each is, and which events it takes is found out by what the
 * registers keep, with all counters stopped. All registers take effect at once; what they were told
 * is read back. The lock guards the counts, and which of them count.
 */
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/spinlock.h"
#include "riscv/counters.h"
#include "riscv/unit.h"

#if IOMMU_CONFIG_COUNTERS

/* The standard ones, from the first on. */
#define EVENTS_ALL ((2ULL << RISCV_EVENT_SECOND_STAGE_WALK) - (2ULL << RISCV_EVENT_NONE))
/* Looks at a count until two agree. */
#define LOOKS_MAX 4

static uint32_t register_of(unsigned int number)
{
	return number == RISCV_COUNTER_OF_CYCLES ? RISCV_IOHPMCYCLES : riscv_counter(number);
}

/* The bits of a register that are the count. */
static uint64_t count_bits(unsigned int number)
{
	return number == RISCV_COUNTER_OF_CYCLES ? RISCV_CYCLES_COUNT : UINT64_MAX;
}

/* --- Registers: under the lock, or while nothing counts --------------------------------------- */

/*
 * Have those count that should; false: hardware does not have it so. A counter that the unit does
 * not have may read as anything.
 */
bool iommu_riscv_counters_apply(struct riscv_unit *unit)
{
	const struct riscv_counters *counters = &unit->counters;
	uint32_t runs = 0, exists = 0;
	unsigned int i;

	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++) {
		exists |= counters->counters[i].count.width != 0 ? 1U << i : 0;
		if (counters->counters[i].runs && !counters->is_frozen && !counters->is_asleep)
			runs |= 1U << i;
	}
	riscv_write32(unit, RISCV_IOCOUNTINH, ~runs);
	return ((riscv_read32(unit, RISCV_IOCOUNTINH) ^ ~runs) & exists) == 0;
}

/*
 * Hardware's count. A host that reads the register in two halves may find them of different
 * moments: so it is read until it has not gained more than a half can hold.
 */
static int look(const struct riscv_unit *unit, const struct riscv_counter *counter, uint64_t *value)
{
	const unsigned int number = riscv_counter_number(&unit->counters, counter);
	const uint64_t mask = count_bits(number) & UINT64_MAX >> (64 - counter->count.width);
	uint64_t before, now = riscv_read64(unit, register_of(number));
	unsigned int i;

	for (i = 0; i < LOOKS_MAX; i++) {
		before = now;
		now = riscv_read64(unit, register_of(number));
		if (((now - before) & mask) <= UINT32_MAX / 2)
			break;
	}
	*value = now & mask;
	return now == UINT64_MAX && iommu_riscv_is_gone(unit) ? IOMMU_EIO : 0;
}

static bool has_overflowed(const struct riscv_unit *unit, const struct riscv_counter *counter)
{
	return (riscv_read32(unit, RISCV_IOCOUNTOVF) >>
			riscv_counter_number(&unit->counters, counter) &
		1) != 0;
}

/*
 * Clear the bit of an overflow, so that the next one sends the interrupt. That of cycles stands in
 * the register of the count: cycles that pass meanwhile are not counted.
 */
static void clear_overflow(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	const unsigned int number = riscv_counter_number(&unit->counters, counter);

	if (number != RISCV_COUNTER_OF_CYCLES) {
		riscv_write64(unit, riscv_counter_event(number), counter->selector);
		return;
	}
	riscv_write32(unit, RISCV_IOCOUNTINH, UINT32_MAX);
	riscv_write64(unit, RISCV_IOHPMCYCLES,
		      riscv_read64(unit, RISCV_IOHPMCYCLES) & RISCV_CYCLES_COUNT);
	(void)iommu_riscv_counters_apply(unit);
}

/* Has it overflowed? Keeps for the host what that said. */
bool iommu_riscv_counter_take_overflow(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	if (!has_overflowed(unit, counter))
		return false;
	clear_overflow(unit, counter);
	/* A bit that stays says nothing. */
	if (has_overflowed(unit, counter))
		return false;
	unit->counters.untold |= 1U << riscv_counter_number(&unit->counters, counter);
	return true;
}

int iommu_riscv_counter_keep_up(struct riscv_unit *unit, struct riscv_counter *counter,
				bool overflowed)
{
	uint64_t value;
	int status = look(unit, counter, &value);

	if (status == 0)
		iommu_count_add(&counter->count, value, overflowed);
	return status;
}

void iommu_riscv_counter_clear(struct riscv_unit *unit, struct riscv_counter *counter)
{
	riscv_write64(unit, register_of(riscv_counter_number(&unit->counters, counter)), 0);
	counter->count.events = 0;
}

/* --- Finding them: control path --------------------------------------------------------------- */

/* How many low bits a register of a count keeps; 0: they are not a count. */
static unsigned int find_width(struct riscv_unit *unit, unsigned int number)
{
	uint64_t kept;
	unsigned int width = 0;

	riscv_write64(unit, register_of(number), count_bits(number));
	kept = riscv_read64(unit, register_of(number)) & count_bits(number);
	riscv_write64(unit, register_of(number), 0);
	while (width < 64 && (kept >> width & 1) != 0)
		width++;
	if (width < RISCV_COUNT_BITS_MIN || kept != UINT64_MAX >> (64 - width) ||
	    (riscv_read64(unit, register_of(number)) & count_bits(number)) != 0)
		return 0;
	return width;
}

/* Does the register of a counter's events keep what it is told? */
static bool takes(struct riscv_unit *unit, unsigned int number, uint64_t selector)
{
	riscv_write64(unit, riscv_counter_event(number), selector);
	return riscv_read64(unit, riscv_counter_event(number)) == selector;
}

static void find_counter(struct riscv_unit *unit, unsigned int number)
{
	struct riscv_counter *counter = &unit->counters.counters[number];
	unsigned int event;

	for (event = 1; number != RISCV_COUNTER_OF_CYCLES && (EVENTS_ALL >> event & 1) != 0;
	     event++)
		if (takes(unit, number, event))
			counter->events |= 1ULL << event;
	if (number != RISCV_COUNTER_OF_CYCLES && (counter->events == 0 || !takes(unit, number, 0)))
		return;
	counter->count.width = find_width(unit, number);
}

void iommu_riscv_counters_find(struct riscv_unit *unit)
{
	unsigned int number;

	if (unit->counters.are_known || !riscv_has(unit, RISCV_CAP_HPM))
		return;
	riscv_write32(unit, RISCV_IOCOUNTINH, UINT32_MAX);
	for (number = 0; number < RISCV_COUNTER_NUMBERS; number++)
		find_counter(unit, number);
	__atomic_store_n(&unit->counters.are_known, true, __ATOMIC_RELEASE);
}

/* --- Starting and stopping: control path ------------------------------------------------------ */

/* What it counts, into its register; false: hardware does not keep it. It is stopped. */
bool iommu_riscv_counter_program(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	const unsigned int number = riscv_counter_number(&unit->counters, counter);

	return number == RISCV_COUNTER_OF_CYCLES || takes(unit, number, counter->selector);
}

/*
 * What a counter that stands still begins with. It is programmed anew, which a resume may have done
 * in vain; an overflow of before would keep the next one silent.
 */
static int prepare(struct riscv_unit *unit, struct riscv_counter *counter)
{
	if (!iommu_riscv_counter_program(unit, counter))
		return IOMMU_EIO;
	if (has_overflowed(unit, counter))
		clear_overflow(unit, counter);
	counter->count.is_added = false;
	return look(unit, counter, &counter->count.last);
}

int iommu_riscv_counter_start(struct riscv_unit *unit, struct riscv_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	const bool did_run = counter->runs;
	int status = did_run ? 0 : prepare(unit, counter);

	if (status == 0) {
		counter->runs = true;
		status = iommu_riscv_counters_apply(unit) ? 0 : IOMMU_EIO;
	}
	/* What it counts, if hardware has it otherwise, counts for nothing. */
	if (status != 0) {
		counter->runs = did_run;
		(void)iommu_riscv_counters_apply(unit);
	} else {
		counter->is_lost = false;
	}
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
	return status;
}

/* After a failure it goes on, as far as is known: the next call tries again. */
int iommu_riscv_counter_stop(struct riscv_unit *unit, struct riscv_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	const bool did_run = counter->runs;
	int status;

	counter->is_lost = false;
	counter->runs = false;
	status = iommu_riscv_counters_apply(unit) ? 0 : IOMMU_EIO;
	if (status == 0 && did_run)
		status = iommu_riscv_counter_keep_up(
			unit, counter, iommu_riscv_counter_take_overflow(unit, counter));
	counter->runs = status != 0 && did_run;
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
	return status;
}

/* --- Power ------------------------------------------------------------------------------------ */

static void set_asleep(struct riscv_unit *unit, bool asleep)
{
	uintptr_t state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);

	unit->counters.is_asleep = asleep;
	(void)iommu_riscv_counters_apply(unit);
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
}

/* It is stopped, whatever hardware says of it: it is about to lose its registers. */
static void put_to_sleep(struct riscv_unit *unit, struct riscv_counter *counter)
{
	const bool runs = counter->runs || counter->is_lost;
	uintptr_t state;

	(void)iommu_riscv_counter_stop(unit, counter);
	state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	counter->runs = false;
	counter->is_lost = runs;
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
}

/* Those that run are noted as lost until they run again. */
void iommu_riscv_counters_suspend(struct riscv_unit *unit)
{
	unsigned int i;

	if (!unit->counters.are_known || unit->counters.is_asleep)
		return;
	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++)
		if (unit->counters.counters[i].is_allocated)
			put_to_sleep(unit, &unit->counters.counters[i]);
	set_asleep(unit, true);
}

void iommu_riscv_counters_resume(struct riscv_unit *unit)
{
	unsigned int i;

	iommu_riscv_counters_find(unit);
	if (!unit->counters.is_asleep)
		return;
	set_asleep(unit, false);
	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];

		if (counter->is_allocated && counter->is_lost &&
		    iommu_riscv_counter_start(unit, counter) != 0)
			riscv_log(unit, IOMMU_LOG_WARNING,
				  "a performance counter does not start again");
	}
}

bool iommu_riscv_counters_any(const struct riscv_unit *unit)
{
	unsigned int i;

	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++)
		if (unit->counters.counters[i].is_allocated)
			return true;
	return false;
}

#endif
