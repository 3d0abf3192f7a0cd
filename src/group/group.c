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

/* Is the domain one that this endpoint may use, as far as its regions say? */
static int regions_allow(struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	if (domain->type == IOMMU_DOMAIN_DMA)
		return iommu_map_regions(domain, endpoint);
	if (domain->type == IOMMU_DOMAIN_PAGING && iommu_has_region(endpoint, IOMMU_REGION_DIRECT))
		return IOMMU_EPERM;
	return 0;
}

static int members_switch(struct iommu_group *group, struct iommu_domain *domain)
{
	struct iommu_domain *before = group->domain != NULL ? group->domain : group->window;
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &group->endpoints) {
		status = endpoint_switch(member_of(node), domain);
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	/* Those before the one that failed go back; one that cannot is at least blocked. */
	while ((node = node->previous) != &group->endpoints)
		if (endpoint_switch(member_of(node), before) != 0)
			(void)endpoint_switch(member_of(node), NULL);
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
		status = regions_allow(domain, member_of(node));
		if (status != 0)
			return status;
	}
	status = members_switch(group, domain);
	if (status != 0)
		return status;
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
		int status = endpoint_switch(member_of(node), group->window);

		/* Not even that: then nothing at all. */
		if (status != 0 && group->window != NULL)
			(void)endpoint_switch(member_of(node), NULL);
		if (result == 0)
			result = status;
	}
	group->domain->groups--;
	group->domain = NULL;
	return result;
}

/* --- The window ------------------------------------------------------------------------------- */

static int window_make(struct iommu_group *group)
{
	struct iommu_endpoint *first = member_of(group->endpoints.next);
	struct iommu_list_node *node;
	int status = iommu_domain_alloc(first->unit, IOMMU_DOMAIN_PAGING, NULL, &group->window);

	if (status != 0)
		return status;
	iommu_list_for_each (node, &group->endpoints) {
		status = iommu_map_regions(group->window, member_of(node));
		if (status != 0)
			break;
	}
	if (status != 0) {
		(void)iommu_domain_free(group->window);
		group->window = NULL;
	}
	return status;
}

int iommu_group_open_window(struct iommu_group *group)
{
	struct iommu_list_node *node;
	bool wanted = false;
	int status = 0;

	iommu_list_for_each (node, &group->endpoints) {
		const struct iommu_ops *ops = member_of(node)->unit->ops;

		if (ops->is_inherited != NULL && ops->is_inherited(member_of(node)))
			return 0;
	}
	iommu_list_for_each (node, &group->endpoints)
		if (iommu_has_region(member_of(node), IOMMU_REGION_DIRECT) ||
		    iommu_has_region(member_of(node), IOMMU_REGION_DIRECT_RELAXABLE))
			wanted = true;
	if (!wanted || group->window != NULL)
		return 0;
	status = window_make(group);
	if (status != 0 || group->domain != NULL)
		return status;
	iommu_list_for_each (node, &group->endpoints)
		if (status == 0)
			status = endpoint_switch(member_of(node), group->window);
	return status;
}

int iommu_group_block(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	int status = endpoint_switch(endpoint, NULL);

	/* The last one closes the window behind it. */
	if (group->window != NULL && group->endpoints.next->next == &group->endpoints) {
		(void)iommu_domain_free(group->window);
		group->window = NULL;
	}
	return status;
}

struct iommu_domain *iommu_group_domain(const struct iommu_group *group)
{
	return group->domain;
}

unsigned int iommu_group_id(const struct iommu_group *group)
{
	return group->id;
}
