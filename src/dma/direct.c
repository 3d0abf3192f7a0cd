/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA handles where nothing is mapped: a buffer's address is its physical address, or, through a
 * domain's bypass, that at the offset of the bypass. What a device asks of addresses is asked of
 * the sum. A buffer that it cannot address, or that crosses one of its boundaries, is bounced as a
 * whole.
 *
 * Nothing is searched for, mapped or invalidated, so nothing is ever withheld. Only bounced buffers
 * are recorded: for any other buffer an unmap has nothing to do, and cannot know whether it was
 * mapped.
 */
#include "dma/dma.h"

#if IOMMU_CONFIG_DMA_DIRECT

/* The last byte of memory that the device reaches. False: none, or not one page. */
static bool find_last(const struct iommu_dma *dma, const struct iommu_dma_device *device,
		      iommu_paddr_t *last)
{
	const iommu_iova_t mask = device->mask != 0 ? device->mask : UINT64_MAX;

	if (mask < dma->pass_offset || mask - dma->pass_offset < dma_page_mask(dma))
		return false;
	*last = mask - dma->pass_offset < dma->pass_last ? mask - dma->pass_offset : dma->pass_last;
	return true;
}

/*
 * One that it is larger than, in pages, is one of elements: the driver's to heed.
 */
bool iommu_dma_crosses_needlessly(const struct iommu_dma *dma,
				  const struct iommu_dma_device *device, iommu_iova_t address,
				  uint64_t size)
{
	return dma_pages_of(dma, address, size) <= device->boundary >> dma->page_shift &&
	       dma_crosses(device, address, size);
}

int iommu_dma_pages_within(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   unsigned int order, unsigned int alloc_flags, bool shared, void **result)
{
	const struct iommu_platform *platform = dma->platform;
	const unsigned int how = shared ? IOMMU_DMA_SHARED : 0;
	iommu_paddr_t paddr, last;
	void *pages;

	if (!find_last(dma, device, &last))
		return IOMMU_ENOSPC;
	if (shared)
		pages = platform->alloc_shared(platform->ctx, order, IOMMU_NODE_ANY, alloc_flags,
					       last);
	else if (platform->alloc_pages_below != NULL && last != UINT64_MAX)
		pages = platform->alloc_pages_below(platform->ctx, order, IOMMU_NODE_ANY,
						    alloc_flags, last);
	else
		pages = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, alloc_flags);
	if (pages == NULL)
		return IOMMU_ENOMEM;
	paddr = iommu_virt_to_phys(platform, pages) | dma_bits(dma, how);
	if (paddr > last || last - paddr < (IOMMU_PAGE_SIZE << order) - 1 ||
	    !dma_is_aligned(dma, device, dma->pass_offset + paddr)) {
		dma_free_block(dma, pages, order, shared);
		return IOMMU_ENOSPC;
	}
	*result = pages;
	return 0;
}

/* --- One buffer ------------------------------------------------------------------------------- */

int iommu_dma_map_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			 iommu_paddr_t paddr, uint64_t size, unsigned int how,
			 iommu_iova_t *address)
{
	const iommu_paddr_t last = paddr + (size - 1);
	const iommu_iova_t first = dma_address_of(dma, paddr, how);
	const bool registers = (how & IOMMU_DMA_MMIO) != 0;
	iommu_paddr_t reached = 0;
	int status = 0;

	if (device->untrusted || !dma_host_serves(dma, device) || (registers && dma->passes_memory))
		return IOMMU_EOPNOTSUPP;
	if (last > dma->pass_last)
		return IOMMU_ERANGE;
	if (!find_last(dma, device, &reached) || (last | dma_bits(dma, how)) > reached ||
	    dma_is_replaced(device, how) ||
	    iommu_dma_crosses_needlessly(dma, device, first, size) ||
	    !dma_is_aligned(dma, device, first) ||
	    (!registers && dma_shares_lines(dma, device, paddr, size, how)))
		return registers ? IOMMU_EOPNOTSUPP
				 : iommu_dma_map_bounced_whole(dma, device, paddr, size, how,
							       address);
	if (dma_is_noncoherent(device) && !registers)
		status = iommu_dma_map_in_place(dma, device, paddr, size, how);
	if (status == 0)
		*address = first;
	return status;
}

int iommu_dma_unmap_direct(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			   unsigned int attributes)
{
	int status = 0;

	if (dma_has_records(dma))
		(void)iommu_dma_unmap_bounced(dma, address, size, attributes, &status);
	return status;
}

/* --- Shared memory ---------------------------------------------------------------------------- */

static unsigned int order_of(const struct iommu_dma *dma, uint64_t size)
{
	return dma_order_of(dma_pages_of(dma, 0, size));
}

