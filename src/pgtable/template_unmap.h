/* SPDX-License-Identifier: BSD-2-Clause */
/* Template, part 3: unmap, and splitting large pages for it. See table_template.h. */

/* One unmap call. `counting`: the caller wants to know how much was mapped. */
struct unmap_cursor {
	struct iommu_pgtable *pt;
	struct iommu_gather *gather;
	uint64_t bytes;
	bool counting;
};

/* Clear `count` entries of the lowest level. The tight loops of unmap. */
static inline void entries_clear(const struct iommu_pgtable *pt, iommu_cell_t *entries,
				 uint64_t count)
{
	iommu_cell_t *entry = entries;
	iommu_cell_t *end = entries + count;

	for (; UNROLLED && end - entry >= 4; entry += 4) {
		entry_store(&entry[0], 0);
		entry_store(&entry[1], 0);
		entry_store(&entry[2], 0);
		entry_store(&entry[3], 0);
	}
	for (; entry < end; entry++)
		entry_store(entry, 0);
	entries_flush(pt, entries, count);
}

static inline unsigned int entry_clear_counting(iommu_cell_t *entry)
{
	const bool was_present = format_is_present(entry_load(entry));

	entry_store(entry, 0);
	return was_present;
}

/* The same; returns how many were present. */
static inline uint64_t entries_clear_counting(const struct iommu_pgtable *pt, iommu_cell_t *entries,
					      uint64_t count)
{
	iommu_cell_t *entry = entries;
	iommu_cell_t *end = entries + count;
	uint64_t present = 0;

	for (; UNROLLED && end - entry >= 4; entry += 4) {
		present += entry_clear_counting(&entry[0]) + entry_clear_counting(&entry[1]) +
			   entry_clear_counting(&entry[2]) + entry_clear_counting(&entry[3]);
	}
	for (; entry < end; entry++)
		present += entry_clear_counting(entry);
	entries_flush(pt, entries, count);
	return present;
}

static inline void unmap_run(struct unmap_cursor *unmap, iommu_cell_t *entries, uint64_t count)
{
	if (unmap->counting)
		unmap->bytes += entries_clear_counting(unmap->pt, entries, count)
				<< format_level_shift(unmap->pt, 1);
	else
		entries_clear(unmap->pt, entries, count);
}

/* Clear an entry that the range covers whole. */
static inline void unmap_entry(struct unmap_cursor *unmap, iommu_cell_t *entry, uint64_t value,
			       unsigned int level)
{
	struct iommu_pgtable *pt = unmap->pt;
	iommu_cell_t *child;

	entry_store(entry, 0);
	entries_flush(pt, entry, 1);
	if (format_is_leaf(value, level)) {
		unmap->bytes += 1ULL << format_level_shift(pt, level);
		return;
	}
	child = table_at(pt, value);
	if (unmap->counting)
		unmap->bytes += subtree_mapped(pt, child, level - 1);
	subtree_gather(pt, child, level - 1, unmap->gather);
}

/* Tables that were there from the start stay. */
static inline bool is_dropped_whole(const struct iommu_pgtable *pt, uint64_t entry,
				    unsigned int level)
{
	return (pt->flags & IOMMU_PGTABLE_EAGER) == 0 || format_is_leaf(entry, level);
}

/* Clear [iova, last], which this table holds and in which no leaf is cut. */
static void unmap_in_table(struct unmap_cursor *unmap, iommu_cell_t *table, unsigned int level,
			   iommu_iova_t iova, iommu_iova_t last)
{
	struct iommu_pgtable *pt = unmap->pt;
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

	if (level == 1) {
		unmap_run(unmap, &table[table_index(pt, iova, 1)],
			  ((last - iova) >> format_level_shift(pt, 1)) + 1);
		return;
	}
	for (;;) {
		iommu_cell_t *entry = &table[table_index(pt, iova, level)];
		uint64_t value = entry_load_acquire(entry);
		iommu_iova_t piece_last = iova | mask;

		if (piece_last > last)
			piece_last = last;
		if (format_is_present(value)) {
			if (is_dropped_whole(pt, value, level) && (iova & mask) == 0 &&
			    piece_last == (iova | mask))
				unmap_entry(unmap, entry, value, level);
			else
				unmap_in_table(unmap, table_at(pt, value), level - 1, iova,
					       piece_last);
		}
		if (piece_last == last)
			return;
		iova = piece_last + 1;
	}
}

