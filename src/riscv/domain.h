/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains and their places on units. */
#ifndef IOMMU_RISCV_DOMAIN_H
#define IOMMU_RISCV_DOMAIN_H

#include <libiommu/backend/ops.h>

#include "riscv/endpoint.h"
#include "riscv/unit.h"
#include "unit/domain.h"

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
	struct iommu_driver_shared *shared;
	enum riscv_domain_type type;
	bool nest_parent; /* nested domains may be made of it */
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

/* See struct iommu_place_ops. */
extern const struct iommu_place_ops iommu_riscv_place_ops;
/* What a context says of a domain, under this id of its place. */
void iommu_riscv_describe(struct riscv_translation *translation, struct riscv_domain *domain,
			  const struct riscv_endpoint *endpoint, uint16_t id);

int iommu_riscv_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			     const struct iommu_domain_config *config,
			     struct iommu_domain **domain);
extern const struct iommu_domain_ops iommu_riscv_first_stage_ops;
extern const struct iommu_domain_ops iommu_riscv_second_stage_ops;
extern const struct iommu_page_ops iommu_riscv_first_stage_page_ops;
extern const struct iommu_page_ops iommu_riscv_second_stage_page_ops;
/* The MSI page table of a second stage, if it has one, is freed. */
void iommu_riscv_files_free(struct riscv_domain *domain);
/* What a newer caller's structure has behind those that are known: nothing that is asked for. */
bool iommu_riscv_rest_is_zero(const void *user, size_t from, size_t size);
/* See iommu_domain_ops.invalidate_user. */
int iommu_riscv_invalidate_user(struct iommu_domain *domain, const void *requests,
				size_t request_size, unsigned int count, unsigned int *done);

int iommu_riscv_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_riscv_blocked_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_riscv_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_riscv_attach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			     uint32_t pasid, struct iommu_domain *before);
int iommu_riscv_detach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			     uint32_t pasid);
bool iommu_riscv_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid);

#endif
