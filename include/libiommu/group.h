/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: the smallest sets of endpoints that hardware can keep apart from others. All members use
 * one domain, always.
 *
 * At rest a group uses its default domain, of a type that policy chooses, or is blocked when policy
 * says so; that is what it is for the host's own drivers. What a host attaches takes the place of
 * the default until it is detached. A claim keeps the host's drivers away and blocks the group but
 * for what its owner attaches: the life of a device that is handed to a guest.
 *
 * Locking: everything here is part of the control path, see the head of <libiommu/endpoint.h>,
 * except where "any context" is said.
 */
#ifndef LIBIOMMU_GROUP_H
#define LIBIOMMU_GROUP_H

#include <libiommu/domain.h>
#include <libiommu/pci.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_endpoint;
struct iommu_group;

/* --- Which endpoints belong together ---------------------------------------------------------- */

/*
 * iommu_set_pci_topology - tell of the machine's PCI functions, from which groups follow (see
 * <libiommu/pci.h>): before the first probe, and again whenever functions come or go.
 *
 * @topology: functions stay the caller's, and must not change, until the next call returns; NULL:
 *            none. Every endpoint is then in a group of its own, unless its back end knows better.
 *
 * With a topology, an endpoint that is not in it cannot be probed, unless it says that it is no
 * part of it. Ids that an endpoint's requests may also carry are translated like its own; those of
 * endpoints that have been probed stay what they were then. A virtual function that the topology
 * does not know as one is grouped by what its endpoint says
 * (iommu_endpoint_info.physical_function).
 *
 * Returns 0, or with the former topology kept
 *   IOMMU_EINVAL  it makes no sense (see iommu_pci_groups)
 *   IOMMU_ERANGE  more functions than a table of 2^IOMMU_MAX_ALLOC_ORDER pages has numbers for
 *   IOMMU_EBUSY   endpoints of different groups would belong to one: release those first
 *   IOMMU_ENOMEM
 */
IOMMU_API int iommu_set_pci_topology(struct iommu *iommu,
				     const struct iommu_pci_topology *topology);

/* --- Life and looks --------------------------------------------------------------------------- */

/* iommu_group_id - unique, the smallest that is free when the group comes up. Any context. */
IOMMU_API unsigned int iommu_group_id(const struct iommu_group *group);

/* iommu_find_group - by id; NULL: there is none. */
IOMMU_API struct iommu_group *iommu_find_group(struct iommu *iommu, unsigned int id);

/* iommu_next_group - iterate in order of ids: NULL gives the first, the last gives NULL. */
IOMMU_API struct iommu_group *iommu_next_group(struct iommu *iommu, struct iommu_group *group);

/*
 * iommu_group_hold, iommu_group_drop - keep a group after its last member has gone, until as many
 * drops. A member that comes later does not join it again.
 */
IOMMU_API void iommu_group_hold(struct iommu_group *group);
IOMMU_API void iommu_group_drop(struct iommu_group *group);

/* iommu_group_size - how many members; iommu_group_name - "" until one is set, 31 characters. */
IOMMU_API unsigned int iommu_group_size(const struct iommu_group *group);
IOMMU_API const char *iommu_group_name(const struct iommu_group *group);
IOMMU_API void iommu_group_set_name(struct iommu_group *group, const char *name);

/*
 * iommu_group_for_each - call `visitor` for each member, in the order in which they joined, until
 * it answers anything but 0, which is returned. It must not change what belongs to the group.
 */
typedef int (*iommu_group_visitor)(void *ctx, struct iommu_endpoint *endpoint);
IOMMU_API int iommu_group_for_each(struct iommu_group *group, iommu_group_visitor visitor,
				   void *ctx);

/*
 * iommu_group_set_data - the host's own; `release`, unless NULL, is called with it when other data
 * is set, and when the group goes. iommu_group_data - NULL at first.
 */
IOMMU_API void iommu_group_set_data(struct iommu_group *group, void *data,
				    void (*release)(void *data));
IOMMU_API void *iommu_group_data(const struct iommu_group *group);

