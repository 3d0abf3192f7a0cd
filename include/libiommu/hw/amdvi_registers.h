/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: registers of the AMD IOMMU (AMD I/O Virtualization Technology Specification, 48882,
 * section "IOMMU MMIO Registers"). EFR and EFR2: amdvi_features.h.
 *
 * Offsets in bytes from the base that the capability names. All registers are little-endian and of
 * 64 bits, where it does not say 32; they may be accessed by aligned halves. The control register
 * is to be written as a whole. Not here: SMI filters, MARC, performance counters, what SNP and
 * virtual units add.
 */
#ifndef LIBIOMMU_HW_AMDVI_REGISTERS_H
#define LIBIOMMU_HW_AMDVI_REGISTERS_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_REGISTERS_SIZE          0x4000U
#define AMDVI_REGISTERS_SIZE_COUNTERS 0x80000U /* with EFR.PCSup */

/* --- Offsets ---------------------------------------------------------------------------------- */

#define AMDVI_DEVICE_TABLE_BASE    0x0000U
#define AMDVI_COMMAND_BASE         0x0008U
#define AMDVI_EVENT_BASE           0x0010U
#define AMDVI_CONTROL              0x0018U
#define AMDVI_EXCLUSION_BASE       0x0020U
#define AMDVI_EXCLUSION_LIMIT      0x0028U
#define AMDVI_EFR                  0x0030U /* read only */
#define AMDVI_PPR_BASE             0x0038U
#define AMDVI_HEV_UPPER            0x0040U /* of hardware events: see AMDVI_HEV_STATUS */
#define AMDVI_HEV_LOWER            0x0048U
#define AMDVI_HEV_STATUS           0x0050U
#define AMDVI_GA_BASE              0x00e0U
#define AMDVI_GA_TAIL_ADDRESS      0x00e8U
#define AMDVI_PPR_B_BASE           0x00f0U
#define AMDVI_EVENT_B_BASE         0x00f8U
#define AMDVI_SEGMENT_BASE         0x0100U /* of segments 1 to 7: see amdvi_segment_register */
#define AMDVI_FEATURE              0x0138U /* device-specific */
#define AMDVI_FEATURE_CONTROL      0x0140U
#define AMDVI_FEATURE_STATUS       0x0148U
#define AMDVI_MSI_VECTOR_0         0x0150U /* 32: copy of AMDVI_CAP_MISC_0 */
#define AMDVI_MSI_VECTOR_1         0x0154U /* 32 */
#define AMDVI_MSI_CAPABILITY       0x0158U /* 32, with EFR.MsiCapMmioSup, as the next four */
#define AMDVI_MSI_ADDRESS_LOW      0x015cU
#define AMDVI_MSI_ADDRESS_HIGH     0x0160U
#define AMDVI_MSI_DATA             0x0164U
#define AMDVI_MSI_MAPPING          0x0168U
#define AMDVI_PERFORMANCE          0x016cU /* 32 */
#define AMDVI_XT_INTERRUPT_GENERAL 0x0170U
#define AMDVI_XT_INTERRUPT_PPR     0x0178U
#define AMDVI_XT_INTERRUPT_GA      0x0180U
#define AMDVI_EFR2                 0x01a0U /* read only */
#define AMDVI_COMMAND_HEAD         0x2000U /* the unit's */
#define AMDVI_COMMAND_TAIL         0x2008U /* software's */
#define AMDVI_EVENT_HEAD           0x2010U /* software's */
#define AMDVI_EVENT_TAIL           0x2018U /* the unit's */
#define AMDVI_STATUS               0x2020U
#define AMDVI_PPR_HEAD             0x2030U
#define AMDVI_PPR_TAIL             0x2038U
#define AMDVI_GA_HEAD              0x2040U
#define AMDVI_GA_TAIL              0x2048U
#define AMDVI_PPR_B_HEAD           0x2050U
#define AMDVI_PPR_B_TAIL           0x2058U
#define AMDVI_EVENT_B_HEAD         0x2070U
#define AMDVI_EVENT_B_TAIL         0x2078U
#define AMDVI_PPR_AUTO_RESPONSE    0x2080U
#define AMDVI_PPR_EARLY            0x2088U
#define AMDVI_PPR_B_EARLY          0x2090U

