/* SPDX-License-Identifier: BSD-2-Clause */
/* What the units of an instance share, and the structures of units, which outlive their units. */
#include "driver/driver.h"
#include "unit/domain.h"

struct iommu_driven_unit *iommu_driver_next(struct iommu *iommu, const struct iommu_driver *driver,
					    struct iommu_driven_unit *unit)
{
	struct iommu_unit *next = iommu_next_unit(iommu, unit != NULL ? &unit->base : NULL);

	while (next != NULL && next->ops->name != driver->ops->name)
		next = iommu_next_unit(iommu, next);
	return next != NULL ? iommu_driven_of(next) : NULL;
}

static struct iommu_driver_shared *create(struct iommu *iommu, const struct iommu_driver *driver)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	struct iommu_driver_shared *shared =
		platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (shared == NULL)
		return NULL;
	shared->driver = driver;
	shared->iommu = iommu;
	shared->platform = platform;
	iommu_list_init(&shared->units);
	iommu_unit_set_init(&shared->set);
	iommu_object_cache_init(&shared->unit_cache, platform, driver->unit_size);
	iommu_object_cache_init(&shared->domain_cache, platform, driver->domain_size);
	iommu_object_cache_init(&shared->place_cache, platform, sizeof(struct iommu_place));
	iommu_object_cache_init(&shared->endpoint_cache, platform, driver->endpoint_size);
	iommu_object_cache_init(&shared->use_cache, platform, sizeof(struct iommu_use));
	iommu_object_cache_init(&shared->contexts_cache, platform, driver->contexts_size);
	return shared;
}

struct iommu_driver_shared *iommu_driver_shared_get(struct iommu *iommu,
						    const struct iommu_driver *driver)
{
	const struct iommu_driven_unit *first = iommu_driver_next(iommu, driver, NULL);
	struct iommu_driver_shared *shared = first != NULL ? first->shared : create(iommu, driver);

	if (shared != NULL)
		iommu_driver_shared_hold(shared);
	return shared;
}

void iommu_driver_shared_drop(struct iommu_driver_shared *shared)
{
	if (--shared->references != 0)
		return;
	while (!iommu_list_is_empty(&shared->units)) {
		struct iommu_driven_unit *unit =
			iommu_container_of(shared->units.next, struct iommu_driven_unit, link);

		iommu_list_remove(&unit->link);
		iommu_object_free(&shared->unit_cache, unit);
	}
	shared->platform->free_pages(shared->platform->ctx, shared, 0);
}

struct iommu_driven_unit *iommu_driver_unit_alloc(struct iommu_driver_shared *shared,
						  iommu_paddr_t registers)
{
	struct iommu_list_node *node;
	struct iommu_driven_unit *unit;

	iommu_list_for_each (node, &shared->units) {
		unit = iommu_container_of(node, struct iommu_driven_unit, link);
		if (unit->register_base == registers && unit->platform == NULL &&
		    !iommu_unit_is_active(&unit->state))
			return unit;
	}
	unit = iommu_object_alloc(&shared->unit_cache, 0);
	if (unit == NULL)
		return NULL;
	unit->shared = shared;
	unit->register_base = registers;
	unit->state.set = &shared->set;
	iommu_list_insert(&shared->units, &unit->link);
	return unit;
}
