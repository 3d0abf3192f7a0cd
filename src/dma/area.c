/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared memory in pieces: if the host has no block that is large enough, separate pages are mapped
 * at consecutive addresses, for the device by the domain, and for the CPU by the host. And memory
 * that a device that is not coherent shares, of one piece or more, which the host maps for the CPU
 * past its caches; where nothing translates, that is one block.
 *
 * The DMA object has a list of allocated areas, under its lock. An area has two holders, each of
 * which may be the last: the mapping, which may be withheld when the caller frees the area, and the
 * call that frees it, which first removes the CPU's addresses. The last one frees the pages, so
 * that the host gets no page back while the device or the CPU has an address for it.
 */
#include "dma/dma.h"

#if IOMMU_CONFIG_DMA_PIECES

struct dma_area {
	struct iommu_list_node link;
	iommu_iova_t address;
	uint64_t pages;                    /* of the domain */
	void *memory;                      /* the CPU's address, or NULL: it has none */
	struct iommu_memory_piece *pieces; /* in order of addresses */
	uint32_t holders;                  /* atomic */
	bool noncoherent;                  /* the device is */
	bool is_shared;                    /* with the host of a confidential guest: one block */
};

_Static_assert(sizeof(struct dma_area) <= DMA_AREA_SIZE, "the object cache is made for it");

static void hold(struct dma_area *area)
{
	__atomic_add_fetch(&area->holders, 1, __ATOMIC_RELAXED);
}

/* Leave no line of the pieces in the CPU caches. */
static void clean(const struct iommu_dma *dma, const struct dma_area *area)
{
	const struct iommu_memory_piece *piece;

	for (piece = area->pieces; piece != NULL && area->noncoherent; piece = piece->next) {
		const iommu_paddr_t paddr = iommu_virt_to_phys(dma->platform, piece->memory);

		dma_write_back(dma, paddr, IOMMU_PAGE_SIZE << piece->order);
		dma_invalidate(dma, paddr, IOMMU_PAGE_SIZE << piece->order);
	}
}

