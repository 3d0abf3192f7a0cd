/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "heap.h"
#include "table_set.h"

#define BITS_FIRST 10U

/* Open addressing; a place that is free holds 0, so that keys are stored with 1 added. */
struct table_set {
	uint64_t *keys;
	uint64_t count;
	unsigned int bits;
};

struct table_set *table_set_create(void)
{
	struct table_set *set = heap_zeroed(1, sizeof(*set));

	set->bits = BITS_FIRST;
	set->keys = heap_zeroed((size_t)1 << BITS_FIRST, sizeof(uint64_t));
	return set;
}

void table_set_destroy(struct table_set *set)
{
	free(set->keys);
	free(set);
}

/* Where the key is, or belongs. */
static uint64_t *find(const struct table_set *set, uint64_t key)
{
	const uint64_t mask = (1ULL << set->bits) - 1;
	uint64_t place = key * 0x9e3779b97f4a7c15ULL >> (64 - set->bits);

	while (set->keys[place] != 0 && set->keys[place] != key)
		place = (place + 1) & mask;
	return &set->keys[place];
}

static void grow(struct table_set *set)
{
	struct table_set larger = {.bits = set->bits + 1};

	larger.keys = heap_zeroed((size_t)1 << larger.bits, sizeof(uint64_t));
	for (uint64_t i = 0; i < 1ULL << set->bits; i++)
		if (set->keys[i] != 0)
			*find(&larger, set->keys[i]) = set->keys[i];
	free(set->keys);
	set->keys = larger.keys;
	set->bits = larger.bits;
}

bool table_set_add(struct table_set *set, uint64_t address, unsigned int level)
{
	const uint64_t key = (address | level) + 1;
	uint64_t *place = find(set, key);

	if (*place == key)
		return false;
	*place = key;
	if (++set->count * 2 > 1ULL << set->bits)
		grow(set);
	return true;
}
