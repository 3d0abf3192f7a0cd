/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOVA spaces: the tree of allocated ranges and its lifetime. The search for a place is in
 * search.c.
 *
 * Invariants, under the lock: the ranges are disjoint, inside the space, and in order both in the
 * tree and in the list; the end marker is the last of both; subtree_gap and subtree_order of each
 * node are as described in <libiommu/iova.h>; `taken` is the sum of the ranges.
 *
 * A range that was placed last and is freed next stays in the tree, parked: a driver that maps one
 * buffer after the other asks for it again, and both searching and balancing would lead to where
 * they began. The place is still what a search would find for the same request: nothing was freed
 * since that search, so that all that is free now was free then. Whatever looks at the tree, and is
 * not that request, takes a parked range out first (lock_settled): so the tree that is seen has
 * only ranges that are taken.
 */
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"
#include "iova/space.h"

#define GRANULE_MIN (1ULL << 12)
#define GRANULE_MAX (1ULL << 30)
#define FOUR_GIB    (1ULL << 32)

/* --- The tree --------------------------------------------------------------------------------- */

/* A node's values from its own gap and its children's values. */
static bool update(struct iommu_rb_node *node)
{
	struct iommu_iova_range *range = iommu_iova_range_of(node);
	const uint64_t first = iommu_iova_gap_first(range);
	uint64_t gap = range->first - first;
	int order = iommu_iova_block_order(first, gap);
	unsigned int side;
	bool changed;

	for (side = 0; side < 2; side++) {
		const struct iommu_iova_range *child;

		if (node->child[side] == NULL)
			continue;
		child = iommu_iova_range_of(node->child[side]);
		if (child->subtree_gap > gap)
			gap = child->subtree_gap;
		if (child->subtree_order > order)
			order = child->subtree_order;
	}
	changed = gap != range->subtree_gap || order != range->subtree_order;
	range->subtree_gap = gap;
	range->subtree_order = order;
	return changed;
}

/* Something else is placed or freed. */
static inline void forget_latest(struct iommu_iova_space *space)
{
	if (IOVA_PARKS)
		space->latest = NULL;
}

/* Put [first, last] into the gap before `next`. */
static void link_range(struct iommu_iova_space *space, struct iommu_iova_range *range,
		       struct iommu_iova_range *next, uint64_t first, uint64_t last)
{
	struct iommu_iova_range *previous = next->previous;

	forget_latest(space);
	range->first = first;
	range->last = last;
	range->previous = previous;
	range->next = next;
	previous->next = range;
	next->previous = range;
	/*
	 * The place right before `next` in the tree: one of the two neighbours has room there.
	 * First the gap that shrinks, unless the insertion begins with it: the tree's rotations
	 * must find every value up to date.
	 */
	if (next->node.child[0] == NULL) {
		iommu_rb_insert(&space->tree, update, &next->node, false, &range->node);
	} else {
		iommu_rb_changed(update, &next->node);
		iommu_rb_insert(&space->tree, update, &previous->node, true, &range->node);
	}
	space->ranges++;
	space->taken += last - first + 1;
}

static void unlink_range(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	struct iommu_iova_range *next = range->next;

	forget_latest(space);
	range->previous->next = next;
	next->previous = range->previous;
	/* The gap that grows, unless the removal begins with it. */
	if (range->node.parent != &next->node)
		iommu_rb_changed(update, &next->node);
	iommu_rb_remove(&space->tree, update, &range->node);
	space->ranges--;
	space->taken -= range->last - range->first + 1;
	if (IOMMU_CONFIG_IOVA_CACHES && range->first <= space->low_last) {
		space->low_failed_plain = UINT64_MAX;
		space->low_failed_natural = UINT64_MAX;
	}
}

/* The range that holds a granule, or NULL. */
static struct iommu_iova_range *range_find(const struct iommu_iova_space *space, uint64_t granule)
{
	struct iommu_iova_range *range;

	if (granule < space->first || granule > space->last)
		return NULL;
	range = iommu_iova_first_beyond(space, granule)->previous;
	return range != &space->begin && range->last >= granule ? range : NULL;
}

/* --- Handles ---------------------------------------------------------------------------------- */

static struct iommu_iova_range *range_new(struct iommu_iova_space *space, unsigned int flags)
{
	return iommu_object_alloc(&space->cache,
				  (flags & IOMMU_IOVA_ATOMIC) != 0 ? IOMMU_ALLOC_ATOMIC : 0U);
}

