/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use of a unit's performance counters (VT-d specification, "Performance Monitoring").
 *
 * Nothing that a counter does can harm: it reaches no memory of ours, and sends the interrupt that
 * it was given. So what goes wrong here stays here: a counter that does not obey is tried again by
 * the next call, and neither a suspend nor a removal of the unit fails for it.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/counters.h>
#include <libiommu/hw/vtd_counters.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/spinlock.h"
#include "unit/domain.h"
#include "unit/event.h"
#include "vtd/counters.h"
#include "vtd/domain.h"
#include "vtd/event.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_COUNTERS

#define NO_COUNTERS  "it has no performance counters"
#define NO_COUNTER   "no such counter is allocated"
#define IS_ASLEEP    "it is suspended"
#define NO_MESSAGE   "a message goes to an aligned address at FEExxxxx, with 16 bits of data"
#define UNLIKE_FIELD "an id, types or levels that no request has"

_Static_assert(IOMMU_COUNTER_OF_SOURCE == 1 << VTD_FILTER_SOURCE &&
		       IOMMU_COUNTER_OF_DOMAIN == 1 << VTD_FILTER_DOMAIN &&
		       IOMMU_COUNTER_OF_PASID == 1 << VTD_FILTER_PASID &&
		       IOMMU_COUNTER_OF_TYPES == 1 << VTD_FILTER_TYPE &&
		       IOMMU_COUNTER_OF_LEVELS == 1 << VTD_FILTER_LEVEL,
	       "filters are numbered as hardware's are");

/* --- The ops: control path -------------------------------------------------------------------- */

/* A shutdown leaves the counters asleep, and the unit awake for a host that goes on with it. */
static int wake(struct vtd_unit *unit)
{
	if (unit->counters == NULL)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, NO_COUNTERS);
	if (IOMMU_CONFIG_SUSPEND && unit->base.power != IOMMU_UNIT_AWAKE)
		return VTD_REFUSE(unit, IOMMU_EBUSY, IS_ASLEEP);
	iommu_vtd_counters_resume(unit);
	return 0;
}

/* The counter of a number, of a unit that is awake; NULL: *status says why not. */
static struct vtd_counter *find(struct vtd_unit *unit, unsigned int number, int *status)
{
	*status = wake(unit);
	if (*status != 0)
		return NULL;
	if (number < unit->counters->count && unit->counters->counters[number].is_allocated)
		return &unit->counters->counters[number];
	*status = VTD_REFUSE(unit, IOMMU_EINVAL, NO_COUNTER);
	return NULL;
}

/* The number of events that it can count. */
static unsigned int reach_of(const struct vtd_counter *counter)
{
	unsigned int events = 0, i;

	for (i = 0; i < VTD_COUNTER_GROUPS_MAX; i++) {
		uint32_t left = counter->events[i];

		for (; left != 0; left &= left - 1)
			events++;
	}
	return events;
}

static int counters_get(struct iommu_unit *base, struct iommu_counters_info *info)
{
	const struct vtd_counters *counters = vtd_unit_of(base)->counters;
	unsigned int i;

	if (counters == NULL)
		return IOMMU_EOPNOTSUPP;
	info->width = 64;
	info->groups = counters->groups;
	info->filters = counters->filters;
	info->interrupts = counters->interrupts;
	info->freezes = counters->freezes;
	memcpy(info->events, counters->events, sizeof(info->events));
	for (i = 0; i < counters->count; i++) {
		const struct vtd_counter *counter = &counters->counters[i];

		if (reach_of(counter) == 0)
			continue;
		info->counters++;
		info->unused += counter->is_allocated ? 0 : 1;
		if (counter->count.width < info->width)
			info->width = counter->count.width;
	}
	return 0;
}

/* The id that hardware knows the domain by. */
static int id_of(struct vtd_unit *unit, const struct iommu_domain *base, uint32_t *id)
{
	const struct vtd_domain *domain = vtd_domain_of(base);
	const struct iommu_place *place;

	place = iommu_place_find(&domain->common, unit);
	if (place == NULL || !iommu_place_is_used(place))
		return VTD_REFUSE(unit, IOMMU_EINVAL, "the domain is not used on this unit");
	*id = place->id;
	return 0;
}

