/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: finding their unit, and their lifetime in a group. */
#include <libiommu/endpoint.h>
#include <libiommu/status.h>

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

/* Which field of a description is out of range; NULL: none. */
static const char *field_out_of_range(const struct iommu_endpoint_info *info)
{
	unsigned int i;

	if (info == NULL)
		return IOMMU_WHY("nothing is said of the device");
	if (info->path_length > IOMMU_PCI_PATH_MAX)
		return IOMMU_WHY("path_length is above IOMMU_PCI_PATH_MAX");
	if (info->phantom_bits > 3)
		return IOMMU_WHY("phantom_bits is above 3");
	if (info->tlb_queue_depth > 31)
		return IOMMU_WHY("tlb_queue_depth is above 31 (0 stands for 32, as in the device)");
	if (info->fwspec != NULL && info->fwspec->id_count > IOMMU_FWSPEC_IDS_MAX)
		return IOMMU_WHY("id_count of fwspec is above IOMMU_FWSPEC_IDS_MAX");
	for (i = 0; i < info->path_length; i++)
		if (info->path[i].device > 31 || info->path[i].function > 7)
			return IOMMU_WHY("path has a device above 31 or a function above 7");
	return NULL;
}

/* --- Probe ------------------------------------------------------------------------------------ */

static int find_unit_for(struct iommu *iommu, const struct iommu_endpoint_info *info,
			 struct iommu_unit **unit)
{
	struct iommu_list_node *node;

	if (info->fwspec == NULL) {
		*unit = find_unit(iommu, info);
		return *unit != NULL ? 0
				     : IOMMU_REFUSE(iommu, "", IOMMU_ENODEV,
						    "no unit translates for the device: its DMA is "
						    "not restricted");
	}
	iommu_list_for_each (node, &iommu->units) {
		*unit = iommu_container_of(node, struct iommu_unit, link);
		if ((*unit)->firmware_node == info->fwspec->unit_node)
			return 0;
	}
	return IOMMU_REFUSE(iommu, "", IOMMU_EPROBE_DEFER,
			    "the unit that firmware names for the device is not there yet");
}

/* Into the group that it belongs to, with all its ids. */
static int settle(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group;
	int status = iommu_topology_find_group(endpoint, &group);

	if (status != 0)
		return status;
	status = iommu_endpoint_enter(endpoint, group);
	if (status == 0)
		status = iommu_topology_for_each_alias(endpoint, iommu_alias_add, endpoint);
	iommu_topology_set_requester(endpoint);
	if (status == 0 && !iommu_list_is_empty(&group->pasids))
		status = IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EBUSY,
				      "PASIDs are attached to its group");
	return status;
}

static void unsettle(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;

	iommu_aliases_drop(endpoint);
	if (group == NULL) {
		endpoint->unit->ops->release_endpoint(endpoint->unit, endpoint);
		return;
	}
	iommu_endpoint_leave(endpoint);
	iommu_group_close(group);
}

static int endpoint_create(struct iommu *iommu, const struct iommu_endpoint_info *info,
			   struct iommu_endpoint **result)
{
	struct iommu_endpoint *endpoint = iommu_object_alloc(&iommu->endpoint_cache, 0);
	int status;

	if (endpoint == NULL)
		return IOMMU_ENOMEM;
	endpoint->iommu = iommu;
	iommu_endpoint_describe(endpoint, info);
	status = find_unit_for(iommu, &endpoint->info, &endpoint->unit);
	if (status == 0)
		status = endpoint->unit->ops->probe_endpoint(endpoint->unit, endpoint);
	if (status != 0)
		goto free_endpoint;
	status = settle(endpoint);
	if (status != 0)
		goto unsettle;
	iommu_endpoint_list(endpoint);
	*result = endpoint;
	return 0;

unsettle:
	unsettle(endpoint);
free_endpoint:
	iommu_object_free(&iommu->endpoint_cache, endpoint);
	return status;
}

/* A device becomes nothing but an id that others use. It goes on using what its group uses. */
static void device_to_alias(struct iommu_endpoint *endpoint)
{
	const struct iommu_endpoint_info none = {
		.segment = endpoint->info.segment,
		.source_id = endpoint->info.source_id,
		.physical_function = endpoint->info.source_id,
		.class_code = endpoint->info.class_code,
	};
	struct iommu *iommu = endpoint->iommu;
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);

	endpoint->is_alias = true;
	endpoint->fault_handler = NULL;
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	/* Who has found the device may be reading what is said of it. */
	iommu_wait_for_users(endpoint);
	state = iommu_spin_lock(iommu->platform, &iommu->look_lock);
	iommu_endpoint_describe(endpoint, &none);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	endpoint->request_handler = NULL;
	iommu_endpoint_dismiss(endpoint);
	endpoint->group->members--;
}

