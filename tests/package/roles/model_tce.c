/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/model_tce.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_phb_config config = {.platform = platform, .generation = 9};
	const struct iommu_model_papr_config partition = {.platform = platform};
	struct iommu_model_phb *phb;
	struct iommu_model_papr *papr;

	if (iommu_model_phb_create(&config, &phb) == 0)
		return 1;
	return iommu_model_papr_create(&partition, &papr) == 0 ? 2 : 0;
}
