/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest library that has the DMA mapping API, as scripts/sizes measures it: included before
 * everything by what test_small is made of, and by mutants that it alone can see.
 */
#define IOMMU_CONFIG_SCALABLE       0
#define IOMMU_CONFIG_INTERRUPTS     0
#define IOMMU_CONFIG_TAKE_OVER      0
#define IOMMU_CONFIG_DEVICE_TLB     0
#define IOMMU_CONFIG_REGISTERS      0
#define IOMMU_CONFIG_REGIONS        0
#define IOMMU_CONFIG_UNLIKE_UNITS   0
#define IOMMU_CONFIG_QUIRKS         0
#define IOMMU_CONFIG_SUSPEND        0
#define IOMMU_CONFIG_COUNTERS       0
#define IOMMU_CONFIG_TRACE          0
#define IOMMU_CONFIG_TABLE_TOOLS    0
#define IOMMU_CONFIG_FAULT_TEXTS    0
#define IOMMU_CONFIG_REASONS        0
#define IOMMU_CONFIG_LOG            0
#define IOMMU_CONFIG_NAMES          0
#define IOMMU_CONFIG_ENCRYPTION     0
#define IOMMU_CONFIG_DMA_SCATTER    0
#define IOMMU_CONFIG_DMA_BOUNCE     0
#define IOMMU_CONFIG_DMA_LAZY       0
#define IOMMU_CONFIG_DMA_DIRECT     0
#define IOMMU_CONFIG_DMA_PIECES     0
#define IOMMU_CONFIG_DMA_ATTRIBUTES 0
#define IOMMU_CONFIG_DMA_TUNING     0
#define IOMMU_CONFIG_IOVA_CACHES    0
#define IOMMU_CONFIG_IOAS           0
#define IOMMU_CONFIG_POWER          0
