/* SPDX-License-Identifier: BSD-2-Clause */
/* The pages that page tables are made of: allocation under a budget, and CPU cache flushing. */
#ifndef IOMMU_PGTABLE_PAGE_H
#define IOMMU_PGTABLE_PAGE_H

#include <libiommu/pgtable.h>

/* Check and copy what does not depend on the format. 0 or IOMMU_EINVAL. */
int iommu_pgtable_configure(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config);

/* A zeroed page, counted; NULL when the host has none or the budget is used up. */
void *iommu_pgtable_alloc_page(struct iommu_pgtable *pt);

/* Give a page back to the host: never one that hardware might still walk. */
void iommu_pgtable_free_page(struct iommu_pgtable *pt, void *page);

/* Write a changed piece of a table back to memory, where hardware does not snoop. */
static inline void iommu_pgtable_flush(const struct iommu_pgtable *pt, const void *start,
				       size_t size)
{
	if (__builtin_expect((pt->flags & IOMMU_PGTABLE_NONCOHERENT) != 0, 0) &&
	    pt->platform->cache_flush != NULL)
		pt->platform->cache_flush(pt->platform->ctx, start, size);
}

#endif
