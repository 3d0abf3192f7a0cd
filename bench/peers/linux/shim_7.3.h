/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What more Linux 7.3 sees of a kernel: shim.h, and
 *   trace points, page statistics, checks of debug kernels    nothing: left out, which flatters it
 *   wmb                                                       an order for the compiler alone, likewise
 *   static branches                                           constants
 *   bounce buffers                                            one pool, in which no address lies
 *   scatter lists                                             one array, never chained
 *   dma_map_ops                                               none: the device is an IOMMU's
 */
#ifndef LINUX_SHIM_7_3_H
#define LINUX_SHIM_7_3_H

#include <sys/types.h>

#include <shim.h>

#include "pages.h"

/* --- Configuration: a processor of 64 bits with an IOMMU -------------------------------------- */
#define CONFIG_X86              1
#define CONFIG_SMP              1
#define CONFIG_IOMMU_API        1
#define CONFIG_IOMMU_DMA        1
#define CONFIG_IOMMU_PT         1
#define CONFIG_IOMMUFD_DRIVER   1
#define CONFIG_IOMMUFD_TEST     1 /* for the call that makes an entry dirty */
#define CONFIG_SWIOTLB          1
#define SHIM_ARGUMENT_1         0,
#define SHIM_SECOND(a, b, ...)  b
#define SHIM_IS_SET(junk)       SHIM_SECOND(junk 1, 0, 0)
#define SHIM_IS_VALUE(value)    SHIM_IS_SET(SHIM_ARGUMENT_##value)
#define SHIM_IS_EXPANDED(value) SHIM_IS_VALUE(value)
#define IS_ENABLED(option)      SHIM_IS_EXPANDED(option)

/* --- The language ----------------------------------------------------------------------------- */
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef unsigned long pgoff_t;
typedef u32 ioasid_t;
#undef typeof
#define typeof __typeof__
#define U8_MAX          UINT8_MAX
#define U32_MAX         UINT32_MAX
#define U64_MAX         UINT64_MAX
#define SZ_4K           0x1000
#define SZ_16K          0x4000
#define SZ_64K          0x10000
#define SZ_2M           0x200000
#define SZ_32M          0x2000000
#define SZ_512M         0x20000000
#define SZ_512G         0x8000000000ULL
#define SZ_1G           0x40000000
#define PAGE_MASK       (~(PAGE_SIZE - 1))
#define __rcu           /* annotation */
#define __user          /* annotation */
#define __must_check    /* annotation */
#define __maybe_unused  __attribute__((unused))
#define __always_inline inline __attribute__((always_inline))
#define __read_mostly   /* placement */
#define static_assert(...) SHIM_ASSERT(__VA_ARGS__, "")
#define SHIM_ASSERT(condition, ...)    _Static_assert(condition, "")
#define BUILD_BUG()                    __builtin_unreachable()
#define BUILD_BUG_ON(condition)        _Static_assert(!(condition), "")
#define CONCATENATE(a, b)              SHIM_CONCATENATED(a, b)
#define SHIM_CONCATENATED(a, b)        a##b
#define __stringify(...)               SHIM_STRING(__VA_ARGS__)
#define SHIM_STRING(...)               #__VA_ARGS__
#define container_of_const(p, t, m)    container_of(p, t, m)
#define BIT(n)                         (1UL << (n))
#define GENMASK_ULL(high, low)         ((~0ULL >> (63 - (high))) & (~0ULL << (low)))
#define GENMASK(high, low)             ((unsigned long)GENMASK_ULL(high, low))
#define FIELD_GET(mask, word)          (((word) & (mask)) >> __builtin_ctzll(mask))
#define FIELD_PREP(mask, value)        (((u64)(value) << __builtin_ctzll(mask)) & (mask))
#define check_add_overflow(a, b, sum)  __builtin_add_overflow(a, b, sum)
#define overflows_type(value, type_of) ((__typeof__(type_of))(value) != (value))
#define min_not_zero(a, b)             ((a) == 0 ? (b) : (b) == 0 ? (a) : min((u64)(a), (u64)(b)))
#define memset_after(object, value, member)                                                        \
	memset((char *)(object) + offsetof(__typeof__(*(object)), member) +                        \
		       sizeof((object)->member),                                                   \
	       value,                                                                              \
	       sizeof(*(object)) - offsetof(__typeof__(*(object)), member) -                       \
		       sizeof((object)->member))
