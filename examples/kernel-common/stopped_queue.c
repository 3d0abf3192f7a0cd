/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same kernel, in which the first instance ends with its queue stopped at a command that
 * hardware refuses: the second must get rid of it before it has a queue of its own.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/riscv.h>
#include <libiommu/smmu.h>

#include "unit/command_ring.h"
#include "wrapped.h"

#define RESERVED_KIND 0xf

int __real_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
bool __real_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);
bool __wrap_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);
int REAL(add_unit)(struct iommu *iommu, const FAMILY_STRUCT(config) * config,
		   struct iommu_unit **unit);
int WRAP(add_unit)(struct iommu *iommu, const FAMILY_STRUCT(config) * config,
		   struct iommu_unit **unit);

/* The queue of the first instance, and whether it is being given up, or has been. */
static struct iommu_command_ring *first;
static bool is_given_up, was_given_up;

int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent)
{
	if (!was_given_up)
		first = ring;
	return __real_iommu_ring_submit(ring, commands, count, barriers, silent);
}

bool __wrap_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot)
{
	return !is_given_up && __real_iommu_ring_command_refused(ring, slot);
}

int WRAP(add_unit)(struct iommu *iommu, const FAMILY_STRUCT(config) * config,
		   struct iommu_unit **unit)
{
	const struct iommu_command bad = {.low = RESERVED_KIND};
	uint16_t silent;

	if (first != NULL && !was_given_up) {
		is_given_up = true;
		(void)__real_iommu_ring_submit(first, &bad, 1, 0, &silent);
		is_given_up = false;
		was_given_up = true;
	}
	return REAL(add_unit)(iommu, config, unit);
}
