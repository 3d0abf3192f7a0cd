/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's part of an endpoint. */
#ifndef IOMMU_RISCV_ENDPOINT_H
#define IOMMU_RISCV_ENDPOINT_H

#include "driver/endpoint.h"
#include "riscv/unit.h"

struct riscv_processes;

struct riscv_endpoint {
	struct iommu_driven_endpoint common; /* first */
	/* Its PASIDs, once they are enabled; and how many contexts of them are valid. */
	struct riscv_processes *processes;
	unsigned int present;
	/* Its TLB may hold translations with PASIDs of a guest's. Control path. */
	bool guest_pasids;
};

static inline struct riscv_endpoint *riscv_own(const struct iommu_driven_endpoint *endpoint)
{
	return iommu_container_of((uintptr_t)endpoint, struct riscv_endpoint, common);
}

static inline struct riscv_endpoint *riscv_endpoint_using(const struct iommu_use *use)
{
	return riscv_own(iommu_driven_using(use));
}

static inline struct riscv_unit *riscv_unit_behind(const struct riscv_endpoint *endpoint)
{
	return riscv_of(endpoint->common.unit);
}

/* How hardware is told of what is attached; and all that the driver asks of an endpoint. */
extern const struct iommu_attach_ops iommu_riscv_attach_ops;
extern const struct iommu_driver_endpoint_ops iommu_riscv_endpoint_ops;

/* May its requests have PASIDs, which a guest's directory of processes then serves? */
static inline bool riscv_endpoint_has_pasids(const struct riscv_endpoint *endpoint)
{
	return endpoint->common.base->info.max_pasids > 1;
}

/* See struct iommu_ops. */
int iommu_riscv_check(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
		      unsigned int prot, iommu_paddr_t *paddr);

#endif
