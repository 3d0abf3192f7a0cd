/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bound on waiting for hardware: by the host's clock, or by a count of polls where it has none.
 *
 *	struct iommu_deadline deadline = iommu_deadline_in(platform, timeout_ns);
 *	while (!ready)
 *		if (iommu_deadline_passed(&deadline))
 *			return IOMMU_ETIMEDOUT;
 */
#ifndef LIBIOMMU_BACKEND_DEADLINE_H
#define LIBIOMMU_BACKEND_DEADLINE_H

#include <libiommu/platform.h>

/* Without a clock: about a second of register reads on real hardware. */
#define IOMMU_POLLS_WITHOUT_CLOCK 1000000U

struct iommu_deadline {
	const struct iommu_platform *platform;
	uint64_t start_ns;
	uint64_t timeout_ns;
	uint32_t polls;
};

/* iommu_deadline_in - a deadline so many nanoseconds from now. Context: any; takes no lock. */
static inline struct iommu_deadline iommu_deadline_in(const struct iommu_platform *platform,
						      uint64_t timeout_ns)
{
	struct iommu_deadline deadline;

	deadline.platform = platform;
	deadline.start_ns = platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
	deadline.timeout_ns = timeout_ns;
	deadline.polls = 0;
	return deadline;
}

/*
 * iommu_deadline_passed - whether a deadline has passed: to be called once per poll; calls the
 * host's `relax`. Context: any; takes no lock.
 */
static inline bool iommu_deadline_passed(struct iommu_deadline *deadline)
{
	const struct iommu_platform *platform = deadline->platform;

	deadline->polls++;
	if (platform->relax != NULL)
		platform->relax(platform->ctx);
	if (platform->now_ns == NULL)
		return deadline->polls >= IOMMU_POLLS_WITHOUT_CLOCK;
	return platform->now_ns(platform->ctx) - deadline->start_ns >= deadline->timeout_ns;
}

#endif