#define ERR_PTR(error)                        ((void *)(long)(error))
#define PTR_ERR(pointer)                      ((long)(pointer))
#define IS_ERR(pointer)                       ((unsigned long)(pointer) > -4096UL)
#define EXPORT_SYMBOL_NS_GPL(symbol, ns)      extern int shim_unused
#define MODULE_DESCRIPTION(text)              extern int shim_unused
#define MODULE_IMPORT_NS(ns)                  extern int shim_unused
#define pr_warn(...)                          ((void)0)
#define pr_debug(...)                         ((void)0)
#define pr_err_ratelimited(...)               ((void)0)
#define pr_warn_ratelimited(...)              ((void)0)
#define dev_notice(...)                       ((void)0)
#define dev_err(...)                          ((void)0)
#define WARN_ONCE(condition, ...)             WARN_ON(condition)
#define dev_WARN_ONCE(device, condition, ...) WARN_ON(condition)
#define kmemleak_transient_leak(pointer)      ((void)(pointer))
#define might_sleep_if(condition)             ((void)0)
#define bits_per(n)                           fls_long(n)

/* --- Bits ------------------------------------------------------------------------------------- */
#define fls(x)     ((x) ? 32 - __builtin_clz((u32)(x)) : 0)
#define fls64(x)   ((x) ? 64 - __builtin_clzll(x) : 0)
#define __ffs64(x) ((unsigned int)__builtin_ctzll(x))
#define ffz(x)     ((unsigned int)__builtin_ctzl(~(unsigned long)(x)))

/* --- Order ------------------------------------------------------------------------------------ */
typedef struct {
	int counter;
} atomic_t;
typedef struct {
	s64 counter;
} atomic64_t;
#define smp_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define dma_wmb() barrier()
#define try_cmpxchg64(at, old, new)                                                                \
	__atomic_compare_exchange_n(at, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define try_cmpxchg64_release(at, old, new) try_cmpxchg64(at, old, new)
#define try_cmpxchg_release(at, old, new)   try_cmpxchg64(at, old, new)
#define smp_wmb()                           barrier()
#define wmb()                               barrier()
#define cmpxchg64_relaxed(at, old, new)     __sync_val_compare_and_swap(at, old, new)
#define set_bit(bit, at)                    ((void)__atomic_fetch_or(at, 1UL << (bit), __ATOMIC_SEQ_CST))
#define atomic_read(a)                      READ_ONCE((a)->counter)
#define atomic_set(a, n)                    WRITE_ONCE((a)->counter, n)
#define atomic_xchg(a, n)                   __atomic_exchange_n(&(a)->counter, n, __ATOMIC_SEQ_CST)
#define atomic64_read(a)                    READ_ONCE((a)->counter)
#define atomic64_set(a, n)                  WRITE_ONCE((a)->counter, n)
#define atomic64_inc(a)                     ((void)__atomic_add_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST))
struct mutex {
	int unused;
};
struct timer_list {
	int unused;
};
/* Timers never expire: a benchmark's queues are full before. */
#define timer_setup(timer, function, flags)       ((void)(function))
#define mod_timer(timer, when)                    ((void)(timer))
#define timer_delete_sync(timer)                  ((void)(timer))
#define timer_container_of(object, timer, member) container_of(timer, __typeof__(*(object)), member)
#define jiffies                                   0UL
struct work_struct {
	int unused;
};
struct delayed_work {
	struct work_struct work;
};
#define INIT_DELAYED_WORK(work, function)  ((void)(function))
#define schedule_delayed_work(work, delay) ((void)(work))
#define cancel_delayed_work_sync(work)     ((void)(work))
#define msecs_to_jiffies(n)                (n)
#define num_online_cpus()                  SHIM_CPUS
#define DEFINE_STATIC_KEY_FALSE(name)      struct shim_key name
#define static_branch_unlikely(key)        ((void)(key), false)
struct shim_key {
	int unused;
};

/* --- Lists ------------------------------------------------------------------------------------ */
struct list_head {
	struct list_head *next, *prev;
};
#define LIST_HEAD_INIT(name)                                                                       \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list->prev = list;
}

