/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lazy invalidation: a ring of entries for each CPU, made when the CPU first unmaps something.
 *
 * The order that everything here rests on. `started` counts invalidations of the domain that have
 * begun, `finished` is the highest of their numbers that was confirmed.
 *
 *   unmap:        clear the entries;  full fence (the ring's lock);  stamp = started
 *   invalidation: number = ++started (sequentially consistent);  invalidate;  finished = number
 *
 * An entry with stamp s is safe once finished > s: that invalidation took its number after the
 * stamp was read, so after the entries were cleared. (The fence and the counter put the clearing
 * before the invalidation for every observer.) Stamps in a ring only grow, so that retiring looks
 * at the oldest entry alone.
 *
 * Age needs no clock in an unmap: what is not safe was unmapped after the last invalidation that
 * was confirmed had begun, and so is no older than that, `confirmed_ns`. The clock is read where an
 * invalidation begins, and by the tick.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dma.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/log.h"
#include "base/per_cpu.h"
#include "base/spinlock.h"
#include "base/trace.h"
#include "dma/dma.h"

#if IOMMU_CONFIG_DMA_LAZY

#define DEFAULT_ENTRIES 256U
#define ENTRIES_MAX     1024U
#define DEFAULT_BYTES   (64ULL << 20)
#define DEFAULT_AGE_NS  10000000ULL
/* One ring for all CPUs has more of them. */
#define DEFAULT_SINGLE_ENTRIES 1024U
#define SINGLE_ENTRIES_MAX     2048U

/* The least part of its limits that an adaptive ring has, as a shift. */
#define ADAPTIVE_SHIFT 3U

/* The usual way is in line, except where size counts. */
#ifdef __OPTIMIZE_SIZE__
#define INLINE_WHERE_FAST
#else
#define INLINE_WHERE_FAST inline __attribute__((always_inline))
#endif

/* Retired at a time, outside the lock. */
#define BATCH 16

struct entry {
	uint64_t first, size; /* granules */
	uint64_t freed;       /* table pages: the list of a gather */
	uint64_t stamp;
};

struct ring {
	struct iommu_spinlock lock;
	unsigned int head;  /* the oldest entry */
	unsigned int count; /* entries */
	unsigned int size;  /* the most that there may be; 0: there is no ring yet */
	unsigned int limit; /* … at present */
	uint64_t bytes;
	struct entry *entries;
	unsigned int page_order; /* of the pages that they are in */
};

_Static_assert(sizeof(struct ring) <= IOMMU_CPU_SLOT, "a CPU's ring fits its slot");

struct iommu_flush_queue {
	struct iommu_flush_queue_config config;
	iommu_cell_t started, finished;
	iommu_cell_t confirmed_ns; /* when the last invalidation that was confirmed began */
	struct iommu_per_cpu rings;
};

_Static_assert(sizeof(struct iommu_flush_queue) <= IOMMU_PAGE_SIZE, "it is one page");

static const struct iommu_platform *platform_of(const struct iommu_flush_queue *queue)
{
	return queue->config.platform;
}

static uint64_t now(const struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);

	return platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
}

static uint64_t bytes_of(const struct iommu_flush_queue *queue, uint64_t size)
{
	return size << iommu_highest_bit(queue->config.granule);
}

/* Functions of what the host may choose: nothing is asked of a library that has no choice. */
static bool is_single(const struct iommu_flush_queue *queue)
{
	return IOMMU_CONFIG_DMA_TUNING && (queue->config.flags & IOMMU_FLUSH_QUEUE_SINGLE) != 0;
}

static bool is_adaptive(const struct iommu_flush_queue *queue)
{
	return IOMMU_CONFIG_DMA_TUNING && (queue->config.flags & IOMMU_FLUSH_QUEUE_ADAPTIVE) != 0;
}

static struct ring *ring_at(const struct iommu_flush_queue *queue, unsigned int cpu)
{
	return iommu_cpu_slot(&queue->rings, cpu);
}

static struct ring *this_ring(const struct iommu_flush_queue *queue)
{
	/* If there is one for all, it is every CPU's. */
	return ring_at(queue, iommu_this_cpu(platform_of(queue)));
}

/* The entry after so many others from `index` on: a division takes longer than all the rest. */
static unsigned int wrap(const struct ring *ring, unsigned int index)
{
	return index < ring->size ? index : index - ring->size;
}

