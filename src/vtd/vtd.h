/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d back end's structures, and what its files offer each other. The files are cut as the
 * specification is: cap, scope, unit (bring-up), command, invalidation, queue, context, PASID
 * table, page request, domain, fault, and driver, which puts them behind the core's ops.
 *
 * Locks. None is held while waiting for hardware, and none while another is taken:
 *
 *   unit->queue.lock      the ring, and what became of submissions
 *   unit->command_lock    the global command register, and invalidation by registers: a look at the
 *                         status and the start of one command
 *   domain->common.lock   the domain's uses
 *   domain->common.pages  its withheld pages
 *
 * Root and context tables, the list of a domain's units and the unit's domain ids change only on
 * the control path, which the host serialises.
 */
#ifndef IOMMU_VTD_VTD_H
#define IOMMU_VTD_VTD_H

#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/spinlock.h"
#include "unit/domain.h"
#include "unit/event.h"
#include "unit/id.h"
#include "unit/invalidation.h"
#include <libiommu/backend/mmio.h>

/* --- cap: what a unit can do ------------------------------------------------------------------ */

struct vtd_capabilities {
	uint64_t cap, ecap;
	unsigned int version_major, version_minor;
	uint32_t domains;
	unsigned int sagaw;
	unsigned int guest_width; /* usable bits of a device address */
	uint64_t pgsize_bitmap;
	unsigned int max_address_mask;
	unsigned int fault_records;
	uint32_t fault_offset, iotlb_offset;
	uint64_t drain;               /* the drain bits for IOTLB descriptors */
	unsigned int max_handle_mask; /* interrupt entries of one invalidation, as a power of two */
	/* DMA; a unit that does not is there for interrupts alone. */
	bool translates;
	bool coherent, queue, registers, caching_mode, write_buffer, pass_through, page_selective;
	bool protected_memory, snoop_control, device_tlb, names_functions;
	bool interrupt_remapping, x2apic, posted_interrupts;
	bool invalidates_on_root, invalidates_on_interrupts;
	/* Scalable mode, and what is there only in it. */
	bool scalable, first_stage, first_stage_5, second_stage, nested, dirty, pasids,
		page_requests;
	bool walks_snoop;
	unsigned int pasid_bits;
	uint64_t first_stage_sizes;
};

/* 0, or IOMMU_EIO when the registers cannot be those of a usable unit. */
int iommu_vtd_decode_capabilities(struct vtd_capabilities *caps, uint32_t version, uint64_t cap,
				  uint64_t ecap);

/* Bytes of register space that the capabilities point into. */
uint64_t iommu_vtd_register_space(const struct vtd_capabilities *caps);

struct vtd_unit;

/* --- memory: pages that hardware gets the address of ------------------------------------------ */

/*
 * Zeroed pages that the unit can address; NULL: the host has none, or none such, which is logged.
 */
void *iommu_vtd_pages_alloc(const struct vtd_unit *unit, unsigned int order);
/*
 * How wide an address the unit's root-table register holds: units need not have the bits above
 * their width.
 */
unsigned int iommu_vtd_root_bits(struct vtd_unit *unit);

/* --- queue: the invalidation queue ------------------------------------------------------------ */

static inline struct iommu_command vtd_command_of(struct vtd_descriptor descriptor)
{
	return (struct iommu_command){descriptor.low, descriptor.high};
}

/* The queue of a unit whose capabilities are known; and its memory. */
void iommu_vtd_queue_init(struct vtd_unit *unit);
int iommu_vtd_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_queue_free(struct vtd_unit *unit);
/*
 * Have the queue on, working and accepted by hardware: restarted, empty, where it is not. Off, when
 * neither translation nor interrupts need it. Control path.
 */
int iommu_vtd_queue_hold(struct vtd_unit *unit);
/*
 * Does a queue that did not turn off work again? Then the command to do so is not under way any
 * more.
 */
void iommu_vtd_queue_look(struct vtd_unit *unit);
int iommu_vtd_queue_release(struct vtd_unit *unit);
/* Turn it off, or the one that a predecessor left on. */
int iommu_vtd_queue_turn_off(struct vtd_unit *unit);

/* --- command: the global command register ----------------------------------------------------- */

/* Wait until (register & mask) == value; IOMMU_ETIMEDOUT. */
int iommu_vtd_wait32(struct vtd_unit *unit, uint32_t offset, uint32_t mask, uint32_t value);
int iommu_vtd_wait64(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value);

