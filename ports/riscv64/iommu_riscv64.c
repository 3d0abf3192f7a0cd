/* SPDX-License-Identifier: BSD-2-Clause */
#include "iommu_riscv64.h"

/* The bits of mstatus and sstatus that let interrupts in: both fit an instruction. */
#define STATUS_SIE 2
#define STATUS_MIE 8

static uint64_t riscv64_now_ns(void *ctx)
{
	const struct iommu_riscv64 *port = ctx;
	uint64_t ticks;

	if (port->mtime != NULL)
		ticks = *port->mtime;
	else
		__asm__ volatile("rdtime %0" : "=r"(ticks));
	/* In two parts, so that the product does not overflow for centuries. */
	return ticks / port->timebase_hz * 1000000000ULL +
	       ticks % port->timebase_hz * 1000000000ULL / port->timebase_hz;
}

/* "pause", a hint: on CPUs that do not have it a fence of nothing. */
static void riscv64_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

static uintptr_t riscv64_irq_save(void *ctx)
{
	const struct iommu_riscv64 *port = ctx;
	uintptr_t status;

	if (port->machine_mode)
		__asm__ volatile("csrrci %0, mstatus, %1"
				 : "=r"(status)
				 : "i"(STATUS_MIE)
				 : "memory");
	else
		__asm__ volatile("csrrci %0, sstatus, %1"
				 : "=r"(status)
				 : "i"(STATUS_SIE)
				 : "memory");
	return status;
}

static void riscv64_irq_restore(void *ctx, uintptr_t state)
{
	const struct iommu_riscv64 *port = ctx;

	if (port->machine_mode)
		__asm__ volatile("csrs mstatus, %0" ::"r"(state & STATUS_MIE) : "memory");
	else
		__asm__ volatile("csrs sstatus, %0" ::"r"(state & STATUS_SIE) : "memory");
}

/*
 * Registers are not ordered with memory: what was stored, or read, before a write to a register is
 * seen before it, and what is read or stored after a read of one comes after it.
 */
static void before_write(void)
{
	__asm__ volatile("fence rw, o" ::: "memory");
}

static void after_read(void)
{
	__asm__ volatile("fence i, rw" ::: "memory");
}

static uint32_t riscv64_mmio_read32(void *ctx, const volatile void *reg)
{
	const uint32_t value = *(const volatile uint32_t *)reg;

	(void)ctx;
	after_read();
	return value;
}

static uint64_t riscv64_mmio_read64(void *ctx, const volatile void *reg)
{
	const uint64_t value = *(const volatile uint64_t *)reg;

	(void)ctx;
	after_read();
	return value;
}

static void riscv64_mmio_write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	before_write();
	*(volatile uint32_t *)reg = value;
}

static void riscv64_mmio_write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	before_write();
	*(volatile uint64_t *)reg = value;
}

void iommu_riscv64_fill(struct iommu_platform *platform, struct iommu_riscv64 *port)
{
	platform->ctx = port;
	platform->now_ns = riscv64_now_ns;
	platform->relax = riscv64_relax;
	platform->irq_save = riscv64_irq_save;
	platform->irq_restore = riscv64_irq_restore;
	platform->mmio_read32 = riscv64_mmio_read32;
	platform->mmio_read64 = riscv64_mmio_read64;
	platform->mmio_write32 = riscv64_mmio_write32;
	platform->mmio_write64 = riscv64_mmio_write64;
}
