/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Areas: lifetime, mapping and unmapping in page tables.
 *
 * Map: pieces are collected in a batch, mapped in one HWPT after the other, and so on until the
 * area is complete; a piece that may continue is kept for the next batch, so that large pages are
 * not split where batches end. Unmap: addresses are read from the tables into a batch, unmapped in
 * all HWPTs, confirmed, unpinned. What is not confirmed stays with the area, in its batch, and is
 * invalidated again before any other operation on the area. Everything here is under pages->mutex,
 * and inside the gate.
 */
#include "ioas/ioas.h"

struct ioas_area *iommu_area_new(struct iommu_ioas *ioas, struct ioas_pages *pages, uint64_t page,
				 unsigned int prot, int *status)
{
	struct iommu_file *file = ioas->object.file;
	struct ioas_area *area;

	*status = IOMMU_ENOSPC;
	if (!iommu_file_charge(&file->areas, 1, file->limits.areas))
		return NULL;
	area = iommu_file_alloc(file, &file->area_cache);
	*status = area != NULL ? 0 : IOMMU_ENOMEM;
	if (area == NULL) {
		iommu_file_discharge(&file->areas, 1);
		return NULL;
	}
	area->ioas = ioas;
	area->pages = pages;
	area->page = page;
	area->prot = prot;
	area->state = IOAS_AREA_NEW;
	__atomic_add_fetch(&pages->areas, 1, __ATOMIC_RELAXED);
	return area;
}

void iommu_area_count_vaddr(struct ioas_area *area, bool unmapped)
{
	if (unmapped != area->vaddr_unmapped)
		__atomic_add_fetch(&area->pages->without_vaddr, unmapped ? 1 : (size_t)-1,
				   __ATOMIC_RELAXED);
	area->vaddr_unmapped = unmapped;
}

/* Where the pages are is as unknown to their other areas as it was to the one that goes. */
static void leave_vaddr(const struct ioas_area *area)
{
	struct ioas_pages *pages = area->pages;

	if (area->vaddr_unmapped && pages->is_vaddr_stale)
		__atomic_add_fetch(&pages->gone_without_vaddr, 1, __ATOMIC_RELAXED);
	else if (area->vaddr_unmapped)
		__atomic_sub_fetch(&pages->without_vaddr, 1, __ATOMIC_RELAXED);
}

void iommu_area_free(struct ioas_area *area)
{
	struct iommu_file *file = area->ioas->object.file;

	leave_vaddr(area);
	iommu_pages_put(area->pages);
	iommu_file_free(file, &file->area_cache, area);
	iommu_file_discharge(&file->areas, 1);
}

static uint64_t last_page(const struct ioas_area *area)
{
	return area->page + iommu_area_pages(area) - 1;
}

static iommu_iova_t iova_of(const struct ioas_area *area, uint64_t page)
{
	return iommu_area_iova(area) + ((page - area->page) << IOMMU_PAGE_SHIFT);
}

/* --- HWPTs, one after the other --------------------------------------------------------------- */

static struct iommu_hwpt *hwpt_at(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_hwpt, link);
}

static int unmap_from(const struct ioas_area *area, struct iommu_hwpt *hwpt, uint64_t page,
		      uint64_t pages)
{
	return iommu_unmap(hwpt->domain, iova_of(area, page), pages << IOMMU_PAGE_SHIFT,
			   area->is_cut ? IOMMU_UNMAP_SPLIT : 0, NULL);
}

static bool is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/*
 * Unmap a part from all HWPTs, those on their way out included. The one that the physical addresses
 * are read from comes last: if another one cannot (for want of memory to split a page), it still
 * has them, and the error is returned. That hardware did not confirm is returned when all of them
 * were asked.
 */
static int unmap_all(struct ioas_area *area, uint64_t page, uint64_t pages)
{
	struct iommu_ioas *ioas = area->ioas;
	struct iommu_list_node *node;
	int result = 0, status;

	iommu_list_for_each (node, &ioas->leaving)
		if (unmap_from(area, hwpt_at(node), page, pages) != 0)
			result = IOMMU_EIO;
	for (node = ioas->hwpts.previous; node != &ioas->hwpts; node = node->previous) {
		if (hwpt_at(node)->domain == area->storage)
			continue;
		status = unmap_from(area, hwpt_at(node), page, pages);
		if (status != 0 && !is_unconfirmed(status))
			return status;
		area->is_torn = true;
		result = status != 0 ? status : result;
	}
	iommu_list_for_each (node, &ioas->hwpts) {
		if (hwpt_at(node)->domain != area->storage)
			continue;
		status = unmap_from(area, hwpt_at(node), page, pages);
		result = status != 0 ? status : result;
	}
	return result;
}

