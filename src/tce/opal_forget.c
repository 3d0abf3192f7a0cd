/* SPDX-License-Identifier: BSD-2-Clause */
/* Invalidation of a bridge's TCE cache: pages of a PE, all of a PE, or everything. */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "tce/opal.h"

#define KILL_ONE_BY 8 /* beyond so many PEs, or pages, everything is invalidated at once */

int iommu_opal_forget_all(struct opal_unit *unit)
{
	const uint32_t failures = iommu_confirmation_begin(&unit->state.confirmation);
	int status;

	iommu_full_fence();
	status = iommu_opal_forget(unit, OPAL_KILL_ALL, 0, 0, 0, 0);
	if (status != 0)
		iommu_unit_note_failure(&unit->state);
	else
		iommu_confirmation_end(&unit->state.confirmation, failures);
	return status;
}

int iommu_opal_forget_failed(struct opal_unit *unit)
{
	return iommu_unit_has_failed(&unit->state) ? iommu_opal_forget_all(unit) : 0;
}

/*
 * May the bridge have cached pages of the domain in this PE: is its window open, and not changing?
 */
static bool knows_pages(const struct opal_pe *pe, uint32_t moves)
{
	return moves % 2 == 0 && __atomic_load_n(&pe->is_shown, __ATOMIC_ACQUIRE);
}

static int forget_pages(struct opal_unit *unit, const struct opal_pe *pe, unsigned int shift,
			const struct iommu_change *change)
{
	const uint32_t number = opal_number_of(unit, pe);
	const uint32_t moves = __atomic_load_n(&pe->moves, __ATOMIC_ACQUIRE);
	/* Those that any bytes are on. */
	const uint64_t pages = (change->last >> shift) - (change->start >> shift) + 1;
	const iommu_iova_t start = change->start >> shift << shift;
	int status;

	if ((!change->leaves_only && !change->is_map) || pages > KILL_ONE_BY ||
	    !knows_pages(pe, moves))
		return iommu_opal_forget(unit, OPAL_KILL_PE, number, 0, 0, 0);
	status = iommu_opal_forget(unit, OPAL_KILL_PAGES, number, 1ULL << shift, start, pages);
	iommu_full_fence(); /* first the kill, then the look */
	/* The PE has begun to change meanwhile: its pages may be of another size. */
	if (status == 0 && __atomic_load_n(&pe->moves, __ATOMIC_ACQUIRE) != moves)
		status = iommu_opal_forget(unit, OPAL_KILL_PE, number, 0, 0, 0);
	return status;
}

static int tell(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
		const struct iommu_change *change)
{
	struct opal_unit *unit = opal_domain_of(&domain->base)->unit;
	const struct opal_domain *own = opal_domain_of(&domain->base);
	int status =
		forget_pages(unit, place->at, iommu_opal_page_shift_at(own, change->start), change);

	(void)id;
	if (status != 0)
		iommu_unit_note_failure(&unit->state);
	return status;
}

static int tell_all(const struct iommu_place *place)
{
	return iommu_opal_forget_all(
		iommu_container_of((uintptr_t)place->unit, struct opal_unit, state));
}

static enum iommu_place_doubt doubt(const struct iommu_place *place)
{
	const struct opal_pe *pe = place->at;

	if (!__atomic_load_n(&pe->is_unsure, __ATOMIC_ACQUIRE))
		return IOMMU_PLACE_IS_SURE;
	return __atomic_load_n(&pe->is_astray, __ATOMIC_ACQUIRE) ? IOMMU_PLACE_IS_ANYWHERE
								 : IOMMU_PLACE_IS_CLOSED;
}

const struct iommu_place_ops iommu_opal_place_ops = {
	.tell = tell,
	.tell_all = tell_all,
	.doubt = doubt,
	.places_max = KILL_ONE_BY,
};
