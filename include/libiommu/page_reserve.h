/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reserve of pages, for hosts whose page allocator may sleep and has no other form: one that
 * takes a mutex, say. A host whose allocator works in any context needs nothing of this.
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
 *	iommu_page_reserve_empty(&reserve)           when the instance is gone
 *
 * What the library asks for where it may sleep is handed on to the host. What it asks for with
 * IOMMU_ALLOC_ATOMIC comes from blocks that are ready, and never from the host: there is none left
 * when more is mapped between two refills than was made ready, and the map fails with IOMMU_ENOMEM
 * and changes nothing. What the library gives back is kept, and is ready again at once; what is too
 * much goes back to the host with the next refill.
 *
 * How much to keep ready. A map takes at most one page for each level of the table but the first,
 * and for each 2 MiB that is mapped by pages of 4 KiB one; the DMA mapping API one or two more now
 * and then, for its notes, and two for each buffer that it bounces. Tables are given back when all
 * that they span is unmapped by one call: so single buffers take and give few pages once a driver
 * is at work, and 64 are plenty for a few devices. Before a large batch that must be atomic
 * iommu_page_reserve_set_ready raises the number; a batch that may sleep (IOMMU_PROT_MAY_SLEEP,
 * iommu_dma_device.may_sleep, everything of ioas.h) needs nothing of it.
 *
 * Locking: alloc, free, set_ready and get_stats in any context, under one spinlock that is held for
 * a few instructions. refill and empty may sleep, as the host's functions do, which are called with
 * no lock held.
 */
#ifndef LIBIOMMU_PAGE_RESERVE_H
#define LIBIOMMU_PAGE_RESERVE_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_page_reserve_config {
	/*
	 * The host's own allocator, as the fields of these names in struct iommu_platform, but both
	 * may sleep: alloc_pages is never asked with IOMMU_ALLOC_ATOMIC. REQUIRED.
	 */
	void *(*alloc_pages)(void *ctx, unsigned int order, int node, unsigned int flags);
	void (*free_pages)(void *ctx, void *pages, unsigned int order);
	/* For the spinlock: as in struct iommu_platform. May be NULL. */
	uintptr_t (*irq_save)(void *ctx);
	void (*irq_restore)(void *ctx, uintptr_t state);
	void (*relax)(void *ctx);
	/*
	 * A refill is wanted: less than half is ready, or more than twice as much and 32 blocks.
	 * Called once until the next refill, in the context of the alloc or free that saw it, with
	 * no lock of the reserve held: it wakes a thread, and must not sleep. NULL: the host
	 * refills on a timer.
	 */
	void (*wake)(void *ctx);
	void *ctx; /* handed to all of these */
	/* Blocks of each order to keep ready: see iommu_page_reserve_set_ready. */
	unsigned int ready[IOMMU_MAX_ALLOC_ORDER + 1];
};

/* The caller's memory; its fields are the library's. */
struct iommu_page_reserve {
	struct iommu_platform host; /* what of the configuration a spinlock takes, too */
	void (*wake)(void *ctx);
	uint32_t lock;
	bool woken;
	void *large; /* given back, and larger than any that is kept ready */
	unsigned int large_count;
	struct iommu_page_reserve_blocks {
		void *clean, *used; /* linked in their first words; used ones are to be zeroed */
		unsigned int clean_count, used_count, ready;
		unsigned int taken, missed;
	} blocks[IOMMU_MAX_ALLOC_ORDER + 1];
};

/*
 * iommu_page_reserve_init - an empty reserve. Returns 0, or IOMMU_EINVAL: a function of the
 * allocator is missing, or one of irq_save and irq_restore.
 */
IOMMU_API int iommu_page_reserve_init(struct iommu_page_reserve *reserve,
				      const struct iommu_page_reserve_config *config);

/*
 * iommu_page_reserve_alloc, iommu_page_reserve_free - alloc_pages and free_pages of a platform,
 * whose ctx may be the reserve itself where its other services need none. `node` counts only for
 * what the host is asked for.
 */
IOMMU_API void *iommu_page_reserve_alloc(void *reserve, unsigned int order, int node,
					 unsigned int flags);
IOMMU_API void iommu_page_reserve_free(void *reserve, void *pages, unsigned int order);

/*
 * iommu_page_reserve_refill - make as much ready as is wanted, and give the rest back to the host.
 * Several may run at once. Returns 0, or IOMMU_ENOMEM: the host had no more; what it had is ready.
 */
IOMMU_API int iommu_page_reserve_refill(struct iommu_page_reserve *reserve);

/*
 * iommu_page_reserve_set_ready - how many blocks of 2^order pages are to be ready from the next
 * refill on. An order beyond IOMMU_MAX_ALLOC_ORDER is ignored. Tables and notes are of order 0;
 * larger ones are wanted by POWER's tables (their level size) and to bounce for domains with larger
 * pages.
 */
IOMMU_API void iommu_page_reserve_set_ready(struct iommu_page_reserve *reserve, unsigned int order,
					    unsigned int blocks);

/*
 * iommu_page_reserve_empty - give everything back to the host. Nothing more may be asked for until
 * a refill.
 */
IOMMU_API void iommu_page_reserve_empty(struct iommu_page_reserve *reserve);

struct iommu_page_reserve_stats {
	unsigned int ready;  /* blocks that an atomic call can have now */
	unsigned int taken;  /* blocks that atomic calls have had */
	unsigned int missed; /* atomic calls that found none: more should be ready */
};
IOMMU_API void iommu_page_reserve_get_stats(struct iommu_page_reserve *reserve, unsigned int order,
					    struct iommu_page_reserve_stats *stats);

IOMMU_END_DECLS
#endif
