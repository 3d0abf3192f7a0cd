/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device may have written of the guest's memory.
 *
 * The tables of the host say it by the addresses that the device uses; those the guest maps as it
 * likes, and takes back. So what is writable and unmapped counts as written, and is noted in the
 * log before it is unmapped; what is mapped is asked for when the log is read. An area names the
 * memory of its backing: the guest's addresses are all those at which the guest's memory has that.
 */
#include "base/dirty.h"
#include "base/memory.h"
#include "shadow/shadow.h"

#define SCRATCH_WORDS (((size_t)IOMMU_PAGE_SIZE << SHADOW_ORDER) / sizeof(uint64_t))
#define SCRATCH_PAGES (SCRATCH_WORDS * 64)
#define IS_STUCK      IOMMU_WHY("something could not be unmapped, and may be written")

/* --- Marking ---------------------------------------------------------------------------------- */

/* The last address that a bitmap has a bit for. */
static uint64_t last_of(const struct iommu_dirty_bitmap *bitmap)
{
	const uint64_t last_bit = bitmap->bits - 1;

	if (last_bit > (UINT64_MAX - bitmap->start) >> bitmap->page_shift)
		return UINT64_MAX;
	return bitmap->start +
	       (last_bit << bitmap->page_shift | ((1ULL << bitmap->page_shift) - 1));
}

/* Addresses of the guest's, as far as the bitmap has bits for them. */
static void mark(const struct iommu_dirty_bitmap *bitmap, uint64_t first, uint64_t last)
{
	const uint64_t end = last_of(bitmap);

	if (first < bitmap->start)
		first = bitmap->start;
	if (last > end)
		last = end;
	if (first <= last)
		iommu_dirty_mark(bitmap, first, last);
}

/* Memory of a backing, wherever the guest has it. */
static void mark_backing(const struct iommu_shadow *shadow, const struct iommu_dirty_bitmap *bitmap,
			 const struct iommu_backing *backing, uint64_t size)
{
	const uint64_t first = backing->address, last = first + (size - 1);
	struct shadow_span pages = {0, 0};
	struct iommu_ioas_area area;
	uint64_t page = 0;

	while (iommu_shadow_find_area(shadow, shadow->config.memory, page, &pages, &area)) {
		const uint64_t start = area.backing.address, end = start + (area.size - 1);

		if (area.backing.ctx == backing->ctx && area.backing.ops == backing->ops &&
		    start <= last && first <= end)
			mark(bitmap, area.iova + ((first > start ? first : start) - start),
			     area.iova + ((last < end ? last : end) - start));
		if (pages.last == SHADOW_LAST_PAGE)
			break;
		page = pages.last + 1;
	}
}

/* Some pages of an area of the shadow. */
static void mark_pages(const struct iommu_shadow *shadow, const struct iommu_dirty_bitmap *bitmap,
		       const struct iommu_ioas_area *area, uint64_t skip, uint64_t count)
{
	struct iommu_backing backing = area->backing;

	backing.address += skip << IOMMU_PAGE_SHIFT;
	mark_backing(shadow, bitmap, &backing, count << IOMMU_PAGE_SHIFT);
}

void iommu_shadow_note_tried(const struct iommu_shadow *shadow, const struct iommu_backing *backing,
			     uint64_t size)
{
	if (shadow->log.words != NULL)
		mark_backing(shadow, &shadow->log, backing, size);
}

void iommu_shadow_note_written(struct iommu_shadow *shadow, const struct shadow_span *span)
{
	struct shadow_span pages;
	struct iommu_ioas_area area;
	uint64_t page = span->first;

	if (shadow->log.words == NULL)
		return;
	while (page <= span->last &&
	       iommu_shadow_find_area(shadow, shadow->config.ioas, page, &pages, &area) &&
	       pages.first <= span->last) {
		const uint64_t first = pages.first > page ? pages.first : page;
		const uint64_t last = pages.last < span->last ? pages.last : span->last;

		if ((area.prot & IOMMU_PROT_WRITE) != 0)
			mark_pages(shadow, &shadow->log, &area, first - pages.first,
				   last - first + 1);
		page = last + 1;
	}
}

/* --- Reading ---------------------------------------------------------------------------------- */

