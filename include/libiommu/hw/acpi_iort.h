/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the ACPI IORT table (IO Remapping Table, Arm DEN 0049, revisions B to E.f).
 *
 * Offsets in bytes; all integers little-endian; nothing is aligned. Types of nodes:
 * <libiommu/iort.h>. The revision of a node says which of its fields there are; it counts apart
 * from that of the table. (Checked against tables of QEMU 7.2 and 11.1 and of real machines, and
 * against the published definitions of ACPICA and EDK2.)
 */
#ifndef LIBIOMMU_HW_ACPI_IORT_H
#define LIBIOMMU_HW_ACPI_IORT_H

#include <libiommu/iort.h>

/* The header of every ACPI table, and what IORT adds. */
#define IORT_SIGNATURE   0x54524f49U /* "IORT", as a little-endian u32 at 0 */
#define IORT_LENGTH      4           /* u32, of the whole table */
#define IORT_REVISION    8           /* u8: 0 (B to D), 3 (E.b), 5 (E.d), 6 (E.e) … */
#define IORT_NODES       36          /* u32: number of nodes */
#define IORT_FIRST_NODE  40          /* u32: its offset */
#define IORT_HEADER_SIZE 48

/* Every node. */
#define IORT_NODE_TYPE       0  /* u8 */
#define IORT_NODE_LENGTH     1  /* u16 */
#define IORT_NODE_REVISION   3  /* u8 */
#define IORT_NODE_IDENTIFIER 4  /* u32: since E.b; 0 before */
#define IORT_NODE_MAPS       8  /* u32: how many */
#define IORT_NODE_MAP_OFFSET 12 /* u32: in the node */
#define IORT_NODE_HEADER     16

/* A map of ids. */
#define IORT_MAP_INPUT  0  /* u32: the first id of the node */
#define IORT_MAP_COUNT  4  /* u32: number of ids, minus 1 */
#define IORT_MAP_OUTPUT 8  /* u32: what the first becomes */
#define IORT_MAP_TARGET 12 /* u32: offset of a node in the table */
#define IORT_MAP_FLAGS  16 /* u32 */
#define IORT_MAP_SIZE   20
#define IORT_MAP_SINGLE (1U << 0) /* one output, whatever the input */

/* A group of interrupt translation services (ITS). */
#define IORT_ITS_COUNT 16 /* u32 */
#define IORT_ITS_IDS   20 /* u32 each: those of the MADT */
#define IORT_ITS_SIZE  20

/* How a device accesses memory: 8 bytes. */
#define IORT_ACCESS_COHERENT    0         /* u32: 1 coherent, 0 not */
#define IORT_ACCESS_HINTS       4         /* u8: bits 0 transient, 1 write, 2 read, 3 override */
#define IORT_ACCESS_FLAGS       7         /* u8 */
#define IORT_ACCESS_FLAG_CPM    (1U << 0) /* a coherent path to memory */
#define IORT_ACCESS_FLAG_DACS   (1U << 1) /* the device's attributes: inner write-back, shared */
#define IORT_ACCESS_FLAG_CANWBS (1U << 2) /* E.d: both can be forced by the unit */

/* A device of the name space. */
#define IORT_COMPONENT_FLAGS  16 /* u32 */
#define IORT_COMPONENT_ACCESS 20
#define IORT_COMPONENT_LIMIT  28 /* u8: width of its addresses, in bits */
#define IORT_COMPONENT_NAME   29 /* ACPI path, with its NUL */
#define IORT_COMPONENT_SIZE   29
#define IORT_COMPONENT_STALL  (1U << 0)
#define IORT_COMPONENT_PASID  1 /* bits 5:1: width of PASIDs */

/* A root complex. */
#define IORT_ROOT_ACCESS     16
#define IORT_ROOT_ATS        24 /* u32 */
#define IORT_ROOT_SEGMENT    28 /* u32 */
#define IORT_ROOT_LIMIT      32 /* u8, since node revision 1 */
#define IORT_ROOT_PASID      33 /* u16, since node revision 4: bits 4:0 width of PASIDs */
#define IORT_ROOT_FLAGS      36 /* u32, since node revision 4, where the node has it */
#define IORT_ROOT_SIZE       32 /* of revision 0 */
#define IORT_ROOT_SIZE_LIMIT 36 /* of revisions 1 to 3 */
#define IORT_ROOT_SIZE_FLAGS 40
#define IORT_ROOT_ATS_YES    (1U << 0)
#define IORT_ROOT_ATS_PRI    (1U << 1)
#define IORT_ROOT_ATS_PASID  (1U << 2) /* PASIDs are forwarded */

