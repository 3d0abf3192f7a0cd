/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/riscv64.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_pgtable_config first = {
		.platform = platform,
		.levels = 3,
		.input_bits = 38,
		.output_bits = 56,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_64K,
	};
	const struct iommu_pgtable_config second = {
		.platform = platform,
		.levels = 4,
		.input_bits = 50,
		.output_bits = 56,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
	};
	struct iommu_pgtable pt;
	uint64_t satp, iohgatp;

	if (iommu_riscvfs_init(&pt, &first) != 0)
		return 1;
	satp = iommu_riscvfs_satp(&pt, 0);
	iommu_riscvfs_destroy(&pt);
	if (iommu_riscvss_init(&pt, &second) != 0)
		return 1;
	iohgatp = iommu_riscvss_iohgatp(&pt, 0);
	iommu_riscvss_destroy(&pt);
	return satp >> 60 == 8 && iohgatp >> 60 == 9 && (iohgatp & 3) == 0 ? 0 : 1;
}
