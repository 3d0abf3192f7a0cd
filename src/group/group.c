/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups: ids, and attaching a domain to all members or to none. */
#include <libiommu/domain.h>
#include <libiommu/status.h>

#include "group/group.h"

struct iommu_group *iommu_group_new(struct iommu *iommu)
{
	struct iommu_group *group = iommu_object_alloc(&iommu->group_cache, 0);
	struct iommu_list_node *node;

	if (group == NULL)
		return NULL;
	group->iommu = iommu;
	iommu_list_init(&group->endpoints);
	/* The list is sorted: the first gap is the smallest free id, and the place to insert. */
	iommu_list_for_each (node, &iommu->groups) {
		if (iommu_container_of(node, struct iommu_group, link)->id != group->id)
			break;
		group->id++;
	}
	iommu_list_insert(node, &group->link);
	return group;
}

void iommu_group_free(struct iommu_group *group)
{
	iommu_list_remove(&group->link);
	iommu_object_free(&group->iommu->group_cache, group);
}

static struct iommu_endpoint *member_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_endpoint, group_link);
}

/* Switch one endpoint to a domain; NULL: blocked. */
static int endpoint_switch(struct iommu_endpoint *endpoint, struct iommu_domain *domain)
{
	int status = 0;

	if (endpoint->domain == domain)
		return 0;
	if (domain != NULL)
		status = domain->ops->attach(domain, endpoint);
	else
		status = endpoint->domain->ops->detach(endpoint->domain, endpoint);
	/* A detach that was not confirmed has detached all the same. */
	if (status == 0 || domain == NULL)
		endpoint->domain = domain;
	return status;
}

int iommu_domain_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	struct iommu_domain *before = group->domain;
	struct iommu_list_node *node;
	int status = 0;

	if (domain->iommu != group->iommu)
		return IOMMU_EINVAL;
	iommu_list_for_each (node, &group->endpoints) {
		status = endpoint_switch(member_of(node), domain);
		if (status != 0)
			break;
	}
	if (status != 0) {
		/* Those before the one that failed go back; one that cannot is at least blocked. */
		while ((node = node->previous) != &group->endpoints)
			if (endpoint_switch(member_of(node), before) != 0)
				(void)endpoint_switch(member_of(node), NULL);
		return status;
	}
	/* Also when it is the domain from before: members that had been lost are back. */
	group->domain = domain;
	domain->groups++;
	if (before != NULL)
		before->groups--;
	return 0;
}

int iommu_domain_detach_group(struct iommu_group *group)
{
	struct iommu_list_node *node;
	int result = 0;

	if (group->domain == NULL)
		return 0;
	iommu_list_for_each (node, &group->endpoints) {
		int status = endpoint_switch(member_of(node), NULL);

		if (result == 0)
			result = status;
	}
	group->domain->groups--;
	group->domain = NULL;
	return result;
}

struct iommu_domain *iommu_group_domain(const struct iommu_group *group)
{
	return group->domain;
}

unsigned int iommu_group_id(const struct iommu_group *group)
{
	return group->id;
}
