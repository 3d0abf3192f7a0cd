/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: first stage of Arm's SMMU, and of Arm processors. See format_vmsa.h. There is
 * no entry that can be written and not read: writing implies reading. A table is that of one root,
 * TTB0 or TTB1: its addresses begin at 0.
 *
 * A write is noted by a bit that hardware clears, AP[2], in entries with DBM: format_noted takes
 * DBM off an entry that is still read-only, so that what is left of it says that there was a write.
 */
#ifndef IOMMU_PGTABLE_FORMAT_VMSAS1_H
#define IOMMU_PGTABLE_FORMAT_VMSAS1_H

#include "pgtable/format_vmsa.h"

#define VMSA_S1_DBM_DISTANCE 44 /* from AP[2] to DBM */

/* What a permission adds to a leaf. */
static inline uint64_t vmsas1_permissions(const struct iommu_pgtable *pt, unsigned int prot)
{
	uint64_t bits = VMSA_S1_UNPRIVILEGED;

	if ((prot & IOMMU_PROT_PRIVILEGED) != 0)
		bits = 0;
	if ((prot & IOMMU_PROT_WRITE) == 0)
		bits |= VMSA_S1_READ_ONLY;
	else if (vmsa_notes_writes(pt))
		bits |= VMSA_S1_READ_ONLY | VMSA_DBM;
	if ((prot & IOMMU_PROT_NO_EXEC) != 0)
		bits |= VMSA_S1_NO_EXECUTE;
	return bits | vmsa_s1_attr_index((prot & IOMMU_PROT_MMIO) != 0 ? VMSA_MEMORY_DEVICE
								       : VMSA_MEMORY_WRITE_BACK);
}

static inline uint64_t vmsas1_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					unsigned int level, unsigned int prot)
{
	return vmsa_format_address_bits(pt, paddr) | vmsa_leaf_type(level) | pt->leaf_attributes |
	       vmsas1_permissions(pt, prot);
}

static inline unsigned int vmsas1_prot(uint64_t entry)
{
	return IOMMU_PROT_READ | (vmsa_s1_is_writable(entry) ? IOMMU_PROT_WRITE : 0U) |
	       ((entry & VMSA_S1_UNPRIVILEGED) == 0 ? IOMMU_PROT_PRIVILEGED : 0U) |
	       ((entry & VMSA_S1_NO_EXECUTE) == VMSA_S1_NO_EXECUTE ? IOMMU_PROT_NO_EXEC : 0U) |
	       (vmsa_s1_memory_type(entry) == VMSA_MEMORY_DEVICE ? IOMMU_PROT_MMIO : 0U);
}

static inline uint64_t vmsas1_noted(uint64_t entry)
{
	return entry & ~((entry & VMSA_S1_READ_ONLY) << VMSA_S1_DBM_DISTANCE);
}

static inline uint64_t vmsas1_make_dirty(uint64_t entry)
{
	return (entry & VMSA_DBM) != 0 ? entry & ~VMSA_S1_READ_ONLY : entry;
}

static inline uint64_t vmsas1_make_clean(uint64_t entry)
{
	return (entry & VMSA_DBM) != 0 ? entry | VMSA_S1_READ_ONLY : entry;
}

/*
 * Limits that tables set are none that a copy has, nor are the types that another MAIR may have;
 * what may be executed by one privilege alone would be by both.
 */
static inline bool vmsas1_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
					unsigned int level)
{
	const uint64_t never = entry & VMSA_S1_NO_EXECUTE;

	if (!vmsa_entry_is_sane(pt, entry, level))
		return false;
	if (!vmsa_is_leaf(entry, level))
		return (entry & VMSA_S1_TABLE_LIMITS) == 0;
	return vmsa_s1_memory_type(entry) <= VMSA_MEMORY_DEVICE &&
	       (never == 0 || never == VMSA_S1_NO_EXECUTE);
}

static inline const char *vmsas1_configure(struct iommu_pgtable *pt,
					   const struct iommu_pgtable_config *config)
{
	const struct vmsa_stage stage = {
		.levels_of_4k = 4,
		.levels_of_16k = 4,
		.levels_of_4k_wide = 5,
		.levels_of_16k_wide = 4,
	};
	const char *defect = vmsa_configure(pt, config, &stage);

	if (defect == NULL && (config->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0)
		defect = IOMMU_WHY("flags that the format does not have");
	if ((config->flags & IOMMU_PGTABLE_GLOBAL) == 0)
		pt->leaf_attributes |= VMSA_S1_NOT_GLOBAL;
	return defect;
}

enum {
	VMSAS1_FLAGS = VMSA_FLAGS | IOMMU_PGTABLE_GLOBAL,
};

#define FORMAT_NAME  "vmsas1"
#define FORMAT_DIRTY VMSA_DBM
#define FORMAT_PROT_HINTS                                                                          \
	(IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO | IOMMU_PROT_PRIVILEGED)
#define FORMAT_FLAGS         ((unsigned int)VMSAS1_FLAGS)

#define format_make_leaf     vmsas1_make_leaf
#define format_prot          vmsas1_prot
#define format_noted         vmsas1_noted
#define format_make_dirty    vmsas1_make_dirty
#define format_make_clean    vmsas1_make_clean
#define format_entry_is_sane vmsas1_entry_is_sane
#define format_configure     vmsas1_configure

#endif
