/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of an address window that are open (confirmation.h): something in them may lead where it
 * led before. For hardware and hypervisors that are told of each entry by itself, where everything
 * is never invalidated at once: each part stays open until it is confirmed.
 *
 * Parts are marked under the caller's lock; whether there are any is asked without it.
 */
#ifndef IOMMU_UNIT_OPEN_PARTS_H
#define IOMMU_UNIT_OPEN_PARTS_H

#include "base/bitmap.h"
#include "base/inline_atomics.h"

struct iommu_open_parts {
	struct iommu_bitmap parts;
	uint32_t count; /* of those that are open. Atomic */
};

/* IOMMU_ENOMEM, or as iommu_bitmap_create. */
int iommu_open_parts_create(struct iommu_open_parts *open, const struct iommu_platform *platform,
			    uint64_t limit);
void iommu_open_parts_destroy(struct iommu_open_parts *open);
/* A part is open from now on, or confirmed. */
void iommu_open_parts_set(struct iommu_open_parts *open, uint64_t part, bool is_open);

static inline bool iommu_open_parts_any(const struct iommu_open_parts *open)
{
	return __atomic_load_n(&open->count, __ATOMIC_RELAXED) != 0;
}

#endif
