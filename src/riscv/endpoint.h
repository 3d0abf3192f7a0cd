/* SPDX-License-Identifier: BSD-2-Clause */
/* The back end's part of an endpoint. */
#ifndef IOMMU_RISCV_ENDPOINT_H
#define IOMMU_RISCV_ENDPOINT_H

#include <libiommu/backend/ops.h>

#include "unit/attach.h"
#include "unit/device_id.h"
#include "unit/invalidation.h"

struct riscv_processes;
struct riscv_unit;

struct riscv_endpoint {
	struct iommu_endpoint *base;
	struct riscv_unit *unit;
	struct iommu_device_ids ids;
	bool device_tlb; /* it may keep translations */
	struct iommu_device_tlb tlb;
	struct iommu_attached attached;
	/* Its PASIDs, once they are enabled; and how many contexts of them are valid. */
	struct riscv_processes *processes;
	unsigned int present;
	/* Its TLB may hold translations with PASIDs of a guest's. Control path. */
	bool guest_pasids;
	bool page_requests; /* they are enabled */
	/* It is being reset: its TLB is asked nothing. Control path. */
	bool in_reset;
};

static inline struct riscv_endpoint *riscv_endpoint_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit_data;
}

static inline struct riscv_endpoint *riscv_endpoint_using(const struct iommu_use *use)
{
	return iommu_container_of(use->user, struct riscv_endpoint, attached);
}

/* How hardware is told of what is attached. */
extern const struct iommu_attach_ops iommu_riscv_attach_ops;

/* Is its TLB to be told to forget something? */
static inline bool riscv_endpoint_is_asked(const struct riscv_endpoint *endpoint)
{
	return !endpoint->in_reset && iommu_device_tlb_is_asked(&endpoint->tlb);
}

/* May its requests have PASIDs, which a guest's directory of processes then serves? */
static inline bool riscv_endpoint_has_pasids(const struct riscv_endpoint *endpoint)
{
	return endpoint->base->info.max_pasids > 1;
}

/* Does the endpoint send with this device id? Any context. */
bool iommu_riscv_sends(const struct iommu_endpoint *endpoint, uint32_t device_id);
int iommu_riscv_probe_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_riscv_release_endpoint(struct iommu_unit *base, struct iommu_endpoint *endpoint);
void iommu_riscv_endpoint_was_reset(struct iommu_endpoint *endpoint);
int iommu_riscv_begin_reset(struct iommu_endpoint *endpoint);
void iommu_riscv_cancel_reset(struct iommu_endpoint *endpoint);
bool iommu_riscv_endpoint_is_lost(const struct iommu_endpoint *endpoint);
int iommu_riscv_check(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
		      unsigned int prot, iommu_paddr_t *paddr);
int iommu_riscv_set_feature(struct iommu_endpoint *endpoint, enum iommu_feature feature,
			    bool enable);

#endif
