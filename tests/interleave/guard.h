/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's guard of a CPU, for iova_guard.c. */
#ifndef INTERLEAVE_GUARD_H
#define INTERLEAVE_GUARD_H

#include <stdint.h>

unsigned int iommu_cpu_enter(uintptr_t *state);
void iommu_cpu_leave(uintptr_t state);

#endif
