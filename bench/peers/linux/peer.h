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

IOMMU_END_DECLS
#endif
