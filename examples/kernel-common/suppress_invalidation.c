/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The negative control: linked with --wrap, these functions replace the library's invalidation, and
 * do nothing. The scenario must notice.
 */
#include <libiommu/backend/ops.h>

#include "unit/domain.h"
#include "unit/invalidation.h"
#include "wrapped.h"

int WRAP(invalidate)(void *unit, struct iommu_batch *batch);
int WRAP(tell_place)(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
		     const struct iommu_change *change);
int WRAP(tell_page)(struct iommu_placed *domain, const struct iommu_place *place,
		    const struct iommu_change *change);

int WRAP(invalidate)(void *unit, struct iommu_batch *batch)
{
	(void)unit;
	(void)batch;
	return 0;
}

int WRAP(tell_place)(struct iommu_placed *domain, const struct iommu_place *place, uint16_t id,
		     const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)id;
	(void)change;
	return 0;
}

int WRAP(tell_page)(struct iommu_placed *domain, const struct iommu_place *place,
		    const struct iommu_change *change)
{
	(void)domain;
	(void)place;
	(void)change;
	return 0;
}
