/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-table format: second stage of Arm's SMMU, and of Arm processors with EL2. See format_vmsa.h.
 * The root may be up to 16 tables behind one another. Pages can be written and not read.
 *
 * A write is noted by a bit that hardware sets, S2AP[1], in entries with DBM. With
 * IOMMU_PGTABLE_FORCE_SNOOP memory types are those of FWB, by which all memory is write-back,
 * whatever a guest's first stage says.
 */
#ifndef IOMMU_PGTABLE_FORMAT_VMSAS2_H
#define IOMMU_PGTABLE_FORMAT_VMSAS2_H

#include "pgtable/format_vmsa.h"

#define VMSA_S2_DBM_DISTANCE 44 /* from S2AP[1] to DBM */

static inline bool vmsas2_forces_write_back(const struct iommu_pgtable *pt)
{
	return (pt->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0;
}

static inline uint64_t vmsas2_memory_type(const struct iommu_pgtable *pt, unsigned int prot)
{
	if ((prot & IOMMU_PROT_MMIO) != 0)
		return VMSA_S2_DEVICE;
	return vmsas2_forces_write_back(pt) ? VMSA_S2_FWB_WRITE_BACK : VMSA_S2_WRITE_BACK;
}

/* What a permission adds to a leaf. */
static inline uint64_t vmsas2_permissions(const struct iommu_pgtable *pt, unsigned int prot)
{
	uint64_t bits = 0;

	if ((prot & IOMMU_PROT_READ) != 0)
		bits |= VMSA_S2_READ;
	if ((prot & IOMMU_PROT_WRITE) != 0)
		bits |= vmsa_notes_writes(pt) ? VMSA_DBM : VMSA_S2_WRITE;
	if ((prot & IOMMU_PROT_NO_EXEC) != 0)
		bits |= VMSA_S2_NO_EXECUTE;
	return bits;
}

static inline uint64_t vmsas2_make_leaf(const struct iommu_pgtable *pt, iommu_paddr_t paddr,
					unsigned int level, unsigned int prot)
{
	return vmsa_format_address_bits(pt, paddr) | vmsa_leaf_type(level) | pt->leaf_attributes |
	       vmsas2_permissions(pt, prot) | vmsas2_memory_type(pt, prot);
}

static inline unsigned int vmsas2_prot(uint64_t entry)
{
	return ((entry & VMSA_S2_READ) != 0 ? IOMMU_PROT_READ : 0U) |
	       (vmsa_s2_is_writable(entry) ? IOMMU_PROT_WRITE : 0U) |
	       ((entry & VMSA_S2_XN) == VMSA_S2_NO_EXECUTE ? IOMMU_PROT_NO_EXEC : 0U) |
	       (vmsa_s2_is_device(entry) ? IOMMU_PROT_MMIO : 0U);
}

/* Without DBM hardware has noted nothing. */
static inline uint64_t vmsas2_noted(uint64_t entry)
{
	return entry & ~((~entry & VMSA_DBM) >> VMSA_S2_DBM_DISTANCE);
}

static inline uint64_t vmsas2_make_dirty(uint64_t entry)
{
	return entry | (entry & VMSA_DBM) >> VMSA_S2_DBM_DISTANCE;
}

static inline uint64_t vmsas2_make_clean(uint64_t entry)
{
	return entry & ~((entry & VMSA_DBM) >> VMSA_S2_DBM_DISTANCE);
}

/* A leaf that nothing may use is none that a copy has, nor is one for a privilege alone. */
static inline bool vmsas2_entry_is_sane(const struct iommu_pgtable *pt, uint64_t entry,
					unsigned int level)
{
	const uint64_t type = entry & VMSA_MEMORY_TYPE, xn = entry & VMSA_S2_XN;

	if (!vmsa_entry_is_sane(pt, entry, level))
		return false;
	if (!vmsa_is_leaf(entry, level))
		return true;
	if ((vmsas2_prot(entry) & IOMMU_PROT_READ_WRITE) == 0 ||
	    (xn != 0 && xn != VMSA_S2_NO_EXECUTE))
		return false;
	if (vmsa_s2_is_device(entry))
		return true;
	if (vmsas2_forces_write_back(pt))
		return type >= VMSA_S2_NOT_CACHED && type <= VMSA_S2_FWB_FIRST_STAGE;
	return (type & 3ULL << 2) != 0;
}

static inline const char *vmsas2_configure(struct iommu_pgtable *pt,
					   const struct iommu_pgtable_config *config)
{
	const struct vmsa_stage stage = {
		.levels_of_4k = 4,
		.levels_of_16k = 3,
		.levels_of_4k_wide = 4,
		.levels_of_16k_wide = 4,
		.concatenated = VMSA_CONCATENATED_MAX,
	};

	return vmsa_configure(pt, config, &stage);
}

#define FORMAT_NAME          "vmsas2"
#define FORMAT_DIRTY         VMSA_S2_WRITE
#define FORMAT_PROT_HINTS    (IOMMU_PROT_CACHE | IOMMU_PROT_NO_EXEC | IOMMU_PROT_MMIO)
#define FORMAT_FLAGS         ((unsigned int)VMSA_FLAGS)

#define format_make_leaf     vmsas2_make_leaf
#define format_prot          vmsas2_prot
#define format_noted         vmsas2_noted
#define format_make_dirty    vmsas2_make_dirty
#define format_make_clean    vmsas2_make_clean
#define format_entry_is_sane vmsas2_entry_is_sane
#define format_configure     vmsas2_configure

#endif
