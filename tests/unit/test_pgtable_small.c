/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table template proved by exhaustion, on a table so small that nothing of it is left out:
 * 2^ENTRY_BITS entries in a table, LEVELS levels, and the entries of the format that is compiled
 * with it. From every well-formed table, empty tables in it or not, every range is mapped and
 * unmapped in every way, with every allocation failing once; after each call an independent reading
 * of the table says whether exactly what should have changed did, whether each page of tables is
 * either linked, or listed in the gather and read as a hole, or given back, and whether the gather
 * covers what hardware may have cached.
 *
 * FORMAT_FILE names the format, LEAF_LEVELS the highest level that has leaves, APERTURE_PAGES the
 * width, LOWEST_COLOURS how many kinds of memory the entries of the first table lead to, and FLAGS
 * those of the table. Of a format with runs, two entries of the lowest level are one.
 */
#include FORMAT_FILE

#ifdef FORMAT_ADDRESS_SHIFT
#define SMALL_SHIFT FORMAT_ADDRESS_SHIFT
#else
#define SMALL_SHIFT 0
#endif
#define TABLE_ENTRIES (1U << ENTRY_BITS)
#define PAGES         APERTURE_PAGES

static inline unsigned int small_level_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return IOMMU_PAGE_SHIFT + ENTRY_BITS * (level - 1);
}

static inline unsigned int small_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	(void)level;
	return TABLE_ENTRIES;
}

static inline bool small_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> small_level_shift(pt, level) & 1) != 0;
}

static inline const char *small_configure(struct iommu_pgtable *pt,
					  const struct iommu_pgtable_config *config)
{
	(void)config;
	pt->page_shift = IOMMU_PAGE_SHIFT;
	pt->address_mask = (((1ULL << 48) - 1) & ~(uint64_t)(IOMMU_PAGE_SIZE - 1)) >> SMALL_SHIFT;
	return NULL;
}

#ifdef FORMAT_RUNS
#define SMALL_RUN_BITS 1
#define SMALL_RUN      (2ULL << IOMMU_PAGE_SHIFT)

static inline unsigned int small_runs(const struct iommu_pgtable *pt, unsigned int level)
{
	return level == 1 && (pt->pgsize_bitmap & SMALL_RUN) != 0 ? SMALL_RUN_BITS : 0;
}

static inline uint64_t small_run_max(const struct iommu_pgtable *pt)
{
	(void)pt;
	return 1ULL << SMALL_RUN_BITS;
}

static inline unsigned int small_run_bits(const struct iommu_pgtable *pt, uint64_t entry,
					  unsigned int level)
{
	(void)pt;
	return format_is_run(entry, level) ? SMALL_RUN_BITS : 0;
}

/* The format's own mark, and both entries equal, or each with the address of its own page. */
#ifdef RISCV_PTE_NAPOT
#define SMALL_RUN_MARK  RISCV_PTE_NAPOT
#define SMALL_RUN_EQUAL 1
#elif defined(AMDVI_PTE_NEXT_LEVEL)
#define SMALL_RUN_MARK  amdvi_field_mask(AMDVI_PTE_NEXT_LEVEL)
#define SMALL_RUN_EQUAL 1

static inline uint64_t small_run_sizes(const struct iommu_pgtable *pt, unsigned int level)
{
	return 1ULL << small_runs(pt, level) & ~1ULL;
}
#undef format_run_sizes
#define format_run_sizes small_run_sizes
#else
#define SMALL_RUN_MARK  VMSA_CONTIGUOUS
#define SMALL_RUN_EQUAL 0
#endif

static inline uint64_t small_run_entry(const struct iommu_pgtable *pt, uint64_t leaf,
				       unsigned int level, uint64_t run, uint64_t i)
{
	(void)pt;
	(void)level;
	(void)run;
	return (leaf | SMALL_RUN_MARK) + (SMALL_RUN_EQUAL ? 0 : i << IOMMU_PAGE_SHIFT);
}

