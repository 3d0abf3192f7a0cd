/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of the host's bus code: devices that are added and removed, and drivers that are bound. */
#include <libiommu/instance.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/text.h"
#include "group/group.h"

/* A device without a unit, so far. */
struct waiting_device {
	struct iommu_list_node link;
	struct iommu_endpoint_info info;
	struct iommu_fwspec fwspec;
	char name[IOMMU_NAME_SIZE];
};

static struct waiting_device *waiting_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct waiting_device, link);
}

void iommu_waiting_init(struct iommu *iommu)
{
	iommu_object_cache_init(&iommu->waiting_cache, iommu->platform,
				sizeof(struct waiting_device));
}

static struct waiting_device *find_waiting(struct iommu *iommu, uint16_t segment,
					   uint16_t source_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &iommu->waiting)
		if (waiting_of(node)->info.segment == segment &&
		    waiting_of(node)->info.source_id == source_id)
			return waiting_of(node);
	return NULL;
}

static void forget(struct iommu *iommu, struct waiting_device *device)
{
	iommu_list_remove(&device->link);
	iommu_object_free(&iommu->waiting_cache, device);
}

void iommu_forget_waiting_devices(struct iommu *iommu)
{
	while (!iommu_list_is_empty(&iommu->waiting))
		forget(iommu, waiting_of(iommu->waiting.next));
}

static int remember(struct iommu *iommu, const struct iommu_endpoint_info *info)
{
	struct waiting_device *device;

	if (find_waiting(iommu, info->segment, info->source_id) != NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EEXIST,
				    "a device at this place waits for its unit already");
	device = iommu_object_alloc(&iommu->waiting_cache, 0);
	if (device == NULL)
		return IOMMU_ENOMEM;
	device->info = *info;
	if (info->name != NULL) {
		(void)iommu_line_append(device->name, sizeof(device->name), 0, info->name);
		device->info.name = device->name;
	}
	if (info->fwspec != NULL) {
		device->fwspec = *info->fwspec;
		device->info.fwspec = &device->fwspec;
	}
	iommu_list_insert(&iommu->waiting, &device->link);
	return 0;
}

/* Is there no unit for it yet? */
static bool must_wait(int status)
{
	return status == IOMMU_ENODEV || status == IOMMU_EPROBE_DEFER;
}

/* "0000:00:04.0: it waited for its unit, and is blocked: why" */
static void report_failure(const struct iommu *iommu, const struct iommu_endpoint_info *info,
			   int status)
{
	char name[IOMMU_NAME_SIZE], line[128];
	size_t used = iommu_line_append(line, sizeof(line), 0,
					"it waited for its unit, and is blocked: ");

	iommu_name_by_place(name, info->segment, info->source_id);
	(void)iommu_line_append(line, sizeof(line), used, iommu_why(iommu, status));
	iommu_log(iommu->platform, IOMMU_LOG_ERROR, info->name != NULL ? info->name : name, line);
}

void iommu_probe_waiting_devices(struct iommu *iommu)
{
	struct iommu_list_node *node, *next;

	for (node = iommu->waiting.next; node != &iommu->waiting; node = next) {
		struct waiting_device *device = waiting_of(node);
		struct iommu_endpoint *endpoint;
		int status = iommu_probe(iommu, &device->info, &endpoint);

		next = node->next;
		if (must_wait(status) || status == IOMMU_ENOMEM)
			continue;
		if (status != 0)
			report_failure(iommu, &device->info, status);
		forget(iommu, device);
	}
}

void iommu_probe_waiting(struct iommu *iommu)
{
	iommu_control_lock(iommu);
	iommu_probe_waiting_devices(iommu);
	iommu_control_unlock(iommu);
}

unsigned int iommu_waiting(struct iommu *iommu)
{
	struct iommu_list_node *node;
	unsigned int count = 0;

	iommu_control_lock(iommu);
	iommu_list_for_each (node, &iommu->waiting)
		count++;
	iommu_control_unlock(iommu);
	return count;
}

