/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Endpoints: devices that perform DMA, as remapping hardware identifies them; and the regions of
 * memory that firmware assigns to them.
 *
 * Contexts. A function of any context may be called with a spinlock of the host held, with
 * interrupts masked or in an interrupt handler, and on any CPU: it does not sleep, but for what its
 * comment says, and takes spinlocks at most. What is said of one function holds in addition to what
 * the host's own services demand.
 *
 * Locking. Functions that change which objects exist or how they are connected (create, destroy,
 * probe, release, enable, disable, attach, detach, claim, alloc and free of domains) are the
 * control path. For one instance they run one at a time under a mutex of the host
 * (<libiommu/platform.h>); a host without a mutex must serialise them. They may sleep. There is one
 * mutex for the whole instance, and so no lock order; but a function that the library calls from
 * the control path must not enter it again. Map, unmap and fault handling may run at any time on
 * any CPU, and never wait for the control path.
 */
#ifndef LIBIOMMU_ENDPOINT_H
#define LIBIOMMU_ENDPOINT_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;
struct iommu_group;
struct iommu_endpoint;

/*
 * What firmware says about a device's connection to its unit, for devices that are not identified
 * by PCI. It may be collected before the unit is known.
 */
#define IOMMU_FWSPEC_IDS_MAX 8
struct iommu_fwspec {
	const void *unit_node; /* the unit, as its back end knows it (iommu_unit.firmware_node) */
	unsigned int flags;    /* for the back end */
	unsigned int id_count; /* number of `ids`, whose meaning the back end defines */
	uint32_t ids[IOMMU_FWSPEC_IDS_MAX];
};

/* One step of a path: device and function of a bridge, or at the end of the device, on its bus. */
struct iommu_pci_hop {
	uint8_t device;   /* 0 to 31 */
	uint8_t function; /* 0 to 7 */
};

/* Maximum length of a path: bridges and the device. */
#define IOMMU_PCI_PATH_MAX 16

