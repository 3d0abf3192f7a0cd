/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host services that are the same in every 64-bit RISC-V kernel or hypervisor: cache maintenance,
 * time, spinning, interrupt masking, register access. Pages, the direct map and the log are left to
 * the kernel.
 *
 *	static struct iommu_riscv64 port = { .timebase_hz = …, .cache_block = … };
 *	static struct iommu_platform platform = { .alloc_pages = …, .free_pages = …,
 *						  .direct_map_offset = … };
 *	iommu_riscv64_fill(&platform, &port);
 *
 * The services take their state from `ctx`; a kernel that needs a ctx of its own makes struct
 * iommu_riscv64 its first member. Interrupt masking needs S mode, or M mode. The platform that was
 * filled stays where it is: cache_write_back and cache_invalidate convert addresses by it, and
 * memory that devices use is mapped there.
 */
#ifndef IOMMU_RISCV64_H
#define IOMMU_RISCV64_H

#include <libiommu/platform.h>

IOMMU_BEGIN_DECLS

struct iommu_riscv64 {
	uint64_t timebase_hz; /* "timebase-frequency" of the CPUs in the device tree; not 0 */
	/*
	 * "riscv,cbom-block-size" of a CPU with Zicbom, a power of two; 0: everything that walks
	 * tables, and every device, snoops the caches, and no service for caches is set.
	 */
	uint32_t cache_block;
	bool machine_mode; /* the kernel runs in M mode, and masks interrupts of that */
	const struct iommu_platform *platform; /* that iommu_riscv64_fill has filled */
};

/*
 * iommu_riscv64_fill - set ctx, now_ns, relax, irq_save, irq_restore, the four mmio functions, and
 * with a cache_block cache_flush, cache_write_back, cache_invalidate and cache_line_size.
 *
 * A register is written after all earlier loads and stores of memory, and later ones come after a
 * register was read.
 */
void iommu_riscv64_fill(struct iommu_platform *platform, struct iommu_riscv64 *port);

IOMMU_END_DECLS
#endif
