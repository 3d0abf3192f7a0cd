/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that a unit sends on its own: of faults and of page requests (VT-d specification, "Fault
 * Event Control Register" and "Page Request Event Control Register", which are alike).
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "vtd/fault.h"
#include "vtd/unit.h"

/* Where the registers of an event lie, behind its control register. */
#define EVENT_DATA          4
#define EVENT_ADDRESS       8
#define EVENT_UPPER_ADDRESS 12

void iommu_vtd_event_apply(struct vtd_unit *unit, uint32_t control, const struct vtd_event *event)
{
	vtd_write32(unit, control, VTD_EVENT_MASK);
	if (!event->enabled)
		return;
	vtd_write32(unit, control + EVENT_DATA, event->data);
	vtd_write32(unit, control + EVENT_ADDRESS, (uint32_t)event->address);
	vtd_write32(unit, control + EVENT_UPPER_ADDRESS, (uint32_t)(event->address >> 32));
	/* Read back: the writes have arrived before the interrupt is let out. */
	(void)vtd_read32(unit, control + EVENT_UPPER_ADDRESS);
	vtd_write32(unit, control, 0);
}

bool iommu_vtd_event_set(struct vtd_event *event, uint64_t address, uint32_t data)
{
	if ((uint32_t)address < VTD_INTERRUPT_RANGE_START ||
	    (uint32_t)address > VTD_INTERRUPT_RANGE_LAST || (address & 3) != 0 || data > UINT16_MAX)
		return false;
	*event = (struct vtd_event){.address = address, .data = data, .enabled = true};
	return true;
}
