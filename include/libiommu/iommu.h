/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libiommu: everything a user of the library includes. The order of calls, for a kernel:
 *
 *	iommu_create(&platform, &iommu)                       instance.h   one per machine
 *	iommu_vtd_probe(iommu, dmar, size, NULL)              vtd.h        find the units
 *	iommu_set_default_type(iommu, IOMMU_DOMAIN_DMA)       group.h      for the DMA mapping API
 *	iommu_set_pci_topology(iommu, &topology)              group.h      what can be kept apart
 *	iommu_probe_endpoint(iommu, &info, &endpoint)         endpoint.h   tell of each device
 *	iommu_vtd_enable(iommu)                               vtd.h        protection is on
 *
 * A driver of the host maps buffers:
 *
 *	iommu_dma_of(endpoint, &dma)                          dma.h        for its device
 *	iommu_dma_map(dma, &device, paddr, size, …)           dma.h        … reaches a buffer
 *
 * A device is handed to a guest, with interrupts remapped (vtd_interrupt.h):
 *
 *	iommu_group_check_isolation(group)                    group.h      0: it can be kept apart
 *	iommu_group_claim(group, owner)                       group.h      away from drivers
 *	iommu_domain_alloc(unit, IOMMU_DOMAIN_PAGING, …)      domain.h     an address space
 *	iommu_domain_attach_group(domain, group)              domain.h     … for that device
 *	iommu_map(domain, iova, paddr, size, prot)            domain.h     … which reaches this
 *
 * docs/porting.md goes through these one by one. A host that wants less includes what belongs to
 * its role: vtd_host.h, riscv_host.h, smmu_host.h, power_host.h, emulator.h, vmm.h.
 *
 * NULL. A pointer that a function is given must not be NULL, unless its comment says what NULL
 * means. Two rules hold everywhere. What ends an object (…_destroy, …_free, …_close, …_drop,
 * iommu_release_endpoint, iommu_vtd_remove_unit) takes NULL for the object, does nothing, and
 * returns 0. What receives a result is required, unless its comment says "may be NULL"; it is
 * written on success, and left alone by a call that returns an error, unless its comment says
 * otherwise.
 *
 * Refusals. A call of the control path (<libiommu/endpoint.h>), of a context, or that makes
 * something and returns an error logs why, in one line at IOMMU_LOG_REFUSAL; iommu_reason, which
 * lists these calls, gives the text of the last one. Calls on hot paths say no more than their
 * code.
 */
#ifndef LIBIOMMU_IOMMU_H
#define LIBIOMMU_IOMMU_H

#include <libiommu/aarch64.h>
#include <libiommu/acpi.h>
#include <libiommu/counters.h>
#include <libiommu/device_tree.h>
#include <libiommu/dma.h>
#include <libiommu/dmar.h>
#include <libiommu/dmar_builder.h>
#include <libiommu/domain.h>
#include <libiommu/eeh.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/ioas.h>
#include <libiommu/iort.h>
#include <libiommu/iort_builder.h>
#include <libiommu/iova.h>
#include <libiommu/ivrs.h>
#include <libiommu/ivrs_builder.h>
#include <libiommu/model_amdvi.h>
#include <libiommu/model_riscv.h>
#include <libiommu/model_smmu.h>
#include <libiommu/model_tce.h>
#include <libiommu/model_vtd.h>
#include <libiommu/opal.h>
#include <libiommu/page_reserve.h>
#include <libiommu/papr.h>
#include <libiommu/pci.h>
#include <libiommu/pgtable.h>
#include <libiommu/platform.h>
#include <libiommu/rimt.h>
#include <libiommu/riscv.h>
#include <libiommu/riscv64.h>
#include <libiommu/shadow.h>
#include <libiommu/smmu.h>
#include <libiommu/spapr.h>
#include <libiommu/status.h>
#include <libiommu/tce_table.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/version.h>
#include <libiommu/vfio.h>
#include <libiommu/vtd.h>
#include <libiommu/vtd_interrupt.h>
#include <libiommu/window.h>
#include <libiommu/x86_64.h>
/* Last: macros for names that went; IOMMU_NO_FORMER_NAMES leaves them out. */
#include <libiommu/former_names.h>

#endif