/* --- What happens to members ------------------------------------------------------------------ */

enum iommu_group_event {
	IOMMU_ENDPOINT_ADDED,   /* it has joined, and translates */
	IOMMU_ENDPOINT_REMOVED, /* it is about to leave */
	IOMMU_DRIVER_BINDING,   /* a driver is about to be bound to it */
	IOMMU_DRIVER_BOUND,     /* … is bound */
	IOMMU_DRIVER_UNBINDING, /* … is about to be unbound */
	IOMMU_DRIVER_UNBOUND,   /* … is unbound */
	IOMMU_DRIVER_NOT_BOUND, /* binding failed after IOMMU_DRIVER_BINDING */
};

/* Called in the control path, which it must not enter again: it may look, and note. */
typedef void (*iommu_group_listener)(void *ctx, enum iommu_group_event event,
				     struct iommu_endpoint *endpoint);

/*
 * iommu_group_listen - be told from now on, after those that listen already. @notifier: the
 * caller's memory, in use until iommu_group_unlisten, or the end of the group.
 * iommu_group_unlisten - of one that listens.
 */
struct iommu_group_notifier {
	iommu_group_listener listener;
	void *ctx;
	struct iommu_list_node link; /* the library's */
};
IOMMU_API void iommu_group_listen(struct iommu_group *group, struct iommu_group_notifier *notifier);
IOMMU_API void iommu_group_unlisten(struct iommu_group *group,
				    struct iommu_group_notifier *notifier);

/* --- Domains ---------------------------------------------------------------------------------- */

/*
 * iommu_set_default_type - the type of the default domain of groups that come up from now on:
 * IOMMU_DOMAIN_BLOCKED (as after iommu_create: nothing passes until a domain is attached),
 * IOMMU_DOMAIN_IDENTITY, or IOMMU_DOMAIN_DMA and its kin (_LAZY, _BYPASS). Otherwise IOMMU_EINVAL.
 *
 * A group may get another one: IOMMU_DOMAIN_DMA when a member is untrusted, whatever the policy;
 * else what its back end says that it needs; IOMMU_DOMAIN_DMA instead of an identity that a unit
 * cannot do, or that a member with 32 address bits could not use, and instead of a bypass that a
 * unit has not.
 */
IOMMU_API int iommu_set_default_type(struct iommu *iommu, enum iommu_domain_type type);

/*
 * iommu_group_set_default_type - change one group's default domain.
 *
 * Returns 0, or
 *   IOMMU_EINVAL  the type (see above), or one that a member must not have
 *   IOMMU_EBUSY   a driver is bound to a member, or the group is claimed, or a domain is attached
 *   and the errors of iommu_domain_alloc and iommu_domain_attach_group; the old one is kept.
 */
IOMMU_API int iommu_group_set_default_type(struct iommu_group *group, enum iommu_domain_type type);

/*
 * iommu_group_domain - what the host has attached; NULL: nothing. iommu_group_default_domain -
 * NULL: its default is to be blocked. iommu_group_default_type - IOMMU_DOMAIN_BLOCKED then.
 */
IOMMU_API struct iommu_domain *iommu_group_domain(const struct iommu_group *group);
IOMMU_API struct iommu_domain *iommu_group_default_domain(const struct iommu_group *group);
IOMMU_API enum iommu_domain_type iommu_group_default_type(const struct iommu_group *group);

/* --- Whose it is ------------------------------------------------------------------------------ */

/*
 * iommu_group_claim - take a group away from the host's drivers: its members are blocked until
 * `owner`, any pointer but NULL, attaches a domain.
 *
 * The same owner may claim again; as many releases end it. Returns 0, or
 *   IOMMU_EPERM   it is another owner's
 *   IOMMU_EBUSY   a driver uses a member, by its DMA handle perhaps, and also when the device is
 *                 gone (iommu_release_endpoint); or a domain is attached, for a PASID perhaps
 *   IOMMU_EINVAL  owner is NULL
 *   otherwise the members could not be blocked, errors as iommu_domain_attach_group: nothing
 *   changed
 *
 * iommu_group_release - by its owner. Back to the default domain with the last one. Returns 0, or
 *   IOMMU_EPERM   it is not that owner's
 *   IOMMU_EBUSY   the last one while a domain is attached, for a PASID perhaps
 *   otherwise the errors of attaching the default domain, as iommu_domain_attach_group: the claim
 *   stays, try again.
 *
 * iommu_group_owner - NULL: the group is not claimed.
 */