/* A spare handle, or NULL. Locked. */
static struct iommu_iova_range *spare_take(struct iommu_iova_space *space)
{
	struct iommu_iova_range *range = space->spares;

	if (IOVA_SPARES_MAX != 0 && range != NULL) {
		space->spares = range->next;
		space->spare_count--;
	}
	return range;
}

static void spare_push(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	range->next = space->spares;
	space->spares = range;
	space->spare_count++;
}

/* Keep a handle for the next allocation; false: there are enough. Locked. */
static bool spare_keep(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	const unsigned int most = IOVA_SPARES_MAX;

	if (space->spare_count >= most)
		return false;
	spare_push(space, range);
	return true;
}

/* --- The parked range ------------------------------------------------------------------------- */

/*
 * Read without the lock, too: by allocations, which ask again under it, and by what walks over the
 * list, for which what is parked is out of it when this says so.
 */
static inline void set_parked(struct iommu_iova_space *space, bool parked)
{
	__atomic_store_n(&space->is_parked, parked, __ATOMIC_RELEASE);
}

/* Park a range that is freed; false: it is not the one that was placed last. Locked. */
static inline bool park(struct iommu_iova_space *space, const struct iommu_iova_range *range)
{
	if (!IOVA_PARKS || range != space->latest)
		return false;
	set_parked(space, true);
	return true;
}

static inline bool is_latest_request(const struct iommu_iova_space *space,
				     const struct iommu_iova_request *request)
{
	const struct iommu_iova_request *latest = &space->latest_request;

	return request->size == latest->size && request->alignment == latest->alignment &&
	       request->boundary == latest->boundary && request->lowest == latest->lowest &&
	       request->limit == latest->limit && request->flags == latest->flags;
}

/* Take what is parked out of the tree; nothing is given to the host under the lock. Locked. */
static __attribute__((noinline)) void unpark(struct iommu_iova_space *space)
{
	struct iommu_iova_range *range = space->latest;

	unlink_range(space, range);
	spare_push(space, range);
	set_parked(space, false);
}

static inline void settle(struct iommu_iova_space *space)
{
	if (IOVA_PARKS && __builtin_expect(space->is_parked, 0))
		unpark(space);
}

/* The lock, with nothing parked. */
static inline uintptr_t lock_settled(struct iommu_iova_space *space)
{
	const uintptr_t state = iommu_spin_lock(space->platform, &space->lock);

	settle(space);
	return state;
}

/* Nothing is parked, for a caller whose space does not change: no call parks anything then. */
static inline void settle_unlocked(struct iommu_iova_space *space)
{
	if (IOVA_PARKS && __atomic_load_n(&space->is_parked, __ATOMIC_ACQUIRE))
		iommu_spin_unlock(space->platform, &space->lock, lock_settled(space));
}

/* --- Life ------------------------------------------------------------------------------------- */

static const char *defect_of(const struct iommu_iova_config *config)
{
	const char *defect = iommu_platform_defect(config->platform);

	if (defect != NULL)
		return defect;
	if (config->flags != 0)
		return IOMMU_WHY("unknown flags");
	if (config->granule < GRANULE_MIN || config->granule > GRANULE_MAX ||
	    (config->granule & (config->granule - 1)) != 0)
		return IOMMU_WHY("the granule is no power of two from 4 KiB to 1 GiB");
	/* Shifts, for 32-bit hosts would call a library to divide. */
	if (config->first > config->last ||
	    config->last > UINT64_MAX >> iommu_highest_bit(config->granule))
		return IOMMU_WHY("the space is empty, or ends beyond 64 bits");
	return NULL;
}

int iommu_iova_space_create(const struct iommu_iova_config *config,
			    struct iommu_iova_space **result)
{
	const struct iommu_platform *platform = config->platform;
	struct iommu_iova_space *space;
	unsigned int shift;
	int status;

