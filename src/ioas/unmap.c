/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unmap: one area after the other is claimed, unpinned by the access objects that use it, split
 * where it extends beyond the range, unmapped, and freed.
 */
#include "ioas/access.h"
#include "ioas/ioas.h"

#define PAGE_MASK    (IOMMU_PAGE_SIZE - 1)
#define EVERYTHING   UINT64_MAX
#define NOTIFIES_MAX 100 /* times that holders of pins are told of an unmap */

/* What unmapping is at. */
struct unmap {
	struct iommu_ioas *ioas;
	uint64_t first, last; /* pages */
};

/* What an unmap needs to make one area several: made before, for memory may be short. */
struct cut {
	struct ioas_area *before, *behind;
};

static bool sticks_out(const struct unmap *u, const struct ioas_area *area)
{
	return area->range.first < u->first || area->range.last > u->last;
}

/*
 * May it become several, where the range begins and ends? Not inside the smallest page of an HWPT.
 * Locked.
 */
static bool may_cut(const struct unmap *u, const struct ioas_area *area)
{
	const uint64_t mask = (u->ioas->alignment >> IOMMU_PAGE_SHIFT) - 1;

	return (u->ioas->flags & IOMMU_IOAS_SPLIT) != 0 && area->state == IOAS_AREA_LIVE &&
	       (area->range.first >= u->first || (u->first & mask) == 0) &&
	       (area->range.last <= u->last || ((u->last + 1) & mask) == 0);
}

/*
 * The next area, which is ours from then on: no other call unmaps it or pins it. IOMMU_ENOENT:
 * there is none.
 */
static int claim_next(const struct unmap *u, struct ioas_area **claimed)
{
	const struct iommu_platform *platform = u->ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &u->ioas->lock);
	struct ioas_area *area = iommu_area_from(u->ioas, u->first);
	int status = 0;

	if (area == NULL || area->range.first > u->last)
		status = IOMMU_ENOENT;
	else if (area->state == IOAS_AREA_NEW || area->busy)
		status = IOMMU_EBUSY;
	else if (sticks_out(u, area) && !may_cut(u, area))
		status = IOMMU_EINVAL;
	if (status == 0)
		area->no_pins = area->busy = true;
	*claimed = area;
	iommu_spin_unlock(platform, &u->ioas->lock, state);
	return status;
}

/* It stays, as it was. */
static void unclaim(struct ioas_area *area)
{
	struct iommu_ioas *ioas = area->ioas;
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);

	area->busy = false;
	area->no_pins = area->state != IOAS_AREA_LIVE;
	iommu_spin_unlock(platform, &ioas->lock, state);
}

/* One of an area's counters, as it is now. */
static unsigned int count_of(struct ioas_area *area, const unsigned int *counter)
{
	const struct iommu_platform *platform = area->ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &area->ioas->lock);
	const unsigned int count = *counter;

	iommu_spin_unlock(platform, &area->ioas->lock, state);
	return count;
}

