/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Table pages under a budget.
 *
 * The count is taken before the page is asked for, so that concurrent callers together never exceed
 * the budget, and given back when the host refuses.
 */
#include "pgtable/page.h"

#include <libiommu/status.h>

#include "base/atomic.h"

int iommu_pgtable_configure(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config)
{
	const unsigned int known = IOMMU_PGTABLE_NONCOHERENT | IOMMU_PGTABLE_FORCE_SNOOP;

	if (iommu_platform_check(config->platform) != 0 || (config->flags & ~known) != 0 ||
	    config->input_bits > 64 || config->output_bits > 63)
		return IOMMU_EINVAL;
	*pt = (struct iommu_pgtable){
		.platform = config->platform,
		.levels = config->levels,
		.flags = config->flags,
		.aperture_last = UINT64_MAX >> (64 - config->input_bits) % 64,
		.paddr_last = (1ULL << config->output_bits % 64) - 1,
		.pgsize_bitmap = config->pgsize_bitmap,
		.max_pages = config->max_pages,
		.node = config->node,
	};
	return 0;
}

void *iommu_pgtable_alloc_page(struct iommu_pgtable *pt)
{
	const struct iommu_platform *platform = pt->platform;
	void *page = NULL;

	if (iommu_cell_add(&pt->pages, 1) < pt->max_pages || pt->max_pages == 0)
		page = platform->alloc_pages(platform->ctx, 0, pt->node, IOMMU_ALLOC_ATOMIC);
	if (page == NULL)
		iommu_pgtable_uncount(pt, 1);
	return page;
}
