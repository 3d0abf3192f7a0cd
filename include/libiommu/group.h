/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: the smallest sets of endpoints that hardware can isolate from others. All members of a
 * group always use the same domain.
 *
 * A group normally uses its default domain, whose type the host's policy determines, or is blocked
 * if the policy says so; the host's own drivers use it this way. A domain that the host attaches
 * replaces the default domain until it is detached. A claim excludes the host's drivers, and blocks
 * the group except for what its owner attaches: this is how a device is handed to a guest.
 *
 * Locking: all functions are control path, see the head of <libiommu/endpoint.h>, unless "any
 * context" is stated.
 */
#ifndef LIBIOMMU_GROUP_H
#define LIBIOMMU_GROUP_H

#include <libiommu/domain.h>
#include <libiommu/pci.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_group;

/* --- PCI topology ----------------------------------------------------------------------------- */

/*
 * iommu_set_pci_topology - describe the machine's PCI functions, which determine the groups (see
 * <libiommu/pci.h>): before the first probe, and whenever functions are added or removed.
 *
 * @topology: the structure and its functions remain the caller's, and must not change before the
 *            next call returns;
 *            NULL: no topology: every endpoint is in a group of its own, unless its back end knows
 *            better.
 *
 * With a topology, an endpoint that is not in it cannot be probed, unless its info has
 * not_in_topology. Other ids that an endpoint's requests may carry are translated like its own id;
 * for endpoints that were probed they do not change. A virtual function that the topology does not
 * mark as one is grouped by its physical function (iommu_endpoint_info.physical_function).
 *
 * Returns 0, or with the former topology kept
 *   IOMMU_EINVAL  it makes no sense (see iommu_pci_groups)
 *   IOMMU_ERANGE  too many functions for a table of 2^IOMMU_MAX_ALLOC_ORDER pages
 *   IOMMU_EBUSY   endpoints of different groups would be in one group: release them first
 *   IOMMU_ENOMEM
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_set_pci_topology(struct iommu *iommu,
				     const struct iommu_pci_topology *topology);

/*
 * iommu_find_route - how requests of one endpoint reach another (<libiommu/pci.h>), by the PCI
 * topology. IOMMU_PCI_ROUTE_UNKNOWN: there is no topology, or one of them is not in it; by bus only
 * within a group. Returns 0, IOMMU_EINVAL (endpoints of different instances) or IOMMU_ENODEV (one
 * was released). Control path.
 */
IOMMU_API int iommu_find_route(struct iommu_endpoint *from, struct iommu_endpoint *to,
			       enum iommu_pci_route *route);

/* --- Lookup and lifetime ---------------------------------------------------------------------- */

/*
 * iommu_group_id - the unique id of a group: the lowest that was free when it was created. Any
 * context.
 */
IOMMU_API unsigned int iommu_group_id(const struct iommu_group *group);

/*
 * iommu_find_group - find a group by its id; NULL: there is none. Context: not while the control
 * path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API struct iommu_group *iommu_find_group(struct iommu *iommu, unsigned int id);

/*
 * iommu_next_group - iterate over the groups in order of their ids: NULL returns the first; after
 * the last, NULL. Context: not while the control path changes what it reads; takes no lock, never
 * sleeps.
 */
IOMMU_API struct iommu_group *iommu_next_group(struct iommu *iommu, struct iommu_group *group);

/*
 * iommu_group_hold - hold a reference to a group. iommu_group_drop - give a reference to a group
 * back. A held group remains after its last member is gone, until it has been dropped as often as
 * it was held. Later endpoints do not join it again. Context: control path; may sleep.
 */
IOMMU_API void iommu_group_hold(struct iommu_group *group);
IOMMU_API void iommu_group_drop(struct iommu_group *group);

/*
 * iommu_group_size - the number of members. iommu_group_name - the name of a group: at most 31
 * characters; "" until one is set. iommu_group_set_name - set the name; what is longer is cut.
 * Context: not while the control path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API unsigned int iommu_group_size(const struct iommu_group *group);
IOMMU_API const char *iommu_group_name(const struct iommu_group *group);
IOMMU_API void iommu_group_set_name(struct iommu_group *group, const char *name);

/*
 * iommu_group_for_each - call `visitor` for each member, in the order in which they joined, until
 * it returns another value than 0, which is the result. The visitor must not change the group.
 * Context: not while the control path changes what it reads; takes no lock, never sleeps.
 */
