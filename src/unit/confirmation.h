/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware has not confirmed: the one authority on it. Every path that is about to rely on
 * what hardware has forgotten asks here, and nothing else decides.
 *
 * The words. Something of a unit is *open* from the moment in which an invalidation of it, or the
 * change that makes one necessary, has failed, until a later invalidation of everything has been
 * confirmed. A part of a unit is *in doubt* while its state may be other than it should, because
 * the call that was to change it failed. What must not be freed or used anew meanwhile is
 * *withheld*: pages of tables, whole domains, ids, interrupt entries.
 *
 * The invariants:
 *
 *   1. Nothing that was withheld is freed, and nothing new is made present on a unit, while
 *      anything of that unit is open.
 *   2. An invalidation of everything closes what was open when it *began*, and only once it is
 *      confirmed: what fails meanwhile, on another CPU, stays open.
 *   3. A unit that walks no table, as hardware has confirmed, reaches nothing, whatever is open.
 *   4. What is in doubt is open for as long, and once more when the doubt ends: for what was cached
 *      until then.
 *   5. A call that finds something open repeats the invalidation or fails; it does not return 0 on
 *      top of it.
 *
 *	const uint32_t failures = iommu_confirmation_begin(&unit->confirmation);
 *	status = invalidate_everything();
 *	if (status == 0)
 *		iommu_confirmation_end(&unit->confirmation, failures);
 *
 * Counting is for any context, any CPU, without a lock. What is withheld is released on the control
 * path.
 */
#ifndef IOMMU_UNIT_CONFIRMATION_H
#define IOMMU_UNIT_CONFIRMATION_H

#include <libiommu/backend/ops.h>
#include <libiommu/pgtable.h>

#include "base/bitmap.h"
#include "base/inline_atomics.h"
#include "base/list.h"
#include "base/spinlock.h"

/* --- What is open ----------------------------------------------------------------------------- */

static inline bool iommu_confirmation_is_open(const struct iommu_confirmation *confirmation)
{
	return __atomic_load_n(&confirmation->failures, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&confirmation->made_good, __ATOMIC_ACQUIRE);
}

static inline void iommu_confirmation_fail(struct iommu_confirmation *confirmation)
{
	__atomic_add_fetch(&confirmation->failures, 1, __ATOMIC_RELEASE);
}

static inline uint32_t iommu_confirmation_begin(const struct iommu_confirmation *confirmation)
{
	return __atomic_load_n(&confirmation->failures, __ATOMIC_ACQUIRE);
}

/* What had failed by then is made good: an invalidation that began so is confirmed. */
void iommu_confirmation_end(struct iommu_confirmation *confirmation, uint32_t failures);

/* --- Of a unit -------------------------------------------------------------------------------- */

/* What the units share among which domains are. */
struct iommu_unit_set {
	/* What is withheld: struct iommu_withheld. */
	struct iommu_list_node withheld;
	/*
	 * A unit has to be told of new mappings: it caches that there are none, has a write buffer,
	 * or did not confirm an invalidation. Never unset. Atomic.
	 */
	bool tells_of_maps;
};

struct iommu_unit_state {
	struct iommu_unit_set *set;
	/* Of invalidations; one of everything makes all of them good … */
	struct iommu_confirmation confirmation;
	/* … but for what devices keep in their TLBs. */
	struct iommu_confirmation device_tlbs;
	/* So many parts are in doubt. Atomic. */
	uint32_t in_doubt;
	/*
	 * Hardware may walk tables: changes must be invalidated. Atomic: set before hardware gets
	 * the tables, cleared once it has confirmed that it does not use them any more.
	 */
	bool active;
	/* Counts the changes of `active`. Atomic. */
	uint32_t epoch;
};

static inline bool iommu_unit_is_active(const struct iommu_unit_state *state)
{
	return __atomic_load_n(&state->active, __ATOMIC_ACQUIRE);
}

/* Is anything open, or in doubt, whether hardware walks tables or not? */
static inline bool iommu_unit_has_failed(const struct iommu_unit_state *state)
{
	return iommu_confirmation_is_open(&state->confirmation) ||
	       (IOMMU_CONFIG_POWER && __atomic_load_n(&state->in_doubt, __ATOMIC_ACQUIRE) != 0);
}

