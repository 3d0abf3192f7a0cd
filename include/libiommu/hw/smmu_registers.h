/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: registers of Arm's SMMUv3 (IHI 0070, chapter 6, "Memory map and registers": 6.1 memory
 * map, 6.2 overview, 6.3 formats).
 *
 * Offsets in bytes from a base that is a multiple of 64 KiB. There are two pages of 64 KiB. All
 * registers are little-endian; those of 64 bits may be accessed by halves. The producers and
 * consumers of the event queue and of the PRI queue are in page 1 alone. Not here: the Secure bank
 * (0x8000 and above: reads 0, ignores writes), Realm, VATOS, the command queue control pages.
 *
 * Two kinds of names stand for parts of registers. What is made by SMMU_BIT and SMMU_FIELD is a
 * field: a number that says which bits (<libiommu/hw/smmu_field.h>), for smmu_bits, smmu_place and
 * smmu_field_mask, and never a mask. So are all parts of IDR0 to IDR5, IIDR, AIDR, CR1 and of the
 * registers of tables and queues. What is written as 1U << n, or as a number in hexadecimal, is a
 * mask, for & and |: the bits of CR0, CR2, STATUSR, IRQ_CTRL and GERROR, SMMU_GBPA_UPDATE and
 * SMMU_GBPA_ABORT, and SMMU_PRIQ_IRQ_CFG2_LO, SMMU_QUEUE_POINTER and SMMU_QUEUE_OVERFLOW. (The
 * exceptions there: SMMU_CR0_VMW is a field; SMMU_CR1_TABLES and _QUEUES are masks.)
 *
 *	if ((cr0 & SMMU_CR0_SMMUEN) != 0 && smmu_bits(idr0, SMMU_IDR0_COHACC) != 0)
 *		idr0 &= ~(uint32_t)smmu_field_mask(SMMU_IDR0_COHACC);
 */
#ifndef LIBIOMMU_HW_SMMU_REGISTERS_H
#define LIBIOMMU_HW_SMMU_REGISTERS_H

#include <libiommu/hw/smmu_field.h>

#define SMMU_PAGE_SIZE      0x10000U
#define SMMU_REGISTERS_SIZE (2 * SMMU_PAGE_SIZE)

/* --- 6.1 and 6.2 offsets ---------------------------------------------------------------------- */

#define SMMU_IDR0            0x0000U /* 32: read only, as all of IDR, IIDR, AIDR */
#define SMMU_IDR1            0x0004U
#define SMMU_IDR2            0x0008U
#define SMMU_IDR3            0x000cU
#define SMMU_IDR4            0x0010U /* the implementation's own */
#define SMMU_IDR5            0x0014U
#define SMMU_IIDR            0x0018U
#define SMMU_AIDR            0x001cU
#define SMMU_CR0             0x0020U /* 32: enables; takes effect when CR0ACK shows it */
#define SMMU_CR0ACK          0x0024U /* 32: read only */
#define SMMU_CR1             0x0028U /* 32: attributes of the unit's own accesses */
#define SMMU_CR2             0x002cU /* 32 */
#define SMMU_STATUSR         0x0040U /* 32: read only */
#define SMMU_GBPA            0x0044U /* 32: what happens while SMMUEN is 0 */
#define SMMU_AGBPA           0x0048U /* 32: the implementation's own */
#define SMMU_IRQ_CTRL        0x0050U /* 32: takes effect when IRQ_CTRLACK shows it */
#define SMMU_IRQ_CTRLACK     0x0054U /* 32: read only */
#define SMMU_GERROR          0x0060U /* 32: read only; a bit that differs from GERRORN is active */
#define SMMU_GERRORN         0x0064U /* 32: acknowledgements */
#define SMMU_GERROR_IRQ_CFG0 0x0068U /* 64: address of the message; 0: none */
#define SMMU_GERROR_IRQ_CFG1 0x0070U /* 32: its data */
#define SMMU_GERROR_IRQ_CFG2 0x0074U /* 32: its attributes */
#define SMMU_STRTAB_BASE     0x0080U /* 64 */
#define SMMU_STRTAB_BASE_CFG 0x0088U /* 32 */
#define SMMU_CMDQ_BASE       0x0090U /* 64 */
#define SMMU_CMDQ_PROD       0x0098U /* 32: software's */
#define SMMU_CMDQ_CONS       0x009cU /* 32: the unit's, and its error */
#define SMMU_EVENTQ_BASE     0x00a0U /* 64 */
#define SMMU_EVENTQ_IRQ_CFG0 0x00b0U /* 64 */
#define SMMU_EVENTQ_IRQ_CFG1 0x00b8U /* 32 */
#define SMMU_EVENTQ_IRQ_CFG2 0x00bcU /* 32 */
#define SMMU_PRIQ_BASE       0x00c0U /* 64 (PRI, likewise the next three) */
#define SMMU_PRIQ_IRQ_CFG0   0x00d0U /* 64 */
#define SMMU_PRIQ_IRQ_CFG1   0x00d8U /* 32 */
#define SMMU_PRIQ_IRQ_CFG2   0x00dcU /* 32 */
#define SMMU_GATOS_CTRL      0x0100U /* 32 (ATOS, likewise the next three) */
#define SMMU_GATOS_SID       0x0108U /* 64 */
#define SMMU_GATOS_ADDR      0x0110U /* 64 */
#define SMMU_GATOS_PAR       0x0118U /* 64 */
#define SMMU_SECURE_BANK     0x8000U /* to the end of page 0 */

