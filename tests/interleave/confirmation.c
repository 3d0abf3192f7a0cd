/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authority over confirmations (src/unit/confirmation.c), by every access: what was reported as
 * failed is open until an invalidation that began afterwards is confirmed, whichever CPUs count
 * failures, confirm and ask meanwhile. test_unit has the same of whole calls, with doubts, too.
 */
#include "unit/confirmation.h"

#include "explorer.h"

static struct iommu_unit_set set;
static struct iommu_unit_state unit;
/* What hardware keeps of each CPU's change, and whether a call has said that it failed. */
static bool is_stale[EXPLORE_THREADS], is_reported[EXPLORE_THREADS];

static void setup(void)
{
	unsigned int i;

	iommu_unit_set_init(&set);
	unit = (struct iommu_unit_state){.set = &set, .active = true};
	for (i = 0; i < EXPLORE_THREADS; i++)
		is_stale[i] = is_reported[i] = false;
}

static void change_in_vain(unsigned int cpu)
{
	__atomic_store_n(&is_stale[cpu], true, __ATOMIC_SEQ_CST);
	iommu_unit_note_failure(&unit);
	__atomic_store_n(&is_reported[cpu], true, __ATOMIC_SEQ_CST);
}

static void invalidate(void)
{
	const uint32_t seen = iommu_confirmation_begin(&unit.confirmation);
	unsigned int i;

	/* Hardware does it. */
	for (i = 0; i < EXPLORE_THREADS; i++)
		__atomic_store_n(&is_stale[i], false, __ATOMIC_SEQ_CST);
	iommu_confirmation_end(&unit.confirmation, seen);
}

/* Is something new made present? Not if what was reported before the question is still kept. */
static void reuse(void)
{
	bool before[EXPLORE_THREADS];
	unsigned int i;

	for (i = 0; i < EXPLORE_THREADS; i++)
		before[i] = __atomic_load_n(&is_reported[i], __ATOMIC_SEQ_CST) && is_stale[i];
	if (iommu_unit_is_suspect(&unit))
		return;
	for (i = 0; i < EXPLORE_THREADS; i++)
		MUST(!before[i] || !is_stale[i]);
}

static void two_changes(unsigned int thread)
{
	if (thread < 2)
		change_in_vain(thread);
	else
		invalidate();
	if (thread == 0)
		change_in_vain(thread);
}

static void one_change(unsigned int thread)
{
	if (thread == 0)
		change_in_vain(thread);
	else
		invalidate();
}

static void one_user(unsigned int thread)
{
	if (thread == 0) {
		change_in_vain(thread);
	} else if (thread == 1) {
		invalidate();
	} else {
		reuse();
		reuse();
	}
}

static void check(void)
{
	unsigned int i;

	for (i = 0; i < EXPLORE_THREADS; i++)
		MUST(!is_stale[i] || iommu_unit_is_suspect(&unit));
	/* An undisturbed one closes all. */
	invalidate();
	MUST(!iommu_unit_has_failed(&unit));
	MUST(set.tells_of_maps);
}

static const struct exploration explorations[] = {
	{"two changes", 3, 3, setup, two_changes, NULL, check, NULL},
	{"two invalidations", 3, 3, setup, one_change, NULL, check, NULL},
	{"a user", 3, 3, setup, one_user, NULL, check, NULL},
};

int main(int argc, char **argv)
{
	return explore_all(argc, argv, explorations, 3);
}