/* Set or clear one lasting bit (TE, QIE, …) and wait until the status says so. */
int iommu_vtd_command_set(struct vtd_unit *unit, uint32_t bit);
int iommu_vtd_command_clear(struct vtd_unit *unit, uint32_t bit);
/* Give a one-shot command (SRTP, WBF) and wait for its completion. */
int iommu_vtd_command_once(struct vtd_unit *unit, uint32_t bit);
/* Was a command for this bit waited for in vain? */
bool iommu_vtd_command_hangs(const struct vtd_unit *unit, uint32_t bit);
/* What timed out is known not to be under way: hardware has ignored it. */
void iommu_vtd_command_cancel(struct vtd_unit *unit, uint32_t bit);
/* The unit was reset: no command is under way. */
void iommu_vtd_command_forget(struct vtd_unit *unit);
/* The write-buffer flush, on units that need one. */
int iommu_vtd_flush_write_buffer(struct vtd_unit *unit);

/* --- invalidation ----------------------------------------------------------------------------- */

struct vtd_domain;
struct vtd_endpoint;

static inline void vtd_batch_add(struct iommu_batch *batch, struct vtd_descriptor descriptor)
{
	iommu_batch_add(batch, vtd_command_of(descriptor), NULL);
}

/* The 2^order pages at `address` in a device's TLB, of a PASID, or of none: 0. */
void iommu_vtd_batch_add_device(struct iommu_batch *batch, struct vtd_endpoint *endpoint,
				uint32_t pasid, uint64_t address, unsigned int order);
/* Everything that it holds of PASIDs, where the device knows how. */
void iommu_vtd_batch_add_all_pasids(struct iommu_batch *batch, struct vtd_endpoint *endpoint);
/*
 * Execute a batch, by queue or by registers, and wait; what is open on the unit is made good first.
 * See iommu_batch_execute.
 */
int iommu_vtd_invalidate(struct vtd_unit *unit, struct iommu_batch *batch);
/* Execute a batch that invalidates nothing: what had failed before is none of its business. */
int iommu_vtd_tell(struct vtd_unit *unit, struct iommu_batch *batch);
/* Context cache, IOTLB and interrupt entries, all of it; not the TLBs of devices. */
int iommu_vtd_invalidate_all(struct vtd_unit *unit);
/*
 * Nothing that hardware was told is open when this returns 0: what was not confirmed has been by a
 * global invalidation, for which a queue that hangs was restarted. To be asked before anything new
 * is made present or reported as done. Control path.
 */
int iommu_vtd_confirm(struct vtd_unit *unit);
/* All that a unit has cached of a domain and overlaps [start, last], and what its devices have. */
int iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain, uint16_t domain_id,
			       const struct iommu_change *change);
/* 2^order entries of the interrupt table from an index on. */
int iommu_vtd_invalidate_interrupts(struct vtd_unit *unit, uint16_t index, unsigned int order);

/* --- event: the messages that a unit sends on its own ----------------------------------------- */

struct vtd_event {
	uint64_t address;
	uint32_t data;
	bool enabled;
};

/*
 * Program, or mask, the event whose registers begin at `control` (FECTL, PECTL) as the host wants
 * it.
 */
void iommu_vtd_event_apply(struct vtd_unit *unit, uint32_t control, const struct vtd_event *event);
/* What the host wants from now on; false: the address is none of an interrupt. */
bool iommu_vtd_event_set(struct vtd_event *event, uint64_t address, uint32_t data);

/* --- the unit --------------------------------------------------------------------------------- */

struct vtd_table;
struct vtd_interrupts;

/* Domain ids of a kernel before us are counted in pages, of so many counts each. */
#define VTD_INHERITED_COUNTS ((unsigned int)(IOMMU_PAGE_SIZE / sizeof(uint32_t)))
#define VTD_INHERITED_PAGES  (65536U / VTD_INHERITED_COUNTS)

