/* SPDX-License-Identifier: BSD-2-Clause */
/* Page requests. */
#ifndef IOMMU_VTD_PAGE_REQUEST_H
#define IOMMU_VTD_PAGE_REQUEST_H

#include <libiommu/backend/ops.h>

struct vtd_endpoint;
struct vtd_unit;

#if IOMMU_CONFIG_SCALABLE
int iommu_vtd_page_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_page_queue_free(struct vtd_unit *unit);
/* Give hardware the ring, empty, and program or mask the interrupt. */
int iommu_vtd_page_queue_start(struct vtd_unit *unit);
/*
 * Have what hardware holds of an endpoint's requests reported: none comes after what was closed
 * before.
 */
void iommu_vtd_page_requests_drain(struct vtd_endpoint *endpoint);
int iommu_vtd_page_response(struct iommu_endpoint *endpoint,
			    const struct iommu_page_response *response);
int iommu_vtd_handle_page_requests(struct iommu_unit *unit, bool *lost);
#else
static inline int iommu_vtd_page_queue_alloc(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline void iommu_vtd_page_queue_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_page_queue_start(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline void iommu_vtd_page_requests_drain(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
}
#endif

#endif
