/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/rimt.h>

int run(const struct iommu_platform *platform)
{
	/* No nodes, which begin at the end. */
	static const uint8_t table[48] = {'R', 'I', 'M', 'T', 48, [9] = 0x8f, [40] = 48};
	struct iommu_rimt_node node = {0};
	struct iommu_rimt rimt;

	(void)platform;
	return iommu_rimt_open(&rimt, table, sizeof(table)) == 0 && !iommu_rimt_next(&rimt, &node)
		       ? 0
		       : 1;
}