/* --- Device table ----------------------------------------------------------------------------- */

#define AMDVI_DEVICE_TABLE_SIZE    AMDVI_FIELD(8, 0) /* pages of 4 KiB, minus 1; segments: 7:0 */
#define AMDVI_DEVICE_TABLE_ADDRESS AMDVI_FIELD(51, 12)
#define AMDVI_DEVICE_TABLE_MAX     0x200000U /* bytes of a whole table: 65,536 entries */
#define AMDVI_SEGMENTS_MAX         8U

/* A table of `size` bytes, a multiple of 4 KiB up to the maximum. */
static inline uint64_t amdvi_device_table_base(uint64_t address, uint32_t size)
{
	return (address & amdvi_field_mask(AMDVI_DEVICE_TABLE_ADDRESS)) |
	       amdvi_place(AMDVI_DEVICE_TABLE_SIZE, (size >> 12) - 1);
}

static inline uint64_t amdvi_device_table_address(uint64_t base)
{
	return base & amdvi_field_mask(AMDVI_DEVICE_TABLE_ADDRESS);
}

/* In bytes. */
static inline uint32_t amdvi_device_table_size(uint64_t base)
{
	return ((uint32_t)amdvi_bits(base, AMDVI_DEVICE_TABLE_SIZE) + 1) << 12;
}

/* The base register of segment 0 to 7. */
static inline uint32_t amdvi_segment_register(unsigned int segment)
{
	return segment == 0 ? AMDVI_DEVICE_TABLE_BASE : AMDVI_SEGMENT_BASE + 8 * (segment - 1);
}

/* --- Rings: command buffer and logs ----------------------------------------------------------- */

/* Writing a base register sets its head and tail to 0. */
#define AMDVI_RING_ADDRESS   AMDVI_FIELD(51, 12)
#define AMDVI_RING_LENGTH    AMDVI_FIELD(59, 56) /* log2 of the entries */
#define AMDVI_RING_ORDER_MIN 8U
#define AMDVI_RING_ORDER_MAX 15U

/* Heads and tails, in bytes: entries have 16, those of the GA log 8. Empty: equal. */
#define AMDVI_RING_POINTER    AMDVI_FIELD(18, 4)
#define AMDVI_GA_RING_POINTER AMDVI_FIELD(17, 3)

static inline uint64_t amdvi_ring_base(uint64_t address, unsigned int order)
{
	return (address & amdvi_field_mask(AMDVI_RING_ADDRESS)) |
	       amdvi_place(AMDVI_RING_LENGTH, order);
}

static inline uint64_t amdvi_ring_address(uint64_t base)
{
	return base & amdvi_field_mask(AMDVI_RING_ADDRESS);
}

/* log2 of the entries; below AMDVI_RING_ORDER_MIN: reserved, and the ring does not run. */
static inline unsigned int amdvi_ring_order(uint64_t base)
{
	return (unsigned int)amdvi_bits(base, AMDVI_RING_LENGTH);
}

/* The byte offset in a head or tail of a ring of 2^order entries of 16 bytes. */
static inline uint32_t amdvi_ring_offset(uint64_t pointer, unsigned int order)
{
	return (uint32_t)pointer & ((16U << order) - 1) & ~15U;
}

/* --- Control ---------------------------------------------------------------------------------- */

