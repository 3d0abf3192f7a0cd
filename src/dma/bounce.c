/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounce buffers. For an untrusted device, the first and the last page of a buffer that does not
 * fill them are replaced by pages with no other contents, and the bytes are copied; what lies
 * between is mapped as it is. Where nothing translates, a buffer that the device cannot address is
 * replaced as a whole, by one block. The tree of bounced buffers is guarded by the lock of the DMA
 * object, see dma/dma.h.
 */
#include "dma/debug.h"

#if IOMMU_CONFIG_DMA_BOUNCE

struct dma_bounce {
	struct iommu_rb_node node;
	iommu_iova_t start; /* of its first page */
	iommu_paddr_t paddr;
	uint64_t size;
	unsigned int how;           /* see DMA_ATTRIBUTES; no direction: there is no buffer */
	unsigned char *head, *tail; /* our pages; NULL: the buffer fills its own */
	unsigned int head_order;    /* for the host's allocator; the tail is one page */
	bool is_whole;              /* the head stands for all of the buffer */
};

_Static_assert(sizeof(struct dma_bounce) <= DMA_BOUNCE_SIZE, "the object cache is made for it");

/* --- The bytes -------------------------------------------------------------------------------- */

/* How many bytes are on the first, and on the last page. */
static uint64_t head_size(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	const uint64_t room = (1ULL << dma->page_shift) - (bounce->paddr & dma_page_mask(dma));

	return bounce->is_whole || bounce->size < room ? bounce->size : room;
}

static uint64_t tail_size(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	return (bounce->paddr + bounce->size) & dma_page_mask(dma);
}

/* Bytes of a buffer, counted from its beginning. */
struct part {
	uint64_t start, stop;
};

/*
 * Copy what was asked for of one end, whose first byte is `own` on a page of ours. By pages: the
 * host promises of no more than one that the CPU sees it in one piece.
 */
static void copy_end(const struct iommu_dma *dma, const struct dma_bounce *bounce,
		     unsigned char *own, struct part end, struct part asked, bool to_device)
{
	const uint64_t stop = asked.stop < end.stop ? asked.stop : end.stop;
	uint64_t at = asked.start > end.start ? asked.start : end.start;

	while (at < stop) {
		const iommu_paddr_t paddr = bounce->paddr + at;
		const uint64_t room = dma_page_mask(dma) + 1 - (paddr & dma_page_mask(dma));
		const size_t size = (size_t)(stop - at < room ? stop - at : room);
		unsigned char *memory = iommu_phys_to_virt(dma->platform, paddr);
		unsigned char *copied = own + (size_t)(at - end.start);

		if (to_device)
			memcpy(copied, memory, size);
		else
			memcpy(memory, copied, size);
		at += size;
	}
}

static void copy(const struct iommu_dma *dma, const struct dma_bounce *bounce, uint64_t from,
		 uint64_t to, bool to_device)
{
	const struct part asked = {from, to};
	const struct part head = {0, head_size(dma, bounce)};
	const struct part tail = {bounce->size - tail_size(dma, bounce), bounce->size};

	if (bounce->head != NULL)
		copy_end(dma, bounce, bounce->head + (size_t)(bounce->paddr & dma_page_mask(dma)),
			 head, asked, to_device);
	if (bounce->tail != NULL)
		copy_end(dma, bounce, bounce->tail, tail, asked, to_device);
}

/* --- The tree --------------------------------------------------------------------------------- */

static struct dma_bounce *bounce_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct dma_bounce, node);
}

static void bounce_insert(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	struct iommu_rb_node *parent = NULL;
	struct iommu_rb_node *node = dma->bounced.root;
	bool right = false;

	while (node != NULL) {
		parent = node;
		right = bounce->start > bounce_of(node)->start;
		node = node->child[right];
	}
	iommu_rb_insert(&dma->bounced, iommu_rb_no_update, parent, right, &bounce->node);
	__atomic_store_n(&dma->bounced_count, dma->bounced_count + 1, __ATOMIC_RELEASE);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
}

