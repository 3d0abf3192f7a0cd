/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/model_amdvi.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_amdvi_config config = {.platform = platform, .physical_bits = 1};
	struct iommu_model_amdvi *model;

	return iommu_model_amdvi_create(&config, &model) == 0;
}
