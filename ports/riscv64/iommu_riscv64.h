/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that are the same in every 64-bit RISC-V kernel or hypervisor: time, spinning,
 * interrupt masking, register access. Pages, their addresses and the log are left to the kernel.
 *
 *	static struct iommu_riscv64 port = { .timebase_hz = … };
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = … };
 *	iommu_riscv64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own makes struct
 * iommu_riscv64 its first member. They need S mode, or M mode. There is nothing to flush: a RISC-V
 * IOMMU reads memory through the caches of the CPUs.
 */
#ifndef IOMMU_RISCV64_H
#define IOMMU_RISCV64_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_riscv64 {
	uint64_t timebase_hz; /* "timebase-frequency" of the CPUs in the device tree; not 0 */
	/* The counter's register, for M mode on CPUs without the CSR `time`; NULL: the CSR. */
	const volatile uint64_t *mtime;
	bool machine_mode; /* the kernel runs in M mode, not in S mode */
};

/* iommu_riscv64_fill - set ctx, now_ns, relax, irq_save, irq_restore and the mmio functions. */
void iommu_riscv64_fill(struct iommu_platform *platform, struct iommu_riscv64 *port);

IOMMU_END_DECLS
#endif
