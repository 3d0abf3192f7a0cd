/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table formats of Arm (VMSAv8-64), what both stages share. The bits and the sizes stand in
 * <libiommu/hw/arm_page_table.h>; this file gives them the names that table_template.h asks for.
 * format_vmsas1.h and format_vmsas2.h say what is different.
 *
 *   level         1       2       3      4      5
 *   Arm's level   3       2       1      0      -1
 *   leaf, 4K      4K      2M      1G     512G   -
 *   leaf, 16K     16K     32M     64G    -      -
 *   leaf, 64K     64K     512M    4T     -      -
 *
 * The granule is chosen for each table, so that shifts are read from it. An empty entry is 0.
 * Entries are little-endian.
 *
 * Break before make. Hardware that finds two sizes of a page for one address, one of which it has
 * kept, may report a conflict, or use neither. What it allows, FEAT_BBM, is a flag of the table:
 * below level 2 an empty table is never replaced by a larger page, and no page is split; below
 * level 1 no run is broken, either. All other changes of the template are between an entry and an
 * empty one, or of the dirty state, which may change in place, with an invalidation after it.
 */
#ifndef IOMMU_PGTABLE_FORMAT_VMSA_H
#define IOMMU_PGTABLE_FORMAT_VMSA_H

#include <libiommu/hw/arm_page_table.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/byteorder.h"
#include "base/log.h"

static inline unsigned int vmsa_format_level_shift(const struct iommu_pgtable *pt,
						   unsigned int level)
{
	return vmsa_level_shift(pt->page_shift, level);
}

static inline unsigned int vmsa_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	return 1U << (level == pt->levels ? vmsa_root_bits(pt->flags)
					  : vmsa_table_bits(pt->page_shift));
}

/* log2 of the tables that the root is made of. */
static inline unsigned int vmsa_root_order(const struct iommu_pgtable *pt)
{
	const unsigned int bits = vmsa_table_bits(pt->page_shift), root = vmsa_root_bits(pt->flags);

	return root > bits ? root - bits : 0;
}

/* The host aligns blocks up to IOMMU_MAX_ALLOC_ORDER; larger ones may be. */
static inline bool vmsa_root_is_good(const struct iommu_pgtable *pt)
{
	const uint64_t size = (uint64_t)IOMMU_PAGE_SIZE << (pt->table_order + vmsa_root_order(pt));

	if ((iommu_pgtable_root(pt) & (size - 1)) == 0)
		return true;
	iommu_log(pt->platform, IOMMU_LOG_ERROR, "page table",
		  "the host's block for the root is not aligned to its size: choose more levels");
	return false;
}

static inline uint64_t vmsa_to_memory(uint64_t entry)
{
	return iommu_le64(entry);
}

static inline bool vmsa_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> vmsa_level_shift(pt->page_shift, level) & 1) != 0;
}

static inline uint64_t vmsa_format_address_bits(const struct iommu_pgtable *pt, uint64_t address)
{
	return vmsa_address_bits(pt->page_shift, address);
}

static inline uint64_t vmsa_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
				       unsigned int level)
{
	(void)level;
	return vmsa_table(pt->page_shift, table);
}

/*
 * address_mask has the bits of an entry that are an address, and below the granule those that are
 * its highest bits, if this table's addresses are so wide.
 */
static inline iommu_paddr_t vmsa_format_address(const struct iommu_pgtable *pt, uint64_t entry)
{
	const uint64_t below = (1ULL << pt->page_shift) - 1;
	const uint64_t bits = entry & pt->address_mask;

	return (bits & ~below) |
	       (bits & below) << (pt->page_shift == 16 ? VMSA_HIGH_64K_SHIFT : VMSA_HIGH_DS_SHIFT);
}

/* Pages of a level up to where bits of the address change that stand below the others. */
static inline uint64_t vmsa_pages_before_fold(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					      unsigned int level)
{
	const uint64_t piece = 1ULL << (pt->page_shift == 16 ? 48 : 50);

	return (piece - (paddr & (piece - 1))) >> vmsa_level_shift(pt->page_shift, level);
}