/* Page 1. */
#define SMMU_EVENTQ_PROD 0x100a8U /* 32: the unit's */
#define SMMU_EVENTQ_CONS 0x100acU /* 32: software's */
#define SMMU_PRIQ_PROD   0x100c8U /* 32 */
#define SMMU_PRIQ_CONS   0x100ccU /* 32 */

/* --- 6.3 IDR0 --------------------------------------------------------------------------------- */

#define SMMU_IDR0_S2P        SMMU_BIT(0, 0) /* stage 2 */
#define SMMU_IDR0_S1P        SMMU_BIT(0, 1) /* stage 1 */
#define SMMU_IDR0_TTF        SMMU_FIELD(0, 3, 2)
#define SMMU_IDR0_COHACC     SMMU_BIT(0, 4) /* walks, queues and messages are coherent */
#define SMMU_IDR0_BTM        SMMU_BIT(0, 5) /* takes the processors' TLB invalidations */
#define SMMU_IDR0_HTTU       SMMU_FIELD(0, 7, 6)
#define SMMU_IDR0_DORMHINT   SMMU_BIT(0, 8)
#define SMMU_IDR0_HYP        SMMU_BIT(0, 9) /* streams of EL2 */
#define SMMU_IDR0_ATS        SMMU_BIT(0, 10)
#define SMMU_IDR0_NS1ATS     SMMU_BIT(0, 11) /* split-stage ATS is not supported */
#define SMMU_IDR0_ASID16     SMMU_BIT(0, 12)
#define SMMU_IDR0_MSI        SMMU_BIT(0, 13)
#define SMMU_IDR0_SEV        SMMU_BIT(0, 14)
#define SMMU_IDR0_ATOS       SMMU_BIT(0, 15)
#define SMMU_IDR0_PRI        SMMU_BIT(0, 16)
#define SMMU_IDR0_VMW        SMMU_BIT(0, 17)
#define SMMU_IDR0_VMID16     SMMU_BIT(0, 18)
#define SMMU_IDR0_CD2L       SMMU_BIT(0, 19) /* CD tables of 2 levels */
#define SMMU_IDR0_VATOS      SMMU_BIT(0, 20)
#define SMMU_IDR0_TTENDIAN   SMMU_FIELD(0, 22, 21)
#define SMMU_IDR0_ATSRECERR  SMMU_BIT(0, 23)
#define SMMU_IDR0_STALL      SMMU_FIELD(0, 25, 24)
#define SMMU_IDR0_TERM_MODEL SMMU_BIT(0, 26) /* faults abort: CD.A has to be 1 */
#define SMMU_IDR0_ST_LEVEL   SMMU_FIELD(0, 28, 27)

