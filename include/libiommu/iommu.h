/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libiommu: everything a user of the library includes.
 *
 *	iommu_create(&platform, &iommu)                       instance.h   one per machine
 *	iommu_vtd_probe(iommu, dmar, size, NULL)              vtd.h        find the units
 *	iommu_probe_endpoint(iommu, &info, &endpoint)         endpoint.h   tell of each device
 *	iommu_vtd_enable(iommu)                               vtd.h        protection is on
 *	iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, …)      domain.h     an address space
 *	iommu_domain_attach_group(domain, group)              domain.h     … for that device
 *	iommu_map(domain, iova, paddr, size, prot)            domain.h     the device may reach it
 *
 * docs/porting.md has the whole order. Those who want less include what belongs to their role:
 * vtd_host.h, power_host.h, emulator.h, vmm.h.
 */
#ifndef LIBIOMMU_IOMMU_H
#define LIBIOMMU_IOMMU_H

#include <libiommu/access.h>
#include <libiommu/acpi.h>
#include <libiommu/backend.h>
#include <libiommu/container.h>
#include <libiommu/device_file.h>
#include <libiommu/dma.h>
#include <libiommu/dmar.h>
#include <libiommu/dmar_builder.h>
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/event_queue.h>
#include <libiommu/fault.h>
#include <libiommu/fault_queue.h>
#include <libiommu/flush_queue.h>
#include <libiommu/gather.h>
#include <libiommu/group.h>
#include <libiommu/hwpt.h>
#include <libiommu/instance.h>
#include <libiommu/ioas.h>
#include <libiommu/ioas_device.h>
#include <libiommu/iova.h>
#include <libiommu/iova_cache.h>
#include <libiommu/model_tce.h>
#include <libiommu/model_vtd.h>
#include <libiommu/opal.h>
#include <libiommu/ops.h>
#include <libiommu/page_request.h>
#include <libiommu/papr.h>
#include <libiommu/pasid.h>
#include <libiommu/pci.h>
#include <libiommu/pci_scan.h>
#include <libiommu/pgsize.h>
#include <libiommu/pgtable.h>
#include <libiommu/platform.h>
#include <libiommu/region.h>
#include <libiommu/reserve.h>
#include <libiommu/status.h>
#include <libiommu/tce_set.h>
#include <libiommu/tce_share.h>
#include <libiommu/tce_table.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/virtual_unit.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>

#endif
