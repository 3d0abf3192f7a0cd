/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The radix page table, for any format.
 *
 * A format's .c file includes its format_NAME.h, which defines FORMAT_NAME and the format_*
 * functions as static inline, and then this file: out come iommu_NAME_map and the other operations
 * of <libiommu/pgtable.h>, with every format call inlined and no descriptor read in an inner loop.
 *
 * Shape of each operation: a straight walk down to the lowest table that holds the whole range,
 * which for a page or a short run is the lowest level and ends in one tight loop; only a range that
 * spans tables goes through the recursive form, whose depth is the number of levels.
 *
 * Invariants
 * - An entry that a call covers whole belongs to that call; an entry that it covers in part is
 *   shared, and only ever goes from empty to "table" while calls run: by compare-and-swap, the
 *   loser of a race frees its own table and goes on in the winner's.
 * - A new subtree is filled while it is private, and published by the one store that links it: what
 *   fails before that was never visible. (A non-coherent unit: its pages are flushed before.)
 * - Nothing that was visible is freed here: it goes on the gather.
 * - The list of a gather: `freed` and the first entry of each listed page hold the next page's
 *   address | its level << LINK_LEVEL_SHIFT, 0 at the end. Every format reads an entry whose three
 *   lowest bits are clear as not present, so hardware that still walks a listed page sees a hole.
 */
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "pgtable/page.h"

#define NAME_PASTE(format, operation) iommu_##format##_##operation
#define NAME_OF(format, operation)    NAME_PASTE(format, operation)
#define PUBLIC(operation)             NAME_OF(FORMAT_NAME, operation)
#define STRING_OF(x)                  #x
#define STRING(x)                     STRING_OF(x)

#define LINK_LEVEL_SHIFT              3
#define LINK_LEVEL_MASK               (7ULL << LINK_LEVEL_SHIFT)

/* --- Entries and tables ---------------------------------------------------------------------- */

static inline uint64_t entry_load(const iommu_cell_t *entry)
{
	return format_to_memory(iommu_cell_load(entry));
}

/* For an entry that may lead to a table which another CPU has just published. */
static inline uint64_t entry_load_acquire(const iommu_cell_t *entry)
{
	return format_to_memory(iommu_cell_load_acquire(entry));
}

static inline void entry_store(iommu_cell_t *entry, uint64_t value)
{
	iommu_cell_store(entry, format_to_memory(value));
}

static inline bool entry_is_table(uint64_t entry, unsigned int level)
{
	return format_is_present(entry) && !format_is_leaf(entry, level);
}

static inline void entries_flush(const struct iommu_pgtable *pt, const iommu_cell_t *entries,
				 uint64_t count)
{
	iommu_pgtable_flush(pt, entries, (size_t)count * sizeof(*entries));
}

static inline unsigned int table_index(const struct iommu_pgtable *pt, iommu_iova_t iova,
				       unsigned int level)
{
	return (unsigned int)(iova >> format_level_shift(pt, level)) &
	       (format_table_entries(pt, level) - 1);
}

static inline iommu_cell_t *table_at(const struct iommu_pgtable *pt, uint64_t entry)
{
	return iommu_phys_to_virt(pt->platform, format_address(pt, entry));
}

/* Do both addresses have their entries in one lowest table, and not all of its entries between
 * them? */
static inline bool in_one_lowest_table(const struct iommu_pgtable *pt, iommu_iova_t start,
				       iommu_iova_t last)
{
	const unsigned int shift = format_level_shift(pt, 2);

	return (start ^ last) >> shift == 0 && last - start != (1ULL << shift) - 1;
}

/* The last address that the entry which covers iova covers. */
static inline iommu_iova_t entry_last(const struct iommu_pgtable *pt, iommu_iova_t iova,
				      unsigned int level)
{
	return iova | ((1ULL << format_level_shift(pt, level)) - 1);
}

/*
 * One step of the straight walk, written out for each level so that shifts are constants: from the
 * table of `level` to the one below, or out of the walk with *at = level.
 */
