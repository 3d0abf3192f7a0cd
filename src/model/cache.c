/* SPDX-License-Identifier: BSD-2-Clause */
/* The cache of a model: look-ups, learning, eviction, and invalidations. */
#include "model/cache.h"

#include <libiommu/status.h>

#include "model/cache_parts.h"

/* The most entries that were used, and are therefore passed over, in one search for a victim. */
#define PASSED_OVER_MAX 32

int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed)
{
	*cache = (struct model_cache){
		.platform = platform,
		.limit = limit != 0 ? limit : MODEL_CACHE_DEFAULT,
		.forget_seed = forget_seed,
		.random = forget_seed,
	};
	iommu_model_order_init(cache);
	iommu_list_init(&cache->spare);
	iommu_list_init(&cache->learned);
	iommu_list_init(&cache->walks);
	if (iommu_model_table_init(cache))
		return 0;
	iommu_model_cache_destroy(cache);
	return IOMMU_ENOMEM;
}

void iommu_model_cache_destroy(struct model_cache *cache)
{
	iommu_model_memory_destroy(cache);
	iommu_model_table_destroy(cache);
}

void iommu_model_cache_count(struct model_cache *cache, size_t counts[MODEL_CACHE_KINDS])
{
	const uintptr_t state = model_cache_lock(cache);
	unsigned int i;

	for (i = 0; i < MODEL_CACHE_KINDS; i++)
		counts[i] = cache->count[i];
	model_cache_unlock(cache, state);
}

/* --- Remembering ------------------------------------------------------------------------------ */

static void note_presence(struct model_cache *cache, unsigned int kind, unsigned int level)
{
	const unsigned int bit = 1U << level;
	const unsigned int before = cache->present[kind];
	const unsigned int after =
		cache->count_of_level[kind][level] != 0 ? before | bit : before & ~bit;

	if (after != before)
		__atomic_store_n(&cache->present[kind], (uint8_t)after, __ATOMIC_RELAXED);
}

static struct model_cache_node *next_to_go(const struct model_cache *cache)
{
	return iommu_container_of(cache->learned.next, struct model_cache_node, learned);
}

/* Evict the entry that was learned first and has not been used since. */
static void forget_one(struct model_cache *cache)
{
	unsigned int passed_over = PASSED_OVER_MAX;

	for (;;) {
		struct model_cache_node *node = next_to_go(cache);

		if (__atomic_load_n(&node->slot->used, __ATOMIC_RELAXED) == 0 ||
		    passed_over-- == 0) {
			iommu_model_cache_forget(cache, node);
			break;
		}
		__atomic_store_n(&node->slot->used, 0, __ATOMIC_RELAXED);
		iommu_list_remove(&node->learned);
		iommu_list_insert(&cache->learned, &node->learned);
	}
}

/* The entries that a walk of four levels adds. */
#define AHEAD 4

void iommu_model_cache_expect(const struct model_cache *cache)
{
	struct iommu_list_node *at = cache->learned.next;
	unsigned int i;

	if (cache->total < cache->limit)
		return;
	for (i = 0; i < AHEAD && at != &cache->learned; i++, at = at->next) {
		const struct model_cache_node *node =
			iommu_container_of(at, struct model_cache_node, learned);
		const struct model_cache_bunch *bunch = node->bunch[MODEL_BY_KEY];

		__builtin_prefetch(node->slot, 1);
		__builtin_prefetch(bunch, 1);
		__builtin_prefetch(&bunch->entries[node->at[MODEL_BY_KEY]], 1);
	}
}

static struct model_cache_node *take_node(struct model_cache *cache)
{
	struct model_cache_node *node;

	if ((cache->total >= cache->limit || cache->spare_count == 0) && cache->total != 0)
		forget_one(cache);
	if (cache->spare_count == 0)
		return NULL;
	node = iommu_container_of(cache->spare.next, struct model_cache_node, learned);
	iommu_list_remove(&node->learned);
	cache->spare_count--;
	return node;
}

static void learn(struct model_cache *cache, const struct model_cached *entry, unsigned int at)
{
	const struct model_cache_key key = model_key_of(entry);
	struct model_cache_node *node;
	struct model_cache_spot spot;

	if (iommu_model_table_find(cache, key, &spot) != NULL)
		return; /* an entry that is cached stays */
	node = take_node(cache);
	if (node == NULL)
		return;
	node->key = key;
	node->owner = entry->owner;
	node->bunch[MODEL_BY_OWNER] = NULL;
	if (!iommu_model_table_put(cache, node, entry, &spot)) {
		model_add_spare_node(cache, node);
		return;
	}
	iommu_model_order_join(cache, MODEL_BY_KEY, node, cache->guess->bunch[at]);
	if (entry->has_owner)
		iommu_model_order_join(cache, MODEL_BY_OWNER, node, NULL);
	iommu_list_insert(&cache->learned, &node->learned);
	cache->count[entry->kind]++;
	cache->total++;
	if (cache->count_of_level[entry->kind][entry->level]++ == 0)
		note_presence(cache, entry->kind, entry->level);
}

