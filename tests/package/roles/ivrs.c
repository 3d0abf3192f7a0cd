/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/ivrs.h>

int run(const struct iommu_platform *platform)
{
	/* No blocks. */
	static const uint8_t table[48] = {'I', 'V', 'R', 'S', 48, [9] = 0x8c};
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs_route route;
	struct iommu_ivrs ivrs;

	(void)platform;
	return iommu_ivrs_open(&ivrs, table, sizeof(table)) == 0 &&
			       !iommu_ivrs_next_unit(&ivrs, &block) &&
			       iommu_ivrs_find(&ivrs, 0, 0, &route) == IOMMU_ENOENT
		       ? 0
		       : 1;
}
