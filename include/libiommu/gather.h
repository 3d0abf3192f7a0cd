/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gather: what was cleared from a page table and still has to be invalidated.
 *
 * Unmapping clears entries and unlinks tables; hardware may go on using what it cached of them
 * until an invalidation is confirmed. A gather collects what that invalidation must cover, and
 * holds the unlinked table pages until then. The rule that everything else rests on:
 *
 *     no page of the gather's list, no IOVA of its range and no memory that was mapped there
 *     is reused before hardware confirmed the invalidation that covers the gather.
 *
 * A gather lives on the caller's stack or in a queue; it belongs to one page table and one thread
 * at a time, and takes no locks. It is complete when the table's `free_gathered` was called after
 * the invalidation.
 */
#ifndef LIBIOMMU_GATHER_H
#define LIBIOMMU_GATHER_H

#include <libiommu/types.h>

struct iommu_gather {
	/* The smallest range that holds all that was cleared; empty while start > last. */
	iommu_iova_t start;
	iommu_iova_t last;
	/* The smallest leaf that may have been cleared, in bytes; 0 while empty. */
	uint64_t pgsize;
	/* A table went away too: paging-structure caches must go, not only leaf translations. */
	bool tables_unlinked;
	/*
	 * The unlinked subtrees, linked through their first entry. Hardware may still walk them:
	 * the link is written so that the entry reads as not present. Only the page table
	 * understands it.
	 */
	uint64_t freed;
};

static inline void iommu_gather_init(struct iommu_gather *gather)
{
	gather->start = UINT64_MAX;
	gather->last = 0;
	gather->pgsize = 0;
	gather->tables_unlinked = false;
	gather->freed = 0;
}

/* Is there anything to invalidate? */
static inline bool iommu_gather_is_empty(const struct iommu_gather *gather)
{
	return gather->start > gather->last;
}

/* Add the inclusive range [start, last], cleared in leaves of pgsize bytes or larger. */
static inline void iommu_gather_add(struct iommu_gather *gather, iommu_iova_t start,
				    iommu_iova_t last, uint64_t pgsize)
{
	if (start < gather->start)
		gather->start = start;
	if (last > gather->last)
		gather->last = last;
	if (gather->pgsize == 0 || pgsize < gather->pgsize)
		gather->pgsize = pgsize;
}

#endif
