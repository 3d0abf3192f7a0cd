/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 5: what hardware has noted of writes, for formats that have a bit for it
 * (FORMAT_DIRTY). See table_template.h.
 *
 * Hardware sets the bit while we look: it is only ever cleared by compare-and-swap, and marked
 * before.
 */

struct dirty_cursor {
	struct iommu_pgtable *pt;
	const struct iommu_dirty_bitmap *bitmap;
	struct iommu_gather *gather;
	iommu_iova_t start, last; /* of the request */
	bool keeps;
};

/* An entry as it is in memory, with FORMAT_DIRTY as format_noted has it. */
static inline uint64_t noted_in_memory(uint64_t raw)
{
	return format_to_memory(format_noted(format_to_memory(raw)));
}

static inline bool entry_is_dirty(uint64_t entry)
{
	return (format_noted(entry) & FORMAT_DIRTY) != 0;
}

/* Only the caller clears the bit, and hardware changes nothing else that is the table's. */
static void entry_clean(iommu_cell_t *entry)
{
	uint64_t raw = iommu_cell_load(entry);

	while (!iommu_cell_compare_and_swap(
		entry, raw, format_to_memory(format_make_clean(format_to_memory(raw)))))
		raw = iommu_cell_load(entry);
}

/* A leaf with the bit set. What is of it outside the request stays noted: all of it does. */
static void read_leaf(const struct dirty_cursor *dirty, iommu_cell_t *entry, unsigned int level,
		      iommu_iova_t iova)
{
	const uint64_t mask = (1ULL << format_level_shift(dirty->pt, level)) - 1;
	const iommu_iova_t first = iova & ~mask;
	const iommu_iova_t last = iova | mask;

	if (dirty->bitmap != NULL)
		iommu_dirty_mark(dirty->bitmap, first > dirty->start ? first : dirty->start,
				 last < dirty->last ? last : dirty->last);
	if (dirty->keeps || first < dirty->start || last > dirty->last)
		return;
	entry_clean(entry);
	entries_flush(dirty->pt, entry, 1);
	iommu_gather_add(dirty->gather, first, last, mask + 1);
}

/* Which of the next `count` entries, at most 64, have the bit, as a mask. */
static uint64_t dirty_mask(const iommu_cell_t *entries, uint64_t count)
{
	uint64_t mask = 0;
	uint64_t i;

	for (i = 0; i < count; i++)
		mask |= (uint64_t)entry_is_dirty(entry_load(&entries[i])) << i;
	return mask;
}

/*
 * Entries of a run that was written, as far as one word of the bitmap goes: how many were read. 0:
 * a bit of the bitmap is not a page of the table.
 */
static uint64_t read_run(const struct dirty_cursor *dirty, iommu_cell_t *entries, uint64_t count,
			 iommu_iova_t iova)
{
	const struct iommu_dirty_bitmap *bitmap = dirty->bitmap;
	const unsigned int shift = format_level_shift(dirty->pt, 1);
	uint64_t bit, mask;

	if (bitmap == NULL || bitmap->page_shift != shift)
		return 0;
	bit = (iova - bitmap->start) >> shift;
	if (count > 64 - bit % 64)
		count = 64 - bit % 64;
	mask = dirty_mask(entries, count);
	bitmap->words[bit / 64] |= mask << bit % 64;
	for (; !dirty->keeps && mask != 0; mask &= mask - 1) {
		const unsigned int i = iommu_lowest_bit(mask);
		const iommu_iova_t page = iova + ((uint64_t)i << shift);

		entry_clean(&entries[i]);
		entries_flush(dirty->pt, &entries[i], 1);
		iommu_gather_add(dirty->gather, page, page | ((1ULL << shift) - 1), 1ULL << shift);
	}
	return count;
}

#if FORMAT_RUNS
/* A run of which `entry` is one of the caller's: how many entries from there on are its. */
static uint64_t read_run_of_leaves(const struct dirty_cursor *dirty, iommu_cell_t *entry,
				   unsigned int level, iommu_iova_t iova)
{
	const uint64_t run = 1ULL << format_run_bits(dirty->pt, entry_load(entry), level);
	const uint64_t mask = (run << format_level_shift(dirty->pt, level)) - 1;
	const iommu_iova_t first = iova & ~mask, last = iova | mask;
	iommu_cell_t *entries = run_first(entry, run);
	uint64_t i;

	if (run_is_dirty(entries, run)) {
		if (dirty->bitmap != NULL)
			iommu_dirty_mark(dirty->bitmap, first > dirty->start ? first : dirty->start,
					 last < dirty->last ? last : dirty->last);
		if (!dirty->keeps && first >= dirty->start && last <= dirty->last) {
			for (i = 0; i < run; i++)
				entry_clean(&entries[i]);
			entries_flush(dirty->pt, entries, run);
			iommu_gather_add(dirty->gather, first, last,
					 1ULL << format_level_shift(dirty->pt, level));
		}
	}
	return run - (uint64_t)(entry - entries);
}
#else
#define read_run_of_leaves(dirty, entry, level, iova) 0
#endif

