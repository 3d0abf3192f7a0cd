/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that is mapped in address spaces: which of it is pinned, for which holders, and where it
 * is.
 *
 * A page is pinned when its first holder is added and unpinned when the last one is removed;
 * overlapping holders share it. The physical addresses are kept by the holders, in tables or lists,
 * and nowhere else: so nothing here has a size that depends on that of the memory. Everything is
 * under pages->mutex unless stated otherwise.
 */
#include "ioas/ioas.h"

/* Pieces that are handed to a backing at once when a batch has to be cut. */
#define CUT_PIECES 16

void iommu_pages_lock(struct ioas_pages *pages)
{
	const struct iommu_platform *platform = pages->file->platform;

	if (pages->mutex != NULL)
		platform->mutex_lock(platform->ctx, pages->mutex);
}

void iommu_pages_unlock(struct ioas_pages *pages)
{
	const struct iommu_platform *platform = pages->file->platform;

	if (pages->mutex != NULL)
		platform->mutex_unlock(platform->ctx, pages->mutex);
}

struct ioas_pages *iommu_pages_new(struct iommu_file *file, const struct iommu_backing *backing,
				   uint64_t count, unsigned int prot)
{
	struct ioas_pages *pages = iommu_file_alloc(file, &file->pages_cache);
	uint32_t mutex;

	if (pages == NULL)
		return NULL;
	mutex = __atomic_fetch_add(&file->next_page_mutex, 1, __ATOMIC_RELAXED);
	*pages = (struct ioas_pages){
		.file = file,
		.backing = *backing,
		.count = count,
		.prot = prot,
		.mutex = file->page_mutexes[mutex % IOAS_PAGE_MUTEXES],
		.areas = 1,
	};
	return pages;
}

void iommu_pages_put(struct ioas_pages *pages)
{
	if (__atomic_sub_fetch(&pages->areas, 1, __ATOMIC_ACQ_REL) == 0)
		iommu_file_free(pages->file, &pages->file->pages_cache, pages);
}

static struct ioas_holder *holder_of(struct ioas_interval *interval)
{
	return interval != NULL ? iommu_container_of(interval, struct ioas_holder, interval) : NULL;
}

/* --- From holders ----------------------------------------------------------------------------- */

/* A walk through the tables of an area, from a place in it on, that fills a batch. */
struct reading {
	struct ioas_batch *batch;
	iommu_iova_t first, last;
};

static int read_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct reading *reading = ctx;
	uint64_t skip = 0, size = visit->size;

	if (visit->is_table)
		return 0;
	/* Large leaves may begin before what is asked for, and end behind it. */
	if (visit->iova < reading->first)
		skip = reading->first - visit->iova;
	if (visit->iova + (size - 1) > reading->last)
		size = reading->last - visit->iova + 1;
	return iommu_batch_add(reading->batch, visit->paddr + skip, size - skip) ? 0 : 1;
}

static void read_area(const struct ioas_area *area, struct ioas_batch *batch, uint64_t page,
		      uint64_t last)
{
	const iommu_iova_t base = iommu_area_iova(area);
	struct reading reading = {
		.batch = batch,
		.first = base + ((page - area->page) << IOMMU_PAGE_SHIFT),
		.last = base + ((last - area->page) << IOMMU_PAGE_SHIFT | (IOMMU_PAGE_SIZE - 1)),
	};

	(void)iommu_domain_walk(area->storage, reading.first, reading.last, read_leaf, &reading);
}

/* The same from a list of pieces. */
static void read_batches(const struct ioas_batch *from, struct ioas_batch *batch, uint64_t page,
			 uint64_t last)
{
	for (; from != NULL; from = from->next) {
		uint64_t at = from->page;

		for (unsigned int i = 0; i < from->count && at <= last; i++) {
			const uint64_t pages = from->pieces[i].size >> IOMMU_PAGE_SHIFT;
			const uint64_t first = at > page ? at : page;
			const uint64_t end = at + pages - 1 < last ? at + pages - 1 : last;

			if (first <= end &&
			    !iommu_batch_add(batch,
					     from->pieces[i].paddr +
						     ((first - at) << IOMMU_PAGE_SHIFT),
					     (end - first + 1) << IOMMU_PAGE_SHIFT))
				return;
			at += pages;
		}
	}
}

void iommu_pages_read(const struct ioas_holder *holder, struct ioas_batch *batch, uint64_t page,
		      uint64_t last)
{
	if (holder->area != NULL)
		read_area(holder->area, batch, page, last);
	else
		read_batches(holder->batches, batch, page, last);
}

/* --- From the backing ------------------------------------------------------------------------- */

/*
 * So many more pages may be pinned: as many as are asked for, or fewer; 0: none. Registers are no
 * memory that could run out.
 */
static uint64_t charge(const struct ioas_pages *of, uint64_t pages)
{
	return iommu_pages_are_mmio(of) ? pages : iommu_file_charge_pins(of->file, pages);
}

static void discharge(const struct ioas_pages *of, uint64_t pages)
{
	if (!iommu_pages_are_mmio(of))
		iommu_file_discharge_pins(of->file, pages);
}