struct vtd_unit {
	struct iommu_unit base; /* first */
	struct vtd_probe *probe;
	struct vtd_table *table; /* the DMAR table that names it */
	const struct iommu_platform *platform;
	struct vtd_capabilities caps;
	iommu_paddr_t register_base;
	void *registers;
	uint64_t register_size;
	/* The unit's structure in the DMAR table: who is behind it. */
	struct iommu_dmar_record record;
	/* For an answer of the unit, and for one that waits for a device's TLB. */
	uint64_t timeout_ns, device_timeout_ns;
	unsigned int output_width;
	struct iommu_spinlock command_lock;
	/* The command that has not completed, as the bits of GSTS that will say so; 0: none. */
	uint32_t command_mask, command_done;
	bool command_hangs; /* it was waited for in vain */
	/* Invalidation by registers: one was waited for in vain; the request at work, or NULL. */
	bool registers_hang;
	struct vtd_register_request *register_request;
	struct iommu_command_ring queue;
	/* It was told to turn off while busy, and did not: hardware may have ignored that. */
	bool queue_stayed_on;
	/* Scalable mode, rather than legacy mode. */
	bool scalable;
	bool use_queue;
	/* Bring-up has begun: hardware must confirm that it is off before anything is freed. */
	bool started;
	/* It translated when bring-up began, and stays on when that fails. */
	bool stays_on;
	/* The queue serves translation, interrupts, or both. */
	bool queue_is_on;
	/* Its devices are few and left alone by option. */
	bool bypassed;
	bool resumes_interrupts;
	/* It was left on, and bring-up does not turn it off: it changes its tables. */
	bool keeps_running;
	/* The step of the last bring-up that failed, or NULL. */
	int node; /* NUMA; IOMMU_NODE_ANY: firmware does not say */
	const char *failure;
	/* What the unit sends when it has recorded a fault, or queued a page request. */
	struct vtd_event fault_event, request_event;
	struct iommu_event_budget fault_budget;
	/* The ring of page requests; NULL: the unit knows none. */
	struct iommu_event_gate requests_gate;
	struct vtd_page_request *requests;
	struct vtd_interrupts *interrupts; /* NULL: never enabled */
	/* What a kernel before us left, until the last of it is replaced. */
	uint32_t *inherited[VTD_INHERITED_PAGES]; /* entries by domain id; NULL: none of these */
	unsigned int inherited_ids;
	struct iommu_list_node inherited_directories;
	/*
	 * So many places and directories name it; the structure outlives the unit until none does.
	 */
	unsigned int references;
	bool removed;
	/* What it has not confirmed; it is active while hardware may walk the root table. */
	struct iommu_unit_state state;
	struct vtd_root_entry *root;
	struct iommu_ids domain_ids;
};

/*
 * Is the unit driven in scalable mode? A macro, so that without the option the compiler leaves out
 * what is done only then at every level of optimisation, and nothing is missing when it links.
 */
#define vtd_is_scalable(unit) (IOMMU_CONFIG_SCALABLE && (unit)->scalable)

static inline struct vtd_unit *vtd_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct vtd_unit, base);
}

/* In line where speed counts; where size does, one copy of each for all (command.c). */
uint32_t iommu_vtd_read32(const struct vtd_unit *unit, uint32_t offset);
uint64_t iommu_vtd_read64(const struct vtd_unit *unit, uint32_t offset);
void iommu_vtd_write32(struct vtd_unit *unit, uint32_t offset, uint32_t value);
void iommu_vtd_write64(struct vtd_unit *unit, uint32_t offset, uint64_t value);
#if defined(__OPTIMIZE_SIZE__) && !defined(VTD_REGISTER_BODY)
#define vtd_read32  iommu_vtd_read32
#define vtd_read64  iommu_vtd_read64
#define vtd_write32 iommu_vtd_write32
#define vtd_write64 iommu_vtd_write64
#else
static inline uint32_t vtd_read32(const struct vtd_unit *unit, uint32_t offset)
{
	return iommu_mmio_read32(unit->platform, (const unsigned char *)unit->registers + offset);
}

static inline uint64_t vtd_read64(const struct vtd_unit *unit, uint32_t offset)
{
	return iommu_mmio_read64(unit->platform, (const unsigned char *)unit->registers + offset);
}

static inline void vtd_write32(struct vtd_unit *unit, uint32_t offset, uint32_t value)
{
	iommu_mmio_write32(unit->platform, (unsigned char *)unit->registers + offset, value);
}

static inline void vtd_write64(struct vtd_unit *unit, uint32_t offset, uint64_t value)
{
	iommu_mmio_write64(unit->platform, (unsigned char *)unit->registers + offset, value);
}
#endif

/* Write a changed structure back to memory, for a unit whose walks are not coherent. */
static inline void vtd_flush(const struct vtd_unit *unit, const void *start, size_t size)
{
	if (!unit->caps.coherent && unit->platform->cache_flush != NULL)
		unit->platform->cache_flush(unit->platform->ctx, start, size);
}

static inline void vtd_log(const struct vtd_unit *unit, enum iommu_log_level level,
			   const char *text)
{
	iommu_log(unit->platform, level, unit->base.name, text);
}

/* Why a call is refused, in the unit's name, or an endpoint's. */
#define VTD_REFUSE(unit, status, text)                                                             \
	IOMMU_REFUSE((unit)->base.iommu, (unit)->base.name, status, text)
/* The same at once, in calls that do not hold the control lock. */
#define VTD_REFUSE_NOW(base, status, text)                                                         \
	iommu_refuse_now((base)->iommu, IOMMU_CALL, (base)->name, status, IOMMU_WHY(text))
