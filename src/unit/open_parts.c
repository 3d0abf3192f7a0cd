/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of an address window that are open. */
#include "unit/open_parts.h"

int iommu_open_parts_create(struct iommu_open_parts *open, const struct iommu_platform *platform,
			    uint64_t limit)
{
	open->count = 0;
	return iommu_bitmap_create(&open->parts, platform, limit);
}

void iommu_open_parts_destroy(struct iommu_open_parts *open)
{
	if (open->parts.chunks != NULL)
		iommu_bitmap_destroy(&open->parts);
}

void iommu_open_parts_set(struct iommu_open_parts *open, uint64_t part, bool is_open)
{
	const bool was_open = iommu_bitmap_next_set(&open->parts, part, part + 1) == part;

	if (was_open == is_open)
		return;
	if (is_open)
		iommu_bitmap_set(&open->parts, part, 1);
	else
		iommu_bitmap_clear(&open->parts, part, 1);
	__atomic_store_n(&open->count, is_open ? open->count + 1 : open->count - 1,
			 __ATOMIC_RELAXED);
}
