/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-size choice.
 *
 * A page of 2^n bytes fits where iova, paddr and length are all at least 2^n: the bits of the
 * bitmap up to the lowest set bit of (iova | paddr) and up to the highest set bit of the length
 * remain, and the highest of them is the page size. A larger page can only ever serve further on
 * when both addresses are the same distance from its alignment: when iova and paddr agree below its
 * size.
 */
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/bits.h"

/* All bits up to and including the highest set bit of value, which is not 0. */
static uint64_t mask_to_highest_bit(uint64_t value)
{
	return UINT64_MAX >> (63 - iommu_highest_bit(value));
}

/* All bits up to and including the lowest set bit of value; everything when value is 0. */
static uint64_t mask_to_lowest_bit(uint64_t value)
{
	return value ^ (value - 1);
}

/* Pages until a larger size serves, or all that fit when none does. */
static uint64_t pages_before_larger(uint64_t larger_sizes, iommu_iova_t iova, iommu_paddr_t paddr,
				    uint64_t size, unsigned int shift)
{
	uint64_t larger, offset;

	if (larger_sizes == 0)
		return size >> shift;
	larger = larger_sizes & -larger_sizes;
	if (((iova ^ paddr) & (larger - 1)) != 0)
		return size >> shift;
	offset = -iova & (larger - 1);
	/* The larger page must fit whole behind the offset. Written so that nothing can wrap. */
	if (offset >= size || size - offset < larger)
		return size >> shift;
	return offset >> shift;
}

int iommu_pgsize(uint64_t pgsize_bitmap, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		 uint64_t *pgsize, uint64_t *count)
{
	uint64_t fitting;
	unsigned int shift;

	if (pgsize_bitmap == 0 || size == 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova || size - 1 > UINT64_MAX - paddr)
		return IOMMU_EOVERFLOW;
	fitting = pgsize_bitmap & mask_to_highest_bit(size) & mask_to_lowest_bit(iova | paddr);
	if ((fitting & (pgsize_bitmap & -pgsize_bitmap)) == 0)
		return IOMMU_EINVAL;
	shift = iommu_highest_bit(fitting);
	*pgsize = 1ULL << shift;
	*count = pages_before_larger(pgsize_bitmap & ~(*pgsize | (*pgsize - 1)), iova, paddr, size,
				     shift);
	return 0;
}