/* Identity and properties of an endpoint. Copied by iommu_probe_endpoint. */
struct iommu_endpoint_info {
	/*
	 * Name for humans, such as "nic"; at most 31 characters are kept. NULL: its address, such
	 * as "0000:00:04.0". Names are unique in a group: a duplicate is given a number, such as
	 * "nic.1".
	 */
	const char *name;
	uint16_t segment;
	/* The source id in its requests: bus << 8 | device << 3 | function. */
	uint16_t source_id;
	/*
	 * The path to the device: `root_bus` is the bus below the host bridge, `path` lists the
	 * bridges on the way and then the device. Firmware describes devices this way because bus
	 * numbers below bridges may change. path_length 0: the device is on a root bus, at the
	 * address in source_id.
	 */
	uint8_t root_bus;
	uint8_t path_length;
	struct iommu_pci_hop path[IOMMU_PCI_PATH_MAX];
	/*
	 * PCI class code, base << 16 | sub << 8 | interface; 0: unknown. Firmware's reserved
	 * regions may be given up for USB controllers and display devices.
	 */
	uint32_t class_code;
	/*
	 * Phantom functions (PCIe Device Capabilities): the number of high bits of the function
	 * number that may have any value in its requests. 0 to 3.
	 */
	uint8_t phantom_bits;
	/*
	 * Address translation services (PCIe ATS). device_tlb: the device has ATS, and the host
	 * lets it use ATS; the device may then keep translations once the host has enabled ATS in
	 * the unit (iommu_endpoint_enable_feature), and then in the device. tlb_queue_depth: the
	 * field of the ATS capability as it is, 0 to 31: so many invalidations may wait in the
	 * device, and 0 stands for 32. physical_function: for a virtual function the source id of
	 * its physical function, otherwise its own source id or 0. A virtual function is behind the
	 * unit of its physical function, whatever its own bus number; its path may end at either.
	 * Firmware's reserved regions do not apply to virtual functions.
	 */
	bool device_tlb;
	bool tlb_global_invalidate; /* one message invalidates all PASIDs (ATS capability) */
	uint8_t tlb_queue_depth;
	uint16_t physical_function;
	/*
	 * The device may misbehave: it reaches only memory that its driver maps for it. device_tlb
	 * and page_requests are ignored, because a translated request would reach all memory; so
	 * are regions that firmware claims for it.
	 */
	bool untrusted;
	/* The device cannot generate addresses above 32 bits. */
	bool requires_dma_32;
	/*
	 * The device is not in the PCI topology, and is isolated from all others
	 * (<libiommu/group.h>).
	 */
	bool not_in_topology;
	/*
	 * max_pasids: number of PASIDs that the device supports: 2^n, or 0. page_requests: page
	 * requests that it may have outstanding (PCIe PRI, "Outstanding Page Request Allocation"),
	 * at most 512; 0: it has no page request interface.
	 */
	uint32_t max_pasids;
	uint16_t page_requests;
	/* NULL: the unit is found by the PCI address. Copied. */
	const struct iommu_fwspec *fwspec;
	/* For the host: see iommu_endpoint_host_data. */
	void *host_data;
	/*
	 * 1 + the NUMA node of the device: page tables of its group's default domain are allocated
	 * there. 0: the node of its unit, if firmware reports one.
	 */
	unsigned int near_node;
	/*
	 * PCI vendor, device and revision id. Hardware with known defects is recognised by them.
	 * vendor 0: unknown.
	 */
	uint16_t vendor, device;
	uint8_t revision;
	/*
	 * From the ATS capability: its translation requests may have addresses that are not aligned
	 * to a page (the bit "page aligned request" is clear). From the PRI status: the device does
	 * not expect a PASID in responses to page requests that had one (the bit "PRG response
	 * PASID required" is clear).
	 */
	bool tlb_unaligned, page_responses_without_pasid;
	/*
	 * Its accesses go past the CPU caches, as the host knows from firmware (such as
	 * "dma-noncoherent", or a _CCA of 0): see iommu_dma_device.noncoherent.
	 */
	bool noncoherent;
	/*
	 * It reaches only shared memory of this confidential guest: iommu_dma_device.shared_only.
	 */
	bool shared_only;
};

/*
 * iommu_probe_endpoint - introduce a device to the library.
 *
 * The call finds the unit that translates for the device (a unit that names the device or a bridge
 * above it has precedence over one that takes all others), and adds the device to the group of
 * those that it cannot be isolated from (<libiommu/group.h>), whose domain it uses from then on. A
 * new group gets its default domain; without one, its DMA is blocked once the unit is enabled,
 * except to the regions that firmware assigns to it (below). DMA that an earlier kernel left
 * running continues until a driver takes over the device, or until the first attach.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL        a field of info, its path or its fwspec is out of range: iommu_reason
 *                       says which
 *   IOMMU_ENODEV        no unit translates for the device: its DMA is not restricted
 *   IOMMU_EPROBE_DEFER  the unit that its fwspec names is not known yet
 *   IOMMU_ENOENT        there is a PCI topology, and the device is not in it
 *   IOMMU_EEXIST        an endpoint with this segment and source id exists, or a direct region of
 *                       the device is in use otherwise in the domain of its group
 *   IOMMU_EBUSY         its group is in use in a way that the device must not share: the device is
 *                       untrusted, and the attached domain, or the default domain in use, is an
 *                       identity, lazy, or has a bypass; the device is untrusted, and its requests
 *                       can carry the id of a device that uses ATS; PASIDs are attached; or its id
 *                       is an alias of other devices, and the driver of the device that had the id
 *                       before has not released it
 *   IOMMU_ENOSPC        its requests can carry more than 24 ids; or a unit has no free domain id
 *   IOMMU_ENOMEM
 *   otherwise  as iommu_domain_attach_group
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_probe_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
				   struct iommu_endpoint **endpoint);

/*
 * iommu_release_endpoint - remove a device, and its group with the last member, unless the group is
 * claimed or held. When 0 is returned, the device is blocked and hardware has confirmed it; other
 * members are not affected.
 *
 * A driver may still use the device (iommu_use_default_domain, iommu_dma_of), because devices are
 * removed under their drivers. What the driver holds remains valid until it calls
 * iommu_unuse_default_domain, once for each use, or the bus reports that it is unbound: the
 * endpoint, its group, the group's default domain with its mappings, and the DMA handle, whose
 * calls behave as if the device were silent. Calls that need the device return IOMMU_ENODEV.
 * Meanwhile the group cannot be claimed, and a new device at the same address is another endpoint.
 * iommu_destroy ends such uses.
 *
 * Returns 0; IOMMU_ENODEV: already released, but still used by a driver or held; or for the last
 * member: IOMMU_EBUSY: a domain is attached to its group, perhaps for a PASID, or no driver uses it
 * but buffers of an untrusted device are mapped (see iommu_dma_destroy); or the error of an
 * invalidation that such mappings wait for (IOMMU_EAGAIN: so many wait that no new one is started).
 * IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm that the device is blocked, and the memory
 * that it reached must not be reused: it remains an endpoint, with nothing attached, until a later
 * release returns 0. Other errors are those of earlier operations that hardware had not confirmed,
 * as iommu_unit_enable returns them.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_release_endpoint(struct iommu_endpoint *endpoint);

/*
 * iommu_endpoint_hold - hold a reference to an endpoint and its group. iommu_endpoint_drop - give a
 * reference to an endpoint back. The pointers remain valid when the endpoint is released, until it
 * has been dropped as often as it was held. Devices of IOMMU files and device files
 * (<libiommu/ioas.h>, <libiommu/vfio.h>) hold one. After the release, calls that need the device
 * return IOMMU_ENODEV. The unit cannot be removed meanwhile. Control path.
 */