static int choose_filters(struct vtd_unit *unit, const struct iommu_counter_config *config,
			  uint32_t *filters)
{
	const uint32_t values[VTD_FILTERS] = {
		[VTD_FILTER_SOURCE] = config->source_id,
		[VTD_FILTER_PASID] = config->pasid,
		[VTD_FILTER_TYPE] = config->types,
		[VTD_FILTER_LEVEL] = config->levels,
	};
	unsigned int i;
	int status = 0;

	if ((config->filters & ~unit->counters->filters) != 0 ||
	    ((config->filters & IOMMU_COUNTER_OF_SOURCE) != 0 && config->source_bits != 0))
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it has no such filter");
	if (((config->filters & IOMMU_COUNTER_OF_SOURCE) != 0 && config->source_id > UINT16_MAX) ||
	    ((config->filters & IOMMU_COUNTER_OF_TYPES) != 0 &&
	     (config->types == 0 || config->types > 7)) ||
	    ((config->filters & IOMMU_COUNTER_OF_LEVELS) != 0 &&
	     (config->levels == 0 || config->levels > 0x1f)))
		return VTD_REFUSE(unit, IOMMU_EINVAL, UNLIKE_FIELD);
	for (i = 0; i < VTD_FILTERS; i++)
		filters[i] = (config->filters >> i & 1) != 0 ? VTD_FILTER_ENABLE | values[i] : 0;
	if ((config->filters & IOMMU_COUNTER_OF_DOMAIN) != 0) {
		status = id_of(unit, config->domain, &filters[VTD_FILTER_DOMAIN]);
		filters[VTD_FILTER_DOMAIN] |= VTD_FILTER_ENABLE;
	}
	return status;
}

/* Of those that can count the event, and were not tried, the one that can count the fewest. */
static struct vtd_counter *choose(struct vtd_counters *counters,
				  const struct iommu_counter_config *config, uint64_t tried)
{
	struct vtd_counter *best = NULL;
	unsigned int i;

	for (i = 0; i < counters->count; i++) {
		struct vtd_counter *counter = &counters->counters[i];

		if ((tried >> i & 1) == 0 && !counter->is_allocated &&
		    (counter->events[config->group] >> config->event & 1) != 0 &&
		    (best == NULL || reach_of(counter) < reach_of(best)))
			best = counter;
	}
	return best;
}

static void occupy(struct vtd_unit *unit, struct vtd_counter *counter,
		   const struct iommu_counter_config *config, const uint32_t *filters)
{
	uintptr_t state;

	counter->config =
		vtd_counter_config(config->group, config->event, unit->counters->interrupts);
	memcpy(counter->filters, filters, sizeof(counter->filters));
	iommu_vtd_counter_program(unit, counter);
	state = iommu_spin_lock(unit->platform, &unit->counters->lock);
	/* An overflow of before is not of this one. */
	(void)iommu_vtd_counter_take_overflow(unit, counter);
	unit->counters->untold &= ~(1ULL << vtd_counter_number(unit->counters, counter));
	counter->count.events = 0;
	counter->is_allocated = true;
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
}

static int counter_alloc(struct iommu_unit *base, const struct iommu_counter_config *config,
			 unsigned int *number)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	uint32_t filters[VTD_FILTERS];
	struct vtd_counter *counter;
	uint64_t tried = 0;
	int status = wake(unit);

	if (status == 0)
		status = choose_filters(unit, config, filters);
	if (status != 0)
		return status;
	if (config->group >= VTD_COUNTER_GROUPS_MAX || config->event >= VTD_COUNTER_EVENTS_MAX ||
	    (unit->counters->events[config->group] >> config->event & 1) == 0)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it cannot count this event");
	while ((counter = choose(unit->counters, config, tried)) != NULL) {
		/* One that may have been left on is stopped before it is programmed. */
		status = iommu_vtd_counter_stop(unit, counter);
		if (status == 0) {
			occupy(unit, counter, config, filters);
			*number = vtd_counter_number(unit->counters, counter);
			return 0;
		}
		tried |= 1ULL << vtd_counter_number(unit->counters, counter);
	}
	return status != 0 ? status
			   : VTD_REFUSE(unit, IOMMU_ENOSPC,
					"all counters for this event are allocated");
}

static int counter_start(struct iommu_unit *base, unsigned int number)
{
	int status;
	struct vtd_counter *counter = find(vtd_unit_of(base), number, &status);

	return counter != NULL ? iommu_vtd_counter_start(vtd_unit_of(base), counter) : status;
}

static int counter_stop(struct iommu_unit *base, unsigned int number)
{
	int status;
	struct vtd_counter *counter = find(vtd_unit_of(base), number, &status);

	return counter != NULL ? iommu_vtd_counter_stop(vtd_unit_of(base), counter) : status;
}

static int counter_free(struct iommu_unit *base, unsigned int number)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status;
	struct vtd_counter *counter = find(unit, number, &status);
	uintptr_t state;

	if (counter == NULL)
		return status;
	status = iommu_vtd_counter_stop(unit, counter);
	if (status != 0)
		return status;
	state = iommu_spin_lock(unit->platform, &unit->counters->lock);
	counter->is_allocated = false;
	unit->counters->untold &= ~(1ULL << number);
	iommu_spin_unlock(unit->platform, &unit->counters->lock, state);
	return 0;
}

static int counters_freeze(struct iommu_unit *base, bool freeze)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status = wake(unit);

	if (status != 0)
		return status;
	if (!unit->counters->freezes)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it cannot freeze its counters");
	if (unit->counters->is_frozen != freeze)
		unit->counters->freeze_is_known = false;
	unit->counters->is_frozen = freeze;
	return iommu_vtd_counters_settle_freeze(unit);
}

