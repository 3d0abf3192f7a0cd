/* SPDX-License-Identifier: BSD-2-Clause */
/* Dirty bitmaps: checks and marking. */
#ifndef IOMMU_BASE_DIRTY_H
#define IOMMU_BASE_DIRTY_H

#include <libiommu/pgtable.h>
#include <libiommu/status.h>

/*
 * Check that a range consists of whole pages of the bitmap (NULL: there is none) and lies in it: 0,
 * IOMMU_EINVAL or IOMMU_EOVERFLOW.
 */
static inline int iommu_dirty_check(iommu_iova_t iova, uint64_t size,
				    const struct iommu_dirty_bitmap *bitmap)
{
	uint64_t page_mask;

	if (size == 0 || (bitmap != NULL && (bitmap->page_shift < 12 || bitmap->page_shift > 63)))
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova)
		return IOMMU_EOVERFLOW;
	if (bitmap == NULL)
		return 0;
	page_mask = (1ULL << bitmap->page_shift) - 1;
	if (((iova | size | bitmap->start) & page_mask) != 0 || iova < bitmap->start ||
	    (iova - bitmap->start + (size - 1)) >> bitmap->page_shift >= bitmap->bits)
		return IOMMU_EINVAL;
	return 0;
}

/* Mark every page that [start, last] touches; the range lies in the bitmap. */
static inline void iommu_dirty_mark(const struct iommu_dirty_bitmap *bitmap, iommu_iova_t start,
				    iommu_iova_t last)
{
	uint64_t bit = (start - bitmap->start) >> bitmap->page_shift;
	const uint64_t last_bit = (last - bitmap->start) >> bitmap->page_shift;

	for (; bit % 64 != 0 && bit <= last_bit; bit++)
		bitmap->words[bit / 64] |= 1ULL << bit % 64;
	for (; last_bit - bit >= 63 && bit <= last_bit; bit += 64)
		bitmap->words[bit / 64] = UINT64_MAX;
	for (; bit <= last_bit; bit++)
		bitmap->words[bit / 64] |= 1ULL << bit % 64;
}

#endif
