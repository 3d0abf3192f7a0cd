/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's guard of a CPU, in line: between enter and leave the caller stays on its CPU, and no
 * other call of the library begins there. IOMMU_CPU_GUARD_HEADER (config.h) names a header of the
 * host that defines
 *
 *	static inline unsigned int iommu_cpu_enter(uintptr_t *state);
 *	static inline void iommu_cpu_leave(uintptr_t state);
 *
 * Without it there is no guard: IOMMU_HAS_CPU_GUARD is 0, and neither is ever called.
 */
#ifndef IOMMU_BASE_CPU_GUARD_H
#define IOMMU_BASE_CPU_GUARD_H

#include <stdint.h>

#include <libiommu/config.h>

#ifdef IOMMU_CPU_GUARD_HEADER
#include IOMMU_CPU_GUARD_HEADER
#define IOMMU_HAS_CPU_GUARD 1
#else
#define IOMMU_HAS_CPU_GUARD 0

static inline unsigned int iommu_cpu_enter(uintptr_t *state)
{
	*state = 0;
	return 0;
}

static inline void iommu_cpu_leave(uintptr_t state)
{
	(void)state;
}
#endif

#endif
