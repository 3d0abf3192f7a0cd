/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/x86_64.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_pgtable_config config = {
		.platform = platform,
		.levels = 4,
		.input_bits = 47,
		.output_bits = 46,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
	};
	struct iommu_pgtable pt;
	uint64_t cr3;

	if (iommu_x86_64_table_init(&pt, &config) != 0)
		return 1;
	cr3 = iommu_x86_64_table_cr3(&pt, 0);
	iommu_x86_64_table_destroy(&pt);
	return cr3 != 0 && (cr3 & 0xfff) == 0 ? 0 : 1;
}
