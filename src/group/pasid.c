/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains attached for one PASID: for all members of a group or for none. The handles are memory of
 * the callers; fault handlers read their list under `look_lock`.
 */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/text.h"
#include "base/trace.h"
#include "group/group.h"

#if IOMMU_CONFIG_SCALABLE

static struct iommu_pasid_handle *handle_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_pasid_handle, link);
}

/* Only the control path changes the list: it may look without the lock. */
static struct iommu_pasid_handle *find(struct iommu_group *group, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->pasids)
		if (handle_of(node)->pasid == pasid)
			return handle_of(node);
	return NULL;
}

struct iommu_pasid_handle *iommu_group_find_pasid(struct iommu_group *group, uint32_t pasid)
{
	const struct iommu_platform *platform = group->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &group->iommu->look_lock);
	struct iommu_pasid_handle *handle = find(group, pasid);

	iommu_spin_unlock(platform, &group->iommu->look_lock, state);
	return handle;
}

static void insert(struct iommu_group *group, struct iommu_pasid_handle *handle)
{
	const struct iommu_platform *platform = group->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &group->iommu->look_lock);

	iommu_list_insert(&group->pasids, &handle->link);
	iommu_spin_unlock(platform, &group->iommu->look_lock, state);
}

/* When it returns, no fault handler uses the handle any more. */
static void take_out(struct iommu_group *group, struct iommu_pasid_handle *handle)
{
	const struct iommu_platform *platform = group->iommu->platform;
	uintptr_t state = iommu_spin_lock(platform, &group->iommu->look_lock);
	struct iommu_list_node *node;

	iommu_list_remove(&handle->link);
	iommu_spin_unlock(platform, &group->iommu->look_lock, state);
	iommu_list_for_each (node, &group->endpoints)
		iommu_wait_for_users(iommu_member_of(node));
}

/* --- Members ---------------------------------------------------------------------------------- */

/* Requests with a PASID carry the endpoint's own id: its other ids have none. */
static bool has_pasids(const struct iommu_endpoint *endpoint)
{
	return !endpoint->is_alias;
}

/* One that is being reset gets what is attached then: see iommu_pasids_return. */
static bool takes_part(const struct iommu_endpoint *endpoint)
{
	return has_pasids(endpoint) && !iommu_is_in_reset(endpoint);
}

/* One that takes no part is blocked, which hardware may not have confirmed. */
static int leave_out(const struct iommu_endpoint *endpoint)
{
	return has_pasids(endpoint) ? iommu_unit_confirm(endpoint->unit) : 0;
}

static bool all_may_use(const struct iommu_domain *domain, const struct iommu_group *group)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (!iommu_may_use(domain, iommu_container_of((uintptr_t)node,
							      struct iommu_endpoint, group_link)))
			return false;
	return true;
}

static int check(const struct iommu_domain *domain, const struct iommu_group *group, uint32_t pasid)
{
	const struct iommu_list_node *node;

	if (domain->iommu != group->iommu)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL, "the domain is another instance's");
	if (pasid == 0)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EINVAL,
					  "PASID 0 is for requests without one");
	if (domain->ops->attach_pasid == NULL || domain->ops->detach_pasid == NULL)
		return IOMMU_REFUSE_GROUP(group, IOMMU_EOPNOTSUPP,
					  "such a domain is not for PASIDs");
	if (iommu_is_quarantine(domain))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EOPNOTSUPP,
					  "a quarantine is not for PASIDs");
	if (!all_may_use(domain, group))
		return IOMMU_REFUSE_GROUP(group, IOMMU_EPERM,
					  "a member is untrusted, and the domain lets it reach "
					  "more than it is given");
	iommu_list_for_each (node, &group->endpoints) {
		const struct iommu_endpoint *endpoint =
			iommu_container_of((uintptr_t)node, struct iommu_endpoint, group_link);

		if (!has_pasids(endpoint))
			continue;
		if (!iommu_is_for(domain, endpoint->unit))
			return IOMMU_REFUSE(group->iommu, endpoint->name, IOMMU_EINVAL,
					    "the domain is another back end's");
		/* To one that knows none, no PASID is too large. */
		if ((endpoint->features & IOMMU_FEATURE_PASID) == 0)
			return IOMMU_REFUSE(group->iommu, endpoint->name, IOMMU_EOPNOTSUPP,
					    "PASIDs are not enabled in it");
		if (pasid >= endpoint->info.max_pasids)
			return IOMMU_REFUSE(group->iommu, endpoint->name, IOMMU_EINVAL,
					    "it has no such PASID");
	}
	return 0;
}

static int attach_one(struct iommu_domain *domain, struct iommu_endpoint *endpoint, uint32_t pasid,
		      struct iommu_domain *before)
{
	const int status = domain->ops->attach_pasid(domain, endpoint, pasid, before);

	iommu_trace_switch(endpoint, pasid, before, domain, status);
	return status;
}

static int detach_one(struct iommu_domain *domain, struct iommu_endpoint *endpoint, uint32_t pasid)
{
	const int status = domain->ops->detach_pasid(domain, endpoint, pasid);

	iommu_trace_switch(endpoint, pasid, domain, NULL, status);
	return status;
}

/*
 * Back to the domain from before, or to none; what cannot go back has none, and the host is told.
 */