IOMMU_API void iommu_endpoint_hold(struct iommu_endpoint *endpoint);
IOMMU_API void iommu_endpoint_drop(struct iommu_endpoint *endpoint);

/*
 * iommu_endpoint_uses_device_tlb - whether the host may enable ATS in the device: only if the host
 * asked for it, and the unit and firmware allow it. The bit in the device's configuration space is
 * set after the first attach, from which on the unit answers translation requests, and cleared
 * before the release. Context: any, as long as the endpoint exists; takes no lock.
 */
IOMMU_API bool iommu_endpoint_uses_device_tlb(const struct iommu_endpoint *endpoint);

/*
 * A device whose TLB does not answer an invalidation is lost: it is blocked, nothing that it sends
 * under its own id passes, and attaching a domain to its group fails with IOMMU_EIO, unless that
 * blocks all, or the group has the domain already. Requests under an alias, which may be another
 * function's, are translated as before.
 *
 * iommu_endpoint_is_lost - whether that has happened. Any context. iommu_endpoint_was_reset -
 * report that the host has reset the device (a function level reset empties its TLB): it may be
 * attached again, and is blocked until then. Its group is detached if necessary, and uses its
 * default domain, if it has one, like every group that is detached. Errors as
 * iommu_domain_detach_group, after which the call is to be repeated; IOMMU_ENODEV: it was released;
 * IOMMU_EBUSY: it is untrusted, and its group uses a domain that an untrusted device must not
 * share, or a reset has begun (iommu_endpoint_reset_begin).
 */
IOMMU_API bool iommu_endpoint_is_lost(const struct iommu_endpoint *endpoint);
IOMMU_API int iommu_endpoint_was_reset(struct iommu_endpoint *endpoint);

