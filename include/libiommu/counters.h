/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters of units: how often something happens in a unit, such as a look-up in its
 * TLB, in all or for some requests.
 *
 *	const struct iommu_counter_config config = {.group = 3, .event = 1,
 *						    .filters = IOMMU_COUNTER_OF_SOURCE,
 *						    .source_id = 0x20};
 *	iommu_counter_alloc(unit, &config, &hits)          of hits in VT-d's IOTLB, for 00:04.0
 *	iommu_counter_start(unit, hits)
 *	…
 *	iommu_counter_read(unit, hits, &count)
 *	iommu_counter_free(unit, hits)
 *
 * Events have numbers in groups, by kind of unit. VT-d: the groups and events of its specification,
 * an event by the number of its bit (enum vtd_counter_event in <libiommu/hw/vtd_counters.h>).
 * RISC-V: group 0 has the events of its specification (enum riscv_event in
 * <libiommu/hw/riscv_counters.h>) and a maker's own; event 0 is a cycle of the unit's clock, of
 * which all are counted. A counter has one filter: of a source; of a PASID; or of a domain of a
 * second stage, for RISCV_EVENT_TLB_MISS, RISCV_EVENT_FIRST_STAGE_WALK and
 * RISCV_EVENT_SECOND_STAGE_WALK.
 *
 * Counters do not depend on translation, and translation does not depend on them: a unit whose
 * counters make no sense has none, and counters of a unit that hangs report so. A suspend keeps
 * configurations and counts, and a resume starts what was started. What counters tell of one
 * device's requests may be of interest to another: a host decides to whom it gives counts.
 *
 * Locking: control path (<libiommu/endpoint.h>), unless a comment says otherwise. A unit that still
 * has allocated counters cannot be removed (iommu_vtd_remove_unit, iommu_riscv_remove_unit).
 */
#ifndef LIBIOMMU_COUNTERS_H
#define LIBIOMMU_COUNTERS_H

#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_domain;
struct iommu_unit;

/* Numbers of counters, and of groups of events, are below these. */
#define IOMMU_COUNTERS_MAX       64
#define IOMMU_COUNTER_GROUPS_MAX 16

/* Count only what belongs to … All that are given must hold. */
enum iommu_counter_filters {
	IOMMU_COUNTER_OF_SOURCE = 1 << 0, /* requests with this source id */
	IOMMU_COUNTER_OF_DOMAIN = 1 << 1, /* requests that this domain translates */
	IOMMU_COUNTER_OF_PASID = 1 << 2,  /* requests with this PASID */
	IOMMU_COUNTER_OF_TYPES = 1 << 3,  /* requests of these types (PCIe "AT" field) */
	IOMMU_COUNTER_OF_LEVELS = 1 << 4, /* page tables of these levels */
};

struct iommu_counters_info {
	unsigned int counters; /* of the unit */
	unsigned int unused;   /* of these, not allocated */
	unsigned int width;    /* of the narrowest, in bits: it overflows after 2^width events */
	unsigned int groups;   /* of events: 0 to groups - 1 */
	/*
	 * Bit n: at least one counter can count event n of the group. Events above 63 have no bit.
	 */
	uint64_t events[IOMMU_COUNTER_GROUPS_MAX];
	unsigned int filters;     /* enum iommu_counter_filters, of the unit */
	unsigned int source_bits; /* the largest source_bits of a configuration */
	bool interrupts;          /* overflows send an interrupt */
	bool freezes;             /* iommu_unit_freeze_counters */
};

struct iommu_counter_config {
	unsigned int group, event;
	unsigned int filters; /* enum iommu_counter_filters; these fields are looked at: */
	/* Of 16 bits; of a device with a fwspec the one that it was probed with. */
	uint32_t source_id;
	/* The number of low bits of the source id that are not compared: 0, an id; 3, a device. */
	unsigned int source_bits;
	/*
	 * A domain that is used on the unit. It is told by the id that it has there now: free the
	 * counter before the domain's last endpoint behind the unit is detached, for the id may
	 * then become another domain's.
	 */
	const struct iommu_domain *domain;
	uint32_t pasid;      /* below 2^20 */
	unsigned int types;  /* bit 0 untranslated, 1 translation requests, 2 translated */
	unsigned int levels; /* bit n: level n + 1; level 1 has the smallest pages */
	unsigned int flags;  /* 0 */
};

