/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whose a group is: the host's drivers' through its default domain, or an owner's who attaches what he
 * likes. Never both: either one keeps the other away.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "group/group.h"

/* --- Owners ----------------------------------------------------------------------------------- */

/* The first claim: from the default domain to what is reached while blocked. */
static int take(struct iommu_group *group, void *owner)
{
	int status;

	if (group->drivers != 0 || group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_EBUSY;
	status = iommu_group_make_window(group);
	if (status == 0 && group->default_domain != NULL)
		status = iommu_group_switch(group, group->default_domain, group->window);
	if (status == 0)
		group->owner = owner;
	return status;
}

static int claim(struct iommu_group *group, void *owner)
{
	int status = 0;

	if (owner == NULL)
		return IOMMU_EINVAL;
	if (group->owner != NULL && group->owner != owner)
		return IOMMU_EPERM;
	if (group->owner == NULL)
		status = take(group, owner);
	if (status != 0)
		return status;
	group->claims++;
	group->holders++;
	return 0;
}

int iommu_group_claim(struct iommu_group *group, void *owner)
{
	int status;

	iommu_control_lock(group->iommu);
	status = claim(group, owner);
	iommu_control_unlock(group->iommu);
	return status;
}

/* The last release: back to the default domain. */
static int give_back(struct iommu_group *group)
{
	if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_EBUSY;
	if (group->default_domain == NULL)
		return 0;
	return iommu_group_switch(group, group->window, group->default_domain);
}

static int release(struct iommu_group *group, const void *owner)
{
	int status = 0;

	if (group->owner == NULL || group->owner != owner)
		return IOMMU_EPERM;
	if (group->claims == 1)
		status = give_back(group);
	if (status != 0)
		return status;
	group->claims--;
	group->holders--;
	if (group->claims == 0)
		group->owner = NULL;
	iommu_group_free_if_unused(group);
	return 0;
}

int iommu_group_release(struct iommu_group *group, void *owner)
{
	struct iommu *iommu = group->iommu;
	int status;

	iommu_control_lock(iommu);
	status = release(group, owner);
	iommu_control_unlock(iommu);
	return status;
}

/* --- Drivers of the host ---------------------------------------------------------------------- */

int iommu_use_default(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	int status = 0;

	if (group->owner != NULL || group->domain != NULL || !iommu_list_is_empty(&group->pasids))
		return IOMMU_EBUSY;
	/* Where an earlier kernel's translations were left alone, and after a failure. */
	if (group->default_domain != NULL)
		status = iommu_group_switch(group, iommu_group_current(group),
					    group->default_domain);
	if (status != 0)
		return status;
	endpoint->drivers++;
	group->drivers++;
	return 0;
}

void iommu_unuse_default(struct iommu_endpoint *endpoint)
{
	if (endpoint->drivers == 0)
		return;
	endpoint->drivers--;
	endpoint->group->drivers--;
}

int iommu_use_default_domain(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = iommu_use_default(endpoint);
	iommu_control_unlock(endpoint->iommu);
	return status;
}

void iommu_unuse_default_domain(struct iommu_endpoint *endpoint)
{
	iommu_control_lock(endpoint->iommu);
	iommu_unuse_default(endpoint);
	iommu_control_unlock(endpoint->iommu);
}
