/* SPDX-License-Identifier: BSD-2-Clause */
#include "ioas/virtual_unit.h"

#include "ioas/device.h"
#include "ioas/event_queue.h"

int iommu_virtual_unit_end(struct ioas_object *object)
{
	iommu_object_unuse(&iommu_virtual_unit_of(object)->parent->object);
	return 0;
}

static int unit_alloc(struct iommu_file *file, uint32_t device_id, uint32_t hwpt_id, uint32_t *id)
{
	struct ioas_object *device, *parent, *object;
	struct iommu_virtual_unit *virtual_unit;
	int status;

	device = iommu_object_find(file, device_id, IOMMU_OBJECT_DEVICE, &status);
	if (device == NULL)
		return status;
	parent = iommu_object_find(file, hwpt_id, IOMMU_OBJECT_HWPT, &status);
	if (parent == NULL)
		return status;
	if (iommu_device_is_gone(iommu_device_of(device)->endpoint))
		return iommu_file_refuse(file, "", IOMMU_ENODEV,
					 IOMMU_WHY("the device's endpoint was released"));
	if (!iommu_hwpt_of(parent)->domain->nest_parent)
		return iommu_file_refuse_object(
			file, hwpt_id, IOMMU_EINVAL,
			IOMMU_WHY("the HWPT was not made to be nested on (NEST_PARENT)"));
	if (iommu_hwpt_of(parent)->is_leaving)
		return iommu_file_refuse_object(file, hwpt_id, IOMMU_EINVAL,
						IOMMU_WHY("the HWPT is on its way out"));
	status = iommu_object_new(file, IOMMU_OBJECT_VIRTUAL_UNIT, &object);
	if (status != 0)
		return status;
	virtual_unit = iommu_virtual_unit_of(object);
	virtual_unit->unit = iommu_endpoint_unit(iommu_device_of(device)->endpoint);
	virtual_unit->parent = iommu_hwpt_of(parent);
	iommu_list_init(&virtual_unit->hwpts);
	iommu_list_init(&virtual_unit->devices);
	iommu_object_use(parent);
	return iommu_object_finish(object, 0, id);
}

int iommu_virtual_unit_alloc(struct iommu_file *file, uint32_t device, uint32_t hwpt, uint32_t *id)
{
	int status;

	iommu_file_lock(file);
	status = unit_alloc(file, device, hwpt, id);
	return iommu_file_end(file, IOMMU_CALL, status);
}

static int is_elsewhere(void *unit, struct iommu_endpoint *endpoint)
{
	return iommu_endpoint_unit(endpoint) != unit;
}

bool iommu_virtual_unit_serves(const struct iommu_virtual_unit *virtual_unit,
			       struct iommu_group *group)
{
	return iommu_members_visit(virtual_unit->object.file, group, is_elsewhere,
				   virtual_unit->unit) == 0;
}

/* --- Devices ---------------------------------------------------------------------------------- */

static struct iommu_virtual_device *device_at(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct iommu_virtual_device, link);
}

/* Locked. */
static struct iommu_virtual_device *
virtual_device_find(const struct iommu_virtual_unit *virtual_unit, uint64_t id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &virtual_unit->devices)
		if (device_at(node)->id == id)
			return device_at(node);
	return NULL;
}

void iommu_virtual_device_leave(struct iommu_virtual_device *virtual_device)
{
	struct iommu_file *file = virtual_device->object.file;
	uintptr_t state;

	if (virtual_device->unit->event_queue != NULL)
		iommu_device_events_off(virtual_device->device);
	state = iommu_spin_lock(file->platform, &file->lock);
	iommu_list_remove(&virtual_device->link);
	virtual_device->device->virtual_device = NULL;
	virtual_device->device = NULL;
	iommu_spin_unlock(file->platform, &file->lock, state);
}

