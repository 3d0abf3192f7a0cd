/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of Arm, VMSAv8-64: both stages of the SMMUv3, which processors walk, too. The
 * functions are those of <libiommu/pgtable.h>, with the prefix iommu_vmsas1_ for the first stage
 * and iommu_vmsas2_ for the second: init, map, unmap, iova_to_phys, walk and so on. The build
 * option is IOMMU_CONFIG_ARM_TABLES (<libiommu/config.h>).
 *
 *	const struct iommu_pgtable_config config = {
 *		.platform = &platform,
 *		.input_bits = 48,          // of addresses: 25 to 48, or to 52
 *		.output_bits = 44,         // OAS of the unit, PARange of the processor
 *		.pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_64K | IOMMU_SIZE_2M | IOMMU_SIZE_1G,
 *		.flags = IOMMU_PGTABLE_ACCESSED | IOMMU_PGTABLE_BBM_LEVEL_2,
 *		.node = IOMMU_NODE_ANY,
 *	};
 *
 *	iommu_vmsas1_init(&pt, &config);
 *	iommu_vmsas1_map(&pt, iova, paddr, size, IOMMU_PROT_READ_WRITE | IOMMU_PROT_NO_EXEC,
 *			 &gather, &mapped);
 *	write_tcr(iommu_vmsas1_tcr(&pt) | VMSA_TCR_EPD1);
 *	write_ttbr0(iommu_vmsas1_ttbr(&pt, asid));
 *
 * Granules. The smallest size of pgsize_bitmap, 4K, 16K or 64K, is the granule, and the size of a
 * table: an allocation of order 0, 2 or 4. Beside it the bitmap may have
 *
 *	granule 4K     2M, 1G, with LPA2 512G; runs of 64K, 32M, 16G
 *	granule 16K    32M, with LPA2 64G; runs of 2M, 1G
 *	granule 64K    512M, with output_bits above 48 4T; runs of 2M, 16G
 *
 * Runs are entries with the Contiguous bit, which hardware may keep as one; the size of their pages
 * has to be in the bitmap, too. IOMMU_PGTABLE_LPA2 is for granules of 4K and 16K with which any
 * address has more than 48 bits; with 64K input_bits and output_bits say enough.
 *
 * Levels and roots. Where a walk starts follows from input_bits. If config.levels is 0, there are
 * as few levels as possible; the second stage's root may then be up to 16 tables behind one
 * another, as far as that is no more than 2^IOMMU_MAX_ALLOC_ORDER pages, which every host has
 * aligned. Other numbers may be asked for, if they fit input_bits: more levels, so that the root is
 * one table (QEMU 10 and 11 find no more than the first of several), or fewer, so that the root is
 * a larger block; if the host's block is not aligned to its size, init is IOMMU_ENOMEM, and a line
 * in the log says so. Processors with addresses of 40 or 42 bits demand the fewest levels that are
 * possible. trim and extend are IOMMU_EINVAL.
 *
 * What bits of an entry the arguments become:
 *
 *	IOMMU_PROT_READ            second stage: S2AP[0]; the first stage has no page that cannot be
 *	                           read: writing implies reading
 *	IOMMU_PROT_WRITE           AP[2] clear, S2AP[1] set; with IOMMU_PGTABLE_DIRTY_TRACKING DBM,
 *	                           by which hardware does so with the first write
 *	IOMMU_PROT_PRIVILEGED      first stage: AP[1] clear; without it all may use the page
 *	IOMMU_PROT_NO_EXEC         PXN and UXN; second stage: XN[1]
 *	IOMMU_PROT_MMIO            device memory, nGnRE: AttrIndx 2, MemAttr 1; all other memory is
 *	                           write-back, AttrIndx 1, MemAttr 15, and inner shareable. MAIR has
 *	                           to be VMSA_MAIR
 *	IOMMU_PGTABLE_ACCESSED     AF, from the start; without it hardware has to set it (HA)
 *	IOMMU_PGTABLE_GLOBAL       first stage: nG clear, of every leaf; without it what is cached
 *	                           belongs to the ASID
 *	IOMMU_PGTABLE_FORCE_SNOOP  second stage: memory types as FWB has them: write-back, whatever
 *	                           a guest says. STE.S2FWB or HCR_EL2.FWB must be set
 *	IOMMU_PGTABLE_NONCOHERENT  tables are flushed; iommu_vmsas1_tcr and iommu_vmsas2_vtcr then
 *	                           say that walks are not cached. Hardware that sets AF or notes
 *	                           writes needs tables that are cached: not both
 *
 * Dirty tracking. With IOMMU_PGTABLE_DIRTY_TRACKING, and HA and HD in the register, pages begin as
 * clean, and read_dirty finds what was written and makes it clean again; a run or a block is dirty
 * as a whole. Without the flag read_dirty is IOMMU_EOPNOTSUPP.
 *
 * Break before make. Arm demands that an entry is invalid, and what was kept of it is invalidated,
 * before the size of a page there changes, unless hardware has FEAT_BBM (BBML of SMMU_IDR3,
 * ID_AA64MMFR2_EL1). A table that has neither flag keeps to it in this way:
 *
 *	                                    none        BBM_LEVEL_1  BBM_LEVEL_2
 *	map over an empty table             smaller pages in it       a larger page
 *	unmap of a part of a page           refused     refused      IOMMU_UNMAP_SPLIT
 *	unmap of a part of a run            refused     IOMMU_UNMAP_SPLIT, in both
 *	split to smaller pages              refused     refused      yes
 *	split of runs to their pages        refused     yes          yes
 *
 * Refused: IOMMU_EOPNOTSUPP, nothing is unmapped. What a caller unmaps whole and maps again after
 * the invalidation, as always, has been invalid between the two. BBM_LEVEL_2 must be set only if
 * all that walk the table have it: a processor and an SMMU may differ.
 *
 * What a gather holds must be invalidated before free_gathered and before memory that was unmapped
 * is used again: by TLBI commands, or instructions, for each page of gather.pgsize bytes of its
 * range, those of the last level where gather.tables_unlinked is false; in the first stage
 * CMD_TLBI_NH_VA with the ASID; in the second CMD_TLBI_S2_IPA, and, where a guest has a first stage
 * of its own, CMD_TLBI_NH_ALL behind it; then CMD_SYNC, or DSB.
 *
 * Left out: addresses of fewer than 25 bits (FEAT_TTST), VMSAv9-128, permission indirection, the
 * nT bit of FEAT_BBM level 1 for the sizes of pages, hierarchical permissions, secure states.
 */