static inline bool list_empty(const struct list_head *list)
{
	return READ_ONCE(list->next) == list;
}

static inline void list_add_tail(struct list_head *entry, struct list_head *list)
{
	entry->next = list;
	entry->prev = list->prev;
	list->prev->next = entry;
	list->prev = entry;
}

static inline void list_splice(const struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	from->next->prev = to;
	to->next = from->next;
}

#define SHIM_ENTRY(at, object, member) container_of(at, __typeof__(*(object)), member)
#define list_for_each_entry_safe(entry, next_entry, list, member)                                  \
	for ((entry) = SHIM_ENTRY((list)->next, entry, member),                                    \
	    (next_entry) = SHIM_ENTRY((entry)->member.next, entry, member);                        \
	     &(entry)->member != (list); (entry) = (next_entry),                                   \
	    (next_entry) = SHIM_ENTRY((next_entry)->member.next, entry, member))
#define list_for_each_entry(entry, list, member)                                                   \
	for ((entry) = SHIM_ENTRY((list)->next, entry, member); &(entry)->member != (list);        \
	     (entry) = SHIM_ENTRY((entry)->member.next, entry, member))

/* --- Pages: an array beside the pool, as in a kernel ------------------------------------------ */
struct page {
	unsigned long flags;
	struct list_head lru;
	void *mapping;
	pgoff_t index;
	void *private;
	unsigned int page_type;
	atomic_t _refcount;
	unsigned long more;
};
struct folio {
	struct page page;
};
extern struct page *shim_pages;
extern unsigned char *shim_pool;

#define NUMA_NO_NODE                              (-1)
#define numa_mem_id()                             0
#define dev_to_node(device)                       ((void)(device), NUMA_NO_NODE)
#define get_order(size)                           order_base_2(((size) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define virt_to_phys(virt)                        ((u64)((unsigned char *)(virt)-shim_pool))
#define phys_to_virt(phys)                        ((void *)(shim_pool + (phys)))
#define __va(phys)                                phys_to_virt(phys)
#define __pa(virt)                                virt_to_phys(virt)
#define page_to_phys(page)                        (((u64)((page)-shim_pages)) << PAGE_SHIFT)
#define virt_to_folio(virt)                       ((struct folio *)&shim_pages[virt_to_phys(virt) >> PAGE_SHIFT])
#define folio_address(folio)                      phys_to_virt(page_to_phys(&(folio)->page))
#define folio_order(folio)                        0
#define folio_nr_pages(folio)                     1UL
#define folio_pgdat(folio)                        NULL
#define NR_IOMMU_PAGES                            0
#define NR_SECONDARY_PAGETABLE                    0
#define mod_node_page_state(node, item, pages)    ((void)(pages))
#define lruvec_stat_mod_folio(folio, item, pages) ((void)(pages))
#define clflush_cache_range(virt, size)           ((void)(virt))
#define __GFP_ZERO                                2
#define __GFP_HIGHMEM                             4
#define __GFP_COMP                                8
#define __GFP_DMA                                 16
#define __GFP_DMA32                               32
#define gfpflags_allow_blocking(gfp)              ((gfp) == GFP_KERNEL)

static inline struct folio *__folio_alloc_node(gfp_t gfp, unsigned int order, int node)
{
	void *page = order == 0 ? bench_page_alloc() : NULL;

	(void)gfp, (void)node;
	return page == NULL ? NULL : virt_to_folio(page);
}

