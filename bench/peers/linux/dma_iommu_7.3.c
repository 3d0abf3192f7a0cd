/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer's dma-iommu: functions cut out of drivers/iommu/dma-iommu.c; and a device in a domain of
 * generic page tables, whose invalidations take no time, or are those of VT-d's driver or RISC-V's.
 */
#include <linux/iommu.h>
#include <linux/iova.h>

#include "dma_7.3.h"
#include "iommu-pages.h"
#include "peer.h"
#include "pgtable_7.3.h"
#include "riscv_driver_7.3.h"

/* The benchmark's device is coherent and trusted. */
#define iommu_dma_map_swiotlb(...)            ((phys_addr_t)DMA_MAPPING_ERROR)
#define iommu_dma_sync_single_for_cpu(...)    abort()
#define iommu_dma_sync_single_for_device(...) abort()

/* Of a flush queue, whose size is not that of its type. */
#define SHIM_FLUSH_QUEUE 16384UL
#undef __alloc_percpu
#undef per_cpu_ptr
#define __alloc_percpu(size, align) aligned_alloc(128, SHIM_CPUS *SHIM_FLUSH_QUEUE)
#define per_cpu_ptr(p, cpu)         ((__typeof__(p))((char *)(p) + (cpu)*SHIM_FLUSH_QUEUE))

#include "dma_iommu_functions.h"

struct linux73_dma {
	struct device device;
	struct dev_iommu iommu;
	struct iommu_group group;
	struct device_dma_parameters limits;
	struct shim_bounce bounce;
	u64 mask;
	struct iommu_dma_cookie cookie;
	struct linux73_pgtable *table; /* NULL: RISC-V's driver has its own */
	enum linux73_unit unit;
	struct scatterlist list[LINUX73_PIECES];
};

static struct iommu_domain *domain_create(struct linux73_dma *dma)
{
	if (dma->unit == LINUX73_RISCV)
		return shim_riscv_create();
	dma->table = linux73_pgtable_create();
	if (dma->unit == LINUX73_VTD)
		shim_vtd_attach(&dma->table->domain);
	return &dma->table->table.iommu.domain;
}

static void domain_destroy(struct linux73_dma *dma)
{
	if (dma->unit == LINUX73_RISCV) {
		shim_riscv_destroy(dma->group.default_domain);
		return;
	}
	if (dma->unit == LINUX73_VTD)
		shim_vtd_detach(&dma->table->domain);
	linux73_pgtable_destroy(dma->table);
}

struct linux73_dma *linux73_dma_create(enum linux73_unit unit, bool lazy)
{
	struct linux73_dma *dma = calloc(1, sizeof(*dma));
	struct iommu_domain *domain;

	if (dma == NULL || iova_cache_get() != 0)
		abort();
	dma->unit = unit;
	domain = domain_create(dma);
	domain->type = IOMMU_DOMAIN_DMA;
	domain->cookie_type = IOMMU_COOKIE_DMA_IOVA;
	domain->iova_cookie = &dma->cookie;
	init_iova_domain(&dma->cookie.iovad, PAGE_SIZE, 1);
	if (iova_domain_init_rcaches(&dma->cookie.iovad) != 0)
		abort();
	dma->cookie.options = (struct iommu_dma_options){
		.qt = IOMMU_DMA_OPTS_PER_CPU_QUEUE,
		.fq_size = IOVA_DEFAULT_FQ_SIZE,
		.fq_timeout = IOVA_DEFAULT_FQ_TIMEOUT,
	};
	if (lazy && iommu_dma_init_fq(domain) != 0)
		abort();
	dma->mask = DMA_BIT_MASK(48);
	dma->limits.max_segment_size = UINT_MAX;
	dma->group.default_domain = domain;
	dma->device = (struct device){
		.dma_mask = &dma->mask,
		.dma_parms = &dma->limits,
		.iommu_group = &dma->group,
		.iommu = &dma->iommu,
		.dma_io_tlb_mem = &dma->bounce,
		.dma_iommu = true,
		.is_pci = true,
	};
	return dma;
}

void linux73_dma_destroy(struct linux73_dma *dma)
{
	iommu_dma_free_fq(&dma->cookie);
	put_iova_domain(&dma->cookie.iovad);
	iova_cache_put();
	domain_destroy(dma);
	free(dma);
}

uint64_t linux73_dma_map(struct linux73_dma *dma, uint64_t paddr, uint64_t size)
{
	return dma_map_phys(&dma->device, paddr, size, DMA_BIDIRECTIONAL, 0);
}

void linux73_dma_unmap(struct linux73_dma *dma, uint64_t address, uint64_t size)
{
	dma_unmap_phys(&dma->device, address, size, DMA_BIDIRECTIONAL, 0);
}

uint64_t linux73_dma_lookup(struct linux73_dma *dma, uint64_t address)
{
	return iommu_iova_to_phys(dma->group.default_domain, address);
}

void linux73_dma_list(struct linux73_dma *dma, const uint64_t *paddrs, unsigned int count)
{
	unsigned int i;

	if (count > LINUX73_PIECES)
		abort();
	memset(dma->list, 0, sizeof(dma->list));
	for (i = 0; i < count; i++) {
		dma->list[i].page_link = (unsigned long)&shim_pages[paddrs[i] >> PAGE_SHIFT];
		dma->list[i].length = PAGE_SIZE;
	}
	dma->list[count - 1].page_link |= SHIM_SG_LAST;
}

uint64_t linux73_dma_map_list(struct linux73_dma *dma, unsigned int count)
{
	if (dma_map_sg_attrs(&dma->device, dma->list, (int)count, DMA_BIDIRECTIONAL, 0) == 0)
		return DMA_MAPPING_ERROR;
	return sg_dma_address(dma->list);
}

void linux73_dma_unmap_list(struct linux73_dma *dma, unsigned int count)
{
	dma_unmap_sg_attrs(&dma->device, dma->list, (int)count, DMA_BIDIRECTIONAL, 0);
}
