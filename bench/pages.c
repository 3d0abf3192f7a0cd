/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "pages.h"
#include "guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned char *pool;
static size_t next_page;
/* Each thread's own, so that two of them share nothing. */
static __thread void *free_list;
static struct iommu_platform platform;

unsigned char *bench_pool(void)
{
	if (pool == NULL) {
		pool = mmap(NULL, BENCH_POOL_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (pool == MAP_FAILED) {
			fprintf(stderr, "no memory for table pages\n");
			exit(EXIT_FAILURE);
		}
	}
	return pool;
}

void *bench_page_alloc(void)
{
	void *page = free_list;

	if (page != NULL) {
		memcpy(&free_list, page, sizeof(free_list));
	} else {
		/* The first page stays unused: address 0 means "none" to some peers. */
		const size_t at = __atomic_add_fetch(&next_page, IOMMU_PAGE_SIZE, __ATOMIC_RELAXED);

		if (at >= BENCH_POOL_SIZE)
			return NULL;
		page = bench_pool() + at;
	}
	return memset(page, 0, IOMMU_PAGE_SIZE);
}

void bench_page_free(void *page)
{
	memcpy(page, &free_list, sizeof(free_list));
	free_list = page;
}

static void *free_blocks[IOMMU_MAX_ALLOC_ORDER + 1];

/* More than a page, aligned to its size, for what is set up before the clock starts. */
static void *block_alloc(unsigned int order)
{
	const size_t size = (size_t)IOMMU_PAGE_SIZE << order;
	void *block;

	if (order > IOMMU_MAX_ALLOC_ORDER)
		return NULL;
	block = free_blocks[order];
	if (block != NULL) {
		memcpy(&free_blocks[order], block, sizeof(void *));
		return memset(block, 0, size);
	}
	next_page = (next_page / size + 1) * size;
	block = bench_pool() + next_page;
	next_page += size - IOMMU_PAGE_SIZE;
	return next_page < BENCH_POOL_SIZE ? memset(block, 0, size) : NULL;
}

static void *platform_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx;
	(void)node;
	(void)flags;
	return order == 0 ? bench_page_alloc() : block_alloc(order);
}

static void platform_free(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	if (order == 0) {
		bench_page_free(pages);
		return;
	}
	memcpy(pages, &free_blocks[order], sizeof(void *));
	free_blocks[order] = pages;
}

__thread unsigned int bench_cpu;
/* What guard.h counts; its uppermost bit is set while no other thread waits. */
__thread uint32_t bench_preempt_count = 1U << 31;

static unsigned int platform_cpu_id(void *ctx)
{
	(void)ctx;
	return bench_cpu;
}

static unsigned int platform_cpu_count(void *ctx)
{
	(void)ctx;
	return 2;
}

/* Wait as a kernel does, and as the peer does. */
static void platform_relax(void *ctx)
{
	(void)ctx;
#ifdef __x86_64__
	__builtin_ia32_pause();
#endif
}

const struct iommu_platform *bench_platform(void)
{
	platform.relax = platform_relax;
	platform.cpu_id = platform_cpu_id;
	platform.cpu_count = platform_cpu_count;
	platform.alloc_pages = platform_alloc;
	platform.free_pages = platform_free;
	platform.direct_map_offset = (uint64_t)(uintptr_t)bench_pool();
	return &platform;
}
