/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buffers that are not mapped at all: where the domain has a window through which memory is reached as it
 * is (iommu_domain_bypass), and a device that is trusted has the address bits for all of it.
 *
 * Such addresses lie beyond the domain's aperture, so an address says whether there is anything to unmap.
 */
#ifndef IOMMU_DMA_BYPASS_H
#define IOMMU_DMA_BYPASS_H

#include "dma/dma.h"

/* Does this buffer pass as it is, and at what address? */
static inline bool dma_bypasses(const struct iommu_dma *dma, const struct iommu_dma_device *device,
				iommu_paddr_t paddr, uint64_t size, iommu_iova_t *address)
{
	const struct iommu_domain *domain = dma->domain;
	iommu_iova_t offset;

	if (__builtin_expect(domain->bypass_size == 0, 1))
		return false;
	if (device->untrusted || iommu_domain_bypass(domain, device->mask, &offset) != 0 ||
	    paddr >= domain->bypass_size || size > domain->bypass_size - paddr ||
	    dma_crosses(device, offset + paddr, size))
		return false;
	*address = offset + paddr;
	return true;
}

/* Is this the address of one? */
static inline bool dma_is_bypass(const struct iommu_dma *dma, iommu_iova_t address)
{
	return __builtin_expect(dma->domain->bypass_size != 0, 0) &&
	       address - dma->domain->bypass_offset < dma->domain->bypass_size;
}

#endif
