/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface between the core and hardware back ends: the only way from src/group/ to hardware.
 *
 * A back end embeds these structures as the first member of its own, fills in the fields that are
 * not the core's, and registers its units with iommu_register_unit. Unless its comment says
 * otherwise a function is required, may sleep, and is called by one thread at a time per instance
 * (on the control path; see <libiommu/endpoint.h>).
 *
 * Where a comment says "errors as" a public function, that function hands them to its caller as
 * they are: a back end returns none that is not listed there.
 */
#ifndef LIBIOMMU_BACKEND_OPS_H
#define LIBIOMMU_BACKEND_OPS_H

#include <libiommu/counters.h>
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/fault.h>
#include <libiommu/group.h>
#include <libiommu/instance.h>
#include <libiommu/pci.h>
#include <libiommu/trace.h>
#include <libiommu/types.h>
#include <libiommu/window.h>

IOMMU_BEGIN_DECLS

#define IOMMU_NAME_SIZE 32

/* Whether a unit translates for an endpoint, and how it is known. */
enum iommu_match {
	IOMMU_MATCH_NONE = 0,
	IOMMU_MATCH_REST, /* it serves endpoints that no other unit names */
	IOMMU_MATCH_NAMED,
};

/*
 * iommu_is_virtual_function - of an endpoint's info as the core keeps it: whether it is a virtual
 * function, of physical_function. Context: any, but not while the unit is removed; takes no lock.
 */
static inline bool iommu_is_virtual_function(const struct iommu_endpoint_info *info)
{
	return info->physical_function != info->source_id;
}

#if IOMMU_CONFIG_POWER
struct iommu_freeze;

/*
 * The state of an endpoint's group when hardware has found an error (<libiommu/eeh.h>): all
 * endpoints of a group are frozen and thawed as one. The core checks `what`, and asks `get` after a
 * change whether it took effect.
 */
struct iommu_freeze_ops {
	/* Errors as iommu_group_get_freeze. */
	int (*get)(struct iommu_endpoint *endpoint, struct iommu_freeze *freeze);
	/* Errors as iommu_group_thaw. */
	int (*thaw)(struct iommu_endpoint *endpoint, unsigned int what);
	/* Errors as iommu_group_freeze. */
	int (*freeze)(struct iommu_endpoint *endpoint, unsigned int what);
	/* Errors as iommu_group_get_diagnostics. */
	int (*diagnose)(struct iommu_endpoint *endpoint, void *buffer, size_t size, size_t *length);
};
#endif

/*
 * Performance counters of a unit: each function as the one of <libiommu/counters.h> that its
 * comment names. A unit of the back end that has none answers IOMMU_EOPNOTSUPP to all.
 */
struct iommu_counter_ops {
	/* Errors as iommu_unit_get_counters; *info is zero. */
	int (*get)(struct iommu_unit *unit, struct iommu_counters_info *info);
	/*
	 * Errors as iommu_counter_alloc. Flags, unknown filters, the PASID's width and the domain's
	 * instance were checked.
	 */
	int (*alloc)(struct iommu_unit *unit, const struct iommu_counter_config *config,
		     unsigned int *counter);
	/* Errors as iommu_counter_start, iommu_counter_stop, and iommu_counter_free. */
	int (*start)(struct iommu_unit *unit, unsigned int counter);
	int (*stop)(struct iommu_unit *unit, unsigned int counter);
	int (*free)(struct iommu_unit *unit, unsigned int counter);
	/* Errors as iommu_unit_freeze_counters, for iommu_unit_unfreeze_counters, too. */
	int (*freeze)(struct iommu_unit *unit, bool freeze);
	/* Any context. Errors as iommu_counter_read; and as iommu_unit_handle_counters. */
	int (*read)(struct iommu_unit *unit, unsigned int counter, uint64_t *count);
	int (*handle)(struct iommu_unit *unit, uint64_t *overflowed);
};

