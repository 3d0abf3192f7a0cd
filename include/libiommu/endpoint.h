/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints: devices that do DMA, as the remapping hardware tells them apart.
 *
 * Locking: calls that change what exists or what belongs to what (create, destroy, probe, release,
 * enable, disable, attach, detach, claim, alloc and free of domains) are the control path. On one
 * instance they run one at a time, under the host's mutex (<libiommu/platform.h>); a host that
 * gives none serialises them itself. They may sleep. There is one mutex for an instance, not one
 * for each group: so there is no order of locks, but a function that the library calls from
 * the control path must not enter it again. Mapping, unmapping and faults may run at any time on
 * any CPU beside it, and never wait for it.
 */
#ifndef LIBIOMMU_ENDPOINT_H
#define LIBIOMMU_ENDPOINT_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_group;
struct iommu_endpoint;

/*
 * What firmware says of a device's place at its unit, where that is not by PCI: collected before
 * the unit is there, perhaps.
 */
#define IOMMU_FWSPEC_IDS_MAX 8
struct iommu_fwspec {
	const void *unit_node; /* the unit, as its back end knows it (iommu_unit.firmware_node) */
	unsigned int flags;    /* between firmware and the back end */
	unsigned int id_count; /* of `ids`, whose meaning is the back end's */
	uint32_t ids[IOMMU_FWSPEC_IDS_MAX];
};

/* One step from a bus to the next: the bridge's, and at last the device's, place on its bus. */
struct iommu_pci_hop {
	uint8_t device;   /* 0 to 31 */
	uint8_t function; /* 0 to 7 */
};

/* The most bridges on a path, and the device. */
#define IOMMU_PCI_PATH_MAX 16

/* Where an endpoint is. Copied by iommu_probe_endpoint. */
struct iommu_endpoint_info {
	/*
	 * For people, such as "nic"; at most 31 characters are kept. NULL: its place, such as
	 * "0000:00:04.0". Unique in its group: what is not is given a number, such as "nic.1".
	 */
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
	 * otherwise its own, or 0. A virtual function is behind the unit of its physical one,
	 * whatever its own bus number; where there is a path, it may end at either. Firmware's
	 * reserved regions are not for virtual functions.
	 */
	bool device_tlb;
	bool tlb_global_invalidate; /* one message empties it of all PASIDs (ATS capability) */
	uint8_t tlb_queue_depth;
	uint16_t physical_function;
	/*
	 * Its driver gives it nothing but what it is to have, and it may claim anything: it reaches
	 * only what it was given. device_tlb and page_requests are ignored, because a request that
	 * it says is translated would reach all of memory; and so are regions that firmware claims
	 * for it.
	 */
	bool untrusted;
	/* It cannot put more than 32 address bits on the bus. */
	bool requires_dma_32;
	/*
	 * It is not in the PCI topology, and needs no others in its group (see <libiommu/group.h>).
	 */
	bool not_in_topology;
	/*
	 * Process address space ids that it can use: 2^n, or 0. Page requests that it may have
	 * outstanding (PCIe PRI, "Outstanding Page Request Allocation"): at most 512; 0: it has
	 * none.
	 */
	uint32_t max_pasids;
	uint16_t page_requests;
	/* NULL: its unit is found by its place. Copied. */
	const struct iommu_fwspec *fwspec;
	/* Whatever the host wants to find again; see iommu_endpoint_host_data. */
	void *host_data;
	/*
	 * 1 + the NUMA node that the device is near: the tables of its group's default domain come
	 * from there. 0: that of its unit, if firmware says.
	 */
	unsigned int near_node;
};

