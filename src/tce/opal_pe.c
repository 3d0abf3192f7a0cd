/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PEs whose requester ids the library manages: creation, removal, lookup.
 *
 * The ids of a PE are a range: one function, or a number of buses. Ranges are nested or disjoint;
 * an id belongs to the narrowest range that contains it. A range is created inside a wider one or
 * where none is, never around one: between two calls of firmware the inner ids would belong to the
 * outer PE.
 *
 * Locking: the control path, under the host's mutex of the instance.
 */
#include <libiommu/status.h>

#include "tce/opal.h"

static bool holds(const struct opal_pe *pe, uint16_t first, uint16_t last)
{
	return pe->has_ids && pe->first_id <= first && last <= pe->last_id;
}

static bool touches(const struct opal_pe *pe, uint16_t first, uint16_t last)
{
	return pe->has_ids && pe->first_id <= last && first <= pe->last_id;
}

/* The narrowest PE around a range; NULL: none. */
static struct opal_pe *around(const struct opal_unit *unit, uint16_t first, uint16_t last)
{
	struct opal_pe *best = NULL;
	unsigned int i;

	for (i = 0; i < unit->config.pes; i++) {
		struct opal_pe *pe = &unit->pes[i];

		if (holds(pe, first, last) &&
		    (best == NULL || holds(best, pe->first_id, pe->last_id)))
			best = pe;
	}
	return best;
}

uint32_t iommu_opal_pe_of_id(const struct opal_unit *unit, uint16_t source_id)
{
	const struct opal_pe *pe;

	if (unit->config.find_pe != NULL)
		return unit->config.find_pe(unit->config.ctx, source_id);
	pe = around(unit, source_id, source_id);
	return pe != NULL ? opal_number_of(unit, pe) : IOMMU_OPAL_NO_PE;
}

/* --- Making one ------------------------------------------------------------------------------- */

/* The ids of a kind; false: bridges cannot compare such a range. */
static bool range_of(const struct iommu_opal_pe_config *config, uint16_t *first, uint16_t *last)
{
	unsigned int buses = 0;

	*first = config->source_id;
	switch (config->kind) {
	case IOMMU_OPAL_PE_DEVICE:
	case IOMMU_OPAL_PE_VIRTUAL_FUNCTION:
		*last = *first;
		return true;
	case IOMMU_OPAL_PE_BUS:
		buses = 1;
		break;
	case IOMMU_OPAL_PE_BUS_ALL:
		buses = config->buses;
		break;
	default:
		return false;
	}
	if (buses == 0 || buses > IOMMU_OPAL_BUSES_MAX || (buses & (buses - 1)) != 0 ||
	    (*first & (buses * IDS_PER_BUS - 1)) != 0)
		return false;
	*last = (uint16_t)(*first + (buses * IDS_PER_BUS - 1));
	return true;
}

/* Without an endpoint: an endpoint keeps the PE that its id had at the probe. */
static bool has_endpoints(struct opal_unit *unit, uint16_t first, uint16_t last)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		if (endpoint->info.source_id >= first && endpoint->info.source_id <= last)
			return true;
	return false;
}

static int check_room(struct opal_unit *unit, uint16_t first, uint16_t last)
{
	unsigned int i;

	for (i = 0; i < unit->config.pes; i++) {
		const struct opal_pe *pe = &unit->pes[i];

		if (!touches(pe, first, last))
			continue;
		if (!holds(pe, first, last) || (pe->first_id == first && pe->last_id == last))
			return OPAL_REFUSE(unit, IOMMU_EEXIST,
					   "a PE has these ids, or some of them and others");
	}
	return has_endpoints(unit, first, last)
		       ? OPAL_REFUSE(unit, IOMMU_EBUSY, "an endpoint has one of the ids")
		       : 0;
}

static bool is_free(const struct opal_unit *unit, uint32_t number)
{
	const struct opal_pe *pe = &unit->pes[number];

	return number != unit->config.reserved_pe && !pe->has_ids && !pe->has_unsure_ids &&
	       !pe->is_unsure;
}

static int choose_number(const struct opal_unit *unit, uint32_t wanted, uint32_t *number)
{
	uint32_t i;

	if (wanted != IOMMU_OPAL_NO_PE) {
		*number = wanted;
		if (wanted >= unit->config.pes)
			return OPAL_REFUSE(unit, IOMMU_EINVAL, "it has no PE of this number");
		return is_free(unit, wanted)
			       ? 0
			       : OPAL_REFUSE(unit, IOMMU_EBUSY, "the PE of this number is in use");
	}
	for (i = 0; i < unit->config.pes; i++) {
		*number = i;
		if (is_free(unit, i))
			return 0;
	}
	return OPAL_REFUSE(unit, IOMMU_ENOSPC, "all its PEs are in use");
}

/* Tell firmware the PE of a range from now on; NULL: none. */
static int tell(struct opal_unit *unit, uint16_t first, uint16_t last, const struct opal_pe *pe)
{
	const uint32_t number = pe != NULL ? opal_number_of(unit, pe) : unit->config.reserved_pe;

	return iommu_opal_set_ids(unit, number, first, last, pe != NULL);
}

int iommu_opal_settle_ids(struct opal_unit *unit)
{
	unsigned int i;
	int result = 0;

	for (i = 0; i < unit->config.pes; i++) {
		struct opal_pe *pe = &unit->pes[i];
		int status;

		if (!pe->has_unsure_ids)
			continue;
		status = tell(unit, pe->first_id, pe->last_id,
			      pe->has_ids ? pe : around(unit, pe->first_id, pe->last_id));
		pe->has_unsure_ids = status != 0;
		if (result == 0)
			result = status;
	}
	return result;
}