typedef int (*iommu_group_visitor)(void *ctx, struct iommu_endpoint *endpoint);
IOMMU_API int iommu_group_for_each(struct iommu_group *group, iommu_group_visitor visitor,
				   void *ctx);

/*
 * iommu_group_set_data - attach data of the host to a group; `release`, unless NULL, is called with
 * the data when other data are set, and when the group is freed. iommu_group_data - the data that
 * the host has attached; NULL at first. Context: not while the control path changes what it reads;
 * takes no lock, never sleeps.
 */
IOMMU_API void iommu_group_set_data(struct iommu_group *group, void *data,
				    void (*release)(void *data));
IOMMU_API void *iommu_group_data(const struct iommu_group *group);

/* --- Events of members ------------------------------------------------------------------------ */

enum iommu_group_event {
	IOMMU_ENDPOINT_ADDED,   /* the endpoint has joined, and is translated */
	IOMMU_ENDPOINT_REMOVED, /* the endpoint is about to leave */
	IOMMU_DRIVER_BINDING,   /* a driver is about to be bound to it */
	IOMMU_DRIVER_BOUND,     /* … is bound */
	IOMMU_DRIVER_UNBINDING, /* … is about to be unbound */
	IOMMU_DRIVER_UNBOUND,   /* … is unbound */
	IOMMU_DRIVER_NOT_BOUND, /* binding failed after IOMMU_DRIVER_BINDING */
	IOMMU_ENDPOINT_FROZEN,  /* hardware has frozen its group: see <libiommu/eeh.h> */
	IOMMU_ENDPOINT_THAWED,  /* … which is not frozen any more */
};

/* Called in the control path. Must not call control path functions. */
typedef void (*iommu_group_listener)(void *ctx, enum iommu_group_event event,
				     struct iommu_endpoint *endpoint);

/*
 * iommu_group_listen - be notified of events, after earlier listeners. @notifier: memory of the
 * caller, used until iommu_group_unlisten, or until the group is freed. iommu_group_unlisten - end
 * the notifications of a listener. Context: control path; may sleep.
 */
struct iommu_group_notifier {
	iommu_group_listener listener;
	void *ctx;
	struct iommu_list_node link; /* private to the library */
};
IOMMU_API void iommu_group_listen(struct iommu_group *group, struct iommu_group_notifier *notifier);
IOMMU_API void iommu_group_unlisten(struct iommu_group *group,
				    struct iommu_group_notifier *notifier);

/* --- Domains ---------------------------------------------------------------------------------- */

/*
 * iommu_set_default_type - set the default domain type of groups that are created later:
 * IOMMU_DOMAIN_BLOCKED (initially: all DMA is blocked until a domain is attached),
 * IOMMU_DOMAIN_IDENTITY, or IOMMU_DOMAIN_DMA, IOMMU_DOMAIN_DMA_LAZY or IOMMU_DOMAIN_DMA_BYPASS.
 * Other types: IOMMU_EINVAL.
 *
 * A group may get another type: IOMMU_DOMAIN_DMA if a member is untrusted; otherwise the type that
 * its back end requires; IOMMU_DOMAIN_DMA instead of an identity that the unit does not support or
 * that a member with 32 address bits could not use, and instead of a bypass that the unit does not
 * support. Context: control path; may sleep.
 */
IOMMU_API int iommu_set_default_type(struct iommu *iommu, enum iommu_domain_type type);

/*
 * iommu_set_default_type_of - set the default domain type for a device, by its id, before it is
 * probed: it takes the place of iommu_set_default_type's for the device's group. Of members that
 * differ, one that is IOMMU_DOMAIN_BLOCKED prevails, otherwise the group gets IOMMU_DOMAIN_DMA; a
 * device that would change the default domain of a group in use is refused by its probe
 * (IOMMU_EBUSY). Calling it again replaces the type. Returns 0, IOMMU_EINVAL (the type, as above),
 * IOMMU_EBUSY (the device was probed; see iommu_group_set_default_type) or IOMMU_ENOMEM.
 *
 * iommu_set_largest_page - the largest page that default domains use which are made later, in
 * bytes; 0: no limit. A domain always has the smallest page of its unit. IOMMU_EINVAL: no power of
 * two. Context: control path; may sleep.
 */
