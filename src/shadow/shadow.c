/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadows: an address space that is made equal to what a guest has.
 *
 * A call goes through the guest's tables in windows, each twice over: first all that differs is
 * unmapped, then what is missing is mapped as a copy of the guest's memory. So whatever fails, what
 * is left is a part of what the guest has. Where mapping failed is remembered (`missing`), and
 * tried again by each later call; where unmapping failed is told apart (`stuck`), because the
 * device may reach there what it must not.
 *
 * A part of the address space is right if the area there leads to the very memory of the backing
 * that the guest's memory has at the address that the guest's leaf names.
 */
#include "shadow/shadow.h"

static uint64_t bytes_of(const struct shadow_span *span)
{
	return span->first == 0 && span->last == SHADOW_LAST_PAGE
		       ? UINT64_MAX
		       : (span->last - span->first + 1) << IOMMU_PAGE_SHIFT;
}

static void join_spans(struct shadow_span *span, const struct shadow_span *other)
{
	if (shadow_is_empty(span)) {
		*span = *other;
		return;
	}
	if (shadow_is_empty(other))
		return;
	span->first = other->first < span->first ? other->first : span->first;
	span->last = other->last > span->last ? other->last : span->last;
}

static const struct shadow_span no_span = {1, 0};

bool iommu_shadow_find_area(const struct iommu_shadow *shadow, uint32_t ioas, uint64_t page,
			    struct shadow_span *pages, struct iommu_ioas_area *area)
{
	if (iommu_ioas_next_area(shadow->config.file, ioas, page << IOMMU_PAGE_SHIFT, area) != 0)
		return false;
	pages->first = area->iova >> IOMMU_PAGE_SHIFT;
	pages->last = pages->first + (area->size >> IOMMU_PAGE_SHIFT) - 1;
	return true;
}

/* --- What there should be --------------------------------------------------------------------- */

/* A part of the address space in which one thing is right. */
struct wanted {
	struct shadow_span pages;
	bool is_mapped; /* or nothing is to be there */
	uint64_t frame; /* the guest-physical page of the first */
	unsigned int prot;
	struct iommu_backing backing; /* of the first */
};

/* The extent that a page is in, or the next one; NULL: there is none. By halves. */
static const struct shadow_extent *find_extent(const struct iommu_shadow *shadow, uint64_t page)
{
	unsigned int low = 0, high = shadow->window.count;

	while (low < high) {
		const unsigned int middle = low + (high - low) / 2;

		if (shadow->extents[middle].pages.last < page)
			low = middle + 1;
		else
			high = middle;
	}
	return low < shadow->window.count ? &shadow->extents[low] : NULL;
}

/* What the guest's memory is at the page of an extent. */
static void want_memory(const struct iommu_shadow *shadow, const struct shadow_extent *extent,
			struct wanted *wanted)
{
	const uint64_t frame = extent->frame + (wanted->pages.first - extent->pages.first);
	struct shadow_span pages;
	struct iommu_ioas_area area;
	uint64_t left;

	if (extent->pages.last < wanted->pages.last)
		wanted->pages.last = extent->pages.last;
	if (frame > SHADOW_LAST_PAGE ||
	    !iommu_shadow_find_area(shadow, shadow->config.memory, frame, &pages, &area))
		return; /* no memory from there on */
	left = wanted->pages.last - wanted->pages.first;
	if (pages.first > frame) {
		if (left >= pages.first - frame)
			wanted->pages.last = wanted->pages.first + (pages.first - frame) - 1;
		return;
	}
	if (left > pages.last - frame)
		wanted->pages.last = wanted->pages.first + (pages.last - frame);
	wanted->prot = extent->prot & area.prot;
	wanted->is_mapped = wanted->prot != 0;
	wanted->frame = frame;
	wanted->backing = area.backing;
	wanted->backing.address += (frame - pages.first) << IOMMU_PAGE_SHIFT;
}

/* What is right from a page on, up to `last` at most. */
static void want(const struct iommu_shadow *shadow, uint64_t page, uint64_t last,
		 struct wanted *wanted)
{
	const struct shadow_extent *extent = find_extent(shadow, page);

	*wanted = (struct wanted){.pages = {page, last}};
	if (extent == NULL || extent->pages.first > last)
		return;
	if (extent->pages.first > page)
		wanted->pages.last = extent->pages.first - 1;
	else
		want_memory(shadow, extent, wanted);
}

