/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: finding their unit, and their life in a group. */
#include <libiommu/endpoint.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "group/group.h"

/* The unit that is surest to translate for an endpoint, or NULL. */
static struct iommu_unit *find_unit(struct iommu *iommu, const struct iommu_endpoint_info *info)
{
	enum iommu_match best = IOMMU_MATCH_NONE;
	struct iommu_unit *found = NULL;
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->units) {
		struct iommu_unit *unit = iommu_container_of(node, struct iommu_unit, link);
		enum iommu_match match = unit->ops->match(unit, info);

		if (match > best) {
			best = match;
			found = unit;
		}
	}
	return found;
}

static bool info_is_sane(const struct iommu_endpoint_info *info)
{
	unsigned int i;

	if (info == NULL || info->path_length > IOMMU_PCI_PATH_MAX)
		return false;
	if (info->phantom_bits > 3 || info->tlb_queue_depth > 31)
		return false;
	for (i = 0; i < info->path_length; i++)
		if (info->path[i].device > 31 || info->path[i].function > 7)
			return false;
	return true;
}

/* Copy what the host said; without a path the device is on a root bus. */
static void endpoint_describe(struct iommu_endpoint *endpoint,
			      const struct iommu_endpoint_info *info)
{
	(void)iommu_line_append(endpoint->name, sizeof(endpoint->name), 0,
				info->name != NULL ? info->name : "");
	endpoint->info = *info;
	endpoint->info.name = endpoint->name;
	if (info->path_length == 0) {
		endpoint->info.root_bus = (uint8_t)(info->source_id >> 8);
		endpoint->info.path_length = 1;
		endpoint->info.path[0].device = info->source_id >> 3 & 31;
		endpoint->info.path[0].function = info->source_id & 7;
	}
}

int iommu_probe_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
			 struct iommu_endpoint **result)
{
	struct iommu_endpoint *endpoint;
	int status;

	if (!info_is_sane(info))
		return IOMMU_EINVAL;
	if (iommu_find_endpoint(iommu, info->segment, info->source_id) != NULL)
		return IOMMU_EEXIST;
	endpoint = iommu_object_alloc(&iommu->endpoint_cache, 0);
	if (endpoint == NULL)
		return IOMMU_ENOMEM;
	endpoint->iommu = iommu;
	endpoint_describe(endpoint, info);
	endpoint->unit = find_unit(iommu, &endpoint->info);
	if (endpoint->unit == NULL) {
		status = IOMMU_ENODEV;
		goto free_endpoint;
	}
	endpoint->group = iommu_group_new(iommu);
	if (endpoint->group == NULL) {
		status = IOMMU_ENOMEM;
		goto free_endpoint;
	}
	status = endpoint->unit->ops->probe_endpoint(endpoint->unit, endpoint);
	if (status != 0)
		goto free_group;
	endpoint->unit->endpoints++;
	iommu_list_insert(&endpoint->group->endpoints, &endpoint->group_link);
	iommu_list_insert(&iommu->endpoints, &endpoint->link);
	if (endpoint->unit->enabled)
		status = iommu_group_open_window(endpoint->group);
	if (status != 0) {
		(void)iommu_release_endpoint(endpoint);
		return status;
	}
	*result = endpoint;
	return 0;

free_group:
	iommu_group_free(endpoint->group);
free_endpoint:
	iommu_object_free(&iommu->endpoint_cache, endpoint);
	return status;
}

int iommu_release_endpoint(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;

	if (group->domain != NULL)
		return IOMMU_EBUSY;
	/* Not confirmed is blocked all the same; what it may still reach is kept by the back end. */
	(void)iommu_group_block(endpoint);
	endpoint->unit->endpoints--;
	endpoint->unit->ops->release_endpoint(endpoint->unit, endpoint);
	iommu_list_remove(&endpoint->link);
	iommu_list_remove(&endpoint->group_link);
	if (iommu_list_is_empty(&group->endpoints))
		iommu_group_free(group);
	iommu_object_free(&endpoint->iommu->endpoint_cache, endpoint);
	return 0;
}

bool iommu_endpoint_uses_device_tlb(const struct iommu_endpoint *endpoint)
{
	return endpoint->uses_device_tlb;
}

bool iommu_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	const struct iommu_ops *ops = endpoint->unit->ops;

	return ops->endpoint_is_lost != NULL && ops->endpoint_is_lost(endpoint);
}

int iommu_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
	int status = iommu_domain_detach_group(endpoint->group);

	if (endpoint->unit->ops->endpoint_was_reset != NULL)
		endpoint->unit->ops->endpoint_was_reset(endpoint);
	return status;
}

struct iommu_group *iommu_endpoint_group(const struct iommu_endpoint *endpoint)
{
	return endpoint->group;
}

struct iommu_unit *iommu_endpoint_unit(const struct iommu_endpoint *endpoint)
{
	return endpoint->unit;
}

void *iommu_endpoint_host_data(const struct iommu_endpoint *endpoint)
{
	return endpoint->info.host_data;
}

uint16_t iommu_endpoint_source_id(const struct iommu_endpoint *endpoint)
{
	return endpoint->info.source_id;
}

const char *iommu_endpoint_name(const struct iommu_endpoint *endpoint)
{
	return endpoint->name;
}

struct iommu_endpoint *iommu_find_endpoint(struct iommu *iommu, uint16_t segment,
					   uint16_t source_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->endpoints) {
		struct iommu_endpoint *endpoint =
			iommu_container_of(node, struct iommu_endpoint, link);

		if (endpoint->info.segment == segment && endpoint->info.source_id == source_id)
			return endpoint;
	}
	return NULL;
}

struct iommu_endpoint *iommu_next_endpoint(struct iommu *iommu, struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *next =
		endpoint == NULL ? iommu->endpoints.next : endpoint->link.next;

	return next == &iommu->endpoints ? NULL
					 : iommu_container_of(next, struct iommu_endpoint, link);
}