/*
 * Resets of a device, such as a function level reset: while a device is being reset it does not
 * answer, and an invalidation of its TLB would time out.
 *
 * iommu_endpoint_reset_begin - prepare for the reset of a device: to be called before the host
 * resets it. When it returns 0, DMA of the device is blocked, with and without PASIDs, which
 * hardware has confirmed; no invalidation of its TLB is sent, or waited for, until the end; its
 * pending page requests are answered. The device is not asked to empty its TLB, so that one that
 * has fallen silent holds nothing up. iommu_endpoint_reset_end - let a device go on: to be called
 * after the reset, which has emptied the TLB, and after the host has restored the features that
 * were enabled in the device: the device uses again what its group uses, and its PASIDs what is
 * attached to them.
 *
 * Resets are nested: each begin needs an end, and the last one counts. Meanwhile the group, and its
 * PASIDs, can be attached, detached, replaced, claimed and released: the device uses the result at
 * the end. Whether a domain suits the device's unit is known only then. Other members of the group
 * are not affected, nor are ids that they use, too, such as that of a bridge above: such an id is
 * blocked while all of its users are being reset. A group that hardware cannot tell apart (a PE of
 * POWER) is blocked with the last of its members.
 *
 * A release ends the resets of the device, whose TLB then counts as empty: a host that has not
 * reset the device yet, and has not lost it either, does so before it makes an endpoint of it
 * again. iommu_endpoint_was_reset, for a device that was lost, is not needed in addition.
 *
 * Return 0, or
 *   IOMMU_ENODEV  the endpoint was released
 *   IOMMU_EBUSY   begin: too many are nested
 *   IOMMU_EINVAL  end: no reset was begun
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                 begin: a unit did not confirm: no reset has begun, and the device must not be
 *                 reset: it uses what it used before, or, if the unit does not confirm that
 *                 either, is blocked, which is logged, until a later attach. A nested begin: the
 *                 device is still to be blocked, and a unit did not confirm it: no further reset
 *                 has begun. end: a unit did not confirm that the device, whose reset has not
 *                 ended, is blocked
 *   otherwise     end: errors as iommu_domain_attach_group and iommu_domain_attach_pasid: the reset
 *                 has not ended, the device is still blocked; call it again, perhaps after
 *                 attaching another domain
 *
 * iommu_endpoint_is_in_reset - whether a reset has begun and not ended. Control path.
 */
IOMMU_API int iommu_endpoint_reset_begin(struct iommu_endpoint *endpoint);
IOMMU_API int iommu_endpoint_reset_end(struct iommu_endpoint *endpoint);
IOMMU_API bool iommu_endpoint_is_in_reset(const struct iommu_endpoint *endpoint);

/*
 * Features that the host enables in a device, in its configuration space. The library enforces the
 * order that the PCI Express specification requires, and tells the back end:
 *   on:  PASIDs before ATS, ATS before page requests;
 *   off: page requests before ATS, ATS before PASIDs.
 * A feature may be enabled as soon as the endpoint is known, before a domain is attached, too: an
 * attach that turns page requests on by itself (IOMMU_HWPT_FAULTS, <libiommu/ioas.h>) finds ATS
 * enabled then. The bit in the device is set later: that of ATS after the first attach.
 *
 * iommu_endpoint_enable_feature - enable a feature (ATS, PASIDs, page requests) in the unit: to be
 * called before the host enables it in the device. Returns 0 (also if it is enabled), or
 *   IOMMU_ENODEV      the endpoint was released
 *   IOMMU_EOPNOTSUPP  the device, its unit or firmware does not support it
 *   IOMMU_EPERM       ATS or page requests of an untrusted endpoint
 *   IOMMU_EINVAL      no such feature
 *   IOMMU_EBUSY       out of order: page requests without ATS, PASIDs after ATS
 *   IOMMU_ENOMEM      page requests: no memory to collect them
 *   IOMMU_ETIMEDOUT   a unit did not confirm
 *   IOMMU_EIO         a unit reported an error, or the device is lost
 * iommu_endpoint_disable_feature - disable a feature in the unit: to be called after the host has
 * disabled it in the device. IOMMU_EBUSY: out of order, page requests are pending, or PASIDs are
 * attached; IOMMU_EINVAL: no such feature; IOMMU_ETIMEDOUT / IOMMU_EIO: a unit did not confirm that
 * no more of the device's requests are on their way, or, with PASIDs, the device is lost. The
 * feature counts as enabled then, and may work no longer: the call is repeated, for a device that
 * is lost after iommu_endpoint_was_reset, until it returns 0, and the feature may be enabled anew
 * after that. Features that are enabled when the endpoint is released are disabled in order.
 *
 * ATS that the host never enables or disables here may be used from the first attach on. Once it is
 * disabled the device is asked to invalidate nothing, and its translated requests are refused
 * (VT-d in legacy mode: it is asked, and they are not).
 *
 * iommu_endpoint_features - the enabled features. Any context.
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

/* What the back end supports for an endpoint at present. */
enum iommu_capability {
	IOMMU_CAPABLE_CACHE_COHERENCY = 0, /* its DMA can be kept coherent with the CPU caches */
	IOMMU_CAPABLE_ENFORCED_COHERENCY,  /* … enforced, whatever its requests say */
	IOMMU_CAPABLE_INTERRUPT_ISOLATION, /* it only sends interrupts assigned to it */
	IOMMU_CAPABLE_PASID,
	IOMMU_CAPABLE_DIRTY_TRACKING,
	IOMMU_CAPABLE_INTERRUPT_REMAPPING, /* its unit can remap interrupts, enabled or not */
	/* Its unit is to be told of all mappings, as a hypervisor's that shadows tables is. */
	IOMMU_CAPABLE_SHADOWING,
};
/*
 * iommu_capable - whether an endpoint has a capability; false if the back end does not know. Any
 * context.
 */
