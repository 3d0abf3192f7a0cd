/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses that are not free: what firmware wants devices to reach for ever, and what is never
 * memory for any device.
 */
#ifndef LIBIOMMU_REGION_H
#define LIBIOMMU_REGION_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_group;

enum iommu_region_type {
	/* Firmware needs the device to reach this memory at its own address, always. */
	IOMMU_REGION_DIRECT = 0,
	/* The same until a driver has taken over: USB legacy emulation, boot graphics. */
	IOMMU_REGION_DIRECT_RELAXABLE,
	/* Must not be used as device addresses. */
	IOMMU_REGION_RESERVED,
	/* Writes there are interrupts. */
	IOMMU_REGION_MSI,
	/* Where hardware does not care, and the host may let interrupt registers appear. */
	IOMMU_REGION_SOFTWARE_MSI,
};

struct iommu_region {
	iommu_iova_t start;
	iommu_iova_t last; /* inclusive; both ends at page boundaries */
	enum iommu_region_type type;
	unsigned int prot; /* of direct regions: enum iommu_prot */
};

/*
 * iommu_endpoint_next_region - the next reserved region of an endpoint, in no particular order.
 *
 * @cursor: 0 before the first call. Returns false when there are no more. No locks; any context.
 */
IOMMU_API bool iommu_endpoint_next_region(const struct iommu_endpoint *endpoint,
					  unsigned int *cursor, struct iommu_region *region);

/*
 * iommu_group_regions - the reserved regions of all members of a group, merged: what a domain for
 * the group has to respect.
 *
 * Sorted by type, then by address. Of one type none overlap: those that do become one with the
 * permissions of all, and neighbours with the same permissions become one, too. Regions of
 * different types may overlap.
 *
 * @regions:  room for `capacity` of them; as many as all members have together always suffice.
 * @count:    how many there are.
 *
 * Returns 0, or IOMMU_ENOSPC: there was not enough room, *count is 0. Locking: as in
 * <libiommu/endpoint.h>.
 */
IOMMU_API int iommu_group_regions(const struct iommu_group *group, struct iommu_region *regions,
				  unsigned int capacity, unsigned int *count);

/*
 * iommu_reserve - keep [start, last] out of the device addresses of every IOMMU_DOMAIN_DMA domain
 * that is made from now on: register windows of host bridges and BARs, which a device would reach
 * instead of memory. The interrupt window is kept out by the back end.
 *
 * Ends are rounded outwards to pages; overlaps with what is reserved already are fine. Returns 0,
 * IOMMU_EINVAL (start > last) or IOMMU_ENOMEM. Locking: as in <libiommu/endpoint.h>.
 */
IOMMU_API int iommu_reserve(struct iommu *iommu, iommu_iova_t start, iommu_iova_t last);

/*
 * iommu_add_memory, iommu_remove_memory - what is memory, for identity domains on units that have
 * to use tables for them. Existing ones are brought up to date before the call returns.
 *
 * Page-aligned ranges; a range is removed as it was added. Returns 0, IOMMU_EINVAL (alignment,
 * start > last), IOMMU_EEXIST (overlaps a range that was added), IOMMU_ENOENT (no such range),
 * IOMMU_ENOMEM, IOMMU_ERANGE (beyond what a unit in use can address), or IOMMU_ETIMEDOUT /
 * IOMMU_EIO: hardware did not confirm; after a removal the range is gone from the list all the
 * same, but must not be reused. Adding is all or nothing. Locking: as in <libiommu/endpoint.h>.
 * A domain whose tables a hypervisor keeps can also refuse memory, as iommu_map.
 */
IOMMU_API int iommu_add_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last);
IOMMU_API int iommu_remove_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last);

IOMMU_END_DECLS
#endif
