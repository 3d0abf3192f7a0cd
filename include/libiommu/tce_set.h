/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The windows of a partitionable endpoint as its group's data: for hosts that hand out bus
 * addresses from tables (<libiommu/tce_table.h>) themselves, and find them by the device.
 */
#ifndef LIBIOMMU_TCE_SET_H
#define LIBIOMMU_TCE_SET_H

#include <libiommu/endpoint.h>
#include <libiommu/tce_table.h>

IOMMU_BEGIN_DECLS

#define IOMMU_TCE_SET_TABLES 2

/* The host's; it stays until its release is called. */
struct iommu_tce_set {
	struct iommu_tce_table *tables[IOMMU_TCE_SET_TABLES]; /* by window; NULL: it has none */
	/*
	 * The group goes, or the last of its devices that were registered was unregistered. May be
	 * NULL.
	 */
	void (*release)(struct iommu_tce_set *set);
};

/*
 * iommu_tce_set_register - a device uses these windows: with the first of its group they become the
 * group's data; others of the group register the same set.
 *
 * @cpu_page_shift: log2 of the CPU's page size. Returns 0, also when the first window has no table:
 * the device is left out, and has none; or
 *   IOMMU_ENOENT  no endpoint with this id is probed
 *   IOMMU_EBUSY   the device is registered already, or its group has other data
 *   IOMMU_EINVAL  pages of a window are larger than the CPU's: a buffer could not be mapped alone
 *
 * iommu_tce_set_unregister - the device uses them no longer; with the last one the group has none
 * any more. IOMMU_ENOENT: no such endpoint, or it is not registered.
 * iommu_tce_set_of - of an endpoint that was registered; NULL: left out, or never.
 *
 * Control path; a group's data is theirs then, and nothing else sets it. A device is to be
 * unregistered before it is released; otherwise the set stays for as long as the group does.
 */
IOMMU_API int iommu_tce_set_register(struct iommu_tce_set *set, struct iommu *iommu,
				     uint16_t segment, uint16_t source_id,
				     unsigned int cpu_page_shift);
IOMMU_API int iommu_tce_set_unregister(struct iommu *iommu, uint16_t segment, uint16_t source_id);
IOMMU_API struct iommu_tce_set *iommu_tce_set_of(const struct iommu_endpoint *endpoint);

IOMMU_END_DECLS
#endif
