/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/model_riscv.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_riscv_config config = {.platform = platform, .vectors = 3};
	struct iommu_model_riscv *model;

	return iommu_model_riscv_create(&config, &model) == 0;
}
