/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: first stage of the RISC-V IOMMU, and RISC-V processors, which walk the same
 * tables: Sv39, Sv48 and Sv57. See format_riscv.h. Addresses have two halves, the upper one with
 * all higher bits set.
 */
#ifndef IOMMU_PGTABLE_FORMAT_RISCVFS_H
#define IOMMU_PGTABLE_FORMAT_RISCVFS_H

#include "pgtable/format_riscv.h"

static inline unsigned int riscvfs_table_entries(const struct iommu_pgtable *pt, unsigned int level)
{
	(void)pt;
	(void)level;
	return RISCV_ENTRIES;
}

static inline uint64_t riscvfs_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					 unsigned int level, unsigned int prot)
{
	const uint64_t user = (prot & IOMMU_PROT_PRIVILEGED) == 0 ? RISCV_PTE_USER : 0;

	(void)level;
	return riscv_permissions(pt, prot) | user | pt->leaf_attributes | paddr >> 2;
}

static inline unsigned int riscvfs_prot(uint64_t entry)
{
	return riscv_prot(entry) | ((entry & RISCV_PTE_USER) == 0 ? IOMMU_PROT_PRIVILEGED : 0U);
}

static inline bool riscvfs_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
					 unsigned int level)
{
	return riscv_entry_is_sane(pt, entry, level, 0);
}

static inline const char *riscvfs_configure(struct iommu_pgtable *pt,
					    const struct iommu_pgtable_config *config)
{
	/* Of the lower half. */
	const unsigned int width = riscv_first_stage_width(config->levels) - 1;
	const char *defect = riscv_configure(pt, config, width);

	if (defect == NULL && (config->flags & IOMMU_PGTABLE_GLOBAL) != 0)
		pt->leaf_attributes |= RISCV_PTE_GLOBAL;
	return defect;
}

enum {
	RISCVFS_FLAGS = IOMMU_PGTABLE_GLOBAL | IOMMU_PGTABLE_ACCESSED | IOMMU_PGTABLE_MEMORY_TYPES,
};

#define FORMAT_NAME          "riscvfs"
#define FORMAT_SIGN_EXTENDED true
#define FORMAT_PROT_HINTS                                                                          \
	(IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED)
#define FORMAT_FLAGS         ((unsigned int)RISCVFS_FLAGS)

#define format_table_entries riscvfs_table_entries
#define format_make_leaf     riscvfs_make_leaf
#define format_prot          riscvfs_prot
#define format_entry_is_sane riscvfs_entry_is_sane
#define format_configure     riscvfs_configure

#endif
