/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: from the root pointer to ACPI tables (ACPI specification, "Root System Description
 * Pointer", "System Description Table Header").
 *
 * Offsets in bytes; all integers little-endian. The bytes of each structure add up to 0.
 */
#ifndef LIBIOMMU_HW_ACPI_ROOT_H
#define LIBIOMMU_HW_ACPI_ROOT_H

/* The pointer: "RSD PTR ", on 16 bytes. Its first 20 bytes have a checksum of their own. */
#define ACPI_RSDP_ALIGN          16
#define ACPI_RSDP_SIGNATURE_SIZE 8
#define ACPI_RSDP_REVISION_OFFSET                                                                  \
	15                         /* 0: ACPI 1.0, which ends here; 2: what follows is there, too */
#define ACPI_RSDP_RSDT_OFFSET   16 /* u32: address of the RSDT */
#define ACPI_RSDP_FIRST_SIZE    20
#define ACPI_RSDP_LENGTH_OFFSET 20 /* u32: of the whole pointer */
#define ACPI_RSDP_XSDT_OFFSET   24 /* u64: address of the XSDT */
#define ACPI_RSDP_SIZE          36

/* Where a PC without UEFI has it: in the first KiB of the extended BIOS data area, or here. */
#define ACPI_BIOS_AREA_START  0xe0000ULL
#define ACPI_BIOS_AREA_SIZE   0x20000U
#define ACPI_EBDA_POINTER     0x40eULL /* u16: its address / 16 */
#define ACPI_EBDA_SEARCH_SIZE 1024U

/* The header of every table. Addresses of tables follow it: in the RSDT u32, in the XSDT u64. */
#define ACPI_TABLE_SIGNATURE_SIZE 4
#define ACPI_TABLE_LENGTH_OFFSET  4 /* u32, of the whole table */
#define ACPI_TABLE_HEADER_SIZE    36
#define ACPI_RSDT_ENTRY_SIZE      4
#define ACPI_XSDT_ENTRY_SIZE      8

#endif
