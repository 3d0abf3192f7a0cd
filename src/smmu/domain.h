/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains and their places on units. */
#ifndef IOMMU_SMMU_DOMAIN_H
#define IOMMU_SMMU_DOMAIN_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/smmu_stream_table.h>

#include "driver/domain.h"
#include "smmu/endpoint.h"
#include "smmu/unit.h"

struct smmu_translation;

enum smmu_domain_type {
	SMMU_BLOCKED = 0,
	SMMU_IDENTITY, /* every address is the physical address */
	SMMU_FIRST_STAGE,
	SMMU_SECOND_STAGE,
	SMMU_NESTED, /* a guest's stream, on a second stage */
};

struct smmu_domain {
	struct iommu_placed common; /* first */
	enum smmu_domain_type type;
	/* Nested: what the guest says, of what it may say. */
	uint64_t guest[2];
};

static inline struct smmu_domain *smmu_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct smmu_domain, common.base);
}

/* Are such pages, and runs of them, of these sizes a table's? */
bool iommu_smmu_has_granule(const struct smmu_unit *unit, unsigned int shift);

/* See struct iommu_place_ops, and struct iommu_driver_domain_ops. */
extern const struct iommu_place_ops iommu_smmu_place_ops;
const char *iommu_smmu_domain_defect(const struct iommu_placed *domain,
				     const struct iommu_driven_unit *unit);
struct iommu_ids *iommu_smmu_domain_ids(const struct iommu_placed *domain,
					struct iommu_driven_unit *unit);
/* What an entry, or a context, says of a domain, under this id of its place. */
void iommu_smmu_describe(struct smmu_translation *translation, const struct smmu_domain *domain,
			 const struct smmu_endpoint *endpoint, uint16_t id);

extern const struct iommu_driver_domain_ops iommu_smmu_domains;
/* The table of such a stage is made: the domain is one of that stage. */
void iommu_smmu_domain_use(struct smmu_domain *domain, bool first);
/* See iommu_domain_ops.invalidate_user. */
int iommu_smmu_invalidate_user(struct iommu_domain *domain, const void *requests,
			       size_t request_size, unsigned int count, unsigned int *done);

#endif
