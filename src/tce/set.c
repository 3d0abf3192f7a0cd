/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/tce_set.h>

#include <libiommu/group.h>
#include <libiommu/status.h>

#include "tce/table.h"

static void release(void *data)
{
	struct iommu_tce_set *set = data;

	if (set->release != NULL)
		set->release(set);
}

static bool has_larger_pages(const struct iommu_tce_set *set, unsigned int cpu_page_shift)
{
	unsigned int i;

	for (i = 0; i < IOMMU_TCE_SET_TABLES; i++)
		if (set->tables[i] != NULL && set->tables[i]->page_shift > cpu_page_shift)
			return true;
	return false;
}

int iommu_tce_set_register(struct iommu_tce_set *set, struct iommu *iommu, uint16_t segment,
			   uint16_t source_id, unsigned int cpu_page_shift)
{
	const struct iommu_endpoint *endpoint = iommu_find_endpoint(iommu, segment, source_id);
	struct iommu_group *group;

	if (endpoint == NULL)
		return IOMMU_ENOENT;
	group = iommu_endpoint_group(endpoint);
	if (iommu_group_data(group) != NULL)
		return IOMMU_EBUSY;
	if (set->tables[0] == NULL)
		return 0;
	if (has_larger_pages(set, cpu_page_shift))
		return IOMMU_EINVAL;
	iommu_group_set_data(group, set, release);
	return 0;
}

int iommu_tce_set_unregister(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	const struct iommu_endpoint *endpoint = iommu_find_endpoint(iommu, segment, source_id);

	if (endpoint == NULL || iommu_tce_set_of(endpoint) == NULL)
		return IOMMU_ENOENT;
	iommu_group_set_data(iommu_endpoint_group(endpoint), NULL, NULL);
	return 0;
}

struct iommu_tce_set *iommu_tce_set_of(const struct iommu_endpoint *endpoint)
{
	return iommu_group_data(iommu_endpoint_group(endpoint));
}
