/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: x86-64 processors, and VT-d's first stage, which walks the same tables. The
 * bits stand in <libiommu/hw/vtd_first_stage.h>; this file gives them the names that
 * table_template.h asks for.
 *
 *   level   1        2        3         4          5
 *   name    FS-PTE   FS-PDE   FS-PDPE   FS-PML4E   FS-PML5E
 *   leaf    4K       2M       1G        -          -
 *
 * There is no entry that can be written and not read: writing implies reading. Addresses have two
 * halves, the upper one with all higher bits set.
 */
#ifndef IOMMU_PGTABLE_FORMAT_X86_64_H
#define IOMMU_PGTABLE_FORMAT_X86_64_H

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/pgtable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/log.h"

static inline unsigned int x86_64_level_shift(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	return vtd_fs_level_shift(level);
}

static inline unsigned int x86_64_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	(void)level;
	return VTD_FS_ENTRIES;
}

static inline uint64_t x86_64_to_memory(uint64_t entry)
{
	return iommu_le64(entry);
}

static inline bool x86_64_is_present(uint64_t entry)
{
	return vtd_fs_is_present(entry);
}

static inline bool x86_64_is_leaf(uint64_t entry, unsigned int level)
{
	return vtd_fs_is_leaf(entry, level);
}

static inline bool x86_64_leaf_allowed(const struct iommu_pgtable *pt, unsigned int level)
{
	return (pt->pgsize_bitmap >> vtd_fs_level_shift(level) & 1) != 0;
}

/* What a permission adds to a leaf; hints that this table has no bits for, nothing. */
static inline uint64_t x86_64_permissions(const struct iommu_pgtable *pt, unsigned int prot)
{
	uint64_t bits = VTD_FS_PRESENT;

	if ((prot & IOMMU_PROT_WRITE) != 0)
		bits |= VTD_FS_WRITE;
	if ((prot & IOMMU_PROT_PRIVILEGED) == 0)
		bits |= VTD_FS_USER;
	if ((prot & IOMMU_PROT_NO_EXEC) != 0 && (pt->flags & IOMMU_PGTABLE_NO_EXECUTE) != 0)
		bits |= VTD_FS_NO_EXECUTE;
	/* Uncached: the memory type that both bits select in any host's attribute table. */
	if ((prot & IOMMU_PROT_MMIO) != 0)
		bits |= VTD_FS_PWT | VTD_FS_PCD;
	return bits;
}

static inline uint64_t x86_64_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					unsigned int level, unsigned int prot)
{
	return paddr | x86_64_permissions(pt, prot) | (level > 1 ? VTD_FS_PAGE_SIZE : 0) |
	       pt->leaf_attributes;
}

static inline uint64_t x86_64_make_table(const struct iommu_pgtable *pt, iommu_paddr_t table,
					 unsigned int level)
{
	(void)level;
	return vtd_fs_table(table) | (pt->leaf_attributes & VTD_FS_ACCESSED);
}

static inline iommu_paddr_t x86_64_address(const struct iommu_pgtable *pt, uint64_t entry)
{
	return entry & pt->address_mask;
}

static inline unsigned int x86_64_prot(uint64_t entry)
{
	return IOMMU_PROT_READ | ((entry & VTD_FS_WRITE) != 0 ? IOMMU_PROT_WRITE : 0U) |
	       ((entry & VTD_FS_USER) == 0 ? IOMMU_PROT_PRIVILEGED : 0U) |
	       ((entry & VTD_FS_NO_EXECUTE) != 0 ? IOMMU_PROT_NO_EXEC : 0U) |
	       ((entry & VTD_FS_PCD) != 0 ? IOMMU_PROT_MMIO : 0U);
}

/* Could hardware use this present entry without a fault, as far as its bits say? */
static inline bool x86_64_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
					unsigned int level)
{
	const uint64_t below = (1ULL << vtd_fs_level_shift(level)) - 1;

	if ((entry & VTD_FS_ADDRESS_MASK & ~pt->address_mask) != 0 ||
	    ((entry & VTD_FS_NO_EXECUTE) != 0 && (pt->flags & IOMMU_PGTABLE_NO_EXECUTE) == 0))
		return false;
	if (!vtd_fs_is_leaf(entry, level))
		return level > VTD_FS_LEAF_LEVELS ? (entry & VTD_FS_PAGE_SIZE) == 0 : true;
	return (entry & VTD_FS_ADDRESS_MASK & below) == 0 && x86_64_leaf_allowed(pt, level);
}

static inline const char *x86_64_configure(struct iommu_pgtable *pt,
					   const struct iommu_pgtable_config *config)
{
	const uint64_t sizes = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;

	if (config->table_order != 0 ||
	    (config->flags & (IOMMU_PGTABLE_EAGER | IOMMU_PGTABLE_FORCE_SNOOP)) != 0)
		return config->table_order != 0
			       ? IOMMU_WHY("the format does not choose table_order")
			       : IOMMU_WHY("flags have one that the format does not have");
	if (config->levels < VTD_FS_LEVELS_MIN || config->levels > VTD_FS_LEVELS_MAX)
		return IOMMU_WHY("levels are not within 4 to 5");
	if (config->input_bits <= IOMMU_PAGE_SHIFT ||
	    config->input_bits > vtd_fs_address_width(config->levels))
		return config->input_bits <= IOMMU_PAGE_SHIFT
			       ? IOMMU_WHY("input_bits is no more than a page")
			       : IOMMU_WHY("input_bits is more than the levels hold");
	if (config->output_bits <= IOMMU_PAGE_SHIFT || config->output_bits > 52)
		return IOMMU_WHY("output_bits is not within 13 to 52");
	if ((config->pgsize_bitmap & ~sizes) != 0 || (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0)
		return (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0
			       ? IOMMU_WHY("pgsize_bitmap lacks 4K")
			       : IOMMU_WHY("pgsize_bitmap has other sizes than 4K, 2M and 1G");
	pt->address_mask = VTD_FS_ADDRESS_MASK & ((1ULL << config->output_bits) - 1);
	pt->leaf_attributes =
		((config->flags & IOMMU_PGTABLE_GLOBAL) != 0 ? VTD_FS_GLOBAL : 0) |
		((config->flags & IOMMU_PGTABLE_ACCESSED) != 0 ? VTD_FS_ACCESSED | VTD_FS_DIRTY
							       : 0);
	return NULL;
}

enum {
	X86_64_FLAGS = IOMMU_PGTABLE_NO_EXECUTE | IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_ACCESSED,
};

#define FORMAT_NAME          "x86_64"
#define FORMAT_DIRTY         VTD_FS_DIRTY
#define FORMAT_LEVELS_MIN    VTD_FS_LEVELS_MIN
#define FORMAT_SIGN_EXTENDED true
#define FORMAT_PROT_HINTS                                                                          \
	(IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED)
#define FORMAT_FLAGS         ((unsigned int)X86_64_FLAGS)

#define format_entry_is_sane x86_64_entry_is_sane
#define format_level_shift   x86_64_level_shift
#define format_table_entries x86_64_table_entries
#define format_to_memory     x86_64_to_memory
#define format_is_present    x86_64_is_present
#define format_is_leaf       x86_64_is_leaf
#define format_leaf_allowed  x86_64_leaf_allowed
#define format_make_leaf     x86_64_make_leaf
#define format_make_table    x86_64_make_table
#define format_address       x86_64_address
#define format_prot          x86_64_prot
#define format_configure     x86_64_configure

#endif
