/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint with PASIDs are translated: its contexts. */
#ifndef IOMMU_SMMU_CONTEXT_H
#define IOMMU_SMMU_CONTEXT_H

#include "smmu/stream.h"

/*
 * Have PASIDs, or none: what the endpoint's requests without one are under stays. `translation`: as
 * that is now, or NULL: blocked. On failure it is as before.
 */
int iommu_smmu_pasids_enable(struct smmu_endpoint *endpoint,
			     const struct smmu_translation *translation);
int iommu_smmu_pasids_disable(struct smmu_endpoint *endpoint,
			      const struct smmu_translation *translation);
/* As iommu_smmu_translation_set and …_put_back, while they are enabled. */
int iommu_smmu_context_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			   const struct smmu_translation *translation);
void iommu_smmu_context_put_back(struct smmu_endpoint *endpoint,
				 const struct smmu_translation *translation);

#endif
