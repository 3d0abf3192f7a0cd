/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling hardware: the global command register, the invalidation queue, and invalidations. */
#ifndef IOMMU_VTD_COMMAND_H
#define IOMMU_VTD_COMMAND_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/status.h>

#include "unit/command_ring.h"
#include "unit/domain.h"
#include "unit/invalidation.h"

struct vtd_unit;
struct vtd_domain;
struct vtd_endpoint;

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
/* Does hardware translate by the unit's root table, as its status says? */
bool iommu_vtd_unit_translates(const struct vtd_unit *unit);
/* The unit was reset: no command is under way. */
void iommu_vtd_command_forget(struct vtd_unit *unit);
/* The write-buffer flush, on units that need one. */
int iommu_vtd_flush_write_buffer(struct vtd_unit *unit);

/* --- The invalidation queue ------------------------------------------------------------------- */

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
/* It was told to turn off, and did not in time: it may at any later time. */
bool iommu_vtd_queue_may_turn_off(const struct vtd_unit *unit);
/* Turn off a queue that was told so while it was busy, and stayed on. */
void iommu_vtd_queue_look(struct vtd_unit *unit);
int iommu_vtd_queue_release(struct vtd_unit *unit);
/* Turn it off, or the one that a predecessor left on. */
int iommu_vtd_queue_turn_off(struct vtd_unit *unit);

/* --- Invalidation ----------------------------------------------------------------------------- */

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
/*
 * The same of commands that hardware may have executed when that is not known, and that are not to
 * be executed twice: answers. IOMMU_EIO, too, if the unit is off, and nothing was sent.
 */
int iommu_vtd_tell_once(struct vtd_unit *unit, const struct iommu_batch *batch);
/* Context cache, IOTLB and interrupt entries, all of it; not the TLBs of devices. */
int iommu_vtd_invalidate_all(struct vtd_unit *unit);
/*
 * Nothing that hardware was told is open when this returns 0: what was not confirmed has been by a
 * global invalidation, for which a queue that hangs was restarted; TLBs of devices are emptied, and
 * page requests of what was closed have been reported. To be asked before anything new is made
 * present or reported as done. Control path.
 */
int iommu_vtd_confirm(struct vtd_unit *unit);
/* All that a unit has cached of a domain and overlaps [start, last], and what its devices have. */
int iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain, uint16_t domain_id,
			       const struct iommu_change *change);
/* The same of one page that was unmapped: struct iommu_place_ops, tell_page. */
int iommu_vtd_invalidate_page(struct iommu_placed *domain, const struct iommu_place *place,
			      const struct iommu_change *change);
/* 2^order entries of the interrupt table from an index on. */
int iommu_vtd_invalidate_interrupts(struct vtd_unit *unit, uint16_t index, unsigned int order);
int iommu_vtd_invalidate_every_interrupt(struct vtd_unit *unit);

#endif