/* --- Break before make ------------------------------------------------------------------------ */

static inline bool vmsa_may_change_sizes(const struct iommu_pgtable *pt)
{
	return (pt->flags & IOMMU_PGTABLE_BBM_LEVEL_2) != 0;
}

static inline bool vmsa_may_break_runs(const struct iommu_pgtable *pt)
{
	return (pt->flags & (IOMMU_PGTABLE_BBM_LEVEL_1 | IOMMU_PGTABLE_BBM_LEVEL_2)) != 0;
}

/* --- Runs: see template_run.h. Each entry has the address of its own page --------------------- */

/* Where pages of a size are left out no run of them is asked for. */
static inline unsigned int vmsa_runs(const struct iommu_pgtable *pt, unsigned int level)
{
	const unsigned int bits = vmsa_contiguous_bits(pt->page_shift, level);
	const unsigned int shift = vmsa_level_shift(pt->page_shift, level) + bits;

	return (pt->pgsize_bitmap >> shift & 1) != 0 ? bits : 0;
}

static inline uint64_t vmsa_run_max(const struct iommu_pgtable *pt)
{
	return 1ULL << vmsa_contiguous_bits(pt->page_shift, 1);
}

static inline unsigned int vmsa_run_bits(const struct iommu_pgtable *pt, uint64_t entry,
					 unsigned int level)
{
	return vmsa_is_contiguous(entry, level) ? vmsa_contiguous_bits(pt->page_shift, level) : 0;
}

static inline uint64_t vmsa_run_entry(const struct iommu_pgtable *pt, uint64_t leaf,
				      unsigned int level, uint64_t run, uint64_t i)
{
	(void)run;
	return (leaf | VMSA_CONTIGUOUS) + (i << vmsa_level_shift(pt->page_shift, level));
}

static inline uint64_t vmsa_run_leaf(uint64_t entry, unsigned int level, uint64_t i)
{
	(void)level;
	(void)i;
	return entry & ~VMSA_CONTIGUOUS;
}

/* --- Writes that hardware notes --------------------------------------------------------------- */

static inline bool vmsa_notes_writes(const struct iommu_pgtable *pt)
{
	return (pt->flags & IOMMU_PGTABLE_DIRTY_TRACKING) != 0;
}

/* --- Entries of another owner, and configurations --------------------------------------------- */

/*
 * Could hardware use this present entry without a fault, and is it one that a copy has the bits
 * for, as far as the bits of both stages say?
 */
static inline bool vmsa_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				      unsigned int level)
{
	const unsigned int granule = pt->page_shift, shift = vmsa_level_shift(granule, level);
	const uint64_t address =
		vmsa_address(granule, entry, (pt->flags & IOMMU_PGTABLE_LPA2) != 0);
	const uint64_t below = (1ULL << shift) - 1;

	if ((address & ~pt->paddr_last) != 0 ||
	    ((pt->flags & IOMMU_PGTABLE_LPA2) == 0 && (entry & VMSA_ADDRESS_RES0) != 0))
		return false;
	if (!vmsa_is_leaf(entry, level))
		return true;
	if (level == 1 && (entry & VMSA_PAGE_OR_TABLE) == 0)
		return false;
	if ((entry & VMSA_DBM) != 0 && !vmsa_notes_writes(pt))
		return false;
	if (vmsa_is_contiguous(entry, level) && vmsa_contiguous_bits(granule, level) == 0)
		return false;
	/* nT is among these bits: of a block that its owner was about to replace. */
	return (address & below) == 0 && vmsa_leaf_allowed(pt, level);
}

