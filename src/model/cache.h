/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modelled hardware caches. An entry leaves the cache only by an invalidation, or where the
 * configuration asks for bounded memory or for random eviction, both of which real caches have.
 * When the host has no memory, less is cached.
 *
 * An entry is found by a hash table (cache_table.c) with two entries, key and answer together, in a
 * line of the processor's cache: a look-up reads one line, and so does the invalidation of one
 * page, which is the most frequent. Other invalidations find their entries by two orders
 * (cache_order.c): by key, and, for entries that have an owner, by owner. So every invalidation of
 * a guest costs O(log n) and what it drops. Memory is taken as entries come, by walks
 * (cache_memory.c).
 *
 * A full cache evicts entries in the order in which it learned them, but passes over, once, those
 * that were used since the last pass. Another entry, of the same hash or a neighbouring key, is
 * evicted only where there is no memory for the new entry's place in the table or in an order.
 *
 * Concurrency. A look-up takes no lock: each slot has a version, which is odd while the entry in it
 * changes, and the memory of a slot stays a slot as long as the cache exists. Every change takes
 * the cache's own lock, under which no other lock is taken and no function of the host but
 * irq_save, irq_restore and relax is called. `generation` changes with every invalidation, after
 * its entries have gone: an answer made of several look-ups is valid if the generation is still the
 * same as before the first. How walks are kept from adding stale entries is described in walk.h.
 */
#ifndef IOMMU_MODEL_CACHE_H
#define IOMMU_MODEL_CACHE_H

#include <libiommu/types.h>

#include "base/atomic.h"
#include "base/rbtree.h"
#include "base/spinlock.h"

#define MODEL_CACHE_KINDS  7
#define MODEL_CACHE_LEVELS 8
#define MODEL_CACHE_LINE   64
/* The largest tag. */
#define MODEL_CACHE_TAG_MAX ((1ULL << 48) - 1)
/* The default limit, for entries of all kinds. */
#define MODEL_CACHE_DEFAULT 16384
/* Blocks of memory for the places of the table, of 2^MODEL_CACHE_BLOCK_SHIFT places. */
#define MODEL_CACHE_BLOCKS      8
#define MODEL_CACHE_BLOCK_SHIFT 13
/* Entries in a bunch. */
#define MODEL_CACHE_BUNCH 64

/* An entry, as it is put and found. */
struct model_cached {
	/* The key: kind, tag (whose entry it is), level of the tables, address. */
	uint8_t kind;
	uint8_t level;
	/* The answer. With a reason: a fault. */
	uint8_t reason;
	bool fault_hidden; /* VT-d's FPD */
	/*
	 * The owner, by which it can be dropped, too; only of kinds with tags of 32 bits and
	 * addresses of 24. A look-up does not return it.
	 */
	bool has_owner;
	uint32_t owner;
	uint64_t tag; /* up to MODEL_CACHE_TAG_MAX */
	uint64_t address;
	uint64_t low, high, third;
};

/* The order by key: kind, tag and level in one word, then the address. */
struct model_cache_key {
	uint64_t rank;
	uint64_t address;
};

struct model_cache_guess;
struct model_cache_node;
struct model_cache_page;
struct model_cache_rest;
struct model_cache_slot;
struct model_cache_table;

/* Entries, in no order, whose keys lie between its beginning and that of the next bunch. */
struct model_cache_bunch {
	struct iommu_rb_node by_key;
	struct model_cache_key begin;
	unsigned int count;
	struct model_cache_bunch *spare; /* of an unused one: the next unused */
	struct model_cache_node *entries[MODEL_CACHE_BUNCH];
};

/* What entries are ordered by. */
enum model_cache_order {
	MODEL_BY_KEY,
	MODEL_BY_OWNER,
	MODEL_CACHE_ORDERS
};