static void area_put(struct iommu_dma *dma, struct dma_area *area)
{
	struct iommu_memory_piece *piece;

	if (__atomic_sub_fetch(&area->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	clean(dma, area);
	while ((piece = area->pieces) != NULL) {
		area->pieces = piece->next;
		dma_free_block(dma, piece->memory, piece->order, area->is_shared);
		iommu_object_free(&dma->pieces, piece);
	}
	iommu_object_free(&dma->areas, area);
}

static void hanging_release(struct iommu_dma *dma, const struct dma_hanging *hanging)
{
	area_put(dma, hanging->memory);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* A block of the host as a piece, or NULL. */
static struct iommu_memory_piece *piece_new(struct iommu_dma *dma, unsigned int order)
{
	const struct iommu_platform *platform = dma->platform;
	struct iommu_memory_piece *piece = iommu_object_alloc(&dma->pieces, 0);

	if (piece == NULL)
		return NULL;
	piece->order = order;
	piece->memory = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (piece->memory != NULL)
		return piece;
	iommu_object_free(&dma->pieces, piece);
	return NULL;
}

/*
 * As few pieces as the host has blocks for, the largest first: so each lies at a multiple of its
 * size from the beginning, and large pages can map it.
 */
static int gather(struct iommu_dma *dma, struct dma_area *area)
{
	struct iommu_memory_piece **end = &area->pieces;
	uint64_t left = area->pages;
	unsigned int order = iommu_highest_bit(left);

	while (left != 0) {
		while (left >> order == 0)
			order--;
		*end = piece_new(dma, dma_host_order(dma, order));
		if (*end == NULL && order-- == 0)
			return IOMMU_ENOMEM;
		if (*end == NULL)
			continue;
		end = &(*end)->next;
		left -= 1ULL << order;
	}
	return 0;
}

#if IOMMU_CONFIG_DMA_DIRECT
static int block_within(struct iommu_dma *dma, const struct iommu_dma_device *device,
			unsigned int order, bool shared, void **memory)
{
	return device->untrusted ? IOMMU_EOPNOTSUPP
				 : iommu_dma_pages_within(dma, device, order, 0, shared, memory);
}

static bool crosses_needlessly(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			       const struct dma_area *area)
{
	return iommu_dma_crosses_needlessly(dma, device, area->address,
					    area->pages << dma->page_shift);
}
#else
static int block_within(struct iommu_dma *dma, const struct iommu_dma_device *device,
			unsigned int order, bool shared, void **memory)
{
	(void)dma, (void)device, (void)order, (void)shared, (void)memory;
	return IOMMU_EOPNOTSUPP;
}

static bool crosses_needlessly(const struct iommu_dma *dma, const struct iommu_dma_device *device,
			       const struct dma_area *area)
{
	(void)dma, (void)device, (void)area;
	return false;
}
#endif

static int block_for(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     unsigned int order, bool shared, void **memory)
{
	const struct iommu_platform *platform = dma->platform;

	if (dma_is_direct(dma))
		return block_within(dma, device, order, shared, memory);
	*memory = platform->alloc_shared(platform->ctx, order, IOMMU_NODE_ANY, 0, UINT64_MAX);
	return *memory != NULL ? 0 : IOMMU_ENOMEM;
}

/*
 * One block, as one piece: where the device reaches it if nothing translates, and for a shared one.
 */
static int gather_block(struct iommu_dma *dma, const struct iommu_dma_device *device,
			struct dma_area *area)
{
	const uint64_t aligned = dma_is_direct(dma) ? device->alignment >> dma->page_shift : 0;
	/* A block lies at a multiple of its size. */
	const unsigned int order =
		dma_host_order(dma, dma_order_of(aligned > area->pages ? aligned : area->pages));
	struct iommu_memory_piece *piece = iommu_object_alloc(&dma->pieces, 0);
	int status;

	if (piece == NULL)
		return IOMMU_ENOMEM;
	status = block_for(dma, device, order, area->is_shared, &piece->memory);
	if (status != 0) {
		iommu_object_free(&dma->pieces, piece);
		return status;
	}
	piece->order = order;
	area->pieces = piece;
	if (!dma_is_direct(dma))
		return 0;
	area->address = dma_address_of(dma, iommu_virt_to_phys(dma->platform, piece->memory),
				       area->is_shared ? IOMMU_DMA_SHARED : 0);
	return crosses_needlessly(dma, device, area) ? IOMMU_ENOSPC : 0;
}

/* All pieces together: where nothing translates, more than was asked for. */
static uint64_t bytes_of(const struct dma_area *area)
{
	const struct iommu_memory_piece *piece;
	uint64_t bytes = 0;

	for (piece = area->pieces; piece != NULL; piece = piece->next)
		bytes += IOMMU_PAGE_SIZE << piece->order;
	return bytes;
}

typedef void *(*mapper)(void *ctx, const struct iommu_memory_piece *pieces, uint64_t size);

static mapper mapper_of(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	return dma_is_noncoherent(device) ? dma->platform->map_uncached : dma->platform->map_pieces;
}

static int map_for_cpu(struct iommu_dma *dma, struct dma_area *area, mapper map)
{
	/* The CPU has an address for it already. */
	if (area->is_shared) {
		area->memory = area->pieces->memory;
		return 0;
	}
	area->memory = map(dma->platform->ctx, area->pieces, bytes_of(area));
	return area->memory != NULL ? 0 : IOMMU_ENOMEM;
}

static void unmap_for_cpu(struct iommu_dma *dma, struct dma_area *area)
{
	const struct iommu_platform *platform = dma->platform;

	if (area->memory != NULL && !area->is_shared)
		(area->noncoherent ? platform->unmap_uncached : platform->unmap_pieces)(
			platform->ctx, area->memory, bytes_of(area));
	area->memory = NULL;
}

/* --- The device ------------------------------------------------------------------------------- */

#define CHUNK 32 /* pieces that are handed on at once */

static int map_pieces(struct iommu_dma *dma, const struct dma_area *area, uint64_t first,
		      unsigned int prot, uint64_t *mapped)
{
	const struct iommu_memory_piece *piece = area->pieces;
	int status = 0;

	*mapped = 0;
	while (piece != NULL && status == 0) {
		struct iommu_map_piece chunk[CHUNK];
		uint64_t bytes = 0;
		unsigned int i;

		for (i = 0; i < CHUNK && piece != NULL; i++, piece = piece->next) {
			chunk[i].paddr = iommu_virt_to_phys(dma->platform, piece->memory);
			chunk[i].size = IOMMU_PAGE_SIZE << piece->order;
			/* A block may be larger than what was asked for. */
			if (chunk[i].size > (area->pages << dma->page_shift) - bytes)
				chunk[i].size = (area->pages << dma->page_shift) - bytes;
			bytes += chunk[i].size;
		}
		status = iommu_map_sg(dma->domain, (first + *mapped) << dma->page_shift, chunk, i,
				      prot, NULL);
		if (status == 0)
			*mapped += bytes >> dma->page_shift;
	}
	return status;
}

/* With a holder of its own from when addresses are taken. */
static int map_for_device(struct iommu_dma *dma, const struct iommu_dma_device *device,
			  struct dma_area *area, unsigned int prot)
{
	const struct dma_hanging hanging = {.release = hanging_release, .memory = area};
	const iommu_paddr_t paddr = iommu_virt_to_phys(dma->platform, area->pieces->memory);
	uint64_t first, mapped;
	int status = iommu_dma_take_addresses(dma, device, area->pages, paddr, &first);

	if (status != 0)
		return status;
	hold(area);
	area->address = first << dma->page_shift;
	status = map_pieces(dma, area, first, prot, &mapped);
	if (status != 0)
		iommu_dma_undo(dma, first, mapped, area->pages, status, &hanging);
	return status;
}

/* --- Alloc and free --------------------------------------------------------------------------- */

static void area_insert(struct iommu_dma *dma, struct dma_area *area)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);

	iommu_list_insert(&dma->areas_in_use, &area->link);
	iommu_spin_unlock(dma->platform, &dma->lock, state);
}

/* Take the area at an address out of the list, if it is that one; *found: there is one. */
static struct dma_area *area_take(struct iommu_dma *dma, const void *memory, iommu_iova_t address,
				  uint64_t pages, bool *found)
{
	uintptr_t state = iommu_spin_lock(dma->platform, &dma->lock);
	struct dma_area *area = NULL;
	struct iommu_list_node *node;

	*found = false;
	iommu_list_for_each (node, &dma->areas_in_use) {
		area = iommu_container_of(node, struct dma_area, link);
		*found = address >= area->address &&
			 (address - area->address) >> dma->page_shift < area->pages;
		if (*found)
			break;
	}
	if (*found && area->address == address && area->pages == pages && area->memory == memory)
		iommu_list_remove(&area->link);
	else
		area = NULL;
	iommu_spin_unlock(dma->platform, &dma->lock, state);
	return area;
}

/* Can there be an area at all? */
static int check(const struct iommu_dma *dma, const struct iommu_dma_device *device, uint64_t pages,
		 bool shared, bool for_cpu)
{
	uint64_t last;

	if (!dma_host_serves(dma, device) ||
	    (shared && (device->noncoherent || dma->platform->alloc_shared == NULL)))
		return IOMMU_EOPNOTSUPP;
	/* Rather than ask for all of the host's memory in vain. */
	if (!dma_is_direct(dma) && (!iommu_dma_last_page(dma, device, &last) || pages > last))
		return IOMMU_ENOSPC;
	if (!for_cpu || shared || mapper_of(dma, device) != NULL)
		return 0;
	return dma_is_noncoherent(device) ? IOMMU_EOPNOTSUPP : IOMMU_ENOMEM;
}

/* Its memory, and the addresses of the CPU and the device. */
static int make(struct iommu_dma *dma, const struct iommu_dma_device *device, struct dma_area *area,
		unsigned int prot, bool for_cpu)
{
	int status = dma_is_direct(dma) || area->is_shared ? gather_block(dma, device, area)
							   : gather(dma, area);

	if (status == 0)
		clean(dma, area);
	if (status == 0 && for_cpu)
		status = map_for_cpu(dma, area, mapper_of(dma, device));
	if (status == 0 && !dma_is_direct(dma))
		status = map_for_device(dma, device, area, prot);
	else if (status == 0)
		hold(area);
	return status;
}

int iommu_dma_alloc_area(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 uint64_t pages, unsigned int prot, void **memory, iommu_iova_t *address)
{
	const bool shared =
		IOMMU_CONFIG_ENCRYPTION && (device->shared_only || (prot & IOMMU_PROT_SHARED) != 0);
	struct dma_area *area;
	int status = check(dma, device, pages, shared, memory != NULL);

	if (status != 0)
		return status;
	area = iommu_object_alloc(&dma->areas, 0);
	if (area == NULL)
		return IOMMU_ENOMEM;
	area->pages = pages;
	area->noncoherent = dma_is_noncoherent(device);
	area->is_shared = shared;
	hold(area);
	status = make(dma, device, area, shared ? prot | IOMMU_PROT_SHARED : prot, memory != NULL);
	if (status != 0) {
		unmap_for_cpu(dma, area);
		area_put(dma, area);
		return status;
	}
	*address = area->address;
	if (memory != NULL)
		*memory = area->memory;
	area_insert(dma, area);
	return 0;
}

bool iommu_dma_free_area(struct iommu_dma *dma, const void *memory, iommu_iova_t address,
			 uint64_t pages, int *status)
{
	bool found;
	struct dma_area *area = area_take(dma, memory, address, pages, &found);
	const struct dma_hanging hanging = {.release = hanging_release, .memory = area};

	*status = IOMMU_ENOENT;
	if (area == NULL)
		return found;
	*status = dma_is_direct(dma) ? 0
				     : iommu_dma_unmap_strictly(dma, address >> dma->page_shift,
								pages, &hanging);
	if (*status != 0 && !dma_is_unconfirmed(*status)) {
		area_insert(dma, area);
		return true;
	}
	unmap_for_cpu(dma, area);
	if (*status == 0)
		dma_release(dma, &hanging);
	area_put(dma, area);
	return true;
}

#endif