/* TTF: bits of the formats. */
#define SMMU_TTF_AARCH32 1U
#define SMMU_TTF_AARCH64 2U

enum smmu_httu {
	SMMU_HTTU_NONE = 0,
	SMMU_HTTU_ACCESS = 1,
	SMMU_HTTU_DIRTY = 2, /* and access */
	SMMU_HTTU_TABLES = 3,
};

enum smmu_endianness {
	SMMU_ENDIAN_BOTH = 0,
	SMMU_ENDIAN_LITTLE = 2,
	SMMU_ENDIAN_BIG = 3,
};

enum smmu_stall_model {
	SMMU_STALL_OPTIONAL = 0,
	SMMU_STALL_NEVER = 1,
	SMMU_STALL_FORCED = 2,
};

#define SMMU_ST_LEVEL_LINEAR 0U
#define SMMU_ST_LEVEL_BOTH   1U /* tables of 2 levels, too */

/* --- 6.3 IDR1 --------------------------------------------------------------------------------- */

#define SMMU_IDR1_SIDSIZE          SMMU_FIELD(0, 5, 0)  /* bits of a StreamID, up to 32 */
#define SMMU_IDR1_SSIDSIZE         SMMU_FIELD(0, 10, 6) /* … of a SubstreamID, up to 20 */
#define SMMU_IDR1_PRIQS            SMMU_FIELD(0, 15, 11)
#define SMMU_IDR1_EVENTQS          SMMU_FIELD(0, 20, 16)
#define SMMU_IDR1_CMDQS            SMMU_FIELD(0, 25, 21)
#define SMMU_IDR1_ATTR_PERMS_OVR   SMMU_BIT(0, 26) /* INSTCFG and PRIVCFG have an effect */
#define SMMU_IDR1_ATTR_TYPES_OVR   SMMU_BIT(0, 27) /* SHCFG and MemAttr have one */
#define SMMU_IDR1_REL              SMMU_BIT(0, 28)
#define SMMU_IDR1_QUEUES_PRESET    SMMU_BIT(0, 29)
#define SMMU_IDR1_TABLES_PRESET    SMMU_BIT(0, 30)
#define SMMU_IDR1_ECMDQ            SMMU_BIT(0, 31)

#define SMMU_STREAM_ID_BITS_MAX    32U
#define SMMU_SUBSTREAM_ID_BITS_MAX 20U
#define SMMU_QUEUE_ORDER_MAX       19U

/* --- 6.3 IDR3 --------------------------------------------------------------------------------- */

#define SMMU_IDR3_HAD     SMMU_BIT(0, 2) /* hierarchical attributes can be disabled */
#define SMMU_IDR3_PBHA    SMMU_BIT(0, 3)
#define SMMU_IDR3_XNX     SMMU_BIT(0, 4) /* two bits of execute-never in stage 2 */
#define SMMU_IDR3_PPS     SMMU_BIT(0, 5) /* automatic answers to page requests have the PASID */
#define SMMU_IDR3_MPAM    SMMU_BIT(0, 7)
#define SMMU_IDR3_FWB     SMMU_BIT(0, 8)
#define SMMU_IDR3_STT     SMMU_BIT(0, 9)  /* small translation tables */
#define SMMU_IDR3_RIL     SMMU_BIT(0, 10) /* invalidation by range and level */
#define SMMU_IDR3_BBML    SMMU_FIELD(0, 12, 11)
#define SMMU_IDR3_E0PD    SMMU_BIT(0, 13)
#define SMMU_IDR3_PTWNNC  SMMU_BIT(0, 14)
#define SMMU_IDR3_DPT     SMMU_BIT(0, 15)
#define SMMU_IDR3_PASIDTT SMMU_BIT(0, 16)
#define SMMU_IDR3_EPAN    SMMU_BIT(0, 17)
#define SMMU_IDR3_S1PI    SMMU_BIT(0, 18)
#define SMMU_IDR3_S2PI    SMMU_BIT(0, 19)
#define SMMU_IDR3_S2PO    SMMU_BIT(0, 20)
#define SMMU_IDR3_THE     SMMU_BIT(0, 21)

