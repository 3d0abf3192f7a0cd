/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order that everything here rests on. `started` counts invalidations of the domain that have
 * begun, `finished` is the highest of their numbers that was confirmed.
 *
 *   unmap:        clear the entries;  full fence;  stamp = started
 *   invalidation: number = ++started (sequentially consistent);  invalidate;  finished = number
 *
 * An entry with stamp s is safe once finished > s: that invalidation took its number after the
 * stamp was read, so after the entries were cleared. (The fence and the counter put the clearing
 * before the invalidation for every observer.) Stamps in a ring only grow, so that retiring looks
 * at the oldest entry alone.
 */
#include <libiommu/flush_queue.h>
#include <libiommu/ops.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/spinlock.h"

#define DEFAULT_ENTRIES 256U
#define ENTRIES_MAX     1024U
#define DEFAULT_BYTES   (64ULL << 20)
#define DEFAULT_AGE_NS  10000000ULL

/* Retired at a time, outside the lock. */
#define BATCH 16

struct entry {
	uint64_t first;
	uint64_t freed; /* table pages: the list of a gather */
	uint64_t stamp;
	uint64_t queued_ns;
	unsigned int order;
};

struct ring {
	struct iommu_spinlock lock;
	unsigned int head;  /* the oldest entry */
	unsigned int count; /* entries */
	uint64_t bytes;
	struct entry *entries;
	unsigned int page_order; /* of the pages that they are in */
} __attribute__((aligned(128)));

struct iommu_flush_queue {
	struct iommu_flush_queue_config config;
	iommu_cell_t started, finished;
	struct ring *rings;
	unsigned int ring_count;
	unsigned int page_order;
};

static const struct iommu_platform *platform_of(const struct iommu_flush_queue *queue)
{
	return queue->config.platform;
}

static uint64_t now(const struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);

	return platform->now_ns != NULL ? platform->now_ns(platform->ctx) : 0;
}

static uint64_t size_of(const struct iommu_flush_queue *queue, unsigned int order)
{
	return queue->config.granule << order;
}

static struct ring *this_ring(const struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);
	unsigned int cpu = platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0;

	return &queue->rings[cpu < queue->ring_count ? cpu : 0];
}

/* The entry after so many others from `index` on: a division takes longer than all the rest. */
static unsigned int wrap(const struct iommu_flush_queue *queue, unsigned int index)
{
	return index < queue->config.entries ? index : index - queue->config.entries;
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
		ring->bytes -= size_of(queue, batch[count].order);
		ring->head = wrap(queue, ring->head + 1);
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
			iommu_iova_cache_free(queue->config.cache, batch[i].first, batch[i].order);
		}
	} while (count == BATCH);
}

/* One invalidation of the domain; on success all that was queued before is safe. */
static int invalidate(struct iommu_flush_queue *queue)
{
	const uint64_t number = iommu_cell_add(&queue->started, 1) + 1;
	uint64_t finished;
	int status;

	iommu_full_fence();
	status = iommu_domain_flush(queue->config.domain);
	if (status != 0)
		return status;
	/* Several may be under way at once, and end in any order. */
	do {
		finished = iommu_cell_load(&queue->finished);
	} while (finished < number &&
		 !iommu_cell_compare_and_swap(&queue->finished, finished, number));
	return 0;
}

int iommu_flush_queue_flush(struct iommu_flush_queue *queue)
{
	int status = invalidate(queue);
	unsigned int i;

	/* Also after a failure: an earlier one may have made something safe. */
	for (i = 0; i < queue->ring_count; i++)
		retire(queue, &queue->rings[i]);
	return status;
}

/* --- Queueing --------------------------------------------------------------------------------- */

/* Is the oldest entry of a ring too old? Locked. */
static bool is_old(const struct iommu_flush_queue *queue, const struct ring *ring, uint64_t now_ns)
{
	const uint64_t queued_ns = ring->entries[ring->head].queued_ns;

	/* It may have been queued after the caller looked at the clock. */
	return ring->count != 0 && now_ns > queued_ns &&
	       now_ns - queued_ns > queue->config.max_age_ns;
}

/*
 * Put an entry into a ring; false: it is full, in entries or bytes, or its oldest is too old. *safe: the
 * oldest can be retired, if there is one.
 */
static bool put(struct iommu_flush_queue *queue, struct ring *ring, struct entry entry,
		bool whatever_age, bool *safe)
{
	const uint64_t size = size_of(queue, entry.order);
	uintptr_t state;
	bool room;

	entry.queued_ns = now(queue);
	state = iommu_spin_lock(platform_of(queue), &ring->lock);
	*safe = has_safe(queue, ring);
	/* One entry always fits, however large it is. */
	room = ring->count < queue->config.entries &&
	       (ring->count == 0 || (ring->bytes <= queue->config.max_bytes &&
				     size <= queue->config.max_bytes - ring->bytes)) &&
	       (whatever_age || !is_old(queue, ring, entry.queued_ns));
	if (room) {
		/* The stamp under the lock: stamps in a ring grow. */
		entry.stamp = iommu_cell_load(&queue->started);
		ring->entries[wrap(queue, ring->head + ring->count)] = entry;
		ring->count++;
		ring->bytes += size;
	}
	iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	return room;
}