#define AMDVI_CONTROL_IOMMU_EN         AMDVI_BIT(0) /* 0: all requests pass untranslated */
#define AMDVI_CONTROL_HT_TUN_EN        AMDVI_BIT(1)
#define AMDVI_CONTROL_EVENT_LOG_EN     AMDVI_BIT(2)
#define AMDVI_CONTROL_EVENT_INT_EN     AMDVI_BIT(3)
#define AMDVI_CONTROL_COM_WAIT_INT_EN  AMDVI_BIT(4)
#define AMDVI_CONTROL_INV_TIMEOUT      AMDVI_FIELD(7, 5) /* enum amdvi_inv_timeout */
#define AMDVI_CONTROL_PASS_PW          AMDVI_BIT(8)
#define AMDVI_CONTROL_RES_PASS_PW      AMDVI_BIT(9)
#define AMDVI_CONTROL_COHERENT         AMDVI_BIT(10) /* table walks are coherent with caches */
#define AMDVI_CONTROL_ISOC             AMDVI_BIT(11)
#define AMDVI_CONTROL_CMD_BUF_EN       AMDVI_BIT(12)
#define AMDVI_CONTROL_PPR_LOG_EN       AMDVI_BIT(13)
#define AMDVI_CONTROL_PPR_INT_EN       AMDVI_BIT(14)
#define AMDVI_CONTROL_PPR_EN           AMDVI_BIT(15)
#define AMDVI_CONTROL_GT_EN            AMDVI_BIT(16) /* before the first DTE with GV */
#define AMDVI_CONTROL_GA_EN            AMDVI_BIT(17) /* interrupt entries of 128 bits */
#define AMDVI_CONTROL_SMIF_EN          AMDVI_BIT(22)
#define AMDVI_CONTROL_SLF_WB_DIS       AMDVI_BIT(23)
#define AMDVI_CONTROL_SMIF_LOG_EN      AMDVI_BIT(24)
#define AMDVI_CONTROL_GAM_EN           AMDVI_FIELD(27, 25)
#define AMDVI_CONTROL_GA_LOG_EN        AMDVI_BIT(28)
#define AMDVI_CONTROL_GA_INT_EN        AMDVI_BIT(29)
#define AMDVI_CONTROL_DUAL_PPR_EN      AMDVI_FIELD(31, 30)
#define AMDVI_CONTROL_DUAL_EVENT_EN    AMDVI_FIELD(33, 32)
#define AMDVI_CONTROL_SEGMENTS_EN      AMDVI_FIELD(36, 34) /* log2 of the segments */
#define AMDVI_CONTROL_PRIV_ABRT_EN     AMDVI_FIELD(38, 37)
#define AMDVI_CONTROL_PPR_AUTO_EN      AMDVI_BIT(39)
#define AMDVI_CONTROL_MARC_EN          AMDVI_BIT(40)
#define AMDVI_CONTROL_BLOCK_STOP_EN    AMDVI_BIT(41)
#define AMDVI_CONTROL_PPR_AUTO_AON     AMDVI_BIT(42)
#define AMDVI_CONTROL_INT_REMAP_MODE   AMDVI_FIELD(44, 43) /* 1: 2,048 interrupts of a device */
#define AMDVI_CONTROL_EPH_EN           AMDVI_BIT(45)
#define AMDVI_CONTROL_HAD_UPDATE       AMDVI_FIELD(47, 46)
#define AMDVI_CONTROL_GD_UPDATE_DIS    AMDVI_BIT(48)
#define AMDVI_CONTROL_XT_EN            AMDVI_BIT(50) /* destinations of 32 bits; needs GAEn */
#define AMDVI_CONTROL_INT_CAP_XT_EN    AMDVI_BIT(51) /* the unit's own interrupts: XT registers */
#define AMDVI_CONTROL_VCMD_EN          AMDVI_BIT(52)
#define AMDVI_CONTROL_VIOMMU_EN        AMDVI_BIT(53)
#define AMDVI_CONTROL_GA_UPDATE_DIS    AMDVI_BIT(54)
#define AMDVI_CONTROL_GAPPI_EN         AMDVI_BIT(55)
#define AMDVI_CONTROL_TMPM_EN          AMDVI_BIT(56)
#define AMDVI_CONTROL_GCR3_TRP_MODE    AMDVI_BIT(58)
#define AMDVI_CONTROL_IRT_CACHE_DIS    AMDVI_BIT(59) /* supported when it stays set */
#define AMDVI_CONTROL_GST_BUF_TRP_MODE AMDVI_BIT(60)
#define AMDVI_CONTROL_SNP_AVIC_EN      AMDVI_FIELD(63, 61)

/* How long the unit waits for the answer of a device to an invalidation. */
enum amdvi_inv_timeout {
	AMDVI_INV_TIMEOUT_NONE = 0,
	AMDVI_INV_TIMEOUT_1_MS = 1,
	AMDVI_INV_TIMEOUT_10_MS = 2,
	AMDVI_INV_TIMEOUT_100_MS = 3,
	AMDVI_INV_TIMEOUT_1_S = 4,
	AMDVI_INV_TIMEOUT_10_S = 5,
	AMDVI_INV_TIMEOUT_100_S = 6,
};

