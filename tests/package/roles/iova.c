/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/iova.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	const struct iommu_iova_config config = {
		.platform = platform, .granule = IOMMU_SIZE_4K, .first = 1, .last = 0xfffff};
	struct iommu_iova_cache_config cached = {.flags = ~0U};
	struct iommu_iova_cache *cache;

	if (iommu_iova_space_create(&config, &cached.space) != 0)
		return 1;
	if (iommu_iova_cache_create(&cached, &cache) == 0)
		return 2;
	iommu_iova_space_destroy(cached.space);
	return 0;
}
