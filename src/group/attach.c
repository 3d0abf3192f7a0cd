/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain that the members of a group use: the same for all, changed for all or for none.
 *
 * It follows from the state of the group: the domain that the host has attached; otherwise, unless
 * the group is claimed, the default domain; otherwise the window, which maps nothing but direct
 * regions; otherwise none.
 */
#include <libiommu/domain.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/trace.h"
#include "group/group.h"

static bool is_inherited(const struct iommu_endpoint *endpoint)
{
	const struct iommu_ops *ops = endpoint->unit->ops;

	return ops->is_inherited != NULL && ops->is_inherited(endpoint);
}

/* Switch one endpoint to a domain; NULL: blocked. */
static int endpoint_switch(struct iommu_endpoint *endpoint, struct iommu_domain *domain)
{
	int status = 0;

	/* It is blocked for a reset, which hardware may not have confirmed. */
	if (iommu_is_silent(endpoint) && domain != NULL)
		return iommu_unit_confirm(endpoint->unit);
	if (domain == NULL && endpoint->domain == NULL && is_inherited(endpoint))
		return endpoint->unit->ops->block_inherited(endpoint);
	/* Hardware may never have confirmed that: see iommu_ops.confirm. */
	if (endpoint->domain == domain) {
		status = iommu_unit_confirm(endpoint->unit);
		return status == 0 && domain != NULL ? iommu_domain_settle(domain) : status;
	}
	if (domain != NULL && !iommu_is_for(domain, endpoint->unit))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "the domain is another back end's");
	if (domain != NULL && iommu_is_quarantine(domain))
		status = iommu_quarantine_open(domain);
	if (status != 0)
		return status;
	if (domain != NULL)
		status = domain->ops->attach(domain, endpoint);
	else
		status = endpoint->domain->ops->detach(endpoint->domain, endpoint);
	iommu_trace_switch(endpoint, 0, endpoint->domain, domain, status);
	/* A detach that was not confirmed has detached all the same. */
	if (status == 0 || domain == NULL)
		endpoint->domain = domain;
	return status;
}

int iommu_endpoint_block(struct iommu_endpoint *endpoint)
{
	return endpoint_switch(endpoint, NULL);
}

/* It cannot use what it should: then nothing at all, and the host is told. */
static void give_up(struct iommu_endpoint *endpoint)
{
	(void)endpoint_switch(endpoint, NULL);
	iommu_log(endpoint->iommu->platform, IOMMU_LOG_ERROR, endpoint->name,
		  "blocked: it could not be given its domain back");
}

/* --- Regions ---------------------------------------------------------------------------------- */

/* The group's own domains hold the regions of its members whether they are used or not. */
static bool is_own(const struct iommu_group *group, const struct iommu_domain *domain)
{
	return domain == group->default_domain || domain == group->window;
}

#if IOMMU_CONFIG_REGIONS
static int dismiss_all(struct iommu_group *group, struct iommu_domain *domain)
{
	struct iommu_list_node *node;
	int result = 0;

	if (domain == NULL || is_own(group, domain))
		return 0;
	iommu_list_for_each (node, &group->endpoints) {
		int status = iommu_dismiss(domain, iommu_member_of(node));

		if (result == 0)
			result = status;
	}
	return result;
}

#else
#define dismiss_all(group, domain) 0
#endif

static int admit_all(struct iommu_group *group, struct iommu_domain *domain)
{
	struct iommu_list_node *node;
	int status = 0;

	if (domain == NULL)
		return 0;
	iommu_list_for_each (node, &group->endpoints) {
		status = iommu_admit(domain, iommu_member_of(node));
		if (status != 0)
			break;
	}
	return status;
}

#if IOMMU_CONFIG_REGIONS
void iommu_endpoint_dismiss(struct iommu_endpoint *endpoint)
{
	const struct iommu_group *group = endpoint->group;
	struct iommu_domain *domains[] = {group->domain, group->default_domain, group->window};
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (domains[i] != NULL)
			(void)iommu_dismiss(domains[i], endpoint);
}
#endif