/* Might hardware still use what it was not confirmed to have forgotten? */
static inline bool iommu_unit_is_suspect(const struct iommu_unit_state *state)
{
	return iommu_unit_is_active(state) && iommu_unit_has_failed(state);
}

/* From before hardware gets the tables until after it confirmed that it walks none. */
void iommu_unit_set_active(struct iommu_unit_state *state, bool active);
/* What the unit, and the devices behind it, cache is not known any more. Any context. */
void iommu_unit_note_failure(struct iommu_unit_state *state);
/* One part more is in doubt, or one less. */
void iommu_unit_set_in_doubt(struct iommu_unit_state *state, bool in_doubt);

/* --- What is withheld ------------------------------------------------------------------------- */

struct iommu_withheld {
	struct iommu_list_node link;
	/* Might hardware still reach it? */
	bool (*is_reachable)(const struct iommu_withheld *withheld);
	void (*release)(struct iommu_withheld *withheld);
};

void iommu_unit_set_init(struct iommu_unit_set *set);
/* Release it: now, if hardware cannot reach it, or later. Control path. */
void iommu_withhold(struct iommu_unit_set *set, struct iommu_withheld *withheld);
/* Release what hardware cannot reach any more. Control path. */
void iommu_release_confirmed(struct iommu_unit_set *set);

/*
 * A range of a domain that was not confirmed to be forgotten, and pages of tables from there. The
 * range stays until an invalidation of all of it is confirmed: whatever is invalidated meanwhile,
 * also on another CPU, is invalidated together with it. For what units keep the pages are enough: a
 * suspect unit is told to forget everything. Devices that keep translations are told of ranges.
 */
#define WITHHELD_RANGES (IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE || IOMMU_CONFIG_POWER)

struct iommu_withheld_pages {
	struct iommu_spinlock lock;
	bool any;         /* atomic: asked without the lock */
	uint32_t version; /* changes when the range grows */
	struct iommu_gather gather;
};

/*
 * Add to a gather what is withheld: an invalidation of it covers both. Returns the version, for
 * iommu_withheld_pages_confirmed, once it is confirmed. The pages are the caller's. Without tables
 * (`format` NULL) there are none. Any context.
 */
uint32_t iommu_withheld_pages_take(struct iommu_withheld_pages *pages,
				   const struct iommu_pgtable_ops *format, struct iommu_pgtable *pt,
				   struct iommu_gather *gather);
#if WITHHELD_RANGES
void iommu_withheld_pages_confirmed(struct iommu_withheld_pages *pages,
				    const struct iommu_platform *platform, uint32_t version);
#else
static inline void iommu_withheld_pages_confirmed(struct iommu_withheld_pages *pages,
						  const struct iommu_platform *platform,
						  uint32_t version)
{
	(void)pages;
	(void)platform;
	(void)version;
}
#endif
/* Its invalidation was not confirmed. The gather is empty afterwards. Any context. */
void iommu_withheld_pages_put(struct iommu_withheld_pages *pages,
			      const struct iommu_pgtable_ops *format, struct iommu_pgtable *pt,
			      struct iommu_gather *gather);

static inline bool iommu_withheld_pages_any(const struct iommu_withheld_pages *pages)
{
	return __atomic_load_n(&pages->any, __ATOMIC_RELAXED);
}

/* --- Parts of a window ------------------------------------------------------------------------ */

/*
 * For hardware and hypervisors that are told of each entry by itself, where everything is never
 * invalidated at once: the parts of an address window that are open, each until it is confirmed.
 * Parts are marked under the caller's lock; whether there are any is asked without it.
 */
struct iommu_open_parts {
	struct iommu_bitmap parts;
	uint32_t count; /* of those that are open. Atomic */
};

/* IOMMU_ENOMEM, or as iommu_bitmap_create. */
int iommu_open_parts_create(struct iommu_open_parts *open, const struct iommu_platform *platform,
			    uint64_t limit);
void iommu_open_parts_destroy(struct iommu_open_parts *open);
/* A part is open from now on, or confirmed. */
void iommu_open_parts_set(struct iommu_open_parts *open, uint64_t part, bool is_open);

static inline bool iommu_open_parts_any(const struct iommu_open_parts *open)
{
	return __atomic_load_n(&open->count, __ATOMIC_RELAXED) != 0;
}

#endif
