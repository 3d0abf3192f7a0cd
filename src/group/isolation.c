/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a group may be given to an owner that is not trusted. Translation isolates its members
 * from memory of others; two ways bypass it: a write that the platform treats as an interrupt, and
 * another function that is reached without passing the unit.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "group/group.h"

void iommu_allow_unsafe_interrupts(struct iommu *iommu, bool allow)
{
	iommu_control_lock(iommu);
	iommu->unsafe_interrupts = allow;
	iommu_control_unlock(iommu);
}

/*
 * A unit that remaps interrupts is what they pass: where it could and does not, the host's word for
 * its interrupt controller says nothing. A back end that does not say is one that cannot know.
 */
static int check_interrupts(void *ctx, struct iommu_endpoint *endpoint)
{
	const struct iommu *iommu = ctx;

	if (iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_ISOLATION) || iommu->unsafe_interrupts)
		return 0;
	return iommu->platform->isolates_interrupts &&
			       !iommu_capable(endpoint, IOMMU_CAPABLE_INTERRUPT_REMAPPING)
		       ? 0
		       : IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EPERM,
				      "its interrupts are not isolated from those of others");
}

static int check_neighbours(void *ctx, struct iommu_endpoint *endpoint)
{
	(void)ctx;
	return iommu_topology_reaches_others(endpoint)
		       ? IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EPERM,
				      "it reaches devices of another group around the unit")
		       : 0;
}

int iommu_group_check_isolation(struct iommu_group *group)
{
	struct iommu *iommu = group->iommu;
	int status;

	iommu_control_lock(iommu);
	status = iommu_group_for_each(group, check_neighbours, NULL);
	if (status == 0)
		status = iommu_group_for_each(group, check_interrupts, iommu);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
