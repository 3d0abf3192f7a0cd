/* SPDX-License-Identifier: BSD-2-Clause */
/* libiommu in LK (x86-64): what a driver needs. */
#ifndef IOMMU_LK_H
#define IOMMU_LK_H

#include <libiommu/iommu.h>

#include <dev/bus/pci.h>

/* The host services. A board that has others changes them before LK_INIT_LEVEL_TARGET. */
extern struct iommu_platform iommu_lk_platform;

/* NULL: there is no unit, or it is not used, which a line at boot explains. */
extern struct iommu *iommu_lk;

/*
 * iommu_lk_device - the DMA handle of a PCI function, and its limits, for iommu_dma_map. `mask`:
 * the addresses that the device can generate. Returns 0, or IOMMU_ENODEV: no such function. Without
 * a unit, a handle that maps nothing, so that the driver is the same.
 */
int iommu_lk_device(pci_location_t location, uint64_t mask, struct iommu_dma **dma,
		    struct iommu_dma_device *limits);

/* iommu_lk_done - the driver has unmapped everything, and ends its use. */
void iommu_lk_done(pci_location_t location);

#endif
