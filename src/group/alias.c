/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Aliases: other ids that requests of an endpoint may carry. For the back end each is an endpoint
 * without features; it is a member of the group of the endpoints that use it, and counts them.
 */
#include <libiommu/status.h>

#include "group/group.h"

/* Another id of an endpoint: the back end sees an endpoint that can do nothing. */
static int alias_create(const struct iommu_endpoint *owner, uint16_t source_id,
			struct iommu_endpoint **result)
{
	const struct iommu_endpoint_info info = {
		.segment = owner->info.segment,
		.source_id = source_id,
		.physical_function = source_id,
		.class_code = owner->info.class_code,
	};
	struct iommu *iommu = owner->iommu;
	struct iommu_endpoint *alias = iommu_object_alloc(&iommu->endpoint_cache, 0);
	int status;

	if (alias == NULL)
		return IOMMU_ENOMEM;
	alias->iommu = iommu;
	alias->unit = owner->unit;
	alias->is_alias = true;
	iommu_endpoint_describe(alias, &info);
	status = alias->unit->ops->probe_endpoint(alias->unit, alias);
	if (status != 0)
		goto free_alias;
	status = iommu_endpoint_enter(alias, owner->group);
	if (status != 0)
		goto leave;
	iommu_endpoint_list(alias);
	*result = alias;
	return 0;

leave:
	iommu_endpoint_leave(alias);
free_alias:
	iommu_object_free(&iommu->endpoint_cache, alias);
	return status;
}

static bool is_listed(const struct iommu_endpoint *endpoint, uint16_t source_id)
{
	unsigned int i;

	for (i = 0; i < endpoint->alias_count; i++)
		if (endpoint->aliases[i]->info.source_id == source_id)
			return true;
	return endpoint->info.source_id == source_id;
}

int iommu_alias_add(void *ctx, uint16_t source_id)
{
	struct iommu_endpoint *endpoint = ctx;
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_endpoint *alias;
	uintptr_t state;
	int status = 0;

	if (is_listed(endpoint, source_id))
		return 0;
	if (endpoint->alias_count == IOMMU_ALIASES_MAX)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_ENOSPC,
				    "its requests can carry more ids than the library keeps");
	alias = iommu_find_id(endpoint->iommu, endpoint->info.segment, source_id);
	if (alias == NULL)
		status = alias_create(endpoint, source_id, &alias);
	else if (alias->group != endpoint->group)
		status = IOMMU_REFUSE(endpoint->iommu, alias->name, IOMMU_EBUSY,
				      "the device uses this id, too, and they are in two groups: "
				      "the topology has changed");
	else if (alias->uses_device_tlb && endpoint->info.untrusted)
		status = IOMMU_REFUSE(endpoint->iommu, alias->name, IOMMU_EBUSY,
				      "an untrusted device uses this id, too, under which what it "
				      "says of translations would be believed");
	if (status != 0)
		return status;
	alias->alias_users++;
	/* Faults may be looking through a device that was an alias until now. */
	state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	endpoint->aliases[endpoint->alias_count++] = alias;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	return 0;
}

void iommu_aliases_drop(struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;

	while (endpoint->alias_count != 0) {
		struct iommu_endpoint *alias;
		uintptr_t state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);

		alias = endpoint->aliases[--endpoint->alias_count];
		iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
		if (--alias->alias_users != 0 || !alias->is_alias)
			continue;
		iommu_endpoint_unlist(alias);
		iommu_endpoint_leave(alias);
		iommu_endpoint_free(alias); /* a device once, perhaps */
	}
}