int iommu_area_have_unpinned(struct ioas_area *area)
{
	const struct iommu_platform *platform = area->ioas->object.file->platform;
	const uint64_t size = iommu_area_pages(area) << IOMMU_PAGE_SHIFT;

	for (unsigned int turn = 0; count_of(area, &area->pins) != 0; turn++) {
		if (turn == NOTIFIES_MAX)
			return IOMMU_EBUSY;
		iommu_accesses_notify(area->ioas, iommu_area_iova(area), size);
	}
	/* No new one comes, and those that are under way wait for nothing that the caller holds. */
	while (count_of(area, &area->readers) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
	return 0;
}

/* --- Cutting areas ---------------------------------------------------------------------------- */

static void cut_free(struct cut *cut)
{
	if (cut->before != NULL)
		iommu_area_free(cut->before);
	if (cut->behind != NULL)
		iommu_area_free(cut->behind);
}

static int cut_make(const struct unmap *u, const struct ioas_area *area, struct cut *cut)
{
	int status = 0;

	*cut = (struct cut){NULL, NULL};
	if (area->range.first < u->first)
		cut->before = iommu_area_new(u->ioas, area->pages, area->page, area->prot, &status);
	if (status == 0 && area->range.last > u->last)
		cut->behind = iommu_area_new(u->ioas, area->pages,
					     area->page + (u->last + 1 - area->range.first),
					     area->prot, &status);
	if (status != 0) {
		cut_free(cut);
		return status;
	}
	if (cut->before != NULL)
		iommu_area_count_vaddr(cut->before, area->vaddr_unmapped);
	if (cut->behind != NULL)
		iommu_area_count_vaddr(cut->behind, area->vaddr_unmapped);
	return 0;
}

/*
 * A part of an area is one of its own: in the space, and a holder if the whole was one. Both locks
 * are held.
 */
static void become_part(struct ioas_area *part, uint64_t first, uint64_t last,
			const struct iommu_domain *storage)
{
	(void)iommu_iova_place_at(part->ioas->areas, first, last, &part->range);
	part->is_cut = true;
	part->storage = storage;
	part->full = storage != NULL ? last - first + 1 : 0;
	iommu_area_hold(part);
}

/* What lies outside of the range is left behind as areas of their own; pages->mutex is held. */
static void cut_area(const struct unmap *u, struct ioas_area *area, const struct cut *cut)
{
	struct iommu_ioas *ioas = u->ioas;
	const struct iommu_platform *platform = ioas->object.file->platform;
	const struct iommu_domain *storage = area->full != 0 ? area->storage : NULL;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	const uint64_t first = area->range.first, last = area->range.last;
	uint64_t from = first, to = last;

	iommu_iova_remove(ioas->areas, &area->range);
	if (cut->before != NULL) {
		from = u->first;
		become_part(cut->before, first, from - 1, storage);
		cut->before->state = IOAS_AREA_LIVE;
	}
	if (cut->behind != NULL) {
		to = u->last;
		become_part(cut->behind, to + 1, last, storage);
		cut->behind->state = IOAS_AREA_LIVE;
	}
	area->page += from - first;
	become_part(area, from, to, storage);
	iommu_spin_unlock(platform, &ioas->lock, state);
}

/* --- One area after the other ----------------------------------------------------------------- */

/*
 * An area that is half emptied, because its last HWPT is on its way out, is emptied: there is
 * nothing to cut but the area.
 */
static int make_whole(struct ioas_area *area)
{
	int status = 0;

	iommu_pages_lock(area->pages);
	if (area->withheld != NULL || area->emptied != 0)
		status = iommu_area_empty(area);
	iommu_pages_unlock(area->pages);
	return status;
}

/*
 * Unmap an area that is ours, cut to the range if need be; it stays ours no longer, whatever comes
 * of it.
 */
static int unmap_area(const struct unmap *u, struct ioas_area *area, uint64_t *bytes)
{
	struct cut cut;
	bool is_whole;
	int status = sticks_out(u, area) ? make_whole(area) : 0;

	if (status == 0)
		status = cut_make(u, area, &cut);
	if (status != 0) {
		unclaim(area);
		return status;
	}
	iommu_pages_lock(area->pages);
	if (cut.before != NULL || cut.behind != NULL)
		cut_area(u, area, &cut);
	*bytes = iommu_area_pages(area) << IOMMU_PAGE_SHIFT;
	status = iommu_area_empty(area);
	is_whole = iommu_area_is_whole(area);
	iommu_pages_unlock(area->pages);
	if (status == 0)
		iommu_area_drop(area);
	else if (is_whole)
		unclaim(area);
	else
		iommu_area_set_state(area, IOAS_AREA_OLD);
	return status;
}

/* The next area on its way out that no other call is at, which is ours from then on. */
static struct ioas_area *claim_old(struct iommu_ioas *ioas, uint64_t page)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	struct ioas_area *area = iommu_area_from(ioas, page);

	while (area != NULL && (area->state != IOAS_AREA_OLD || area->busy))
		area = iommu_area_from(ioas, area->range.last + 1);
	if (area != NULL)
		area->busy = true;
	iommu_spin_unlock(platform, &ioas->lock, state);
	return area;
}

/*
 * Memory is short: the batch that is there for that may be with what hardware has not confirmed of
 * another area. Asked again, it comes back. False: nothing has.
 */
static bool settle_any(struct iommu_ioas *ioas)
{
	struct ioas_area *area = claim_old(ioas, 0);

	while (area != NULL) {
		const uint64_t next = area->range.last + 1;
		bool is_settled;

		iommu_pages_lock(area->pages);
		is_settled = area->withheld != NULL && iommu_area_settle(area) == 0;
		iommu_pages_unlock(area->pages);
		unclaim(area);
		if (is_settled)
			return true;
		area = claim_old(ioas, next);
	}
	return false;
}

int iommu_ioas_take_out(struct iommu_ioas *ioas, iommu_iova_t iova, uint64_t size,
			uint64_t *unmapped)
{
	struct unmap u = {ioas, iova >> IOMMU_PAGE_SHIFT, (iova + (size - 1)) >> IOMMU_PAGE_SHIFT};
	int status = 0;

	*unmapped = 0;
	while (status == 0) {
		struct ioas_area *area;
		uint64_t bytes = 0, last;

		status = claim_next(&u, &area);
		if (status != 0)
			break;
		status = iommu_area_have_unpinned(area);
		if (status != 0) {
			unclaim(area);
			break;
		}
		last = area->range.last;
		status = unmap_area(&u, area, &bytes);
		if (status == IOMMU_ENOMEM && settle_any(ioas)) {
			status = 0;
			continue;
		}
		if (status == 0)
			*unmapped += bytes;
		/*
		 * Onwards: what another call maps in the place that is free now is not ours to
		 * unmap.
		 */
		if (last >= u.last)
			break;
		u.first = last + 1;
	}
	return status == IOMMU_ENOENT && *unmapped != 0 ? 0 : status;
}

