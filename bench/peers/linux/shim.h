/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a few files of Linux see of a kernel, in a user-space benchmark. Written here; nothing of
 * the peer's source is in this repository: bench/peers/linux/extract takes it from Debian's
 * package.
 *
 * What each kernel service became, and why that is fair to the peer:
 *   spinlocks              one atomic exchange to take, one release store to give back: what an
 *                          uncontended kernel spinlock costs, or less
 *   disabling interrupts   nothing: free, where a kernel pays a few cycles
 *   per-CPU data           an array indexed by a thread-local number: one add, as in a kernel
 *   node cache (kmem_cache) a thread-local free list: cheaper than any real slab
 *   table pages            the same page pool and memset as ours
 *   struct page            an array beside the page pool, as in a kernel
 *   cache flushes          none: a coherent unit; ours is configured alike
 */
#ifndef LINUX_SHIM_H
#define LINUX_SHIM_H

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;
typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
typedef unsigned int gfp_t;

#define CONFIG_64BIT 1
#define __percpu
#define __iomem
#define __init
#define likely(x)                __builtin_expect(!!(x), 1)
#define unlikely(x)              __builtin_expect(!!(x), 0)
#define READ_ONCE(x)             (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)         (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()                __asm__ volatile("" ::: "memory")
#define container_of(p, t, m)    ((t *)((char *)(p)-offsetof(t, m)))
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#define WARN_ON(x)                                                                                 \
	({                                                                                         \
		int warned = !!(x);                                                                \
		warned;                                                                            \
	})
#define WARN_ON_ONCE(x) WARN_ON(x)
#define BUG_ON(x)                                                                                  \
	do {                                                                                       \
		if (unlikely(x))                                                                   \
			abort();                                                                   \
	} while (0)
#define EXPORT_SYMBOL(x)     extern int shim_unused
#define EXPORT_SYMBOL_GPL(x) extern int shim_unused
#define MODULE_AUTHOR(x)     extern int shim_unused
#define MODULE_LICENSE(x)    extern int shim_unused
#define IS_REACHABLE(x)      1
#define pr_err(...)                                                                                \
	do {                                                                                       \
	} while (0)
#define pr_info_once(...)                                                                          \
	do {                                                                                       \
	} while (0)
#define min(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) x_ = (a), y_ = (b);                                                  \
		x_ < y_ ? x_ : y_;                                                                 \
	})
#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max(a, b)                                                                                  \
	({                                                                                         \
		__typeof__(a) x_ = (a), y_ = (b);                                                  \
		x_ > y_ ? x_ : y_;                                                                 \
	})
#define swap(a, b)                                                                                 \
	do {                                                                                       \
		__typeof__(a) t_ = (a);                                                            \
		(a) = (b);                                                                         \
		(b) = t_;                                                                          \
	} while (0)
#define ALIGN(x, a)           (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define ALIGN_DOWN(x, a)      ((x) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a)      (((x) & ((__typeof__(x))(a)-1)) == 0)
#define BIT_ULL(n)            (1ULL << (n))
#define PAGE_SHIFT            12
#define PAGE_SIZE             4096UL
#define GFP_KERNEL            0
#define GFP_ATOMIC            1
#define __GFP_NOWARN          0
#define SLAB_HWCACHE_ALIGN    0

#define fls_long(x)           ((x) ? 64 - __builtin_clzl(x) : 0)
#define __fls(x)              (63UL - (unsigned long)__builtin_clzl(x))
#define __ffs(x)              ((unsigned long)__builtin_ctzl(x))
#define is_power_of_2(x)      ((x) != 0 && ((x) & ((x)-1)) == 0)
#define order_base_2(x)       ((x) > 1 ? 64 - __builtin_clzl((unsigned long)(x)-1) : 0)
#define ilog2(x)              (63 - __builtin_clzl((unsigned long)(x)))
#define roundup_pow_of_two(x) (1UL << order_base_2(x))

