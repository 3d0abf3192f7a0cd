/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A negative control: nothing of an earlier kernel's tables is copied, so that its devices are
 * blocked as soon as the new tables are in force. The scenario must notice.
 */
#include "vtd/predecessor.h"
#include "vtd/unit.h"

void __wrap_iommu_vtd_inherit(struct vtd_unit *unit, iommu_paddr_t root);

void __wrap_iommu_vtd_inherit(struct vtd_unit *unit, iommu_paddr_t root)
{
	(void)unit;
	(void)root;
}
