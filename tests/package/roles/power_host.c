/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/power_host.h>

int run(const struct iommu_platform *platform)
{
	struct iommu_opal_config config = {0};
	struct iommu *iommu;

	if (iommu_create(platform, &iommu) != 0)
		return 1;
	if (iommu_opal_probe(iommu, &config) == 0)
		return 2;
	return iommu_destroy(iommu);
}
