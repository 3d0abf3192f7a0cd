/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling hardware: the command queue, and invalidations. */
#ifndef IOMMU_RISCV_COMMAND_H
#define IOMMU_RISCV_COMMAND_H

#include <libiommu/hw/riscv_command.h>

#include "driver/invalidation.h"
#include "unit/domain.h"

struct riscv_endpoint;
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
extern const struct iommu_driver_invalidation iommu_riscv_invalidation;

/* Of a change of a domain: struct iommu_place_ops. */
int iommu_riscv_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
			   uint16_t id, const struct iommu_change *change);
int iommu_riscv_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			  const struct iommu_change *change);

#endif