	status = iommu_refuse_defect(platform, IOMMU_CALL, defect_of(config));
	if (status != 0)
		return status;
	shift = iommu_highest_bit(config->granule);
	space = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (space == NULL)
		return IOMMU_ENOMEM;
	space->platform = platform;
	space->granule = config->granule;
	space->first = config->first;
	space->last = config->last;
	space->low_last = (FOUR_GIB >> shift) - 1;
	if (space->low_last > config->last)
		space->low_last = config->last;
	space->low_failed_plain = UINT64_MAX;
	space->low_failed_natural = UINT64_MAX;
	space->begin.last = config->first - 1; /* wraps for 0; only last + 1 is ever used */
	space->begin.next = &space->end;
	space->end.first = config->last + 1;
	space->end.last = config->last + 1;
	space->end.previous = &space->begin;
	iommu_rb_insert(&space->tree, update, NULL, false, &space->end.node);
	iommu_object_cache_init(&space->cache, platform, sizeof(struct iommu_iova_range));
	*result = space;
	return 0;
}

void iommu_iova_space_destroy(struct iommu_iova_space *space)
{
	struct iommu_iova_range *range;

	if (space == NULL)
		return;
	range = space->begin.next;
	while (range != &space->end) {
		struct iommu_iova_range *next = range->next;

		iommu_object_free(&space->cache, range);
		range = next;
	}
	while ((range = spare_take(space)) != NULL)
		iommu_object_free(&space->cache, range);
	space->platform->free_pages(space->platform->ctx, space, 0);
}

/* --- Allocating and freeing ------------------------------------------------------------------- */

static bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/*
 * Check a request and bring it into the form that the search expects. Member by member: a copy
 * would wait for what the caller has just stored.
 */
static inline int normalise(const struct iommu_iova_space *space,
			    const struct iommu_iova_request *request,
			    struct iommu_iova_request *wanted)
{
	wanted->size = request->size;
	wanted->alignment = request->alignment != 0 ? request->alignment : 1;
	wanted->boundary = request->boundary;
	wanted->lowest = request->lowest > space->first ? request->lowest : space->first;
	wanted->limit = request->limit < space->last ? request->limit : space->last;
	wanted->flags = request->flags;
	if (request->size == 0 || !is_power_of_two(wanted->alignment) ||
	    request->lowest > request->limit)
		return IOMMU_EINVAL;
	if (request->boundary != 0 &&
	    (!is_power_of_two(request->boundary) || request->boundary < request->size))
		return IOMMU_EINVAL;
	/* Of the granules, which have 52 bits, only 0 is a multiple: nothing can overflow below. */
	if (wanted->alignment > 1ULL << 52)
		wanted->alignment = 1ULL << 52;
	/* Too large for the bounds. */
	if (wanted->lowest > wanted->limit || wanted->size - 1 > wanted->limit - wanted->lowest)
		return IOMMU_ENOSPC;
	return 0;
}

/* The record of the smallest size for which such a request failed below 4 GiB; NULL: none. */
static uint64_t *low_failure(struct iommu_iova_space *space,
			     const struct iommu_iova_request *request)
{
	if (!IOMMU_CONFIG_IOVA_CACHES || request->limit > space->low_last)
		return NULL;
	if (iommu_iova_is_natural(request))
		return &space->low_failed_natural;
	return iommu_iova_is_plain(request) ? &space->low_failed_plain : NULL;
}

/* Search, unless it is known to be in vain, and remember when it was. Locked. */
static struct iommu_iova_range *search(struct iommu_iova_space *space,
				       const struct iommu_iova_request *request, uint64_t *first)
{
	uint64_t *failed = low_failure(space, request);
	struct iommu_iova_range *next;

	if (failed != NULL && request->size >= *failed)
		return NULL;
	next = iommu_iova_search(space, request, first);
	/* Only what failed everywhere below 4 GiB fails for every other bound there. */
	if (next == NULL && failed != NULL && request->lowest == space->first &&
	    request->limit == space->low_last)
		*failed = request->size;
	return next;
}

/* Find a place, and link `range` there; false: there is none. Locked. */
static bool place_range(struct iommu_iova_space *space, const struct iommu_iova_request *request,
			struct iommu_iova_range *range)
{
	struct iommu_iova_range *next = NULL;
	uint64_t first = 0;

	if ((request->flags & IOMMU_IOVA_LOW_FIRST) != 0 && request->limit > space->low_last &&
	    request->lowest <= space->low_last &&
	    request->size - 1 <= space->low_last - request->lowest) {
		struct iommu_iova_request low = *request;

		low.limit = space->low_last;
		next = search(space, &low, &first);
	}
	if (next == NULL)
		next = search(space, request, &first);
	if (next == NULL)
		return false;
	range->reserved = false;
	link_range(space, range, next, first, first + (request->size - 1));
	return true;
}

