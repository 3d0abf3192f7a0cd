/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows: addresses that stay reserved while buffers are mapped and unmapped in them, by pages, or
 * linked byte by byte and told of at once.
 */
#include "base/log.h"
#include "dma/debug.h"

static int window_refuse(const struct iommu_dma *dma, const char *call, int status, const char *why)
{
	return iommu_log_refusal(dma->platform, call, "", why, status);
}

/* Does the handle look after the caches for it? */
static bool serves(const struct iommu_dma *dma, const struct iommu_dma_device *device)
{
	return !device->noncoherent || (DMA_LINKS_RECORDED && dma_host_serves(dma, device));
}

/* What a record is told of the device. */
static struct iommu_dma_device device_of(const struct iommu_dma_window *window)
{
	return (struct iommu_dma_device){
		.untrusted = window->untrusted,
		.noncoherent = window->noncoherent,
		.shared_only = window->shared_only,
	};
}

/* Whole pages. */
static int unmap(const struct iommu_dma_window *window, iommu_iova_t start, uint64_t size)
{
	return window->noncoherent ? iommu_dma_unlink_recorded(window->dma, start, size)
				   : iommu_unmap(window->dma->domain, start, size, 0, NULL);
}

int iommu_dma_window_create(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    uint64_t pages, struct iommu_dma_window *window)
{
	struct iommu_iova_request request = {
		.size = pages, .flags = dma_place_flags(dma) & ~(unsigned int)IOMMU_IOVA_ATOMIC};
	int status;

	if (iommu_dma_check_device(device) != 0 || pages == 0)
		return window_refuse(
			dma, IOMMU_CALL, IOMMU_EINVAL,
			IOMMU_WHY("no pages, or a boundary or alignment of the device makes no "
				  "sense"));
	if (dma_is_direct(dma))
		return window_refuse(dma, IOMMU_CALL, IOMMU_EOPNOTSUPP,
				     IOMMU_WHY("the handle maps nothing"));
	if (!serves(dma, device))
		return window_refuse(dma, IOMMU_CALL, IOMMU_EOPNOTSUPP,
				     IOMMU_WHY("the device does not see the CPU's caches, and the "
					       "host cannot write them back"));
	if (!iommu_dma_last_page(dma, device, &request.limit))
		return window_refuse(dma, IOMMU_CALL, IOMMU_ENOSPC,
				     IOMMU_WHY("the device's mask does not hold one page"));
	iommu_dma_want_place(dma, device, &request);
	*window = (struct iommu_dma_window){
		.dma = dma,
		.pages = pages,
		.size = pages << dma->page_shift,
		.untrusted = device->untrusted,
		.shared_only = device->shared_only,
		.noncoherent = device->noncoherent,
	};
	status = iommu_iova_alloc(dma->space, &request, &window->range);
	if (status == IOMMU_ENOSPC) {
		/*
		 * What is cached may be what is missing, or only a place be left where it fits by
		 * luck.
		 */
		iommu_iova_cache_drain(dma->cache);
		request.flags |= IOMMU_IOVA_EXACT;
		status = iommu_iova_alloc(dma->space, &request, &window->range);
	}
	if (status != 0)
		return window_refuse(
			dma, IOMMU_CALL, status,
			status == IOMMU_ENOSPC
				? IOMMU_WHY("no free range of so many pages below the mask")
				: "");
	window->start = window->range->first << dma->page_shift;
	iommu_dma_debug_map(dma, (struct dma_claim){.kind = DMA_WINDOW,
						    .address = window->start,
						    .size = pages << dma->page_shift,
						    .may_sleep = true});
	return 0;
}

/* --- In two steps ----------------------------------------------------------------------------- */

int iommu_dma_window_reserve(struct iommu_dma *dma, const struct iommu_dma_device *device,
			     iommu_paddr_t paddr, uint64_t size, struct iommu_dma_window *window)
{
	int status = iommu_dma_check_buffer(device, paddr, size, IOMMU_DMA_BIDIRECTIONAL);
	uint64_t first;

	if (status != 0)
		return status;
	if (dma_is_direct(dma) || (device->untrusted && dma_is_lazy(dma)) || !serves(dma, device))
		return IOMMU_EOPNOTSUPP;
	*window = (struct iommu_dma_window){
		.dma = dma,
		.pages = dma_pages_of(dma, paddr, size),
		.offset = paddr & dma_page_mask(dma),
		.size = size,
		.untrusted = device->untrusted,
		.shared_only = device->shared_only,
		.noncoherent = device->noncoherent,
	};
	status = iommu_dma_take_addresses(dma, device, window->pages, paddr & ~dma_page_mask(dma),
					  &first);
	if (status != 0)
		return status;
	window->start = first << dma->page_shift;
	iommu_dma_debug_map(dma, (struct dma_claim){.kind = DMA_WINDOW,
						    .address = window->start,
						    .size = window->pages << dma->page_shift,
						    .may_sleep = device->may_sleep});
	return 0;
}

/* The pages that bytes of a window lie on, from *start on, *size bytes. */
static int pages_of(const struct iommu_dma_window *window, uint64_t offset, uint64_t *start,
		    uint64_t *size)
{
	const uint64_t mask = dma_page_mask(window->dma);
	const uint64_t at = window->offset + offset;
	const uint64_t end = at + *size;

	if (*size == 0)
		return IOMMU_EINVAL;
	if (offset >= window->size || *size > window->size - offset)
		return IOMMU_ERANGE;
	/* Another piece could be on the same page. */
	if ((offset != 0 && (at & mask) != 0) ||
	    (offset + *size != window->size && (end & mask) != 0))
		return IOMMU_EINVAL;
	*start = window->start + (at & ~mask);
	*size = ((end + mask) & ~mask) - (at & ~mask);
	return 0;
}

