/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a performance counter has counted. Hardware's count is narrower than the library's, and
 * tells of an overflow by a value below the last one, and by a bit that stays until it is cleared.
 */
#ifndef IOMMU_UNIT_COUNT_H
#define IOMMU_UNIT_COUNT_H

#include <libiommu/types.h>

struct iommu_count {
	uint64_t events, last; /* the library's; and hardware's, at the last look */
	unsigned int width;    /* of hardware's, in bits: 1 to 64 */
	bool is_added;         /* of the overflow that its bit tells of, or will tell */
};

/*
 * Add what hardware has gained, up to a value. `overflowed`: the bit was set, and was cleared
 * before the value was read. The bit alone tells where the count has come round to the last value
 * or beyond; and it is of an overflow that was added already where is_added says so. The caller's
 * lock.
 */
static inline void iommu_count_add(struct iommu_count *count, uint64_t value, bool overflowed)
{
	const bool was_added = count->is_added;
	const bool wraps = value < count->last;

	count->events += value - count->last;
	if (wraps || (overflowed && !was_added))
		count->events += (UINT64_MAX >> (64 - count->width)) + 1;
	count->last = value;
	count->is_added = overflowed ? was_added && wraps : was_added || wraps;
}

#endif