/* --- Retiring --------------------------------------------------------------------------------- */

/* Is the oldest entry of a ring safe? Locked. */
static bool has_safe(const struct iommu_flush_queue *queue, const struct ring *ring)
{
	return ring->count != 0 &&
	       ring->entries[ring->head].stamp < iommu_cell_load_acquire(&queue->finished);
}

/* Take the oldest entries that are safe out of a ring, at most BATCH; returns how many. */
static unsigned int take_safe(struct iommu_flush_queue *queue, struct ring *ring,
			      struct entry batch[BATCH])
{
	uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);
	const uint64_t finished = iommu_cell_load_acquire(&queue->finished);
	unsigned int count = 0;

	while (count < BATCH && ring->count != 0 && ring->entries[ring->head].stamp < finished) {
		batch[count] = ring->entries[ring->head];
		ring->bytes -= bytes_of(queue, batch[count].size);
		ring->head = wrap(ring, ring->head + 1);
		ring->count--;
		count++;
	}
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	return count;
}

/* Give back what is safe: table pages to the host, ranges to the cache. */
static void retire(struct iommu_flush_queue *queue, struct ring *ring)
{
	struct iommu_domain *domain = queue->config.domain;
	struct entry batch[BATCH];
	unsigned int count, i;

	do {
		count = take_safe(queue, ring, batch);
		for (i = 0; i < count; i++) {
			if (batch[i].freed != 0) {
				struct iommu_gather gather;

				iommu_gather_init(&gather);
				gather.freed = batch[i].freed;
				domain->ops->free_gathered(domain, &gather);
			}
			iommu_iova_cache_free_size(queue->config.cache, batch[i].first,
						   batch[i].size);
		}
	} while (count == BATCH);
}

/* One invalidation of the domain; on success all that was queued before is safe. */
static int invalidate(struct iommu_flush_queue *queue)
{
	/* Before the number: what gets a later stamp is younger than this. */
	const uint64_t begun_ns = now(queue);
	const uint64_t number = iommu_cell_add(&queue->started, 1) + 1;
	uint64_t finished;
	int status;

	iommu_full_fence();
	status = iommu_domain_flush(queue->config.domain);
	iommu_trace_flush(queue->config.domain, begun_ns, status);
	if (status != 0)
		return status;
	/* Several may be under way at once, and end in any order. */
	do {
		finished = iommu_cell_load(&queue->finished);
	} while (finished < number &&
		 !iommu_cell_compare_and_swap(&queue->finished, finished, number));
	/* One that began earlier and ends later makes entries look older than they are. */
	iommu_cell_store(&queue->confirmed_ns, begun_ns);
	return 0;
}

int iommu_flush_queue_flush(struct iommu_flush_queue *queue)
{
	int status = invalidate(queue);
	unsigned int i;

	/* Also after a failure: an earlier one may have made something safe. */
	for (i = 0; i < queue->rings.count; i++)
		retire(queue, ring_at(queue, i));
	return status;
}

/* --- Queueing --------------------------------------------------------------------------------- */

/*
 * Put an entry, whose page-table entries are cleared, into a ring; false: it is full, in entries or
 * bytes. *safe: the oldest can be retired, if there is one.
 */
static INLINE_WHERE_FAST bool ring_put(struct iommu_flush_queue *queue, struct ring *ring,
				       const struct entry *entry, bool *safe)
{
	const uint64_t bytes = bytes_of(queue, entry->size);
	uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);
	bool room;

	/* Between clearing and the look at what has begun, which is the stamp. */
	iommu_spin_lock_fences();
	*safe = has_safe(queue, ring);
	/* One entry always fits, however large it is. */
	room = ring->count < ring->limit &&
	       (ring->count == 0 || (ring->bytes <= queue->config.max_bytes &&
				     bytes <= queue->config.max_bytes - ring->bytes));
	if (room) {
		/* The stamp under the lock: stamps in a ring grow. */
		struct entry *at = &ring->entries[wrap(ring, ring->head + ring->count)];

		/*
		 * Member by member, from registers: a load of what was just stored in parts would
		 * wait for these.
		 */
		at->first = entry->first;
		at->size = entry->size;
		at->freed = entry->freed;
		at->stamp = iommu_cell_load(&queue->started);
		ring->count++;
		ring->bytes += bytes;
	}
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	return room;
}

