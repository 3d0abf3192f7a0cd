/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets of devices: a device that is being reset reaches nothing, and is asked nothing.
 *
 * What the group uses is not changed by that, and may change meanwhile: a silent id is left out of
 * every change (endpoint_switch, pasid.c), and gets what the group uses when the reset ends.
 *
 * A device sends under several ids, some of which it may share with other members. An id is silent
 * if every device that uses it is being reset: what others send is not stopped.
 */
#include <libiommu/endpoint.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "group/group.h"

#if IOMMU_CONFIG_RESETS

/* --- Ids -------------------------------------------------------------------------------------- */

static bool uses_id(const struct iommu_endpoint *device, const struct iommu_endpoint *id)
{
	unsigned int i;

	for (i = 0; i < device->alias_count; i++)
		if (device->aliases[i] == id)
			return true;
	return device == id;
}

/* `but`: a device that does not count, because it goes; NULL: all do. */
static bool should_be_silent(const struct iommu_endpoint *id, const struct iommu_endpoint *but)
{
	struct iommu_list_node *node;
	bool is_used = false;

	iommu_list_for_each (node, &id->group->endpoints) {
		const struct iommu_endpoint *device = iommu_member_of(node);

		if (device->is_alias || device == but || !uses_id(device, id))
			continue;
		if (device->resets == 0)
			return false;
		is_used = true;
	}
	return is_used;
}

/* Blocked first, then left out. */
static int make_silent(struct iommu_endpoint *id)
{
	int status = iommu_endpoint_block(id);

	id->is_silent = true;
	return status;
}

static int let_speak(struct iommu_endpoint *id)
{
	id->is_silent = false;
	return iommu_endpoint_join(id);
}

/* Every id of the group as it should be; the first failure. */
static int settle_ids(struct iommu_group *group)
{
	struct iommu_list_node *node;
	int result = 0;

	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *id = iommu_member_of(node);
		int status = 0;

		if (should_be_silent(id, NULL) != id->is_silent)
			status = id->is_silent ? let_speak(id) : make_silent(id);
		if (result == 0)
			result = status;
	}
	return result;
}

void iommu_resets_follow(struct iommu_group *group)
{
	if (settle_ids(group) != 0)
		iommu_log(group->iommu->platform, IOMMU_LOG_ERROR, iommu_group_who(group),
			  "an id that is shared with a device in reset is not as it should be");
}

static int silence_without(struct iommu_endpoint *id, const struct iommu_endpoint *leaving)
{
	return id->is_silent || !should_be_silent(id, leaving) ? 0 : make_silent(id);
}

int iommu_resets_leave(struct iommu_endpoint *endpoint)
{
	int result = silence_without(endpoint, endpoint);
	unsigned int i;

	for (i = 0; i < endpoint->alias_count; i++) {
		const int status = silence_without(endpoint->aliases[i], endpoint);

		if (result == 0)
			result = status;
	}
	return result;
}

/* --- Begin and end ---------------------------------------------------------------------------- */

/* Every step, whatever becomes of those before: what is to be undone is all of it. */
static int silence(struct iommu_endpoint *endpoint)
{
	const struct iommu_ops *ops = endpoint->unit->ops;
	int status, next;

	status = ops->begin_reset != NULL ? ops->begin_reset(endpoint) : 0;
	next = iommu_pasids_leave(endpoint);
	if (status == 0)
		status = next;
	endpoint->resets = 1;
	next = settle_ids(endpoint->group);
	if (status == 0)
		status = next;
	/* The device forgets what it has asked; the back end has no more of it. */
	if (IOMMU_CONFIG_SCALABLE)
		iommu_endpoint_drop_page_requests(endpoint);
	return status != 0 ? status : iommu_unit_confirm(endpoint->unit);
}

/* Is it blocked, which hardware confirms? An end that failed may have left it otherwise. */
static int silence_again(struct iommu_endpoint *endpoint)
{
	const int status = settle_ids(endpoint->group);

	return status != 0 ? status : iommu_unit_confirm(endpoint->unit);
}

/* What the group uses now. */
static int give_back(struct iommu_endpoint *endpoint)
{
	int status;

	endpoint->resets = 0;
	endpoint->pasids_are_away = true;
	status = settle_ids(endpoint->group);
	return status != 0 ? status : iommu_pasids_return(endpoint);
}

static int reset_begin(struct iommu_endpoint *endpoint)
{
	int status = iommu_endpoint_check_is_there(endpoint);

	if (status != 0)
		return status;
	if (endpoint->resets != 0) {
		if (endpoint->resets == UINT32_MAX)
			return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EBUSY,
					    "its resets are nested too deeply");
		status = silence_again(endpoint);
		endpoint->resets += status == 0;
		return status;
	}
	status = silence(endpoint);
	if (status == 0)
		return 0;
	if (endpoint->unit->ops->cancel_reset != NULL)
		endpoint->unit->ops->cancel_reset(endpoint);
	if (give_back(endpoint) != 0)
		iommu_log(endpoint->iommu->platform, IOMMU_LOG_ERROR, endpoint->name,
			  "blocked: its reset could not begin, and it could not be given its "
			  "domain back");
	return status;
}

int iommu_endpoint_reset_begin(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = reset_begin(endpoint);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

static int end(struct iommu_endpoint *endpoint)
{
	int status = iommu_endpoint_check_is_there(endpoint);

	if (status != 0)
		return status;
	if (endpoint->resets == 0)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "no reset of it was begun");
	if (endpoint->resets > 1) {
		endpoint->resets--;
		return 0;
	}
	if (endpoint->unit->ops->endpoint_was_reset != NULL)
		endpoint->unit->ops->endpoint_was_reset(endpoint);
	status = give_back(endpoint);
	if (status != 0) {
		/* That it is blocked may not be confirmed, which is the worse of the two. */
		const int silent = silence(endpoint);

		status = silent != 0 ? silent : status;
	}
	return status;
}

int iommu_endpoint_reset_end(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = end(endpoint);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
}

bool iommu_endpoint_is_in_reset(const struct iommu_endpoint *endpoint)
{
	return endpoint->resets != 0;
}

#endif