/*
 * iommu_probe_endpoint - tell the library of a device.
 *
 * Finds the unit that translates for it (a unit that names the device or a bridge above it goes
 * before one that takes all others) and puts it into the group of those that it cannot be kept
 * apart from (<libiommu/group.h>): it uses their domain from then on. A new group gets its default
 * domain; with none, its DMA is blocked once the unit is enabled, except to the regions that
 * firmware wants it to reach (<libiommu/region.h>). What an earlier kernel left running goes on
 * until its driver comes, or the first attach.
 *
 * Returns 0, or
 *   IOMMU_EINVAL       info, its path or fwspec makes no sense
 *   IOMMU_ENODEV       no unit translates for it: its DMA is not restricted by anything
 *   IOMMU_EPROBE_DEFER the unit that its fwspec names is not there yet
 *   IOMMU_ENOENT       there is a PCI topology, and it is not in it
 *   IOMMU_EEXIST       an endpoint with this segment and source id is known already, or a direct
 *                      region is in use for something else in the domain of its group
 *   IOMMU_EBUSY        the others of its group are in use in a way that it must not be: it is
 *                      untrusted, and what is attached, or a default domain that is in use, is an
 *                      identity, lazy, or has a bypass; or it is untrusted, and its requests can
 *                      carry the id of one that uses ATS; or PASIDs are attached; or its id is one
 *                      of others', too, and the driver of the device that had it has not let go
 *   IOMMU_ENOSPC       requests of it can carry more than 24 ids; a unit has no domain id left
 *   IOMMU_ENOMEM
 *   otherwise as iommu_domain_attach_group. Nothing is left of it then.
 */
IOMMU_API int iommu_probe_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
				   struct iommu_endpoint **endpoint);

/*
 * iommu_release_endpoint - forget a device, and its group when it was the last member, unless the
 * group is claimed or held. The device is blocked from then on, and hardware has confirmed that,
 * when 0 is returned; other members go on.
 *
 * A driver that uses it (iommu_use_default_domain, iommu_dma_of) may still be there: devices are
 * pulled out under their drivers. What it holds stays valid until it lets go with
 * iommu_unuse_default_domain, once for each use, or the bus tells that it is unbound: the endpoint,
 * its group, the group's default domain with what is mapped there, and the DMA handle, whose calls
 * go on as if the device were silent. Calls that need the device return IOMMU_ENODEV. The group is
 * no other's to claim meanwhile, and a device that comes to the same place is another endpoint.
 * iommu_destroy ends what is left of such uses.
 *
 * Returns 0; IOMMU_ENODEV: it was released before, and its driver, or a holder, has not let go; or
 * for the last member: IOMMU_EBUSY while a domain is attached to its group, for a PASID perhaps, or
 * while no driver uses it but buffers of an untrusted device are mapped (see iommu_dma_destroy); or
 * the error of an invalidation that such mappings wait for (IOMMU_EAGAIN: so much does that no more
 * is begun). IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that the device is blocked, and
 * what it reached must not be reused: it stays an endpoint, of which nothing is attached, until a
 * later release has returned 0. Other errors are those of what hardware had not confirmed before,
 * as iommu_unit_confirm.
 */
IOMMU_API int iommu_release_endpoint(struct iommu_endpoint *endpoint);

/*
 * iommu_endpoint_hold, iommu_endpoint_drop - have a pointer to an endpoint, and to its group, stay
 * valid when the endpoint is released meanwhile, as for a driver that uses it, until it is dropped
 * as often as it was held. Managers' devices and files (<libiommu/ioas.h>,
 * <libiommu/vfio.h>) do. Calls that need the device return IOMMU_ENODEV from then on. Its
 * unit is not removed meanwhile. Control path.
 */
IOMMU_API void iommu_endpoint_hold(struct iommu_endpoint *endpoint);
IOMMU_API void iommu_endpoint_drop(struct iommu_endpoint *endpoint);

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
 * TLB): it may be attached again, and is blocked until then. Detaches its group first if need be.
 * Errors as iommu_domain_detach_group; IOMMU_ENODEV: it was released; IOMMU_EBUSY: it is untrusted,
 * and what its group uses is open to more than it was given.
 */
IOMMU_API bool iommu_endpoint_is_lost(const struct iommu_endpoint *endpoint);
IOMMU_API int iommu_endpoint_was_reset(struct iommu_endpoint *endpoint);

