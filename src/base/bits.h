/* SPDX-License-Identifier: BSD-2-Clause */
/* The highest and the lowest set bit of a number, without the compiler's run-time library. */
#ifndef IOMMU_BASE_BITS_H
#define IOMMU_BASE_BITS_H

#include <stdint.h>

/* Its position, 0 to 63; value is not 0. */
static inline unsigned int iommu_highest_bit(uint64_t value)
{
#if defined(__riscv) && !defined(__riscv_zbb)
	/* No instruction counts leading zeros, and the compiler would call a function. */
	unsigned int position = 0;
	unsigned int step;

	for (step = 32; step != 0; step /= 2)
		if (value >> step != 0) {
			value >>= step;
			position += step;
		}
	return position;
#else
	return 63 - (unsigned int)__builtin_clzll(value);
#endif
}

/* The same for the lowest. */
static inline unsigned int iommu_lowest_bit(uint64_t value)
{
	return iommu_highest_bit(value & -value);
}

#endif