/*
 * The next part of the address space in which something is mapped, from a page on, that the scratch
 * bitmap has bits for; false: there is none. It ends where the largest page of the tables may end,
 * 1 GiB: what is only partly in a window is not marked clean.
 */
static bool next_window(const struct iommu_shadow *shadow, uint64_t page,
			struct shadow_span *window)
{
	struct shadow_span pages;
	struct iommu_ioas_area area;
	uint64_t limit;

	if (!iommu_shadow_find_area(shadow, shadow->config.ioas, page, &pages, &area))
		return false;
	window->first = pages.first > page ? pages.first : page;
	limit = window->first | (SCRATCH_PAGES - 1);
	do
		window->last = pages.last < limit ? pages.last : limit;
	while (pages.last < limit &&
	       iommu_shadow_find_area(shadow, shadow->config.ioas, pages.last + 1, &pages, &area) &&
	       pages.first <= limit);
	return true;
}

static bool is_set(const struct iommu_dirty_bitmap *bitmap, uint64_t bit)
{
	return (bitmap->words[bit / 64] >> bit % 64 & 1) != 0;
}

/* What was written of an area in the window; NULL for the window's bits: all that can be. */
static void mark_area(const struct iommu_shadow *shadow, const struct iommu_dirty_bitmap *bitmap,
		      const struct iommu_ioas_area *area, const struct shadow_span *part,
		      const struct shadow_span *window, const struct iommu_dirty_bitmap *scratch)
{
	const uint64_t skipped = area->iova >> IOMMU_PAGE_SHIFT;
	uint64_t page = part->first, first;

	if (scratch == NULL) {
		mark_pages(shadow, bitmap, area, page - skipped, part->last - page + 1);
		return;
	}
	while (page <= part->last) {
		if (!is_set(scratch, page - window->first)) {
			page++;
			continue;
		}
		first = page;
		while (page <= part->last && is_set(scratch, page - window->first))
			page++;
		mark_pages(shadow, bitmap, area, first - skipped, page - first);
	}
}

static void mark_window(const struct iommu_shadow *shadow, const struct iommu_dirty_bitmap *bitmap,
			const struct shadow_span *window, const struct iommu_dirty_bitmap *scratch)
{
	struct shadow_span pages;
	struct iommu_ioas_area area;
	uint64_t page = window->first;

	while (page <= window->last &&
	       iommu_shadow_find_area(shadow, shadow->config.ioas, page, &pages, &area) &&
	       pages.first <= window->last) {
		const struct shadow_span part = {pages.first > page ? pages.first : page,
						 pages.last < window->last ? pages.last
									   : window->last};

		if ((area.prot & IOMMU_PROT_WRITE) != 0)
			mark_area(shadow, bitmap, &area, &part, window, scratch);
		page = part.last + 1;
	}
}

/*
 * A window by its tables; pages that were marked clean are in the bitmap also where that fails.
 * Extents are of no use between two syncs: their memory is room for bits.
 */
static int read_window(struct iommu_shadow *shadow, const struct shadow_span *window, uint32_t hwpt,
		       unsigned int flags, const struct iommu_dirty_bitmap *bitmap)
{
	struct iommu_dirty_bitmap scratch = {
		.words = (uint64_t *)(void *)shadow->extents,
		.start = window->first << IOMMU_PAGE_SHIFT,
		.bits = window->last - window->first + 1,
		.page_shift = IOMMU_PAGE_SHIFT,
	};
	int status;

	memset(scratch.words, 0, SCRATCH_WORDS * sizeof(uint64_t));
	status = iommu_hwpt_read_dirty(shadow->config.file, hwpt, scratch.start,
				       scratch.bits << IOMMU_PAGE_SHIFT, flags, &scratch);
	mark_window(shadow, bitmap, window, &scratch);
	return status;
}

/* What is mapped now. */
static int read_mapped(struct iommu_shadow *shadow, uint32_t hwpt, unsigned int flags,
		       const struct iommu_dirty_bitmap *bitmap)
{
	struct shadow_span window = {0, 0};
	uint64_t page = 0;
	int status = 0;

	while (status == 0 && page <= SHADOW_LAST_PAGE && next_window(shadow, page, &window)) {
		if (hwpt != 0)
			status = read_window(shadow, &window, hwpt, flags, bitmap);
		else
			mark_window(shadow, bitmap, &window, NULL);
		page = window.last + 1;
	}
	return status;
}

