/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The negative control: linked with --wrap, this replaces the function that clears entries and
 * reports all as cleared. The scenario must notice.
 */
#include <libiommu/pgtable.h>

int __wrap_iommu_tce_unmap(struct iommu_pgtable *table, iommu_iova_t iova, uint64_t size,
			   unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped);

int __wrap_iommu_tce_unmap(struct iommu_pgtable *table, iommu_iova_t iova, uint64_t size,
			   unsigned int flags, struct iommu_gather *gather, uint64_t *unmapped)
{
	(void)table;
	(void)iova;
	(void)flags;
	(void)gather;
	if (unmapped != NULL)
		*unmapped = size;
	return 0;
}
