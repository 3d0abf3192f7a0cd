/* SPDX-License-Identifier: BSD-2-Clause */
#include "pages.h"

#include <stddef.h>

struct free_pages {
	struct free_pages *next;
};

/* The largest order: a 2 MiB page. */
#define ORDERS 10

static uintptr_t next, end;
static struct free_pages *lists[ORDERS];

void pages_start(uintptr_t first, uintptr_t last)
{
	next = first;
	end = last;
}

void *pages_alloc(unsigned int order)
{
	const uintptr_t size = (uintptr_t)4096 << order;
	void *pages = NULL;

	if (order >= ORDERS)
		return NULL;
	if (lists[order] != NULL) {
		pages = lists[order];
		lists[order] = lists[order]->next;
	} else if (((next + size - 1) & ~(size - 1)) + size <= end) {
		next = (next + size - 1) & ~(size - 1);
		pages = (void *)next;
		next += size;
	}
	if (pages != NULL)
		__builtin_memset(pages, 0, size);
	return pages;
}

void pages_free(void *pages, unsigned int order)
{
	struct free_pages *freed = pages;

	freed->next = lists[order];
	lists[order] = freed;
}