#define WALK_STEP(level)                                                                           \
	do {                                                                                       \
		if (pt->levels >= (level)) {                                                       \
			uint64_t entry = entry_load_acquire(&table[table_index(pt, iova, level)]); \
                                                                                                   \
			if (!entry_is_table(entry, level)) {                                       \
				*at = level;                                                       \
				return table;                                                      \
			}                                                                          \
			table = table_at(pt, entry);                                               \
		}                                                                                  \
	} while (0)

/* The lowest table on the way of an address; *at is its level. The hot path of everything. */
static inline iommu_cell_t *table_covering(const struct iommu_pgtable *pt, iommu_iova_t iova,
					   unsigned int *at)
{
	iommu_cell_t *table = pt->root;

	WALK_STEP(5);
	WALK_STEP(4);
	WALK_STEP(3);
	WALK_STEP(2);
	*at = 1;
	return table;
}

/* Free a table and all below it. Nobody else, and no hardware, can reach it. */
static void subtree_free(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; level > 1 && i < format_table_entries(pt, level); i++) {
		uint64_t entry = entry_load(&table[i]);

		if (entry_is_table(entry, level))
			subtree_free(pt, table_at(pt, entry), level - 1);
	}
	iommu_pgtable_free_page(pt, table);
}

/*
 * Put an unlinked subtree on the gather. The link overwrites the table's first entry, so that a
 * subtree which hangs there is put on the list by itself, before.
 */
static void subtree_gather(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level,
			   struct iommu_gather *gather)
{
	uint64_t first = entry_load(&table[0]);

	if (level > 1 && entry_is_table(first, level))
		subtree_gather(pt, table_at(pt, first), level - 1, gather);
	entry_store(&table[0], gather->freed);
	entries_flush(pt, table, 1);
	gather->freed = iommu_virt_to_phys(pt->platform, table) | (uint64_t)level
									  << LINK_LEVEL_SHIFT;
	gather->tables_unlinked = true;
}

/* Is nothing mapped below this table? */
static bool subtree_is_empty(const struct iommu_pgtable *pt, const iommu_cell_t *table,
			     unsigned int level)
{
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++) {
		uint64_t entry = entry_load(&table[i]);

		if (!format_is_present(entry))
			continue;
		if (format_is_leaf(entry, level) ||
		    !subtree_is_empty(pt, table_at(pt, entry), level - 1))
			return false;
	}
	return true;
}

/* Bytes mapped below this table. */
static uint64_t subtree_mapped(const struct iommu_pgtable *pt, const iommu_cell_t *table,
			       unsigned int level)
{
	uint64_t bytes = 0;
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++) {
		uint64_t entry = entry_load(&table[i]);

		if (!format_is_present(entry))
			continue;
		if (format_is_leaf(entry, level))
			bytes += 1ULL << format_level_shift(pt, level);
		else
			bytes += subtree_mapped(pt, table_at(pt, entry), level - 1);
	}
	return bytes;
}

/* --- Map ------------------------------------------------------------------------------------- */

/* One map call: what is left of it. `iova` and `paddr` move on as leaves are written. */
struct map_cursor {
	struct iommu_pgtable *pt;
	struct iommu_gather *gather;
	iommu_iova_t iova;
	iommu_paddr_t paddr;
	unsigned int prot;
	/* Below a table that this call has just made: known to be empty, and seen by nobody. */
	bool is_private;
};

/* Are all of these entries 0? Four at a time: two loads a cycle, and one branch for the run. */
static inline bool entries_are_empty(const iommu_cell_t *entries, uint64_t count)
{
	uint64_t a = 0;
	uint64_t b = 0;
	uint64_t i;

	for (i = 0; i + 4 <= count; i += 4) {
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
	const uint64_t step = 1ULL << format_level_shift(pt, level);
	uint64_t leaf = format_make_leaf(pt, paddr, level, prot);

	for (; count >= 4; count -= 4, entries += 4, leaf += 4 * step) {
		entry_store(&entries[0], leaf);
		entry_store(&entries[1], leaf + step);
		entry_store(&entries[2], leaf + 2 * step);
		entry_store(&entries[3], leaf + 3 * step);
	}
	for (; count != 0; count--, entries++, leaf += step)
		entry_store(entries, leaf);
}

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
		uint64_t entry = entry_load(&entries[i]);

		if (!format_is_present(entry))
			continue;
		if (format_is_leaf(entry, level) ||
		    !subtree_is_empty(pt, table_at(pt, entry), level - 1))
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
	entries_store_leaves(map->pt, entries, count, map->paddr, level, map->prot);
	if (!map->is_private)
		entries_flush(map->pt, entries, count);
	map->iova += count << shift;
	map->paddr += count << shift;
	return 0;
}

