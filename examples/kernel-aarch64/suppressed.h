/* SPDX-License-Identifier: BSD-2-Clause */
/* A command of the kind SUPPRESSED becomes a CMD_SYNC that tells of nothing. */
#ifndef KERNEL_SUPPRESSED_H
#define KERNEL_SUPPRESSED_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/smmu_command.h>

#include "unit/command_ring.h"

static inline void suppress(struct iommu_command *command)
{
	const struct smmu_command nothing = smmu_sync(SMMU_SYNC_NONE);

	if ((command->low & smmu_field_mask(SMMU_COMMAND_OPCODE)) == SUPPRESSED)
		*command = (struct iommu_command){nothing.words[0], nothing.words[1]};
}

#endif
