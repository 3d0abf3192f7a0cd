/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the flattened device tree (Devicetree Specification 0.4, chapter "Flattened Devicetree
 * (DTB) Format").
 *
 * Offsets in bytes; all integers are big-endian words of 32 bits.
 */
#ifndef LIBIOMMU_HW_DEVICE_TREE_H
#define LIBIOMMU_HW_DEVICE_TREE_H

/* The header. */
#define FDT_MAGIC             0xd00dfeedU
#define FDT_MAGIC_OFFSET      0
#define FDT_SIZE              4  /* of the whole */
#define FDT_STRUCTURE         8  /* offset of the structure block */
#define FDT_STRINGS           12 /* offset of the strings block */
#define FDT_VERSION           20
#define FDT_COMPATIBLE        24 /* the oldest version that it is compatible with */
#define FDT_STRINGS_SIZE      32
#define FDT_STRUCTURE_SIZE    36
#define FDT_HEADER_SIZE       40
#define FDT_VERSION_OF_LAYOUT 17 /* the first with the size of the structure block */

/* Words of the structure block. */
#define FDT_BEGIN_NODE 1U /* and the name, with its NUL, up to a multiple of 4 */
#define FDT_END_NODE   2U
#define FDT_PROPERTY   3U /* and: size, offset of the name in the strings, the value, likewise */
#define FDT_NOP        4U
#define FDT_END        9U

/* Cells of addresses and of sizes below a node that does not say. */
#define FDT_ADDRESS_CELLS 2U
#define FDT_SIZE_CELLS    1U

#endif
