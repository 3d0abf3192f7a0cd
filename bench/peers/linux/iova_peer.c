/* SPDX-License-Identifier: BSD-2-Clause */
#include <linux/iova.h>

#include "peer.h"

__thread unsigned int shim_cpu;
__thread void *shim_objects;

struct linux_iova_space {
	struct iova_domain domain;
};

struct linux_iova_space *linux_iova_create(void)
{
	struct linux_iova_space *space = calloc(1, sizeof(*space));

	if (space == NULL || iova_cache_get() != 0)
		abort();
	init_iova_domain(&space->domain, PAGE_SIZE, 1);
	if (iova_domain_init_rcaches(&space->domain) != 0)
		abort();
	return space;
}

void linux_iova_destroy(struct linux_iova_space *space)
{
	put_iova_domain(&space->domain);
	iova_cache_put();
	free(space);
}

unsigned long linux_iova_alloc_fast(struct linux_iova_space *space, unsigned long pages,
				    unsigned long limit)
{
	return alloc_iova_fast(&space->domain, pages, limit, true);
}

void linux_iova_free_fast(struct linux_iova_space *space, unsigned long pfn, unsigned long pages)
{
	free_iova_fast(&space->domain, pfn, pages);
}

void *linux_iova_alloc(struct linux_iova_space *space, unsigned long pages, unsigned long limit)
{
	return alloc_iova(&space->domain, pages, limit, true);
}

void linux_iova_free(struct linux_iova_space *space, void *iova)
{
	__free_iova(&space->domain, iova);
}

void linux_set_cpu(unsigned int cpu)
{
	shim_cpu = cpu;
}
