/* SPDX-License-Identifier: BSD-2-Clause */
#include "roles.h"

static unsigned char memory[1 << 20] __attribute__((aligned(1 << 16)));
static size_t used;
static void *alloc_pages(void *ctx, unsigned int order, int node, unsigned int flags)
{
	size_t size = (size_t)IOMMU_PAGE_SIZE << order, at = (used + size - 1) & ~(size - 1);
	(void)ctx, (void)node, (void)flags;
	if (at + size > sizeof(memory))
		return NULL;
	used = at + size;
	return &memory[at];
}
static void free_pages(void *ctx, void *pages, unsigned int order)
{
	(void)ctx, (void)pages, (void)order;
}
int main(void)
{
	const struct iommu_platform platform = {.alloc_pages = alloc_pages,
						.free_pages = free_pages};

	return run(&platform);
}
