/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shortest way through the caches of addresses, in line: an address of the loaded magazine of a
 * CPU whose lock is free, or which has none. On a host that masks interrupts it is two calls more.
 * Everything else is cache.c, which has the invariants, too.
 */
#ifndef IOMMU_IOVA_CACHE_H
#define IOMMU_IOVA_CACHE_H

#include <libiommu/iova.h>

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
	bool masks;    /* the host masks interrupts: cache.c takes no shortest way then */
	bool shortest; /* magazines are of the usual size: see iova_cache_take */
	/*
	 * Orders that are taken, and freed, the shortest way. The second is 0 while a CPU waits for
	 * ranges of others. Atomic.
	 */
	unsigned int short_takes, short_orders;
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

static inline bool iova_cpu_try_lock(const struct iommu_iova_cache *cache, struct iova_cpu *cpu)
{
	return cache->exclusive || __atomic_exchange_n(&cpu->lock.taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void iova_cpu_unlock_tried(const struct iommu_iova_cache *cache, struct iova_cpu *cpu)
{
	if (!cache->exclusive)
		__atomic_store_n(&cpu->lock.taken, 0, __ATOMIC_RELEASE);
}

/* A range that ends at or below `limit`. False: not this way, and nothing has happened. */
static inline __attribute__((always_inline)) bool
iova_cache_take(const struct iommu_iova_cache *cache, unsigned int cpu_id, unsigned int order,
		uint64_t limit, uint64_t *first)
{
	const uint64_t beyond = (1ULL << order) - 1;
	struct iova_cpu *cpu = iova_cpu_at(cache, cpu_id);
	struct iova_magazine *loaded;
	uint64_t count;
	bool hit;

	if (order >= cache->short_takes || !iova_cpu_try_lock(cache, cpu))
		return false;
	loaded = cpu->pairs[order].loaded;
	count = loaded->count;
	/* Not empty, and not none; and granules are numbered with 52 bits: nothing wraps. */
	hit = count - 1 < IOMMU_IOVA_MAGAZINE && loaded->ranges[count - 1] + beyond <= limit;
	if (hit) {
		*first = loaded->ranges[count - 1];
		loaded->count = count - 1;
	}
	iova_cpu_unlock_tried(cache, cpu);
	return hit;
}

static inline __attribute__((always_inline)) bool
iova_cache_give(const struct iommu_iova_cache *cache, unsigned int cpu_id, uint64_t first,
		unsigned int order)
{
	struct iova_cpu *cpu = iova_cpu_at(cache, cpu_id);
	struct iova_magazine *loaded;
	bool room;

	if (order >= __atomic_load_n(&cache->short_orders, __ATOMIC_RELAXED) ||
	    first < cache->lowest || !iova_cpu_try_lock(cache, cpu))
		return false;
	loaded = cpu->pairs[order].loaded;
	/* Not full, and not none. */
	room = loaded->count < IOMMU_IOVA_MAGAZINE;
	if (room)
		loaded->ranges[loaded->count++] = first;
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
