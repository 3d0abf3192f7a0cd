/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Magazines over a depot.
 *
 * Invariants. Each CPU has, for each order, two magazines: `loaded`, which is tried first, and
 * `spare`. Every other magazine is in the depot, full ones in a list for each order, empty ones in
 * one list. A magazine that moves between a CPU and the depot is exchanged for another, so that the
 * number of magazines is constant and nothing is allocated after creation.
 *
 * Lock order: a CPU's lock, then the depot's. What goes to the tree is first taken out under these
 * locks and given back after they are released.
 *
 * Exclusive CPUs have no lock, so nothing but the CPU itself reaches what it has cached. Two things keep
 * that from making a space look full. Together they never cache more than a quarter of it: in a small one
 * magazines hold less, and the shortest way is closed. And a CPU that finds no place asks the others
 * to drain: each does when it next frees something, for which the shortest way is closed until all have.
 */
#include <libiommu/iova_cache.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/object_cache.h"
#include "iova/space.h"

#define DEPOT_MAX 4096
#define CPUS_MAX  4096

struct magazine {
	union {
		struct magazine *next; /* in the depot */
		uint64_t count;        /* on a CPU; in the depot it is full or empty */
	};
	uint64_t ranges[IOMMU_IOVA_MAGAZINE];
};

struct pair {
	struct magazine *loaded, *spare;
};

struct cpu_cache {
	struct iommu_spinlock lock;
	uint32_t drained; /* the last request to drain that it has answered; atomic */
	struct pair pairs[IOMMU_IOVA_CACHED_ORDERS];
} __attribute__((aligned(128))); /* neighbours do not share a line, nor a pair of lines */

struct iommu_iova_cache {
	struct iommu_iova_space *space;
	const struct iommu_platform *platform;
	struct cpu_cache *cpus;
	unsigned int cpu_count;
	unsigned int cpu_order; /* of the pages that `cpus` is in */
	bool exclusive;
	bool shortest; /* the host does not mask interrupts: see alloc_shortest */
	/* Orders that are freed the shortest way; 0 while a CPU waits for ranges of others. Atomic. */
	unsigned int short_orders;
	uint64_t capacity;   /* of a magazine: IOMMU_IOVA_MAGAZINE, or less in a small space */
	unsigned int orders; /* that have magazines: all, or none */
	uint32_t drains;     /* requests so far; atomic */
	struct iommu_spinlock depot_lock;
	struct magazine *full[IOMMU_IOVA_CACHED_ORDERS];
	struct magazine *empty;
	struct iommu_object_cache magazines;
};

/* --- CPUs ------------------------------------------------------------------------------------- */

static inline uintptr_t cpu_lock(const struct iommu_iova_cache *cache, struct cpu_cache *cpu)
{
	const struct iommu_platform *platform = cache->platform;

	if (!cache->exclusive)
		return iommu_spin_lock(platform, &cpu->lock);
	return platform->irq_save != NULL ? platform->irq_save(platform->ctx) : 0;
}

static inline void cpu_unlock(const struct iommu_iova_cache *cache, struct cpu_cache *cpu,
			      uintptr_t state)
{
	const struct iommu_platform *platform = cache->platform;

	if (!cache->exclusive)
		iommu_spin_unlock(platform, &cpu->lock, state);
	else if (platform->irq_restore != NULL)
		platform->irq_restore(platform->ctx, state);
}

static unsigned int this_cpu(const struct iommu_iova_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;

	return platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0;
}

/* A host that counts wrongly shares a cache; it does not corrupt one. */
static struct cpu_cache *cpu_at(const struct iommu_iova_cache *cache, unsigned int cpu)
{
	return &cache->cpus[cpu < cache->cpu_count ? cpu : 0];
}

/* --- Magazines -------------------------------------------------------------------------------- */

static void swap_pair(struct pair *pair)
{
	struct magazine *loaded = pair->loaded;

	pair->loaded = pair->spare;
	pair->spare = loaded;
}