/* --- locks ------------------------------------------------------------------------------------ */
typedef struct {
	u32 taken;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->taken = 0;
}

static inline void spin_lock(spinlock_t *lock)
{
	while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED) != 0)
			__builtin_ia32_pause();
}

static inline void spin_unlock(spinlock_t *lock)
{
	__atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

#define spin_lock_irqsave(lock, flags)                                                             \
	do {                                                                                       \
		(flags) = 0;                                                                       \
		spin_lock(lock);                                                                   \
	} while (0)
#define spin_unlock_irqrestore(lock, flags)                                                        \
	do {                                                                                       \
		(void)(flags);                                                                     \
		spin_unlock(lock);                                                                 \
	} while (0)
#define assert_spin_locked(lock) ((void)(lock))
#define DEFINE_MUTEX(name)       int name
#define mutex_lock(m)            ((void)(m))
#define mutex_unlock(m)          ((void)(m))

/* --- CPUs ------------------------------------------------------------------------------------- */
#define SHIM_CPUS 2
extern __thread unsigned int shim_cpu;
#define for_each_possible_cpu(cpu)               for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)
#define for_each_online_cpu(cpu)                 for_each_possible_cpu(cpu)
#define shim_stride(size)                        (((size) + 127) & ~127UL)
#define __alloc_percpu(size, align)              shim_alloc_percpu(size)
#define free_percpu(p)                           free(p)
#define per_cpu_ptr(p, cpu)                      ((__typeof__(p))((char *)(p) + (cpu)*shim_stride(sizeof(*(p)))))
#define raw_cpu_ptr(p)                           per_cpu_ptr(p, shim_cpu)
#define cache_line_size()                        64
#define CPUHP_IOMMU_IOVA_DEAD                    0
#define cpuhp_setup_state_multi(...)             0
#define cpuhp_state_add_instance_nocalls(...)    0
#define cpuhp_state_remove_instance_nocalls(...) ((void)0)
#define cpuhp_remove_multi_state(...)            ((void)0)

static inline void *shim_alloc_percpu(size_t size)
{
	void *all = aligned_alloc(128, SHIM_CPUS * shim_stride(size));

	return all == NULL ? NULL : memset(all, 0, SHIM_CPUS * shim_stride(size));
}

struct hlist_node {
	struct hlist_node *next;
};
#define hlist_entry_safe(p, t, m) ((p) ? container_of(p, t, m) : NULL)

/* --- memory ----------------------------------------------------------------------------------- */
#define kmalloc(size, flags)    malloc(size)
#define kzalloc(size, flags)    calloc(1, size)
#define kcalloc(n, size, flags) calloc(n, size)
#define kfree(p)                free(p)

/* Free objects are each thread's own, in a list for each size. */
#define SHIM_SIZES 4
struct kmem_cache {
	size_t size;
	unsigned int list;
};
extern __thread void *shim_objects[SHIM_SIZES];
extern size_t shim_sizes[SHIM_SIZES];

static inline struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
						   unsigned int flags, void *constructor)
{
	struct kmem_cache *cache = malloc(sizeof(*cache));
	unsigned int list;

	(void)name, (void)align, (void)flags, (void)constructor;
	cache->size = size;
	for (list = 0; shim_sizes[list] != 0 && shim_sizes[list] != size; list++)
		BUG_ON(list + 1 == SHIM_SIZES);
	shim_sizes[list] = size;
	cache->list = list;
	return cache;
}
#define kmem_cache_destroy(cache) free(cache)

static inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	void *object = shim_objects[cache->list];

	(void)flags;
	if (object == NULL)
		return malloc(cache->size);
	memcpy(&shim_objects[cache->list], object, sizeof(void *));
	return object;
}

static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags)
{
	void *object = kmem_cache_alloc(cache, flags);

	return object == NULL ? NULL : memset(object, 0, cache->size);
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	memcpy(object, &shim_objects[cache->list], sizeof(void *));
	shim_objects[cache->list] = object;
}

#endif
