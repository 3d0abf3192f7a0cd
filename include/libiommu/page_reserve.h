/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reserve of pages, for hosts whose page allocator always may sleep, for example because it takes
 * a mutex. A host whose allocator works in any context does not need it.
 *
 *	static struct iommu_page_reserve reserve;
 *
 *	static void *alloc(void *ctx, unsigned int order, int node, unsigned int flags)
 *	{
 *		return iommu_page_reserve_alloc(&reserve, order, node, flags);
 *	}
 *	static void free(void *ctx, void *pages, unsigned int order)
 *	{
 *		iommu_page_reserve_free(&reserve, pages, order);
 *	}
 *	… .alloc_pages = alloc, .free_pages = free …
 *
 *	iommu_page_reserve_init(&reserve, &config)   before the platform is used
 *	iommu_page_reserve_refill(&reserve)          now, when config.wake asks for it, on a timer
 *	iommu_page_reserve_empty(&reserve)           after the end of the instance
 *
 * Allocations that may sleep are passed on to the host. Allocations with IOMMU_ALLOC_ATOMIC are
 * served from blocks that are ready, never from the host: if more is mapped between two refills
 * than was ready, the map fails with IOMMU_ENOMEM and changes nothing. Blocks that the library
 * frees are kept and are ready again at once; surplus blocks are returned to the host by the next
 * refill.
 *
 * How much to keep ready. A map takes at most one page for each level of the table except the
 * first, and one for each 2 MiB that is mapped with pages of 4 KiB; the DMA mapping API takes one
 * or two more now and then for its records, and two for each buffer that it bounces. Tables are
 * freed when one call unmaps everything that they span: so single buffers take and free few pages
 * once a driver is running, and 64 suffice for a few devices. iommu_page_reserve_set_ready raises
 * the number before a large batch that must be atomic; a batch that may sleep
 * (IOMMU_PROT_MAY_SLEEP, iommu_dma_device.may_sleep, everything in ioas.h) does not need it.
 *
 * Locking: alloc, free, set_ready and get_stats in any context, under one spinlock that is held for
 * a few instructions. refill and empty may sleep, as may the host's functions, which are called
 * with no lock held.
 */
#ifndef LIBIOMMU_PAGE_RESERVE_H
#define LIBIOMMU_PAGE_RESERVE_H

#include <libiommu/platform.h>
#include <libiommu/status.h>

IOMMU_BEGIN_DECLS

struct iommu_page_reserve_config {
	/*
	 * The host's own allocator, as the fields of these names in struct iommu_platform, except
	 * that both may sleep: alloc_pages is never called with IOMMU_ALLOC_ATOMIC. REQUIRED.
	 */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*free_pages)(void *ctx, void *pages, unsigned int order);
	/* For the spinlock: as in struct iommu_platform. May be NULL. */
	uintptr_t (*irq_save)(void *ctx);
	void (*irq_restore)(void *ctx, uintptr_t state);
	void (*relax)(void *ctx);
	/*
	 * Called when a refill is needed: less than half is ready, or more than twice as much plus
	 * 32 blocks. Called once until the next refill, in the context of the alloc or free that
	 * noticed it, with no lock of the reserve held: it wakes a thread, and must not sleep.
	 * NULL: the host refills on a timer.
	 */
	void (*wake)(void *ctx);
	void *ctx; /* passed to all of these */
	/* Blocks of each order to keep ready: see iommu_page_reserve_set_ready. */
	unsigned int ready[IOMMU_MAX_ALLOC_ORDER + 1];
	unsigned int flags; /* 0 */
};

/* Memory of the caller; its fields are private to the library. */
struct iommu_page_reserve {
	struct iommu_platform host; /* the services that a spinlock needs */
	void (*wake)(void *ctx);
	uint32_t lock;
	bool woken;
	void *large; /* freed blocks larger than any that is kept ready */
	unsigned int large_count;
	struct iommu_page_reserve_blocks {
		void *clean, *used; /* linked through their first words; used ones must be zeroed */
		unsigned int clean_count, used_count, ready;
		unsigned int taken, missed;
	} blocks[IOMMU_MAX_ALLOC_ORDER + 1];
};

/*
 * iommu_page_reserve_init - initialise an empty reserve. Returns 0, or IOMMU_EINVAL: a function of
 * the allocator is missing, or one of irq_save and irq_restore; unknown flags. Context: any, before
 * the reserve is used.
 */
IOMMU_API int iommu_page_reserve_init(struct iommu_page_reserve *reserve,
				      const struct iommu_page_reserve_config *config);

/*
 * iommu_page_reserve_alloc - alloc_pages of a platform, from the reserve. iommu_page_reserve_free -
 * free_pages of a platform, back to the reserve. The platform's ctx may be the reserve itself if
 * its other services need none. `node` has an effect only on allocations of the host. Context: any;
 * takes a spinlock for a few instructions; alloc sleeps only without IOMMU_ALLOC_ATOMIC.
 */
IOMMU_API void *iommu_page_reserve_alloc(void *reserve, unsigned int order, int node,
					 unsigned int flags);
IOMMU_API void iommu_page_reserve_free(void *reserve, void *pages, unsigned int order);

/*
 * iommu_page_reserve_refill - allocate blocks until as many are ready as wanted, and return surplus
 * blocks to the host. Several calls may run concurrently. Returns 0, or IOMMU_ENOMEM: the host had
 * no more; those that it had are ready. Context: may sleep.
 */
IOMMU_API int iommu_page_reserve_refill(struct iommu_page_reserve *reserve);

/*
 * iommu_page_reserve_set_ready - set the number of blocks of 2^order pages to keep ready, from the
 * next refill on. An order above IOMMU_MAX_ALLOC_ORDER is ignored. Tables and records are of order
 * 0; larger ones are needed for POWER's tables (their level size), and to bounce in domains with
 * larger pages. Context: any; takes a spinlock for a few instructions.
 */
IOMMU_API void iommu_page_reserve_set_ready(struct iommu_page_reserve *reserve, unsigned int order,
					    unsigned int blocks);

/*
 * iommu_page_reserve_empty - return all blocks to the host. No allocation may follow before a
 * refill. Context: may sleep.
 */
IOMMU_API void iommu_page_reserve_empty(struct iommu_page_reserve *reserve);

struct iommu_page_reserve_stats {
	unsigned int ready;  /* blocks available to atomic allocations now */
	unsigned int taken;  /* blocks that atomic allocations have taken */
	unsigned int missed; /* atomic allocations that failed: more should be ready */
};
/*
 * iommu_page_reserve_get_stats - counts of the blocks of one order. Context: any; takes a spinlock
 * for a few instructions.
 */
IOMMU_API void iommu_page_reserve_get_stats(struct iommu_page_reserve *reserve, unsigned int order,
					    struct iommu_page_reserve_stats *stats);

IOMMU_END_DECLS
#endif