/* A call that failed may have taken effect: the ids are set back, or are in doubt. */
static void take_back(struct opal_unit *unit, struct opal_pe *pe)
{
	pe->has_unsure_ids = true;
	(void)iommu_opal_settle_ids(unit);
}

static int add_pe(struct opal_unit *unit, const struct iommu_opal_pe_config *config,
		  uint32_t *number)
{
	uint16_t first, last;
	struct opal_pe *pe;
	int status;

	if (config->flags != 0)
		return OPAL_REFUSE(unit, IOMMU_EINVAL, "unknown flags");
	if (!range_of(config, &first, &last))
		return OPAL_REFUSE(unit, IOMMU_EINVAL, "the ids are no range that a PE can have");
	(void)iommu_opal_settle(unit);
	/* No PE is made beside ids in doubt: it would not be known which PE those belong to. */
	status = iommu_opal_settle_ids(unit);
	if (status == 0)
		status = check_room(unit, first, last);
	if (status == 0)
		status = choose_number(unit, config->number, number);
	if (status != 0)
		return status;
	pe = &unit->pes[*number];
	pe->kind = (uint8_t)config->kind;
	pe->first_id = first;
	pe->last_id = last;
	/* Before it has ids: from its first error on, it freezes by itself. */
	status = opal_has_eeh(unit) ? iommu_opal_link_self(unit, *number, true) : 0;
	if (status != 0)
		return status;
	status = tell(unit, first, last, pe);
	if (status == 0) {
		pe->has_ids = true;
		return 0;
	}
	take_back(unit, pe);
	if (opal_has_eeh(unit))
		(void)iommu_opal_link_self(unit, *number, false);
	return status;
}

/* --- Taking one apart ------------------------------------------------------------------------- */

static bool has_members(struct opal_unit *unit, const struct opal_pe *pe)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		if (endpoint->unit_data == pe)
			return true;
	return false;
}

/* PEs inside its range would lose their ids for a moment. */
static bool has_inner(const struct opal_unit *unit, const struct opal_pe *pe)
{
	unsigned int i;

	for (i = 0; i < unit->config.pes; i++)
		if (&unit->pes[i] != pe && unit->pes[i].has_ids &&
		    holds(pe, unit->pes[i].first_id, unit->pes[i].last_id))
			return true;
	return false;
}

static int remove_pe(struct opal_unit *unit, uint32_t number)
{
	struct opal_pe *pe;
	int status;

	if (number >= unit->config.pes || !unit->pes[number].has_ids)
		return OPAL_REFUSE(unit, IOMMU_ENOENT, "there is no such PE");
	pe = &unit->pes[number];
	if (has_members(unit, pe) || has_inner(unit, pe))
		return OPAL_REFUSE(unit, IOMMU_EBUSY,
				   "the PE has endpoints, or others within its ids");
	if (iommu_opal_has_links(unit, number))
		return OPAL_REFUSE(unit, IOMMU_EBUSY, "other PEs are linked with it");
	status = iommu_opal_settle_ids(unit);
	if (status != 0)
		return status;
	pe->has_ids = false;
	status = tell(unit, pe->first_id, pe->last_id, around(unit, pe->first_id, pe->last_id));
	if (status == 0) {
		/* A bit that stays, of a PE without ids, stops nothing; it is set right later. */
		if (opal_has_eeh(unit))
			(void)iommu_opal_link_self(unit, number, false);
		return 0;
	}
	pe->has_ids = true;
	take_back(unit, pe);
	return status;
}

/* --- For hosts -------------------------------------------------------------------------------- */

static struct opal_unit *keeper_of(struct iommu_unit *base)
{
	struct opal_unit *unit = opal_unit_or_null(base);

	return unit != NULL && unit->config.find_pe == NULL ? unit : NULL;
}

int iommu_opal_add_pe(struct iommu_unit *base, const struct iommu_opal_pe_config *config,
		      uint32_t *number)
{
	struct opal_unit *unit = keeper_of(base);
	int status;

	iommu_control_lock(base->iommu);
	status = unit != NULL ? add_pe(unit, config, number)
			      : IOMMU_REFUSE(base->iommu, base->name, IOMMU_EOPNOTSUPP,
					     "it is no bridge whose PEs the library keeps");
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}

int iommu_opal_remove_pe(struct iommu_unit *base, uint32_t number)
{
	struct opal_unit *unit = keeper_of(base);
	int status;

	iommu_control_lock(base->iommu);
	status = unit != NULL ? remove_pe(unit, number)
			      : IOMMU_REFUSE(base->iommu, base->name, IOMMU_EOPNOTSUPP,
					     "it is no bridge whose PEs the library keeps");
	return iommu_control_end(base->iommu, IOMMU_CALL, status);
}

int iommu_opal_get_pe(struct iommu_unit *base, uint32_t number, struct iommu_opal_pe_config *config)
{
	const struct opal_unit *unit = keeper_of(base);
	const struct opal_pe *pe;

	if (unit == NULL)
		return iommu_refuse_now(base->iommu, IOMMU_CALL, base->name, IOMMU_EOPNOTSUPP,
					IOMMU_WHY("it is no bridge whose PEs the library keeps"));
	if (number >= unit->config.pes || !unit->pes[number].has_ids)
		return iommu_refuse_now(base->iommu, IOMMU_CALL, base->name, IOMMU_ENOENT,
					IOMMU_WHY("it has no PE of this number"));
	pe = &unit->pes[number];
	*config = (struct iommu_opal_pe_config){
		.kind = (enum iommu_opal_pe_kind)pe->kind,
		.source_id = pe->first_id,
		.buses = (pe->last_id - pe->first_id + 1U) / IDS_PER_BUS,
		.number = number,
	};
	return 0;
}
