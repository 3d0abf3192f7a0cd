/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures of the core: the instance and its groups.
 *
 * Locking: everything here belongs to the control path, whose public functions hold the instance's
 * mutex, and is used by functions that run under it, unless stated otherwise. Two things are also
 * read by interrupt handlers, under `look_lock`: the list of endpoints and a group's PASIDs.
 */
#ifndef IOMMU_GROUP_GROUP_H
#define IOMMU_GROUP_GROUP_H

#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>
#include <libiommu/instance.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/spinlock.h"

/* Why the call that holds the control lock is refused: see iommu_refuse. */
struct iommu_refusal {
	int status; /* 0: nothing was noted */
	const char *why;
	char who[IOMMU_NAME_SIZE];
};

struct iommu {
	const struct iommu_platform *platform;
	void *mutex; /* the host's; NULL: the host serialises */
#if IOMMU_CONFIG_REASONS
	struct iommu_refusal refusal;
	/* Of the last call that was refused, and how many there were: under reason_lock. */
	char reason[128];
	uint32_t refusals;
	struct iommu_spinlock reason_lock;
#endif
	struct iommu_list_node units;
	struct iommu_list_node endpoints; /* aliases included */
	struct iommu_list_node gone;      /* released ones, that drivers have not let go of */
	/* In ascending order of id. */
	struct iommu_list_node groups;
	struct iommu_spinlock look_lock;
	struct iommu_object_cache endpoint_cache;
	struct iommu_object_cache group_cache;
	struct iommu_object_cache memory_cache;
	struct iommu_object_cache waiting_cache;
	struct iommu_object_cache hold_cache;
	/* What is memory, for identity domains with tables; in no order. */
	struct iommu_list_node memory;
	/* What no DMA domain hands out: only reserved ranges. NULL until something is reserved. */
	struct iommu_iova_space *reserved;
	/* Allocated PASIDs, NULL until there is one; and the external source of PASIDs. */
	struct iommu_iova_space *pasids;
	const struct iommu_pasid_source *pasid_source;
	iommu_fault_handler fault_handler;
	void *fault_ctx;
	/* Lines of faults that no handler takes, since then; under look_lock. */
	uint64_t fault_lines_since;
	unsigned int fault_lines;
	/* Domains alive; and how many were made, by which they are named in log lines. */
	struct iommu_list_node domains;
	unsigned int domains_made;
	/* Of new groups. */
	enum iommu_domain_type default_type;
	/* The host's; and for each function the number of its group. */
	const struct iommu_pci_topology *topology;
	size_t *topology_groups;
	unsigned int topology_order; /* of the pages of topology_groups */
	struct iommu_list_node backends;
	bool started;
	bool required;          /* a machine without units is an error */
	bool permissive;        /* … and a back end that fails is none */
	bool unsafe_interrupts; /* the administrator allows them */
	bool no_iommu;          /* … and containers that translate nothing */
	/* Devices that were added before there was a unit for them. */
	struct iommu_list_node waiting;
	/* Policy for default domains: of devices, by id; the largest page, or 0. */
	struct iommu_type_rule *type_rules;
	struct iommu_object_cache rule_cache;
	uint64_t largest_page;
#if IOMMU_CONFIG_DMA_TUNING
	struct iommu_dma_config dma_defaults; /* of handles that default domains get */
#endif
	bool quarantines; /* groups that are to reach nothing are not blocked */
	/* Regions that the host has added. Atomic: read in any context. */
	struct iommu_host_region *host_regions;
	struct iommu_object_cache host_region_cache;
#if IOMMU_CONFIG_TRACE
	struct iommu_tracer tracer;
	uint16_t units_made; /* by which units are named in events */
#endif
};

/* Addresses that the library maps to themselves: memory, or a region of an endpoint. */
struct iommu_span {
	struct iommu_list_node link;
	iommu_iova_t start, last;
};