int iommu_dma_alloc_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			   uint64_t size, void **memory, iommu_iova_t *address)
{
	const unsigned int order = order_of(dma, size);
	iommu_iova_t found;
	void *pages = NULL;
	int status;

	if (device->untrusted)
		return IOMMU_EOPNOTSUPP;
	if (device->alignment > IOMMU_PAGE_SIZE << order && device->alignment <= DMA_BLOCK_MAX)
		return iommu_dma_alloc_aligned(dma, device, size, memory, address);
	status = iommu_dma_pages_within(dma, device, order, 0, false, &pages);
	if (status != 0)
		return status;
	found = dma_address_of(dma, iommu_virt_to_phys(dma->platform, pages), 0);
	/* Blocks that are larger than DMA_BLOCK_MAX lie at multiples of no more than that. */
	if (iommu_dma_crosses_needlessly(dma, device, found, size)) {
		dma->platform->free_pages(dma->platform->ctx, pages, order);
		return IOMMU_ENOSPC;
	}
	if (memory != NULL)
		*memory = pages;
	*address = found;
	return 0;
}

int iommu_dma_free_direct(struct iommu_dma *dma, void *memory, iommu_iova_t address, uint64_t size)
{
	const struct iommu_platform *platform = dma->platform;
	int status;

	if (dma_paddr_of(dma, address) > dma->pass_last)
		return IOMMU_ENOENT;
	/* Of memory that the CPU needs no address for. */
	if (memory == NULL)
		memory = iommu_phys_to_virt(platform, dma_paddr_of(dma, address));
	if (address != dma_address_of(dma, iommu_virt_to_phys(platform, memory), 0))
		return IOMMU_ENOENT;
	if (dma_has_records(dma) && iommu_dma_unmap_bounced(dma, address, size, 0, &status))
		return status;
	platform->free_pages(platform->ctx, memory, order_of(dma, size));
	return 0;
}

/* --- Limits ----------------------------------------------------------------------------------- */

uint64_t iommu_dma_max_size_direct(const struct iommu_dma *dma,
				   const struct iommu_dma_device *device)
{
	iommu_paddr_t last;

	if (device->alignment > DMA_BLOCK_MAX || !find_last(dma, device, &last))
		return 0;
	/* Up to a boundary that no block is larger than, all that crosses it can be bounced. */
	if (last == dma->pass_last && !dma_is_noncoherent(device) && !dma_is_shared_only(device) &&
	    device->alignment <= IOMMU_PAGE_SIZE &&
	    device->boundary <= (IOMMU_CONFIG_DMA_BOUNCE ? DMA_BLOCK_MAX : 0))
		return UINT64_MAX;
	if (!IOMMU_CONFIG_DMA_BOUNCE)
		return 0;
	/* Wherever in its first page it begins. */
	return DMA_BLOCK_MAX - (IOMMU_PAGE_SIZE - 1);
}

/* --- Scattered ones --------------------------------------------------------------------------- */

/* Each piece is an element: one that was bounced is found by its own address again. */
static int map_piece(struct iommu_dma *dma, const struct iommu_dma_device *device,
		     struct iommu_dma_piece *piece, unsigned int how)
{
	int status =
		iommu_dma_map_direct(dma, device, piece->paddr, piece->size, how, &piece->address);

	if (status != 0)
		return status;
	piece->length = piece->size;
	if (!dma_crosses(device, piece->address, piece->length))
		return 0;
	(void)iommu_dma_unmap_direct(dma, piece->address, piece->size, IOMMU_DMA_SKIP_SYNC);
	return IOMMU_EINVAL;
}

int iommu_dma_map_sg_direct(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    struct iommu_dma_piece *pieces, unsigned int count, unsigned int how,
			    unsigned int *elements)
{
	unsigned int done;

	for (done = 0; done < count; done++) {
		int status = map_piece(dma, device, &pieces[done], how);

		if (status == 0)
			continue;
		(void)iommu_dma_unmap_sg_direct(dma, pieces, done, IOMMU_DMA_SKIP_SYNC);
		pieces[0].length = 0; /* not mapped: unmap finds nothing in it */
		return status;
	}
	*elements = count;
	return 0;
}

int iommu_dma_unmap_sg_direct(struct iommu_dma *dma, const struct iommu_dma_piece *pieces,
			      unsigned int count, unsigned int attributes)
{
	unsigned int i;
	int first = 0;

	if (count == 0 || pieces[0].length == 0)
		return IOMMU_ENOENT;
	for (i = 0; i < count; i++) {
		int status =
			iommu_dma_unmap_direct(dma, pieces[i].address, pieces[i].size, attributes);

		if (first == 0)
			first = status;
	}
	return first;
}

#endif
