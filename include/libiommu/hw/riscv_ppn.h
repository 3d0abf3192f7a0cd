/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: page numbers in the RISC-V IOMMU's registers and structures (RISC-V IOMMU
 * specification 1.0.0, chapters 2, 3 and 5; RISC-V privileged specification, volume II, "Supervisor
 * Address Translation and Protection Register" and "Hypervisor Guest Address Translation and
 * Protection Register"). Sections are counted as in version 1.0.0; later texts count chapters from
 * one more.
 *
 * A page number has 44 bits: addresses have 56. It stands in bits 53:10 of registers, of entries of
 * directories that lead to tables, of page-table entries and of MSI entries; and in bits 43:0,
 * below a mode, of what names a root (iohgatp, iosatp, pdtp, msiptp). The functions take and give
 * addresses in bytes.
 */
#ifndef LIBIOMMU_HW_RISCV_PPN_H
#define LIBIOMMU_HW_RISCV_PPN_H

#include <stdbool.h>
#include <stdint.h>

#define RISCV_ADDRESS_BITS 56
#define RISCV_ADDRESS_MASK 0x00fffffffffff000ULL

/* Aligned, so that on every host a word is stored in one piece. */
typedef uint64_t riscv_entry_word_t __attribute__((aligned(8)));

/* --- Bits 53:10 ------------------------------------------------------------------------------- */

#define RISCV_PPN_MASK 0x003ffffffffffc00ULL

static inline uint64_t riscv_ppn(uint64_t address)
{
	return address >> 2 & RISCV_PPN_MASK;
}

static inline uint64_t riscv_ppn_address(uint64_t word)
{
	return (word & RISCV_PPN_MASK) << 2;
}

/* --- Roots: 63:60 mode, 59:44 of the structure, 43:0 page number ------------------------------ */

#define RISCV_ROOT_PPN_MASK 0x00000fffffffffffULL

static inline uint64_t riscv_root(unsigned int mode, uint64_t address)
{
	return (uint64_t)mode << 60 | (address >> 12 & RISCV_ROOT_PPN_MASK);
}

static inline unsigned int riscv_root_mode(uint64_t root)
{
	return (unsigned int)(root >> 60);
}

static inline uint64_t riscv_root_address(uint64_t root)
{
	return (root & RISCV_ROOT_PPN_MASK) << 12;
}

#endif