struct iommu_group {
	struct iommu *iommu;
	struct iommu_list_node link;
	struct iommu_list_node endpoints; /* members, and aliases of members */
	unsigned int members;             /* without aliases */
	unsigned int holders;
	unsigned int id;
	const void *key; /* the back end's, see iommu_ops.device_group */
	/* What the host has attached, or NULL. */
	struct iommu_domain *domain;
	/* What the group uses at rest; NULL: it is blocked. */
	enum iommu_domain_type default_type;
	bool default_is_fixed; /* by the host */
	struct iommu_domain *default_domain;
	/*
	 * What members use while blocked: their direct regions and nothing else; or an
	 * IOMMU_DOMAIN_QUARANTINE. NULL: they have none, or were never blocked behind an enabled
	 * unit.
	 */
	struct iommu_domain *window;
	/*
	 * Whose it is; NULL: the host's drivers', of which `drivers` use it. Those whose device was
	 * released still count until they let go.
	 */
	void *owner;
	unsigned int claims;
	unsigned int drivers;
	struct iommu_list_node pasids;
	struct iommu_list_node notifiers;
	char name[IOMMU_NAME_SIZE];
	void *data, *unit_data;
	void (*release_data)(void *data);
	void (*release_unit_data)(void *data);
#if IOMMU_CONFIG_POWER
	bool is_frozen; /* as the listeners were told last */
#endif
};

static inline struct iommu_endpoint *iommu_member_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_endpoint, group_link);
}

static inline const struct iommu_span *iommu_span_of(const struct iommu_list_node *node)
{
	return (const struct iommu_span *)(const void *)((const unsigned char *)node -
							 offsetof(struct iommu_span, link));
}

/* Done, as far as the library can tell, and hardware did not say so. */
static inline bool iommu_is_unconfirmed(int status)
{
	return status == IOMMU_ETIMEDOUT || status == IOMMU_EIO;
}

/* Was a domain made by the back end of a unit? Its functions are called with none of another's. */
static inline bool iommu_is_for(const struct iommu_domain *domain, const struct iommu_unit *unit)
{
	return domain->backend == unit->ops->name;
}

/*
 * A macro, like vtd_is_scalable: without the DMA API there are no such domains, and no IOVA spaces.
 */
#define iommu_type_is_dma(type)                                                                    \
	(IOMMU_CONFIG_DMA && ((type) == IOMMU_DOMAIN_DMA ||                                        \
			      (IOMMU_CONFIG_DMA_LAZY && (type) == IOMMU_DOMAIN_DMA_LAZY) ||        \
			      (IOMMU_CONFIG_DMA_DIRECT && (type) == IOMMU_DOMAIN_DMA_BYPASS)))

/* A macro for the same reason. */
#define iommu_is_quarantine(domain)                                                                \
	(IOMMU_CONFIG_QUARANTINE && (domain)->type == IOMMU_DOMAIN_QUARANTINE)

/* One that has tables, for want of a unit that passes everything on. */
static inline bool iommu_is_identity_table(const struct iommu_domain *domain)
{
	return domain->type == IOMMU_DOMAIN_IDENTITY && domain->ops->map_pages != NULL;
}

/* --- control.c -------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_REASONS
#define IOMMU_REFUSE_GROUP(group, status, text)                                                    \
	IOMMU_REFUSE((group)->iommu, iommu_group_who(group), status, text)
/* The end of a call that is about a group, by whose name it goes where nothing was noted. */
#define IOMMU_CONTROL_END_GROUP(group, status)                                                     \
	iommu_control_end_for((group)->iommu, IOMMU_CALL, iommu_group_who(group), status)
#else
#define IOMMU_REFUSE_GROUP(group, status, text) ((void)(group), (status))
#define IOMMU_CONTROL_END_GROUP(of, status)     iommu_control_end((of)->iommu, IOMMU_CALL, status)
#endif
/*
 * What was noted of a status, or what it means in general: for failures that only a log tells of.
 */
const char *iommu_why(const struct iommu *iommu, int status);

/* --- group.c ---------------------------------------------------------------------------------- */

/* A group without members, with the smallest free id; NULL: no memory. */
struct iommu_group *iommu_group_new(struct iommu *iommu);
/* Free a group that has neither members nor holders. */
void iommu_group_free_if_unused(struct iommu_group *group);
void iommu_group_notify(struct iommu_group *group, enum iommu_group_event event,
			struct iommu_endpoint *endpoint);

/* --- eeh.c ------------------------------------------------------------------------------------ */

#if IOMMU_CONFIG_POWER
/*
 * May the host give the group another domain? IOMMU_EIO: its DMA is frozen; or the errors of
 * asking.
 */
