/* SPDX-License-Identifier: BSD-2-Clause */
/* Template, part 4: changing a table as a whole. See table_template.h. */

#if IOMMU_CONFIG_UNLIKE_UNITS

static void subtree_flush(const struct iommu_pgtable *pt, const iommu_cell_t *table,
			  unsigned int level)
{
	unsigned int i;

	/* What is below first, as when it was made. */
	for (i = 0; level > 1 && i < format_table_entries(pt, level); i++) {
		uint64_t entry = entry_load(&table[i]);

		/* What a fill leads to is the same for all, and was flushed at once. */
		if (entry_is_table(entry, level) && !is_fill(pt, entry, level))
			subtree_flush(pt, table_at(pt, entry), level - 1);
	}
	iommu_pgtable_flush(pt, table, table_size(pt, level));
}

void pgtable_set_coherent(struct iommu_pgtable *pt, bool coherent)
{
	const bool was_coherent = (pt->flags & IOMMU_PGTABLE_NONCOHERENT) == 0;

	if (coherent == was_coherent)
		return;
	pt->flags ^= IOMMU_PGTABLE_NONCOHERENT;
	if (was_coherent)
		fill_flush(pt);
	if (was_coherent)
		subtree_flush(pt, pt->root, pt->levels);
}

/* The first leaf of a level whose size is none of `pgsizes` ends the walk. */
struct size_check {
	uint64_t pgsizes;
};

static int check_size(void *ctx, const struct iommu_pgtable_visit *visit)
{
	const struct size_check *check = ctx;

	return !visit->is_table && (visit->size & check->pgsizes) == 0 ? IOMMU_EBUSY : 0;
}

int pgtable_set_pgsizes(struct iommu_pgtable *pt, uint64_t pgsize_bitmap)
{
	struct size_check check = {.pgsizes = pgsize_bitmap};

	if (pgsize_bitmap == pt->pgsize_bitmap)
		return 0;
	if ((pgsize_bitmap & 1ULL << format_level_shift(pt, 1)) == 0)
		return IOMMU_EINVAL;
	if ((pt->pgsize_bitmap & ~pgsize_bitmap) != 0 && is_filled(pt))
		return IOMMU_EBUSY;
	if ((pt->pgsize_bitmap & ~pgsize_bitmap) != 0 &&
	    pgtable_walk(pt, 0, UINT64_MAX, check_size, &check) != 0)
		return IOMMU_EBUSY;
	pt->pgsize_bitmap = pgsize_bitmap;
	return 0;
}

static int find_leaf(void *ctx, const struct iommu_pgtable_visit *visit)
{
	(void)ctx;
	return visit->is_table ? 0 : IOMMU_EBUSY;
}

static inline int set_aperture(struct iommu_pgtable *pt, iommu_iova_t last)
{
	/* The last address of the top table, reached in two steps so that no shift is too wide. */
	const uint64_t entries = format_table_entries(pt, pt->levels);
	const uint64_t end = (entries << (format_level_shift(pt, pt->levels) - 1)) - 1;

	if (last == pt->aperture_last)
		return 0;
	if (((last + 1) & ((1ULL << format_level_shift(pt, 1)) - 1)) != 0 || last / 2 > end)
		return IOMMU_EINVAL;
	if (last < pt->aperture_last &&
	    pgtable_walk(pt, last + 1, pt->aperture_last, find_leaf, NULL) != 0)
		return IOMMU_EBUSY;
	pt->aperture_last = last;
	return 0;
}

/* A table of the next lower level for a root that has none. */
static int first_table_make(struct iommu_pgtable *pt, iommu_cell_t *root)
{
	iommu_cell_t *table = iommu_pgtable_alloc_table(pt, 0);

	if (table == NULL)
		return IOMMU_ENOMEM;
	iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
	entry_store(&root[0],
		    format_make_table(pt, iommu_virt_to_phys(pt->platform, table), pt->levels));
	entries_flush(pt, root, 1);
	return 0;
}

static inline int trim(struct iommu_pgtable *pt, void **top)
{
	const uint64_t span = 1ULL << format_level_shift(pt, pt->levels);
	iommu_cell_t *root = pt->root;
	const uint64_t first = entry_load(&root[0]);
	unsigned int i;

	if (pt->levels <= FORMAT_LEVELS_MIN ||
	    (format_is_present(first) && format_is_leaf(first, pt->levels)))
		return IOMMU_EINVAL;
	for (i = 1; i < format_table_entries(pt, pt->levels); i++)
		if (!entry_is_empty(pt, entry_load(&root[i]), pt->levels))
			return IOMMU_EBUSY;
	if (!format_is_present(first) && first_table_make(pt, root) != 0)
		return IOMMU_ENOMEM;
	*top = root;
	pt->root = table_at(pt, entry_load(&root[0]));
	pt->levels--;
	if (pt->aperture_last > span - 1)
		pt->aperture_last = span - 1;
	return 0;
}

/* The level of a table that extend or trim has made: it leads to the root. */
static inline unsigned int level_above_root(const struct iommu_pgtable *pt,
					    const iommu_cell_t *table)
{
	unsigned int level = pt->levels;

	for (; table != pt->root; level++)
		table = table_at(pt, entry_load(&table[0]));
	return level;
}

