/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use of a unit's performance counters (RISC-V IOMMU specification 1.0.0, 5.18 to 5.23,
 * "Performance-monitoring …").
 *
 * Which counters there are, how wide each is, and which events it takes is found out by what the
 * registers keep, with all counters stopped. A counter reaches no memory: what goes wrong with one
 * stays here, and neither a suspend nor a removal of the unit fails for it. All registers take
 * effect at once; what they were told is read back.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/counters.h>
#include <libiommu/hw/riscv_counters.h>
#include <libiommu/hw/riscv_registers.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/spinlock.h"
#include "riscv/counters.h"
#include "riscv/domain.h"
#include "riscv/unit.h"
#include "unit/domain.h"
#include "unit/event.h"

#if IOMMU_CONFIG_COUNTERS

#define NO_COUNTERS     "it has no performance counters"
#define NO_COUNTER      "no such counter is allocated"
#define IS_ASLEEP       "it is suspended"
#define NO_EVENT        "it cannot count this event, or not so"
#define NO_FILTER       "it has no such filter, or not with the others, or for this event"

#define CYCLES          0U /* the counter of these: it counts nothing else */
#define NUMBERS         (RISCV_COUNTERS + 1)
#define PCI_SOURCE_BITS 16U
/* The standard ones, from the first on. */
#define EVENTS_ALL ((2ULL << RISCV_EVENT_SECOND_STAGE_WALK) - (2ULL << RISCV_EVENT_NONE))
/* Those of which a unit knows by which context they are translated. */
#define EVENTS_OF_CONTEXTS                                                                         \
	(1ULL << RISCV_EVENT_TLB_MISS | 1ULL << RISCV_EVENT_FIRST_STAGE_WALK |                     \
	 1ULL << RISCV_EVENT_SECOND_STAGE_WALK)
/* Looks at a count until two agree. */
#define LOOKS_MAX 4

static unsigned int number_of(const struct riscv_unit *unit, const struct riscv_counter *counter)
{
	return (unsigned int)(counter - unit->counters.counters);
}

static uint32_t register_of(unsigned int number)
{
	return number == CYCLES ? RISCV_IOHPMCYCLES : riscv_counter(number);
}

/* The bits of a register that are the count. */
static uint64_t count_bits(unsigned int number)
{
	return number == CYCLES ? RISCV_CYCLES_COUNT : UINT64_MAX;
}

static bool is_gone(const struct riscv_unit *unit)
{
	return riscv_read64(unit, RISCV_CAPABILITIES) == UINT64_MAX;
}

/* --- Registers: under the lock, or while nothing counts --------------------------------------- */

/*
 * Have those count that should; false: hardware does not have it so. A counter that the unit does
 * not have may read as anything.
 */