/* Where the buffer itself begins. */
static iommu_iova_t address_of(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	return bounce->start + (bounce->paddr & dma_page_mask(dma));
}

/* The bounced buffer with a page that an address lies on, or NULL. Under the lock. */
static struct dma_bounce *bounce_find(struct iommu_dma *dma, iommu_iova_t address)
{
	struct iommu_rb_node *node = dma->bounced.root;

	while (node != NULL) {
		struct dma_bounce *bounce = bounce_of(node);
		const uint64_t pages = dma_pages_of(dma, bounce->paddr, bounce->size);

		if (address >= bounce->start &&
		    (address - bounce->start) >> dma->page_shift < pages)
			return bounce;
		node = node->child[address >= bounce->start];
	}
	return NULL;
}

/*
 * Take the buffer that is mapped just there out of the tree. IOMMU_ENOENT: none is, but another has
 * the page, which must not be unmapped under it.
 */
static int bounce_take(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
		       struct dma_bounce **result)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	struct dma_bounce *bounce = bounce_find(dma, address);
	int status = 0;

	if (bounce != NULL && (bounce->size != size || address_of(dma, bounce) != address)) {
		bounce = NULL;
		status = IOMMU_ENOENT;
	}
	if (bounce != NULL) {
		iommu_rb_remove(&dma->bounced, iommu_rb_no_update, &bounce->node);
		__atomic_store_n(&dma->bounced_count, dma->bounced_count - 1, __ATOMIC_RELEASE);
	}
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	*result = bounce;
	return status;
}

/* --- Map and unmap ---------------------------------------------------------------------------- */

static void free_bounce(struct iommu_dma *dma, struct dma_bounce *bounce)
{
	const struct iommu_platform *platform = dma->platform;

	if (bounce->head != NULL)
		platform->free_pages(platform->ctx, bounce->head, bounce->head_order);
	if (bounce->tail != NULL)
		platform->free_pages(platform->ctx, bounce->tail, dma_host_order(dma, 0));
	iommu_object_free(&dma->bounces, bounce);
}

/* Nothing of what a device wrote is wanted. */
static void drop(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	free_bounce(dma, hanging->memory);
}

/* The device cannot change the pages any more: what it wrote goes to the buffer first. */
static void finish(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	const struct dma_bounce *bounce = hanging->memory;

	if ((bounce->how & IOMMU_DMA_FROM_DEVICE) != 0)
		copy(dma, bounce, 0, bounce->size, false);
	drop(dma, hanging);
}

/*
 * What the device is to find there. Also where it only writes: what it leaves as it was is copied
 * back.
 */
static void fill(const struct iommu_dma *dma, const struct dma_bounce *bounce)
{
	if ((bounce->how & IOMMU_DMA_SKIP_SYNC) == 0 || (bounce->how & IOMMU_DMA_FROM_DEVICE) != 0)
		copy(dma, bounce, 0, bounce->size, true);
}

static unsigned char *page_of_our_own(struct iommu_dma *dma, unsigned int alloc_flags)
{
	return dma->platform->alloc_pages(dma->platform->ctx, dma_host_order(dma, 0),
					  IOMMU_NODE_ANY, alloc_flags);
}

static struct dma_bounce *make(struct iommu_dma *dma, iommu_paddr_t paddr, uint64_t size,
			       unsigned int how, unsigned int alloc_flags)
{
	struct dma_bounce *bounce = iommu_object_alloc(&dma->bounces, alloc_flags);
	const bool one_page = dma_pages_of(dma, paddr, size) == 1;
	const bool cut = ((paddr + size) & dma_page_mask(dma)) != 0;
	const bool head = (paddr & dma_page_mask(dma)) != 0 || (one_page && cut);
	const bool tail = !one_page && cut;

	if (bounce == NULL)
		return NULL;
	bounce->paddr = paddr;
	bounce->size = size;
	bounce->how = how;
	bounce->head_order = dma_host_order(dma, 0);
	bounce->head = head ? page_of_our_own(dma, alloc_flags) : NULL;
	bounce->tail = tail ? page_of_our_own(dma, alloc_flags) : NULL;
	if ((head && bounce->head == NULL) || (tail && bounce->tail == NULL)) {
		free_bounce(dma, bounce);
		return NULL;
	}
	return bounce;
}