int iommu_group_check_thawed(struct iommu_group *group);
#else
static inline int iommu_group_check_thawed(struct iommu_group *group)
{
	(void)group;
	return 0;
}
#endif

/* --- topology.c ------------------------------------------------------------------------------- */

/* May there be such an endpoint? */
int iommu_topology_check(const struct iommu *iommu, const struct iommu_endpoint_info *info);
/* The group that an endpoint has to be in; *group NULL: one of its own. */
int iommu_topology_find_group(struct iommu_endpoint *endpoint, struct iommu_group **group);
/* Every id but its own that its requests may carry. */
int iommu_topology_for_each_alias(const struct iommu_endpoint *endpoint,
				  int (*visitor)(void *ctx, uint16_t source_id), void *ctx);
/* Say what hardware may compare its requests with. */
void iommu_topology_set_requester(struct iommu_endpoint *endpoint);
void iommu_topology_forget(struct iommu *iommu);
/* Does it reach, around the IOMMU, an endpoint of another group? */
bool iommu_topology_reaches_others(const struct iommu_endpoint *endpoint);

/* --- attach.c --------------------------------------------------------------------------------- */

/* Let one endpoint use what its group uses, and block it. */
int iommu_endpoint_join(struct iommu_endpoint *endpoint);
int iommu_endpoint_block(struct iommu_endpoint *endpoint);
/* Nothing changes; what hardware has not confirmed of an earlier change it is asked for. */
int iommu_group_confirm(const struct iommu_group *group);
/* What a group uses now. */
struct iommu_domain *iommu_group_current(const struct iommu_group *group);
/* Switch all members from one domain to another (NULL: blocked), or none. */
int iommu_group_switch(struct iommu_group *group, struct iommu_domain *before,
		       struct iommu_domain *domain);
int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group);
int iommu_detach_group(struct iommu_group *group);
#if IOMMU_CONFIG_REGIONS
/* A domain with the members' direct regions, if they have any, for when they are blocked. */
int iommu_group_make_window(struct iommu_group *group);
/* The same, and let them use it if they are blocked now. */
int iommu_group_open_window(struct iommu_group *group);
/* A member leaves: its regions go from the domains that it could use. */
void iommu_endpoint_dismiss(struct iommu_endpoint *endpoint);
/* Free it; no member uses it any more. */
void iommu_group_close_window(struct iommu_group *group);
#else
static inline int iommu_group_make_window(struct iommu_group *group)
{
	(void)group;
	return 0;
}
static inline void iommu_endpoint_dismiss(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
}
static inline void iommu_group_close_window(struct iommu_group *group)
{
	(void)group;
}
#endif

/* --- reset.c ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_RESETS
/* Left out of every change: it is blocked, and stays so. */
#define iommu_is_silent(endpoint)   ((endpoint)->is_silent)
#define iommu_is_in_reset(endpoint) ((endpoint)->resets != 0)
#define iommu_resets_end(endpoint)  ((void)((endpoint)->resets = 0))
/* Members have come or gone: an id may be others' now, or of none but those in reset. */
void iommu_resets_follow(struct iommu_group *group);
/* A device is going: ids that it shares with none but devices in reset are blocked. */
int iommu_resets_leave(struct iommu_endpoint *endpoint);
#else
#define iommu_is_silent(endpoint)   false
#define iommu_is_in_reset(endpoint) false
#define iommu_resets_end(endpoint)  ((void)(endpoint))
static inline void iommu_resets_follow(struct iommu_group *group)
{
	(void)group;
}
static inline int iommu_resets_leave(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
#endif

/* --- quarantine.c ----------------------------------------------------------------------------- */

#if IOMMU_CONFIG_QUARANTINE
/* The page is there, and zeros. */
int iommu_quarantine_open(struct iommu_domain *domain);
/* For a change of what is mapped; and its end: the change's status, or hardware's. */
void iommu_quarantine_close(struct iommu_domain *domain);
int iommu_quarantine_settle(struct iommu_domain *domain, int status);
#else
static inline int iommu_quarantine_open(struct iommu_domain *domain)
{
	(void)domain;
	return 0;
}
static inline void iommu_quarantine_close(struct iommu_domain *domain)
{
	(void)domain;
}
static inline int iommu_quarantine_settle(struct iommu_domain *domain, int status)
{
	(void)domain;
	return status;
}
#endif
#if IOMMU_CONFIG_REGIONS
/* As iommu_endpoint_next_region, of those that the host has added; and is a cursor one of these? */
bool iommu_next_host_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region);
bool iommu_is_hosts_cursor(unsigned int cursor);
void iommu_host_regions_init(struct iommu *iommu);
void iommu_host_regions_free(struct iommu *iommu);
#else
static inline bool iommu_next_host_region(const struct iommu_endpoint *endpoint,
					  unsigned int *cursor, struct iommu_region *region)
{
	(void)endpoint;
	(void)cursor;
	(void)region;
	return false;
}
static inline bool iommu_is_hosts_cursor(unsigned int cursor)
{
	(void)cursor;
	return false;
}
static inline void iommu_host_regions_init(struct iommu *iommu)
{
	(void)iommu;
}
static inline void iommu_host_regions_free(struct iommu *iommu)
{
	(void)iommu;
}
#endif

