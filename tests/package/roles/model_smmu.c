/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/model_smmu.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_smmu_config config = {.platform = platform, .idr1 = 1};
	struct iommu_model_smmu *model;

	return iommu_model_smmu_create(&config, &model) == 0;
}
