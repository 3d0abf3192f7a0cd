/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: translation table descriptors of Arm, VMSAv8-64, which processors and the SMMUv3 walk
 * (Arm Architecture Reference Manual, DDI 0487, chapter D8, "The AArch64 Virtual Memory System
 * Architecture": "Translation table descriptor formats", "The Contiguous bit", "Hardware management
 * of the Access flag and dirty state", "Support for levels 1 and 2 of FEAT_BBM"; SMMU architecture,
 * IHI 0070, "Stream Table Entry", "Context Descriptor").
 *
 * 64-bit descriptors. A table is as large as the smallest page, the granule: of 2^n bytes, n being
 * 12, 14 or 16, it has 2^(n - 3) descriptors. Arm counts levels from the root to 3, the level of
 * pages; the root is at level -1, 0, 1, 2 or 3, as the width of addresses demands. The root of the
 * second stage may be up to 16 tables behind one another, aligned to the size of them all. Here
 * level 1 is that of pages, as in all of this library: Arm's level is 4 minus ours.
 *
 *   granule   pages and blocks                      with the Contiguous bit
 *   4K        4K, 2M, 1G, 512G (DS)                 16 entries: 64K, 32M, 16G
 *   16K       16K, 32M, 64G (DS)                    128, 32: 2M, 1G
 *   64K       64K, 512M, 4T (addresses of 52 bits)  32: 2M, 16G
 *
 * DS (TCR_ELx.DS, VTCR_EL2.DS, CD.DS, STE.S2DS; FEAT_LPA2) is the form of descriptors for addresses
 * of 52 bits with granules of 4K and 16K: bits 9:8 are then bits 51:50 of the address, and say
 * nothing of shareability, which the register has. With 64K (FEAT_LPA) bits 15:12 are bits 51:48.
 */
#ifndef LIBIOMMU_HW_ARM_PAGE_TABLE_H
#define LIBIOMMU_HW_ARM_PAGE_TABLE_H

#include <libiommu/types.h>

/* --- Both stages ------------------------------------------------------------------------------ */

#define VMSA_VALID            (1ULL << 0) /* without it the other 63 bits are software's */
#define VMSA_PAGE_OR_TABLE    (1ULL << 1) /* clear: a block; in the level of pages: invalid */
#define VMSA_MEMORY_TYPE      (15ULL << 2)
#define VMSA_SH               (3ULL << 8) /* shareability; with DS bits 51:50 of the address */
#define VMSA_SH_OUTER         (2ULL << 8)
#define VMSA_SH_INNER         (3ULL << 8)
#define VMSA_ACCESS_FLAG      (1ULL << 10) /* AF: set by software, or by hardware with HA */
#define VMSA_NO_TRANSLATION   (1ULL << 16) /* nT: of blocks, FEAT_BBM level 1 */
#define VMSA_DBM              (1ULL << 51) /* with HD: hardware makes it writable by writing */
#define VMSA_CONTIGUOUS       (1ULL << 52)
#define VMSA_SOFTWARE         (15ULL << 55)

#define VMSA_DESCRIPTOR_BYTES 8U
#define VMSA_LEVELS_MAX       5U  /* Arm's levels -1 to 3 */
#define VMSA_INPUT_BITS_MIN   25U /* of addresses; fewer take FEAT_TTST */
#define VMSA_CONCATENATED_MAX 4U  /* log2 of the tables of a second stage's root */

/* Addresses: bits that stand where they are, and those that stand lower. */
#define VMSA_ADDRESS        0x0000fffffffff000ULL
#define VMSA_ADDRESS_DS     0x0003fffffffff000ULL /* with DS */
#define VMSA_ADDRESS_RES0   (3ULL << 48)          /* without */
#define VMSA_HIGH_DS        (3ULL << 8)           /* 51:50 */
#define VMSA_HIGH_DS_SHIFT  42U
#define VMSA_HIGH_64K       (15ULL << 12) /* 51:48 */
#define VMSA_HIGH_64K_SHIFT 36U

/* --- First stage ------------------------------------------------------------------------------ */

#define VMSA_S1_ATTR_INDEX   (7ULL << 2) /* AttrIndx: which byte of MAIR */
#define VMSA_S1_NS           (1ULL << 5) /* of secure states only */
#define VMSA_S1_UNPRIVILEGED (1ULL << 6) /* AP[1]: not for privileged accesses alone */
#define VMSA_S1_READ_ONLY    (1ULL << 7) /* AP[2] */
#define VMSA_S1_NOT_GLOBAL   (1ULL << 11)
#define VMSA_S1_GUARDED      (1ULL << 50) /* GP: of processors */
#define VMSA_S1_PXN          (1ULL << 53)
#define VMSA_S1_UXN          (1ULL << 54)
#define VMSA_S1_NO_EXECUTE   (VMSA_S1_PXN | VMSA_S1_UXN)

/* Limits that a table descriptor sets to all below it, unless they are switched off (HPD, HAD). */
#define VMSA_S1_TABLE_LIMITS (31ULL << 59) /* NSTable, APTable, UXNTable, PXNTable */

