/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: which are reported, and by whom. What a record says is the family's. */
#include "driver/fault.h"

#define FAULTS_UNBOUNDED UINT32_MAX

bool iommu_driven_may_report(struct iommu_driven_sweep *sweep)
{
	struct iommu_driven_unit *unit = sweep->unit;

	if (unit->faults_per_second == FAULTS_UNBOUNDED ||
	    iommu_event_budget_take(&unit->fault_budget, unit->platform, unit->faults_per_second))
		return true;
	sweep->lost = true;
	return false;
}

void iommu_driven_report(struct iommu_driven_sweep *sweep, struct iommu_fault *fault)
{
	struct iommu_driven_unit *unit = sweep->unit;

	fault->unit = &unit->base;
	fault->segment = unit->base.segment;
	fault->source_id = iommu_id_map_source_of(&unit->map, fault->device_id);
	iommu_report_fault(unit->base.iommu, fault);
	sweep->reported++;
}

int iommu_driven_handle_faults(struct iommu_driven_unit *unit,
			       int (*look)(void *ctx, unsigned int round), bool *lost)
{
	struct iommu_driven_sweep sweep = {.unit = unit};
	int status = 0;

	if (!iommu_event_gate_enter(&unit->faults.gate, true))
		return 0;
	do {
		const int ended = iommu_event_rounds(look, &sweep);

		/* What came in the last round has sent a message: its condition was clear. */
		if (ended < 0)
			status = ended;
	} while (!iommu_event_gate_leave(&unit->faults.gate));
	if (sweep.lost)
		*lost = true;
	return status != 0 ? status : (int)sweep.reported;
}
