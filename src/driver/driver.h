/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drivers of remapping units have in common that a host adds one by one, with tables and
 * queues in memory: the units of an instance, how each is brought up, its endpoints, and domains on
 * it. A family supplies tables of functions, one for each concept (struct iommu_driver), and its
 * structures begin with those of here:
 *
 *   a unit      struct iommu_driven_unit       unit.c, bring_up.c, invalidation.c
 *   an endpoint struct iommu_driven_endpoint   endpoint.h
 *   a domain    struct iommu_placed            unit/domain.h, and domain.h
 *
 * Functions named iommu_driver_… are the operations of the core (struct iommu_ops and struct
 * iommu_domain_ops), which a family names in its own tables, or a part of a public function of the
 * family; iommu_driven_… are for families, and for each other.
 *
 * Locks. None is held while waiting for hardware, and none while another is taken:
 *
 *   unit->queue.lock  the command queue, and what became of submissions
 *   domain->lock      the domain's uses
 *   domain->pages     its withheld pages
 *
 * All else changes on the control path, which the host serialises; with one exception: a device
 * that does not invalidate its TLB is blocked at once, in any context.
 */
#ifndef IOMMU_DRIVER_DRIVER_H
#define IOMMU_DRIVER_DRIVER_H

#include <libiommu/backend/ops.h>

#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "unit/command_ring.h"
#include "unit/confirmation.h"
#include "unit/device_id.h"
#include "unit/event.h"

struct iommu_driven_unit;
struct iommu_driver_domain_ops;
struct iommu_driver_endpoint_ops;
struct iommu_driver_invalidation;
struct iommu_driver_requests;

/* --- What a family supplies ------------------------------------------------------------------- */

/* A step of bring-up, and what is said when it fails (IOMMU_WHY). */
struct iommu_bring_up_step {
	int (*run)(struct iommu_driven_unit *unit);
	const char *failure;
};

/* How a unit is brought up, and turned off. Control path. */
struct iommu_bring_up {
	const struct iommu_bring_up_step *steps;
	unsigned int count;
	/* Do its registers read as ones? */
	bool (*is_gone)(const struct iommu_driven_unit *unit);
	/* Does hardware translate by its tables, as far as registers say? Any context. */
	bool (*translates)(const struct iommu_driven_unit *unit);
	/* Have hardware walk no table any more, and wait; and then stop its queues. */
	int (*turn_off)(struct iommu_driven_unit *unit);
	int (*stop_queues)(struct iommu_driven_unit *unit);
	/* A unit that is not brought up lets nothing pass. NULL: not by itself. */
	int (*close)(struct iommu_driven_unit *unit);
};

/* What is said of ids, in the words of the family (IOMMU_WHY). */
struct iommu_driver_texts {
	const char *range_ends_above; /* a range of ids has too wide ones */
	const char *ranges_overlap;
	const char *others; /* the unit is no unit of the family's */
};

struct iommu_driver {
	const struct iommu_ops *ops;
	const char *unit_name; /* units are named so, with a number */
	struct iommu_driver_texts texts;
	/* Of the family's structures. */
	size_t unit_size, domain_size, endpoint_size, contexts_size;
	/* Pages of tables and queues are aligned to their size. */
	bool aligns_pages;
	/* Have the unit see zeroed pages. NULL: it sees what CPUs write. */
	void (*show_pages)(const struct iommu_driven_unit *unit, const void *pages, size_t size);
	/*
	 * Make all that a unit has, by the family's own configuration; and free it, also when that
	 * failed half way. What is of struct iommu_driven_unit is freed behind that.
	 */
	int (*setup)(struct iommu_driven_unit *unit, const void *config);
	void (*free)(struct iommu_driven_unit *unit);
	const struct iommu_bring_up *bring_up;
	const struct iommu_driver_invalidation *invalidation; /* invalidation.h */
	const struct iommu_driver_endpoint_ops *endpoints;    /* endpoint.h */
	const struct iommu_driver_domain_ops *domains;        /* domain.h */
	const struct iommu_driver_requests *requests;         /* page_request.h */
};

/* --- Units ------------------------------------------------------------------------------------ */

/* What the units of an instance share. Freed with the last unit, domain and table of contexts. */
struct iommu_driver_shared {
	const struct iommu_driver *driver;
	struct iommu *iommu;
	const struct iommu_platform *platform;
	struct iommu_list_node units; /* also those that were removed */
	struct iommu_object_cache unit_cache, domain_cache, place_cache, endpoint_cache, use_cache,
		contexts_cache;
	unsigned int references;
	unsigned int names; /* given so far */
	struct iommu_unit_set set;
};

/* A queue that hardware fills: faults, page requests. */
struct iommu_driven_log {
	void *pages;             /* NULL: there is none */
	unsigned int order;      /* of its records, in powers of two */
	unsigned int page_order; /* of its pages */
	struct iommu_event_gate gate;
};

