/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers whose bytes have to be moved when ownership changes: through bounce pages, between the
 * CPU caches and memory, or both.
 *
 * For an untrusted device, the first and the last page of a buffer that does not fill them are
 * replaced by pages with no other contents, and the bytes are copied; what lies between is mapped
 * as it is. The same is done for a device that writes past the CPU caches, where a buffer shares a
 * cache line with something else. Where nothing translates, a buffer that the device cannot address
 * is replaced as a whole, by one block. In a window nothing is replaced: there only caches are
 * looked after.
 *
 * Each such buffer has a record. The tree of records is guarded by the lock of the DMA object, see
 * dma/dma.h; a record belongs to the caller that mapped the buffer.
 */
#include "dma/debug.h"

#if IOMMU_CONFIG_DMA_BOUNCE

struct dma_bounce {
	struct iommu_rb_node node;
	/*
	 * The addresses that are taken for it: its pages, or, where nothing translates and nothing
	 * is replaced, its bytes.
	 */
	iommu_iova_t start;
	uint64_t span;
	uint64_t offset; /* of the buffer in them */
	iommu_paddr_t paddr;
	uint64_t size;
	struct dma_bounce *next;    /* of its list, in order of addresses */
	unsigned char *head, *tail; /* our pages; NULL: the buffer is on its own */
	unsigned int how;           /* see DMA_ATTRIBUTES; no direction: there is no buffer */
	unsigned int head_order;    /* for the host's allocator; the tail is one page */
	bool is_whole;              /* the head stands for all of the buffer */
	bool is_listed;             /* mapped with others, and unmapped with them, or in a window */
	bool noncoherent;           /* the device is */
	bool is_shared;             /* our pages are, with the host of a confidential guest */
};

_Static_assert(sizeof(struct dma_bounce) <= DMA_BOUNCE_SIZE, "the object cache is made for it");

/* Is it to be moved between the CPU caches and memory? */
static bool is_noncoherent(const struct dma_bounce *bounce)
{
	return IOMMU_CONFIG_DMA_NONCOHERENT && bounce->noncoherent;
}

/* --- The bytes -------------------------------------------------------------------------------- */

/* Bytes of a buffer, counted from its beginning. */
struct part {
	uint64_t start, stop;
};

/* What is on our first page, or block. */
static struct part head_of(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	const uint64_t room = (1ULL << dma->page_shift) - (bounce->paddr & dma_page_mask(dma));

	if (bounce->head == NULL)
		return (struct part){0, 0};
	return (struct part){0, bounce->is_whole || bounce->size < room ? bounce->size : room};
}

/* What is on our last page. */
static struct part tail_of(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	const uint64_t size = (bounce->paddr + bounce->size) & dma_page_mask(dma);

	return (struct part){bounce->tail != NULL ? bounce->size - size : bounce->size,
			     bounce->size};
}

static struct part common(struct part one, struct part other)
{
	const struct part both = {one.start > other.start ? one.start : other.start,
				  one.stop < other.stop ? one.stop : other.stop};

	return both.start < both.stop ? both : (struct part){0, 0};
}

/*
 * Copy a part of one end, whose first byte is `own` on a page of ours. By pages: the host promises
 * of no more than one that the CPU sees it in one piece.
 */
static void copy_part(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		      unsigned char *own, struct part part, bool to_device)
{
	uint64_t at = part.start;

	while (at < part.stop) {
		const iommu_paddr_t paddr = bounce->paddr + at;
		const uint64_t room = dma_page_mask(dma) + 1 - (paddr & dma_page_mask(dma));
		const size_t size = (size_t)(part.stop - at < room ? part.stop - at : room);
		unsigned char *memory = iommu_phys_to_virt(dma->platform, paddr);
		unsigned char *copied = own + (size_t)(at - part.start);

		if (to_device)
			memcpy(copied, memory, size);
		else
			memcpy(memory, copied, size);
		at += size;
	}
}

/*
 * Hand what was asked for of one end over, or take it back: what goes to the device is copied
 * before it is written back, what comes from it after what is cached has been dropped.
 */
