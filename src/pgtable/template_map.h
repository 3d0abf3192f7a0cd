/* SPDX-License-Identifier: BSD-2-Clause */
/* Template, part 2: map. See table_template.h. */

/* One map call: what is left of it. `iova` and `paddr` move on as leaves are written. */
struct map_cursor {
	struct iommu_pgtable *pt;
	struct iommu_gather *gather;
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	unsigned int prot;
	/* Below a table that this call has just made: known to be empty, and not yet visible. */
	bool is_private;
};

/* What prot may have beside reading and writing. */
#define PROT_BESIDE_ACCESS ((unsigned int)FORMAT_PROT_HINTS | (unsigned int)IOMMU_PROT_MAY_SLEEP)

/* How the host is asked for the tables of a map. */
static inline unsigned int alloc_flags_of(unsigned int prot)
{
	return (prot & IOMMU_PROT_MAY_SLEEP) != 0 ? 0U : IOMMU_ALLOC_ATOMIC;
}

/* Are all of these entries 0? Four at a time: two loads a cycle, and one branch for the run. */
static inline bool entries_are_empty(const iommu_cell_t *entries, uint64_t count)
{
	uint64_t a = 0;
	uint64_t b = 0;
	uint64_t i;

	for (i = 0; UNROLLED && i + 4 <= count; i += 4) {
		a |= iommu_cell_load(&entries[i]) | iommu_cell_load(&entries[i + 1]);
		b |= iommu_cell_load(&entries[i + 2]) | iommu_cell_load(&entries[i + 3]);
	}
	for (; i < count; i++)
		a |= iommu_cell_load(&entries[i]);
	return (a | b) == 0;
}

/* Write `count` leaves for consecutive pages. The tight loop of map: four stores a turn. */
static inline void entries_store_leaves(const struct iommu_pgtable *pt, iommu_cell_t *entries,
					uint64_t count, iommu_paddr_t paddr, unsigned int level,
					unsigned int prot)
{
	const uint64_t step = format_address_bits(pt, 1ULL << format_level_shift(pt, level));
	uint64_t leaf = format_make_leaf(pt, paddr, level, prot);

	for (; UNROLLED && count >= 4; count -= 4, entries += 4, leaf += 4 * step) {
		entry_store(&entries[0], leaf);
		entry_store(&entries[1], leaf + step);
		entry_store(&entries[2], leaf + 2 * step);
		entry_store(&entries[3], leaf + 3 * step);
	}
	for (; count != 0; count--, entries++, leaf += step)
		entry_store(entries, leaf);
}

#if FORMAT_RUNS
/*
 * Does a run of so many entries fit into these pages? Its place is that of its entries in their
 * table, which begins with a page; both addresses have to be as far behind a multiple of its size.
 */
static inline bool run_fits(const struct iommu_pgtable *pt, const iommu_cell_t *entries,
			    uint64_t count, iommu_paddr_t paddr, unsigned int level, uint64_t run)
{
	const uint64_t head = run_ahead(entries, run);

	return count >= head + run &&
	       (((paddr >> format_level_shift(pt, level)) + head) & (run - 1)) == 0;
}

static inline void entries_store_pieces(const struct iommu_pgtable *pt, iommu_cell_t *entries,
					uint64_t count, iommu_paddr_t paddr, unsigned int level,
					unsigned int prot, uint64_t sizes);

/*
 * The same where one run of the largest of `sizes` or several fit in: smaller ones, or single
 * pages, before the first and behind the last. Hardware that finds part of a run finds what it
 * leads to in the end: whatever is below it belongs to the caller.
 */