static bool apply_inhibits(struct riscv_unit *unit)
{
	const struct riscv_counters *counters = &unit->counters;
	uint32_t runs = 0, exists = 0;
	unsigned int i;

	for (i = 0; i < NUMBERS; i++) {
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
	const unsigned int number = number_of(unit, counter);
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
	return now == UINT64_MAX && is_gone(unit) ? IOMMU_EIO : 0;
}

static bool has_overflowed(const struct riscv_unit *unit, const struct riscv_counter *counter)
{
	return (riscv_read32(unit, RISCV_IOCOUNTOVF) >> number_of(unit, counter) & 1) != 0;
}

/*
 * Clear the bit of an overflow, so that the next one sends the interrupt. That of cycles stands in
 * the register of the count: cycles that pass meanwhile are not counted.
 */
static void clear_overflow(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	const unsigned int number = number_of(unit, counter);

	if (number != CYCLES) {
		riscv_write64(unit, riscv_counter_event(number), counter->selector);
		return;
	}
	riscv_write32(unit, RISCV_IOCOUNTINH, UINT32_MAX);
	riscv_write64(unit, RISCV_IOHPMCYCLES,
		      riscv_read64(unit, RISCV_IOHPMCYCLES) & RISCV_CYCLES_COUNT);
	(void)apply_inhibits(unit);
}

/* Has it overflowed? Keeps for the host what that said. */
static bool take_overflow(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	if (!has_overflowed(unit, counter))
		return false;
	clear_overflow(unit, counter);
	/* A bit that stays says nothing. */
	if (has_overflowed(unit, counter))
		return false;
	unit->counters.untold |= 1U << number_of(unit, counter);
	return true;
}

static int keep_up(struct riscv_unit *unit, struct riscv_counter *counter, bool overflowed)
{
	uint64_t value;
	int status = look(unit, counter, &value);

	if (status == 0)
		iommu_count_add(&counter->count, value, overflowed);
	return status;
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

	for (event = 1; number != CYCLES && (EVENTS_ALL >> event & 1) != 0; event++)
		if (takes(unit, number, event))
			counter->events |= 1ULL << event;
	if (number != CYCLES && (counter->events == 0 || !takes(unit, number, 0)))
		return;
	counter->count.width = find_width(unit, number);
}

static void find_counters(struct riscv_unit *unit)
{
	unsigned int number;

	if (unit->counters.are_known)
		return;
	riscv_write32(unit, RISCV_IOCOUNTINH, UINT32_MAX);
	for (number = 0; number < NUMBERS; number++)
		find_counter(unit, number);
	__atomic_store_n(&unit->counters.are_known, true, __ATOMIC_RELEASE);
}

/* --- Starting and stopping: control path ------------------------------------------------------ */

static int start(struct riscv_unit *unit, struct riscv_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	int status = 0;

	if (!counter->runs) {
		if (has_overflowed(unit, counter))
			clear_overflow(unit, counter);
		status = look(unit, counter, &counter->count.last);
		counter->count.is_added = false;
	}
	if (status == 0) {
		counter->runs = true;
		status = apply_inhibits(unit) ? 0 : IOMMU_EIO;
	}
	/* What it counted, if hardware has it otherwise, counts for nothing. */
	if (status != 0) {
		counter->runs = false;
		(void)apply_inhibits(unit);
	} else {
		counter->is_lost = false;
	}
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return status;
}

/* After a failure it goes on, as far as is known: the next call tries again. */
static int stop(struct riscv_unit *unit, struct riscv_counter *counter)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	const bool did_run = counter->runs;
	int status;

	counter->is_lost = false;
	counter->runs = false;
	status = apply_inhibits(unit) ? 0 : IOMMU_EIO;
	if (status == 0 && did_run)
		status = keep_up(unit, counter, take_overflow(unit, counter));
	counter->runs = status != 0 && did_run;
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return status;
}

/* What it counts, into its register; false: hardware does not keep it. It is stopped. */
static bool program(struct riscv_unit *unit, const struct riscv_counter *counter)
{
	const unsigned int number = number_of(unit, counter);

	return number == CYCLES || takes(unit, number, counter->selector);
}

/* --- Power ------------------------------------------------------------------------------------ */

/* Those that run are noted as lost until they run again. */
void iommu_riscv_counters_suspend(struct riscv_unit *unit)
{
	unsigned int i;

	if (!unit->counters.are_known || unit->counters.is_asleep)
		return;
	for (i = 0; i < NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];
		const bool runs = counter->runs || counter->is_lost;

		if (!counter->is_allocated)
			continue;
		(void)stop(unit, counter);
		counter->runs = false;
		counter->is_lost = runs;
	}
	unit->counters.is_asleep = true;
	(void)apply_inhibits(unit);
}

void iommu_riscv_counters_resume(struct riscv_unit *unit)
{
	unsigned int i;

	if (!riscv_has(unit, RISCV_CAP_HPM))
		return;
	find_counters(unit);
	if (!unit->counters.is_asleep)
		return;
	unit->counters.is_asleep = false;
	(void)apply_inhibits(unit);
	for (i = 0; i < NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];

		if (counter->is_allocated &&
		    (!program(unit, counter) || (counter->is_lost && start(unit, counter) != 0)))
			riscv_log(unit, IOMMU_LOG_WARNING,
				  "a performance counter does not start again");
	}
}

bool iommu_riscv_counters_any(const struct riscv_unit *unit)
{
	unsigned int i;

	for (i = 0; i < NUMBERS; i++)
		if (unit->counters.counters[i].is_allocated)
			return true;
	return false;
}