static inline uint64_t small_run_leaf(uint64_t entry, unsigned int level, uint64_t i)
{
	(void)level;
	return (entry & ~SMALL_RUN_MARK) +
	       (SMALL_RUN_EQUAL ? i << IOMMU_PAGE_SHIFT >> SMALL_SHIFT : 0);
}

#undef format_runs
#undef format_run_max
#undef format_run_bits
#undef format_run_entry
#undef format_run_leaf
#define format_runs      small_runs
#define format_run_max   small_run_max
#define format_run_bits  small_run_bits
#define format_run_entry small_run_entry
#define format_run_leaf  small_run_leaf
#else
#define SMALL_RUN_BITS 0
#define SMALL_RUN      0ULL
#endif

#ifdef FORMAT_BREAK_BEFORE_MAKE
#define SMALL_MAY_CHANGE_SIZES format_may_split(&pt)
#else
#define SMALL_MAY_CHANGE_SIZES true
#endif

/* The geometry and the addresses are small; how an entry is made and read is the format's. */
#undef FORMAT_NAME
#undef FORMAT_SIGN_EXTENDED
#undef format_root_order
#undef format_root_is_good
#undef format_level_shift
#undef format_table_entries
#undef format_leaf_allowed
#undef format_configure
#define FORMAT_NAME            "small"
#define format_level_shift     small_level_shift
#define format_table_entries   small_table_entries
#define format_leaf_allowed    small_leaf_allowed
#define format_configure       small_configure

#define pgtable_ops            iommu_small_ops
#define pgtable_init           iommu_small_init
#define pgtable_destroy        iommu_small_destroy
#define pgtable_map            iommu_small_map
#define pgtable_unmap          iommu_small_unmap
#define pgtable_map_page       iommu_small_map_page
#define pgtable_unmap_page     iommu_small_unmap_page
#define pgtable_map_pieces     iommu_small_map_pieces
#define pgtable_free_gathered  iommu_small_free_gathered
#define pgtable_merge_gathered iommu_small_merge_gathered
#define pgtable_iova_to_phys   iommu_small_iova_to_phys
#define pgtable_walk           iommu_small_walk
#define pgtable_set_coherent   iommu_small_set_coherent
#define pgtable_set_pgsizes    iommu_small_set_pgsizes
#define pgtable_set_aperture   iommu_small_set_aperture
#define pgtable_trim           iommu_small_trim
#define pgtable_extend         iommu_small_extend
#define pgtable_free_top       iommu_small_free_top
#define pgtable_clone          iommu_small_clone
#define pgtable_read_dirty     iommu_small_read_dirty
#define pgtable_split          iommu_small_split
IOMMU_PGTABLE_DECLARE(small);
IOMMU_PGTABLE_DECLARE_DIRTY(small);
#include "pgtable/table_template.h"
#include "test.h"

/* --- Memory of tables ------------------------------------------------------------------------- */

enum {
	ARENA = 24,
	NO_FAILURE = 1000,
};

static _Alignas(4096) uint64_t arena[ARENA][512];
static bool is_taken[ARENA];
static unsigned int allocations, failing_allocation;

static unsigned int page_of(const void *table)
{
	const uintptr_t offset = (uintptr_t)table - (uintptr_t)arena;
	const size_t page = offset / sizeof(arena[0]);

	assert_true(page < ARENA && offset % sizeof(arena[0]) == 0);
	return (unsigned int)page;
}

static void *arena_alloc(void *ctx, unsigned int order, int node, unsigned int flags)
{
	unsigned int page;

	(void)ctx, (void)node, (void)flags;
	assert_int_equal(order, 0);
	if (allocations++ == failing_allocation)
		return NULL;
	for (page = 0; is_taken[page]; page++)
		assert_true(page + 1 < ARENA);
	is_taken[page] = true;
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++)
		arena[page][i] = 0;
	return arena[page];
}