/* --- What adapts ------------------------------------------------------------------------------ */

/* The least that a ring may hold. */
static unsigned int least_of(const struct iommu_flush_queue *queue, const struct ring *ring)
{
	const unsigned int least = ring->size >> ADAPTIVE_SHIFT;

	if (!is_adaptive(queue))
		return ring->size;
	return least > 2 ? least : 2;
}

/* A ring that was full before its entries were old may hold twice as many. */
static void widen(const struct iommu_flush_queue *queue, struct ring *ring)
{
	uintptr_t state;

	if (!is_adaptive(queue))
		return;
	state = iommu_spin_lock(platform_of(queue), &ring->lock);
	ring->limit = ring->limit < ring->size / 2 ? ring->limit * 2 : ring->size;
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
}

/* One that was a quarter full, or less, when they were, half as many. */
static void narrow(const struct iommu_flush_queue *queue, struct ring *ring)
{
	uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);
	const unsigned int least = least_of(queue, ring);

	if (ring->entries != NULL && ring->count <= ring->limit / 4)
		ring->limit = ring->limit / 2 > least ? ring->limit / 2 : least;
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
}

/* The age that entries may have: as much of it as the widest ring has of its entries. */
static uint64_t max_age_of(const struct iommu_flush_queue *queue)
{
	unsigned int least_shift = ADAPTIVE_SHIFT;
	unsigned int i;

	if (!is_adaptive(queue))
		return queue->config.max_age_ns;
	for (i = 0; i < queue->rings.count; i++) {
		struct ring *ring = ring_at(queue, i);
		uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);
		unsigned int shift = 0;

		while (ring->limit << shift < ring->size)
			shift++;
		if (ring->entries != NULL && shift < least_shift)
			least_shift = shift;
		iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	}
	return queue->config.max_age_ns >> least_shift;
}

/* --- Queueing, in a ring ---------------------------------------------------------------------- */

/* Pages for as many entries as are wanted, or for fewer. */
static struct entry *alloc_entries(const struct iommu_flush_queue *queue, unsigned int *order)
{
	const struct iommu_platform *platform = platform_of(queue);
	struct entry *entries;

	*order = 0;
	while (*order < IOMMU_MAX_ALLOC_ORDER &&
	       (IOMMU_PAGE_SIZE << *order) < queue->config.entries * sizeof(struct entry))
		++*order;
	for (;; --*order) {
		entries = platform->alloc_pages(platform->ctx, *order, IOMMU_NODE_ANY,
						IOMMU_ALLOC_ATOMIC);
		if (entries != NULL || *order == 0)
			return entries;
	}
}

/* The ring of a CPU that unmaps for the first time; false: there is no memory for one. */
static __attribute__((noinline)) bool make_ring(struct iommu_flush_queue *queue, struct ring *ring)
{
	unsigned int order;
	struct entry *entries = alloc_entries(queue, &order);
	const size_t room = ((size_t)IOMMU_PAGE_SIZE << order) / sizeof(struct entry);
	uintptr_t state;

	if (entries == NULL)
		return false;
	state = iommu_spin_lock(platform_of(queue), &ring->lock);
	if (ring->entries == NULL) {
		__atomic_store_n(&ring->entries, entries, __ATOMIC_RELAXED);
		ring->page_order = order;
		ring->size =
			room < queue->config.entries ? (unsigned int)room : queue->config.entries;
		ring->limit = least_of(queue, ring);
		entries = NULL;
	}
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	/* Another call was faster. */
	if (entries != NULL)
		platform_of(queue)->free_pages(platform_of(queue)->ctx, entries, order);
	return true;
}

static inline bool has_ring(struct iommu_flush_queue *queue, struct ring *ring)
{
	return __builtin_expect(__atomic_load_n(&ring->entries, __ATOMIC_RELAXED) != NULL, 1) ||
	       make_ring(queue, ring);
}

/* What is in a full ring goes first; false: it stays full. */
static __attribute__((noinline)) bool
queue_in_full(struct iommu_flush_queue *queue, struct ring *ring, struct entry entry, bool safe)
{
	/* Perhaps there is room once what is safe has gone. */
	retire(queue, ring);
	if (safe && ring_put(queue, ring, &entry, &safe))
		return true;
	/* Also after a failure: an earlier one may have made something safe. */
	(void)invalidate(queue);
	widen(queue, ring);
	retire(queue, ring);
	return ring_put(queue, ring, &entry, &safe);
}

