/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains, their places on units, and who uses them. */
#ifndef IOMMU_VTD_DOMAIN_H
#define IOMMU_VTD_DOMAIN_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_scalable.h>

#include "base/list.h"
#include "unit/domain.h"
#include "vtd/endpoint.h"
#include "vtd/unit.h"

struct vtd_probe;

struct vtd_domain {
	struct iommu_placed common; /* first */
	struct vtd_probe *probe;
	/* 0: everything is blocked. */
	enum vtd_pasid_type type;
	/* Roots for units that know only deeper tables: of 4 and 5 levels, made on demand. */
	void *tops[2];
	/* As configured: what the units that come and go cut down. */
	uint64_t pgsizes;
	iommu_iova_t aperture;
	bool snoops;      /* first stage: every access does */
	bool nest_parent; /* nested domains may be made of it */
	bool dirty_wanted;
	/* A table of another owner: a first stage, in nested domains a guest's; or a second. */
	iommu_paddr_t foreign_table;
	unsigned int foreign_levels;
	uint64_t first_flags;
};

static inline struct vtd_domain *vtd_domain_of(const struct iommu_domain *domain)
{
	return iommu_container_of((uintptr_t)domain, struct vtd_domain, common.base);
}

/* Does it have tables of its own? */
static inline bool vtd_domain_has_table(const struct vtd_domain *domain)
{
	return iommu_placed_has_table(&domain->common);
}

/* --- Places on units -------------------------------------------------------------------------- */

/* See struct iommu_place_ops. */
int iommu_vtd_place_find(struct iommu_placed *domain, void *unit, struct iommu_place **place);
int iommu_vtd_place_join(struct iommu_placed *domain, void *unit);
void iommu_vtd_place_left(struct iommu_placed *domain);
/*
 * Where a unit finds the table, and of how many levels it is there. The domain has been fitted to
 * it.
 */
iommu_paddr_t iommu_vtd_place_root(struct vtd_domain *domain, const struct vtd_unit *unit,
				   unsigned int *levels);

/* --- Uses, and the operations ----------------------------------------------------------------- */

/* Does a device keep translations of the domain? */
static inline bool vtd_use_keeps(const struct vtd_domain *domain,
				 const struct vtd_endpoint *endpoint)
{
	/* In legacy mode a device does not get to know what is passed through. */
	return IOMMU_CONFIG_DEVICE_TLB && endpoint->device_tlb &&
	       (vtd_is_scalable(endpoint->unit) || domain->type == VTD_PASID_SECOND_STAGE);
}
/* Tell hardware of a change of a domain there. */
extern const struct iommu_place_ops iommu_vtd_place_ops;

int iommu_vtd_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
			   const struct iommu_domain_config *config, struct iommu_domain **domain);
extern const struct iommu_domain_ops iommu_vtd_first_stage_ops;
extern const struct iommu_domain_ops iommu_vtd_second_stage_ops;
#if IOMMU_CONFIG_ONE_PAGE
const struct iommu_page_ops *iommu_vtd_page_ops(const struct vtd_domain *domain);
#else
static inline const struct iommu_page_ops *iommu_vtd_page_ops(const struct vtd_domain *domain)
{
	(void)domain;
	return NULL;
}
#endif
/* A second stage in which everything can be written. */
#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_QUIRKS
extern const struct iommu_domain_ops iommu_vtd_writable_parent_ops;
#define vtd_is_writable_parent(domain) ((domain)->common.base.ops == &iommu_vtd_writable_parent_ops)
#else
#define vtd_is_writable_parent(domain) ((void)(domain), true)
#endif
/* A range of a first stage of another owner, wherever the domain is used. */
int iommu_vtd_invalidate_foreign(struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
				 bool leaves_only);
/* What a newer caller's structure has behind those that are known: nothing that is asked for. */
bool iommu_vtd_rest_is_zero(const void *user, size_t from, size_t size);
/* See iommu_domain_ops.invalidate_user. */
int iommu_vtd_invalidate_user(struct iommu_domain *domain, const void *requests,
			      size_t request_size, unsigned int count, unsigned int *done);

int iommu_vtd_paging_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_identity_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_blocked_attach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
int iommu_vtd_block_inherited(struct iommu_endpoint *endpoint);
int iommu_vtd_detach(struct iommu_domain *domain, struct iommu_endpoint *endpoint);
bool iommu_vtd_has_pasid(const struct iommu_endpoint *endpoint, uint32_t pasid);
int iommu_vtd_attach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			   uint32_t pasid, struct iommu_domain *before);
int iommu_vtd_detach_pasid(struct iommu_domain *domain, struct iommu_endpoint *endpoint,
			   uint32_t pasid);

#endif
