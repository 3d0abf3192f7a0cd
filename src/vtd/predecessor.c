/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State that firmware or a previous kernel left in a unit: translation, interrupt remapping, the
 * queue, protected memory. The status register shows it, on every unit, with or without devices.
 * Structures that were left in use may lie in memory that has been given to others.
 *
 *   translation       is turned off when the units are enabled: by bring-up, or here for a unit
 *                     that is left alone. With IOMMU_VTD_TAKE_OVER it continues with copied tables:
 *                     see inherit.c.
 *   interrupts        remapping is turned off at once. If the unit is taken over it continues until
 *                     the host enables its own, which replaces the table without a gap, or disables
 *                     it.
 *   the queue         is turned off before the library's queue, or the registers, are used.
 *   protected memory  is opened last in bring-up, and on a unit that translates nothing.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/log.h"
#include "vtd/command.h"
#include "vtd/event.h"
#include "vtd/interrupt.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"

static bool is_on(const struct vtd_unit *unit, uint32_t bit)
{
	const uint32_t status = vtd_read32(unit, VTD_GSTS);

	return status != UINT32_MAX && (status & bit) != 0;
}

int iommu_vtd_predecessor_stop_queue(struct vtd_unit *unit)
{
	return is_on(unit, VTD_GLOBAL_QIE) ? iommu_vtd_queue_turn_off(unit) : 0;
}

int iommu_vtd_predecessor_stop_interrupts(struct vtd_unit *unit)
{
	return is_on(unit, VTD_GLOBAL_IRE) ? iommu_vtd_command_clear(unit, VTD_GLOBAL_IRE) : 0;
}

void iommu_vtd_predecessor_found(struct vtd_unit *unit)
{
	if ((unit->probe->flags & IOMMU_VTD_TAKE_OVER) != 0 || vtd_interrupts_run(unit))
		return;
	if (iommu_vtd_predecessor_stop_interrupts(unit) != 0)
		vtd_log(unit, IOMMU_LOG_ERROR, "interrupt remapping was left on, and stays so");
}

/*
 * Messages of before went to a processor that has other uses for the vector now. Of the queue we
 * want none.
 */
static void mask_queue_event(struct vtd_unit *unit)
{
	if (unit->caps.queue)
		vtd_write32(unit, VTD_IECTL, VTD_EVENT_MASK);
}

void iommu_vtd_predecessor_keep(struct vtd_unit *unit)
{
	const uint64_t rtaddr = vtd_read64(unit, VTD_RTADDR);
	const uint64_t mode = vtd_is_scalable(unit) ? VTD_RTADDR_SCALABLE : VTD_RTADDR_LEGACY;

	if (!is_on(unit, VTD_GLOBAL_TE))
		return;
	if ((rtaddr & VTD_RTADDR_MODE) != mode) {
		vtd_log(unit, IOMMU_LOG_WARNING,
			"was left on in another mode: it has to be turned off for a moment");
		return;
	}
	unit->keeps_running = true;
	if (IOMMU_CONFIG_TAKE_OVER && vtd_unit_is_taken_over(unit))
		iommu_vtd_inherit(unit, rtaddr & VTD_ENTRY_ADDRESS_MASK);
}

int iommu_vtd_predecessor_take_over(struct vtd_unit *unit)
{
	int status = 0;

	iommu_vtd_queue_look(unit);
	if (vtd_read32(unit, VTD_GSTS) == UINT32_MAX)
		return IOMMU_EIO;
	mask_queue_event(unit);
	/* What translates by tables of ours goes on: off, it would let everything pass. */
	if (!unit->keeps_running && !unit->stays_on && is_on(unit, VTD_GLOBAL_TE))
		status = iommu_vtd_make_way(unit);
	/* Registers do not invalidate under a queue. */
	if (status == 0 && !unit->use_queue)
		status = iommu_vtd_predecessor_stop_queue(unit);
	return status;
}

int iommu_vtd_predecessor_turn_off(struct vtd_unit *unit)
{
	int status = 0;

	if (!unit->started && is_on(unit, VTD_GLOBAL_TE))
		status = iommu_vtd_stop_translating(unit);
	if (status == 0 && !unit->queue_is_on)
		status = iommu_vtd_predecessor_stop_queue(unit);
	return status;
}

int iommu_vtd_open_protected_memory(struct vtd_unit *unit)
{
	if (!unit->caps.protected_memory)
		return 0;
	vtd_write32(unit, VTD_PMEN, vtd_read32(unit, VTD_PMEN) & ~VTD_PMEN_EPM);
	return iommu_vtd_wait32(unit, VTD_PMEN, VTD_PMEN_PRS, 0);
}

int iommu_vtd_predecessor_leave_alone(struct vtd_unit *unit)
{
	int status = iommu_vtd_predecessor_turn_off(unit);

	mask_queue_event(unit);
	iommu_vtd_event_apply(unit, VTD_FECTL, &unit->fault_event);
	if (status == 0 && unit->bypassed)
		status = iommu_vtd_open_protected_memory(unit);
	if (status == 0)
		return 0;
	unit->failure = IOMMU_WHY("what was left on does not go off");
	vtd_log(unit, IOMMU_LOG_ERROR, unit->failure);
	return status;
}