IOMMU_API int iommu_set_default_type_of(struct iommu *iommu, uint16_t segment, uint16_t source_id,
					enum iommu_domain_type type);
IOMMU_API int iommu_set_largest_page(struct iommu *iommu, uint64_t size);

/*
 * iommu_set_quarantine - whether groups that are to reach nothing are quarantined
 * (IOMMU_DOMAIN_QUARANTINE) rather than blocked: those that are claimed while nothing is attached,
 * as before and after a guest has the device, and those whose default type is IOMMU_DOMAIN_BLOCKED.
 * Each has a page of its own. For groups that come to that state for the first time afterwards: to
 * be called before endpoints are probed. A group whose unit does not support it is blocked, which
 * is logged. Devices that are released, or being reset, are blocked. False at first; see also
 * IOMMU_START_QUARANTINE.
 *
 * Context: control path; may sleep.
 */
IOMMU_API void iommu_set_quarantine(struct iommu *iommu, bool enable);

/*
 * iommu_group_set_default_type - change the default domain of a group.
 *
 * Returns 0, or with the former domain kept
 *   IOMMU_EINVAL  the type (see above), or a type that a member must not have
 *   IOMMU_EBUSY   a driver is bound to a member, the group is claimed, or a domain is attached
 *   and the errors of iommu_domain_alloc and iommu_domain_attach_group: IOMMU_ETIMEDOUT and
 *   IOMMU_EIO also for the type that the group has, where hardware has not confirmed an earlier
 *   change.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_group_set_default_type(struct iommu_group *group, enum iommu_domain_type type);

/*
 * iommu_group_domain - the domain that the host has attached; NULL: none.
 * iommu_group_default_domain - the domain for the host's own drivers; NULL: the group is blocked by
 * default. iommu_group_default_type - the type of the default domain; IOMMU_DOMAIN_BLOCKED if there
 * is none. Context: not while the control path changes what it reads; takes no lock, never sleeps.
 */
IOMMU_API struct iommu_domain *iommu_group_domain(const struct iommu_group *group);
IOMMU_API struct iommu_domain *iommu_group_default_domain(const struct iommu_group *group);
IOMMU_API enum iommu_domain_type iommu_group_default_type(const struct iommu_group *group);

/* --- Ownership -------------------------------------------------------------------------------- */

/*
 * iommu_group_claim - take a group from the host's drivers: its members are blocked until `owner`,
 * any pointer but NULL, attaches a domain.
 *
 * The same owner may claim several times, and must release as often. Returns 0, or with nothing
 * changed
 *   IOMMU_EPERM   another owner has claimed it
 *   IOMMU_EBUSY   a driver uses a member, perhaps through its DMA handle, and perhaps after the
 *                 device was released (iommu_release_endpoint); or a domain is attached, perhaps
 *                 for a PASID
 *   IOMMU_EINVAL  owner is NULL
 *   otherwise     the members could not be blocked: errors as iommu_domain_attach_group
 *
 * iommu_group_release - end a claim of a group. The last release returns the group to its default
 * domain. Returns 0, or
 *   IOMMU_EPERM  `owner` has not claimed it
 *   IOMMU_EBUSY  the last release, and a domain is attached, perhaps for a PASID
 *   otherwise    the errors of attaching the default domain, as iommu_domain_attach_group: the
 *                claim remains, try again
 *
 * iommu_group_owner - the owner; NULL: the group is not claimed. Context: control path; may sleep.
 */
IOMMU_API int iommu_group_claim(struct iommu_group *group, void *owner);
IOMMU_API int iommu_group_release(struct iommu_group *group, void *owner);
IOMMU_API void *iommu_group_owner(const struct iommu_group *group);

