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
#endif
