/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checking callers of the DMA mapping API (<libiommu/dma.h>, "Checking of drivers"): the hooks. In
 * a build without IOMMU_DMA_DEBUG they are empty.
 *
 * A mapping is recorded when it has been made, before its address is returned, and removed from the
 * records before it is unmapped: from then on its addresses may be another call's. An unmap that
 * failed restores the record.
 */
#ifndef IOMMU_DMA_DEBUG_H
#define IOMMU_DMA_DEBUG_H

#include "dma/dma.h"

enum dma_kind {
	DMA_BUFFER,
	DMA_LIST,
	DMA_SHARED,
	DMA_WINDOW,
	DMA_DOORBELL
};

struct dma_mapping;

/* What a call says that it maps or unmaps. */
struct dma_claim {
	enum dma_kind kind;
	iommu_iova_t address;
	uint64_t size;
	uint64_t memory;     /* physical; of shared memory the CPU's address */
	unsigned int pieces; /* of a list */
	bool may_sleep;
	struct dma_mapping *next; /* the list's next one */
};

#ifdef IOMMU_DMA_DEBUG
void iommu_dma_debug_create(struct iommu_dma *dma);
/* Reports what is still mapped. */
void iommu_dma_debug_destroy(struct iommu_dma *dma);
void iommu_dma_debug_map(struct iommu_dma *dma, struct dma_claim claim);
void iommu_dma_debug_map_list(struct iommu_dma *dma, const struct iommu_dma_device *device,
			      const struct iommu_dma_piece *pieces, unsigned int count,
			      unsigned int elements);
/* Reports what is wrong with the claim. To be followed by the end with what it returned. */
struct dma_mapping *iommu_dma_debug_unmap(struct iommu_dma *dma, struct dma_claim claim);
struct dma_mapping *iommu_dma_debug_unmap_list(struct iommu_dma *dma,
					       const struct iommu_dma_piece *pieces,
					       unsigned int count);
void iommu_dma_debug_unmap_end(struct iommu_dma *dma, struct dma_mapping *taken, int status);
void iommu_dma_debug_sync(struct iommu_dma *dma, iommu_iova_t address, uint64_t size);
/* What was noted as a buffer is of another kind. */
void iommu_dma_debug_set_kind(struct iommu_dma *dma, iommu_iova_t address, uint64_t size,
			      enum dma_kind kind);
#else
static inline void iommu_dma_debug_create(struct iommu_dma *dma)
{
	(void)dma;
}
static inline void iommu_dma_debug_destroy(struct iommu_dma *dma)
{
	(void)dma;
}
static inline void iommu_dma_debug_map(struct iommu_dma *dma, struct dma_claim claim)
{
	(void)dma, (void)claim;
}
static inline void iommu_dma_debug_map_list(struct iommu_dma *dma,
					    const struct iommu_dma_device *device,
					    const struct iommu_dma_piece *pieces,
					    unsigned int count, unsigned int elements)
{
	(void)dma, (void)device, (void)pieces, (void)count, (void)elements;
}
static inline struct dma_mapping *iommu_dma_debug_unmap(struct iommu_dma *dma,
							struct dma_claim claim)
{
	(void)dma, (void)claim;
	return NULL;
}
static inline struct dma_mapping *iommu_dma_debug_unmap_list(struct iommu_dma *dma,
							     const struct iommu_dma_piece *pieces,
							     unsigned int count)
{
	(void)dma, (void)pieces, (void)count;
	return NULL;
}
static inline void iommu_dma_debug_unmap_end(struct iommu_dma *dma, struct dma_mapping *taken,
					     int status)
{
	(void)dma, (void)taken, (void)status;
}
static inline void iommu_dma_debug_sync(struct iommu_dma *dma, iommu_iova_t address, uint64_t size)
{
	(void)dma, (void)address, (void)size;
}
static inline void iommu_dma_debug_set_kind(struct iommu_dma *dma, iommu_iova_t address,
					    uint64_t size, enum dma_kind kind)
{
	(void)dma, (void)address, (void)size, (void)kind;
}
#endif

#endif