/*
 * iommu_group_is_claimable - whether the first claim of a group would find it free (VFIO's
 * "viable"): it has no owner, no driver of the host uses a member, and no domain is attached. An
 * answer for users, out of date as soon as another call changes the group. Context: control path;
 * may sleep.
 */
IOMMU_API bool iommu_group_is_claimable(struct iommu_group *group);

/*
 * iommu_use_default_domain - announce that a driver of the host uses an endpoint through its
 * group's default domain. iommu_dma_of does so itself if necessary. Returns 0, IOMMU_EBUSY (the
 * group is claimed, or another domain is attached), IOMMU_ENODEV (the endpoint was released), or
 * errors as iommu_domain_attach_group, if attaching the default domain had been deferred, or
 * hardware has not confirmed an earlier change of the group.
 *
 * iommu_unuse_default_domain - end a use: once for each iommu_use_default_domain, or once if only
 * iommu_dma_of was called. The last call also ends the use of the DMA handle; if the endpoint was
 * released meanwhile, neither may be used any more. Unmap first: mappings remain, and the device
 * reaches them, until they are unmapped or the default domain is freed.
 *
 * iommu_report_bus_event calls both for drivers that are bound and unbound. Context: control path;
 * may sleep.
 */
IOMMU_API int iommu_use_default_domain(struct iommu_endpoint *endpoint);
IOMMU_API void iommu_unuse_default_domain(struct iommu_endpoint *endpoint);

/* --- Isolation -------------------------------------------------------------------------------- */

/*
 * iommu_group_check_isolation - whether DMA translation isolates the members from the rest of the
 * machine. To be checked before the group is given to an owner that is not trusted, such as a
 * guest; iommu_device_bind does so.
 *
 * Returns 0, or IOMMU_EPERM: a member can reach a function of another group without passing the
 * IOMMU, according to the topology (iommu_pci_is_isolated; without a topology that is not checked:
 * see iommu_set_pci_topology); or its writes may become interrupts
 * that were not assigned to it: its unit does not remap interrupts, or its back end does not know
 * (IOMMU_CAPABLE_INTERRUPT_ISOLATION), and the platform does not declare that its interrupt
 * controller isolates (isolates_interrupts). A guest could then raise any interrupt of the host.
 *
 * iommu_allow_unsafe_interrupts - the administrator accepts the latter risk. False at first. Has no
 * effect on the check of other groups' functions. Context: control path; may sleep.
 */
IOMMU_API int iommu_group_check_isolation(struct iommu_group *group);
IOMMU_API void iommu_allow_unsafe_interrupts(struct iommu *iommu, bool allow);

/* --- PASIDs ----------------------------------------------------------------------------------- */

/*
 * An attachment of a domain to a group for one PASID (process address space id). The handle is
 * memory of the caller, embedded in the caller's object for the address space, so that the object
 * can be found when a fault names the PASID.
 */
struct iommu_pasid_handle {
	struct iommu_domain *domain; /* set by attach and replace; read-only */
	uint32_t pasid;
	struct iommu_list_node link; /* private to the library */
};

/*
 * iommu_domain_attach_pasid - attach a domain for requests of all members with this PASID. All or
 * none.
 *
 * @handle: used until iommu_domain_detach_pasid, or until a replace with another handle.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      pasid is 0, or beyond the max_pasids of a member
 *   IOMMU_EBUSY       the PASID is already attached
 *   IOMMU_EOPNOTSUPP  a member does not support PASIDs, the units do not, or not with this domain
 *   IOMMU_EPERM       a member is untrusted, and the domain is an identity, lazy, or has a bypass
 *   otherwise         as iommu_domain_attach_group
 *
 * iommu_domain_replace_pasid - replace the domain of an attached PASID, without interruption if
 * hardware supports it; the old handle is no longer used on success. IOMMU_ENOENT: not attached.
 * Other errors as iommu_domain_attach_pasid. iommu_domain_detach_pasid - detach the PASID: its
 * requests fault. IOMMU_ENOENT: not attached; IOMMU_ETIMEDOUT / IOMMU_EIO as
 * iommu_domain_detach_group: the handle is no longer used all the same. iommu_group_find_pasid -
 * the handle of a PASID, or NULL. Any context that cannot interrupt the control path.
 */