static __attribute__((noinline)) void entries_store_runs(const struct iommu_pgtable *pt,
							 iommu_cell_t *entries, uint64_t count,
							 iommu_paddr_t paddr, unsigned int level,
							 unsigned int prot, uint64_t sizes)
{
	const unsigned int shift = format_level_shift(pt, level);
	const uint64_t run = largest_run(sizes), smaller = sizes & ~run;
	const uint64_t head = run_ahead(entries, run);
	uint64_t leaf;

	entries_store_pieces(pt, entries, head, paddr, level, prot, smaller);
	entries += head;
	paddr += head << shift;
	leaf = format_make_leaf(pt, paddr, level, prot);
	for (count -= head; count >= run; count -= run, paddr += run << shift) {
		uint64_t i;

		for (i = 0; i < run; i++)
			entry_store(entries++, format_run_entry(pt, leaf, level, run, i));
		leaf += format_address_bits(pt, run << shift);
	}
	entries_store_pieces(pt, entries, count, paddr, level, prot, smaller);
}

#if FORMAT_RUNS > 1
/*
 * Of these sizes those that may be used somewhere in these pages: as far from a multiple by both
 * addresses, and not too large. The largest run that fits bounds the depth of what follows.
 */
static inline uint64_t sizes_that_fit(const struct iommu_pgtable *pt, const iommu_cell_t *entries,
				      uint64_t count, iommu_paddr_t paddr, unsigned int level,
				      uint64_t sizes)
{
	const uint64_t differs =
		((uintptr_t)entries / sizeof(*entries)) ^ (paddr >> format_level_shift(pt, level));

	if (count <= 1)
		return 0;
	sizes &= (differs ^ (differs - 1)) & ((2ULL << iommu_highest_bit(count)) - 1);
	while (sizes != 0 && !run_fits(pt, entries, count, paddr, level, largest_run(sizes)))
		sizes &= ~largest_run(sizes);
	return sizes;
}
#else
static inline uint64_t sizes_that_fit(const struct iommu_pgtable *pt, const iommu_cell_t *entries,
				      uint64_t count, iommu_paddr_t paddr, unsigned int level,
				      uint64_t sizes)
{
	return sizes != 0 && run_fits(pt, entries, count, paddr, level, sizes) ? sizes : 0;
}
#endif

static inline void entries_store_pieces(const struct iommu_pgtable *pt, iommu_cell_t *entries,
					uint64_t count, iommu_paddr_t paddr, unsigned int level,
					unsigned int prot, uint64_t sizes)
{
	const uint64_t fitting = sizes_that_fit(pt, entries, count, paddr, level, sizes);

	if (fitting != 0)
		entries_store_runs(pt, entries, count, paddr, level, prot, fitting);
	else
		entries_store_leaves(pt, entries, count, paddr, level, prot);
}

/* Pages whose entries lie in one table, in the largest sizes that fit. */
static inline void entries_store_pages(const struct iommu_pgtable *pt, iommu_cell_t *entries,
				       uint64_t count, iommu_paddr_t paddr, unsigned int level,
				       unsigned int prot)
{
	const uint64_t sizes = format_run_sizes(pt, level);

	/* Where the highest bits stand below the others, no sum may carry into them. */
	while (FORMAT_FOLDED_ADDRESS && count > format_pages_before_fold(pt, paddr, level)) {
		const uint64_t before = format_pages_before_fold(pt, paddr, level);

		entries_store_pieces(pt, entries, before, paddr, level, prot, sizes);
		entries += before;
		paddr += before << format_level_shift(pt, level);
		count -= before;
	}
	entries_store_pieces(pt, entries, count, paddr, level, prot, sizes);
}
#else
#define entries_store_pages entries_store_leaves
#endif

/*
 * The entries of a run are not all empty: is any of them in use? Empty tables are not, and go to
 * the gather, once it is known that the run is free.
 */
static int entries_make_way(struct map_cursor *map, iommu_cell_t *entries, uint64_t count,
			    unsigned int level)
{
	struct iommu_pgtable *pt = map->pt;
	const uint64_t size = 1ULL << format_level_shift(pt, level);
	uint64_t i;

	for (i = 0; i < count; i++) {
		if (!entry_is_empty(pt, entry_load(&entries[i]), level))
			return IOMMU_EEXIST;
	}
	for (i = 0; i < count; i++) {
		uint64_t entry = entry_load(&entries[i]);
		iommu_iova_t iova = map->iova + i * size;

		if (!format_is_present(entry))
			continue;
		entry_store(&entries[i], 0);
		subtree_gather(pt, table_at(pt, entry), level - 1, map->gather);
		iommu_gather_add(map->gather, iova, iova + (size - 1),
				 1ULL << format_level_shift(pt, 1));
	}
	return 0;
}