/* --- policy.c --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_POLICY
/* What the host has said of the members' types. */
bool iommu_policy_type(const struct iommu_group *group, enum iommu_domain_type *type);
/* The page sizes that a default domain is to have, of those that it could. */
uint64_t iommu_policy_pgsizes(const struct iommu *iommu, uint64_t pgsize_bitmap);
void iommu_policy_init(struct iommu *iommu);
void iommu_policy_free(struct iommu *iommu);
#else
static inline bool iommu_policy_type(const struct iommu_group *group, enum iommu_domain_type *type)
{
	(void)group;
	(void)type;
	return false;
}
static inline uint64_t iommu_policy_pgsizes(const struct iommu *iommu, uint64_t pgsize_bitmap)
{
	(void)iommu;
	return pgsize_bitmap;
}
static inline void iommu_policy_init(struct iommu *iommu)
{
	(void)iommu;
}
static inline void iommu_policy_free(struct iommu *iommu)
{
	(void)iommu;
}
#endif

/* --- default_domain.c ------------------------------------------------------------------------- */

#define IOMMU_NOT_DEFAULT "default domains are blocked, identity, or for the DMA API"
static inline bool iommu_is_default_type(enum iommu_domain_type type)
{
	return type == IOMMU_DOMAIN_BLOCKED || type == IOMMU_DOMAIN_IDENTITY ||
	       iommu_type_is_dma(type);
}

/* Find the type for a group without one, or with a new member, and make its domain. */
int iommu_default_choose(struct iommu_group *group);
/* Free the default domain of a group without members, whose data was released. */
void iommu_default_free(struct iommu_group *group);
/* The only member is about to go: let go what hangs on the default domain, or refuse. */
int iommu_default_prepare_free(struct iommu_group *group);

/* --- ownership.c ------------------------------------------------------------------------------ */

int iommu_use_default(struct iommu_endpoint *endpoint);
void iommu_unuse_default(struct iommu_endpoint *endpoint);
bool iommu_is_in_use(const struct iommu_endpoint *endpoint);
/* 0, or IOMMU_ENODEV: it was released. */
int iommu_endpoint_check_is_there(const struct iommu_endpoint *endpoint);
/*
 * The end of an endpoint that was released, and has left its group: freed, or kept until its driver
 * lets go. iommu_find_gone - such a one, by id. iommu_end_uses - all drivers have let go: the
 * instance ends.
 */
void iommu_endpoint_free(struct iommu_endpoint *endpoint);
struct iommu_endpoint *iommu_find_gone(struct iommu *iommu, uint16_t segment, uint16_t source_id);
void iommu_end_uses(struct iommu *iommu);

