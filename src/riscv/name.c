/* SPDX-License-Identifier: BSD-2-Clause */
/* By which a unit is known as one of this back end, below all that is done with units. */
#include "riscv/unit.h"

const char iommu_riscv_name[] = "riscv";

bool iommu_riscv_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_riscv_name;
}
