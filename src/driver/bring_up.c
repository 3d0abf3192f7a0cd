/* SPDX-License-Identifier: BSD-2-Clause */
/* Bring-up of a unit, in the steps of its family, and the way back. */
#include <libiommu/status.h>

#include "driver/driver.h"

#define DOES_NOT_CONFIRM "does not confirm that it is disabled"

static const struct iommu_bring_up *bring_up_of(const struct iommu_driven_unit *unit)
{
	return iommu_driver_of(unit)->bring_up;
}

static int let_nothing_pass(struct iommu_driven_unit *unit)
{
	const struct iommu_bring_up *bring_up = bring_up_of(unit);

	return bring_up->close != NULL ? bring_up->close(unit) : 0;
}

/* Turn off what was turned on. Hardware that does not obey stays marked. */
static int shut_down(struct iommu_driven_unit *unit)
{
	int status;

	/* Its registers may be lost, and everything pass. */
	if (!unit->started)
		return let_nothing_pass(unit);
	status = bring_up_of(unit)->turn_off(unit);
	/*
	 * Requests on their way end with the old tables, or fail; a completion is behind all of
	 * them, where the queue still answers.
	 */
	if (status != 0)
		return status;
	/* Before the queue goes: see iommu_batch_execute. */
	iommu_unit_set_active(&unit->state, false);
	status = bring_up_of(unit)->stop_queues(unit);
	unit->started = status != 0;
	return status;
}

static int enable(struct iommu_driven_unit *unit)
{
	const struct iommu_bring_up *bring_up = bring_up_of(unit);
	const bool stays_on = bring_up->translates(unit);
	unsigned int step;
	int status = 0;

	unit->started = unit->was_started = true;
	unit->failure = NULL;
	for (step = 0; step < bring_up->count && status == 0; step++)
		status = bring_up->steps[step].run(unit);
	if (status == 0)
		return 0;
	unit->failure = bring_up->is_gone(unit)
				? IOMMU_WHY("its registers read as ones: it is gone")
				: bring_up->steps[step - 1].failure;
	iommu_driven_log(unit, IOMMU_LOG_ERROR, unit->failure);
	/* What translated before by our tables still does; what was changed may be open. */
	if (stays_on)
		iommu_unit_note_failure(&unit->state);
	else
		(void)shut_down(unit);
	return iommu_refuse(unit->base.iommu, unit->base.name, status, unit->failure);
}

int iommu_driven_disable(struct iommu_driven_unit *unit)
{
	int status = shut_down(unit);

	if (status == 0)
		return 0;
	iommu_driven_log(unit, IOMMU_LOG_ERROR, DOES_NOT_CONFIRM);
	return IOMMU_REFUSE_DRIVEN(unit, status, DOES_NOT_CONFIRM);
}

/* --- For struct iommu_ops --------------------------------------------------------------------- */

int iommu_driver_enable(struct iommu_unit *base)
{
	return enable(iommu_driven_of(base));
}

int iommu_driver_disable(struct iommu_unit *base)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);
	int status = iommu_driven_disable(unit);

	iommu_release_confirmed(&unit->shared->set);
	return status;
}

#if IOMMU_CONFIG_SUSPEND
/* A unit that has lost its registers may let everything pass. */
int iommu_driver_resume(struct iommu_unit *base)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);

	return base->enabled ? enable(unit) : let_nothing_pass(unit);
}
#endif

bool iommu_driver_translates(const struct iommu_unit *base)
{
	const struct iommu_driven_unit *unit = iommu_driven_of(base);

	return bring_up_of(unit)->translates(unit);
}