static void arena_free(void *ctx, void *pages, unsigned int order)
{
	(void)ctx;
	assert_int_equal(order, 0);
	assert_true(is_taken[page_of(pages)]);
	is_taken[page_of(pages)] = false;
}

static struct iommu_platform platform = {.alloc_pages = arena_alloc, .free_pages = arena_free};
static struct iommu_pgtable pt;

/* --- Every table ------------------------------------------------------------------------------ */

/* What a page leads to: nothing, memory that large pages fit, or memory that they do not fit. */
enum colour {
	NOTHING,
	ALIGNED,
	ODD,
	COLOURS,
};

static const iommu_paddr_t memory_of[COLOURS] = {0, 0x40000000, 0x50001000};
static const unsigned int prot_of[COLOURS] = {0, IOMMU_PROT_READ_WRITE, IOMMU_PROT_READ};

struct page_state {
	enum colour colour;
	uint64_t size; /* of the leaf */
};

static struct page_state before[PAGES], wanted[PAGES], after[PAGES];
static unsigned int leaf_levels;
/* How many values an entry, and a table, of each level has. */
static uint64_t entry_values[LEVELS + 1], table_values[LEVELS + 1];

static uint64_t span_of(unsigned int level)
{
	return 1ULL << small_level_shift(&pt, level);
}

static unsigned int entries_used(unsigned int level)
{
	return level == LEVELS
		       ? (unsigned int)((PAGES * 4096ULL + span_of(level) - 1) / span_of(level))
		       : TABLE_ENTRIES;
}

/* Entries of a level that are made at once: two, where they can be a run. */
static unsigned int entries_at_once(unsigned int level)
{
	return level == 1 && (pt.pgsize_bitmap & SMALL_RUN) != 0 ? 2 : 1;
}

/* Of two entries each has its value, or both are a run. */
static void count_values(void)
{
	const uint64_t lowest = LOWEST_COLOURS + 1U;

	for (unsigned int level = 1; level <= LEVELS; level++) {
		const unsigned int at_once = entries_at_once(level);

		if (level == 1)
			entry_values[level] = at_once == 2 ? lowest * lowest + 1 : lowest;
		else
			entry_values[level] =
				1U + (level <= leaf_levels ? 1U : 0U) + table_values[level - 1];
		table_values[level] = 1;
		for (unsigned int i = 0; i < entries_used(level); i += at_once)
			table_values[level] *= entry_values[level];
	}
}

static void note(iommu_iova_t iova, uint64_t size, enum colour colour)
{
	for (uint64_t page = iova >> 12; page < (iova + size) >> 12; page++)
		before[page] = (struct page_state){colour, size};
}

static uint64_t leaf_for(iommu_iova_t iova, unsigned int level, enum colour colour)
{
	return colour == NOTHING
		       ? 0
		       : format_make_leaf(&pt, memory_of[colour] + iova, level, prot_of[colour]);
}

#if SMALL_RUN_BITS != 0
/* Two entries of the lowest level: the values of both, or the last, which is a run. */
static void build_pair(uint64_t *entries, uint64_t value, iommu_iova_t iova)
{
	const uint64_t lowest = LOWEST_COLOURS + 1U;

	for (unsigned int i = 0; i < 2; i++, iova += 4096) {
		const enum colour colour = (enum colour)(i == 0 ? value % lowest : value / lowest);

		if (value == lowest * lowest) {
			const uint64_t leaf = leaf_for(iova & ~(SMALL_RUN - 1), 1, ALIGNED);

			entries[i] = format_to_memory(format_run_entry(&pt, leaf, 1, 2, i));
			note(iova & ~(SMALL_RUN - 1), SMALL_RUN, ALIGNED);
		} else {
			entries[i] = format_to_memory(leaf_for(iova, 1, colour));
			note(iova, 4096, colour);
		}
	}
}
#else
static void build_pair(uint64_t *entries, uint64_t value, iommu_iova_t iova)
{
	(void)entries, (void)value, (void)iova;
}
#endif