/* Does an area lead, at the wanted pages, where they should? */
static bool is_right(const struct wanted *wanted, const struct shadow_span *pages,
		     const struct iommu_ioas_area *area)
{
	const uint64_t skip = (wanted->pages.first - pages->first) << IOMMU_PAGE_SHIFT;

	return wanted->is_mapped && wanted->prot == area->prot &&
	       wanted->backing.ops == area->backing.ops &&
	       wanted->backing.ctx == area->backing.ctx &&
	       wanted->backing.address == area->backing.address + skip;
}

/* --- Out -------------------------------------------------------------------------------------- */

static int unmap(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	uint64_t bytes = 0;
	int status;

	iommu_shadow_note_written(shadow, span);
	status = iommu_ioas_unmap(shadow->config.file, shadow->config.ioas,
				  span->first << IOMMU_PAGE_SHIFT, bytes_of(span), &bytes);

	shadow->stats.unmapped_pages += bytes >> IOMMU_PAGE_SHIFT;
	return status == IOMMU_ENOENT ? 0 : status;
}

/* The areas themselves, whatever of them is right: that takes no memory. It is mapped again. */
static int unmap_whole(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	struct iommu_ioas_area area;
	struct shadow_span pages;
	int status = 0;

	while (status == 0 &&
	       iommu_shadow_find_area(shadow, shadow->config.ioas, span->first, &pages, &area) &&
	       pages.first <= span->last) {
		status = unmap(shadow, &pages);
		if (status == 0)
			join_spans(&shadow->missing, &pages);
	}
	return status;
}

/* With less and less that memory is needed for: what goes too far is mapped again. */
static int unmap_surely(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	const struct shadow_span everything = {0, SHADOW_LAST_PAGE};
	int status = unmap(shadow, span);

	/* Why a part of an area cannot go: no memory, too many areas, or pages that are larger. */
	if (status != IOMMU_ENOMEM && status != IOMMU_ENOSPC && status != IOMMU_EINVAL)
		return status;
	status = unmap_whole(shadow, span);
	if (status == 0)
		status = unmap(shadow, span);
	if (status != IOMMU_ENOMEM && status != IOMMU_ENOSPC && status != IOMMU_EINVAL)
		return status;
	/* An area that is half unmapped, and not in the list, reaches beyond the span. */
	join_spans(&shadow->missing, &everything);
	status = unmap(shadow, &everything);
	if (status != 0)
		join_spans(&shadow->stuck, &everything);
	return status;
}

static int refuse_now(const struct iommu_shadow *shadow, int status, const char *why)
{
	return iommu_refuse_now(shadow->config.file->iommu, shadow->call, "", status, why);
}

/*
 * Does an error say, to the caller, that the device may reach what it must not? Of unmapping all
 * have to, and of mapping none.
 */
static bool says_stuck(int status)
{
	return status == IOMMU_EBUSY || status == IOMMU_EFAULT || status == IOMMU_ETIMEDOUT ||
	       status == IOMMU_EIO;
}

static void note_stuck(struct iommu_shadow *shadow, const struct shadow_span *span, int status)
{
	join_spans(&shadow->stuck, span);
	join_spans(&shadow->missing, span);
	if (!says_stuck(status))
		status = refuse_now(shadow, IOMMU_EBUSY,
				    IOMMU_WHY("memory, or a limit, is short to unmap with"));
	if (shadow->unmapping == 0)
		shadow->unmapping = status;
}

static void take_out(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	int status;

	if (shadow_is_empty(span))
		return;
	status = unmap_surely(shadow, span);
	if (status == 0)
		return;
	note_stuck(shadow, span, status);
}

/* Of one area, within a span, all that is not right; what adjoins goes at once. */
static void clean_area(struct iommu_shadow *shadow, const struct shadow_span *pages,
		       const struct iommu_ioas_area *area, const struct shadow_span *span)
{
	const uint64_t last = pages->last < span->last ? pages->last : span->last;
	uint64_t page = pages->first > span->first ? pages->first : span->first;
	struct shadow_span wrong = no_span;
	struct wanted wanted;

	while (page <= last) {
		want(shadow, page, last, &wanted);
		if (is_right(&wanted, pages, area)) {
			take_out(shadow, &wrong);
			wrong = no_span;
		} else {
			join_spans(&wrong, &wanted.pages);
		}
		page = wanted.pages.last + 1;
	}
	take_out(shadow, &wrong);
}

static void clean(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	struct shadow_span left = *span, pages;
	struct iommu_ioas_area area;

	while (iommu_shadow_find_area(shadow, shadow->config.ioas, left.first, &pages, &area) &&
	       pages.first <= left.last) {
		clean_area(shadow, &pages, &area, &left);
		if (pages.last >= left.last)
			return;
		left.first = pages.last + 1;
	}
}

