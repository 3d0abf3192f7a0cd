/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables that hardware finds entries by: of streams, and of a stream's contexts. */
#ifndef IOMMU_SMMU_STREAM_TABLE_H
#define IOMMU_SMMU_STREAM_TABLE_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "driver/contexts.h"

struct smmu_unit;

/* How the table is to look for the unit's StreamIDs; false: it cannot have so many. */
bool iommu_smmu_streams_choose(struct smmu_unit *unit);
int iommu_smmu_streams_alloc(struct smmu_unit *unit);
void iommu_smmu_streams_free(struct smmu_unit *unit);
/* The entry of a StreamID, or NULL; and one that is not valid, made where there is none. */
iommu_cell_t *iommu_smmu_stream_find(const struct smmu_unit *unit, uint32_t id);
int iommu_smmu_stream_create(struct smmu_unit *unit, uint32_t id);

/* --- Contexts of an endpoint ------------------------------------------------------------------ */

struct smmu_contexts {
	struct iommu_driven_contexts common; /* first */
	unsigned int bits;                   /* of a SubstreamID */
	bool has_levels;                     /* two: the second of SMMU_CD_SPLIT_4K bits */
};

/* Of at most so many bits, and at least one page. */
int iommu_smmu_contexts_alloc(struct smmu_unit *unit, unsigned int bits,
			      struct smmu_contexts **result);
iommu_cell_t *iommu_smmu_context_find(const struct smmu_contexts *contexts, uint32_t id);
int iommu_smmu_context_create(struct smmu_contexts *contexts, uint32_t id);

#endif
