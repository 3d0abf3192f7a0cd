/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lazy invalidation: a queue of what was unmapped and may not be reused yet.
 *
 * An unmap through the queue clears the page table and returns; device-side caches may go on using
 * the old translation for a while. The address range and the table pages that fell away wait in a
 * ring of the calling CPU until one invalidation of the whole domain, started after they were
 * queued, has completed; only then do they go back to the IOVA cache and to the host. It trades a
 * bounded window, in which a device may still reach memory that was unmapped, for one invalidation
 * in many unmaps: for devices that the host trusts.
 *
 * Bounds, for each CPU: entries and bytes held back, and for all: age. Reaching one of the first
 * two, an unmap invalidates before it queues. Age is the tick's: the host calls
 * iommu_flush_queue_tick every so often, and no entry gets older than max_age_ns and the time
 * between two ticks. An unmap reads no clock, unless it invalidates.
 *
 * When hardware does not confirm an invalidation nothing is retired: entries stay where they are,
 * and an unmap that finds no room returns the error, its range still taken.
 *
 * Locking: one spinlock for each CPU's ring, held for a few entries at a time and never while
 * waiting for hardware or while anything is freed. unmap, flush and tick may be called from any
 * context, on any CPU, at once.
 *
 * Memory: 128 bytes for each CPU, and a ring from a CPU's first unmap on, asked of the host with
 * IOMMU_ALLOC_ATOMIC. Where the host has no block for a whole ring it is made shorter; where it has
 * not even a page the unmap waits for its own invalidation.
 */
#ifndef LIBIOMMU_FLUSH_QUEUE_H
#define LIBIOMMU_FLUSH_QUEUE_H

#include <libiommu/domain.h>
#include <libiommu/iova.h>

IOMMU_BEGIN_DECLS

struct iommu_flush_queue;

struct iommu_flush_queue_config {
	const struct iommu_platform *platform;
	struct iommu_domain *domain;    /* a paging domain */
	struct iommu_iova_cache *cache; /* where ranges go; both must outlive the queue */
	uint64_t granule;               /* of the cache's space, in bytes */
	unsigned int entries;           /* in each CPU's ring, at most: 2 to 1024; 0: 256 */
	uint64_t max_bytes;             /* held back in each CPU's ring; 0: 64 MiB */
	uint64_t max_age_ns;            /* 0: 10 ms. Without now_ns every tick flushes */
};

/*
 * iommu_flush_queue_create - an empty queue. Returns 0, IOMMU_EINVAL (a domain without tables, bad
 * entries or granule, no CPU or more than 4096) or IOMMU_ENOMEM.
 */
IOMMU_API int iommu_flush_queue_create(const struct iommu_flush_queue_config *config,
				       struct iommu_flush_queue **queue);

/*
 * iommu_flush_queue_destroy - flush and free. No other call may be using it. Returns 0, or
 * IOMMU_ETIMEDOUT / IOMMU_EIO: an invalidation was not confirmed; the queue stays, with what it
 * holds.
 */
IOMMU_API int iommu_flush_queue_destroy(struct iommu_flush_queue *queue);

/*
 * iommu_flush_queue_unmap - unmap 2^order granules from the granule `first` on, and give the range
 * back to the cache when it is safe.
 *
 * iommu_flush_queue_unmap_size - the same for a range of any size, in granules, which goes back as
 * by iommu_iova_cache_free_size.
 *
 * Return 0; IOMMU_EINVAL: no size, or beyond 64 bits; the errors of iommu_pgtable_ops.unmap, and
 * IOMMU_ENOENT when nothing was mapped, with nothing changed (the range stays taken: it may belong
 * to another buffer by now); or, when the ring is full, or there is no memory for one, and hardware
 * does not confirm, IOMMU_ETIMEDOUT or IOMMU_EIO: it is unmapped, and the range stays taken for
 * good.
 */
IOMMU_API int iommu_flush_queue_unmap(struct iommu_flush_queue *queue, uint64_t first,
				      unsigned int order);
IOMMU_API int iommu_flush_queue_unmap_size(struct iommu_flush_queue *queue, uint64_t first,
					   uint64_t size);

/*
 * iommu_flush_queue_flush - invalidate now and retire everything that was queued before, on all
 * CPUs: under memory pressure, or before a driver goes. Returns 0, or IOMMU_ETIMEDOUT / IOMMU_EIO:
 * the invalidation was not confirmed, and everything waits on.
 */
IOMMU_API int iommu_flush_queue_flush(struct iommu_flush_queue *queue);

/*
 * iommu_flush_queue_tick - for a timer: flush if anything waits and the last confirmed invalidation
 * began more than max_age_ns ago; on a host without a clock, if anything waits. So an entry may go
 * earlier than at max_age_ns, never later than at the first tick after it. Reads the clock at most
 * twice. Returns as iommu_flush_queue_flush; 0 when there was nothing to do.
 */
IOMMU_API int iommu_flush_queue_tick(struct iommu_flush_queue *queue);

struct iommu_flush_queue_stats {
	uint64_t entries; /* waiting now */
	uint64_t bytes;   /* held back now */
	uint64_t flushes; /* invalidations begun */
};

/* iommu_flush_queue_get_stats - takes each CPU's lock for a moment. */
IOMMU_API void iommu_flush_queue_get_stats(struct iommu_flush_queue *queue,
					   struct iommu_flush_queue_stats *stats);

IOMMU_END_DECLS
#endif