/*
 * What is enabled in a device, by the host, in its configuration space. The library keeps the order
 * that the PCI Express specification wants, and tells the back end:
 *   on:  PASIDs before ATS, ATS before page requests;
 *   off: page requests before ATS, ATS before PASIDs.
 *
 * iommu_endpoint_enable_feature - ask before enabling it in the device. Returns 0 (also when it is
 * on already), or
 *   IOMMU_ENODEV      it was released
 *   IOMMU_EOPNOTSUPP  the device, its unit or firmware does not have it
 *   IOMMU_EPERM       ATS or page requests of an endpoint that is untrusted
 *   IOMMU_EINVAL      no such feature
 *   IOMMU_EBUSY       out of order
 *   IOMMU_ENOMEM      page requests: to collect them
 *   IOMMU_ETIMEDOUT   a unit did not confirm it; IOMMU_EIO: it reported an error, or the device is
 *                     lost
 * iommu_endpoint_disable_feature - tell after disabling it. IOMMU_EBUSY: out of order, or page
 * requests wait for a response, or PASIDs are attached; IOMMU_EINVAL. Those that are on when the
 * endpoint is released are disabled in order.
 * iommu_endpoint_features - what is on. Any context.
 */
enum iommu_feature {
	IOMMU_FEATURE_PASID = 1 << 0,
	IOMMU_FEATURE_ATS = 1 << 1,
	IOMMU_FEATURE_PAGE_REQUESTS = 1 << 2,
};
IOMMU_API int iommu_endpoint_enable_feature(struct iommu_endpoint *endpoint,
					    enum iommu_feature feature);
IOMMU_API int iommu_endpoint_disable_feature(struct iommu_endpoint *endpoint,
					     enum iommu_feature feature);
IOMMU_API unsigned int iommu_endpoint_features(const struct iommu_endpoint *endpoint);

/* What a back end can do for an endpoint, now. */
enum iommu_capability {
	IOMMU_CAPABLE_CACHE_COHERENCY = 0, /* its DMA can be kept coherent with the CPU caches */
	IOMMU_CAPABLE_ENFORCED_COHERENCY,  /* … even against its will */
	IOMMU_CAPABLE_INTERRUPT_ISOLATION, /* it cannot send interrupts that it was not given */
	IOMMU_CAPABLE_PASID,
	IOMMU_CAPABLE_DIRTY_TRACKING,
	IOMMU_CAPABLE_INTERRUPT_REMAPPING, /* its unit can do that, whether it is on or not */
};
/* iommu_capable - false also when the back end does not say. Any context. */
IOMMU_API bool iommu_capable(const struct iommu_endpoint *endpoint,
			     enum iommu_capability capability);

/* Lookups: no locks, any context, valid while the endpoint lives. */
IOMMU_API struct iommu_group *iommu_endpoint_group(const struct iommu_endpoint *endpoint);
IOMMU_API struct iommu_unit *iommu_endpoint_unit(const struct iommu_endpoint *endpoint);
IOMMU_API void *iommu_endpoint_host_data(const struct iommu_endpoint *endpoint);
IOMMU_API uint16_t iommu_endpoint_source_id(const struct iommu_endpoint *endpoint);
/* Never NULL. */
IOMMU_API const char *iommu_endpoint_name(const struct iommu_endpoint *endpoint);
/*
 * What hardware uses for it; NULL: nothing, it is blocked. Another than its group's only when an
 * attach failed, and the way back failed, too: such an endpoint is blocked, and was logged.
 */
struct iommu_domain;
IOMMU_API struct iommu_domain *iommu_endpoint_domain(const struct iommu_endpoint *endpoint);

/*
 * iommu_next_endpoint - iterate the endpoints: NULL gives the first, the last gives NULL.
 * iommu_unit_next_endpoint - those behind one unit. Control path.
 */
IOMMU_API struct iommu_endpoint *iommu_next_endpoint(struct iommu *iommu,
						     struct iommu_endpoint *endpoint);
IOMMU_API struct iommu_endpoint *iommu_unit_next_endpoint(struct iommu_unit *unit,
							  struct iommu_endpoint *endpoint);

/*
 * iommu_find_endpoint - by segment and source id; NULL when there is none. Any context; what was
 * found lives until it is released.
 */
IOMMU_API struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
						     uint16_t source_id);

IOMMU_END_DECLS
#endif
