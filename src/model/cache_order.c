/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The orders of a cache's entries: by key, and by owner. Invalidations of ranges find their entries
 * here.
 *
 * Entries with neighbouring keys are in a bunch, in no order, and bunches are in a tree. So a new
 * entry only joins its bunch, without sorting, and seldom changes the tree: a full bunch is split,
 * and a bunch with few entries is merged with a neighbour. Two neighbours have more than MERGED_MAX
 * / 2 entries together, unless one was just split unevenly; so a guest cannot cause many bunches of
 * few entries.
 */
#include "model/cache_parts.h"

/* Two neighbours with so many entries together are merged when one of them has become small. */
#define MERGED_MAX 40

/* Without a branch, which the processor would mispredict at every second step down the tree. */
static bool is_before(struct model_cache_key a, struct model_cache_key b)
{
	return a.rank < b.rank + (a.address < b.address);
}

static struct model_cache_bunch *by_key(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct model_cache_bunch, by_key);
}

static struct model_cache_key key_by(enum model_cache_order by, const struct model_cache_node *node)
{
	return by == MODEL_BY_OWNER ? model_owned_key(node->owner, node->key) : node->key;
}

void iommu_model_order_init(struct model_cache *cache)
{
	unsigned int by;

	for (by = 0; by < MODEL_CACHE_ORDERS; by++)
		iommu_rb_insert(&cache->bunches[by], iommu_rb_no_update, NULL, false,
				&cache->first_bunch[by].by_key);
	cache->bunch_count = MODEL_CACHE_ORDERS;
}

/* The bunch that a key belongs to: the last that does not begin behind it. */
static struct model_cache_bunch *bunch_of(struct model_cache *cache, enum model_cache_order by,
					  struct model_cache_key key)
{
	struct iommu_rb_node *node = cache->bunches[by].root;
	/* Last, on each side; one bunch begins before all keys. */
	struct iommu_rb_node *passed[2] = {NULL, &cache->first_bunch[by].by_key};

	do {
		const bool behind = !is_before(key, by_key(node)->begin);

		passed[behind] = node;
		node = node->child[behind];
	} while (node != NULL);
	return by_key(passed[true]);
}

/* Below the lowest bunches: no key lies behind it. */
static const struct model_cache_bunch nowhere = {.begin = {.rank = UINT64_MAX}};

/* The searches are interleaved: while one step waits for memory, those for other keys go on. */
void iommu_model_order_guess(struct model_cache *cache, const struct model_cached *entries,
			     unsigned int count, struct model_cache_guess *guess)
{
	struct model_cache_key keys[MODEL_CACHE_GUESSES];
	struct model_cache_bunch *at[MODEL_CACHE_GUESSES];
	struct model_cache_bunch *passed[MODEL_CACHE_GUESSES][2];
	struct model_cache_bunch *end = (struct model_cache_bunch *)(uintptr_t)&nowhere;
	unsigned int i;
	bool goes_on;

	guess->count = count;
	cache->guess = guess;
	for (i = 0; i < count; i++) {
		keys[i] = model_key_of(&entries[i]);
		at[i] = by_key(cache->bunches[MODEL_BY_KEY].root);
		passed[i][true] = &cache->first_bunch[MODEL_BY_KEY];
	}
	do {
		for (i = 0, goes_on = false; i < count; i++) {
			const bool behind = !is_before(keys[i], at[i]->begin);
			struct iommu_rb_node *below = at[i]->by_key.child[behind];

			passed[i][behind] = at[i];
			at[i] = below != NULL ? by_key(below) : end;
			goes_on |= below != NULL;
		}
	} while (goes_on);
	for (i = 0; i < count; i++)
		guess->bunch[i] = passed[i][true];
}

/* Entries of one bunch move to another; NULL: to the bunch that a look-up finds. */
static void correct_guess(struct model_cache *cache, const struct model_cache_bunch *from,
			  struct model_cache_bunch *to)
{
	struct model_cache_guess *guess = cache->guess;
	unsigned int i;

