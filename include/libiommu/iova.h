/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation of IO virtual addresses.
 *
 * A space is a range of granules (pages of the space's own size, 4 KiB to 1 GiB); all positions and
 * sizes here are in granules. It is a balanced tree of the allocated and reserved ranges, in which
 * every subtree records its largest gap and its largest naturally aligned gap.
 *
 * Cost. With n ranges, O(log n) in the worst case, whether the request succeeds or fails, for
 *   - requests without alignment and boundary, and
 *   - naturally aligned ones: size and alignment are the same power of two;
 * with any limit, lower bound and direction, and exactly: if there is a place, it is found, and it
 * is the highest (or lowest) one. For other combinations at most IOMMU_IOVA_CANDIDATES gaps are
 * examined that may fit, then one O(log n) search finds a gap that is certain to fit. A gap that
 * fits only by chance may be missed, and IOMMU_ENOSPC returned, unless IOMMU_IOVA_EXACT requests
 * that every large enough gap is examined. Reserve, free, find: O(log n).
 *
 * Locking: each space has one spinlock, taken by every function below except create and destroy;
 * held for one tree operation, with local interrupts disabled where the platform has irq_save.
 * Callable from any context; with IOMMU_IOVA_ATOMIC from one that must not sleep. Nothing is
 * allocated under the lock, and freeing never allocates.
 */
#ifndef LIBIOMMU_IOVA_H
#define LIBIOMMU_IOVA_H

#include <libiommu/platform.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_iova_space;

/* An allocated or reserved range: the handle of an allocation. Read-only for users. */
struct iommu_iova_range {
	struct iommu_rb_node node;
	struct iommu_iova_range *previous, *next; /* in order of addresses */
	uint64_t first, last;                     /* in granules, inclusive */
	/* Of this range and all below it in the tree: the largest gap before one of them … */
	uint64_t subtree_gap;
	/* … and the order of the largest naturally aligned block that fits into one; -1: none. */
	int subtree_order;
	bool reserved; /* by iommu_iova_reserve, not by an allocation */
};

/* Gaps that an inexact search examines at most. */
#define IOMMU_IOVA_CANDIDATES 8

enum iommu_iova_flags {
	IOMMU_IOVA_BOTTOM_UP = 1 << 0, /* the lowest place instead of the highest */
	IOMMU_IOVA_EXACT = 1 << 1,     /* examine every gap; see the head of this file */
	IOMMU_IOVA_ATOMIC =
		1 << 2,            /* must not sleep: memory is allocated with IOMMU_ALLOC_ATOMIC */
	IOMMU_IOVA_MERGE = 1 << 3, /* reserve: overlaps with reserved ranges are allowed */
	/*
	 * Below 4 GiB if there is a place, otherwise anywhere up to the limit: for devices that are
	 * slow, or faulty, with longer addresses. A full low space costs nothing: see
	 * iommu_iova_alloc.
	 */
	IOMMU_IOVA_LOW_FIRST = 1 << 4,
};

struct iommu_iova_request {
	uint64_t size;      /* in granules, not 0 */
	uint64_t alignment; /* of the first granule: a power of two; 0 or 1: none */
	uint64_t
		boundary; /* the range crosses no multiple of it: a power of two >= size; 0: none */
	uint64_t lowest;  /* first granule that may be used */
	uint64_t limit;   /* last granule that may be used, inclusive */
	unsigned int flags; /* enum iommu_iova_flags */
};

struct iommu_iova_config {
	const struct iommu_platform *platform;
	uint64_t granule;   /* in bytes: a power of two, 4 KiB to 1 GiB */
	uint64_t first;     /* first granule; usually 1, so that address 0 is not used */
	uint64_t last;      /* last granule, inclusive; at most the last of the 64-bit space */
	unsigned int flags; /* 0 */
};

/*
 * iommu_iova_space_create - make an empty space. Returns 0, IOMMU_EINVAL (platform, granule,
 * unknown flags, or first > last or beyond 64 bits) or IOMMU_ENOMEM. Context: may sleep; no other
 * call uses the space.
 */
IOMMU_API int iommu_iova_space_create(const struct iommu_iova_config *config,
				      struct iommu_iova_space **space);

/*
 * iommu_iova_space_destroy - free a space with all of its ranges. Context: may sleep; no other call
 * uses the space.
 */
IOMMU_API void iommu_iova_space_destroy(struct iommu_iova_space *space);

/*
 * iommu_iova_alloc - allocate a range.
 *
 * @range: receives the handle, which is owned by the space and valid until it is freed.
 *
 * The space remembers the smallest plain and the smallest naturally aligned request that found no
 * place below 4 GiB, and rejects such requests and larger ones there without a search, until a
 * range below 4 GiB is freed. Returns 0, or
 *   IOMMU_EINVAL  size is 0, alignment or boundary is no power of two, boundary < size, lowest >
 *                 limit
 *   IOMMU_ENOSPC  no place; for combinations with a bounded search see the head of this file
 *   IOMMU_ENOMEM  no memory for the handle
 *
 * Context: any; takes the space's spinlock; sleeps only for memory, without IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_alloc(struct iommu_iova_space *space,
			       const struct iommu_iova_request *request,
			       struct iommu_iova_range **range);

/*
 * iommu_iova_reserve - reserve exactly [first, last].
 *
 * @range: receives the handle; may be NULL.
 *
 * With IOMMU_IOVA_MERGE, overlapping reserved ranges are merged: *range is the union, and their
 * handles are no longer valid. Returns 0, or with nothing changed
 *   IOMMU_EINVAL  first > last
 *   IOMMU_ERANGE  not inside the space
 *   IOMMU_EEXIST  part of it is in use (with IOMMU_IOVA_MERGE: allocated)
 *   IOMMU_ENOMEM  no memory for the handle
 *
 * Context: any; takes the space's spinlock; sleeps only for memory, without IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_reserve(struct iommu_iova_space *space, uint64_t first, uint64_t last,
				 unsigned int flags, struct iommu_iova_range **range);

/*
 * iommu_iova_copy_reserved - reserve in `to`, with IOMMU_IOVA_MERGE, everything that is reserved in
 * `from` and lies in both; if granules differ, rounded outwards. Returns 0, or the error of the
 * first range that failed, IOMMU_EEXIST (part of it is allocated) or IOMMU_ENOMEM; ranges before it
 * remain. `from` must not change meanwhile. Context: any; takes the space's spinlock; sleeps only
 * for memory, without IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_copy_reserved(struct iommu_iova_space *to, struct iommu_iova_space *from);

/*
 * iommu_iova_free - free a range by its handle, which must be valid. Context: any; takes the
 * space's spinlock, never sleeps.
 */
IOMMU_API void iommu_iova_free(struct iommu_iova_space *space, struct iommu_iova_range *range);

/*
 * iommu_iova_free_at - free the range that begins at a granule. IOMMU_ENOENT: no range begins
 * there: already freed, or never allocated; nothing has changed. Context: any; takes the space's
 * spinlock, never sleeps.
 */
IOMMU_API int iommu_iova_free_at(struct iommu_iova_space *space, uint64_t first);

/*
 * iommu_iova_find - the range that contains a granule, or NULL. Valid as long as the caller
 * prevents that it is freed. Context: any; takes the space's spinlock, never sleeps.
 */
IOMMU_API struct iommu_iova_range *iommu_iova_find(struct iommu_iova_space *space,
						   uint64_t granule);

/*
 * The same with handles in memory of the caller, embedded in the caller's objects: nothing is
 * allocated, and no call fails for lack of memory. A handle belongs to the caller again when it is
 * removed, and all must be removed before the space is destroyed. A space has either handles of
 * this kind or of the other.
 *
 * iommu_iova_place - allocate a range that is a structure of the caller's: as iommu_iova_alloc;
 * IOMMU_EINVAL or IOMMU_ENOSPC. iommu_iova_place_at - exactly [first, last]: as iommu_iova_reserve;
 * IOMMU_EINVAL, IOMMU_ERANGE or IOMMU_EEXIST. iommu_iova_remove - take such a range out again: as
 * iommu_iova_free. iommu_iova_find_from - the first range that ends at or after a granule; NULL:
 * there is none.
 *
 * Context: any; takes the space's spinlock, never sleeps.
 */
IOMMU_API int iommu_iova_place(struct iommu_iova_space *space,
			       const struct iommu_iova_request *request,
			       struct iommu_iova_range *range);
IOMMU_API int iommu_iova_place_at(struct iommu_iova_space *space, uint64_t first, uint64_t last,
				  struct iommu_iova_range *range);
IOMMU_API void iommu_iova_remove(struct iommu_iova_space *space, struct iommu_iova_range *range);
IOMMU_API struct iommu_iova_range *iommu_iova_find_from(struct iommu_iova_space *space,
							uint64_t granule);

/*
 * iommu_iova_next - iterate over the ranges in order of addresses: NULL returns the first; after
 * the last, NULL. The space must not change meanwhile. Context: any; takes the space's spinlock,
 * never sleeps.
 */
IOMMU_API struct iommu_iova_range *iommu_iova_next(struct iommu_iova_space *space,
						   const struct iommu_iova_range *range);

struct iommu_iova_stats {
	uint64_t ranges;        /* including reserved ones */
	uint64_t taken, free;   /* in granules; together the whole space */
	uint64_t largest_gap;   /* in granules */
	uint64_t largest_block; /* largest naturally aligned free block, in granules */
};

/*
 * iommu_iova_get_stats - counts and the largest gap of a space. O(1). Fragmentation is 1 -
 * largest_gap / free. Context: any; takes the space's spinlock, never sleeps.
 */
IOMMU_API void iommu_iova_get_stats(struct iommu_iova_space *space, struct iommu_iova_stats *stats);

/* --- Caches ----------------------------------------------------------------------------------- */

/*
 * Per-CPU caches in front of an IOVA space: ranges that drivers free and allocate repeatedly do not
 * reach the tree.
 *
 * Magazines over a depot (Bonwick and Adams, "Magazines and Vmem", USENIX 2001). For each
 * power-of-two size of 1 to 32 granules every CPU has two magazines of free ranges, aligned to
 * their size; a surplus full magazine goes to a depot that all CPUs share, and comes back from
 * there. A hit touches no cache line that another CPU writes.
 *
 * Cached ranges remain allocated in the space, within bounds: with C CPUs and a depot of D
 * magazines, at most (12 C + D) magazines of IOMMU_IOVA_MAGAZINE ranges are held, 1 KiB each. They
 * are made on demand, by the CPU that frees; before that a CPU takes 128 bytes. Freeing may
 * therefore allocate a page, with IOMMU_ALLOC_ATOMIC, but does not depend on it: a range without
 * room in the cache goes to the tree. Draining returns ranges to the tree and magazines to the
 * host. If the tree has no place for a request, all caches are drained into it before the request
 * fails.
 *
 * Locking: one spinlock for each CPU's caches and one for the depot; the space's own lock is never
 * taken under either. Callable from any context; with IOMMU_IOVA_ATOMIC from one that must not
 * sleep. With IOMMU_IOVA_CACHE_CPU_EXCLUSIVE a CPU's caches have no lock, only irq_save and
 * irq_restore: for hosts where nothing else runs on a CPU between the two, and the caller cannot
 * migrate to another CPU meanwhile; or, in a library that was built with IOMMU_CPU_GUARD_HEADER
 * (<libiommu/platform.h>), only the host's guard. Other CPUs cannot reach what one CPU caches: so
 * all of them together keep at most a quarter of the space, with smaller magazines if necessary, or
 * none; and they keep nothing of the lowest quarter of its first 4 GiB, where devices of few
 * address bits find what they need, if not as fast.
 *
 * Neighbours: page-table entries of neighbouring addresses share a cache line, which two CPUs that
 * map there take from each other at each call. With IOMMU_IOVA_CACHE_LINES a CPU whose caches have
 * none of a size below 8 granules takes an aligned block of 8 from the tree, and caches the rest of
 * it. The cost is address space, at most 7 granules for each CPU and size, and 7 handles of the
 * tree; a space of less than 512 granules for each CPU is spared.
 */

struct iommu_iova_cache;

/* Ranges in a magazine. */
#define IOMMU_IOVA_MAGAZINE 127
/* Sizes of 2^0 to 2^5 granules are cached; larger ones always use the tree. */
#define IOMMU_IOVA_CACHED_ORDERS 6

enum iommu_iova_cache_flags {
	IOMMU_IOVA_CACHE_CPU_EXCLUSIVE = 1 << 0, /* see "Locking" above */
	IOMMU_IOVA_CACHE_LINES = 1 << 1,         /* see "Neighbours" above */
};

struct iommu_iova_cache_config {
	struct iommu_iova_space *space; /* must outlive the cache */
	unsigned int depot_magazines;   /* D above, at most 4096; 0: no depot. 64 suffice */
	unsigned int flags;             /* enum iommu_iova_cache_flags */
};

/*
 * iommu_iova_cache_create - make empty caches for every CPU of the space's platform. Only single
 * pages are allocated, whatever the number of CPUs. Returns 0, IOMMU_EINVAL (unknown flags, more
 * than 4096 depot magazines, no CPU, or more than 4096) or IOMMU_ENOMEM. iommu_iova_cache_destroy -
 * drain and free the caches. No other call may use them. Context: may sleep; no other call uses
 * caches that are destroyed.
 */
IOMMU_API int iommu_iova_cache_create(const struct iommu_iova_cache_config *config,
				      struct iommu_iova_cache **cache);
IOMMU_API void iommu_iova_cache_destroy(struct iommu_iova_cache *cache);

/*
 * iommu_iova_cache_alloc - allocate 2^order granules, aligned to their size, none beyond `limit`.
 *
 * @order: 0 to 51; orders that are not cached use the tree.
 * @flags: IOMMU_IOVA_ATOMIC; IOMMU_IOVA_LOW_FIRST: ranges below 4 GiB, cached or not, are
 *         preferred.
 *
 * Returns 0, IOMMU_EINVAL (order), IOMMU_ENOSPC (after draining all caches) or IOMMU_ENOMEM.
 * Context: any; sleeps only for memory, without IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_cache_alloc(struct iommu_iova_cache *cache, unsigned int order,
				     uint64_t limit, unsigned int flags, uint64_t *first);

/*
 * iommu_iova_cache_free - free a range of iommu_iova_cache_alloc, with the same order.
 *
 * Neither is checked: a range that is freed twice is allocated twice. (The tree's
 * iommu_iova_free_at does check.) Context: any; never sleeps.
 */
IOMMU_API void iommu_iova_cache_free(struct iommu_iova_cache *cache, uint64_t first,
				     unsigned int order);

/*
 * iommu_iova_cache_alloc_on - allocate from the cache of a given CPU. iommu_iova_cache_free_on -
 * free into the cache of a given CPU. Both are for callers that know their CPU, which saves a call
 * of the platform's cpu_id. A wrong CPU costs speed; with IOMMU_IOVA_CACHE_CPU_EXCLUSIVE it must be
 * the calling one, unless the host's guard is compiled in, which says itself what the CPU is.
 * Errors as iommu_iova_cache_alloc. Context: any; sleeps only for memory, without
 * IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_cache_alloc_on(struct iommu_iova_cache *cache, unsigned int cpu,
					unsigned int order, uint64_t limit, unsigned int flags,
					uint64_t *first);
IOMMU_API void iommu_iova_cache_free_on(struct iommu_iova_cache *cache, unsigned int cpu,
					uint64_t first, unsigned int order);

/*
 * iommu_iova_cache_alloc_size - allocate a range of any size:
 *   - up to 2^(IOMMU_IOVA_CACHED_ORDERS - 1) granules: the next power of two, naturally aligned,
 *     from the caches; from the tree if the request's alignment or lower bound requires more;
 *   - beyond: exactly its granules, from the tree, with the request's alignment and boundary.
 *     Caches are drained before it fails.
 * Returns as iommu_iova_alloc.
 *
 * iommu_iova_cache_free_size - free such a range, with the same size. For a size that is not cached
 * the range is looked up: if no range of exactly that size begins there, nothing is freed. Context:
 * any; sleeps only for memory, without IOMMU_IOVA_ATOMIC.
 */
IOMMU_API int iommu_iova_cache_alloc_size(struct iommu_iova_cache *cache,
					  const struct iommu_iova_request *request,
					  uint64_t *first);
IOMMU_API void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first,
					  uint64_t size);

/*
 * iommu_iova_cache_drain_cpu - return the ranges of one CPU to the tree, when the CPU goes offline.
 * iommu_iova_cache_drain - those of the depot and all CPUs, under memory pressure. With
 * IOMMU_IOVA_CACHE_CPU_EXCLUSIVE, the depot and the calling CPU at once, and other CPUs when they
 * next free a range; iommu_iova_cache_drain_cpu is then only for the calling CPU, which the caller
 * stays on, or one that is offline. iommu_iova_cache_trim - return one magazine of each size, and
 * an empty one, from the depot: to be called periodically, so that the remains of a burst are not
 * kept forever. The effort of all three is bounded by what is cached.
 *
 * Context: any; never sleeps.
 */
IOMMU_API void iommu_iova_cache_drain_cpu(struct iommu_iova_cache *cache, unsigned int cpu);
IOMMU_API void iommu_iova_cache_drain(struct iommu_iova_cache *cache);
IOMMU_API void iommu_iova_cache_trim(struct iommu_iova_cache *cache);

IOMMU_END_DECLS
#endif
