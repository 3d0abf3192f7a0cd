/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: what an AMD IOMMU says it can do, in its two registers of extended features (AMD I/O
 * Virtualization Technology Specification, 48882, section "IOMMU MMIO Registers": Extended Feature
 * Register, EFR, and Extended Feature 2 Register, EFR2). Both are read only; IVRS has copies.
 */
#ifndef LIBIOMMU_HW_AMDVI_FEATURES_H
#define LIBIOMMU_HW_AMDVI_FEATURES_H

#include <libiommu/hw/amdvi_field.h>

/* --- EFR -------------------------------------------------------------------------------------- */

#define AMDVI_EFR_PREF           AMDVI_BIT(0) /* PREFETCH_IOMMU_PAGES */
#define AMDVI_EFR_PPR            AMDVI_BIT(1) /* page requests */
#define AMDVI_EFR_XT             AMDVI_BIT(2) /* destinations of 32 bits (x2APIC) */
#define AMDVI_EFR_NX             AMDVI_BIT(3)
#define AMDVI_EFR_GT             AMDVI_BIT(4) /* guest tables: PASIDs, and v2 tables */
#define AMDVI_EFR_GAPPI          AMDVI_BIT(5)
#define AMDVI_EFR_IA             AMDVI_BIT(6) /* INVALIDATE_IOMMU_ALL */
#define AMDVI_EFR_GA             AMDVI_BIT(7) /* interrupt entries of 128 bits */
#define AMDVI_EFR_HE             AMDVI_BIT(8) /* registers of hardware errors */
#define AMDVI_EFR_PC             AMDVI_BIT(9) /* performance counters */
#define AMDVI_EFR_HATS           AMDVI_FIELD(11, 10)
#define AMDVI_EFR_GATS           AMDVI_FIELD(13, 12)
#define AMDVI_EFR_GLX            AMDVI_FIELD(15, 14) /* levels of GCR3 tables, minus 1 */
#define AMDVI_EFR_SMIF           AMDVI_FIELD(17, 16)
#define AMDVI_EFR_SMIF_COUNT     AMDVI_FIELD(20, 18)
#define AMDVI_EFR_GAM            AMDVI_FIELD(23, 21)
#define AMDVI_EFR_DUAL_PPR       AMDVI_FIELD(25, 24)
#define AMDVI_EFR_DUAL_EVENT     AMDVI_FIELD(29, 28)
#define AMDVI_EFR_SATS           AMDVI_BIT(31)
#define AMDVI_EFR_PASMAX         AMDVI_FIELD(36, 32) /* bits of a PASID, minus 1 */
#define AMDVI_EFR_US             AMDVI_BIT(37)
#define AMDVI_EFR_SEGMENTS       AMDVI_FIELD(39, 38) /* log2 of the device table's segments */
#define AMDVI_EFR_PPR_EARLY      AMDVI_BIT(40)
#define AMDVI_EFR_PPR_AUTO       AMDVI_BIT(41)
#define AMDVI_EFR_MARC           AMDVI_FIELD(43, 42)
#define AMDVI_EFR_BLOCK_STOP     AMDVI_BIT(44)
#define AMDVI_EFR_PERF_OPT       AMDVI_BIT(45)
#define AMDVI_EFR_MSI_CAP_MMIO   AMDVI_BIT(46)
#define AMDVI_EFR_SNOOP_ATTR     AMDVI_BIT(47)
#define AMDVI_EFR_GIO            AMDVI_BIT(48) /* DTE.GIoV */
#define AMDVI_EFR_HA             AMDVI_BIT(49) /* HASup: accessed bits of host tables */
#define AMDVI_EFR_EPH            AMDVI_BIT(50)
#define AMDVI_EFR_ATTR_FW        AMDVI_BIT(51)
#define AMDVI_EFR_HD             AMDVI_BIT(52) /* HDSup: dirty bits of host tables */
#define AMDVI_EFR_V2_HD_DIS      AMDVI_BIT(53)
#define AMDVI_EFR_INV_IOTLB_TYPE AMDVI_BIT(54)
#define AMDVI_EFR_VIOMMU         AMDVI_BIT(55)
#define AMDVI_EFR_VM_GUARD_IO    AMDVI_BIT(56)
#define AMDVI_EFR_VM_TABLE_SIZE  AMDVI_FIELD(60, 57)
#define AMDVI_EFR_GA_UPDATE_DIS  AMDVI_BIT(61)
#define AMDVI_EFR_FORCE_PHY_DEST AMDVI_BIT(62)
#define AMDVI_EFR_SNP            AMDVI_BIT(63)

#define AMDVI_EFR_HATS_NONE      3U /* no host tables */
#define AMDVI_EFR_GATS_4         0U
#define AMDVI_EFR_GATS_5         1U

/* --- EFR2 ------------------------------------------------------------------------------------- */

#define AMDVI_EFR2_SEV_SNP_IO      AMDVI_BIT(1)
#define AMDVI_EFR2_TMPM            AMDVI_BIT(2)
#define AMDVI_EFR2_GCR3_TRP        AMDVI_BIT(3) /* GCR3 roots are guest addresses where nested */
#define AMDVI_EFR2_GAPPI_DIS       AMDVI_BIT(4)
#define AMDVI_EFR2_SNP_AVIC        AMDVI_FIELD(7, 5)
#define AMDVI_EFR2_INT_REMAP       AMDVI_FIELD(9, 8)
#define AMDVI_EFR2_HT_RANGE_IGNORE AMDVI_BIT(11) /* the HyperTransport range is memory, too */
#define AMDVI_EFR2_SNP_PAGE_MODE   AMDVI_BIT(13)

#define AMDVI_EFR2_INT_REMAP_512   0U /* interrupts of a device */
#define AMDVI_EFR2_INT_REMAP_2048  1U

/* The most levels of host tables; 0: there are none. */
static inline unsigned int amdvi_efr_host_levels(uint64_t efr)
{
	const unsigned int hats = (unsigned int)amdvi_bits(efr, AMDVI_EFR_HATS);

	return hats == AMDVI_EFR_HATS_NONE ? 0 : hats + 4;
}

/* The most levels of guest (v2) tables: 4 or 5; reserved values count as the smallest. */
static inline unsigned int amdvi_efr_guest_levels(uint64_t efr)
{
	return amdvi_bits(efr, AMDVI_EFR_GATS) == AMDVI_EFR_GATS_5 ? 5 : 4;
}

/* Bits of a PASID, 1 to 20; hardware that says more has 20. */
static inline unsigned int amdvi_efr_pasid_bits(uint64_t efr)
{
	const unsigned int bits = (unsigned int)amdvi_bits(efr, AMDVI_EFR_PASMAX) + 1;

	return bits > 20 ? 20 : bits;
}

#endif