	for (i = 0; guess != NULL && i < guess->count; i++)
		if (guess->bunch[i] == from)
			guess->bunch[i] = to;
}

struct model_cache_node *iommu_model_order_find(struct model_cache *cache,
						struct model_cache_key key)
{
	const struct model_cache_bunch *bunch = bunch_of(cache, MODEL_BY_KEY, key);
	unsigned int i;

	for (i = 0; i < bunch->count; i++)
		if (bunch->entries[i]->key.rank == key.rank &&
		    bunch->entries[i]->key.address == key.address)
			return bunch->entries[i];
	return NULL;
}

/* The first of a bunch that does not come before a key. */
static struct model_cache_node *first_of_bunch(const struct model_cache_bunch *bunch,
					       struct model_cache_key key)
{
	struct model_cache_node *first = NULL;
	unsigned int i;

	for (i = 0; i < bunch->count; i++) {
		struct model_cache_node *node = bunch->entries[i];

		if (!is_before(node->key, key) &&
		    (first == NULL || is_before(node->key, first->key)))
			first = node;
	}
	return first;
}

struct model_cache_node *iommu_model_order_next(struct model_cache *cache,
						struct model_cache_key first,
						struct model_cache_key last)
{
	struct model_cache_bunch *bunch = bunch_of(cache, MODEL_BY_KEY, first);
	struct model_cache_node *found = first_of_bunch(bunch, first);
	struct iommu_rb_node *next = &bunch->by_key;

	/* Only the first bunch of all may be empty: this goes one step, or two. */
	while (found == NULL && (next = iommu_rb_next(next)) != NULL)
		found = first_of_bunch(by_key(next), first);
	return found != NULL && !is_before(last, found->key) ? found : NULL;
}

/* --- Joining ---------------------------------------------------------------------------------- */

static void add(enum model_cache_order by, struct model_cache_bunch *bunch,
		struct model_cache_node *node)
{
	node->at[by] = (uint8_t)bunch->count;
	node->bunch[by] = bunch;
	bunch->entries[bunch->count++] = node;
}

/*
 * A key that one of the bunch comes before: of the first, one in the middle and the last the
 * median.
 */
static struct model_cache_key middle_of(enum model_cache_order by,
					const struct model_cache_bunch *bunch)
{
	const struct model_cache_key a = key_by(by, bunch->entries[0]);
	const struct model_cache_key b = key_by(by, bunch->entries[bunch->count / 2]);
	const struct model_cache_key c = key_by(by, bunch->entries[bunch->count - 1]);

	if (is_before(a, b) == is_before(b, c))
		return b;
	return is_before(a, b) == is_before(a, c) ? c : a;
}

/* Split: the upper half of a bunch becomes a bunch of its own. False: there is no memory for it. */
static bool split(struct model_cache *cache, enum model_cache_order by,
		  struct model_cache_bunch *bunch)
{
	struct model_cache_bunch *upper = cache->spare_bunches;
	struct iommu_rb_node *parent = &bunch->by_key;
	const unsigned int count = bunch->count;
	unsigned int i;
	bool right;

	if (upper == NULL)
		return false;
	cache->spare_bunches = upper->spare;
	cache->spare_bunch_count--;
	cache->bunch_count++;
	correct_guess(cache, bunch, NULL);
	upper->begin = middle_of(by, bunch);
	upper->count = 0;
	bunch->count = 0;
	for (i = 0; i < count; i++) {
		struct model_cache_node *node = bunch->entries[i];

		add(by, is_before(key_by(by, node), upper->begin) ? bunch : upper, node);
	}
	/* It goes to the right of the lower half, or to the left of the node that follows that. */
	right = parent->child[1] == NULL;
	if (!right)
		parent = iommu_rb_next(parent);
	iommu_rb_insert(&cache->bunches[by], iommu_rb_no_update, parent, right, &upper->by_key);
	return true;
}