/*
 * Fill a private table with the pages that a leaf of level + 1 stood for; NULL: no memory. prot may
 * say, too, that the call may sleep.
 */
static iommu_cell_t *split_table(struct iommu_pgtable *pt, iommu_paddr_t paddr, unsigned int level,
				 unsigned int prot)
{
	const uint64_t size = 1ULL << format_level_shift(pt, level);
	const unsigned int entries = format_table_entries(pt, level);
	iommu_cell_t *table = iommu_pgtable_alloc_table(pt, alloc_flags_of(prot));
	unsigned int i;

	if (table == NULL)
		return NULL;
	if (format_leaf_allowed(pt, level))
		entries_store_pages(pt, table, entries, paddr, level, prot);
	for (i = 0; !format_leaf_allowed(pt, level) && i < entries; i++) {
		iommu_cell_t *child = split_table(pt, paddr + i * size, level - 1, prot);

		if (child == NULL) {
			subtree_free(pt, table, level);
			return NULL;
		}
		entry_store(&table[i],
			    format_make_table(pt, iommu_virt_to_phys(pt->platform, child), level));
	}
	iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
	return table;
}

#ifdef FORMAT_DIRTY
/* What was written of a leaf was, as far as is known, written of all that it becomes. */
static void subtree_set_dirty(const struct iommu_pgtable *pt, iommu_cell_t *table,
			      unsigned int level)
{
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++) {
		const uint64_t entry = entry_load(&table[i]);

		if (entry_is_table(entry, level))
			subtree_set_dirty(pt, table_at(pt, entry), level - 1);
		else
			entry_store(&table[i], format_make_dirty(entry));
	}
	iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
}
#endif

/*
 * Replace a leaf by a table of what it stands for. Translations do not change, but the leaf may be
 * cached, and the gather has to cover all of it. 0 also when the entry has changed meanwhile, by
 * another owner or by hardware: the caller looks again. prot: IOMMU_PROT_MAY_SLEEP, or 0.
 */
static int split_leaf(struct iommu_pgtable *pt, iommu_cell_t *entry, unsigned int level,
		      iommu_iova_t iova, unsigned int prot, struct iommu_gather *gather)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;
	const uint64_t value = entry_load(entry);
	iommu_cell_t *table;
	uint64_t link;

	if (!format_is_present(value) || entry_is_table(value, level))
		return 0;
#if FORMAT_BREAK_BEFORE_MAKE
	if (!format_may_split(pt))
		return IOMMU_EOPNOTSUPP;
#endif
	if (is_run(value, level)) {
		run_break(pt, entry, level, iova, gather);
		return 0;
	}
	table = split_table(pt, format_address(pt, value), level - 1, format_prot(value) | prot);
	if (table == NULL)
		return IOMMU_ENOMEM;
#ifdef FORMAT_DIRTY
	/* Hardware that notes it after this changes the value, and nothing is swapped. */
	if ((format_noted(value) & FORMAT_DIRTY) != 0)
		subtree_set_dirty(pt, table, level - 1);
#endif
	link = format_make_table(pt, iommu_virt_to_phys(pt->platform, table), level);
	if (!iommu_cell_compare_and_swap(entry, format_to_memory(value), format_to_memory(link))) {
		subtree_free(pt, table, level - 1);
		return 0;
	}
	entries_flush(pt, entry, 1);
	iommu_gather_add(gather, iova & ~mask, iova | mask, mask + 1);
	return 0;
}