static uint64_t words_of(const struct iommu_dirty_bitmap *bitmap)
{
	return (bitmap->bits - 1) / 64 + 1;
}

/* What was noted; it is told once. */
static void take_log(struct iommu_shadow *shadow, unsigned int flags,
		     const struct iommu_dirty_bitmap *bitmap)
{
	uint64_t i;

	for (i = 0; i < words_of(&shadow->log); i++) {
		bitmap->words[i] |= shadow->log.words[i];
		if ((flags & IOMMU_DIRTY_KEEP) == 0)
			shadow->log.words[i] = 0;
	}
}

/* --- Calls ------------------------------------------------------------------------------------ */

static int refuse(const struct iommu_shadow *shadow, const char *call, int status, const char *why)
{
	return iommu_refuse_now(shadow->config.file->iommu, call, "", status, why);
}

int iommu_shadow_set_dirty(struct iommu_shadow *shadow, const struct iommu_dirty_bitmap *log)
{
	struct iommu_dirty_bitmap own = {0};
	uint64_t i;

	if (log != NULL)
		own = *log;
	if (log != NULL &&
	    (own.words == NULL || own.bits == 0 || own.page_shift < IOMMU_PAGE_SHIFT ||
	     own.page_shift > 63 || (own.start & ((1ULL << own.page_shift) - 1)) != 0))
		return refuse(shadow, IOMMU_CALL, IOMMU_EINVAL,
			      IOMMU_WHY("the bitmap has no bits, or its first page is none"));
	shadow_lock(shadow);
	/* What is stuck is in no list of areas, and was noted in the log before. */
	if (own.words != NULL && !shadow_is_empty(&shadow->stuck)) {
		shadow_unlock(shadow);
		return refuse(shadow, IOMMU_CALL, IOMMU_EBUSY, IS_STUCK);
	}
	shadow->log = own;
	for (i = 0; own.words != NULL && i < words_of(&own); i++)
		own.words[i] = 0;
	shadow_unlock(shadow);
	return 0;
}

/* Another address space's would say that nothing was written. */
static int check_hwpt(const struct iommu_shadow *shadow, const char *call, uint32_t hwpt)
{
	struct iommu_hwpt_info info;
	int status = iommu_hwpt_get_info(shadow->config.file, hwpt, &info);

	if (status != 0)
		return status;
	return info.ioas == shadow->config.ioas
		       ? 0
		       : refuse(shadow, call, IOMMU_EINVAL,
				IOMMU_WHY("the HWPT is not one of the shadow's IOAS"));
}

static int read_dirty(struct iommu_shadow *shadow, const char *call, uint32_t hwpt,
		      unsigned int flags, const struct iommu_dirty_bitmap *bitmap)
{
	const struct iommu_dirty_bitmap *log = &shadow->log;
	int status = 0;

	if ((flags & ~(unsigned int)IOMMU_DIRTY_KEEP) != 0)
		return refuse(shadow, call, IOMMU_EOPNOTSUPP, IOMMU_WHY("unknown flags"));
	if (log->words == NULL)
		return refuse(shadow, call, IOMMU_EINVAL, IOMMU_WHY("tracking is off"));
	if (bitmap->words == NULL || bitmap->start != log->start || bitmap->bits != log->bits ||
	    bitmap->page_shift != log->page_shift)
		return refuse(shadow, call, IOMMU_EINVAL,
			      IOMMU_WHY("the bitmap is not of the same pages as the log"));
	if (!shadow_is_empty(&shadow->stuck))
		return refuse(shadow, call, IOMMU_EBUSY, IS_STUCK);
	if (hwpt != 0)
		status = check_hwpt(shadow, call, hwpt);
	if (status == 0)
		status = read_mapped(shadow, hwpt, flags, bitmap);
	if (status == 0)
		take_log(shadow, flags, bitmap);
	return status;
}

int iommu_shadow_read_dirty(struct iommu_shadow *shadow, uint32_t hwpt, unsigned int flags,
			    struct iommu_dirty_bitmap *bitmap)
{
	int status;

	shadow_lock(shadow);
	status = read_dirty(shadow, IOMMU_CALL, hwpt, flags, bitmap);
	shadow_unlock(shadow);
	return status;
}
