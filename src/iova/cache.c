/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Magazines over a depot.
 *
 * Invariants. Each CPU has, for each order, two magazines: `loaded`, which is tried first, and
 * `spare`. Where it has none yet, the cache's `none` takes its place, whose count fits neither
 * "there is a range" nor "there is room": so the fast path needs no further check for it. All other
 * magazines are in the depot, full ones in a list for each order, empty ones in one list; never
 * more than the depot's maximum.
 *
 * A magazine is made when a range is freed and no empty one is left, and returned to the host when
 * it is drained. The host is called with no lock held; if it has no memory, the range goes to the
 * tree.
 *
 * Lock order: a CPU's lock, then the depot's. Ranges for the tree are first taken out under these
 * locks and freed after they are released.
 *
 * Exclusive CPUs have no lock, so nothing but the CPU itself can reach what it has cached. Three
 * rules prevent that this makes a space look full. Together they never cache more than a quarter of
 * it: in a small one magazines hold less, and the fast path is disabled. They cache nothing of the
 * lowest quarter of its first 4 GiB, which is all that some devices reach. And a CPU that finds no
 * place asks the others to drain: each does when it next frees a range, for which the fast path is
 * disabled until all have drained. Where the host's guard keeps a CPU's caches its own
 * (base/cpu_guard.h), a thread may be on another CPU each time it enters one: what belongs together
 * is done between one enter and its leave, and a CPU's number from before is not relied on.
 */
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/object_cache.h"
#include "base/per_cpu.h"
#include "iova/cache.h"
#include "iova/space.h"

/* The order of the block that a size takes. */
static unsigned int order_of(uint64_t size)
{
	return size > 1 ? iommu_highest_bit(size - 1) + 1 : 0;
}

#if IOMMU_CONFIG_IOVA_CACHES

#define DEPOT_MAX 4096

/* Granules whose page-table entries are a cache line: 2^LINE_ORDER = IOVA_PIECES_MAX. */
#define LINE_ORDER 3

/* The count of the magazine that stands for "none". */
#define NONE UINT64_MAX

/* --- CPUs ------------------------------------------------------------------------------------- */

/* A CPU's caches for the caller alone. */
static inline struct iova_cpu *cpu_lock(const struct iommu_iova_cache *cache, unsigned int cpu_id,
					uintptr_t *state)
{
	const struct iommu_platform *platform = cache->platform;
	struct iova_cpu *cpu;

	if (iova_is_guarded(cache))
		return iova_cpu_at(cache, iommu_cpu_enter(state));
	cpu = iova_cpu_at(cache, cpu_id);
	if (!cache->exclusive)
		*state = iommu_spin_lock(platform, &cpu->lock);
	else
		*state = platform->irq_save != NULL ? platform->irq_save(platform->ctx) : 0;
	return cpu;
}

static inline void cpu_unlock(const struct iommu_iova_cache *cache, struct iova_cpu *cpu,
			      uintptr_t state)
{
	const struct iommu_platform *platform = cache->platform;

	if (!cache->exclusive)
		iommu_spin_unlock(platform, &cpu->lock, state);
	else if (IOMMU_HAS_CPU_GUARD)
		iommu_cpu_leave(state);
	else if (platform->irq_restore != NULL)
		platform->irq_restore(platform->ctx, state);
}

/* --- Magazines -------------------------------------------------------------------------------- */

static void swap_pair(struct iova_pair *pair)
{
	struct iova_magazine *loaded = pair->loaded;

	pair->loaded = pair->spare;
	pair->spare = loaded;
}

static inline bool is_none(const struct iova_magazine *magazine)
{
	return magazine->count == NONE;
}

/* Neither empty nor none. */
static inline bool holds_some(const struct iova_magazine *magazine)
{
	return magazine->count - 1 < IOMMU_IOVA_MAGAZINE;
}

/* Neither full nor none. */
static inline bool has_room(const struct iommu_iova_cache *cache,
			    const struct iova_magazine *magazine)
{
	return magazine->count < cache->capacity;
}

