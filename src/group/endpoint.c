/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoints: finding their unit, and their life in a group. */
#include <libiommu/endpoint.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/text.h"
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
	if (info->fwspec != NULL && info->fwspec->id_count > IOMMU_FWSPEC_IDS_MAX)
		return false;
	for (i = 0; i < info->path_length; i++)
		if (info->path[i].device > 31 || info->path[i].function > 7)
			return false;
	return true;
}

/* --- Names ------------------------------------------------------------------------------------ */

static size_t append_hex(char *line, size_t used, unsigned int number, unsigned int digits)
{
	static const char hex[] = "0123456789abcdef";
	char text[5];
	unsigned int i;

	for (i = 0; i < digits; i++)
		text[i] = hex[number >> 4 * (digits - 1 - i) & 15];
	text[digits] = '\0';
	return iommu_line_append(line, IOMMU_NAME_SIZE, used, text);
}

/* Its place, as people write it: 0000:00:04.0. */
static void name_by_place(char *name, uint16_t segment, uint16_t source_id)
{
	size_t used = append_hex(name, 0, segment, 4);

	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = append_hex(name, used, source_id >> 8, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ":");
	used = append_hex(name, used, source_id >> 3 & 31, 2);
	used = iommu_line_append(name, IOMMU_NAME_SIZE, used, ".");
	(void)append_hex(name, used, source_id & 7, 1);
}

static bool name_is_taken(const struct iommu_endpoint *endpoint)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &endpoint->group->endpoints)
		if (iommu_member_of(node) != endpoint &&
		    iommu_text_equal(iommu_member_of(node)->name, endpoint->name))
			return true;
	return false;
}

#define SUFFIX_SIZE 8 /* of ".999999" */

/* In its group no two have one name: the second "nic" becomes "nic.1". */
static void make_name_unique(struct iommu_endpoint *endpoint)
{
	unsigned int number;
	size_t length = 0;
	size_t used;

	while (length < IOMMU_NAME_SIZE - SUFFIX_SIZE && endpoint->name[length] != '\0')
		length++;
	for (number = 1; name_is_taken(endpoint); number++) {
		used = iommu_line_append(endpoint->name, IOMMU_NAME_SIZE, length, ".");
		(void)iommu_line_append_number(endpoint->name, IOMMU_NAME_SIZE, used, number);
	}
}

/* --- What the host says of it ----------------------------------------------------------------- */

/* Copy it; without a path the device is on a root bus. */
static void endpoint_describe(struct iommu_endpoint *endpoint,
			      const struct iommu_endpoint_info *info)
{
	if (info->name != NULL)
		(void)iommu_line_append(endpoint->name, sizeof(endpoint->name), 0, info->name);
	else
		name_by_place(endpoint->name, info->segment, info->source_id);
	endpoint->info = *info;
	endpoint->info.name = endpoint->name;
	if (info->fwspec != NULL) {
		endpoint->fwspec = *info->fwspec;
		endpoint->info.fwspec = &endpoint->fwspec;
	}
	if (info->path_length == 0) {
		endpoint->info.root_bus = (uint8_t)(info->source_id >> 8);
		endpoint->info.path_length = 1;
		endpoint->info.path[0].device = info->source_id >> 3 & 31;
		endpoint->info.path[0].function = info->source_id & 7;
	}
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void list(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);

	iommu_list_insert(&iommu->endpoints, &endpoint->link);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
}

/* Nobody finds it any more afterwards, and nobody is at it. */
static void unlist(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	uintptr_t state = iommu_spin_lock(iommu->platform, &iommu->look_lock);

	iommu_list_remove(&endpoint->link);
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	iommu_wait_for_users(endpoint);
}

struct iommu_endpoint *iommu_find_id(struct iommu *iommu, uint16_t segment, uint16_t source_id)
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

/* --- Joining and leaving a group -------------------------------------------------------------- */

/* Known to the back end and in its group, which uses what it used; not listed. */
static int enter(struct iommu_endpoint *endpoint, struct iommu_group *group)
{
	int status;

	endpoint->group = group;
	iommu_list_insert(&group->endpoints, &endpoint->group_link);
	endpoint->unit->endpoints++;
	if (!endpoint->is_alias) {
		group->members++;
		make_name_unique(endpoint);
	}
	status = endpoint->is_alias ? 0 : iommu_default_choose(group);
	return status != 0 ? status : iommu_endpoint_join(endpoint);
}

/* Blocked, and out of its group. */
static void leave(struct iommu_endpoint *endpoint)
{
	/* Not confirmed is blocked all the same; what it may still reach is kept by the back end. */
	(void)iommu_endpoint_block(endpoint);
	endpoint->unit->endpoints--;
	endpoint->unit->ops->release_endpoint(endpoint->unit, endpoint);
	iommu_list_remove(&endpoint->group_link);
	if (!endpoint->is_alias)
		endpoint->group->members--;
}