/* An SMMUv1 or SMMUv2. */
#define IORT_SMMU_BASE          16 /* u64 */
#define IORT_SMMU_SPAN          24 /* u64 */
#define IORT_SMMU_MODEL         32 /* u32 */
#define IORT_SMMU_FLAGS         36 /* u32 */
#define IORT_SMMU_CONTEXTS      44 /* u32: number of context interrupts */
#define IORT_SMMU_SIZE          60
#define IORT_SMMU_FLAG_DVM      (1U << 0)
#define IORT_SMMU_FLAG_COHERENT (1U << 1)

/* An SMMUv3. */
#define IORT_SMMUV3_BASE           16 /* u64 */
#define IORT_SMMUV3_FLAGS          24 /* u32 */
#define IORT_SMMUV3_VATOS          32 /* u64: registers of VATOS; 0: none */
#define IORT_SMMUV3_MODEL          40 /* u32 */
#define IORT_SMMUV3_EVENT          44 /* u32: global system interrupts; 0: none */
#define IORT_SMMUV3_PRI            48
#define IORT_SMMUV3_GERROR         52
#define IORT_SMMUV3_SYNC           56
#define IORT_SMMUV3_PROXIMITY      60 /* u32, since node revision 1 */
#define IORT_SMMUV3_MAP_INDEX      64 /* u32, since node revision 1: of its own messages */
#define IORT_SMMUV3_SIZE           60 /* of revision 0 */
#define IORT_SMMUV3_SIZE_INDEX     68
#define IORT_SMMUV3_FLAG_COHACC    (1U << 0) /* counts instead of IDR0.COHACC */
#define IORT_SMMUV3_FLAG_HTTU      1         /* bits 2:1: counts instead of IDR0.HTTU */
#define IORT_SMMUV3_HTTU_LAST      2         /* the access flag, and dirty state; 3: reserved */
#define IORT_SMMUV3_FLAG_PROXIMITY (1U << 3)
#define IORT_SMMUV3_FLAG_MAP_INDEX (1U << 4) /* since node revision 5 */
/* Before this revision the index counts unless all four interrupts are wired. */
#define IORT_SMMUV3_REVISION_INDEX_FLAG 5

/* The registers of an SMMUv3: two pages; of model 2 one. */
#define IORT_SMMUV3_PAGE 0x10000U

/* Performance counters of a node. */
#define IORT_PMCG_BASE      16 /* u64 */
#define IORT_PMCG_OVERFLOW  24 /* u32: a global system interrupt; 0: none */
#define IORT_PMCG_NODE      28 /* u32: offset of the node that has them */
#define IORT_PMCG_PAGE_1    32 /* u64, since node revision 1 */
#define IORT_PMCG_SIZE      32 /* of revision 0 */
#define IORT_PMCG_SIZE_PAGE 40

/* Reserved memory ranges. */
#define IORT_RMR_FLAGS           16 /* u32 */
#define IORT_RMR_COUNT           20 /* u32: number of descriptors */
#define IORT_RMR_OFFSET          24 /* u32: in the node */
#define IORT_RMR_SIZE            28
#define IORT_RMR_REMAP           (1U << 0) /* the ranges may be remapped once their user is known */
#define IORT_RMR_PRIVILEGED      (1U << 1) /* since node revision 3 (E.d) */
#define IORT_RMR_ATTRIBUTES      2         /* bits 9:2, since node revision 3 */
#define IORT_RMR_ATTRIBUTES_MASK 0xffU
#define IORT_RMR_DESC_BASE       0 /* u64 */
#define IORT_RMR_DESC_LENGTH     8 /* u64 */
#define IORT_RMR_DESC_SIZE       20
#define IORT_RMR_ALIGN           0x10000U

/* A bridge from wires to messages, of GICv5 (IWB). */
#define IORT_IWB_BASE  16 /* u64 */
#define IORT_IWB_INDEX 24 /* u16 */
#define IORT_IWB_NAME  26 /* ACPI path, with its NUL */
#define IORT_IWB_SIZE  26

static inline bool iort_is_unit(enum iommu_iort_type type)
{
	return type == IOMMU_IORT_SMMU || type == IOMMU_IORT_SMMUV3;
}

/* Whether maps of a node of one type may lead to a node of another one: never in a circle. */
static inline bool iort_may_lead(enum iommu_iort_type from, enum iommu_iort_type to)
{
	switch (from) {
	case IOMMU_IORT_NAMED_COMPONENT:
	case IOMMU_IORT_ROOT_COMPLEX:
		return to == IOMMU_IORT_ITS_GROUP || iort_is_unit(to);
	case IOMMU_IORT_RESERVED_MEMORY:
		return iort_is_unit(to);
	case IOMMU_IORT_SMMU:
	case IOMMU_IORT_SMMUV3:
	case IOMMU_IORT_PMCG:
	case IOMMU_IORT_WIRE_BRIDGE:
		return to == IOMMU_IORT_ITS_GROUP;
	case IOMMU_IORT_ITS_GROUP:
		break;
	}
	return false;
}

#endif
