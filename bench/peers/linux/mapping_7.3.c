/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's DMA API, as drivers call it: functions cut out of kernel/dma/mapping.c. */
#include <linux/iommu.h>

#include "dma_7.3.h"

#define arch_dma_map_phys_direct(device, end)   ((void)(end), false)
#define arch_dma_unmap_phys_direct(device, end) ((void)(end), false)
#define arch_dma_map_sg_direct(device, sg, n)   ((void)(n), false)
#define arch_dma_unmap_sg_direct(device, sg, n) ((void)(n), false)
#define dma_direct_map_phys(...)                DMA_MAPPING_ERROR
#define dma_direct_unmap_phys(...)              ((void)0)
#define dma_direct_map_sg(...)                  0
#define dma_direct_unmap_sg(...)                ((void)0)
#define dev_dma_ops_bypass(device)              false
#define dma_direct_get_required_mask(device)    0
#define kmsan_handle_dma(...)                   ((void)0)
#define kmsan_handle_dma_sg(...)                ((void)0)
#define trace_dma_map_phys(...)                 ((void)0)
#define trace_dma_unmap_phys(...)               ((void)0)
#define trace_dma_map_sg(...)                   ((void)0)
#define trace_dma_map_sg_err(...)               ((void)0)
#define trace_dma_unmap_sg(...)                 ((void)0)
#define debug_dma_map_phys(...)                 ((void)0)
#define debug_dma_unmap_phys(...)               ((void)0)
#define debug_dma_map_sg(...)                   ((void)0)
#define debug_dma_unmap_sg(...)                 ((void)0)

struct dma_map_ops {
	dma_addr_t (*map_phys)(struct device *device, phys_addr_t phys, size_t size,
			       enum dma_data_direction dir, unsigned long attrs);
	void (*unmap_phys)(struct device *device, dma_addr_t at, size_t size,
			   enum dma_data_direction dir, unsigned long attrs);
	int (*map_sg)(struct device *device, struct scatterlist *sg, int count,
		      enum dma_data_direction dir, unsigned long attrs);
	void (*unmap_sg)(struct device *device, struct scatterlist *sg, int count,
			 enum dma_data_direction dir, unsigned long attrs);
};

#include "mapping_functions.h"
