/* SPDX-License-Identifier: BSD-2-Clause */
/* Where it is noted what devices have written. */
#ifndef LIBIOMMU_DIRTY_H
#define LIBIOMMU_DIRTY_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

enum iommu_dirty_flags {
	/* It is read, and stays noted in the tables. */
	IOMMU_DIRTY_KEEP = 1 << 0,
};

/* A bit for each 2^page_shift bytes from `start` on. */
struct iommu_dirty_bitmap {
	uint64_t *words;
	iommu_iova_t start;      /* of bit 0: a multiple of that size */
	uint64_t bits;           /* room */
	unsigned int page_shift; /* 12 to 63 */
};

IOMMU_END_DECLS
#endif
