/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's part of an endpoint. Its ids are StreamIDs. */
#ifndef IOMMU_SMMU_ENDPOINT_H
#define IOMMU_SMMU_ENDPOINT_H

#include "driver/endpoint.h"
#include "smmu/unit.h"

struct smmu_contexts;

struct smmu_endpoint {
	struct iommu_driven_endpoint common; /* first */
	/*
	 * Contexts without PASIDs, of which one is in use and the other one is what it is changed
	 * to; NULL: the unit has no stage 1. And those of PASIDs, once they are enabled, with how
	 * many are valid, 0 not counted.
	 */
	struct smmu_contexts *alone, *contexts;
	unsigned int present;
};

static inline struct smmu_endpoint *smmu_own(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_container_of((uintptr_t)endpoint, struct smmu_endpoint, common);
}

static inline struct smmu_endpoint *smmu_endpoint_using(const struct iommu_use *use)
{
	return smmu_own(iommu_driven_using(use));
}

static inline struct smmu_unit *smmu_unit_behind(const struct smmu_endpoint *endpoint)
{
	return smmu_of(endpoint->common.unit);
}

/* How hardware is told of what is attached; and all that the driver asks of an endpoint. */
extern const struct iommu_attach_ops iommu_smmu_attach_ops;
extern const struct iommu_driver_endpoint_ops iommu_smmu_endpoint_ops;

#if IOMMU_CONFIG_REGIONS
/* See struct iommu_ops. */
bool iommu_smmu_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region);
#endif

#endif