/* The parked range, where it is what the request asks for; or NULL. */
static struct iommu_iova_range *take_parked(struct iommu_iova_space *space,
					    const struct iommu_iova_request *request)
{
	const uintptr_t state = iommu_spin_lock(space->platform, &space->lock);
	struct iommu_iova_range *range = NULL;

	if (space->is_parked && is_latest_request(space, request)) {
		range = space->latest;
		set_parked(space, false);
	}
	iommu_spin_unlock(space->platform, &space->lock, state);
	return range;
}

static int alloc_by_search(struct iommu_iova_space *space, const struct iommu_iova_request *request,
			   struct iommu_iova_range **result)
{
	struct iommu_iova_request wanted;
	struct iommu_iova_range *range;
	uintptr_t state;
	bool placed, kept;
	int status = normalise(space, request, &wanted);

	if (status != 0)
		return status;
	state = lock_settled(space);
	range = spare_take(space);
	if (range == NULL) {
		/* Nothing is allocated under the lock. */
		iommu_spin_unlock(space->platform, &space->lock, state);
		range = range_new(space, wanted.flags);
		if (range == NULL)
			return IOMMU_ENOMEM;
		state = lock_settled(space);
	}
	placed = place_range(space, &wanted, range);
	if (placed && IOVA_PARKS) {
		space->latest = range;
		space->latest_request = *request;
	}
	kept = !placed && spare_keep(space, range);
	iommu_spin_unlock(space->platform, &space->lock, state);
	if (!placed) {
		if (!kept)
			iommu_object_free(&space->cache, range);
		return IOMMU_ENOSPC;
	}
	*result = range;
	return 0;
}

int iommu_iova_alloc(struct iommu_iova_space *space, const struct iommu_iova_request *request,
		     struct iommu_iova_range **result)
{
	if (IOVA_PARKS && __atomic_load_n(&space->is_parked, __ATOMIC_RELAXED)) {
		struct iommu_iova_range *range = take_parked(space, request);

		if (range != NULL) {
			*result = range;
			return 0;
		}
	}
	return alloc_by_search(space, request, result);
}

#if IOMMU_CONFIG_IOVA_CACHES

/* The first range is all of them: make it as long as each. Locked. */
static void cut(struct iommu_iova_space *space, struct iommu_iova_range *ranges[],
		unsigned int count, uint64_t size)
{
	struct iommu_iova_range *next = ranges[0]->next;
	unsigned int i;

	space->taken -= ranges[0]->last - ranges[0]->first + 1 - size;
	ranges[0]->last = ranges[0]->first + (size - 1);
	for (i = 1; i < count; i++) {
		const uint64_t first = ranges[i - 1]->last + 1;

		ranges[i]->reserved = false;
		link_range(space, ranges[i], next, first, first + (size - 1));
	}
}

int iommu_iova_alloc_pieces(struct iommu_iova_space *space,
			    const struct iommu_iova_request *request, unsigned int order,
			    uint64_t *first)
{
	struct iommu_iova_range *ranges[IOVA_PIECES_MAX];
	const unsigned int count = (unsigned int)(request->size >> order);
	struct iommu_iova_request wanted;
	unsigned int made = 0;
	int status = normalise(space, request, &wanted);
	uintptr_t state;

	if (status != 0 || count == 0 || count > IOVA_PIECES_MAX)
		return status != 0 ? status : IOMMU_EINVAL;
	while (made < count && (ranges[made] = range_new(space, wanted.flags)) != NULL)
		made++;
	status = IOMMU_ENOMEM;
	if (made == count) {
		state = lock_settled(space);
		status = place_range(space, &wanted, ranges[0]) ? 0 : IOMMU_ENOSPC;
		if (status == 0)
			cut(space, ranges, count, 1ULL << order);
		iommu_spin_unlock(space->platform, &space->lock, state);
	}
	if (status == 0)
		*first = ranges[0]->first;
	while (status != 0 && made != 0)
		iommu_object_free(&space->cache, ranges[--made]);
	return status;
}

#endif

/*
 * Park a range that was allocated, or take it out. Returns the handle, to be freed without the
 * lock, or NULL: it is kept. Locked.
 */
