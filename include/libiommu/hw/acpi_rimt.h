/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the ACPI RIMT table (RISC-V IO Mapping Table specification 1.0).
 *
 * Offsets in bytes; all integers little-endian; nothing is aligned. Types of nodes:
 * <libiommu/rimt.h>.
 */
#ifndef LIBIOMMU_HW_ACPI_RIMT_H
#define LIBIOMMU_HW_ACPI_RIMT_H

/* The header of every ACPI table, and what RIMT adds. */
#define RIMT_SIGNATURE   0x544d4952U /* "RIMT", as a little-endian u32 at 0 */
#define RIMT_LENGTH      4           /* u32, of the whole table */
#define RIMT_NODES       36          /* u32: number of nodes */
#define RIMT_FIRST_NODE  40          /* u32: its offset */
#define RIMT_HEADER_SIZE 48

/* Every node: type u8 @0, revision u8 @1, length u16 @2, id u16 @6. */
#define RIMT_NODE_TYPE   0
#define RIMT_NODE_LENGTH 2
#define RIMT_NODE_ID     6
#define RIMT_NODE_HEADER 8

/* A unit; its wires are at an offset in the node. */
#define RIMT_UNIT_HARDWARE_ID   8  /* 8 characters: "RSCV0004", or of PCI: vendor and device */
#define RIMT_UNIT_BASE          16 /* u64: registers of a platform unit */
#define RIMT_UNIT_FLAGS         24 /* u32 */
#define RIMT_UNIT_PROXIMITY     28 /* u32 */
#define RIMT_UNIT_SEGMENT       32 /* u16: of a PCI unit */
#define RIMT_UNIT_FUNCTION      34 /* u16: its bus, device and function */
#define RIMT_UNIT_WIRES         36 /* u16: how many */
#define RIMT_UNIT_WIRE_OFFSET   38 /* u16 */
#define RIMT_UNIT_SIZE          40

#define RIMT_UNIT_IS_PCI        (1U << 0)
#define RIMT_UNIT_HAS_PROXIMITY (1U << 1)

/* A wire: number u32 @0 (a global system interrupt), flags u32 @4. */
#define RIMT_WIRE_NUMBER      0
#define RIMT_WIRE_FLAGS       4
#define RIMT_WIRE_SIZE        8
#define RIMT_WIRE_LEVEL       (1U << 0) /* otherwise edges */
#define RIMT_WIRE_ACTIVE_HIGH (1U << 1)

/* A root complex; its maps are at an offset in the node. */
#define RIMT_ROOT_FLAGS      8  /* u32 */
#define RIMT_ROOT_SEGMENT    14 /* u16 */
#define RIMT_ROOT_MAP_OFFSET 16 /* u16 */
#define RIMT_ROOT_MAPS       18 /* u16: how many */
#define RIMT_ROOT_SIZE       20

#define RIMT_ROOT_ATS        (1U << 0)
#define RIMT_ROOT_PRI        (1U << 1)

/* A platform device. */
#define RIMT_PLATFORM_MAP_OFFSET 8  /* u16 */
#define RIMT_PLATFORM_MAPS       10 /* u16: how many */
#define RIMT_PLATFORM_NAME       12 /* ACPI path, with its NUL */
#define RIMT_PLATFORM_SIZE       12

/* A map of ids: all u32. */
#define RIMT_MAP_SOURCE    0  /* the first id of the source */
#define RIMT_MAP_COUNT     4  /* how many ids */
#define RIMT_MAP_DEVICE_ID 8  /* the device id of the first */
#define RIMT_MAP_UNIT      12 /* offset of the unit's node in the table */
#define RIMT_MAP_SIZE      20

#endif