void iommu_model_order_join(struct model_cache *cache, enum model_cache_order by,
			    struct model_cache_node *node, struct model_cache_bunch *place)
{
	const struct model_cache_key key = key_by(by, node);
	struct model_cache_bunch *bunch = place != NULL ? place : bunch_of(cache, by, key);

	if (bunch->count == MODEL_CACHE_BUNCH) {
		/* Without memory for that the bunch's entries are evicted in turn. */
		if (!split(cache, by, bunch))
			iommu_model_cache_forget(
				cache, bunch->entries[cache->bunch_victims++ % MODEL_CACHE_BUNCH]);
		bunch = bunch_of(cache, by, key);
	}
	add(by, bunch, node);
}

/* --- Leaving ---------------------------------------------------------------------------------- */

/* Merge: the upper of two neighbours joins the lower. */
static void merge(struct model_cache *cache, enum model_cache_order by,
		  struct model_cache_bunch *lower, struct model_cache_bunch *upper)
{
	unsigned int i;

	for (i = 0; i < upper->count; i++)
		add(by, lower, upper->entries[i]);
	iommu_rb_remove(&cache->bunches[by], iommu_rb_no_update, &upper->by_key);
	cache->bunch_count--;
	correct_guess(cache, upper, lower);
	model_add_spare_bunch(cache, upper);
}

/* It has become small. */
static void merge_with_neighbours(struct model_cache *cache, enum model_cache_order by,
				  struct model_cache_bunch *bunch)
{
	struct iommu_rb_node *next = iommu_rb_next(&bunch->by_key);
	struct model_cache_key before = bunch->begin;
	struct model_cache_bunch *lower;

	if (next != NULL && bunch->count + by_key(next)->count <= MERGED_MAX)
		merge(cache, by, bunch, by_key(next));
	if (bunch == &cache->first_bunch[by])
		return;
	before.rank -= before.address == 0;
	before.address--;
	lower = bunch_of(cache, by, before);
	if (bunch->count == 0 || lower->count + bunch->count <= MERGED_MAX)
		merge(cache, by, lower, bunch);
}

/*
 * Tried at each halving, and not at each entry that leaves while the neighbours are still too
 * large.
 */
static bool is_small(unsigned int count)
{
	return count <= MERGED_MAX / 2 && (count & (count - 1)) == 0;
}

void iommu_model_order_leave(struct model_cache *cache, enum model_cache_order by,
			     struct model_cache_node *node)
{
	struct model_cache_bunch *bunch = node->bunch[by];
	struct model_cache_node *last = bunch->entries[--bunch->count];

	bunch->entries[node->at[by]] = last;
	last->at[by] = node->at[by];
	if (is_small(bunch->count))
		merge_with_neighbours(cache, by, bunch);
}

/* --- Dropping --------------------------------------------------------------------------------- */

/* The entries of a bunch with keys in [first, last]. Bunches may merge when they leave. */
static void drop_of_bunch(struct model_cache *cache, enum model_cache_order by,
			  const struct model_cache_bunch *bunch, struct model_cache_key first,
			  struct model_cache_key last)
{
	struct model_cache_node *dropped[MODEL_CACHE_BUNCH];
	unsigned int count = 0;
	unsigned int i;

	for (i = 0; i < bunch->count; i++) {
		const struct model_cache_key key = key_by(by, bunch->entries[i]);

		if (!is_before(key, first) && !is_before(last, key))
			dropped[count++] = bunch->entries[i];
	}
	for (i = 0; i < count; i++)
		iommu_model_cache_forget(cache, dropped[i]);
}

void iommu_model_order_drop(struct model_cache *cache, enum model_cache_order by,
			    struct model_cache_key first, struct model_cache_key last)
{
	struct model_cache_key at = first;
	struct iommu_rb_node *next;

	do {
		struct model_cache_bunch *bunch = bunch_of(cache, by, at);

		next = iommu_rb_next(&bunch->by_key);
		if (next != NULL)
			at = by_key(next)->begin;
		drop_of_bunch(cache, by, bunch, first, last);
	} while (next != NULL && !is_before(last, at));
}
