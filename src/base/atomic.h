/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic access to 64-bit table entries and counters.
 *
 * Entries are shared with hardware and with other CPUs, so that each load and store must be single
 * and whole. On 64-bit hosts these are plain instructions. On i386 a 64-bit move is two, and the
 * compiler would call a run-time library that a freestanding host does not have: there everything
 * is built from the one 64-bit atomic instruction that exists, CMPXCHG8B.
 */
#ifndef IOMMU_BASE_ATOMIC_H
#define IOMMU_BASE_ATOMIC_H

#include <libiommu/types.h>

#include "base/inline_atomics.h"

/*
 * All loads and stores before are seen before all loads and stores after, by CPUs and by hardware.
 * The thread sanitizer does not model fences and says so; what they order here is atomic in itself.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void iommu_full_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#if defined(__i386__)

static inline uint64_t iommu_cell_load(const iommu_cell_t *cell)
{
	/* Compare with 0 and write 0: changes nothing, returns the value. */
	return __sync_val_compare_and_swap((iommu_cell_t *)(uintptr_t)cell, 0, 0);
}

static inline uint64_t iommu_cell_load_acquire(const iommu_cell_t *cell)
{
	return iommu_cell_load(cell);
}

static inline bool iommu_cell_compare_and_swap(iommu_cell_t *cell, uint64_t expected,
					       uint64_t desired)
{
	return __sync_bool_compare_and_swap(cell, expected, desired);
}

static inline void iommu_cell_store(iommu_cell_t *cell, uint64_t value)
{
	uint64_t old = 0;
	uint64_t seen;

	while ((seen = __sync_val_compare_and_swap(cell, old, value)) != old)
		old = seen;
}

static inline void iommu_cell_store_release(iommu_cell_t *cell, uint64_t value)
{
	iommu_cell_store(cell, value);
}

static inline uint64_t iommu_cell_add(iommu_cell_t *cell, uint64_t value)
{
	uint64_t old = 0;
	uint64_t seen;

	while ((seen = __sync_val_compare_and_swap(cell, old, old + value)) != old)
		old = seen;
	return old;
}

#else

static inline uint64_t iommu_cell_load(const iommu_cell_t *cell)
{
	return __atomic_load_n(cell, __ATOMIC_RELAXED);
}

static inline uint64_t iommu_cell_load_acquire(const iommu_cell_t *cell)
{
	return __atomic_load_n(cell, __ATOMIC_ACQUIRE);
}

static inline void iommu_cell_store(iommu_cell_t *cell, uint64_t value)
{
	__atomic_store_n(cell, value, __ATOMIC_RELAXED);
}

static inline void iommu_cell_store_release(iommu_cell_t *cell, uint64_t value)
{
	__atomic_store_n(cell, value, __ATOMIC_RELEASE);
}

/* Acquire and release; true when the cell held `expected`. */
static inline bool iommu_cell_compare_and_swap(iommu_cell_t *cell, uint64_t expected,
					       uint64_t desired)
{
	return __atomic_compare_exchange_n(cell, &expected, desired, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Returns the value before. */
static inline uint64_t iommu_cell_add(iommu_cell_t *cell, uint64_t value)
{
	return __atomic_fetch_add(cell, value, __ATOMIC_RELAXED);
}

#endif

/*
 * Words of bits that do not depend on each other. Halves on 32-bit hosts: a reader's own bit is
 * whole either way, and 64-bit atomics would be calls there.
 */
#if UINTPTR_MAX > UINT32_MAX
static inline void iommu_bits_store(uint64_t *word, uint64_t bits)
{
	__atomic_store_n(word, bits, __ATOMIC_RELAXED);
}

static inline uint64_t iommu_bits_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}
#else
typedef uint32_t iommu_bits_half __attribute__((may_alias));

static inline void iommu_bits_store(uint64_t *word, uint64_t bits)
{
	iommu_bits_half *halves = (iommu_bits_half *)word;

	__atomic_store_n(&halves[0], (uint32_t)bits, __ATOMIC_RELAXED);
	__atomic_store_n(&halves[1], (uint32_t)(bits >> 32), __ATOMIC_RELAXED);
}

static inline uint64_t iommu_bits_load(const uint64_t *word)
{
	const iommu_bits_half *halves = (const iommu_bits_half *)word;
	const uint32_t low = __atomic_load_n(&halves[0], __ATOMIC_RELAXED);

	return low | (uint64_t)__atomic_load_n(&halves[1], __ATOMIC_RELAXED) << 32;
}
#endif

#endif
