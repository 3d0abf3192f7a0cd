/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation of the pages of a window. Each of a few CPUs has a pool, to avoid contention for one
 * lock; one more, the top quarter, serves large requests, which need runs. Within a pool the search
 * is next-fit from a hint: freed addresses are not used again at once, and full words are skipped
 * quickly. A request that does not fit in its own pool is tried in the others, then across pools,
 * before it fails: an empty window has a run of all of it.
 */
#include "tce/table.h"

#define LARGE_PAGES    64           /* a request of so many pages is large: a word of the bitmap */
#define SEVERAL_POOLS  (1ULL << 30) /* bytes of a window with several pools */
#define WHOLE_WORDS(x) ((x) & ~63ULL)

void iommu_tce_pools_init(struct iommu_tce_table *table)
{
	const bool several = table->entries << table->page_shift >= SEVERAL_POOLS;
	uint64_t size;
	unsigned int i;

	table->pool_count = several ? TCE_POOLS_MAX : 1;
	size = WHOLE_WORDS(table->entries * 3 >> (several ? 4 : 2));
	table->pool_size = size;
	for (i = 0; i <= table->pool_count; i++)
		table->pools[i] = (struct tce_pool){
			.start = i * size, .end = (i + 1) * size, .hint = i * size};
	table->pools[table->pool_count].end = table->entries;
}

/* Without reading the pools, which other CPUs write. There are five of one size, or two. */
static struct tce_pool *pool_of(struct iommu_tce_table *table, uint64_t index)
{
	const uint64_t size = table->pool_size;
	unsigned int i = index >= 2 * size ? 2 : 0;

	i += index >= (i + 1) * size;
	i += i == 3 && index >= 4 * size;
	return &table->pools[i < table->pool_count ? i : table->pool_count];
}

_Static_assert(TCE_POOLS_MAX == 4, "pool_of finds one of so many");

/* --- Search ----------------------------------------------------------------------------------- */

/* The first index from `index` on at which the request may begin, by its bus address. */
static uint64_t next_place(const struct iommu_tce_table *table, const struct tce_request *request,
			   uint64_t index)
{
	const uint64_t step = (1ULL << request->alignment) - 1;
	uint64_t page = (table->first_page + index + step) & ~step;

	if (request->boundary != 0 && (page ^ (page + request->pages - 1)) >= request->boundary) {
		/*
		 * Beyond the next boundary, whose alignment may be larger or smaller than the
		 * request's.
		 */
		page = (page | (request->boundary - 1)) + 1;
		page = (page + step) & ~step;
	}
	return page - table->first_page;
}

/* A free run in [start, end); UINT64_MAX: none. The pool is locked. */
static uint64_t find_run(const struct iommu_tce_table *table, const struct tce_request *request,
			 uint64_t start, uint64_t end)
{
	uint64_t index = start;

	for (;;) {
		uint64_t used;

		index = iommu_bitmap_next_clear(&table->bitmap, index, end);
		index = next_place(table, request, index);
		if (index >= end || end - index < request->pages)
			return UINT64_MAX;
		used = iommu_bitmap_next_set(&table->bitmap, index, index + request->pages);
		if (used == index + request->pages)
			return index;
		index = used + 1;
	}
}

/* The frequent case: free at the hint, in one word, without a special request. */
static bool take_at_hint(struct iommu_tce_table *table, struct tce_pool *pool,
			 const struct tce_request *request, uint64_t end)
{
	const uint64_t hint = pool->hint;
	uint64_t word, mask;

	if (request->alignment != 0 || request->boundary != 0 || hint >= end ||
	    request->pages > end - hint || !iommu_bitmap_in_one_word(hint, request->pages))
		return false;
	word = iommu_bitmap_load_word(&table->bitmap, hint);
	mask = iommu_bitmap_word_mask(hint, request->pages);
	if ((word & mask) != 0)
		return false;
	iommu_bitmap_store_word(&table->bitmap, hint, word | mask);
	return true;
}

/* From the hint on, and then from the start. */
static uint64_t take_anywhere(struct iommu_tce_table *table, const struct tce_pool *pool,
			      const struct tce_request *request, uint64_t end)
{
	uint64_t found = UINT64_MAX;

	if (pool->hint < end)
		found = find_run(table, request, pool->hint, end);
	if (found == UINT64_MAX)
		found = find_run(table, request, pool->start, end);
	if (found != UINT64_MAX)
		iommu_bitmap_set(&table->bitmap, found, request->pages);
	return found;
}

static bool alloc_from(struct iommu_tce_table *table, struct tce_pool *pool,
		       const struct tce_request *request, uint64_t *index)
{
	const uint64_t end = pool->end < request->end ? pool->end : request->end;
	uintptr_t state = iommu_spin_lock(table->platform, &pool->lock);
	uint64_t found = take_at_hint(table, pool, request, end)
				 ? pool->hint
				 : take_anywhere(table, pool, request, end);

	if (found != UINT64_MAX) {
		pool->taken += request->pages;
		pool->hint = found + request->pages;
		if (request->pages < LARGE_PAGES)
			pool->hint = (pool->hint + table->block - 1) & ~(table->block - 1);
		*index = found;
	}
	iommu_spin_unlock(table->platform, &pool->lock, state);
	return found != UINT64_MAX;
}