/* Take a range that ends at or below `limit`; the last one first. */
static bool magazine_pop(struct iova_magazine *magazine, unsigned int order, uint64_t limit,
			 uint64_t *first)
{
	const uint64_t highest = limit - ((1ULL << order) - 1);
	uint64_t i = holds_some(magazine) ? magazine->count : 0;

	while (i != 0 && magazine->ranges[i - 1] > highest)
		i--;
	if (i == 0)
		return false;
	*first = magazine->ranges[i - 1];
	magazine->ranges[i - 1] = magazine->ranges[--magazine->count];
	return true;
}

/* The depot's first full magazine of an order, or NULL. The depot is locked. */
static struct iova_magazine *depot_take_full(struct iommu_iova_cache *cache, unsigned int order)
{
	struct iova_magazine *full = cache->full[order];

	if (full != NULL) {
		cache->full[order] = full->next;
		full->count = cache->capacity;
		cache->depot_count--;
	}
	return full;
}

/* The same of the empty ones. */
static struct iova_magazine *depot_take_empty(struct iommu_iova_cache *cache)
{
	struct iova_magazine *empty = cache->empty;

	if (empty != NULL) {
		cache->empty = empty->next;
		empty->count = 0;
		cache->depot_count--;
	}
	return empty;
}

static void depot_put(struct iommu_iova_cache *cache, struct iova_magazine **list,
		      struct iova_magazine *magazine)
{
	magazine->next = *list;
	*list = magazine;
	cache->depot_count++;
}

/* Load a full magazine of the depot's, if it has one, for the loaded one: it is empty, or none. */
static void load_full(struct iommu_iova_cache *cache, struct iova_pair *pair, unsigned int order)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct iova_magazine *full = depot_take_full(cache, order);

	if (full != NULL) {
		if (!is_none(pair->loaded))
			depot_put(cache, &cache->empty, pair->loaded);
		pair->loaded = full;
	}
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
}

/*
 * Load an empty magazine, of the depot's or `*fresh`, for the loaded one: it is full, and goes to
 * the depot if that has room, or none. False: there was no empty one, but with a fresh one it would
 * do.
 */
static bool load_empty(struct iommu_iova_cache *cache, struct iova_pair *pair, unsigned int order,
		       struct iova_magazine **fresh)
{
	const bool missing = is_none(pair->loaded);
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct iova_magazine *empty = depot_take_empty(cache);
	const bool room = missing || cache->depot_count < cache->depot_max;

	if (empty == NULL && room) {
		empty = *fresh;
		*fresh = NULL;
	}
	if (empty != NULL) {
		if (!missing)
			depot_put(cache, &cache->full[order], pair->loaded);
		pair->loaded = empty;
	}
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	return empty != NULL || !room;
}

/* --- Out of the caches ------------------------------------------------------------------------ */

/* All that a CPU has; it is locked. */
static void take_all(struct iommu_iova_cache *cache, struct iova_cpu *cpu,
		     struct iova_pair taken[IOMMU_IOVA_CACHED_ORDERS])
{
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++) {
		taken[order] = cpu->pairs[order];
		cpu->pairs[order] = (struct iova_pair){&cache->none, &cache->none};
	}
}

/* All its ranges to the tree, itself to the host. Nothing else reaches it any more. */
static void discard(struct iommu_iova_cache *cache, struct iova_magazine *magazine)
{
	if (is_none(magazine))
		return;
	while (magazine->count != 0)
		(void)iommu_iova_free_at(cache->space, magazine->ranges[--magazine->count]);
	iommu_object_free(&cache->magazines, magazine);
}

static void discard_all(struct iommu_iova_cache *cache,
			const struct iova_pair taken[IOMMU_IOVA_CACHED_ORDERS])
{
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++) {
		discard(cache, taken[order].loaded);
		discard(cache, taken[order].spare);
	}
}