IOMMU_API bool iommu_capable(const struct iommu_endpoint *endpoint,
			     enum iommu_capability capability);

/*
 * iommu_endpoint_group - the group of an endpoint. iommu_endpoint_unit - the unit that translates
 * for it. iommu_endpoint_host_data - what the host stored with it. iommu_endpoint_source_id - the
 * id of its requests. iommu_endpoint_name - its name in lines of the log; never NULL.
 *
 * No locks, any context; results are valid as long as the endpoint exists.
 */
IOMMU_API struct iommu_group *iommu_endpoint_group(const struct iommu_endpoint *endpoint);
IOMMU_API struct iommu_unit *iommu_endpoint_unit(const struct iommu_endpoint *endpoint);
IOMMU_API void *iommu_endpoint_host_data(const struct iommu_endpoint *endpoint);
IOMMU_API uint16_t iommu_endpoint_source_id(const struct iommu_endpoint *endpoint);
IOMMU_API const char *iommu_endpoint_name(const struct iommu_endpoint *endpoint);
/*
 * iommu_endpoint_domain - the domain that hardware uses for an endpoint; NULL: none, the endpoint
 * is blocked. It differs from its group's domain only while the device is being reset, and if an
 * attach failed, and so did its rollback: such an endpoint is blocked, and an error was logged.
 * Locks, contexts and lifetime as of the other getters.
 */
struct iommu_domain;
IOMMU_API struct iommu_domain *iommu_endpoint_domain(const struct iommu_endpoint *endpoint);

/*
 * iommu_next_endpoint - iterate over the endpoints of an instance: NULL returns the first; after
 * the last, NULL. iommu_unit_next_endpoint - the endpoints behind one unit. Control path.
 */
IOMMU_API struct iommu_endpoint *iommu_next_endpoint(struct iommu *iommu,
						     struct iommu_endpoint *endpoint);
IOMMU_API struct iommu_endpoint *iommu_unit_next_endpoint(struct iommu_unit *unit,
							  struct iommu_endpoint *endpoint);

/*
 * iommu_find_endpoint - find an endpoint by segment and source id; NULL: there is none. Any
 * context; the result is valid until the endpoint is released.
 */
IOMMU_API struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
						     uint16_t source_id);

/* --- Regions ---------------------------------------------------------------------------------- */

/*
 * Ranges of addresses with a special meaning: memory that firmware needs devices to reach, and
 * addresses that are not memory for any device.
 */

enum iommu_region_type {
	/* The device must always reach this memory at its own address. */
	IOMMU_REGION_DIRECT = 0,
	/* The same until a driver has taken over: USB legacy emulation, boot graphics. */
	IOMMU_REGION_DIRECT_RELAXABLE,
	/* Must not be used as device addresses. */
	IOMMU_REGION_RESERVED,
	/* Writes to these addresses are interrupts. */
	IOMMU_REGION_MSI,
	/* The host may choose where in this range interrupt registers appear. */
	IOMMU_REGION_SOFTWARE_MSI,
};

