/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that are the same in every x86-64 kernel or hypervisor: cache flushing, time,
 * spinning, interrupt masking. Pages, the direct map and the log are left to the kernel.
 *
 *	static struct iommu_x86_64 port;
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = …,
 *						  .direct_map_offset = … };
 *	iommu_x86_64_init(&port, tsc_hz);
 *	iommu_x86_64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own makes struct
 * iommu_x86_64 its first member. They need ring 0 (interrupt masking) and CLFLUSH, which every
 * x86-64 CPU has. All devices of such machines see the CPUs' caches: cache_write_back and what goes
 * with it are not set.
 */
#ifndef IOMMU_X86_64_H
#define IOMMU_X86_64_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_x86_64 {
	uint64_t tsc_hz;
	uint32_t cache_line; /* bytes that one CLFLUSH writes back */
	bool has_clflushopt;
};

/* iommu_x86_64_init - read the features of the CPU. tsc_hz: frequency of its counter, not 0. */
void iommu_x86_64_init(struct iommu_x86_64 *port, uint64_t tsc_hz);

/* iommu_x86_64_fill - set ctx, cache_flush, now_ns, relax, irq_save and irq_restore. */
void iommu_x86_64_fill(struct iommu_platform *platform, struct iommu_x86_64 *port);

IOMMU_END_DECLS
#endif