struct model_cache {
	/* What look-ups read; changes seldom. */
	const struct iommu_platform *platform;
	struct model_cache_table **table[MODEL_CACHE_BLOCKS]; /* places may share a page */
	size_t places;
	unsigned int block_order;
	uint64_t forget_seed; /* 0: no random eviction */
	iommu_cell_t generation;
	uint8_t present[MODEL_CACHE_KINDS]; /* bit n: there may be entries of level n */
	unsigned char apart[MODEL_CACHE_LINE];
	/* The rest, under the lock. */
	struct iommu_spinlock lock;
	struct iommu_rb_tree bunches[MODEL_CACHE_ORDERS];
	/* The first bunch of each order; it begins before all keys and stays. */
	struct model_cache_bunch first_bunch[MODEL_CACHE_ORDERS];
	struct iommu_list_node learned; /* from the next victim on */
	/* Unused structures, and the pages that everything but the table is cut from. */
	struct iommu_list_node spare;
	struct model_cache_bunch *spare_bunches;
	struct model_cache_slot *spare_slots;
	struct model_cache_rest *spare_rests;
	struct model_cache_table *spare_tables;
	struct model_cache_page *pages;
	size_t spare_count, spare_bunch_count, spare_slot_count, spare_rest_count,
		spare_table_count;
	/* Counts: nodes, slots beside the table, rests, table pages; bunches in use. */
	struct model_cache_guess *guess; /* of entries that are being learned, or NULL */
	unsigned int bunch_victims; /* counts entries that were evicted because a bunch was full */
	size_t made, made_slots, made_rests, made_tables, bunch_count;
	size_t count[MODEL_CACHE_KINDS];
	size_t count_of_level[MODEL_CACHE_KINDS][MODEL_CACHE_LEVELS];
	size_t total, limit;
	uint64_t random;
	struct iommu_list_node walks;
	uint64_t walk_count;
	uint64_t awaited; /* walks with a smaller number are waited for; 0: none */
};

/*
 * limit: entries of all kinds; 0: the default; SIZE_MAX: as many as there is memory for. Called
 * without the lock. Returns 0 or IOMMU_ENOMEM; a zeroed cache may be destroyed, too.
 */
int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed);
void iommu_model_cache_destroy(struct model_cache *cache);

/* --- Look-ups --------------------------------------------------------------------------------- */

static inline uint64_t iommu_model_cache_generation(const struct model_cache *cache)
{
	return iommu_cell_load_acquire(&cache->generation);
}

/* Without the lock. False: not cached. */
bool iommu_model_cache_find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found);
/* Prefetch: the entry is looked up soon. */
void iommu_model_cache_prefetch(const struct model_cache *cache, unsigned int kind, uint64_t tag,
				unsigned int level, uint64_t address);
/* A look-up without side effects: no random eviction, and the entry does not count as used. */
bool iommu_model_cache_peek(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found);

/* Can there be entries of this kind and level? */
static inline bool iommu_model_cache_may_have(const struct model_cache *cache, unsigned int kind,
					      unsigned int level)
{
	return (__atomic_load_n(&cache->present[kind], __ATOMIC_RELAXED) >> level & 1) != 0;
}

/* The current number of entries of each kind. */
void iommu_model_cache_count(struct model_cache *cache, size_t counts[MODEL_CACHE_KINDS]);

/* --- Invalidation: between begin and end, which change the generation. ------------------------ */

uintptr_t iommu_model_cache_begin_drop(struct model_cache *cache);
void iommu_model_cache_end_drop(struct model_cache *cache, uintptr_t state);

/* Drop all entries of one kind, tag and level with addresses in [first, last]. */
void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last);
/* Drop all entries of one kind with a tag in [first, last]. */
void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last);
/* … and with this owner. */
void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last);
/*
 * The lowest tag in [first, last] that entries of this kind have; false: none. For invalidations
 * that go from tag to tag.
 */
bool iommu_model_cache_next_tag(struct model_cache *cache, unsigned int kind, uint64_t first,
				uint64_t last, uint64_t *tag);
/* Drop all entries of one kind. */
void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind);

#endif
