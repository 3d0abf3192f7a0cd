/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services for a POSIX process: emulators, VMMs, tests and benchmarks.
 *
 * Table pages come from one arena, whose first byte has a chosen "physical" address: address
 * conversion is the direct-map form, and table addresses fit whatever width the hardware or model
 * has. An emulator that lets the library build tables inside guest memory gives that buffer as the
 * arena.
 */
#ifndef IOMMU_HOSTED_H
#define IOMMU_HOSTED_H

#include <pthread.h>

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

/* Alignment of an arena and of its base, and of the blocks that are larger than this. */
#define IOMMU_HOSTED_ALIGNMENT ((size_t)IOMMU_PAGE_SIZE << IOMMU_MAX_ALLOC_ORDER)
/* Blocks are of fewer than 2^IOMMU_HOSTED_ORDERS pages. */
#define IOMMU_HOSTED_ORDERS 20

struct iommu_hosted {
	/* Give &hosted.platform to the library. Services may be replaced before that. */
	struct iommu_platform platform;
	/* Pages handed out and not given back. Read it when no other thread uses the platform. */
	size_t pages_in_use;
	/*
	 * Lines up to this level are printed: IOMMU_LOG_WARNING, or what the environment's
	 * LIBIOMMU_LOG says ("error", "warning", "info", "refusal", "debug"). Why a call returned
	 * an error is at IOMMU_LOG_REFUSAL. A program may set another before it uses the platform.
	 */
	enum iommu_log_level log_level;

	unsigned char *arena;
	size_t arena_size;
	size_t next;                     /* offset of the part that was never handed out */
	void *free[IOMMU_HOSTED_ORDERS]; /* given back, by order, linked in the pages */
	void *reserved;                  /* what destroy unmaps; NULL: the caller's arena */
	size_t reserved_size;
	pthread_mutex_t lock;
};

/*
 * iommu_hosted_init - a platform over an arena.
 *
 * @arena:      memory aligned to IOMMU_HOSTED_ALIGNMENT that the caller keeps alive, or NULL to
 *              reserve address space, which takes memory only as it is used: beyond the first
 *              2 MiB in large pages (MADV_HUGEPAGE), where the system has them. An arena of the
 *              caller's own has the pages that the caller chooses.
 * @arena_size: its bytes, a multiple of IOMMU_PAGE_SIZE.
 * @base:       the physical address that its first byte stands for; aligned as the arena is.
 *
 * Provides pages, a direct map, the monotonic clock, yielding, CPU ids, mutexes, and a log to
 * stderr (see log_level). Thread-safe. Returns 0, IOMMU_EINVAL (misaligned or empty) or
 * IOMMU_ENOMEM.
 */
int iommu_hosted_init(struct iommu_hosted *hosted, void *arena, size_t arena_size,
		      iommu_paddr_t base);

/* iommu_hosted_destroy - give the arena back. Nothing made with the platform may be alive. */
void iommu_hosted_destroy(struct iommu_hosted *hosted);

IOMMU_END_DECLS
#endif