static void take_back(struct iommu_endpoint *endpoint, struct iommu_domain *domain, uint32_t pasid,
		      struct iommu_domain *before)
{
	if (before != NULL && attach_one(before, endpoint, pasid, domain) == 0)
		return;
	if (detach_one(domain, endpoint, pasid) != 0 || before != NULL) {
		char line[80];
		size_t used = iommu_line_append(line, sizeof(line), 0, "PASID ");

		used = iommu_line_append_number(line, sizeof(line), used, pasid);
		(void)iommu_line_append(line, sizeof(line), used,
					" is blocked: it could not be given its domain back");
		iommu_log(endpoint->iommu->platform, IOMMU_LOG_ERROR, endpoint->name, line);
	}
}

static bool is_blocked(const struct iommu_endpoint *endpoint, uint32_t pasid)
{
	const struct iommu_ops *ops = endpoint->unit->ops;

	return ops->has_pasid != NULL && !ops->has_pasid(endpoint, pasid);
}

static int set_all(struct iommu_group *group, struct iommu_domain *domain, uint32_t pasid,
		   struct iommu_domain *before)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);

		member->was_blocked = is_blocked(member, pasid);
		status = takes_part(member) ? attach_one(domain, member, pasid, before)
					    : leave_out(member);
		if (status != 0)
			break;
	}
	if (status == 0)
		return 0;
	while ((node = node->previous) != &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);

		if (takes_part(member))
			take_back(member, domain, pasid, member->was_blocked ? NULL : before);
	}
	return status;
}

/*
 * Of a use that ended unconfirmed: the back end has drained them since, and the domain that is
 * attached now is not to answer them.
 */
static void drop_former_requests(struct iommu_group *group, uint32_t pasid)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints)
		if (takes_part(iommu_member_of(node)))
			iommu_page_requests_drop(iommu_member_of(node), true, pasid);
}

static int set(struct iommu_group *group, struct iommu_domain *domain, uint32_t pasid,
	       struct iommu_pasid_handle *before, struct iommu_pasid_handle *handle)
{
	int status = check(domain, group, pasid);

	if (status == 0)
		status = set_all(group, domain, pasid, before != NULL ? before->domain : NULL);
	if (status != 0)
		return status;
	if (before != NULL) {
		take_out(group, before);
		before->domain->groups--;
	} else {
		drop_former_requests(group, pasid);
	}
	handle->domain = domain;
	handle->pasid = pasid;
	domain->groups++;
	insert(group, handle);
	return 0;
}

int iommu_domain_attach_pasid(struct iommu_domain *domain, struct iommu_group *group,
			      uint32_t pasid, struct iommu_pasid_handle *handle)
{
	int status;

	iommu_control_lock(group->iommu);
	if (find(group, pasid) == NULL)
		status = set(group, domain, pasid, NULL, handle);
	else
		status = IOMMU_REFUSE_GROUP(group, IOMMU_EBUSY,
					    "a domain is attached to this PASID");
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_domain_replace_pasid(struct iommu_domain *domain, struct iommu_group *group,
			       uint32_t pasid, struct iommu_pasid_handle *handle)
{
	struct iommu_pasid_handle *before;
	int status;

	iommu_control_lock(group->iommu);
	before = find(group, pasid);
	if (before != NULL)
		status = set(group, domain, pasid, before, handle);
	else
		status = IOMMU_REFUSE_GROUP(group, IOMMU_ENOENT,
					    "nothing is attached to this PASID");
	return IOMMU_CONTROL_END_GROUP(group, status);
}

static int detach(struct iommu_group *group, struct iommu_pasid_handle *handle)
{
	struct iommu_domain *domain = handle->domain;
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);
		const int status = takes_part(member) ? detach_one(domain, member, handle->pasid)
						      : leave_out(member);

		/* The back end has drained them: no more will come. */
		iommu_page_requests_drop(member, true, handle->pasid);
		if (result == 0)
			result = status;
	}
	take_out(group, handle);
	domain->groups--;
	return result;
}

int iommu_pasids_leave(struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &endpoint->group->pasids) {
		struct iommu_domain *domain = handle_of(node)->domain;
		int status = 0;

		if (takes_part(endpoint))
			status = detach_one(domain, endpoint, handle_of(node)->pasid);
		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_pasids_return(struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &endpoint->group->pasids) {
		struct iommu_domain *domain = handle_of(node)->domain;

		if (takes_part(endpoint))
			status = attach_one(domain, endpoint, handle_of(node)->pasid, NULL);
		if (status != 0)
			return status;
	}
	endpoint->pasids_are_away = false;
	return 0;
}

void iommu_pasids_follow(struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *member = iommu_member_of(node);

		if (member->pasids_are_away && !iommu_is_in_reset(member) &&
		    iommu_pasids_return(member) != 0)
			iommu_log(group->iommu->platform, IOMMU_LOG_ERROR, member->name,
				  "its PASIDs, which a reset has blocked, stay blocked");
	}
}

int iommu_domain_detach_pasid(struct iommu_group *group, uint32_t pasid)
{
	struct iommu_pasid_handle *handle;
	int status;

	iommu_control_lock(group->iommu);
	handle = find(group, pasid);
	if (handle != NULL)
		status = detach(group, handle);
	else
		status = IOMMU_REFUSE_GROUP(group, IOMMU_ENOENT,
					    "nothing is attached to this PASID");
	return IOMMU_CONTROL_END_GROUP(group, status);
}

#endif