/* What devices may do there, and what it is: leaves say so where they have bits for it. */
static unsigned int prot_of(const struct ioas_area *area)
{
	return area->prot | IOMMU_PROT_MAY_SLEEP |
	       (iommu_pages_are_mmio(area->pages) ? IOMMU_PROT_MMIO : 0U);
}

/*
 * Map the first pieces of a batch in all HWPTs, or one; on failure in none, unless that was not
 * confirmed: *unconfirmed.
 */
static int map_all(struct ioas_area *area, struct iommu_hwpt *only, const struct ioas_batch *batch,
		   unsigned int count, uint64_t pages, bool *unconfirmed)
{
	struct iommu_list_node *list = &area->ioas->hwpts;
	struct iommu_list_node *node = list->next;
	int status = 0;

	if (only != NULL)
		return iommu_map_sg(only->domain, iova_of(area, batch->page), batch->pieces, count,
				    prot_of(area), NULL);
	for (; node != list; node = node->next) {
		status = iommu_map_sg(hwpt_at(node)->domain, iova_of(area, batch->page),
				      batch->pieces, count, prot_of(area), NULL);
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	/* This one may have told hardware, too. */
	*unconfirmed =
		is_unconfirmed(status) && unmap_from(area, hwpt_at(node), batch->page, pages) != 0;
	for (node = node->previous; node != list; node = node->previous)
		if (unmap_from(area, hwpt_at(node), batch->page, pages) != 0)
			*unconfirmed = true;
	return status;
}

/* --- Out ------------------------------------------------------------------------------------- */

void iommu_area_hold(struct ioas_area *area)
{
	struct iommu_rb_tree *holders = &area->pages->holders;

	if (area->holds)
		iommu_interval_remove(holders, &area->holder.interval);
	area->holds = area->emptied < area->full;
	if (!area->holds)
		return;
	area->holder = (struct ioas_holder){
		.interval = {.first = area->page + area->emptied,
			     .last = area->page + area->full - 1},
		.area = area,
	};
	iommu_interval_insert(holders, &area->holder.interval);
}

/* A batch that hardware may still lead to stays with the area, and its pages pinned. */
static void withhold(struct ioas_area *area, struct ioas_batch *batch)
{
	area->withheld = batch;
	batch->next = NULL;
	area->withholder = (struct ioas_holder){
		.interval = {.first = batch->page, .last = batch->page + batch->pages - 1},
		.batches = batch,
	};
	iommu_interval_insert(&area->pages->holders, &area->withholder.interval);
}

int iommu_area_settle(struct ioas_area *area)
{
	struct ioas_batch *batch = area->withheld;
	int status;

	if (batch == NULL)
		return 0;
	status = unmap_all(area, batch->page, batch->pages);
	if (status != 0)
		return status;
	area->withheld = NULL;
	area->is_torn = false;
	iommu_interval_remove(&area->pages->holders, &area->withholder.interval);
	iommu_pages_release(area->pages, batch);
	iommu_batch_give(area->ioas, batch);
	return 0;
}

/* The next part, as the tables have it. *kept: a batch, taken here if there is none. */
static int empty_step(struct ioas_area *area, struct ioas_batch **kept)
{
	struct ioas_batch *batch = *kept;
	int status;

	if (batch == NULL)
		batch = *kept = iommu_batch_take(area->ioas, area->full - area->emptied);
	if (batch == NULL)
		return IOMMU_ENOMEM;
	iommu_batch_begin(batch, area->page + area->emptied);
	iommu_pages_read(&area->holder, batch, batch->page, area->page + area->full - 1);
	if (batch->pages == 0) {
		/*
		 * It is not in the tables: nothing of ours does that, and nothing can be unpinned.
		 */
		area->emptied = area->full;
		iommu_area_hold(area);
		return IOMMU_EFAULT;
	}
	status = unmap_all(area, batch->page, batch->pages);
	if (status != 0 && !is_unconfirmed(status))
		return status;
	area->emptied += batch->pages;
	area->is_torn = false;
	iommu_area_hold(area);
	if (status != 0) {
		withhold(area, batch);
		*kept = NULL;
		return status;
	}
	iommu_pages_release(area->pages, batch);
	return 0;
}

bool iommu_area_is_whole(const struct ioas_area *area)
{
	return area->emptied == 0 && area->withheld == NULL && !area->is_torn;
}

int iommu_area_empty(struct ioas_area *area)
{
	struct ioas_batch *batch = NULL;
	int status = iommu_area_settle(area);

	while (status == 0 && area->emptied < area->full) {
		status = empty_step(area, &batch);
		/* Others may wait for the one of the space: for a step at most. */
		if (batch != NULL && batch->is_spare) {
			iommu_batch_give(area->ioas, batch);
			batch = NULL;
		}
	}
	if (batch != NULL)
		iommu_batch_give(area->ioas, batch);
	if (status != 0)
		return status;
	area->storage = NULL;
	area->emptied = area->full = 0;
	return 0;
}

/* --- In -------------------------------------------------------------------------------------- */

static const struct iommu_domain *first_domain(const struct iommu_ioas *ioas)
{
	return iommu_list_is_empty(&ioas->hwpts) ? NULL : hwpt_at(ioas->hwpts.next)->domain;
}

/* The last piece goes on, perhaps: it begins the next batch. */
static void keep_last(struct ioas_batch *batch)
{
	const struct iommu_map_piece last = batch->pieces[batch->count - 1];
	const uint64_t pages = last.size >> IOMMU_PAGE_SHIFT;

	iommu_batch_begin(batch, batch->page + batch->pages - pages);
	(void)iommu_batch_add(batch, last.paddr, last.size);
}

/*
 * One batch on its way: collected, and mapped but for what is kept. *batch is NULL when it stays
 * with the area.
 */
static int fill_step(struct ioas_area *area, struct iommu_hwpt *only, struct ioas_batch **batch)
{
	struct ioas_batch *full = *batch;
	unsigned int count;
	uint64_t pages;
	bool unconfirmed = false;
	int status = iommu_pages_collect(area->pages, full, last_page(area));

	count = full->count;
	pages = full->pages;
	if (status == 0 && full->page + full->pages <= last_page(area)) {
		count--;
		pages -= full->pieces[count].size >> IOMMU_PAGE_SHIFT;
	}
	if (status == 0 && count != 0)
		status = map_all(area, only, full, count, pages, &unconfirmed);
	if (status == 0) {
		area->full += pages;
		if (count != full->count)
			keep_last(full);
		else
			iommu_batch_begin(full, full->page + full->pages);
		return 0;
	}
	if (unconfirmed) {
		withhold(area, full);
		*batch = NULL;
	} else {
		iommu_pages_release(area->pages, full);
	}
	return status;
}

static int area_fill(struct ioas_area *area, struct iommu_hwpt *only)
{
	struct ioas_batch *batch = iommu_batch_take(area->ioas, iommu_area_pages(area));
	int status = 0;

	if (batch == NULL)
		return IOMMU_ENOMEM;
	iommu_batch_begin(batch, area->page);
	while (status == 0 && area->full < iommu_area_pages(area))
		status = fill_step(area, only, &batch);
	if (batch != NULL)
		iommu_batch_give(area->ioas, batch);
	return status;
}

int iommu_area_fill(struct ioas_area *area)
{
	int status;

	if (area->pages->state == IOAS_PAGES_REVOKED)
		return 0;
	area->emptied = area->full = 0;
	area->storage = first_domain(area->ioas);
	if (area->storage == NULL)
		return 0;
	status = area_fill(area, NULL);
	iommu_area_hold(area);
	return status;
}

int iommu_area_copy_to(struct ioas_area *area, struct iommu_hwpt *hwpt)
{
	const uint64_t full = area->full;
	int status;

	if (area->pages->state == IOAS_PAGES_REVOKED)
		return 0;
	area->full = 0;
	status = area_fill(area, hwpt);
	area->full = full;
	return status;
}