struct iommu_ops {
	/* Of the back end: one string for all of its units, which is compared by its address. */
	const char *name;
	/*
	 * Start, stop translating; see iommu_unit_enable. Both are called in any state: off, on,
	 * and after an enable, disable, suspend or resume that stopped half way; both then run all
	 * of their steps. An enable of a unit that translates must not let devices pass
	 * untranslated on its way.
	 */
	int (*enable)(struct iommu_unit *unit);
	int (*disable)(struct iommu_unit *unit);
	/*
	 * Does hardware translate by this library's tables, as its status says now? NULL: what the
	 * core remembers of enable and disable is all that is known. Any context.
	 */
	bool (*translates)(const struct iommu_unit *unit);
	/*
	 * Have hardware confirm what it has not confirmed of earlier operations: called before the
	 * core reports something as done because nothing is left to do (an attach of what is
	 * attached, a detach of what is detached, an enable of what is enabled). 0: nothing is
	 * open. Otherwise the error of the operation that it repeats: errors as iommu_unit_enable.
	 * NULL: no operation of the back end leaves anything open.
	 */
	int (*confirm)(struct iommu_unit *unit);
	/*
	 * Stop everything that is on, translation or not, and bring back exactly that. Either may
	 * be called again after it, or the other, failed half way. NULL: there is nothing but
	 * translation. Errors as iommu_suspend.
	 */
	int (*suspend)(struct iommu_unit *unit);
	int (*resume)(struct iommu_unit *unit);
	/* Free the unit, which is disabled and has no endpoints. */
	void (*remove)(struct iommu_unit *unit);
	/* Does this unit translate for such an endpoint? Not asked of one with a fwspec. */
	enum iommu_match (*match)(const struct iommu_unit *unit,
				  const struct iommu_endpoint_info *info);
	/*
	 * The life of an endpoint. probe_endpoint prepares the unit for it and leaves it blocked.
	 * finalize_endpoint is called when it is in its group and uses the group's domain (NULL:
	 * nothing to do). release_endpoint ends all that the unit has of it.
	 *
	 * An endpoint with is_alias set is not a device but another id of one: it has no features
	 * and no regions.
	 *
	 * probe_endpoint: errors as iommu_probe_endpoint, or IOMMU_ENOENT: the unit cannot
	 * translate for this id, and the probe is refused.
	 */
	int (*probe_endpoint)(struct iommu_unit *unit, struct iommu_endpoint *endpoint);
	void (*finalize_endpoint)(struct iommu_unit *unit, struct iommu_endpoint *endpoint);
	void (*release_endpoint)(struct iommu_unit *unit, struct iommu_endpoint *endpoint);
	/*
	 * A key of the endpoints that the unit cannot keep apart: endpoints with the same key are
	 * one group. NULL, as result or as pointer: the PCI topology decides. Called after
	 * probe_endpoint.
	 */
	const void *(*device_group)(const struct iommu_endpoint *endpoint);
	/*
	 * The type that an endpoint's default domain must have, IOMMU_DOMAIN_IDENTITY or
	 * IOMMU_DOMAIN_DMA; false: any. NULL: any.
	 */
	bool (*default_type)(const struct iommu_endpoint *endpoint, enum iommu_domain_type *type);
	/* See iommu_capable. NULL: no capability. Any context. */
	bool (*capable)(const struct iommu_endpoint *endpoint, enum iommu_capability capability);
	/* See iommu_unit_get_hardware_info. NULL: IOMMU_EOPNOTSUPP. Any context. */
	int (*hardware_info)(const struct iommu_unit *unit, struct iommu_hardware_info *info);
#if IOMMU_DEVICE_IDS
	/*
	 * Does the endpoint send with this id of hardware's (iommu_fault.device_id)? Any context.
	 * NULL: an id is a source id.
	 */
	bool (*sends)(const struct iommu_endpoint *endpoint, uint32_t device_id);
	/* See iommu_unit_check; `prot` was checked. NULL: IOMMU_EOPNOTSUPP. */
	int (*check)(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
		     unsigned int prot, iommu_paddr_t *paddr);
#endif
	/*
	 * A feature is about to be enabled in a device that has it, or was disabled. NULL: no
	 * feature can be enabled but ATS, and that where uses_device_tlb is set. Errors as
	 * iommu_endpoint_enable_feature.
	 */
	int (*set_feature)(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			   bool enable);
	/*
	 * Answer the requests of a page request group. NULL: the unit has no page requests. Any
	 * context. Errors as iommu_page_respond.
	 */
	int (*page_response)(struct iommu_endpoint *endpoint,
			     const struct iommu_page_response *response);
	/* See iommu_unit_handle_page_requests. NULL: the unit has none. Any context. */
	int (*handle_page_requests)(struct iommu_unit *unit, bool *lost);
	/* See iommu_endpoint_next_region. NULL: there are none. Any context. */
	bool (*next_region)(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region);
	/*
	 * An alias has become a device, with another info: its regions may differ from now on.
	 * NULL: nothing to do. On failure, which is IOMMU_ENOMEM, the endpoint stays an alias,
	 * without regions.
	 */
	int (*endpoint_changed)(struct iommu_endpoint *endpoint);
	/* The device was reset, and its endpoint is blocked. NULL: nothing to do. */
	void (*endpoint_was_reset)(struct iommu_endpoint *endpoint);
	/*
	 * Does the endpoint still use the tables of a previous kernel? Its DMA then goes on as it
	 * did, until the first attach. NULL: never.
	 */
	bool (*is_inherited)(const struct iommu_endpoint *endpoint);
	/*
	 * Block such an endpoint, which has no domain to detach it from. NULL: where is_inherited
	 * is. Errors as iommu_domain_detach_group.
	 */
	int (*block_inherited)(struct iommu_endpoint *endpoint);
	/* See iommu_endpoint_is_lost. NULL: no endpoint is ever lost. Any context. */
	bool (*endpoint_is_lost)(const struct iommu_endpoint *endpoint);
	/*
	 * See iommu_domain_alloc; config is never NULL. The core passes IOMMU_DOMAIN_PAGING for
	 * IOMMU_DOMAIN_DMA and its variants, and for IOMMU_DOMAIN_QUARANTINE. An identity domain
	 * with map_pages uses tables, which the core fills. The back end fills in its fields of
	 * struct iommu_domain; the rest is zero. It may return the same identity or blocked domain
	 * to all callers, with a `free` that does nothing; attaching such a domain should never
	 * fail. IOMMU_EOPNOTSUPP for types that the back end does not have.
	 */
	int (*domain_alloc)(struct iommu_unit *unit, enum iommu_domain_type type,
			    const struct iommu_domain_config *config, struct iommu_domain **domain);
	/* See iommu_unit_handle_faults; calls iommu_report_fault for each. Any context. */
	int (*handle_faults)(struct iommu_unit *unit, bool *lost);
#if IOMMU_CONFIG_SCALABLE
	/*
	 * Is a domain attached to the endpoint with this PASID? It may have lost the one of its
	 * group, when a release of it failed. NULL: never.
	 */
	bool (*has_pasid)(const struct iommu_endpoint *endpoint, uint32_t pasid);
#endif
#if IOMMU_CONFIG_RESETS
	/*
	 * A reset of the endpoint begins (iommu_endpoint_reset_begin): from now on nothing is asked
	 * of the device, and no request of it passes by what the device itself has translated. It
	 * is detached next, for all PASIDs, and nothing is attached until endpoint_was_reset, or
	 * cancel_reset: the reset does not take place, and the device may keep what it was not told
	 * to forget. Errors as iommu_domain_detach_group. NULL, both: no unit asks devices.
	 */
	int (*begin_reset)(struct iommu_endpoint *endpoint);
	void (*cancel_reset)(struct iommu_endpoint *endpoint);
#endif
#if IOMMU_CONFIG_POWER
	/* NULL: hardware freezes nothing. */
	const struct iommu_freeze_ops *freeze;
#endif
#if IOMMU_CONFIG_COUNTERS
	/* NULL: no unit has performance counters. */
	const struct iommu_counter_ops *counters;
#endif
};

