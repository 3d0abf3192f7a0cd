/* SPDX-License-Identifier: BSD-2-Clause */
/* Instances and their units. */
#include <libiommu/instance.h>
#include <libiommu/status.h>

#include "group/group.h"

static struct iommu_unit *unit_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_unit, link);
}

int iommu_create(const struct iommu_platform *platform, struct iommu **result)
{
	struct iommu *iommu;
	int status = iommu_platform_check(platform);

	if (status != 0)
		return status;
	iommu = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (iommu == NULL)
		return IOMMU_ENOMEM;
	iommu->platform = platform;
	iommu_list_init(&iommu->units);
	iommu_list_init(&iommu->endpoints);
	iommu_list_init(&iommu->groups);
	iommu_object_cache_init(&iommu->endpoint_cache, platform, sizeof(struct iommu_endpoint));
	iommu_object_cache_init(&iommu->group_cache, platform, sizeof(struct iommu_group));
	*result = iommu;
	return 0;
}

int iommu_destroy(struct iommu *iommu)
{
	const struct iommu_platform *platform = iommu->platform;
	struct iommu_list_node *node;

	if (!iommu_list_is_empty(&iommu->endpoints) || iommu->domains != 0)
		return IOMMU_EBUSY;
	/* Not only those that are enabled: one that failed to start may also have failed to stop.
	 */
	iommu_list_for_each (node, &iommu->units) {
		int status = unit_of(node)->ops->disable(unit_of(node));

		if (status != 0)
			return status;
		unit_of(node)->enabled = false;
	}
	while (!iommu_list_is_empty(&iommu->units)) {
		struct iommu_unit *unit = unit_of(iommu->units.next);

		iommu_list_remove(&unit->link);
		unit->ops->remove(unit);
	}
	platform->free_pages(platform->ctx, iommu, 0);
	return 0;
}

const struct iommu_platform *iommu_platform_of(const struct iommu *iommu)
{
	return iommu->platform;
}

void iommu_register_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	unit->iommu = iommu;
	iommu_list_insert(&iommu->units, &unit->link);
}

struct iommu_unit *iommu_next_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	struct iommu_list_node *next = unit == NULL ? iommu->units.next : unit->link.next;

	return next == &iommu->units ? NULL : unit_of(next);
}

const char *iommu_unit_name(const struct iommu_unit *unit)
{
	return unit->name;
}

int iommu_unit_enable(struct iommu_unit *unit)
{
	int status = 0;

	if (unit->enabled)
		return 0;
	status = unit->ops->enable(unit);
	unit->enabled = status == 0;
	return status;
}

int iommu_unit_disable(struct iommu_unit *unit)
{
	int status = 0;

	if (!unit->enabled)
		return 0;
	status = unit->ops->disable(unit);
	unit->enabled = status != 0;
	return status;
}