/* --- 6.3 IDR5, IIDR, AIDR --------------------------------------------------------------------- */

#define SMMU_IDR5_OAS         SMMU_FIELD(0, 2, 0) /* see smmu_address_bits */
#define SMMU_IDR5_GRAN4K      SMMU_BIT(0, 4)
#define SMMU_IDR5_GRAN16K     SMMU_BIT(0, 5)
#define SMMU_IDR5_GRAN64K     SMMU_BIT(0, 6)
#define SMMU_IDR5_DS          SMMU_BIT(0, 7) /* 52 bits with granules of 4 KiB and 16 KiB */
#define SMMU_IDR5_D128        SMMU_BIT(0, 8)
#define SMMU_IDR5_VAX         SMMU_FIELD(0, 11, 10) /* virtual addresses: 0 48, 1 52, 2 56 bits */
#define SMMU_IDR5_STALL_MAX   SMMU_FIELD(0, 31, 16) /* transactions that can be stalled */

#define SMMU_IIDR_PRODUCT     SMMU_FIELD(0, 31, 20)
#define SMMU_IIDR_VARIANT     SMMU_FIELD(0, 19, 16)
#define SMMU_IIDR_REVISION    SMMU_FIELD(0, 15, 12)
#define SMMU_IIDR_IMPLEMENTER SMMU_FIELD(0, 11, 0) /* Arm: 0x43b */

#define SMMU_AIDR_MAJOR       SMMU_FIELD(0, 7, 4) /* 0: SMMUv3 */
#define SMMU_AIDR_MINOR       SMMU_FIELD(0, 3, 0) /* 0 to 4: SMMUv3.0 to SMMUv3.4 */

/* --- 6.3 CR0, CR1, CR2, STATUSR --------------------------------------------------------------- */

#define SMMU_CR0_SMMUEN   (1U << 0)
#define SMMU_CR0_PRIQEN   (1U << 1)
#define SMMU_CR0_EVENTQEN (1U << 2)
#define SMMU_CR0_CMDQEN   (1U << 3)
#define SMMU_CR0_ATSCHK   (1U << 4) /* translated transactions are checked */
#define SMMU_CR0_VMW      SMMU_FIELD(0, 8, 6)

#define SMMU_CR1_TABLE_SH SMMU_FIELD(0, 11, 10) /* enum smmu_shareability */
#define SMMU_CR1_TABLE_OC SMMU_FIELD(0, 9, 8)   /* enum smmu_cr1_cacheability */
#define SMMU_CR1_TABLE_IC SMMU_FIELD(0, 7, 6)
#define SMMU_CR1_QUEUE_SH SMMU_FIELD(0, 5, 4)
#define SMMU_CR1_QUEUE_OC SMMU_FIELD(0, 3, 2)
#define SMMU_CR1_QUEUE_IC SMMU_FIELD(0, 1, 0)
#define SMMU_CR1_TABLES   0xfc0U /* writable while SMMUEN is 0 */
#define SMMU_CR1_QUEUES   0x03fU /* … while no queue is enabled */

enum smmu_cr1_cacheability {
	SMMU_CR1_NON_CACHEABLE = 0,
	SMMU_CR1_WRITE_BACK = 1,
	SMMU_CR1_WRITE_THROUGH = 2,
};

/* Writable while SMMUEN is 0. */
#define SMMU_CR2_E2H         (1U << 0)
#define SMMU_CR2_RECINVSID   (1U << 1) /* StreamIDs that are out of range are recorded */
#define SMMU_CR2_PTM         (1U << 2) /* the processors' TLB invalidations need not be taken */
#define SMMU_CR2_REC_CFG_ATS (1U << 3) /* configuration errors of ATS are recorded */

