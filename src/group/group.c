/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups: lifetime and properties. */
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/text.h"
#include "group/group.h"

static struct iommu_group *group_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_group, link);
}

/* --- Life ------------------------------------------------------------------------------------- */

struct iommu_group *iommu_group_new(struct iommu *iommu)
{
	struct iommu_group *group = iommu_object_alloc(&iommu->group_cache, 0);
	struct iommu_list_node *node;

	if (group == NULL)
		return NULL;
	group->iommu = iommu;
	group->default_type = IOMMU_DOMAIN_BLOCKED;
	iommu_list_init(&group->endpoints);
	iommu_list_init(&group->pasids);
	iommu_list_init(&group->notifiers);
	/* The list is sorted: the first gap is the smallest free id, and the place to insert. */
	iommu_list_for_each (node, &iommu->groups) {
		if (group_of(node)->id != group->id)
			break;
		group->id++;
	}
	iommu_list_insert(node, &group->link);
	return group;
}

void iommu_group_free_if_unused(struct iommu_group *group)
{
	if (group->members != 0 || group->holders != 0 || group->drivers != 0 ||
	    group->default_domain != NULL)
		return;
	iommu_group_set_data(group, NULL, NULL);
	iommu_group_set_unit_data(group, NULL, NULL);
	iommu_list_remove(&group->link);
	iommu_object_free(&group->iommu->group_cache, group);
}

void iommu_group_hold(struct iommu_group *group)
{
	iommu_control_lock(group->iommu);
	group->holders++;
	iommu_control_unlock(group->iommu);
}

void iommu_group_drop(struct iommu_group *group)
{
	struct iommu *iommu;

	if (group == NULL)
		return;
	iommu = group->iommu;
	iommu_control_lock(iommu);
	group->holders--;
	iommu_group_free_if_unused(group);
	iommu_control_unlock(iommu);
}

/* --- Looks ------------------------------------------------------------------------------------ */

struct iommu_group *iommu_next_group(struct iommu *iommu, struct iommu_group *group)
{
	struct iommu_list_node *next = group == NULL ? iommu->groups.next : group->link.next;

	return next == &iommu->groups ? NULL : group_of(next);
}

struct iommu_group *iommu_find_group(struct iommu *iommu, unsigned int id)
{
	struct iommu_group *group = NULL;

	while ((group = iommu_next_group(iommu, group)) != NULL)
		if (group->id == id)
			break;
	return group;
}

unsigned int iommu_group_id(const struct iommu_group *group)
{
	return group->id;
}

unsigned int iommu_group_size(const struct iommu_group *group)
{
	return group->members;
}

const char *iommu_group_name(const struct iommu_group *group)
{
	return group->name;
}

void iommu_group_set_name(struct iommu_group *group, const char *name)
{
	(void)iommu_line_append(group->name, sizeof(group->name), 0, name);
}

int iommu_group_for_each(struct iommu_group *group, iommu_group_visitor visitor, void *ctx)
{
	struct iommu_list_node *node;
	int status = 0;

	iommu_list_for_each (node, &group->endpoints) {
		if (!iommu_member_of(node)->is_alias)
			status = visitor(ctx, iommu_member_of(node));
		if (status != 0)
			break;
	}
	return status;
}

struct iommu_domain *iommu_group_domain(const struct iommu_group *group)
{
	return group->domain;
}

struct iommu_domain *iommu_group_default_domain(const struct iommu_group *group)
{
	return group->default_domain;
}

enum iommu_domain_type iommu_group_default_type(const struct iommu_group *group)
{
	return group->default_type;
}

void *iommu_group_owner(const struct iommu_group *group)
{
	return group->owner;
}

/* --- What others keep with a group ------------------------------------------------------------ */

void iommu_group_set_data(struct iommu_group *group, void *data, void (*release)(void *data))
{
	if (group->release_data != NULL)
		group->release_data(group->data);
	group->data = data;
	group->release_data = release;
}

void *iommu_group_data(const struct iommu_group *group)
{
	return group->data;
}

void iommu_group_set_unit_data(struct iommu_group *group, void *data, void (*release)(void *data))
{
	if (group->release_unit_data != NULL)
		group->release_unit_data(group->unit_data);
	group->unit_data = data;
	group->release_unit_data = release;
}

void *iommu_group_unit_data(const struct iommu_group *group)
{
	return group->unit_data;
}

/* --- Listeners -------------------------------------------------------------------------------- */

void iommu_group_listen(struct iommu_group *group, struct iommu_group_notifier *notifier)
{
	iommu_control_lock(group->iommu);
	iommu_list_insert(&group->notifiers, &notifier->link);
	iommu_control_unlock(group->iommu);
}

void iommu_group_unlisten(struct iommu_group *group, struct iommu_group_notifier *notifier)
{
	iommu_control_lock(group->iommu);
	iommu_list_remove(&notifier->link);
	iommu_control_unlock(group->iommu);
}

/* "in group 3 behind dmar0" */
static void debug_member(const struct iommu_endpoint *endpoint, bool is_in)
{
	char line[64];
	size_t used =
		iommu_line_append(line, sizeof(line), 0, is_in ? "in group " : "leaves group ");

	used = iommu_line_append_number(line, sizeof(line), used, endpoint->group->id);
	used = iommu_line_append(line, sizeof(line), used, " behind ");
	(void)iommu_line_append(line, sizeof(line), used, endpoint->unit->name);
	iommu_log(endpoint->iommu->platform, IOMMU_LOG_DEBUG, endpoint->name, line);
}

void iommu_group_notify(struct iommu_group *group, enum iommu_group_event event,
			struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;

	if (IOMMU_CONFIG_LOG && (event == IOMMU_ENDPOINT_ADDED || event == IOMMU_ENDPOINT_REMOVED))
		debug_member(endpoint, event == IOMMU_ENDPOINT_ADDED);
	iommu_list_for_each (node, &group->notifiers) {
		const struct iommu_group_notifier *notifier =
			iommu_container_of(node, struct iommu_group_notifier, link);

		notifier->listener(notifier->ctx, event, endpoint);
	}
}
