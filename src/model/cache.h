/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What modelled hardware remembers. Nothing leaves it unless it is told to, or the configuration wants
 * bounded memory or random forgetting; both are things that real caches do. When memory is short, less
 * is remembered.
 *
 * What is found is found by a hash table, of which a line is all that a look-up reads, and so is
 * the one page that most invalidations name. What else an invalidation names is found by order:
 * entries of neighbouring keys are in a bunch, bunches are in a tree, and entries that have owners
 * are in a tree by these. So whatever a guest asks to be forgotten costs O(log n) and what is in
 * fact forgotten, which devices have paid for before. A new entry only joins its bunch, which needs
 * no sorting and seldom changes the tree: a bunch that has become long is split. Bunches do not
 * merge, but one that is empty goes; so there are never more of them than entries.
 *
 * A cache that is full forgets in the order in which it learned, but passes over, once, what was
 * used since it last came by.
 *
 * Concurrency. A look-up takes no lock: each entry has a version, which is odd while the entry
 * changes, and an entry's line stays a line until the cache goes. Everything that changes the cache
 * takes the cache's own lock, under which nothing else is locked and no function of the host but
 * irq_save, irq_restore and relax is called. Three things make that safe:
 *
 *   - `generation` changes with every invalidation, after what it names has gone. An answer that
 *     was put together from several look-ups is good if the generation is still what it was before
 *     the first.
 *   - A walk of tables is registered from its begin to its end. What it has read is only remembered
 *     if the generation has not changed since its begin: nothing stale comes in behind an
 *     invalidation.
 *   - An invalidation is only reported complete when all walks that began before it have ended
 *     (iommu_model_walks_have_ended). So a walk, which may write to the guest's memory and whose
 *     result may already be old, is never seen by a guest after it was told that nothing old is
 *       left.
 *     Nothing waits for that: the completion is put off, and the walk that ends last sees to it.
 */
#ifndef IOMMU_MODEL_CACHE_H
#define IOMMU_MODEL_CACHE_H

#include <libiommu/list_node.h>

#include "base/atomic.h"
#include "base/rbtree.h"
#include "base/spinlock.h"

#define MODEL_CACHE_KINDS  7
#define MODEL_CACHE_LEVELS 8
#define MODEL_CACHE_LINE   64
/*
 * So many entries a walk keeps until the cache takes them all at once: five levels, context, PASID.
 */
#define MODEL_WALK_LEARNS 8
/* The largest tag. */
#define MODEL_CACHE_TAG_MAX ((1ULL << 48) - 1)
/* Entries of all kinds, where the configuration says nothing. */
#define MODEL_CACHE_DEFAULT 16384

/* What is known, as it goes in and comes out. */
struct model_cached {
	/* The key, in this order: what kind of entry, whose, of which level of tables, where. */
	uint8_t kind;
	uint64_t tag; /* up to MODEL_CACHE_TAG_MAX */
	uint8_t level;
	uint64_t address;
	/* By whom it can also be dropped; of the kinds that have owners. It is not told again. */
	bool has_owner;
	uint32_t owner;
	/* What is known. With a reason: that it faults. */
	uint64_t low, high, third;
	uint8_t reason;
	bool fault_hidden; /* VT-d's FPD */
};

/* A walk of tables in memory, on the stack of the thread that does it. */
struct model_walk {
	struct iommu_list_node link; /* from the one that began first to the one that began last */
	uint64_t number;             /* counts walks */
	uint64_t generation;         /* at its begin */
	/* What it has learned and the cache does not know yet. */
	unsigned int learned_count;
	struct model_cached learned[MODEL_WALK_LEARNS];
};

/* What entries are ordered by: kind, tag and level in one word, then the address. */
struct model_cache_key {
	uint64_t rank;
	uint64_t address;
};

/* Entries whose keys lie between its beginning and that of the next bunch: few, in no order. */
struct model_cache_bunch {
	struct iommu_rb_node by_key;
	struct model_cache_key begin;
	struct iommu_list_node entries;
	size_t count;
	struct model_cache_bunch *next; /* among the spare ones */
};

struct model_cache_line;
struct model_cache_node;
struct model_cache_page;