int iommu_virtual_device_end(struct ioas_object *object)
{
	struct iommu_virtual_device *virtual_device =
		iommu_container_of(object, struct iommu_virtual_device, object);

	if (virtual_device->device != NULL)
		iommu_virtual_device_leave(virtual_device);
	iommu_object_unuse(&virtual_device->unit->object);
	return 0;
}

static int device_alloc(struct iommu_file *file, uint32_t unit_id, uint32_t device_id,
			uint64_t virtual_id, uint32_t *id)
{
	struct ioas_object *unit_object, *device_object, *object;
	struct iommu_virtual_device *virtual_device;
	struct iommu_virtual_unit *virtual_unit;
	struct ioas_device *device;
	uintptr_t state;
	int status;

	unit_object = iommu_object_find(file, unit_id, IOMMU_OBJECT_VIRTUAL_UNIT, &status);
	if (unit_object == NULL)
		return status;
	device_object = iommu_object_find(file, device_id, IOMMU_OBJECT_DEVICE, &status);
	if (device_object == NULL)
		return status;
	virtual_unit = iommu_virtual_unit_of(unit_object);
	device = iommu_device_of(device_object);
	if (iommu_device_is_gone(device->endpoint))
		return iommu_file_refuse_object(file, device_id, IOMMU_ENODEV,
						IOMMU_WHY("the device's endpoint was released"));
	if (iommu_endpoint_unit(device->endpoint) != virtual_unit->unit)
		return iommu_file_refuse_object(
			file, device_id, IOMMU_EINVAL,
			IOMMU_WHY("the virtual unit stands for another unit than the device's"));
	if (virtual_id == UINT64_MAX)
		return iommu_file_refuse_object(
			file, device_id, IOMMU_EINVAL,
			IOMMU_WHY("the virtual id is the one that means none"));
	if (device->virtual_device != NULL)
		return iommu_file_refuse_object(
			file, device_id, IOMMU_EEXIST,
			IOMMU_WHY("the device has a virtual device already"));
	if (virtual_device_find(virtual_unit, virtual_id) != NULL)
		return iommu_file_refuse_object(
			file, device_id, IOMMU_EEXIST,
			IOMMU_WHY("another device of the virtual unit has this virtual id"));
	status = iommu_object_new(file, IOMMU_OBJECT_VIRTUAL_DEVICE, &object);
	if (status != 0)
		return status;
	virtual_device = iommu_container_of(object, struct iommu_virtual_device, object);
	virtual_device->unit = virtual_unit;
	virtual_device->device = device;
	virtual_device->id = virtual_id;
	state = iommu_spin_lock(file->platform, &file->lock);
	iommu_list_insert(&virtual_unit->devices, &virtual_device->link);
	device->virtual_device = virtual_device;
	iommu_spin_unlock(file->platform, &file->lock, state);
	if (virtual_unit->event_queue != NULL)
		iommu_device_events_on(device);
	iommu_object_use(unit_object);
	return iommu_object_finish(object, 0, id);
}

