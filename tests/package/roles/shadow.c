/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/dmar_builder.h>
#include <libiommu/shadow.h>
#include <libiommu/vtd_host.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	const struct iommu_model_vtd_config unit = {.platform = platform, .version = 0xff};
	static const unsigned char table[48] = {0};
	struct iommu_shadow_config config = {0};
	struct iommu_shadow *shadow;
	struct iommu *iommu;

	if (iommu_create(platform, &iommu) != 0 ||
	    iommu_vtd_probe(iommu, table, sizeof(table), NULL) == 0)
		return 1;
	if (iommu_file_create(iommu, NULL, &config.file) == 0) {
		if (iommu_model_vtd_create(&unit, &config.model) == 0)
			(void)iommu_shadow_create(&config, &shadow);
		iommu_file_destroy(config.file);
	}
	return iommu_destroy(iommu);
}
