/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The radix page table, for any format.
 *
 * A format's .c file includes its format_NAME.h, which defines FORMAT_NAME and the format_*
 * functions as static inline, says by a list how each function of the template is called for this
 * format (pgtable_map is iommu_NAME_map), and includes this file: out come these operations of
 * <libiommu/pgtable.h>, with every format call inlined and no descriptor read in an inner loop.
 *
 * Parts: template_entries.h (entries, the straight walk, subtrees), template_run.h (runs),
 * template_map.h, template_unmap.h, template_shape.h (changing a table as a whole),
 * template_dirty.h, template_fill.h, template_page.h, and here the rest.
 *
 * Shape of map and unmap: a page or a run whose entries lie in one lowest table, the usual case, is
 * one straight walk and one tight loop. Every other range goes through the recursive form, from the
 * root and no deeper than the number of levels.
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
#include "base/bits.h"
#include "base/dirty.h"
#include "base/log.h"
#include "base/memory.h"
#include "pgtable/page.h"

#define NAME_PASTE(format, operation) iommu_##format##_##operation
#define NAME_OF(format, operation)    NAME_PASTE(format, operation)
#define pgtable_operation             NAME_OF(FORMAT_NAME, operation)
#define STRING_OF(x)                  #x
#define STRING(x)                     STRING_OF(x)

#define LINK_LEVEL_SHIFT              3
#define LINK_LEVEL_MASK               (7ULL << LINK_LEVEL_SHIFT)

/* What most formats are not, and do not have. */
#ifndef FORMAT_SIGN_EXTENDED
#define FORMAT_SIGN_EXTENDED false /* a second half of addresses, with all higher bits set */
#endif
#ifndef FORMAT_PROT_HINTS
#define FORMAT_PROT_HINTS 0U /* of IOMMU_PROT_HINTS, those that leaves have bits for */
#endif
#ifndef FORMAT_FLAGS
#define FORMAT_FLAGS 0U /* of the flags that are a format's own */
#endif
#ifndef FORMAT_ADDRESS_SHIFT
#define FORMAT_ADDRESS_SHIFT 0 /* an address stands so many bits lower in an entry */
#endif
#ifndef format_address_bits
/* An address as it stands in an entry. */
#define format_address_bits(pt, address) ((address) >> FORMAT_ADDRESS_SHIFT)
#endif
#ifndef FORMAT_FOLDED_ADDRESS
/* Do its highest bits stand below the others? Pages from one on for which they are the same. */
#define FORMAT_FOLDED_ADDRESS                      false
#define format_pages_before_fold(pt, paddr, level) UINT64_MAX
#endif
#ifndef format_root_order
#define format_root_order(pt)   0U   /* the root has 2^order times the pages of another table */
#define format_root_is_good(pt) true /* it has been allocated: can hardware be given it? */
#endif
#ifndef FORMAT_LEVELS_MAX
#define FORMAT_LEVELS_MAX 5 /* of any table of the format */
#endif
#ifndef format_next_level
#define format_next_level(entry, level) ((level)-1) /* of the table that an entry leads to */
#endif
#ifndef format_table_access
/* Reading and writing, as far as an entry that leads to a table allows them to all below it. */
#define format_table_access(entry) ((unsigned int)IOMMU_PROT_READ_WRITE)
#endif
#ifndef FORMAT_FIXED_SHAPE
#define FORMAT_FIXED_SHAPE FORMAT_SIGN_EXTENDED /* a table neither loses nor gains a level */
#endif
#ifndef FORMAT_BREAK_BEFORE_MAKE
/*
 * Not everything may be changed in one store while hardware walks; format_may_enlarge(pt): a table
 * that has become empty, for a page; format_may_split(pt): a page, for a table of smaller ones;
 * format_may_break_runs(pt): a run, for its single pages.
 */
#define FORMAT_BREAK_BEFORE_MAKE 0
#endif
/*
 * How hardware notes a write: in format_noted(entry) the bit FORMAT_DIRTY is set where it did, and
 * the others are as in the entry. Does it in this table?
 */
#if defined(FORMAT_DIRTY) && !defined(format_noted)
#define format_noted(entry)      (entry)
#define format_make_dirty(entry) ((entry) | FORMAT_DIRTY)
#define format_make_clean(entry) ((entry) & ~FORMAT_DIRTY)
#define format_notes_writes(pt)  (((pt)->leaf_attributes & FORMAT_DIRTY) == 0)
#endif
#define FLAGS_OF_FORMATS                                                                           \
	(IOMMU_PGTABLE_NO_EXECUTE | IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_ACCESSED |                \
	 IOMMU_PGTABLE_MEMORY_TYPES | FLAGS_OF_ARM)