/* --- In --------------------------------------------------------------------------------------- */

static int copy(const struct iommu_shadow *shadow, const struct wanted *wanted,
		const struct shadow_span *span)
{
	const uint64_t skip = span->first - wanted->pages.first;
	struct iommu_backing tried = wanted->backing;
	iommu_iova_t iova = span->first << IOMMU_PAGE_SHIFT;
	int status =
		iommu_ioas_copy(shadow->config.file, shadow->config.ioas, shadow->config.memory,
				(wanted->frame + skip) << IOMMU_PAGE_SHIFT, bytes_of(span),
				IOMMU_IOAS_FIXED | wanted->prot, &iova);

	/* It may have been there for a moment; nothing was where another stands in the way. */
	tried.address += skip << IOMMU_PAGE_SHIFT;
	if (status != 0 && status != IOMMU_EEXIST && (wanted->prot & IOMMU_PROT_WRITE) != 0)
		iommu_shadow_note_tried(shadow, &tried, bytes_of(span));
	return status;
}

/* The first part of a span that the address space keeps free: no device can reach it. */
static bool find_reserved(const struct iommu_shadow *shadow, const struct shadow_span *span,
			  struct shadow_span *reserved)
{
	struct iommu_iova_bounds bounds = {span->first << IOMMU_PAGE_SHIFT,
					   span->last << IOMMU_PAGE_SHIFT | (IOMMU_PAGE_SIZE - 1)};
	struct ioas_object *object;
	bool found;
	int status;

	object = iommu_object_visit(shadow->config.file, shadow->config.ioas, IOMMU_OBJECT_IOAS,
				    &status);
	if (object == NULL)
		return false;
	found = iommu_ioas_find_reserved(iommu_ioas_of(object), &bounds);
	iommu_object_leave(object);
	*reserved = (struct shadow_span){bounds.first >> IOMMU_PAGE_SHIFT,
					 bounds.last >> IOMMU_PAGE_SHIFT};
	return found;
}

static int copy_part(struct iommu_shadow *shadow, const struct wanted *wanted,
		     const struct shadow_span *span)
{
	int status = copy(shadow, wanted, span);

	/* In the way is what could not be unmapped for certain. */
	if (status == IOMMU_EEXIST && unmap(shadow, span) == 0)
		status = copy(shadow, wanted, span);
	if (status == 0)
		shadow->stats.mapped_pages += span->last - span->first + 1;
	return status;
}

/* All but what is reserved. */
static int copy_around(struct iommu_shadow *shadow, const struct wanted *wanted,
		       struct shadow_span span)
{
	int status = 0;

	while (!shadow_is_empty(&span) && status == 0) {
		struct shadow_span part = span, reserved;

		span = no_span;
		if (find_reserved(shadow, &part, &reserved)) {
			if (reserved.last < part.last)
				span = (struct shadow_span){reserved.last + 1, part.last};
			if (reserved.first <= part.first)
				continue;
			part.last = reserved.first - 1;
		}
		status = copy_part(shadow, wanted, &part);
	}
	return status;
}

static void put_in(struct iommu_shadow *shadow, const struct wanted *wanted,
		   const struct shadow_span *span)
{
	int status = IOMMU_ENOMEM;

	if (!shadow->is_short)
		status = copy_around(shadow, wanted, *span);
	if (status == 0)
		return;
	/* Mapped, and removed again for certain only when an unmap of the place is confirmed. */
	if (status == IOMMU_ETIMEDOUT || status == IOMMU_EIO) {
		note_stuck(shadow, span, status);
		return;
	}
	shadow->is_short = status == IOMMU_ENOMEM || status == IOMMU_ENOSPC;
	join_spans(&shadow->missing, span);
	if (status == IOMMU_EBUSY)
		status = refuse_now(shadow, IOMMU_EAGAIN,
				    IOMMU_WHY("nothing can be mapped, or pinned, for now"));
	if (shadow->mapping == 0)
		shadow->mapping = status;
}

/* What is wanted, where nothing is: what is there is right. */
static void fill_part(struct iommu_shadow *shadow, const struct wanted *wanted)
{
	uint64_t page = wanted->pages.first;

	while (page <= wanted->pages.last) {
		struct shadow_span gap = {page, wanted->pages.last}, pages;
		struct iommu_ioas_area area;

		if (iommu_shadow_find_area(shadow, shadow->config.ioas, page, &pages, &area) &&
		    pages.first <= gap.last) {
			if (pages.first <= page) {
				page = pages.last + 1;
				continue;
			}
			gap.last = pages.first - 1;
		}
		put_in(shadow, wanted, &gap);
		page = gap.last + 1;
	}
}

