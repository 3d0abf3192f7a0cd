/* SPDX-License-Identifier: BSD-2-Clause */
/* A range of addresses as aligned blocks. */
#include "unit/range.h"

#include "base/bits.h"

unsigned int iommu_range_order(iommu_iova_t start, iommu_iova_t last)
{
	const uint64_t differing = (start ^ last) >> IOMMU_PAGE_SHIFT;

	return differing == 0 ? 0 : iommu_highest_bit(differing) + 1;
}

/* The largest aligned block that begins at a page and does not go beyond `last_page`. */
static unsigned int block_order(uint64_t page, uint64_t last_page, unsigned int largest)
{
	unsigned int order = iommu_highest_bit(last_page - page + 1);

	/* The lowest set bit of the page's number says how it is aligned. */
	if (page != 0 && iommu_highest_bit(page & (0 - page)) < order)
		order = iommu_highest_bit(page & (0 - page));
	return order < largest ? order : largest;
}

/* Blocks that together are the range; 0: more than IOMMU_BLOCKS_MAX would be needed. */
static unsigned int exact_blocks(iommu_iova_t start, iommu_iova_t last, unsigned int largest,
				 struct iommu_block blocks[IOMMU_BLOCKS_MAX])
{
	const uint64_t last_page = last >> IOMMU_PAGE_SHIFT;
	uint64_t page = start >> IOMMU_PAGE_SHIFT;
	unsigned int count;

	for (count = 0; count < IOMMU_BLOCKS_MAX; count++) {
		const unsigned int order = block_order(page, last_page, largest);

		blocks[count] = (struct iommu_block){page << IOMMU_PAGE_SHIFT, order};
		if (last_page - page < 1ULL << order)
			return count + 1;
		page += 1ULL << order;
	}
	return 0;
}

unsigned int iommu_range_blocks(iommu_iova_t start, iommu_iova_t last, unsigned int largest_order,
				struct iommu_block blocks[IOMMU_BLOCKS_MAX])
{
	const unsigned int order = iommu_range_order(start, last);
	const uint64_t pages = ((last - start) >> IOMMU_PAGE_SHIFT) + 1;
	const bool fits = order <= largest_order;
	unsigned int count = 0;

	if (!fits || 1ULL << order > 2 * pages)
		count = exact_blocks(start, last, largest_order, blocks);
	if (count != 0 || !fits)
		return count;
	blocks[0] = (struct iommu_block){start & ~((IOMMU_PAGE_SIZE << order) - 1), order};
	return 1;
}
