/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A negative control for a domain that two units walk: what was unmapped is told to the one that
 * was told first, and not to the other. The scenario must notice.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "unit/domain.h"

int __real_iommu_smmu_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
				 uint16_t id, const struct iommu_change *change);
int __wrap_iommu_smmu_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
				 uint16_t id, const struct iommu_change *change);
int __wrap_iommu_smmu_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
				const struct iommu_change *change);

int __wrap_iommu_smmu_tell_place(struct iommu_placed *domain, const struct iommu_place *place,
				 uint16_t id, const struct iommu_change *change)
{
	static const void *first;

	if (first == NULL)
		first = place->at;
	return place->at == first ? __real_iommu_smmu_tell_place(domain, place, id, change) : 0;
}

/* The way for one page is not taken. */
int __wrap_iommu_smmu_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
				const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)change;
	return IOMMU_EAGAIN;
}
