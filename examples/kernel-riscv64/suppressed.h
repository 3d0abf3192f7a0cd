/* SPDX-License-Identifier: BSD-2-Clause */
/* A command of the kind SUPPRESSED becomes a fence that does nothing. */
#ifndef KERNEL_SUPPRESSED_H
#define KERNEL_SUPPRESSED_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/riscv_command.h>

#include "unit/command_ring.h"

static inline void suppress(struct iommu_command *command)
{
	const struct riscv_command fence = riscv_command_fence(0);

	if (riscv_command_kind(riscv_command_of(command->low, command->high)) == SUPPRESSED)
		*command = (struct iommu_command){fence.low, fence.high};
}

#endif
