/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/dma.h>
#include <libiommu/vtd_host.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	static const unsigned char table[48] = {0};
	static const struct iommu_endpoint_info info = {.source_id = 0x20};
	struct iommu_endpoint *endpoint;
	struct iommu_dma *dma;
	struct iommu *iommu;

	if (iommu_create(platform, &iommu) != 0 ||
	    iommu_vtd_probe(iommu, table, sizeof(table), NULL) == 0)
		return 1;
	if (iommu_probe_endpoint(iommu, &info, &endpoint) == 0 && iommu_dma_of(endpoint, &dma) == 0)
		return 2;
	return iommu_destroy(iommu);
}