#if FORMAT_BREAK_BEFORE_MAKE
/* May hardware be given what is left of a leaf, by the store that cuts it? */
static inline bool may_cut(const struct iommu_pgtable *pt, bool of_run, unsigned int level,
			   iommu_iova_t boundary)
{
	if (of_run && !format_may_break_runs(pt))
		return false;
	return format_may_split(pt) ||
	       (boundary & ((1ULL << format_level_shift(pt, level)) - 1)) == 0;
}
#endif

/*
 * No leaf may begin before `boundary` and end at or after it: split the one that does, level by
 * level, until the boundary falls between two leaves. `inside` is an address of the caller's
 * range next to the boundary: the only side that it is entitled to look at. Two owners may split
 * the two halves of one leaf at once: the loser of the compare-and-swap looks again.
 */
static int split_at(struct iommu_pgtable *pt, iommu_iova_t inside, iommu_iova_t boundary,
		    unsigned int flags, struct iommu_gather *gather)
{
	iommu_cell_t *table = pt->root;
	unsigned int level = pt->levels;

	/* A leaf that ends where the boundary is cannot be cut by it, nor can any below. */
	while ((boundary & ((1ULL << largest_shift(pt, level)) - 1)) != 0) {
		iommu_cell_t *entry = &table[table_index(pt, inside, level)];
		const uint64_t value = entry_load_acquire(entry);
		int status;

		if (!format_is_present(value))
			return 0;
		/* Where no entry is cut, only a run may be, and that not at its end. */
		if (FORMAT_RUNS && (boundary & ((1ULL << leaf_shift(pt, value, level)) - 1)) == 0)
			return 0;
		if (!format_is_leaf(value, level)) {
			table = table_at(pt, value);
			level--;
			continue;
		}
		if ((flags & IOMMU_UNMAP_SPLIT) == 0)
			return IOMMU_EINVAL;
#if FORMAT_BREAK_BEFORE_MAKE
		if (!may_cut(pt, is_run(value, level), level, boundary))
			return IOMMU_EOPNOTSUPP;
#endif
		/* Another owner of a part of it may have done so since: then nothing happens. */
		if (is_run(value, level)) {
			run_break(pt, entry, level, inside, gather);
			continue;
		}
		status = split_leaf(pt, entry, level, inside, 0, gather);
		if (status != 0)
			return status;
	}
	return 0;
}

/*
 * The level above the lowest of whose entries a range is just one, or 0. Two levels are looked at:
 * larger ranges are rare, and take long.
 */
static inline unsigned int level_of_entry(const struct iommu_pgtable *pt, iommu_iova_t iova,
					  iommu_iova_t last)
{
	unsigned int level;

	for (level = 2; level <= 3 && level <= pt->levels; level++) {
		const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

		if ((iova & mask) == 0 && last - iova == mask)
			return level;
	}
	return 0;
}

/*
 * The entry of level 2 or 3 for an address, by a straight walk that calls nothing; NULL: not this
 * way.
 */
static inline __attribute__((always_inline)) iommu_cell_t *
entry_above_lowest(const struct iommu_pgtable *pt, iommu_iova_t iova, unsigned int level)
{
	const struct iommu_platform host = VIEW_OF_HOST(pt);
	const struct iommu_pgtable view = VIEW_OF_TABLE(pt, host);
	iommu_cell_t *table = pt->root;
	unsigned int at;
	uint64_t entry;

	if (__builtin_expect(pt->platform->phys_to_virt != NULL, 0))
		return NULL;
	for (at = pt->levels; __builtin_expect(at > 3, 1); at--) {
		entry = entry_load_acquire(&table[table_index(&view, iova, at)]);
		if (__builtin_expect(!entry_is_table(entry, at), 0))
			return NULL;
		table = table_at(&view, entry);
	}
	if (level == 3)
		return &table[table_index(&view, iova, 3)];
	if (__builtin_expect(at == 3, 1)) {
		entry = entry_load_acquire(&table[table_index(&view, iova, 3)]);
		if (__builtin_expect(!entry_is_table(entry, 3), 0))
			return NULL;
		table = table_at(&view, entry);
	}
	return &table[table_index(&view, iova, 2)];
}

