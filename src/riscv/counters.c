/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use of a unit's performance counters: who has which, and what each selects (RISC-V IOMMU
 * specification 1.0.0, 5.23 "Performance-monitoring event selector").
 *
 * A counter reaches no memory: what goes wrong with one stays here, and neither a suspend nor a
 * removal of the unit fails for it.
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
#include "riscv/endpoint.h"
#include "riscv/unit.h"
#include "unit/domain.h"
#include "unit/event.h"

#if IOMMU_CONFIG_COUNTERS

#define NO_COUNTERS     "it has no performance counters"
#define NO_COUNTER      "no such counter is allocated"
#define IS_ASLEEP       "it is suspended"
#define NO_EVENT        "it cannot count this event, or not so"
#define NO_FILTER       "it has no such filter, or not with the others, or for this event"

#define PCI_SOURCE_BITS 16U
/* Those of which a unit knows by which context they are translated. */
#define EVENTS_OF_CONTEXTS                                                                         \
	(1ULL << RISCV_EVENT_TLB_MISS | 1ULL << RISCV_EVENT_FIRST_STAGE_WALK |                     \
	 1ULL << RISCV_EVENT_SECOND_STAGE_WALK)

/* --- The ops: control path -------------------------------------------------------------------- */

/* A shutdown leaves the counters asleep, and the unit awake for a host that goes on with it. */
static int wake(struct riscv_unit *unit)
{
	if (!riscv_has(unit, RISCV_CAP_HPM))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	if (IOMMU_CONFIG_SUSPEND && unit->common.base.power != IOMMU_UNIT_AWAKE)
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
	if (number < RISCV_COUNTER_NUMBERS && unit->counters.counters[number].is_allocated)
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
	/* One that is asleep was looked at before. */
	if (!IOMMU_CONFIG_SUSPEND || base->power == IOMMU_UNIT_AWAKE)
		iommu_riscv_counters_find(unit);
	info->width = 64;
	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++) {
		const struct riscv_counter *counter = &unit->counters.counters[i];

		if (counter->count.width == 0)
			continue;
		info->counters++;
		info->unused += counter->is_allocated ? 0 : 1;
		info->events[0] |= i == RISCV_COUNTER_OF_CYCLES ? 1 : counter->events;
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

/* The ids of a device that is no function; NULL: there is none of this source id. */
static const struct iommu_fwspec *find_fwspec(struct riscv_unit *unit, uint32_t source_id)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->common.base, endpoint)) != NULL)
		if (endpoint->info.source_id == source_id && endpoint->info.fwspec != NULL)
			return endpoint->info.fwspec;
	return NULL;
}

static int select_fwspec(const struct riscv_unit *unit, const struct iommu_counter_config *config,
			 const struct iommu_fwspec *fwspec, uint64_t *selector)
{
	if (fwspec->id_count != 1 || config->source_bits != 0)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP,
				    "the device ids of these sources are no block");
	*selector |= riscv_event(RISCV_EVENT_NONE, fwspec->ids[0], 0, RISCV_EVENT_HAS_DEVICE);
	return 0;
}

/*
 * A device, or 2^bits of them: the low bits of the id are then ones below a 0. Devices whose ids
 * are not neighbours for hardware cannot be told apart from others.
 */
static int select_source(struct riscv_unit *unit, const struct iommu_counter_config *config,
			 uint64_t *selector)
{
	const struct iommu_fwspec *fwspec;
	uint32_t mask, first, last;

	if (config->source_id > UINT16_MAX)
		return RISCV_REFUSE(unit, IOMMU_EINVAL, "a source id has 16 bits");
	fwspec = find_fwspec(unit, config->source_id);
	if (fwspec != NULL)
		return select_fwspec(unit, config, fwspec, selector);
	if (config->source_bits > PCI_SOURCE_BITS)
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_FILTER);
	mask = (1U << config->source_bits) - 1;
	first = iommu_id_map_id_of(&unit->common.map, (uint16_t)(config->source_id & ~mask));
	last = iommu_id_map_id_of(&unit->common.map, (uint16_t)(config->source_id | mask));
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
	const bool is_cycles =
		riscv_counter_number(&unit->counters, counter) == RISCV_COUNTER_OF_CYCLES;

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

	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++) {
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

	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++)
		if (can_count(unit, &unit->counters.counters[i], event))
			return true;
	return false;
}

