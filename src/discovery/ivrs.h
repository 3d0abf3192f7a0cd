/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of an IVRS table share: iterators that say what was wrong on the way. */
#ifndef IOMMU_DISCOVERY_IVRS_H
#define IOMMU_DISCOVERY_IVRS_H

#include <libiommu/ivrs.h>

/* The next block that is shown; what was wrong on the way is added to *defects. */
bool iommu_ivrs_read_block(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block,
			   unsigned int *defects);

/* The same of the devices of a unit's block. */
bool iommu_ivrs_read_device(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			    struct iommu_ivrs_device *device, unsigned int *defects);

/* Is the device of a kind that has PCI functions: all, or a range? */
static inline bool iommu_ivrs_has_functions(const struct iommu_ivrs_device *device)
{
	return device->kind == IOMMU_IVRS_DEVICE_ALL || device->kind == IOMMU_IVRS_DEVICE_RANGE;
}

#endif