/* --- The ops: control path -------------------------------------------------------------------- */

/* A shutdown leaves the counters asleep, and the unit awake for a host that goes on with it. */
static int wake(struct riscv_unit *unit)
{
	if (!riscv_has(unit, RISCV_CAP_HPM))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	if (IOMMU_CONFIG_SUSPEND && unit->base.power != IOMMU_UNIT_AWAKE)
		return RISCV_REFUSE(unit, IOMMU_EBUSY, IS_ASLEEP);
	iommu_riscv_counters_resume(unit);
	return 0;
}

/* The counter of a number, of a unit that is awake; NULL: *status says why not. */
static struct riscv_counter *find(struct riscv_unit *unit, unsigned int number, int *status)
{
	*status = wake(unit);
	if (*status != 0)
		return NULL;
	if (number < NUMBERS && unit->counters.counters[number].is_allocated)
		return &unit->counters.counters[number];
	*status = RISCV_REFUSE(unit, IOMMU_EINVAL, NO_COUNTER);
	return NULL;
}

static int counters_get(struct iommu_unit *base, struct iommu_counters_info *info)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	unsigned int i;

	if (!riscv_has(unit, RISCV_CAP_HPM))
		return IOMMU_EOPNOTSUPP;
	/* One that is asleep was looked at when it was enabled. */
	if (!IOMMU_CONFIG_SUSPEND || base->power == IOMMU_UNIT_AWAKE)
		find_counters(unit);
	info->width = 64;
	for (i = 0; i < NUMBERS; i++) {
		const struct riscv_counter *counter = &unit->counters.counters[i];

		if (counter->count.width == 0)
			continue;
		info->counters++;
		info->unused += counter->is_allocated ? 0 : 1;
		info->events[0] |= i == CYCLES ? 1 : counter->events;
		if (counter->count.width < info->width)
			info->width = counter->count.width;
	}
	if (info->counters == 0)
		return IOMMU_EOPNOTSUPP;
	info->groups = 1;
	info->filters = IOMMU_COUNTER_OF_SOURCE | IOMMU_COUNTER_OF_DOMAIN | IOMMU_COUNTER_OF_PASID;
	info->source_bits = PCI_SOURCE_BITS;
	info->interrupts = true;
	info->freezes = true;
	return 0;
}

/*
 * A device, or 2^bits of them: the low bits of the id are then ones below a 0. Devices whose ids
 * are not neighbours for hardware cannot be told apart from others.
 */
static int select_source(struct riscv_unit *unit, const struct iommu_counter_config *config,
			 uint64_t *selector)
{
	uint32_t mask, first, last;

	if (config->source_id > UINT16_MAX)
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "a source id has 16 bits");
	if (config->source_bits > PCI_SOURCE_BITS)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_FILTER);
	mask = (1U << config->source_bits) - 1;
	first = iommu_riscv_id_of(unit, (uint16_t)(config->source_id & ~mask));
	last = iommu_riscv_id_of(unit, (uint16_t)(config->source_id | mask));
	if (first == UINT32_MAX || last == UINT32_MAX)
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "the unit has no device of this source id");
	if ((first & mask) != 0 || last != (first | mask))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    "the device ids of these sources are no block");
	*selector |= riscv_event(RISCV_EVENT_NONE, first | mask >> 1, 0,
				 RISCV_EVENT_HAS_DEVICE |
					 (config->source_bits != 0 ? RISCV_EVENT_PARTLY : 0));
	return 0;
}

/* Requests are known by the second stage that translates them: a first stage's id is no filter. */
static int select_domain(struct riscv_unit *unit, const struct iommu_counter_config *config,
			 uint64_t *selector)
{
	const struct riscv_domain *domain = riscv_domain_of(config->domain);
	const struct iommu_place *place = iommu_place_find(&domain->common, unit);

	if (place == NULL || !iommu_place_is_used(place))
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "the domain is not used on this unit");
	if (domain->type != RISCV_SECOND_STAGE || config->event >= 64 ||
	    (EVENTS_OF_CONTEXTS >> config->event & 1) == 0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_FILTER);
	*selector |= riscv_event(RISCV_EVENT_NONE, place->id, 0,
				 RISCV_EVENT_HAS_DEVICE | RISCV_EVENT_BY_CONTEXT);
	return 0;
}

