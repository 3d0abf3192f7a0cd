/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/power_host.h>
#include <libiommu/spapr.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	struct iommu_opal_config config = {0};
	struct iommu_container *container;
	struct iommu_spapr_info info;
	struct iommu *iommu;

	if (iommu_create(platform, &iommu) != 0)
		return 1;
	if (iommu_opal_probe(iommu, &config) == 0 ||
	    iommu_container_create_with(iommu, NULL, IOMMU_CONTAINER_TCE_V2, &container) != 0)
		return 2;
	if (iommu_spapr_get_info(container, &info) != IOMMU_ENODEV)
		return 3;
	return iommu_container_destroy(container) == 0 ? iommu_destroy(iommu) : 4;
}