/*
 * The other way round: what others use as an id of theirs becomes a device. The back end knows it
 * already, as one without features: it keeps none, because ids that are shared are not to be relied
 * upon.
 */
static int alias_to_device(struct iommu_endpoint *endpoint, const struct iommu_endpoint_info *info)
{
	const struct iommu_platform *platform = endpoint->iommu->platform;
	struct iommu_endpoint_info own = *info;
	uintptr_t state;
	int status;

	own.device_tlb = false;
	own.max_pasids = 0;
	own.page_requests = 0;
	state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	iommu_endpoint_describe(endpoint, &own);
	endpoint->is_alias = false;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	endpoint->group->members++;
	iommu_make_name_unique(endpoint);
	status = endpoint->unit->ops->endpoint_changed != NULL
			 ? endpoint->unit->ops->endpoint_changed(endpoint)
			 : 0;
	if (status == 0)
		status = iommu_default_choose(endpoint->group);
	if (status == 0)
		status = iommu_endpoint_join(endpoint);
	if (status == 0)
		status = iommu_topology_for_each_alias(endpoint, iommu_alias_add, endpoint);
	iommu_topology_set_requester(endpoint);
	if (status != 0) {
		iommu_aliases_drop(endpoint);
		device_to_alias(endpoint);
	}
	return status;
}

int iommu_probe(struct iommu *iommu, const struct iommu_endpoint_info *info,
		struct iommu_endpoint **result)
{
	const char *wrong = field_out_of_range(info);
	struct iommu_endpoint *endpoint;
	int status;

	if (wrong != NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, wrong);
	endpoint = iommu_find_id(iommu, info->segment, info->source_id);
	if (endpoint != NULL && !endpoint->is_alias)
		return IOMMU_REFUSE(iommu, endpoint->name, IOMMU_EEXIST,
				    "there is a device with this source id");
	status = iommu_topology_check(iommu, info);
	if (status != 0)
		return IOMMU_REFUSE(iommu, "", status, "the device is not in the PCI topology");
	if (endpoint == NULL)
		status = endpoint_create(iommu, info, &endpoint);
	else if (!iommu_list_is_empty(&endpoint->group->pasids) || iommu_is_in_use(endpoint) ||
		 endpoint->holders != 0)
		status =
			IOMMU_REFUSE(iommu, endpoint->name, IOMMU_EBUSY,
				     "the driver, or a holder, of the device that was there before "
				     "has not let go, or PASIDs are attached");
	else
		status = alias_to_device(endpoint, info);
	if (status != 0)
		return status;
	iommu_resets_follow(endpoint->group);
	if (endpoint->unit->ops->finalize_endpoint != NULL)
		endpoint->unit->ops->finalize_endpoint(endpoint->unit, endpoint);
	iommu_group_notify(endpoint->group, IOMMU_ENDPOINT_ADDED, endpoint);
	*result = endpoint;
	return 0;
}

int iommu_probe_endpoint(struct iommu *iommu, const struct iommu_endpoint_info *info,
			 struct iommu_endpoint **result)
{
	int status;

