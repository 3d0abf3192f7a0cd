/* SPDX-License-Identifier: BSD-2-Clause */
#include "iommu_riscv64.h"

#define SSTATUS_SIE 2UL
#define MSTATUS_MIE 8UL

/* Written out by .insn, for assemblers that do not know the extensions. */
static void riscv64_clean(uintptr_t block)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 1" ::"r"(block) : "memory");
}

static void riscv64_flush(uintptr_t block)
{
	__asm__ volatile(".insn i 0x0f, 2, x0, %0, 2" ::"r"(block) : "memory");
}

static void riscv64_cache_flush(void *ctx, const void *virt, size_t size)
{
	const struct iommu_riscv64 *port = ctx;
	uintptr_t block = (uintptr_t)virt & ~(uintptr_t)(port->cache_block - 1);
	uintptr_t end = (uintptr_t)virt + size;

	for (; block < end; block += port->cache_block)
		riscv64_clean(block);
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

/* By the CPU's addresses, as the platform has them. */
static void riscv64_cache_write_back(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	const struct iommu_riscv64 *port = ctx;

	riscv64_cache_flush(ctx, iommu_phys_to_virt(port->platform, paddr), (size_t)size);
}

static void riscv64_cache_invalidate(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	const struct iommu_riscv64 *port = ctx;
	const uintptr_t start = (uintptr_t)iommu_phys_to_virt(port->platform, paddr);
	uintptr_t block = start & ~(uintptr_t)(port->cache_block - 1);

	/* Not before the load that has told that there is something new. */
	__asm__ volatile("fence iorw, iorw" ::: "memory");
	/* CBO.INVAL would lose what a neighbour has on the block, if there were one. */
	for (; block < start + size; block += port->cache_block)
		riscv64_flush(block);
	__asm__ volatile("fence iorw, iorw" ::: "memory");
}

static uint64_t riscv64_now_ns(void *ctx)
{
	const struct iommu_riscv64 *port = ctx;
	uint64_t ticks;

	__asm__ volatile("rdtime %0" : "=r"(ticks)::"memory");
	/* In two parts, so that the product does not overflow for centuries. */
	return ticks / port->timebase_hz * 1000000000ULL +
	       ticks % port->timebase_hz * 1000000000ULL / port->timebase_hz;
}

static void riscv64_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010"); /* pause: a hint, which all accept */
}

static uintptr_t riscv64_irq_save(void *ctx)
{
	const struct iommu_riscv64 *port = ctx;
	uintptr_t status;

	if (port->machine_mode) {
		__asm__ volatile("csrrc %0, mstatus, %1"
				 : "=r"(status)
				 : "r"(MSTATUS_MIE)
				 : "memory");
		return status & MSTATUS_MIE;
	}
	__asm__ volatile("csrrc %0, sstatus, %1" : "=r"(status) : "r"(SSTATUS_SIE) : "memory");
	return status & SSTATUS_SIE;
}

static void riscv64_irq_restore(void *ctx, uintptr_t state)
{
	const struct iommu_riscv64 *port = ctx;

	if (port->machine_mode)
		__asm__ volatile("csrs mstatus, %0" ::"r"(state) : "memory");
	else
		__asm__ volatile("csrs sstatus, %0" ::"r"(state) : "memory");
}

/*
 * Registers and memory are different domains of a fence: i and o, r and w. What was read before a
 * write may be given back to hardware by that: a slot of a queue.
 */
static void riscv64_before_write(void)
{
	__asm__ volatile("fence rw, o" ::: "memory");
}

static void riscv64_after_read(void)
{
	__asm__ volatile("fence i, rw" ::: "memory");
}

static uint32_t riscv64_read32(void *ctx, const volatile void *reg)
{
	uint32_t value = *(const volatile uint32_t *)reg;

	(void)ctx;
	riscv64_after_read();
	return value;
}

static uint64_t riscv64_read64(void *ctx, const volatile void *reg)
{
	uint64_t value = *(const volatile uint64_t *)reg;

	(void)ctx;
	riscv64_after_read();
	return value;
}

static void riscv64_write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	riscv64_before_write();
	*(volatile uint32_t *)reg = value;
}

static void riscv64_write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	riscv64_before_write();
	*(volatile uint64_t *)reg = value;
}

void iommu_riscv64_fill(struct iommu_platform *platform, struct iommu_riscv64 *port)
{
	platform->ctx = port;
	port->platform = platform;
	if (port->cache_block != 0) {
		platform->cache_flush = riscv64_cache_flush;
		platform->cache_write_back = riscv64_cache_write_back;
		platform->cache_invalidate = riscv64_cache_invalidate;
		platform->cache_line_size = port->cache_block;
	}
	platform->now_ns = riscv64_now_ns;
	platform->relax = riscv64_relax;
	platform->irq_save = riscv64_irq_save;
	platform->irq_restore = riscv64_irq_restore;
	platform->mmio_read32 = riscv64_read32;
	platform->mmio_read64 = riscv64_read64;
	platform->mmio_write32 = riscv64_write32;
	platform->mmio_write64 = riscv64_write64;
}
