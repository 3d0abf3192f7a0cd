/* SPDX-License-Identifier: BSD-2-Clause */
/* What the units of an instance share, and what all files ask of one: its name. */
#include "riscv/unit.h"

/* The ops table has this very string as its name. */
const char iommu_riscv_name[] = "riscv";

bool iommu_riscv_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_riscv_name;
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
