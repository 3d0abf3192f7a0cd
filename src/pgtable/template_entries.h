/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 1: entries, tables, the straight walk, and what happens to whole subtrees. See
 * table_template.h, which alone includes this file.
 */

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

/* log2 of how many times larger than the others a table of this level is. */
static inline unsigned int extra_order(const struct iommu_pgtable *pt, unsigned int level)
{
	return level == pt->levels ? format_root_order(pt) : 0;
}

static inline size_t table_size(const struct iommu_pgtable *pt, unsigned int level)
{
	return iommu_pgtable_table_size(pt) << extra_order(pt, level);
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

/* Of formats with two halves: does an address lie in the upper one? */
static inline bool reaches_upper_half(const struct iommu_pgtable *pt, iommu_iova_t iova)
{
	return FORMAT_SIGN_EXTENDED && iova >= ~pt->aperture_last;
}

static inline bool in_aperture(const struct iommu_pgtable *pt, iommu_iova_t iova)
{
	return iova <= pt->aperture_last || reaches_upper_half(pt, iova);
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
 * What straight walks need is read once, into a view of the table and its host that never leaves
 * the registers: entries are atomic, and after each of them the compiler would have to read it
 * again. Of a host that has no function for addresses, but perhaps a port header, which may ask the
 * host's context.
 */
#define VIEW_OF_HOST(pt)                                                                           \
	{                                                                                          \
		.ctx = (pt)->platform->ctx,                                                        \
		.direct_map_offset = (pt)->platform->direct_map_offset,                            \
	}
#define VIEW_OF_TABLE(pt, host)                                                                    \
	{                                                                                          \
		.platform = &(host), .root = (pt)->root, .levels = (pt)->levels,                   \
		.table_order = (pt)->table_order, .page_shift = (pt)->page_shift,                  \
		.address_mask = (pt)->address_mask, .flags = (pt)->flags,                          \
	}

/* Where size counts the tight loops take one entry a turn, and the walk is one. */
#ifdef __OPTIMIZE_SIZE__
#define UNROLLED false
#else
#define UNROLLED true
#endif

#ifdef __OPTIMIZE_SIZE__

/* The lowest table on the way of an address; *at is its level. */
static iommu_cell_t *table_covering(const struct iommu_pgtable *pt, iommu_iova_t iova,
				    unsigned int *at)
{
	iommu_cell_t *table = pt->root;
	unsigned int level;

	for (level = pt->levels; level > 1; level--) {
		uint64_t entry = entry_load_acquire(&table[table_index(pt, iova, level)]);

		if (!entry_is_table(entry, level))
			break;
		table = table_at(pt, entry);
	}
	*at = level;
	return table;
}

#else

/*
 * One step of the straight walk, written out for each level so that shifts are constants: from the
 * table of `level` to the one below, or out of the walk with *at = level.
 */
#define WALK_STEP(level)                                                                           \
	do {                                                                                       \
		uint64_t entry = entry_load_acquire(&table[table_index(pt, iova, level)]);         \
                                                                                                   \
		if (!entry_is_table(entry, level)) {                                               \
			*at = level;                                                               \
			return table;                                                              \
		}                                                                                  \
		table = table_at(pt, entry);                                                       \
	} while (0)

static inline __attribute__((always_inline)) iommu_cell_t *
walk_straight(const struct iommu_pgtable *pt, iommu_iova_t iova, unsigned int *at)
{
	iommu_cell_t *table = pt->root;

	/* Most tables have four levels. */
	switch (__builtin_expect((long)pt->levels, 4)) {
#if FORMAT_LEVELS_MAX > 5
	case 6:
		WALK_STEP(6);
		__attribute__((fallthrough));
#endif
	case 5:
		WALK_STEP(5);
		__attribute__((fallthrough));
	case 4:
		WALK_STEP(4);
		__attribute__((fallthrough));
	case 3:
		WALK_STEP(3);
		__attribute__((fallthrough));
	case 2:
		WALK_STEP(2);
		__attribute__((fallthrough));
	default:
		*at = 1;
		return table;
	}
}

static __attribute__((noinline)) iommu_cell_t *walk_by_calls(const struct iommu_pgtable *pt,
							     iommu_iova_t iova, unsigned int *at)
{
	return walk_straight(pt, iova, at);
}

/*
 * The lowest table on the way of an address; *at is its level. The hot path of everything.
 */
static inline __attribute__((always_inline)) iommu_cell_t *
table_covering(const struct iommu_pgtable *pt, iommu_iova_t iova, unsigned int *at)
{
	const struct iommu_platform host = VIEW_OF_HOST(pt);
	const struct iommu_pgtable view = VIEW_OF_TABLE(pt, host);

	if (__builtin_expect(pt->platform->phys_to_virt != NULL, 0)) {
		unsigned int level;
		iommu_cell_t *table = walk_by_calls(pt, iova, &level);

		*at = level;
		return table;
	}
	return walk_straight(&view, iova, at);
}

#endif

/*
 * Give the pages of a table and of all below it to the host; returns how many there were, in units
 * of a table's pages.
 */
static uint64_t subtree_free_pages(const struct iommu_pgtable *pt, iommu_cell_t *table,
				   unsigned int level)
{
	/* Asked once: where the granule is the table's own, it would be computed for each entry. */
	const unsigned int entries = format_table_entries(pt, level);
	uint64_t pages = 1ULL << extra_order(pt, level);
	unsigned int i;

	for (i = 0; level > 1 && i < entries; i++) {
		uint64_t entry = entry_load(&table[i]);

		if (entry_is_table(entry, level))
			pages += subtree_free_pages(pt, table_at(pt, entry), level - 1);
	}
	iommu_pgtable_free_table(pt, table, extra_order(pt, level));
	return pages;
}

/* Free a table and all below it. No other caller, and no hardware, can reach it. */
static void subtree_free(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level)
{
	iommu_pgtable_uncount(pt, subtree_free_pages(pt, table, level));
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

static bool entry_is_empty(const struct iommu_pgtable *pt, uint64_t entry, unsigned int level);

/* Is nothing mapped below this table? */
static bool subtree_is_empty(const struct iommu_pgtable *pt, const iommu_cell_t *table,
			     unsigned int level)
{
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++)
		if (!entry_is_empty(pt, entry_load(&table[i]), level))
			return false;
	return true;
}

/* … below this entry? */
static bool entry_is_empty(const struct iommu_pgtable *pt, uint64_t entry, unsigned int level)
{
	return !format_is_present(entry) || (!format_is_leaf(entry, level) &&
					     subtree_is_empty(pt, table_at(pt, entry), level - 1));
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