/*
 * The lowest level. Most entries are clean, and looked at four at a time; where four in a row were
 * written, so were many behind them, and a word of the bitmap is made at once. Of a run any of the
 * entries may have the bit: none of them is passed over.
 */
static void read_leaves(const struct dirty_cursor *dirty, iommu_cell_t *entries, uint64_t count,
			iommu_iova_t iova)
{
	const uint64_t bit = format_to_memory(FORMAT_DIRTY);
	const unsigned int shift = format_level_shift(dirty->pt, 1);
	uint64_t i = 0;

	while (i < count) {
		if (count - i >= 4) {
			const uint64_t a = noted_in_memory(iommu_cell_load(&entries[i]));
			const uint64_t b = noted_in_memory(iommu_cell_load(&entries[i + 1]));
			const uint64_t c = noted_in_memory(iommu_cell_load(&entries[i + 2]));
			const uint64_t d = noted_in_memory(iommu_cell_load(&entries[i + 3]));
			uint64_t run = 0;
			const bool has_runs = may_have_run(a | b | c | d);

			if (!has_runs && ((a | b | c | d) & bit) == 0)
				run = 4;
			else if (!has_runs && (a & b & c & d & bit) != 0)
				run = read_run(
					dirty, &entries[i],
					entries_before_run(dirty->pt, &entries[i], count - i),
					iova + (i << shift));
			i += run;
			if (run != 0)
				continue;
		}
		if (is_run(entry_load(&entries[i]), 1)) {
			i += read_run_of_leaves(dirty, &entries[i], 1, iova + (i << shift));
			continue;
		}
		if ((noted_in_memory(iommu_cell_load(&entries[i])) & bit) != 0)
			read_leaf(dirty, &entries[i], 1, iova + (i << shift));
		i++;
	}
}

static void read_table(const struct dirty_cursor *dirty, iommu_cell_t *table, unsigned int level,
		       iommu_iova_t iova, iommu_iova_t last)
{
	const struct iommu_pgtable *pt = dirty->pt;
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

	if (level == 1) {
		read_leaves(dirty, &table[table_index(pt, iova, 1)],
			    ((last - iova) >> format_level_shift(pt, 1)) + 1, iova);
		return;
	}
	for (;;) {
		iommu_cell_t *entry = &table[table_index(pt, iova, level)];
		const uint64_t value = entry_load_acquire(entry);
		const iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;

		if (entry_is_table(value, level))
			read_table(dirty, table_at(pt, value), level - 1, iova, piece_last);
		else if (is_run(value, level))
			(void)read_run_of_leaves(dirty, entry, level, iova);
		else if (format_is_present(value) && entry_is_dirty(value))
			read_leaf(dirty, entry, level, iova);
		if (piece_last == last)
			return;
		iova = piece_last + 1;
	}
}

int pgtable_read_dirty(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size,
		       unsigned int flags, const struct iommu_dirty_bitmap *bitmap,
		       struct iommu_gather *gather)
{
	const struct dirty_cursor dirty = {
		.pt = pt,
		.bitmap = bitmap,
		.gather = gather,
		.start = iova,
		.last = iova + (size - 1),
		.keeps = (flags & IOMMU_DIRTY_KEEP) != 0,
	};
	int status = iommu_dirty_check(iova, size, bitmap);

	if (status != 0 || (flags & ~(unsigned int)IOMMU_DIRTY_KEEP) != 0)
		return status != 0 ? status : IOMMU_EINVAL;
	if (!range_is_good(pt, iova, size))
		return range_error(pt, iova, size);
	/* Where entries come with the bit set, or hardware sets none, it says nothing. */
	if (!format_notes_writes(pt))
		return IOMMU_EOPNOTSUPP;
	read_table(&dirty, pt->root, pt->levels, iova, dirty.last);
	return 0;
}

/* --- When hardware may have noted it nowhere -------------------------------------------------- */

