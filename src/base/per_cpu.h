/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A slot for each CPU, in single pages of the host: any number of CPUs is served without a large
 * block, and neighbours share no cache line, nor a pair of lines.
 */
#ifndef IOMMU_BASE_PER_CPU_H
#define IOMMU_BASE_PER_CPU_H

#include <libiommu/platform.h>

/* More CPUs than this are refused. */
#define IOMMU_CPUS_MAX 4096U
/* Bytes of a slot. */
#define IOMMU_CPU_SLOT      128U

#define IOMMU_SLOTS_IN_PAGE ((unsigned int)IOMMU_PAGE_SIZE / IOMMU_CPU_SLOT)

struct iommu_per_cpu {
	unsigned int count; /* of CPUs */
	unsigned char *pages[IOMMU_CPUS_MAX / IOMMU_SLOTS_IN_PAGE];
};

/* What is wrong with how many CPUs the host says that there are; NULL: nothing. */
const char *iommu_per_cpu_defect(const struct iommu_platform *platform);

/*
 * Slots for all CPUs of such a host, zeroed. Returns 0 or IOMMU_ENOMEM: to be destroyed in any
 * case. The structure is zero before.
 */
int iommu_per_cpu_init(struct iommu_per_cpu *slots, const struct iommu_platform *platform);
/* The same for one that all CPUs share. */
int iommu_per_cpu_init_one(struct iommu_per_cpu *slots, const struct iommu_platform *platform);
void iommu_per_cpu_destroy(struct iommu_per_cpu *slots, const struct iommu_platform *platform);

/* The slot of a CPU. A host that counts wrongly shares the first; it does not corrupt another. */
static inline void *iommu_cpu_slot(const struct iommu_per_cpu *slots, unsigned int cpu)
{
	if (cpu >= slots->count)
		cpu = 0;
	return slots->pages[cpu / IOMMU_SLOTS_IN_PAGE] +
	       (size_t)(cpu % IOMMU_SLOTS_IN_PAGE) * IOMMU_CPU_SLOT;
}

static inline unsigned int iommu_this_cpu(const struct iommu_platform *platform)
{
	return platform->cpu_id != NULL ? platform->cpu_id(platform->ctx) : 0;
}

#endif
