/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host tables (v1) of the AMD IOMMU through the peer's generic page tables, and a domain over them whose
 * invalidations take no time: see pgtable_7.3.c.
 */
#include <linux/generic_pt/iommu.h>
#include <linux/iommu.h>

#include "iommu-pages.h"
#include "peer.h"

struct linux73_amd {
	struct pt_iommu_amdv1 table;
};

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
	IOMMU_PT_DOMAIN_OPS(amdv1),
	.flush_iotlb_all = flush_iotlb_all,
	.iotlb_sync = iotlb_sync,
};

/* The root has the level of all addresses from the start: it never changes. */
static void change_top(struct pt_iommu *iommu, phys_addr_t top, unsigned int level)
{
	(void)iommu, (void)top, (void)level;
	abort();
}

static spinlock_t top_lock;

static spinlock_t *get_top_lock(struct pt_iommu *iommu)
{
	(void)iommu;
	return &top_lock;
}

static const struct pt_iommu_driver_ops driver_ops = {
	.change_top = change_top,
	.get_top_lock = get_top_lock,
};

extern unsigned char *shim_pool;
extern struct page *shim_pages;

struct linux73_amd *linux73_amd_create(void)
{
	/* 4 levels, coherent walks and accesses, as its driver has it; the root stays. */
	const struct pt_iommu_amdv1_cfg config = {
		.common = {.features = BIT(PT_FEAT_FLUSH_RANGE) | BIT(PT_FEAT_DYNAMIC_TOP) |
				       BIT(PT_FEAT_AMDV1_ENCRYPT_TABLES) |
				       BIT(PT_FEAT_AMDV1_FORCE_COHERENCE),
			   .hw_max_vasz_lg2 = 48,
			   .hw_max_oasz_lg2 = 52},
		.starting_level = 3,
	};
	struct linux73_amd *table = calloc(1, sizeof(*table));

	shim_pool = bench_pool();
	if (shim_pages == NULL)
		shim_pages = calloc(BENCH_POOL_SIZE >> PAGE_SHIFT, sizeof(*shim_pages));
	if (table == NULL || shim_pages == NULL)
		abort();
	table->table.iommu.nid = NUMA_NO_NODE;
	table->table.iommu.driver_ops = &driver_ops;
	if (pt_iommu_amdv1_init(&table->table, &config, GFP_KERNEL) != 0)
		abort();
	table->table.iommu.domain.ops = &ops;
	return table;
}

void linux73_amd_destroy(struct linux73_amd *table)
{
	pt_iommu_deinit(&table->table.iommu);
	free(table);
}

int linux73_amd_map(struct linux73_amd *table, uint64_t pfn, uint64_t phys_pfn, uint64_t pages)
{
	struct pt_iommu *pt = &table->table.iommu;
	size_t mapped = 0;

	return pt->ops->map_range(pt, pfn << PAGE_SHIFT, phys_pfn << PAGE_SHIFT,
				  pages << PAGE_SHIFT, IOMMU_READ | IOMMU_WRITE, GFP_ATOMIC,
				  &mapped);
}

void linux73_amd_unmap(struct linux73_amd *table, uint64_t pfn, uint64_t pages)
{
	struct pt_iommu *pt = &table->table.iommu;
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	if (pt->ops->unmap_range(pt, pfn << PAGE_SHIFT, pages << PAGE_SHIFT, &gather) !=
	    pages << PAGE_SHIFT)
		abort();
	iommu_iotlb_sync(&pt->domain, &gather);
}

uint64_t linux73_amd_lookup(struct linux73_amd *table, uint64_t pfn)
{
	return pt_iommu_amdv1_iova_to_phys(&table->table.iommu.domain, pfn << PAGE_SHIFT);
}