static void move_end(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		     unsigned char *own, struct part end, struct part asked, bool to_device)
{
	const struct part part = common(end, asked);
	const uint64_t size = part.stop - part.start;

	if (own == NULL || size == 0)
		return;
	own += (size_t)(part.start - end.start);
	if (is_noncoherent(bounce) && !to_device)
		dma_invalidate(dma, iommu_virt_to_phys(dma->platform, own), size);
	copy_part(dma, bounce, own, part, to_device);
	if (is_noncoherent(bounce) && to_device)
		dma_write_back(dma, iommu_virt_to_phys(dma->platform, own), size);
}

/* The ends that are on our pages. */
static void move_ends(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		      struct part asked, bool to_device)
{
	unsigned char *head = bounce->head;

	if (head != NULL)
		head += (size_t)(bounce->paddr & dma_page_mask(dma));
	move_end(dma, bounce, head, head_of(dma, bounce), asked, to_device);
	move_end(dma, bounce, bounce->tail, tail_of(dma, bounce), asked, to_device);
}

/* What is mapped as it is: only caches are between the CPU and the device. */
static void move_middle(const struct iommu_dma *dma, const struct dma_bounce *bounce,
			struct part asked, bool to_device)
{
	const struct part middle = {head_of(dma, bounce).stop, tail_of(dma, bounce).start};
	const struct part part = common(middle, asked);

	if (!is_noncoherent(bounce) || part.start == part.stop)
		return;
	if (to_device)
		dma_write_back(dma, bounce->paddr + part.start, part.stop - part.start);
	else
		dma_invalidate(dma, bounce->paddr + part.start, part.stop - part.start);
}

/*
 * The device has them next. Where it only writes, nothing that the CPU has written may be written
 * back after it; but what has arrived on our pages meanwhile stays.
 */
static void hand_over(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		      struct part asked)
{
	if ((bounce->how & IOMMU_DMA_TO_DEVICE) != 0)
		move_ends(dma, bounce, asked, true);
	move_middle(dma, bounce, asked, true);
}

/* The CPU has them next. */
static void take_back(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		      struct part asked)
{
	if ((bounce->how & IOMMU_DMA_FROM_DEVICE) == 0)
		return;
	move_ends(dma, bounce, asked, false);
	move_middle(dma, bounce, asked, false);
}

/* --- The tree --------------------------------------------------------------------------------- */

static struct dma_bounce *bounce_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct dma_bounce, node);
}

static iommu_iova_t last_of(const struct dma_bounce *bounce)
{
	return bounce->start + (bounce->span - 1);
}

/* Where the buffer itself begins. */
static iommu_iova_t address_of(const struct dma_bounce *bounce)
{
	return bounce->start + bounce->offset;
}

/* Does the device reach the buffer's own bytes, without a mapping? */
static bool is_in_place(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	return dma_is_direct(dma) && !bounce->is_whole;
}

/* The first record with an address in [first, last], or NULL. Under the lock. */
static struct dma_bounce *bounce_find(struct iommu_dma *dma, iommu_iova_t first, iommu_iova_t last)
{
	struct iommu_rb_node *node = dma->bounced.root;
	struct dma_bounce *found = NULL;

	while (node != NULL) {
		struct dma_bounce *bounce = bounce_of(node);
		const bool right = last_of(bounce) < first;

		if (!right)
			found = bounce;
		node = node->child[right];
	}
	return found != NULL && found->start <= last ? found : NULL;
}

static void count_records(struct iommu_dma *dma, const struct dma_bounce *bounce, int change)
{
	if (bounce->head != NULL || bounce->tail != NULL)
		dma->bounced_count += (unsigned int)change;
	__atomic_store_n(&dma->record_count, dma->record_count + (unsigned int)change,
			 __ATOMIC_RELEASE);
}

static void link_record(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = dma->bounced.root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = bounce->start > bounce_of(node)->start;
		node = node->child[right];
	}
	iommu_rb_insert(&dma->bounced, iommu_rb_no_update, parent, right, &bounce->node);
	count_records(dma, bounce, 1);
}

static void unlink_record(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	iommu_rb_remove(&dma->bounced, iommu_rb_no_update, &bounce->node);
	count_records(dma, bounce, -1);
}

/* All of a list, or one: the addresses are those of no other. */
static void bounce_insert(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	while (bounce != NULL) {
		uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
		struct dma_bounce *next = bounce->next;

		link_record(dma, bounce);
		iommu_spin_unlock(dma->platform, &dma->lock, state);
		bounce = next;
	}
}