static int check_link(const struct iommu_dma_window *window, iommu_paddr_t paddr, uint64_t size,
		      enum iommu_dma_direction direction, unsigned int attributes)
{
	static const struct iommu_dma_device any = {.mask = 0};
	int status = iommu_dma_check_buffer(&any, paddr, size, direction);

#if IOMMU_CONFIG_DMA_ATTRIBUTES
	if (status == 0 && attributes != 0)
		status = iommu_dma_check_attributes(window->dma, attributes);
#else
	if (status == 0 && attributes != 0)
		status = IOMMU_EOPNOTSUPP;
#endif
	/* There are no bounce pages here. */
	if (status == 0 && window->shared_only &&
	    (attributes & (IOMMU_DMA_SHARED | IOMMU_DMA_MMIO)) == 0)
		status = IOMMU_EOPNOTSUPP;
	if (status == 0 && window->untrusted && ((paddr | size) & dma_page_mask(window->dma)) != 0)
		status = IOMMU_EOPNOTSUPP;
	return status;
}

int iommu_dma_window_link(struct iommu_dma_window *window, uint64_t offset, iommu_paddr_t paddr,
			  uint64_t size, enum iommu_dma_direction direction,
			  unsigned int attributes)
{
	const uint64_t mask = dma_page_mask(window->dma);
	const unsigned int how = (unsigned int)direction | attributes;
	const struct iommu_dma_device device = device_of(window);
	const uint64_t bytes = size;
	uint64_t start = 0;
	int status = check_link(window, paddr, size, direction, attributes);

	if (status == 0)
		status = pages_of(window, offset, &start, &size);
	if (status != 0)
		return status;
	if (((window->offset + offset) & mask) != (paddr & mask))
		return IOMMU_EINVAL;
	if (window->noncoherent && (attributes & IOMMU_DMA_MMIO) == 0)
		return iommu_dma_link_recorded(window->dma, &device, start, paddr, bytes, how,
					       false);
	return iommu_map_nosync(window->dma->domain, start, paddr & ~mask, size,
				dma_prot_of(direction) | dma_prot_of_attributes(attributes));
}

int iommu_dma_window_tell(struct iommu_dma_window *window, uint64_t offset, uint64_t size)
{
	if (size == 0)
		return IOMMU_EINVAL;
	if (offset >= window->size || size > window->size - offset)
		return IOMMU_ERANGE;
	return iommu_sync_map(window->dma->domain, iommu_dma_window_address(window, offset), size);
}

int iommu_dma_window_unlink(struct iommu_dma_window *window, uint64_t offset, uint64_t size)
{
	uint64_t start = 0;
	int status = pages_of(window, offset, &start, &size);

	return status != 0 ? status : unmap(window, start, size);
}

/* --- By pages --------------------------------------------------------------------------------- */

static bool is_inside(const struct iommu_dma_window *window, uint64_t first, uint64_t count)
{
	return first < window->pages && count <= window->pages - first;
}

int iommu_dma_window_map(struct iommu_dma_window *window, uint64_t first, iommu_paddr_t paddr,
			 uint64_t count, enum iommu_dma_direction direction)
{
	const struct iommu_dma_device device = device_of(window);
	const unsigned int shift = window->dma->page_shift;
	const iommu_iova_t start = window->start + (first << shift);
	int status;

	if (!is_inside(window, first, count))
		return IOMMU_ERANGE;
	if (window->shared_only)
		return IOMMU_EOPNOTSUPP;
	if (!window->noncoherent)
		return iommu_map(window->dma->domain, start, paddr, count << shift,
				 dma_prot_of(direction));
	status = iommu_dma_check_buffer(&device, paddr, count << shift, direction);
	if (status == 0 && (paddr & dma_page_mask(window->dma)) != 0)
		status = IOMMU_EINVAL;
	if (status != 0)
		return status;
	return iommu_dma_link_recorded(window->dma, &device, start, paddr, count << shift,
				       direction, true);
}

int iommu_dma_window_unmap(struct iommu_dma_window *window, uint64_t first, uint64_t count)
{
	if (!is_inside(window, first, count))
		return IOMMU_ERANGE;
	return unmap(window, window->start + (first << window->dma->page_shift),
		     count << window->dma->page_shift);
}

int iommu_dma_window_destroy(struct iommu_dma_window *window)
{
	struct dma_mapping *noted;
	int status;

	if (window == NULL)
		return 0;
	/*
	 * Not counting, so all of the range is invalidated whether or not anything was mapped
	 * there: it also confirms what an earlier unmap could not.
	 */
	noted = iommu_dma_debug_unmap(
		window->dma, (struct dma_claim){.kind = DMA_WINDOW,
						.address = window->start,
						.size = window->pages << window->dma->page_shift});
	status = iommu_dma_window_unmap(window, 0, window->pages);
	iommu_dma_debug_unmap_end(window->dma, noted, status);
	if (status != 0)
		return status;
	if (window->range != NULL)
		iommu_iova_free(window->dma->space, window->range);
	else
		iommu_iova_cache_free_size(window->dma->cache,
					   window->start >> window->dma->page_shift, window->pages);
	*window = (struct iommu_dma_window){.dma = NULL};
	return 0;
}