/*
 * Two filters at once do not say what a caller wants: a device and a PASID of it count what the
 * device asks without a PASID, too.
 */
static int select_events(struct riscv_unit *unit, const struct iommu_counter_config *config,
			 uint64_t *selector)
{
	*selector = config->event;
	switch (config->filters) {
	case 0:
		return 0;
	case IOMMU_COUNTER_OF_SOURCE:
		return select_source(unit, config, selector);
	case IOMMU_COUNTER_OF_DOMAIN:
		return select_domain(unit, config, selector);
	case IOMMU_COUNTER_OF_PASID:
		*selector |=
			riscv_event(RISCV_EVENT_NONE, 0, config->pasid, RISCV_EVENT_HAS_PROCESS);
		return 0;
	default:
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_FILTER);
	}
}

/* Can it count an event? Of those that are a maker's own only the register tells. */
static bool can_count(const struct riscv_unit *unit, const struct riscv_counter *counter,
		      unsigned int event)
{
	const bool is_cycles = number_of(unit, counter) == CYCLES;

	if (counter->count.width == 0 || is_cycles != (event == RISCV_EVENT_NONE))
		return false;
	return is_cycles || event >= 64 || (counter->events >> event & 1) != 0;
}

static unsigned int reach_of(const struct riscv_counter *counter)
{
	uint64_t left = counter->events;
	unsigned int reach = 0;

	for (; left != 0; left &= left - 1)
		reach++;
	return reach;
}

/* Of those that can count the event, and were not tried, the one that can count the fewest. */
static struct riscv_counter *choose(struct riscv_unit *unit, unsigned int event, uint32_t tried)
{
	struct riscv_counter *best = NULL;
	unsigned int i;

	for (i = 0; i < NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];

		if ((tried >> i & 1) == 0 && !counter->is_allocated &&
		    can_count(unit, counter, event) &&
		    (best == NULL || reach_of(counter) < reach_of(best)))
			best = counter;
	}
	return best;
}

static bool is_counted(struct riscv_unit *unit, unsigned int event)
{
	unsigned int i;

	for (i = 0; i < NUMBERS; i++)
		if (can_count(unit, &unit->counters.counters[i], event))
			return true;
	return false;
}

/* Stopped, its register programmed, nothing counted. */
static int occupy(struct riscv_unit *unit, struct riscv_counter *counter, uint64_t selector)
{
	const unsigned int number = number_of(unit, counter);
	int status = stop(unit, counter);
	uintptr_t state;

	if (status != 0)
		return status;
	counter->selector = selector;
	if (!program(unit, counter))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_EVENT);
	state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	riscv_write64(unit, register_of(number), 0);
	unit->counters.untold &= ~(1U << number);
	counter->count.events = 0;
	counter->is_allocated = true;
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return 0;
}

static int alloc_one(struct riscv_unit *unit, unsigned int event, uint64_t selector,
		     unsigned int *number)
{
	struct riscv_counter *counter;
	uint32_t tried = 0;
	int status = 0;

	while ((counter = choose(unit, event, tried)) != NULL) {
		status = occupy(unit, counter, selector);
		if (status == 0) {
			*number = number_of(unit, counter);
			return 0;
		}
		tried |= 1U << number_of(unit, counter);
	}
	return status != 0 ? status
			   : RISCV_REFUSE(unit, IOMMU_ENOSPC,
					  "all counters for this event are allocated");
}

static int counter_alloc(struct iommu_unit *base, const struct iommu_counter_config *config,
			 unsigned int *number)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	uint64_t selector;
	int status = wake(unit);

	if (status != 0)
		return status;
	if (config->group != 0 || config->event > RISCV_EVENT_NUMBER_MAX ||
	    (config->event == RISCV_EVENT_NONE && config->filters != 0) ||
	    !is_counted(unit, config->event))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_EVENT);
	status = select_events(unit, config, &selector);
	return status == 0 ? alloc_one(unit, config->event, selector, number) : status;
}

