/* SPDX-License-Identifier: BSD-2-Clause */
#include "iommu_ppc64.h"

#define MSR_EE (1UL << 15)

static uint64_t ppc64_now_ns(void *ctx)
{
	const struct iommu_ppc64 *port = ctx;
	uint64_t ticks;

	__asm__ volatile("mftb %0" : "=r"(ticks));
	/* In two parts, so that the product does not overflow for centuries. */
	return ticks / port->timebase_hz * 1000000000ULL +
	       ticks % port->timebase_hz * 1000000000ULL / port->timebase_hz;
}

/* Lower the thread's priority, and restore it. */
static void ppc64_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile("or 1,1,1; or 2,2,2" ::: "memory");
}

static uintptr_t ppc64_irq_save(void *ctx)
{
	uintptr_t msr;

	(void)ctx;
	__asm__ volatile("mfmsr %0; mtmsrd %1,1" : "=&r"(msr) : "r"(2UL) : "memory");
	return msr;
}

static void ppc64_irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	__asm__ volatile("mtmsrd %0,1" ::"r"(state & (MSR_EE | 2UL)) : "memory");
}

/* Registers are not ordered with memory: sync before a write, and after a read. */
static uint32_t ppc64_mmio_read32(void *ctx, const volatile void *reg)
{
	const uint32_t value = *(const volatile uint32_t *)reg;

	(void)ctx;
	__asm__ volatile("sync" ::: "memory");
	return value;
}

static uint64_t ppc64_mmio_read64(void *ctx, const volatile void *reg)
{
	const uint64_t value = *(const volatile uint64_t *)reg;

	(void)ctx;
	__asm__ volatile("sync" ::: "memory");
	return value;
}

static void ppc64_mmio_write32(void *ctx, volatile void *reg, uint32_t value)
{
	(void)ctx;
	__asm__ volatile("sync" ::: "memory");
	*(volatile uint32_t *)reg = value;
}

static void ppc64_mmio_write64(void *ctx, volatile void *reg, uint64_t value)
{
	(void)ctx;
	__asm__ volatile("sync" ::: "memory");
	*(volatile uint64_t *)reg = value;
}

void iommu_ppc64_fill(struct iommu_platform *platform, struct iommu_ppc64 *port)
{
	platform->ctx = port;
	platform->now_ns = ppc64_now_ns;
	platform->relax = ppc64_relax;
	platform->irq_save = ppc64_irq_save;
	platform->irq_restore = ppc64_irq_restore;
	platform->mmio_read32 = ppc64_mmio_read32;
	platform->mmio_read64 = ppc64_mmio_read64;
	platform->mmio_write32 = ppc64_mmio_write32;
	platform->mmio_write64 = ppc64_mmio_write64;
}

int64_t iommu_ppc64_hypercall(void *ctx, uint64_t opcode, uint64_t first, uint64_t second,
			      uint64_t third, uint64_t fourth, uint64_t *result)
{
	register uint64_t r3 __asm__("r3") = opcode;
	register uint64_t r4 __asm__("r4") = first;
	register uint64_t r5 __asm__("r5") = second;
	register uint64_t r6 __asm__("r6") = third;
	register uint64_t r7 __asm__("r7") = fourth;

	(void)ctx;
	__asm__ volatile("sc 1"
			 : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7)
			 :
			 : "r0", "r8", "r9", "r10", "r11", "r12", "ctr", "xer", "cr0", "cr1", "cr5",
			   "cr6", "cr7", "memory");
	if (result != NULL)
		*result = r4;
	return (int64_t)r3;
}