static inline struct iommu_iova_range *release(struct iommu_iova_space *space,
					       struct iommu_iova_range *range)
{
	if (park(space, range))
		return NULL;
	settle(space);
	unlink_range(space, range);
	return spare_keep(space, range) ? NULL : range;
}

void iommu_iova_free(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	uintptr_t state;

	if (range == NULL)
		return;
	state = iommu_spin_lock(space->platform, &space->lock);
	range = release(space, range);
	iommu_spin_unlock(space->platform, &space->lock, state);
	if (range != NULL)
		iommu_object_free(&space->cache, range);
}

/* The range that begins at a granule, and has so many (0: any number); or NULL. Locked. */
static struct iommu_iova_range *find_exactly(struct iommu_iova_space *space, uint64_t first,
					     uint64_t size)
{
	struct iommu_iova_range *range = IOVA_PARKS ? space->latest : NULL;

	settle(space);
	if (range == NULL || range != space->latest || range->first != first)
		range = range_find(space, first);
	if (range != NULL &&
	    (range->first != first || (size != 0 && range->last - first != size - 1)))
		return NULL;
	return range;
}

/* Size 0: whatever it has. */
static int free_range(struct iommu_iova_space *space, uint64_t first, uint64_t size)
{
	uintptr_t state = iommu_spin_lock(space->platform, &space->lock);
	struct iommu_iova_range *range = find_exactly(space, first, size);
	const bool found = range != NULL;

	if (found)
		range = release(space, range);
	iommu_spin_unlock(space->platform, &space->lock, state);
	if (range != NULL)
		iommu_object_free(&space->cache, range);
	return found ? 0 : IOMMU_ENOENT;
}

int iommu_iova_free_at(struct iommu_iova_space *space, uint64_t first)
{
	return free_range(space, first, 0);
}

int iommu_iova_free_exactly(struct iommu_iova_space *space, uint64_t first, uint64_t size)
{
	return free_range(space, first, size);
}

/* --- Handles that are the caller's ------------------------------------------------------------ */

int iommu_iova_place(struct iommu_iova_space *space, const struct iommu_iova_request *request,
		     struct iommu_iova_range *range)
{
	struct iommu_iova_request wanted;
	uintptr_t state;
	bool placed;
	int status = normalise(space, request, &wanted);

	if (status != 0)
		return status;
	state = lock_settled(space);
	placed = place_range(space, &wanted, range);
	iommu_spin_unlock(space->platform, &space->lock, state);
	return placed ? 0 : IOMMU_ENOSPC;
}

int iommu_iova_place_at(struct iommu_iova_space *space, uint64_t first, uint64_t last,
			struct iommu_iova_range *range)
{
	struct iommu_iova_range *next;
	uintptr_t state;
	int status = IOMMU_EEXIST;

	if (first > last)
		return IOMMU_EINVAL;
	if (first < space->first || last > space->last)
		return IOMMU_ERANGE;
	state = lock_settled(space);
	next = iommu_iova_first_beyond(space, first);
	if (iommu_iova_gap_first(next) <= first && next->first > last) {
		range->reserved = false;
		link_range(space, range, next, first, last);
		status = 0;
	}
	iommu_spin_unlock(space->platform, &space->lock, state);
	return status;
}

void iommu_iova_remove(struct iommu_iova_space *space, struct iommu_iova_range *range)
{
	uintptr_t state = lock_settled(space);

	unlink_range(space, range);
	iommu_spin_unlock(space->platform, &space->lock, state);
}

/* --- Reserving -------------------------------------------------------------------------------- */

/*
 * Take what is reserved and overlaps [*first, *last] out of the space, onto a list by `next`, and
 * widen the range to hold it. IOMMU_EEXIST, with nothing changed, when an allocation is in the way.
 */
static int absorb(struct iommu_iova_space *space, uint64_t *first, uint64_t *last,
		  struct iommu_iova_range **absorbed)
{
	struct iommu_iova_range *start = iommu_iova_first_beyond(space, *first)->previous;
	struct iommu_iova_range *range;

	if (start == &space->begin || start->last < *first)
		start = start->next;
	for (range = start; range->first <= *last && range != &space->end; range = range->next)
		if (!range->reserved)
			return IOMMU_EEXIST;
	for (range = start; range->first <= *last && range != &space->end;) {
		struct iommu_iova_range *next = range->next;

		if (range->first < *first)
			*first = range->first;
		if (range->last > *last)
			*last = range->last;
		unlink_range(space, range);
		range->next = *absorbed;
		*absorbed = range;
		range = next;
	}
	return 0;
}