/*
 * The map path where it is a store for each page: beside the functions of struct iommu_domain_ops,
 * in whose stead the core calls these first. All are there. Any context, as those.
 */
struct iommu_page_ops {
	/*
	 * Map or unmap one page of IOMMU_PAGE_SIZE, or of the domain's smallest size, where that is
	 * one store: as iommu_pgtable_ops.map_page, which also says what false means, and
	 * unmap_page. sync_map, or sync_page, follows.
	 */
	bool (*map_page)(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			 uint64_t size, unsigned int prot);
	bool (*unmap_page)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
	/*
	 * As iommu_domain_ops.sync, of a gather of this page and of no table. Errors as
	 * iommu_sync_gather.
	 */
	int (*sync_page)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
	/* As iommu_pgtable_ops.map_pieces. */
	unsigned int (*map_pieces)(struct iommu_domain *domain, iommu_iova_t iova,
				   const struct iommu_map_piece *pieces, unsigned int count,
				   unsigned int prot, uint64_t *mapped);
};

struct iommu_domain_ops {
	/*
	 * Make an endpoint use this domain instead of the one it uses now (any domain of the same
	 * back end, or none). On failure it uses what it used before. Errors as
	 * iommu_domain_attach_group.
	 */
	int (*attach)(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
	/*
	 * Block an endpoint that uses this domain; on failure it is blocked, but see detach_group.
	 * Errors as iommu_domain_detach_group.
	 */
	int (*detach)(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
	/*
	 * The same for requests with a PASID; `before` is the domain that is replaced, or NULL. On
	 * failure that domain stays. NULL pointers: the hardware, or this domain, has no PASIDs.
	 * Errors as iommu_domain_attach_pasid, and as iommu_domain_detach_pasid.
	 */
	int (*attach_pasid)(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			    uint32_t pasid, struct iommu_domain *before);
	int (*detach_pasid)(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			    uint32_t pasid);
	/* Free a domain that no endpoint uses. */
	void (*free)(struct iommu_domain *domain);

	/*
	 * The map path. All of these are NULL in a domain without tables. Any context, any CPU,
	 * concurrently for disjoint ranges. map_pages as iommu_pgtable_ops.map, unmap_pages as
	 * iommu_pgtable_ops.unmap, each with its errors; beside those, where the call needs
	 * hardware or a hypervisor: errors as iommu_map.
	 */
	int (*map_pages)(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			 uint64_t size, unsigned int prot, struct iommu_gather *gather,
			 uint64_t *mapped);
	int (*unmap_pages)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			   unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped);
	/*
	 * Make new mappings effective: where hardware caches absent entries or buffers writes, and
	 * where a hypervisor holds the entries. The range is one of bytes: all pages that it
	 * touches. Errors as iommu_map.
	 */
	int (*sync_map)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
	/*
	 * Invalidate what the gather covers on every unit, wait, and free its pages. When a unit
	 * does not confirm, the pages stay with the domain (withheld) and the error is returned.
	 * The gather is empty afterwards in either case. The next call of sync or flush_all that
	 * succeeds also invalidates what a failed one did not. Errors as iommu_sync_gather.
	 */
	int (*sync)(struct iommu_domain *domain, struct iommu_gather *gather);
	/*
	 * The same in two steps, for lazy invalidation: invalidate everything of the domain on
	 * every unit, and wait; free the pages of a gather that such an invalidation has covered.
	 * flush_all: errors as iommu_sync_gather.
	 */
	int (*flush_all)(struct iommu_domain *domain);
	void (*free_gathered)(struct iommu_domain *domain, struct iommu_gather *gather);
	/* Errors as iommu_iova_to_phys. */
	int (*iova_to_phys)(const struct iommu_domain *domain, iommu_iova_t iova,
			    iommu_paddr_t *paddr);
	/*
	 * Required for IO address spaces (<libiommu/ioas.h>), which record physical addresses
	 * nowhere else. Errors as iommu_pgtable_ops.walk.
	 */
	int (*walk)(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		    iommu_pgtable_visitor visitor, void *ctx);
	/*
	 * See iommu_domain_set_dirty_tracking and iommu_domain_read_dirty; what was cleared goes to
	 * the gather. NULL, both: IOMMU_EOPNOTSUPP.
	 */
	int (*set_dirty_tracking)(struct iommu_domain *domain, bool enable);
	int (*read_dirty)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			  unsigned int flags, struct iommu_dirty_bitmap *bitmap,
			  struct iommu_gather *gather);
	/* See iommu_domain_split and iommu_pgtable_ops.split. NULL: IOMMU_EOPNOTSUPP. */
	int (*split)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		     struct iommu_gather *gather);
	/*
	 * See iommu_pgtable_ops.note_written: called when the sync after a read_dirty or a split
	 * has failed. NULL: dirty bits that hardware did not set again are lost.
	 */
	void (*note_written)(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size);
	/*
	 * See iommu_domain_invalidate_range; [start, last] need not be aligned. NULL:
	 * IOMMU_EOPNOTSUPP. Any context.
	 */
	int (*invalidate_range)(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last);
	/* See iommu_domain_invalidate_user. NULL: IOMMU_EOPNOTSUPP. */
	int (*invalidate_user)(struct iommu_domain *domain, const void *requests,
			       size_t request_size, unsigned int count, unsigned int *done);
	/* Fills in table_pages and withheld. */
	void (*get_info)(const struct iommu_domain *domain, struct iommu_domain_info *info);
