/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The negative control: linked with --wrap, these functions replace the library's invalidation, and
 * do nothing. The scenario must notice.
 */
#include "unit/domain.h"
#include "unit/invalidation.h"
#include "vtd/domain.h"
#include "vtd/unit.h"
#include <libiommu/backend/ops.h>

int __wrap_iommu_vtd_invalidate(struct vtd_unit *unit, struct iommu_batch *batch);
int __wrap_iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain,
				      uint16_t domain_id, const struct iommu_change *change);

int __wrap_iommu_vtd_invalidate_page(struct iommu_placed *domain, const struct iommu_place *place,
				     const struct iommu_change *change);

int __wrap_iommu_vtd_invalidate(struct vtd_unit *unit, struct iommu_batch *batch)
{
	(void)unit;
	(void)batch;
	return 0;
}

int __wrap_iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain,
				      uint16_t domain_id, const struct iommu_change *change)
{
	(void)unit;
	(void)domain;
	(void)domain_id;
	(void)change;
	return 0;
}

int __wrap_iommu_vtd_invalidate_page(struct iommu_placed *domain, const struct iommu_place *place,
				     const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)change;
	return 0;
}