/* Map the ends to our pages and what is between them to the buffer's. */
static int map_parts(struct iommu_dma *dma, const struct dma_bounce *bounce, uint64_t first,
		     unsigned int prot, uint64_t *mapped)
{
	const uint64_t pages = dma_pages_of(dma, bounce->paddr, bounce->size);
	const uint64_t middle = bounce->head != NULL ? 1 : 0;
	const uint64_t stop = bounce->tail != NULL ? pages - 1 : pages;
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
				   parts[i].count << dma->page_shift, prot);
		if (status == 0)
			*mapped += parts[i].count;
	}
	return status;
}

int iommu_dma_map_bounced(struct iommu_dma *dma, const struct iommu_dma_device *device,
			  iommu_paddr_t paddr, uint64_t size, unsigned int how, uint64_t *first)
{
	struct dma_bounce *bounce = make(dma, paddr, size, how, dma_alloc_flags(device));
	const struct dma_hanging hanging = {.release = drop, .memory = bounce};
	const uint64_t pages = dma_pages_of(dma, paddr, size);
	uint64_t mapped;
	int status;

	if (bounce == NULL)
		return IOMMU_ENOMEM;
	fill(dma, bounce);
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
	bounce = iommu_object_alloc(&dma->bounces, dma_alloc_flags(device));
	if (bounce == NULL)
		return IOMMU_ENOMEM;
	bounce->paddr = paddr;
	bounce->size = size;
	bounce->is_whole = true;
	bounce->head_order = order;
	status = iommu_dma_pages_within(dma, device, order, dma_alloc_flags(device), &pages);
	if (status != 0) {
		free_bounce(dma, bounce);
		return status;
	}
	bounce->head = pages;
	bounce->start = iommu_virt_to_phys(dma->platform, pages);
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
	*address = address_of(dma, bounce);
	bounce_insert(dma, bounce);
	return 0;
}

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

/*
 * The bytes are copied when the device cannot change them any more: now, or when that is confirmed.
 */
static int unmap(struct iommu_dma *dma, struct dma_bounce *bounce, unsigned int attributes)
{
	const struct dma_hanging hanging = {
		.release = (attributes & IOMMU_DMA_SKIP_SYNC) != 0 ? drop : finish,
		.memory = bounce,
	};
	int status = 0;

	if (!dma_is_direct(dma))
		status = iommu_dma_unmap_strictly(dma, bounce->start >> dma->page_shift,
						  dma_pages_of(dma, bounce->paddr, bounce->size),
						  &hanging);
	if (dma_is_unconfirmed(status))
		return status; /* it is withheld */
	if (status != 0) {
		bounce_insert(dma, bounce);
		return status;
	}
	dma_release(dma, &hanging);
	return 0;
}

bool iommu_dma_unmap_bounced(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			     unsigned int attributes, int *status)
{
	struct dma_bounce *bounce;

	*status = bounce_take(dma, address, size, &bounce);
	if (bounce != NULL)
		*status = unmap(dma, bounce, attributes);
	return *status != 0 || bounce != NULL;
}

/* --- Hand over and back ----------------------------------------------------------------------- */

static void sync(struct iommu_dma *dma, iommu_iova_t address, uint64_t size, bool to_device)
{
	const unsigned int way = to_device ? IOMMU_DMA_TO_DEVICE : IOMMU_DMA_FROM_DEVICE;
	const struct dma_bounce *bounce;
	uintptr_t state;
	uint64_t from;

	if (!dma_has_bounced(dma))
		return;
	state = iommu_spin_lock(dma->platform, &dma->lock);
	bounce = bounce_find(dma, address);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	if (bounce == NULL || (bounce->how & way) == 0)
		return;
	from = address - address_of(dma, bounce);
	if (from >= bounce->size)
		return; /* beside it, or before it: wrapped */
	if (size > bounce->size - from)
		size = bounce->size - from;
	copy(dma, bounce, from, from + size, to_device);
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