/* Take a range that ends at or below `limit`; the last one first. */
static bool magazine_pop(struct magazine *magazine, unsigned int order, uint64_t limit,
			 uint64_t *first)
{
	const uint64_t highest = limit - ((1ULL << order) - 1);
	uint64_t i = magazine->count;

	while (i != 0 && magazine->ranges[i - 1] > highest)
		i--;
	if (i == 0)
		return false;
	*first = magazine->ranges[i - 1];
	magazine->ranges[i - 1] = magazine->ranges[--magazine->count];
	return true;
}

/* Give `magazine`, empty, to the depot and get a full one of this order; or keep it. */
static struct magazine *depot_exchange_empty(struct iommu_iova_cache *cache, unsigned int order,
					     struct magazine *magazine)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct magazine *full = cache->full[order];

	if (full != NULL) {
		cache->full[order] = full->next;
		full->count = cache->capacity;
		magazine->next = cache->empty;
		cache->empty = magazine;
		magazine = full;
	}
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	return magazine;
}

/* Give `magazine`, full, to the depot and get an empty one; or keep it. */
static struct magazine *depot_exchange_full(struct iommu_iova_cache *cache, unsigned int order,
					    struct magazine *magazine)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct magazine *empty = cache->empty;

	if (empty != NULL) {
		cache->empty = empty->next;
		empty->count = 0;
		magazine->next = cache->full[order];
		cache->full[order] = magazine;
		magazine = empty;
	}
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	return magazine;
}

/* --- The hot path ----------------------------------------------------------------------------- */

/* The CPU is locked. */
static bool pair_alloc(struct iommu_iova_cache *cache, struct pair *pair, unsigned int order,
		       uint64_t limit, uint64_t *first)
{
	if (magazine_pop(pair->loaded, order, limit, first))
		return true;
	swap_pair(pair);
	if (magazine_pop(pair->loaded, order, limit, first))
		return true;
	/* Neither has one; only an empty magazine can be exchanged for a full one. */
	if (pair->loaded->count != 0)
		swap_pair(pair);
	if (pair->loaded->count != 0)
		return false;
	pair->loaded = depot_exchange_empty(cache, order, pair->loaded);
	return magazine_pop(pair->loaded, order, limit, first);
}

static bool pair_free(struct iommu_iova_cache *cache, struct pair *pair, unsigned int order,
		      uint64_t first)
{
	if (pair->loaded->count == cache->capacity)
		swap_pair(pair);
	if (pair->loaded->count == cache->capacity)
		pair->loaded = depot_exchange_full(cache, order, pair->loaded);
	if (pair->loaded->count == cache->capacity)
		return false;
	pair->loaded->ranges[pair->loaded->count++] = first;
	return true;
}

/* From the tree. */
static int tree_alloc(struct iommu_iova_cache *cache, unsigned int order, uint64_t limit,
		      unsigned int flags, uint64_t *first)
{
	const struct iommu_iova_request request = {
		.size = 1ULL << order,
		.alignment = 1ULL << order,
		.limit = limit,
		.flags = flags & (IOMMU_IOVA_ATOMIC | IOMMU_IOVA_LOW_FIRST),
	};
	struct iommu_iova_range *range;
	int status = iommu_iova_alloc(cache->space, &request, &range);

	if (status == 0)
		*first = range->first;
	return status;
}

/* Not from this CPU's loaded magazine. */
static __attribute__((noinline)) int alloc_slowly(struct iommu_iova_cache *cache,
						  unsigned int order, uint64_t limit,
						  unsigned int flags, uint64_t *first)
{
	int status;

	if (order > 51)
		return IOMMU_EINVAL;
	status = tree_alloc(cache, order, limit, flags, first);
	if (status != IOMMU_ENOSPC)
		return status;
	/* What is cached may be what is missing. */
	iommu_iova_cache_drain(cache);
	return tree_alloc(cache, order, limit, flags, first);
}

