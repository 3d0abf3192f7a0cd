/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Template, part 6: leading every address to which nothing is mapped to one page. See
 * table_template.h.
 *
 * One table for each level, all of whose entries lead to that of the level below, and in the lowest
 * to the page: whatever the width, that many pages. Entries of the table itself that lead into this
 * chain are its fill. All functions but the look-up take them for mappings or tables, and must not
 * be called on a table that is filled.
 */

#if IOMMU_CONFIG_QUARANTINE

static inline bool is_filled(const struct iommu_pgtable *pt)
{
	return pt->fill[0] != NULL;
}

static inline uint64_t fill_entry(const struct iommu_pgtable *pt, unsigned int level)
{
	const iommu_paddr_t target = iommu_virt_to_phys(pt->platform, pt->fill[level - 1]);

	return level == 1 ? format_make_leaf(pt, target, 1, IOMMU_PROT_READ_WRITE)
			  : format_make_table(pt, target, level);
}

/* By where it leads: hardware may have noted an access in it. */
static inline bool is_fill(const struct iommu_pgtable *pt, uint64_t entry, unsigned int level)
{
	return is_filled(pt) && format_is_present(entry) &&
	       format_address(pt, entry) == iommu_virt_to_phys(pt->platform, pt->fill[level - 1]);
}

static void subtree_fill(const struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++) {
		const uint64_t entry = entry_load(&table[i]);

		if (!format_is_present(entry))
			entry_store(&table[i], fill_entry(pt, level));
		else if (entry_is_table(entry, level) && !is_fill(pt, entry, level))
			subtree_fill(pt, table_at(pt, entry), level - 1);
	}
	iommu_pgtable_flush(pt, table, table_size(pt, level));
}

static void subtree_unfill(const struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < format_table_entries(pt, level); i++) {
		const uint64_t entry = entry_load(&table[i]);

		if (is_fill(pt, entry, level))
			entry_store(&table[i], 0);
		else if (entry_is_table(entry, level))
			subtree_unfill(pt, table_at(pt, entry), level - 1);
	}
	iommu_pgtable_flush(pt, table, table_size(pt, level));
}

/* Those of a level that was trimmed since, too. */
static void fill_free(struct iommu_pgtable *pt)
{
	const unsigned int most = sizeof(pt->fill) / sizeof(pt->fill[0]);
	unsigned int level;

	for (level = 0; level < most && pt->fill[level] != NULL; level++) {
		iommu_pgtable_free_table(pt, pt->fill[level], 0);
		iommu_pgtable_uncount(pt, 1);
		pt->fill[level] = NULL;
	}
}

/* The page, and a table for each level below the root's. */
static int fill_make(struct iommu_pgtable *pt)
{
	unsigned int level, i;

	/* A leaf would lead to what lies beside the page. */
	if (1ULL << format_level_shift(pt, 1) > iommu_pgtable_table_size(pt))
		return IOMMU_EOPNOTSUPP;
	for (level = 0; level < pt->levels; level++) {
		iommu_cell_t *table = iommu_pgtable_alloc_table(pt, 0);

		if (table == NULL) {
			fill_free(pt);
			return IOMMU_ENOMEM;
		}
		pt->fill[level] = table;
		for (i = 0; level != 0 && i < format_table_entries(pt, level); i++)
			entry_store(&table[i], fill_entry(pt, level));
		iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
	}
	return 0;
}

static int pgtable_fill(struct iommu_pgtable *pt)
{
	int status = is_filled(pt) ? 0 : fill_make(pt);

	if (status != 0)
		return status;
	memset(pt->fill[0], 0, iommu_pgtable_table_size(pt));
	iommu_pgtable_flush(pt, pt->fill[0], iommu_pgtable_table_size(pt));
	subtree_fill(pt, pt->root, pt->levels);
	return 0;
}

static void pgtable_unfill(struct iommu_pgtable *pt)
{
	if (is_filled(pt))
		subtree_unfill(pt, pt->root, pt->levels);
}

#if IOMMU_CONFIG_UNLIKE_UNITS
/* For a unit that does not snoop. */
static void fill_flush(const struct iommu_pgtable *pt)
{
	unsigned int level;

	for (level = 0; level < pt->levels && pt->fill[level] != NULL; level++)
		iommu_pgtable_flush(pt, pt->fill[level], iommu_pgtable_table_size(pt));
}
#endif

/* All of it, before the tables are freed. */
static void fill_end(struct iommu_pgtable *pt)
{
	pgtable_unfill(pt);
	fill_free(pt);
}

#else
#define is_filled(pt)             false
#define is_fill(pt, entry, level) false
#define fill_end(pt)              ((void)0)
#define fill_flush(pt)            ((void)0)
#endif