static inline void folio_put(struct folio *folio)
{
	bench_page_free(folio_address(folio));
}

#define vmalloc(size)                      malloc(size)
#define vfree(memory)                      free(memory)
#define struct_size(object, member, count) (sizeof(*(object)) + (count) * sizeof(*(object)->member))
#define kzalloc_objs(type, count)          calloc(count, sizeof(type))
#define kzalloc_obj(type, ...)             calloc(1, sizeof(type))
#define kmalloc_obj(type)                  malloc(sizeof(type))

/* A user's pages are those of the pool; they are not pinned. */
#define FOLL_WRITE                 1
#define BITS_PER_BYTE              8
#define BITS_PER_TYPE(type)        (sizeof(type) * BITS_PER_BYTE)
#define BITS_PER_LONG              64
#define BIT_WORD(n)                ((n) / BITS_PER_LONG)
#define DIV_ROUND_UP(n, d)         (((n) + (d)-1) / (d))
#define offset_in_page(address)    ((unsigned long)(address) & (PAGE_SIZE - 1))
#define __get_free_page(gfp)       ((unsigned long)bench_page_alloc())
#define free_page(page)            bench_page_free((void *)(page))
#define kmap_local_page(page)      phys_to_virt(page_to_phys(page))
#define kunmap_local(address)      ((void)(address))
#define unpin_user_pages(pages, n) ((void)(n))
void __bitmap_set(unsigned long *map, unsigned int start, int count);
#define bitmap_set(map, start, count) __bitmap_set(map, start, (int)(count))

static inline int pin_user_pages_fast(unsigned long at, unsigned long count, unsigned int flags,
				      struct page **pages)
{
	unsigned long i;

	(void)flags;
	for (i = 0; i < count; i++)
		pages[i] = &virt_to_folio(at + i * PAGE_SIZE)->page;
	return (int)count;
}

/* --- Devices ---------------------------------------------------------------------------------- */
enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};
#define DMA_BIT_MASK(n)           ((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)
#define DMA_MAPPING_ERROR         (~(dma_addr_t)0)
#define DMA_ATTR_SKIP_CPU_SYNC    (1UL << 5)
#define DMA_ATTR_PRIVILEGED       (1UL << 9)
#define DMA_ATTR_MMIO             (1UL << 10)
#define DMA_ATTR_REQUIRE_COHERENT (1UL << 12)
#define DMA_ATTR_CC_SHARED        (1UL << 13)

struct iommu_domain;
struct dev_iommu;
struct iommu_group {
	struct iommu_domain *default_domain;
};
struct device_dma_parameters {
	unsigned int max_segment_size, min_align_mask;
	unsigned long segment_boundary_mask;
};
struct dma_map_ops;
struct shim_bounce {
	phys_addr_t start, end;
};
struct device {
	u64 *dma_mask;
	u64 bus_dma_limit;
	struct device_dma_parameters *dma_parms;
	const struct dma_map_ops *dma_ops;
	struct iommu_group *iommu_group;
	struct dev_iommu *iommu;
	struct shim_bounce *dma_io_tlb_mem;
	bool dma_iommu, is_pci, untrusted;
};

#define dev_is_pci(device)            ((device)->is_pci)
#define to_pci_dev(device)            (device)
#define dev_is_dma_coherent(device)   ((void)(device), true)
#define use_dma_iommu(device)         ((device)->dma_iommu)
#define get_dma_ops(device)           ((device)->dma_ops)
#define valid_dma_direction(dir)      ((dir) <= DMA_FROM_DEVICE)
#define dma_kmalloc_needs_bounce(...) false
#define dma_kmalloc_safe(...)         true
#define dma_kmalloc_size_aligned(...) true
#define arch_sync_dma_for_device(...) ((void)0)
#define arch_sync_dma_for_cpu(...)    ((void)0)
#define arch_sync_dma_flush()         ((void)0)
#define iommu_deferred_attach(...)    0
/* Tables of units that are coherent need none of these: those of Arm's ask in vain. */
#define dma_map_single(device, at, size, dir)   ((void)(at), DMA_MAPPING_ERROR)
#define dma_mapping_error(device, address)      ((address) == DMA_MAPPING_ERROR)
#define dma_unmap_single(...)                   ((void)0)
#define dma_sync_single_for_device(device, ...) ((void)(device))

