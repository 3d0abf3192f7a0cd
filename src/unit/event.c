/* SPDX-License-Identifier: BSD-2-Clause */
/* Loops over what units report, and their bounds. */
#include "unit/event.h"

#include <libiommu/status.h>

#include "base/inline_atomics.h"

#define NANOSECONDS 1000000000ULL

/* --- One CPU at a time ------------------------------------------------------------------------ */

/* A CPU is at it: that alone, or it is to look again. */
#define BUSY   1U
#define CALLED 2U

bool iommu_event_gate_enter(struct iommu_event_gate *gate, bool note)
{
	const uint32_t call = note ? CALLED : 0;
	uint32_t seen = __atomic_load_n(&gate->busy, __ATOMIC_RELAXED);

	while (!__atomic_compare_exchange_n(&gate->busy, &seen, seen == 0 ? BUSY : seen | call,
					    false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	return seen == 0;
}

bool iommu_event_gate_leave(struct iommu_event_gate *gate)
{
	uint32_t seen = BUSY;

	if (__atomic_compare_exchange_n(&gate->busy, &seen, 0, false, __ATOMIC_ACQ_REL,
					__ATOMIC_RELAXED))
		return true;
	/* What came before a note is seen from here on; a note after this stays. */
	(void)__atomic_exchange_n(&gate->busy, BUSY, __ATOMIC_ACQUIRE);
	return false;
}

/* --- Page requests ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

/* One call. */
struct reading {
	const struct iommu_request_log_ops *ops;
	void *ctx;
	bool lost;
	int reported;
};

/* 0: the log is empty. */
static int look(void *ctx, unsigned int round)
{
	struct reading *reading = ctx;
	int count;

	(void)round;
	/* Before the log is looked at: what comes after that raises the interrupt again. */
	reading->ops->arm(reading->ctx);
	count = reading->ops->empty(reading->ctx);
	if (count < 0)
		return count;
	reading->reported += count;
	if (reading->ops->clear_errors(reading->ctx))
		reading->lost = true;
	else if (count == 0)
		return 0;
	return 1;
}

/* By the CPU whose turn it is. */
static int read_log(const struct iommu_request_log_ops *ops, void *ctx, bool *lost)
{
	struct reading reading = {.ops = ops, .ctx = ctx};
	const int status = iommu_event_rounds(look, &reading);

	if (reading.lost)
		*lost = true;
	return status < 0 ? status : reading.reported;
}

int iommu_request_log_read(struct iommu_event_gate *gate, const struct iommu_request_log_ops *ops,
			   void *ctx, bool *lost)
{
	int status = 0;

	if (!iommu_event_gate_enter(gate, true))
		return 0;
	do {
		const int count = read_log(ops, ctx, lost);

		status = count < 0 || status < 0 ? IOMMU_EIO : status + count;
	} while (!iommu_event_gate_leave(gate));
	return status;
}

void iommu_request_log_drain(struct iommu_event_gate *gate, const struct iommu_request_log_ops *ops,
			     void *ctx, const struct iommu_platform *platform)
{
	bool lost = false;

	while (!iommu_event_gate_enter(gate, false))
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
	do
		(void)read_log(ops, ctx, &lost);
	while (!iommu_event_gate_leave(gate));
}

#endif

/* --- Reports in a second ---------------------------------------------------------------------- */

bool iommu_event_budget_take(struct iommu_event_budget *budget,
			     const struct iommu_platform *platform, unsigned int limit)
{
	uint64_t now;

	if (platform->now_ns == NULL)
		return true;
	now = platform->now_ns(platform->ctx);
	if (now - budget->second_ns >= NANOSECONDS) {
		budget->second_ns = now;
		budget->left = limit;
	}
	if (budget->left == 0)
		return false;
	budget->left--;
	return true;
}