#if IOMMU_CONFIG_QUARANTINE
	/*
	 * See IOMMU_DOMAIN_QUARANTINE, which is a paging domain to a back end. Hardware is told by
	 * the core, through flush_all. NULL, both: IOMMU_EOPNOTSUPP. Errors as
	 * iommu_pgtable_ops.fill.
	 */
	int (*fill)(struct iommu_domain *domain);
	void (*unfill)(struct iommu_domain *domain);
#endif
#if IOMMU_CONFIG_POWER
	/* Of a domain made with IOMMU_DOMAIN_WINDOWS, whose other map functions are NULL. */
	const struct iommu_window_ops *windows;
#endif
};

#if IOMMU_CONFIG_POWER
/* See <libiommu/window.h>: arguments are checked as far as the unit need not be known for it. */
struct iommu_window_ops {
	void (*get_limits)(const struct iommu_domain *domain, struct iommu_window_limits *limits);
	/* Errors as iommu_window_open, and as iommu_window_close. */
	int (*open)(struct iommu_domain *domain, const struct iommu_window_config *window,
		    iommu_iova_t *start);
	int (*close)(struct iommu_domain *domain, unsigned int number);
	/* Errors as iommu_window_prepare. */
	int (*prepare)(struct iommu_domain *domain, unsigned int number, uint64_t index,
		       uint64_t count);
	int (*exchange)(struct iommu_domain *domain, unsigned int number, uint64_t index,
			iommu_paddr_t paddr, unsigned int prot, iommu_paddr_t *old_paddr,
			unsigned int *old_prot);
	int (*confirm)(struct iommu_domain *domain, unsigned int number, uint64_t index,
		       uint64_t count);
	int (*get)(struct iommu_domain *domain, unsigned int number, uint64_t index,
		   iommu_paddr_t *paddr, unsigned int *prot);
};
#endif

