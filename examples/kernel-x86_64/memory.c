/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages: taken from one range upwards, given back to a list for each order. And what C needs. */
#include "machine.h"

#include <libiommu/platform.h>

struct memory_entry {
	uint64_t address;
	uint64_t size;
	uint32_t type; /* 1: RAM */
	uint32_t reserved;
};

struct free_pages {
	struct free_pages *next;
};

extern char kernel_end[];

/* The largest order: a 2 MiB page. */
#define ORDERS 10

static uint64_t next, end;
static struct free_pages *lists[ORDERS];

bool memory_start(uint64_t start_info)
{
	const uint64_t kernel = (uint64_t)kernel_end - 0xffffffff80000000ULL;
	uint32_t entries, i;
	const struct memory_entry *map = physical(start_info_memory_map(start_info, &entries));

	for (i = 0; i < entries; i++) {
		uint64_t start = map[i].address > kernel ? map[i].address : kernel;
		uint64_t stop = map[i].address + map[i].size;

		if (stop > DIRECT_MAP_SIZE)
			stop = DIRECT_MAP_SIZE;
		if (map[i].type == 1 && stop > start && stop - start > end - next) {
			next = start;
			end = stop;
		}
	}
	return end != 0;
}

void *memory_alloc(unsigned int order)
{
	const uint64_t size = 4096ULL << order;
	unsigned char *pages = NULL;
	uint64_t i;

	if (order >= ORDERS)
		return NULL;
	if (lists[order] != NULL) {
		pages = (unsigned char *)lists[order];
		lists[order] = lists[order]->next;
	} else if (((next + size - 1) & ~(size - 1)) + size <= end) {
		next = (next + size - 1) & ~(size - 1);
		pages = physical(next);
		next += size;
	}
	for (i = 0; pages != NULL && i < size; i++)
		pages[i] = 0;
	return pages;
}

void memory_free(void *pages, unsigned int order)
{
	struct free_pages *freed = pages;

	freed->next = lists[order];
	lists[order] = freed;
}

/* The four functions that a freestanding compiler expects, and the only ones that libiommu does. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int value, size_t size);
void *memmove(void *to, const void *from, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (size-- != 0)
		*t++ = *f++;
	return to;
}

void *memset(void *to, int value, size_t size)
{
	unsigned char *t = to;

	while (size-- != 0)
		*t++ = (unsigned char)value;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t < f)
		return memcpy(to, from, size);
	while (size-- != 0)
		t[size] = f[size];
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (; size != 0; size--, x++, y++)
		if (*x != *y)
			return *x < *y ? -1 : 1;
	return 0;
}
