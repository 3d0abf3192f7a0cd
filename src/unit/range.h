/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A range of addresses as aligned blocks, which is what the commands of all families take: one
 * block where at least half of what it drops had to go; a few exact ones; one that drops too much;
 * or everything.
 */
#ifndef IOMMU_UNIT_RANGE_H
#define IOMMU_UNIT_RANGE_H

#include <libiommu/types.h>

/* 2^order pages at an address that is a multiple of that. */
struct iommu_block {
	iommu_iova_t address;
	unsigned int order;
};

/* Blocks that a range is invalidated in, before one larger block or the domain is cheaper. */
#define IOMMU_BLOCKS_MAX 4

/* The smallest aligned power of two of pages that holds [start, last], as an order. */
unsigned int iommu_range_order(iommu_iova_t start, iommu_iova_t last);

/*
 * Blocks of at most 2^largest_order pages that cover [start, last]: how many, at most
 * IOMMU_BLOCKS_MAX; 0: everything of the domain is cheaper.
 */
unsigned int iommu_range_blocks(iommu_iova_t start, iommu_iova_t last, unsigned int largest_order,
				struct iommu_block blocks[IOMMU_BLOCKS_MAX]);

#endif
