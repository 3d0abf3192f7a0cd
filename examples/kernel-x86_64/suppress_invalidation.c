/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The negative control: linked with --wrap, these take the place of the library's invalidation, and
 * nothing is invalidated after bring-up. The scenario must fail on such a kernel: otherwise its
 * success would prove nothing.
 */
#include "vtd/vtd.h"

int __wrap_iommu_vtd_invalidate(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
				unsigned int count);
int __wrap_iommu_vtd_invalidate_range(struct vtd_unit *unit, uint16_t domain_id, iommu_iova_t start,
				      iommu_iova_t last, bool leaves_only);

int __wrap_iommu_vtd_invalidate(struct vtd_unit *unit, const struct vtd_descriptor *descriptors,
				unsigned int count)
{
	(void)unit;
	(void)descriptors;
	(void)count;
	return 0;
}

int __wrap_iommu_vtd_invalidate_range(struct vtd_unit *unit, uint16_t domain_id, iommu_iova_t start,
				      iommu_iova_t last, bool leaves_only)
{
	(void)unit;
	(void)domain_id;
	(void)start;
	(void)last;
	(void)leaves_only;
	return 0;
}
