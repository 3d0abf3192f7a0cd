/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: MSI page tables of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 2.1.3.5,
 * 2.1.3.6 and 2.3.3; RISC-V Advanced Interrupt Architecture 1.0, "IOMMU Support for MSIs to Virtual
 * Machines").
 *
 * A guest address whose page number equals the pattern, the bits of the mask left aside, is the
 * page of a virtual interrupt file. The bits that the mask selects, packed to the right, are the
 * number of the file, and the index of its entry in a table that is aligned to its size. Entries
 * have two words, in the byte order that FCTL.BE says.
 */
#ifndef LIBIOMMU_HW_RISCV_MSI_H
#define LIBIOMMU_HW_RISCV_MSI_H

#include <libiommu/hw/riscv_device_directory.h>

struct riscv_msi_pte {
	riscv_entry_word_t low;
	riscv_entry_word_t high;
};

#define RISCV_MSI_PTE_SIZE 16U

/* Is an address in a page of an interrupt file? */
static inline bool riscv_msi_is_file(uint64_t address, uint64_t mask, uint64_t pattern)
{
	return ((address >> 12 ^ pattern) & ~mask & RISCV_MSI_PAGE_MASK) == 0;
}

/* The number of the interrupt file of such an address. */
static inline uint64_t riscv_msi_file(uint64_t address, uint64_t mask)
{
	const uint64_t page = address >> 12;
	uint64_t file = 0;
	unsigned int bit, packed = 0;

	for (bit = 0; bit < 52; bit++)
		if ((mask >> bit & 1) != 0)
			file |= (page >> bit & 1) << packed++;
	return file;
}

/* The page address of an interrupt file: the reverse. */
static inline uint64_t riscv_msi_page(uint64_t file, uint64_t mask, uint64_t pattern)
{
	uint64_t page = pattern & ~mask & RISCV_MSI_PAGE_MASK;
	unsigned int bit, packed = 0;

	for (bit = 0; bit < 52; bit++)
		if ((mask >> bit & 1) != 0)
			page |= (file >> packed++ & 1) << bit;
	return page << 12;
}

/* --- Entries: low 0 valid, 2:1 mode, 63 custom ------------------------------------------------ */

#define RISCV_MSI_PTE_VALID  (1ULL << 0)
#define RISCV_MSI_PTE_CUSTOM (1ULL << 63) /* C: the rest is the implementation's */

enum riscv_msi_pte_mode {
	RISCV_MSI_MRIF = 1,  /* the interrupt file is in memory */
	RISCV_MSI_BASIC = 3, /* the message goes to a page */
};

static inline unsigned int riscv_msi_pte_mode(uint64_t low)
{
	return (unsigned int)(low >> 1) & 3;
}

/* Basic: low 53:10 page; the high word is ignored. */
#define RISCV_MSI_BASIC_RESERVED 0x7fc00000000003f8ULL

static inline uint64_t riscv_msi_basic(uint64_t page)
{
	return riscv_ppn(page) | (uint64_t)RISCV_MSI_BASIC << 1 | RISCV_MSI_PTE_VALID;
}

/*
 * MRIF: low 53:7 bits 55:9 of the file's address; high 9:0 and 60 the number that the notice has as
 * its data, 53:10 the page that it is written to.
 */
#define RISCV_MRIF_SIZE          512U
#define RISCV_MRIF_LOW_RESERVED  0x7fc0000000000078ULL
#define RISCV_MRIF_HIGH_RESERVED 0xefc0000000000000ULL
#define RISCV_MRIF_ADDRESS       0x003fffffffffff80ULL
#define RISCV_NOTICE_ID_MAX      0x7ffU

static inline uint64_t riscv_mrif_low(uint64_t file)
{
	return (file >> 2 & RISCV_MRIF_ADDRESS) | (uint64_t)RISCV_MSI_MRIF << 1 |
	       RISCV_MSI_PTE_VALID;
}

static inline uint64_t riscv_mrif_address(uint64_t low)
{
	return (low & RISCV_MRIF_ADDRESS) << 2;
}

static inline uint64_t riscv_mrif_high(uint64_t notice_page, unsigned int notice_id)
{
	return riscv_ppn(notice_page) | (notice_id & 0x3ff) | (uint64_t)(notice_id >> 10 & 1) << 60;
}

static inline unsigned int riscv_mrif_notice_id(uint64_t high)
{
	return (unsigned int)(high & 0x3ff) | (unsigned int)(high >> 60 & 1) << 10;
}

/* A file in memory: for each 64 interrupt identities 64 pending bits, then 64 enable bits. */
#define RISCV_MRIF_IDENTITIES 2048U

static inline uint32_t riscv_mrif_pending(uint32_t identity)
{
	return identity / 64 * 16;
}

static inline uint32_t riscv_mrif_enabled(uint32_t identity)
{
	return riscv_mrif_pending(identity) + 8;
}

#endif
