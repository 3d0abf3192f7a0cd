/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: bind, unbind, and their properties. Attachments are in attach.c. Control path. */
#include "ioas/device.h"

#include "ioas/virtual_unit.h"

static struct ioas_group *group_at(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct ioas_group, link);
}

static struct ioas_group *find_group(struct iommu_file *file, const struct iommu_group *group)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &file->groups)
		if (group_at(node)->group == group)
			return group_at(node);
	return NULL;
}

/* The file's object for a group, with one more device; it is claimed with each. */
static int join_group(struct iommu_file *file, struct iommu_group *of, struct ioas_group **result)
{
	struct ioas_group *group = find_group(file, of);
	const bool is_new = group == NULL;
	int status;

	if (is_new)
		group = iommu_file_alloc(file, &file->group_cache);
	if (group == NULL)
		return iommu_file_refuse(
			file, "", IOMMU_ENOMEM,
			IOMMU_WHY("no memory for its group, or the file's limit on metadata"));
	status = iommu_group_claim(of, file);
	if (status != 0) {
		if (is_new)
			iommu_file_free(file, &file->group_cache, group);
		return status == IOMMU_EPERM ? IOMMU_EBUSY : status;
	}
	if (is_new) {
		group->file = file;
		group->group = of;
		iommu_list_insert(&file->groups, &group->link);
	}
	group->devices++;
	*result = group;
	return 0;
}

int iommu_members_visit(struct iommu_file *file, struct iommu_group *group,
			iommu_group_visitor visitor, void *visitor_ctx)
{
	int status;

	iommu_control_lock(file->iommu);
	status = iommu_group_for_each(group, visitor, visitor_ctx);
	iommu_control_unlock(file->iommu);
	return status;
}

bool iommu_device_is_gone(const struct iommu_endpoint *endpoint)
{
	bool is_gone;

	iommu_control_lock(endpoint->iommu);
	is_gone = iommu_endpoint_is_released(endpoint);
	iommu_control_unlock(endpoint->iommu);
	return is_gone;
}

bool iommu_device_can(const struct iommu_endpoint *endpoint, enum iommu_capability capability)
{
	bool can;

	iommu_control_lock(endpoint->iommu);
	can = iommu_capable(endpoint, capability);
	iommu_control_unlock(endpoint->iommu);
	return can;
}

/* A visitor: 1, where the unit cannot have it snoop. */
static int cannot_snoop(void *ctx, struct iommu_endpoint *endpoint)
{
	(void)ctx;
	return iommu_capable(endpoint, IOMMU_CAPABLE_ENFORCED_COHERENCY) ? 0 : 1;
}

bool iommu_group_can_snoop(const struct ioas_group *group)
{
	return iommu_members_visit(group->file, group->group, cannot_snoop, NULL) == 0;
}

static int leave_group(struct iommu_file *file, struct ioas_group *group)
{
	int status = iommu_group_release(group->group, file);

	if (status != 0)
		return status;
	if (--group->devices == 0) {
		iommu_list_remove(&group->link);
		iommu_file_free(file, &file->group_cache, group);
	}
	return 0;
}

/* Is a device of ours this endpoint? */
static bool is_bound(struct iommu_file *file, const struct iommu_endpoint *endpoint)
{
	uint32_t id = 0;

	while ((id = iommu_object_next(file, id)) != 0) {
		struct ioas_object *object;
		int status;

		if (iommu_object_type(file, id) != IOMMU_OBJECT_DEVICE)
			continue;
		object = iommu_object_find(file, id, IOMMU_OBJECT_DEVICE, &status);
		if (object != NULL && iommu_device_of(object)->endpoint == endpoint)
			return true;
	}
	return false;
}

static int bind(struct iommu_file *file, struct iommu_endpoint *endpoint, uint32_t *id)
{
	struct ioas_object *object;
	struct ioas_device *device;
	int status;

	if (iommu_device_is_gone(endpoint))
		return iommu_file_refuse(file, iommu_endpoint_name(endpoint), IOMMU_ENODEV,
					 IOMMU_WHY("the endpoint was released"));
	if (is_bound(file, endpoint))
		return iommu_file_refuse(file, iommu_endpoint_name(endpoint), IOMMU_EBUSY,
					 IOMMU_WHY("it is bound already"));
	status = iommu_group_check_isolation(iommu_endpoint_group(endpoint));
	if (status != 0)
		return status;
	status = iommu_object_new(file, IOMMU_OBJECT_DEVICE, &object);
	if (status != 0)
		return status;
	device = iommu_device_of(object);
	device->endpoint = endpoint;
	status = join_group(file, iommu_endpoint_group(endpoint), &device->group);
	if (status == 0)
		iommu_endpoint_hold(endpoint);
	return iommu_object_finish(object, status, id);
}

int iommu_device_bind(struct iommu_file *file, struct iommu_endpoint *endpoint, uint32_t *device)
{
	int status;

	iommu_file_lock(file);
	status = bind(file, endpoint, device);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_device_destroy(struct ioas_object *object)
{
	struct ioas_device *device = iommu_device_of(object);
	int status;

	/* What is not confirmed keeps its HWPT, and with it what is pinned. */
	while (device->uses.root != NULL)
		(void)iommu_device_drop(device, (uint32_t)iommu_keyed_of(device->uses.root)->first);
	status = leave_group(object->file, device->group);
	if (status != 0)
		return status;
	if (device->virtual_device != NULL)
		iommu_virtual_device_leave(device->virtual_device);
	iommu_endpoint_drop(device->endpoint);
	return 0;
}

int iommu_device_unbind(struct iommu_file *file, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_DEVICE, &status);
	if (object != NULL && iommu_device_of(object)->group->place != NULL)
		status = iommu_file_refuse(file, "", IOMMU_EBUSY,
					   IOMMU_WHY("its container has given its group windows"));
	else if (object != NULL)
		status = iommu_object_end(object);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_device_get_info(struct iommu_file *file, uint32_t id, struct iommu_device_info *info)
{
	struct iommu_endpoint *endpoint;
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_DEVICE, &status);
	if (object != NULL) {
		endpoint = iommu_device_of(object)->endpoint;
		*info = (struct iommu_device_info){
			.endpoint = endpoint,
			.dirty_tracking = iommu_device_can(endpoint, IOMMU_CAPABLE_DIRTY_TRACKING),
			.enforced_coherency =
				iommu_device_can(endpoint, IOMMU_CAPABLE_ENFORCED_COHERENCY),
			.max_pasids = iommu_device_can(endpoint, IOMMU_CAPABLE_PASID)
					      ? endpoint->info.max_pasids
					      : 0,
		};
		info->hardware_status = iommu_unit_get_hardware_info(iommu_endpoint_unit(endpoint),
								     &info->hardware);
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}
