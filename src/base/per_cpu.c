/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/per_cpu.h"

#include <libiommu/status.h>

#include "base/log.h"

static unsigned int count_of(const struct iommu_platform *platform)
{
	return platform->cpu_count != NULL ? platform->cpu_count(platform->ctx) : 1;
}

const char *iommu_per_cpu_defect(const struct iommu_platform *platform)
{
	const unsigned int count = count_of(platform);

	return count != 0 && count <= IOMMU_CPUS_MAX
		       ? NULL
		       : IOMMU_WHY("the platform's cpu_count is 0, or above 4096");
}

static int init_slots(struct iommu_per_cpu *slots, const struct iommu_platform *platform,
		      unsigned int count)
{
	unsigned int i;

	for (i = 0; i * IOMMU_SLOTS_IN_PAGE < count; i++) {
		slots->pages[i] = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
		if (slots->pages[i] == NULL)
			return IOMMU_ENOMEM;
	}
	slots->count = count;
	return 0;
}

int iommu_per_cpu_init(struct iommu_per_cpu *slots, const struct iommu_platform *platform)
{
	const unsigned int said = count_of(platform);

	return init_slots(slots, platform, said < IOMMU_CPUS_MAX ? said : IOMMU_CPUS_MAX);
}

int iommu_per_cpu_init_one(struct iommu_per_cpu *slots, const struct iommu_platform *platform)
{
	return init_slots(slots, platform, 1);
}

void iommu_per_cpu_destroy(struct iommu_per_cpu *slots, const struct iommu_platform *platform)
{
	unsigned int i;

	for (i = 0; i < IOMMU_CPUS_MAX / IOMMU_SLOTS_IN_PAGE && slots->pages[i] != NULL; i++)
		platform->free_pages(platform->ctx, slots->pages[i], 0);
}
