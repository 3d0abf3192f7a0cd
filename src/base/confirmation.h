/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware has not confirmed: invalidations that failed, and how many of those a later one
 * that covers everything has made good.
 *
 *	const uint32_t failures = iommu_confirmation_begin(&confirmation);
 *	status = invalidate_everything();
 *	if (status == 0)
 *		iommu_confirmation_end(&confirmation, failures);
 *
 * Only what had failed before the invalidation began is made good by it, and only once it is
 * confirmed: until then nothing that waits for it may be freed, and a failure of another CPU in
 * between still counts. Any context, any CPU, no lock.
 */
#ifndef IOMMU_BASE_CONFIRMATION_H
#define IOMMU_BASE_CONFIRMATION_H

#include <libiommu/backend/ops.h>

#include "base/inline_atomics.h"

/* Is anything open? */
static inline bool iommu_confirmation_is_open(const struct iommu_confirmation *confirmation)
{
	return __atomic_load_n(&confirmation->failures, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&confirmation->made_good, __ATOMIC_ACQUIRE);
}

static inline void iommu_confirmation_fail(struct iommu_confirmation *confirmation)
{
	__atomic_add_fetch(&confirmation->failures, 1, __ATOMIC_RELEASE);
}

static inline uint32_t iommu_confirmation_begin(const struct iommu_confirmation *confirmation)
{
	return __atomic_load_n(&confirmation->failures, __ATOMIC_ACQUIRE);
}

static inline void iommu_confirmation_end(struct iommu_confirmation *confirmation,
					  uint32_t failures)
{
	uint32_t made_good = __atomic_load_n(&confirmation->made_good, __ATOMIC_RELAXED);

	while ((int32_t)(failures - made_good) > 0 &&
	       !__atomic_compare_exchange_n(&confirmation->made_good, &made_good, failures, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

#endif
