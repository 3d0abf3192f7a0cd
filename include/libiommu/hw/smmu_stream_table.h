/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the stream table of Arm's SMMUv3 (IHI 0070, 5.1, "Level 1 Stream Table Descriptor",
 * and 5.2, "STE, Stream Table Entry"; 3.3.1).
 *
 * A stream table entry (STE) of 64 bytes says how the transactions of a StreamID are translated.
 * Linear tables are indexed by the StreamID. Tables of 2 levels have descriptors of 8 bytes,
 * indexed by the bits from SPLIT on; each leads to a part of a linear table.
 */
#ifndef LIBIOMMU_HW_SMMU_STREAM_TABLE_H
#define LIBIOMMU_HW_SMMU_STREAM_TABLE_H

#include <libiommu/hw/smmu_field.h>

/* --- 5.1 level 1 descriptors ------------------------------------------------------------------ */

#define SMMU_L1STD_SIZE    8U
#define SMMU_L1STD_SPAN    SMMU_FIELD(0, 4, 0)
#define SMMU_L1STD_ADDRESS SMMU_FIELD(0, 55, 6) /* L2Ptr, aligned to the table's size */

/* Span: 0 no entries, n 2^(n - 1); more than SPLIT + 1 is invalid. */
static inline uint64_t smmu_l1std(uint64_t table, unsigned int span)
{
	return (table & smmu_field_mask(SMMU_L1STD_ADDRESS)) | smmu_place(SMMU_L1STD_SPAN, span);
}

static inline unsigned int smmu_l1std_span(uint64_t descriptor)
{
	return (unsigned int)smmu_bits(descriptor, SMMU_L1STD_SPAN);
}

static inline uint64_t smmu_l1std_address(uint64_t descriptor)
{
	return descriptor & smmu_field_mask(SMMU_L1STD_ADDRESS);
}

/* --- 5.2 stream table entries ----------------------------------------------------------------- */

#define SMMU_STE_WORDS 8
#define SMMU_STE_SIZE  64U

struct smmu_ste {
	smmu_word_t words[SMMU_STE_WORDS];
};

/* Word 0. */
#define SMMU_STE_V            SMMU_BIT(0, 0)
#define SMMU_STE_CONFIG       SMMU_FIELD(0, 3, 1)   /* enum smmu_ste_config */
#define SMMU_STE_S1FMT        SMMU_FIELD(0, 5, 4)   /* enum smmu_s1fmt */
#define SMMU_STE_S1CONTEXTPTR SMMU_FIELD(0, 55, 6)  /* CD or table; an IPA with stage 2 */
#define SMMU_STE_S1CDMAX      SMMU_FIELD(0, 63, 59) /* log2 of the CDs; 0: no substreams */

/* Word 1. */
#define SMMU_STE_S1DSS    SMMU_FIELD(1, 1, 0) /* enum smmu_s1dss */
#define SMMU_STE_S1CIR    SMMU_FIELD(1, 3, 2) /* of the CD's fetch: enum smmu_cacheability */
#define SMMU_STE_S1COR    SMMU_FIELD(1, 5, 4)
#define SMMU_STE_S1CSH    SMMU_FIELD(1, 7, 6)
#define SMMU_STE_S2HWU    SMMU_FIELD(1, 11, 8)
#define SMMU_STE_DRE      SMMU_BIT(1, 12)
#define SMMU_STE_CONT     SMMU_FIELD(1, 16, 13) /* log2 of the identical entries around it */
#define SMMU_STE_DCP      SMMU_BIT(1, 17)
#define SMMU_STE_PPAR     SMMU_BIT(1, 18) /* automatic answers to page requests have the PASID */
#define SMMU_STE_MEV      SMMU_BIT(1, 19) /* events may be merged */
#define SMMU_STE_S2FWB    SMMU_BIT(1, 25)
#define SMMU_STE_S1MPAM   SMMU_BIT(1, 26)
#define SMMU_STE_S1STALLD SMMU_BIT(1, 27)       /* stage 1 must not stall */
#define SMMU_STE_EATS     SMMU_FIELD(1, 29, 28) /* enum smmu_eats */
#define SMMU_STE_STRW     SMMU_FIELD(1, 31, 30) /* enum smmu_strw */
#define SMMU_STE_MEMATTR  SMMU_FIELD(1, 35, 32) /* enum smmu_memory_attribute, with MTCFG */
#define SMMU_STE_MTCFG    SMMU_BIT(1, 36)
#define SMMU_STE_ALLOCCFG SMMU_FIELD(1, 40, 37)
#define SMMU_STE_SHCFG    SMMU_FIELD(1, 45, 44) /* enum smmu_shcfg */
#define SMMU_STE_NSCFG    SMMU_FIELD(1, 47, 46)
#define SMMU_STE_PRIVCFG  SMMU_FIELD(1, 49, 48) /* enum smmu_override */
#define SMMU_STE_INSTCFG  SMMU_FIELD(1, 51, 50) /* enum smmu_override */

