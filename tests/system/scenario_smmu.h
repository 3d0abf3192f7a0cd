/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system scenario of Arm's SMMUv3: two devices do real DMA through contexts and tables of the
 * library, of both stages and of every granule that the unit has.
 */
#ifndef SCENARIO_SMMU_H
#define SCENARIO_SMMU_H

#include <libiommu/smmu.h>

#include "scenario.h"

struct smmu_machine {
	struct scenario_machine base;
	struct iommu_smmu_config unit;
	/* Of device B; registers 0: it is behind the same unit. */
	struct iommu_smmu_config second_unit;
	/* Of the domains of devices; the nested domain has both. */
	enum iommu_stage stage;
	/* QEMU before its version 8: while it is off it lets everything pass. */
	bool is_old;
	/* The message of the unit's events; data 0: there are wires. */
	uint64_t message_address;
	uint32_t message_data;
	/* How many interrupts of the unit have arrived. NULL: none is looked for. */
	unsigned int (*interrupts_seen)(void);
	/* Have the unit lose what its registers hold; NULL: it keeps all. */
	void (*lose_state)(void);
	/* What they told of was handled. */
	void (*interrupts_handled)(void);
};

/*
 * Run all steps; print a line "verdict: …" at the end; return whether every step was as expected.
 */
bool scenario_smmu(struct smmu_machine *machine);

/*
 * A first instance of the library translates and is abandoned; a second one stops what it finds,
 * and begins anew.
 */
bool scenario_smmu_take_over(struct smmu_machine *machine);

#endif
