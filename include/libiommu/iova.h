/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOVA allocation: which device addresses are free.
 *
 * A space is a range of granules (pages of the space's own size, 4 KiB to 1 GiB); all positions and
 * sizes here are counted in granules. It is a balanced tree of the ranges that are taken, in which
 * every subtree knows its largest gap and its largest naturally aligned gap.
 *
 * Cost. With n ranges taken, O(log n) in the worst case, whether the request succeeds or fails, for
 *   - requests without alignment and boundary, and
 *   - naturally aligned ones: size and alignment are the same power of two;
 * with any limit, lower bound and direction, and exactly: if a place exists, it is found, and it is
 * the highest (or lowest) one. For other combinations at most IOMMU_IOVA_CANDIDATES gaps are looked
 * at that may or may not fit, then one O(log n) search for a gap that is sure to fit; so a gap that
 * fits by luck may be passed over and IOMMU_ENOSPC returned, unless IOMMU_IOVA_EXACT asks to look
 * at every gap that is large enough. Reserve, free, find: O(log n).
 *
 * Locking: each space has one spinlock, taken by every function below except init and destroy; held
 * for one tree operation, with local interrupts off where the platform has irq_save. Callable from
 * any context; from one that must not sleep with IOMMU_IOVA_ATOMIC. Nothing is allocated under the
 * lock, and freeing never allocates.
 */
#ifndef LIBIOMMU_IOVA_H
#define LIBIOMMU_IOVA_H

#include <libiommu/platform.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_iova_space;

/* A range that is taken: the handle of an allocation. Read-only for users. */
struct iommu_iova_range {
	struct iommu_rb_node node;
	struct iommu_iova_range *previous, *next; /* by address */
	uint64_t first, last;                     /* granules, inclusive */
	/* Over this range and all below it in the tree: the largest gap before one of them … */
	uint64_t subtree_gap;
	/* … and the order of the largest naturally aligned block that fits into one; -1: none. */
	int subtree_order;
	bool reserved; /* made by reserve, not by alloc */
};

/* The most gaps that an inexact search looks at. */
#define IOMMU_IOVA_CANDIDATES 8

enum iommu_iova_flags {
	IOMMU_IOVA_BOTTOM_UP = 1 << 0, /* the lowest place instead of the highest */
	IOMMU_IOVA_EXACT = 1 << 1,     /* look at every gap; see the head of this file */
	IOMMU_IOVA_ATOMIC = 1 << 2,    /* must not sleep: ask the host with IOMMU_ALLOC_ATOMIC */
	IOMMU_IOVA_MERGE = 1 << 3,     /* reserve: overlapping what is reserved already is fine */
	/*
	 * Below 4 GiB if there is a place, anywhere up to the limit if not: for devices that are
	 * slow, or wrong, with longer addresses. A full low space costs nothing: see
	 * iommu_iova_alloc.
	 */
	IOMMU_IOVA_LOW_FIRST = 1 << 4,
};

struct iommu_iova_request {
	uint64_t size;      /* granules, not 0 */
	uint64_t alignment; /* of the first granule: a power of two; 0 or 1: any */
	uint64_t boundary;  /* no multiple of it may lie inside: a power of two >= size; 0: none */
	uint64_t lowest;    /* the first granule that may be used */
	uint64_t limit;     /* the last granule that may be used, inclusive */
	unsigned int flags; /* enum iommu_iova_flags */
};

struct iommu_iova_config {
	const struct iommu_platform *platform;
	uint64_t granule; /* bytes: a power of two, 4 KiB to 1 GiB */
	uint64_t first;   /* the first granule of the space; usually 1, so that address 0 is never
			     used */
	uint64_t last;    /* its last granule, inclusive; at most that of the 64-bit space */
};

/*
 * iommu_iova_space_create - an empty space. Returns 0, IOMMU_EINVAL (platform, granule, or first >
 * last or beyond 64 bits) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_iova_space_create(const struct iommu_iova_config *config,
				      struct iommu_iova_space **space);

/* iommu_iova_space_destroy - free a space with all ranges in it. */
IOMMU_API void iommu_iova_space_destroy(struct iommu_iova_space *space);

/*
 * iommu_iova_alloc - take a free range.
 *
 * *range is its handle, owned by the space and valid until it is freed.
 *
 * The space remembers the smallest plain and the smallest naturally aligned request that found no
 * place below 4 GiB, and refuses such requests and larger ones there without searching, until a
 * range below 4 GiB is freed. Returns 0, or
 *   IOMMU_EINVAL  size is 0, alignment or boundary is no power of two, boundary < size,
 *                 lowest > limit
 *   IOMMU_ENOSPC  no such place; for combinations with a bounded search see the head of this file
 *   IOMMU_ENOMEM  no memory for the handle
 */
IOMMU_API int iommu_iova_alloc(struct iommu_iova_space *space,
			       const struct iommu_iova_request *request,
			       struct iommu_iova_range **range);

/*
 * iommu_iova_reserve - take exactly [first, last].
 *
 * With IOMMU_IOVA_MERGE reserved ranges that overlap it become one with it: *range is then the
 * union, and their handles are no longer valid. range may be NULL. Returns 0, or with nothing
 * changed
 *   IOMMU_EINVAL  first > last
 *   IOMMU_ERANGE  not inside the space
 *   IOMMU_EEXIST  part of it is taken (with MERGE: by an allocation)
 *   IOMMU_ENOMEM  no memory for the handle
 */
IOMMU_API int iommu_iova_reserve(struct iommu_iova_space *space, uint64_t first, uint64_t last,
				 unsigned int flags, struct iommu_iova_range **range);

/*
 * iommu_iova_copy_reserved - reserve in `to`, with MERGE, all that is reserved in `from` and lies
 * in both; where granules differ, every one that is touched. Returns 0, or the error of the first
 * range that failed, IOMMU_EEXIST (part of it is allocated) or IOMMU_ENOMEM; those before it stay.
 * `from` must not change meanwhile.
 */
IOMMU_API int iommu_iova_copy_reserved(struct iommu_iova_space *to, struct iommu_iova_space *from);

/* iommu_iova_free - give a range back, by its handle, which must be alive. */
IOMMU_API void iommu_iova_free(struct iommu_iova_space *space, struct iommu_iova_range *range);

/*
 * iommu_iova_free_at - give back the range that begins at a granule. IOMMU_ENOENT when none begins
 * there: freed already, or never allocated; nothing changed.
 */
IOMMU_API int iommu_iova_free_at(struct iommu_iova_space *space, uint64_t first);

/* iommu_iova_find - the range that holds a granule, or NULL. Valid while the caller keeps it from
 * being freed. */
IOMMU_API struct iommu_iova_range *iommu_iova_find(struct iommu_iova_space *space,
						   uint64_t granule);

/*
 * The same with handles that are the caller's memory, embedded in what the caller wants to find
 * again: nothing is allocated, and nothing fails for want of memory. A handle is the caller's again
 * when it is removed, and all are to be removed before the space is destroyed. A space has handles
 * of this kind or of the other.
 *
 * iommu_iova_place     as iommu_iova_alloc; IOMMU_EINVAL or IOMMU_ENOSPC
 * iommu_iova_place_at  exactly [first, last]: as iommu_iova_reserve; IOMMU_EINVAL, IOMMU_ERANGE or
 *                      IOMMU_EEXIST
 * iommu_iova_remove    as iommu_iova_free
 * iommu_iova_find_from the first range that ends at or after a granule; NULL: there is none
 */
IOMMU_API int iommu_iova_place(struct iommu_iova_space *space,
			       const struct iommu_iova_request *request,
			       struct iommu_iova_range *range);
IOMMU_API int iommu_iova_place_at(struct iommu_iova_space *space, uint64_t first, uint64_t last,
				  struct iommu_iova_range *range);
IOMMU_API void iommu_iova_remove(struct iommu_iova_space *space, struct iommu_iova_range *range);
IOMMU_API struct iommu_iova_range *iommu_iova_find_from(struct iommu_iova_space *space,
							uint64_t granule);

/* iommu_iova_next - iterate by address: NULL gives the first, the last gives NULL. The space must
 * not change meanwhile. */
IOMMU_API struct iommu_iova_range *iommu_iova_next(struct iommu_iova_space *space,
						   const struct iommu_iova_range *range);

struct iommu_iova_stats {
	uint64_t ranges;        /* taken, reserved ones included */
	uint64_t taken, free;   /* granules; together the whole space */
	uint64_t largest_gap;   /* granules */
	uint64_t largest_block; /* granules of the largest naturally aligned free block */
};

/* iommu_iova_get_stats - O(1). Fragmentation is 1 - largest_gap / free. */
IOMMU_API void iommu_iova_get_stats(struct iommu_iova_space *space, struct iommu_iova_stats *stats);

/* --- Caches ----------------------------------------------------------------------------------- */

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
