/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the ACPI MCFG table (PCI Firmware Specification 3.3, 4.1.2 "MCFG Table Description").
 *
 * Offsets in bytes; all integers little-endian; nothing is aligned.
 */
#ifndef LIBIOMMU_HW_ACPI_MCFG_H
#define LIBIOMMU_HW_ACPI_MCFG_H

/* The header of every ACPI table, and eight reserved bytes. */
#define MCFG_SIGNATURE   0x4746434dU /* "MCFG", as a little-endian u32 at 0 */
#define MCFG_LENGTH      4           /* u32, of the whole table */
#define MCFG_HEADER_SIZE 44

/* A window: bus 0 of the segment would be at its base, whatever its first bus is. */
#define MCFG_WINDOW_BASE      0  /* u64 */
#define MCFG_WINDOW_SEGMENT   8  /* u16 */
#define MCFG_WINDOW_FIRST_BUS 10 /* u8 */
#define MCFG_WINDOW_LAST_BUS  11 /* u8 */
#define MCFG_WINDOW_SIZE      16

/* Of a bus: 256 functions of 4 KiB. */
#define MCFG_BUS_SIZE (1ULL << 20)

#endif
