/* SPDX-License-Identifier: BSD-2-Clause */
/* What firmware claims for devices. */
#ifndef IOMMU_VTD_REGION_H
#define IOMMU_VTD_REGION_H

#include <libiommu/backend/ops.h>

struct vtd_endpoint;
struct vtd_probe;

#if IOMMU_CONFIG_REGIONS
/* The claims of the machine's table. Before the first page is given to hardware. */
void iommu_vtd_claims_init(struct vtd_probe *probe);
int iommu_vtd_claims_make(struct vtd_probe *probe);
void iommu_vtd_claims_free(struct vtd_probe *probe);
/*
 * Does no device have a claim to these bytes? Then none gets it any more. @probe: struct vtd_probe.
 * Any context.
 */
bool iommu_vtd_claims_leave(void *probe, iommu_paddr_t start, uint64_t size);
/* Which regions the endpoint has, by what is said of it now; and none. */
int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint);
void iommu_vtd_regions_forget(struct vtd_endpoint *endpoint);
/* See iommu_ops. */
int iommu_vtd_endpoint_changed(struct iommu_endpoint *endpoint);
#else
static inline void iommu_vtd_claims_init(struct vtd_probe *probe)
{
	(void)probe;
}
static inline int iommu_vtd_claims_make(struct vtd_probe *probe)
{
	(void)probe;
	return 0;
}
static inline void iommu_vtd_claims_free(struct vtd_probe *probe)
{
	(void)probe;
}
static inline bool iommu_vtd_claims_leave(void *probe, iommu_paddr_t start, uint64_t size)
{
	(void)probe;
	(void)start;
	(void)size;
	return true;
}
/* None of them is believed, and that is all that is said. */
int iommu_vtd_regions_decide(struct vtd_endpoint *endpoint);
static inline void iommu_vtd_regions_forget(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
}
#endif
bool iommu_vtd_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			   struct iommu_region *region);

#endif
