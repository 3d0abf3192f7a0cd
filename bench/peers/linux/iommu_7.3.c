/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's core: functions cut out of drivers/iommu/iommu.c. */
#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>

#include "dma_7.3.h"

#define trace_map(...)               ((void)0)
#define trace_unmap(...)             ((void)0)
#define iommu_debug_map(...)         ((void)0)
#define iommu_debug_unmap_begin(...) ((void)0)
#define iommu_debug_unmap_end(...)   ((void)0)

#include "iommu_functions.h"
