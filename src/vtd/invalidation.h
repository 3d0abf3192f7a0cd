/* SPDX-License-Identifier: BSD-2-Clause */
/* Having a unit forget what it has cached, and the devices behind it. */
#ifndef IOMMU_VTD_INVALIDATION_H
#define IOMMU_VTD_INVALIDATION_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_invalidation.h>

#include "unit/domain.h"
#include "unit/invalidation.h"
#include "vtd/queue.h"

struct vtd_unit;

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

#endif
