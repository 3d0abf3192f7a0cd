/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 8: runs. See table_template.h.
 *
 * A run is one page that takes 2^k neighbouring entries of a table, all of which say so: RISC-V's
 * Svnapot, Arm's contiguous hint, AMD's coded sizes. Its place in the table and its memory are
 * aligned to its size. A format that has runs says so by FORMAT_RUNS, 1 if those of a level have
 * one size, 2 if they have several, and gives
 *
 *   format_runs(pt, level)         log2 of the entries of the runs that may be made, of several
 *                                  sizes of the largest; 0: none
 *   format_run_sizes(pt, level)    of several sizes: the numbers of entries that the runs that may
 *                                  be made can have, or-ed together
 *   format_is_run(entry, level)    whether a present entry belongs to a run; of several entries
 *                                  or-ed together, whether one may
 *   format_run_bits(pt, entry, level)
 *                                  log2 of the entries of its run; 0: it belongs to none
 *   format_run_max(pt)             entries of the largest run of the lowest level
 *   format_run_entry(pt, leaf, level, run, i)
 *                                  entry i of the run of that many entries whose first page has
 *                                  this leaf
 *   format_run_leaf(entry, level, i)
 *                                  the page that entry i of a run stands for, as a leaf of its own
 *
 * Invariants
 * - Map makes runs whole, where the page-size bitmap has their size; unmap clears them whole.
 * - Whatever cuts a run (IOMMU_UNMAP_SPLIT, split) breaks it first: each entry becomes, by
 *   compare-and-swap, the leaf of its own page, at its own time. Every address has the same
 *   translation and permission throughout, and hardware that finds both kinds side by side, or has
 *   kept the whole page, uses what is right: no break before make is needed where the
 *   architecture says so of equal translations, as RISC-V does (privileged specification,
 *   "Supervisor Memory-Management Fence Instruction"; IOMMU specification, 3.1.1). Where it does
 *   not (Arm without FEAT_BBM level 1 or 2: format_may_break_runs), runs are not cut. The gather
 *   covers the whole run.
 * - Owners of parts of a run may break it at once, and one may clear its part while the other still
 *   goes through the entries: an entry is only swapped from one of the run, so that nothing comes
 *   back that was cleared.
 * - Hardware may have kept each page of a run by itself: the gather says their size, and not the
 *   run's, so that the invalidation is one of each.
 * - Hardware may note a write in any entry of a run: the run is dirty if one of them is, and when
 *   it is broken all of its pages are.
 */

#ifndef FORMAT_RUNS
#define FORMAT_RUNS                               0
#define format_runs(pt, level)                    0U
#define is_run(entry, level)                      false
#define may_have_run(entries)                     false
#define entries_before_run(pt, entry, count)      (count)
#define leaf_shift(pt, entry, level)              format_level_shift(pt, level)
#define cuts_run(pt, table, iova, last)           false
#define run_visit(pt, visit)                      (*(visit))
#define run_page(pt, to, entry, level)            (entry)
#define run_break(pt, entry, level, iova, gather) ((void)0)
#else

#ifndef FORMAT_DIRTY
#error "A format with runs notes writes, or has to be thought of here."
#endif

#if FORMAT_RUNS == 1
#define format_run_sizes(pt, level) (1ULL << format_runs(pt, level) & ~1ULL)
#define largest_run(sizes)          (sizes)
#else
#define largest_run(sizes) (1ULL << iommu_highest_bit(sizes))
#endif

static inline bool is_run(uint64_t entry, unsigned int level)
{
	return format_is_present(entry) && format_is_run(entry, level);
}

/* Of entries of the lowest level as they are in memory, or-ed together. */
static inline bool may_have_run(uint64_t entries)
{
	return format_is_run(format_to_memory(entries), 1);
}

/* log2 of the bytes of the page that a present leaf belongs to. */
static inline unsigned int leaf_shift(const struct iommu_pgtable *pt, uint64_t entry,
				      unsigned int level)
{
	return format_level_shift(pt, level) + format_run_bits(pt, entry, level);
}

/* The position of an entry in its table, modulo a run's entries: tables begin with pages. */
static inline uint64_t run_position(const iommu_cell_t *entry, uint64_t run)
{
	return (uintptr_t)entry / sizeof(*entry) & (run - 1);
}

static inline iommu_cell_t *run_first(iommu_cell_t *entry, uint64_t run)
{
	return entry - run_position(entry, run);
}

/* Entries from this one up to the next place where a run can begin. */
static inline uint64_t run_ahead(const iommu_cell_t *entry, uint64_t run)
{
	return -run_position(entry, run) & (run - 1);
}