uint64_t iommu_pieces_sum(const struct iommu_map_piece *pieces, unsigned int count, uint64_t size)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		const uint64_t mask = IOMMU_PAGE_SIZE - 1;

		if (pieces[i].size == 0 || ((pieces[i].size | pieces[i].paddr) & mask) != 0 ||
		    pieces[i].size > size - sum ||
		    pieces[i].size - 1 > UINT64_MAX - pieces[i].paddr)
			return 0;
		sum += pieces[i].size;
	}
	return sum;
}

/* Pin from the batch's end on, at most up to `last`. */
static int pin(struct ioas_pages *pages, struct ioas_batch *batch, uint64_t last)
{
	const struct iommu_backing *backing = &pages->backing;
	const uint64_t page = batch->page + batch->pages;
	uint64_t granted;
	const unsigned int room = batch->capacity - batch->count;
	struct iommu_map_piece *pieces = &batch->pieces[batch->count];
	unsigned int count = 0;
	uint64_t sum;
	int status;

	/* Where its owner sees it now is not known. */
	if (__atomic_load_n(&pages->without_vaddr, __ATOMIC_RELAXED) != 0)
		return IOMMU_EBUSY;
	granted = charge(pages, last - page + 1);
	if (granted == 0)
		return IOMMU_ENOMEM;
	status = backing->ops->pin(backing->ctx, backing->address + (page << IOMMU_PAGE_SHIFT),
				   granted << IOMMU_PAGE_SHIFT, pages->prot, pieces, room, &count);
	sum = status == 0 && count <= room
		      ? iommu_pieces_sum(pieces, count, granted << IOMMU_PAGE_SHIFT)
		      : 0;
	discharge(pages, granted - (sum >> IOMMU_PAGE_SHIFT));
	if (status == 0 && sum == 0)
		return IOMMU_EFAULT; /* nonsense: what it pinned, if anything, it knows */
	for (unsigned int i = 0; i < count && status == 0; i++) {
		const struct iommu_map_piece piece = pieces[i];

		/*
		 * In place: pieces that adjoin become one, and none is overwritten before it was
		 * read.
		 */
		(void)iommu_batch_add(batch, piece.paddr, piece.size);
	}
	return status;
}

int iommu_pages_collect(struct ioas_pages *pages, struct ioas_batch *batch, uint64_t last)
{
	while (batch->count < batch->capacity && batch->page + batch->pages <= last) {
		const uint64_t page = batch->page + batch->pages;
		const struct ioas_holder *holder =
			holder_of(iommu_interval_first(&pages->holders, page, last));
		uint64_t until = last;
		int status = 0;

		if (holder != NULL && holder->interval.first <= page) {
			if (holder->interval.last < until)
				until = holder->interval.last;
			iommu_pages_read(holder, batch, page, until);
			/* Tables that do not lead where they did: nothing of ours does that. */
			if (batch->page + batch->pages == page)
				status = IOMMU_EFAULT;
		} else {
			if (holder != NULL)
				until = holder->interval.first - 1;
			status = pin(pages, batch, until);
		}
		if (status != 0)
			return status;
	}
	return 0;
}

/* --- Back to it ------------------------------------------------------------------------------- */

static void unpin(struct ioas_pages *pages, uint64_t page, const struct iommu_map_piece *pieces,
		  unsigned int count, uint64_t pinned)
{
	const struct iommu_backing *backing = &pages->backing;

	backing->ops->unpin(backing->ctx, backing->address + (page << IOMMU_PAGE_SHIFT), pieces,
			    count, pages->prot);
	discharge(pages, pinned);
}

/* Unpin [first, last] of what a batch holds. */
static void unpin_part(struct ioas_pages *pages, const struct ioas_batch *batch, uint64_t first,
		       uint64_t last)
{
	struct iommu_map_piece cut[CUT_PIECES];
	unsigned int count = 0;
	uint64_t at = batch->page;
	uint64_t begin = first, pinned = 0;

	if (first == batch->page && last == batch->page + batch->pages - 1) {
		unpin(pages, first, batch->pieces, batch->count, batch->pages);
		return;
	}
	for (unsigned int i = 0; i < batch->count && at <= last; i++) {
		const uint64_t size = batch->pieces[i].size >> IOMMU_PAGE_SHIFT;
		const uint64_t from = at > first ? at : first;
		const uint64_t to = at + size - 1 < last ? at + size - 1 : last;

		if (from <= to) {
			cut[count++] = (struct iommu_map_piece){
				batch->pieces[i].paddr + ((from - at) << IOMMU_PAGE_SHIFT),
				(to - from + 1) << IOMMU_PAGE_SHIFT};
			pinned += to - from + 1;
		}
		at += size;
		if (count == CUT_PIECES || (count != 0 && at > last)) {
			unpin(pages, begin, cut, count, pinned);
			begin += pinned;
			count = 0;
			pinned = 0;
		}
	}
	if (count != 0)
		unpin(pages, begin, cut, count, pinned);
}

void iommu_pages_release(struct ioas_pages *pages, const struct ioas_batch *batch)
{
	const uint64_t last = batch->page + batch->pages - 1;
	uint64_t page = batch->page;
	struct ioas_interval *interval;

	if (batch->pages == 0)
		return;
	for (interval = iommu_interval_first(&pages->holders, page, last); interval != NULL;
	     interval = iommu_interval_next(interval, page, last)) {
		if (interval->first > page)
			unpin_part(pages, batch, page, interval->first - 1);
		if (interval->last >= last)
			return;
		if (interval->last >= page)
			page = interval->last + 1;
	}
	unpin_part(pages, batch, page, last);
}