struct iommu_region {
	iommu_iova_t start;
	iommu_iova_t last; /* inclusive; both ends at page boundaries */
	enum iommu_region_type type;
	unsigned int prot; /* of direct regions: enum iommu_prot */
};

/*
 * iommu_endpoint_next_region - the next region of an endpoint, in no particular order.
 *
 * @cursor: 0 before the first call. Returns false after the last region. No locks; any context.
 */
IOMMU_API bool iommu_endpoint_next_region(const struct iommu_endpoint *endpoint,
					  unsigned int *cursor, struct iommu_region *region);

/*
 * iommu_group_get_regions - the regions of all members of a group, merged: what a domain for the
 * group must respect.
 *
 * Sorted by type, then by address. Regions of one type do not overlap: overlapping regions are
 * merged with the permissions of all, and so are neighbours with the same permissions. Regions of
 * different types may overlap.
 *
 * @regions: array of `capacity` entries; as many as all members have together always suffice.
 * @count:   receives the number of regions.
 *
 * Returns 0, or IOMMU_ENOSPC: the array is too small; *count is 0. Locking: see the head of this
 * file. Context: not while the control path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API int iommu_group_get_regions(const struct iommu_group *group, struct iommu_region *regions,
				      unsigned int capacity, unsigned int *count);

/*
 * iommu_add_region - add a region to those that firmware reports for a device, before the device is
 * probed: what firmware should have said, or what the administrator knows.
 *
 * @region: copied; for ever. Its memory is not the library's: no page of alloc_pages lies in it.
 *          The host answers for it, so that no limit of firmware's regions applies. Direct regions
 *          are ignored if the device turns out to be untrusted.
 *
 * Returns 0, IOMMU_EINVAL (start > last; not whole pages; no such type; a direct region without a
 * permission, or with others than IOMMU_PROT_READ and IOMMU_PROT_WRITE), IOMMU_EBUSY (an endpoint
 * with this id exists) or IOMMU_ENOMEM. Control path.
 */
IOMMU_API int iommu_add_region(struct iommu *iommu, uint16_t segment, uint16_t source_id,
			       const struct iommu_region *region);

/*
 * iommu_reserve - exclude [start, last] from the device addresses of every IOMMU_DOMAIN_DMA domain
 * that is made afterwards: windows of host bridges, and BARs, which a device would reach instead of
 * memory. The back end excludes the interrupt range.
 *
 * Both ends are rounded outwards to pages; overlaps with earlier reservations are allowed. Returns
 * 0, IOMMU_EINVAL (start > last) or IOMMU_ENOMEM. Locking: see the head of this file. Context:
 * control path; may sleep.
 */
IOMMU_API int iommu_reserve(struct iommu *iommu, iommu_iova_t start, iommu_iova_t last);

/*
 * iommu_add_memory - declare a range to be memory, for identity domains on units that need tables
 * for them. iommu_remove_memory - declare that a range of iommu_add_memory is no longer memory.
 * Existing domains are updated before the call returns.
 *
 * Ranges are page-aligned; a range is removed as it was added. Adding is all or nothing. Returns 0,
 * IOMMU_EINVAL (alignment, start > last), IOMMU_EEXIST (overlaps an added range), IOMMU_ENOENT (no
 * such range), IOMMU_ENOMEM, IOMMU_ERANGE (beyond what a unit in use can address), or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: hardware did not confirm; a removed range is gone from the list all
 * the same, but must not be reused. If a hypervisor keeps the tables of a domain, it can also
 * refuse memory, as iommu_map. Locking: see the head of this file.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_add_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last);
IOMMU_API int iommu_remove_memory(struct iommu *iommu, iommu_paddr_t start, iommu_paddr_t last);

IOMMU_END_DECLS
#endif
