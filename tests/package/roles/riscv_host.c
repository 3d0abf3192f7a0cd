/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"
#include <libiommu/riscv_host.h>

int run(const struct iommu_platform *platform)
{
	const struct iommu_riscv_config config = {.registers = 1};
	struct iommu_unit *unit;
	struct iommu *iommu;

	if (iommu_create(platform, &iommu) != 0)
		return 1;
	if (iommu_riscv_add_unit(iommu, &config, &unit) != IOMMU_EINVAL)
		return 2;
	return iommu_destroy(iommu);
}