/* The part of a range in the pool of its first index. */
static uint64_t part_in(const struct tce_pool *pool, uint64_t index, uint64_t pages)
{
	return pool->end - index < pages ? pool->end - index : pages;
}

/*
 * Take pages that looked free, pool by pool; returns how many, up to one that is not free any more.
 */
static uint64_t claim(struct iommu_tce_table *table, uint64_t index, uint64_t pages)
{
	uint64_t claimed = 0;

	while (claimed != pages) {
		struct tce_pool *pool = pool_of(table, index + claimed);
		const uint64_t part = part_in(pool, index + claimed, pages - claimed);
		const uint64_t end = index + claimed + part;
		uintptr_t state = iommu_spin_lock(table->platform, &pool->lock);
		const bool is_free =
			iommu_bitmap_next_set(&table->bitmap, index + claimed, end) == end;

		if (is_free) {
			iommu_bitmap_set(&table->bitmap, index + claimed, part);
			pool->taken += part;
		}
		iommu_spin_unlock(table->platform, &pool->lock, state);
		if (!is_free)
			break;
		claimed += part;
	}
	return claimed;
}

/*
 * A run across pools, for a request that no pool has room for: searched without the locks, each of
 * which is held alone to take its part. A page that another CPU takes meanwhile ends the attempt,
 * and the search goes on behind it.
 */
static bool alloc_across(struct iommu_tce_table *table, const struct tce_request *request,
			 uint64_t *index)
{
	const uint64_t end = table->entries < request->end ? table->entries : request->end;
	uint64_t start = 0;

	for (;;) {
		const uint64_t found = find_run(table, request, start, end);
		uint64_t claimed;

		if (found == UINT64_MAX)
			return false;
		claimed = claim(table, found, request->pages);
		if (claimed == request->pages) {
			*index = found;
			return true;
		}
		iommu_tce_pools_free(table, found, claimed);
		start = found + claimed + 1;
	}
}

int iommu_tce_pools_alloc(struct iommu_tce_table *table, const struct tce_request *request,
			  uint64_t *index)
{
	const struct iommu_platform *platform = table->platform;
	const unsigned int pools = table->pool_count + 1;
	unsigned int first = table->pool_count;
	unsigned int i;

	if (request->pages < LARGE_PAGES)
		first = (platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0) &
			(table->pool_count - 1);
	if (alloc_from(table, &table->pools[first], request, index))
		return 0;
	/* Then the others in a ring; for a small request the large pool is the last. */
	for (i = 1; i < pools; i++) {
		unsigned int pool = (first + i) % pools;

		if (first != table->pool_count)
			pool = i < table->pool_count ? (first + i) % table->pool_count
						     : table->pool_count;
		if (alloc_from(table, &table->pools[pool], request, index))
			return 0;
	}
	return alloc_across(table, request, index) ? 0 : IOMMU_ENOSPC;
}

/* --- Giving back, and keeping ----------------------------------------------------------------- */

void iommu_tce_pools_free(struct iommu_tce_table *table, uint64_t index, uint64_t pages)
{
	while (pages != 0) {
		struct tce_pool *pool = pool_of(table, index);
		const uint64_t part = part_in(pool, index, pages);
		uintptr_t state = iommu_spin_lock(table->platform, &pool->lock);

		if (iommu_bitmap_in_one_word(index, part))
			iommu_bitmap_store_word(&table->bitmap, index,
						iommu_bitmap_load_word(&table->bitmap, index) &
							~iommu_bitmap_word_mask(index, part));
		else
			iommu_bitmap_clear(&table->bitmap, index, part);
		pool->taken -= part;
		iommu_spin_unlock(table->platform, &pool->lock, state);
		index += part;
		pages -= part;
	}
}

uint64_t iommu_tce_pools_reserve(struct iommu_tce_table *table, uint64_t index, uint64_t pages)
{
	uint64_t reserved = 0;

	for (; pages != 0; index++, pages--) {
		struct tce_pool *pool = pool_of(table, index);
		uintptr_t state = iommu_spin_lock(table->platform, &pool->lock);

		if (iommu_bitmap_next_clear(&table->bitmap, index, index + 1) == index) {
			iommu_bitmap_set(&table->bitmap, index, 1);
			pool->taken++;
			reserved++;
		}
		iommu_spin_unlock(table->platform, &pool->lock, state);
	}
	return reserved;
}

uint64_t iommu_tce_pools_taken(struct iommu_tce_table *table)
{
	uint64_t taken = 0;
	unsigned int i;

	for (i = 0; i <= table->pool_count; i++) {
		struct tce_pool *pool = &table->pools[i];
		uintptr_t state = iommu_spin_lock(table->platform, &pool->lock);

		taken += pool->taken;
		iommu_spin_unlock(table->platform, &pool->lock, state);
	}
	return taken;
}

bool iommu_tce_pools_have(const struct iommu_tce_table *table, uint64_t index, uint64_t pages)
{
	if (iommu_bitmap_in_one_word(index, pages)) {
		const uint64_t mask = iommu_bitmap_word_mask(index, pages);

		return (iommu_bitmap_load_word(&table->bitmap, index) & mask) == mask;
	}
	return iommu_bitmap_next_clear(&table->bitmap, index, index + pages) == index + pages;
}
