/* SPDX-License-Identifier: BSD-2-Clause */
/* What the three files of the peer's DMA path call of each other. */
#ifndef LINUX_DMA_7_3_H
#define LINUX_DMA_7_3_H

#include <linux/iommu.h>

/* kernel/dma/mapping.c */
dma_addr_t dma_map_phys(struct device *device, phys_addr_t phys, size_t size,
			enum dma_data_direction dir, unsigned long attrs);
void dma_unmap_phys(struct device *device, dma_addr_t at, size_t size, enum dma_data_direction dir,
		    unsigned long attrs);
unsigned int dma_map_sg_attrs(struct device *device, struct scatterlist *sg, int count,
			      enum dma_data_direction dir, unsigned long attrs);
void dma_unmap_sg_attrs(struct device *device, struct scatterlist *sg, int count,
			enum dma_data_direction dir, unsigned long attrs);

/* drivers/iommu/dma-iommu.c */
dma_addr_t iommu_dma_map_phys(struct device *device, phys_addr_t phys, size_t size,
			      enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_unmap_phys(struct device *device, dma_addr_t at, size_t size,
			  enum dma_data_direction dir, unsigned long attrs);
int iommu_dma_map_sg(struct device *device, struct scatterlist *sg, int count,
		     enum dma_data_direction dir, unsigned long attrs);
void iommu_dma_unmap_sg(struct device *device, struct scatterlist *sg, int count,
			enum dma_data_direction dir, unsigned long attrs);

/* drivers/iommu/iommu.c */
struct iommu_domain *iommu_get_dma_domain(struct device *device);
phys_addr_t iommu_iova_to_phys(struct iommu_domain *domain, dma_addr_t iova);
int iommu_map(struct iommu_domain *domain, unsigned long iova, phys_addr_t phys, size_t size,
	      int prot, gfp_t gfp);
int iommu_map_nosync(struct iommu_domain *domain, unsigned long iova, phys_addr_t phys, size_t size,
		     int prot, gfp_t gfp);
int iommu_sync_map(struct iommu_domain *domain, unsigned long iova, size_t size);
size_t iommu_unmap(struct iommu_domain *domain, unsigned long iova, size_t size);
size_t iommu_unmap_fast(struct iommu_domain *domain, unsigned long iova, size_t size,
			struct iommu_iotlb_gather *gather);
ssize_t iommu_map_sg(struct iommu_domain *domain, unsigned long iova, struct scatterlist *sg,
		     unsigned int count, int prot, gfp_t gfp);

#endif
