/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains and their places on units. */
#ifndef IOMMU_RISCV_DOMAIN_H
#define IOMMU_RISCV_DOMAIN_H

#include <libiommu/backend/ops.h>

#include "driver/domain.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"

struct riscv_translation;

enum riscv_domain_type {
	RISCV_BLOCKED = 0,
	RISCV_BARE, /* every address is the physical address */
	RISCV_FIRST_STAGE,
	RISCV_SECOND_STAGE,
	RISCV_NESTED, /* a guest's first stage, or its process directory, on a second stage */
};

struct riscv_domain {
	struct iommu_placed common; /* first */
	enum riscv_domain_type type;
	/* Devices' accesses and writes are noted by hardware; and are they asked for now? */
	bool dirty_wanted;
	/* A table of another owner: what a context says of it. */
	uint64_t foreign_fsc, foreign_ta, foreign_tc;
	/* Interrupt files of a guest: the words of a context that say where they are. */
	uint64_t msi_table, msi_mask, msi_pattern;
};

static inline struct riscv_domain *riscv_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct riscv_domain, common.base);
}

static inline bool riscv_domain_has_table(const struct riscv_domain *domain)
{
	return iommu_placed_has_table(&domain->common);
}

/* Can the unit translate by such a mode of a first stage, of a second stage, or process ids? */
bool iommu_riscv_has_first_mode(const struct riscv_unit *unit, unsigned int mode);
bool iommu_riscv_has_second_mode(const struct riscv_unit *unit, unsigned int mode);
bool iommu_riscv_has_process_mode(const struct riscv_unit *unit, unsigned int mode);

/* See struct iommu_place_ops, and struct iommu_driver_domain_ops. */
extern const struct iommu_place_ops iommu_riscv_place_ops;
const char *iommu_riscv_domain_defect(const struct iommu_placed *domain,
				      const struct iommu_driven_unit *unit);
struct iommu_ids *iommu_riscv_domain_ids(const struct iommu_placed *domain,
					 struct iommu_driven_unit *unit);
/* What a context says of a domain, under this id of its place. */
void iommu_riscv_describe(struct riscv_translation *translation, struct riscv_domain *domain,
			  const struct riscv_endpoint *endpoint, uint16_t id);

extern const struct iommu_driver_domain_ops iommu_riscv_domains;
/* The table of such a stage is made: the domain is one of that stage. */
void iommu_riscv_domain_use(struct riscv_domain *domain, bool first);
/* The MSI page table of a second stage, if it has one, is freed. */
void iommu_riscv_files_free(struct riscv_domain *domain);
/* See iommu_domain_ops.invalidate_user. */
int iommu_riscv_invalidate_user(struct iommu_domain *domain, const void *requests,
				size_t request_size, unsigned int count, unsigned int *done);

#endif
