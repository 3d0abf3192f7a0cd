/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm's first stage through the peer's io-pgtable-arm.c, and a domain over it as the SMMUv3's
 * driver has one: the core chooses the sizes of pages, and what is unmapped is gathered page by
 * page. Invalidations take no time, those of partial walks in the middle of an unmap included.
 */
#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>

#include "dma_7.3.h"
#include "iommu-pages.h"
#include "peer.h"

struct linux73_arm {
	struct iommu_domain domain;
	struct io_pgtable_ops *table;
};

static struct linux73_arm *arm_of(struct iommu_domain *domain)
{
	return container_of(domain, struct linux73_arm, domain);
}

/* --- What the table asks of a driver ---------------------------------------------------------- */

static void flush_all(void *cookie)
{
	(void)cookie;
}

static void flush_walk(unsigned long iova, size_t size, size_t granule, void *cookie)
{
	(void)iova, (void)size, (void)granule, (void)cookie;
}

static void add_page(struct iommu_iotlb_gather *gather, unsigned long iova, size_t granule,
		     void *cookie)
{
	struct linux73_arm *arm = cookie;

	iommu_iotlb_gather_add_page(&arm->domain, gather, iova, granule);
}

static const struct iommu_flush_ops flush_ops = {
	.tlb_flush_all = flush_all,
	.tlb_flush_walk = flush_walk,
	.tlb_add_page = add_page,
};

/* --- What the core asks of a driver ----------------------------------------------------------- */

static int map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t phys,
		     size_t page_size, size_t count, int prot, gfp_t gfp, size_t *mapped)
{
	struct io_pgtable_ops *table = arm_of(domain)->table;

	return table->map_pages(table, iova, phys, page_size, count, prot, gfp, mapped);
}

static size_t unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t page_size,
			  size_t count, struct iommu_iotlb_gather *gather)
{
	struct io_pgtable_ops *table = arm_of(domain)->table;

	return table->unmap_pages(table, iova, page_size, count, gather);
}

static phys_addr_t iova_to_phys(struct iommu_domain *domain, dma_addr_t iova)
{
	struct io_pgtable_ops *table = arm_of(domain)->table;

	return table->iova_to_phys(table, iova);
}

static void iotlb_sync(struct iommu_domain *domain, struct iommu_iotlb_gather *gather)
{
	(void)domain, (void)gather;
}

static const struct iommu_domain_ops ops = {
	.map_pages = map_pages,
	.unmap_pages = unmap_pages,
	.iova_to_phys = iova_to_phys,
	.iotlb_sync = iotlb_sync,
};

/* --- The benchmarks' functions ---------------------------------------------------------------- */

extern unsigned char *shim_pool;
extern struct page *shim_pages;
static struct device unit;

struct linux73_arm *linux73_arm_create(bool dirty)
{
	struct io_pgtable_cfg config = {
		.quirks = dirty ? IO_PGTABLE_QUIRK_ARM_HD : 0,
		.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G,
		.ias = 48,
		.oas = 48,
		.coherent_walk = true,
		.tlb = &flush_ops,
		.iommu_dev = &unit,
	};
	struct linux73_arm *arm = calloc(1, sizeof(*arm));
	struct io_pgtable *table;

	shim_pool = bench_pool();
	if (shim_pages == NULL)
		shim_pages = calloc(BENCH_POOL_SIZE >> PAGE_SHIFT, sizeof(*shim_pages));
	if (arm == NULL || shim_pages == NULL)
		abort();
	table = io_pgtable_arm_64_lpae_s1_init_fns.alloc(&config, arm);
	if (table == NULL)
		abort();
	table->fmt = ARM_64_LPAE_S1;
	table->cookie = arm;
	table->cfg = config;
	arm->table = &table->ops;
	arm->domain.type = IOMMU_DOMAIN_UNMANAGED;
	arm->domain.ops = &ops;
	arm->domain.pgsize_bitmap = config.pgsize_bitmap;
	return arm;
}

void linux73_arm_destroy(struct linux73_arm *arm)
{
	io_pgtable_arm_64_lpae_s1_init_fns.free(io_pgtable_ops_to_pgtable(arm->table));
	free(arm);
}

int linux73_arm_map(struct linux73_arm *arm, uint64_t pfn, uint64_t phys_pfn, uint64_t pages)
{
	return iommu_map_nosync(&arm->domain, pfn << PAGE_SHIFT, phys_pfn << PAGE_SHIFT,
				pages << PAGE_SHIFT, IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
				GFP_ATOMIC);
}

void linux73_arm_unmap(struct linux73_arm *arm, uint64_t pfn, uint64_t pages)
{
	struct iommu_iotlb_gather gather;

	iommu_iotlb_gather_init(&gather);
	if (iommu_unmap_fast(&arm->domain, pfn << PAGE_SHIFT, pages << PAGE_SHIFT, &gather) !=
	    pages << PAGE_SHIFT)
		abort();
	iommu_iotlb_sync(&arm->domain, &gather);
}

uint64_t linux73_arm_lookup(struct linux73_arm *arm, uint64_t pfn)
{
	return iommu_iova_to_phys(&arm->domain, pfn << PAGE_SHIFT);
}

uint64_t *linux73_arm_root(struct linux73_arm *arm)
{
	return phys_to_virt(io_pgtable_ops_to_pgtable(arm->table)->cfg.arm_lpae_s1_cfg.ttbr);
}

/* As iommufd asks for them. */
static int read_part(struct iova_bitmap *bitmap, unsigned long iova, size_t size, void *opaque)
{
	struct linux73_arm *arm = opaque;
	struct iommu_dirty_bitmap dirty = {.bitmap = bitmap};

	return arm->table->read_and_clear_dirty(arm->table, iova, size, IOMMU_DIRTY_NO_CLEAR,
						&dirty);
}

void linux73_arm_read_dirty(struct linux73_arm *arm, uint64_t pfn, uint64_t pages, uint64_t *words)
{
	struct iova_bitmap *bitmap =
		iova_bitmap_alloc(pfn << PAGE_SHIFT, pages << PAGE_SHIFT, PAGE_SIZE, words);

	if (IS_ERR(bitmap) || iova_bitmap_for_each(bitmap, arm, read_part) != 0)
		abort();
	iova_bitmap_free(bitmap);
}
