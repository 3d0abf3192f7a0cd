/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internal interfaces between the files of the cache: its table, its orders, its memory. Called
 * with the cache's lock held, unless stated otherwise.
 */
#ifndef IOMMU_MODEL_CACHE_PARTS_H
#define IOMMU_MODEL_CACHE_PARTS_H

#include "base/list.h"
#include "model/cache.h"

/*
 * The part of an entry that look-ups read: half a line of the processor's cache. It is written
 * under the lock while `version` is odd, in an order that readers can check: each word with
 * release, read with acquire. A version that stays odd: the slot is empty.
 */
struct model_cache_slot {
	_Alignas(MODEL_CACHE_LINE / 2) uint32_t version;
	uint16_t high;
	uint8_t reason;
	uint8_t used; /* since the last pass of the eviction */
	iommu_cell_t address;
	iommu_cell_t rank; /* and above it the reach: see cache_table.c */
	iommu_cell_t low;  /* of an entry that does not fit: the address of the rest */
};

_Static_assert(2 * sizeof(struct model_cache_slot) == MODEL_CACHE_LINE, "two are one line");

/* The part of an entry that a slot has no room for; few entries have one, such as contexts. */
struct model_cache_rest {
	iommu_cell_t low; /* of an unused one: the next unused */
	iommu_cell_t high, third;
	uint8_t fault_hidden;
};

/* Lines of a page of the table, and slots. */
#define MODEL_TABLE_LINES 51
#define MODEL_TABLE_SLOTS (2 * MODEL_TABLE_LINES)

struct model_cache_table {
	struct model_cache_slot slots[MODEL_TABLE_SLOTS];
	/* Under the lock. */
	union {
		struct model_cache_node *nodes[MODEL_TABLE_SLOTS];
		struct model_cache_table *spare; /* of an unused page: the next unused */
	};
	/* The places that lead to this page. */
	uint32_t first_place, places;
	/* The number of entries with their home in this page that lie beside the table. */
	uint32_t beside;
};

_Static_assert(sizeof(struct model_cache_table) <= IOMMU_PAGE_SIZE, "it is one page");

/* The page and line of a key. */
struct model_cache_spot {
	struct model_cache_table *table;
	unsigned int home;
	uint64_t hash;
};

/* The rest of an entry, under the lock. */
struct model_cache_node {
	struct model_cache_key key;
	struct model_cache_slot *slot;
	struct model_cache_bunch *bunch[MODEL_CACHE_ORDERS]; /* by owner: NULL if it has none */
	struct iommu_list_node learned; /* of an unused one: the list of unused ones */
	uint32_t owner;
	uint8_t at[MODEL_CACHE_ORDERS]; /* in the bunch */
	uint8_t home;                   /* see cache_table.c */
	bool is_beside;                 /* its slot is not in the table */
};

static inline uintptr_t model_cache_lock(struct model_cache *cache)
{
	return iommu_spin_lock(cache->platform, &cache->lock);
}

static inline void model_cache_unlock(struct model_cache *cache, uintptr_t state)
{
	iommu_spin_unlock(cache->platform, &cache->lock, state);
}

/* --- Keys ------------------------------------------------------------------------------------- */

#define MODEL_RANK_KIND_SHIFT 56
#define MODEL_RANK_TAG_SHIFT  8

static inline struct model_cache_key model_cache_key(unsigned int kind, uint64_t tag,
						     unsigned int level, uint64_t address)
{
	return (struct model_cache_key){(uint64_t)kind << MODEL_RANK_KIND_SHIFT |
						tag << MODEL_RANK_TAG_SHIFT | level,
					address};
}

static inline struct model_cache_key model_key_of(const struct model_cached *entry)
{
	return model_cache_key(entry->kind, entry->tag, entry->level, entry->address);
}

static inline unsigned int model_key_kind(struct model_cache_key key)
{
	return (unsigned int)(key.rank >> MODEL_RANK_KIND_SHIFT);
}

static inline uint64_t model_key_tag(struct model_cache_key key)
{
	return key.rank >> MODEL_RANK_TAG_SHIFT & MODEL_CACHE_TAG_MAX;
}

static inline unsigned int model_key_level(struct model_cache_key key)
{
	return (unsigned int)key.rank & 0xff;
}

/* Where an entry with this key belongs in the order by owner. */
static inline struct model_cache_key model_owned_key(uint32_t owner, struct model_cache_key key)
{
	return (struct model_cache_key){
		(uint64_t)model_key_kind(key) << MODEL_RANK_KIND_SHIFT | owner,
		model_key_tag(key) << 32 | (uint64_t)model_key_level(key) << 24 | key.address};
}