#define VTD_OTHERS "the unit is another back end's"
#define VTD_REFUSE_ENDPOINT(endpoint, status, text)                                                \
	IOMMU_REFUSE((endpoint)->base->iommu, (endpoint)->base->name, status, text)

/* Bring-up: translation on, translation off. */
int iommu_vtd_unit_enable(struct vtd_unit *unit);
int iommu_vtd_unit_disable(struct vtd_unit *unit);
/* The same for several, each step on all of them before the next; all or none. */
int iommu_vtd_units_enable(struct vtd_unit *first, struct vtd_unit *(*next)(struct vtd_unit *unit));
/* Does hardware translate by the unit's root table, as its status says? */
bool iommu_vtd_unit_translates(const struct vtd_unit *unit);
/* Translation, interrupts and queue off, and back on as they were. */
int iommu_vtd_unit_suspend(struct vtd_unit *unit);
int iommu_vtd_unit_resume(struct vtd_unit *unit);

/* One attachment less names the unit. */
void iommu_vtd_unit_put(struct vtd_unit *unit);
/* --- report: what was found, in lines for people --- */
/* Once for a unit, a table; and after units were enabled together, for all of them. */
#if IOMMU_CONFIG_LOG
void iommu_vtd_report_unit(const struct vtd_unit *unit);
void iommu_vtd_report_table(const struct vtd_probe *probe, const struct iommu_dmar *dmar);
void iommu_vtd_report_enabled(struct vtd_unit *first);
#else
static inline void iommu_vtd_report_unit(const struct vtd_unit *unit)
{
	(void)unit;
}
static inline void iommu_vtd_report_table(const struct vtd_probe *probe,
					  const struct iommu_dmar *dmar)
{
	(void)probe;
	(void)dmar;
}
static inline void iommu_vtd_report_enabled(struct vtd_unit *first)
{
	(void)first;
}
#endif

/* --- endpoint --------------------------------------------------------------------------------- */

struct vtd_directory;

/* The back end's part of an endpoint. */
struct vtd_endpoint {
	struct iommu_endpoint *base;
	struct vtd_unit *unit;
	/* Translations are kept in the device: context entries allow it. */
	bool device_tlb;
	/* … but not now: see iommu_vtd_context_hold_tlb. */
	bool tlb_held;
	/*
	 * The device may keep what it was not told to forget: empty its TLB before it may use it.
	 * In scalable mode its context entry does not let it, until then.
	 */
	bool tlb_unknown;
	struct iommu_device_tlb tlb;
	/* Two, because on its way between domains it keeps translations of both. */
	struct iommu_use uses[2];
	struct iommu_list_node pasids; /* uses with a PASID */
	/*
	 * Scalable mode: its PASIDs, how many of them are present, and the flags of its context
	 * entry.
	 */
	struct vtd_directory *directory;
	unsigned int present;
	uint64_t context_flags;
	/* What firmware claims for it, and was believed: see region.c. */
	struct iommu_list_node regions;
	/* What is present is of a kernel before us, and so is the context entry. */
	bool inherited;
};

static inline struct vtd_endpoint *vtd_endpoint_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

int iommu_vtd_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_vtd_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_vtd_endpoint_was_reset(struct iommu_endpoint *endpoint);
bool iommu_vtd_endpoint_is_lost(const struct iommu_endpoint *endpoint);
bool iommu_vtd_is_inherited(const struct iommu_endpoint *endpoint);
int iommu_vtd_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature, bool enable);

/* --- region: what firmware claims for devices ------------------------------------------------- */

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

/* --- context: root and context tables --------------------------------------------------------- */

int iommu_vtd_root_alloc(struct vtd_unit *unit);
void iommu_vtd_root_free(struct vtd_unit *unit);
/* The entry of a source id, or NULL when its bus has no table; `create` makes one (NULL: no
 * memory). */
struct vtd_context_entry *iommu_vtd_context_find(const struct vtd_unit *unit, uint16_t source_id);
int iommu_vtd_context_create(struct vtd_unit *unit, uint16_t source_id);
/*
 * Change the entries of an endpoint to (low, high), or to not present with low == 0, through the
 * not present state and with the invalidations that this needs. On failure the entries are as
 * before, except that entries which were to be cleared stay cleared, and so do those of a device
 * that did not answer. IOMMU_ENOENT: the bus has no table.
 */
