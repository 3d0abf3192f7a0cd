/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: Intel VT-d second stage ("Second-Stage Translation", "Second-Stage Paging
 * Entries"). The bits stand in <libiommu/hw/vtd_second_stage.h>; this file gives them the names
 * that table_template.h asks for. A new format is a file like this one.
 *
 *   level   1        2        3         4          5
 *   name    SS-PTE   SS-PDE   SS-PDPE   SS-PML4E   SS-PML5E
 *   leaf    4K       2M       1G        -          -
 *
 * An empty entry is 0. Access and dirty bits are written by hardware only when a domain enables
 * them.
 */
#ifndef IOMMU_PGTABLE_FORMAT_VTDSS_H
#define IOMMU_PGTABLE_FORMAT_VTDSS_H

#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/log.h"

/* log2 of the bytes that an entry of this level covers. */
static inline unsigned int vtdss_level_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return vtd_ss_level_shift(level);
}

static inline unsigned int vtdss_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	(void)level;
	return VTD_SS_ENTRIES;
}

/* Entries between host byte order, in which everything below works, and memory. */
static inline uint64_t vtdss_to_memory(uint64_t entry)
{
	return iommu_le64(entry);
}

static inline bool vtdss_is_present(uint64_t entry)
{
	return vtd_ss_is_present(entry);
}

static inline bool vtdss_is_leaf(uint64_t entry, unsigned int level)
{
	return vtd_ss_is_leaf(entry, level);
}

/* Can this level hold leaves of its size in this table? */
static inline bool vtdss_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> vtd_ss_level_shift(level) & 1) != 0;
}

static inline uint64_t vtdss_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
				       unsigned int level, unsigned int prot)
{
	return vtd_ss_leaf(paddr, level, (prot & IOMMU_PROT_READ) != 0,
			   (prot & IOMMU_PROT_WRITE) != 0) |
	       pt->leaf_attributes;
}

static inline uint64_t vtdss_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
					unsigned int level)
{
	(void)pt;
	(void)level;
	return vtd_ss_table(table);
}

static inline iommu_paddr_t vtdss_address(const struct iommu_pgtable *pt, uint64_t entry)
{
	return entry & pt->address_mask;
}

static inline unsigned int vtdss_prot(uint64_t entry)
{
	return ((entry & VTD_SS_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       ((entry & VTD_SS_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U);
}

/* Could hardware use this present entry without a fault, as far as its bits say? */
static inline bool vtdss_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
				       unsigned int level)
{
	const bool leaf = vtd_ss_is_leaf(entry, level);
	const uint64_t below = (1ULL << vtd_ss_level_shift(level)) - 1;

	if ((entry & VTD_SS_ADDRESS_MASK & ~pt->address_mask) != 0)
		return false;
	if (!leaf)
		return level > VTD_SS_LEAF_LEVELS ? (entry & VTD_SS_PAGE_SIZE) == 0 : true;
	return (entry & VTD_SS_ADDRESS_MASK & below) == 0 && vtdss_leaf_allowed(pt, level);
}

/* The sizes that leaves can have, the widths that tables can have. Sets the masks. */
static inline const char *vtdss_configure(struct iommu_pgtable *pt,
					  const struct iommu_pgtable_config *config)
{
	const uint64_t sizes = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;

	if (config->table_order != 0 || (config->flags & IOMMU_PGTABLE_EAGER) != 0)
		return config->table_order != 0
			       ? IOMMU_WHY("the format does not choose table_order")
			       : IOMMU_WHY("flags have one that the format does not have");
	if (config->levels < VTD_SS_LEVELS_MIN || config->levels > VTD_SS_LEVELS_MAX)
		return IOMMU_WHY("levels are not within 3 to 5");
	if (config->input_bits <= IOMMU_PAGE_SHIFT ||
	    config->input_bits > vtd_ss_address_width(config->levels))
		return config->input_bits <= IOMMU_PAGE_SHIFT
			       ? IOMMU_WHY("input_bits is no more than a page")
			       : IOMMU_WHY("input_bits is more than the levels hold");
	if (config->output_bits <= IOMMU_PAGE_SHIFT || config->output_bits > 52)
		return IOMMU_WHY("output_bits is not within 13 to 52");
	if ((config->pgsize_bitmap & ~sizes) != 0 || (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0)
		return (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0
			       ? IOMMU_WHY("pgsize_bitmap lacks 4K")
			       : IOMMU_WHY("pgsize_bitmap has other sizes than 4K, 2M and 1G");
	pt->address_mask = VTD_SS_ADDRESS_MASK & ((1ULL << config->output_bits) - 1);
	pt->leaf_attributes = (config->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0 ? VTD_SS_SNOOP : 0;
	return NULL;
}

#define FORMAT_NAME "vtdss"
#if IOMMU_CONFIG_SCALABLE /* the only mode in which hardware notes */
#define FORMAT_DIRTY VTD_SS_DIRTY
#endif
#define FORMAT_LEVELS_MIN    VTD_SS_LEVELS_MIN
#define format_entry_is_sane vtdss_entry_is_sane
#define format_level_shift   vtdss_level_shift
#define format_table_entries vtdss_table_entries
#define format_to_memory     vtdss_to_memory
#define format_is_present    vtdss_is_present
#define format_is_leaf       vtdss_is_leaf
#define format_leaf_allowed  vtdss_leaf_allowed
#define format_make_leaf     vtdss_make_leaf
#define format_make_table    vtdss_make_table
#define format_address       vtdss_address
#define format_prot          vtdss_prot
#define format_table_access  vtdss_prot
#define format_configure     vtdss_configure

#endif