/* The table of this number: its entries are the digits of it. */
static void *build(uint64_t number, unsigned int level, iommu_iova_t iova)
{
	uint64_t *table = iommu_pgtable_alloc_table(&pt, 0);
	const unsigned int at_once = entries_at_once(level);

	for (unsigned int i = 0; i < entries_used(level);
	     i += at_once, iova += at_once * span_of(level)) {
		uint64_t value = number % entry_values[level], entry = 0;
		enum colour colour = NOTHING;

		number /= entry_values[level];
		if (at_once == 2) {
			build_pair(&table[i], value, iova);
			continue;
		}
		if (level == 1)
			colour = (enum colour)value;
		else if (level <= leaf_levels && value == 1)
			colour = ALIGNED;
		entry = leaf_for(iova, level, colour);
		if (colour == NOTHING && value != 0)
			entry = format_make_table(
				&pt,
				iommu_virt_to_phys(&platform,
						   build(value - (level <= leaf_levels ? 2U : 1U),
							 level - 1, iova)),
				level);
		else
			note(iova, span_of(level), colour);
		table[i] = format_to_memory(entry);
	}
	return table;
}

/* --- An independent reading ------------------------------------------------------------------- */

static bool is_linked[ARENA];
/* Lists have one permission for all that they lead to. */
static bool may_write_all;

static unsigned int prot_wanted(unsigned int prot, enum colour colour)
{
	return may_write_all && prot == IOMMU_PROT_READ_WRITE ? prot : prot_of[colour];
}

static void read_small_table(const uint64_t *table, unsigned int level, iommu_iova_t iova)
{
	assert_false(is_linked[page_of(table)]);
	is_linked[page_of(table)] = true;
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++, iova += span_of(level)) {
		const uint64_t entry = format_to_memory(table[i]);
		uint64_t size = span_of(level);
		iommu_paddr_t paddr = format_address(&pt, entry);
		enum colour colour = ALIGNED;

#if SMALL_RUN_BITS != 0
		/* Both entries of a run are there, and alike. */
		if (format_is_present(entry) && format_is_run(entry, level)) {
			const uint64_t other = format_to_memory(table[i ^ 1]);

			assert_int_equal(level, 1);
			assert_true(pt.pgsize_bitmap & SMALL_RUN);
			assert_int_equal(entry ^ other, SMALL_RUN_EQUAL ? 0 : 4096);
			paddr += SMALL_RUN_EQUAL ? iova & (SMALL_RUN - 1) : 0;
			size = SMALL_RUN;
		}
#endif
		if (i >= entries_used(level)) {
			assert_int_equal(entry, 0);
			continue;
		}
		if (format_is_present(entry) && !format_is_leaf(entry, level)) {
			read_small_table(iommu_phys_to_virt(&platform, paddr), level - 1, iova);
			continue;
		}
		if (!format_is_present(entry))
			colour = NOTHING;
		else if (paddr != memory_of[ALIGNED] + iova)
			colour = ODD;
		if (colour != NOTHING) {
			assert_true(level <= leaf_levels);
			assert_int_equal(paddr, memory_of[colour] + iova);
			assert_int_equal(format_prot(entry),
					 prot_wanted(format_prot(entry), colour));
		}
		for (uint64_t page = iova >> 12; page < (iova + span_of(level)) >> 12; page++)
			after[page] = (struct page_state){colour, size};
	}
}

static unsigned int taken(void)
{
	unsigned int count = 0;

	for (unsigned int page = 0; page < ARENA; page++)
		count += is_taken[page];
	return count;
}

/* Each page of tables is linked, or listed once and read as a hole. */
static void check_pages_of_tables(const struct iommu_gather *gather)
{
	bool is_listed[ARENA] = {false};

	for (uint64_t item = gather->freed; item != 0;) {
		const uint64_t *table = iommu_phys_to_virt(&platform, item & ~4095ULL);
		const unsigned int page = page_of(table);

		assert_true(is_taken[page] && !is_listed[page] && !is_linked[page]);
		assert_true(gather->tables_unlinked);
		is_listed[page] = true;
		item = format_to_memory(table[0]);
		assert_false(format_is_present(item));
	}
}

