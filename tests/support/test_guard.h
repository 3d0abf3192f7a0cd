/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A host's guard of a CPU (IOMMU_CPU_GUARD_HEADER), which test_cpu_guard.c plays: a mutex for each
 * CPU, and a thread that may find itself on another one at each enter.
 */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stdint.h>

unsigned int test_guard_enter(uintptr_t *state);
void test_guard_leave(uintptr_t state);

static inline unsigned int iommu_cpu_enter(uintptr_t *state)
{
	return test_guard_enter(state);
}

static inline void iommu_cpu_leave(uintptr_t state)
{
	test_guard_leave(state);
}

#endif
