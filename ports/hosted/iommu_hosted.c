/* SPDX-License-Identifier: BSD-2-Clause */
/* Host services for a POSIX process. One mutex guards the arena: page allocation is a slow path. */
#define _GNU_SOURCE
#include "iommu_hosted.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libiommu/status.h>

/* What Linux backs large memory with; a multiple of IOMMU_HOSTED_ALIGNMENT. */
#define LARGE_PAGE ((size_t)2 << 20)

static size_t order_size(unsigned int order)
{
	return (size_t)IOMMU_PAGE_SIZE << order;
}

/*
 * The next unused bytes of the arena, aligned to their size up to the arena's own alignment; the
 * gap before them is wasted.
 */
static void *arena_take(struct iommu_hosted *hosted, size_t size)
{
	const size_t alignment = size < IOMMU_HOSTED_ALIGNMENT ? size : IOMMU_HOSTED_ALIGNMENT;
	size_t start = (hosted->next + alignment - 1) & ~(alignment - 1);

	if (start > hosted->arena_size || hosted->arena_size - start < size)
		return NULL;
	hosted->next = start + size;
	return hosted->arena + start;
}

static void *hosted_alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	struct iommu_hosted *hosted = ctx;
	void *pages;

	(void)node;
	(void)flags;
	if (order >= IOMMU_HOSTED_ORDERS)
		return NULL;
	pthread_mutex_lock(&hosted->lock);
	pages = hosted->free[order];
	if (pages != NULL)
		memcpy(&hosted->free[order], pages, sizeof(void *));
	else
		pages = arena_take(hosted, order_size(order));
	if (pages != NULL)
		hosted->pages_in_use += (size_t)1 << order;
	pthread_mutex_unlock(&hosted->lock);
	if (pages != NULL)
		memset(pages, 0, order_size(order));
	return pages;
}

static void hosted_free_pages(void *ctx, void *pages, unsigned int order)
{
	struct iommu_hosted *hosted = ctx;

	pthread_mutex_lock(&hosted->lock);
	memcpy(pages, &hosted->free[order], sizeof(void *));
	hosted->free[order] = pages;
	hosted->pages_in_use -= (size_t)1 << order;
	pthread_mutex_unlock(&hosted->lock);
}

static uint64_t hosted_now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void hosted_relax(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static unsigned int hosted_cpu_count(void *ctx)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);

	(void)ctx;
	return count > 0 ? (unsigned int)count : 1;
}

static unsigned int hosted_cpu_id(void *ctx)
{
	int cpu = sched_getcpu();

	(void)ctx;
	return cpu > 0 ? (unsigned int)cpu : 0;
}

static void *hosted_mutex_create(void *ctx)
{
	pthread_mutex_t *mutex = malloc(sizeof(*mutex));

	(void)ctx;
	if (mutex != NULL)
		pthread_mutex_init(mutex, NULL);
	return mutex;
}

static void hosted_mutex_destroy(void *ctx, void *mutex)
{
	(void)ctx;
	pthread_mutex_destroy(mutex);
	free(mutex);
}

static void hosted_mutex_lock(void *ctx, void *mutex)
{
	(void)ctx;
	pthread_mutex_lock(mutex);
}

static void hosted_mutex_unlock(void *ctx, void *mutex)
{
	(void)ctx;
	pthread_mutex_unlock(mutex);
}

static void hosted_log(void *ctx, enum iommu_log_level level, const char *text)
{
	const struct iommu_hosted *hosted = ctx;

	if (level <= hosted->log_level)
		fprintf(stderr, "libiommu: %s\n", text);
}

/* What the environment asks for. */
static enum iommu_log_level wanted_log_level(void)
{
	static const char *const names[] = {"error", "warning", "info", "refusal", "debug"};
	const char *wanted = getenv("LIBIOMMU_LOG");
	unsigned int level;

	for (level = 0; wanted != NULL && level < sizeof(names) / sizeof(names[0]); level++)
		if (strcmp(wanted, names[level]) == 0)
			return (enum iommu_log_level)level;
	return IOMMU_LOG_WARNING;
}

/*
 * Models with large caches read this memory at random: with large pages a random access costs about
 * half. The first 2 MiB stay in small pages: most hosts need no more.
 */
static void arena_want_large_pages(unsigned char *arena, size_t size)
{
#ifdef MADV_HUGEPAGE
	if (size > LARGE_PAGE)
		(void)madvise(arena + LARGE_PAGE, size - LARGE_PAGE, MADV_HUGEPAGE);
#else
	(void)arena;
	(void)size;
#endif
}

/* Address space for an arena, aligned by hand: mmap promises no more than the host's page. */
static int arena_reserve(struct iommu_hosted *hosted, size_t arena_size)
{
	hosted->reserved_size = arena_size + LARGE_PAGE;
	hosted->reserved = mmap(NULL, hosted->reserved_size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hosted->reserved == MAP_FAILED) {
		hosted->reserved = NULL;
		return IOMMU_ENOMEM;
	}
	hosted->arena = hosted->reserved;
	hosted->arena += -(uintptr_t)hosted->reserved & (LARGE_PAGE - 1);
	arena_want_large_pages(hosted->arena, arena_size);
	return 0;
}

int iommu_hosted_init(struct iommu_hosted *hosted, void *arena, size_t arena_size,
		      iommu_paddr_t base)
{
	if (arena_size == 0 || arena_size > SIZE_MAX - LARGE_PAGE ||
	    arena_size % IOMMU_PAGE_SIZE != 0 ||
	    ((base | (uintptr_t)arena) & (IOMMU_HOSTED_ALIGNMENT - 1)) != 0)
		return IOMMU_EINVAL;
	*hosted = (struct iommu_hosted){
		.arena = arena, .arena_size = arena_size, .log_level = wanted_log_level()};
	if (arena == NULL && arena_reserve(hosted, arena_size) != 0)
		return IOMMU_ENOMEM;
	hosted->platform = (struct iommu_platform){
		.ctx = hosted,
		.alloc_pages = hosted_alloc_pages,
		.free_pages = hosted_free_pages,
		.direct_map_offset = (uint64_t)(uintptr_t)hosted->arena - base,
		.now_ns = hosted_now_ns,
		.relax = hosted_relax,
		.cpu_id = hosted_cpu_id,
		.cpu_count = hosted_cpu_count,
		.mutex_create = hosted_mutex_create,
		.mutex_destroy = hosted_mutex_destroy,
		.mutex_lock = hosted_mutex_lock,
		.mutex_unlock = hosted_mutex_unlock,
		.log = hosted_log,
		/* Interrupts of models go to the program itself, not to an interrupt controller. */
		.isolates_interrupts = true,
	};
	pthread_mutex_init(&hosted->lock, NULL);
	return 0;
}

void iommu_hosted_destroy(struct iommu_hosted *hosted)
{
	pthread_mutex_destroy(&hosted->lock);
	if (hosted->reserved != NULL)
		munmap(hosted->reserved, hosted->reserved_size);
	hosted->arena = NULL;
}
