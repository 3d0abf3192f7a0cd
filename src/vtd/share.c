/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the units of one probe share, and its end: the tables that name them, the structures of
 * units that outlive their units, and the way from one unit to the next.
 */
#include "base/list.h"
#include "base/object_cache.h"
#include "vtd/probe.h"
#include "vtd/region.h"
#include "vtd/unit.h"
#include <libiommu/backend/ops.h>

/* Every ops table of this back end has this very string as its name. */
const char iommu_vtd_name[] = "vtd";

bool iommu_vtd_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_vtd_name;
}

struct vtd_unit *iommu_vtd_next_unit(struct iommu *iommu, struct vtd_unit *unit)
{
	struct iommu_unit *next = iommu_next_unit(iommu, unit != NULL ? &unit->base : NULL);

	while (next != NULL && !iommu_vtd_owns(next))
		next = iommu_next_unit(iommu, next);
	return next != NULL ? vtd_unit_of(next) : NULL;
}

void iommu_vtd_table_free(struct vtd_probe *probe, struct vtd_table *table)
{
	iommu_list_remove(&table->link);
	probe->platform->free_pages(probe->platform->ctx, table->copy, table->order);
	iommu_object_free(&probe->table_cache, table);
}

void iommu_vtd_probe_free(struct vtd_probe *probe)
{
	if (probe->references != 0)
		return;
	while (!iommu_list_is_empty(&probe->tables))
		iommu_vtd_table_free(
			probe, iommu_container_of(probe->tables.next, struct vtd_table, link));
	iommu_vtd_claims_free(probe);
	probe->platform->free_pages(probe->platform->ctx, probe, 0);
}

void iommu_vtd_unit_put(struct vtd_unit *unit)
{
	struct vtd_probe *probe = unit->probe;

	unit->references--;
	if (unit->references != 0 || !unit->removed)
		return;
	iommu_object_free(&probe->unit_cache, unit);
	probe->references--;
	iommu_vtd_probe_free(probe);
}
