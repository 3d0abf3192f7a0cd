/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/pgtable.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_pgtable_config config = {.platform = platform,
						    .levels = 4,
						    .input_bits = 48,
						    .output_bits = 39,
						    .pgsize_bitmap = IOMMU_SIZE_4K};
	struct iommu_pgtable table;

	if (iommu_vtdss_init(&table, &config) != 0)
		return 1;
	iommu_vtdss_destroy(&table);
	return 0;
}
