/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/emulator.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_vtd_config config = {.platform = platform, .version = 0xff};
	unsigned char bytes[128];
	struct iommu_dmar_builder builder;
	struct iommu_model_vtd *model;

	iommu_dmar_begin(&builder, bytes, sizeof(bytes), 39, DMAR_FLAG_INTR_REMAP);
	iommu_dmar_add_unit(&builder, 0, 0xfed90000, 4096, true);
	if (iommu_dmar_finish(&builder, "A", "B") != 64)
		return 1;
	return iommu_model_vtd_create(&config, &model) == 0 ? 2 : 0;
}
