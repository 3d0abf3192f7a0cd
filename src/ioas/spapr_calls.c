/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that are under way, so that what they might use can be freed after them.
 *
 * Calls are counted in one of two counters, by the epoch in which they begin, so that those that
 * begin later are not waited for. A call may read the epoch and be counted much later: in an epoch
 * whose end was waited for already, after which it finds nothing that was made unreachable before.
 * But the next one to wait must not take it for one of the other epoch: therefore both are waited
 * for. (McKenney: Sleepable Read-Copy Update.)
 */
#include "base/atomic.h"
#include "ioas/spapr.h"

#if IOMMU_CONFIG_POWER

unsigned int iommu_spapr_calls_enter(struct spapr_calls *calls)
{
	const unsigned int epoch = __atomic_load_n(&calls->epoch, __ATOMIC_ACQUIRE) & 1;

	__atomic_add_fetch(&calls->inside[epoch], 1, __ATOMIC_SEQ_CST);
	iommu_full_fence();
	return epoch;
}

void iommu_spapr_calls_leave(struct spapr_calls *calls, unsigned int epoch)
{
	__atomic_sub_fetch(&calls->inside[epoch], 1, __ATOMIC_SEQ_CST);
}

void iommu_spapr_calls_wait(struct spapr_calls *calls, const struct iommu_platform *platform)
{
	unsigned int i;

	iommu_full_fence();
	for (i = 0; i < 2; i++) {
		const unsigned int before =
			__atomic_fetch_add(&calls->epoch, 1, __ATOMIC_SEQ_CST) & 1;

		while (__atomic_load_n(&calls->inside[before], __ATOMIC_SEQ_CST) != 0)
			if (platform->relax != NULL)
				platform->relax(platform->ctx);
	}
}

#endif
