/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A spinlock that also keeps local interrupts off, through the host's irq_save and irq_restore.
 * Held for short, bounded work: nothing is allocated and no hardware is waited for under one,
 * except where the holder's comment says so.
 */
#ifndef IOMMU_BASE_SPINLOCK_H
#define IOMMU_BASE_SPINLOCK_H

#include <libiommu/platform.h>

#include "base/atomic.h"
#include "base/inline_atomics.h"

struct iommu_spinlock {
	uint32_t taken;
};

/*
 * One in each function that locks, which is faster; where size counts (-Os), those of platform.c.
 */
#if defined(__OPTIMIZE_SIZE__) || defined(IOMMU_SPINLOCK_BODY)
#define IOMMU_SPINLOCK_COPY
#else
#define IOMMU_SPINLOCK_COPY static inline
#endif

/* Returns what iommu_spin_unlock wants back. */
IOMMU_SPINLOCK_COPY uintptr_t iommu_spin_lock(const struct iommu_platform *platform,
					      struct iommu_spinlock *lock);
IOMMU_SPINLOCK_COPY void iommu_spin_unlock(const struct iommu_platform *platform,
					   struct iommu_spinlock *lock, uintptr_t state);

/*
 * After iommu_spin_lock: all loads and stores before the lock was taken are seen before all loads
 * and stores from here on. On x86 the exchange that takes it is such a fence already, and the
 * compiler moves nothing into the lock from before it.
 */
static inline void iommu_spin_lock_fences(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#else
	iommu_full_fence();
#endif
}

#if !defined(__OPTIMIZE_SIZE__) || defined(IOMMU_SPINLOCK_BODY)
IOMMU_SPINLOCK_COPY uintptr_t iommu_spin_lock(const struct iommu_platform *platform,
					      struct iommu_spinlock *lock)
{
	uintptr_t state = platform->irq_save != NULL ? platform->irq_save(platform->ctx) : 0;

	/* For the compiler alone: see iommu_spin_lock_fences. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED) != 0)
			if (platform->relax != NULL)
				platform->relax(platform->ctx);
	return state;
}

IOMMU_SPINLOCK_COPY void iommu_spin_unlock(const struct iommu_platform *platform,
					   struct iommu_spinlock *lock, uintptr_t state)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
	if (platform->irq_restore != NULL)
		platform->irq_restore(platform->ctx, state);
}
#endif

#endif