/* One full magazine of this order out of the depot; false: there is none. */
static bool depot_trim(struct iommu_iova_cache *cache, unsigned int order)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct iova_magazine *full = depot_take_full(cache, order);

	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	if (full != NULL)
		discard(cache, full);
	return full != NULL;
}

/* One empty magazine out of the depot; false: there is none. */
static bool depot_trim_empty(struct iommu_iova_cache *cache)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct iova_magazine *empty = depot_take_empty(cache);

	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	if (empty != NULL)
		discard(cache, empty);
	return empty != NULL;
}

static void drain_depot(struct iommu_iova_cache *cache)
{
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++)
		while (depot_trim(cache, order))
			;
	while (depot_trim_empty(cache))
		;
}

/* --- The hot path ----------------------------------------------------------------------------- */

/* The CPU is locked. */
static bool pair_alloc(struct iommu_iova_cache *cache, struct iova_pair *pair, unsigned int order,
		       uint64_t limit, uint64_t *first)
{
	if (magazine_pop(pair->loaded, order, limit, first))
		return true;
	swap_pair(pair);
	if (magazine_pop(pair->loaded, order, limit, first))
		return true;
	/* Neither has one; only an empty magazine can be exchanged for a full one. */
	if (holds_some(pair->loaded))
		swap_pair(pair);
	if (holds_some(pair->loaded))
		return false;
	load_full(cache, pair, order);
	return magazine_pop(pair->loaded, order, limit, first);
}

/* The CPU is locked. *wants_fresh: the range was not kept; with a fresh magazine it would be. */
static bool pair_free(struct iommu_iova_cache *cache, struct iova_pair *pair, unsigned int order,
		      uint64_t first, struct iova_magazine **fresh, bool *wants_fresh)
{
	*wants_fresh = false;
	if (!has_room(cache, pair->loaded))
		swap_pair(pair);
	if (!has_room(cache, pair->loaded)) {
		/* The CPU's second magazine is made before one goes to the depot. */
		if (is_none(pair->spare))
			swap_pair(pair);
		*wants_fresh = !load_empty(cache, pair, order, fresh);
	}
	if (!has_room(cache, pair->loaded))
		return false;
	pair->loaded->ranges[pair->loaded->count++] = first;
	return true;
}

/* From the tree. */
static int tree_alloc(struct iommu_iova_cache *cache, const struct iommu_iova_request *request,
		      uint64_t *first)
{
	struct iommu_iova_range *range;
	int status = iommu_iova_alloc(cache->space, request, &range);

	if (status == 0)
		*first = range->first;
	return status;
}

static struct iommu_iova_request request_of(unsigned int order, uint64_t limit, unsigned int flags)
{
	return (struct iommu_iova_request){
		.size = 1ULL << order,
		.alignment = 1ULL << order,
		.limit = limit,
		.flags = flags & (IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST),
	};
}

/* Not from this CPU's magazines. */
static __attribute__((noinline)) int alloc_slowly(struct iommu_iova_cache *cache,
						  const struct iommu_iova_request *request,
						  uint64_t *first)
{
	int status = tree_alloc(cache, request, first);

	if (status != IOMMU_ENOSPC)
		return status;
	/* The missing range may be among those that are cached. */
	iommu_iova_cache_drain(cache);
	return tree_alloc(cache, request, first);
}

/* Have all CPUs answered the last request? */
static bool all_have_drained(const struct iommu_iova_cache *cache)
{
	const uint32_t drains = __atomic_load_n(&cache->drains, __ATOMIC_SEQ_CST);
	unsigned int i;

	for (i = 0; i < cache->cpus.count; i++)
		if (__atomic_load_n(&iova_cpu_at(cache, i)->drained, __ATOMIC_SEQ_CST) != drains)
			return false;
	return true;
}

/*
 * The shortest way is open just if all have answered. A CPU that stores so looks again
 * afterwards, so that the last store, of whichever CPU, is of what holds.
 */
static void settle_shortest(struct iommu_iova_cache *cache)
{
	bool open;

	do {
		open = all_have_drained(cache);
		__atomic_store_n(&cache->short_orders, open && cache->shortest ? cache->orders : 0,
				 __ATOMIC_SEQ_CST);
	} while (all_have_drained(cache) != open);
}

