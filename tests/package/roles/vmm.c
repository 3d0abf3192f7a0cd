/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/vmm.h>
#include <libiommu/vtd_host.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	static const unsigned char table[48] = {0};
	struct iommu *iommu;
	struct iommu_file *ctx;

	if (iommu_create(platform, &iommu) != 0 ||
	    iommu_vtd_probe(iommu, table, sizeof(table), NULL) == 0)
		return 1;
	if (iommu_file_create(iommu, NULL, &ctx) == 0)
		iommu_file_destroy(ctx);
	return iommu_destroy(iommu);
}