static int map_in_table(struct map_cursor *map, iommu_cell_t *table, unsigned int level,
			iommu_iova_t last);

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
	iommu_cell_t *table = iommu_pgtable_alloc_page(pt);
	uint64_t link;
	int status;

	if (table == NULL)
		return IOMMU_ENOMEM;
	map->is_private = true;
	status = map_in_table(map, table, level - 1, last);
	map->is_private = before.is_private;
	if (status == 0) {
		iommu_pgtable_flush(pt, table, IOMMU_PAGE_SIZE);
		link = format_make_table(pt, iommu_virt_to_phys(pt->platform, table));
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
	while (map->iova <= last) {
		iommu_cell_t *entry = &table[table_index(map->pt, map->iova, level)];
		uint64_t leaves = leaves_that_fit(map, level, last);
		iommu_iova_t piece_last;
		uint64_t value;
		int status;

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
		if (status != 0)
			return status;
	}
	return 0;
}

/* Is the range whole smallest pages, without wrapping, inside the aperture? One test, for speed. */
static inline bool range_is_good(const struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return ((iova | size) & mask) == 0 && iova <= pt->aperture_last &&
	       size - 1 <= pt->aperture_last - iova;
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

static inline bool target_is_good(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				  uint64_t size, unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	return (paddr & mask) == 0 && paddr <= pt->paddr_last &&
	       size - 1 <= pt->paddr_last - paddr && prot - 1 < IOMMU_PROT_ALL;
}

static int target_error(const struct iommu_pgtable *pt, iommu_paddr_t paddr, uint64_t size,
			unsigned int prot)
{
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;

	if (prot == 0 || prot > IOMMU_PROT_ALL || (paddr & mask) != 0)
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
		(void)PUBLIC(unmap)(pt, iova, *mapped, 0, gather, NULL);
	return status;
}

int PUBLIC(map)(struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
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
	entries_store_leaves(pt, entries, count, paddr, 1, prot);
	entries_flush(pt, entries, count);
	*mapped = size;
	return 0;
}

/* --- Unmap ----------------------------------------------------------------------------------- */

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

	for (; end - entry >= 4; entry += 4) {
		entry_store(&entry[0], 0);
		entry_store(&entry[1], 0);
		entry_store(&entry[2], 0);
		entry_store(&entry[3], 0);
	}
	for (; entry < end; entry++)
		entry_store(entry, 0);
	entries_flush(pt, entries, count);
}

