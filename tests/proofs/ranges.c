/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A range of addresses as blocks, for all ranges within the first or the last 2^BITS pages of 64
 * bits and all largest orders: every page of the range is in a block; more than one block are
 * exactly the range, each once; one block is no larger than the smallest that holds the range;
 * blocks are aligned, and no larger than allowed; everything is dropped only where no allowed
 * block holds the range; nothing wraps at the ends.
 */
#include "unit/range.c"

#include "proof.h"

static bool is_in(const struct iommu_block *block, uint64_t page)
{
	return page - (block->address >> 12) < 1ULL << block->order;
}

int main(void)
{
	/* The first, or the last, 2^BITS pages of all addresses. */
	const iommu_iova_t end = any_bool() ? ~((4096ULL << BITS) - 1) : 0;
	const iommu_iova_t start = end | (uint64_t)any_below(1U << BITS) << 12;
	const iommu_iova_t last = end | (uint64_t)any_below(1U << BITS) << 12 | 4095;
	const unsigned int largest = any_below(53);
	const uint64_t page = (end >> 12) | any_below(1U << BITS);
	const bool inside = page >= start >> 12 && page <= last >> 12;
	struct iommu_block blocks[IOMMU_BLOCKS_MAX];
	unsigned int count, covering = 0;

	ASSUME(start <= last);
	count = iommu_range_blocks(start, last, largest, blocks);
	CLAIM(count <= IOMMU_BLOCKS_MAX);
	for (unsigned int i = 0; i < count; i++) {
		CLAIM(blocks[i].order <= largest && blocks[i].order <= 52);
		CLAIM((blocks[i].address & ((4096ULL << blocks[i].order) - 1)) == 0 ||
		      blocks[i].order == 52);
		covering += is_in(&blocks[i], page);
	}
	if (count != 0 && inside)
		CLAIM(covering == 1);
	if (count > 1 && !inside)
		CLAIM(covering == 0);
	/* A single block is no larger than the smallest that holds the range. */
	if (count == 1)
		CLAIM(blocks[0].order <= iommu_range_order(start, last));
	/* Everything is dropped only where no block that is allowed holds the range. */
	if (count == 0)
		CLAIM(iommu_range_order(start, last) > largest);
	END();
	return 0;
}
