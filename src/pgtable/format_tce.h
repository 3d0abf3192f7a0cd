/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: POWER translation control entries. The bits stand in <libiommu/hw/tce.h>; this
 * file gives them the names that table_template.h asks for.
 *
 *   level   1           2 to 5
 *   leaf    the page    -
 *
 * The size of the page and of tables is chosen for each table, so that shifts are read from it. An
 * empty entry is 0. Which level an entry is in says whether it leads to a page or to a table.
 */
#ifndef IOMMU_PGTABLE_FORMAT_TCE_H
#define IOMMU_PGTABLE_FORMAT_TCE_H

#include <libiommu/hw/tce.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/byteorder.h"
#include "base/log.h"

/* log2 of the entries in a table: of 8 bytes each. */
static inline unsigned int tce_table_bits(const struct iommu_pgtable *pt)
{
	return IOMMU_PAGE_SHIFT - 3 + pt->table_order;
}

static inline unsigned int tce_level_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	return pt->page_shift + (level - 1) * tce_table_bits(pt);
}

static inline unsigned int tce_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)level;
	return 1U << tce_table_bits(pt);
}

static inline uint64_t tce_to_memory(uint64_t entry)
{
	return iommu_be64(entry);
}

static inline bool tce_is_leaf(uint64_t entry, unsigned int level)
{
	(void)entry;
	return level == 1;
}

static inline bool tce_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return level == 1;
}

static inline uint64_t tce_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				     unsigned int level, unsigned int prot)
{
	(void)pt;
	(void)level;
	return tce_page(paddr, (prot & IOMMU_PROT_READ) != 0, (prot & IOMMU_PROT_WRITE) != 0);
}

static inline uint64_t tce_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
				      unsigned int level)
{
	(void)pt;
	(void)level;
	return tce_table(table);
}

static inline iommu_paddr_t tce_address_of(const struct iommu_pgtable *pt, uint64_t entry)
{
	return entry & pt->address_mask;
}

static inline unsigned int tce_prot(uint64_t entry)
{
	return ((entry & TCE_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & TCE_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

static inline bool tce_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				     unsigned int level)
{
	const unsigned int shift = level == 1 ? pt->page_shift : IOMMU_PAGE_SHIFT + pt->table_order;

	return (entry & TCE_ADDRESS_MASK & ~pt->address_mask) == 0 &&
	       (tce_address(entry) & ((1ULL << shift) - 1)) == 0;
}

/* One page size, and as many levels as the bridge can walk. */
static inline const char *tce_configure(struct iommu_pgtable *pt,
					const struct iommu_pgtable_config *config)
{
	const uint64_t page = config->pgsize_bitmap;
	unsigned int width;

	if (page == 0 || (page & (page - 1)) != 0)
		return IOMMU_WHY("pgsize_bitmap is not one page size");
	if (config->levels < 1 || config->levels > TCE_LEVELS_MAX)
		return IOMMU_WHY("levels are not within 1 to 5");
	if ((config->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0)
		return IOMMU_WHY("flags that the format does not have");
	pt->page_shift = iommu_highest_bit(page);
	width = tce_level_shift(pt, config->levels) + tce_table_bits(pt);
	if (pt->page_shift < TCE_PAGE_SHIFT_MIN || pt->page_shift > TCE_PAGE_SHIFT_MAX)
		return IOMMU_WHY("the page size is not within 2^12 to 2^34");
	if (width > TCE_ADDRESS_BITS_MAX || config->input_bits > width ||
	    config->input_bits <= pt->page_shift || config->output_bits <= pt->page_shift)
		return IOMMU_WHY("input_bits or output_bits do not fit pages, levels and tables");
	pt->address_mask = TCE_ADDRESS_MASK & ((1ULL << config->output_bits) - 1);
	return NULL;
}

#define FORMAT_NAME          "tce"
#define FORMAT_LEVELS_MIN    1
#define FORMAT_EAGER         /* all tables can be made at once */
#define format_entry_is_sane tce_entry_is_sane
#define format_level_shift   tce_level_shift
#define format_table_entries tce_table_entries
#define format_to_memory     tce_to_memory
#define format_is_present    tce_is_valid
#define format_is_leaf       tce_is_leaf
#define format_leaf_allowed  tce_leaf_allowed
#define format_make_leaf     tce_make_leaf
#define format_make_table    tce_make_table
#define format_address       tce_address_of
#define format_prot          tce_prot
#define format_configure     tce_configure

#endif