static void note_leaf(const struct iommu_pgtable *pt, iommu_cell_t *entry)
{
	uint64_t raw = iommu_cell_load(entry);

	while (!iommu_cell_compare_and_swap(
		entry, raw, format_to_memory(format_make_dirty(format_to_memory(raw)))))
		raw = iommu_cell_load(entry);
	entries_flush(pt, entry, 1);
}

static void note_table(const struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level,
		       iommu_iova_t iova, iommu_iova_t last)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

	for (;;) {
		iommu_cell_t *entry = &table[table_index(pt, iova, level)];
		const uint64_t value = entry_load_acquire(entry);
		const iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;

		if (entry_is_table(value, level))
			note_table(pt, table_at(pt, value), level - 1, iova, piece_last);
		else if (format_is_present(value))
			note_leaf(pt, entry);
		if (piece_last == last)
			return;
		iova = piece_last + 1;
	}
}

static void note_range(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	if (size != 0 && range_is_good(pt, iova, size))
		note_table(pt, pt->root, pt->levels, iova, iova + (size - 1));
}

/* --- Splitting beforehand --------------------------------------------------------------------- */

/* No leaf in [iova, last] stays that is larger than one of level `target`. */
static int split_in_table(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level,
			  unsigned int target, iommu_iova_t iova, iommu_iova_t last,
			  struct iommu_gather *gather)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;
	int status = 0;

	if (level <= target)
		return 0;
	while (status == 0) {
		iommu_cell_t *entry = &table[table_index(pt, iova, level)];
		const iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;
		uint64_t value = entry_load_acquire(entry);

		while (format_is_present(value) && !entry_is_table(value, level) && status == 0) {
			status = split_leaf(pt, entry, level, iova, IOMMU_PROT_MAY_SLEEP, gather);
			value = entry_load_acquire(entry);
		}
		if (status == 0 && format_is_present(value))
			status = split_in_table(pt, table_at(pt, value), level - 1, target, iova,
						piece_last, gather);
		if (piece_last == last)
			break;
		iova = piece_last + 1;
	}
	return status;
}

#if FORMAT_RUNS
/* A run larger than it may be: single pages, where hardware allows it. */
static int run_break_by(const struct iommu_pgtable *pt, iommu_cell_t *entry, unsigned int level,
			iommu_iova_t iova, struct iommu_gather *gather)
{
#if FORMAT_BREAK_BEFORE_MAKE
	if (!format_may_break_runs(pt))
		return IOMMU_EOPNOTSUPP;
#endif
	run_break(pt, entry, level, iova, gather);
	return 0;
}

/* No run in [iova, last] stays that is larger than pgsize. */
static int break_in_table(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level,
			  uint64_t pgsize, iommu_iova_t iova, iommu_iova_t last,
			  struct iommu_gather *gather)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;
	int status = 0;

	for (;;) {
		iommu_cell_t *entry = &table[table_index(pt, iova, level)];
		const uint64_t value = entry_load_acquire(entry);
		const iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;

		if (entry_is_table(value, level))
			status = break_in_table(pt, table_at(pt, value), level - 1, pgsize, iova,
						piece_last, gather);
		else if (is_run(value, level) && 1ULL << leaf_shift(pt, value, level) > pgsize)
			status = run_break_by(pt, entry, level, iova, gather);
		if (status != 0 || piece_last == last)
			return status;
		iova = piece_last + 1;
	}
}

/* The highest level whose single pages are no larger than pgsize. */
static unsigned int level_within(const struct iommu_pgtable *pt, uint64_t pgsize)
{
	unsigned int level = 1;

	while (1ULL << format_level_shift(pt, level + 1) <= pgsize)
		level++;
	return level;
}
#endif

int pgtable_split(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, uint64_t pgsize,
		  struct iommu_gather *gather)
{
	unsigned int target = 1;
	int status;

	if (!range_is_good(pt, iova, size))
		return range_error(pt, iova, size);
	if ((pgsize & (pgsize - 1)) != 0 || (pgsize & pt->pgsize_bitmap) == 0)
		return IOMMU_EINVAL;
#if FORMAT_RUNS
	target = level_within(pt, pgsize);
#else
	while (1ULL << format_level_shift(pt, target) < pgsize)
		target++;
#endif
	status = split_in_table(pt, pt->root, pt->levels, target, iova, iova + (size - 1), gather);
#if FORMAT_RUNS
	if (status == 0)
		status = break_in_table(pt, pt->root, pt->levels, pgsize, iova, iova + (size - 1),
					gather);
#endif
	return status;
}