void iommu_model_cache_learn(struct model_cache *cache, const struct model_cached *entries,
			     unsigned int count)
{
	struct model_cache_guess guess;
	unsigned int i;

	iommu_model_order_guess(cache, entries, count, &guess);
	for (i = 0; i < count; i++)
		learn(cache, &entries[i], i);
	cache->guess = NULL;
}

/* --- Forgetting ------------------------------------------------------------------------------- */

void iommu_model_cache_forget(struct model_cache *cache, struct model_cache_node *node)
{
	const unsigned int kind = model_key_kind(node->key), level = model_key_level(node->key);

	iommu_model_table_remove(cache, node);
	iommu_model_order_leave(cache, MODEL_BY_KEY, node);
	if (node->bunch[MODEL_BY_OWNER] != NULL)
		iommu_model_order_leave(cache, MODEL_BY_OWNER, node);
	iommu_list_remove(&node->learned);
	cache->count[kind]--;
	cache->total--;
	if (--cache->count_of_level[kind][level] == 0)
		note_presence(cache, kind, level);
	model_add_spare_node(cache, node);
}

/* xorshift64 */
bool iommu_model_cache_forgets_now(struct model_cache *cache)
{
	if (cache->forget_seed == 0)
		return false;
	cache->random ^= cache->random << 13;
	cache->random ^= cache->random >> 7;
	cache->random ^= cache->random << 17;
	return (cache->random >> 32 & 3) == 0;
}

uintptr_t iommu_model_cache_begin_drop(struct model_cache *cache)
{
	return model_cache_lock(cache);
}

void iommu_model_cache_end_drop(struct model_cache *cache, uintptr_t state)
{
	/*
	 * After the entries have gone: a look-up that sees the new generation finds none of them.
	 */
	iommu_cell_store_release(&cache->generation, iommu_cell_load(&cache->generation) + 1);
	model_cache_unlock(cache, state);
}

void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last)
{
	const struct model_cache_key from = model_cache_key(kind, tag, level, first);
	struct model_cache_node *node;
	struct model_cache_spot spot;

	if (cache->count_of_level[kind][level] == 0)
		return;
	if (first != last) {
		iommu_model_order_drop(cache, MODEL_BY_KEY, from,
				       model_cache_key(kind, tag, level, last));
		return;
	}
	/* Most invalidations name one page. */
	node = iommu_model_table_find(cache, from, &spot);
	if (node != NULL)
		iommu_model_cache_forget(cache, node);
}

void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last)
{
	const uint64_t last_tag = last < MODEL_CACHE_TAG_MAX ? last : MODEL_CACHE_TAG_MAX;

	if (cache->count[kind] != 0)
		iommu_model_order_drop(cache, MODEL_BY_KEY, model_cache_key(kind, first, 0, 0),
				       model_cache_key(kind, last_tag, UINT8_MAX, UINT64_MAX));
}

bool iommu_model_cache_next_tag(struct model_cache *cache, unsigned int kind, uint64_t first,
				uint64_t last, uint64_t *tag)
{
	const struct model_cache_node *node;

	if (cache->count[kind] == 0)
		return false;
	node = iommu_model_order_next(cache, model_cache_key(kind, first, 0, 0),
				      model_cache_key(kind, last, UINT8_MAX, UINT64_MAX));
	if (node == NULL)
		return false;
	*tag = model_key_tag(node->key);
	return true;
}

void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind)
{
	iommu_model_cache_drop_tags(cache, kind, 0, MODEL_CACHE_TAG_MAX);
}

void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last)
{
	const uint64_t last_tag = last < UINT32_MAX ? last : UINT32_MAX;
	struct model_cache_key from, to;

	if (cache->count[kind] == 0)
		return;
	from = model_owned_key(owner, model_cache_key(kind, first, 0, 0));
	to = model_owned_key(owner, model_cache_key(kind, last_tag, 0, 0));
	to.address |= UINT32_MAX;
	iommu_model_order_drop(cache, MODEL_BY_OWNER, from, to);
}
