/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory that page tables are made of: allocation under a budget, and CPU cache flushing. */
#ifndef IOMMU_PGTABLE_PAGE_H
#define IOMMU_PGTABLE_PAGE_H

#include <libiommu/pgtable.h>

#include "base/atomic.h"

/* Flags that only Arm's tables have: unknown where those are left out. */
#if IOMMU_CONFIG_ARM_TABLES
#define FLAGS_OF_ARM                                                                               \
	(IOMMU_PGTABLE_LPA2 | IOMMU_PGTABLE_DIRTY_TRACKING | IOMMU_PGTABLE_BBM_LEVEL_1 |           \
	 IOMMU_PGTABLE_BBM_LEVEL_2)
#else
#define FLAGS_OF_ARM 0U
#endif

/* Check and copy what does not depend on the format. 0 or IOMMU_EINVAL. */
const char *iommu_pgtable_configure(struct iommu_pgtable *pt,
				    const struct iommu_pgtable_config *config);

/*
 * A zeroed table, its pages counted; NULL when the host has none or the budget is used up.
 * alloc_flags: enum iommu_alloc_flags.
 */
void *iommu_pgtable_alloc_table(struct iommu_pgtable *pt, unsigned int alloc_flags);

/*
 * Give a table back to the host: never one that hardware might still walk. It is still counted: a
 * caller that frees many takes them off the count at once, with iommu_pgtable_uncount. The table is
 * 2^extra_order times as large as the others.
 */
static inline void iommu_pgtable_free_table(const struct iommu_pgtable *pt, void *table,
					    unsigned int extra_order)
{
	pt->platform->free_pages(pt->platform->ctx, table, pt->table_order + extra_order);
}

static inline void iommu_pgtable_uncount(struct iommu_pgtable *pt, uint64_t tables)
{
	(void)iommu_cell_add(&pt->pages, -(tables << pt->table_order));
}

static inline size_t iommu_pgtable_table_size(const struct iommu_pgtable *pt)
{
	return (size_t)IOMMU_PAGE_SIZE << pt->table_order;
}

/* Write a changed piece of a table back to memory, where hardware does not snoop. */
static inline void iommu_pgtable_flush(const struct iommu_pgtable *pt, const void *start,
				       size_t size)
{
	if (__builtin_expect((pt->flags & IOMMU_PGTABLE_NONCOHERENT) != 0, 0) &&
	    pt->platform->cache_flush != NULL)
		pt->platform->cache_flush(pt->platform->ctx, start, size);
}

#endif
