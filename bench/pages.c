/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned char *pool;
static size_t next_page;
static void *free_list;
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
		/* The first page stays unused: address 0 means "none" to some. */
		next_page += IOMMU_PAGE_SIZE;
		if (next_page >= BENCH_POOL_SIZE)
			return NULL;
		page = bench_pool() + next_page;
	}
	return memset(page, 0, IOMMU_PAGE_SIZE);
}

void bench_page_free(void *page)
{
	memcpy(page, &free_list, sizeof(free_list));
	free_list = page;
}

static void *platform_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	(void)ctx;
	(void)node;
	(void)flags;
	return order == 0 ? bench_page_alloc() : NULL;
}

static void platform_free(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	(void)order;
	bench_page_free(pages);
}

__thread unsigned int bench_cpu;

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

const struct iommu_platform *bench_platform(void)
{
	platform.cpu_id = platform_cpu_id;
	platform.cpu_count = platform_cpu_count;
	platform.alloc_pages = platform_alloc;
	platform.free_pages = platform_free;
	platform.direct_map_offset = (uint64_t)(uintptr_t)bench_pool();
	return &platform;
}
