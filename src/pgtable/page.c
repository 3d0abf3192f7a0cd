/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tables under a budget of pages.
 *
 * The count is taken before the table is asked for, so that concurrent callers together never
 * exceed the budget, and given back when the host refuses.
 */
#include "pgtable/page.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/log.h"

const char *iommu_pgtable_configure(struct iommu_pgtable *pt,
				    const struct iommu_pgtable_config *config)
{
	const unsigned int known = IOMMU_PGTABLE_NONCOHERENT | IOMMU_PGTABLE_FORCE_SNOOP |
				   IOMMU_PGTABLE_EAGER | IOMMU_PGTABLE_NO_EXECUTE |
				   IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_ACCESSED |
				   IOMMU_PGTABLE_MEMORY_TYPES | FLAGS_OF_ARM;

	const char *defect = iommu_platform_defect(config->platform);

	if (defect != NULL)
		return defect;
	if ((config->flags & ~known) != 0)
		return IOMMU_WHY("unknown flags");
	if (config->input_bits > 64 || config->output_bits > 63 ||
	    config->table_order > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_WHY("more address bits than 64, or tables larger than the host has");
	*pt = (struct iommu_pgtable){
		.platform = config->platform,
		.levels = config->levels,
		.table_order = config->table_order,
		.flags = config->flags,
		.aperture_last = UINT64_MAX >> (64 - config->input_bits) % 64,
		.paddr_last = (1ULL << config->output_bits % 64) - 1,
		.pgsize_bitmap = config->pgsize_bitmap,
		.max_pages = config->max_pages,
		.node = config->node,
		.accepts = config->accepts,
		.accepts_ctx = config->accepts_ctx,
	};
	return NULL;
}

/*
 * Has an entry room for the table's address, and may it lead there? The host is told once, if not.
 */
static bool can_lead_to(struct iommu_pgtable *pt, const void *table)
{
	const iommu_paddr_t paddr = iommu_virt_to_phys(pt->platform, table);
	const uint64_t size = iommu_pgtable_table_size(pt);

	if (paddr + (size - 1) <= pt->paddr_last &&
	    (pt->accepts == NULL || pt->accepts(pt->accepts_ctx, paddr, size)))
		return true;
	if (__atomic_fetch_add(&pt->refused_pages, 1, __ATOMIC_RELAXED) == 0)
		iommu_log(pt->platform, IOMMU_LOG_ERROR, "page table",
			  "the host's page cannot be a table: hardware does not reach it, or a "
			  "device does");
	return false;
}

void *iommu_pgtable_alloc_table(struct iommu_pgtable *pt, unsigned int alloc_flags)
{
	const struct iommu_platform *platform = pt->platform;
	const uint64_t pages = 1ULL << pt->table_order;
	void *table = NULL;

	if (iommu_cell_add(&pt->pages, pages) + pages <= pt->max_pages || pt->max_pages == 0)
		table = platform->alloc_pages(platform->ctx, pt->table_order, pt->node,
					      alloc_flags);
	if (table != NULL && !can_lead_to(pt, table)) {
		platform->free_pages(platform->ctx, table, pt->table_order);
		table = NULL;
	}
	if (table == NULL)
		iommu_pgtable_uncount(pt, 1);
	return table;
}