#define SMMU_STATUSR_DORMANT (1U << 0)

/* --- 6.3 GBPA --------------------------------------------------------------------------------- */

#define SMMU_GBPA_UPDATE   (1U << 31) /* written 1 with new values; 0 again: they are in force */
#define SMMU_GBPA_ABORT    (1U << 20)
#define SMMU_GBPA_INSTCFG  SMMU_FIELD(0, 19, 18)
#define SMMU_GBPA_PRIVCFG  SMMU_FIELD(0, 17, 16)
#define SMMU_GBPA_SHCFG    SMMU_FIELD(0, 13, 12) /* enum smmu_shcfg */
#define SMMU_GBPA_ALLOCCFG SMMU_FIELD(0, 11, 8)
#define SMMU_GBPA_MTCFG    SMMU_BIT(0, 4)
#define SMMU_GBPA_MEMATTR  SMMU_FIELD(0, 3, 0)
#define SMMU_GBPA_FIELDS   0x001f3f1fU /* all but Update */

/* --- 6.3 IRQ_CTRL, …_IRQ_CFG ------------------------------------------------------------------ */

#define SMMU_IRQ_GERROR (1U << 0)
#define SMMU_IRQ_PRIQ   (1U << 1)
#define SMMU_IRQ_EVENTQ (1U << 2)

/* Of …_IRQ_CFG0 and _CFG2; those of a source can be written while its bit of IRQ_CTRL is 0. */
#define SMMU_IRQ_CFG0_ADDRESS SMMU_FIELD(0, 55, 2)
#define SMMU_IRQ_CFG2_MEMATTR SMMU_FIELD(0, 3, 0)
#define SMMU_IRQ_CFG2_SH      SMMU_FIELD(0, 5, 4)
#define SMMU_PRIQ_IRQ_CFG2_LO (1U << 31) /* an interrupt for the last request of a group */

/* --- 6.3 GERROR and GERRORN ------------------------------------------------------------------- */

#define SMMU_GERROR_CMDQ       (1U << 0) /* the command queue stopped: CMDQ_CONS says why */
#define SMMU_GERROR_EVENTQ_ABT (1U << 2) /* the event queue could not be written */
#define SMMU_GERROR_PRIQ_ABT   (1U << 3)
#define SMMU_GERROR_MSI_CMDQ   (1U << 4) /* a message could not be written */
#define SMMU_GERROR_MSI_EVENTQ (1U << 5)
#define SMMU_GERROR_MSI_PRIQ   (1U << 6)
#define SMMU_GERROR_MSI_GERROR (1U << 7)
#define SMMU_GERROR_SFM        (1U << 8) /* service failure: the unit stopped for good */
#define SMMU_GERROR_ALL        0x1fdU

static inline uint32_t smmu_gerror_active(uint32_t gerror, uint32_t gerrorn)
{
	return gerror ^ gerrorn;
}

/* --- 6.3 STRTAB_BASE and _CFG: writable while SMMUEN is 0 ------------------------------------- */

#define SMMU_STRTAB_BASE_RA      SMMU_BIT(0, 62)
#define SMMU_STRTAB_BASE_ADDRESS SMMU_FIELD(0, 55, 6) /* aligned to the table, to 64 bytes */

#define SMMU_STRTAB_CFG_LOG2SIZE SMMU_FIELD(0, 5, 0) /* bits of the StreamIDs */
#define SMMU_STRTAB_CFG_SPLIT    SMMU_FIELD(0, 10, 6)
#define SMMU_STRTAB_CFG_FORMAT   SMMU_FIELD(0, 17, 16)

enum smmu_stream_table_format {
	SMMU_STREAM_TABLE_LINEAR = 0,
	SMMU_STREAM_TABLE_2_LEVELS = 1,
};

