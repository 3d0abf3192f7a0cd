/* SPDX-License-Identifier: BSD-2-Clause */
#include <linux/iova.h>

#include "peer.h"

__thread unsigned int shim_cpu;
__thread void *shim_objects[SHIM_SIZES];
size_t shim_sizes[SHIM_SIZES];

struct PEER(iova_space) {
	struct iova_domain domain;
};

struct PEER(iova_space) * PEER(iova_create)(void)
{
	struct PEER(iova_space) *space = calloc(1, sizeof(*space));

	if (space == NULL || iova_cache_get() != 0)
		abort();
	init_iova_domain(&space->domain, PAGE_SIZE, 1);
	if (iova_domain_init_rcaches(&space->domain) != 0)
		abort();
	return space;
}

void PEER(iova_destroy)(struct PEER(iova_space) * space)
{
	put_iova_domain(&space->domain);
	iova_cache_put();
	free(space);
}

unsigned long PEER(iova_alloc_fast)(struct PEER(iova_space) * space, unsigned long pages,
				    unsigned long limit)
{
	return alloc_iova_fast(&space->domain, pages, limit, true);
}

void PEER(iova_free_fast)(struct PEER(iova_space) * space, unsigned long pfn, unsigned long pages)
{
	free_iova_fast(&space->domain, pfn, pages);
}

void *PEER(iova_alloc)(struct PEER(iova_space) * space, unsigned long pages, unsigned long limit)
{
	return alloc_iova(&space->domain, pages, limit, true);
}

void PEER(iova_free)(struct PEER(iova_space) * space, void *iova)
{
	__free_iova(&space->domain, iova);
}

void PEER(set_cpu)(unsigned int cpu)
{
	shim_cpu = cpu;
}