/* Any range: from the root, after it is known that no leaf is cut. */
static __attribute__((noinline)) int unmap_range(struct iommu_pgtable *pt, iommu_iova_t iova,
						 iommu_iova_t last, unsigned int flags,
						 struct iommu_gather *gather, uint64_t *unmapped)
{
	struct unmap_cursor unmap = {
		.pt = pt,
		.gather = gather,
		.counting = unmapped != NULL,
	};
	int status = split_at(pt, iova, iova, flags, gather);

	if (status == 0)
		status = split_at(pt, last, last + 1, flags, gather);
	if (status != 0)
		return status;
	unmap_in_table(&unmap, pt->root, pt->levels, iova, last);
	if (unmapped != NULL)
		*unmapped = unmap.bytes;
	if (!unmap.counting || unmap.bytes != 0 || gather->tables_unlinked)
		iommu_gather_add(gather, iova, last, 1ULL << format_level_shift(pt, 1));
	return 0;
}

/*
 * A range that is one entry, where nothing has to be cut: the leaf, or the table with all below it,
 * goes at once. Every other one in the general way.
 */
static __attribute__((noinline)) int unmap_large(struct iommu_pgtable *pt, iommu_iova_t iova,
						 iommu_iova_t last, unsigned int flags,
						 struct iommu_gather *gather, uint64_t *unmapped)
{
	const unsigned int level = level_of_entry(pt, iova, last);
	iommu_cell_t *entry = level != 0 ? entry_above_lowest(pt, iova, level) : NULL;
	struct unmap_cursor unmap = {
		.pt = pt,
		.gather = gather,
		.counting = unmapped != NULL,
	};
	uint64_t value;

	if (entry == NULL)
		return unmap_range(pt, iova, last, flags, gather, unmapped);
	value = entry_load_acquire(entry);
	if (!format_is_present(value) || !is_dropped_whole(pt, value, level) ||
	    is_run(value, level))
		return unmap_range(pt, iova, last, flags, gather, unmapped);
	unmap_entry(&unmap, entry, value, level);
	if (unmapped != NULL)
		*unmapped = unmap.bytes;
	if (unmapped == NULL || unmap.bytes != 0 || gather->tables_unlinked)
		iommu_gather_add(gather, iova, last, 1ULL << format_level_shift(pt, 1));
	return 0;
}

int pgtable_unmap(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, unsigned int flags,
		  struct iommu_gather *gather, uint64_t *unmapped)
{
	const unsigned int shift = format_level_shift(pt, 1);
	const iommu_iova_t last = iova + (size - 1);
	iommu_cell_t *table;
	unsigned int level;

	if (unmapped != NULL)
		*unmapped = 0;
	if (__builtin_expect(!range_is_good(pt, iova, size), 0))
		return range_error(pt, iova, size);
	if (!in_one_lowest_table(pt, iova, last))
		return (UNROLLED ? unmap_large : unmap_range)(pt, iova, last, flags, gather,
							      unmapped);
	table = table_covering(pt, iova, &level);
	if (__builtin_expect(level != 1 || cuts_run(pt, table, iova, last), 0))
		return unmap_range(pt, iova, last, flags, gather, unmapped);
	/* Only leaves of the smallest size, and runs, here: nothing else can be cut. */
	if (unmapped == NULL) {
		entries_clear(pt, &table[table_index(pt, iova, 1)], size >> shift);
	} else {
		*unmapped =
			entries_clear_counting(pt, &table[table_index(pt, iova, 1)], size >> shift)
			<< shift;
		if (*unmapped == 0)
			return 0;
	}
	iommu_gather_add(gather, iova, last, 1ULL << shift);
	return 0;
}