/* What a group without members kept for them. */
static void close_group(struct iommu_group *group)
{
	if (group->members != 0)
		return;
	iommu_default_free(group);
	iommu_group_close_window(group);
	iommu_group_free_if_unused(group);
}

/* --- Aliases ---------------------------------------------------------------------------------- */

/* Another id of an endpoint: the back end sees an endpoint that can do nothing. */
static int alias_create(const struct iommu_endpoint *owner, uint16_t source_id,
			struct iommu_endpoint **result)
{
	const struct iommu_endpoint_info info = {
		.segment = owner->info.segment,
		.source_id = source_id,
		.physical_function = source_id,
		.class_code = owner->info.class_code,
	};
	struct iommu *iommu = owner->iommu;
	struct iommu_endpoint *alias = iommu_object_alloc(&iommu->endpoint_cache, 0);
	int status;

	if (alias == NULL)
		return IOMMU_ENOMEM;
	alias->iommu = iommu;
	alias->unit = owner->unit;
	alias->is_alias = true;
	endpoint_describe(alias, &info);
	status = alias->unit->ops->probe_endpoint(alias->unit, alias);
	if (status != 0)
		goto free_alias;
	status = enter(alias, owner->group);
	if (status != 0)
		goto leave;
	list(alias);
	*result = alias;
	return 0;

leave:
	leave(alias);
free_alias:
	iommu_object_free(&iommu->endpoint_cache, alias);
	return status;
}

static bool is_listed(const struct iommu_endpoint *endpoint, uint16_t source_id)
{
	unsigned int i;

	for (i = 0; i < endpoint->alias_count; i++)
		if (endpoint->aliases[i]->info.source_id == source_id)
			return true;
	return endpoint->info.source_id == source_id;
}

static int alias_add(void *ctx, uint16_t source_id)
{
	struct iommu_endpoint *endpoint = ctx;
	struct iommu_endpoint *alias;
	int status = 0;

	if (is_listed(endpoint, source_id))
		return 0;
	if (endpoint->alias_count == IOMMU_ALIASES_MAX)
		return IOMMU_ENOSPC;
	alias = iommu_find_id(endpoint->iommu, endpoint->info.segment, source_id);
	if (alias == NULL)
		status = alias_create(endpoint, source_id, &alias);
	else if (alias->group != endpoint->group)
		status = IOMMU_EBUSY; /* a topology that has changed, behind our back */
	if (status != 0)
		return status;
	alias->alias_users++;
	endpoint->aliases[endpoint->alias_count++] = alias;
	return 0;
}

/* The endpoint is not listed (any more): nobody looks through it at its aliases. */
static void aliases_drop(struct iommu_endpoint *endpoint)
{
	while (endpoint->alias_count != 0) {
		struct iommu_endpoint *alias = endpoint->aliases[--endpoint->alias_count];

		if (--alias->alias_users != 0 || !alias->is_alias)
			continue;
		unlist(alias);
		leave(alias);
		iommu_object_free(&endpoint->iommu->endpoint_cache, alias);
	}
}

/* --- Probe ------------------------------------------------------------------------------------ */

static int find_unit_for(struct iommu *iommu, const struct iommu_endpoint_info *info,
			 struct iommu_unit **unit)
{
	struct iommu_list_node *node;

	if (info->fwspec == NULL) {
		*unit = find_unit(iommu, info);
		return *unit != NULL ? 0 : IOMMU_ENODEV;
	}
	iommu_list_for_each (node, &iommu->units) {
		*unit = iommu_container_of(node, struct iommu_unit, link);
		if ((*unit)->firmware_node == info->fwspec->unit_node)
			return 0;
	}
	return IOMMU_EPROBE_DEFER;
}

/* Into the group that it belongs to, with all its ids. */
static int settle(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group;
	int status = iommu_topology_find_group(endpoint, &group);

	if (status != 0)
		return status;
	status = enter(endpoint, group);
	if (status == 0)
		status = iommu_topology_for_each_alias(endpoint, alias_add, endpoint);
	if (status == 0 && !iommu_list_is_empty(&group->pasids))
		status = IOMMU_EBUSY;
	return status;
}

static void unsettle(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;

	aliases_drop(endpoint);
	if (group == NULL) {
		endpoint->unit->ops->release_endpoint(endpoint->unit, endpoint);
		return;
	}
	leave(endpoint);
	close_group(group);
}

static int endpoint_create(struct iommu *iommu, const struct iommu_endpoint_info *info,
			   struct iommu_endpoint **result)
{
	struct iommu_endpoint *endpoint = iommu_object_alloc(&iommu->endpoint_cache, 0);
	int status;

