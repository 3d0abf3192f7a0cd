/* SPDX-License-Identifier: BSD-2-Clause */
#include "iommu_aarch64.h"

static void aarch64_cache_flush(void *ctx, const void *virt, size_t size)
{
	const struct iommu_aarch64 *port = ctx;
	uintptr_t line = (uintptr_t)virt & ~(uintptr_t)(port->cache_line - 1);
	uintptr_t end = (uintptr_t)virt + size;

	for (; line < end; line += port->cache_line)
		__asm__ volatile("dc cvac, %0" ::"r"(line) : "memory");
	__asm__ volatile("dsb sy" ::: "memory");
}

/* By the CPU's addresses, as the platform has them. */
static void aarch64_cache_write_back(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	const struct iommu_aarch64 *port = ctx;

	aarch64_cache_flush(ctx, iommu_phys_to_virt(port->platform, paddr), (size_t)size);
}

static void aarch64_cache_invalidate(void *ctx, iommu_paddr_t paddr, uint64_t size)
{
	const struct iommu_aarch64 *port = ctx;
	const uintptr_t start = (uintptr_t)iommu_phys_to_virt(port->platform, paddr);
	uintptr_t line = start & ~(uintptr_t)(port->cache_line - 1);

	/* Not before the load that has told that there is something new. */
	__asm__ volatile("dsb sy" ::: "memory");
	/* DC IVAC would lose what a neighbour has on the line, if there were one. */
	for (; line < start + size; line += port->cache_line)
		__asm__ volatile("dc civac, %0" ::"r"(line) : "memory");
	__asm__ volatile("dsb sy" ::: "memory");
}

static uint64_t aarch64_now_ns(void *ctx)
{
	const struct iommu_aarch64 *port = ctx;
	uint64_t ticks;

	/* The counter may be read early: not before what was done until here. */
	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
	/* In two parts, so that the product does not overflow for centuries. */
	return ticks / port->counter_hz * 1000000000ULL +
	       ticks % port->counter_hz * 1000000000ULL / port->counter_hz;
}

static void aarch64_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile("yield");
}

/* IRQ and FIQ. */
static uintptr_t aarch64_irq_save(void *ctx)
{
	uintptr_t daif;

	(void)ctx;
	__asm__ volatile("mrs %0, daif; msr daifset, #3" : "=r"(daif)::"memory");
	return daif;
}

static void aarch64_irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	__asm__ volatile("msr daif, %0" ::"r"(state) : "memory");
}

/* Device memory is not ordered with other memory by itself. */
static void aarch64_before_write(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}

static void aarch64_after_read(void)
{
	__asm__ volatile("dmb oshld" ::: "memory");
}

static uint32_t aarch64_read32(void *ctx, const volatile void *reg)
{
	uint32_t value = *(const volatile uint32_t *)reg;

	(void)ctx;
	aarch64_after_read();
	return value;
}

static uint64_t aarch64_read64(void *ctx, const volatile void *reg)
{
	uint64_t value = *(const volatile uint64_t *)reg;

	(void)ctx;
	aarch64_after_read();
	return value;
}

static void aarch64_write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	aarch64_before_write();
	*(volatile uint32_t *)reg = value;
}

static void aarch64_write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	aarch64_before_write();
	*(volatile uint64_t *)reg = value;
}

void iommu_aarch64_init(struct iommu_aarch64 *port)
{
	uint64_t ctr;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(port->counter_hz));
	/* Firmware sets it; without, time stands still rather than that a division fails. */
	if (port->counter_hz == 0)
		port->counter_hz = UINT64_MAX;
	__asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
	/* DminLine and CWG: log2 of words; CWG 0 stands for the most that there is. */
	port->cache_line = 4U << (ctr >> 16 & 0xf);
	port->write_back_granule = (ctr >> 24 & 0xf) != 0 ? 4U << (ctr >> 24 & 0xf) : 2048;
}

void iommu_aarch64_fill(struct iommu_platform *platform, struct iommu_aarch64 *port)
{
	platform->ctx = port;
	port->platform = platform;
	platform->cache_flush = aarch64_cache_flush;
	platform->cache_write_back = aarch64_cache_write_back;
	platform->cache_invalidate = aarch64_cache_invalidate;
	platform->cache_line_size = port->write_back_granule;
	platform->now_ns = aarch64_now_ns;
	platform->relax = aarch64_relax;
	platform->irq_save = aarch64_irq_save;
	platform->irq_restore = aarch64_irq_restore;
	platform->mmio_read32 = aarch64_read32;
	platform->mmio_read64 = aarch64_read64;
	platform->mmio_write32 = aarch64_write32;
	platform->mmio_write64 = aarch64_write64;
}