int iommu_vtd_context_write(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
/* iommu_vtd_translation_put_back of legacy mode; and of scalable mode, the way to its PASIDs. */
void iommu_vtd_context_put_back(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
void iommu_vtd_context_reopen(struct vtd_endpoint *endpoint);
/*
 * Store one value into all entries of an endpoint, with low == 0 not present. Hardware is not told.
 */
void iommu_vtd_context_store(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high);
/* Take a device that did not answer off the table, in any context; hardware is not told yet. */
void iommu_vtd_context_block(struct vtd_endpoint *endpoint);
/*
 * While a unit is off the devices behind it are not told what was unmapped. Before it is turned on
 * their translated requests are refused; once it is, their TLBs are emptied and they may go on.
 */
void iommu_vtd_context_hold_tlb(struct vtd_endpoint *endpoint);
int iommu_vtd_context_release_tlb(struct vtd_endpoint *endpoint);
/*
 * Scalable mode. Make the context entry present, if it is not; and have one that is say what is
 * known of the endpoint, its directory and flags, in one store: hardware may use it as it was
 * before or after.
 */
int iommu_vtd_context_open(struct vtd_endpoint *endpoint);
int iommu_vtd_context_update(struct vtd_endpoint *endpoint);
/*
 * Do not let a device use its TLB, which may hold anything; empty it, and let the device use it
 * again.
 */
void iommu_vtd_tlb_suspect(struct vtd_endpoint *endpoint);
int iommu_vtd_tlb_recover(struct vtd_endpoint *endpoint);
/* Empty a TLB that the device may use, because an invalidation of it may have failed. */
int iommu_vtd_tlb_confirm(struct vtd_endpoint *endpoint);
/* Forget the context entries of an endpoint: all its functions, one descriptor. */
struct vtd_descriptor iommu_vtd_context_descriptor(const struct vtd_endpoint *endpoint,
						   uint16_t domain_id);

/* --- translation: what is said of one endpoint's requests, in either mode --------------------- */

struct vtd_translation {
	enum vtd_pasid_type type;
	uint16_t domain_id;
	bool keeps;  /* legacy mode: the device may keep translations */
	bool dirty;  /* the second stage notes accesses and writes */
	bool snoops; /* every access does */
	iommu_paddr_t second_table, first_table;
	unsigned int second_levels, first_levels;
	uint64_t first_flags;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_vtd_translation_set(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied.
 */
void iommu_vtd_translation_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
				    const struct vtd_translation *translation);
/* Switch the noting of writes of what is translated so. Scalable mode. */
int iommu_vtd_translation_set_dirty(struct vtd_endpoint *endpoint, uint32_t pasid, bool dirty);

/* --- PASID table ------------------------------------------------------------------------------ */

/* The PASID directory of an endpoint, and the tables that it leads to. */
struct vtd_directory {
	struct vtd_unit *unit;
	iommu_cell_t *entries;
	unsigned int order; /* of its pages */
	bool shares_tables; /* a larger one has taken its place, and has the tables */
	struct iommu_withheld end;
	/* One of before: in its unit's list until an endpoint takes it. Whose it is, and how many
	 * PASIDs are present. */
	struct iommu_list_node link;
	uint16_t source_id;
	unsigned int present;
};

/* The most PASIDs that a directory of one allocation leads to. */
#define VTD_PASIDS_MAX                                                                             \
	((uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES * VTD_PASID_TABLE_ENTRIES                      \
	 << IOMMU_MAX_ALLOC_ORDER)

/* The entry of a PASID; NULL: there is no table for it, which reads as not present. */
struct vtd_pasid_entry *iommu_vtd_pasid_find(const struct vtd_endpoint *endpoint, uint32_t pasid);
/* Make the table that a PASID's entry is in, and a larger directory where it needs one. */
int iommu_vtd_pasid_create(struct vtd_endpoint *endpoint, uint32_t pasid);
/* An empty directory of 2^order pages; NULL: no memory. */
struct vtd_directory *iommu_vtd_directory_make(struct vtd_unit *unit, unsigned int order);
#if IOMMU_CONFIG_SCALABLE
/* The first directory of an endpoint, of one page. Returns 0 or IOMMU_ENOMEM. */
int iommu_vtd_directory_alloc(struct vtd_endpoint *endpoint);
/* The first PASID from `pasid` on whose entry is in a table, or VTD_PASIDS_MAX. */
uint32_t iommu_vtd_pasid_next(const struct vtd_endpoint *endpoint, uint32_t pasid);
/* Free a directory once its unit cannot be walking it. */
void iommu_vtd_directory_free(struct vtd_directory *directory);
#else
static inline int iommu_vtd_directory_alloc(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return IOMMU_EOPNOTSUPP;
}
static inline uint32_t iommu_vtd_pasid_next(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	(void)endpoint;
	(void)pasid;
	return VTD_PASIDS_MAX;
}
static inline void iommu_vtd_directory_free(struct vtd_directory *directory)
{
	(void)directory;
}
#endif

/* translation_set of scalable mode. */
int iommu_vtd_pasid_write(struct vtd_endpoint *endpoint, uint32_t pasid,
			  const struct vtd_translation *translation);
/* iommu_vtd_translation_put_back of scalable mode. */
void iommu_vtd_pasid_put_back(struct vtd_endpoint *endpoint, uint32_t pasid,
			      const struct vtd_translation *translation);

/* --- predecessor: what was left on ------------------------------------------------------------ */

/* The unit has been found: what nothing of ours will use goes off at once. */
void iommu_vtd_predecessor_found(struct vtd_unit *unit);
/*
 * A unit that was left on in our mode keeps running through bring-up, with what is copied where it
 * is taken over.
 */
void iommu_vtd_predecessor_keep(struct vtd_unit *unit);
/* The first step of bring-up: what is on and not taken over goes off. */
int iommu_vtd_predecessor_take_over(struct vtd_unit *unit);
/*
 * A unit that is not brought up, or the end: translation and queue go off where they are not ours.
 */
int iommu_vtd_predecessor_turn_off(struct vtd_unit *unit);
/*
 * The same with the units enabled around it; one that lets everything pass opens its protected
 * memory.
 */
int iommu_vtd_predecessor_leave_alone(struct vtd_unit *unit);
/* One of them, if it is on. */
int iommu_vtd_predecessor_stop_queue(struct vtd_unit *unit);
int iommu_vtd_predecessor_stop_interrupts(struct vtd_unit *unit);
int iommu_vtd_open_protected_memory(struct vtd_unit *unit);

/* --- inherit: what a kernel before us left, and goes on --------------------------------------- */

/* A unit that is taken over: what leads to its page tables, from the root table on, is copied. */
void iommu_vtd_inherit(struct vtd_unit *unit, iommu_paddr_t root);
/* A present context entry of scalable mode: how many entries could not be copied. */
unsigned int iommu_vtd_inherit_scalable(struct vtd_unit *unit, uint16_t source_id, uint64_t low,
					uint64_t high);
/* May the page at that address be read? */
bool iommu_vtd_inherit_is_memory(const struct vtd_unit *unit, iommu_paddr_t paddr);
/* Count 2^order pages for copies; false: that is more than the host allows. */
bool iommu_vtd_inherit_may_take(struct vtd_unit *unit, unsigned int order);
/* A context table of ours for the source id; false: no memory. */
bool iommu_vtd_inherit_context_table(struct vtd_unit *unit, uint16_t source_id);
/* Does the unit walk second-stage tables of so many levels? */
bool iommu_vtd_inherit_levels_fit(const struct vtd_unit *unit, unsigned int levels);

#if IOMMU_CONFIG_TAKE_OVER
/* One entry more with this domain id; false: no memory. */
bool iommu_vtd_inherited_note(struct vtd_unit *unit, uint16_t domain_id);
/*
 * An entry with this domain id has gone, and hardware has confirmed; nothing when the id is not of
 * before.
 */
void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint16_t domain_id);
/* Scalable mode: the endpoint takes its device's copied directory; false: there is none. */
bool iommu_vtd_inherited_adopt(struct vtd_endpoint *endpoint);
/* All that an endpoint has of before goes. Errors as iommu_vtd_pasid_write. */
int iommu_vtd_inherited_leave(struct vtd_endpoint *endpoint);
/* The unit is off: everything copied goes. */
void iommu_vtd_inherited_drop(struct vtd_unit *unit);
#else
static inline void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint16_t domain_id)
{
	(void)unit;
	(void)domain_id;
}
static inline bool iommu_vtd_inherited_adopt(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return false;
}
static inline int iommu_vtd_inherited_leave(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
static inline void iommu_vtd_inherited_drop(struct vtd_unit *unit)
{
	(void)unit;
}
#endif

/* --- domain, attach, fault, scope, driver ----------------------------------------------------- */

struct vtd_domain {
	struct iommu_placed common; /* first */
	struct vtd_probe *probe;
	/* 0: everything is blocked. */
	enum vtd_pasid_type type;
	/* Roots for units that know only deeper tables: of 4 and 5 levels, made on demand. */
	void *tops[2];
	/* As configured: what the units that come and go cut down. */
	uint64_t pgsizes;
	iommu_iova_t aperture;
	bool snoops;      /* first stage: every access does */
	bool nest_parent; /* nested domains may be made of it */
	bool dirty_wanted, dirty;
	/*
	 * A first stage of another owner, and in nested domains whose addresses it leads to.
	 */
	iommu_paddr_t first_table;
	unsigned int first_levels;
	uint64_t first_flags;
	struct vtd_domain *parent;
};

static inline struct vtd_domain *vtd_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct vtd_domain, common.base);
}

/* Does it have tables of its own? */
static inline bool vtd_domain_has_table(const struct vtd_domain *domain)
{
	return iommu_placed_has_table(&domain->common);
}

/* --- place: a domain on a unit ---------------------------------------------------------------- */

/* One endpoint more: the domain is fitted to the unit with the first. And one less. */
int iommu_vtd_place_enter(struct vtd_domain *domain, struct vtd_unit *unit,
			  struct iommu_place **place);
void iommu_vtd_place_leave(struct vtd_domain *domain, struct iommu_place *place);
/*
 * Where a unit finds the table, and of how many levels it is there. The domain has been fitted to
 * it.
 */
iommu_paddr_t iommu_vtd_place_root(struct vtd_domain *domain, const struct vtd_unit *unit,
				   unsigned int *levels);
/* --- use -------------------------------------------------------------------------------------- */

/* Does a device keep translations of the domain? */
static inline bool vtd_use_keeps(const struct vtd_domain *domain,
				 const struct vtd_endpoint *endpoint)
{
	/* In legacy mode a device does not get to know what is passed through. */
	return IOMMU_CONFIG_DEVICE_TLB && endpoint->device_tlb &&
	       (vtd_is_scalable(endpoint->unit) || vtd_domain_has_table(domain));
}
/* Tell hardware of a change of a domain there. */
extern const struct iommu_place_ops iommu_vtd_place_ops;

int iommu_vtd_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			   const struct iommu_domain_config *config, struct iommu_domain **domain);
extern const struct iommu_domain_ops iommu_vtd_first_stage_ops;
extern const struct iommu_domain_ops iommu_vtd_second_stage_ops;
/* A range of a first stage of another owner, wherever the domain is used. */
int iommu_vtd_invalidate_foreign(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
				 bool leaves_only);
