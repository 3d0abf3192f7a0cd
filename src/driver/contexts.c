/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of an endpoint's PASIDs: they go when hardware has confirmed that it forgot them. */
#include "driver/contexts.h"

static bool is_reachable(const struct iommu_withheld *end)
{
	const struct iommu_driven_contexts *contexts =
		iommu_container_of((uintptr_t)end, struct iommu_driven_contexts, end);

	return iommu_unit_is_suspect(&contexts->unit->state);
}

static void release(struct iommu_withheld *end)
{
	struct iommu_driven_contexts *contexts =
		iommu_container_of(end, struct iommu_driven_contexts, end);
	struct iommu_driver_shared *shared = contexts->shared;

	contexts->free_tables(contexts);
	iommu_object_free(&shared->contexts_cache, contexts);
	iommu_driver_shared_drop(shared);
}

struct iommu_driven_contexts *
iommu_driven_contexts_alloc(struct iommu_driven_unit *unit, unsigned int order,
			    void (*free_tables)(struct iommu_driven_contexts *contexts))
{
	struct iommu_driver_shared *shared = unit->shared;
	struct iommu_driven_contexts *contexts = iommu_object_alloc(&shared->contexts_cache, 0);

	if (contexts == NULL)
		return NULL;
	contexts->root = iommu_driven_pages_alloc(unit, order);
	if (contexts->root == NULL) {
		iommu_object_free(&shared->contexts_cache, contexts);
		return NULL;
	}
	contexts->end.is_reachable = is_reachable;
	contexts->end.release = release;
	contexts->unit = unit;
	contexts->shared = shared;
	contexts->free_tables = free_tables;
	iommu_driver_shared_hold(shared);
	return contexts;
}

void iommu_driven_contexts_free(struct iommu_driven_contexts *contexts)
{
	iommu_withhold(&contexts->shared->set, &contexts->end);
}
