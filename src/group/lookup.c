/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookup of endpoints by their ids. Faults and page requests arrive concurrently with the control
 * path: an endpoint is looked up under `look_lock`, and counts its users until they release it;
 * iommu_release_endpoint waits for them.
 */
#include <libiommu/endpoint.h>

#include "group/group.h"

struct iommu_endpoint *iommu_find_id(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (endpoint->info.segment == segment && endpoint->info.source_id == source_id)
			return endpoint;
	}
	return NULL;
}

/* What has an id only because others use it, too: the first of those. Locked. */
static struct iommu_endpoint *user_of(struct iommu_endpoint *alias)
{
	struct iommu_list_node *node;
	unsigned int i;

	iommu_list_for_each (node, &alias->iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		for (i = 0; i < endpoint->alias_count; i++)
			if (endpoint->aliases[i] == alias)
				return endpoint;
	}
	return NULL;
}

struct iommu_endpoint *iommu_look_up(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	struct iommu_endpoint *endpoint = iommu_find_id(iommu, segment, source_id);

	if (endpoint != NULL && endpoint->is_alias)
		endpoint = user_of(endpoint);
	if (endpoint != NULL)
		__atomic_add_fetch(&endpoint->users, 1, __ATOMIC_RELAXED);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	return endpoint;
}

void iommu_let_go(struct iommu_endpoint *endpoint)
{
	__atomic_sub_fetch(&endpoint->users, 1, __ATOMIC_RELEASE);
}

struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
					   uint16_t source_id)
{
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	struct iommu_endpoint *endpoint = iommu_find_id(iommu, segment, source_id);

	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	return endpoint != NULL && endpoint->is_alias ? NULL : endpoint;
}

void iommu_wait_for_users(const struct iommu_endpoint *endpoint)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;

	while (__atomic_load_n(&endpoint->users, __ATOMIC_ACQUIRE) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
}
