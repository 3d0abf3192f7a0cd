/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of tables in memory, what of them is cached, and the passage of a request through a model,
 * which becomes a walk when it has to; and where passages and walks are counted.
 *
 *   - A walk is registered from its begin to its end. What it has read is cached only if the
 *     cache's generation has not changed since its begin: nothing stale is added after an
 *     invalidation.
 *   - An invalidation is reported complete only when all walks that began before it have ended
 *     (iommu_model_walks_have_ended). So a walk, which may write to the guest's memory and whose
 *     result may be stale already, is never observed by a guest that has seen the completion. No
 *     thread waits for that: the completion is put off, and the walk that ends last sees to it.
 */
#ifndef IOMMU_MODEL_WALK_H
#define IOMMU_MODEL_WALK_H

#include "base/atomic.h"
#include "model/cache.h"

/*
 * The entries that a walk collects until the cache takes them all at once: five levels, context,
 * PASID.
 */
#define MODEL_WALK_LEARNS 8

/* A walk of tables in memory, on the stack of the thread that does it. */
struct model_walk {
	struct iommu_list_node link; /* in the order in which they began */
	uint64_t number;             /* counts walks */
	uint64_t generation;         /* at its begin */
	/* What it has learned and not yet added to the cache. */
	unsigned int learned_count;
	struct model_cached learned[MODEL_WALK_LEARNS];
};

/* --- Walks ------------------------------------------------------------------------------------ */

/*
 * begin - register the walk, and make room for what it may add, as far as there is memory. Without
 * a lock: pages are allocated with IOMMU_ALLOC_ATOMIC, unless `adds` is false.
 *
 * end - true: a completion was put off until now, and the caller has to see to it.
 */
void iommu_model_walk_begin(struct model_cache *cache, struct model_walk *walk, bool adds);
bool iommu_model_walk_end(struct model_cache *cache, struct model_walk *walk);

/*
 * Have all walks ended that had begun before the first call? *ticket is 0 at the first call, and
 * keeps what is waited for; it is 0 again when the result is true. When it is false, the walk that
 * ends last is told so by iommu_model_walk_end.
 */
bool iommu_model_walks_have_ended(struct model_cache *cache, uint64_t *ticket);

/*
 * put - add `entry`, whose key is filled in. The walk keeps it until its end, when the cache takes
 * all that the walk has learned, under one lock. An entry that is cached by then stays as it is,
 * and nothing is added if there was an invalidation since the walk began.
 *
 * settle - the cache takes it now, so that look-ups of the same walk find it.
 *
 * add_to_high - set bits below 2^16 in a cached entry, at once, unless there was an invalidation.
 */
void iommu_model_walk_settle(struct model_cache *cache, struct model_walk *walk);
/* Inline, so that an entry is composed in the walk's own memory. */
static inline void iommu_model_cache_put(struct model_cache *cache, struct model_walk *walk,
					 const struct model_cached *entry)
{
	if (walk->learned_count == MODEL_WALK_LEARNS)
		iommu_model_walk_settle(cache, walk);
	walk->learned[walk->learned_count++] = *entry;
}

void iommu_model_cache_add_to_high(struct model_cache *cache, const struct model_walk *walk,
				   const struct model_cached *key, uint64_t bits);

/* --- Passages --------------------------------------------------------------------------------- */

/*
 * A request that passes through a model, on the stack of its thread. As long as it only looks
 * entries up it is not registered: its answer is valid if there was no invalidation meanwhile.
 * Before it reads tables, or does anything that can be observed, it becomes a walk; an invalidation
 * from then on is complete after its end. So a request begins anew at most once.
 */
struct model_passage {
	struct model_cache *cache;
	uint64_t generation; /* when it began */
	bool peeks;          /* without side effects: nothing is added to the cache */
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

/* From here on it is a walk. False: what was found so far may be stale: begin anew. */
static inline bool model_passage_walks(struct model_passage *passage)
{
	if (passage->is_walk)
		return true;
	iommu_model_walk_begin(passage->cache, &passage->walk, !passage->peeks);
	passage->is_walk = true;
	return passage->walk.generation == passage->generation;
}

/* Is the answer valid? False: begin anew. */
static inline bool model_passage_holds(struct model_passage *passage)
{
	if (passage->is_walk || iommu_model_cache_generation(passage->cache) == passage->generation)
		return true;
	(void)model_passage_walks(passage);
	return false;
}

/* True: a completion was put off until now, and the caller has to see to it. */
static inline bool model_passage_end(struct model_passage *passage)
{
	return passage->is_walk && iommu_model_walk_end(passage->cache, &passage->walk);
}

/* --- Counters --------------------------------------------------------------------------------- */

/* Counters of requests: those of two devices lie, as a rule, in different cache lines. */

/* A page of them. */
#define MODEL_COUNTERS (IOMMU_PAGE_SIZE / sizeof(struct model_counter))

struct model_counter {
	iommu_cell_t requests, walks;
	unsigned char apart[MODEL_CACHE_LINE - 2 * sizeof(iommu_cell_t)];
};

static inline struct model_counter *model_counter_of(struct model_counter *counters,
						     uint16_t source_id)
{
	return &counters[(source_id * 0x9e3779b1U >> 16) & (MODEL_COUNTERS - 1)];
}

static inline void model_count_up(iommu_cell_t *counter)
{
	(void)iommu_cell_add(counter, 1);
}

static inline void model_counters_sum(const struct model_counter *counters, uint64_t *requests,
				      uint64_t *walks)
{
	size_t i;

	for (i = 0; i < MODEL_COUNTERS; i++) {
		*requests += iommu_cell_load(&counters[i].requests);
		*walks += iommu_cell_load(&counters[i].walks);
	}
}

#endif