/* The sizes that pages and runs of a granule can have. */
static inline uint64_t vmsa_sizes(unsigned int granule, bool wide)
{
	uint64_t sizes = 0;
	unsigned int level;

	for (level = 1; vmsa_level_has_leaves(granule, level, wide); level++) {
		const unsigned int shift = vmsa_level_shift(granule, level);

		sizes |= 1ULL << shift | 1ULL << (shift + vmsa_contiguous_bits(granule, level));
	}
	return sizes;
}

/* Runs whose pages are left out, of all sizes that the granule has. */
static inline bool vmsa_has_runs_alone(unsigned int granule, uint64_t sizes)
{
	unsigned int level;

	for (level = 1; level <= 3; level++) {
		const unsigned int shift = vmsa_level_shift(granule, level);
		const unsigned int bits = vmsa_contiguous_bits(granule, level);

		if (bits != 0 && (sizes >> (shift + bits) & 1) != 0 && (sizes >> shift & 1) == 0)
			return true;
	}
	return false;
}

/* Can a table of so many levels translate addresses of input_bits? `most`: of its root's index. */
static inline bool vmsa_levels_fit(unsigned int granule, unsigned int levels,
				   unsigned int input_bits, unsigned int most)
{
	const unsigned int shift = vmsa_level_shift(granule, levels);

	return input_bits > shift && input_bits - shift <= most;
}

/* One level of 4K pages translates too little, or needs FEAT_TTST. */
static inline unsigned int vmsa_levels_min(unsigned int granule)
{
	return granule == 12 ? 2 : 1;
}

/* The fewest levels whose root the host is sure to have. */
static inline unsigned int vmsa_fewest_levels(unsigned int granule, unsigned int input_bits,
					      unsigned int concatenated)
{
	const unsigned int order = granule - IOMMU_PAGE_SHIFT;
	const unsigned int room = IOMMU_MAX_ALLOC_ORDER > order ? IOMMU_MAX_ALLOC_ORDER - order : 0;
	const unsigned int more = concatenated < room ? concatenated : room;
	unsigned int levels = vmsa_levels_min(granule);

	while (levels < VMSA_LEVELS_MAX &&
	       !vmsa_levels_fit(granule, levels, input_bits, vmsa_table_bits(granule) + more))
		levels++;
	return levels;
}

/* What a stage can do: the levels of each granule, and log2 of the tables of a root. */
struct vmsa_stage {
	unsigned int levels_of_4k, levels_of_16k;
	unsigned int levels_of_4k_wide, levels_of_16k_wide; /* with DS */
	unsigned int concatenated;
};

static inline unsigned int vmsa_levels_max(const struct vmsa_stage *stage, unsigned int granule,
					   bool ds)
{
	if (granule == 12)
		return ds ? stage->levels_of_4k_wide : stage->levels_of_4k;
	if (granule == 14)
		return ds ? stage->levels_of_16k_wide : stage->levels_of_16k;
	return 3;
}

static inline const char *vmsa_configure_levels(struct iommu_pgtable *pt,
						const struct iommu_pgtable_config *config,
						const struct vmsa_stage *stage)
{
	const unsigned int granule = pt->page_shift, bits = vmsa_table_bits(granule);
	const bool ds = (config->flags & IOMMU_PGTABLE_LPA2) != 0;
	const unsigned int most = ds || granule == 16 ? 52 : 48;

	if (config->input_bits < VMSA_INPUT_BITS_MIN || config->input_bits > most)
		return IOMMU_WHY("input_bits are not within 25 to 48, or to 52 with 64K or LPA2");
	pt->levels = config->levels != 0
			     ? config->levels
			     : vmsa_fewest_levels(granule, config->input_bits, stage->concatenated);
	if (pt->levels > vmsa_levels_max(stage, granule, ds) ||
	    pt->levels < vmsa_levels_min(granule) ||
	    !vmsa_levels_fit(granule, pt->levels, config->input_bits, bits + stage->concatenated))
		return IOMMU_WHY("levels are not those that input_bits take");
	pt->flags |= vmsa_flags_of_root(config->input_bits - vmsa_level_shift(granule, pt->levels));
	return NULL;
}

