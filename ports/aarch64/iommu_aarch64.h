/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that are the same in every AArch64 kernel or hypervisor: cache maintenance, time,
 * spinning, interrupt masking, register access. Pages, the direct map and the log are left to the
 * kernel.
 *
 *	static struct iommu_aarch64 port;
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = …,
 *						  .direct_map_offset = … };
 *	iommu_aarch64_init(&port);
 *	iommu_aarch64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own makes struct
 * iommu_aarch64 its first member. Interrupt masking needs EL1 or EL2. The platform that was filled
 * stays where it is: cache_write_back and cache_invalidate convert addresses by it, and memory that
 * devices use is mapped there.
 */
#ifndef IOMMU_AARCH64_H
#define IOMMU_AARCH64_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_aarch64 {
	uint64_t counter_hz;                   /* of the generic timer */
	uint32_t cache_line;                   /* the smallest of the data caches, in bytes */
	uint32_t write_back_granule;           /* the most that they write back at once */
	const struct iommu_platform *platform; /* that iommu_aarch64_fill has filled */
};

/* iommu_aarch64_init - read what the CPU says of its timer (CNTFRQ_EL0) and caches (CTR_EL0). */
void iommu_aarch64_init(struct iommu_aarch64 *port);

/*
 * iommu_aarch64_fill - set ctx, cache_flush, cache_write_back, cache_invalidate, cache_line_size,
 * now_ns, relax, irq_save, irq_restore and the four mmio functions. Memory is cleaned to the point
 * of coherency, and cleaned and invalidated there; a register is written when all earlier
 * stores are visible to devices, and later loads see what was written before a register was read.
 */
void iommu_aarch64_fill(struct iommu_platform *platform, struct iommu_aarch64 *port);

IOMMU_END_DECLS
#endif