/* Have all CPUs answered the last request? */
static bool all_have_drained(const struct iommu_iova_cache *cache)
{
	const uint32_t drains = __atomic_load_n(&cache->drains, __ATOMIC_SEQ_CST);
	unsigned int i;

	for (i = 0; i < cache->cpu_count; i++)
		if (__atomic_load_n(&cache->cpus[i].drained, __ATOMIC_SEQ_CST) != drains)
			return false;
	return true;
}

/* Another CPU has asked: this one's caches go back to the tree. */
static __attribute__((noinline)) void answer_drain(struct iommu_iova_cache *cache,
						   struct cpu_cache *cpu, unsigned int cpu_id)
{
	__atomic_store_n(&cpu->drained, __atomic_load_n(&cache->drains, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	iommu_iova_cache_drain_cpu(cache, cpu_id);
	if (!all_have_drained(cache))
		return;
	__atomic_store_n(&cache->short_orders, cache->shortest ? cache->orders : 0,
			 __ATOMIC_SEQ_CST);
	/* One that asks meanwhile has closed the shortest way before: it stays closed. */
	if (!all_have_drained(cache))
		__atomic_store_n(&cache->short_orders, 0, __ATOMIC_SEQ_CST);
}

/* As cpu_lock, of a CPU that others may have asked to drain. */
static inline uintptr_t cpu_lock_to_free(struct iommu_iova_cache *cache, struct cpu_cache *cpu,
					 unsigned int cpu_id)
{
	if (!cache->exclusive)
		return iommu_spin_lock(cache->platform, &cpu->lock);
	if (__builtin_expect(__atomic_load_n(&cpu->drained, __ATOMIC_RELAXED) !=
				     __atomic_load_n(&cache->drains, __ATOMIC_RELAXED),
			     0))
		answer_drain(cache, cpu, cpu_id);
	return cpu_lock(cache, cpu);
}

/* Have the other exclusive CPUs drain when they come by; this one has drained. */
static void ask_for_drain(struct iommu_iova_cache *cache)
{
	struct cpu_cache *cpu = cpu_at(cache, this_cpu(cache));

	if (cache->cpu_count == 1)
		return;
	__atomic_store_n(&cpu->drained, __atomic_add_fetch(&cache->drains, 1, __ATOMIC_SEQ_CST),
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&cache->short_orders, 0, __ATOMIC_SEQ_CST);
}

/* From this CPU's magazines, or the depot. */
static bool cpu_alloc(struct iommu_iova_cache *cache, unsigned int cpu_id, unsigned int order,
		      uint64_t limit, uint64_t *first)
{
	struct cpu_cache *cpu;
	uintptr_t state;
	bool found;

	if (order >= cache->orders || limit < (1ULL << order) - 1)
		return false;
	cpu = cpu_at(cache, cpu_id);
	state = cpu_lock(cache, cpu);
	found = pair_alloc(cache, &cpu->pairs[order], order, limit, first);
	cpu_unlock(cache, cpu, state);
	return found;
}

/* Below 4 GiB, cached or from the tree; IOMMU_ENOSPC: nothing there. */
static __attribute__((noinline)) int alloc_low(struct iommu_iova_cache *cache, unsigned int cpu,
					       unsigned int order, unsigned int flags,
					       uint64_t *first)
{
	const uint64_t low = cache->space->low_last;

	if (order > 51)
		return IOMMU_EINVAL;
	if (cpu_alloc(cache, cpu, order, low, first))
		return 0;
	return tree_alloc(cache, order, low, flags, first);
}

/* Everything but the shortest way. */
static __attribute__((noinline)) int alloc_from(struct iommu_iova_cache *cache, unsigned int cpu,
						unsigned int order, uint64_t limit,
						unsigned int flags, uint64_t *first)
{
	if ((flags & IOMMU_IOVA_LOW_FIRST) != 0 && limit > cache->space->low_last) {
		int status = alloc_low(cache, cpu, order, flags, first);

		if (status != IOMMU_ENOSPC)
			return status;
	}
	if (cpu_alloc(cache, cpu, order, limit, first))
		return 0;
	return alloc_slowly(cache, order, limit, flags, first);
}

static __attribute__((noinline)) void free_to(struct iommu_iova_cache *cache, unsigned int cpu_id,
					      uint64_t first, unsigned int order)
{
	struct cpu_cache *cpu;
	uintptr_t state;
	bool kept = false;

	if (order < cache->orders) {
		cpu = cpu_at(cache, cpu_id);
		state = cpu_lock_to_free(cache, cpu, cpu_id);
		kept = pair_free(cache, &cpu->pairs[order], order, first);
		cpu_unlock(cache, cpu, state);
	}
	if (!kept)
		(void)iommu_iova_free_at(cache->space, first);
}

/*
 * The shortest way, without a call: the loaded magazine of a CPU whose lock is free, or which has
 * none, on a host that does not mask interrupts. False: not this way, and nothing has happened.
 */
static inline bool try_lock(const struct iommu_iova_cache *cache, struct cpu_cache *cpu)
{
	return cache->exclusive || __atomic_exchange_n(&cpu->lock.taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void unlock(const struct iommu_iova_cache *cache, struct cpu_cache *cpu)
{
	if (!cache->exclusive)
		__atomic_store_n(&cpu->lock.taken, 0, __ATOMIC_RELEASE);
}

static inline bool alloc_shortest(struct iommu_iova_cache *cache, struct cpu_cache *cpu,
				  unsigned int order, uint64_t limit, uint64_t *first)
{
	const uint64_t beyond = (1ULL << order) - 1;
	struct magazine *loaded;
	uint64_t count;
	bool hit;

	if (limit < beyond || !try_lock(cache, cpu))
		return false;
	loaded = cpu->pairs[order].loaded;
	count = loaded->count;
	hit = count != 0 && loaded->ranges[count - 1] <= limit - beyond;
	if (hit) {
		*first = loaded->ranges[count - 1];
		loaded->count = count - 1;
	}
	unlock(cache, cpu);
	return hit;
}

static inline bool free_shortest(struct iommu_iova_cache *cache, struct cpu_cache *cpu,
				 uint64_t first, unsigned int order)
{
	struct magazine *loaded;
	bool room;

	if (!try_lock(cache, cpu))
		return false;
	loaded = cpu->pairs[order].loaded;
	room = loaded->count != IOMMU_IOVA_MAGAZINE;
	if (room)
		loaded->ranges[loaded->count++] = first;
	unlock(cache, cpu);
	return room;
}

int iommu_iova_cache_alloc_on(struct iommu_iova_cache *cache, unsigned int cpu, unsigned int order,
			      uint64_t limit, unsigned int flags, uint64_t *first)
{
	if (__builtin_expect(cache->shortest && order < IOMMU_IOVA_CACHED_ORDERS &&
				     (flags & IOMMU_IOVA_LOW_FIRST) == 0 &&
				     alloc_shortest(cache, cpu_at(cache, cpu), order, limit, first),
			     1))
		return 0;
	return alloc_from(cache, cpu, order, limit, flags, first);
}

int iommu_iova_cache_alloc(struct iommu_iova_cache *cache, unsigned int order, uint64_t limit,
			   unsigned int flags, uint64_t *first)
{
	return iommu_iova_cache_alloc_on(cache, this_cpu(cache), order, limit, flags, first);
}

void iommu_iova_cache_free_on(struct iommu_iova_cache *cache, unsigned int cpu, uint64_t first,
			      unsigned int order)
{
	if (__builtin_expect(order < __atomic_load_n(&cache->short_orders, __ATOMIC_RELAXED) &&
				     free_shortest(cache, cpu_at(cache, cpu), first, order),
			     1))
		return;
	free_to(cache, cpu, first, order);
}

void iommu_iova_cache_free(struct iommu_iova_cache *cache, uint64_t first, unsigned int order)
{
	iommu_iova_cache_free_on(cache, this_cpu(cache), first, order);
}

/* --- Giving back ------------------------------------------------------------------------------ */

static void magazine_to_tree(struct iommu_iova_cache *cache, struct magazine *magazine)
{
	while (magazine->count != 0)
		(void)iommu_iova_free_at(cache->space, magazine->ranges[--magazine->count]);
}

/*
 * Empty a CPU's caches, a few ranges at a time: they are copied out under the lock and given back
 * after it, so that neither the lock nor interrupts are held for long.
 */
void iommu_iova_cache_drain_cpu(struct iommu_iova_cache *cache, unsigned int cpu_id)
{
	struct cpu_cache *cpu = cpu_at(cache, cpu_id);
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++) {
		uint64_t some[16];
		unsigned int count;

		do {
			uintptr_t state = cpu_lock(cache, cpu);
			struct pair *pair = &cpu->pairs[order];

			for (count = 0; count < 16; count++) {
				if (pair->loaded->count == 0)
					swap_pair(pair);
				if (pair->loaded->count == 0)
					break;
				some[count] = pair->loaded->ranges[--pair->loaded->count];
			}
			cpu_unlock(cache, cpu, state);
			for (unsigned int i = 0; i < count; i++)
				(void)iommu_iova_free_at(cache->space, some[i]);
		} while (count == 16);
	}
}

/* One full magazine of this order out of the depot and back to the tree; false: there is none. */
static bool depot_trim(struct iommu_iova_cache *cache, unsigned int order)
{
	uintptr_t state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	struct magazine *full = cache->full[order];

	if (full != NULL) {
		cache->full[order] = full->next;
		full->count = cache->capacity;
	}
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	if (full == NULL)
		return false;
	magazine_to_tree(cache, full);
	state = iommu_spin_lock(cache->platform, &cache->depot_lock);
	full->next = cache->empty;
	cache->empty = full;
	iommu_spin_unlock(cache->platform, &cache->depot_lock, state);
	return true;
}

void iommu_iova_cache_trim(struct iommu_iova_cache *cache)
{
	unsigned int order;

	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++)
		(void)depot_trim(cache, order);
}

void iommu_iova_cache_drain(struct iommu_iova_cache *cache)
{
	unsigned int cpu, order;

	for (cpu = 0; cpu < cache->cpu_count; cpu++)
		if (!cache->exclusive || cpu == this_cpu(cache))
			iommu_iova_cache_drain_cpu(cache, cpu);
	for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++)
		while (depot_trim(cache, order))
			;
	if (cache->exclusive)
		ask_for_drain(cache);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void free_everything(struct iommu_iova_cache *cache)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int cpu, order;

	for (cpu = 0; cache->cpus != NULL && cpu < cache->cpu_count; cpu++)
		for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++) {
			struct pair *pair = &cache->cpus[cpu].pairs[order];

			if (pair->loaded != NULL)
				iommu_object_free(&cache->magazines, pair->loaded);
			if (pair->spare != NULL)
				iommu_object_free(&cache->magazines, pair->spare);
		}
	while (cache->empty != NULL) {
		struct magazine *magazine = cache->empty;

		cache->empty = magazine->next;
		iommu_object_free(&cache->magazines, magazine);
	}
	if (cache->cpus != NULL)
		platform->free_pages(platform->ctx, cache->cpus, cache->cpu_order);
	platform->free_pages(platform->ctx, cache, 0);
}

