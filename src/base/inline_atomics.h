/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic instructions in line, whatever flags the host compiles with.
 *
 * For AArch64 without LSE (ARMv8.0) compilers that target Linux turn every atomic read-modify-write
 * into a call of their run-time library, __aarch64_ldadd4_acq and the like, which a kernel does not
 * have. GCC can be told not to in the source. clang cannot, so that the built-in functions of which
 * the library makes use are written here for it, as load-exclusive/store-exclusive pairs. These
 * acquire and release whatever order is asked for, which is what a lock or a counter needs at most.
 * They are in assembly because nothing may be stored between the two of a pair, and without
 * optimisation a compiler would spill registers there.
 *
 * To be included wherever such a built-in function is used; the compile matrix finds where it is
 * missing.
 */
#ifndef IOMMU_BASE_INLINE_ATOMICS_H
#define IOMMU_BASE_INLINE_ATOMICS_H

#if defined(__aarch64__) && !defined(__ARM_FEATURE_ATOMICS)
#ifdef __clang__

#include <stdbool.h>
#include <stdint.h>

/*
 * One pair until it succeeds: `old` is what was there, OPERATION makes `fresh` of it and `value`.
 */
#define IOMMU_EXCLUSIVE(name, type, w, operation)                                                  \
	static inline type name(void *cell, type value)                                            \
	{                                                                                          \
		type old, fresh;                                                                   \
		uint32_t failed;                                                                   \
                                                                                                   \
		__asm__ volatile("1: ldaxr %" w "0, [%3]\n" operation "stlxr %w2, %" w "1, [%3]\n" \
				 "cbnz %w2, 1b\n"                                                  \
				 "dmb ish"                                                         \
				 : "=&r"(old), "=&r"(fresh), "=&r"(failed)                         \
				 : "r"(cell), "r"(value)                                           \
				 : "memory");                                                      \
		return old;                                                                        \
	}
IOMMU_EXCLUSIVE(iommu_exclusive_swap_32, uint32_t, "w", "mov %w1, %w4\n")
IOMMU_EXCLUSIVE(iommu_exclusive_swap_64, uint64_t, "x", "mov %x1, %x4\n")
IOMMU_EXCLUSIVE(iommu_exclusive_add_32, uint32_t, "w", "add %w1, %w0, %w4\n")
IOMMU_EXCLUSIVE(iommu_exclusive_add_64, uint64_t, "x", "add %x1, %x0, %x4\n")

#define IOMMU_EXCLUSIVE_COMPARE(name, type, w)                                                     \
	static inline bool name(void *cell, void *expected, type desired)                          \
	{                                                                                          \
		type old, before = *(type *)expected;                                              \
		uint32_t failed;                                                                   \
                                                                                                   \
		__asm__ volatile("1: ldaxr %" w "0, [%2]\n"                                        \
				 "cmp %" w "0, %" w "3\n"                                          \
				 "b.ne 2f\n"                                                       \
				 "stlxr %w1, %" w "4, [%2]\n"                                      \
				 "cbnz %w1, 1b\n"                                                  \
				 "2: dmb ish"                                                      \
				 : "=&r"(old), "=&r"(failed)                                       \
				 : "r"(cell), "r"(before), "r"(desired)                            \
				 : "memory", "cc");                                                \
		*(type *)expected = old;                                                           \
		return old == before;                                                              \
	}
IOMMU_EXCLUSIVE_COMPARE(iommu_exclusive_compare_32, uint32_t, "w")
IOMMU_EXCLUSIVE_COMPARE(iommu_exclusive_compare_64, uint64_t, "x")

/* No pair is narrower, and none of these may be used on a byte: that does not compile. */
#define IOMMU_EXCLUSIVE_IS_WIDE(cell) ((void)sizeof(char[sizeof(*(cell)) >= 4 ? 1 : -1]))
#define IOMMU_EXCLUSIVE_FETCH(cell, operation, value)                                              \
	(IOMMU_EXCLUSIVE_IS_WIDE(cell),                                                            \
	 (__typeof__(*(cell)))(sizeof(*(cell)) == 8                                                \
				       ? iommu_exclusive_##operation##_64((cell),                  \
									  (uint64_t)(value))       \
				       : iommu_exclusive_##operation##_32(                         \
						 (cell), (uint32_t)(uintptr_t)(value))))
#define __atomic_exchange_n(cell, value, order) IOMMU_EXCLUSIVE_FETCH(cell, swap, value)
#define __atomic_fetch_add(cell, value, order)  IOMMU_EXCLUSIVE_FETCH(cell, add, value)
#define __atomic_fetch_sub(cell, value, order)  IOMMU_EXCLUSIVE_FETCH(cell, add, -(uint64_t)(value))
#define __atomic_add_fetch(cell, value, order)                                                     \
	((__typeof__(*(cell)))(__atomic_fetch_add(cell, value, order) + (value)))
#define __atomic_sub_fetch(cell, value, order)                                                     \
	((__typeof__(*(cell)))(__atomic_fetch_sub(cell, value, order) - (value)))
#define __atomic_compare_exchange_n(cell, expected, desired, weak, success, failure)               \
	(IOMMU_EXCLUSIVE_IS_WIDE(cell),                                                            \
	 sizeof(*(cell)) == 8                                                                      \
		 ? iommu_exclusive_compare_64((cell), (expected), (uint64_t)(desired))             \
		 : iommu_exclusive_compare_32((cell), (expected), (uint32_t)(uintptr_t)(desired)))

#else
#pragma GCC target "no-outline-atomics"
#endif
#endif
#endif
