/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event queues. A fault finds its queue by the number that its device has on a virtual unit.
 * Entries are copies: devices, and their numbers, may be removed while the queue is not read.
 */
#include "ioas/event_queue.h"

#include "ioas/device.h"
#include "ioas/virtual_unit.h"

/* What a queue has that is made without a depth. */
#define ORDER 3
/* Events that are read under the lock at once: devices, and the control path, wait for it. */
#define CHUNK 32U

/* Events in so many pages. */
static unsigned int room_of(unsigned int order)
{
	return (unsigned int)(((size_t)IOMMU_PAGE_SIZE << order) /
			      sizeof(struct iommu_event_record));
}

/*
 * --- From devices -------------------------------------------------------------------------------
 */

/* Locked. */
static void event_queue_lose(struct ioas_event_queue *queue)
{
	queue->lost++;
	queue->gap = true;
}

static void event_queue_put(struct ioas_event_queue *queue, const struct ioas_device *device,
			    const struct iommu_fault *fault)
{
	const uint32_t sequence = queue->sequence++;
	unsigned int at = queue->first + queue->count;

	if (queue->count == queue->capacity) {
		event_queue_lose(queue);
		return;
	}
	if (at >= queue->capacity)
		at -= queue->capacity;
	queue->count++;
	queue->events[at] = (struct iommu_event_record){
		.virtual_id = device->virtual_device->id,
		.device = iommu_object_id(&device->object),
		.sequence = sequence,
		.address = fault->address,
		.access = fault->access,
		.has_pasid = fault->has_pasid,
		.pasid = fault->pasid,
		.reason = fault->reason,
		.reason_name = fault->reason_name,
		.after_loss = queue->gap,
	};
	queue->gap = false;
}

/* A fault of a device: the handler of its endpoint. */
static void event_queue_take(void *ctx, const struct iommu_fault *fault)
{
	const struct ioas_device *device = ctx;
	struct iommu_file *file = device->object.file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	struct ioas_event_queue *queue = NULL;
	bool tell = false;

	if (device->virtual_device != NULL)
		queue = device->virtual_device->unit->event_queue;
	if (queue != NULL) {
		/* It is not destroyed before its owner was told. */
		iommu_object_visit_locked(&queue->object);
		tell = queue->count == 0;
		event_queue_put(queue, device, fault);
	}
	iommu_spin_unlock(file->platform, &file->lock, state);
	if (queue == NULL)
		return;
	if (tell && queue->notifier != NULL)
		queue->notifier(queue->notifier_ctx);
	iommu_object_leave(&queue->object);
}

void iommu_device_events_on(struct ioas_device *device)
{
	iommu_endpoint_take_faults(device->endpoint,
				   (struct iommu_fault_route){event_queue_take, device},
				   &device->host);
}

void iommu_device_events_off(struct ioas_device *device)
{
	/* When it returns, none is being put. */
	iommu_endpoint_give_faults(device->endpoint,
				   (struct iommu_fault_route){event_queue_take, device},
				   device->host);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* All devices that have a number on the unit. The list changes in the control path alone. */
static void for_each_device(const struct iommu_virtual_unit *unit,
			    void (*action)(struct ioas_device *device))
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->devices)
		action(iommu_container_of(node, struct iommu_virtual_device, link)->device);
}

static void set_queue(struct iommu_virtual_unit *unit, struct ioas_event_queue *queue)
{
	struct iommu_file *file = unit->object.file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	unit->event_queue = queue;
	iommu_spin_unlock(file->platform, &file->lock, state);
}

static int make_events(struct ioas_event_queue *queue, unsigned int depth)
{
	queue->order = depth != 0 ? 0 : ORDER;
	while (room_of(queue->order) < depth)
		queue->order++;
	queue->capacity = depth != 0 ? depth : room_of(ORDER);
	queue->events = iommu_file_alloc_pages(queue->object.file, queue->order);
	return queue->events != NULL ? 0 : IOMMU_ENOMEM;
}