/* The first member of a family's unit. */
struct iommu_driven_unit {
	/*
	 * The structure stays until what is shared goes, because places of domains name it. A unit
	 * that is added again with these registers gets it again.
	 */
	struct iommu_driver_shared *shared;
	struct iommu_list_node link; /* in shared->units */
	iommu_paddr_t register_base;
	/* What it has not confirmed; it is active while hardware may walk its tables. */
	struct iommu_unit_state state;
	/* From here on zero while the unit is not there; and so is the family's part. */
	struct iommu_unit base;
	const struct iommu_platform *platform;
	void *registers;
	uint64_t register_size;
	unsigned int output_bits; /* of a physical address */
	unsigned int faults_per_second;
	uint64_t timeout_ns, device_timeout_ns;
	int node; /* NUMA, or IOMMU_NODE_ANY */
	struct iommu_id_map map;
	/* Bring-up has begun: hardware must confirm that it is off before anything is freed. */
	bool started;
	bool was_started; /* ever, since it was added */
	/* Page requests of what was closed may still be in the queue. Control path. */
	bool is_undrained;
	struct iommu_command_ring queue;
	struct iommu_driven_log faults, requests;
	struct iommu_event_budget fault_budget;
	const char *failure; /* the step of the last bring-up that failed, or NULL */
};

static inline struct iommu_driven_unit *iommu_driven_of(const struct iommu_unit *unit)
{
	return iommu_container_of((uintptr_t)unit, struct iommu_driven_unit, base);
}

static inline const struct iommu_driver *iommu_driver_of(const struct iommu_driven_unit *unit)
{
	return unit->shared->driver;
}

/* A line about a unit; and why the call that holds the control lock is refused, or one does not. */
static inline void iommu_driven_log(const struct iommu_driven_unit *unit,
				    enum iommu_log_level level, const char *text)
{
	iommu_log(unit->platform, level, unit->base.name, text);
}

#define IOMMU_REFUSE_DRIVEN(unit, status, text)                                                    \
	IOMMU_REFUSE((unit)->base.iommu, (unit)->base.name, status, text)
#define IOMMU_REFUSE_NOW(base, status, text)                                                       \
	iommu_refuse_now((base)->iommu, IOMMU_CALL, (base)->name, status, IOMMU_WHY(text))
#define IOMMU_OTHERS "the unit is another back end's"

/* --- What is shared (shared.c): control path -------------------------------------------------- */

/* That of an instance, made where there is none; held for the caller. NULL: no memory. */
struct iommu_driver_shared *iommu_driver_shared_get(struct iommu *iommu,
						    const struct iommu_driver *driver);
static inline void iommu_driver_shared_hold(struct iommu_driver_shared *shared)
{
	shared->references++;
}
void iommu_driver_shared_drop(struct iommu_driver_shared *shared);
/* The next unit of this driver in an instance, or the first. */
struct iommu_driven_unit *iommu_driver_next(struct iommu *iommu, const struct iommu_driver *driver,
					    struct iommu_driven_unit *unit);
/* The structure of a unit that was removed and had its registers there, or a new one. */
struct iommu_driven_unit *iommu_driver_unit_alloc(struct iommu_driver_shared *shared,
						  iommu_paddr_t registers);

/* --- Adding and removing (unit.c): control path ----------------------------------------------- */

/* What configurations of all families have; 0 and NULL are as in those. */
struct iommu_driven_config {
	const char *defect; /* IOMMU_WHY: what is wrong with the whole of it, or NULL */
	iommu_paddr_t registers;
	uint16_t segment;
	const void *firmware_node;
	unsigned int near_node;
	uint64_t timeout_ns, device_timeout_ns;
	unsigned int faults_per_second;
};

/* Part of the family's public functions, under the control lock. */
int iommu_driver_add(struct iommu *iommu, const struct iommu_driver *driver,
		     const struct iommu_driven_config *common, const void *config,
		     struct iommu_unit **unit);
int iommu_driver_remove(const struct iommu_driver *driver, struct iommu_unit *unit);

/* Ids of PCI functions: room for so many ranges; and one range more, once map.bits are known. */
int iommu_driven_ranges_alloc(struct iommu_driven_unit *unit, unsigned int count);
int iommu_driven_range_add(struct iommu_driven_unit *unit, const struct iommu_id_range *range);
/* Registers of so many bytes; unmapped when the unit is freed. */
int iommu_driven_registers_map(struct iommu_driven_unit *unit, uint64_t size);
/* Zeroed pages that the unit can address; NULL: the host has none, or none such. */
void *iommu_driven_pages_alloc(const struct iommu_driven_unit *unit, unsigned int order);
void iommu_driven_pages_free(const struct iommu_driven_unit *unit, void *pages, unsigned int order);
/* The memory of the command queue, freed with the unit. */
int iommu_driven_queue_alloc(struct iommu_driven_unit *unit, const struct iommu_ring_ops *ops);
/* Pages for 2^order records of 2^record bytes, freed with the unit. */
int iommu_driven_log_alloc(struct iommu_driven_unit *unit, struct iommu_driven_log *log,
			   unsigned int order, unsigned int record);

/* For struct iommu_ops. */
int iommu_driver_confirm(struct iommu_unit *base);
enum iommu_match iommu_driver_match(const struct iommu_unit *base,
				    const struct iommu_endpoint_info *info);

/* --- Bring-up (bring_up.c): control path ------------------------------------------------------ */

int iommu_driven_disable(struct iommu_driven_unit *unit);

/* For struct iommu_ops. */
int iommu_driver_enable(struct iommu_unit *base);
int iommu_driver_disable(struct iommu_unit *base);
#if IOMMU_CONFIG_SUSPEND
int iommu_driver_resume(struct iommu_unit *base);
#endif
void iommu_driver_unit_remove(struct iommu_unit *base);
bool iommu_driver_translates(const struct iommu_unit *base);

#endif
