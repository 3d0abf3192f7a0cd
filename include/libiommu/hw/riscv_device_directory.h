/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: device directory of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 2.1,
 * "Device-Directory-Table").
 *
 * 1 to 3 levels of tables of 4 KiB, indexed by parts of a device id of up to 24 bits. Entries of
 * the upper levels have 8 bytes and lead to a table. Those of the last level are device contexts:
 * in base format of 4 words, in extended format (capability MSI_FLAT) of 8. Words have the byte
 * order that FCTL.BE says.
 */
#ifndef LIBIOMMU_HW_RISCV_DEVICE_DIRECTORY_H
#define LIBIOMMU_HW_RISCV_DEVICE_DIRECTORY_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_DEVICE_ID_BITS       24
#define RISCV_DIRECTORY_LEVELS_MAX 3
#define RISCV_DIRECTORY_BITS       9 /* log2 of the 8-byte entries in a table */

/* --- 2.1.1 entries of the upper levels: 0 valid, 53:10 table --------------------------------- */

#define RISCV_DIRECTORY_VALID    (1ULL << 0)
#define RISCV_DIRECTORY_RESERVED (~(RISCV_PPN_MASK | RISCV_DIRECTORY_VALID))

static inline uint64_t riscv_directory_entry(uint64_t table)
{
	return riscv_ppn(table) | RISCV_DIRECTORY_VALID;
}

/* --- Indexes: base format 7, 9 and 8 bits of the id, extended format 6, 9 and 9 --------------- */

/* log2 of the device contexts in a table. */
static inline unsigned int riscv_context_bits(bool extended)
{
	return extended ? 6 : 7;
}

/* Bits of the device ids that a directory of so many levels serves. */
static inline unsigned int riscv_directory_id_bits(unsigned int levels, bool extended)
{
	const unsigned int bits =
		riscv_context_bits(extended) + (levels - 1) * RISCV_DIRECTORY_BITS;

	return bits < RISCV_DEVICE_ID_BITS ? bits : RISCV_DEVICE_ID_BITS;
}

/* The index at a level: 1 is that of the contexts. */
static inline unsigned int riscv_directory_index(uint32_t device_id, unsigned int level,
						 bool extended)
{
	const unsigned int low = riscv_context_bits(extended);

	if (level == 1)
		return device_id & ((1U << low) - 1);
	return (device_id & 0xffffff) >> (low + (level - 2) * RISCV_DIRECTORY_BITS) &
	       ((1U << RISCV_DIRECTORY_BITS) - 1);
}

/* --- 2.1.2 device contexts ------------------------------------------------------------------- */

#define RISCV_CONTEXT_WORDS         8
#define RISCV_CONTEXT_WORDS_BASE    4
#define RISCV_CONTEXT_BASE_SIZE     32U
#define RISCV_CONTEXT_EXTENDED_SIZE 64U

/* The words; those from MSIPTP on in the extended format alone. */
enum riscv_context_word {
	RISCV_CONTEXT_TC = 0,
	RISCV_CONTEXT_IOHGATP = 1,
	RISCV_CONTEXT_TA = 2,
	RISCV_CONTEXT_FSC = 3,
	RISCV_CONTEXT_MSIPTP = 4,
	RISCV_CONTEXT_MSI_ADDRESS_MASK = 5,
	RISCV_CONTEXT_MSI_ADDRESS_PATTERN = 6,
	RISCV_CONTEXT_RESERVED = 7, /* 0 */
};

struct riscv_context {
	riscv_entry_word_t words[RISCV_CONTEXT_WORDS];
};

/* 2.1.3.1 tc: translation control. */
#define RISCV_TC_VALID    (1ULL << 0)
#define RISCV_TC_EN_ATS   (1ULL << 1)  /* translated requests and translation requests */
#define RISCV_TC_EN_PRI   (1ULL << 2)  /* page requests */
#define RISCV_TC_T2GPA    (1ULL << 3)  /* devices are told guest addresses */
#define RISCV_TC_DTF      (1ULL << 4)  /* faults of the device's own are not recorded */
#define RISCV_TC_PDTV     (1ULL << 5)  /* FSC leads to a process directory */
#define RISCV_TC_PRPR     (1ULL << 6)  /* the unit's own answers to page requests have PASIDs */
#define RISCV_TC_GADE     (1ULL << 7)  /* hardware sets A and D in the second stage */
#define RISCV_TC_SADE     (1ULL << 8)  /* … in the first stage */
#define RISCV_TC_DPE      (1ULL << 9)  /* requests without a process id use 0 */
#define RISCV_TC_SBE      (1ULL << 10) /* first stage and process directory are big-endian */
#define RISCV_TC_SXL      (1ULL << 11) /* the first stage is Sv32 */
#define RISCV_TC_CUSTOM   0x00000000ff000000ULL
#define RISCV_TC_RESERVED 0xffffffff00fff000ULL

