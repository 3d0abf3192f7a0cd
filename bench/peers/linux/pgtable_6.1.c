/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-d's page-table functions of the peer, with what they need around them. See shim.h. */
#include <errno.h>

#include <shim.h>

#include "pages.h"
#include "peer.h"

#define round_down(x, a)                ((x) & ~((__typeof__(x))(a)-1))
#define BITS_PER_LONG                   64
#define pr_crit(...)                    abort()
#define debug_dma_dump_mappings(device) ((void)(device))
#define virt_to_phys(p)                 ((u64)((unsigned char *)(p)-bench_pool()))
#define phys_to_virt(p)                 ((void *)(pool_base + (p)))
#define virt_to_dma_pfn(p)              (((u64)((unsigned char *)(p)-pool_base)) >> PAGE_SHIFT)
#define clflush_cache_range(p, size)    ((void)(p))
#define xa_for_each(array, index, entry)                                                           \
	for ((void)(array), (index) = 0, (entry) = NULL; (entry) != NULL;)
#define iommu_flush_iotlb_psi(...) ((void)0)

static unsigned char *pool_base;

struct list_head {
	struct list_head *next, *previous;
};

static inline void list_add_tail(struct list_head *entry, struct list_head *list)
{
	entry->next = list;
	entry->previous = list->previous;
	list->previous->next = entry;
	list->previous = entry;
}

struct page {
	struct list_head lru;
	unsigned long other[6]; /* as large as the kernel's */
};
static struct page *pages_of_pool;
#define pfn_to_page(pfn)   (&pages_of_pool[pfn])
#define page_address(page) ((void *)(pool_base + (((u64)((page)-pages_of_pool)) << PAGE_SHIFT)))
#define virt_to_page(p)    pfn_to_page(virt_to_dma_pfn(p))

static inline u64 cmpxchg64(u64 *at, u64 old, u64 new)
{
	__asm__ volatile("lock cmpxchgq %2, %1" : "+a"(old), "+m"(*at) : "r"(new) : "memory");
	return old;
}

static inline u64 cmpxchg64_local(u64 *at, u64 old, u64 new)
{
	__asm__ volatile("cmpxchgq %2, %1" : "+a"(old), "+m"(*at) : "r"(new) : "memory");
	return old;
}

struct iommu_domain_info {
	void *iommu;
};

struct dmar_domain {
	struct dma_pte *pgd;
	int agaw, gaw, nid;
	int iommu_superpage;
	bool iommu_coherency;
	unsigned int flags;
	int iommu_array;
};
#define DOMAIN_FLAG_USE_FIRST_LEVEL 2

static inline bool domain_use_first_level(struct dmar_domain *domain)
{
	return domain->flags & DOMAIN_FLAG_USE_FIRST_LEVEL;
}

static void *alloc_pgtable_page(int node)
{
	(void)node;
	return bench_page_alloc();
}

static void free_pgtable_page(void *page)
{
	bench_page_free(page);
}

#include <pgtable_functions.h>

struct linux61_pgtable {
	struct dmar_domain domain;
};

struct linux61_pgtable *linux61_pgtable_create(void)
{
	struct linux61_pgtable *table = calloc(1, sizeof(*table));

	if (table == NULL)
		abort();
	pool_base = bench_pool();
	if (pages_of_pool == NULL)
		pages_of_pool = calloc(BENCH_POOL_SIZE >> PAGE_SHIFT, sizeof(*pages_of_pool));
	/* 4 levels, 48 bits, 2M and 1G pages, coherent walks, second level. */
	table->domain = (struct dmar_domain){
		.pgd = bench_page_alloc(),
		.agaw = 2,
		.gaw = 48,
		.iommu_superpage = 2,
		.iommu_coherency = true,
	};
	return table;
}

static void free_list_of_pages(struct list_head *list)
{
	while (list->next != list) {
		struct list_head *entry = list->next;

		list->next = entry->next;
		free_pgtable_page(page_address(container_of(entry, struct page, lru)));
	}
	list->previous = list;
}

void linux61_pgtable_destroy(struct linux61_pgtable *table)
{
	linux61_pgtable_unmap(table, 0, 1ULL << 36);
	free(table);
}

int linux61_pgtable_map(struct linux61_pgtable *table, uint64_t pfn, uint64_t phys_pfn,
			uint64_t pages)
{
	return __domain_mapping(&table->domain, pfn, phys_pfn, pages, DMA_PTE_READ | DMA_PTE_WRITE);
}

void linux61_pgtable_unmap(struct linux61_pgtable *table, uint64_t pfn, uint64_t pages)
{
	struct list_head list = {&list, &list};

	domain_unmap(&table->domain, pfn, pfn + pages - 1, &list);
	free_list_of_pages(&list);
}

uint64_t linux61_pgtable_lookup(struct linux61_pgtable *table, uint64_t pfn)
{
	int level = 0;
	struct dma_pte *pte = pfn_to_dma_pte(&table->domain, pfn, &level);

	if (pte == NULL || !dma_pte_present(pte))
		return 0;
	return dma_pte_addr(pte) |
	       ((pfn << PAGE_SHIFT) & (BIT_ULL(level_to_offset_bits(level) + PAGE_SHIFT) - 1));
}
