/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single entries of a table of TCEs, for windows whose entries a user sets one by one, replacing
 * what is there. No table is unlinked by these calls, so that they may run at once on any CPUs,
 * also for the same entry: each of them gets a former entry that no other one gets.
 */
#ifndef IOMMU_PGTABLE_TCE_ENTRY_H
#define IOMMU_PGTABLE_TCE_ENTRY_H

#include <libiommu/pgtable.h>

/*
 * Make the tables on the way to [iova, last], which lies in the aperture: after that,
 * iommu_tce_exchange of these addresses needs no memory. IOMMU_ENOMEM. Any context.
 */
int iommu_tce_prepare(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_iova_t last);
/*
 * Replace the entry of an address in the aperture by one store; prot 0: none. The former memory and
 * permissions; IOMMU_ERANGE: the address, or what it is to lead to, is too large; IOMMU_EINVAL:
 * alignment; IOMMU_ENOMEM: there is no table, and none can be made. Any context.
 */
int iommu_tce_exchange(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr,
		       unsigned int prot, iommu_paddr_t *old_paddr, unsigned int *old_prot);

#endif