/*
 * Another CPU has asked: this CPU's caches go back to the tree. Which CPU it is only the section
 * says in which they are taken.
 */
static __attribute__((noinline)) void answer_drain(struct iommu_iova_cache *cache,
						   unsigned int cpu_id)
{
	struct iova_pair taken[IOMMU_IOVA_CACHED_ORDERS];
	uintptr_t state;
	struct iova_cpu *cpu = cpu_lock(cache, cpu_id, &state);

	__atomic_store_n(&cpu->drained, __atomic_load_n(&cache->drains, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	take_all(cache, cpu, taken);
	cpu_unlock(cache, cpu, state);
	discard_all(cache, taken);
	settle_shortest(cache);
}

/* Has another CPU asked this one, whose answer is still to come? */
static bool is_asked(const struct iommu_iova_cache *cache, unsigned int cpu_id)
{
	uintptr_t state = 0;
	const struct iova_cpu *cpu;
	bool asked;

	if (!cache->exclusive)
		return false;
	if (IOMMU_HAS_CPU_GUARD)
		cpu_id = iommu_cpu_enter(&state);
	cpu = iova_cpu_at(cache, cpu_id);
	asked = __atomic_load_n(&cpu->drained, __ATOMIC_RELAXED) !=
		__atomic_load_n(&cache->drains, __ATOMIC_RELAXED);
	if (IOMMU_HAS_CPU_GUARD)
		iommu_cpu_leave(state);
	return asked;
}

/* A CPU that frees a range, of whatever size, answers what others have asked. */
static void answer_if_asked(struct iommu_iova_cache *cache, unsigned int cpu_id)
{
	if (is_asked(cache, cpu_id))
		answer_drain(cache, cpu_id);
}

/* This CPU's ranges, the depot's, and those of the other exclusive CPUs at their next free. */
static void drain_and_ask(struct iommu_iova_cache *cache)
{
	struct iova_pair taken[IOMMU_IOVA_CACHED_ORDERS];
	uintptr_t state;
	struct iova_cpu *cpu = cpu_lock(cache, iova_this_cpu(cache), &state);

	/* This CPU asks, and has answered, at once. */
	__atomic_store_n(&cpu->drained, __atomic_add_fetch(&cache->drains, 1, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	take_all(cache, cpu, taken);
	cpu_unlock(cache, cpu, state);
	settle_shortest(cache);
	discard_all(cache, taken);
	drain_depot(cache);
}

/* From this CPU's magazines, or the depot. */
static bool cpu_alloc(struct iommu_iova_cache *cache, unsigned int cpu_id, unsigned int order,
		      uint64_t limit, uint64_t *first)
{
	struct iova_cpu *cpu;
	uintptr_t state;
	bool found;

	if (order >= cache->orders || limit < (1ULL << order) - 1)
		return false;
	cpu = cpu_lock(cache, cpu_id, &state);
	found = pair_alloc(cache, &cpu->pairs[order], order, limit, first);
	cpu_unlock(cache, cpu, state);
	return found;
}

/* To this CPU's magazines. */
static bool cpu_free(struct iommu_iova_cache *cache, unsigned int cpu_id, uint64_t first,
		     unsigned int order, struct iova_magazine **fresh, bool *wants_fresh)
{
	uintptr_t state;
	struct iova_cpu *cpu = cpu_lock(cache, cpu_id, &state);
	const bool kept = pair_free(cache, &cpu->pairs[order], order, first, fresh, wants_fresh);

	cpu_unlock(cache, cpu, state);
	return kept;
}

static bool cpu_free_with_fresh(struct iommu_iova_cache *cache, unsigned int cpu_id, uint64_t first,
				unsigned int order)
{
	struct iova_magazine *fresh = iommu_object_alloc(&cache->magazines, IOMMU_ALLOC_ATOMIC);
	bool kept, wants_fresh;

	if (fresh == NULL)
		return false;
	kept = cpu_free(cache, cpu_id, first, order, &fresh, &wants_fresh);
	/* Others made room meanwhile. */
	if (fresh != NULL)
		iommu_object_free(&cache->magazines, fresh);
	return kept;
}

static __attribute__((noinline)) void free_to(struct iommu_iova_cache *cache, unsigned int cpu,
					      uint64_t first, unsigned int order)
{
	struct iova_magazine *no_fresh = NULL;
	bool wants_fresh = false;

	answer_if_asked(cache, cpu);
	if (order < cache->orders && first >= cache->lowest &&
	    (cpu_free(cache, cpu, first, order, &no_fresh, &wants_fresh) ||
	     (wants_fresh && cpu_free_with_fresh(cache, cpu, first, order))))
		return;
	(void)iommu_iova_free_at(cache->space, first);
}

/*
 * From the tree, an aligned block of which the CPU caches the rest: the page-table entries of its
 * addresses fill a cache line, and no other CPU maps beside them. In a space so small that the CPUs
 * together could hold much of it, and where none is left, an address is taken by itself.
 */
static bool line_alloc(struct iommu_iova_cache *cache, unsigned int cpu, unsigned int order,
		       uint64_t limit, unsigned int flags, uint64_t *first)
{
	const struct iommu_iova_request request = request_of(LINE_ORDER, limit, flags);
	unsigned int i;

	if (order >= LINE_ORDER || order >= cache->orders || !cache->has_lines ||
	    limit < cache->lowest ||
	    iommu_iova_alloc_pieces(cache->space, &request, order, first) != 0)
		return false;
	for (i = 1; i < 1U << (LINE_ORDER - order); i++)
		free_to(cache, cpu, *first + ((uint64_t)i << order), order);
	return true;
}

/* Below 4 GiB, cached or from the tree; IOMMU_ENOSPC: nothing there. */
static __attribute__((noinline)) int alloc_low(struct iommu_iova_cache *cache, unsigned int cpu,
					       unsigned int order, unsigned int flags,
					       uint64_t *first)
{
	const uint64_t low = cache->space->low_last;
	const struct iommu_iova_request request = request_of(order, low, flags);

	if (cpu_alloc(cache, cpu, order, low, first) ||
	    line_alloc(cache, cpu, order, low, flags, first))
		return 0;
	return tree_alloc(cache, &request, first);
}

/* Everything but the shortest way. */
static __attribute__((noinline)) int alloc_from(struct iommu_iova_cache *cache, unsigned int cpu,
						unsigned int order, uint64_t limit,
						unsigned int flags, uint64_t *first)
{
	struct iommu_iova_request request;

	if (order > 51)
		return IOMMU_EINVAL;
	if ((flags & IOMMU_IOVA_LOW_FIRST) != 0 && limit > cache->space->low_last) {
		int status = alloc_low(cache, cpu, order, flags, first);

		if (status != IOMMU_ENOSPC)
			return status;
	}
	if (cpu_alloc(cache, cpu, order, limit, first) ||
	    line_alloc(cache, cpu, order, limit, flags, first))
		return 0;
	request = request_of(order, limit, flags);
	return alloc_slowly(cache, &request, first);
}

bool iommu_iova_cache_take_masked(const struct iommu_iova_cache *cache, unsigned int order,
				  uint64_t limit, uint64_t *first)
{
	const struct iommu_platform *platform = cache->platform;
	const uintptr_t state = platform->irq_save(platform->ctx);
	const bool taken = iova_cache_take(cache, iommu_this_cpu(platform), order, limit, first);

	platform->irq_restore(platform->ctx, state);
	return taken;
}

bool iommu_iova_cache_give_masked(const struct iommu_iova_cache *cache, uint64_t first,
				  unsigned int order)
{
	const struct iommu_platform *platform = cache->platform;
	const uintptr_t state = platform->irq_save(platform->ctx);
	const bool given = iova_cache_give(cache, iommu_this_cpu(platform), first, order);

	platform->irq_restore(platform->ctx, state);
	return given;
}

int iommu_iova_cache_alloc_on(struct iommu_iova_cache *cache, unsigned int cpu, unsigned int order,
			      uint64_t limit, unsigned int flags, uint64_t *first)
{
	uint64_t near_limit = limit;

	if ((flags & IOMMU_IOVA_LOW_FIRST) != 0 && limit > cache->space->low_last)
		near_limit = cache->space->low_last;
	if (__builtin_expect(!cache->masks && iova_cache_take(cache, cpu, order, near_limit, first),
			     1))
		return 0;
	return alloc_from(cache, cpu, order, limit, flags, first);
}

int iommu_iova_cache_alloc(struct iommu_iova_cache *cache, unsigned int order, uint64_t limit,
			   unsigned int flags, uint64_t *first)
{
	return iommu_iova_cache_alloc_on(cache, iova_this_cpu(cache), order, limit, flags, first);
}

void iommu_iova_cache_free_on(struct iommu_iova_cache *cache, unsigned int cpu, uint64_t first,
			      unsigned int order)
{
	if (__builtin_expect(!cache->masks && iova_cache_give(cache, cpu, first, order), 1))
		return;
	free_to(cache, cpu, first, order);
}

void iommu_iova_cache_free(struct iommu_iova_cache *cache, uint64_t first, unsigned int order)
{
	iommu_iova_cache_free_on(cache, iova_this_cpu(cache), first, order);
}

/* --- Any size --------------------------------------------------------------------------------- */

/* One that is no power of two is not met by a larger one: the tree refuses it. */
static bool is_met_by(uint64_t alignment, uint64_t size)
{
	return alignment <= size && (alignment & (alignment - 1)) == 0;
}

static bool is_crossed_by_none(uint64_t boundary, uint64_t size)
{
	return boundary == 0 || (boundary >= size && (boundary & (boundary - 1)) == 0);
}

int iommu_iova_cache_alloc_size(struct iommu_iova_cache *cache,
				const struct iommu_iova_request *request, uint64_t *first)
{
	struct iommu_iova_request wanted = *request;
	const unsigned int order = order_of(request->size);

	if (request->size != 0 && order < IOMMU_IOVA_CACHED_ORDERS) {
		wanted.size = 1ULL << order;
		if (is_met_by(request->alignment, wanted.size) && request->lowest == 0 &&
		    is_crossed_by_none(request->boundary, wanted.size))
			return iommu_iova_cache_alloc(cache, order, request->limit, request->flags,
						      first);
		if (is_met_by(request->alignment, wanted.size))
			wanted.alignment = wanted.size;
	}
	return alloc_slowly(cache, &wanted, first);
}

void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first, uint64_t size)
{
	const unsigned int order = order_of(size);

	if (__builtin_expect(order < IOMMU_IOVA_CACHED_ORDERS, 1))
		iommu_iova_cache_free(cache, first, order);
	else
		(void)iommu_iova_free_exactly(cache->space, first, size);
}

/* --- Giving back ------------------------------------------------------------------------------ */

void iommu_iova_cache_drain_cpu(struct iommu_iova_cache *cache, unsigned int cpu_id)
{
	struct iova_pair taken[IOMMU_IOVA_CACHED_ORDERS];
	uintptr_t state;
	struct iova_cpu *cpu = cpu_lock(cache, cpu_id, &state);

	/* Of the CPU that the host names, wherever this runs: see <libiommu/iova.h>. */
	take_all(cache, iova_cpu_at(cache, cpu_id), taken);
	cpu_unlock(cache, cpu, state);
	discard_all(cache, taken);
}

void iommu_iova_cache_trim(struct iommu_iova_cache *cache)
{
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++)
		(void)depot_trim(cache, order);
	(void)depot_trim_empty(cache);
}

void iommu_iova_cache_drain(struct iommu_iova_cache *cache)
{
	unsigned int cpu;

	if (cache->exclusive) {
		drain_and_ask(cache);
		return;
	}
	for (cpu = 0; cpu < cache->cpus.count; cpu++)
		iommu_iova_cache_drain_cpu(cache, cpu);
	drain_depot(cache);
}

/* --- Life ------------------------------------------------------------------------------------- */

/*
 * Of exclusive CPUs: as many ranges in a magazine as leave three quarters of the space to others.
 */
static uint64_t capacity_for(const struct iommu_iova_cache *cache)
{
	const struct iommu_iova_space *space = cache->space;
	/* Granules of one range of each order, in both magazines of each CPU. */
	const uint64_t row = 2ULL * cache->cpus.count * ((1U << IOMMU_IOVA_CACHED_ORDERS) - 1);
	uint64_t ranges = IOMMU_IOVA_MAGAZINE;

	while (cache->exclusive && ranges != 0 && ranges * row > (space->last - space->first) / 4)
		ranges--;
	return ranges;
}

/* What exclusive CPUs leave to devices of few address bits: see above. */
static uint64_t lowest_for(const struct iommu_iova_cache *cache)
{
	const struct iommu_iova_space *space = cache->space;

	if (!cache->exclusive || space->first > space->low_last)
		return 0;
	return space->first + (space->low_last - space->first) / 4;
}

static void fill_in(struct iommu_iova_cache *cache, bool wants_lines)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int cpu, order;

	cache->none.count = NONE;
	for (cpu = 0; cpu < cache->cpus.count; cpu++)
		for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++)
			iova_cpu_at(cache, cpu)->pairs[order] =
				(struct iova_pair){&cache->none, &cache->none};
	cache->capacity = capacity_for(cache);
	cache->orders = cache->capacity != 0 ? IOMMU_IOVA_CACHED_ORDERS : 0;
	cache->lowest = lowest_for(cache);
	/* At most a 64th of the space for each order, if every CPU holds a line. */
	cache->has_lines = wants_lines && (cache->space->last - cache->space->first) >>
						  (LINE_ORDER + 6) >= cache->cpus.count;
	cache->masks = platform->irq_save != NULL && !iova_is_guarded(cache);
	cache->shortest = cache->capacity == IOMMU_IOVA_MAGAZINE;
	cache->short_orders = cache->shortest ? cache->orders : 0;
	iommu_object_cache_init(&cache->magazines, platform, sizeof(struct iova_magazine));
}

