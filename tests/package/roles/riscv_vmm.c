/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/riscv_host.h>
#include <libiommu/vmm.h>

#include "roles.h"

int run(const struct iommu_platform *platform)
{
	const struct iommu_riscv_config config = {.registers = 1};
	struct iommu_unit *unit;
	struct iommu *iommu;
	struct iommu_file *ctx;

	if (iommu_create(platform, &iommu) != 0 ||
	    iommu_riscv_add_unit(iommu, &config, &unit) != IOMMU_EINVAL)
		return 1;
	if (iommu_file_create(iommu, NULL, &ctx) == 0)
		iommu_file_destroy(ctx);
	return iommu_destroy(iommu);
}
