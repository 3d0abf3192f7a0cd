/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults, and the messages that a unit sends on its own. */
#ifndef IOMMU_VTD_FAULT_H
#define IOMMU_VTD_FAULT_H

#include <libiommu/backend/ops.h>

struct vtd_unit;

struct vtd_event {
	uint64_t address;
	uint32_t data;
	bool enabled;
};

/*
 * Program, or mask, the event whose registers begin at `control` (FECTL, PECTL) as the host wants
 * it.
 */
void iommu_vtd_event_apply(struct vtd_unit *unit, uint32_t control, const struct vtd_event *event);
/* What the host wants from now on; false: the address is none of an interrupt. */
bool iommu_vtd_event_set(struct vtd_event *event, uint64_t address, uint32_t data);

int iommu_vtd_handle_faults(struct iommu_unit *unit, bool *lost);
/* Clear what is recorded, and is old, without a report. Errors as iommu_unit_handle_faults. */
int iommu_vtd_discard_faults(struct vtd_unit *unit);

#endif
