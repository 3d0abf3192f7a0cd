/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation of PASIDs: IOVA spaces in which a granule is a PASID: one of the instance, and one of
 * each unit that has set a range aside, which the instance's allocations skip. PASIDs of an
 * external source are recorded in the instance's.
 */
#include <libiommu/group.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "group/group.h"

#if IOMMU_CONFIG_SCALABLE

#define NO_RANGE  "the range is empty, or reaches beyond what a PASID can be"
#define NONE_FREE "no PASID of the range is free"

static bool is_range(uint32_t first, uint32_t last)
{
	return first >= IOMMU_PASID_MIN && first <= last && last <= IOMMU_PASID_MAX;
}

static int space_create(struct iommu *iommu, uint32_t first, uint32_t last,
			struct iommu_iova_space **space)
{
	const struct iommu_iova_config config = {.platform = iommu->platform,
						 .granule = IOMMU_PAGE_SIZE,
						 .first = first,
						 .last = last};

	return *space != NULL ? 0 : iommu_iova_space_create(&config, space);
}

static int take_lowest(struct iommu_iova_space *space, uint32_t first, uint32_t last,
		       uint32_t *pasid)
{
	const struct iommu_iova_request request = {
		.size = 1, .lowest = first, .limit = last, .flags = IOMMU_IOVA_BOTTOM_UP};
	struct iommu_iova_range *range;
	int status = iommu_iova_alloc(space, &request, &range);

	if (status == 0)
		*pasid = (uint32_t)range->first;
	return status;
}

static bool is_allocated(struct iommu_iova_space *space, uint32_t pasid)
{
	return space != NULL && iommu_iova_find(space, pasid) != NULL;
}

/* Is it attached to a group, behind this unit (NULL: anywhere)? */
static bool is_attached(struct iommu *iommu, const struct iommu_unit *unit, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if ((unit == NULL || endpoint->unit == unit) &&
		    iommu_group_find_pasid(endpoint->group, pasid) != NULL)
			return true;
	}
	return false;
}

/* --- For all units ---------------------------------------------------------------------------- */

/* The unit that has set it aside: the first of several. */
static const struct iommu_unit *set_aside_by(struct iommu *iommu, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->units) {
		const struct iommu_unit *unit = iommu_container_of(node, struct iommu_unit, link);

		if (unit->pasids != NULL && pasid >= unit->pasid_first && pasid <= unit->pasid_last)
			return unit;
	}
	return NULL;
}

/* The lowest that no unit has set aside: each turn is past one more of their ranges. */
static int take_from_ours(struct iommu *iommu, uint32_t first, uint32_t last, uint32_t *pasid)
{
	for (;;) {
		const struct iommu_unit *unit;
		int status = take_lowest(iommu->pasids, first, last, pasid);

		if (status != 0)
			return status;
		unit = set_aside_by(iommu, *pasid);
		if (unit == NULL)
			return 0;
		(void)iommu_iova_free_at(iommu->pasids, *pasid);
		if (unit->pasid_last >= last)
			return IOMMU_REFUSE(iommu, "", IOMMU_ENOSPC, NONE_FREE);
		first = unit->pasid_last + 1;
	}
}

/* One that the source of PASIDs hands out; what makes no sense is given back. */
static int take_from_source(struct iommu *iommu, uint32_t first, uint32_t last, uint32_t *pasid)
{
	const struct iommu_pasid_source *source = iommu->pasid_source;
	int status = source->alloc(source->ctx, first, last, pasid);

	if (status != 0)
		return status;
	/* One that we have, or that is a unit's: then it does not know of us. */
	if (*pasid < first || *pasid > last || is_allocated(iommu->pasids, *pasid) ||
	    set_aside_by(iommu, *pasid) != NULL)
		status = IOMMU_REFUSE(iommu, "", IOMMU_EIO,
				      "the source of PASIDs gave one that is not its to give");
	if (status == 0)
		status = iommu_iova_reserve(iommu->pasids, *pasid, *pasid, 0, NULL);
	if (status != 0)
		source->free(source->ctx, *pasid);
	return status;
}

static int alloc(struct iommu *iommu, uint32_t first, uint32_t last, uint32_t *pasid)
{
	int status = space_create(iommu, IOMMU_PASID_MIN, IOMMU_PASID_MAX, &iommu->pasids);

	if (status != 0)
		return status;
	return iommu->pasid_source != NULL ? take_from_source(iommu, first, last, pasid)
					   : take_from_ours(iommu, first, last, pasid);
}

int iommu_pasid_alloc(struct iommu *iommu, uint32_t first, uint32_t last, uint32_t *pasid)
{
	int status;

	iommu_control_lock(iommu);
	status = is_range(first, last) ? alloc(iommu, first, last, pasid)
				       : IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, NO_RANGE);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

