/* SPDX-License-Identifier: BSD-2-Clause */
/* How the requests of an endpoint are translated: its stream table entry, and its contexts. */
#ifndef IOMMU_SMMU_CONTEXT_H
#define IOMMU_SMMU_CONTEXT_H

#include <libiommu/hw/smmu_context.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "driver/endpoint.h"

struct smmu_endpoint;

struct smmu_translation {
	enum smmu_ste_config config;
	/* Of stage 2, and nested: the entry, but for what the endpoint alone says. */
	struct smmu_ste stream;
	/* Of stage 1 of the host's. */
	struct smmu_cd context;
};

/*
 * Have the requests of an endpoint with a PASID, or with none (0), translated so, or not at all
 * (NULL). On failure it is as before, except that what was to be blocked stays blocked.
 */
int iommu_smmu_translation_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			       const struct smmu_translation *translation);
/*
 * What was taken away, without confirmation, is said again: hardware may not have forgotten it
 * anyway. A TLB of the device is not used before it was emptied. Without a PASID.
 */
void iommu_smmu_translation_put_back(struct smmu_endpoint *endpoint,
				     const struct smmu_translation *translation);
/* Take a device that did not answer off the table, in any context; hardware is not told yet. */
void iommu_smmu_stream_block(struct smmu_endpoint *endpoint);
/* See struct iommu_driver_endpoint_ops. */
int iommu_smmu_stream_close(struct iommu_driven_endpoint *endpoint);
#if IOMMU_CONFIG_DEVICE_TLB
int iommu_smmu_stream_tell(struct iommu_driven_endpoint *endpoint);
bool iommu_smmu_tlb_store(struct iommu_driven_endpoint *endpoint);
bool iommu_smmu_tlb_keeps(const struct iommu_driven_endpoint *endpoint);
int iommu_smmu_tlb_empty(struct iommu_driven_endpoint *endpoint);
#endif
/*
 * Have PASIDs, or none: what the endpoint's requests without one are under stays. `translation`: as
 * that is now, or NULL: blocked. On failure it is as before.
 */
int iommu_smmu_pasids_enable(struct smmu_endpoint *endpoint,
			     const struct smmu_translation *translation);
int iommu_smmu_pasids_disable(struct smmu_endpoint *endpoint,
			      const struct smmu_translation *translation);

#endif