int iommu_iova_reserve(struct iommu_iova_space *space, uint64_t first, uint64_t last,
		       unsigned int flags, struct iommu_iova_range **result)
{
	struct iommu_iova_range *absorbed = NULL;
	struct iommu_iova_range *range, *next;
	uintptr_t state;
	int status = 0;

	if (first > last)
		return IOMMU_EINVAL;
	if (first < space->first || last > space->last)
		return IOMMU_ERANGE;
	range = range_new(space, flags);
	if (range == NULL)
		return IOMMU_ENOMEM;
	range->reserved = true;
	state = lock_settled(space);
	if ((flags & IOMMU_IOVA_MERGE) != 0)
		status = absorb(space, &first, &last, &absorbed);
	next = iommu_iova_first_beyond(space, first);
	if (status == 0 && (iommu_iova_gap_first(next) > first || next->first <= last))
		status = IOMMU_EEXIST;
	if (status == 0)
		link_range(space, range, next, first, last);
	iommu_spin_unlock(space->platform, &space->lock, state);
	if (status != 0) {
		iommu_object_free(&space->cache, range);
		return status;
	}
	while (absorbed != NULL) {
		struct iommu_iova_range *old = absorbed;

		absorbed = old->next;
		iommu_object_free(&space->cache, old);
	}
	if (result != NULL)
		*result = range;
	return 0;
}

int iommu_iova_copy_reserved(struct iommu_iova_space *to, struct iommu_iova_space *from)
{
	const unsigned int from_shift = iommu_highest_bit(from->granule);
	const unsigned int to_shift = iommu_highest_bit(to->granule);
	struct iommu_iova_range *range;

	settle_unlocked(from);
	for (range = from->begin.next; range != &from->end; range = range->next) {
		/* Of granules that are touched, all. */
		uint64_t first = range->first << from_shift >> to_shift;
		uint64_t last = (range->last << from_shift | (from->granule - 1)) >> to_shift;
		int status = 0;

		first = first > to->first ? first : to->first;
		last = last < to->last ? last : to->last;

		if (range->reserved && first <= last)
			status = iommu_iova_reserve(to, first, last, IOMMU_IOVA_MERGE, NULL);
		if (status != 0)
			return status;
	}
	return 0;
}

/* --- Looking ---------------------------------------------------------------------------------- */

struct iommu_iova_range *iommu_iova_find(struct iommu_iova_space *space, uint64_t granule)
{
	uintptr_t state = lock_settled(space);
	struct iommu_iova_range *range = range_find(space, granule);

	iommu_spin_unlock(space->platform, &space->lock, state);
	return range;
}

struct iommu_iova_range *iommu_iova_find_from(struct iommu_iova_space *space, uint64_t granule)
{
	uintptr_t state = lock_settled(space);
	struct iommu_iova_range *range;

	if (granule < space->first)
		granule = space->first;
	range = granule <= space->last ? iommu_iova_first_beyond(space, granule) : &space->end;
	if (range->previous != &space->begin && range->previous->last >= granule &&
	    granule <= space->last)
		range = range->previous;
	iommu_spin_unlock(space->platform, &space->lock, state);
	return range != &space->end ? range : NULL;
}

struct iommu_iova_range *iommu_iova_next(struct iommu_iova_space *space,
					 const struct iommu_iova_range *range)
{
	struct iommu_iova_range *next;

	settle_unlocked(space);
	next = range != NULL ? range->next : space->begin.next;
	return next != &space->end ? next : NULL;
}

void iommu_iova_get_stats(struct iommu_iova_space *space, struct iommu_iova_stats *stats)
{
	const struct iommu_iova_range *root;
	uintptr_t state = lock_settled(space);

	root = iommu_iova_range_of(space->tree.root);
	*stats = (struct iommu_iova_stats){
		.ranges = space->ranges,
		.taken = space->taken,
		.free = space->last - space->first + 1 - space->taken,
		.largest_gap = root->subtree_gap,
		.largest_block =
			root->subtree_order >= 0 ? 1ULL << (unsigned int)root->subtree_order : 0,
	};
	iommu_spin_unlock(space->platform, &space->lock, state);
}