/* What a newer caller's structure has behind those that are known: nothing that is asked for. */
bool iommu_vtd_rest_is_zero(const void *user, size_t from, size_t size);
/* See iommu_domain_ops.invalidate_user. */
int iommu_vtd_invalidate_user(struct iommu_domain *domain, const void *requests,
			      size_t request_size, unsigned int count, unsigned int *done);

int iommu_vtd_paging_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_identity_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_blocked_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_block_inherited(struct iommu_endpoint *endpoint);
int iommu_vtd_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_attach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			   uint32_t pasid, struct iommu_domain *before);
int iommu_vtd_detach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			   uint32_t pasid);

int iommu_vtd_handle_faults(struct iommu_unit *unit, bool *lost);
/* Clear what is recorded, and is old, without a report. Errors as iommu_unit_handle_faults. */
int iommu_vtd_discard_faults(struct vtd_unit *unit);

/* A DMAR table that names units: the machine's, or one that came with a unit added later. */
struct vtd_table {
	struct iommu_list_node link;
	struct iommu_dmar dmar;
	void *copy;
	unsigned int order;
	unsigned int units;
};

/* What all units of one probe share. */
struct vtd_probe {
	struct iommu *iommu;
	const struct iommu_ops *ops;
	const struct iommu_platform *platform;
	unsigned int flags; /* enum iommu_vtd_flags */
	uint64_t timeout_ns, device_timeout_ns;
	unsigned int faults_per_second;
	bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *is_memory_ctx;
	uint64_t inherited_pages, inherited_pages_max; /* copied so far, and at most */
	enum iommu_vtd_region_answer (*firmware_region)(void *ctx,
							const struct iommu_endpoint_info *endpoint,
							iommu_paddr_t *start, iommu_paddr_t *last);
	void *firmware_region_ctx;
	int (*node_of)(void *ctx, uint32_t proximity_domain);
	void *node_of_ctx;
	struct iommu_list_node claims;
	struct iommu_object_cache claim_cache, region_cache;
	struct iommu_list_node tables;
	struct vtd_table *main; /* the machine's */
	struct iommu_object_cache table_cache, unit_cache, domain_cache, place_cache,
		endpoint_cache, use_cache, directory_cache;
	unsigned int references; /* structures of units and domains that are alive */
	unsigned int names;      /* given so far */
	/* All units are enabled together, and so will be those that get devices later. */
	bool running;
	struct iommu_unit_set set;
};