/* --- pasid.c ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
/* A member leaves: its requests with the group's PASIDs fault. And returns: they do not. */
int iommu_pasids_leave(struct iommu_endpoint *endpoint);
int iommu_pasids_return(struct iommu_endpoint *endpoint);
/* The group has a domain: members that a reset has left without their PASIDs get them back. */
void iommu_pasids_follow(struct iommu_group *group);
#else
static inline int iommu_pasids_leave(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
static inline int iommu_pasids_return(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
static inline void iommu_pasids_follow(struct iommu_group *group)
{
	(void)group;
}
#endif

/* --- member.c, alias.c; names: lookup.c ------------------------------------------------------- */

#if IOMMU_CONFIG_NAMES
/* Its place, as people write it: 0000:00:04.0. */
void iommu_name_by_place(char *name, uint16_t segment, uint16_t source_id);
/* In its group no two have one name: the second "nic" becomes "nic.1". */
void iommu_make_name_unique(struct iommu_endpoint *endpoint);
#else
static inline void iommu_name_by_place(char *name, uint16_t segment, uint16_t source_id)
{
	(void)segment;
	(void)source_id;
	name[0] = '\0';
}
static inline void iommu_make_name_unique(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
}
#endif

/* Copy what the host says of it; without a path it is on a root bus. */
void iommu_endpoint_describe(struct iommu_endpoint *endpoint,
			     const struct iommu_endpoint_info *info);
/*
 * Into the list of the instance; and out of it: then it is not found any more, and no call is at
 * it.
 */
void iommu_endpoint_list(struct iommu_endpoint *endpoint);
void iommu_endpoint_unlist(struct iommu_endpoint *endpoint);
/* Into a group, whose domain it uses then; on failure it is in it all the same. */
int iommu_endpoint_enter(struct iommu_endpoint *endpoint, struct iommu_group *group);
/* Blocked, out of its group, and forgotten by the back end. */
void iommu_endpoint_leave(struct iommu_endpoint *endpoint);
/*
 * Free what a group without members kept for them, and the group; not yet while a driver uses it
 * that has lost its device, or while hardware does not confirm. iommu_groups_close - those that
 * were left for that.
 */
void iommu_group_close(struct iommu_group *group);
void iommu_groups_close(struct iommu *iommu);

/* A visitor of ids: one that the endpoint, its context, may use, too. */
int iommu_alias_add(void *endpoint, uint16_t source_id);
void iommu_aliases_drop(struct iommu_endpoint *endpoint);

/* --- endpoint.c, feature.c, page_request.c ---------------------------------------------------- */

int iommu_probe(struct iommu *iommu, const struct iommu_endpoint_info *info,
		struct iommu_endpoint **endpoint);
int iommu_release(struct iommu_endpoint *endpoint);
/* With an endpoint that it finds, it must be let go of again. Any context. */
struct iommu_endpoint *iommu_look_up(struct iommu *iommu, uint16_t segment, uint16_t source_id);
/* By what a fault says of it; both of its ids are known then. */
#if IOMMU_DEVICE_IDS
struct iommu_endpoint *iommu_look_up_sender(struct iommu_fault *fault);
#else
static inline struct iommu_endpoint *iommu_look_up_sender(struct iommu_fault *fault)
{
	fault->device_id = fault->source_id;
	return iommu_look_up(fault->unit->iommu, fault->segment, fault->source_id);
}
#endif
void iommu_let_go(struct iommu_endpoint *endpoint);
/* Waits until every user of a lookup has released it. */
void iommu_wait_for_users(const struct iommu_endpoint *endpoint);
/* The endpoint with an id, an alias included; under look_lock, or in the control path. */
struct iommu_endpoint *iommu_find_id(struct iommu *iommu, uint16_t segment, uint16_t source_id);
void iommu_features_off(struct iommu_endpoint *endpoint);
#if IOMMU_CONFIG_SCALABLE
int iommu_page_requests_create(struct iommu_endpoint *endpoint);
/* Answers what is open. */
void iommu_page_requests_destroy(struct iommu_endpoint *endpoint);
/* Give back what is known of free PASIDs: a unit's, the instance's. */
void iommu_unit_pasids_forget(struct iommu_unit *unit);
void iommu_pasids_forget(struct iommu *iommu);
/* Answer those of a PASID, or of none, that wait, told or not: it was detached. */
void iommu_page_requests_drop(struct iommu_endpoint *endpoint, bool has_pasid, uint32_t pasid);
bool iommu_page_requests_wait(const struct iommu_endpoint *endpoint);
#else
static inline int iommu_page_requests_create(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return IOMMU_EOPNOTSUPP;
}
static inline void iommu_page_requests_destroy(struct iommu_endpoint *endpoint)
{
	(void)endpoint;
}
static inline void iommu_unit_pasids_forget(struct iommu_unit *unit)
{
	(void)unit;
}
static inline void iommu_pasids_forget(struct iommu *iommu)
{
	(void)iommu;
}
static inline bool iommu_page_requests_wait(const struct iommu_endpoint *endpoint)
{
	(void)endpoint;
	return false;
}
#endif

/* --- bus.c ------------------------------------------------------------------------------------ */

void iommu_waiting_init(struct iommu *iommu);
void iommu_probe_waiting_devices(struct iommu *iommu);
void iommu_forget_waiting_devices(struct iommu *iommu);

/* --- map.c, domain.c -------------------------------------------------------------------------- */

/* iommu_map and iommu_unmap for any domain that has tables, identity domains included. */
int iommu_map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		    uint64_t size, unsigned int prot);
int iommu_unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		      unsigned int flags, uint64_t *unmapped);
int iommu_domain_new(struct iommu_unit *unit, enum iommu_domain_type type,
		     const struct iommu_domain_config *config, struct iommu_domain **domain);
