/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that are not mapped at all: if the domain has a window to untranslated memory
 * (iommu_domain_bypass), and a trusted device has the address bits for all of it.
 *
 * Such addresses lie beyond the domain's aperture, so an address tells whether there is something
 * to unmap.
 */
#ifndef IOMMU_DMA_BYPASS_H
#define IOMMU_DMA_BYPASS_H

#include "dma/dma.h"

/* Does this buffer pass as it is, and at what address? */
static inline bool dma_bypasses(const struct iommu_dma *dma, const struct iommu_dma_device *device,
				iommu_paddr_t paddr, uint64_t size, iommu_iova_t *address)
{
	if (__builtin_expect(!dma_passes(dma), 1))
		return false;
	if (device->untrusted ||
	    (device->mask != 0 && device->mask < dma->pass_offset + dma->pass_last) ||
	    paddr > dma->pass_last || size - 1 > dma->pass_last - paddr ||
	    dma_crosses(device, dma->pass_offset + paddr, size) ||
	    !dma_is_aligned(dma, device, dma->pass_offset + paddr))
		return false;
	*address = dma->pass_offset + paddr;
	return true;
}

/* Is this the address of one? */
static inline bool dma_is_bypass(const struct iommu_dma *dma, iommu_iova_t address)
{
	return __builtin_expect(dma_passes(dma), 0) && address - dma->pass_offset <= dma->pass_last;
}

#endif