/*
 * Does an area reach beyond the end of the range? One that reaches in at its beginning is found
 * before anything changes.
 */
static bool cuts_last(struct iommu_ioas *ioas, uint64_t last_page)
{
	const struct iommu_platform *platform = ioas->object.file->platform;
	uintptr_t state = iommu_spin_lock(platform, &ioas->lock);
	const struct ioas_area *last = iommu_area_from(ioas, last_page);
	const bool cuts =
		last != NULL && last->range.first <= last_page && last->range.last > last_page;

	iommu_spin_unlock(platform, &ioas->lock, state);
	return cuts;
}

static int unmap_check(iommu_iova_t iova, uint64_t size, const char **why)
{
	if (size == 0)
		return ioas_because(why, IOMMU_EINVAL, IOMMU_WHY("the size is 0"));
	if (((iova | size) & PAGE_MASK) != 0)
		return ioas_because(why, IOMMU_EINVAL,
				    IOMMU_WHY("address or size are not aligned to 4096"));
	return size - 1 <= UINT64_MAX - iova
		       ? 0
		       : ioas_because(why, IOMMU_EOVERFLOW,
				      IOMMU_WHY("the address plus the size wraps"));
}

/* Why areas stay, beyond what the range is checked for; empty: for nothing special. */
static const char *why_not_unmapped(int status)
{
	switch (status) {
	case IOMMU_ENOENT:
		return IOMMU_WHY("nothing is mapped in the range");
	case IOMMU_EINVAL:
		return IOMMU_WHY("an end of the range cuts an area, which may not be cut there");
	case IOMMU_EBUSY:
		return IOMMU_WHY("an access does not let go of an area, or another call is at it");
	case IOMMU_ENOSPC:
		return IOMMU_WHY("cutting an area would exceed the file's limit on areas");
	default:
		return "";
	}
}

static int unmap(struct iommu_file *file, uint32_t id, iommu_iova_t iova, uint64_t size, bool whole,
		 uint64_t *unmapped, const char **why)
{
	const bool everything = iova == 0 && size == EVERYTHING;
	struct ioas_object *object;
	uint64_t bytes = 0;
	int status;

	if (unmapped != NULL)
		*unmapped = 0;
	object = iommu_object_visit(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object == NULL)
		return ioas_because(why, status, iommu_object_missing(status));
	status = everything ? 0 : unmap_check(iova, size, why);
	if (status == 0) {
		iommu_gate_enter(iommu_ioas_of(object));
		if (whole && !everything &&
		    cuts_last(iommu_ioas_of(object), (iova + (size - 1)) >> IOMMU_PAGE_SHIFT))
			status = ioas_because(
				why, IOMMU_EINVAL,
				IOMMU_WHY(
					"the end of the range cuts an area; nothing was unmapped"));
		else
			status = iommu_ioas_take_out(iommu_ioas_of(object), iova, size, &bytes);
		iommu_gate_leave(iommu_ioas_of(object));
	}
	iommu_object_leave(object);
	if (unmapped != NULL)
		*unmapped = bytes;
	return status == IOMMU_ENOENT && everything ? 0 : status;
}

int iommu_ioas_unmap(struct iommu_file *file, uint32_t ioas, iommu_iova_t iova, uint64_t size,
		     uint64_t *unmapped)
{
	const char *why = "";
	int status = unmap(file, ioas, iova, size, false, unmapped, &why);

	return status == 0 ? 0
			   : iommu_file_refuse_now(file, IOMMU_CALL, ioas, status,
						   why[0] != '\0' ? why : why_not_unmapped(status));
}

int iommu_ioas_unmap_container(struct iommu_file *file, const char *call, uint32_t ioas,
			       iommu_iova_t iova, uint64_t size, bool whole, uint64_t *unmapped)
{
	const char *why = "";
	int status = unmap(file, ioas, iova, size, whole, unmapped, &why);

	/* That nothing is mapped is no refusal here. */
	if (status == 0 || status == IOMMU_ENOENT)
		return 0;
	return iommu_file_refuse_now(file, call, ioas, status,
				     why[0] != '\0' ? why : why_not_unmapped(status));
}