static void fill(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	uint64_t page = span->first;
	struct wanted wanted;

	while (page <= span->last) {
		want(shadow, page, span->last, &wanted);
		if (wanted.is_mapped)
			fill_part(shadow, &wanted);
		page = wanted.pages.last + 1;
	}
}

/* --- Both ------------------------------------------------------------------------------------- */

/*
 * One turn through a part of the guest's tables; false: they were too many. What could not be
 * unmapped comes first: it may be in no list of areas, and stand in the way.
 */
static bool sync_span(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	const struct shadow_span stuck = shadow->stuck;
	struct shadow_walk walk;

	shadow->missing = shadow->stuck = no_span;
	shadow->mapping = shadow->unmapping = 0;
	shadow->is_short = false;
	take_out(shadow, &stuck);
	iommu_shadow_walk_begin(shadow, span, &walk);
	while (iommu_shadow_walk_next(shadow, &walk)) {
		clean(shadow, &shadow->window.pages);
		fill(shadow, &shadow->window.pages);
	}
	if (!walk.is_cut)
		return true;
	join_spans(&shadow->missing, &shadow->window.pages);
	if (shadow->mapping == 0)
		shadow->mapping = refuse_now(
			shadow, IOMMU_ENOSPC,
			IOMMU_WHY("the guest's tables have more entries than are looked at"));
	return false;
}

/*
 * Whose mappings are there now: those of one domain, if the guest has not changed it meanwhile. A
 * part leaves the others as they were.
 */
static void note_domain(struct iommu_shadow *shadow, int32_t before, bool is_whole)
{
	if (iommu_shadow_domain_now(shadow) != before || (!is_whole && shadow->domain != before))
		shadow->domain = SHADOW_DOMAINS;
	else
		shadow->domain = before;
}

/*
 * What is missing is tried again: where areas had to go as a whole, and because what the first turn
 * has unmapped may be what was short.
 */
static int sync(struct iommu_shadow *shadow, const char *call, struct shadow_span span)
{
	const bool is_whole = span.first == 0 && span.last == SHADOW_LAST_PAGE;
	const int32_t before = iommu_shadow_domain_now(shadow);
	bool again = true;

	shadow->stats.syncs++;
	shadow->call = call;
	for (unsigned int turn = 0; turn < 2 && again; turn++) {
		join_spans(&span, &shadow->missing);
		again = sync_span(shadow, &span) && !shadow_is_empty(&shadow->missing);
		span = no_span;
	}
	note_domain(shadow, before, is_whole);
	return shadow->unmapping != 0 ? shadow->unmapping : shadow->mapping;
}

int iommu_shadow_sync(struct iommu_shadow *shadow, iommu_iova_t iova, uint64_t size)
{
	struct shadow_span span = {0, SHADOW_LAST_PAGE};
	int status;

	if (size == 0)
		return iommu_refuse_now(shadow->config.file->iommu, IOMMU_CALL, "", IOMMU_EINVAL,
					IOMMU_WHY("the size is 0"));
	if (iova != 0 || size != UINT64_MAX) {
		if (size - 1 > UINT64_MAX - iova)
			return iommu_refuse_now(shadow->config.file->iommu, IOMMU_CALL, "",
						IOMMU_EOVERFLOW,
						IOMMU_WHY("the address plus the size wraps"));
		span.first = iova >> IOMMU_PAGE_SHIFT;
		span.last = (iova + (size - 1)) >> IOMMU_PAGE_SHIFT;
	}
	shadow_lock(shadow);
	status = sync(shadow, IOMMU_CALL, span);
	shadow_unlock(shadow);
	return status;
}

int iommu_shadow_invalidate(struct iommu_shadow *shadow,
			    const struct iommu_model_invalidation *what)
{
	struct shadow_span span;
	int status = 0;

	shadow_lock(shadow);
	/* What is stuck is tried by every call: it never returns 0 on top of that. */
	if (iommu_shadow_scope(shadow, what, &span))
		status = sync(shadow, IOMMU_CALL, span);
	else if (!shadow_is_empty(&shadow->stuck))
		status = sync(shadow, IOMMU_CALL, no_span);
	shadow_unlock(shadow);
	return status;
}

void iommu_shadow_get_stats(struct iommu_shadow *shadow, struct iommu_shadow_stats *stats)
{
	shadow_lock(shadow);
	*stats = shadow->stats;
	stats->is_safe = shadow_is_empty(&shadow->stuck);
	stats->is_complete = shadow_is_empty(&shadow->missing);
	shadow_unlock(shadow);
}