static int counter_start(struct iommu_unit *base, unsigned int number)
{
	int status;
	struct riscv_counter *counter = find(riscv_unit_of(base), number, &status);

	return counter != NULL ? start(riscv_unit_of(base), counter) : status;
}

static int counter_stop(struct iommu_unit *base, unsigned int number)
{
	int status;
	struct riscv_counter *counter = find(riscv_unit_of(base), number, &status);

	return counter != NULL ? stop(riscv_unit_of(base), counter) : status;
}

static int counter_free(struct iommu_unit *base, unsigned int number)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status;
	struct riscv_counter *counter = find(unit, number, &status);
	uintptr_t state;

	if (counter == NULL)
		return status;
	status = stop(unit, counter);
	if (status != 0)
		return status;
	state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	counter->is_allocated = false;
	unit->counters.untold &= ~(1U << number);
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return 0;
}

static int counters_freeze(struct iommu_unit *base, bool freeze)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status = wake(unit);
	uintptr_t state;

	if (status != 0)
		return status;
	state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	unit->counters.is_frozen = freeze;
	status = apply_inhibits(unit) ? 0 : IOMMU_EIO;
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return status;
}

/* --- The ops: any context --------------------------------------------------------------------- */

static bool are_known(const struct riscv_unit *unit)
{
	return __atomic_load_n(&unit->counters.are_known, __ATOMIC_ACQUIRE);
}

static int counter_read(struct iommu_unit *base, unsigned int number, uint64_t *count)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	struct riscv_counter *counter;
	int status = IOMMU_EINVAL;
	uintptr_t state;

	if (!riscv_has(unit, RISCV_CAP_HPM))
		return IOMMU_EOPNOTSUPP;
	if (!are_known(unit) || number >= NUMBERS)
		return IOMMU_EINVAL;
	counter = &unit->counters.counters[number];
	state = iommu_spin_lock(unit->platform, &unit->counters.lock);
	if (counter->is_allocated) {
		status = counter->runs ? keep_up(unit, counter, take_overflow(unit, counter)) : 0;
		if (counter->is_lost && !unit->counters.is_asleep)
			status = IOMMU_EIO;
		if (status == 0)
			*count = counter->count.events;
	}
	iommu_spin_unlock(unit->platform, &unit->counters.lock, state);
	return status;
}

/*
 * The interrupt is taken back before the counters' bits are looked at: one that overflows after
 * that sends it again. 0: none has a bit.
 */
static int handle_round(void *ctx, unsigned int round)
{
	struct riscv_unit *unit = ctx;
	int found = 0;
	unsigned int i;

	(void)round;
	riscv_write32(unit, RISCV_IPSR, RISCV_IPSR_COUNTERS);
	if (riscv_read32(unit, RISCV_IOCOUNTOVF) == UINT32_MAX && is_gone(unit))
		return IOMMU_EIO;
	for (i = 0; i < NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];

		if (!counter->runs || !take_overflow(unit, counter))
			continue;
		found = 1;
		if (keep_up(unit, counter, true) != 0)
			return IOMMU_EIO;
	}
	return found;
}

static int counters_handle(struct iommu_unit *base, uint64_t *overflowed)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	struct riscv_counters *counters = &unit->counters;
	int status = 0;
	uintptr_t state;

	if (!riscv_has(unit, RISCV_CAP_HPM))
		return IOMMU_EOPNOTSUPP;
	state = iommu_spin_lock(unit->platform, &counters->lock);
	if (are_known(unit) && !counters->is_asleep)
		status = iommu_event_rounds(handle_round, unit);
	if (status >= 0) {
		*overflowed = counters->untold;
		counters->untold = 0;
	}
	iommu_spin_unlock(unit->platform, &counters->lock, state);
	return status < 0 ? status : 0;
}

const struct iommu_counter_ops iommu_riscv_counter_ops = {
	.get = counters_get,
	.alloc = counter_alloc,
	.start = counter_start,
	.stop = counter_stop,
	.free = counter_free,
	.freeze = counters_freeze,
	.read = counter_read,
	.handle = counters_handle,
};

#endif
