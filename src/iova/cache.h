/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shortest way through the caches of addresses, in line: an address of the loaded magazine of a
 * CPU whose lock is free, or which has none. On a host that masks interrupts it is two calls more.
 * Everything else is cache.c, which has the invariants, too.
 */
#ifndef IOMMU_IOVA_CACHE_H
#define IOMMU_IOVA_CACHE_H

#include <libiommu/iova.h>

#include "base/cpu_guard.h"
#include "base/object_cache.h"
#include "base/per_cpu.h"
#include "base/spinlock.h"

#if IOMMU_CONFIG_IOVA_CACHES

struct iova_magazine {
	union {
		struct iova_magazine *next; /* in the depot */
		uint64_t count;             /* on a CPU; in the depot it is full or empty */
	};
	uint64_t ranges[IOMMU_IOVA_MAGAZINE];
};

struct iova_pair {
	struct iova_magazine *loaded, *spare;
};

struct iova_cpu {
	struct iommu_spinlock lock;
	uint32_t drained; /* the last request to drain that it has answered; atomic */
	struct iova_pair pairs[IOMMU_IOVA_CACHED_ORDERS];
};

_Static_assert(sizeof(struct iova_cpu) <= IOMMU_CPU_SLOT, "a CPU's caches fit its slot");

struct iommu_iova_cache {
	struct iommu_iova_space *space;
	const struct iommu_platform *platform;
	bool exclusive;
	bool masks;    /* interrupts, around a CPU: cache.c takes no shortest way then */
	bool shortest; /* magazines are of the usual size: see iova_cpu_give */
	/* Orders freed the shortest way: none while a CPU waits for others' ranges. Atomic. */
	unsigned int short_orders;
	uint64_t capacity;   /* of a magazine: IOMMU_IOVA_MAGAZINE, or less in a small space */
	unsigned int orders; /* that have magazines: all, or none */
	uint64_t lowest;     /* no range below it is cached */
	bool has_lines;      /* see line_alloc */
	uint32_t drains;     /* requests so far; atomic */
	struct iommu_per_cpu cpus;
	struct iova_magazine none; /* read by all, written by none */
	struct iommu_spinlock depot_lock;
	unsigned int depot_count, depot_max;
	struct iova_magazine *full[IOMMU_IOVA_CACHED_ORDERS];
	struct iova_magazine *empty;
	struct iommu_object_cache magazines;
};

_Static_assert(sizeof(struct iommu_iova_cache) <= IOMMU_PAGE_SIZE, "it is one page");

static inline struct iova_cpu *iova_cpu_at(const struct iommu_iova_cache *cache, unsigned int cpu)
{
	return iommu_cpu_slot(&cache->cpus, cpu);
}

/*
 * Is the host's own guard around a CPU's caches? The CPU is then the one that the guard names, and
 * a CPU that a caller has asked for before means nothing. A macro, so that without a guard the
 * compiler leaves out what is done only with one at every level of optimisation.
 */
#define iova_is_guarded(cache) (IOMMU_HAS_CPU_GUARD && (cache)->exclusive)

/* The executing CPU, for the functions below: it is not asked for where it would mean nothing. */
static inline unsigned int iova_this_cpu(const struct iommu_iova_cache *cache)
{
	return iova_is_guarded(cache) ? 0 : iommu_this_cpu(cache->platform);
}

static inline bool iova_cpu_try_lock(const struct iommu_iova_cache *cache, struct iova_cpu *cpu)
{
	return cache->exclusive || __atomic_exchange_n(&cpu->lock.taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void iova_cpu_unlock_tried(const struct iommu_iova_cache *cache, struct iova_cpu *cpu)
{
	if (!cache->exclusive)
		__atomic_store_n(&cpu->lock.taken, 0, __ATOMIC_RELEASE);
}

/* The CPU is the caller's alone. */
static inline __attribute__((always_inline)) bool
iova_cpu_take(struct iova_cpu *cpu, unsigned int order, uint64_t limit, uint64_t *first)
{
	const uint64_t beyond = (1ULL << order) - 1;
	struct iova_magazine *loaded = cpu->pairs[order].loaded;
	const uint64_t count = loaded->count;

	/* Not empty, and not none; and granules are numbered with 52 bits: nothing wraps. */
	if (count - 1 >= IOMMU_IOVA_MAGAZINE || loaded->ranges[count - 1] + beyond > limit)
		return false;
	*first = loaded->ranges[count - 1];
	loaded->count = count - 1;
	return true;
}

static inline __attribute__((always_inline)) bool iova_cpu_give(struct iova_cpu *cpu,
								uint64_t first, unsigned int order)
{
	struct iova_magazine *loaded = cpu->pairs[order].loaded;
	const uint64_t count = loaded->count;

	/* Not full, and not none. */
	if (count >= IOMMU_IOVA_MAGAZINE)
		return false;
	loaded->ranges[count] = first;
	loaded->count = count + 1;
	return true;
}

/* A range that ends at or below `limit`. False: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
iova_cache_take(const struct iommu_iova_cache *cache, unsigned int cpu_id, unsigned int order,
		uint64_t limit, uint64_t *first)
{
	struct iova_cpu *cpu;
	uintptr_t state;
	bool hit;

	/* Where there are no magazines, "none" is loaded. */
	if (order >= IOMMU_IOVA_CACHED_ORDERS)
		return false;
	if (iova_is_guarded(cache)) {
		cpu = iova_cpu_at(cache, iommu_cpu_enter(&state));
		hit = iova_cpu_take(cpu, order, limit, first);
		iommu_cpu_leave(state);
		return hit;
	}
	cpu = iova_cpu_at(cache, cpu_id);
	if (!iova_cpu_try_lock(cache, cpu))
		return false;
	hit = iova_cpu_take(cpu, order, limit, first);
	iova_cpu_unlock_tried(cache, cpu);
	return hit;
}

static inline __attribute__((always_inline)) bool
iova_cache_give(const struct iommu_iova_cache *cache, unsigned int cpu_id, uint64_t first,
		unsigned int order)
{
	struct iova_cpu *cpu;
	uintptr_t state;
	bool room;

	if (order >= __atomic_load_n(&cache->short_orders, __ATOMIC_RELAXED) ||
	    first < cache->lowest)
		return false;
	if (iova_is_guarded(cache)) {
		cpu = iova_cpu_at(cache, iommu_cpu_enter(&state));
		room = iova_cpu_give(cpu, first, order);
		iommu_cpu_leave(state);
		return room;
	}
	cpu = iova_cpu_at(cache, cpu_id);
	if (!iova_cpu_try_lock(cache, cpu))
		return false;
	room = iova_cpu_give(cpu, first, order);
	iova_cpu_unlock_tried(cache, cpu);
	return room;
}

/* The same of this CPU, on a host that masks interrupts. */
bool iommu_iova_cache_take_masked(const struct iommu_iova_cache *cache, unsigned int order,
				  uint64_t limit, uint64_t *first);
bool iommu_iova_cache_give_masked(const struct iommu_iova_cache *cache, uint64_t first,
				  unsigned int order);

#endif

#endif
