/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of RISC-V with 64 bits: both stages of its IOMMU, which its processors (harts) walk,
 * too. The functions are those of <libiommu/pgtable.h>, with the prefix iommu_riscvfs_ for the
 * first stage (Sv39, Sv48, Sv57) and iommu_riscvss_ for the second (Sv39x4, Sv48x4, Sv57x4): init,
 * map, unmap, iova_to_phys, walk and so on. The build option is IOMMU_CONFIG_RISCV_TABLES
 * (<libiommu/config.h>).
 *
 *	const struct iommu_pgtable_config config = {
 *		.platform = &platform,
 *		.levels = 4,               // 3, 4, 5: Sv39, Sv48, Sv57, or with x4
 *		.input_bits = 50,          // first stage: 38, 47, 56; second stage: 41, 50, 59
 *		.output_bits = 56,         // capabilities.PAS of the unit
 *		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
 *		.flags = IOMMU_PGTABLE_ACCESSED,
 *		.node = IOMMU_NODE_ANY,
 *	};
 *
 *	iommu_riscvss_init(&pt, &config);
 *	iommu_riscvss_map(&pt, gpa, paddr, size, IOMMU_PROT_READ_WRITE, &gather, &mapped);
 *	context.iohgatp = iommu_riscvss_iohgatp(&pt, gscid);
 *
 * Pages of 512G (levels 4 and 5) and 256T (level 5) exist, too. 64K are 16 equal entries (Svnapot),
 * which every IOMMU has; a hart has it, or must not be given the size.
 *
 * What bits of an entry the arguments become:
 *
 *	IOMMU_PROT_WRITE           W; R always: there is no mapping that cannot be read
 *	IOMMU_PROT_PRIVILEGED      U clear, first stage: without it the page is a user's. Leaves of
 *	                           the second stage always have U
 *	IOMMU_PROT_NO_EXEC         X clear
 *	IOMMU_PROT_MMIO            PBMT of I/O, with IOMMU_PGTABLE_MEMORY_TYPES, for which the unit
 *	                           must have Svpbmt, and a hart menvcfg.PBMTE
 *	IOMMU_PGTABLE_GLOBAL       G, of every leaf of the first stage
 *	IOMMU_PGTABLE_ACCESSED     A and D, from the start; without it hardware has to set them
 *	                           (capabilities.AMO_HWAD, and SADE or GADE), or faults; read_dirty
 *	                           tells what was written
 *
 * First-stage addresses have two halves, the upper one with all higher bits set: set_aperture, trim
 * and extend are IOMMU_EINVAL. The second stage's root has 16 KiB, which is one allocation of order
 * 2 and counts as four table pages; trim and extend are IOMMU_EINVAL.
 *
 * What a gather holds must be invalidated before free_gathered and before memory that was unmapped
 * is used again: by IOTINVAL.VMA or IOTINVAL.GVMA for each page of gather.pgsize bytes, without an
 * address (or with NL) where gather.tables_unlinked; on harts by SFENCE.VMA or HFENCE.GVMA.
 */
#ifndef LIBIOMMU_RISCV64_H
#define LIBIOMMU_RISCV64_H

#include <libiommu/pgtable.h>

IOMMU_BEGIN_DECLS

/*
 * iommu_riscv64_root - mode (63:60) and page number (43:0) of a table's root. Context: any; takes
 * no lock.
 */
static inline uint64_t iommu_riscv64_root(const struct iommu_pgtable *pt)
{
	return (uint64_t)(pt->levels + 5) << 60 | iommu_pgtable_root(pt) >> 12;
}

/*
 * iommu_riscvfs_iosatp - the word of a device's or process's context (fsc) for a table of
 * iommu_riscvfs_init. iommu_riscvfs_satp - the value of a hart's satp.
 *
 * @asid: the address-space identifier, of 16 bits at most.
 *
 * Of an initialised table; any context. The root of a nested stage is a guest address, as the
 * table's platform says it.
 */
static inline uint64_t iommu_riscvfs_iosatp(const struct iommu_pgtable *pt)
{
	return iommu_riscv64_root(pt);
}

static inline uint64_t iommu_riscvfs_satp(const struct iommu_pgtable *pt, uint16_t asid)
{
	return iommu_riscvfs_iosatp(pt) | (uint64_t)asid << 44;
}

/*
 * iommu_riscvss_iohgatp - the word of a device's context for a table of iommu_riscvss_init.
 * iommu_riscvss_hgatp - the value of a hart's hgatp.
 *
 * @gscid: the identifier that tags what hardware caches of the table.
 * @vmid:  likewise, of 14 bits at most.
 *
 * Context: any; takes no lock.
 */
static inline uint64_t iommu_riscvss_iohgatp(const struct iommu_pgtable *pt, uint16_t gscid)
{
	return iommu_riscv64_root(pt) | (uint64_t)gscid << 44;
}

static inline uint64_t iommu_riscvss_hgatp(const struct iommu_pgtable *pt, uint16_t vmid)
{
	return iommu_riscvss_iohgatp(pt, vmid & 0x3fff);
}

IOMMU_END_DECLS
#endif