/* What was mapped and is not, or is mapped by another entry, is to be invalidated. */
static void check_gather(const struct iommu_gather *gather)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		const iommu_iova_t iova = page * 4096ULL;

		if (before[page].colour == NOTHING || (before[page].colour == after[page].colour &&
						       before[page].size == after[page].size))
			continue;
		assert_true(gather->start <= iova && gather->last >= iova + 4095);
		assert_true(gather->pgsize != 0 && gather->pgsize <= before[page].size);
	}
}

static void check_look_up(void)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		const iommu_iova_t iova = page * 4096ULL + 0xabc;
		iommu_paddr_t paddr = 0;
		unsigned int prot = 0;
		const int status = iommu_small_iova_to_phys(&pt, iova, &paddr, &prot);

		if (after[page].colour == NOTHING) {
			assert_int_equal(status, IOMMU_ENOENT);
			continue;
		}
		assert_int_equal(status, 0);
		assert_int_equal(paddr, memory_of[after[page].colour] + iova);
		assert_int_equal(prot, prot_wanted(prot, after[page].colour));
	}
}

/* Levels of leaves matter only where `of_leaves`: a page that was split leads where it led. */
static void check(struct iommu_gather *gather, bool of_leaves)
{
	for (unsigned int page = 0; page < ARENA; page++)
		is_linked[page] = false;
	read_small_table(pt.root, LEVELS, 0);
	for (unsigned int page = 0; page < PAGES; page++) {
		assert_int_equal(after[page].colour, wanted[page].colour);
		if (of_leaves && wanted[page].colour != NOTHING)
			assert_int_equal(after[page].size, wanted[page].size);
	}
	check_look_up();
	check_pages_of_tables(gather);
	check_gather(gather);
	assert_int_equal(iommu_cell_load(&pt.pages), taken());
	iommu_small_free_gathered(&pt, gather);
	for (unsigned int page = 0; page < ARENA; page++)
		assert_int_equal(is_taken[page], is_linked[page]);
	assert_int_equal(iommu_cell_load(&pt.pages), taken());
}

/* --- Every call ------------------------------------------------------------------------------- */

enum call {
	MAP_ALIGNED,
	MAP_ODD,
	UNMAP,
	UNMAP_COUNTING,
	UNMAP_SPLITTING,
	CALLS,
};

static void begin(uint64_t number)
{
	for (unsigned int page = 0; page < ARENA; page++)
		is_taken[page] = false;
	iommu_cell_store(&pt.pages, 0);
	failing_allocation = NO_FAILURE;
	pt.root = build(number, LEVELS, 0);
	memcpy(wanted, before, sizeof(wanted));
	allocations = 0;
}

/* The largest page that fits at this address of the range. */
static uint64_t size_for(uint64_t page, uint64_t first, uint64_t count, enum colour colour)
{
	uint64_t size = colour == ODD ? 4096 : 1ULL << 63;

	for (; size > 4096; size >>= 1) {
		const uint64_t pages = size >> 12, start = page & ~(pages - 1);

		if ((pt.pgsize_bitmap & size) != 0 && start >= first &&
		    start + pages <= first + count)
			break;
	}
	return size;
}

static bool is_mapped(uint64_t first, uint64_t count)
{
	for (uint64_t page = first; page < first + count; page++)
		if (before[page].colour != NOTHING)
			return true;
	return false;
}

/* Does this boundary lie inside a large page? */
static bool cuts(uint64_t page)
{
	return page < PAGES && before[page].colour != NOTHING &&
	       (page << 12 & (before[page].size - 1)) != 0;
}