/* Map `count` pages of this level's size, whose entries lie in one table, and move on. */
static inline int map_run(struct map_cursor *map, iommu_cell_t *entries, uint64_t count,
			  unsigned int level)
{
	const unsigned int shift = format_level_shift(map->pt, level);

	if (!map->is_private && !entries_are_empty(entries, count)) {
		int status = entries_make_way(map, entries, count, level);

		if (status != 0)
			return status;
	}
	entries_store_pages(map->pt, entries, count, map->paddr, level, map->prot);
	if (!map->is_private)
		entries_flush(map->pt, entries, count);
	map->iova += count << shift;
	map->paddr += count << shift;
	return 0;
}

static int map_in_table(struct map_cursor *map, iommu_cell_t *table, unsigned int level,
			iommu_iova_t last);

#if FORMAT_BREAK_BEFORE_MAKE
/*
 * Of `count` entries those before the first that leads to a table: where a table must not become a
 * page before hardware has forgotten it, it stays, and what is mapped there are its own pages.
 */
static uint64_t entries_before_table(const iommu_cell_t *entries, uint64_t count,
				     unsigned int level)
{
	uint64_t i;

	for (i = 0; level > 1 && i < count; i++)
		if (entry_is_table(entry_load(&entries[i]), level))
			return i;
	return count;
}
#endif

/* How many pages of this level's size can be mapped here; 0: a lower level has to. */
static inline uint64_t leaves_that_fit(const struct map_cursor *map, unsigned int level,
				       iommu_iova_t last)
{
	const unsigned int shift = format_level_shift(map->pt, level);
	const uint64_t mask = (1ULL << shift) - 1;

	if (!format_leaf_allowed(map->pt, level) || ((map->iova | map->paddr) & mask) != 0 ||
	    last - map->iova < mask)
		return 0;
	return ((last - map->iova - mask) >> shift) + 1;
}

/*
 * Map up to `last` below an empty entry: fill a private subtree and publish it with one store.
 * When another CPU publishes first (the entry is shared), nothing happened and the caller looks
 * again.
 */
static int map_new_table(struct map_cursor *map, iommu_cell_t *entry, unsigned int level,
			 iommu_iova_t last)
{
	const struct map_cursor before = *map;
	struct iommu_pgtable *pt = map->pt;
	iommu_cell_t *table = iommu_pgtable_alloc_table(pt, alloc_flags_of(map->prot));
	uint64_t link;
	int status;

	if (table == NULL)
		return IOMMU_ENOMEM;
	map->is_private = true;
	status = map_in_table(map, table, level - 1, last);
	map->is_private = before.is_private;
	if (status == 0) {
		iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
		link = format_make_table(pt, iommu_virt_to_phys(pt->platform, table), level);
		if (iommu_cell_compare_and_swap(entry, 0, format_to_memory(link))) {
			entries_flush(pt, entry, 1);
			return 0;
		}
	}
	subtree_free(pt, table, level - 1);
	*map = before;
	return status;
}

