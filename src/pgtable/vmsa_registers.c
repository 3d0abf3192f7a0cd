/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of VMSAv8-64 as the fields of registers and of an SMMU's entries: <libiommu/aarch64.h>. */
#include <libiommu/aarch64.h>
#include <libiommu/config.h>

#if IOMMU_CONFIG_ARM_TABLES
#include <libiommu/hw/arm_page_table.h>

unsigned int iommu_vmsa_granule_shift(const struct iommu_pgtable *pt)
{
	return pt->page_shift;
}

unsigned int iommu_vmsa_input_bits(const struct iommu_pgtable *pt)
{
	return vmsa_level_shift(pt->page_shift, pt->levels) + vmsa_root_bits(pt->flags);
}

unsigned int iommu_vmsa_output_bits(const struct iommu_pgtable *pt)
{
	unsigned int bits = 0;

	while (pt->paddr_last >> bits != 0)
		bits++;
	return bits;
}

unsigned int iommu_vmsas2_sl0(const struct iommu_pgtable *pt)
{
	return vmsa_sl0(pt->page_shift, pt->levels);
}

uint64_t iommu_vmsa_walks(const struct iommu_pgtable *pt)
{
	const bool cached = (pt->flags & IOMMU_PGTABLE_NONCOHERENT) == 0;

	return VMSA_TCR_T0SZ(iommu_vmsa_input_bits(pt)) |
	       (uint64_t)vmsa_tg0(pt->page_shift) << VMSA_TCR_TG0_SHIFT |
	       (cached ? VMSA_TCR_WALKS_CACHED : 0) | VMSA_TCR_WALKS_SHARED;
}

bool iommu_vmsa_sets_access_flag(const struct iommu_pgtable *pt)
{
	return (pt->flags & IOMMU_PGTABLE_ACCESSED) == 0 ||
	       (pt->flags & IOMMU_PGTABLE_DIRTY_TRACKING) != 0;
}

bool iommu_vmsa_notes_writes(const struct iommu_pgtable *pt)
{
	return (pt->flags & IOMMU_PGTABLE_DIRTY_TRACKING) != 0;
}

uint64_t iommu_vmsas1_tcr(const struct iommu_pgtable *pt)
{
	return iommu_vmsa_walks(pt) |
	       (uint64_t)vmsa_physical_size(iommu_vmsa_output_bits(pt)) << VMSA_TCR_IPS_SHIFT |
	       (iommu_vmsa_sets_access_flag(pt) ? VMSA_TCR_HA : 0) |
	       (iommu_vmsa_notes_writes(pt) ? VMSA_TCR_HD : 0) |
	       ((pt->flags & IOMMU_PGTABLE_LPA2) != 0 ? VMSA_TCR_DS : 0);
}

uint64_t iommu_vmsas1_ttbr(const struct iommu_pgtable *pt, uint16_t asid)
{
	return vmsa_ttbr(iommu_pgtable_root(pt), iommu_vmsa_output_bits(pt) > 48) | (uint64_t)asid
											    << 48;
}

uint64_t iommu_vmsas2_vtcr(const struct iommu_pgtable *pt)
{
	return iommu_vmsa_walks(pt) | (uint64_t)iommu_vmsas2_sl0(pt) << VMSA_VTCR_SL0_SHIFT |
	       (uint64_t)vmsa_physical_size(iommu_vmsa_output_bits(pt)) << VMSA_VTCR_PS_SHIFT |
	       (iommu_vmsa_sets_access_flag(pt) ? VMSA_VTCR_HA : 0) |
	       (iommu_vmsa_notes_writes(pt) ? VMSA_VTCR_HD : 0) |
	       ((pt->flags & IOMMU_PGTABLE_LPA2) != 0 ? VMSA_VTCR_DS : 0) | VMSA_VTCR_RES1;
}

uint64_t iommu_vmsas2_vttbr(const struct iommu_pgtable *pt, uint16_t vmid)
{
	return vmsa_ttbr(iommu_pgtable_root(pt), iommu_vmsa_output_bits(pt) > 48) | (uint64_t)vmid
											    << 48;
}

#else
/* A source file must hold something. */
typedef int iommu_vmsa_registers_are_left_out;
#endif
