/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d back end's structures, and what its files offer each other. The files are cut as the
 * specification is: cap, scope, unit (bring-up), command, invalidation, queue, context, domain,
 * fault, and driver, which puts them behind the core's ops.
 *
 * Locks, in the order in which they may nest:
 *   unit->queue.lock     the ring and what became of submissions; not held while waiting for
 * hardware, except to restart a queue that stopped answering unit->command_lock   the global
 * command register, and invalidation by registers; held while waiting for the hardware, because
 * both are one-at-a-time by nature domain->lock         the domain's quarantine; alone Root and
 * context tables, the list of a domain's units and the unit's domain ids change only on the control
 * path, which the host serialises.
 */
#ifndef IOMMU_VTD_VTD_H
#define IOMMU_VTD_VTD_H

#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/ops.h>
#include <libiommu/vtd.h>

#include "base/list.h"
#include "base/mmio.h"
#include "base/object_cache.h"
#include "base/spinlock.h"

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
	uint64_t drain; /* the drain bits for IOTLB descriptors */
	bool coherent, queue, registers, caching_mode, write_buffer, pass_through, page_selective;
	bool protected_memory;
};

/* 0, or IOMMU_EIO when the registers cannot be those of a usable unit. */
int iommu_vtd_decode_capabilities(struct vtd_capabilities *caps, uint32_t version, uint64_t cap,
				  uint64_t ecap);

/* Bytes of register space that the capabilities point into. */
uint64_t iommu_vtd_register_space(const struct vtd_capabilities *caps);

/* --- queue: the invalidation queue ------------------------------------------------------------ */

/* One page of 128-bit descriptors. */
#define VTD_QUEUE_ENTRIES 256

/* What became of a submission; kept in the slot of its wait descriptor. */
enum vtd_submission_state {
	VTD_SUBMITTED = 0,
	VTD_REFUSED, /* hardware refused one of its descriptors */
	VTD_DROPPED, /* hardware dropped its wait: no status will come */
	VTD_TOLD,    /* one of the two above, and the submitter knows */
};

struct vtd_queue {
	struct iommu_spinlock lock;
	struct vtd_descriptor *ring;
	/* One status dword for each slot: hardware writes it for the wait descriptor in that slot.
	 */
	uint32_t *status;
	/* Of each slot in use: the slot of the wait descriptor of its submission. */
	uint8_t owner[VTD_QUEUE_ENTRIES];
	/* Of each slot with a wait descriptor: the submission. */
	uint8_t state[VTD_QUEUE_ENTRIES];
	uint32_t sequence_of[VTD_QUEUE_ENTRIES];
	unsigned int head; /* the oldest slot in use */
	unsigned int tail; /* the next slot to fill; head == tail: empty */
	uint32_t sequence; /* of the newest submission */
	/* Counts restarts: what was submitted before one is lost. */
	uint32_t generation;
	bool running;
	bool broken; /* hardware stopped answering: restart before the next submission */
};

struct vtd_unit;

int iommu_vtd_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_queue_free(struct vtd_unit *unit);
/* Turn the queue on, empty; off, after hardware has read all of it. */
int iommu_vtd_queue_start(struct vtd_unit *unit);
int iommu_vtd_queue_stop(struct vtd_unit *unit);
/*
 * Have hardware execute `count` descriptors and wait for it. 0; IOMMU_EIO: hardware refused one, or
 * reported an error; IOMMU_ETIMEDOUT; IOMMU_EINVAL: more than VTD_BATCH_MAX.
 */
int iommu_vtd_queue_submit(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
			   unsigned int count);
#define VTD_BATCH_MAX 16

/* --- command: the global command register ----------------------------------------------------- */

static inline uint32_t vtd_read32(const struct vtd_unit *unit, uint32_t offset);
static inline uint64_t vtd_read64(const struct vtd_unit *unit, uint32_t offset);
static inline void vtd_write32(struct vtd_unit *unit, uint32_t offset, uint32_t value);
static inline void vtd_write64(struct vtd_unit *unit, uint32_t offset, uint64_t value);

/* Wait until (register & mask) == value; IOMMU_ETIMEDOUT. */
int iommu_vtd_wait32(struct vtd_unit *unit, uint32_t offset, uint32_t mask, uint32_t value);
int iommu_vtd_wait64(struct vtd_unit *unit, uint32_t offset, uint64_t mask, uint64_t value);

/* Set or clear one lasting bit (TE, QIE, …) and wait until the status says so. */
int iommu_vtd_command_set(struct vtd_unit *unit, uint32_t bit);
int iommu_vtd_command_clear(struct vtd_unit *unit, uint32_t bit);
/* Give a one-shot command (SRTP, WBF) and wait for its completion. */
int iommu_vtd_command_once(struct vtd_unit *unit, uint32_t bit);
/* The write-buffer flush, on units that need one. */
int iommu_vtd_flush_write_buffer(struct vtd_unit *unit);

/* --- invalidation ----------------------------------------------------------------------------- */

/*
 * Execute descriptors, by queue or by registers, and wait. When that fails the unit is marked: what
 * it caches is unknown, and the next invalidation of anything begins with a global one.
 */
int iommu_vtd_invalidate(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
			 unsigned int count);
/* Context cache and IOTLB, all of it. */
int iommu_vtd_invalidate_all(struct vtd_unit *unit);
/* All IOTLB entries of a domain id that overlap [start, last]. */
int iommu_vtd_invalidate_range(struct vtd_unit *unit, uint16_t domain_id, iommu_iova_t start,
			       iommu_iova_t last, bool leaves_only);

/* --- the unit --------------------------------------------------------------------------------- */

struct vtd_domain;