/* --- Status ----------------------------------------------------------------------------------- */

#define AMDVI_STATUS_EVENT_OVERFLOW   (1ULL << 0) /* cleared by writing 1, as all of …_CLEAR */
#define AMDVI_STATUS_EVENT_LOG_INT    (1ULL << 1)
#define AMDVI_STATUS_COM_WAIT_INT     (1ULL << 2)
#define AMDVI_STATUS_EVENT_LOG_RUN    (1ULL << 3) /* read only, as the other runs */
#define AMDVI_STATUS_CMD_BUF_RUN      (1ULL << 4) /* enabled, and no illegal command was met */
#define AMDVI_STATUS_PPR_OVERFLOW     (1ULL << 5)
#define AMDVI_STATUS_PPR_INT          (1ULL << 6)
#define AMDVI_STATUS_PPR_LOG_RUN      (1ULL << 7)
#define AMDVI_STATUS_GA_LOG_RUN       (1ULL << 8)
#define AMDVI_STATUS_GA_OVERFLOW      (1ULL << 9)
#define AMDVI_STATUS_GA_INT           (1ULL << 10)
#define AMDVI_STATUS_PPR_B_OVERFLOW   (1ULL << 11)
#define AMDVI_STATUS_PPR_ACTIVE       (1ULL << 12)
#define AMDVI_STATUS_EVENT_B_OVERFLOW (1ULL << 15)
#define AMDVI_STATUS_EVENT_ACTIVE     (1ULL << 16)
#define AMDVI_STATUS_PPR_B_EARLY      (1ULL << 17)
#define AMDVI_STATUS_PPR_EARLY        (1ULL << 18)
#define AMDVI_STATUS_CLEAR            0x68e67ULL

/* --- Exclusion range: what is in it passes untranslated --------------------------------------- */

#define AMDVI_EXCLUSION_ENABLE    AMDVI_BIT(0)
#define AMDVI_EXCLUSION_ALLOW_ALL AMDVI_BIT(1) /* for all devices, not only those with DTE.EX */
#define AMDVI_EXCLUSION_ADDRESS   AMDVI_FIELD(51, 12) /* of both; the limit's page belongs to it */

/* --- Hardware events, with EFR.HESup ---------------------------------------------------------- */

#define AMDVI_HEV_VALID    (1ULL << 0) /* cleared by writing 1 */
#define AMDVI_HEV_OVERFLOW (1ULL << 1)

/* --- XT interrupt control --------------------------------------------------------------------- */

#define AMDVI_XT_LOGICAL          AMDVI_BIT(2) /* destination mode */
#define AMDVI_XT_DESTINATION_LOW  AMDVI_FIELD(31, 8)
#define AMDVI_XT_VECTOR           AMDVI_FIELD(39, 32)
#define AMDVI_XT_DELIVERY         AMDVI_BIT(40)
#define AMDVI_XT_DESTINATION_HIGH AMDVI_FIELD(63, 56)

/* A fixed interrupt to the processor with this APIC id. */
static inline uint64_t amdvi_xt_interrupt(uint32_t destination, unsigned int vector)
{
	return amdvi_place(AMDVI_XT_DESTINATION_LOW, destination) |
	       amdvi_place(AMDVI_XT_DESTINATION_HIGH, destination >> 24) |
	       amdvi_place(AMDVI_XT_VECTOR, vector);
}

static inline uint32_t amdvi_xt_destination(uint64_t control)
{
	return (uint32_t)amdvi_bits(control, AMDVI_XT_DESTINATION_LOW) |
	       (uint32_t)amdvi_bits(control, AMDVI_XT_DESTINATION_HIGH) << 24;
}

/* --- Addresses that are never translated ------------------------------------------------------ */

#define AMDVI_INTERRUPT_RANGE_START      0xfee00000ULL
#define AMDVI_INTERRUPT_RANGE_LAST       0xfeefffffULL
#define AMDVI_HYPERTRANSPORT_RANGE_START 0xfd00000000ULL /* without EFR2.HtRangeIgnore */
#define AMDVI_HYPERTRANSPORT_RANGE_LAST  0xffffffffffULL

#endif
