/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the parts of PCI configuration space that matter to an IOMMU (PCI Local Bus
 * Specification, "Configuration Space Organization"; PCI Express Base Specification, "Software
 * Initialization and Configuration").
 *
 * Offsets in bytes, of little-endian 32-bit words. In words that hold two registers of 16 bits the
 * second is in the upper half.
 */
#ifndef LIBIOMMU_HW_PCI_CONFIG_H
#define LIBIOMMU_HW_PCI_CONFIG_H

#define PCI_CONFIG_SIZE          256U  /* of conventional PCI */
#define PCI_CONFIG_EXTENDED_SIZE 4096U /* of PCI Express */

/* --- The header --------------------------------------------------------------------------- */
#define PCI_CONFIG_ID                   0x00 /* 15:0 vendor, 31:16 device */
#define PCI_CONFIG_COMMAND              0x04 /* 15:0 command, 31:16 status */
#define PCI_CONFIG_CLASS                0x08 /* 31:8 class code */
#define PCI_CONFIG_HEADER               0x0c /* 22:16 layout, 23 several functions */
#define PCI_CONFIG_BUSES                0x18 /* of bridges: primary, secondary, subordinate */
#define PCI_CONFIG_CAPABILITIES         0x34 /* 7:0 the first capability */
#define PCI_CONFIG_CARDBUS_CAPABILITIES 0x14

#define PCI_CLASS_IOMMU                 0x0806U /* 31:16 of the class word */

#define PCI_VENDOR_ABSENT               0xffffU
#define PCI_VENDOR_NOT_READY                                                                       \
	0x0001U /* the device still starts (configuration request retry status) */
#define PCI_STATUS_CAPABILITIES (1U << 20) /* there is a list of them */
#define PCI_HEADER_SEVERAL      (1U << 23)
#define PCI_HEADER_LAYOUT(word) ((word) >> 16 & 0x7fU)
#define PCI_LAYOUT_DEVICE       0U
#define PCI_LAYOUT_BRIDGE       1U
#define PCI_LAYOUT_CARDBUS      2U

/* --- Capabilities: 7:0 id, 15:8 offset of the next ---------------------------------------- */
#define PCI_CAPABILITY_FIRST   0x40U
#define PCI_CAPABILITY_MSI     0x05U
#define PCI_CAPABILITY_EXPRESS 0x10U

/* PCI Express: 19:16 version, 23:20 device/port type. */
#define PCI_EXPRESS_VERSION(word)      ((word) >> 16 & 0xfU)
#define PCI_EXPRESS_TYPE(word)         ((word) >> 20 & 0xfU)
#define PCI_EXPRESS_DEVICE             0x04U /* 4:3 number of phantom function bits */
#define PCI_EXPRESS_DEVICE_CONTROL     0x08U
#define PCI_EXPRESS_DEVICE_2           0x24U /* from version 2 on */
#define PCI_EXPRESS_DEVICE_CONTROL_2   0x28U
#define PCI_EXPRESS_PHANTOM_BITS(word) ((word) >> 3 & 3U)
#define PCI_EXPRESS_PHANTOM_ENABLE     (1U << 9)
#define PCI_EXPRESS_PREFIXES           (1U << 21) /* end-to-end prefixes (PASIDs) pass */
#define PCI_EXPRESS_ARI_FORWARDING     (1U << 5)  /* control 2: 8-bit function numbers below */

/* --- Extended capabilities: 15:0 id, 19:16 version, 31:20 offset of the next -------------- */
#define PCI_EXTENDED_FIRST 0x100U
#define PCI_EXTENDED_ACS   0x000dU
#define PCI_EXTENDED_ARI   0x000eU
#define PCI_EXTENDED_ATS   0x000fU
#define PCI_EXTENDED_SRIOV 0x0010U
#define PCI_EXTENDED_PRI   0x0013U
#define PCI_EXTENDED_PASID 0x001bU

/* Access control services: 15:0 capability, 31:16 control, bits as enum iommu_pci_acs. */
#define PCI_ACS_WORD    0x04U
#define PCI_ACS_CONTROL 0x06U
#define PCI_ACS_LENGTH  0x08U

/* Alternative routing ids: 15:8 the next function of the device; 0: none. */
#define PCI_ARI_WORD       0x04U
#define PCI_ARI_NEXT(word) ((word) >> 8 & 0xffU)
#define PCI_ARI_LENGTH     0x08U

/* Address translation services: 4:0 invalidate queue depth, 6 global invalidate. */
#define PCI_ATS_WORD              0x04U
#define PCI_ATS_QUEUE_DEPTH(word) ((word)&0x1fU)
#define PCI_ATS_PAGE_ALIGNED      (1U << 5)
#define PCI_ATS_GLOBAL_INVALIDATE (1U << 6)
#define PCI_ATS_LENGTH            0x08U

/* Virtual functions. */
#define PCI_SRIOV_CONTROL 0x08U
#define PCI_SRIOV_ENABLE  (1U << 0)
#define PCI_SRIOV_COUNT   0x10U /* 15:0 how many are there */
#define PCI_SRIOV_PLACES  0x14U /* 15:0 offset of the first, 31:16 stride */
#define PCI_SRIOV_DEVICE  0x18U /* 31:16 device id of virtual functions */
#define PCI_SRIOV_LENGTH  0x40U

/* Page requests: the most that may be outstanding. */
#define PCI_PRI_STATUS   0x04U
#define PCI_PRI_PASID    (1U << 31) /* a response needs the PASID of its request */
#define PCI_PRI_CAPACITY 0x08U
#define PCI_PRI_LENGTH   0x10U

/* Process address space ids: 12:8 width in bits. */
#define PCI_PASID_WORD       0x04U
#define PCI_PASID_BITS(word) ((word) >> 8 & 0x1fU)
#define PCI_PASID_BITS_MAX   20U
#define PCI_PASID_LENGTH     0x08U

#endif