static inline u64 dma_get_mask(struct device *device)
{
	return device->dma_mask != NULL && *device->dma_mask != 0 ? *device->dma_mask
								  : DMA_BIT_MASK(32);
}

static inline unsigned int dma_get_max_seg_size(struct device *device)
{
	const struct device_dma_parameters *of = device->dma_parms;

	return of != NULL && of->max_segment_size != 0 ? of->max_segment_size : SZ_64K;
}

static inline unsigned long dma_get_seg_boundary(struct device *device)
{
	const struct device_dma_parameters *of = device->dma_parms;

	return of != NULL && of->segment_boundary_mask != 0 ? of->segment_boundary_mask : ULONG_MAX;
}

static inline unsigned int dma_get_min_align_mask(struct device *device)
{
	return device->dma_parms != NULL ? device->dma_parms->min_align_mask : 0;
}

static inline void swiotlb_tbl_unmap_single(struct device *device, phys_addr_t at, size_t size,
					    enum dma_data_direction dir, unsigned long attrs)
{
	const struct shim_bounce *pool = device->dma_io_tlb_mem;

	(void)size, (void)dir, (void)attrs;
	if (pool != NULL && unlikely(at >= pool->start && at < pool->end))
		abort();
}

/* --- Scatter lists ---------------------------------------------------------------------------- */
struct scatterlist {
	unsigned long page_link;
	unsigned int offset, length;
	dma_addr_t dma_address;
	unsigned int dma_length, dma_flags;
};
#define SHIM_SG_LAST                  2UL
#define sg_dma_address(sg)            ((sg)->dma_address)
#define sg_dma_len(sg)                ((sg)->dma_length)
#define sg_page(sg)                   ((struct page *)((sg)->page_link & ~3UL))
#define sg_phys(sg)                   (page_to_phys(sg_page(sg)) + (sg)->offset)
#define sg_dma_is_bus_address(sg)     (((sg)->dma_flags & 1) != 0)
#define sg_dma_unmark_bus_address(sg) ((sg)->dma_flags &= ~1U)
#define sg_dma_mark_bus_address(sg)   ((sg)->dma_flags |= 1U)
#define sg_dma_is_swiotlb(sg)         (((sg)->dma_flags & 2) != 0)
#define sg_dma_mark_swiotlb(sg)       ((sg)->dma_flags |= 2U)
#define for_each_sg(list, sg, count, i)                                                            \
	for ((i) = 0, (sg) = (list); (i) < (count); (i)++, (sg) = sg_next(sg))

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
	return (sg->page_link & SHIM_SG_LAST) != 0 ? NULL : sg + 1;
}

enum pci_p2pdma_map_type {
	PCI_P2PDMA_MAP_NONE,
	PCI_P2PDMA_MAP_BUS_ADDR,
	PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
};
struct pci_p2pdma_map_state {
	void *mem;
};
/* Fills at once: the kernel has an instruction for it, which is slower for so few words. */
static inline void memset64(uint64_t *words, uint64_t value, size_t count)
{
	while (count-- != 0)
		*words++ = value;
}

#define __bf_shf(mask) (__builtin_ffsll((long long)(mask)) - 1)

/* Memory is not encrypted. */
#define __sme_set(value)                           (value)
#define __sme_clr(value)                           (value)
#define pci_p2pdma_state(state, device, page)      ((void)(page), PCI_P2PDMA_MAP_NONE)
#define pci_p2pdma_bus_addr_map(provider, address) (address)

#endif
