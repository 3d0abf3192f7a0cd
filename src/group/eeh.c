/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frozen groups: what was asked, and what listeners were told. A back end asks firmware, freezes
 * and thaws; whether that took effect is asked here, once for all.
 */
#include <libiommu/eeh.h>

#include "group/group.h"

#if IOMMU_CONFIG_POWER

static struct iommu_endpoint *eeh_member(struct iommu_group *group)
{
	return iommu_list_is_empty(&group->endpoints) ? NULL
						      : iommu_member_of(group->endpoints.next);
}

/* The back end's functions; NULL: it has none, which *status says. */
static const struct iommu_freeze_ops *eeh_ops_of(struct iommu_group *group, int *status)
{
	const struct iommu_endpoint *member = eeh_member(group);

	*status = 0;
	if (member == NULL) {
		*status = IOMMU_REFUSE_GROUP(group, IOMMU_ENODEV, "it has no members");
		return NULL;
	}
	if (member->unit->ops->freeze == NULL)
		*status = IOMMU_REFUSE_GROUP(group, IOMMU_EOPNOTSUPP, "its unit freezes nothing");
	return member->unit->ops->freeze;
}

static void tell_listeners(struct iommu_group *group, bool is_frozen)
{
	struct iommu_list_node *node;

	if (group->is_frozen == is_frozen)
		return;
	group->is_frozen = is_frozen;
	iommu_list_for_each (node, &group->endpoints) {
		struct iommu_endpoint *endpoint = iommu_member_of(node);

		if (!endpoint->is_alias)
			iommu_group_notify(
				group, is_frozen ? IOMMU_ENDPOINT_FROZEN : IOMMU_ENDPOINT_THAWED,
				endpoint);
	}
}

static int get_freeze(struct iommu_group *group, struct iommu_freeze *freeze)
{
	int status;
	const struct iommu_freeze_ops *ops = eeh_ops_of(group, &status);

	if (ops == NULL)
		return status;
	status = ops->get(eeh_member(group), freeze);
	if (status == 0)
		tell_listeners(group, freeze->stopped != 0);
	return status;
}

int iommu_group_get_freeze(struct iommu_group *group, struct iommu_freeze *freeze)
{
	int status;

	iommu_control_lock(group->iommu);
	status = get_freeze(group, freeze);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_group_check_thawed(struct iommu_group *group)
{
	const struct iommu_endpoint *member = eeh_member(group);
	struct iommu_freeze freeze = {0};
	int status;

	if (member == NULL || member->unit->ops->freeze == NULL)
		return 0;
	status = get_freeze(group, &freeze);
	/* Hardware that is not asked, or freezes nothing. */
	if (status == IOMMU_EOPNOTSUPP)
		return 0;
	if (status != 0 || (freeze.stopped & IOMMU_STOPPED_DMA) == 0)
		return status;
	return IOMMU_REFUSE_GROUP(group, IOMMU_EIO, "its DMA is frozen: it is to be thawed first");
}

/* Stop or thaw; then ask whether it is so. */
static int change_freeze(struct iommu_group *group, unsigned int what, bool is_thaw)
{
	struct iommu_freeze freeze = {0};
	int status, asked;
	const struct iommu_freeze_ops *ops = eeh_ops_of(group, &status);

	if (ops == NULL)
		return status;
	if (what == 0 || (what & ~(unsigned int)IOMMU_STOPPED_ALL) != 0)
		return IOMMU_REFUSE_GROUP(
			group, IOMMU_EINVAL,
			"registers, DMA or both can be stopped, and nothing else");
	status = (is_thaw ? ops->thaw : ops->freeze)(eeh_member(group), what);
	/* Also after a failure: part of it may have taken effect, and listeners are told. */
	asked = get_freeze(group, &freeze);
	if (status != 0 || asked != 0)
		return status != 0 ? status : asked;
	if ((freeze.stopped & what) == (is_thaw ? 0 : what))
		return 0;
	return is_thaw ? IOMMU_REFUSE_GROUP(group, IOMMU_EIO, "it is still frozen after its thaw")
		       : IOMMU_REFUSE_GROUP(group, IOMMU_EIO, "it goes on after its freeze");
}

int iommu_group_thaw(struct iommu_group *group, unsigned int what)
{
	int status;

	iommu_control_lock(group->iommu);
	status = change_freeze(group, what, true);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_group_freeze(struct iommu_group *group, unsigned int what)
{
	int status;

	iommu_control_lock(group->iommu);
	status = change_freeze(group, what, false);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

int iommu_group_get_diagnostics(struct iommu_group *group, void *buffer, size_t size,
				size_t *length)
{
	const struct iommu_freeze_ops *ops;
	int status;

	iommu_control_lock(group->iommu);
	ops = eeh_ops_of(group, &status);
	if (ops != NULL)
		status = ops->diagnose(eeh_member(group), buffer, size, length);
	return IOMMU_CONTROL_END_GROUP(group, status);
}

/* --- All groups of a unit --------------------------------------------------------------------- */

static int check_freezes(struct iommu_unit *unit)
{
	struct iommu_list_node *node;
	int result = 0;

	if (unit->ops->freeze == NULL)
		return IOMMU_REFUSE(unit->iommu, unit->name, IOMMU_EOPNOTSUPP,
				    "it freezes nothing");
	iommu_list_for_each (node, &unit->iommu->groups) {
		struct iommu_group *group = iommu_container_of(node, struct iommu_group, link);
		const struct iommu_endpoint *member = eeh_member(group);
		struct iommu_freeze freeze;
		int status = 0;

		if (member != NULL && member->unit == unit)
			status = get_freeze(group, &freeze);
		if (result == 0)
			result = status;
	}
	return result;
}

int iommu_unit_check_freezes(struct iommu_unit *unit)
{
	int status;

	iommu_control_lock(unit->iommu);
	status = check_freezes(unit);
	return iommu_control_end(unit->iommu, IOMMU_CALL, status);
}

#endif