#if IOMMU_CONFIG_DMA_NONCOHERENT
/* Is something recorded that overlaps these addresses? */
static bool has_record(struct iommu_dma *dma, iommu_iova_t start, uint64_t size)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const bool is_there = bounce_find(dma, start, start + (size - 1)) != NULL;

	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return is_there;
}
#endif

/*
 * Take the buffer that is mapped just there out of the tree. IOMMU_ENOENT: none is, but another has
 * the page, which must not be unmapped under it. Where nothing translates there is no page to have.
 */
static int bounce_take(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
		       struct dma_bounce **result)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	struct dma_bounce *bounce = bounce_find(dma, address, address);
	int status = 0;

	if (bounce != NULL &&
	    (bounce->size != size || address_of(bounce) != address || bounce->is_listed)) {
		status = is_in_place(dma, bounce) ? 0 : IOMMU_ENOENT;
		bounce = NULL;
	}
	if (bounce != NULL)
		unlink_record(dma, bounce);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	*result = bounce;
	return status;
}

/* --- Records ---------------------------------------------------------------------------------- */

static void free_bounce(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	if (bounce->head != NULL)
		dma_free_block(dma, bounce->head, bounce->head_order, bounce->is_shared);
	if (bounce->tail != NULL)
		dma_free_block(dma, bounce->tail, dma_host_order(dma, 0), bounce->is_shared);
	iommu_object_free(&dma->bounces, bounce);
}

/* Nothing of what a device wrote is wanted, of a list or of one. */
static void drop(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	struct dma_bounce *bounce = hanging->memory;

	while (bounce != NULL) {
		struct dma_bounce *next = bounce->next;

		free_bounce(dma, bounce);
		bounce = next;
	}
}

/* The device cannot change the pages any more: what it wrote goes to the buffer first. */
static void finish(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	const struct dma_bounce *bounce;

	for (bounce = hanging->memory; bounce != NULL; bounce = bounce->next)
		take_back(dma, bounce, (struct part){0, bounce->size});
	drop(dma, hanging);
}

/* Our pages, if the device sees them in memory alone: with no other contents there, too. */
static void write_back_pages(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	if (!is_noncoherent(bounce))
		return;
	if (bounce->head != NULL)
		dma_write_back(dma, iommu_virt_to_phys(dma->platform, bounce->head),
			       IOMMU_PAGE_SIZE << bounce->head_order);
	if (bounce->tail != NULL)
		dma_write_back(dma, iommu_virt_to_phys(dma->platform, bounce->tail),
			       dma_page_mask(dma) + 1);
}

/*
 * What the device is to find there. On our pages also where it only writes: what it leaves as it
 * was is copied back.
 */
static void fill(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	const struct part all = {0, bounce->size};
	const bool skips = (bounce->how & IOMMU_DMA_SKIP_SYNC) != 0;
	unsigned char *head = bounce->head;
	const struct part at_head = head_of(dma, bounce);
	const struct part at_tail = tail_of(dma, bounce);

	if (head != NULL)
		head += (size_t)(bounce->paddr & dma_page_mask(dma));
	if (!skips || (bounce->how & IOMMU_DMA_FROM_DEVICE) != 0) {
		copy_part(dma, bounce, head, at_head, true);
		copy_part(dma, bounce, bounce->tail, at_tail, true);
	}
	write_back_pages(dma, bounce);
	if (!skips)
		move_middle(dma, bounce, all, true);
}

static unsigned char *block_of_our_own(struct iommu_dma *dma, const struct iommu_dma_device *device,
				       unsigned int order)
{
	const struct iommu_platform *platform = dma->platform;
	const unsigned int flags = dma_alloc_flags(device);

	if (dma_is_shared_only(device))
		return platform->alloc_shared(platform->ctx, order, IOMMU_NODE_ANY, flags,
					      UINT64_MAX);
	return platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, flags);
}

/* Does the host have such pages? */
static bool has_blocks_for(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	return !dma_is_shared_only(device) || dma->platform->alloc_shared != NULL;
}

/*
 * Up to what multiples a buffer is the device's alone, less one: beyond that our pages stand for
 * it.
 */
