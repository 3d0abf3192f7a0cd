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
 *   unit->counters->lock  the counts of performance counters
 *   domain->common.lock   the domain's uses
 *   domain->common.pages  its withheld pages
 *
 * Root and context tables, the list of a domain's units and the unit's domain ids change only on
 * the control path, which the host serialises.
 */
#ifndef IOMMU_VTD_UNIT_H
#define IOMMU_VTD_UNIT_H

#include <libiommu/backend/mmio.h>
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_page_request.h>

#include "base/list.h"
#include "base/log.h"
#include "base/spinlock.h"
#include "unit/command_ring.h"
#include "unit/confirmation.h"
#include "unit/event.h"
#include "unit/id.h"
#include "vtd/cap.h"
#include "vtd/event.h"

struct vtd_probe;

struct vtd_table;
struct vtd_interrupts;
struct vtd_counters;

/* Domain ids of a kernel before us are counted in pages, of so many counts each. */
#define VTD_INHERITED_COUNTS ((unsigned int)(IOMMU_PAGE_SIZE / sizeof(uint32_t)))
#define VTD_INHERITED_PAGES  (65536U / VTD_INHERITED_COUNTS)

struct vtd_unit {
	/*
	 * The structure stays until the probe goes, because places of domains name it. A unit that
	 * is added again with these registers gets it again: otherwise domains that live on would
	 * collect places of units that are gone.
	 */
	struct vtd_probe *probe;
	struct iommu_list_node link; /* in probe->units */
	iommu_paddr_t register_base;
	/* What it has not confirmed; it is active while hardware may walk the root table. */
	struct iommu_unit_state state;
	/* From here on zero while the unit is not there. */
	struct iommu_unit base;
	struct vtd_table *table; /* the DMAR table that names it */
	const struct iommu_platform *platform;
	struct vtd_capabilities caps;
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
	/*
	 * Page requests of what was closed may still come: a drain is not confirmed. Control path.
	 */
	bool is_undrained;
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
	struct vtd_counters *counters;     /* NULL: it has none */
	/* What a kernel before us left, until the last of it is replaced. */
	uint32_t *inherited[VTD_INHERITED_PAGES]; /* entries by domain id; NULL: none of these */
	unsigned int inherited_ids;
	unsigned int quirks; /* enum iommu_vtd_quirks */
	struct iommu_list_node inherited_directories;
	struct vtd_root_entry *root;
	struct iommu_ids domain_ids;
	/* What it is given in place of being turned off, which it must not be; NULL: it may be. */
	void *empty_root;
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
#ifdef __OPTIMIZE_SIZE__
uint32_t iommu_vtd_read32(const struct vtd_unit *unit, uint32_t offset);
uint64_t iommu_vtd_read64(const struct vtd_unit *unit, uint32_t offset);
void iommu_vtd_write32(struct vtd_unit *unit, uint32_t offset, uint32_t value);
void iommu_vtd_write64(struct vtd_unit *unit, uint32_t offset, uint64_t value);
#endif
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
/* Translation, interrupts and queue off, and back on as they were. */
int iommu_vtd_unit_suspend(struct vtd_unit *unit);
int iommu_vtd_unit_resume(struct vtd_unit *unit);

/* --- Pages that hardware gets the address of -------------------------------------------------- */

/*
 * Zeroed pages that the unit can address; NULL: the host has none, or none such, which is logged.
 */
void *iommu_vtd_pages_alloc(const struct vtd_unit *unit, unsigned int order);
/*
 * How wide an address the unit's root-table register holds: units need not have the bits above
 * their width.
 */
unsigned int iommu_vtd_root_bits(struct vtd_unit *unit);

#endif
