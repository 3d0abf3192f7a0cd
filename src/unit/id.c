/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids and table entries, handed out and withheld. */
#include "unit/id.h"

#include <libiommu/status.h>

#include "base/atomic.h"

/* Blocks, and withheld ones, are of interrupt entries alone: without those they cost nothing. */
#if !IOMMU_CONFIG_INTERRUPTS
#define ORDER(order)  ((void)(order), 0U)
#define WITHHELD(ids) ((uint64_t *)NULL)
#else
#define ORDER(order)  (order)
#define WITHHELD(ids) ((ids)->withheld)
#endif

/* The bits of an aligned block inside its word, or of a whole word. */
static uint64_t block_bits(uint32_t id, unsigned int order)
{
	return order >= 6 ? UINT64_MAX : ((1ULL << (1U << order)) - 1) << id % 64;
}

static uint32_t last_word(uint32_t id, unsigned int order)
{
	return (id + (1U << order) - 1) / 64;
}

static uint64_t busy_in(const struct iommu_ids *ids, uint32_t word)
{
	return ids->taken[word] | (WITHHELD(ids) != NULL ? WITHHELD(ids)[word] : 0);
}

static bool is_free(const struct iommu_ids *ids, uint32_t id, unsigned int order)
{
	uint32_t word;

	for (word = id / 64; word <= last_word(id, order); word++)
		if ((busy_in(ids, word) & block_bits(id, order)) != 0)
			return false;
	return true;
}

static void mark(uint64_t *bitmap, uint32_t id, unsigned int order, bool set)
{
	const uint64_t bits = block_bits(id, order);
	uint32_t word;

	for (word = id / 64; word <= last_word(id, order); word++)
		iommu_bits_store(&bitmap[word], set ? bitmap[word] | bits : bitmap[word] & ~bits);
}

static void reclaim(struct iommu_ids *ids, const struct iommu_unit_state *unit)
{
	uint32_t word;

	if (WITHHELD(ids) == NULL || iommu_unit_has_failed(unit))
		return;
	for (word = 0; word < ids->count / 64; word++)
		ids->withheld[word] = 0;
}

static unsigned int bitmap_order(uint32_t count)
{
	unsigned int order = 0;

	while ((uint64_t)IOMMU_PAGE_SIZE * 8 << order < count)
		order++;
	return order;
}

int iommu_ids_create(struct iommu_ids *ids, const struct iommu_platform *platform, int node,
		     uint32_t count)
{
	ids->count = count;
	ids->taken = platform->alloc_pages(platform->ctx, bitmap_order(count), node, 0);
	return ids->taken != NULL ? 0 : IOMMU_ENOMEM;
}

void iommu_ids_destroy(struct iommu_ids *ids, const struct iommu_platform *platform)
{
	if (ids->taken != NULL)
		platform->free_pages(platform->ctx, ids->taken, bitmap_order(ids->count));
	ids->taken = NULL;
}

uint32_t iommu_ids_alloc(struct iommu_ids *ids, const struct iommu_unit_state *unit, uint32_t first,
			 unsigned int order)
{
	uint32_t id = first;

	reclaim(ids, unit);
	while (id < ids->count && ids->count - id >= 1U << ORDER(order)) {
		if (ORDER(order) <= 6 && id % 64 == 0 && busy_in(ids, id / 64) == UINT64_MAX) {
			id += 64;
		} else if (is_free(ids, id, ORDER(order))) {
			mark(ids->taken, id, ORDER(order), true);
			return id;
		} else {
			id += 1U << ORDER(order);
		}
	}
	return ids->count;
}

void iommu_ids_take(struct iommu_ids *ids, uint32_t id, unsigned int order)
{
	mark(ids->taken, id, ORDER(order), true);
}

void iommu_ids_free(struct iommu_ids *ids, uint32_t id, unsigned int order)
{
	mark(ids->taken, id, ORDER(order), false);
}

void iommu_ids_withhold(struct iommu_ids *ids, uint32_t id, unsigned int order)
{
	mark(ids->withheld, id, order, true);
	mark(ids->taken, id, ORDER(order), false);
}

uint64_t iommu_ids_taken_in(const struct iommu_ids *ids, uint32_t word)
{
	return iommu_bits_load(&ids->taken[word]);
}
