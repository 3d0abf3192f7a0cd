/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: second stage of the RISC-V IOMMU, and of RISC-V processors with the hypervisor
 * extension: Sv39x4, Sv48x4 and Sv57x4. See format_riscv.h. Guest addresses have two bits more than
 * the levels give, which the root has: 2,048 entries, in 16 KiB. Every leaf is a user's (U), and
 * none is global.
 */
#ifndef IOMMU_PGTABLE_FORMAT_RISCVSS_H
#define IOMMU_PGTABLE_FORMAT_RISCVSS_H

#include "pgtable/format_riscv.h"

/* The two lowest levels have no root, and the highest has nothing else. */
static inline unsigned int riscvss_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	const bool is_root =
		level == RISCV_LEVELS_MAX || (level >= RISCV_LEVELS_MIN && level == pt->levels);

	return RISCV_ENTRIES << (is_root ? RISCV_SECOND_STAGE_EXTRA : 0);
}

static inline uint64_t riscvss_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					 unsigned int level, unsigned int prot)
{
	(void)level;
	return riscv_permissions(pt, prot) | RISCV_PTE_USER | pt->leaf_attributes | paddr >> 2;
}

static inline bool riscvss_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
					 unsigned int level)
{
	return riscv_entry_is_sane(pt, entry, level, RISCV_PTE_USER);
}

static inline const char *riscvss_configure(struct iommu_pgtable *pt,
					    const struct iommu_pgtable_config *config)
{
	return riscv_configure(pt, config, riscv_second_stage_width(config->levels));
}

enum {
	RISCVSS_FLAGS = IOMMU_PGTABLE_ACCESSED | IOMMU_PGTABLE_MEMORY_TYPES,
};

#define FORMAT_NAME          "riscvss"
#define FORMAT_FIXED_SHAPE   true
#define FORMAT_PROT_HINTS    (IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO)
#define FORMAT_FLAGS         ((unsigned int)RISCVSS_FLAGS)

#define format_table_entries riscvss_table_entries
/* Four pages, which every host has aligned. */
#define format_root_order(pt)   ((unsigned int)RISCV_SECOND_STAGE_EXTRA)
#define format_root_is_good(pt) true
#define format_make_leaf        riscvss_make_leaf
#define format_prot             riscv_prot
#define format_entry_is_sane    riscvss_entry_is_sane
#define format_configure        riscvss_configure

#endif
