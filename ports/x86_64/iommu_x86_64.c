/* SPDX-License-Identifier: BSD-2-Clause */
#include "iommu_x86_64.h"

#include <libiommu/x86_64.h>

static void cpuid(uint32_t leaf, uint32_t *ebx, uint32_t *edx)
{
	uint32_t eax = leaf;
	uint32_t ecx = 0;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(*ebx), "+c"(ecx), "=d"(*edx));
}

static void x86_64_cache_flush(void *ctx, const void *virt, size_t size)
{
	const struct iommu_x86_64 *port = ctx;
	uintptr_t line = (uintptr_t)virt & ~(uintptr_t)(port->cache_line - 1);
	uintptr_t end = (uintptr_t)virt + size;

	for (; line < end; line += port->cache_line) {
		volatile char *at = (volatile char *)line;

		if (port->has_clflushopt)
			__asm__ volatile("clflushopt %0" : "+m"(*at));
		else
			__asm__ volatile("clflush %0" : "+m"(*at));
	}
	__asm__ volatile("mfence" ::: "memory");
}

static uint64_t x86_64_now_ns(void *ctx)
{
	const struct iommu_x86_64 *port = ctx;
	uint32_t low, high;
	uint64_t ticks;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	ticks = (uint64_t)high << 32 | low;
	/* In two parts, so that the product does not overflow for centuries. */
	return ticks / port->tsc_hz * 1000000000ULL +
	       ticks % port->tsc_hz * 1000000000ULL / port->tsc_hz;
}

static void x86_64_relax(void *ctx)
{
	(void)ctx;
	__asm__ volatile("pause");
}

static uintptr_t x86_64_irq_save(void *ctx)
{
	uintptr_t flags;

	(void)ctx;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}

static void x86_64_irq_restore(void *ctx, uintptr_t state)
{
	(void)ctx;
	__asm__ volatile("pushq %0; popfq" ::"r"(state) : "memory", "cc");
}

void iommu_x86_64_init(struct iommu_x86_64 *port, uint64_t tsc_hz)
{
	uint32_t ebx, edx;

	port->tsc_hz = tsc_hz;
	cpuid(1, &ebx, &edx);
	port->cache_line = (ebx >> 8 & 0xff) * 8;
	if (port->cache_line == 0)
		port->cache_line = 64;
	cpuid(7, &ebx, &edx);
	port->has_clflushopt = (ebx >> 23 & 1) != 0;
}

void iommu_x86_64_fill(struct iommu_platform *platform, struct iommu_x86_64 *port)
{
	platform->ctx = port;
	platform->cache_flush = x86_64_cache_flush;
	platform->now_ns = x86_64_now_ns;
	platform->relax = x86_64_relax;
	platform->irq_save = x86_64_irq_save;
	platform->irq_restore = x86_64_irq_restore;
	platform->compare_exchange_16 = iommu_x86_64_compare_exchange_16;
}
