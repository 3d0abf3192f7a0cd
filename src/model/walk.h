/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks of tables in memory, what of them is remembered, and a request's passage through a model,
 * which becomes a walk when it must; and where passages and walks are counted.
 *
 *   - A walk is registered from its begin to its end. What it has read is only remembered if the
 *     cache's generation has not changed since its begin: nothing stale comes in behind an
 *     invalidation.
 *   - An invalidation is only reported complete when all walks that began before it have ended
 *     (iommu_model_walks_have_ended). So a walk, which may write to the guest's memory and whose
 *     result may already be old, is never seen by a guest after it was told that nothing old is
 *     left. Nothing waits for that: the completion is put off, and the walk that ends last sees
 *     to it.
 */
#ifndef IOMMU_MODEL_WALK_H
#define IOMMU_MODEL_WALK_H

#include "base/atomic.h"
#include "model/cache.h"

/*
 * So many entries a walk keeps until the cache takes them all at once: five levels, context, PASID.
 */
#define MODEL_WALK_LEARNS 8

/* A walk of tables in memory, on the stack of the thread that does it. */
struct model_walk {
	struct iommu_list_node link; /* from the one that began first to the one that began last */
	uint64_t number;             /* counts walks */
	uint64_t generation;         /* at its begin */
	/* What it has learned and the cache does not know yet. */
	unsigned int learned_count;
	struct model_cached learned[MODEL_WALK_LEARNS];
};

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
 * add_to_high - set bits below 2^16 in what the cache knows, at once, unless something was
 * invalidated.
 */
void iommu_model_walk_settle(struct model_cache *cache, struct model_walk *walk);
/* Here, so that an entry is put together where the walk keeps it. */
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

/* --- Counters --------------------------------------------------------------------------------- */

/*
 * What requests of devices are counted in: those of two devices, as a rule, in different cache
 * lines.
 */

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
