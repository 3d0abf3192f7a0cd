/* SPDX-License-Identifier: BSD-2-Clause */
/* The peer's functions as the benchmarks call them: thin, each one call of the peer's own. */
#ifndef BENCH_PEER_LINUX_H
#define BENCH_PEER_LINUX_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct linux_iova_space;

/* start_pfn 1, granule 4K. */
struct linux_iova_space *linux_iova_create(void);
void linux_iova_destroy(struct linux_iova_space *space);
/* alloc_iova_fast / free_iova_fast; 0: none. */
unsigned long linux_iova_alloc_fast(struct linux_iova_space *space, unsigned long pages,
				    unsigned long limit);
void linux_iova_free_fast(struct linux_iova_space *space, unsigned long pfn, unsigned long pages);
/* alloc_iova (size-aligned) / __free_iova; NULL: none. */
void *linux_iova_alloc(struct linux_iova_space *space, unsigned long pages, unsigned long limit);
void linux_iova_free(struct linux_iova_space *space, void *iova);
/* Which CPU's caches the calling thread uses: 0 or 1. */
void linux_set_cpu(unsigned int cpu);

struct linux_pgtable;

struct linux_pgtable *linux_pgtable_create(void);
void linux_pgtable_destroy(struct linux_pgtable *table);
/* __domain_mapping, domain_unmap with the freeing of its list, pfn_to_dma_pte. Pages of 4K. */
int linux_pgtable_map(struct linux_pgtable *table, uint64_t pfn, uint64_t phys_pfn, uint64_t pages);
void linux_pgtable_unmap(struct linux_pgtable *table, uint64_t pfn, uint64_t pages);
uint64_t linux_pgtable_lookup(struct linux_pgtable *table, uint64_t pfn);

struct linux_tce;

/* A window from bus address 0 on: iommu_map_page, iommu_unmap_page. Address ~0: no room. */
struct linux_tce *linux_tce_create(unsigned int page_shift, uint64_t entries, unsigned int levels);
void linux_tce_destroy(struct linux_tce *tce);
uint64_t linux_tce_map(struct linux_tce *tce, uint64_t paddr, uint64_t pages);
void linux_tce_unmap(struct linux_tce *tce, uint64_t address, uint64_t pages);
/* Entries alone: pnv_tce_build, pnv_tce_free. */
void linux_tce_build(struct linux_tce *tce, uint64_t index, uint64_t paddr, uint64_t pages);
void linux_tce_clear(struct linux_tce *tce, uint64_t index, uint64_t pages);

IOMMU_END_DECLS
#endif
