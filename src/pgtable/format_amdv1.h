/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: host tables (v1) of the AMD IOMMU ("I/O Page Tables for Host Translations").
 * The bits stand in <libiommu/hw/amdvi_page_table.h>; this file gives them the names that
 * table_template.h asks for.
 *
 *   level   1           2           3            4            5              6
 *   leaf    4K          2M          1G           512G         256T           -
 *   runs    8K to 1M    4M to 256M  2G to 256G   1T to 128T   512T to 2048T  -
 *
 * A page of any power of two: between two levels it is a run of equal entries, whose address says
 * the size (NextLevel 7). An empty entry is 0. Reading and writing are permitted one by one, and
 * entries that lead to tables permit both. Hardware notes accesses and writes where the unit
 * (HASup, HDSup) and the device table entry (HAD) have it. Entries are little-endian.
 *
 * Tables of this file skip no level: an entry of level n leads to a table of level n - 1. Those of
 * another owner may; a copy (clone) has tables for the levels that were skipped.
 */
#ifndef IOMMU_PGTABLE_FORMAT_AMDV1_H
#define IOMMU_PGTABLE_FORMAT_AMDV1_H

#include <libiommu/hw/amdvi_page_table.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/byteorder.h"
#include "base/log.h"

static inline unsigned int amdv1_level_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return amdvi_level_shift(level);
}

/* Of 6 levels an address reaches the first 128 entries of the root. */
static inline unsigned int amdv1_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return level == AMDVI_LEVELS_MAX ? AMDVI_PTE_ENTRIES / 4 : AMDVI_PTE_ENTRIES;
}

static inline uint64_t amdv1_to_memory(uint64_t entry)
{
	return iommu_le64(entry);
}

static inline bool amdv1_is_present(uint64_t entry)
{
	return amdvi_pte_is_present(entry);
}

static inline bool amdv1_is_leaf(uint64_t entry, unsigned int level)
{
	(void)level;
	return amdvi_pte_is_leaf(entry);
}

static inline bool amdv1_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> amdvi_level_shift(level) & 1) != 0;
}

static inline uint64_t amdv1_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				       unsigned int level, unsigned int prot)
{
	(void)level;
	return paddr | AMDVI_PTE_PRESENT | pt->leaf_attributes |
	       ((prot & IOMMU_PROT_READ) != 0 ? AMDVI_PTE_READ : 0) |
	       ((prot & IOMMU_PROT_WRITE) != 0 ? AMDVI_PTE_WRITE : 0);
}

static inline uint64_t amdv1_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
					unsigned int level)
{
	(void)pt;
	return amdvi_pte_table(table, level - 1);
}

static inline unsigned int amdv1_next_level(uint64_t entry, unsigned int level)
{
	(void)level;
	return amdvi_pte_next_level(entry);
}

/* Of an entry of a run: its low bits say the size. */
static inline iommu_paddr_t amdv1_address(const struct iommu_pgtable *pt, uint64_t entry)
{
	return entry & pt->address_mask;
}