#if IOMMU_CONFIG_TRACE
/* The host's trace (<libiommu/trace.h>), as units and domains find it. The core's. */
struct iommu_tracer {
	const struct iommu_platform *platform;
	const struct iommu_trace *host; /* atomic; NULL: none */
};

/* See struct iommu_domain_stats and struct iommu_unit_stats. Atomic. */
struct iommu_domain_counts {
	iommu_cell_t maps, unmaps, failed_maps, mapped_bytes, unmapped_bytes;
	iommu_cell_t confirmed, withheld, flushes;
};
struct iommu_unit_counts {
	iommu_cell_t batches, commands, kinds[IOMMU_TRACE_KINDS];
	iommu_cell_t confirmed, timed_out, failed, faults;
};
#endif

enum iommu_unit_power {
	IOMMU_UNIT_AWAKE = 0,
	IOMMU_UNIT_ASLEEP,     /* suspended, and confirmed so */
	IOMMU_UNIT_HALF_AWAKE, /* a suspend or a resume failed: resume is to be called again */
};

struct iommu_unit {
	/* The back end's: set before registering. */
	const struct iommu_ops *ops;
	uint16_t segment;
	char name[IOMMU_NAME_SIZE];
	const void *firmware_node; /* by which a fwspec names the unit, or NULL */
	/* The core's; `enabled` is also set by back ends that enable units themselves. */
	struct iommu *iommu;
	struct iommu_list_node link;
	bool enabled;
	/*
	 * An operation failed half way, so that `enabled` says what was asked for last and not what
	 * hardware does. The next iommu_unit_enable or iommu_unit_disable runs all of its steps.
	 */
	bool unsettled;
	enum iommu_unit_power power;
	unsigned int endpoints;
	/* PASIDs that this unit alone hands out (<libiommu/group.h>); NULL: none. */
	struct iommu_iova_space *pasids;
	uint32_t pasid_first, pasid_last;
#if IOMMU_CONFIG_TRACE
	/* The core's. Atomic; NULL: nothing is traced. */
	const struct iommu_tracer *tracer;
	struct iommu_unit_counts counts;
	uint16_t number; /* in the order in which units were registered, from 1 */
#endif
};

/*
 * iommu_unit_is_to_translate - whether a unit was enabled, as far as its back end has confirmed,
 * and not suspended since. Context: control path.
 */
static inline bool iommu_unit_is_to_translate(const struct iommu_unit *unit)
{
	return unit->enabled && !unit->unsettled &&
	       (!IOMMU_CONFIG_SUSPEND || unit->power == IOMMU_UNIT_AWAKE);
}

/* The largest number of ids that requests of one endpoint can carry, besides its own. */
#define IOMMU_ALIASES_MAX 24