#if FORMAT_RUNS == 1
/* Of `count` entries from one that belongs to no run, those before the next place of a run. */
static inline uint64_t entries_before_run(const struct iommu_pgtable *pt, const iommu_cell_t *entry,
					  uint64_t count)
{
	const uint64_t ahead = run_ahead(entry, format_run_max(pt));
	const uint64_t left = ahead != 0 ? ahead : format_run_max(pt);

	return count < left ? count : left;
}
#else
/* The same up to the next run: small ones have a place at almost every entry. At most 64. */
static inline uint64_t entries_before_run(const struct iommu_pgtable *pt, const iommu_cell_t *entry,
					  uint64_t count)
{
	const uint64_t most = count < 64 ? count : 64;
	uint64_t i;

	(void)pt;
	for (i = 1; i < most && !is_run(entry_load(&entry[i]), 1); i++)
		;
	return i;
}
#endif

/* Do the ends of [iova, last], in one lowest table, cut a run? */
static inline bool cuts_run(const struct iommu_pgtable *pt, const iommu_cell_t *table,
			    iommu_iova_t iova, iommu_iova_t last)
{
	uint64_t entry;

	if (((iova | (last + 1)) & ((format_run_max(pt) << format_level_shift(pt, 1)) - 1)) == 0)
		return false;
	entry = entry_load(&table[table_index(pt, iova, 1)]);
	if (is_run(entry, 1) && (iova & ((1ULL << leaf_shift(pt, entry, 1)) - 1)) != 0)
		return true;
	entry = entry_load(&table[table_index(pt, last, 1)]);
	return is_run(entry, 1) && ((last + 1) & ((1ULL << leaf_shift(pt, entry, 1)) - 1)) != 0;
}

/* The whole run, of which `visit` has one entry. */
static inline struct iommu_pgtable_visit run_visit(const struct iommu_pgtable *pt,
						   const struct iommu_pgtable_visit *visit)
{
	struct iommu_pgtable_visit whole = *visit;

	whole.size = 1ULL << leaf_shift(pt, visit->entry, visit->level);
	whole.iova &= ~(whole.size - 1);
	whole.paddr &= ~(whole.size - 1);
	return whole;
}

/* The page that an entry of a run stands for, by its place in the table that holds it. */
static inline uint64_t run_page(const struct iommu_pgtable *pt, const iommu_cell_t *at,
				uint64_t entry, unsigned int level)
{
	return format_run_leaf(entry, level,
			       run_position(at, 1ULL << format_run_bits(pt, entry, level)));
}

static inline bool run_is_dirty(const iommu_cell_t *entries, uint64_t run)
{
	uint64_t bits = 0;
	uint64_t i;

	for (i = 0; i < run; i++)
		bits |= format_noted(entry_load(&entries[i]));
	return (bits & FORMAT_DIRTY) != 0;
}

/*
 * Entry i of a run that is being broken: what is noted of it, or 0 where it is one no longer.
 * `is_dirty`: it is noted of the page, too.
 */
static uint64_t run_break_entry(iommu_cell_t *entry, unsigned int level, uint64_t i, bool is_dirty)
{
	for (;;) {
		const uint64_t raw = iommu_cell_load(entry);
		const uint64_t value = format_to_memory(raw);
		uint64_t page, next;

		if (!is_run(value, level))
			return 0;
		page = format_run_leaf(value, level, i);
		next = format_to_memory(is_dirty ? format_make_dirty(page) : page);
		if (iommu_cell_compare_and_swap(entry, raw, next))
			return format_noted(value) & FORMAT_DIRTY;
	}
}

/* All pages of a run that has been broken were written, as far as is known. */
static void run_set_dirty(iommu_cell_t *entries, uint64_t run)
{
	uint64_t i;

	for (i = 0; i < run; i++) {
		uint64_t raw = iommu_cell_load(&entries[i]);

		while (format_is_present(format_to_memory(raw)) &&
		       !iommu_cell_compare_and_swap(
			       &entries[i], raw,
			       format_to_memory(format_make_dirty(format_to_memory(raw)))))
			raw = iommu_cell_load(&entries[i]);
	}
}

/* The run that an entry belongs to becomes single pages. Nothing, if it is none any longer. */
static void run_break(const struct iommu_pgtable *pt, iommu_cell_t *entry, unsigned int level,
		      iommu_iova_t iova, struct iommu_gather *gather)
{
	const uint64_t value = entry_load(entry);
	const uint64_t run = 1ULL << format_run_bits(pt, value, level);
	const uint64_t mask = (run << format_level_shift(pt, level)) - 1;
	iommu_cell_t *entries = run_first(entry, run);
	uint64_t noted = 0;
	bool is_dirty;
	uint64_t i;

	if (!is_run(value, level))
		return;
	is_dirty = run_is_dirty(entries, run);
	for (i = 0; i < run; i++)
		noted |= run_break_entry(&entries[i], level, i, is_dirty);
	/* Hardware has noted a write since. */
	if (noted != 0 && !is_dirty)
		run_set_dirty(entries, run);
	entries_flush(pt, entries, run);
	iommu_gather_add(gather, iova & ~mask, iova | mask, 1ULL << format_level_shift(pt, level));
}

#endif

/* log2 of the largest page that a level of this table can hold. */
static inline unsigned int largest_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	return format_level_shift(pt, level) + format_runs(pt, level);
}
