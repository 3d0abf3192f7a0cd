/* SPDX-License-Identifier: BSD-2-Clause */
/* What the units of an instance share, and what all files ask of one: its name. */
#include "smmu/unit.h"

/* The ops table has this very string as its name. */
const char iommu_smmu_name[] = "smmu";

bool iommu_smmu_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_smmu_name;
}

void iommu_smmu_probe_free(struct smmu_probe *probe)
{
	if (probe->references != 0)
		return;
	while (!iommu_list_is_empty(&probe->units)) {
		struct smmu_unit *unit =
			iommu_container_of(probe->units.next, struct smmu_unit, link);

		iommu_list_remove(&unit->link);
		iommu_object_free(&probe->unit_cache, unit);
	}
	probe->platform->free_pages(probe->platform->ctx, probe, 0);
}
