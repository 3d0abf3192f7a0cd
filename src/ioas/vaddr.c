/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual addresses of mapped memory that change under the mappings: a manager of virtual machines
 * replaces itself by a newer version (live update), and the memory stands elsewhere in the new
 * process. Mappings and pins stay: devices work on. In between nothing can be pinned of the memory,
 * because where it is is not known. Areas that share pages, being parts or copies of one mapping,
 * share the address: pages are pinned again when none of their areas is without. One that goes
 * while the address is not known leaves it unknown, to be said of any of the others.
 *
 * Control path with all gates of the file closed: nothing is being mapped, unmapped or pinned.
 */
#include "ioas/ioas.h"

/* The first area from a page on that is there: not one on its way out. */
static struct ioas_area *live_from(const struct iommu_ioas *ioas, uint64_t page)
{
	struct ioas_area *area = iommu_area_from(ioas, page);

	while (area != NULL && area->state != IOAS_AREA_LIVE)
		area = iommu_area_from(ioas, area->range.last + 1);
	return area;
}

/* A range of pages; size UINT64_MAX at 0 stands for everything. */
struct span {
	uint64_t first, last;
};

static int span_of(struct iommu_file *file, iommu_iova_t iova, uint64_t size, struct span *span)
{
	*span = (struct span){0, UINT64_MAX >> IOMMU_PAGE_SHIFT};
	if (iova == 0 && size == UINT64_MAX)
		return 0;
	if (size == 0 || ((iova | size) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return iommu_file_refuse(
			file, "", IOMMU_EINVAL,
			IOMMU_WHY("the size is 0, or address or size are not aligned to 4096"));
	if (size - 1 > UINT64_MAX - iova)
		return iommu_file_refuse(file, "", IOMMU_EOVERFLOW,
					 IOMMU_WHY("the address plus the size wraps"));
	*span = (struct span){iova >> IOMMU_PAGE_SHIFT, (iova + (size - 1)) >> IOMMU_PAGE_SHIFT};
	return 0;
}

/* --- Unmapped --------------------------------------------------------------------------------- */

static int may_unmap(const struct iommu_ioas *ioas, const struct span *span)
{
	const struct ioas_area *area = live_from(ioas, span->first);

	for (; area != NULL && area->range.first <= span->last;
	     area = live_from(ioas, area->range.last + 1)) {
		if (area->range.first < span->first || area->range.last > span->last)
			return iommu_file_refuse(ioas->object.file, "", IOMMU_EINVAL,
						 IOMMU_WHY("an end of the range cuts a mapping"));
		if (iommu_area_lacks_vaddr(area))
			return iommu_file_refuse(
				ioas->object.file, "", IOMMU_EINVAL,
				IOMMU_WHY("a mapping has no virtual address any more"));
	}
	return 0;
}

static uint64_t unmap_vaddrs(const struct iommu_ioas *ioas, const struct span *span)
{
	struct ioas_area *area = live_from(ioas, span->first);
	uint64_t bytes = 0;

	for (; area != NULL && area->range.first <= span->last;
	     area = live_from(ioas, area->range.last + 1)) {
		iommu_area_count_vaddr(area, true);
		area->pages->is_vaddr_stale = true;
		bytes += iommu_area_pages(area) << IOMMU_PAGE_SHIFT;
	}
	return bytes;
}

int iommu_ioas_unmap_vaddr(struct iommu_file *file, const char *call, uint32_t id,
			   iommu_iova_t iova, uint64_t size, uint64_t *bytes)
{
	struct ioas_object *object;
	struct span span = {0};
	int status;

	*bytes = 0;
	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL)
		status = span_of(file, iova, size, &span);
	if (status == 0) {
		iommu_gates_close(file);
		status = may_unmap(iommu_ioas_of(object), &span);
		if (status == 0)
			*bytes = unmap_vaddrs(iommu_ioas_of(object), &span);
		iommu_gates_open(file);
	}
	return iommu_file_end(file, call, status);
}

/* --- Mapped again ----------------------------------------------------------------------------- */

static bool is_same(const struct iommu_backing *from, const struct iommu_backing *to, uint64_t size)
{
	if (from->ops->is_same_at != NULL)
		return from->ops->is_same_at(from->ctx, from->address, to, size);
	return from->ops->is_same != NULL && from->ops == to->ops && from->address == to->address &&
	       from->ops->is_same(from->ctx, to->ctx, from->address, size);
}

/*
 * Where the pages of an area begin, if the area begins there: all of them are asked for, because
 * other areas lead to the others.
 */
static int find_pages(const struct ioas_area *area, const struct iommu_backing *backing,
		      struct iommu_backing *pages)
{
	struct iommu_file *file = area->pages->file;
	const uint64_t before = area->page << IOMMU_PAGE_SHIFT;
	const uint64_t size = area->pages->count << IOMMU_PAGE_SHIFT;

	if (backing->address < before || size - 1 > UINT64_MAX - (backing->address - before))
		return iommu_file_refuse(file, "", IOMMU_EOVERFLOW,
					 IOMMU_WHY("the memory's addresses wrap"));
	*pages = (struct iommu_backing){backing->ops, backing->ctx, backing->address - before};
	if (backing->ops->flags != area->pages->backing.ops->flags ||
	    !is_same(&area->pages->backing, pages, size))
		return iommu_file_refuse(
			file, "", IOMMU_EINVAL,
			IOMMU_WHY("it is not the same memory, or the backing cannot say"));
	return 0;
}

/* It is known where all of them are; areas that are still without are asked for all the same. */
static void move_pages(struct ioas_pages *pages, const struct iommu_backing *backing)
{
	pages->backing = *backing;
	pages->is_vaddr_stale = false;
	__atomic_sub_fetch(&pages->without_vaddr, pages->gone_without_vaddr, __ATOMIC_RELAXED);
	pages->gone_without_vaddr = 0;
}

static int map_vaddr(const struct iommu_ioas *ioas, const struct span *span,
		     const struct iommu_backing *backing)
{
	struct iommu_file *file = ioas->object.file;
	struct ioas_area *area = live_from(ioas, span->first);
	struct iommu_backing pages;
	int status;

	if (area == NULL || area->range.first > span->first)
		return iommu_file_refuse(file, "", IOMMU_ENOENT,
					 IOMMU_WHY("nothing is mapped at the address"));
	if (area->range.first != span->first || area->range.last != span->last)
		return iommu_file_refuse(file, "", IOMMU_EINVAL,
					 IOMMU_WHY("the range is not that of one mapping"));
	if (!iommu_area_lacks_vaddr(area))
		return iommu_file_refuse(file, "", IOMMU_EINVAL,
					 IOMMU_WHY("the mapping has a virtual address"));
	if ((backing->address & (ioas->alignment - 1)) != 0)
		return iommu_file_refuse(
			file, "", IOMMU_EINVAL,
			IOMMU_WHY("the memory is not aligned to the space's smallest page"));
	status = find_pages(area, backing, &pages);
	if (status != 0)
		return status;
	iommu_pages_lock(area->pages);
	move_pages(area->pages, &pages);
	iommu_area_count_vaddr(area, false);
	iommu_pages_unlock(area->pages);
	return 0;
}

int iommu_ioas_map_vaddr(struct iommu_file *file, const char *call, uint32_t id, iommu_iova_t iova,
			 uint64_t size, const struct iommu_backing *backing)
{
	/* Read once: another thread may write to what the caller passes. */
	const struct iommu_backing own = *backing;
	struct ioas_object *object;
	const char *why = "";
	struct span span = {0};
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_IOAS, &status);
	if (object != NULL)
		status = span_of(file, iova, size, &span);
	if (status == 0 && iommu_backing_check(&own, &why) != 0)
		status = iommu_file_refuse(file, "", IOMMU_EINVAL, why);
	if (status == 0) {
		iommu_gates_close(file);
		status = map_vaddr(iommu_ioas_of(object), &span, &own);
		iommu_gates_open(file);
	}
	return iommu_file_end(file, call, status);
}
