/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU caches over an IOVA space: what drivers free and allocate again and again, without the
 * tree.
 *
 * Magazines over a depot (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). For each
 * power-of-two size of 1 to 32 granules every CPU has two magazines of free ranges, aligned to
 * their size; a full magazine that a CPU has too much goes to a depot that all CPUs share, and
 * comes back from there. A hit touches no cache line that another CPU writes.
 *
 * Cached ranges stay taken in the space: memory and address space are bounded. With C CPUs and a
 * depot of D magazines at most (12 C + D) magazines of IOMMU_IOVA_MAGAZINE ranges are held, 1 KiB
 * each. They are made as they are needed, by the CPU that frees; before that a CPU takes 128 bytes.
 * So freeing may ask the host for a page, with IOMMU_ALLOC_ATOMIC, but does not depend on it: a
 * range for which there is no room goes to the tree. Draining gives ranges to the tree and
 * magazines to the host. When the tree has no place for a request all caches are drained into it
 * before the request fails.
 *
 * Locking: one spinlock for each CPU's caches and one for the depot; the space's own lock is never
 * taken under either. Callable from any context; from one that must not sleep with
 * IOMMU_IOVA_ATOMIC. With IOMMU_IOVA_CACHE_CPU_EXCLUSIVE a CPU's caches have no lock, only irq_save
 * and irq_restore: for hosts where nothing else runs on a CPU between the two, and the caller
 * cannot move to another CPU meanwhile. No other CPU can reach what one keeps there: so all of them
 * together keep a quarter of the space at most, with smaller magazines if need be, or none.
 */
#ifndef LIBIOMMU_IOVA_CACHE_H
#define LIBIOMMU_IOVA_CACHE_H

#include <libiommu/iova.h>

IOMMU_BEGIN_DECLS

struct iommu_iova_cache;

/* Ranges in a magazine. */
#define IOMMU_IOVA_MAGAZINE 127
/* Sizes of 2^0 to 2^5 granules are cached; larger ones always go to the tree. */
#define IOMMU_IOVA_CACHED_ORDERS 6

enum iommu_iova_cache_flags {
	IOMMU_IOVA_CACHE_CPU_EXCLUSIVE = 1 << 0, /* see the head of this file */
};

struct iommu_iova_cache_config {
	struct iommu_iova_space *space; /* must outlive the cache */
	unsigned int depot_magazines;   /* D above; 0: no depot, 64 is plenty */
	unsigned int flags;             /* enum iommu_iova_cache_flags */
};

/*
 * iommu_iova_cache_create - caches for every CPU of the space's platform, empty. Returns 0,
 * IOMMU_EINVAL (unknown flags, more than 4096 depot magazines, no CPU, or more than 4096) or
 * IOMMU_ENOMEM. Single pages are asked for, however many CPUs there are.
 * iommu_iova_cache_destroy - drain and free them. No other call may be using them.
 */
IOMMU_API int iommu_iova_cache_create(const struct iommu_iova_cache_config *config,
				      struct iommu_iova_cache **cache);
IOMMU_API void iommu_iova_cache_destroy(struct iommu_iova_cache *cache);

/*
 * iommu_iova_cache_alloc - 2^order granules, aligned to their size, none beyond `limit`.
 *
 * @order: 0 to 51; larger than what is cached: straight to the tree.
 * @flags: IOMMU_IOVA_ATOMIC, IOMMU_IOVA_LOW_FIRST: then ranges below 4 GiB, cached or not, go
 * first.
 *
 * Returns 0, IOMMU_EINVAL (order), IOMMU_ENOSPC (also after draining all caches) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_iova_cache_alloc(struct iommu_iova_cache *cache, unsigned int order,
				     uint64_t limit, unsigned int flags, uint64_t *first);

/*
 * iommu_iova_cache_free - give back what iommu_iova_cache_alloc returned, with the same order.
 *
 * The caller vouches for both: a range that is freed twice is handed out twice. (The tree, asked by
 * iommu_iova_free_at, does check.)
 */
IOMMU_API void iommu_iova_cache_free(struct iommu_iova_cache *cache, uint64_t first,
				     unsigned int order);

/*
 * iommu_iova_cache_alloc_on, iommu_iova_cache_free_on - the same for callers that know which CPU
 * they are on, which saves a call of the platform's cpu_id. A wrong CPU costs speed; with
 * CPU_EXCLUSIVE it must be the calling one.
 * Errors as iommu_iova_cache_alloc.
 */
IOMMU_API int iommu_iova_cache_alloc_on(struct iommu_iova_cache *cache, unsigned int cpu,
					unsigned int order, uint64_t limit, unsigned int flags,
					uint64_t *first);
IOMMU_API void iommu_iova_cache_free_on(struct iommu_iova_cache *cache, unsigned int cpu,
					uint64_t first, unsigned int order);

/*
 * iommu_iova_cache_alloc_size - what a request of any size takes:
 *   - up to 2^(IOMMU_IOVA_CACHED_ORDERS - 1) granules: the next power of two, aligned to it, from
 *     the caches; where the request's alignment or lower bound asks for more, from the tree;
 *   - beyond: exactly its granules, from the tree, with the request's alignment and boundary.
 *     Caches are drained before it fails.
 * Returns as iommu_iova_alloc.
 *
 * iommu_iova_cache_free_size - give it back, with the same size. A larger size than the caches' is
 * looked up: where no range of just that size begins, nothing is given back.
 */
IOMMU_API int iommu_iova_cache_alloc_size(struct iommu_iova_cache *cache,
					  const struct iommu_iova_request *request,
					  uint64_t *first);
IOMMU_API void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first,
					  uint64_t size);

/*
 * iommu_iova_cache_drain_cpu - give the ranges of one CPU back to the tree: when it goes away.
 * iommu_iova_cache_drain - the depot's and every CPU's: under memory pressure. With CPU_EXCLUSIVE
 * the calling CPU's caches and the depot at once, and those of the others when they next free a
 * range; drain_cpu is then for the calling CPU, or one that is off.
 * iommu_iova_cache_trim - one magazine of each size, and an empty one, back from the depot: to be
 * called now and then, so that what a burst left there does not stay for ever. All bounded by what
 * is cached.
 */
IOMMU_API void iommu_iova_cache_drain_cpu(struct iommu_iova_cache *cache, unsigned int cpu);
IOMMU_API void iommu_iova_cache_drain(struct iommu_iova_cache *cache);
IOMMU_API void iommu_iova_cache_trim(struct iommu_iova_cache *cache);

IOMMU_END_DECLS
#endif