static const char *defect_of(const struct iommu_iova_cache_config *config)
{
	const unsigned int known = IOMMU_IOVA_CACHE_CPU_EXCLUSIVE | IOMMU_IOVA_CACHE_LINES;

	if ((config->flags & ~known) != 0)
		return IOMMU_WHY("unknown flags");
	if (config->depot_magazines > DEPOT_MAX)
		return IOMMU_WHY("more magazines in the depot than it can have");
	return iommu_per_cpu_defect(config->space->platform);
}

int iommu_iova_cache_create(const struct iommu_iova_cache_config *config,
			    struct iommu_iova_cache **result)
{
	const struct iommu_platform *platform = config->space->platform;
	struct iommu_iova_cache *cache;
	int status;

	status = iommu_refuse_defect(platform, IOMMU_CALL, defect_of(config));
	if (status != 0)
		return status;
	cache = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (cache == NULL)
		return IOMMU_ENOMEM;
	cache->space = config->space;
	cache->platform = platform;
	cache->exclusive = (config->flags & IOMMU_IOVA_CACHE_CPU_EXCLUSIVE) != 0;
	cache->depot_max = config->depot_magazines;
	status = iommu_per_cpu_init(&cache->cpus, platform);
	if (status != 0) {
		iommu_per_cpu_destroy(&cache->cpus, platform);
		platform->free_pages(platform->ctx, cache, 0);
		return status;
	}
	fill_in(cache, (config->flags & IOMMU_IOVA_CACHE_LINES) != 0);
	*result = cache;
	return 0;
}