/* Each needs those before. */
#include "pgtable/template_entries.h"

#include "pgtable/template_run.h"

#include "pgtable/template_map.h"

#include "pgtable/template_unmap.h"

void pgtable_free_gathered(struct iommu_pgtable *pt, struct iommu_gather *gather)
{
	uint64_t item = gather->freed;
	uint64_t tables = 0;

	while (item != 0) {
		iommu_cell_t *table =
			iommu_phys_to_virt(pt->platform, item & ~(uint64_t)(IOMMU_PAGE_SIZE - 1));
		unsigned int level = (unsigned int)((item & LINK_LEVEL_MASK) >> LINK_LEVEL_SHIFT);

		item = entry_load(&table[0]);
		tables += subtree_free_pages(pt, table, level);
	}
	/* All at once: the count is shared by all CPUs. */
	if (tables != 0)
		iommu_pgtable_uncount(pt, tables);
	iommu_gather_init(gather);
}

void pgtable_merge_gathered(const struct iommu_pgtable *pt, struct iommu_gather *into,
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

/* What an entry that is no table says of an address that it covers. */
static inline __attribute__((always_inline)) int
look_up_entry(const struct iommu_pgtable *pt, uint64_t entry, unsigned int level, iommu_iova_t iova,
	      iommu_paddr_t *paddr, unsigned int *prot)
{
	const uint64_t mask = (1ULL << leaf_shift(pt, entry, level)) - 1;

	if (!format_is_present(entry))
		return IOMMU_ENOENT;
	if (paddr != NULL)
		*paddr = (format_address(pt, entry) & ~mask) | (iova & mask);
	if (prot != NULL)
		*prot = format_prot(entry);
	return 0;
}

/* The same by the walk of all calls, which may ask the host. */
static __attribute__((noinline)) int look_up_by_calls(const struct iommu_pgtable *pt,
						      iommu_iova_t iova, iommu_paddr_t *paddr,
						      unsigned int *prot)
{
	const iommu_cell_t *table;
	unsigned int level;
	uint64_t entry;

	/* Where the walk has ended the owner of a neighbour may have put a table since. */
	do {
		table = table_covering(pt, iova, &level);
		entry = entry_load(&table[table_index(pt, iova, level)]);
	} while (entry_is_table(entry, level));
	return look_up_entry(pt, entry, level, iova, paddr, prot);
}

#ifdef __OPTIMIZE_SIZE__
#define look_up look_up_by_calls
#else

/* From the table of `level` to the one below, or the answer. */
#define LOOK_UP_STEP(level)                                                                        \
	do {                                                                                       \
		entry = entry_load_acquire(&table[table_index(&view, iova, level)]);               \
		if (!entry_is_table(entry, level))                                                 \
			return look_up_entry(&view, entry, level, iova, paddr, prot);              \
		table = table_at(&view, entry);                                                    \
	} while (0)

/*
 * The straight walk, which ends with the answer at each level: a processor looks as far ahead as it
 * has room for instructions, and look-ups that miss its caches wait side by side, the more the
 * fewer they have. Nothing is called on the way, so that no register is saved.
 */
static inline __attribute__((always_inline)) int
look_up(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t *paddr, unsigned int *prot)
{
	const struct iommu_platform host = VIEW_OF_HOST(pt);
	const struct iommu_pgtable view = VIEW_OF_TABLE(pt, host);
	const iommu_cell_t *table = pt->root;
	uint64_t entry;

	if (__builtin_expect(pt->platform->phys_to_virt != NULL, 0))
		return look_up_by_calls(pt, iova, paddr, prot);
	/* Most tables have four levels; fewer are left to the walk of all calls. */
	if (__builtin_expect(pt->levels != 4, 0)) {
		if (pt->levels != 5)
			return look_up_by_calls(pt, iova, paddr, prot);
		LOOK_UP_STEP(5);
	}
	LOOK_UP_STEP(4);
	LOOK_UP_STEP(3);
	LOOK_UP_STEP(2);
	entry = entry_load(&table[table_index(&view, iova, 1)]);
	return look_up_entry(&view, entry, 1, iova, paddr, prot);
}

#endif

int pgtable_iova_to_phys(const struct iommu_pgtable *pt, iommu_iova_t iova, iommu_paddr_t *paddr,
			 unsigned int *prot)
{
	if (!in_aperture(pt, iova))
		return IOMMU_ERANGE;
	return look_up(pt, iova, paddr, prot);
}

/* One walk call. */
struct walk_cursor {
	const struct iommu_pgtable *pt;
	iommu_pgtable_visitor visitor;
	void *ctx;
};

#if FORMAT_RUNS
/* A run, of which `visit` has one entry: it is visited once. On to the last entry that is left. */
static int walk_run(const struct walk_cursor *walk, struct iommu_pgtable_visit *visit,
		    const iommu_cell_t **entry, const iommu_cell_t *end)
{
	const unsigned int shift = format_level_shift(walk->pt, visit->level);
	const struct iommu_pgtable_visit whole = run_visit(walk->pt, visit);
	uint64_t rest = (whole.iova + whole.size - visit->iova) >> shift;

	if (rest > (uint64_t)(end - *entry))
		rest = (uint64_t)(end - *entry);
	*entry += rest - 1;
	visit->iova += (rest - 1) << shift;
	return walk->visitor(walk->ctx, &whole);
}
#else
#define walk_run(walk, visit, entry, end) 0
#endif

/* Of the lowest level, whose leaves are all of one size, but for runs. */
static int walk_leaves(const struct walk_cursor *walk, const iommu_cell_t *table, iommu_iova_t iova,
		       iommu_iova_t last)
{
	const struct iommu_pgtable *pt = walk->pt;
	const uint64_t mask = (1ULL << format_level_shift(pt, 1)) - 1;
	const iommu_cell_t *entry = &table[table_index(pt, iova, 1)];
	const iommu_cell_t *end =
		entry + ((last - (iova & ~mask)) >> format_level_shift(pt, 1)) + 1;
	struct iommu_pgtable_visit visit = {.iova = iova & ~mask, .size = mask + 1, .level = 1};

	for (; entry != end; entry++, visit.iova += mask + 1) {
		int status;

		visit.entry = entry_load_acquire(entry);
		if (!format_is_present(visit.entry))
			continue;
		visit.paddr = format_address(pt, visit.entry);
		visit.prot = format_prot(visit.entry);
		status = is_run(visit.entry, 1) ? walk_run(walk, &visit, &entry, end)
						: walk->visitor(walk->ctx, &visit);
		if (status != 0)
			return status;
	}
	return 0;
}

static int walk_table(const struct walk_cursor *walk, const iommu_cell_t *table, unsigned int level,
		      iommu_iova_t iova, iommu_iova_t last)
{
	const struct iommu_pgtable *pt = walk->pt;
	const uint64_t mask = (1ULL << format_level_shift(pt, level)) - 1;

	if (UNROLLED && level == 1)
		return walk_leaves(walk, table, iova, last);
	for (;;) {
		uint64_t entry = entry_load_acquire(&table[table_index(pt, iova, level)]);
		iommu_iova_t piece_last = (iova | mask) < last ? iova | mask : last;
		int status = 0;

		if (format_is_present(entry)) {
			struct iommu_pgtable_visit visit = {
				.iova = iova & ~mask,
				.size = mask + 1,
				.level = level,
				.is_table = !format_is_leaf(entry, level),
				.paddr = format_address(pt, entry),
				.prot = format_prot(entry),
				.entry = entry,
			};

			if (is_run(entry, level)) {
				visit = run_visit(pt, &visit);
				piece_last = visit.iova + (visit.size - 1);
				if (piece_last > last)
					piece_last = last;
			}
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

int pgtable_walk(const struct iommu_pgtable *pt, iommu_iova_t start, iommu_iova_t last,
		 iommu_pgtable_visitor visitor, void *ctx)
{
	const struct walk_cursor walk = {.pt = pt, .visitor = visitor, .ctx = ctx};
	int status = 0;

	if (start > last)
		return IOMMU_EINVAL;
	if (start > pt->aperture_last && !reaches_upper_half(pt, last))
		return IOMMU_ERANGE;
	if (start <= pt->aperture_last)
		status = walk_table(&walk, pt->root, pt->levels, start,
				    last < pt->aperture_last ? last : pt->aperture_last);
	if (status == 0 && reaches_upper_half(pt, last))
		status = walk_table(&walk, pt->root, pt->levels,
				    start > ~pt->aperture_last ? start : ~pt->aperture_last, last);
	return status;
}

#if IOMMU_CONFIG_ONE_PAGE
#include "pgtable/template_page.h"
#endif
#include "pgtable/template_fill.h"
#include "pgtable/template_shape.h"
#ifdef FORMAT_DIRTY
#include "pgtable/template_dirty.h"
#endif

#ifdef FORMAT_EAGER
/* All tables below one, for addresses from iova on. Those that could be made hang in it. */
static int populate(struct iommu_pgtable *pt, iommu_cell_t *table, unsigned int level,
		    iommu_iova_t iova)
{
	const uint64_t span = 1ULL << format_level_shift(pt, level);
	unsigned int i;
	int status = 0;

	for (i = 0; level > 1 && i < format_table_entries(pt, level) && status == 0; i++) {
		iommu_cell_t *child;

		if (iova + i * span > pt->aperture_last)
			break;
		child = iommu_pgtable_alloc_table(pt, 0);
		if (child == NULL)
			return IOMMU_ENOMEM;
		entry_store(&table[i],
			    format_make_table(pt, iommu_virt_to_phys(pt->platform, child), level));
		status = populate(pt, child, level - 1, iova + i * span);
		iommu_pgtable_flush(pt, child, iommu_pgtable_table_size(pt));
	}
	return status;
}
#endif

void pgtable_destroy(struct iommu_pgtable *pt)
{
	if (pt == NULL)
		return;
	if (pt->root != NULL) {
		fill_end(pt);
		subtree_free(pt, pt->root, pt->levels);
	}
	pt->root = NULL;
}

int pgtable_init(struct iommu_pgtable *pt, const struct iommu_pgtable_config *config)
{
	const char *defect = iommu_pgtable_configure(pt, config);
	int status;

	if (defect == NULL && (config->flags & FLAGS_OF_FORMATS & ~(unsigned int)FORMAT_FLAGS) != 0)
		defect = IOMMU_WHY("flags that the format does not have");
	if (defect == NULL)
		defect = format_configure(pt, config);
	status = iommu_refuse_defect(config->platform, IOMMU_CALL, defect);
	if (status != 0)
		return status;
	pt->table_order += format_root_order(pt);
	pt->root = iommu_pgtable_alloc_table(pt, 0);
	pt->table_order -= format_root_order(pt);
	if (pt->root == NULL)
		return IOMMU_ENOMEM;
	if (!format_root_is_good(pt))
		status = IOMMU_ENOMEM;
#ifdef FORMAT_EAGER
	if (status == 0 && (pt->flags & IOMMU_PGTABLE_EAGER) != 0)
		status = populate(pt, pt->root, pt->levels, 0);
#endif
	if (status != 0)
		pgtable_destroy(pt);
	else
		iommu_pgtable_flush(pt, pt->root, table_size(pt, pt->levels));
	return status;
}

const struct iommu_pgtable_ops pgtable_ops = {
	.name = FORMAT_NAME,
	.init = pgtable_init,
	.destroy = pgtable_destroy,
	.map = pgtable_map,
	.unmap = pgtable_unmap,
	.free_gathered = pgtable_free_gathered,
	.merge_gathered = pgtable_merge_gathered,
	.iova_to_phys = pgtable_iova_to_phys,
#if IOMMU_CONFIG_ONE_PAGE
	.map_page = pgtable_map_page,
	.unmap_page = pgtable_unmap_page,
	.map_pieces = pgtable_map_pieces,
#endif
#if IOMMU_CONFIG_TABLE_TOOLS
	.walk = pgtable_walk,
#endif
#if IOMMU_CONFIG_UNLIKE_UNITS
	.set_coherent = pgtable_set_coherent,
	.set_pgsizes = pgtable_set_pgsizes,
	.set_aperture = pgtable_set_aperture,
	.trim = pgtable_trim,
	.extend = pgtable_extend,
	.free_top = pgtable_free_top,
#endif
#ifdef FORMAT_DIRTY
	.read_dirty = pgtable_read_dirty,
	.split = pgtable_split,
	.note_written = note_range,
#endif
#if IOMMU_CONFIG_TABLE_TOOLS
	.clone = pgtable_clone,
#endif
#if IOMMU_CONFIG_QUARANTINE
	.fill = pgtable_fill,
	.unfill = pgtable_unfill,
#endif
};
