/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that any x86-64 kernel or hypervisor has, ready to be filled into its table: cache
 * flushing, time, spinning, interrupt masking. Pages, the direct map and the log are the kernel's
 *own.
 *
 *	static struct iommu_x86_64 port;
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = …,
 *						  .direct_map_offset = … };
 *	iommu_x86_64_init(&port, tsc_hz);
 *	iommu_x86_64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own puts struct
 * iommu_x86_64 first in it. Needs ring 0 (interrupt masking) and CLFLUSH, which every x86-64 CPU
 *has.
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

/* iommu_x86_64_init - ask the CPU what it has. tsc_hz: the time-stamp counter's frequency, not 0.
 */
void iommu_x86_64_init(struct iommu_x86_64 *port, uint64_t tsc_hz);

/* iommu_x86_64_fill - set ctx, cache_flush, now_ns, relax, irq_save and irq_restore. */
void iommu_x86_64_fill(struct iommu_platform *platform, struct iommu_x86_64 *port);

IOMMU_END_DECLS
#endif