/* 2.1.3.2 iohgatp: 63:60 mode, 59:44 GSCID, 43:0 root of the second stage, of 16 KiB. */
enum riscv_second_stage_mode {
	RISCV_IOHGATP_BARE = 0,
	RISCV_IOHGATP_SV32X4 = 8, /* with FCTL.GXL; without, the same number is Sv39x4 */
	RISCV_IOHGATP_SV39X4 = 8,
	RISCV_IOHGATP_SV48X4 = 9,
	RISCV_IOHGATP_SV57X4 = 10,
};

#define RISCV_IOHGATP_MISALIGNED 3ULL /* bits of the page number that a root of 16 KiB has 0 */
#define RISCV_GSCID_BITS         16

static inline uint64_t riscv_iohgatp(enum riscv_second_stage_mode mode, uint16_t gscid,
				     uint64_t root)
{
	return riscv_root((unsigned int)mode, root) | (uint64_t)gscid << 44;
}

static inline uint16_t riscv_iohgatp_gscid(uint64_t iohgatp)
{
	return (uint16_t)(iohgatp >> 44);
}

/* 2.1.3.3 ta: 31:12 PSCID, unless PDTV; 51:40 RCID and 63:52 MCID with the capability QOSID. */
#define RISCV_TA_RESERVED 0x000000ff00000fffULL
#define RISCV_TA_QOS      0xffffff0000000000ULL /* reserved without QOSID */
#define RISCV_PSCID_BITS  20

static inline uint64_t riscv_ta(uint32_t pscid)
{
	return (uint64_t)(pscid & 0xfffff) << 12;
}

static inline uint32_t riscv_ta_pscid(uint64_t ta)
{
	return (uint32_t)(ta >> 12) & 0xfffff;
}

static inline uint64_t riscv_ta_qos(uint32_t rcid, uint32_t mcid)
{
	return (uint64_t)(rcid & 0xfff) << 40 | (uint64_t)(mcid & 0xfff) << 52;
}

/*
 * 2.1.3.4 fsc: 63:60 mode, 59:44 reserved, 43:0 root, which is a guest address where there is a
 * second stage. iosatp: a first-stage table; pdtp (PDTV): a process directory.
 */
#define RISCV_FSC_RESERVED 0x0ffff00000000000ULL

enum riscv_first_stage_mode {
	RISCV_IOSATP_BARE = 0,
	RISCV_IOSATP_SV32 = 8, /* with SXL; without, the same number is Sv39 */
	RISCV_IOSATP_SV39 = 8,
	RISCV_IOSATP_SV48 = 9,
	RISCV_IOSATP_SV57 = 10,
};

enum riscv_process_directory_mode {
	RISCV_PDTP_BARE = 0,
	RISCV_PDTP_PD8 = 1,
	RISCV_PDTP_PD17 = 2,
	RISCV_PDTP_PD20 = 3,
};

static inline uint64_t riscv_iosatp(enum riscv_first_stage_mode mode, uint64_t root)
{
	return riscv_root((unsigned int)mode, root);
}

static inline uint64_t riscv_pdtp(enum riscv_process_directory_mode mode, uint64_t root)
{
	return riscv_root((unsigned int)mode, root);
}

/* 2.1.3.5 msiptp: 63:60 mode, 59:44 reserved, 43:0 MSI page table. */
#define RISCV_MSIPTP_RESERVED 0x0ffff00000000000ULL

enum riscv_msi_mode {
	RISCV_MSIPTP_OFF = 0,
	RISCV_MSIPTP_FLAT = 1,
};

static inline uint64_t riscv_msiptp(enum riscv_msi_mode mode, uint64_t table)
{
	return riscv_root((unsigned int)mode, table);
}

/* 2.1.3.6 mask and pattern of page numbers: 51:0; see riscv_msi.h. */
#define RISCV_MSI_PAGE_MASK 0x000fffffffffffffULL

#endif