/* Words 2 and 3. */
#define SMMU_STE_S2VMID  SMMU_FIELD(2, 15, 0)  /* tags stage 1 alone, too, where there is stage 2 */
#define SMMU_STE_S2T0SZ  SMMU_FIELD(2, 37, 32) /* 64 less the bits of an IPA */
#define SMMU_STE_S2SL0   SMMU_FIELD(2, 39, 38)
#define SMMU_STE_S2IR0   SMMU_FIELD(2, 41, 40)
#define SMMU_STE_S2OR0   SMMU_FIELD(2, 43, 42)
#define SMMU_STE_S2SH0   SMMU_FIELD(2, 45, 44)
#define SMMU_STE_S2TG    SMMU_FIELD(2, 47, 46) /* enum smmu_granule_tg0 */
#define SMMU_STE_S2PS    SMMU_FIELD(2, 50, 48)
#define SMMU_STE_S2AA64  SMMU_BIT(2, 51)
#define SMMU_STE_S2ENDI  SMMU_BIT(2, 52)
#define SMMU_STE_S2AFFD  SMMU_BIT(2, 53) /* no faults for want of the access flag */
#define SMMU_STE_S2PTW   SMMU_BIT(2, 54) /* walks of stage 1 do not go to Device memory */
#define SMMU_STE_S2HD    SMMU_BIT(2, 55)
#define SMMU_STE_S2HA    SMMU_BIT(2, 56)
#define SMMU_STE_S2S     SMMU_BIT(2, 57) /* faults stall */
#define SMMU_STE_S2R     SMMU_BIT(2, 58) /* faults are recorded */
#define SMMU_STE_S2HAFT  SMMU_BIT(2, 59)
#define SMMU_STE_S2SL0_2 SMMU_BIT(3, 2)
#define SMMU_STE_S2DS    SMMU_BIT(3, 3)
#define SMMU_STE_S2TTB   SMMU_FIELD(3, 55, 4)

/* Config: 0 to 3 abort, without a record. */
enum smmu_ste_config {
	SMMU_STE_ABORT = 0,
	SMMU_STE_BYPASS = 4,
	SMMU_STE_STAGE_1 = 5,
	SMMU_STE_STAGE_2 = 6,
	SMMU_STE_NESTED = 7,
};

enum smmu_s1fmt {
	SMMU_S1FMT_LINEAR = 0,
	SMMU_S1FMT_4K = 1,  /* 2 levels, the second of 64 CDs … */
	SMMU_S1FMT_64K = 2, /* … or 1024 */
};

/* Transactions without a SubstreamID, where there are substreams. */
enum smmu_s1dss {
	SMMU_S1DSS_TERMINATE = 0,
	SMMU_S1DSS_BYPASS = 1, /* stage 1 */
	SMMU_S1DSS_CD0 = 2,    /* and SubstreamID 0 is refused */
};

enum smmu_eats {
	SMMU_EATS_NONE = 0,
	SMMU_EATS_FULL = 1,
	SMMU_EATS_SPLIT = 2, /* devices keep IPAs */
};

enum smmu_strw {
	SMMU_STRW_EL1 = 0,
	SMMU_STRW_EL2 = 2,
};

enum smmu_shcfg {
	SMMU_SHCFG_NON = 0,
	SMMU_SHCFG_INCOMING = 1,
	SMMU_SHCFG_OUTER = 2,
	SMMU_SHCFG_INNER = 3,
};

/* PRIVCFG and INSTCFG. */
enum smmu_override {
	SMMU_OVERRIDE_NONE = 0,
	SMMU_OVERRIDE_CLEAR = 2, /* unprivileged; data */
	SMMU_OVERRIDE_SET = 3,   /* privileged; instruction */
};

/* S2TG and the CD's TG0; TG1 is coded otherwise. */
enum smmu_granule_tg0 {
	SMMU_TG0_4K = 0,
	SMMU_TG0_64K = 1,
	SMMU_TG0_16K = 2,
};

/* log2 of the granule; 0: reserved. */
static inline unsigned int smmu_tg0_shift(unsigned int tg)
{
	static const uint8_t shifts[4] = {12, 16, 14, 0};

	return shifts[tg & 3];
}

static inline bool smmu_ste_has_stage_1(const struct smmu_ste *ste)
{
	return (smmu_get(ste->words, SMMU_STE_CONFIG) & 5) == 5;
}

static inline bool smmu_ste_has_stage_2(const struct smmu_ste *ste)
{
	return (smmu_get(ste->words, SMMU_STE_CONFIG) & 6) == 6;
}

/* Word 0 of an entry without stage 1. */
static inline uint64_t smmu_ste_word0(enum smmu_ste_config config)
{
	return smmu_place(SMMU_STE_V, 1) | smmu_place(SMMU_STE_CONFIG, (uint64_t)config);
}

/*
 * The level at which stage 2 starts, 0 to 3; 4: reserved. granule_shift: 12, 14 or 16. SL0 3 with
 * 4 KiB needs STT, with 16 KiB DS.
 */
static inline unsigned int smmu_s2sl0_level(unsigned int sl0, unsigned int granule_shift)
{
	if (granule_shift == 12)
		return sl0 == 3 ? 3 : 2 - sl0;
	return granule_shift == 16 && sl0 == 3 ? 4 : 3 - sl0;
}

#endif
