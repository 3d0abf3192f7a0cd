/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of earlier versions, for programs that use them still: each is a macro for the name that
 * took its place, and goes with the next version. <libiommu/iommu.h> includes this file; a program
 * that defines IOMMU_NO_FORMER_NAMES before does without.
 */
#ifndef LIBIOMMU_FORMER_NAMES_H
#define LIBIOMMU_FORMER_NAMES_H

#ifndef IOMMU_NO_FORMER_NAMES

#define iommu_ctx                    iommu_file
#define iommu_ctx_create             iommu_file_create
#define iommu_ctx_destroy            iommu_file_destroy
#define iommu_ctx_get_stats          iommu_file_get_stats
#define iommu_ctx_limits             iommu_file_limits
#define iommu_ctx_stats              iommu_file_stats
#define iommu_access_create          iommu_access_alloc
#define iommu_attach_pasid           iommu_domain_attach_pasid
#define iommu_replace_pasid          iommu_domain_replace_pasid
#define iommu_detach_pasid           iommu_domain_detach_pasid
#define iommu_find_pasid             iommu_group_find_pasid
#define iommu_group_regions          iommu_group_get_regions
#define iommu_ioas_ranges            iommu_ioas_get_ranges
#define iommu_unit_hardware_info     iommu_unit_get_hardware_info
#define iommu_page_requests_drop_all iommu_endpoint_drop_page_requests
#define iommu_page_request_tick      iommu_endpoint_tick_page_requests
/* The structure keeps its name. */
#define iommu_bus_event(instance, event) iommu_report_bus_event(instance, event)

#endif

#endif
