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

/*
 * A walk through the tables of an area, from a place in it on, that fills a batch. The batch's
 * counts follow when it ends.
 */
struct reading {
	struct iommu_map_piece *next, *end;
	iommu_paddr_t adjoins; /* where the last piece ends; before the first, no page */
	uint64_t bytes;
	iommu_iova_t first, last;
};

#define NO_PAGE 1 /* begins there */

static struct reading reading_begin(struct ioas_batch *batch, iommu_iova_t first, iommu_iova_t last)
{
	struct iommu_map_piece *next = &batch->pieces[batch->count];

	return (struct reading){
		.next = next,
		.end = &batch->pieces[batch->capacity],
		.adjoins = batch->count != 0 ? next[-1].paddr + next[-1].size : NO_PAGE,
		.first = first,
		.last = last,
	};
}

static void reading_end(const struct reading *reading, struct ioas_batch *batch)
{
	batch->count = (unsigned int)(reading->next - batch->pieces);
	batch->pages += reading->bytes >> IOMMU_PAGE_SHIFT;
}

/* As iommu_batch_add. Memory is added piece by piece in the order of addresses. */
static inline bool reading_add(struct reading *reading, iommu_paddr_t paddr, uint64_t size)
{
	struct iommu_map_piece *next = reading->next;

	if (iommu_adjoins(reading->adjoins, paddr)) {
		next[-1].size += size;
	} else {
		if (next == reading->end)
			return false;
		next->paddr = paddr;
		next->size = size;
		reading->next = next + 1;
	}
	reading->adjoins = paddr + size;
	reading->bytes += size;
	return true;
}

/* Large leaves may begin before what is asked for, and end behind it. */
static __attribute__((noinline)) bool reading_add_part(struct reading *reading, iommu_iova_t iova,
						       iommu_paddr_t paddr, uint64_t size)
{
	const uint64_t skip = iova < reading->first ? reading->first - iova : 0;

	if (iova + (size - 1) > reading->last)
		size = reading->last - iova + 1;
	return reading_add(reading, paddr + skip, size - skip);
}

static int read_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	struct reading *reading = ctx;

	if (visit->is_table)
		return 0;
	if (__builtin_expect(visit->iova < reading->first ||
				     visit->iova + (visit->size - 1) > reading->last,
			     0))
		return reading_add_part(reading, visit->iova, visit->paddr, visit->size) ? 0 : 1;
	return reading_add(reading, visit->paddr, visit->size) ? 0 : 1;
}

static void read_area(const struct ioas_area *area, struct ioas_batch *batch, uint64_t page,
		      uint64_t last)
{
	const iommu_iova_t base = iommu_area_iova(area);
	struct reading reading = reading_begin(
		batch, base + ((page - area->page) << IOMMU_PAGE_SHIFT),
		base + ((last - area->page) << IOMMU_PAGE_SHIFT | (IOMMU_PAGE_SIZE - 1)));

	(void)iommu_domain_walk(area->storage, reading.first, reading.last, read_leaf, &reading);
	reading_end(&reading, batch);
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
	const struct iommu_map_piece *piece, *end = pieces + count;
	uint64_t left = size, bits = 0;

	for (piece = pieces; piece != end; piece++) {
		const uint64_t last = piece->size - 1; /* wraps for an empty one */

		if (last >= left || last > ~piece->paddr)
			return 0;
		bits |= piece->size | piece->paddr;
		left -= piece->size;
	}
	return (bits & (IOMMU_PAGE_SIZE - 1)) == 0 ? size - left : 0;
}

/*
 * Add the pieces that lie behind those of the batch: those that adjoin become one, and none is
 * overwritten before it was read.
 */
static void add_in_place(struct ioas_batch *batch, unsigned int count)
{
	struct reading reading = reading_begin(batch, 0, 0);
	const struct iommu_map_piece *piece = reading.next, *end = piece + count;

	for (; piece != end; piece++)
		(void)reading_add(&reading, piece->paddr, piece->size);
	reading_end(&reading, batch);
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
	if (status == 0)
		add_in_place(batch, count);
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