/* Do devices of a kernel before us go on behind it? */
static inline bool vtd_unit_is_taken_over(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_TAKE_OVER && unit->keeps_running &&
	       (unit->probe->flags & IOMMU_VTD_TAKE_OVER) != 0;
}

/* Does a device scope of this structure cover the endpoint? Not the include-all flag. */
bool iommu_vtd_scope_names(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			   const struct iommu_endpoint_info *info);
/*
 * The source id of what a scope's path leads to. IOMMU_ENOENT: it leads through a bridge, of which
 * the host's topology does not say what bus is below.
 */
int iommu_vtd_scope_source_id(const struct vtd_unit *unit, const struct iommu_dmar_scope *scope,
			      uint16_t *source_id);
/* Does a device scope of the unit's structure, or its include-all flag, cover this path? */
enum iommu_match iommu_vtd_scope_match(const struct iommu_dmar *dmar,
				       const struct iommu_dmar_record *drhd,
				       const struct iommu_endpoint_info *info);

/* Give back all that a unit has; it is off, and unregistered. */
void iommu_vtd_unit_free(struct vtd_unit *unit);
/* Free a table that no unit refers to. */
void iommu_vtd_table_free(struct vtd_probe *probe, struct vtd_table *table);
/*
 * What control.c does under the lock. iommu_vtd_probe_units: with the back end's ops for the units.
 */
