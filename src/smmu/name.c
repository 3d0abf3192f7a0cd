/* SPDX-License-Identifier: BSD-2-Clause */
/* By which a unit is known as one of this back end, below all that is done with units. */
#include "smmu/unit.h"

const char iommu_smmu_name[] = "smmu";

bool iommu_smmu_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_smmu_name;
}
