/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/vtd_host.h>

int run(const struct iommu_platform *platform)
{
	static const unsigned char table[48] = {0};
	struct iommu_vtd_interrupt interrupt;
	struct iommu *iommu;
	int status = iommu_create(platform, &iommu);

	if (status != 0)
		return 1;
	if (iommu_vtd_probe(iommu, table, sizeof(table), NULL) == 0 ||
	    iommu_vtd_interrupt_alloc_ioapic(iommu, 0, 1, &interrupt) != IOMMU_ENOENT)
		return 2;
	return iommu_destroy(iommu);
}
