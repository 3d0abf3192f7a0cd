/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/aarch64.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_pgtable_config first = {
		.platform = platform,
		.input_bits = 39,
		.output_bits = 44,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M,
		.flags = IOMMU_PGTABLE_ACCESSED,
	};
	const struct iommu_pgtable_config second = {
		.platform = platform,
		.input_bits = 31,
		.output_bits = 40,
		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_64K,
		.flags = IOMMU_PGTABLE_ACCESSED,
	};
	struct iommu_pgtable pt;
	uint64_t tcr, vtcr;

	if (iommu_vmsas1_init(&pt, &first) != 0)
		return 1;
	tcr = iommu_vmsas1_tcr(&pt);
	iommu_vmsas1_destroy(&pt);
	if (iommu_vmsas2_init(&pt, &second) != 0)
		return 1;
	vtcr = iommu_vmsas2_vtcr(&pt);
	iommu_vmsas2_destroy(&pt);
	return (tcr & 63) == 25 && (vtcr & 63) == 33 && (vtcr >> 6 & 3) == 0 ? 0 : 1;
}