struct vtd_unit {
	struct iommu_unit base; /* first */
	struct vtd_probe *probe;
	const struct iommu_platform *platform;
	struct vtd_capabilities caps;
	iommu_paddr_t register_base;
	void *registers;
	uint64_t register_size;
	/* The unit's structure in the DMAR table: who is behind it. */
	struct iommu_dmar_record record;
	uint64_t timeout_ns;
	unsigned int output_width;
	struct iommu_spinlock command_lock;
	/* The command that has not completed, as the bits of GSTS that will say so; 0: none. */
	uint32_t command_mask, command_done;
	struct vtd_queue queue;
	bool use_queue;
	/* Bring-up has begun: hardware must confirm that it is off before anything is freed. */
	bool started;
	/*
	 * Hardware may walk the root table: changes must be invalidated. Atomic: set before
	 * hardware gets the table, cleared once it has confirmed that translation is off.
	 */
	bool active;
	/* Counts the changes of `active`. Atomic. */
	uint32_t epoch;
	/*
	 * Invalidations that failed, and how many of those a confirmed global invalidation has made
	 * good: all that had failed before it began. Atomic.
	 */
	uint32_t failures, made_good;
	struct vtd_root_entry *root;
	/* A bit for each domain id that is taken, and one for each that waits for confirmation. */
	uint64_t *domain_ids;
	uint64_t *retired_ids;
	unsigned int domain_id_order;
};

static inline struct vtd_unit *vtd_unit_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct vtd_unit, base);
}

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

/* Write a changed structure back to memory, for a unit whose walks are not coherent. */
static inline void vtd_flush(const struct vtd_unit *unit, const void *start, size_t size)
{
	if (!unit->caps.coherent && unit->platform->cache_flush != NULL)
		unit->platform->cache_flush(unit->platform->ctx, start, size);
}

void iommu_vtd_log(const struct vtd_unit *unit, enum iommu_log_level level, const char *text);

/* Bring-up: translation on, translation off. */
int iommu_vtd_unit_enable(struct vtd_unit *unit);
int iommu_vtd_unit_disable(struct vtd_unit *unit);

/* A free domain id, never 0; 0: all are taken. And back: at once, or after confirmation. */
uint16_t iommu_vtd_domain_id_alloc(struct vtd_unit *unit);
void iommu_vtd_domain_id_free(struct vtd_unit *unit, uint16_t id);
static inline bool vtd_unit_is_active(const struct vtd_unit *unit)
{
	return __atomic_load_n(&unit->active, __ATOMIC_ACQUIRE);
}

/* Might hardware still use what it was not confirmed to have forgotten? */
static inline bool vtd_unit_has_failed(const struct vtd_unit *unit)
{
	return __atomic_load_n(&unit->failures, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&unit->made_good, __ATOMIC_ACQUIRE);
}

static inline bool vtd_unit_is_suspect(const struct vtd_unit *unit)
{
	return vtd_unit_is_active(unit) && vtd_unit_has_failed(unit);
}

/* --- context: root and context tables --------------------------------------------------------- */

int iommu_vtd_root_alloc(struct vtd_unit *unit);
void iommu_vtd_root_free(struct vtd_unit *unit);
/* The entry of a source id, or NULL when its bus has no table; `create` makes one (NULL: no
 * memory). */
struct vtd_context_entry *iommu_vtd_context_find(const struct vtd_unit *unit, uint16_t source_id);
int iommu_vtd_context_create(struct vtd_unit *unit, uint16_t source_id);
/*
 * Change the entry of a source id to (low, high), or to not present with low == 0, through the not
 * present state and with the invalidations that this needs. On failure the entry is as before,
 * except that an entry which was to be cleared stays cleared. IOMMU_ENOENT: the bus has no table.
 */
int iommu_vtd_context_write(struct vtd_unit *unit, uint16_t source_id, uint64_t low, uint64_t high);

/* --- domain, fault, scope, driver ------------------------------------------------------------- */

/* One unit that a domain is or was attached to. Lives until the domain is freed. */
struct vtd_attachment {
	struct vtd_attachment *next;
	struct vtd_unit *unit;
	/* Endpoints attached; atomic: the map path reads it. */
	uint32_t endpoints;
	uint16_t domain_id;
};

struct vtd_domain {
	struct iommu_domain base; /* first */
	struct vtd_probe *probe;
	struct iommu_pgtable pgtable; /* of a paging domain */
	/* Newest first; only ever grows while the domain lives. Atomic: the map path reads it. */
	struct vtd_attachment *attachments;
	struct iommu_spinlock lock;
	/* What failed to be invalidated, and a flag (atomic) that there is something. */
	struct iommu_gather quarantine;
	bool quarantined;
	struct iommu_list_node grave;
};

static inline struct vtd_domain *vtd_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct vtd_domain, base);
}

int iommu_vtd_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			   const struct iommu_domain_config *config, struct iommu_domain **domain);
/* Free the freed domains that no unit can be walking any more. Control path. */
void iommu_vtd_reap(struct vtd_probe *probe);

int iommu_vtd_handle_faults(struct iommu_unit *unit, bool *lost);

/* What all units of one probe share. */
struct vtd_probe {
	struct iommu *iommu;
	const struct iommu_platform *platform;
	struct iommu_dmar dmar;
	void *dmar_copy;
	unsigned int dmar_order;
	struct iommu_object_cache unit_cache, domain_cache, attachment_cache;
	unsigned int units;
	/* Freed domains whose tables a suspect unit might still walk. */
	struct iommu_list_node graveyard;
};

/* Does a device scope of the unit's structure, or its include-all flag, cover this path? */
enum iommu_match iommu_vtd_scope_match(const struct iommu_dmar *dmar,
				       const struct iommu_dmar_record *drhd,
				       const struct iommu_endpoint_info *info);

#endif
