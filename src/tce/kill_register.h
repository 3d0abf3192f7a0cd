/* SPDX-License-Identifier: BSD-2-Clause */
/* The register by which POWER8's bridges are told to forget: see <libiommu/hw/tve.h>. */
#ifndef IOMMU_TCE_KILL_REGISTER_H
#define IOMMU_TCE_KILL_REGISTER_H

#include <libiommu/platform.h>

/* `registers`: of the bridge, from its first on. Pages of one PE, all of one, or everything. */
void iommu_tce_forget_pages(const struct iommu_platform *platform, volatile void *registers,
			    uint32_t pe, uint64_t address, uint64_t page_size, uint64_t pages);
void iommu_tce_forget_pe(const struct iommu_platform *platform, volatile void *registers,
			 uint32_t pe);
void iommu_tce_forget_all(const struct iommu_platform *platform, volatile void *registers);

#endif
