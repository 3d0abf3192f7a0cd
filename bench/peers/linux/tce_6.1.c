/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POWER's windows: the allocator of arch/powerpc/kernel/iommu.c over the tables of PowerNV. Each
 * change of entries is followed by a fence and a kill that takes no time, as PowerNV's table
 * operations do for every bridge; ours does likewise.
 */
#include "shim.h"

#include "pages.h"
#include "peer.h"

/* --- What the functions see of a kernel ------------------------------------------------------- */

typedef u64 __be64;
struct device;
struct page;
struct list_head {
	struct list_head *next, *prev;
};
struct kref {
	int count;
};

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};

#define BITS_PER_LONG                64
#define BITS_TO_LONGS(n)             (((n) + 63) / 64)
#define BIT_WORD(n)                  ((n) / BITS_PER_LONG)
#define DIV_ROUND_UP(n, d)           (((n) + (d)-1) / (d))
#define __ALIGN_MASK(x, mask)        (((x) + (mask)) & ~(mask))
#define ASM_CONST(x)                 x##UL
#define ____cacheline_aligned_in_smp __attribute__((aligned(128)))
#define PAGE_MASK                    (~(PAGE_SIZE - 1))
#define DMA_MAPPING_ERROR            (~(dma_addr_t)0)
#define DMA_ATTR_NO_WARN             1
#define KERN_INFO                    ""
#define printk(...)                  ((void)0)
#define printk_ratelimit()           0
#define dev_info(...)                ((void)0)
#define mb()                         __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define cmpxchg(p, old, new)         __sync_val_compare_and_swap(p, old, new)
#define cpu_to_be64(x)               __builtin_bswap64(x)
#define be64_to_cpu(x)               __builtin_bswap64(x)
#define __pa(p)                      ((unsigned long)(p) - (unsigned long)bench_pool())
#define __va(p)                      ((void *)((unsigned long)(p) + (unsigned long)bench_pool()))
#define page_address(page)           ((void *)(page))
#define raw_cpu_read(variable)       ((variable)[shim_cpu])
#define vzalloc_node(size, nid)      calloc(1, size)
#define should_fail_iommu(dev)       ((void)(dev), false)
#define iommu_debugfs_add(tbl)       ((void)(tbl))
#define find_next_bit                _find_next_bit
#define find_next_zero_bit           _find_next_zero_bit
#define bitmap_set                   __bitmap_set
#define bitmap_clear                 __bitmap_clear
#define bitmap_find_next_zero_area(map, size, start, nr, mask)                                     \
	bitmap_find_next_zero_area_off(map, size, start, nr, mask, 0)
#define set_bit(n, map) ((map)[BIT_WORD(n)] |= 1UL << ((n) % 64))
/* What a device without limits has. */
#define dma_get_seg_boundary_nr_pages(dev, shift)              ((UINT32_MAX >> (shift)) + 1UL)
#define pnv_alloc_tce_level(nid, shift)                        bench_page_alloc()
#define pnv_pci_ioda2_table_do_free_pages(table, size, levels) bench_page_free(table)

static int novmerge;
/* hash_32(cpu, 2) of the first CPUs. */
static const unsigned int iommu_pool_hash[SHIM_CPUS] = {0, 0x61C88647 >> 30};

#include "tce_types.h"

static void iommu_table_clear(struct iommu_table *tbl)
{
	tbl->it_ops->clear(tbl, tbl->it_offset, tbl->it_size);
}
static void __iommu_free(struct iommu_table *, dma_addr_t, unsigned int);
unsigned long iommu_direction_to_tce_perm(enum dma_data_direction dir);

#include "tce_functions.h"

/* --- For the benchmarks ----------------------------------------------------------------------- */

struct linux61_tce {
	struct iommu_table table;
};

static void (*volatile kill)(void);

static void told_to_forget(void)
{
}

static int build(struct iommu_table *tbl, long index, long npages, unsigned long uaddr,
		 enum dma_data_direction direction, unsigned long attrs)
{
	int status = pnv_tce_build(tbl, index, npages, uaddr, direction, attrs);

	mb();
	kill();
	return status;
}

static void clear(struct iommu_table *tbl, long index, long npages)
{
	pnv_tce_free(tbl, index, npages);
	mb();
	kill();
}

static struct iommu_table_ops ops = {.set = build, .clear = clear};

struct linux61_tce *linux61_tce_create(unsigned int page_shift, uint64_t entries,
				       unsigned int levels)
{
	struct linux61_tce *tce = aligned_alloc(128, (sizeof(*tce) + 127) & ~127UL);

	kill = told_to_forget;
	memset(tce, 0, sizeof(*tce));
	tce->table.it_size = entries;
	tce->table.it_page_shift = page_shift;
	tce->table.it_indirect_levels = levels - 1;
	tce->table.it_level_size = PAGE_SIZE / sizeof(u64);
	tce->table.it_base = (unsigned long)bench_page_alloc();
	tce->table.it_blocksize = 16;
	tce->table.it_ops = &ops;
	if (iommu_init_table(&tce->table, 0, 0, 0) == NULL)
		abort();
	return tce;
}

static void free_level(__be64 *table, unsigned int levels)
{
	unsigned int i;

	for (i = 0; levels != 0 && i < PAGE_SIZE / sizeof(u64); i++)
		if (table[i] != 0)
			free_level(__va(be64_to_cpu(table[i]) & ~3UL), levels - 1);
	bench_page_free(table);
}

void linux61_tce_destroy(struct linux61_tce *tce)
{
	free_level((__be64 *)tce->table.it_base, tce->table.it_indirect_levels);
	free(tce->table.it_map);
	free(tce);
}

uint64_t linux61_tce_map(struct linux61_tce *tce, uint64_t paddr, uint64_t pages)
{
	return iommu_map_page(NULL, &tce->table, __va(paddr), 0, pages << tce->table.it_page_shift,
			      UINT64_MAX, DMA_BIDIRECTIONAL, 0);
}

void linux61_tce_unmap(struct linux61_tce *tce, uint64_t address, uint64_t pages)
{
	iommu_unmap_page(&tce->table, address, pages << tce->table.it_page_shift, DMA_BIDIRECTIONAL,
			 0);
}

void linux61_tce_build(struct linux61_tce *tce, uint64_t index, uint64_t paddr, uint64_t pages)
{
	if (pnv_tce_build(&tce->table, (long)index, (long)pages, (unsigned long)__va(paddr),
			  DMA_BIDIRECTIONAL, 0) != 0)
		abort();
}

void linux61_tce_clear(struct linux61_tce *tce, uint64_t index, uint64_t pages)
{
	pnv_tce_free(&tce->table, (long)index, (long)pages);
}