/* --- Events ----------------------------------------------------------------------------------- */

static int device_added(struct iommu *iommu, const struct iommu_endpoint_info *info)
{
	struct iommu_endpoint *endpoint;
	int status = iommu_probe(iommu, info, &endpoint);
	int remembered;

	if (!must_wait(status))
		return status;
	remembered = remember(iommu, info);
	if (remembered != 0)
		return remembered;
	return status == IOMMU_ENODEV ? 0 : status;
}

static int device_removed(struct iommu_endpoint *endpoint)
{
	struct iommu_group *group = endpoint->group;

	/* What is attached has no user left. Unconfirmed or not: it is detached. */
	if (group->members == 1)
		(void)iommu_detach_group(group);
	return iommu_release(endpoint);
}

/* Of a device without a unit. */
static int without_unit(struct iommu *iommu, const struct iommu_bus_event *event)
{
	struct waiting_device *device = find_waiting(iommu, event->segment, event->source_id);

	if (device == NULL)
		return 0;
	if (event->type == IOMMU_BUS_REMOVED)
		forget(iommu, device);
	else if (event->type == IOMMU_BUS_BINDING && device->info.fwspec != NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EPROBE_DEFER,
				    "the unit that firmware names for the device is not there yet");
	return 0;
}

static int driver_event(struct iommu_endpoint *endpoint, enum iommu_bus_event_type type)
{
	static const enum iommu_group_event told[] = {
		[IOMMU_BUS_BINDING] = IOMMU_DRIVER_BINDING,
		[IOMMU_BUS_BOUND] = IOMMU_DRIVER_BOUND,
		[IOMMU_BUS_NOT_BOUND] = IOMMU_DRIVER_NOT_BOUND,
		[IOMMU_BUS_UNBINDING] = IOMMU_DRIVER_UNBINDING,
		[IOMMU_BUS_UNBOUND] = IOMMU_DRIVER_UNBOUND,
	};
	int status = 0;

	if (type == IOMMU_BUS_BINDING)
		status = iommu_use_default(endpoint);
	if (status != 0)
		return status;
	iommu_group_notify(endpoint->group, told[type], endpoint);
	if (type == IOMMU_BUS_NOT_BOUND || type == IOMMU_BUS_UNBOUND)
		iommu_unuse_default(endpoint);
	return 0;
}

/*
 * A driver lets go of a device that was removed under it: it does so before another can be bound to
 * the next device at that place.
 */
static bool was_of_gone(struct iommu *iommu, const struct iommu_bus_event *event)
{
	struct iommu_endpoint *endpoint = iommu_find_gone(iommu, event->segment, event->source_id);

	if (endpoint != NULL &&
	    (event->type == IOMMU_BUS_NOT_BOUND || event->type == IOMMU_BUS_UNBOUND))
		iommu_unuse_default(endpoint);
	return endpoint != NULL;
}

static int handle(struct iommu *iommu, const struct iommu_bus_event *event)
{
	struct iommu_endpoint *endpoint;

	if (event->type > IOMMU_BUS_UNBOUND)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL, "there is no such event");
	if (event->type == IOMMU_BUS_ADDED && event->info == NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EINVAL,
				    "a device is added, and not described");
	if (event->type == IOMMU_BUS_ADDED)
		return device_added(iommu, event->info);
	if (event->type >= IOMMU_BUS_NOT_BOUND && was_of_gone(iommu, event))
		return 0;
	endpoint = iommu_find_endpoint(iommu, event->segment, event->source_id);
	if (endpoint == NULL)
		return without_unit(iommu, event);
	return event->type == IOMMU_BUS_REMOVED ? device_removed(endpoint)
						: driver_event(endpoint, event->type);
}

int iommu_report_bus_event(struct iommu *iommu, const struct iommu_bus_event *event)
{
	int status;

	iommu_control_lock(iommu);
	status = handle(iommu, event);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}
