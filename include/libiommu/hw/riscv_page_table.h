/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: page-table entries of RISC-V, which both stages of the RISC-V IOMMU walk (RISC-V
 * privileged specification, volume II, chapters "Supervisor-Level ISA" (Sv32, Sv39, Sv48, Sv57),
 * "Svnapot", "Svpbmt", and "Hypervisor Extension", "Two-Stage Address Translation"; RISC-V IOMMU
 * specification 1.0.0, 2.3 and 2.4).
 *
 * 64-bit entries, 512 to a table of 4 KiB, in 3, 4 or 5 levels; level 1 holds pages of 4 KiB. A
 * leaf may stand at any level. The second stage (Sv39x4, Sv48x4, Sv57x4) translates two bits more:
 * its root table has 2,048 entries and 16 KiB, and is aligned to 16 KiB. First-stage addresses
 * repeat their highest translated bit above; second-stage addresses have zeros there. Any reserved
 * bit in a valid entry is a page fault.
 *
 * Sv32 and Sv32x4 have 32-bit entries, 1,024 to a table, in 2 levels: bits 9:0 as here, 31:10 page
 * number. A root of Sv32x4 has 4,096 entries and 16 KiB.
 */
#ifndef LIBIOMMU_HW_RISCV_PAGE_TABLE_H
#define LIBIOMMU_HW_RISCV_PAGE_TABLE_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_PTE_VALID       (1ULL << 0)
#define RISCV_PTE_READ        (1ULL << 1)
#define RISCV_PTE_WRITE       (1ULL << 2) /* reserved without READ */
#define RISCV_PTE_EXECUTE     (1ULL << 3)
#define RISCV_PTE_USER        (1ULL << 4) /* U: in the second stage always 1 in leaves */
#define RISCV_PTE_GLOBAL      (1ULL << 5) /* G: of the first stage; 0 in the second */
#define RISCV_PTE_ACCESSED    (1ULL << 6) /* A: set by software, or by hardware with SADE or GADE */
#define RISCV_PTE_DIRTY       (1ULL << 7) /* D, likewise */
#define RISCV_PTE_SOFTWARE    (3ULL << 8) /* RSW: ignored by hardware */
#define RISCV_PTE_RESERVED    0x07c0000000000000ULL /* 58:54 */
#define RISCV_PTE_SVRSW60T59B (3ULL << 59)          /* software's, or reserved without it */
#define RISCV_PTE_PBMT        (3ULL << 61)          /* of leaves; reserved without Svpbmt */
#define RISCV_PTE_NAPOT       (1ULL << 63)          /* N: of leaves at level 1 */

#define RISCV_PTE_PERMISSIONS (RISCV_PTE_READ | RISCV_PTE_WRITE | RISCV_PTE_EXECUTE)
/* What must be 0, beside what is reserved, in an entry that leads to a table. */
#define RISCV_PTE_TABLE_ZERO                                                                       \
	(RISCV_PTE_USER | RISCV_PTE_ACCESSED | RISCV_PTE_DIRTY | RISCV_PTE_PBMT | RISCV_PTE_NAPOT)

/* PBMT: memory types, as numbers and in place. */
enum riscv_memory_type {
	RISCV_MEMORY_PMA = 0, /* as the platform says of the address */
	RISCV_MEMORY_NC = 1,  /* not cached, weakly ordered */
	RISCV_MEMORY_IO = 2,  /* not cached, strongly ordered */
};

#define RISCV_PTE_NC             (1ULL << 61)
#define RISCV_PTE_IO             (2ULL << 61)

#define RISCV_PTE_BITS           9 /* log2 of the entries in a table */
#define RISCV_ENTRIES            (1U << RISCV_PTE_BITS)
#define RISCV_LEVELS_MIN         3 /* Sv39, Sv39x4 */
#define RISCV_LEVELS_MAX         5 /* Sv57, Sv57x4 */
#define RISCV_SECOND_STAGE_EXTRA 2 /* bits that the root of a second stage has more */
#define RISCV_SECOND_STAGE_ROOT  0x4000U

/* Svnapot: 16 equal entries for 64 KiB, whose page numbers end in 1000. */
#define RISCV_NAPOT_BITS     4
#define RISCV_NAPOT_SIZE     0x10000U
#define RISCV_NAPOT_PPN      (8ULL << 10)
#define RISCV_NAPOT_PPN_MASK (15ULL << 10)

/* log2 of the bytes that one entry of a level covers. */
static inline unsigned int riscv_level_shift(unsigned int level)
{
	return 12 + (level - 1) * RISCV_PTE_BITS;
}

/* Bits of an address that a table of so many levels translates: 39, 48 or 57, with the sign. */
static inline unsigned int riscv_first_stage_width(unsigned int levels)
{
	return 12 + levels * RISCV_PTE_BITS;
}

/* 41, 50 or 59. */
static inline unsigned int riscv_second_stage_width(unsigned int levels)
{
	return riscv_first_stage_width(levels) + RISCV_SECOND_STAGE_EXTRA;
}

/* The mode of iosatp and of iohgatp, for 3, 4 or 5 levels. */
static inline unsigned int riscv_mode(unsigned int levels)
{
	return levels + 5;
}

/* Levels of a mode other than Bare. */
static inline unsigned int riscv_mode_levels(unsigned int mode)
{
	return mode - 5;
}

static inline bool riscv_pte_is_valid(uint64_t entry)
{
	return (entry & RISCV_PTE_VALID) != 0;
}

/* Of a valid entry: does it point to memory rather than to a table? */
static inline bool riscv_pte_is_leaf(uint64_t entry)
{
	return (entry & RISCV_PTE_PERMISSIONS) != 0;
}

static inline bool riscv_pte_is_napot(uint64_t entry)
{
	return (entry & RISCV_PTE_NAPOT) != 0;
}

/* Where the memory of a leaf begins, or the table: the size of a run is no address. */
static inline uint64_t riscv_pte_address(uint64_t entry)
{
	return riscv_ppn_address(riscv_pte_is_napot(entry) ? entry & ~RISCV_NAPOT_PPN_MASK : entry);
}

static inline uint64_t riscv_pte_table(uint64_t table)
{
	return riscv_ppn(table) | RISCV_PTE_VALID;
}

/* A page at any level; flags: all but V, N and the page number. */
static inline uint64_t riscv_pte_leaf(uint64_t paddr, uint64_t flags)
{
	return riscv_ppn(paddr) | flags | RISCV_PTE_VALID;
}

/* Each of the 16 entries of a run, at an address that is aligned to 64 KiB. */
static inline uint64_t riscv_pte_napot(uint64_t paddr, uint64_t flags)
{
	return riscv_pte_leaf(paddr, flags) | RISCV_NAPOT_PPN | RISCV_PTE_NAPOT;
}

static inline enum riscv_memory_type riscv_pte_memory_type(uint64_t entry)
{
	return (enum riscv_memory_type)(entry >> 61 & 3);
}

#endif