static void try_map(uint64_t first, uint64_t count, enum colour colour)
{
	struct iommu_gather gather;
	uint64_t mapped = 77;
	int status;

	iommu_gather_init(&gather);
	status = iommu_small_map(&pt, first << 12, memory_of[colour] + (first << 12), count << 12,
				 prot_of[colour], &gather, &mapped);
	if (is_mapped(first, count)) {
		assert_true(status == IOMMU_EEXIST ||
			    (status == IOMMU_ENOMEM && allocations > failing_allocation));
	} else if (allocations > failing_allocation) {
		assert_int_equal(status, IOMMU_ENOMEM);
	} else {
		assert_int_equal(status, 0);
		assert_int_equal(mapped, count << 12);
		for (uint64_t page = first; page < first + count; page++)
			wanted[page] =
				(struct page_state){colour, size_for(page, first, count, colour)};
	}
	assert_true(mapped <= count << 12);
	/* What hardware had seen, and was taken away again. */
	if (status != 0 && mapped != 0)
		assert_true(gather.last - gather.start >= mapped - 1);
	/* Break before make: a table that was there stays. */
	if (status == 0 && !SMALL_MAY_CHANGE_SIZES)
		assert_true(iommu_gather_is_empty(&gather) && !gather.tables_unlinked);
	check(&gather, SMALL_MAY_CHANGE_SIZES);
}

static void try_unmap(uint64_t first, uint64_t count, enum call call)
{
	const bool splits = call == UNMAP_SPLITTING, is_cut = cuts(first) || cuts(first + count);
	struct iommu_gather gather;
	uint64_t unmapped = 77, expected = 0;
	int status;

	iommu_gather_init(&gather);
	status = iommu_small_unmap(&pt, first << 12, count << 12, splits ? IOMMU_UNMAP_SPLIT : 0,
				   &gather, call == UNMAP ? NULL : &unmapped);
	if (is_cut && !splits) {
		assert_int_equal(status, IOMMU_EINVAL);
	} else if (is_cut && !SMALL_MAY_CHANGE_SIZES) {
		assert_int_equal(status, IOMMU_EOPNOTSUPP);
		assert_true(iommu_gather_is_empty(&gather));
	} else if (allocations > failing_allocation) {
		assert_int_equal(status, IOMMU_ENOMEM);
	} else {
		assert_int_equal(status, 0);
		for (uint64_t page = first; page < first + count; page++) {
			expected += before[page].colour != NOTHING ? 4096 : 0;
			wanted[page].colour = NOTHING;
		}
		if (call != UNMAP)
			assert_int_equal(unmapped, expected);
	}
	assert_true(splits || allocations == 0);
	check(&gather, !splits);
}

static void try_pages(uint64_t number, uint64_t page)
{
	struct iommu_gather none;

	for (enum colour colour = ALIGNED; colour <= ODD; colour++) {
		begin(number);
		iommu_gather_init(&none);
		if (iommu_small_map_page(&pt, page << 12, memory_of[colour] + (page << 12), 4096,
					 prot_of[colour])) {
			assert_int_equal(before[page].colour, NOTHING);
			wanted[page] = (struct page_state){colour, 4096};
		}
		check(&none, true);
	}
	begin(number);
	iommu_gather_init(&none);
	if (iommu_small_unmap_page(&pt, page << 12, 4096)) {
		assert_true(before[page].colour != NOTHING && before[page].size == 4096);
		iommu_gather_add(&none, page << 12, (page << 12) + 4095, 4096);
		wanted[page].colour = NOTHING;
	}
	check(&none, true);
	assert_int_equal(allocations, 0);
}