/* --- All members ------------------------------------------------------------------------------ */

static int switch_all(struct iommu_group *group, struct iommu_domain *before,
		      struct iommu_domain *domain)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);

		member->was_blocked = member->domain == NULL;
		status = endpoint_switch(member, domain);
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	/* Those before the one that failed go back; one that was to be blocked is blocked. */
	if (domain == NULL)
		node = node->next;
	while ((node = node->previous) != &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);
		struct iommu_domain *back = member->was_blocked ? NULL : before;

		if (member->domain != back && endpoint_switch(member, back) != 0)
			give_up(member);
	}
	return status;
}

int iommu_group_switch(struct iommu_group *group, struct iommu_domain *before,
		       struct iommu_domain *domain)
{
	int status = admit_all(group, domain);

	if (status == 0)
		status = switch_all(group, before, domain);
	/* What the domain that is not used, any more or after all, holds for them. */
	if (status != 0 && domain != before)
		(void)dismiss_all(group, domain);
	else if (status == 0 && domain != before)
		(void)dismiss_all(group, before);
	return status;
}

/* --- The group as a whole --------------------------------------------------------------------- */

struct iommu_domain *iommu_group_current(const struct iommu_group *group)
{
	if (group->domain != NULL)
		return group->domain;
	if (group->owner == NULL && group->default_domain != NULL)
		return group->default_domain;
	return group->window;
}

/* What the group uses when the host attaches nothing: its window must be there in time. */
static int prepare_rest(struct iommu_group *group)
{
	if (group->owner == NULL && group->default_domain != NULL)
		return 0;
	return iommu_group_make_window(group);
}

int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	struct iommu_domain *before = group->domain;
	int status;

	if (domain->iommu != group->iommu)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL, "the domain is another instance's");
	if (is_own(group, domain))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL,
					  "the domain is one that the library made for the group");
	if (iommu_is_quarantine(domain) && domain->groups != 0 && domain != before)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY,
					  "what another group writes could be read in the domain");
	/* A device that the host gives a domain must be able to use it. */
	status = domain != before && domain->type != IOMMU_DOMAIN_BLOCKED
			 ? iommu_group_check_thawed(group)
			 : 0;
	if (status == 0)
		status = iommu_group_switch(group, iommu_group_current(group), domain);
	if (status != 0)
		return status;
	/* Also when it is the domain from before: members that had been lost are back. */
	group->domain = domain;
	domain->groups++;
	if (before != NULL)
		before->groups--;
	iommu_pasids_follow(group);
	return 0;
}

int iommu_group_confirm(const struct iommu_group *group)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &group->endpoints) {
		int status = iommu_unit_confirm(iommu_member_of(node)->unit);

		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_detach_group(struct iommu_group *group)
{
	struct iommu_domain *domain = group->domain;
	struct iommu_domain *rest;
	struct iommu_list_node *node;
	int result;

	if (domain == NULL)
		return iommu_group_confirm(group);
	result = prepare_rest(group);
	group->domain = NULL;
	domain->groups--;
	rest = iommu_group_current(group);
	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *endpoint = iommu_member_of(node);
		int status = rest != NULL ? iommu_admit(rest, endpoint) : 0;

		if (status == 0)
			status = endpoint_switch(endpoint, rest);
		if (status != 0 && rest != NULL)
			give_up(endpoint);
		if (result == 0)
			result = status;
	}
	if (result == 0)
		result = dismiss_all(group, domain);
	else
		(void)dismiss_all(group, domain);
	return result;
}

int iommu_domain_attach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	int status;

	iommu_control_lock(group->iommu);
	status = iommu_attach_group(domain, group);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_domain_detach_group(struct iommu_group *group)
{
	int status;

	iommu_control_lock(group->iommu);
	status = iommu_detach_group(group);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

static int check_alone(const struct iommu_endpoint *endpoint)
{
	int status = iommu_endpoint_check_is_there(endpoint);

	if (status != 0)
		return status;
	return endpoint->group->members == 1
		       ? 0
		       : IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				      "there are other devices in its group");
}

