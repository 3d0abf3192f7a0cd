/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory of a cache: pages, taken from the host as entries come, and kept until the model is
 * destroyed. Nodes, bunches and rests are cut from them; some pages of the table are kept in
 * reserve.
 */
#include "model/cache_parts.h"

/*
 * The most that one request may add: nested tables of five levels each, with every entry on the
 * way.
 */
#define RESERVE 48
/* Pages in reserve by which the table may grow. */
#define TABLES_RESERVE 2
/* One in so many entries may lie beside the table. */
#define ENTRIES_PER_SLOT 4

struct model_cache_page {
	struct model_cache_page *next;
	unsigned char apart[MODEL_CACHE_LINE - sizeof(void *)];
};

#define CUT_FROM_PAGE(type) ((IOMMU_PAGE_SIZE - sizeof(struct model_cache_page)) / sizeof(type))

/* --- What there is too little of -------------------------------------------------------------- */

/* A full cache reuses the structures of entries that it evicts. */
static bool wants_nodes(const struct model_cache *cache)
{
	return cache->spare_count < RESERVE && cache->made < cache->limit;
}

/* At most one in reserve for each bunch, which may be split. */
static bool wants_bunches(const struct model_cache *cache)
{
	return cache->spare_bunch_count < RESERVE && cache->spare_bunch_count < cache->bunch_count;
}

static bool wants_slots(const struct model_cache *cache)
{
	return cache->spare_slot_count < RESERVE &&
	       cache->made_slots < cache->limit / ENTRIES_PER_SLOT;
}

static bool wants_rests(const struct model_cache *cache)
{
	return cache->spare_rest_count < RESERVE && cache->made_rests < cache->limit;
}

static bool wants_tables(const struct model_cache *cache)
{
	return cache->spare_table_count < TABLES_RESERVE && iommu_model_table_may_grow(cache);
}

static bool wants_any(const struct model_cache *cache)
{
	return wants_nodes(cache) || wants_bunches(cache) || wants_slots(cache) ||
	       wants_rests(cache) || wants_tables(cache);
}

/* --- Pages ------------------------------------------------------------------------------------ */

static void cut_nodes(struct model_cache *cache, struct model_cache_node *nodes)
{
	size_t i;

	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_node); i++)
		model_add_spare_node(cache, &nodes[i]);
	cache->made += CUT_FROM_PAGE(struct model_cache_node);
}

static void cut_bunches(struct model_cache *cache, struct model_cache_bunch *bunches)
{
	size_t i;

	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_bunch); i++)
		model_add_spare_bunch(cache, &bunches[i]);
}

static void cut_slots(struct model_cache *cache, struct model_cache_slot *slots)
{
	size_t i;

	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_slot); i++) {
		slots[i].version = 1;
		model_add_spare_slot(cache, &slots[i]);
	}
	cache->made_slots += CUT_FROM_PAGE(struct model_cache_slot);
}

static void cut_rests(struct model_cache *cache, struct model_cache_rest *rests)
{
	size_t i;

	for (i = 0; i < CUT_FROM_PAGE(struct model_cache_rest); i++)
		model_add_spare_rest(cache, &rests[i]);
	cache->made_rests += CUT_FROM_PAGE(struct model_cache_rest);
}

static void add_table(struct model_cache *cache, struct model_cache_table *table)
{
	table->spare = cache->spare_tables;
	cache->spare_tables = table;
	cache->spare_table_count++;
	cache->made_tables++;
}

/*
 * A new page goes to where memory is needed most, which another processor may have served
 * meanwhile. Without nodes nothing can be cached.
 */
static void add_page(struct model_cache *cache, void *memory)
{
	struct model_cache_page *page = memory;

	if (!wants_nodes(cache) && wants_tables(cache)) {
		add_table(cache, memory);
		return;
	}
	page->next = cache->pages;
	cache->pages = page;
	if (wants_nodes(cache))
		cut_nodes(cache, (struct model_cache_node *)(void *)(page + 1));
	else if (wants_rests(cache))
		cut_rests(cache, (struct model_cache_rest *)(void *)(page + 1));
	else if (wants_slots(cache))
		cut_slots(cache, (struct model_cache_slot *)(void *)(page + 1));
	else
		cut_bunches(cache, (struct model_cache_bunch *)(void *)(page + 1));
}

uintptr_t iommu_model_memory_reserve(struct model_cache *cache, uintptr_t state)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int tries = RESERVE;

	while (wants_any(cache) && tries-- != 0) {
		void *page;

		model_cache_unlock(cache, state);
		page = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, IOMMU_ALLOC_ATOMIC);
		state = model_cache_lock(cache);
		if (page == NULL)
			break;
		add_page(cache, page);
	}
	return state;
}

void iommu_model_memory_destroy(struct model_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;

	while (cache->pages != NULL) {
		struct model_cache_page *page = cache->pages;

		cache->pages = page->next;
		platform->free_pages(platform->ctx, page, 0);
	}
	while (cache->spare_tables != NULL) {
		struct model_cache_table *table = cache->spare_tables;

		cache->spare_tables = table->spare;
		platform->free_pages(platform->ctx, table, 0);
	}
}
