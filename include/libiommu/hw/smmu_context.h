/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: context descriptors of Arm's SMMUv3 (IHI 0070, 5.3, "L1CD", and 5.4, "CD, Context
 * Descriptor"; 3.3.2).
 *
 * A context descriptor (CD) of 64 bytes says where the tables of stage 1 are, and their format. A
 * stream has one, or a table of 2^S1CDMax that is indexed by the SubstreamID (PCI: the PASID):
 * linear, or of 2 levels, the first with descriptors of 8 bytes. Where the stream has a stage 2,
 * all their addresses are IPAs.
 */
#ifndef LIBIOMMU_HW_SMMU_CONTEXT_H
#define LIBIOMMU_HW_SMMU_CONTEXT_H

#include <libiommu/hw/smmu_field.h>

/* --- 5.3 level 1 descriptors ------------------------------------------------------------------ */

#define SMMU_L1CD_SIZE    8U
#define SMMU_L1CD_V       SMMU_BIT(0, 0)
#define SMMU_L1CD_ADDRESS SMMU_FIELD(0, 55, 12) /* L2Ptr, aligned to the second level's table */

/* log2 of the CDs in a table of the second level, by STE.S1Fmt. */
#define SMMU_CD_SPLIT_4K  6U
#define SMMU_CD_SPLIT_64K 10U

static inline uint64_t smmu_l1cd(uint64_t table)
{
	return (table & smmu_field_mask(SMMU_L1CD_ADDRESS)) | smmu_place(SMMU_L1CD_V, 1);
}

static inline bool smmu_l1cd_is_valid(uint64_t descriptor)
{
	return smmu_bits(descriptor, SMMU_L1CD_V) != 0;
}

static inline uint64_t smmu_l1cd_address(uint64_t descriptor)
{
	return descriptor & smmu_field_mask(SMMU_L1CD_ADDRESS);
}

/* --- 5.4 context descriptors ------------------------------------------------------------------ */

#define SMMU_CD_WORDS 8
#define SMMU_CD_SIZE  64U

struct smmu_cd {
	smmu_word_t words[SMMU_CD_WORDS];
};

/* Word 0: half 0 is the lower half of the virtual addresses, half 1 the upper one. */
#define SMMU_CD_T0SZ SMMU_FIELD(0, 5, 0) /* 64 less the bits of a virtual address */
#define SMMU_CD_TG0  SMMU_FIELD(0, 7, 6) /* enum smmu_granule_tg0 (smmu_stream_table.h) */
#define SMMU_CD_IR0  SMMU_FIELD(0, 9, 8) /* of walks: enum smmu_cacheability */
#define SMMU_CD_OR0  SMMU_FIELD(0, 11, 10)
#define SMMU_CD_SH0  SMMU_FIELD(0, 13, 12)
#define SMMU_CD_EPD0 SMMU_BIT(0, 14) /* no walks in this half */
#define SMMU_CD_ENDI SMMU_BIT(0, 15) /* tables are big-endian */
#define SMMU_CD_T1SZ SMMU_FIELD(0, 21, 16)
#define SMMU_CD_TG1  SMMU_FIELD(0, 23, 22) /* enum smmu_granule_tg1 */
#define SMMU_CD_IR1  SMMU_FIELD(0, 25, 24)
#define SMMU_CD_OR1  SMMU_FIELD(0, 27, 26)
#define SMMU_CD_SH1  SMMU_FIELD(0, 29, 28)
#define SMMU_CD_EPD1 SMMU_BIT(0, 30)
#define SMMU_CD_V    SMMU_BIT(0, 31)
#define SMMU_CD_IPS  SMMU_FIELD(0, 34, 32)
#define SMMU_CD_AFFD SMMU_BIT(0, 35) /* no faults for want of the access flag */
#define SMMU_CD_WXN  SMMU_BIT(0, 36) /* what is writable is not executable */
#define SMMU_CD_UWXN SMMU_BIT(0, 37) /* … writable by users, not by the privileged */
#define SMMU_CD_TBI0 SMMU_BIT(0, 38) /* bits 63:56 of addresses are ignored */
#define SMMU_CD_TBI1 SMMU_BIT(0, 39)
#define SMMU_CD_PAN  SMMU_BIT(0, 40) /* the privileged have no access to users' pages */
#define SMMU_CD_AA64 SMMU_BIT(0, 41)
#define SMMU_CD_HD   SMMU_BIT(0, 42)
#define SMMU_CD_HA   SMMU_BIT(0, 43)
#define SMMU_CD_S    SMMU_BIT(0, 44) /* faults stall */
#define SMMU_CD_R    SMMU_BIT(0, 45) /* faults are recorded */
#define SMMU_CD_A    SMMU_BIT(0, 46) /* faults abort; otherwise reads are 0, writes ignored */
#define SMMU_CD_ASET SMMU_BIT(0, 47) /* the ASID is not one of the processors' */
#define SMMU_CD_ASID SMMU_FIELD(0, 63, 48)

/* Words 1 to 4. */
#define SMMU_CD_HAD0  SMMU_BIT(1, 1) /* attributes in entries of tables are ignored */
#define SMMU_CD_E0PD0 SMMU_BIT(1, 2)
#define SMMU_CD_HAFT  SMMU_BIT(1, 3)
#define SMMU_CD_TTB0  SMMU_FIELD(1, 55, 4)
#define SMMU_CD_EPAN  SMMU_BIT(1, 59)
#define SMMU_CD_HAD1  SMMU_BIT(2, 1)
#define SMMU_CD_E0PD1 SMMU_BIT(2, 2)
#define SMMU_CD_TTB1  SMMU_FIELD(2, 55, 4)
#define SMMU_CD_DS    SMMU_BIT(2, 58)
#define SMMU_CD_MAIR  3 /* a word: 8 attributes */
#define SMMU_CD_AMAIR 4

enum smmu_granule_tg1 {
	SMMU_TG1_16K = 1,
	SMMU_TG1_4K = 2,
	SMMU_TG1_64K = 3,
};

/* log2 of the granule; 0: reserved. */
static inline unsigned int smmu_tg1_shift(unsigned int tg)
{
	static const uint8_t shifts[4] = {0, 14, 12, 16};

	return shifts[tg & 3];
}

/* Attribute `index` of MAIR. */
static inline unsigned int smmu_mair_attribute(uint64_t mair, unsigned int index)
{
	return (unsigned int)(mair >> 8 * (index & 7)) & 0xff;
}

#endif
