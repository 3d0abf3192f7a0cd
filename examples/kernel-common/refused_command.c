/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same kernel with a command of a kind that is reserved, on VT-d, RISC-V and SMMUv3 alike, in
 * front of every submission to the unit's queue: hardware refuses it and stops, and the library has
 * to restart the queue. A queue that accepts the command makes the submission fail, and with it the
 * scenario.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "unit/command_ring.h"

#define RESERVED_KIND 0xf

int __real_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);

int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent)
{
	const struct iommu_command bad = {.low = RESERVED_KIND};

	if (__real_iommu_ring_submit(ring, &bad, 1, 0, silent) != IOMMU_EIO)
		return IOMMU_EINVAL;
	return __real_iommu_ring_submit(ring, commands, count, barriers, silent);
}
