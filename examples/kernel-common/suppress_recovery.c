/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A negative control: a command that hardware refuses stays where it is, and the queue with it.
 * The scenario must notice.
 */
#include <libiommu/backend/ops.h>

#include "unit/command_ring.h"

bool __wrap_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);

bool __wrap_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot)
{
	(void)ring;
	(void)slot;
	return false;
}
