/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dividing the DMA window of bridges before POWER8 (IODA1), of which all PEs have parts: it is cut
 * into segments of 256 MiB of bus addresses, and a PE gets some that adjoin.
 *
 * Pure functions: no memory, no locks, any context.
 */
#ifndef LIBIOMMU_TCE_SHARE_H
#define LIBIOMMU_TCE_SHARE_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_tce_share {
	unsigned int first, count; /* segments; count 0: none */
};

/*
 * iommu_tce_weight - how much of a window a device will want, by its PCI class (24 bits: class,
 * subclass, interface): a bridge nothing, slow USB controllers little, RAID controllers much. The
 * weight of a PE is the sum of its devices'.
 */
IOMMU_API unsigned int iommu_tce_weight(uint32_t class_code);

/*
 * iommu_tce_divide - give all segments to `count` PEs, by weight: each that has one gets at least a
 * segment, in order, and is off its exact part of the rest by no more than one.
 *
 * @segments: 1 to 4096. @weights: their sum is below 2^20. A PE with weight 0 gets none; while all
 * have it, none gets any. Returns 0, IOMMU_EINVAL (see above), or IOMMU_ENOSPC: more PEs with a
 * weight than segments.
 */
IOMMU_API int iommu_tce_divide(unsigned int segments, const unsigned int *weights,
			       unsigned int count, struct iommu_tce_share *shares);

IOMMU_END_DECLS
#endif
