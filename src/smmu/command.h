/* SPDX-License-Identifier: BSD-2-Clause */
/* Telling hardware: the command queue, and invalidations. */
#ifndef IOMMU_SMMU_COMMAND_H
#define IOMMU_SMMU_COMMAND_H

#include <libiommu/hw/smmu_command.h>

#include "driver/invalidation.h"
#include "unit/domain.h"

struct smmu_endpoint;
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
extern const struct iommu_driver_invalidation iommu_smmu_invalidation;

/* Of a change of a domain: struct iommu_place_ops. */
int iommu_smmu_tell_place(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
			  const struct iommu_change *change);
int iommu_smmu_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			 const struct iommu_change *change);

#endif
