/* SPDX-License-Identifier: BSD-2-Clause */
/* What hardware has not confirmed, and what waits for that. */
#include "unit/confirmation.h"

#include "base/atomic.h"

void iommu_confirmation_end(struct iommu_confirmation *confirmation, uint32_t failures)
{
	uint32_t made_good = __atomic_load_n(&confirmation->made_good, __ATOMIC_RELAXED);

	while ((int32_t)(failures - made_good) > 0 &&
	       !__atomic_compare_exchange_n(&confirmation->made_good, &made_good, failures, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

void iommu_unit_set_active(struct iommu_unit_state *state, bool active)
{
	__atomic_store_n(&state->active, active, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&state->epoch, 1, __ATOMIC_SEQ_CST);
	iommu_full_fence();
}

void iommu_unit_note_failure(struct iommu_unit_state *state)
{
	iommu_confirmation_fail(&state->confirmation);
	iommu_confirmation_fail(&state->device_tlbs);
	/* A map of the same addresses must now find that out: see iommu_placed_sync_map. */
	__atomic_store_n(&state->set->tells_of_maps, true, __ATOMIC_RELEASE);
}

void iommu_unit_set_in_doubt(struct iommu_unit_state *state, bool in_doubt)
{
	/* Before it begins, and before it ends: between the two it is never seen as closed. */
	iommu_unit_note_failure(state);
	__atomic_add_fetch(&state->in_doubt, in_doubt ? 1 : UINT32_MAX, __ATOMIC_SEQ_CST);
}

/* --- What is withheld ------------------------------------------------------------------------- */

void iommu_unit_set_init(struct iommu_unit_set *set)
{
	iommu_list_init(&set->withheld);
}

void iommu_withhold(struct iommu_unit_set *set, struct iommu_withheld *withheld)
{
	if (withheld->is_reachable(withheld))
		iommu_list_insert(&set->withheld, &withheld->link);
	else
		withheld->release(withheld);
}

void iommu_release_confirmed(struct iommu_unit_set *set)
{
	struct iommu_list_node *node = set->withheld.next;

	while (node != &set->withheld) {
		struct iommu_withheld *withheld =
			iommu_container_of(node, struct iommu_withheld, link);

		node = node->next;
		if (withheld->is_reachable(withheld))
			continue;
		iommu_list_remove(&withheld->link);
		withheld->release(withheld);
	}
}

static void merge(const struct iommu_pgtable_ops *format, struct iommu_pgtable *pt,
		  struct iommu_gather *into, struct iommu_gather *from)
{
	/* Without PASIDs every domain that is told of ranges has tables. */
	if (!IOMMU_CONFIG_SCALABLE || format != NULL) {
		format->merge_gathered(pt, into, from);
		return;
	}
	if (!iommu_gather_is_empty(from))
		iommu_gather_add(into, from->start, from->last, from->pgsize);
	into->tables_unlinked |= from->tables_unlinked;
	iommu_gather_init(from);
}

uint32_t iommu_withheld_pages_take(struct iommu_withheld_pages *pages,
				   const struct iommu_pgtable_ops *format, struct iommu_pgtable *pt,
				   struct iommu_gather *gather)
{
	uintptr_t state = iommu_spin_lock(pt->platform, &pages->lock);
#if WITHHELD_RANGES
	struct iommu_gather range = pages->gather;
#endif
	const uint32_t version = pages->version;

	merge(format, pt, gather, &pages->gather);
#if WITHHELD_RANGES
	pages->gather = range;
	pages->gather.freed = 0;
#else
	__atomic_store_n(&pages->any, false, __ATOMIC_RELAXED);
#endif
	iommu_spin_unlock(pt->platform, &pages->lock, state);
	return version;
}

#if WITHHELD_RANGES
void iommu_withheld_pages_confirmed(struct iommu_withheld_pages *pages,
				    const struct iommu_platform *platform, uint32_t version)
{
	uintptr_t state = iommu_spin_lock(platform, &pages->lock);

	/* What another CPU has put there meanwhile was not covered. */
	if (pages->version == version) {
		iommu_gather_init(&pages->gather);
		__atomic_store_n(&pages->any, false, __ATOMIC_RELAXED);
	}
	iommu_spin_unlock(platform, &pages->lock, state);
}
#endif

void iommu_withheld_pages_put(struct iommu_withheld_pages *pages,
			      const struct iommu_pgtable_ops *format, struct iommu_pgtable *pt,
			      struct iommu_gather *gather)
{
	uintptr_t state = iommu_spin_lock(pt->platform, &pages->lock);

	merge(format, pt, &pages->gather, gather);
	pages->version++;
	__atomic_store_n(&pages->any, true, __ATOMIC_RELAXED);
	iommu_spin_unlock(pt->platform, &pages->lock, state);
}

/* --- Parts of a window ------------------------------------------------------------------------ */

int iommu_open_parts_create(struct iommu_open_parts *open, const struct iommu_platform *platform,
			    uint64_t limit)
{
	open->count = 0;
	return iommu_bitmap_create(&open->parts, platform, limit);
}

void iommu_open_parts_destroy(struct iommu_open_parts *open)
{
	if (open->parts.chunks != NULL)
		iommu_bitmap_destroy(&open->parts);
}

void iommu_open_parts_set(struct iommu_open_parts *open, uint64_t part, bool is_open)
{
	const bool was_open = iommu_bitmap_next_set(&open->parts, part, part + 1) == part;

	if (was_open == is_open)
		return;
	if (is_open)
		iommu_bitmap_set(&open->parts, part, 1);
	else
		iommu_bitmap_clear(&open->parts, part, 1);
	__atomic_store_n(&open->count, is_open ? open->count + 1 : open->count - 1,
			 __ATOMIC_RELAXED);
}