struct model_cache {
	/* What look-ups read: changed seldom. */
	const struct iommu_platform *platform;
	struct model_cache_line **table; /* pages of lines */
	size_t table_mask;
	unsigned int table_order; /* of the array of pages */
	uint64_t forget_seed;     /* 0: nothing is forgotten at random */
	iommu_cell_t generation;
	uint8_t present[MODEL_CACHE_KINDS]; /* bit n: there may be entries of level n */
	unsigned char apart[MODEL_CACHE_LINE];
	/* The rest, under the lock. */
	struct iommu_spinlock lock;
	struct iommu_rb_tree bunches, owners;
	struct model_cache_bunch first_bunch; /* begins before all keys, and stays */
	struct iommu_list_node learned;       /* from the one that is forgotten next */
	/* What holds nothing, and the pages that all is cut from. */
	struct iommu_list_node spare;
	size_t spare_count, made;
	struct model_cache_bunch *spare_bunches;
	size_t spare_bunch_count, made_bunches;
	struct model_cache_line *spare_lines;
	size_t spare_line_count, made_lines;
	struct model_cache_page *pages;
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

/* --- Walks ------------------------------------------------------------------------------------ */

/*
 * begin - the walk is registered, and there is room for what it may add, as far as there is memory.
 * Without a lock: pages are asked for, with IOMMU_ALLOC_ATOMIC; `adds`: unless it adds nothing.
 *
 * end - true: a completion was put off until now, and the caller sees to it.
 */
void iommu_model_walk_begin(struct model_cache *cache, struct model_walk *walk, bool adds);
bool iommu_model_walk_end(struct model_cache *cache, struct model_walk *walk);

/*
 * Have all walks ended that had begun before the first question? *ticket is 0 at the first, and
 * keeps what is waited for; it is 0 again with the answer true. After the answer false the walk
 * that ends last is told so.
 */
bool iommu_model_walks_have_ended(struct model_cache *cache, uint64_t *ticket);

/*
 * put - remember `entry`, whose key is filled in. The walk keeps it until its end, when the cache
 * takes all that it has learned under one lock; what is known by then stays as it is, and nothing
 * is taken if something was invalidated since the walk began.
 *
 * settle - the cache takes it now, so that look-ups of the same walk find it.
 *
 * add_to_high - set bits in what the cache knows, at once, unless something was invalidated.
 */
void iommu_model_cache_put(struct model_cache *cache, struct model_walk *walk,
			   const struct model_cached *entry);
void iommu_model_walk_settle(struct model_cache *cache, struct model_walk *walk);
void iommu_model_cache_add_to_high(struct model_cache *cache, const struct model_walk *walk,
				   const struct model_cached *key, uint64_t bits);

/* --- Passages --------------------------------------------------------------------------------- */

/*
 * A request that passes through a model, on the stack of its thread. As long as it only looks
 * things up nothing is registered: what it found is good if nothing was invalidated meanwhile.
 * Before it reads tables, or does anything that is seen outside, it becomes a walk; what is
 * invalidated from then on is complete after its end. So a request begins anew once at most.
 */
struct model_passage {
	struct model_cache *cache;
	uint64_t generation; /* when it began */
	bool peeks;          /* it only looks: nothing is added to the cache */
	bool is_walk;
	struct model_walk walk;
};

static inline void model_passage_begin(struct model_passage *passage, struct model_cache *cache,
				       bool peeks)
{
	passage->cache = cache;
	passage->peeks = peeks;
	passage->is_walk = false;
	passage->generation = iommu_model_cache_generation(cache);
}

/* From here on it is a walk. False: what was found so far may be old: again from the start. */
static inline bool model_passage_walks(struct model_passage *passage)
{
	if (passage->is_walk)
		return true;
	iommu_model_walk_begin(passage->cache, &passage->walk, !passage->peeks);
	passage->is_walk = true;
	return passage->walk.generation == passage->generation;
}

/* May what was found be told? False: again from the start. */
static inline bool model_passage_holds(struct model_passage *passage)
{
	if (passage->is_walk || iommu_model_cache_generation(passage->cache) == passage->generation)
		return true;
	(void)model_passage_walks(passage);
	return false;
}

/* True: a completion was put off until now, and the caller sees to it. */
static inline bool model_passage_end(struct model_passage *passage)
{
	return passage->is_walk && iommu_model_walk_end(passage->cache, &passage->walk);
}

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
