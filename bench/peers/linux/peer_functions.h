/* SPDX-License-Identifier: BSD-2-Clause */
/* Included by peer.h, once for each version: PEER(name) is the version's name for it. */

struct PEER(iova_space);

/* start_pfn 1, granule 4K. */
struct PEER(iova_space) * PEER(iova_create)(void);
void PEER(iova_destroy)(struct PEER(iova_space) * space);
/* alloc_iova_fast / free_iova_fast; 0: none. */
unsigned long PEER(iova_alloc_fast)(struct PEER(iova_space) * space, unsigned long pages,
				    unsigned long limit);
void PEER(iova_free_fast)(struct PEER(iova_space) * space, unsigned long pfn, unsigned long pages);
/* alloc_iova (size-aligned) / __free_iova; NULL: none. */
void *PEER(iova_alloc)(struct PEER(iova_space) * space, unsigned long pages, unsigned long limit);
void PEER(iova_free)(struct PEER(iova_space) * space, void *iova);
/* Which CPU's caches the calling thread uses: 0 or 1. */
void PEER(set_cpu)(unsigned int cpu);

struct PEER(pgtable);

struct PEER(pgtable) * PEER(pgtable_create)(void);
void PEER(pgtable_destroy)(struct PEER(pgtable) * table);
/*
 * Pages of 4K. 6.1: __domain_mapping, domain_unmap with the freeing of its list, pfn_to_dma_pte;
 * 7.3: map_range and unmap_range of the generic page tables, with that, and iova_to_phys.
 */
int PEER(pgtable_map)(struct PEER(pgtable) * table, uint64_t pfn, uint64_t phys_pfn,
		      uint64_t pages);
void PEER(pgtable_unmap)(struct PEER(pgtable) * table, uint64_t pfn, uint64_t pages);
uint64_t PEER(pgtable_lookup)(struct PEER(pgtable) * table, uint64_t pfn);

#ifdef __cplusplus
/* For templates; calls through it are direct. */
struct PEER(functions) {
	using iova_space = PEER(iova_space);
	using pgtable = PEER(pgtable);
	static constexpr auto iova_create = PEER(iova_create);
	static constexpr auto iova_destroy = PEER(iova_destroy);
	static constexpr auto iova_alloc_fast = PEER(iova_alloc_fast);
	static constexpr auto iova_free_fast = PEER(iova_free_fast);
	static constexpr auto iova_alloc = PEER(iova_alloc);
	static constexpr auto iova_free = PEER(iova_free);
	static constexpr auto set_cpu = PEER(set_cpu);
	static constexpr auto pgtable_create = PEER(pgtable_create);
	static constexpr auto pgtable_destroy = PEER(pgtable_destroy);
	static constexpr auto pgtable_map = PEER(pgtable_map);
	static constexpr auto pgtable_unmap = PEER(pgtable_unmap);
	static constexpr auto pgtable_lookup = PEER(pgtable_lookup);
};
#endif
