/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: x86-64 paging entries, which are those of VT-d's first stage too (VT-d specification,
 * chapter "First-Stage Translation", and the first-stage entry formats in "Translation Structure
 * Formats"; Intel SDM volume 3, chapter "Paging").
 *
 * 64-bit little-endian entries, 512 to a 4 KiB table, in 4 or 5 levels: level 1 = FS-PTE (4K
 * leaves), 2 = FS-PDE (2M), 3 = FS-PDPE (1G), 4 = FS-PML4E, 5 = FS-PML5E. A present entry can
 * always be read through. Addresses are canonical: bits above the highest that is translated repeat
 * it.
 */
#ifndef LIBIOMMU_HW_VTD_FIRST_STAGE_H
#define LIBIOMMU_HW_VTD_FIRST_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#define VTD_FS_PRESENT      (1ULL << 0) /* P */
#define VTD_FS_WRITE        (1ULL << 1) /* R/W */
#define VTD_FS_USER         (1ULL << 2) /* U/S: also without privilege */
#define VTD_FS_PWT          (1ULL << 3) /* with PCD and PAT: the memory type */
#define VTD_FS_PCD          (1ULL << 4)
#define VTD_FS_ACCESSED     (1ULL << 5)  /* A */
#define VTD_FS_DIRTY        (1ULL << 6)  /* D, of leaves */
#define VTD_FS_PAGE_SIZE    (1ULL << 7)  /* PS: a leaf at level 2 or 3. At level 1: PAT */
#define VTD_FS_GLOBAL       (1ULL << 8)  /* G, of leaves */
#define VTD_FS_PAT_LARGE    (1ULL << 12) /* PAT of a large leaf */
#define VTD_FS_ADDRESS_MASK 0x000ffffffffff000ULL
#define VTD_FS_NO_EXECUTE   (1ULL << 63) /* XD: reserved while execute-disable is off */

#define VTD_FS_TABLE_BITS   9 /* log2 of the entries in a table */
#define VTD_FS_ENTRIES      (1U << VTD_FS_TABLE_BITS)
#define VTD_FS_LEVELS_MIN   4
#define VTD_FS_LEVELS_MAX   5
#define VTD_FS_LEAF_LEVELS  3 /* levels 1 to 3 can hold leaves */

/* log2 of the bytes that one entry of a level covers. */
static inline unsigned int vtd_fs_level_shift(unsigned int level)
{
	return 12 + (level - 1) * VTD_FS_TABLE_BITS;
}

/* Bits of an address in the lower half that a table of so many levels translates: 47 or 56. */
static inline unsigned int vtd_fs_address_width(unsigned int levels)
{
	return 12 + levels * VTD_FS_TABLE_BITS - 1;
}

static inline bool vtd_fs_is_present(uint64_t entry)
{
	return (entry & VTD_FS_PRESENT) != 0;
}

/* Of a present entry: does it point to memory rather than to a table? */
static inline bool vtd_fs_is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || (level <= VTD_FS_LEAF_LEVELS && (entry & VTD_FS_PAGE_SIZE) != 0);
}

/* Tables allow everything; the leaf decides. */
static inline uint64_t vtd_fs_table(uint64_t table_paddr)
{
	return table_paddr | VTD_FS_PRESENT | VTD_FS_WRITE | VTD_FS_USER;
}

#endif