static inline uint32_t smmu_strtab_cfg(enum smmu_stream_table_format format, unsigned int id_bits,
				       unsigned int split)
{
	return (uint32_t)(smmu_place(SMMU_STRTAB_CFG_FORMAT, (uint64_t)format) |
			  smmu_place(SMMU_STRTAB_CFG_LOG2SIZE, id_bits) |
			  smmu_place(SMMU_STRTAB_CFG_SPLIT, split));
}

/* SPLIT: bits of a StreamID below the first level's index. Other values act as 6. */
static inline unsigned int smmu_strtab_split(uint32_t cfg)
{
	const unsigned int split = (unsigned int)smmu_bits(cfg, SMMU_STRTAB_CFG_SPLIT);

	return split == 8 || split == 10 ? split : 6;
}

/* --- 3.5 and 6.3 queues ---------------------------------------------------------------------- */

#define SMMU_QUEUE_BASE_ALLOCATE SMMU_BIT(0, 62)      /* RA or WA: a hint */
#define SMMU_QUEUE_BASE_ADDRESS  SMMU_FIELD(0, 55, 5) /* aligned to the queue, to 32 bytes */
#define SMMU_QUEUE_BASE_LOG2SIZE SMMU_FIELD(0, 4, 0)

static inline uint64_t smmu_queue_base(uint64_t address, unsigned int order, bool allocate)
{
	return (address & smmu_field_mask(SMMU_QUEUE_BASE_ADDRESS)) |
	       smmu_place(SMMU_QUEUE_BASE_LOG2SIZE, order) |
	       smmu_place(SMMU_QUEUE_BASE_ALLOCATE, allocate ? 1 : 0);
}

static inline uint64_t smmu_queue_base_address(uint64_t base)
{
	return base & smmu_field_mask(SMMU_QUEUE_BASE_ADDRESS);
}

static inline unsigned int smmu_queue_base_order(uint64_t base)
{
	return (unsigned int)smmu_bits(base, SMMU_QUEUE_BASE_LOG2SIZE);
}

/*
 * PROD and CONS: an index of as many bits as the queue's order, and the wrap bit above. Equal: the
 * queue is empty; different in the wrap bit alone: it is full.
 */
#define SMMU_QUEUE_POINTER 0x000fffffU

static inline uint32_t smmu_queue_index(uint32_t pointer, unsigned int order)
{
	return pointer & ((1U << order) - 1);
}

static inline bool smmu_queue_is_empty(uint32_t prod, uint32_t cons, unsigned int order)
{
	return ((prod ^ cons) & ((2U << order) - 1)) == 0;
}

static inline bool smmu_queue_is_full(uint32_t prod, uint32_t cons, unsigned int order)
{
	return ((prod ^ cons) & ((2U << order) - 1)) == 1U << order;
}

/* Entries between them; at most the queue's size for pointers that make sense. */
static inline uint32_t smmu_queue_used(uint32_t prod, uint32_t cons, unsigned int order)
{
	return (prod - cons) & ((2U << order) - 1);
}

/* The pointer `count` entries on, with its wrap bit; no other bit is set. */
static inline uint32_t smmu_queue_advance(uint32_t pointer, uint32_t count, unsigned int order)
{
	return (pointer + count) & ((2U << order) - 1);
}

/* Of EVENTQ_PROD and PRIQ_PROD: toggles when records were lost; of …_CONS: software's answer. */
#define SMMU_QUEUE_OVERFLOW (1U << 31)

/* Of CMDQ_CONS: the error, valid while GERROR.CMDQ_ERR is active. */
#define SMMU_CMDQ_CONS_ERROR SMMU_FIELD(0, 30, 24)

enum smmu_command_error {
	SMMU_CERROR_NONE = 0,
	SMMU_CERROR_ILL = 1,          /* the command at CONS is illegal */
	SMMU_CERROR_ABT = 2,          /* it could not be read */
	SMMU_CERROR_ATC_INV_SYNC = 3, /* an ATC_INV before the CMD_SYNC at CONS timed out */
};

#endif
