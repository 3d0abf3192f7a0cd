/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/tce_table.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_tce_memory_config config = {.table = {.platform = platform}};
	struct iommu_tce_table *table;

	return iommu_tce_memory_create(&config, &table) == IOMMU_EINVAL ? 0 : 1;
}
