/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling hardware: the command queue, and invalidations. */
#ifndef IOMMU_RISCV_COMMAND_H
#define IOMMU_RISCV_COMMAND_H

#include <libiommu/hw/riscv_command.h>

#include "unit/domain.h"
#include "unit/invalidation.h"

struct riscv_endpoint;
struct iommu_driven_unit;
struct riscv_unit;

static inline struct iommu_command riscv_command_words(struct riscv_command c)
{
	return (struct iommu_command){c.low, c.high};
}

static inline void riscv_batch_add(struct iommu_batch *batch, struct riscv_command command)
{
	iommu_batch_add(batch, riscv_command_words(command), NULL);
}

/* --- The command queue ------------------------------------------------------------------------ */

int iommu_riscv_queue_alloc(struct riscv_unit *unit);
/*
 * Have the queue on and working: restarted, empty, where it is not. Off; what was submitted is
 * lost. Control path.
 */
int iommu_riscv_queue_hold(struct riscv_unit *unit);
/* The same when the unit is brought up: IOMMU_EOPNOTSUPP: it has no queue of so many entries. */
int iommu_riscv_queue_start(struct riscv_unit *unit);
int iommu_riscv_queue_release(struct riscv_unit *unit);

/* --- Invalidation ----------------------------------------------------------------------------- */

/* The 2^order pages at an address in a device's TLB, of a PASID, or of none: 0. */
void iommu_riscv_batch_add_device(struct iommu_batch *batch, struct riscv_endpoint *endpoint,
				  uint32_t pasid, uint64_t address, unsigned int order);
/* Everything that it holds of PASIDs, where the device knows how. */
void iommu_riscv_batch_add_all_pasids(struct iommu_batch *batch, struct riscv_endpoint *endpoint);
/* Execute a batch and wait; what is open on the unit is made good first. */
int iommu_riscv_invalidate(struct riscv_unit *unit, struct iommu_batch *batch);
/* Execute a batch that invalidates nothing: what had failed before is none of its business. */
int iommu_riscv_tell(struct riscv_unit *unit, struct iommu_batch *batch);
/*
 * The same of commands that hardware may have executed when that is not known, and that are not to
 * be executed twice: answers. IOMMU_EIO, too, if the unit is off, and nothing was sent.
 */
int iommu_riscv_tell_once(struct riscv_unit *unit, const struct iommu_batch *batch);
/* Everything that the unit caches; not the TLBs of devices. */
int iommu_riscv_invalidate_all(struct riscv_unit *unit);
/* The same while the unit is off, before it gets a directory: what it has is of an earlier one. */
int iommu_riscv_start_afresh(struct riscv_unit *unit);
/*
 * Nothing that hardware was told is open when this returns 0. To be asked before anything new is
 * made present or reported as done. Control path.
 */
int iommu_riscv_confirm(struct riscv_unit *unit);
int iommu_riscv_confirm_driven(struct iommu_driven_unit *unit);

/* Of a change of a domain: struct iommu_place_ops. */
int iommu_riscv_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
			   uint16_t id, const struct iommu_change *change);
int iommu_riscv_tell_all(const struct iommu_place *place);
int iommu_riscv_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			  const struct iommu_change *change);

#endif
