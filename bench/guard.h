/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guard of a host's CPU (IOMMU_CPU_GUARD_HEADER) for the benches: what a kernel's
 * preempt_disable and preempt_enable are, an increment and a decrement with a test of a word of
 * the CPU's own, whose uppermost bit says that no other thread waits for the CPU.
 */
#ifndef BENCH_GUARD_H
#define BENCH_GUARD_H

#include <stdint.h>
#include <stdlib.h>

/* As in a kernel, where a CPU's own data is at a fixed distance. */
extern __thread unsigned int bench_cpu __attribute__((tls_model("local-exec")));
extern __thread uint32_t bench_preempt_count __attribute__((tls_model("local-exec")));

static inline unsigned int iommu_cpu_enter(uintptr_t *state)
{
	bench_preempt_count++;
	__asm__ volatile("" ::: "memory");
	*state = 0;
	return bench_cpu;
}

static inline void iommu_cpu_leave(uintptr_t state)
{
	(void)state;
	__asm__ volatile("" ::: "memory");
	if (__builtin_expect(--bench_preempt_count == 0, 0))
		abort();
}

#endif