static uint64_t shared_grain(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			     unsigned int how)
{
	if (device->untrusted)
		return dma_page_mask(dma);
	if (dma_is_noncoherent(device) && (how & IOMMU_DMA_FROM_DEVICE) != 0)
		return dma->platform->cache_line_size - 1;
	return 0;
}

/* What is to be replaced by pages of ours: all of it, or its ends. */
struct replaced {
	bool whole, head, tail;
	unsigned int order; /* of what stands for the head, or all */
};

static struct replaced replaced_of(const struct iommu_dma *dma,
				   const struct iommu_dma_device *device, iommu_paddr_t paddr,
				   uint64_t size, unsigned int how)
{
	const uint64_t pages = dma_pages_of(dma, paddr, size);
	const uint64_t grain = shared_grain(dma, device, how);
	const bool cut = ((paddr + size) & grain) != 0;

	if (dma_is_replaced(device, how))
		return (struct replaced){true, true, false,
					 dma_host_order(dma, dma_order_of(pages))};
	return (struct replaced){
		.head = (paddr & grain) != 0 || (pages == 1 && cut),
		.tail = pages != 1 && cut,
		.order = dma_host_order(dma, 0),
	};
}

/* A record, with its pages, filled. It is in no tree yet. */
static int make(struct iommu_dma *dma, const struct iommu_dma_device *device, iommu_paddr_t paddr,
		uint64_t size, unsigned int how, struct dma_bounce **result)
{
	const struct replaced by = replaced_of(dma, device, paddr, size, how);
	struct dma_bounce *bounce;

	/* Of what is copied, no map would find out. */
	if (paddr + (size - 1) > dma->domain->paddr_last || by.order > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_ERANGE;
	if ((by.head || by.tail) && !has_blocks_for(dma, device))
		return IOMMU_EOPNOTSUPP;
	bounce = iommu_object_alloc(&dma->bounces, dma_alloc_flags(device));
	if (bounce == NULL)
		return IOMMU_ENOMEM;
	bounce->paddr = paddr;
	bounce->size = size;
	bounce->how = how;
	bounce->span = dma_pages_of(dma, paddr, size) << dma->page_shift;
	bounce->offset = paddr & dma_page_mask(dma);
	bounce->noncoherent = dma_is_noncoherent(device);
	bounce->is_shared = dma_is_shared_only(device);
	bounce->is_whole = by.whole;
	bounce->head_order = by.order;
	bounce->head = by.head ? block_of_our_own(dma, device, by.order) : NULL;
	bounce->tail = by.tail ? block_of_our_own(dma, device, dma_host_order(dma, 0)) : NULL;
	if ((by.head && bounce->head == NULL) || (by.tail && bounce->tail == NULL)) {
		free_bounce(dma, bounce);
		return IOMMU_ENOMEM;
	}
	fill(dma, bounce);
	*result = bounce;
	return 0;
}

/* --- Map -------------------------------------------------------------------------------------- */

/* Map the ends to our pages and what is between them to the buffer's. */
static int map_parts(struct iommu_dma *dma, const struct dma_bounce *bounce, uint64_t first,
		     unsigned int prot, uint64_t *mapped)
{
	const uint64_t pages = dma_pages_of(dma, bounce->paddr, bounce->size);
	const uint64_t middle = bounce->is_whole ? pages : bounce->head != NULL ? 1 : 0;
	const uint64_t stop = bounce->tail != NULL ? pages - 1 : pages;
	/* Our pages are shared, or not, whatever the buffer is. */
	const unsigned int own_prot = (prot & ~(unsigned int)IOMMU_PROT_SHARED) |
				      (bounce->is_shared ? IOMMU_PROT_SHARED : 0U);
	const struct {
		uint64_t at, count;
		void *own; /* NULL: the buffer */
	} parts[] = {
		{0, middle, bounce->head},
		{middle, stop - middle, NULL},
		{stop, pages - stop, bounce->tail},
	};
	unsigned int i;
	int status = 0;

	*mapped = 0;
	for (i = 0; i < 3 && status == 0; i++) {
		iommu_paddr_t paddr;

		if (parts[i].count == 0)
			continue;
		paddr = parts[i].own != NULL ? iommu_virt_to_phys(dma->platform, parts[i].own)
					     : (bounce->paddr & ~dma_page_mask(dma)) +
						       (parts[i].at << dma->page_shift);
		status = iommu_map(dma->domain, (first + parts[i].at) << dma->page_shift, paddr,
				   parts[i].count << dma->page_shift,
				   parts[i].own != NULL ? own_prot : prot);
		if (status == 0)
			*mapped += parts[i].count;
	}
	return status;
}

int iommu_dma_map_bounced(struct iommu_dma *dma, const struct iommu_dma_device *device,
			  iommu_paddr_t paddr, uint64_t size, unsigned int how, uint64_t *first)
{
	struct dma_hanging hanging = {.release = drop};
	struct dma_bounce *bounce = NULL;
	const uint64_t pages = dma_pages_of(dma, paddr, size);
	uint64_t mapped;
	int status = make(dma, device, paddr, size, how, &bounce);

	if (status != 0)
		return status;
	hanging.memory = bounce;
	status = iommu_dma_take_addresses(dma, device, pages, paddr, first);
	if (status != 0) {
		free_bounce(dma, bounce);
		return status;
	}
	status = map_parts(dma, bounce, *first, dma_map_prot(device, how, how), &mapped);
	if (status != 0) {
		iommu_dma_undo(dma, *first, mapped, pages, status, &hanging);
		return status;
	}
	bounce->start = *first << dma->page_shift;
	bounce_insert(dma, bounce);
	return 0;
}

#if IOMMU_CONFIG_DMA_SCATTER

/* One piece of a list in the pages from `first` on: by a record, at the end of those before it. */
static int map_listed(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      const struct iommu_dma_piece *piece, unsigned int how, uint64_t first,
		      struct dma_bounce ***end, uint64_t *mapped)
{
	struct dma_bounce *bounce = NULL;
	int status = make(dma, device, piece->paddr, piece->size, how, &bounce);

	*mapped = 0;
	if (status != 0)
		return status;
	bounce->is_listed = true;
	bounce->start = first << dma->page_shift;
	**end = bounce;
	*end = &bounce->next;
	return map_parts(dma, bounce, first, dma_map_prot(device, how, how), mapped);
}

int iommu_dma_map_list_bounced(struct iommu_dma *dma, const struct iommu_dma_device *device,
			       const struct iommu_dma_piece *pieces, unsigned int count,
			       unsigned int how, uint64_t first, uint64_t pages)
{
	struct dma_bounce *list = NULL;
	struct dma_bounce **end = &list;
	struct dma_hanging hanging = {.release = drop};
	uint64_t page = 0;
	unsigned int i;
	int status = 0;

	for (i = 0; i < count && status == 0; i++) {
		const uint64_t own = dma_pages_of(dma, pieces[i].paddr, pieces[i].size);
		uint64_t mapped = own;

		(void)dma_place_piece(dma, device, &pieces[i], &page);
		if (dma_needs_record(dma, device, pieces[i].paddr, pieces[i].size, how))
			status = map_listed(dma, device, &pieces[i], how, first + page, &end,
					    &mapped);
		else
			status = iommu_map(dma->domain, (first + page) << dma->page_shift,
					   pieces[i].paddr, own << dma->page_shift,
					   dma_map_prot(device, how, how));
		page += status == 0 ? own : mapped;
	}
	if (status == 0) {
		bounce_insert(dma, list);
		return 0;
	}
	hanging.memory = list;
	iommu_dma_undo(dma, first, page, pages, status, &hanging);
	return status;
}

#endif

#if IOMMU_CONFIG_DMA_DIRECT

/* A block where the device reaches it, in the place of all of a buffer. It is in no tree yet. */
static int make_whole(struct iommu_dma *dma, const struct iommu_dma_device *device,
		      iommu_paddr_t paddr, uint64_t size, struct dma_bounce **result)
{
	const uint64_t pages_needed = dma_pages_of(dma, paddr, size);
	const uint64_t aligned = device->alignment >> dma->page_shift;
	/* A block lies at a multiple of its size. */
	const unsigned int order =
		dma_host_order(dma, dma_order_of(pages_needed > aligned ? pages_needed : aligned));
	struct dma_bounce *bounce;
	void *pages = NULL;
	int status;

	if (order > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_ERANGE;
	if (!has_blocks_for(dma, device))
		return IOMMU_EOPNOTSUPP;
	bounce = iommu_object_alloc(&dma->bounces, dma_alloc_flags(device));
	if (bounce == NULL)
		return IOMMU_ENOMEM;
	bounce->paddr = paddr;
	bounce->size = size;
	bounce->span = IOMMU_PAGE_SIZE << order;
	bounce->offset = paddr & dma_page_mask(dma);
	bounce->noncoherent = dma_is_noncoherent(device);
	bounce->is_shared = dma_is_shared_only(device);
	bounce->is_whole = true;
	bounce->head_order = order;
	status = iommu_dma_pages_within(dma, device, order, dma_alloc_flags(device),
					device->shared_only, &pages);
	if (status != 0) {
		free_bounce(dma, bounce);
		return status;
	}
	bounce->head = pages;
	bounce->start = dma_address_of(dma, iommu_virt_to_phys(dma->platform, pages),
				       device->shared_only ? IOMMU_DMA_SHARED : 0);
	*result = bounce;
	return 0;
}

int iommu_dma_map_bounced_whole(struct iommu_dma *dma, const struct iommu_dma_device *device,
				iommu_paddr_t paddr, uint64_t size, unsigned int how,
				iommu_iova_t *address)
{
	struct dma_bounce *bounce;
	int status = make_whole(dma, device, paddr, size, &bounce);

	if (status != 0)
		return status;
	bounce->how = how;
	fill(dma, bounce);
	*address = address_of(bounce);
	bounce_insert(dma, bounce);
	return 0;
}

#if IOMMU_CONFIG_DMA_NONCOHERENT

/*
 * Buffers with the same bytes may be mapped more than once, and are alike then; a part of one must
 * not be, because nothing tells them apart by an address in both.
 */
static int insert_in_place(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const struct dma_bounce *other = bounce_find(dma, bounce->start, last_of(bounce));
	const bool fits =
		other == NULL || (other->start == bounce->start && other->span == bounce->span);

	if (fits)
		link_record(dma, bounce);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return fits ? 0 : IOMMU_EEXIST;
}

int iommu_dma_map_in_place(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   iommu_paddr_t paddr, uint64_t size, unsigned int how)
{
	struct dma_bounce *bounce;
	int status;

	/*
	 * What a device only reads may overlap, and takes no record: to write back is always right.
	 * But not what a device may write: its record would be found for both.
	 */
	if ((how & IOMMU_DMA_FROM_DEVICE) == 0) {
		if (dma_has_records(dma) && has_record(dma, dma_address_of(dma, paddr, how), size))
			return IOMMU_EEXIST;
		__atomic_store_n(&dma->writes_back, true, __ATOMIC_RELAXED);
		if ((how & IOMMU_DMA_SKIP_SYNC) == 0)
			dma_write_back(dma, paddr, size);
		return 0;
	}
	bounce = iommu_object_alloc(&dma->bounces, dma_alloc_flags(device));
	if (bounce == NULL)
		return IOMMU_ENOMEM;
	bounce->paddr = paddr;
	bounce->start = dma_address_of(dma, paddr, how);
	bounce->size = bounce->span = size;
	bounce->how = how;
	bounce->noncoherent = true;
	/* First: once it is in the tree it is not looked at outside the lock by this call. */
	fill(dma, bounce);
	status = insert_in_place(dma, bounce);
	if (status != 0)
		free_bounce(dma, bounce);
	return status;
}

#endif

int iommu_dma_alloc_aligned(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    uint64_t size, void **memory, iommu_iova_t *address)
{
	struct dma_bounce *bounce;
	/* In no direction: there is no buffer to copy from or to. */
	int status = make_whole(dma, device, 0, size, &bounce);

	if (status != 0)
		return status;
	if (memory != NULL)
		*memory = bounce->head;
	*address = bounce->start;
	bounce_insert(dma, bounce);
	return 0;
}

#endif

/* --- Unmap ------------------------------------------------------------------------------------ */

/*
 * In lazy mode a device may reach for a while what was unmapped: pages of ours must not be freed
 * meanwhile, but a buffer is the caller's.
 */
static bool may_be_lazy(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	for (; bounce != NULL && dma_is_lazy(dma); bounce = bounce->next)
		if (bounce->head != NULL || bounce->tail != NULL)
			return false;
	return dma_is_lazy(dma);
}

/*
 * Unmap what has records, all of a list at once. The bytes are moved when the device cannot change
 * them any more: now, or when that is confirmed.
 */
static int unmap_records(struct iommu_dma *dma, struct dma_bounce *bounce, uint64_t first,
			 uint64_t pages, unsigned int attributes)
{
	const bool lazy = may_be_lazy(dma, bounce);
	const struct dma_hanging hanging = {
		.release = (attributes & IOMMU_DMA_SKIP_SYNC) != 0 ? drop : finish,
		.memory = bounce,
	};
	int status = 0;

	if (lazy)
		status = iommu_dma_unmap_pages(dma, first, pages);
	else if (!dma_is_direct(dma))
		status = iommu_dma_unmap_strictly(dma, first, pages, &hanging);
	if (dma_is_unconfirmed(status) && !lazy)
		return status; /* it is withheld */
	if (status != 0 && !dma_is_unconfirmed(status)) {
		bounce_insert(dma, bounce);
		return status;
	}
	dma_release(dma, &hanging);
	return status;
}

bool iommu_dma_unmap_bounced(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			     unsigned int attributes, int *status)
{
	struct dma_bounce *bounce;

	*status = bounce_take(dma, address, size, &bounce);
	if (bounce != NULL)
		*status = unmap_records(dma, bounce, bounce->start >> dma->page_shift,
					bounce->span >> dma->page_shift, attributes);
	return *status != 0 || bounce != NULL;
}

#if IOMMU_CONFIG_DMA_SCATTER || IOMMU_CONFIG_DMA_NONCOHERENT

/*
 * The next record of a list, or a window, that takes these pages, out of the tree, or NULL.
 * IOMMU_ENOENT: there is one that is not of a list, or that has other pages, too.
 */
static int take_listed(struct iommu_dma *dma, iommu_iova_t first, iommu_iova_t last,
		       struct dma_bounce **result)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	struct dma_bounce *bounce = bounce_find(dma, first, last);
	int status = 0;

	if (bounce != NULL &&
	    (!bounce->is_listed || bounce->start < first || last_of(bounce) > last))
		status = IOMMU_ENOENT;
	else if (bounce != NULL)
		unlink_record(dma, bounce);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	*result = status == 0 ? bounce : NULL;
	return status;
}

/* All of them, in order, or none. IOMMU_ENOENT: as above. */
static int take_all_listed(struct iommu_dma *dma, iommu_iova_t first, iommu_iova_t last,
			   struct dma_bounce **list)
{
	struct dma_bounce **end = list;
	struct dma_bounce *bounce = NULL;
	int status;

	do {
		status = take_listed(dma, first, last, &bounce);
		*end = bounce;
		if (bounce == NULL)
			break;
		end = &bounce->next;
		first = last_of(bounce) + 1;
	} while (first != 0 && first <= last);
	*end = NULL;
	if (status != 0) {
		bounce_insert(dma, *list);
		*list = NULL;
	}
	return status;
}

#endif

#if IOMMU_CONFIG_DMA_SCATTER

bool iommu_dma_unmap_list_bounced(struct iommu_dma *dma, uint64_t first, uint64_t pages,
				  unsigned int attributes, int *status)
{
	const iommu_iova_t start = first << dma->page_shift;
	struct dma_bounce *list;

	*status = take_all_listed(dma, start, start + ((pages << dma->page_shift) - 1), &list);
	if (list != NULL)
		*status = unmap_records(dma, list, first, pages, attributes);
	return *status != 0 || list != NULL;
}

#endif

/* --- Windows ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_DMA_NONCOHERENT

int iommu_dma_link_recorded(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    iommu_iova_t start, iommu_paddr_t paddr, uint64_t size,
			    unsigned int how, bool tell)
{
	const struct replaced by = replaced_of(dma, device, paddr, size, how);
	const iommu_paddr_t page = paddr & ~dma_page_mask(dma);
	struct dma_bounce *bounce = NULL;
	const unsigned int prot = dma_map_prot(device, how, how);
	int status;

	if (by.head || by.tail)
		return IOMMU_EOPNOTSUPP;
	if (has_record(dma, start, dma_pages_of(dma, paddr, size) << dma->page_shift))
		return IOMMU_EEXIST;
	status = make(dma, device, paddr, size, how, &bounce);
	if (status != 0)
		return status;
	bounce->is_listed = true;
	bounce->start = start;
	status = tell ? iommu_map(dma->domain, start, page, bounce->span, prot)
		      : iommu_map_nosync(dma->domain, start, page, bounce->span, prot);
	if (status == 0)
		bounce_insert(dma, bounce);
	else
		free_bounce(dma, bounce);
	return status;
}

int iommu_dma_unlink_recorded(struct iommu_dma *dma, iommu_iova_t start, uint64_t size)
{
	struct dma_bounce *list, *bounce;
	int status;

	if (take_all_listed(dma, start, start + (size - 1), &list) != 0)
		return IOMMU_EINVAL;
	status = iommu_unmap(dma->domain, start, size, 0, NULL);
	if (status != 0) {
		bounce_insert(dma, list);
		return status;
	}
	for (; list != NULL; list = bounce) {
		bounce = list->next;
		if ((list->how & IOMMU_DMA_SKIP_SYNC) == 0)
			take_back(dma, list, (struct part){0, list->size});
		free_bounce(dma, list);
	}
	return 0;
}

#endif

/* --- Hand over and back ----------------------------------------------------------------------- */

/* The record that bytes from *address on are of, or the first after them; NULL: none is there. */
static const struct dma_bounce *find_locked(struct iommu_dma *dma, iommu_iova_t address,
					    iommu_iova_t last)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	const struct dma_bounce *bounce = bounce_find(dma, address, last);

	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return bounce;
}