struct iommu_endpoint {
	struct iommu_endpoint_info info; /* info.name and info.fwspec are those below */
	char name[IOMMU_NAME_SIZE];
	struct iommu_fwspec fwspec;
	struct iommu *iommu;
	struct iommu_unit *unit;
	struct iommu_group *group;
	struct iommu_list_node link;       /* in the instance */
	struct iommu_list_node group_link; /* in the group */
	/* The domain that hardware uses for it; NULL: blocked. Written by the core. */
	struct iommu_domain *domain;
	bool is_gone;             /* released; a driver or a holder still has the object */
	bool uses_dma;            /* a driver has the handle of iommu_dma_of */
	bool is_alias;            /* not a device: another id of members of its group */
	unsigned int alias_users; /* of an alias: the number of these members */
	unsigned int alias_count; /* of `aliases`: the device's other ids */
	struct iommu_endpoint *aliases[IOMMU_ALIASES_MAX];
	unsigned int drivers;                      /* that use the default domain */
	unsigned int features;                     /* enum iommu_feature, enabled */
	unsigned int users;                        /* faults on their way to it; atomic */
	struct iommu_page_requests *page_requests; /* NULL: not enabled */
	iommu_fault_handler fault_handler;
	void *fault_ctx;
	iommu_page_request_handler request_handler;
	void *request_ctx;
	/* The back end's. */
	void *unit_data;
	bool uses_device_tlb; /* see iommu_endpoint_uses_device_tlb */
	unsigned int holders; /* see iommu_endpoint_hold */
	bool uses_tce_set;    /* see iommu_tce_set_register */
	/* Its ids in the form in which hardware compares them. Set by the core at the probe. */
	struct iommu_pci_requester requester;
	/* Resets that have begun; and whether the id is blocked for resets. The core's. */
	unsigned int resets;
	bool is_silent;
	/* What is attached with PASIDs was taken away for a reset, and could not be given back. */
	bool pasids_are_away;
	/* Before the change of its group that is under way. The core's. */
	bool was_blocked;
};

/*
 * iommu_endpoint_is_released - whether the device is gone: the object is kept for a driver or a
 * holder alone, or as an alias. Context: any, but not while the unit is removed; takes no lock.
 */
static inline bool iommu_endpoint_is_released(const struct iommu_endpoint *endpoint)
{
	return endpoint->is_gone || endpoint->is_alias;
}

/* The number of failed invalidations, and of those that a later one has made good. Atomic. */
struct iommu_confirmation {
	uint32_t failures, made_good;
};

struct iommu_domain {
	/* The back end's. */
	const struct iommu_domain_ops *ops;
	const struct iommu_page_ops *page_ops; /* NULL: only the functions of ops are called */
#if IOMMU_CONFIG_TRACE
	/* The core's, here because every map looks at it. Atomic; NULL: nothing is traced. */
	const struct iommu_tracer *tracer;
#endif
	iommu_iova_t aperture_last;
	iommu_paddr_t paddr_last; /* the last that map_pages takes; beyond it: IOMMU_ERANGE */
	uint64_t pgsize_bitmap;
	enum iommu_stage stage;
	bool nest_parent; /* nested domains may be made on it */
	/*
	 * Is sync_map to be called? Atomic; set before hardware that wants to be told uses the
	 * domain, and what was mapped before is told then. NULL: it always is.
	 */
	const bool *tells_of_maps;
	unsigned int prot_hints; /* those of IOMMU_PROT_HINTS that map_pages takes */
	/*
	 * An unmap cuts no large page, with IOMMU_UNMAP_SPLIT neither, as long as it is mapped
	 * (Arm without FEAT_BBM level 2): layers above that cut anywhere map small pages.
	 */
	bool keeps_sizes;
	/*
	 * The bypass, where the configuration asks for one: physical addresses below the size are
	 * reached untranslated at that offset. Size 0: the back end has no bypass.
	 */
	iommu_iova_t bypass_offset;
	uint64_t bypass_size;
	/* The core's. */
	enum iommu_domain_type type;
	struct iommu *iommu;
	struct iommu_list_node link;
	/* Of the invalidations of unmaps. */
	struct iommu_confirmation confirmation;
	unsigned int page_shift;        /* of the smallest page that it was made with */
	struct iommu_iova_space *space; /* of an IOMMU_DOMAIN_DMA domain */
	unsigned int groups;            /* number of attachments: of groups, and of their PASIDs */
	unsigned int holders;           /* number of iommu_domain_alloc calls that returned it */
	unsigned int children;          /* number of nested domains on it */
	struct iommu_domain *parent;    /* of a nested domain */
	/*
	 * The data of a layer above, and its release, which may refuse: with IOMMU_EBUSY, or with
	 * IOMMU_ETIMEDOUT or IOMMU_EIO where hardware does not confirm.
	 */
	void *data;
	int (*release_data)(void *data);
	struct iommu_list_node holds; /* regions that are mapped in it, by their endpoints */
	unsigned int number;          /* in the order in which they were made: for log lines */
	bool is_closed;               /* what is mapped in it is the library's alone to say */
	const char *backend;          /* name in the ops of the unit that it was made for */
	/* Of the platform: what physical addresses in its tables say of encryption. */
	iommu_paddr_t private_bits, shared_bits;
#if IOMMU_CONFIG_TRACE
	struct iommu_domain_counts counts; /* the core's */
#endif
};