/* --- The ops: any context --------------------------------------------------------------------- */

static int counter_read(struct iommu_unit *base, unsigned int number, uint64_t *count)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	struct vtd_counters *counters = unit->counters;
	struct vtd_counter *counter;
	int status = IOMMU_EINVAL;
	uintptr_t state;

	if (counters == NULL)
		return IOMMU_EOPNOTSUPP;
	if (number >= counters->count)
		return IOMMU_EINVAL;
	counter = &counters->counters[number];
	state = iommu_spin_lock(unit->platform, &counters->lock);
	if (counter->is_allocated) {
		status = counter->runs ? iommu_vtd_counter_keep_up(
						 unit, counter,
						 iommu_vtd_counter_take_overflow(unit, counter))
				       : 0;
		if (counter->is_lost && !counters->is_asleep)
			status = IOMMU_EIO;
		if (status == 0)
			*count = counter->count.events;
	}
	iommu_spin_unlock(unit->platform, &counters->lock, state);
	return status;
}

/*
 * The interrupt's status is cleared before the counters' bits are looked at: one that overflows
 * after that sends the interrupt again. 0: none has a bit.
 */
static int handle_round(void *ctx, unsigned int round)
{
	struct vtd_unit *unit = ctx;
	struct vtd_counters *counters = unit->counters;
	uint64_t bits;
	unsigned int i;

	(void)round;
	vtd_write32(unit, VTD_PERFINTRSTS, VTD_PERFINTRSTS_PIS);
	bits = vtd_read64(unit, counters->overflows);
	if (bits == UINT64_MAX && vtd_read32(unit, VTD_GSTS) == UINT32_MAX)
		return IOMMU_EIO;
	bits &= (counters->count < 64 ? 1ULL << counters->count : 0) - 1;
	if (bits == 0)
		return 0;
	vtd_write64(unit, counters->overflows, bits);
	for (i = 0; i < counters->count; i++) {
		struct vtd_counter *counter = &counters->counters[i];

		if ((bits >> i & 1) == 0)
			continue;
		if (counter->is_allocated)
			counters->untold |= 1ULL << i;
		if (counter->runs && iommu_vtd_counter_keep_up(unit, counter, true) != 0)
			return IOMMU_EIO;
	}
	return 1;
}

static int counters_handle(struct iommu_unit *base, uint64_t *overflowed)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	struct vtd_counters *counters = unit->counters;
	int status = 0;
	uintptr_t state;

	if (counters == NULL)
		return IOMMU_EOPNOTSUPP;
	state = iommu_spin_lock(unit->platform, &counters->lock);
	if (!counters->is_asleep)
		status = iommu_event_rounds(handle_round, unit);
	if (status >= 0) {
		*overflowed = counters->untold;
		counters->untold = 0;
	}
	iommu_spin_unlock(unit->platform, &counters->lock, state);
	return status < 0 ? status : 0;
}

const struct iommu_counter_ops iommu_vtd_counter_ops = {
	.get = counters_get,
	.alloc = counter_alloc,
	.start = counter_start,
	.stop = counter_stop,
	.free = counter_free,
	.freeze = counters_freeze,
	.read = counter_read,
	.handle = counters_handle,
};

/* --- The interrupt ---------------------------------------------------------------------------- */

/* While the unit is asleep it is masked; resume programs it. */
static void apply_event(struct vtd_unit *unit)
{
	if (!unit->counters->is_asleep)
		iommu_vtd_event_apply(unit, VTD_PERFINTRCTL, &unit->counters->event);
}

static int check_interrupt(struct iommu_unit *base)
{
	if (!iommu_vtd_owns(base))
		return IOMMU_EINVAL;
	return vtd_unit_of(base)->counters != NULL && vtd_unit_of(base)->counters->interrupts
		       ? 0
		       : IOMMU_EOPNOTSUPP;
}

int iommu_vtd_set_counter_interrupt(struct iommu_unit *base, uint64_t address, uint32_t data)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status = check_interrupt(base);

	if (status != 0)
		return VTD_REFUSE_NOW(base, status,
				      status == IOMMU_EINVAL ? VTD_OTHERS : NO_COUNTERS);
	if (!iommu_vtd_event_set(&unit->counters->event, address, data))
		return VTD_REFUSE_NOW(base, IOMMU_EINVAL, NO_MESSAGE);
	apply_event(unit);
	return 0;
}

int iommu_vtd_mask_counter_interrupt(struct iommu_unit *base)
{
	struct vtd_unit *unit = vtd_unit_of(base);
	int status = check_interrupt(base);

	if (status != 0)
		return VTD_REFUSE_NOW(base, status,
				      status == IOMMU_EINVAL ? VTD_OTHERS : NO_COUNTERS);
	unit->counters->event.enabled = false;
	apply_event(unit);
	return 0;
}

#endif
