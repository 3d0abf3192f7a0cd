/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The same kernel, in which the first instance ends with its queue stopped at a descriptor that
 * hardware refuses: the second must get rid of it before it has a queue of its own.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/vtd.h>

#include "unit/command_ring.h"

#define RESERVED_TYPE 0xf

int __real_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
int __wrap_iommu_ring_submit(struct iommu_command_ring *ring, const struct iommu_command *commands,
			     unsigned int count, uint32_t barriers, uint16_t *silent);
bool __real_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);
bool __wrap_iommu_ring_command_refused(struct iommu_command_ring *ring, unsigned int slot);
int __real_iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			   const struct iommu_vtd_options *options);
int __wrap_iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			   const struct iommu_vtd_options *options);

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

int __wrap_iommu_vtd_probe(struct iommu *iommu, const void *dmar, size_t size,
			   const struct iommu_vtd_options *options)
{
	const struct iommu_command bad = {.low = RESERVED_TYPE};
	uint16_t silent;

	if (first != NULL && !was_given_up) {
		is_given_up = true;
		(void)__real_iommu_ring_submit(first, &bad, 1, 0, &silent);
		is_given_up = false;
		was_given_up = true;
	}
	return __real_iommu_vtd_probe(iommu, dmar, size, options);
}
