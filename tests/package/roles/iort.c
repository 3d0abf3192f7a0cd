/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/iort.h>

int run(const struct iommu_platform *platform)
{
	/* No nodes, which begin at the end. */
	static const uint8_t table[48] = {'I', 'O', 'R', 'T', 48, [9] = 0x62, [40] = 48};
	struct iommu_iort_node node = {0};
	struct iommu_iort_route route;
	struct iommu_iort iort;

	(void)platform;
	return iommu_iort_open(&iort, table, sizeof(table)) == 0 &&
			       !iommu_iort_next(&iort, &node) &&
			       iommu_iort_find(&iort, 0, 0, &route) == IOMMU_ENOENT
		       ? 0
		       : 1;
}
