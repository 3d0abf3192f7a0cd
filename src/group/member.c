/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Membership: endpoints and aliases join and leave groups, and the list of the instance in which
 * faults look them up.
 */
#include <libiommu/status.h>

#include "base/text.h"
#include "group/group.h"

void iommu_endpoint_describe(struct iommu_endpoint *endpoint,
			     const struct iommu_endpoint_info *info)
{
	if (info->name != NULL)
		(void)iommu_line_append(endpoint->name, sizeof(endpoint->name), 0, info->name);
	else
		iommu_name_by_place(endpoint->name, info->segment, info->source_id);
	endpoint->info = *info;
	endpoint->info.name = endpoint->name;
	if (info->fwspec != NULL) {
		endpoint->fwspec = *info->fwspec;
		endpoint->info.fwspec = &endpoint->fwspec;
	}
	if (info->physical_function == 0)
		endpoint->info.physical_function = info->source_id;
	/* What it says is translated would be believed: no back end gets to see that it could. */
	endpoint->info.device_tlb = info->device_tlb && !info->untrusted;
	if (info->path_length == 0) {
		const uint16_t place = endpoint->info.physical_function;

		endpoint->info.root_bus = (uint8_t)(place >> 8);
		endpoint->info.path_length = 1;
		endpoint->info.path[0].device = place >> 3 & 31;
		endpoint->info.path[0].function = place & 7;
	}
}

/* --- The list of the instance ---------------------------------------------------------------- */

void iommu_endpoint_list(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);

	iommu_list_insert(&iommu->endpoints, &endpoint->link);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
}

void iommu_endpoint_unlist(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);

	iommu_list_remove(&endpoint->link);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	iommu_wait_for_users(endpoint);
}

/* --- Groups ----------------------------------------------------------------------------------- */

int iommu_endpoint_enter(struct iommu_endpoint *endpoint, struct iommu_group *group)
{
	int status;

	endpoint->group = group;
	iommu_list_insert(&group->endpoints, &endpoint->group_link);
	endpoint->unit->endpoints++;
	if (!endpoint->is_alias) {
		group->members++;
		iommu_make_name_unique(endpoint);
	}
	status = endpoint->is_alias ? 0 : iommu_default_choose(group);
	return status != 0 ? status : iommu_endpoint_join(endpoint);
}

void iommu_endpoint_leave(struct iommu_endpoint *endpoint)
{
	/*
	 * Not confirmed is blocked all the same; what it may still reach is kept by the back end.
	 */
	(void)iommu_endpoint_block(endpoint);
	iommu_endpoint_dismiss(endpoint);
	endpoint->unit->endpoints--;
	endpoint->unit->ops->release_endpoint(endpoint->unit, endpoint);
	iommu_list_remove(&endpoint->group_link);
	if (!endpoint->is_alias)
		endpoint->group->members--;
}

void iommu_group_close(struct iommu_group *group)
{
	if (group->members != 0 || group->drivers != 0)
		return;
	if (iommu_default_prepare_free(group) != 0)
		return;
	iommu_default_free(group);
	iommu_group_close_window(group);
	iommu_group_free_if_unused(group);
}

void iommu_groups_close(struct iommu *iommu)
{
	struct iommu_list_node *node, *next;

	for (node = iommu->groups.next; node != &iommu->groups; node = next) {
		struct iommu_group *group = iommu_container_of(node, struct iommu_group, link);

		next = node->next;
		iommu_group_close(group);
	}
}