int iommu_domain_attach_endpoint(struct iommu_domain *domain, struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = check_alone(endpoint);
	if (status == 0)
		status = iommu_attach_group(domain, endpoint->group);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

int iommu_domain_detach_endpoint(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = check_alone(endpoint);
	if (status == 0)
		status = iommu_detach_group(endpoint->group);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

/* --- The window ------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_REGIONS

static bool has_direct_regions(const struct iommu_endpoint *endpoint)
{
	return iommu_has_region(endpoint, IOMMU_REGION_DIRECT) ||
	       iommu_has_region(endpoint, IOMMU_REGION_DIRECT_RELAXABLE);
}

/* @unit: of a member with regions; NULL: none has any, and nothing is needed to block them. */
static int new_window(struct iommu_group *group, struct iommu_unit *unit)
{
	int status = IOMMU_EOPNOTSUPP;

	if (IOMMU_CONFIG_QUARANTINE && group->iommu->quarantines &&
	    !iommu_list_is_empty(&group->endpoints)) {
		struct iommu_unit *any = iommu_member_of(group->endpoints.next)->unit;

		status = iommu_domain_new(any, IOMMU_DOMAIN_QUARANTINE, NULL, &group->window);
		if (status == IOMMU_EOPNOTSUPP)
			iommu_log(group->iommu->platform, IOMMU_LOG_WARNING, iommu_group_who(group),
				  "its unit has no quarantine: it is blocked where it is to reach "
				  "nothing");
	}
	if (status != IOMMU_EOPNOTSUPP)
		return status;
	return unit != NULL ? iommu_domain_new(unit, IOMMU_DOMAIN_PAGING, NULL, &group->window) : 0;
}

int iommu_group_make_window(struct iommu_group *group)
{
	struct iommu_unit *unit = NULL;
	struct iommu_list_node *node;
	const bool is_new = group->window == NULL;
	int status;

	iommu_list_for_each (node, &group->endpoints)
		if (has_direct_regions(iommu_member_of(node)))
			unit = iommu_member_of(node)->unit;
	status = is_new ? new_window(group, unit) : 0;
	if (status != 0 || group->window == NULL)
		return status;
	group->window->groups = 1; /* the group's alone to free */
	status = admit_all(group, group->window);
	if (status != 0 && is_new)
		iommu_group_close_window(group);
	return status;
}

void iommu_group_close_window(struct iommu_group *group)
{
	if (group->window == NULL)
		return;
	group->window->groups = 0;
	(void)iommu_domain_drop(group->window);
	group->window = NULL;
}

static bool group_is_inherited(const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (is_inherited(iommu_member_of(node)))
			return true;
	return false;
}

int iommu_group_open_window(struct iommu_group *group)
{
	int status;

	if (group_is_inherited(group))
		return 0;
	status = iommu_group_make_window(group);
	if (status != 0 || group->window == NULL || iommu_group_current(group) != group->window)
		return status;
	return iommu_group_switch(group, NULL, group->window);
}

#endif

/* --- Members that come ------------------------------------------------------------------------ */

/* Into every domain that the group may use: it need not be asked again on the way back to one. */
static int admit_member(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	int status = 0;

	if (group->domain != NULL && !iommu_may_use(group->domain, endpoint))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EBUSY,
				    "its group uses a domain that the endpoint cannot use");
	if (group->default_domain != NULL)
		status = iommu_admit(group->default_domain, endpoint);
	if (status == 0 && (endpoint->unit->enabled || group->window != NULL))
		status = prepare_rest(group);
	if (status == 0 && group->domain != NULL)
		status = iommu_admit(group->domain, endpoint);
	return status;
}

int iommu_endpoint_join(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	int status;

	/* What an earlier kernel left running goes on until a driver wants it to end. */
	if (group->domain == NULL && is_inherited(endpoint))
		return 0;
	status = admit_member(endpoint);
	return status != 0 ? status : endpoint_switch(endpoint, iommu_group_current(group));
}
