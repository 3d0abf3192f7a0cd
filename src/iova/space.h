/* SPDX-License-Identifier: BSD-2-Clause */
/* Internals of IOVA spaces. */
#ifndef IOMMU_IOVA_SPACE_H
#define IOMMU_IOVA_SPACE_H

#include <libiommu/iova.h>

#include "base/bits.h"
#include "base/object_cache.h"
#include "base/rbtree.h"

struct iommu_iova_space {
	const struct iommu_platform *platform;
	struct iommu_spinlock lock;
	struct iommu_rb_tree tree;
	uint64_t granule;
	uint64_t first, last;
	uint64_t ranges, taken;
	/*
	 * Markers before the first granule (in the list only) and behind the last one (in the tree,
	 * too): so every gap is the gap between a range and the one before it, and the tree is
	 * never empty.
	 */
	struct iommu_iova_range begin, end;
	struct iommu_object_cache cache;
	/*
	 * The last granule below 4 GiB, and the smallest sizes that found no place up to there
	 * since a range there was freed: of plain requests, and of naturally aligned ones.
	 */
	uint64_t low_last;
	uint64_t low_failed_plain, low_failed_natural;
	/*
	 * Handles that were freed, linked by `next`, at most IOVA_SPARES_MAX and one that was
	 * parked: under the lock that an allocation takes anyway.
	 */
	struct iommu_iova_range *spares;
	unsigned int spare_count;
	/*
	 * What iommu_iova_alloc placed last, and the request, as long as nothing was placed or
	 * freed since; or NULL. `is_parked`: it is free, but not taken out of the tree yet: the
	 * same request gets it back, and everything else has it taken out first.
	 */
	struct iommu_iova_range *latest;
	struct iommu_iova_request latest_request;
	bool is_parked;
};

#define IOVA_SPARES_MAX (IOMMU_CONFIG_IOVA_CACHES ? 64U : 0U)
#define IOVA_PARKS      (IOMMU_CONFIG_IOVA_CACHES != 0)

static inline struct iommu_iova_range *iommu_iova_range_of(const struct iommu_rb_node *node)
{
	return (struct iommu_iova_range *)((uintptr_t)node -
					   offsetof(struct iommu_iova_range, node));
}

/* The gap before a range is [iommu_iova_gap_first, range->first - 1]; empty when they touch. */
static inline uint64_t iommu_iova_gap_first(const struct iommu_iova_range *range)
{
	return range->previous->last + 1;
}

/*
 * The highest (or lowest) place for a request: the range whose gap it lies in, or NULL. The
 * request's alignment is at least 1. The space is locked.
 */
struct iommu_iova_range *iommu_iova_search(const struct iommu_iova_space *space,
					   const struct iommu_iova_request *request,
					   uint64_t *first);

/* A request that only a gap's size, or only its largest aligned block, decides about. */
static inline bool iommu_iova_is_plain(const struct iommu_iova_request *request)
{
	return request->alignment <= 1 && request->boundary == 0;
}

static inline bool iommu_iova_is_natural(const struct iommu_iova_request *request)
{
	/* An aligned block never lies across a boundary that is not smaller. */
	return request->alignment == request->size && (request->size & (request->size - 1)) == 0;
}

/*
 * Give back the range that begins at a granule, if it has so many. IOMMU_ENOENT: there is no such
 * range, nothing changed.
 */
int iommu_iova_free_exactly(struct iommu_iova_space *space, uint64_t first, uint64_t size);

#define IOVA_PIECES_MAX 8U

/*
 * Allocate the request as adjacent ranges of 2^order granules each, which are its size divided by
 * that, at most IOVA_PIECES_MAX, and are given back one by one. *first: of the first. Errors as
 * iommu_iova_alloc.
 */
int iommu_iova_alloc_pieces(struct iommu_iova_space *space,
			    const struct iommu_iova_request *request, unsigned int order,
			    uint64_t *first);

/* The first range whose start is beyond a granule; the end marker at the latest. Locked. */
struct iommu_iova_range *iommu_iova_first_beyond(const struct iommu_iova_space *space,
						 uint64_t granule);

/*
 * One in each file that asks, which is faster: each change of the tree asks several times. Where
 * size counts (-Os), that of search.c.
 */
#ifdef __OPTIMIZE_SIZE__
#define IOVA_BLOCK_ORDER_COPY
#else
#define IOVA_BLOCK_ORDER_COPY static inline
#endif

/* The order of the largest naturally aligned block in [first, first + size); -1 when size is 0. */
IOVA_BLOCK_ORDER_COPY int iommu_iova_block_order(uint64_t first, uint64_t size);

#if !defined(__OPTIMIZE_SIZE__) || defined(IOVA_BLOCK_ORDER_BODY)
IOVA_BLOCK_ORDER_COPY int iommu_iova_block_order(uint64_t first, uint64_t size)
{
	unsigned int order;
	uint64_t block, start;

	if (size == 0)
		return -1;
	order = iommu_highest_bit(size);
	block = 1ULL << order;
	start = (first + (block - 1)) & ~(block - 1);
	/* 2^order granules always hold an aligned block of half that; of all of it only by luck. */
	return start - first <= size - block ? (int)order : (int)order - 1;
}
#endif

#endif
