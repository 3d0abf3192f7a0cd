/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/per_cpu.h"

#include <libiommu/status.h>

int iommu_per_cpu_init(struct iommu_per_cpu *slots, const struct iommu_platform *platform)
{
	const unsigned int count =
		platform->cpu_count != NULL ? platform->cpu_count(platform->ctx) : 1;
	unsigned int i;

	if (count == 0 || count > IOMMU_CPUS_MAX)
		return IOMMU_EINVAL;
	for (i = 0; i * IOMMU_SLOTS_IN_PAGE < count; i++) {
		slots->pages[i] = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
		if (slots->pages[i] == NULL)
			return IOMMU_ENOMEM;
	}
	slots->count = count;
	return 0;
}

void iommu_per_cpu_destroy(struct iommu_per_cpu *slots, const struct iommu_platform *platform)
{
	unsigned int i;

	for (i = 0; i < IOMMU_CPUS_MAX / IOMMU_SLOTS_IN_PAGE && slots->pages[i] != NULL; i++)
		platform->free_pages(platform->ctx, slots->pages[i], 0);
}
