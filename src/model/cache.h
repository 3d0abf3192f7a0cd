/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modelled hardware remembers. Nothing leaves it unless it is told to, or the configuration
 * wants bounded memory or random forgetting; both are things that real caches do. When memory is
 * short, less is remembered.
 *
 * An entry is found by a hash table (cache_table.c), two in a line of the processor's cache: key
 * and answer are in one, so that a look-up reads that line, and so does an invalidation of one
 * page, which most are. What else an invalidation names is found by order (cache_order.c): by key,
 * and of the entries that have owners by these. So whatever a guest asks to be forgotten costs
 * O(log n) and what is in fact forgotten. Memory is taken as entries come, by walks
 * (cache_memory.c).
 *
 * A cache that is full forgets in the order in which it learned, but passes over, once, what was
 * used since it last came by. Only where there is no memory for an entry's place in the table or in
 * the order another one of the same hash or neighbourhood goes instead.
 *
 * Concurrency. A look-up takes no lock: each slot has a version, which is odd while the entry in it
 * changes, and a slot stays a slot until the cache goes. Everything that changes the cache takes
 * the cache's own lock, under which nothing else is locked and no function of the host but
 * irq_save, irq_restore and relax is called. `generation` changes with every invalidation, after
 * what it names has gone: an answer that was put together from several look-ups is good if the
 * generation is still what it was before the first. What keeps walks of tables from bringing in
 * what is old is in walk.h.
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
/* Entries of all kinds, where the configuration says nothing. */
#define MODEL_CACHE_DEFAULT 16384
/* Blocks of memory for the places of the table, of 2^MODEL_CACHE_BLOCK_SHIFT places. */
#define MODEL_CACHE_BLOCKS      8
#define MODEL_CACHE_BLOCK_SHIFT 13
/* Entries in a bunch. */
#define MODEL_CACHE_BUNCH 64

/* What is known, as it goes in and comes out. */
struct model_cached {
	/* The key: what kind of entry, whose, of which level of tables, where. */
	uint8_t kind;
	uint8_t level;
	/* What is known. With a reason: that it faults. */
	uint8_t reason;
	bool fault_hidden; /* VT-d's FPD */
	/*
	 * By whom it can also be dropped; of the kinds that have owners, whose tags are of 32 bits
	 * and whose addresses of 24. It is not told again.
	 */
	bool has_owner;
	uint32_t owner;
	uint64_t tag; /* up to MODEL_CACHE_TAG_MAX */
	uint64_t address;
	uint64_t low, high, third;
};

/* What entries are ordered by: kind, tag and level in one word, then the address. */
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

/* Entries whose keys lie between its beginning and that of the next bunch, in no order. */
struct model_cache_bunch {
	struct iommu_rb_node by_key;
	struct model_cache_key begin;
	unsigned int count;
	struct model_cache_bunch *spare; /* the next that holds nothing */
	struct model_cache_node *entries[MODEL_CACHE_BUNCH];
};

/* What entries are ordered by. */
enum model_cache_order {
	MODEL_BY_KEY,
	MODEL_BY_OWNER,
	MODEL_CACHE_ORDERS
};

struct model_cache {
	/* What look-ups read: changed seldom. */
	const struct iommu_platform *platform;
	struct model_cache_table **table[MODEL_CACHE_BLOCKS]; /* several places may share one */
	size_t places;
	unsigned int block_order;
	uint64_t forget_seed; /* 0: nothing is forgotten at random */
	iommu_cell_t generation;
	uint8_t present[MODEL_CACHE_KINDS]; /* bit n: there may be entries of level n */
	unsigned char apart[MODEL_CACHE_LINE];
	/* The rest, under the lock. */
	struct iommu_spinlock lock;
	struct iommu_rb_tree bunches[MODEL_CACHE_ORDERS];
	/* These begin before all keys, and stay. */
	struct model_cache_bunch first_bunch[MODEL_CACHE_ORDERS];
	struct iommu_list_node learned; /* from the one that is forgotten next */
	/* What holds nothing, and the pages that all but the table is cut from. */
	struct iommu_list_node spare;
	struct model_cache_bunch *spare_bunches;
	struct model_cache_slot *spare_slots;
	struct model_cache_rest *spare_rests;
	struct model_cache_table *spare_tables;
	struct model_cache_page *pages;
	size_t spare_count, spare_bunch_count, spare_slot_count, spare_rest_count,
		spare_table_count;
	/* What there is: nodes, slots beside the table, rests, tables; bunches in use. */
	struct model_cache_guess *guess; /* of entries that are being learned, or NULL */
	unsigned int bunch_victims;      /* counts entries that went because a bunch was full */
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
 * limit: entries of all kinds; 0: the default; SIZE_MAX: as many as there is memory for. Without a
 * lock. Returns 0 or IOMMU_ENOMEM; a cache of zeros may be destroyed, too.
 */
int iommu_model_cache_init(struct model_cache *cache, const struct iommu_platform *platform,
			   size_t limit, uint64_t forget_seed);
void iommu_model_cache_destroy(struct model_cache *cache);

/* --- Look-ups --------------------------------------------------------------------------------- */

static inline uint64_t iommu_model_cache_generation(const struct model_cache *cache)
{
	return iommu_cell_load_acquire(&cache->generation);
}

/* Without a lock. False: not cached. */
bool iommu_model_cache_find(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found);
/* It is looked up soon. */
void iommu_model_cache_prefetch(const struct model_cache *cache, unsigned int kind, uint64_t tag,
				unsigned int level, uint64_t address);
/* The same for one who only looks: nothing is forgotten, and nothing counts as used. */
bool iommu_model_cache_peek(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t address, struct model_cached *found);

/* Can there be entries of this kind and level? */
static inline bool iommu_model_cache_may_have(const struct model_cache *cache, unsigned int kind,
					      unsigned int level)
{
	return (__atomic_load_n(&cache->present[kind], __ATOMIC_RELAXED) >> level & 1) != 0;
}

/* How many entries of each kind there are now. */
void iommu_model_cache_count(struct model_cache *cache, size_t counts[MODEL_CACHE_KINDS]);

/* --- Invalidation: between begin and end, which change the generation. ------------------------ */

uintptr_t iommu_model_cache_begin_drop(struct model_cache *cache);
void iommu_model_cache_end_drop(struct model_cache *cache, uintptr_t state);

/* Forget all of one kind, tag and level in [first, last]. */
void iommu_model_cache_drop(struct model_cache *cache, unsigned int kind, uint64_t tag,
			    unsigned int level, uint64_t first, uint64_t last);
/* Forget all of one kind with a tag in [first, last]. */
void iommu_model_cache_drop_tags(struct model_cache *cache, unsigned int kind, uint64_t first,
				 uint64_t last);
/* … and with this owner. */
void iommu_model_cache_drop_owned(struct model_cache *cache, unsigned int kind, uint32_t owner,
				  uint64_t first, uint64_t last);
/* Forget all of one kind. */
void iommu_model_cache_drop_kind(struct model_cache *cache, unsigned int kind);

#endif