/* --- The table -------------------------------------------------------------------------------- */

/* A table of one page, without the lock. False: there is no memory. */
bool iommu_model_table_init(struct model_cache *cache);
void iommu_model_table_destroy(struct model_cache *cache);
/* May it grow? */
bool iommu_model_table_may_grow(const struct model_cache *cache);
/* *spot: where an entry with this key would be put, valid until the next one is put. */
struct model_cache_node *iommu_model_table_find(struct model_cache *cache,
						struct model_cache_key key,
						struct model_cache_spot *spot);
/* Put an entry that is not in the table; another may be evicted for it. False: no memory. */
bool iommu_model_table_put(struct model_cache *cache, struct model_cache_node *node,
			   const struct model_cached *entry, const struct model_cache_spot *spot);
/* Set bits below 2^16 in `high`. */
void iommu_model_table_add_to_high(struct model_cache_node *node, uint64_t bits);
void iommu_model_table_remove(struct model_cache *cache, struct model_cache_node *node);

/* --- The orders ------------------------------------------------------------------------------- */

/*
 * Keys whose bunches in the order by key are looked up at once, and the results. NULL: to be looked
 * up again.
 */
#define MODEL_CACHE_GUESSES 8

struct model_cache_guess {
	unsigned int count;
	struct model_cache_bunch *bunch[MODEL_CACHE_GUESSES];
};

void iommu_model_order_init(struct model_cache *cache);
/* Kept valid while the cache has it: until iommu_model_cache_learn takes it away. */
void iommu_model_order_guess(struct model_cache *cache, const struct model_cached *entries,
			     unsigned int count, struct model_cache_guess *guess);
/* Into the bunch that is given, or NULL. Another entry may be evicted for it. */
void iommu_model_order_join(struct model_cache *cache, enum model_cache_order by,
			    struct model_cache_node *node, struct model_cache_bunch *place);
void iommu_model_order_leave(struct model_cache *cache, enum model_cache_order by,
			     struct model_cache_node *node);
struct model_cache_node *iommu_model_order_find(struct model_cache *cache,
						struct model_cache_key key);
/* The first entry of the order by key whose key is in [first, last]; NULL: none. */
struct model_cache_node *iommu_model_order_next(struct model_cache *cache,
						struct model_cache_key first,
						struct model_cache_key last);
/* Drop all entries whose keys in this order are in [first, last]. */
void iommu_model_order_drop(struct model_cache *cache, enum model_cache_order by,
			    struct model_cache_key first, struct model_cache_key last);

/* --- Memory ----------------------------------------------------------------------------------- */

/*
 * Make room for what one request may add, as far as there is memory. Releases the lock meanwhile.
 */
uintptr_t iommu_model_memory_reserve(struct model_cache *cache, uintptr_t state);
void iommu_model_memory_destroy(struct model_cache *cache);

static inline void model_add_spare_node(struct model_cache *cache, struct model_cache_node *node)
{
	iommu_list_insert(cache->spare.next, &node->learned);
	cache->spare_count++;
}

static inline void model_add_spare_bunch(struct model_cache *cache, struct model_cache_bunch *bunch)
{
	bunch->spare = cache->spare_bunches;
	cache->spare_bunches = bunch;
	cache->spare_bunch_count++;
}

static inline void model_add_spare_slot(struct model_cache *cache, struct model_cache_slot *slot)
{
	iommu_cell_store_release(&slot->low, (uintptr_t)cache->spare_slots);
	cache->spare_slots = slot;
	cache->spare_slot_count++;
}

static inline void model_add_spare_rest(struct model_cache *cache, struct model_cache_rest *rest)
{
	/* Look-ups may still be reading it. */
	iommu_cell_store_release(&rest->low, (uintptr_t)cache->spare_rests);
	cache->spare_rests = rest;
	cache->spare_rest_count++;
}

/* --- Entries ---------------------------------------------------------------------------------- */

void iommu_model_cache_forget(struct model_cache *cache, struct model_cache_node *node);
/* Entries are about to be added: prefetch what eviction for them will read. */
void iommu_model_cache_expect(const struct model_cache *cache);
/* Of up to MODEL_CACHE_GUESSES keys, those that are not cached. */
void iommu_model_cache_learn(struct model_cache *cache, const struct model_cached *entries,
			     unsigned int count);
/* Where the configuration asks for random eviction: one time in four. */
bool iommu_model_cache_forgets_now(struct model_cache *cache);

#endif