/* Of exclusive CPUs: as many ranges in a magazine as leave three quarters of the space to others. */
static uint64_t capacity_for(const struct iommu_iova_cache *cache)
{
	const struct iommu_iova_space *space = cache->space;
	/* Granules of one range of each order, in both magazines of each CPU. */
	const uint64_t row = 2ULL * cache->cpu_count * ((1U << IOMMU_IOVA_CACHED_ORDERS) - 1);
	uint64_t ranges = IOMMU_IOVA_MAGAZINE;

	while (cache->exclusive && ranges != 0 && ranges * row > (space->last - space->first) / 4)
		ranges--;
	return ranges;
}

static int fill_in(struct iommu_iova_cache *cache, unsigned int depot_magazines)
{
	const struct iommu_platform *platform = cache->platform;
	unsigned int cpu, order, i;

	while ((IOMMU_PAGE_SIZE << cache->cpu_order) < cache->cpu_count * sizeof(struct cpu_cache))
		cache->cpu_order++;
	if (cache->cpu_order > IOMMU_MAX_ALLOC_ORDER)
		return IOMMU_EINVAL;
	cache->cpus = platform->alloc_pages(platform->ctx, cache->cpu_order, IOMMU_NODE_ANY, 0);
	if (cache->cpus == NULL)
		return IOMMU_ENOMEM;
	for (cpu = 0; cpu < cache->cpu_count; cpu++)
		for (order = 0; order < IOMMU_IOVA_CACHED_ORDERS; order++) {
			struct pair *pair = &cache->cpus[cpu].pairs[order];

			pair->loaded = iommu_object_alloc(&cache->magazines, 0);
			pair->spare = iommu_object_alloc(&cache->magazines, 0);
			if (pair->loaded == NULL || pair->spare == NULL)
				return IOMMU_ENOMEM;
		}
	for (i = 0; i < depot_magazines; i++) {
		struct magazine *magazine = iommu_object_alloc(&cache->magazines, 0);

		if (magazine == NULL)
			return IOMMU_ENOMEM;
		magazine->next = cache->empty;
		cache->empty = magazine;
	}
	return 0;
}

