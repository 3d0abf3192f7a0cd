/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What units report: faults, page requests. Hardware sends a message when a condition appears and
 * none while one is left, so a loop over a log ends only when hardware was seen to be quiet: what
 * comes after that sends its own message. A device that causes events without end keeps no CPU
 * busy: rounds are bounded, and so are reports in a second.
 */
#ifndef IOMMU_UNIT_EVENT_H
#define IOMMU_UNIT_EVENT_H

#include <libiommu/config.h>
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
	uint32_t busy;     /* atomic */
	uint32_t restarts; /* atomic */
	/* Of the CPU that is at it: the next record, since so many restarts. */
	uint32_t head, of_restart;
};

/* Begin; false: another CPU is at it, and looks again if `note`. */
bool iommu_event_gate_enter(struct iommu_event_gate *gate, bool note);
/* End; false: another CPU was here, and what it came for may have come after the last look. */
bool iommu_event_gate_leave(struct iommu_event_gate *gate);

/*
 * Where the next record of a ring lies is kept here: hardware's register of it holds anything after
 * a unit has reset itself, and records that were reported would be reported again. Hardware is told
 * of it at the end of each look, also where nothing was found: the unit may have been started again
 * during the look before, in which it was told the place of an earlier time.
 *
 * Hardware begins with the first record again: to be called before it is let at the ring.
 */
static inline void iommu_event_gate_restart(struct iommu_event_gate *gate)
{
	(void)__atomic_add_fetch(&gate->restarts, 1, __ATOMIC_ACQ_REL);
}

/* The place of the next record; the CPU that is at the log stores in `head` what it has read. */
static inline uint32_t iommu_event_gate_head(struct iommu_event_gate *gate)
{
	const uint32_t restarts = __atomic_load_n(&gate->restarts, __ATOMIC_ACQUIRE);

	if (gate->of_restart != restarts)
		gate->head = 0;
	gate->of_restart = restarts;
	return gate->head;
}

/* --- Page requests ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
/* A log of page requests, in which hardware raises its interrupt once until it is armed again. */
struct iommu_request_log_ops {
	void (*arm)(void *ctx);
	/* Report what is in it now; how many, or IOMMU_EIO: registers that make no sense. */
	int (*empty)(void *ctx);
	/* It overflowed, or failed, and hardware is told that this was seen; false: it did not. */
	bool (*clear_errors)(void *ctx);
};

/*
 * Report what is in a log, for the back end's handle_page_requests: how many, or IOMMU_EIO. 0:
 * there is nothing, or another CPU is at it, and looks once more.
 */
int iommu_request_log_read(struct iommu_event_gate *gate, const struct iommu_request_log_ops *ops,
			   void *ctx, bool *lost);
/* The same, when another CPU that is at it has ended: all that was in it has been reported then. */
void iommu_request_log_drain(struct iommu_event_gate *gate, const struct iommu_request_log_ops *ops,
			     void *ctx, const struct iommu_platform *platform);
#endif

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
