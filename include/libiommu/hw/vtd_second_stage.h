/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: Intel VT-d second-stage paging entries (VT-d specification, chapter "Second-Stage
 * Translation", and the second-stage entry formats in "Translation Structure Formats").
 *
 * 64-bit little-endian entries, 512 to a 4 KiB table. Names of the levels: level 1 = SS-PTE (4K
 * leaves), 2 = SS-PDE (2M leaves), 3 = SS-PDPE (1G leaves), 4 = SS-PML4E, 5 = SS-PML5E. There is no
 * present bit: an entry is present when it allows reading or writing. The permission of an access
 * is the AND of all levels.
 */
#ifndef LIBIOMMU_HW_VTD_SECOND_STAGE_H
#define LIBIOMMU_HW_VTD_SECOND_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#define VTD_SS_READ         (1ULL << 0)  /* R */
#define VTD_SS_WRITE        (1ULL << 1)  /* W */
#define VTD_SS_EXECUTE      (1ULL << 2)  /* X: ignored unless second-stage execute is enabled */
#define VTD_SS_PAGE_SIZE    (1ULL << 7)  /* PS: a leaf at level 2 or 3; must be clear elsewhere */
#define VTD_SS_ACCESSED     (1ULL << 8)  /* A, with second-stage access/dirty enabled */
#define VTD_SS_DIRTY        (1ULL << 9)  /* D, likewise */
#define VTD_SS_SNOOP        (1ULL << 11) /* SNP: leaves only; reserved without snoop control */
#define VTD_SS_ADDRESS_MASK 0x000ffffffffff000ULL
#define VTD_SS_TRANSIENT    (1ULL << 62) /* TM: reserved without device-TLB support */

#define VTD_SS_TABLE_BITS   9 /* log2 of the entries in a table */
#define VTD_SS_ENTRIES      (1U << VTD_SS_TABLE_BITS)
#define VTD_SS_LEVELS_MIN   3
#define VTD_SS_LEVELS_MAX   5
#define VTD_SS_LEAF_LEVELS  3 /* levels 1 to 3 can hold leaves */

/* log2 of the bytes that one entry of a level covers. */
static inline unsigned int vtd_ss_level_shift(unsigned int level)
{
	return 12 + (level - 1) * VTD_SS_TABLE_BITS;
}

/* Width of the address that a table of so many levels translates: 39, 48 or 57. */
static inline unsigned int vtd_ss_address_width(unsigned int levels)
{
	return 12 + levels * VTD_SS_TABLE_BITS;
}

static inline bool vtd_ss_is_present(uint64_t entry)
{
	return (entry & (VTD_SS_READ | VTD_SS_WRITE)) != 0;
}

/* Of a present entry: does it point to memory rather than to a table? */
static inline bool vtd_ss_is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || (level <= VTD_SS_LEAF_LEVELS && (entry & VTD_SS_PAGE_SIZE) != 0);
}

static inline uint64_t vtd_ss_leaf(uint64_t paddr, unsigned int level, bool read, bool write)
{
	return paddr | (read ? VTD_SS_READ : 0) | (write ? VTD_SS_WRITE : 0) |
	       (level > 1 ? VTD_SS_PAGE_SIZE : 0);
}

/* Tables allow everything; the leaf decides. */
static inline uint64_t vtd_ss_table(uint64_t table_paddr)
{
	return table_paddr | VTD_SS_READ | VTD_SS_WRITE;
}

#endif
