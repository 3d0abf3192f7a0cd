/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints: devices that do DMA, as the remapping hardware tells them apart.
 *
 * Locking: calls that change what exists or what belongs to what (create, destroy, probe, release,
 * enable, disable, attach, detach, alloc and free of domains) on one instance must not run at once;
 * the host serialises them, with a lock that may sleep if it likes. Mapping, unmapping and looking
 * up may run at any time on any CPU beside them.
 */
#ifndef LIBIOMMU_ENDPOINT_H
#define LIBIOMMU_ENDPOINT_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_group;
struct iommu_endpoint;

/* One step from a bus to the next: the bridge's, and at last the device's, place on its bus. */
struct iommu_pci_hop {
	uint8_t device;   /* 0 to 31 */
	uint8_t function; /* 0 to 7 */
};

/* The most bridges on a path, and the device. */
#define IOMMU_PCI_PATH_MAX 16

/* Where an endpoint is. Copied by iommu_probe_endpoint. */
struct iommu_endpoint_info {
	/* For people, such as "0000:00:04.0"; at most 31 characters are kept. May be NULL. */
	const char *name;
	uint16_t segment;
	/* What its requests carry: bus << 8 | device << 3 | function. */
	uint16_t source_id;
	/*
	 * How to get there from a root bus: `root_bus` is the bus below the host bridge, `path` the
	 * bridges on the way and then the device. Firmware describes devices in these terms,
	 * because bus numbers below bridges may change. path_length 0: the device is on a root bus,
	 * at the place that source_id says.
	 */
	uint8_t root_bus;
	uint8_t path_length;
	struct iommu_pci_hop path[IOMMU_PCI_PATH_MAX];
	/*
	 * Its PCI class, base << 16 | sub << 8 | interface; 0: not known. Firmware's reserved
	 * regions may be given up for USB controllers and display devices.
	 */
	uint32_t class_code;
	/*
	 * Phantom functions (PCIe Device Capabilities): that many of the highest bits of its
	 * function number may be anything in its requests. 0 to 3.
	 */
	uint8_t phantom_bits;
	/*
	 * Address translation services (PCIe ATS): set when the device has them and the host lets
	 * it use them. Translations are then kept in the device, after the host has enabled ATS
	 * there, which it does after the first attach. queue_depth: as in the ATS capability.
	 * physical_function: the source id of the function that a virtual one belongs to, and
	 * otherwise its own.
	 */
	bool device_tlb;
	uint8_t tlb_queue_depth;
	uint16_t physical_function;
	/* Whatever the host wants to find again; see iommu_endpoint_host_data. */
	void *host_data;
};

/*
 * iommu_probe_endpoint - tell the library of a device.
 *
 * Finds the unit that translates for it (a unit that names the device or a bridge above it goes
 * before one that takes all others) and puts it into a group of its own. Until a domain is attached
 * to that group, its DMA is blocked once the unit is enabled, except to the regions that firmware
 * wants it to reach (<libiommu/region.h>).
 *
 * Returns 0, or
 *   IOMMU_EINVAL  info or its path makes no sense
 *   IOMMU_ENODEV  no unit translates for it: its DMA is not restricted by anything
 *   IOMMU_EEXIST  an endpoint with this segment and source id is known already
 *   IOMMU_ENOMEM
 * Locking: see the head of this file. May sleep.
 */
IOMMU_API int iommu_probe_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
				   struct iommu_endpoint **endpoint);

/*
 * iommu_release_endpoint - forget a device, and its group when it was the last member.
 *
 * Returns 0, or IOMMU_EBUSY while a domain is attached to its group: detach first, so that the
 * device is blocked and nothing points to it any more.
 */
IOMMU_API int iommu_release_endpoint(struct iommu_endpoint *endpoint);

/*
 * iommu_endpoint_uses_device_tlb - may the host enable ATS in the device? Only when it asked for it
 * and the unit and firmware allow it. Enable it after the first attach, disable it before release.
 */
IOMMU_API bool iommu_endpoint_uses_device_tlb(const struct iommu_endpoint *endpoint);

/*
 * A device whose TLB does not answer an invalidation is blocked for good: nothing that it sends
 * passes, and attaching a domain to its group fails with IOMMU_EIO.
 *
 * iommu_endpoint_is_lost - did that happen? Any context.
 * iommu_endpoint_was_reset - the host has reset the device (a function level reset empties its
 * TLB): it may be attached again, and is blocked until then. Detaches its group first if need be;
 * returns what that returns.
 */
IOMMU_API bool iommu_endpoint_is_lost(const struct iommu_endpoint *endpoint);
IOMMU_API int iommu_endpoint_was_reset(struct iommu_endpoint *endpoint);

/* Lookups: no locks, any context, valid while the endpoint lives. */
IOMMU_API struct iommu_group *iommu_endpoint_group(const struct iommu_endpoint *endpoint);
IOMMU_API struct iommu_unit *iommu_endpoint_unit(const struct iommu_endpoint *endpoint);
IOMMU_API void *iommu_endpoint_host_data(const struct iommu_endpoint *endpoint);
IOMMU_API uint16_t iommu_endpoint_source_id(const struct iommu_endpoint *endpoint);
/* Never NULL. */
IOMMU_API const char *iommu_endpoint_name(const struct iommu_endpoint *endpoint);

/* iommu_next_endpoint - iterate the endpoints: NULL gives the first, the last gives NULL. */
IOMMU_API struct iommu_endpoint *iommu_next_endpoint(struct iommu *iommu,
						     struct iommu_endpoint *endpoint);

/* iommu_find_endpoint - by segment and source id; NULL when there is none. */
IOMMU_API struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
						     uint16_t source_id);

IOMMU_END_DECLS
#endif