int iommu_vtd_find_units(struct iommu *iommu, const void *dmar, size_t size,
			 const struct iommu_vtd_options *options);
int iommu_vtd_enable_units(struct iommu *iommu);
int iommu_vtd_units_add(struct iommu *iommu, const void *structures, size_t size);
int iommu_vtd_unit_remove(struct iommu_unit *unit);
int iommu_vtd_probe_units(struct iommu *iommu, const struct iommu_ops *ops, const void *bytes,
			  size_t size, const struct iommu_vtd_options *options);
extern const char iommu_vtd_name[];
/* Is the unit one of this back end? */
bool iommu_vtd_owns(const struct iommu_unit *unit);
/* The first of our units after `unit` (NULL: of all); NULL: none is left. */
struct vtd_unit *iommu_vtd_next_unit(struct iommu *iommu, struct vtd_unit *unit);
/* Let go of a probe whose last unit is gone. */
void iommu_vtd_probe_free(struct vtd_probe *probe);

/* --- page request ----------------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE
int iommu_vtd_page_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_page_queue_free(struct vtd_unit *unit);
/* Give hardware the ring, empty, and program or mask the interrupt. */
int iommu_vtd_page_queue_start(struct vtd_unit *unit);
/*
 * Have what hardware holds of an endpoint's requests reported: none comes after what was closed
 * before.
 */
void iommu_vtd_page_requests_drain(struct vtd_endpoint *endpoint);
int iommu_vtd_page_response(struct iommu_endpoint *endpoint,
			    const struct iommu_page_response *response);
int iommu_vtd_handle_page_requests(struct iommu_unit *unit, bool *lost);
#else
static inline int iommu_vtd_page_queue_alloc(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline void iommu_vtd_page_queue_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_page_queue_start(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline void iommu_vtd_page_requests_drain(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
}
#endif

/* --- interrupt: the remapping table ----------------------------------------------------------- */

struct vtd_interrupts {
	struct vtd_interrupt_entry *table;
	unsigned int entries, order;
	struct iommu_spinlock lock; /* of the ids */
	struct iommu_ids ids;
	bool x2apic; /* how the entries are written */
	bool running;
	/*
	 * Hardware may be using the table: it has not confirmed that it is off since it was told to
	 * begin.
	 */
	bool in_use;
};

static inline bool vtd_interrupts_run(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_INTERRUPTS && unit->interrupts != NULL && unit->interrupts->running;
}

static inline bool vtd_interrupts_may_run(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_INTERRUPTS && unit->interrupts != NULL && unit->interrupts->in_use;
}

#if IOMMU_CONFIG_INTERRUPTS
/*
 * Hand the table to hardware and start; stop it, or what a predecessor left on. The queue is on for
 * ours.
 */
int iommu_vtd_interrupts_start(struct vtd_unit *unit);
int iommu_vtd_interrupts_stop(struct vtd_unit *unit);
void iommu_vtd_interrupts_free(struct vtd_unit *unit);
/* Remap on a unit that was added while the others do: its devices would go around the table. */
int iommu_vtd_interrupts_extend(struct vtd_unit *unit);
/* What control.c does under the lock. */
int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags);
int iommu_vtd_interrupts_off(struct iommu *iommu);
#else
static inline int iommu_vtd_interrupts_start(struct vtd_unit *unit)
{
	(void)unit;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_vtd_interrupts_stop(struct vtd_unit *unit)
{
	return iommu_vtd_predecessor_stop_interrupts(unit);
}
static inline void iommu_vtd_interrupts_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_interrupts_extend(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags)
{
	(void)iommu;
	(void)flags;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_vtd_interrupts_off(struct iommu *iommu)
{
	(void)iommu;
	return 0;
}
#endif

#endif
