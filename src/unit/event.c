/* SPDX-License-Identifier: BSD-2-Clause */
/* Loops over what units report, and their bounds. */
#include "unit/event.h"

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