void iommu_iova_cache_destroy(struct iommu_iova_cache *cache)
{
	const struct iommu_platform *platform;
	unsigned int cpu;

	if (cache == NULL)
		return;
	platform = cache->platform;
	/* It is not in use any more: with exclusive CPUs, too, all may be drained from here. */
	for (cpu = 0; cpu < cache->cpus.count; cpu++)
		iommu_iova_cache_drain_cpu(cache, cpu);
	drain_depot(cache);
	iommu_per_cpu_destroy(&cache->cpus, platform);
	platform->free_pages(platform->ctx, cache, 0);
}

#else

/* --- Without caches: blocks of the same sizes, each from the tree ----------------------------- */

struct iommu_iova_cache {
	struct iommu_iova_space *space;
};

int iommu_iova_cache_create(const struct iommu_iova_cache_config *config,
			    struct iommu_iova_cache **result)
{
	const struct iommu_platform *platform = config->space->platform;
	struct iommu_iova_cache *cache = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);

	if (cache == NULL)
		return IOMMU_ENOMEM;
	cache->space = config->space;
	*result = cache;
	return 0;
}

void iommu_iova_cache_destroy(struct iommu_iova_cache *cache)
{
	const struct iommu_platform *platform;

	if (cache == NULL)
		return;
	platform = cache->space->platform;
	platform->free_pages(platform->ctx, cache, 0);
}