/* Map up to `last`, which this table holds. */
static int map_in_table(struct map_cursor *map, iommu_cell_t *table, unsigned int level,
			iommu_iova_t last)
{
	for (;;) {
		iommu_cell_t *entry = &table[table_index(map->pt, map->iova, level)];
		uint64_t leaves = leaves_that_fit(map, level, last);
		iommu_iova_t piece_last;
		uint64_t value;
		int status;

#if FORMAT_BREAK_BEFORE_MAKE
		if (!format_may_enlarge(map->pt))
			leaves = entries_before_table(entry, leaves, level);
#endif
		if (leaves != 0) {
			status = map_run(map, entry, leaves, level);
		} else {
			piece_last = entry_last(map->pt, map->iova, level);
			if (piece_last > last)
				piece_last = last;
			value = entry_load_acquire(entry);
			if (!format_is_present(value))
				status = map_new_table(map, entry, level, piece_last);
			else if (format_is_leaf(value, level))
				status = IOMMU_EEXIST;
			else
				status = map_in_table(map, table_at(map->pt, value), level - 1,
						      piece_last);
		}
		/* Behind the last address there may be none: it is not compared with. */
		if (status != 0 || map->iova == last + 1)
			return status;
	}
}

/* Is the range whole smallest pages, without wrapping, inside the aperture? One test, for speed. */
static inline bool range_is_good(const struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	if (((iova | size) & mask) != 0)
		return false;
	if (reaches_upper_half(pt, iova))
		return size - 1 <= UINT64_MAX - iova;
	return iova <= pt->aperture_last && size - 1 <= pt->aperture_last - iova;
}

/* What is wrong with a range that is not good. */
static int range_error(const struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	if (size == 0 || ((iova | size) & mask) != 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - iova)
		return IOMMU_EOVERFLOW;
	return IOMMU_ERANGE;
}

static inline bool prot_is_good(unsigned int prot)
{
	return (prot & ~PROT_BESIDE_ACCESS) - 1 < IOMMU_PROT_READ_WRITE;
}

static inline bool target_is_good(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				  uint64_t size, unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return (paddr & mask) == 0 && paddr <= pt->paddr_last &&
	       size - 1 <= pt->paddr_last - paddr && prot_is_good(prot);
}

static int target_error(const struct iommu_pgtable *pt, iommu_paddr_t paddr, uint64_t size,
			unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	if (!prot_is_good(prot) || (paddr & mask) != 0)
		return IOMMU_EINVAL;
	if (size - 1 > UINT64_MAX - paddr)
		return IOMMU_EOVERFLOW;
	return IOMMU_ERANGE;
}

/* Any range: from the root, in as many tables as it takes. */
static __attribute__((noinline)) int map_range(struct iommu_pgtable *pt, iommu_iova_t iova,
					       iommu_paddr_t paddr, uint64_t size,
					       unsigned int prot, struct iommu_gather *gather,
					       uint64_t *mapped)
{
	struct map_cursor map = {
		.pt = pt,
		.gather = gather,
		.iova = iova,
		.paddr = paddr,
		.prot = prot,
	};
	int status = map_in_table(&map, pt->root, pt->levels, iova + (size - 1));

	*mapped = map.iova - iova;
	if (status != 0 && *mapped != 0)
		(void)pgtable_unmap(pt, iova, *mapped, 0, gather, NULL);
	return status;
}

int pgtable_map(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
		unsigned int prot, struct iommu_gather *gather, uint64_t *mapped)
{
	const uint64_t count = size >> format_level_shift(pt, 1);
	iommu_cell_t *table, *entries;
	unsigned int level;

	*mapped = 0;
	if (__builtin_expect(!range_is_good(pt, iova, size), 0))
		return range_error(pt, iova, size);
	if (__builtin_expect(!target_is_good(pt, paddr, size, prot), 0))
		return target_error(pt, paddr, size, prot);
	if (!in_one_lowest_table(pt, iova, iova + (size - 1)))
		return map_range(pt, iova, paddr, size, prot, gather, mapped);
	table = table_covering(pt, iova, &level);
	if (__builtin_expect(level != 1, 0))
		return map_range(pt, iova, paddr, size, prot, gather, mapped);
	entries = &table[table_index(pt, iova, 1)];
	if (__builtin_expect(!entries_are_empty(entries, count), 0))
		return IOMMU_EEXIST;
	entries_store_pages(pt, entries, count, paddr, 1, prot);
	entries_flush(pt, entries, count);
	*mapped = size;
	return 0;
}
