/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's part of an endpoint. */
#ifndef IOMMU_SMMU_ENDPOINT_H
#define IOMMU_SMMU_ENDPOINT_H

#include <libiommu/backend/ops.h>

#include "unit/attach.h"
#include "unit/device_id.h"
#include "unit/invalidation.h"

struct smmu_contexts;
struct smmu_unit;

struct smmu_endpoint {
	struct iommu_endpoint *base;
	struct smmu_unit *unit;
	struct iommu_device_ids streams;
	bool device_tlb; /* it may keep translations */
	struct iommu_device_tlb tlb;
	struct iommu_attached attached;
	/*
	 * Contexts without PASIDs, of which one is in use and the other one is what it is changed
	 * to; NULL: the unit has no stage 1. And those of PASIDs, once they are enabled, with how
	 * many are valid, 0 not counted.
	 */
	struct smmu_contexts *alone, *contexts;
	unsigned int present;
	bool page_requests; /* they are enabled */
	/* It is being reset: its TLB is asked nothing. Control path. */
	bool in_reset;
};

static inline struct smmu_endpoint *smmu_endpoint_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static inline struct smmu_endpoint *smmu_endpoint_using(const struct iommu_use *use)
{
	return iommu_container_of(use->user, struct smmu_endpoint, attached);
}

/* How hardware is told of what is attached. */
extern const struct iommu_attach_ops iommu_smmu_attach_ops;

/* Is its TLB to be told to forget something? */
static inline bool smmu_endpoint_is_asked(const struct smmu_endpoint *endpoint)
{
	return !endpoint->in_reset && iommu_device_tlb_is_asked(&endpoint->tlb);
}

/* Does the endpoint send with this StreamID? Any context. */
bool iommu_smmu_sends(const struct iommu_endpoint *endpoint, uint32_t stream_id);
int iommu_smmu_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_smmu_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
#if IOMMU_CONFIG_REGIONS
bool iommu_smmu_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region);
#endif
void iommu_smmu_endpoint_was_reset(struct iommu_endpoint *endpoint);
int iommu_smmu_begin_reset(struct iommu_endpoint *endpoint);
void iommu_smmu_cancel_reset(struct iommu_endpoint *endpoint);
bool iommu_smmu_endpoint_is_lost(const struct iommu_endpoint *endpoint);
int iommu_smmu_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			   bool enable);

#endif