/*
 * Bytes without a record, which a device that is not coherent may only read, where nothing
 * translates: see iommu_dma_map_in_place.
 */
static void sync_unrecorded(const struct iommu_dma *dma, iommu_iova_t address, iommu_iova_t last,
			    bool to_device)
{
#if IOMMU_CONFIG_DMA_NONCOHERENT
	const iommu_paddr_t paddr = dma_paddr_of(dma, address);

	if (to_device && dma_is_direct(dma) && paddr <= dma->pass_last &&
	    last - address <= dma->pass_last - paddr &&
	    __atomic_load_n(&dma->writes_back, __ATOMIC_RELAXED))
		dma_write_back(dma, paddr, last - address + 1);
#else
	(void)dma, (void)address, (void)last, (void)to_device;
#endif
}

/*
 * An element of a list may have several records, and bytes between them that need none; anything
 * else has one.
 */
static void sync_records(struct iommu_dma *dma, iommu_iova_t address, iommu_iova_t last,
			 bool to_device)
{
	const struct dma_bounce *bounce = find_locked(dma, address, last);

	while (bounce != NULL) {
		const iommu_iova_t start = address_of(bounce);
		const iommu_iova_t end = last_of(bounce);
		struct part part = {address > start ? address - start : 0, bounce->size};

		/* Beside the buffer, on one of its pages. */
		if (last < start || (address < start && address >= bounce->start))
			return;
		if (address < bounce->start)
			sync_unrecorded(dma, address, bounce->start - 1, to_device);
		if (last - start < bounce->size)
			part.stop = last - start + 1;
		part = common(part, (struct part){0, bounce->size});
		if (to_device)
			hand_over(dma, bounce, part);
		else
			take_back(dma, bounce, part);
		if (end >= last)
			return;
		address = end + 1;
		bounce = find_locked(dma, address, last);
	}
	sync_unrecorded(dma, address, last, to_device);
}

static void sync(struct iommu_dma *dma, iommu_iova_t address, uint64_t size, bool to_device)
{
	const iommu_iova_t last =
		size - 1 > UINT64_MAX - address ? UINT64_MAX : address + (size - 1);

	if (size == 0)
		return;
	if (dma_has_records(dma))
		sync_records(dma, address, last, to_device);
	else
		sync_unrecorded(dma, address, last, to_device);
}

#else
#define sync(dma, address, size, to_device) ((void)(dma), (void)(address), (void)(size))
#endif

void iommu_dma_sync_for_cpu(struct iommu_dma *dma, iommu_iova_t address, uint64_t size)
{
	iommu_dma_debug_sync(dma, address, size);
	sync(dma, address, size, false);
}

void iommu_dma_sync_for_device(struct iommu_dma *dma, iommu_iova_t address, uint64_t size)
{
	iommu_dma_debug_sync(dma, address, size);
	sync(dma, address, size, true);
}