IOMMU_API int iommu_group_claim(struct iommu_group *group, void *owner);
IOMMU_API int iommu_group_release(struct iommu_group *group, void *owner);
IOMMU_API void *iommu_group_owner(const struct iommu_group *group);

/*
 * iommu_use_default_domain - a driver of the host is to use an endpoint through its group's default
 * domain. Returns 0, IOMMU_EBUSY (claimed, or something else is attached), IOMMU_ENODEV (it was
 * released), or errors as iommu_domain_attach_group, where attaching the default domain had been
 * put off. iommu_dma_of does it by itself where it has not been done. iommu_unuse_default_domain -
 * it no longer does: once for each use, and once when there was only iommu_dma_of. With the last
 * one the DMA handle is let go, too; of an endpoint that was released meanwhile, nothing may be
 * used any more then. Unmap first: what is mapped stays mapped, and the device reaches it, until it
 * is unmapped or the default domain goes. iommu_bus_event does both for drivers that come and go.
 */
IOMMU_API int iommu_use_default_domain(struct iommu_endpoint *endpoint);
IOMMU_API void iommu_unuse_default_domain(struct iommu_endpoint *endpoint);

/* --- Owners that are not trusted -------------------------------------------------------------- */

/*
 * iommu_group_check_isolation - can translation alone keep the members from what is not theirs? To
 * be asked before the group goes to an owner that is not trusted, a guest say; iommu_device_bind
 * does.
 *
 * Returns 0, or IOMMU_EPERM: a member reaches a function of another group without passing the
 * IOMMU, as far as the topology says (iommu_pci_is_isolated); or its writes may become interrupts
 * that it was not given: its unit does not remap them, or its back end cannot know
 * (IOMMU_CAPABLE_INTERRUPT_ISOLATION), and the platform does not vouch for its interrupt controller
 * (isolates_interrupts). A guest could then have any interrupt of the host's delivered.
 *
 * iommu_allow_unsafe_interrupts - the administrator's word that guests are trusted not to do that.
 * False at first. It says nothing of neighbours.
 */
IOMMU_API int iommu_group_check_isolation(struct iommu_group *group);
IOMMU_API void iommu_allow_unsafe_interrupts(struct iommu *iommu, bool allow);

/* --- PASIDs ----------------------------------------------------------------------------------- */

/*
 * An attachment of a domain to a group for one process address space id. The handle is the caller's
 * memory, embedded in what the caller wants to find again when a fault names the PASID.
 */
struct iommu_pasid_handle {
	struct iommu_domain *domain; /* filled in by attach and replace, for reading */
	uint32_t pasid;
	struct iommu_list_node link; /* the library's */
};

/*
 * iommu_attach_pasid - requests of all members with this PASID use the domain. All or none.
 *
 * @handle: the caller's until iommu_detach_pasid, or a replace with another one.
 *
 * Returns 0, or
 *   IOMMU_EINVAL      pasid is 0 or beyond what every member has (its max_pasids)
 *   IOMMU_EBUSY       the PASID is attached already
 *   IOMMU_EOPNOTSUPP  a member knows no PASIDs, the units cannot tell them apart, or not with this
 *                     domain
 *   IOMMU_EPERM       a member is untrusted, and the domain is not only what it was given
 *   otherwise as iommu_domain_attach_group
 *
 * iommu_replace_pasid - the same for one that is attached, without a gap where hardware can; the
 * old handle is free on success. IOMMU_ENOENT: none is.
 * iommu_detach_pasid - requests with it fault. IOMMU_ENOENT; IOMMU_ETIMEDOUT / IOMMU_EIO as
 * iommu_domain_detach_group: the handle is free all the same.
 * iommu_find_pasid - the handle, or NULL. Any context that the control path cannot interrupt.
 */
