/* SPDX-License-Identifier: BSD-2-Clause */
/* What a bridge has to forget, and what waits until it has. */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "tce/opal.h"

#define KILL_ONE_BY 8 /* more PEs than that, or pages, and all are told at once */

void iommu_opal_note_failure(struct opal_unit *unit)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);

	__atomic_store_n(&unit->failures, unit->failures == UINT32_MAX ? 1 : unit->failures + 1,
			 __ATOMIC_RELEASE);
	iommu_spin_unlock(unit->platform, &unit->lock, state);
}

/*
 * One thing that waited for the bridge to forget all, out of its list; false: nothing waits.
 * Locked.
 */
static bool take_waiting(struct opal_unit *unit, struct opal_domain **buried,
			 struct opal_domain **emptied, struct iommu_gather *gather)
{
	struct iommu_list_node *node;

	*buried = *emptied = NULL;
	iommu_list_for_each (node, &unit->domains) {
		struct opal_domain *domain = iommu_container_of(node, struct opal_domain, link);

		if (domain->is_buried && unit->unsure == 0) {
			iommu_list_remove(node);
			*buried = domain;
			return true;
		}
		if (domain->has_table && domain->quarantine.freed != 0) {
			iommu_tce_merge_gathered(&domain->pt, gather, &domain->quarantine);
			*emptied = domain;
			return true;
		}
	}
	return false;
}

void iommu_opal_made_good(struct opal_unit *unit, uint32_t failures)
{
	struct opal_domain *buried = NULL, *emptied = NULL;
	bool found;

	do {
		struct iommu_gather gather;
		uintptr_t state;

		iommu_gather_init(&gather);
		state = iommu_spin_lock(unit->platform, &unit->lock);
		found = unit->failures == failures &&
			take_waiting(unit, &buried, &emptied, &gather);
		if (!found && unit->failures == failures && unit->unsure == 0)
			__atomic_store_n(&unit->failures, 0, __ATOMIC_RELEASE);
		/* Under the lock: the domain could go as soon as it is released. */
		if (found && emptied != NULL)
			iommu_tce_free_gathered(&emptied->pt, &gather);
		iommu_spin_unlock(unit->platform, &unit->lock, state);
		if (found && buried != NULL)
			iommu_opal_domain_destroy(buried);
	} while (found);
}

int iommu_opal_forget_all(struct opal_unit *unit)
{
	const uint32_t failures = __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE);
	int status;

	iommu_full_fence();
	status = iommu_opal_forget(unit, OPAL_KILL_ALL, 0, 0, 0, 0);
	if (status != 0)
		iommu_opal_note_failure(unit);
	else if (failures != 0)
		iommu_opal_made_good(unit, failures);
	return status;
}

/* Must the bridge be told to forget all, whatever is asked for? */
static bool is_suspect(const struct opal_unit *unit)
{
	return __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE) != 0 ||
	       __atomic_load_n(&unit->unsure, __ATOMIC_ACQUIRE) != 0;
}

int iommu_opal_forget_failed(struct opal_unit *unit)
{
	return is_suspect(unit) ? iommu_opal_forget_all(unit) : 0;
}

struct told {
	uint32_t pe;
	bool knows_pages; /* of the domain: its window is open, and not about to be another's */
};

/* The PEs of a domain, if there are few; otherwise how many. */
static unsigned int snapshot(struct opal_domain *domain, struct told told[KILL_ONE_BY])
{
	struct opal_unit *unit = domain->unit;
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->lock);
	const unsigned int count = domain->pe_count;
	struct iommu_list_node *node;
	unsigned int i = 0;

	if (count <= KILL_ONE_BY)
		iommu_list_for_each (node, &domain->pes) {
			const struct opal_pe *pe = opal_pe_of_link(unit, node);

			told[i++] = (struct told){
				.pe = opal_number_of(unit, pe),
				.knows_pages = !pe->is_moving &&
					       __atomic_load_n(&pe->is_shown, __ATOMIC_ACQUIRE),
			};
		}
	iommu_spin_unlock(unit->platform, &unit->lock, state);
	return count;
}

int iommu_opal_forget_range(struct opal_domain *domain, iommu_iova_t start, iommu_iova_t last)
{
	const unsigned int shift = domain->pt.page_shift;
	struct opal_unit *unit = domain->unit;
	struct told told[KILL_ONE_BY] = {{0}};
	unsigned int count, i;
	int status = 0;

	iommu_full_fence();
	count = snapshot(domain, told);
	if (count > KILL_ONE_BY || is_suspect(unit))
		return iommu_opal_forget_all(unit);
	for (i = 0; i < count && status == 0; i++) {
		const uint64_t pages = start > last ? 0 : ((last - start) >> shift) + 1;

		if (pages == 0 || pages > KILL_ONE_BY || !told[i].knows_pages)
			status = iommu_opal_forget(unit, OPAL_KILL_PE, told[i].pe, 0, 0, 0);
		else
			status = iommu_opal_forget(unit, OPAL_KILL_PAGES, told[i].pe, 1ULL << shift,
						   start, pages);
	}
	if (status != 0)
		iommu_opal_note_failure(unit);
	return status;
}