/*
 * iommu_register_unit - hand a unit to the core, which removes it with ops->remove. Takes no memory
 * and cannot fail. iommu_platform_of - the platform that an instance was created with. Context: for
 * back ends, with the control lock held.
 */
IOMMU_API void iommu_register_unit(struct iommu *iommu, struct iommu_unit *unit);

/*
 * iommu_control_lock - take the host's mutex of the instance, for public control-path functions of
 * a back end. iommu_control_unlock - release the host's mutex of the instance. The functions of
 * struct iommu_ops run under it. Context: may sleep; the lock is the host's mutex.
 */
IOMMU_API void iommu_control_lock(struct iommu *iommu);
IOMMU_API void iommu_control_unlock(struct iommu *iommu);

/*
 * Every refused call of the control path logs its reason, in one line: the code that finds the
 * reason notes it, and the public function logs the call, the reason and the status on its return.
 *
 * iommu_refuse - note why the call that holds the control lock will return `status`, and return the
 * status:
 *
 *	return iommu_refuse(iommu, unit->name, IOMMU_EINVAL, "its table has no entry for it");
 *
 * @who: the unit, endpoint or group; copied. @why: a static string, which follows "who: " in the
 * line. The last note counts; a note of another status than the call returns is dropped, and the
 * line has the text of iommu_strerror instead. The functions of struct iommu_ops and struct
 * iommu_domain_ops may call it, too.
 *
 * iommu_control_end - iommu_control_unlock for functions that return a status: logs an error, and
 * returns the status. @call: the public function's name. iommu_control_end_for - end the call as
 * iommu_control_end, and name the unit, endpoint or group that the call is for, where nothing was
 * noted.
 *
 * iommu_refuse_now - all in one, for functions that do not hold the control lock: logs the line,
 * keeps its text for iommu_reason, and returns the status. @call, @who and @why may be empty; an
 * empty `why` is replaced by the text of iommu_strerror. Any context.
 *
 * iommu_group_who - the name of a group in such a line: its own, or that of a member.
 *
 * iommu_refusals - the number of refused calls so far, by which a layer above sees whether a call
 * that it made has logged its reason already. Any context.
 */
IOMMU_API int iommu_refuse(struct iommu *iommu, const char *who, int status, const char *why);
IOMMU_API int iommu_control_end(struct iommu *iommu, const char *call, int status);
IOMMU_API int iommu_control_end_for(struct iommu *iommu, const char *call, const char *who,
				    int status);
IOMMU_API int iommu_refuse_now(struct iommu *iommu, const char *call, const char *who, int status,
			       const char *why);
IOMMU_API const char *iommu_group_who(const struct iommu_group *group);
IOMMU_API uint32_t iommu_refusals(const struct iommu *iommu);

/*
 * For callers that hold the control lock:
 *
 * iommu_unit_start - iommu_unit_enable for callers that hold the control lock. iommu_keep_free -
 * iommu_reserve for callers that hold the control lock. iommu_unit_wake - iommu_resume for one
 * unit; 0 when it is awake. iommu_unit_confirm - have hardware confirm what a unit has open: see
 * iommu_ops.confirm. Errors of all three as iommu_unit_enable; iommu_keep_free: IOMMU_EINVAL (start
 * > last), IOMMU_ENOMEM. iommu_unit_settle - record the result of an enable or a disable that a
 * back end does itself: whether the unit is enabled, and the status. A status other than 0 leaves
 * the unit unsettled, and enabled if it translates all the same. Context: for back ends, with the
 * control lock held.
 */
IOMMU_API int iommu_unit_start(struct iommu_unit *unit);
IOMMU_API int iommu_unit_wake(struct iommu_unit *unit);
IOMMU_API int iommu_unit_confirm(struct iommu_unit *unit);
static inline void iommu_unit_settle(struct iommu_unit *unit, bool enabled, int status)
{
	const struct iommu_ops *ops = unit->ops;

	unit->enabled =
		enabled || (status != 0 && ops->translates != NULL && ops->translates(unit));
	unit->unsettled = status != 0;
}
IOMMU_API int iommu_keep_free(struct iommu *iommu, iommu_iova_t start, iommu_iova_t last);