int iommu_iova_cache_alloc_size(struct iommu_iova_cache *cache,
				const struct iommu_iova_request *request, uint64_t *first)
{
	struct iommu_iova_request wanted = *request;
	const unsigned int order = order_of(request->size);
	struct iommu_iova_range *range;
	int status;

	if (request->size != 0 && order < IOMMU_IOVA_CACHED_ORDERS) {
		wanted.size = 1ULL << order;
		/* An alignment that is no power of two stays as it is, and is refused. */
		if (wanted.alignment < wanted.size &&
		    (wanted.alignment & (wanted.alignment - 1)) == 0)
			wanted.alignment = wanted.size;
	}
	status = iommu_iova_alloc(cache->space, &wanted, &range);
	if (status == 0)
		*first = range->first;
	return status;
}

void iommu_iova_cache_free_size(struct iommu_iova_cache *cache, uint64_t first, uint64_t size)
{
	const unsigned int order = order_of(size);

	(void)iommu_iova_free_exactly(cache->space, first,
				      order < IOMMU_IOVA_CACHED_ORDERS ? 1ULL << order : size);
}

int iommu_iova_cache_alloc(struct iommu_iova_cache *cache, unsigned int order, uint64_t limit,
			   unsigned int flags, uint64_t *first)
{
	const struct iommu_iova_request request = {
		.size = 1ULL << (order & 63),
		.alignment = 1ULL << (order & 63),
		.limit = limit,
		.flags = flags & (IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST),
	};

	return order > 51 ? IOMMU_EINVAL : iommu_iova_cache_alloc_size(cache, &request, first);
}

void iommu_iova_cache_free(struct iommu_iova_cache *cache, uint64_t first, unsigned int order)
{
	(void)iommu_iova_free_at(cache->space, first);
	(void)order;
}

int iommu_iova_cache_alloc_on(struct iommu_iova_cache *cache, unsigned int cpu, unsigned int order,
			      uint64_t limit, unsigned int flags, uint64_t *first)
{
	(void)cpu;
	return iommu_iova_cache_alloc(cache, order, limit, flags, first);
}

void iommu_iova_cache_free_on(struct iommu_iova_cache *cache, unsigned int cpu, uint64_t first,
			      unsigned int order)
{
	(void)cpu;
	iommu_iova_cache_free(cache, first, order);
}

void iommu_iova_cache_drain_cpu(struct iommu_iova_cache *cache, unsigned int cpu)
{
	(void)cache;
	(void)cpu;
}

void iommu_iova_cache_drain(struct iommu_iova_cache *cache)
{
	(void)cache;
}

void iommu_iova_cache_trim(struct iommu_iova_cache *cache)
{
	(void)cache;
}

#endif
