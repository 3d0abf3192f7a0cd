/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenarios of POWER machines: two devices do real DMA through TCEs of the library, in
 * tables that the host bridge walks (OPAL), or in a hypervisor's (PAPR).
 *
 * No faults of these devices are reported to the library: that an access was blocked is seen in
 * memory afterwards.
 */
#ifndef SCENARIO_POWER_H
#define SCENARIO_POWER_H

#include <libiommu/opal.h>
#include <libiommu/papr.h>
#include <libiommu/tce_table.h>

#include "scenario.h"

struct opal_machine {
	struct scenario_machine base;
	struct iommu_opal_config opal;
};

struct papr_machine {
	struct scenario_machine base;
	/* For each device, which are behind different bridges. */
	struct iommu_tce_papr_config windows[2];
	/* How dynamic windows for the first device are requested; the memory for them ends here. */
	struct iommu_papr_ddw ddw;
	iommu_paddr_t memory_end;
};

/* Both print a line "verdict: …" at the end, and return whether every step was as expected. */
bool scenario_opal(struct opal_machine *machine);
bool scenario_papr(struct papr_machine *machine);

#endif
