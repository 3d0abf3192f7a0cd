/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenarios of POWER machines: two devices do real DMA through TCEs of the library, in
 * tables that the host bridge walks (OPAL), or in a hypervisor's (PAPR).
 *
 * These devices report no faults to us: what must not happen is seen by what is in memory
 * afterwards.
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
	/* Of each device, which are behind bridges of their own. */
	struct iommu_tce_papr_config windows[2];
	/* How more windows for the first device are asked for; memory for them ends here. */
	struct iommu_papr_ddw ddw;
	iommu_paddr_t memory_end;
};

/* Both end with a line "verdict: …", and return whether every step was as expected. */
bool scenario_opal(struct opal_machine *machine);
bool scenario_papr(struct papr_machine *machine);

#endif
