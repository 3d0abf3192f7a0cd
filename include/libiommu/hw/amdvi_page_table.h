/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: host page tables (v1) of the AMD IOMMU (AMD I/O Virtualization Technology
 * Specification, 48882, section "I/O Page Tables for Host Translations": Page Translation Entry
 * and Page Directory Entry).
 *
 * 64-bit little-endian entries, 512 to a table of 4 KiB, in 1 to 6 levels; level 1 holds pages of
 * 4 KiB, level n is indexed by bits 12 + 9 (n - 1) and up. A root of 6 levels has 128 entries that
 * an address of 64 bits reaches. An entry says what it leads to by its NextLevel: a table of a
 * lower level, not only of the next one (the address bits of the levels that are skipped have to
 * be 0), a page of the level's own size, or a page whose size its address codes. IR and IW of all
 * levels, and of the device table entry, are combined by AND. Guest tables (v2) are those of
 * x86-64 processors.
 */
#ifndef LIBIOMMU_HW_AMDVI_PAGE_TABLE_H
#define LIBIOMMU_HW_AMDVI_PAGE_TABLE_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_PTE_PRESENT    (1ULL << 0)           /* PR */
#define AMDVI_PTE_IGNORED    0x800000000000019eULL /* 4:1, 8:7 and 63: software's */
#define AMDVI_PTE_ACCESSED   (1ULL << 5)           /* A: set by hardware with HASup, DTE.HAD */
#define AMDVI_PTE_DIRTY      (1ULL << 6)           /* D: likewise with HDSup; of leaves */
#define AMDVI_PTE_NEXT_LEVEL AMDVI_FIELD(11, 9)    /* see below */
#define AMDVI_PTE_ADDRESS    0x000ffffffffff000ULL /* 51:12 */
#define AMDVI_PTE_RESERVED   0x01f0000000000000ULL /* 56:52 */
#define AMDVI_PTE_MIGRATION  0x0600000000000000ULL /* 58:57: reserved in older units */
#define AMDVI_PTE_U          (1ULL << 59)          /* of leaves: attribute of PCI requests */
#define AMDVI_PTE_FC         (1ULL << 60)          /* of leaves: accesses are coherent */
#define AMDVI_PTE_READ       (1ULL << 61)          /* IR */
#define AMDVI_PTE_WRITE      (1ULL << 62)          /* IW */

/* What must be 0 in an entry that leads to a table: 60:52. */
#define AMDVI_PTE_TABLE_RESERVED 0x1ff0000000000000ULL

/* NextLevel, of an entry at level n: 1 to n - 1 a table of that level. */
#define AMDVI_PTE_LEAF       0U /* a page of the level's own size */
#define AMDVI_PTE_LEAF_CODED 7U /* a page whose size is coded in its address */

#define AMDVI_PTE_BITS       9 /* log2 of the entries in a table */
#define AMDVI_PTE_ENTRIES    (1U << AMDVI_PTE_BITS)
#define AMDVI_LEVELS_MIN     1
#define AMDVI_LEVELS_MAX     6
#define AMDVI_LEAF_LEVELS    5 /* levels 1 to 5 can hold leaves */

/* log2 of the bytes that one entry of a level covers. */
static inline unsigned int amdvi_level_shift(unsigned int level)
{
	return 12 + (level - 1) * AMDVI_PTE_BITS;
}

/* Bits of an address that a table of so many levels translates: 21 to 57, and 64. */
static inline unsigned int amdvi_address_width(unsigned int levels)
{
	return levels >= AMDVI_LEVELS_MAX ? 64 : 12 + levels * AMDVI_PTE_BITS;
}

static inline bool amdvi_pte_is_present(uint64_t entry)
{
	return (entry & AMDVI_PTE_PRESENT) != 0;
}

static inline unsigned int amdvi_pte_next_level(uint64_t entry)
{
	return (unsigned int)amdvi_bits(entry, AMDVI_PTE_NEXT_LEVEL);
}

/* Of a present entry: does it point to memory rather than to a table? */
static inline bool amdvi_pte_is_leaf(uint64_t entry)
{
	const unsigned int next = amdvi_pte_next_level(entry);

	return next == AMDVI_PTE_LEAF || next == AMDVI_PTE_LEAF_CODED;
}

static inline bool amdvi_pte_is_coded(uint64_t entry)
{
	return amdvi_pte_next_level(entry) == AMDVI_PTE_LEAF_CODED;
}

/* Of a leaf with a coded size: its bytes, 2^13 to 2^53. Legal are those of its level alone. */
static inline uint64_t amdvi_pte_coded_size(uint64_t entry)
{
	return amdvi_coded_size(entry & AMDVI_PTE_ADDRESS);
}

/* Where the memory of a leaf begins, or the table: the code of a size is no address. */
static inline uint64_t amdvi_pte_address(uint64_t entry)
{
	const uint64_t address = entry & AMDVI_PTE_ADDRESS;

	return amdvi_pte_is_coded(entry) ? amdvi_coded_base(address) : address;
}

/* An entry that leads to a table of this level; the leaf decides about permissions. */
static inline uint64_t amdvi_pte_table(uint64_t table, unsigned int level)
{
	return (table & AMDVI_PTE_ADDRESS) | amdvi_place(AMDVI_PTE_NEXT_LEVEL, level) |
	       AMDVI_PTE_READ | AMDVI_PTE_WRITE | AMDVI_PTE_PRESENT;
}

/* A page of the level's own size; flags: IR, IW, FC, U, A, D. */
static inline uint64_t amdvi_pte_leaf(uint64_t paddr, uint64_t flags)
{
	return (paddr & AMDVI_PTE_ADDRESS) | flags | AMDVI_PTE_PRESENT;
}

/* A page of 2^shift bytes, shift from 13 to 52; all entries that it spans are equal. */
static inline uint64_t amdvi_pte_leaf_coded(uint64_t paddr, unsigned int shift, uint64_t flags)
{
	return (amdvi_coded(paddr, shift) & AMDVI_PTE_ADDRESS) |
	       amdvi_place(AMDVI_PTE_NEXT_LEVEL, AMDVI_PTE_LEAF_CODED) | flags | AMDVI_PTE_PRESENT;
}

#endif
