/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ids: whatever is taken and withheld of two words of ids, and whether or not the unit has
 * something open, an aligned block of any order that is handed out was neither taken nor withheld,
 * and no such block lies before it; where none is handed out there is none. What a call takes,
 * frees or withholds is its block and no other id, and what is withheld comes back no earlier than
 * when nothing is open. Orders from ORDER_MIN on: blocks of 16 ids and more, where there is time
 * smaller ones.
 */
#include "unit/id.c"

#include "proof.h"

#define COUNT 128
#define WORDS (COUNT / 64)

static uint64_t taken[WORDS], withheld[WORDS], was_taken[WORDS], was_withheld[WORDS];

static bool has(const uint64_t *bitmap, uint32_t id)
{
	return (bitmap[id / 64] >> id % 64 & 1) != 0;
}

/* The ids of an aligned block inside this word. */
static uint64_t bits_of(uint32_t word, uint32_t id, unsigned int order)
{
	if (order == 7)
		return UINT64_MAX;
	if (id / 64 != word)
		return 0;
	return order == 6 ? UINT64_MAX : ((1ULL << (1U << order)) - 1) << id % 64;
}

static bool was_free(uint32_t id, unsigned int order, bool withheld_are_free)
{
	for (uint32_t word = 0; word < WORDS; word++) {
		uint64_t busy = was_taken[word] | (withheld_are_free ? 0 : was_withheld[word]);

		if ((busy & bits_of(word, id, order)) != 0)
			return false;
	}
	return true;
}

static void allocates(struct iommu_ids *ids, unsigned int order, uint32_t other)
{
	struct iommu_unit_state unit = {
		.confirmation = {.failures = any_32(), .made_good = any_32()}};
	const bool open = unit.confirmation.failures != unit.confirmation.made_good;
	const uint32_t first = any_below(COUNT) >> order << order;
	const uint32_t candidate = any_below(COUNT) >> order << order;
	const uint32_t id = iommu_ids_alloc(ids, &unit, first, order);

	CLAIM(id == COUNT || (id >= first && id < COUNT && id % (1U << order) == 0));
	CLAIM(id == COUNT || was_free(id, order, !open));
	/* Nothing that lies before it would have done. */
	CLAIM(candidate < first || candidate >= id || !was_free(candidate, order, !open));
	CLAIM(has(taken, other) ==
	      (has(was_taken, other) || (id != COUNT && other >> order == id >> order)));
	CLAIM(has(withheld, other) == (open && has(was_withheld, other)));
}

static void frees(struct iommu_ids *ids, unsigned int order, uint32_t other)
{
	const uint32_t id = any_below(COUNT) >> order << order;
	const bool is_of_it = other >> order == id >> order;
	const unsigned int call = any_below(3);

	if (call == 0)
		iommu_ids_take(ids, id, order);
	else if (call == 1)
		iommu_ids_free(ids, id, order);
	else
		iommu_ids_withhold(ids, id, order);
	CLAIM(has(taken, other) == (is_of_it ? call == 0 : has(was_taken, other)));
	CLAIM(has(withheld, other) == (has(was_withheld, other) || (call == 2 && is_of_it)));
}

int main(void)
{
	struct iommu_ids ids = {.count = COUNT, .taken = taken, .withheld = withheld};
	const unsigned int order = ORDER_MIN + any_below(IOMMU_ID_ORDER_MAX + 1 - ORDER_MIN);
	const uint32_t other = any_below(COUNT);

	for (uint32_t word = 0; word < WORDS; word++) {
		was_taken[word] = taken[word] = any_64();
		was_withheld[word] = withheld[word] = any_64();
	}
	if (any_bool())
		allocates(&ids, order, other);
	else
		frees(&ids, order, other);
	END();
	return 0;
}