/* The memory types of MAIR in the order that tables of this library have, as Linux has it. */
enum vmsa_memory_type {
	VMSA_MEMORY_NOT_CACHED = 0,
	VMSA_MEMORY_WRITE_BACK = 1,
	VMSA_MEMORY_DEVICE = 2, /* nGnRE */
};

#define VMSA_MAIR 0x04ff44ULL

/* --- Second stage ----------------------------------------------------------------------------- */

#define VMSA_S2_READ       (1ULL << 6) /* S2AP[0] */
#define VMSA_S2_WRITE      (1ULL << 7) /* S2AP[1] */
#define VMSA_S2_XN         (3ULL << 53)
#define VMSA_S2_NO_EXECUTE (1ULL << 54) /* XN[1:0] = 10: by no privilege, with XNX or without */

/* MemAttr, 5:2: outer and inner; 0 to 3 are of devices. */
#define VMSA_S2_DEVICE     (1ULL << 2) /* nGnRE */
#define VMSA_S2_NOT_CACHED (5ULL << 2)
#define VMSA_S2_WRITE_BACK (15ULL << 2)
/* With STE.S2FWB or HCR_EL2.FWB the same bits say this of what is no device. */
#define VMSA_S2_FWB_WRITE_BACK  (6ULL << 2) /* whatever the first stage says */
#define VMSA_S2_FWB_FIRST_STAGE (7ULL << 2)

/* --- Shapes ----------------------------------------------------------------------------------- */

/* log2 of the descriptors of a table. */
static inline unsigned int vmsa_table_bits(unsigned int granule_shift)
{
	return granule_shift - 3;
}

/* log2 of the bytes that one descriptor of a level covers. */
static inline unsigned int vmsa_level_shift(unsigned int granule_shift, unsigned int level)
{
	return granule_shift + (level - 1) * vmsa_table_bits(granule_shift);
}

/* log2 of the entries that have the Contiguous bit together; 0: the level has none. */
static inline unsigned int vmsa_contiguous_bits(unsigned int granule_shift, unsigned int level)
{
	if (granule_shift == 12)
		return level <= 3 ? 4 : 0;
	if (granule_shift == 14 && level == 1)
		return 7;
	return level <= 2 ? 5 : 0;
}

/* Can there be a page or a block? `wide`: DS, or with 64K addresses of 52 bits. */
static inline bool vmsa_level_has_leaves(unsigned int granule_shift, unsigned int level, bool wide)
{
	const unsigned int most = granule_shift == 12 ? 3 : 2;

	return level <= most + (wide ? 1 : 0);
}

/* TG0 of TCR_EL1, VTCR_EL2 and CD, S2TG of STE. */
static inline unsigned int vmsa_tg0(unsigned int granule_shift)
{
	return granule_shift == 12 ? 0 : granule_shift == 14 ? 2 : 1;
}

/* TG1 of TCR_EL1 and CD, which has other numbers. */
static inline unsigned int vmsa_tg1(unsigned int granule_shift)
{
	return granule_shift == 12 ? 2 : granule_shift == 14 ? 1 : 3;
}

/* SL0 of VTCR_EL2, S2SL0 of STE: where a walk of so many levels starts. */
static inline unsigned int vmsa_sl0(unsigned int granule_shift, unsigned int levels)
{
	return granule_shift == 12 ? (levels == 1 ? 3 : levels - 2) : levels - 1;
}

/*
 * The number of a width in IPS, PS, S2PS and OAS: 32, 36, 40, 42, 44, 48, 52, 56 bits; the smallest
 * that is no smaller.
 */
static inline unsigned int vmsa_physical_size(unsigned int bits)
{
	if (bits <= 36)
		return bits <= 32 ? 0 : 1;
	if (bits <= 44)
		return bits <= 40 ? 2 : bits <= 42 ? 3 : 4;
	return bits <= 48 ? 5 : bits <= 52 ? 6 : 7;
}

/* log2 of the descriptors of a root, which a table (struct iommu_pgtable) has in its flags. */
static inline unsigned int vmsa_root_bits(unsigned int flags)
{
	return flags >> 24;
}

static inline unsigned int vmsa_flags_of_root(unsigned int root_bits)
{
	return root_bits << 24;
}

/* --- Descriptors ------------------------------------------------------------------------------ */

/* An address as it stands in a descriptor: of 48 bits, or of 52 as the descriptor has them. */
static inline uint64_t vmsa_address_bits(unsigned int granule_shift, uint64_t address)
{
	if (granule_shift == 16)
		return (address & VMSA_ADDRESS) | (address >> VMSA_HIGH_64K_SHIFT & VMSA_HIGH_64K);
	return (address & VMSA_ADDRESS_DS) | (address >> VMSA_HIGH_DS_SHIFT & VMSA_HIGH_DS);
}

/*
 * The address in a descriptor, of a page, a block or a table; ds: bits 9:8 are part of it. Bits
 * below the size of a block are not taken off: one of them may be nT.
 */