/* The granule, the sizes and the widths; then the levels. */
static inline const char *vmsa_configure(struct iommu_pgtable *pt,
					 const struct iommu_pgtable_config *config,
					 const struct vmsa_stage *stage)
{
	const bool ds = (config->flags & IOMMU_PGTABLE_LPA2) != 0;
	const uint64_t sizes = config->pgsize_bitmap;
	const unsigned int granule = sizes != 0 ? iommu_lowest_bit(sizes) : 0;
	unsigned int widest;

	if (config->table_order != 0 || (config->flags & IOMMU_PGTABLE_EAGER) != 0)
		return config->table_order != 0
			       ? IOMMU_WHY("the format does not choose table_order")
			       : IOMMU_WHY("flags have one that the format does not have");
	if (granule != 12 && granule != 14 && granule != 16)
		return IOMMU_WHY("the smallest page is not 4K, 16K or 64K");
	if (ds && granule == 16)
		return IOMMU_WHY("LPA2 is for pages of 4K and 16K");
	widest = ds || granule == 16 ? 52 : 48;
	if (config->output_bits <= granule || config->output_bits > widest)
		return IOMMU_WHY("output_bits are a page, or more than 48, or 52 with 64K or LPA2");
	if ((sizes & ~vmsa_sizes(granule, ds || config->output_bits > 48)) != 0)
		return IOMMU_WHY("pgsize_bitmap has sizes that the granule does not have");
	if (vmsa_has_runs_alone(granule, sizes))
		return IOMMU_WHY("pgsize_bitmap has runs of pages that it does not have");
	pt->page_shift = granule;
	pt->table_order = granule - IOMMU_PAGE_SHIFT;
	pt->address_mask = vmsa_address_bits(granule, pt->paddr_last & ~((1ULL << granule) - 1));
	/* With DS the register says how memory is shared. */
	pt->leaf_attributes =
		((config->flags & IOMMU_PGTABLE_ACCESSED) != 0 ? VMSA_ACCESS_FLAG : 0) |
		(ds ? 0 : VMSA_SH_INNER);
	return vmsa_configure_levels(pt, config, stage);
}

enum {
	VMSA_FLAGS = IOMMU_PGTABLE_ACCESSED | IOMMU_PGTABLE_LPA2 | IOMMU_PGTABLE_DIRTY_TRACKING |
		     IOMMU_PGTABLE_BBM_LEVEL_1 | IOMMU_PGTABLE_BBM_LEVEL_2,
};

#define FORMAT_LEVELS_MIN        1
#define FORMAT_FIXED_SHAPE       true
#define FORMAT_FOLDED_ADDRESS    true
#define FORMAT_RUNS              1
#define FORMAT_BREAK_BEFORE_MAKE 1

#define format_level_shift       vmsa_format_level_shift
#define format_table_entries     vmsa_table_entries
#define format_to_memory         vmsa_to_memory
#define format_is_present        vmsa_is_valid
#define format_is_leaf           vmsa_is_leaf
#define format_leaf_allowed      vmsa_leaf_allowed
#define format_make_table        vmsa_make_table
#define format_address           vmsa_format_address
#define format_address_bits      vmsa_format_address_bits
#define format_pages_before_fold vmsa_pages_before_fold
#define format_root_order        vmsa_root_order
#define format_root_is_good      vmsa_root_is_good
#define format_may_enlarge       vmsa_may_change_sizes
#define format_may_split         vmsa_may_change_sizes
#define format_may_break_runs    vmsa_may_break_runs
#define format_notes_writes      vmsa_notes_writes
#define format_runs              vmsa_runs
#define format_run_max           vmsa_run_max
#define format_is_run            vmsa_is_contiguous
#define format_run_bits          vmsa_run_bits
#define format_run_entry         vmsa_run_entry
#define format_run_leaf          vmsa_run_leaf

#endif