/*
 * iommu_node_near - the NUMA node that a near_node means; `otherwise` where near_node is 0.
 * Context: any, but not while the unit is removed; takes no lock.
 */
static inline int iommu_node_near(unsigned int near_node, int otherwise)
{
	return near_node != 0 && near_node - 1 <= INT32_MAX ? (int)(near_node - 1) : otherwise;
}

/*
 * iommu_topology_bus_below - the bus below a bridge, by the topology that the host has given;
 * false: the topology has no such bridge. Any context, but not while the topology changes.
 */
IOMMU_API bool iommu_topology_bus_below(const struct iommu *iommu, uint16_t segment,
					uint16_t source_id, uint8_t *bus);

/*
 * iommu_unit_next_id - as iommu_unit_next_endpoint, aliases included. iommu_group_set_unit_data -
 * attach data of the back end to a group, as iommu_group_set_data does for hosts.
 * iommu_group_unit_data - these data; NULL at first. Context: for back ends, with the control lock
 * held.
 */
IOMMU_API struct iommu_endpoint *iommu_unit_next_id(struct iommu_unit *unit,
						    struct iommu_endpoint *endpoint);
IOMMU_API void iommu_group_set_unit_data(struct iommu_group *group, void *data,
					 void (*release)(void *data));
IOMMU_API void *iommu_group_unit_data(const struct iommu_group *group);

/*
 * iommu_reconsider_default - the result of default_type for an endpoint has changed: give its group
 * a default domain of the new type. The errors of iommu_group_set_default_type. Control path.
 */
IOMMU_API int iommu_reconsider_default(struct iommu_endpoint *endpoint);

/*
 * iommu_use_dma - begin a use of the default domain, for a DMA mapping layer that gives a driver a
 * handle on it. Counts the endpoint's handles as one use of the default domain, however many there
 * are. The errors of iommu_use_default_domain, and IOMMU_ENODEV: the endpoint was released. The use
 * ends with the last iommu_unuse_default_domain. iommu_unuse_dma - end it, for a handle that could
 * not be made. Control path.
 */
IOMMU_API int iommu_use_dma(struct iommu_endpoint *endpoint);
IOMMU_API void iommu_unuse_dma(struct iommu_endpoint *endpoint);

/*
 * iommu_unregister_unit - remove a unit without endpoints; the back end owns it again.
 * iommu_unit_prepare - prepare a unit: for a back end that enables units on its own, before it does
 * so: lets the endpoints behind the unit reach their direct regions. The errors of
 * iommu_domain_attach_group. Context: for back ends, with the control lock held.
 */
IOMMU_API void iommu_unregister_unit(struct iommu_unit *unit);
IOMMU_API int iommu_unit_prepare(struct iommu_unit *unit);
IOMMU_API const struct iommu_platform *iommu_platform_of(const struct iommu *iommu);

/*
 * iommu_domain_flush - for layers above the core that unmap lazily: iommu_domain_ops.flush_all,
 * after which nothing of the domain is open. Returns 0, IOMMU_ETIMEDOUT or IOMMU_EIO. Any context.
 */
IOMMU_API int iommu_domain_flush(struct iommu_domain *domain);

/*
 * For layers above the core that take over an endpoint's faults for a while: a handler and its
 * context. iommu_endpoint_take_faults - faults go to `mine`; *before receives the handler that had
 * them. iommu_endpoint_give_faults - faults go to `before` again, unless they no longer go to
 * `mine`: another layer has taken them, or the device was released, and its driver's handler must
 * not be called any more. When either returns, the handler that had the faults is not running.
 * Context as iommu_endpoint_set_fault_handler.
 */
struct iommu_fault_route {
	iommu_fault_handler handler;
	void *ctx;
};
IOMMU_API void iommu_endpoint_take_faults(struct iommu_endpoint *endpoint,
					  struct iommu_fault_route mine,
					  struct iommu_fault_route *before);
IOMMU_API void iommu_endpoint_give_faults(struct iommu_endpoint *endpoint,
					  struct iommu_fault_route mine,
					  struct iommu_fault_route before);

/*
 * iommu_report_fault - find the endpoint by fault->segment and fault->source_id, or where units
 * have ids of their own (iommu_ops.sends) by fault->unit and fault->device_id, and call its
 * handler. A fault of an id that several devices share is reported for one of them. Any context in
 * which ops->handle_faults is called.
 */
IOMMU_API void iommu_report_fault(struct iommu *iommu, struct iommu_fault *fault);

IOMMU_END_DECLS
#endif