/* The same; returns how many were present. */
static inline uint64_t entries_clear_counting(const struct iommu_pgtable *pt, iommu_cell_t *entries,
					      uint64_t count)
{
	uint64_t present = 0;
	uint64_t i;

	for (i = 0; i < count; i++) {
		present += format_is_present(entry_load(&entries[i]));
		entry_store(&entries[i], 0);
	}
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
static void unmap_entry(struct unmap_cursor *unmap, iommu_cell_t *entry, uint64_t value,
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
			if ((iova & mask) == 0 && piece_last == (iova | mask))
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

/* The entry of the leaf that covers iova, or NULL; *level is its level. */
static iommu_cell_t *leaf_covering(const struct iommu_pgtable *pt, iommu_iova_t iova,
				   unsigned int *level)
{
	iommu_cell_t *table = table_covering(pt, iova, level);
	iommu_cell_t *entry = &table[table_index(pt, iova, *level)];

	return format_is_present(entry_load(entry)) ? entry : NULL;
}

/* Fill a private table with the pages that a leaf of level + 1 stood for; NULL: no memory. */
static iommu_cell_t *split_table(struct iommu_pgtable *pt, iommu_paddr_t paddr, unsigned int level,
				 unsigned int prot)
{
	const uint64_t size = 1ULL << format_level_shift(pt, level);
	const unsigned int entries = format_table_entries(pt, level);
	iommu_cell_t *table = iommu_pgtable_alloc_page(pt);
	unsigned int i;

	if (table == NULL)
		return NULL;
	if (format_leaf_allowed(pt, level))
		entries_store_leaves(pt, table, entries, paddr, level, prot);
	for (i = 0; !format_leaf_allowed(pt, level) && i < entries; i++) {
		iommu_cell_t *child = split_table(pt, paddr + i * size, level - 1, prot);

		if (child == NULL) {
			subtree_free(pt, table, level);
			return NULL;
		}
		entry_store(&table[i],
			    format_make_table(pt, iommu_virt_to_phys(pt->platform, child)));
	}
	iommu_pgtable_flush(pt, table, IOMMU_PAGE_SIZE);
	return table;
}

/*
 * No leaf may begin before `boundary` and end at or after it: split the one that does, level by
 * level, until the boundary falls between two leaves. Translations do not change, but the large
 * leaf may be cached, and the gather has to cover all of it. `inside` is an address of the caller's
 * range next to the boundary: the only side that it is entitled to look at. Two owners may split
 * the two halves of one leaf at once: the loser of the compare-and-swap looks again.
 */
static int split_at(struct iommu_pgtable *pt, iommu_iova_t inside, iommu_iova_t boundary,
		    unsigned int flags, struct iommu_gather *gather)
{
	iommu_cell_t *entry, *table;
	unsigned int level;
	uint64_t value, mask, link;

	for (;;) {
		entry = leaf_covering(pt, inside, &level);
		mask = (1ULL << format_level_shift(pt, level)) - 1;
		if (entry == NULL || (boundary & mask) == 0)
			return 0;
		if ((flags & IOMMU_UNMAP_SPLIT) == 0)
			return IOMMU_EINVAL;
		value = entry_load(entry);
		table = split_table(pt, format_address(pt, value), level - 1, format_prot(value));
		if (table == NULL)
			return IOMMU_ENOMEM;
		link = format_make_table(pt, iommu_virt_to_phys(pt->platform, table));
		if (!iommu_cell_compare_and_swap(entry, format_to_memory(value),
						 format_to_memory(link))) {
			subtree_free(pt, table, level - 1);
			continue;
		}
		entries_flush(pt, entry, 1);
		iommu_gather_add(gather, inside & ~mask, inside | mask, mask + 1);
	}
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

int PUBLIC(unmap)(struct iommu_pgtable *pt, iommu_iova_t iova, uint64_t size, unsigned int flags,
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
		return unmap_range(pt, iova, last, flags, gather, unmapped);
	table = table_covering(pt, iova, &level);
	if (__builtin_expect(level != 1, 0))
		return unmap_range(pt, iova, last, flags, gather, unmapped);
	/* Only leaves of the smallest size here: nothing can be cut. */
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

/* --- The rest -------------------------------------------------------------------------------- */

void PUBLIC(free_gathered)(struct iommu_pgtable *pt, struct iommu_gather *gather)
{
	uint64_t item = gather->freed;

	while (item != 0) {
		iommu_cell_t *table =
			iommu_phys_to_virt(pt->platform, item & ~(uint64_t)(IOMMU_PAGE_SIZE - 1));
		unsigned int level = (unsigned int)((item & LINK_LEVEL_MASK) >> LINK_LEVEL_SHIFT);

		item = entry_load(&table[0]);
		subtree_free(pt, table, level);
	}
	iommu_gather_init(gather);
}

void PUBLIC(merge_gathered)(const struct iommu_pgtable *pt, struct iommu_gather *into,
			    struct iommu_gather *from)
{
	uint64_t item = from->freed;
	iommu_cell_t *table = NULL;

	while (item != 0) {
		table = iommu_phys_to_virt(pt->platform, item & ~(uint64_t)(IOMMU_PAGE_SIZE - 1));
		item = entry_load(&table[0]);
	}
	if (table != NULL) {
		entry_store(&table[0], into->freed);
		into->freed = from->freed;
	}
	if (!iommu_gather_is_empty(from))
		iommu_gather_add(into, from->start, from->last, from->pgsize);
	into->tables_unlinked |= from->tables_unlinked;
	iommu_gather_init(from);
}

int PUBLIC(iova_to_phys)(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t *paddr,
			 unsigned int *prot)
{
	unsigned int level;
	iommu_cell_t *table;
	uint64_t entry, mask;

	if (iova > pt->aperture_last)
		return IOMMU_ERANGE;
	table = table_covering(pt, iova, &level);
	entry = entry_load(&table[table_index(pt, iova, level)]);
	if (!format_is_present(entry))
		return IOMMU_ENOENT;
	mask = (1ULL << format_level_shift(pt, level)) - 1;
	if (paddr != NULL)
		*paddr = (format_address(pt, entry) & ~mask) | (iova & mask);
	if (prot != NULL)
		*prot = format_prot(entry);
	return 0;
}

/* One walk call. */
struct walk_cursor {
	const struct iommu_pgtable *pt;
	iommu_pgtable_visitor visitor;
	void *ctx;
};

static int walk_table(const struct walk_cursor *walk, const iommu_cell_t *table, unsigned int level,
		      iommu_iova_t iova, iommu_iova_t last)
{
	const struct iommu_pgtable *pt = walk->pt;
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

	for (;;) {
		uint64_t entry = entry_load_acquire(&table[table_index(pt, iova, level)]);
		iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;
		int status = 0;

		if (format_is_present(entry)) {
			const struct iommu_pgtable_visit visit = {
				.iova = iova & ~mask,
				.size = mask + 1,
				.level = level,
				.is_table = !format_is_leaf(entry, level),
				.paddr = format_address(pt, entry),
				.prot = format_prot(entry),
				.entry = entry,
			};

			status = walk->visitor(walk->ctx, &visit);
			if (status == 0 && visit.is_table)
				status = walk_table(walk, table_at(pt, entry), level - 1, iova,
						    piece_last);
		}
		if (status != 0 || piece_last == last)
			return status;
		iova = piece_last + 1;
	}
}

int PUBLIC(walk)(const struct iommu_pgtable *pt, iommu_iova_t start, iommu_iova_t last,
		 iommu_pgtable_visitor visitor, void *ctx)
{
	const struct walk_cursor walk = {.pt = pt, .visitor = visitor, .ctx = ctx};

	if (start > last)
		return IOMMU_EINVAL;
	if (start > pt->aperture_last)
		return IOMMU_ERANGE;
	return walk_table(&walk, pt->root, pt->levels, start,
			  last < pt->aperture_last ? last : pt->aperture_last);
}

int PUBLIC(init)(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config)
{
	int status = iommu_pgtable_configure(pt, config);

	if (status == 0)
		status = format_configure(pt, config);
	if (status != 0)
		return status;
	pt->root = iommu_pgtable_alloc_page(pt);
	if (pt->root == NULL)
		return IOMMU_ENOMEM;
	iommu_pgtable_flush(pt, pt->root, IOMMU_PAGE_SIZE);
	return 0;
}

void PUBLIC(destroy)(struct iommu_pgtable *pt)
{
	subtree_free(pt, pt->root, pt->levels);
	pt->root = NULL;
}

const struct iommu_pgtable_ops PUBLIC(ops) = {
	.name = STRING(FORMAT_NAME),
	.init = PUBLIC(init),
	.destroy = PUBLIC(destroy),
	.map = PUBLIC(map),
	.unmap = PUBLIC(unmap),
	.free_gathered = PUBLIC(free_gathered),
	.merge_gathered = PUBLIC(merge_gathered),
	.iova_to_phys = PUBLIC(iova_to_phys),
	.walk = PUBLIC(walk),
};
