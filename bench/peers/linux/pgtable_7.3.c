/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d's second stage through the peer's generic page tables, and a domain over them whose
 * invalidations take no time: it frees what was gathered, as the driver does after one.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>

#include "iommu-pages.h"
#include "peer.h"
#include "pgtable_7.3.h"

#include "bitmap_functions.h"

unsigned char *shim_pool;
struct page *shim_pages;

static void iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	(void)domain;
	iommu_put_pages_list(&gather->freelist);
}

static void flush_iotlb_all(struct iommu_domain *domain)
{
	(void)domain;
}

static const struct iommu_domain_ops ops = {
	IOMMU_PT_DOMAIN_OPS(vtdss),
	.flush_iotlb_all = flush_iotlb_all,
	.iotlb_sync = iotlb_sync,
};

struct iommu_dirty_ops {
	int (*read_and_clear_dirty)(struct iommu_domain *domain, unsigned long iova, size_t size,
				    unsigned long flags, struct iommu_dirty_bitmap *dirty);
};
static const struct iommu_dirty_ops dirty_ops = {IOMMU_PT_DIRTY_OPS(vtdss)};

struct linux73_pgtable *linux73_pgtable_create(void)
{
	/* 4 levels, 48 bits, 2M and 1G pages, coherent walks. */
	const struct pt_iommu_vtdss_cfg config = {
		.common = {.features = BIT(PT_FEAT_FLUSH_RANGE),
			   .hw_max_vasz_lg2 = 48,
			   .hw_max_oasz_lg2 = 52},
		.top_level = 3,
	};
	struct linux73_pgtable *table = calloc(1, sizeof(*table));

	shim_pool = bench_pool();
	if (shim_pages == NULL)
		shim_pages = calloc(BENCH_POOL_SIZE >> PAGE_SHIFT, sizeof(*shim_pages));
	if (table == NULL || shim_pages == NULL)
		abort();
	table->table.iommu.nid = NUMA_NO_NODE;
	if (pt_iommu_vtdss_init(&table->table, &config, GFP_KERNEL) != 0)
		abort();
	table->table.iommu.domain.ops = &ops;
	table->table.iommu.domain.dirty_ops = &dirty_ops;
	return table;
}

void linux73_pgtable_destroy(struct linux73_pgtable *table)
{
	pt_iommu_deinit(&table->table.iommu);
	free(table);
}

int linux73_pgtable_map(struct linux73_pgtable *table, uint64_t pfn, uint64_t phys_pfn,
			uint64_t pages)
{
	struct pt_iommu *pt = &table->table.iommu;
	size_t mapped = 0;

	return pt->ops->map_range(pt, pfn << PAGE_SHIFT, phys_pfn << PAGE_SHIFT,
				  pages << PAGE_SHIFT, IOMMU_READ | IOMMU_WRITE, GFP_ATOMIC,
				  &mapped);
}

void linux73_pgtable_unmap(struct linux73_pgtable *table, uint64_t pfn, uint64_t pages)
{
	struct pt_iommu *pt = &table->table.iommu;
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	if (pt->ops->unmap_range(pt, pfn << PAGE_SHIFT, pages << PAGE_SHIFT, &gather) !=
	    pages << PAGE_SHIFT)
		abort();
	iommu_iotlb_sync(&pt->domain, &gather);
}

uint64_t linux73_pgtable_lookup(struct linux73_pgtable *table, uint64_t pfn)
{
	return pt_iommu_vtdss_iova_to_phys(&table->table.iommu.domain, pfn << PAGE_SHIFT);
}

void linux73_pgtable_make_dirty(struct linux73_pgtable *table, uint64_t pfn)
{
	struct pt_iommu *pt = &table->table.iommu;

	if (pt->ops->set_dirty(pt, pfn << PAGE_SHIFT) != 0)
		abort();
}

/* As iommufd asks for them. */
static int read_part(struct iova_bitmap *bitmap, unsigned long iova, size_t size, void *opaque)
{
	struct linux73_pgtable *table = opaque;
	struct iommu_domain *domain = &table->table.iommu.domain;
	struct iommu_dirty_bitmap dirty = {.bitmap = bitmap};

	return domain->dirty_ops->read_and_clear_dirty(domain, iova, size, IOMMU_DIRTY_NO_CLEAR,
						       &dirty);
}

void linux73_pgtable_read_dirty(struct linux73_pgtable *table, uint64_t pfn, uint64_t pages,
				uint64_t *words)
{
	struct iova_bitmap *bitmap =
		iova_bitmap_alloc(pfn << PAGE_SHIFT, pages << PAGE_SHIFT, PAGE_SIZE, words);

	if (IS_ERR(bitmap) || iova_bitmap_for_each(bitmap, table, read_part) != 0)
		abort();
	iova_bitmap_free(bitmap);
}
