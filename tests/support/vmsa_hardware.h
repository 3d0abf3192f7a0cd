/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hardware is given of a table of Arm, taken apart as hardware does it: the fields of TCR_EL1
 * and TTBR0_EL1, or of VTCR_EL2 and VTTBR_EL2, by the positions of their bits.
 */
#ifndef VMSA_HARDWARE_H
#define VMSA_HARDWARE_H

#include <libiommu/aarch64.h>
#include <libiommu/hw/arm_page_table.h>

#include "vmsa_reference.h"

static inline const void *vmsa_memory_of_host(void *ctx, uint64_t pa)
{
	return iommu_phys_to_virt((const struct iommu_platform *)ctx, pa);
}

static inline struct vmsa_walk vmsa_walk_of(const struct iommu_pgtable *pt, unsigned int stage)
{
	static const unsigned int sizes[] = {32, 36, 40, 42, 44, 48, 52, 56};
	const uint64_t tcr = stage == 1 ? iommu_vmsas1_tcr(pt) : iommu_vmsas2_vtcr(pt);
	const uint64_t ttbr = stage == 1 ? iommu_vmsas1_ttbr(pt, 0) : iommu_vmsas2_vttbr(pt, 0);
	struct vmsa_walk walk = {
		.stage = stage,
		.tg = (unsigned int)(tcr >> 14 & 3),
		.t0sz = (unsigned int)(tcr & 63),
		.fwb = stage == 2 && (pt->flags & IOMMU_PGTABLE_FORCE_SNOOP) != 0,
		.memory = vmsa_memory_of_host,
		.ctx = (void *)(uintptr_t)pt->platform,
	};

	if (stage == 1) {
		walk.start = vmsa_start_of_first_stage(walk.tg, walk.t0sz);
		walk.pa_bits = sizes[tcr >> 32 & 7];
		walk.ha = (tcr >> 39 & 1) != 0;
		walk.hd = (tcr >> 40 & 1) != 0;
		walk.ds = (tcr >> 59 & 1) != 0;
	} else {
		walk.start = vmsa_start_of_second_stage(walk.tg, (unsigned int)(tcr >> 6 & 3));
		walk.pa_bits = sizes[tcr >> 16 & 7];
		walk.ha = (tcr >> 21 & 1) != 0;
		walk.hd = (tcr >> 22 & 1) != 0;
		walk.ds = (tcr >> 32 & 1) != 0;
	}
	walk.root = ttbr & 0x0000ffffffffffc0;
	/* Of addresses with 52 bits the root's highest stand in 5:2. */
	if (walk.pa_bits == 52)
		walk.root |= (ttbr >> 2 & 15) << 48;
	return walk;
}

#endif
