/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling hardware: the command queue, and invalidations. */
#ifndef IOMMU_SMMU_COMMAND_H
#define IOMMU_SMMU_COMMAND_H

#include <libiommu/hw/smmu_command.h>

#include "unit/domain.h"
#include "unit/invalidation.h"

struct smmu_endpoint;
struct iommu_driven_unit;
struct smmu_unit;

static inline struct iommu_command smmu_command_words(struct smmu_command c)
{
	return (struct iommu_command){c.words[0], c.words[1]};
}

static inline void smmu_batch_add(struct iommu_batch *batch, struct smmu_command command)
{
	iommu_batch_add(batch, smmu_command_words(command), NULL);
}

/* --- The command queue ------------------------------------------------------------------------ */

int iommu_smmu_queue_alloc(struct smmu_unit *unit);
/*
 * Have the queue on and working: restarted, empty, where it is not. Off; what was submitted is
 * lost. Control path.
 */
int iommu_smmu_queue_hold(struct smmu_unit *unit);
int iommu_smmu_queue_release(struct smmu_unit *unit);

/* --- Invalidation ----------------------------------------------------------------------------- */

/* The streams of an endpoint, with their contexts, and what leads to them. */
void iommu_smmu_batch_add_streams(struct iommu_batch *batch, const struct smmu_endpoint *endpoint);
/*
 * The 2^order pages at an address in a device's TLB, of a PASID; or of none and every one: 0.
 * Before it all that the unit keeps has to be gone: what a device asks for is answered from there.
 */
void iommu_smmu_batch_add_device(struct iommu_batch *batch, struct smmu_endpoint *endpoint,
				 uint32_t pasid, uint64_t address, unsigned int order);
/* Execute a batch and wait; what is open on the unit is made good first. */
int iommu_smmu_invalidate(struct smmu_unit *unit, struct iommu_batch *batch);
/* Execute a batch that invalidates nothing: what had failed before is none of its business. */
int iommu_smmu_tell(struct smmu_unit *unit, struct iommu_batch *batch);
/*
 * The same of commands that hardware may have executed when that is not known, and that are not to
 * be executed twice: answers. IOMMU_EIO, too, if the unit is off, and nothing was sent.
 */
int iommu_smmu_tell_once(struct smmu_unit *unit, const struct iommu_batch *batch);
/* Everything that the unit caches; not the TLBs of devices. */
int iommu_smmu_invalidate_all(struct smmu_unit *unit);
/* The same while the unit is off, before it gets a table: what it has is of an earlier one. */
int iommu_smmu_start_afresh(struct smmu_unit *unit);
/*
 * Nothing that hardware was told is open when this returns 0. To be asked before anything new is
 * made present or reported as done. Control path.
 */
int iommu_smmu_confirm(struct smmu_unit *unit);
int iommu_smmu_confirm_driven(struct iommu_driven_unit *unit);

/* Of a change of a domain: struct iommu_place_ops. */
int iommu_smmu_tell_place(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
			  const struct iommu_change *change);
int iommu_smmu_tell_all(const struct iommu_place *place);
int iommu_smmu_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			 const struct iommu_change *change);

#endif