/* Put an entry into a ring, with an invalidation if it is full; false: it stays full. */
static inline bool queue_entry(struct iommu_flush_queue *queue, struct ring *ring,
			       const struct entry *entry)
{
	bool safe;

	if (__builtin_expect(!ring_put(queue, ring, entry, &safe), 0))
		return queue_in_full(queue, ring, *entry, safe);
	if (safe)
		retire(queue, ring);
	return true;
}

/* Unmap for later: one page by a store where it is that, as in iommu_unmap. */
static int unmap_unsynced(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			  struct iommu_gather *gather, uint64_t *unmapped)
{
	if (IOMMU_CONFIG_ONE_PAGE && size == IOMMU_PAGE_SIZE && domain->page_ops != NULL &&
	    domain->page_ops->unmap_page(domain, iova, size)) {
		*gather = (struct iommu_gather){
			.start = iova, .last = iova + (size - 1), .pgsize = size};
		*unmapped = size;
		return 0;
	}
	iommu_gather_init(gather);
	return domain->ops->unmap_pages(domain, iova, size, 0, gather, unmapped);
}

#if IOMMU_CONFIG_ONE_PAGE
int iommu_flush_queue_put_page(struct iommu_flush_queue *queue, uint64_t first)
{
	const unsigned int shift = iommu_highest_bit(queue->config.granule);
	const struct entry entry = {.first = first, .size = 1};
	struct ring *ring = this_ring(queue);
	struct iommu_gather gather;
	int status;

	if (has_ring(queue, ring) && queue_entry(queue, ring, &entry))
		return 0;
	/* As below. */
	gather = (struct iommu_gather){.start = first << shift,
				       .last = (first << shift) + (queue->config.granule - 1),
				       .pgsize = queue->config.granule};
	status = iommu_sync_gather(queue->config.domain, &gather);
	if (status == 0)
		iommu_iova_cache_free_size(queue->config.cache, first, 1);
	return status;
}
#endif

int iommu_flush_queue_unmap_size(struct iommu_flush_queue *queue, uint64_t first, uint64_t size)
{
	const unsigned int shift = iommu_highest_bit(queue->config.granule);
	struct iommu_domain *domain = queue->config.domain;
	struct ring *ring = this_ring(queue);
	struct entry entry = {.first = first, .size = size};
	struct iommu_gather gather;
	uint64_t unmapped;
	int status;

	if (size == 0 || size > UINT64_MAX >> shift || first > UINT64_MAX >> shift)
		return IOMMU_EINVAL;
	status = unmap_unsynced(domain, first << shift, size << shift, &gather, &unmapped);
	iommu_trace_unmap(domain, first << shift, size << shift, status);
	if (__builtin_expect(status != 0 || unmapped == 0, 0)) {
		/* Not to be given back. But a part, or tables that were empty, may have gone. */
		if (!iommu_gather_is_empty(&gather))
			(void)iommu_sync_gather(domain, &gather);
		return status != 0 ? status : IOMMU_ENOENT;
	}
	entry.freed = gather.freed;
	if (has_ring(queue, ring) && queue_entry(queue, ring, &entry))
		return 0;
	/* No ring, or one that others filled again, or nothing was retired: at once, by itself. */
	status = iommu_sync_gather(domain, &gather);
	if (status == 0)
		iommu_iova_cache_free_size(queue->config.cache, first, size);
	return status;
}

int iommu_flush_queue_unmap(struct iommu_flush_queue *queue, uint64_t first, unsigned int order)
{
	return order > 51 ? IOMMU_EINVAL
			  : iommu_flush_queue_unmap_size(queue, first, 1ULL << order);
}

/* Does nothing wait? */
static bool is_empty(struct iommu_flush_queue *queue)
{
	bool empty = true;
	unsigned int i;

	for (i = 0; i < queue->rings.count && empty; i++) {
		struct ring *ring = ring_at(queue, i);
		uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);

		empty = ring->count == 0;
		iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	}
	return empty;
}

