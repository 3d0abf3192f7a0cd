/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: process directory of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 2.2,
 * "Process-Directory-Table").
 *
 * 1 to 3 levels of tables of 4 KiB, indexed by 8, 9 and 3 bits of a process id (PCI: the PASID).
 * The upper levels have the entries of a device directory's upper levels (riscv_directory_entry),
 * the last one process contexts of 2 words. Words have the byte order that the device context's SBE
 * says; where there is a second stage, addresses are guest addresses.
 */
#ifndef LIBIOMMU_HW_RISCV_PROCESS_DIRECTORY_H
#define LIBIOMMU_HW_RISCV_PROCESS_DIRECTORY_H

#include <libiommu/hw/riscv_device_directory.h>

#define RISCV_PROCESS_ID_BITS       20
#define RISCV_PROCESS_CONTEXT_BITS  8 /* log2 of the process contexts in a table */
#define RISCV_PROCESS_CONTEXT_SIZE  16U
#define RISCV_PROCESS_CONTEXT_WORDS 2

/* Bits of the process ids that a directory of so many levels serves: 8, 17 or 20. */
static inline unsigned int riscv_process_id_bits(unsigned int levels)
{
	const unsigned int bits = RISCV_PROCESS_CONTEXT_BITS + (levels - 1) * RISCV_DIRECTORY_BITS;

	return bits < RISCV_PROCESS_ID_BITS ? bits : RISCV_PROCESS_ID_BITS;
}

/* Levels of a mode other than Bare. */
static inline unsigned int riscv_process_levels(enum riscv_process_directory_mode mode)
{
	return (unsigned int)mode;
}

/* The index at a level: 1 is that of the contexts. */
static inline unsigned int riscv_process_index(uint32_t process_id, unsigned int level)
{
	if (level == 1)
		return process_id & 0xff;
	return (process_id & 0xfffff) >>
		       (RISCV_PROCESS_CONTEXT_BITS + (level - 2) * RISCV_DIRECTORY_BITS) &
	       ((1U << RISCV_DIRECTORY_BITS) - 1);
}

/* 2.2.1 process contexts. */
enum riscv_process_word {
	RISCV_PROCESS_TA = 0,
	RISCV_PROCESS_FSC = 1, /* iosatp: as in a device context */
};

struct riscv_process_context {
	riscv_entry_word_t words[RISCV_PROCESS_CONTEXT_WORDS];
};

/* 2.2.2.1 ta: 31:12 PSCID, and: */
#define RISCV_PC_VALID       (1ULL << 0)
#define RISCV_PC_ENS         (1ULL << 1) /* privileged requests are served */
#define RISCV_PC_SUM         (1ULL << 2) /* … and may read and write users' pages */
#define RISCV_PC_TA_RESERVED 0xffffffff00000ff8ULL

static inline uint64_t riscv_process_ta(uint32_t pscid, uint64_t flags)
{
	return riscv_ta(pscid) | flags | RISCV_PC_VALID;
}

#endif