/* Stopped, its register programmed, nothing counted. */
static int occupy(struct riscv_unit *unit, struct riscv_counter *counter, uint64_t selector)
{
	int status = iommu_riscv_counter_stop(unit, counter);
	uintptr_t state;

	if (status != 0)
		return status;
	counter->selector = selector;
	if (!iommu_riscv_counter_program(unit, counter))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_EVENT);
	state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	iommu_riscv_counter_clear(unit, counter);
	counter->is_allocated = true;
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
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
			*number = riscv_counter_number(&unit->counters, counter);
			return 0;
		}
		tried |= 1U << riscv_counter_number(&unit->counters, counter);
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

	return counter != NULL ? iommu_riscv_counter_start(riscv_unit_of(base), counter) : status;
}

static int counter_stop(struct iommu_unit *base, unsigned int number)
{
	int status;
	struct riscv_counter *counter = find(riscv_unit_of(base), number, &status);

	return counter != NULL ? iommu_riscv_counter_stop(riscv_unit_of(base), counter) : status;
}

static int counter_free(struct iommu_unit *base, unsigned int number)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status;
	struct riscv_counter *counter = find(unit, number, &status);
	uintptr_t state;

	if (counter == NULL)
		return status;
	status = iommu_riscv_counter_stop(unit, counter);
	if (status != 0)
		return status;
	state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	counter->is_allocated = false;
	unit->counters.untold &= ~(1U << number);
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
	return 0;
}

static int counters_freeze(struct iommu_unit *base, bool freeze)
{
	struct riscv_unit *unit = riscv_unit_of(base);
	int status = wake(unit);
	uintptr_t state;

	if (status != 0)
		return status;
	state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	unit->counters.is_frozen = freeze;
	status = iommu_riscv_counters_apply(unit) ? 0 : IOMMU_EIO;
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
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
	if (!are_known(unit) || number >= RISCV_COUNTER_NUMBERS)
		return IOMMU_EINVAL;
	counter = &unit->counters.counters[number];
	state = iommu_spin_lock(unit->common.platform, &unit->counters.lock);
	if (counter->is_allocated) {
		status = counter->runs ? iommu_riscv_counter_keep_up(
						 unit, counter,
						 iommu_riscv_counter_take_overflow(unit, counter))
				       : 0;
		if (counter->is_lost && !unit->counters.is_asleep)
			status = IOMMU_EIO;
		if (status == 0)
			*count = counter->count.events;
	}
	iommu_spin_unlock(unit->common.platform, &unit->counters.lock, state);
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
	if (riscv_read32(unit, RISCV_IOCOUNTOVF) == UINT32_MAX && iommu_riscv_is_gone(unit))
		return IOMMU_EIO;
	for (i = 0; i < RISCV_COUNTER_NUMBERS; i++) {
		struct riscv_counter *counter = &unit->counters.counters[i];

		if (!counter->runs || !iommu_riscv_counter_take_overflow(unit, counter))
			continue;
		found = 1;
		if (iommu_riscv_counter_keep_up(unit, counter, true) != 0)
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
	state = iommu_spin_lock(unit->common.platform, &counters->lock);
	if (are_known(unit) && !counters->is_asleep)
		status = iommu_event_rounds(handle_round, unit);
	if (status >= 0) {
		*overflowed = counters->untold;
		counters->untold = 0;
	}
	iommu_spin_unlock(unit->common.platform, &counters->lock, state);
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