int iommu_flush_queue_tick(struct iommu_flush_queue *queue)
{
	/* Before the look at the clock: it cannot be later than that. */
	const uint64_t confirmed_ns = iommu_cell_load(&queue->confirmed_ns);
	unsigned int i;

	if (is_empty(queue))
		return 0;
	if (platform_of(queue)->now_ns != NULL && now(queue) - confirmed_ns <= max_age_of(queue))
		return 0;
	for (i = 0; i < queue->rings.count && is_adaptive(queue); i++)
		narrow(queue, ring_at(queue, i));
	return iommu_flush_queue_flush(queue);
}

void iommu_flush_queue_get_stats(struct iommu_flush_queue *queue,
				 struct iommu_flush_queue_stats *stats)
{
	unsigned int i;

	*stats = (struct iommu_flush_queue_stats){.flushes = iommu_cell_load(&queue->started)};
	for (i = 0; i < queue->rings.count; i++) {
		struct ring *ring = ring_at(queue, i);
		uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);

		stats->entries += ring->count;
		stats->bytes += ring->bytes;
		iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	}
}

/* --- Life ------------------------------------------------------------------------------------- */

static void free_everything(struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);
	unsigned int i;

	for (i = 0; i < queue->rings.count; i++) {
		struct ring *ring = ring_at(queue, i);

		if (ring->entries != NULL)
			platform->free_pages(platform->ctx, ring->entries, ring->page_order);
	}
	iommu_per_cpu_destroy(&queue->rings, platform);
	platform->free_pages(platform->ctx, queue, 0);
}

static const unsigned int known_flags =
	IOMMU_CONFIG_DMA_TUNING ? IOMMU_FLUSH_QUEUE_SINGLE | IOMMU_FLUSH_QUEUE_ADAPTIVE : 0;

static unsigned int max_entries(unsigned int flags)
{
	return (flags & IOMMU_FLUSH_QUEUE_SINGLE) != 0 ? SINGLE_ENTRIES_MAX : ENTRIES_MAX;
}

static const char *defect_of(const struct iommu_flush_queue_config *config)
{
	const char *defect = iommu_platform_defect(config->platform);

	if (defect != NULL)
		return defect;
	if ((config->flags & ~known_flags) != 0)
		return IOMMU_WHY("unknown flags");
	if (config->domain->ops->unmap_pages == NULL)
		return IOMMU_WHY("the domain has no tables to unmap from");
	if (config->granule < IOMMU_PAGE_SIZE || (config->granule & (config->granule - 1)) != 0)
		return IOMMU_WHY("the granule is no power of two from 4 KiB on");
	if (config->entries == 1 || config->entries > max_entries(config->flags))
		return IOMMU_WHY("a ring has from 2 to 1,024 entries, for all CPUs 2,048");
	return iommu_per_cpu_defect(config->platform);
}

int iommu_flush_queue_create(const struct iommu_flush_queue_config *config,
			     struct iommu_flush_queue **result)
{
	const struct iommu_platform *platform = config->platform;
	struct iommu_flush_queue *queue;
	int status;

	status = iommu_refuse_defect(platform, IOMMU_CALL, defect_of(config));
	if (status != 0)
		return status;
	queue = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (queue == NULL)
		return IOMMU_ENOMEM;
	queue->config = *config;
	if (queue->config.entries == 0)
		queue->config.entries = is_single(queue) ? DEFAULT_SINGLE_ENTRIES : DEFAULT_ENTRIES;
	if (queue->config.max_bytes == 0)
		queue->config.max_bytes = DEFAULT_BYTES;
	if (queue->config.max_age_ns == 0)
		queue->config.max_age_ns = DEFAULT_AGE_NS;
	status = is_single(queue) ? iommu_per_cpu_init_one(&queue->rings, platform)
				  : iommu_per_cpu_init(&queue->rings, platform);
	if (status != 0) {
		free_everything(queue);
		return status;
	}
	*result = queue;
	return 0;
}

int iommu_flush_queue_destroy(struct iommu_flush_queue *queue)
{
	struct iommu_flush_queue_stats stats;
	int status = 0;

	if (queue == NULL)
		return 0;
	iommu_flush_queue_get_stats(queue, &stats);
	if (stats.entries != 0)
		status = iommu_flush_queue_flush(queue);
	if (status == 0)
		free_everything(queue);
	return status;
}

#endif