static int queue_alloc(struct iommu_file *file, uint32_t unit_id,
		       const struct iommu_event_queue_config *config, uint32_t *id)
{
	struct ioas_object *unit, *object;
	struct ioas_event_queue *queue;
	int status;

	unit = iommu_object_find(file, unit_id, IOMMU_OBJECT_VIRTUAL_UNIT, &status);
	if (unit == NULL)
		return status;
	if (config->depth > IOMMU_EVENT_QUEUE_DEPTH)
		return iommu_file_refuse(file, "", IOMMU_EINVAL,
					 IOMMU_WHY("an event queue is not as deep as that"));
	if (iommu_virtual_unit_of(unit)->event_queue != NULL)
		return iommu_file_refuse_object(
			file, unit_id, IOMMU_EEXIST,
			IOMMU_WHY("the virtual unit has an event queue already"));
	status = iommu_object_new(file, IOMMU_OBJECT_EVENT_QUEUE, &object);
	if (status != 0)
		return status;
	queue = iommu_event_queue_of(object);
	queue->unit = iommu_virtual_unit_of(unit);
	queue->notifier = config->notifier;
	queue->notifier_ctx = config->notifier_ctx;
	status = make_events(queue, config->depth);
	if (status == 0) {
		iommu_object_use(unit);
		set_queue(queue->unit, queue);
		for_each_device(queue->unit, iommu_device_events_on);
	}
	return iommu_object_finish(object, status, id);
}

int iommu_event_queue_alloc(struct iommu_file *file, uint32_t virtual_unit,
			    iommu_event_notifier notifier, void *notifier_ctx, uint32_t *queue)
{
	const struct iommu_event_queue_config config = {notifier, notifier_ctx, 0};
	int status;

	iommu_file_lock(file);
	status = queue_alloc(file, virtual_unit, &config, queue);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_event_queue_alloc_with(struct iommu_file *file, uint32_t virtual_unit,
				 const struct iommu_event_queue_config *config, uint32_t *queue)
{
	const struct iommu_event_queue_config own = *config;
	int status;

	iommu_file_lock(file);
	status = queue_alloc(file, virtual_unit, &own, queue);
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_event_queue_end(struct ioas_object *object)
{
	struct ioas_event_queue *queue = iommu_event_queue_of(object);

	for_each_device(queue->unit, iommu_device_events_off);
	set_queue(queue->unit, NULL);
	iommu_file_free_pages(object->file, queue->events, queue->order);
	iommu_object_unuse(&queue->unit->object);
	return 0;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Some. Locked. */
static unsigned int read(struct ioas_event_queue *queue, struct iommu_event_record *records,
			 unsigned int capacity)
{
	unsigned int count = 0;

	for (; queue->count != 0 && count < capacity && count < CHUNK; queue->count--) {
		records[count++] = queue->events[queue->first++];
		if (queue->first == queue->capacity)
			queue->first = 0;
	}
	return count;
}

int iommu_event_read(struct iommu_file *file, uint32_t id, struct iommu_event_record *records,
		     unsigned int capacity, unsigned int *count, uint64_t *lost)
{
	struct ioas_event_queue *queue;
	struct ioas_object *object;
	unsigned int done = 0, some;
	uint64_t dropped = 0;
	uintptr_t state;
	int status;

	*count = 0;
	object = iommu_object_visit(file, id, IOMMU_OBJECT_EVENT_QUEUE, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	queue = iommu_event_queue_of(object);
	do {
		state = iommu_spin_lock(file->platform, &file->lock);
		some = read(queue, done != 0 ? records + done : records, capacity - done);
		if (lost != NULL) {
			dropped += queue->lost;
			queue->lost = 0;
		}
		iommu_spin_unlock(file->platform, &file->lock, state);
		done += some;
	} while (some == CHUNK && done < capacity);
	iommu_object_leave(object);
	if (lost != NULL)
		*lost = dropped;
	*count = done;
	return 0;
}

int iommu_event_queue_mark_lost(struct iommu_file *file, uint32_t id)
{
	struct ioas_event_queue *queue;
	struct ioas_object *object;
	uintptr_t state;
	int status;

	object = iommu_object_visit(file, id, IOMMU_OBJECT_EVENT_QUEUE, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	queue = iommu_event_queue_of(object);
	state = iommu_spin_lock(file->platform, &file->lock);
	queue->sequence++;
	event_queue_lose(queue);
	iommu_spin_unlock(file->platform, &file->lock, state);
	iommu_object_leave(object);
	return 0;
}
