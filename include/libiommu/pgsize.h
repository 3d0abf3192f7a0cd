/* SPDX-License-Identifier: BSD-2-Clause */
/* Which page size serves a piece of a mapping best. */
#ifndef LIBIOMMU_PGSIZE_H
#define LIBIOMMU_PGSIZE_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/*
 * iommu_pgsize - the largest page that can map the start of a range, and how many of it in a row.
 *
 * @pgsize_bitmap: the page sizes on offer: bit n set means pages of 2^n bytes.
 * @iova, @paddr:  where the range starts, in bytes.
 * @size:          its length in bytes.
 * @pgsize:        receives the page size in bytes.
 * @count:         receives how many pages of that size to use before asking again: until the range
 *                 ends, or until a larger page would serve because both addresses reach the larger
 *                 page's alignment together and enough of the range is left.
 *
 * Mapping *count pages of *pgsize bytes, advancing by them and asking again covers a range with the
 * fewest pages that alignment permits. Only the part [iova, iova + size) that the caller vouches
 * for is considered: the addresses may end at the very top of the 64-bit space.
 *
 * Returns 0, or
 *   IOMMU_EINVAL     @pgsize_bitmap is 0; @size is smaller than its smallest page; or @iova or
 *                    @paddr is not aligned to the smallest page
 *   IOMMU_EOVERFLOW  @iova or @paddr plus @size - 1 wraps around the 64-bit space
 * with both outputs untouched. Pure function: no locks, any context.
 */
IOMMU_API int iommu_pgsize(uint64_t pgsize_bitmap, iommu_iova_t iova, iommu_paddr_t paddr,
			   uint64_t size, uint64_t *pgsize, uint64_t *count);

IOMMU_END_DECLS
#endif
