/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: addresses that stay reserved while buffers are mapped and unmapped in them. */
#include "base/log.h"
#include "dma/debug.h"

static int window_refuse(const struct iommu_dma *dma, const char *call, int status, const char *why)
{
	return iommu_log_refusal(dma->platform, call, "", why, status);
}

int iommu_dma_window_create(struct iommu_dma *dma, const struct iommu_dma_device *device,
			    uint64_t pages, struct iommu_dma_window *window)
{
	struct iommu_iova_request request = {.size = pages, .flags = IOMMU_IOVA_LOW_FIRST};
	int status;

	if (iommu_dma_check_device(device) != 0 || pages == 0)
		return window_refuse(
			dma, IOMMU_CALL, IOMMU_EINVAL,
			IOMMU_WHY("no pages, or a boundary or alignment of the device makes no "
				  "sense"));
	if (dma_is_direct(dma))
		return window_refuse(dma, IOMMU_CALL, IOMMU_EOPNOTSUPP,
				     IOMMU_WHY("nothing translates for the handle"));
	if (!iommu_dma_last_page(dma, device, &request.limit))
		return window_refuse(dma, IOMMU_CALL, IOMMU_ENOSPC,
				     IOMMU_WHY("the device's mask does not hold one page"));
	iommu_dma_want_place(dma, device, &request);
	*window = (struct iommu_dma_window){.dma = dma, .pages = pages};
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

static bool is_inside(const struct iommu_dma_window *window, uint64_t first, uint64_t count)
{
	return first < window->pages && count <= window->pages - first;
}

int iommu_dma_window_map(struct iommu_dma_window *window, uint64_t first, iommu_paddr_t paddr,
			 uint64_t count, enum iommu_dma_direction direction)
{
	if (!is_inside(window, first, count))
		return IOMMU_ERANGE;
	return iommu_map(window->dma->domain, window->start + (first << window->dma->page_shift),
			 paddr, count << window->dma->page_shift, dma_prot_of(direction));
}

int iommu_dma_window_unmap(struct iommu_dma_window *window, uint64_t first, uint64_t count)
{
	if (!is_inside(window, first, count))
		return IOMMU_ERANGE;
	return iommu_unmap(window->dma->domain, window->start + (first << window->dma->page_shift),
			   count << window->dma->page_shift, 0, NULL);
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
	iommu_iova_free(window->dma->space, window->range);
	*window = (struct iommu_dma_window){.dma = NULL};
	return 0;
}