	if (endpoint == NULL)
		return IOMMU_ENOMEM;
	endpoint->iommu = iommu;
	endpoint_describe(endpoint, info);
	status = find_unit_for(iommu, &endpoint->info, &endpoint->unit);
	if (status == 0)
		status = endpoint->unit->ops->probe_endpoint(endpoint->unit, endpoint);
	if (status != 0)
		goto free_endpoint;
	status = settle(endpoint);
	if (status != 0)
		goto unsettle;
	list(endpoint);
	*result = endpoint;
	return 0;

unsettle:
	unsettle(endpoint);
free_endpoint:
	iommu_object_free(&iommu->endpoint_cache, endpoint);
	return status;
}

/*
 * What others use as an id of theirs becomes a device of its own. The back end knows it already, as
 * one without features: it keeps none, because ids that are shared are not to be relied upon.
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
	if (!iommu_list_is_empty(&endpoint->group->pasids))
		return IOMMU_EBUSY;
	endpoint_describe(endpoint, &own);
	state = iommu_spin_lock(platform, &endpoint->iommu->look_lock);
	endpoint->is_alias = false;
	iommu_spin_unlock(platform, &endpoint->iommu->look_lock, state);
	endpoint->group->members++;
	make_name_unique(endpoint);
	status = iommu_default_choose(endpoint->group);
	if (status == 0)
		status = iommu_endpoint_join(endpoint);
	if (status == 0)
		status = iommu_topology_for_each_alias(endpoint, alias_add, endpoint);
	return status;
}

/* … and again nothing but an id. It goes on using what its group uses. */
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
	iommu_spin_unlock(iommu->platform, &iommu->look_lock, state);
	iommu_wait_for_users(endpoint);
	endpoint->fault_handler = NULL;
	endpoint->request_handler = NULL;
	endpoint_describe(endpoint, &none);
	endpoint->group->members--;
}

int iommu_probe(struct iommu *iommu, const struct iommu_endpoint_info *info,
		struct iommu_endpoint **result)
{
	struct iommu_endpoint *endpoint;
	int status;

	if (!info_is_sane(info))
		return IOMMU_EINVAL;
	endpoint = iommu_find_id(iommu, info->segment, info->source_id);
	if (endpoint != NULL && !endpoint->is_alias)
		return IOMMU_EEXIST;
	status = iommu_topology_check(iommu, info);
	if (status != 0)
		return status;
	if (endpoint == NULL) {
		status = endpoint_create(iommu, info, &endpoint);
	} else {
		status = alias_to_device(endpoint, info);
		if (status != 0) {
			aliases_drop(endpoint);
			device_to_alias(endpoint);
		}
	}
	if (status != 0)
		return status;
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
	iommu_control_unlock(iommu);
	return status;
}

/* --- Release ---------------------------------------------------------------------------------- */

int iommu_release(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	struct iommu_group *group = endpoint->group;
	int status = 0;

	if (group->members == 1) {
		if (group->domain != NULL || !iommu_list_is_empty(&group->pasids))
			return IOMMU_EBUSY;
		status = iommu_default_prepare_free(group);
	}
	if (status != 0)
		return status;
	iommu_group_notify(group, IOMMU_ENDPOINT_REMOVED, endpoint);
	while (endpoint->drivers != 0)
		iommu_unuse_default(endpoint);
	iommu_pasids_leave(endpoint);
	iommu_features_off(endpoint);
	if (endpoint->alias_users != 0) {
		device_to_alias(endpoint);
		aliases_drop(endpoint);
		return 0;
	}
	unlist(endpoint);
	unsettle(endpoint);
	iommu_object_free(&iommu->endpoint_cache, endpoint);
	return 0;
}

int iommu_release_endpoint(struct iommu_endpoint *endpoint)
{
	struct iommu *iommu = endpoint->iommu;
	int status;

	iommu_control_lock(iommu);
	status = iommu_release(endpoint);
	iommu_control_unlock(iommu);
	return status;
}

/* --- Facts ------------------------------------------------------------------------------------ */

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
	struct iommu_group *group = endpoint->group;
	int status;

	iommu_control_lock(endpoint->iommu);
	status = iommu_detach_group(group);
	/* Nothing was attached, or its default domain is: that is what to wait for now. */
	if (endpoint->domain != NULL)
		(void)iommu_endpoint_block(endpoint);
	if (endpoint->unit->ops->endpoint_was_reset != NULL)
		endpoint->unit->ops->endpoint_was_reset(endpoint);
	if (status == 0)
		status = iommu_endpoint_join(endpoint);
	iommu_control_unlock(endpoint->iommu);
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
