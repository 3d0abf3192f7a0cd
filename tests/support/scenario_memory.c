/* SPDX-License-Identifier: BSD-2-Clause */
#include "scenario_memory.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

#define PAGES_MAX 128

struct test_platform scenario_host, scenario_outside;

static iommu_paddr_t memory_base;
static size_t memory_size;
static struct {
	void *pages;
	unsigned int order;
} given[PAGES_MAX];
static unsigned int given_count;

void scenario_memory_begin(iommu_paddr_t base, size_t size)
{
	memory_base = base;
	memory_size = size;
	test_platform_init(&scenario_host, size, base);
	test_platform_init(&scenario_outside, 1 << 24, 0);
	scenario_host.quiet = true;
}

void scenario_memory_end(bool leaves_all)
{
	const struct iommu_platform *platform = &scenario_host.platform;

	while (given_count != 0) {
		given_count--;
		platform->free_pages(platform->ctx, given[given_count].pages,
				     given[given_count].order);
	}
	test_platform_destroy(&scenario_outside);
	if (leaves_all)
		scenario_host.hosted.pages_in_use = 0;
	test_platform_destroy(&scenario_host);
}

/* Large blocks are not aligned to their size: an aligned part of one of twice the size. */
void *scenario_memory_alloc(uint64_t size)
{
	const struct iommu_platform *platform = &scenario_host.platform;
	unsigned int order = 0;
	iommu_paddr_t paddr;
	void *pages;

	while ((IOMMU_PAGE_SIZE << order) < size)
		order++;
	if (order > IOMMU_MAX_ALLOC_ORDER)
		order++;
	if (order >= IOMMU_HOSTED_ORDERS || given_count == PAGES_MAX)
		return NULL;
	pages = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (pages == NULL)
		return NULL;
	given[given_count].pages = pages;
	given[given_count++].order = order;
	paddr = iommu_virt_to_phys(platform, pages);
	return iommu_phys_to_virt(platform, (paddr + size - 1) & ~(size - 1));
}

static bool is_memory(iommu_paddr_t paddr, size_t size)
{
	return paddr >= memory_base && paddr - memory_base <= memory_size - size;
}

bool scenario_read(void *ctx, iommu_paddr_t paddr, void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(bytes, iommu_phys_to_virt(&scenario_host.platform, paddr), size);
	return true;
}

bool scenario_write(void *ctx, iommu_paddr_t paddr, const void *bytes, size_t size)
{
	(void)ctx;
	if (!is_memory(paddr, size))
		return false;
	memcpy(iommu_phys_to_virt(&scenario_host.platform, paddr), bytes, size);
	return true;
}

bool scenario_compare_exchange(void *ctx, iommu_paddr_t paddr, uint64_t expected, uint64_t desired)
{
	uint64_t now;

	if (!scenario_read(ctx, paddr, &now, sizeof(now)) || now != expected)
		return false;
	return scenario_write(ctx, paddr, &desired, sizeof(desired));
}

void scenario_refuse_misuse(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("misuse: %s", text);
}

void scenario_say_nothing(const char *text)
{
	(void)text;
}

void scenario_say_aloud(const char *text)
{
	fputs(text, stdout);
}
