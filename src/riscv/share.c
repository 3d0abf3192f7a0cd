/* SPDX-License-Identifier: BSD-2-Clause */
/* What the units of an instance share, and what all files ask of one: its name, its ids. */
#include "riscv/unit.h"

/* The ops table has this very string as its name. */
const char iommu_riscv_name[] = "riscv";

bool iommu_riscv_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_riscv_name;
}

/* --- Device ids ------------------------------------------------------------------------------- */

uint32_t iommu_riscv_id_of(const struct riscv_unit *unit, uint16_t source_id)
{
	unsigned int i;

	if (unit->range_count == 0)
		return source_id;
	for (i = 0; i < unit->range_count; i++)
		if (source_id >= unit->ranges[i].first && source_id <= unit->ranges[i].last)
			return unit->ranges[i].device_id + (source_id - unit->ranges[i].first);
	return UINT32_MAX;
}

/* Of an id in no range, which is of a device that is no PCI function: its lower bits. */
uint16_t iommu_riscv_source_of(const struct riscv_unit *unit, uint32_t device_id)
{
	unsigned int i;

	for (i = 0; i < unit->range_count; i++) {
		const struct iommu_riscv_ids *range = &unit->ranges[i];

		if (device_id >= range->device_id &&
		    device_id - range->device_id <= (uint32_t)(range->last - range->first))
			return (uint16_t)(range->first + (device_id - range->device_id));
	}
	return (uint16_t)device_id;
}

/* --- What units share ------------------------------------------------------------------------- */

void iommu_riscv_probe_free(struct riscv_probe *probe)
{
	if (probe->references != 0)
		return;
	while (!iommu_list_is_empty(&probe->units)) {
		struct riscv_unit *unit =
			iommu_container_of(probe->units.next, struct riscv_unit, link);

		iommu_list_remove(&unit->link);
		iommu_object_free(&probe->unit_cache, unit);
	}
	probe->platform->free_pages(probe->platform->ctx, probe, 0);
}