/* A list of pages, of one kind of memory or of both in turn: as far as it goes, it is all there. */
static void try_list(uint64_t number, uint64_t first, unsigned int count)
{
	struct iommu_map_piece pieces[PAGES];
	unsigned int kinds, done, i;
	struct iommu_gather none;
	uint64_t mapped;

	for (kinds = 0; kinds < 3; kinds++) {
		begin(number);
		iommu_gather_init(&none);
		for (i = 0; i < count; i++)
			pieces[i] = (struct iommu_map_piece){
				memory_of[ALIGNED + (kinds + i * (kinds == 2)) % 2] +
					((first + i) << 12),
				4096};
		mapped = 77;
		done = iommu_small_map_pieces(&pt, first << 12, pieces, count,
					      IOMMU_PROT_READ_WRITE, &mapped);
		assert_true(done <= count);
		assert_int_equal(mapped, done * 4096ULL);
		for (i = 0; i < done; i++) {
			assert_int_equal(before[first + i].colour, NOTHING);
			wanted[first + i] = (struct page_state){
				(enum colour)(ALIGNED + (kinds + i * (kinds == 2)) % 2), 4096};
		}
		may_write_all = true;
		check(&none, true);
		may_write_all = false;
	}
	assert_int_equal(allocations, 0);
}

/* One call, with each of its allocations failing in turn, and with none. */
static uint64_t try_call(uint64_t number, uint64_t first, uint64_t count, enum call call)
{
	uint64_t tries = 0;
	unsigned int failing = 0;

	do {
		begin(number);
		failing_allocation = failing++;
		if (call == MAP_ALIGNED)
			try_map(first, count, ALIGNED);
		else if (call == MAP_ODD)
			try_map(first, count, ODD);
		else
			try_unmap(first, count, call);
		tries++;
	} while (allocations > failing_allocation);
	return tries;
}

/* With runs, where there are some to be had, or without. */
static void from_every_table(unsigned int levels_of_leaves, uint64_t runs)
{
	const uint64_t most = test_setting("IOMMU_TEST_OPERATIONS", UINT64_MAX);
	uint64_t tries = 0, step;

	leaf_levels = levels_of_leaves;
	pt.pgsize_bitmap = 0;
	for (unsigned int level = 1; level <= leaf_levels; level++)
		pt.pgsize_bitmap |= span_of(level);
	pt.pgsize_bitmap |= runs;
	count_values();
	/* Where there is no time for all, tables that lie evenly among them. */
	step = table_values[LEVELS] / most + 1;
	for (uint64_t number = 0; number < table_values[LEVELS]; number += step) {
		for (uint64_t first = 0; first < PAGES; first++) {
			for (uint64_t count = 1; count <= PAGES - first; count++)
				for (enum call call = 0; call < CALLS; call++)
					tries += try_call(number, first, count, call);
			try_pages(number, first);
			for (uint64_t count = 1; count <= PAGES - first; count++)
				try_list(number, first, (unsigned int)count);
		}
	}
	for (unsigned int page = 0; page < ARENA; page++)
		for (unsigned int i = TABLE_ENTRIES; i < 512; i++)
			assert_int_equal(arena[page][i], 0);
	print_message("%llu of %llu tables, %llu calls\n",
		      (unsigned long long)((table_values[LEVELS] + step - 1) / step),
		      (unsigned long long)table_values[LEVELS], (unsigned long long)tries);
}

static void all_page_sizes(void **state)
{
	(void)state;
	from_every_table(LEAF_LEVELS, SMALL_RUN);
}

#if LEAF_LEVELS > 1
static void the_smallest_page_alone(void **state)
{
	(void)state;
	from_every_table(1, 0);
}
#endif

static int set_up(void **state)
{
	const struct iommu_pgtable_config config = {.platform = &platform,
						    .levels = LEVELS,
						    .input_bits =
							    IOMMU_PAGE_SHIFT + ENTRY_BITS * LEVELS,
						    .output_bits = 48,
						    .pgsize_bitmap = 4096,
						    .flags = FLAGS,
						    .node = IOMMU_NODE_ANY};

	(void)state;
	failing_allocation = NO_FAILURE;
	if (iommu_small_init(&pt, &config) != 0)
		return -1;
	return iommu_small_set_aperture(&pt, PAGES * 4096ULL - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_page_sizes),
#if LEAF_LEVELS > 1
		cmocka_unit_test(the_smallest_page_alone),
#endif
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