static inline int extend(struct iommu_pgtable *pt, const void *below, void **top)
{
	const unsigned int level = level_above_root(pt, below) + 1;
	iommu_cell_t *table;

	if (level > FORMAT_LEVELS_MAX)
		return IOMMU_EINVAL;
	table = iommu_pgtable_alloc_table(pt, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	entry_store(&table[0],
		    format_make_table(pt, iommu_virt_to_phys(pt->platform, below), level));
	iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
	*top = table;
	return 0;
}

/* Two halves do not change their shape; a root that is larger than other tables keeps its level. */
int pgtable_set_aperture(struct iommu_pgtable *pt, iommu_iova_t last)
{
	return FORMAT_SIGN_EXTENDED ? IOMMU_EINVAL : set_aperture(pt, last);
}

int pgtable_trim(struct iommu_pgtable *pt, void **top)
{
	return FORMAT_FIXED_SHAPE ? IOMMU_EINVAL : trim(pt, top);
}

int pgtable_extend(struct iommu_pgtable *pt, const void *below, void **top)
{
	return FORMAT_FIXED_SHAPE ? IOMMU_EINVAL : extend(pt, below, top);
}

void pgtable_free_top(struct iommu_pgtable *pt, void *top, unsigned int level)
{
	iommu_cell_t *table = top;

	/* What its first entry leads to lives on; there may be empty tables beside it. */
	entry_store(&table[0], 0);
	subtree_free(pt, table, level);
}

#endif

/* --- Clone: a copy of tables that another owner left, not to be trusted ----------------------- */

struct clone {
	struct iommu_pgtable *pt;
	bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size);
	void *ctx;
};

static int clone_table(const struct clone *clone, iommu_cell_t *to, iommu_paddr_t from,
		       unsigned int level, unsigned int access);

/*
 * A table of level `below` under an entry of `level`. Levels that the owner's entry skips are made:
 * a copy has all of them, and what the owner did not translate there has addresses of zeros. Linked
 * first: a failure below then frees it with the rest.
 */
static int clone_below(const struct clone *clone, iommu_cell_t *to, iommu_paddr_t from,
		       unsigned int level, unsigned int below, unsigned int access)
{
	struct iommu_pgtable *pt = clone->pt;

	for (;; level--) {
		iommu_cell_t *table = iommu_pgtable_alloc_table(pt, 0);

		if (table == NULL)
			return IOMMU_ENOMEM;
		entry_store(to,
			    format_make_table(pt, iommu_virt_to_phys(pt->platform, table), level));
		entries_flush(pt, to, 1);
		if (level - 1 == below)
			return clone_table(clone, table, from, below, access);
		iommu_pgtable_flush(pt, table, iommu_pgtable_table_size(pt));
		to = table;
	}
}

/*
 * One present entry; bits that this format does not have are not copied. Entries of a run become
 * single pages: nothing says that their neighbours are those of the same run, and each of them
 * alone says where its own page is. access: what the tables above allow.
 */
static int clone_entry(const struct clone *clone, iommu_cell_t *to, uint64_t entry,
		       unsigned int level, unsigned int access)
{
	struct iommu_pgtable *pt = clone->pt;
	unsigned int prot;

	if (!format_entry_is_sane(pt, entry, level))
		return IOMMU_EINVAL;
	if (!format_is_leaf(entry, level))
		return clone_below(clone, to, format_address(pt, entry), level,
				   format_next_level(entry, level),
				   access & format_table_access(entry));
	if (is_run(entry, level))
		entry = run_page(pt, to, entry, level);
	prot = format_prot(entry) & (access | ~(unsigned int)IOMMU_PROT_READ_WRITE);
	if ((prot & IOMMU_PROT_READ_WRITE) != 0)
		entry_store(to, format_make_leaf(pt, format_address(pt, entry), level, prot));
	return 0;
}

static int clone_table(const struct clone *clone, iommu_cell_t *to, iommu_paddr_t from,
		       unsigned int level, unsigned int access)
{
	struct iommu_pgtable *pt = clone->pt;
	const iommu_cell_t *source;
	unsigned int i;

	if (clone->is_memory != NULL && !clone->is_memory(clone->ctx, from, table_size(pt, level)))
		return IOMMU_EFAULT;
	source = iommu_phys_to_virt(pt->platform, from);
	for (i = 0; i < format_table_entries(pt, level); i++) {
		const uint64_t entry = entry_load(&source[i]);
		int status;

		if (!format_is_present(entry))
			continue;
		status = clone_entry(clone, &to[i], entry, level, access);
		if (status != 0)
			return status;
	}
	iommu_pgtable_flush(pt, to, table_size(pt, level));
	return 0;
}

int pgtable_clone(struct iommu_pgtable *pt, iommu_paddr_t root,
		  bool (*is_memory)(void *ctx, iommu_paddr_t paddr, uint64_t size), void *ctx)
{
	const struct clone clone = {.pt = pt, .is_memory = is_memory, .ctx = ctx};
	int status;

	if (!subtree_is_empty(pt, pt->root, pt->levels))
		return IOMMU_EEXIST;
	status = clone_table(&clone, pt->root, root, pt->levels, IOMMU_PROT_READ_WRITE);
	if (status != 0) {
		subtree_free(pt, pt->root, pt->levels);
		pt->root = NULL;
	}
	return status;
}