/*
 * iommu_unit_get_counters - what the unit can count. Returns 0; IOMMU_EOPNOTSUPP: nothing, or not
 * with a library that was built without IOMMU_CONFIG_COUNTERS. Context: control path; may sleep.
 */
IOMMU_API int iommu_unit_get_counters(struct iommu_unit *unit, struct iommu_counters_info *info);

/*
 * iommu_counter_alloc - allocate a counter for an event: *counter receives its number, below
 * IOMMU_COUNTERS_MAX. Of those that can count the event it is the one that can count the fewest
 * others. It is stopped, and its count is 0. Returns 0, or
 *   IOMMU_EOPNOTSUPP  the unit has no counters; or none for this event, this filter or these
 *                     source_bits; or flags is not 0
 *   IOMMU_EINVAL      source_id, pasid, types or levels are wider than such units have, or types or
 *                     levels is 0; or the domain is NULL, another instance's, another back end's,
 *                     or used by no endpoint behind the unit; or the unit serves no such source id
 *   IOMMU_ENOSPC      all counters that can count the event are allocated
 *   IOMMU_EBUSY       the unit is suspended
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     no counter that can count the event confirms that it is stopped; it may have
 *                     been left started
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_counter_alloc(struct iommu_unit *unit,
				  const struct iommu_counter_config *config, unsigned int *counter);

/*
 * iommu_counter_start - count from now on, in addition to what was counted. iommu_counter_stop -
 * stop counting; what was counted remains. Both return 0 if the counter is as requested already.
 *   IOMMU_EINVAL      the counter is not allocated
 *   IOMMU_EOPNOTSUPP  the unit has no counters
 *   IOMMU_EBUSY       the unit is suspended
 *   IOMMU_ETIMEDOUT   the unit did not complete the command in time, or one before
 *   IOMMU_EIO         it refused the command, or does not respond
 * After the last two a counter that was to be started counts for nothing, and one that was to be
 * stopped goes on; the next call of either gives the command again.
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_counter_start(struct iommu_unit *unit, unsigned int counter);
IOMMU_API int iommu_counter_stop(struct iommu_unit *unit, unsigned int counter);

/*
 * iommu_counter_read - the number of events that the counter has counted since it was allocated,
 * whatever its width, if this function or iommu_unit_handle_counters is called at least once for
 * each overflow. Any context. Returns 0, or
 *   IOMMU_EINVAL      the counter is not allocated
 *   IOMMU_EOPNOTSUPP  the unit has no counters
 *   IOMMU_EIO         the unit does not respond; or after a resume the counter could not be started
 *                     again: what was counted before is kept for when iommu_counter_start succeeds,
 *                     or iommu_counter_stop is called
 */
IOMMU_API int iommu_counter_read(struct iommu_unit *unit, unsigned int counter, uint64_t *count);

/*
 * iommu_counter_free - stop a counter and free it. Errors as iommu_counter_stop: the counter then
 * remains allocated. Context: control path; may sleep.
 */
IOMMU_API int iommu_counter_free(struct iommu_unit *unit, unsigned int counter);

/*
 * iommu_unit_freeze_counters - no counter of the unit counts, allocated or not, until
 * iommu_unit_unfreeze_counters: so that counts of several counters are of the same moment. Counters
 * may be started and stopped meanwhile. iommu_unit_unfreeze_counters - let the counters of a unit
 * count again. Both return 0, or
 *   IOMMU_EOPNOTSUPP  the unit cannot freeze counters, or has none
 *   IOMMU_EBUSY       the unit is suspended
 *   IOMMU_ETIMEDOUT, IOMMU_EIO
 *                     as iommu_counter_start; the next call of either gives the command again
 *
 * Context: control path; may sleep.
 */
IOMMU_API int iommu_unit_freeze_counters(struct iommu_unit *unit);
IOMMU_API int iommu_unit_unfreeze_counters(struct iommu_unit *unit);

/*
 * iommu_unit_handle_counters - for the interrupt of overflows (iommu_vtd_set_counter_interrupt;
 * iommu_riscv_set_interrupt with IOMMU_RISCV_COUNTERS, or the unit's wire), or from time to time on
 * a host without one: *overflowed receives a bit for each allocated counter that has overflowed
 * since the last call; their counts are kept up. Any context. Returns 0; IOMMU_EOPNOTSUPP: the unit
 * has no counters; IOMMU_EIO: it does not respond.
 */
IOMMU_API int iommu_unit_handle_counters(struct iommu_unit *unit, uint64_t *overflowed);

IOMMU_END_DECLS
#endif