/* Of leaves, and of entries that lead to tables. */
static inline unsigned int amdv1_prot(uint64_t entry)
{
	return ((entry & AMDVI_PTE_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & AMDVI_PTE_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

/* --- Runs: see template_run.h. All entries of one are equal ----------------------------------- */

/* The sizes between a level and the next, as numbers of entries: 2 to 256. */
static inline uint64_t amdv1_run_sizes(const struct iommu_pgtable *pt, unsigned int level)
{
	return pt->pgsize_bitmap >> amdvi_level_shift(level) & (AMDVI_PTE_ENTRIES - 2);
}

static inline unsigned int amdv1_runs(const struct iommu_pgtable *pt, unsigned int level)
{
	return iommu_highest_bit(amdv1_run_sizes(pt, level) | 1);
}

static inline uint64_t amdv1_run_max(const struct iommu_pgtable *pt)
{
	(void)pt;
	return AMDVI_PTE_ENTRIES / 2;
}

static inline bool amdv1_is_run(uint64_t entry, unsigned int level)
{
	(void)level;
	return amdvi_pte_is_coded(entry);
}

/* log2 of the entries that a coded size has at a level; 0: it has none there. */
static inline unsigned int amdv1_coded_bits(uint64_t entry, unsigned int level)
{
	const unsigned int bits =
		iommu_lowest_bit(amdvi_pte_coded_size(entry)) - amdvi_level_shift(level);

	return bits < AMDVI_PTE_BITS ? bits : 0;
}

static inline unsigned int amdv1_run_bits(const struct iommu_pgtable *pt, uint64_t entry,
					  unsigned int level)
{
	(void)pt;
	return amdvi_pte_is_coded(entry) ? amdv1_coded_bits(entry, level) : 0;
}

static inline uint64_t amdv1_run_entry(const struct iommu_pgtable *pt, uint64_t leaf,
				       unsigned int level, uint64_t run, uint64_t i)
{
	(void)pt;
	(void)i;
	return leaf | (((run << amdvi_level_shift(level)) / 2 - 1) & AMDVI_PTE_ADDRESS) |
	       amdvi_field_mask(AMDVI_PTE_NEXT_LEVEL);
}

static inline uint64_t amdv1_run_leaf(uint64_t entry, unsigned int level, uint64_t i)
{
	return (entry & ~(AMDVI_PTE_ADDRESS | amdvi_field_mask(AMDVI_PTE_NEXT_LEVEL))) |
	       (amdvi_pte_address(entry) + (i << amdvi_level_shift(level)));
}

/* --- Entries of another owner, and configurations --------------------------------------------- */

/* Is the size of a leaf one that its level has, and the address a multiple of it? */
static inline bool amdv1_leaf_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				      unsigned int level)
{
	if (level > AMDVI_LEAF_LEVELS || !amdv1_leaf_allowed(pt, level))
		return false;
	if (amdvi_pte_is_coded(entry))
		return amdv1_coded_bits(entry, level) != 0;
	return (entry & AMDVI_PTE_ADDRESS & ((1ULL << amdvi_level_shift(level)) - 1)) == 0;
}

/* Could hardware use this present entry without a fault, as far as its bits say? */
static inline bool amdv1_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				       unsigned int level)
{
	if ((entry & ((AMDVI_PTE_ADDRESS & ~pt->address_mask) | AMDVI_PTE_RESERVED |
		      AMDVI_PTE_MIGRATION)) != 0)
		return false;
	if (amdvi_pte_is_leaf(entry))
		return amdv1_leaf_is_sane(pt, entry, level);
	return amdvi_pte_next_level(entry) < level && (entry & AMDVI_PTE_TABLE_RESERVED) == 0;
}

/* Sizes between two levels are broken into pages of the lower one: is one of these left out? */
static inline bool amdv1_has_runs_alone(uint64_t sizes)
{
	unsigned int level;

	for (level = 1; level <= AMDVI_LEAF_LEVELS; level++)
		if ((sizes >> amdvi_level_shift(level) & (AMDVI_PTE_ENTRIES - 1)) != 0 &&
		    (sizes >> amdvi_level_shift(level) & 1) == 0)
			return true;
	return false;
}

static inline const char *amdv1_configure(struct iommu_pgtable *pt,
					  const struct iommu_pgtable_config *config)
{
	if (config->table_order != 0 || (config->flags & IOMMU_PGTABLE_EAGER) != 0)
		return config->table_order != 0
			       ? IOMMU_WHY("the format does not choose table_order")
			       : IOMMU_WHY("flags have one that the format does not have");
	if (config->levels < AMDVI_LEVELS_MIN || config->levels > AMDVI_LEVELS_MAX)
		return IOMMU_WHY("levels are not within 1 to 6");
	if (config->input_bits <= IOMMU_PAGE_SHIFT ||
	    config->input_bits > amdvi_address_width(config->levels))
		return config->input_bits <= IOMMU_PAGE_SHIFT
			       ? IOMMU_WHY("input_bits is no more than a page")
			       : IOMMU_WHY("input_bits is more than the levels hold");
	if (config->output_bits <= IOMMU_PAGE_SHIFT || config->output_bits > 52)
		return IOMMU_WHY("output_bits is not within 13 to 52");
	if ((config->pgsize_bitmap & ~AMDVI_PTE_ADDRESS) != 0 ||
	    amdv1_has_runs_alone(config->pgsize_bitmap | 1ULL << IOMMU_PAGE_SHIFT))
		return IOMMU_WHY("pgsize_bitmap has sizes that no level has, or not their level's");
	if ((config->pgsize_bitmap & IOMMU_SIZE_4K) == 0)
		return IOMMU_WHY("pgsize_bitmap lacks 4K");
	pt->address_mask = AMDVI_PTE_ADDRESS & ((1ULL << config->output_bits) - 1);
	pt->leaf_attributes =
		((config->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0 ? AMDVI_PTE_FC : 0) |
		((config->flags & IOMMU_PGTABLE_ACCESSED) != 0
			 ? AMDVI_PTE_ACCESSED | AMDVI_PTE_DIRTY
			 : 0);
	return NULL;
}

#define FORMAT_NAME          "amdv1"
#define FORMAT_FLAGS         ((unsigned int)IOMMU_PGTABLE_ACCESSED)
#define FORMAT_DIRTY         AMDVI_PTE_DIRTY
#define FORMAT_LEVELS_MIN    AMDVI_LEVELS_MIN
#define FORMAT_LEVELS_MAX    AMDVI_LEVELS_MAX
#define FORMAT_RUNS          2

#define format_entry_is_sane amdv1_entry_is_sane
#define format_level_shift   amdv1_level_shift
#define format_table_entries amdv1_table_entries
#define format_to_memory     amdv1_to_memory
#define format_is_present    amdv1_is_present
#define format_is_leaf       amdv1_is_leaf
#define format_leaf_allowed  amdv1_leaf_allowed
#define format_make_leaf     amdv1_make_leaf
#define format_make_table    amdv1_make_table
#define format_next_level    amdv1_next_level
#define format_address       amdv1_address
#define format_prot          amdv1_prot
#define format_table_access  amdv1_prot
#define format_runs          amdv1_runs
#define format_run_sizes     amdv1_run_sizes
#define format_run_max       amdv1_run_max
#define format_is_run        amdv1_is_run
#define format_run_bits      amdv1_run_bits
#define format_run_entry     amdv1_run_entry
#define format_run_leaf      amdv1_run_leaf
#define format_configure     amdv1_configure

#endif
