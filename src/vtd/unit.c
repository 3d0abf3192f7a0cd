/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of a unit (VT-d specification, "Programming Considerations", "Set Root Table Pointer").
 *
 * The order: take over what firmware left on; clear old faults; start the queue, which all later
 * invalidations need; program the fault interrupt; flush the write buffer; set the root table, with
 * the global invalidations that must follow; enable translation; invalidate the TLBs of devices;
 * and open protected memory last, which would otherwise be unprotected for a moment.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "unit/confirmation.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/interrupt.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

/* --- Bring-up --------------------------------------------------------------------------------- */

/* Masked first: what is recorded after the old is gone is then told when the event is let out. */
static int clear_old_faults(struct vtd_unit *unit)
{
	vtd_write32(unit, VTD_FECTL, VTD_EVENT_MASK);
	return iommu_vtd_discard_faults(unit);
}

static int program_fault_interrupt(struct vtd_unit *unit)
{
	iommu_vtd_event_apply(unit, VTD_FECTL, &unit->fault_event);
	return 0;
}

#if IOMMU_CONFIG_DEVICE_TLB
static int hold_device_tlbs(struct vtd_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;

	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		iommu_vtd_context_hold_tlb(vtd_endpoint_of(endpoint));
	return 0;
}

static int release_device_tlbs(struct vtd_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		status = iommu_vtd_context_release_tlb(vtd_endpoint_of(endpoint));
	return status;
}
#endif

static int set_root_table(struct vtd_unit *unit)
{
	/*
	 * From here on hardware may walk the tables. An unmap that does not see the flag yet has
	 * cleared its entries before hardware can read them.
	 */
	iommu_unit_set_active(&unit->state, true);
	vtd_write64(unit, VTD_RTADDR,
		    iommu_virt_to_phys(unit->platform, unit->root) |
			    (vtd_is_scalable(unit) ? VTD_RTADDR_SCALABLE : VTD_RTADDR_LEGACY));
	return iommu_vtd_command_once(unit, VTD_GLOBAL_SRTP);
}

static int enable_translation(struct vtd_unit *unit)
{
	return iommu_vtd_command_set(unit, VTD_GLOBAL_TE);
}

struct step {
	int (*run)(struct vtd_unit *unit);
#if IOMMU_CONFIG_REASONS
	const char *failure;
#endif
};

#if IOMMU_CONFIG_REASONS
#define STEP(run, failure)                                                                         \
	{                                                                                          \
		run, failure                                                                       \
	}
#define FAILURE_OF(number) (bring_up[number].failure)
#else
#define STEP(run, failure)                                                                         \
	{                                                                                          \
		run                                                                                \
	}
#define FAILURE_OF(number) ""
#endif

static const struct step bring_up[] = {
	STEP(iommu_vtd_predecessor_take_over, "cannot be taken over: what was left on stays on"),
	STEP(clear_old_faults, "old faults cannot be cleared"),
	STEP(iommu_vtd_queue_hold, "the invalidation queue does not start"),
	STEP(program_fault_interrupt, "the fault interrupt cannot be programmed"),
#if IOMMU_CONFIG_SCALABLE
	STEP(iommu_vtd_page_queue_start, "the page request queue does not start"),
#endif
	STEP(iommu_vtd_flush_write_buffer, "the write buffer is not flushed"),
#if IOMMU_CONFIG_DEVICE_TLB
	STEP(hold_device_tlbs, "devices cannot be told to wait"),
#endif
	STEP(set_root_table, "the root table is not accepted"),
	STEP(iommu_vtd_invalidate_all, "the caches are not invalidated"),
	STEP(enable_translation, "translation does not start"),
#if IOMMU_CONFIG_DEVICE_TLB
	STEP(release_device_tlbs, "devices' translations are not invalidated"),
#endif
	STEP(iommu_vtd_open_protected_memory, "protected memory regions stay closed"),
};

#define STEPS (sizeof(bring_up) / sizeof(bring_up[0]))

/* Turn off what was turned on. Hardware that does not obey stays marked. */
static int shut_down(struct vtd_unit *unit)
{
	int status;

	if (!unit->started)
		return 0;
	iommu_vtd_queue_look(unit);
	status = iommu_vtd_stop_translating(unit);
	if (status != 0)
		return status;
	/* Before the queue goes: see iommu_batch_execute. */
	iommu_unit_set_active(&unit->state, false);
	iommu_vtd_inherited_drop(unit);
	status = iommu_vtd_queue_release(unit);
	unit->started = status != 0;
	return status;
}