static inline uint64_t vmsa_address(unsigned int granule_shift, uint64_t entry, bool ds)
{
	const uint64_t below = (1ULL << granule_shift) - 1;

	if (granule_shift == 16)
		return (entry & VMSA_ADDRESS & ~below) | (entry & VMSA_HIGH_64K)
								 << VMSA_HIGH_64K_SHIFT;
	if (ds)
		return (entry & VMSA_ADDRESS_DS & ~below) | (entry & VMSA_HIGH_DS)
								    << VMSA_HIGH_DS_SHIFT;
	return entry & VMSA_ADDRESS & ~below;
}

static inline bool vmsa_is_valid(uint64_t entry)
{
	return (entry & VMSA_VALID) != 0;
}

/* Of a valid descriptor: does it lead to memory rather than to a table? */
static inline bool vmsa_is_leaf(uint64_t entry, unsigned int level)
{
	return level == 1 || (entry & VMSA_PAGE_OR_TABLE) == 0;
}

/* Is it one of several that have the Contiguous bit together? */
static inline bool vmsa_is_contiguous(uint64_t entry, unsigned int level)
{
	return (entry & VMSA_CONTIGUOUS) != 0 && vmsa_is_leaf(entry, level);
}

static inline uint64_t vmsa_table(unsigned int granule_shift, uint64_t table)
{
	return vmsa_address_bits(granule_shift, table) | VMSA_PAGE_OR_TABLE | VMSA_VALID;
}

/* What says that a descriptor of a level leads to memory: a page, or a block. */
static inline uint64_t vmsa_leaf_type(unsigned int level)
{
	return level == 1 ? VMSA_PAGE_OR_TABLE | VMSA_VALID : VMSA_VALID;
}

/* --- Writes that hardware notes: HD, and DBM in the descriptor -------------------------------- */

/* First stage: by a write hardware clears AP[2]. */
static inline bool vmsa_s1_is_dirty(uint64_t entry)
{
	return (entry & (VMSA_DBM | VMSA_S1_READ_ONLY)) == VMSA_DBM;
}

static inline bool vmsa_s1_is_writable(uint64_t entry)
{
	return (entry & VMSA_S1_READ_ONLY) == 0 || (entry & VMSA_DBM) != 0;
}

/* Second stage: by a write hardware sets S2AP[1]. */
static inline bool vmsa_s2_is_dirty(uint64_t entry)
{
	return (entry & (VMSA_DBM | VMSA_S2_WRITE)) == (VMSA_DBM | VMSA_S2_WRITE);
}

static inline bool vmsa_s2_is_writable(uint64_t entry)
{
	return (entry & (VMSA_DBM | VMSA_S2_WRITE)) != 0;
}

/* MemAttr of the second stage: of a device? */
static inline bool vmsa_s2_is_device(uint64_t entry)
{
	return (entry & VMSA_MEMORY_TYPE) < 4ULL << 2;
}

static inline enum vmsa_memory_type vmsa_s1_memory_type(uint64_t entry)
{
	return (enum vmsa_memory_type)((entry & VMSA_S1_ATTR_INDEX) >> 2);
}

static inline uint64_t vmsa_s1_attr_index(enum vmsa_memory_type type)
{
	return (uint64_t)type << 2;
}

/* --- Registers: what says how tables are walked ----------------------------------------------- */

/* TCR_EL1, of TTBR0; CD has T0SZ, TG0, IR0, OR0, SH0 and IPS at places of its own. */
#define VMSA_TCR_T0SZ(bits)   (64ULL - (bits))
#define VMSA_TCR_WALKS_CACHED (1ULL << 8 | 1ULL << 10) /* IRGN0, ORGN0: write-back, allocating */
#define VMSA_TCR_WALKS_SHARED (3ULL << 12)             /* SH0: inner shareable */
#define VMSA_TCR_TG0_SHIFT    14
#define VMSA_TCR_EPD1         (1ULL << 23) /* nothing is walked from TTBR1 */
#define VMSA_TCR_IPS_SHIFT    32
#define VMSA_TCR_HA           (1ULL << 39)
#define VMSA_TCR_HD           (1ULL << 40)
#define VMSA_TCR_DS           (1ULL << 59)

/* VTCR_EL2: T0SZ, IRGN0, ORGN0, SH0 and TG0 as in TCR_EL1. */
#define VMSA_VTCR_SL0_SHIFT 6
#define VMSA_VTCR_PS_SHIFT  16
#define VMSA_VTCR_HA        (1ULL << 21)
#define VMSA_VTCR_HD        (1ULL << 22)
#define VMSA_VTCR_RES1      (1ULL << 31)
#define VMSA_VTCR_DS        (1ULL << 32)

/* TTBRn_EL1, VTTBR_EL2: with addresses of 52 bits their bits 5:2 are bits 51:48 of the root's. */
static inline uint64_t vmsa_ttbr(uint64_t root, bool wide)
{
	return wide ? (root & VMSA_ADDRESS) | (root >> 46 & 0x3c) : root;
}

#endif
