/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A negative control: commands of one kind (SUPPRESSED) are replaced by others that do nothing, so
 * that what only they have the unit forget is still known. The scenario must notice.
 */
#include <libiommu/backend/ops.h>

#include "suppressed.h"
#include "unit/command_ring.h"
#include "unit/invalidation.h"

int __real_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
int __real_iommu_ring_submit_made(struct iommu_command_ring *ring,
				  bool (*make)(const void *ctx, struct iommu_command *command),
				  const void *ctx, uint16_t *silent);
int __wrap_iommu_ring_submit_made(struct iommu_command_ring *ring,
				  bool (*make)(const void *ctx, struct iommu_command *command),
				  const void *ctx, uint16_t *silent);

int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent)
{
	struct iommu_command others[IOMMU_BATCH_MAX];
	unsigned int i;

	for (i = 0; i < count; i++) {
		others[i] = commands[i];
		suppress(&others[i]);
	}
	return __real_iommu_ring_submit(ring, others, count, barriers, silent);
}

struct maker {
	bool (*make)(const void *ctx, struct iommu_command *command);
	const void *ctx;
};

static bool make_other(const void *ctx, struct iommu_command *command)
{
	const struct maker *maker = ctx;

	if (!maker->make(maker->ctx, command))
		return false;
	suppress(command);
	return true;
}

int __wrap_iommu_ring_submit_made(struct iommu_command_ring *ring,
				  bool (*make)(const void *ctx, struct iommu_command *command),
				  const void *ctx, uint16_t *silent)
{
	const struct maker maker = {make, ctx};

	return __real_iommu_ring_submit_made(ring, make_other, &maker, silent);
}
