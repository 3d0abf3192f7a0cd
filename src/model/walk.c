/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks: see walk.h. */
#include "model/walk.h"

#include "model/cache_parts.h"

static struct model_walk *first_walk(const struct model_cache *cache)
{
	return iommu_container_of(cache->walks.next, struct model_walk, link);
}

static bool have_ended(const struct model_cache *cache, uint64_t ticket)
{
	return cache->walks.next == &cache->walks || first_walk(cache)->number >= ticket;
}

void iommu_model_walk_begin(struct model_cache *cache, struct model_walk *walk, bool adds)
{
	uintptr_t state = model_cache_lock(cache);

	if (adds)
		state = iommu_model_memory_reserve(cache, state);
	walk->learned_count = 0;
	walk->number = ++cache->walk_count;
	walk->generation = iommu_cell_load(&cache->generation);
	iommu_list_insert(&cache->walks, &walk->link);
	if (adds)
		iommu_model_cache_expect(cache);
	model_cache_unlock(cache, state);
}

bool iommu_model_walks_have_ended(struct model_cache *cache, uint64_t *ticket)
{
	const uintptr_t state = model_cache_lock(cache);
	bool ended;

	if (*ticket == 0)
		*ticket = cache->walk_count + 1;
	ended = have_ended(cache, *ticket);
	/*
	 * Where several completions wait, the last of them asks again when it is told for the
	 * others.
	 */
	if (!ended && (cache->awaited == 0 || *ticket < cache->awaited))
		cache->awaited = *ticket;
	if (ended)
		*ticket = 0;
	model_cache_unlock(cache, state);
	return ended;
}

_Static_assert(MODEL_WALK_LEARNS <= MODEL_CACHE_GUESSES, "all at once");

/* The cache takes what a walk has learned, under one lock. */
static void put_learned(struct model_cache *cache, struct model_walk *walk)
{
	if (walk->learned_count != 0 && iommu_cell_load(&cache->generation) == walk->generation)
		iommu_model_cache_learn(cache, walk->learned, walk->learned_count);
	walk->learned_count = 0;
}

void iommu_model_walk_settle(struct model_cache *cache, struct model_walk *walk)
{
	const uintptr_t state = model_cache_lock(cache);

	put_learned(cache, walk);
	model_cache_unlock(cache, state);
}

bool iommu_model_walk_end(struct model_cache *cache, struct model_walk *walk)
{
	const uintptr_t state = model_cache_lock(cache);
	bool was_awaited;

	put_learned(cache, walk);
	iommu_list_remove(&walk->link);
	was_awaited = cache->awaited != 0 && have_ended(cache, cache->awaited);
	if (was_awaited)
		cache->awaited = 0;
	model_cache_unlock(cache, state);
	return was_awaited;
}

void iommu_model_cache_add_to_high(struct model_cache *cache, const struct model_walk *walk,
				   const struct model_cached *key, uint64_t bits)
{
	const uintptr_t state = model_cache_lock(cache);
	struct model_cache_spot spot;
	struct model_cache_node *node = iommu_model_table_find(cache, model_key_of(key), &spot);

	if (node != NULL && iommu_cell_load(&cache->generation) == walk->generation)
		iommu_model_table_add_to_high(node, bits);
	model_cache_unlock(cache, state);
}