int iommu_flush_queue_unmap(struct iommu_flush_queue *queue, uint64_t first, unsigned int order)
{
	struct iommu_domain *domain = queue->config.domain;
	struct ring *ring = this_ring(queue);
	struct iommu_gather gather;
	struct entry entry = {.first = first, .order = order};
	uint64_t unmapped;
	bool safe;
	int status;

	if (order > 51 || first > UINT64_MAX >> iommu_highest_bit(queue->config.granule))
		return IOMMU_EINVAL;
	iommu_gather_init(&gather);
	status = domain->ops->unmap_pages(domain, first * queue->config.granule,
					  size_of(queue, order), 0, &gather, &unmapped);
	if (__builtin_expect(status != 0 || unmapped == 0, 0)) {
		/* Not to be given back. But a part, or tables that were empty, may have gone. */
		if (!iommu_gather_is_empty(&gather))
			(void)iommu_sync_gather(domain, &gather);
		return status != 0 ? status : IOMMU_ENOENT;
	}
	iommu_full_fence();
	entry.freed = gather.freed;
	if (put(queue, ring, entry, false, &safe)) {
		if (safe)
			retire(queue, ring);
		return 0;
	}
	/* Perhaps there is room once what is safe has gone. */
	retire(queue, ring);
	if (safe && put(queue, ring, entry, false, &safe))
		return 0;
	(void)invalidate(queue);
	retire(queue, ring);
	/* Hardware that does not confirm: what is old has to wait, but room may be left. */
	if (put(queue, ring, entry, true, &safe))
		return 0;
	/* Others filled the ring again, or nothing was retired: at once, and by itself. */
	status = iommu_sync_gather(domain, &gather);
	if (status == 0)
		iommu_iova_cache_free(queue->config.cache, first, order);
	return status;
}

int iommu_flush_queue_tick(struct iommu_flush_queue *queue)
{
	const uint64_t now_ns = now(queue);
	bool old = false;
	unsigned int i;

	for (i = 0; i < queue->ring_count && !old; i++) {
		struct ring *ring = &queue->rings[i];
		uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);

		old = is_old(queue, ring, now_ns);
		iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	}
	return old ? iommu_flush_queue_flush(queue) : 0;
}

void iommu_flush_queue_get_stats(struct iommu_flush_queue *queue,
				 struct iommu_flush_queue_stats *stats)
{
	unsigned int i;

	*stats = (struct iommu_flush_queue_stats){.flushes = iommu_cell_load(&queue->started)};
	for (i = 0; i < queue->ring_count; i++) {
		struct ring *ring = &queue->rings[i];
		uintptr_t state = iommu_spin_lock(platform_of(queue), &ring->lock);

		stats->entries += ring->count;
		stats->bytes += ring->bytes;
		iommu_spin_unlock(platform_of(queue), &ring->lock, state);
	}
}

/* --- Life ------------------------------------------------------------------------------------- */

static void *alloc_array(const struct iommu_platform *platform, uint64_t size, unsigned int *order)
{
	*order = 0;
	while ((IOMMU_PAGE_SIZE << *order) < size)
		++*order;
	if (*order > IOMMU_MAX_ALLOC_ORDER)
		return NULL;
	return platform->alloc_pages(platform->ctx, *order, IOMMU_NODE_ANY, 0);
}

static void free_everything(struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);
	unsigned int i;

	for (i = 0; queue->rings != NULL && i < queue->ring_count; i++)
		if (queue->rings[i].entries != NULL)
			platform->free_pages(platform->ctx, queue->rings[i].entries,
					     queue->rings[i].page_order);
	if (queue->rings != NULL)
		platform->free_pages(platform->ctx, queue->rings, queue->page_order);
	platform->free_pages(platform->ctx, queue, 0);
}

static int alloc_rings(struct iommu_flush_queue *queue)
{
	const struct iommu_platform *platform = platform_of(queue);
	unsigned int i;

	queue->rings =
		alloc_array(platform, queue->ring_count * sizeof(struct ring), &queue->page_order);
	if (queue->rings == NULL)
		return queue->page_order > IOMMU_MAX_ALLOC_ORDER ? IOMMU_EINVAL : IOMMU_ENOMEM;
	for (i = 0; i < queue->ring_count; i++) {
		struct ring *ring = &queue->rings[i];

		ring->entries = alloc_array(platform, queue->config.entries * sizeof(struct entry),
					    &ring->page_order);
		if (ring->entries == NULL)
			return IOMMU_ENOMEM;
	}
	return 0;
}

int iommu_flush_queue_create(const struct iommu_flush_queue_config *config,
			     struct iommu_flush_queue **result)
{
	const struct iommu_platform *platform = config->platform;
	struct iommu_flush_queue *queue;
	int status;

	if (iommu_platform_check(platform) != 0 || config->domain->ops->unmap_pages == NULL ||
	    config->granule < IOMMU_PAGE_SIZE || (config->granule & (config->granule - 1)) != 0 ||
	    config->entries == 1 || config->entries > ENTRIES_MAX)
		return IOMMU_EINVAL;
	queue = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (queue == NULL)
		return IOMMU_ENOMEM;
	queue->config = *config;
	if (queue->config.entries == 0)
		queue->config.entries = DEFAULT_ENTRIES;
	if (queue->config.max_bytes == 0)
		queue->config.max_bytes = DEFAULT_BYTES;
	if (queue->config.max_age_ns == 0)
		queue->config.max_age_ns = DEFAULT_AGE_NS;
	queue->ring_count = platform->cpu_count != NULL ? platform->cpu_count(platform->ctx) : 1;
	status = queue->ring_count != 0 ? alloc_rings(queue) : IOMMU_EINVAL;
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

	iommu_flush_queue_get_stats(queue, &stats);
	if (stats.entries != 0)
		status = iommu_flush_queue_flush(queue);
	if (status == 0)
		free_everything(queue);
	return status;
}