#ifndef LIBIOMMU_AARCH64_H
#define LIBIOMMU_AARCH64_H

#include <libiommu/pgtable.h>

IOMMU_BEGIN_DECLS

/*
 * iommu_vmsa_input_bits - the bits of an address that hardware has to translate, 64 - T0SZ: those
 * of the config, whatever set_aperture has left of them.
 * iommu_vmsa_output_bits - the width of physical addresses, of the config.
 * iommu_vmsa_granule_shift - 12, 14 or 16.
 *
 * For the fields of SMMUv3's CD and STE: T0SZ and S2T0SZ are 64 - iommu_vmsa_input_bits(pt), TG0
 * and S2TG vmsa_tg0(iommu_vmsa_granule_shift(pt)), IPS and S2PS
 * vmsa_physical_size(iommu_vmsa_output_bits(pt)), S2SL0 iommu_vmsas2_sl0(pt).
 *
 * Of an initialised table; any context, as all functions below.
 */
IOMMU_API unsigned int iommu_vmsa_granule_shift(const struct iommu_pgtable *pt);

IOMMU_API unsigned int iommu_vmsa_input_bits(const struct iommu_pgtable *pt);

IOMMU_API unsigned int iommu_vmsa_output_bits(const struct iommu_pgtable *pt);

/*
 * iommu_vmsas2_sl0 - the level at which hardware starts, as SL0 of VTCR_EL2 and S2SL0 of STE.
 * Context: any; takes no lock.
 */
IOMMU_API unsigned int iommu_vmsas2_sl0(const struct iommu_pgtable *pt);

/*
 * iommu_vmsa_walks - T0SZ, IRGN0, ORGN0, SH0 and TG0, which TCR_EL1 and VTCR_EL2 have alike.
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vmsa_walks(const struct iommu_pgtable *pt);

/*
 * iommu_vmsa_sets_access_flag - whether hardware has to set AF: HA. iommu_vmsa_notes_writes -
 * whether it has to note writes as well: HD. Context: any; takes no lock.
 */
IOMMU_API bool iommu_vmsa_sets_access_flag(const struct iommu_pgtable *pt);

IOMMU_API bool iommu_vmsa_notes_writes(const struct iommu_pgtable *pt);

/*
 * iommu_vmsas1_tcr - what TCR_EL1 has for the table as that of TTBR0: T0SZ, IRGN0, ORGN0, SH0, TG0,
 * IPS, HA, HD and DS. The caller adds EPD1 (VMSA_TCR_EPD1 of <libiommu/hw/arm_page_table.h>), or
 * the fields of TTBR1. Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vmsas1_tcr(const struct iommu_pgtable *pt);

/*
 * iommu_vmsas1_ttbr - the value of TTBR0_EL1 or TTBR1_EL1.
 *
 * @asid: the address-space identifier, of 8 or 16 bits, as hardware has them.
 *
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vmsas1_ttbr(const struct iommu_pgtable *pt, uint16_t asid);

/*
 * iommu_vmsas2_vtcr - what VTCR_EL2 has for the table: T0SZ, SL0, IRGN0, ORGN0, SH0, TG0, PS, HA,
 * HD and DS. The caller adds VS, for VMIDs of 16 bits. Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vmsas2_vtcr(const struct iommu_pgtable *pt);

/*
 * iommu_vmsas2_vttbr - the value of VTTBR_EL2.
 *
 * @vmid: the identifier of the virtual machine, of 8 or 16 bits, as hardware has them.
 *
 * Context: any; takes no lock.
 */
IOMMU_API uint64_t iommu_vmsas2_vttbr(const struct iommu_pgtable *pt, uint16_t vmid);

IOMMU_END_DECLS
#endif
