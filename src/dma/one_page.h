/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shortest way of a buffer that lies on one page, of a device for which that is all there is to
 * do: an address of the CPU's cache, one store, and back. Each step, where it is not as usual,
 * leaves the call to the way of all buffers (dma.c), before anything has happened or at the point
 * where it is.
 */
#ifndef IOMMU_DMA_ONE_PAGE_H
#define IOMMU_DMA_ONE_PAGE_H

#include "dma/dma.h"
#include "group/map_page.h"
#include "iova/cache.h"
#include "iova/space.h"

#define DMA_HAS_ONE_PAGE (IOMMU_CONFIG_ONE_PAGE && IOMMU_CONFIG_IOVA_CACHES)

/* What the shortest way leaves to others has no part in its frame. */
#if DMA_HAS_ONE_PAGE
#define DMA_OUT_OF_LINE __attribute__((noinline))
#else
#define DMA_OUT_OF_LINE
#endif

#if DMA_HAS_ONE_PAGE

static inline void dma_one_page_init(struct iommu_dma *dma)
{
	const uint64_t last = dma->domain->aperture_last >> dma->page_shift;
	const bool low_first = (dma_place_flags(dma) & IOMMU_IOVA_LOW_FIRST) != 0;

	dma->near_last = low_first && last > dma->space->low_last ? dma->space->low_last : last;
	dma->maps_pages_alone = !dma_passes(dma) && dma->domain->page_ops != NULL;
	dma->unmaps_pages_alone = dma->maps_pages_alone && !dma_is_lazy(dma);
}

/* Does a range of bytes lie on one page? Not if it is empty, or wraps. */
static inline bool dma_is_on_one_page(const struct iommu_dma *dma, uint64_t address, uint64_t size)
{
	return size - 1 <= (~address & dma_page_mask(dma));
}

/*
 * Its limits make sense and do not matter to one page, and it needs no care. In sums, for which
 * the compiler makes one branch each.
 */
static inline bool dma_is_undemanding(const struct iommu_dma_device *device)
{
	const uint64_t limits = (device->mask & (device->mask + 1)) |
				(device->boundary & (device->boundary - 1)) | device->alignment;

	return limits == 0 && !(device->untrusted || device->noncoherent || device->shared_only);
}

/*
 * Is anything withheld? What is withheld while a call is under way is not covered by what the call
 * invalidates.
 */
static inline bool dma_withholds(const struct iommu_dma *dma)
{
	return __atomic_load_n(&dma->withheld_count, __ATOMIC_ACQUIRE) != 0;
}

/* The last page that is near and that the device reaches: mask 0 means any. */
static inline uint64_t dma_near_limit(const struct iommu_dma *dma,
				      const struct iommu_dma_device *device)
{
	const uint64_t reached = (device->mask - 1) >> dma->page_shift;

	return reached < dma->near_last ? reached : dma->near_last;
}

/*
 * 2^order pages for an undemanding device, from what the CPU has cached. False: not this way, and
 * nothing has happened.
 */
static inline __attribute__((always_inline)) bool
dma_take_cached(const struct iommu_dma *dma, const struct iommu_dma_device *device,
		unsigned int order, uint64_t *first)
{
	const struct iommu_iova_cache *cache = dma->cache;
	unsigned int cpu;

	if (__builtin_expect(cache->masks, 0))
		return iommu_iova_cache_take_masked(cache, order, dma_near_limit(dma, device),
						    first);
	/* Before anything that would have to be kept while the host is asked. */
	cpu = iova_this_cpu(cache);
	return iova_cache_take(cache, cpu, order, dma_near_limit(dma, device), first);
}

static inline __attribute__((always_inline)) bool
dma_give_cached(const struct iommu_dma *dma, uint64_t first, unsigned int order)
{
	if (__builtin_expect(dma->cache->masks, 0))
		return iommu_iova_cache_give_masked(dma->cache, first, order);
	return iova_cache_give(dma->cache, iova_this_cpu(dma->cache), first, order);
}

/* The same for a list of so many pages. */
static inline bool dma_take_list(const struct iommu_dma *dma, const struct iommu_dma_device *device,
				 uint64_t pages, uint64_t *first)
{
	return pages <= DMA_CACHED_PAGES && dma_is_undemanding(device) && !dma_withholds(dma) &&
	       dma_take_cached(dma, device, dma_order_of(pages), first);
}

#else

static inline void dma_one_page_init(struct iommu_dma *dma)
{
	(void)dma;
}

static inline bool dma_take_list(const struct iommu_dma *dma, const struct iommu_dma_device *device,
				 uint64_t pages, uint64_t *first)
{
	(void)dma, (void)device, (void)pages, (void)first;
	return false;
}

#endif

#endif
