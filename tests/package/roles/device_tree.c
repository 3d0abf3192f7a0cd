/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/device_tree.h>

int run(const struct iommu_platform *platform)
{
	static const uint8_t none[64] = {0xd0, 0x0d, 0xfe, 0xed};
	struct iommu_fdt_node node = {0};
	struct iommu_fdt fdt;

	(void)platform;
	return iommu_fdt_open(&fdt, none, sizeof(none)) == IOMMU_EINVAL && fdt.refusal[0] != 0 &&
			       !iommu_fdt_next(&fdt, &node)
		       ? 0
		       : 1;
}