int iommu_virtual_device_alloc(struct iommu_file *file, uint32_t virtual_unit, uint32_t device,
			       uint64_t virtual_id, uint32_t *id)
{
	int status;

	iommu_file_lock(file);
	status = device_alloc(file, virtual_unit, device, virtual_id, id);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_virtual_unit_find(struct iommu_file *file, uint32_t id, uint64_t virtual_id,
			    uint32_t *device)
{
	const struct iommu_virtual_device *found;
	struct ioas_object *object;
	uintptr_t state;
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_VIRTUAL_UNIT, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	state = iommu_spin_lock(file->platform, &file->lock);
	found = virtual_device_find(iommu_virtual_unit_of(object), virtual_id);
	if (found != NULL)
		*device = iommu_object_id(&found->device->object);
	iommu_spin_unlock(file->platform, &file->lock, state);
	iommu_object_leave(object);
	return found != NULL ? 0 : IOMMU_ENOENT;
}

/* --- Invalidation ----------------------------------------------------------------------------- */

/* Where an invalidation of everything is: at a request, and behind the nested HWPT with this id. */
struct sweep {
	const unsigned char *bytes;
	size_t size;
	unsigned int count, done;
	uint32_t after;
	int status; /* of this request, in the HWPTs before */
};

/* The nested HWPT with the next id above one; NULL: there is none. */
static struct iommu_hwpt *next_hwpt(const struct iommu_virtual_unit *virtual_unit, uint32_t after)
{
	struct iommu_hwpt *next = NULL;
	struct iommu_list_node *node;

	iommu_list_for_each (node, &virtual_unit->hwpts) {
		struct iommu_hwpt *hwpt = iommu_container_of(node, struct iommu_hwpt, link);

		if (iommu_object_id(&hwpt->object) > after &&
		    (next == NULL ||
		     iommu_object_id(&hwpt->object) < iommu_object_id(&next->object)))
			next = hwpt;
	}
	return next;
}

/*
 * A part of the work. HWPTs that come in between, with whatever id, have cached nothing from before
 * the request; those that go have nothing cached. True: it is at an end.
 */
static bool sweep_some(const struct iommu_virtual_unit *virtual_unit, struct sweep *sweep)
{
	for (unsigned int i = 0; i < IOAS_INVALIDATIONS && sweep->done < sweep->count; i++) {
		struct iommu_hwpt *hwpt = next_hwpt(virtual_unit, sweep->after);
		unsigned int unused;
		int status;

		if (hwpt != NULL) {
			sweep->after = iommu_object_id(&hwpt->object);
			status = iommu_domain_invalidate_user(hwpt->domain, sweep->bytes,
							      sweep->size, 1, &unused);
			sweep->status = sweep->status == 0 ? status : sweep->status;
			continue;
		}
		if (sweep->status != 0)
			return true;
		sweep->after = 0;
		sweep->bytes += sweep->size;
		sweep->done++;
	}
	return sweep->done == sweep->count;
}

int iommu_virtual_unit_invalidate(struct iommu_file *file, uint32_t id, const void *requests,
				  size_t request_size, unsigned int count, unsigned int *done)
{
	struct sweep sweep = {.bytes = requests, .size = request_size, .count = count};
	struct ioas_object *object;
	bool ends = false;
	int status = 0;

	*done = 0;
	if (count != 0 && (requests == NULL || request_size == 0 || request_size > IOMMU_PAGE_SIZE))
		return iommu_file_refuse_now(
			file, IOMMU_CALL, id, IOMMU_EINVAL,
			IOMMU_WHY("no requests, or the size of one is 0 or above 4096"));
	while (status == 0 && !ends) {
		iommu_file_lock(file);
		object = iommu_object_find(file, id, IOMMU_OBJECT_VIRTUAL_UNIT, &status);
		if (object != NULL)
			ends = sweep_some(iommu_virtual_unit_of(object), &sweep);
		(void)iommu_file_end(file, IOMMU_CALL, status);
		*done = sweep.done;
	}
	return status != 0 ? status : sweep.status;
}

int iommu_virtual_unit_invalidate_as(struct iommu_file *file, uint32_t id,
				     enum iommu_hardware_type type, const void *requests,
				     size_t request_size, unsigned int count, unsigned int *done)
{
	struct ioas_object *object;
	int status;

	*done = 0;
	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_VIRTUAL_UNIT, &status);
	if (object != NULL && type != iommu_hardware_type(iommu_virtual_unit_of(object)->unit))
		status = iommu_file_refuse_object(
			file, id, IOMMU_EINVAL,
			IOMMU_WHY("the requests are not of the unit's type"));
	status = iommu_file_end(file, IOMMU_CALL, status);
	return status != 0 ? status
			   : iommu_virtual_unit_invalidate(file, id, requests, request_size, count,
							   done);
}