static int run_step(struct vtd_unit *unit, size_t step)
{
	int status = bring_up[step].run(unit);

	if (status == 0)
		return 0;
	unit->failure = IOMMU_CONFIG_REASONS && vtd_read32(unit, VTD_GSTS) == UINT32_MAX
				? "its registers read as ones: it is gone"
				: FAILURE_OF(step);
	vtd_log(unit, IOMMU_LOG_ERROR, unit->failure);
	return iommu_refuse(unit->base.iommu, unit->base.name, status, unit->failure);
}

static void unit_begin(struct vtd_unit *unit)
{
	unit->started = true;
	unit->failure = NULL;
	unit->stays_on = iommu_vtd_unit_translates(unit);
}

/*
 * A bring-up failed. What translated before it, by tables of ours or of a kernel that is taken
 * over, still does: off, it would let everything pass. But what devices' entries were changed to
 * for the bring-up, it may not have heard of.
 */
static void abandon(struct vtd_unit *unit)
{
	if (unit->stays_on || vtd_unit_is_taken_over(unit))
		iommu_unit_note_failure(&unit->state);
	else
		(void)shut_down(unit);
}

int iommu_vtd_units_enable(struct vtd_unit *first, struct vtd_unit *(*next)(struct vtd_unit *unit))
{
	struct vtd_unit *unit;
	int status = 0;
	size_t step;

	for (unit = first; unit != NULL; unit = next(unit))
		unit_begin(unit);
	for (step = 0; step < STEPS && status == 0; step++)
		for (unit = first; unit != NULL && status == 0; unit = next(unit))
			status = run_step(unit, step);
	for (unit = first; unit != NULL && status != 0; unit = next(unit))
		abandon(unit);
	return status;
}

static struct vtd_unit *no_other(struct vtd_unit *unit)
{
	(void)unit;
	return NULL;
}

int iommu_vtd_unit_enable(struct vtd_unit *unit)
{
	if (unit->bypassed)
		return VTD_REFUSE(unit, IOMMU_EPERM, "it is bypassed");
	if (!unit->caps.translates)
		return VTD_REFUSE(unit, IOMMU_EOPNOTSUPP, "it remaps interrupts only");
	return iommu_vtd_units_enable(unit, no_other);
}

int iommu_vtd_unit_disable(struct vtd_unit *unit)
{
	int status = shut_down(unit);

	if (status == 0)
		return 0;
	vtd_log(unit, IOMMU_LOG_ERROR, "does not confirm that it is disabled");
	return VTD_REFUSE(unit, status, "does not confirm that it is disabled");
}

/* --- Power ------------------------------------------------------------------------------------ */

int iommu_vtd_unit_suspend(struct vtd_unit *unit)
{
	int status;

	/* Also those that an earlier suspend, which failed later on, has stopped. */
	unit->resumes_interrupts = unit->resumes_interrupts || vtd_interrupts_run(unit);
	status = iommu_vtd_unit_disable(unit);
	if (status == 0)
		status = iommu_vtd_interrupts_stop(unit);
	if (status == 0)
		status = iommu_vtd_queue_release(unit);
	return status;
}

#if IOMMU_CONFIG_SUSPEND

/* Each command of ours comes after a pointer that is not 0, except for the write buffer's. */
static bool was_reset(const struct vtd_unit *unit)
{
	return vtd_read32(unit, VTD_GSTS) == 0 && vtd_read64(unit, VTD_RTADDR) == 0 &&
	       (!unit->use_queue || vtd_read64(unit, VTD_IQA) == 0);
}

/* Registers are as after a reset, or as they were left: then a command may still be under way. */
int iommu_vtd_unit_resume(struct vtd_unit *unit)
{
	int status = 0;

	if (was_reset(unit))
		iommu_vtd_command_forget(unit);
	if (unit->resumes_interrupts && !vtd_interrupts_run(unit)) {
		status = iommu_vtd_queue_hold(unit);
		if (status == 0)
			status = iommu_vtd_interrupts_start(unit);
	}
	if (status == 0 && unit->base.enabled)
		status = iommu_vtd_unit_enable(unit);
	else if (status == 0)
		iommu_vtd_event_apply(unit, VTD_FECTL, &unit->fault_event);
	if (status != 0)
		vtd_log(unit, IOMMU_LOG_ERROR, "does not come back");
	else
		unit->resumes_interrupts = false;
	return status;
}

#endif
