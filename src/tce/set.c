/* SPDX-License-Identifier: BSD-2-Clause */
#include <libiommu/tce_table.h>

#include <libiommu/backend/ops.h>
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/log.h"
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
	struct iommu_endpoint *endpoint = iommu_find_endpoint(iommu, segment, source_id);
	struct iommu_group *group;
	const void *data;

	if (endpoint == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOENT,
					IOMMU_WHY("no endpoint has this segment and source id"));
	group = iommu_endpoint_group(endpoint);
	data = iommu_group_data(group);
	if (endpoint->uses_tce_set)
		return iommu_refuse_now(iommu, IOMMU_CALL, endpoint->name, IOMMU_EBUSY,
					IOMMU_WHY("a set is registered for it already"));
	if (data != NULL && data != set)
		return iommu_refuse_now(iommu, IOMMU_CALL, endpoint->name, IOMMU_EBUSY,
					IOMMU_WHY("its group has another set, or other data"));
	if (set->tables[0] == NULL)
		return 0;
	if (has_larger_pages(set, cpu_page_shift))
		return iommu_refuse_now(iommu, IOMMU_CALL, endpoint->name, IOMMU_EINVAL,
					IOMMU_WHY("a table has larger pages than the processor"));
	if (data == NULL)
		iommu_group_set_data(group, set, release);
	endpoint->uses_tce_set = true;
	return 0;
}

static int is_registered(void *unused, struct iommu_endpoint *endpoint)
{
	(void)unused;
	return endpoint->uses_tce_set ? 1 : 0;
}

int iommu_tce_set_unregister(struct iommu *iommu, uint16_t segment, uint16_t source_id)
{
	struct iommu_endpoint *endpoint = iommu_find_endpoint(iommu, segment, source_id);
	struct iommu_group *group;

	if (endpoint == NULL || !endpoint->uses_tce_set)
		return iommu_refuse_now(
			iommu, IOMMU_CALL, "", IOMMU_ENOENT,
			IOMMU_WHY("no set is registered for this segment and source id"));
	endpoint->uses_tce_set = false;
	group = iommu_endpoint_group(endpoint);
	/* Other members of the group still use it. */
	if (iommu_group_for_each(group, is_registered, NULL) == 0)
		iommu_group_set_data(group, NULL, NULL);
	return 0;
}

struct iommu_tce_set *iommu_tce_set_of(const struct iommu_endpoint *endpoint)
{
	return endpoint->uses_tce_set ? iommu_group_data(iommu_endpoint_group(endpoint)) : NULL;
}