int iommu_domain_drop(struct iommu_domain *domain);
/* Flush a domain of which an invalidation has failed, and none was confirmed since. */
int iommu_domain_settle(struct iommu_domain *domain);

/* --- trace.c ---------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_TRACE
/* A new domain, and a new unit: traced, if the instance is. */
void iommu_trace_adopt_domain(struct iommu *iommu, struct iommu_domain *domain);
void iommu_trace_adopt_unit(struct iommu *iommu, struct iommu_unit *unit);
#else
static inline void iommu_trace_adopt_domain(struct iommu *iommu, struct iommu_domain *domain)
{
	(void)iommu;
	(void)domain;
}
static inline void iommu_trace_adopt_unit(struct iommu *iommu, struct iommu_unit *unit)
{
	(void)iommu;
	(void)unit;
}
#endif

/* --- admission.c ------------------------------------------------------------------------------ */

/* Is the domain open only to what the endpoint was given, or is the endpoint trusted? */
bool iommu_may_use(const struct iommu_domain *domain, const struct iommu_endpoint *endpoint);
/*
 * Before an endpoint uses a domain: IOMMU_EPERM, or what it needs to reach is in it, held by the
 * endpoint. Nothing to do for one that was admitted already. iommu_dismiss - when it uses the
 * domain no more; an error: something of it may still be reached by others.
 */
int iommu_admit(struct iommu_domain *domain, const struct iommu_endpoint *endpoint);
#if IOMMU_CONFIG_REGIONS
int iommu_dismiss(struct iommu_domain *domain, const struct iommu_endpoint *endpoint);
/* Map, unmap what nothing else in the domain covers of a span, which may be on one of the lists. */
int iommu_span_map(struct iommu_domain *domain, const struct iommu_span *span, unsigned int prot);
int iommu_span_unmap(struct iommu_domain *domain, const struct iommu_span *span);
void iommu_holds_init(struct iommu *iommu);
/* Of a domain that is freed, with its tables. */
void iommu_holds_free(struct iommu_domain *domain);
#else
static inline int iommu_dismiss(struct iommu_domain *domain, const struct iommu_endpoint *endpoint)
{
	(void)domain;
	(void)endpoint;
	return 0;
}
static inline void iommu_holds_init(struct iommu *iommu)
{
	(void)iommu;
}
static inline void iommu_holds_free(struct iommu_domain *domain)
{
	(void)domain;
}
#endif

/* --- region.c --------------------------------------------------------------------------------- */

/* Has the endpoint a region of this type? */
bool iommu_has_region(const struct iommu_endpoint *endpoint, enum iommu_region_type type);
#if IOMMU_CONFIG_REGIONS
/* Bring a new identity domain with tables up to date with what is memory. */
int iommu_map_memory(struct iommu_domain *domain);
void iommu_regions_init(struct iommu *iommu);
bool iommu_knows_memory(const struct iommu *iommu);
#else
static inline int iommu_map_memory(struct iommu_domain *domain)
{
	(void)domain;
	return IOMMU_EOPNOTSUPP;
}
static inline void iommu_regions_init(struct iommu *iommu)
{
	(void)iommu;
}
static inline bool iommu_knows_memory(const struct iommu *iommu)
{
	(void)iommu;
	return false;
}
#endif
/* An empty space without what is reserved. */
int iommu_space_create(struct iommu_domain *domain, struct iommu_iova_space **space);
void iommu_regions_free(struct iommu *iommu);

#endif