	iommu_control_lock(iommu);
	status = iommu_probe(iommu, info, result);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Release ---------------------------------------------------------------------------------- */

/*
 * Block what goes with an endpoint: itself, unless others use its id, and ids that no other uses.
 */
static int block_with_aliases(struct iommu_endpoint *endpoint)
{
	int result = 0;
	unsigned int i;

	for (i = 0; i < endpoint->alias_count; i++) {
		struct iommu_endpoint *alias = endpoint->aliases[i];
		int status = 0;

		if (alias->is_alias && alias->alias_users == 1)
			status = iommu_endpoint_block(alias);
		if (result == 0)
			result = status;
	}
	if (endpoint->alias_users == 0) {
		int status = iommu_endpoint_block(endpoint);

		if (result == 0)
			result = status;
	}
	return result;
}

/* Nothing of it passes any more, as far as hardware has confirmed. Called again, it asks again. */
static int shut_out(struct iommu_endpoint *endpoint)
{
	int status = iommu_pasids_leave(endpoint);
	int blocked = block_with_aliases(endpoint);
	int silent = iommu_resets_leave(endpoint);

	if (status == 0)
		status = blocked;
	if (status == 0)
		status = silent;
	return status != 0 ? status : iommu_unit_confirm(endpoint->unit);
}

int iommu_release(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	struct iommu_group *group = endpoint->group;
	int status = 0;

	if (iommu_endpoint_is_released(endpoint))
		return IOMMU_REFUSE(iommu, endpoint->name, IOMMU_ENODEV, "it was released before");
	if (group->members == 1) {
		if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
			return IOMMU_REFUSE(
				iommu, endpoint->name, IOMMU_EBUSY,
				"a domain is attached to its group, or to a PASID of it");
		/* What a driver holds goes when it lets go. */
		if (group->drivers == 0)
			status = iommu_default_prepare_free(group);
	}
	if (status == 0)
		status = shut_out(endpoint);
	if (status != 0)
		return status;
	iommu_group_notify(group, IOMMU_ENDPOINT_REMOVED, endpoint);
	iommu_features_off(endpoint);
	endpoint->uses_tce_set = false;
	iommu_resets_end(endpoint);
	if (endpoint->alias_users != 0) {
		device_to_alias(endpoint);
		iommu_aliases_drop(endpoint);
		iommu_resets_follow(group);
		return 0;
	}
	iommu_endpoint_unlist(endpoint);
	group->holders++; /* the end of the endpoint may want it */
	unsettle(endpoint);
	iommu_endpoint_free(endpoint);
	iommu_resets_follow(group);
	group->holders--;
	iommu_groups_close(iommu);
	return 0;
}

int iommu_release_endpoint(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu;
	int status;

	if (endpoint == NULL)
		return 0;
	iommu = endpoint->iommu;
	iommu_control_lock(iommu);
	status = iommu_release(endpoint);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

/* --- Facts ------------------------------------------------------------------------------------ */

bool iommu_endpoint_uses_device_tlb(const struct iommu_endpoint *endpoint)
{
	return endpoint->uses_device_tlb;
}

bool iommu_endpoint_is_lost(const struct iommu_endpoint *endpoint)
{
	const struct iommu_ops *ops;

	if (iommu_endpoint_is_released(endpoint))
		return true;
	ops = endpoint->unit->ops;
	return ops->endpoint_is_lost != NULL && ops->endpoint_is_lost(endpoint);
}

static int was_reset(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;
	int status = 0;

	if (iommu_endpoint_is_released(endpoint))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_ENODEV,
				    "it was released");
	if (iommu_is_in_reset(endpoint))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EBUSY,
				    "a reset of it has begun, and not ended");
	/* Its TLB is empty; but nothing that it had may be used once that is believed. */
	status = iommu_endpoint_block(endpoint);
	if (status != 0)
		return status;
	if (endpoint->unit->ops->endpoint_was_reset != NULL)
		endpoint->unit->ops->endpoint_was_reset(endpoint);
	if (group->domain != NULL)
		status = iommu_detach_group(group);
	return status != 0 ? status : iommu_endpoint_join(endpoint);
}

int iommu_endpoint_was_reset(struct iommu_endpoint *endpoint)
{
	int status;

	iommu_control_lock(endpoint->iommu);
	status = was_reset(endpoint);
	return iommu_control_end_for(endpoint->iommu, IOMMU_CALL, endpoint->name, status);
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

struct iommu_domain *iommu_endpoint_domain(const struct iommu_endpoint *endpoint)
{
	return endpoint->domain;
}

static struct iommu_endpoint *next_id(struct iommu *iommu, struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *next =
		endpoint == NULL ? iommu->endpoints.next : endpoint->link.next;

	return next == &iommu->endpoints ? NULL
					 : iommu_container_of(next, struct iommu_endpoint, link);
}

struct iommu_endpoint *iommu_next_endpoint(struct iommu *iommu, struct iommu_endpoint *endpoint)
{
	do
		endpoint = next_id(iommu, endpoint);
	while (endpoint != NULL && endpoint->is_alias);
	return endpoint;
}

struct iommu_endpoint *iommu_unit_next_id(struct iommu_unit *unit, struct iommu_endpoint *endpoint)
{
	do
		endpoint = next_id(unit->iommu, endpoint);
	while (endpoint != NULL && endpoint->unit != unit);
	return endpoint;
}

struct iommu_endpoint *iommu_unit_next_endpoint(struct iommu_unit *unit,
						struct iommu_endpoint *endpoint)
{
	do
		endpoint = iommu_unit_next_id(unit, endpoint);
	while (endpoint != NULL && endpoint->is_alias);
	return endpoint;
}