IOMMU_API int iommu_domain_attach_pasid(struct iommu_domain *domain, struct iommu_group *group,
					uint32_t pasid, struct iommu_pasid_handle *handle);
IOMMU_API int iommu_domain_replace_pasid(struct iommu_domain *domain, struct iommu_group *group,
					 uint32_t pasid, struct iommu_pasid_handle *handle);
IOMMU_API int iommu_domain_detach_pasid(struct iommu_group *group, uint32_t pasid);
IOMMU_API struct iommu_pasid_handle *iommu_group_find_pasid(struct iommu_group *group,
							    uint32_t pasid);

/* --- Allocation of PASIDs --------------------------------------------------------------------- */

/*
 * Allocation of PASIDs. A PASID may stand for the same address space on all units, for processes
 * that use several devices; or be private to a unit, in a range that is set aside for this and may
 * be the same on several units. A PASID need not be allocated before it is attached: a host may
 * have an allocator of its own.
 *
 * Locking: control path, see <libiommu/endpoint.h>.
 */

struct iommu_unit;

/* PASIDs have 20 bits. 0 is not allocated: on many units it stands for requests without a PASID. */
#define IOMMU_PASID_MIN 1U
#define IOMMU_PASID_MAX 0xfffffU

/*
 * iommu_pasid_alloc - allocate the lowest free PASID in [first, last].
 *
 * Returns 0, or IOMMU_EINVAL (first > last, or not in [IOMMU_PASID_MIN, IOMMU_PASID_MAX]),
 * IOMMU_ENOSPC, IOMMU_ENOMEM, the error of the source of PASIDs (iommu_set_pasid_source), or
 * IOMMU_EIO: the source returned a PASID that is out of range or in use.
 *
 * iommu_pasid_free - free a PASID of the allocator. IOMMU_ENOENT: not allocated; IOMMU_EBUSY:
 * attached to a group. Context: control path; may sleep.
 */
IOMMU_API int iommu_pasid_alloc(struct iommu *iommu, uint32_t first, uint32_t last,
				uint32_t *pasid);
IOMMU_API int iommu_pasid_free(struct iommu *iommu, uint32_t pasid);

/*
 * iommu_unit_set_pasid_range - set PASIDs aside that are private to a unit, once. Returns 0,
 * IOMMU_EINVAL as above, IOMMU_EBUSY (the unit has a range), IOMMU_EEXIST (a PASID of the range is
 * allocated for all units), or IOMMU_ENOMEM.
 *
 * iommu_unit_pasid_alloc - allocate a PASID of one unit alone: as iommu_pasid_alloc, for private
 * PASIDs. iommu_unit_pasid_free - free a PASID of one unit: as iommu_pasid_free. IOMMU_ENOSPC also:
 * the unit has no range. Context: control path; may sleep.
 */
IOMMU_API int iommu_unit_set_pasid_range(struct iommu_unit *unit, uint32_t first, uint32_t last);
IOMMU_API int iommu_unit_pasid_alloc(struct iommu_unit *unit, uint32_t *pasid);
IOMMU_API int iommu_unit_pasid_free(struct iommu_unit *unit, uint32_t pasid);

/*
 * An external source of PASIDs: in a guest, the hypervisor assigns them (VT-d "virtual commands").
 */
struct iommu_pasid_source {
	void *ctx;
	/* Allocate a PASID in [first, last]: 0, or an error that is passed on. */
	int (*alloc)(void *ctx, uint32_t first, uint32_t last, uint32_t *pasid);
	void (*free)(void *ctx, uint32_t pasid);
};

/*
 * iommu_set_pasid_source - have iommu_pasid_alloc use this source; NULL: none. Its results are
 * checked. @source: memory of the caller, used until it is replaced; PASIDs that are allocated when
 * the instance is destroyed are returned to it. Returns 0, IOMMU_EINVAL (a function is missing), or
 * IOMMU_EBUSY: PASIDs are allocated.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_set_pasid_source(struct iommu *iommu, const struct iommu_pasid_source *source);

IOMMU_END_DECLS
#endif