IOMMU_API int iommu_attach_pasid(struct iommu_domain *domain, struct iommu_group *group,
				 uint32_t pasid, struct iommu_pasid_handle *handle);
IOMMU_API int iommu_replace_pasid(struct iommu_domain *domain, struct iommu_group *group,
				  uint32_t pasid, struct iommu_pasid_handle *handle);
IOMMU_API int iommu_detach_pasid(struct iommu_group *group, uint32_t pasid);
IOMMU_API struct iommu_pasid_handle *iommu_find_pasid(struct iommu_group *group, uint32_t pasid);

/* --- Which PASIDs are free -------------------------------------------------------------------- */

/*
 * Which process address space ids are free. A PASID may mean one address space on all units, for
 * processes that use several devices; or be a unit's own, in a range that is set aside for that and
 * may be the same on several units. A PASID need not be allocated before it is attached: hosts that
 * have an order of their own keep to that.
 *
 * Locking: control path, see <libiommu/endpoint.h>.
 */

struct iommu_unit;

/*
 * PASIDs have 20 bits, and 0 is never given away: on many units it stands for requests without one.
 */
#define IOMMU_PASID_MIN 1U
#define IOMMU_PASID_MAX 0xfffffU

/*
 * iommu_pasid_alloc - the lowest PASID in [first, last] that is free.
 *
 * Returns 0, or IOMMU_EINVAL (first > last, or not in [IOMMU_PASID_MIN, IOMMU_PASID_MAX]),
 * IOMMU_ENOSPC, IOMMU_ENOMEM, what the source of PASIDs says (iommu_set_pasid_source), or
 * IOMMU_EIO: what it gave is not its to give.
 *
 * iommu_pasid_free - IOMMU_ENOENT: it is not allocated; IOMMU_EBUSY: it is attached to a group.
 */
IOMMU_API int iommu_pasid_alloc(struct iommu *iommu, uint32_t first, uint32_t last,
				uint32_t *pasid);
IOMMU_API int iommu_pasid_free(struct iommu *iommu, uint32_t pasid);

/*
 * iommu_unit_set_pasid_range - set PASIDs aside that are a unit's own, once. Returns 0,
 * IOMMU_EINVAL as above, IOMMU_EBUSY (the unit has a range), IOMMU_EEXIST (one of them is allocated
 * for all units), or IOMMU_ENOMEM.
 *
 * iommu_unit_pasid_alloc, iommu_unit_pasid_free - as iommu_pasid_alloc and iommu_pasid_free, of a
 * unit's own. IOMMU_ENOSPC also: it has no range.
 */
IOMMU_API int iommu_unit_set_pasid_range(struct iommu_unit *unit, uint32_t first, uint32_t last);
IOMMU_API int iommu_unit_pasid_alloc(struct iommu_unit *unit, uint32_t *pasid);
IOMMU_API int iommu_unit_pasid_free(struct iommu_unit *unit, uint32_t pasid);

/*
 * Another source of PASIDs: for a guest, a hypervisor that says which (VT-d "virtual commands").
 */
struct iommu_pasid_source {
	void *ctx;
	/* One in [first, last]: 0, or an error that is handed on. */
	int (*alloc)(void *ctx, uint32_t first, uint32_t last, uint32_t *pasid);
	void (*free)(void *ctx, uint32_t pasid);
};

/*
 * iommu_set_pasid_source - iommu_pasid_alloc asks there from now on; NULL: no longer. What it
 * answers is checked. @source: the caller's memory, in use until it is replaced; what is allocated
 * when the instance is destroyed goes back to it. Returns 0, IOMMU_EINVAL (a function is missing),
 * or IOMMU_EBUSY: PASIDs are allocated.
 */
IOMMU_API int iommu_set_pasid_source(struct iommu *iommu, const struct iommu_pasid_source *source);

IOMMU_END_DECLS
#endif
