/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the ACPI DMAR table (VT-d specification, chapter "BIOS Considerations").
 *
 * Offsets in bytes; all integers little-endian; nothing is aligned. Flags, and the types of
 * structures and of device scopes: <libiommu/dmar.h>.
 */
#ifndef LIBIOMMU_HW_ACPI_DMAR_H
#define LIBIOMMU_HW_ACPI_DMAR_H

#include <libiommu/dmar.h>

/* The ACPI table header, and the two fields that DMAR adds. */
#define ACPI_TABLE_LENGTH_OFFSET   4 /* u32, of the whole table */
#define ACPI_TABLE_REVISION_OFFSET 8
#define ACPI_TABLE_CHECKSUM_OFFSET 9
#define ACPI_TABLE_HEADER_SIZE     36
#define DMAR_SIGNATURE             0x52414d44U /* "DMAR", as a little-endian u32 at 0 */
#define DMAR_WIDTH_OFFSET          36          /* u8: host address width - 1 */
#define DMAR_FLAGS_OFFSET          37          /* u8 */
#define DMAR_HEADER_SIZE           48          /* the structures begin here */

/* The smallest DMAR_WIDTH field that makes sense: one page. */
#define DMAR_WIDTH_MIN 11

/* Every remapping structure begins with u16 type, u16 length. */
#define DMAR_STRUCTURE_HEADER_SIZE 4

/* DRHD: flags u8 @4, size u8 @5, segment u16 @6, register base u64 @8, device scopes. */
#define DMAR_DRHD_FLAGS           4
#define DMAR_DRHD_SIZE            5
#define DMAR_DRHD_SEGMENT         6
#define DMAR_DRHD_BASE            8
#define DMAR_DRHD_FIXED_SIZE      16
#define DMAR_DRHD_INCLUDE_PCI_ALL (1U << 0)
#define DMAR_DRHD_SIZE_MASK       0x0fU /* 2^N pages of 4K */

/* RMRR: segment u16 @6, base u64 @8, limit u64 @16 (last byte), device scopes. */
#define DMAR_RMRR_SEGMENT    6
#define DMAR_RMRR_BASE       8
#define DMAR_RMRR_LIMIT      16
#define DMAR_RMRR_FIXED_SIZE 24

/* ATSR, SATC: flags u8 @4, segment u16 @6, device scopes. SIDP: the same without flags. */
#define DMAR_ATSR_FLAGS        4
#define DMAR_ATSR_SEGMENT      6
#define DMAR_ATSR_FIXED_SIZE   8
#define DMAR_ATSR_ALL_PORTS    (1U << 0)
#define DMAR_SATC_ATC_REQUIRED (1U << 0)

/* RHSA: unit base u64 @8, proximity domain u32 @16. */
#define DMAR_RHSA_BASE       8
#define DMAR_RHSA_PROXIMITY  16
#define DMAR_RHSA_FIXED_SIZE 20

/* ANDD: device number u8 @7, NUL-terminated path @8. */
#define DMAR_ANDD_NUMBER     7
#define DMAR_ANDD_NAME       8
#define DMAR_ANDD_FIXED_SIZE 8

/* Device scope: type u8, length u8, flags u8, reserved u8, id u8, start bus u8, then the path. */
#define DMAR_SCOPE_TYPE       0
#define DMAR_SCOPE_LENGTH     1
#define DMAR_SCOPE_FLAGS      2
#define DMAR_SCOPE_ID         4
#define DMAR_SCOPE_START_BUS  5
#define DMAR_SCOPE_FIXED_SIZE 6
#define DMAR_SCOPE_HOP_SIZE   2 /* device u8, function u8 */

/* Flags of scopes of a SATC: the device works only with its cache of translations. */
#define DMAR_SCOPE_ATC_REQUIRED (1U << 4)

#endif
