/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the capability of an AMD IOMMU in PCI configuration space (AMD I/O Virtualization
 * Technology Specification, 48882, section "IOMMU PCI Resources": capability block).
 *
 * The unit is a PCI function of class 0806 (pci_config.h). Offsets in bytes from the capability,
 * which IVRS names; 32-bit words. While Enable is set, base and capability cannot be written until
 * the next reset.
 */
#ifndef LIBIOMMU_HW_AMDVI_CAPABILITY_H
#define LIBIOMMU_HW_AMDVI_CAPABILITY_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_CAP_HEADER    0x00U
#define AMDVI_CAP_BASE_LOW  0x04U
#define AMDVI_CAP_BASE_HIGH 0x08U
#define AMDVI_CAP_RANGE     0x0cU
#define AMDVI_CAP_MISC_0    0x10U
#define AMDVI_CAP_MISC_1    0x14U /* with CapExt */
#define AMDVI_CAP_SIZE      0x18U

/* Header. */
#define AMDVI_CAP_ID         AMDVI_FIELD(7, 0)
#define AMDVI_CAP_NEXT       AMDVI_FIELD(15, 8)
#define AMDVI_CAP_TYPE       AMDVI_FIELD(18, 16)
#define AMDVI_CAP_REVISION   AMDVI_FIELD(23, 19)
#define AMDVI_CAP_IOTLB      AMDVI_BIT(24) /* IotlbSup: devices may have translations (ATS) */
#define AMDVI_CAP_HT_TUNNEL  AMDVI_BIT(25)
#define AMDVI_CAP_NP_CACHE   AMDVI_BIT(26) /* entries that are not present are cached, too */
#define AMDVI_CAP_EFR        AMDVI_BIT(27) /* EFRSup: there is AMDVI_EFR */
#define AMDVI_CAP_EXT        AMDVI_BIT(28) /* CapExt: there is the second word of miscellany */

#define AMDVI_CAP_ID_SECURE  0x0fU
#define AMDVI_CAP_TYPE_IOMMU 3U

/* Base, its two words as one. */
#define AMDVI_CAP_BASE_ENABLE  AMDVI_BIT(0) /* set, never cleared but by a reset */
#define AMDVI_CAP_BASE_ADDRESS AMDVI_FIELD(63, 14)

/* Range: what IVRS says better. */
#define AMDVI_CAP_RANGE_VALID AMDVI_BIT(7)
#define AMDVI_CAP_RANGE_BUS   AMDVI_FIELD(15, 8)
#define AMDVI_CAP_RANGE_FIRST AMDVI_FIELD(23, 16) /* device << 3 | function */
#define AMDVI_CAP_RANGE_LAST  AMDVI_FIELD(31, 24)

/* Miscellany; the numbers of messages count from the first of the unit's MSI capability. */
#define AMDVI_CAP_MISC_0_MSI      AMDVI_FIELD(4, 0)
#define AMDVI_CAP_MISC_0_GVA_SIZE AMDVI_FIELD(7, 5)
#define AMDVI_CAP_MISC_0_PA_SIZE  AMDVI_FIELD(14, 8) /* bits */
#define AMDVI_CAP_MISC_0_VA_SIZE  AMDVI_FIELD(21, 15)
#define AMDVI_CAP_MISC_0_HT_ATS   AMDVI_BIT(22) /* HtAtsResv */
#define AMDVI_CAP_MISC_0_MSI_PPR  AMDVI_FIELD(31, 27)
#define AMDVI_CAP_MISC_1_MSI_GA   AMDVI_FIELD(4, 0)

#endif