int iommu_iova_cache_create(const struct iommu_iova_cache_config *config,
			    struct iommu_iova_cache **result)
{
	const struct iommu_platform *platform = config->space->platform;
	unsigned int cpus = platform->cpu_count != NULL ? platform->cpu_count(platform->ctx) : 1;
	struct iommu_iova_cache *cache;
	int status;

	if ((config->flags & ~(unsigned int)IOMMU_IOVA_CACHE_CPU_EXCLUSIVE) != 0 ||
	    config->depot_magazines > DEPOT_MAX || cpus == 0 || cpus > CPUS_MAX)
		return IOMMU_EINVAL;
	cache = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (cache == NULL)
		return IOMMU_ENOMEM;
	cache->space = config->space;
	cache->platform = platform;
	cache->cpu_count = cpus;
	cache->exclusive = (config->flags & IOMMU_IOVA_CACHE_CPU_EXCLUSIVE) != 0;
	cache->capacity = capacity_for(cache);
	cache->orders = cache->capacity != 0 ? IOMMU_IOVA_CACHED_ORDERS : 0;
	cache->shortest = platform->irq_save == NULL && cache->capacity == IOMMU_IOVA_MAGAZINE;
	cache->short_orders = cache->shortest ? cache->orders : 0;
	iommu_object_cache_init(&cache->magazines, platform, sizeof(struct magazine));
	status = fill_in(cache, config->depot_magazines);
	if (status != 0) {
		free_everything(cache);
		return status;
	}
	*result = cache;
	return 0;
}

void iommu_iova_cache_destroy(struct iommu_iova_cache *cache)
{
	unsigned int cpu;

	/* Nobody uses it any more: with exclusive CPUs, too, all of them may be drained from here.
	 */
	for (cpu = 0; cpu < cache->cpu_count; cpu++)
		iommu_iova_cache_drain_cpu(cache, cpu);
	iommu_iova_cache_drain(cache);
	free_everything(cache);
}