static void take_back(struct iommu *iommu, struct iommu_iova_range *range)
{
	const uint32_t pasid = (uint32_t)range->first;

	iommu_iova_free(iommu->pasids, range);
	if (iommu->pasid_source != NULL)
		iommu->pasid_source->free(iommu->pasid_source->ctx, pasid);
}

static int give_back(struct iommu *iommu, uint32_t pasid)
{
	if (!is_allocated(iommu->pasids, pasid))
		return IOMMU_REFUSE(iommu, "", IOMMU_ENOENT, "the PASID is not allocated");
	if (is_attached(iommu, NULL, pasid))
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "a domain is attached to the PASID");
	take_back(iommu, iommu_iova_find(iommu->pasids, pasid));
	return 0;
}

int iommu_pasid_free(struct iommu *iommu, uint32_t pasid)
{
	int status;

	iommu_control_lock(iommu);
	status = give_back(iommu, pasid);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

int iommu_set_pasid_source(struct iommu *iommu, const struct iommu_pasid_source *source)
{
	int status = 0;

	iommu_control_lock(iommu);
	if (source != NULL && (source->alloc == NULL || source->free == NULL))
		status = IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "the source lacks alloc or free");
	else if (iommu->pasids != NULL && iommu_iova_next(iommu->pasids, NULL) != NULL)
		status = IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "PASIDs are allocated");
	else
		iommu->pasid_source = source;
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Of one unit ------------------------------------------------------------------------------ */

/* Is any of them allocated for all units? What other units have set aside may overlap. */
static bool any_is_allocated(const struct iommu *iommu, uint32_t first, uint32_t last)
{
	const struct iommu_iova_range *range = NULL;

	if (iommu->pasids == NULL)
		return false;
	while ((range = iommu_iova_next(iommu->pasids, range)) != NULL)
		if (range->first <= last && range->last >= first)
			return true;
	return false;
}

static int set_range(struct iommu_unit *unit, uint32_t first, uint32_t last)
{
	if (!is_range(first, last))
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EINVAL, NO_RANGE);
	if (unit->pasids != NULL)
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EBUSY,
				    "it has a range of PASIDs already");
	if (any_is_allocated(unit->iommu, first, last))
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EEXIST,
				    "a PASID of the range is allocated for all units");
	unit->pasid_first = first;
	unit->pasid_last = last;
	return space_create(unit->iommu, first, last, &unit->pasids);
}

int iommu_unit_set_pasid_range(struct iommu_unit *unit, uint32_t first, uint32_t last)
{
	int status;

	iommu_control_lock(unit->iommu);
	status = set_range(unit, first, last);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

static int take_of_unit(struct iommu_unit *unit, uint32_t *pasid)
{
	int status = take_lowest(unit->pasids, unit->pasid_first, unit->pasid_last, pasid);

	return status != IOMMU_ENOSPC ? status
				      : IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_ENOSPC,
						     "all PASIDs of its range are allocated");
}

int iommu_unit_pasid_alloc(struct iommu_unit *unit, uint32_t *pasid)
{
	int status;

	iommu_control_lock(unit->iommu);
	if (unit->pasids != NULL)
		status = take_of_unit(unit, pasid);
	else
		status = IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_ENOSPC,
				      "no range of PASIDs was set aside for it");
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

static int unit_give_back(struct iommu_unit *unit, uint32_t pasid)
{
	if (!is_allocated(unit->pasids, pasid))
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_ENOENT,
				    "the PASID is not allocated");
	if (is_attached(unit->iommu, unit, pasid))
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EBUSY,
				    "a domain is attached to the PASID");
	return iommu_iova_free_at(unit->pasids, pasid);
}

int iommu_unit_pasid_free(struct iommu_unit *unit, uint32_t pasid)
{
	int status;

	iommu_control_lock(unit->iommu);
	status = unit_give_back(unit, pasid);
	return iommu_control_end_for(unit->iommu, IOMMU_CALL, unit->name, status);
}

void iommu_unit_pasids_forget(struct iommu_unit *unit)
{
	if (unit->pasids != NULL)
		iommu_iova_space_destroy(unit->pasids);
	unit->pasids = NULL;
}

void iommu_pasids_forget(struct iommu *iommu)
{
	struct iommu_iova_range *range;

	if (iommu->pasids == NULL)
		return;
	while ((range = iommu_iova_next(iommu->pasids, NULL)) != NULL)
		take_back(iommu, range);
	iommu_iova_space_destroy(iommu->pasids);
	iommu->pasids = NULL;
}

#endif
