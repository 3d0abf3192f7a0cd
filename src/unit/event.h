/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What units report: faults, page requests. Hardware sends a message when a condition appears and
 * none while one is left, so a loop over a log ends only when hardware was seen to be quiet: what
 * comes after that sends its own message. A device that causes events without end keeps no CPU
 * busy: rounds are bounded, and so are reports in a second.
 */
#ifndef IOMMU_UNIT_EVENT_H
#define IOMMU_UNIT_EVENT_H

#include <libiommu/platform.h>

/* Looks at a log in one call. */
#define IOMMU_EVENT_ROUNDS_MAX 8

/*
 * Call `round` until it returns 0: hardware is quiet and armed again; or an error. Its number goes
 * along, from 0 on. 0; the error; or 1: the rounds are used up.
 */
static inline int iommu_event_rounds(int (*round)(void *ctx, unsigned int number), void *ctx)
{
	unsigned int number;

	for (number = 0; number < IOMMU_EVENT_ROUNDS_MAX; number++) {
		const int status = round(ctx, number);

		if (status <= 0)
			return status;
	}
	return 1;
}

/* --- One CPU at a time ------------------------------------------------------------------------ */

/*
 * A log that one CPU reads, with no lock held. A CPU that finds another at work leaves it a note,
 * and the other looks once more: the message that brought the first one here is the only one.
 */
struct iommu_event_gate {
	uint32_t busy; /* atomic */
};

/* Begin; false: another CPU is at it, and looks again if `note`. */
bool iommu_event_gate_enter(struct iommu_event_gate *gate, bool note);
/* End; false: another CPU was here, and what it came for may have come after the last look. */
bool iommu_event_gate_leave(struct iommu_event_gate *gate);

/* --- Reports in a second ---------------------------------------------------------------------- */

struct iommu_event_budget {
	uint64_t second_ns; /* in which it began */
	unsigned int left;
};

/*
 * May one more be reported, of at most `limit` in a second? Without a clock any number. One caller
 * at a time.
 */
bool iommu_event_budget_take(struct iommu_event_budget *budget,
			     const struct iommu_platform *platform, unsigned int limit);

#endif
