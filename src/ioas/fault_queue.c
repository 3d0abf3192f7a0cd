/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault queues. A request finds its queue by the attachment of its device for its PASID, and is
 * queued or refused at once. Everything in a queue belongs to an attached device, and is answered
 * before that is detached.
 */
#include "ioas/fault_queue.h"

#include "ioas/device.h"
#include "ioas/virtual_unit.h"

#define ORDER 3
#define SIZE  (IOMMU_PAGE_SIZE << ORDER)

struct fault_entry {
	struct ioas_device *device;
	uint32_t cookie;
	bool is_read;
	struct iommu_page_request request;
};

/* --- Life ------------------------------------------------------------------------------------- */

static int make_entries(struct ioas_fault_queue *queue)
{
	queue->capacity = (unsigned int)(SIZE / sizeof(struct fault_entry));
	queue->entries = iommu_file_alloc_pages(queue->object.file, ORDER);
	return queue->entries != NULL ? 0 : IOMMU_ENOMEM;
}

int iommu_fault_queue_alloc(struct iommu_file *file, iommu_fault_notifier notifier,
			    void *notifier_ctx, uint32_t *id)
{
	struct ioas_fault_queue *queue;
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	status = iommu_object_new(file, IOMMU_OBJECT_FAULT_QUEUE, &object);
	if (status == 0) {
		queue = iommu_fault_queue_of(object);
		queue->notifier = notifier;
		queue->notifier_ctx = notifier_ctx;
		status = iommu_object_finish(object, make_entries(queue), id);
	}
	return iommu_file_end(file, IOMMU_CALL, status);
}

int iommu_fault_queue_end(struct ioas_object *object)
{
	iommu_file_free_pages(object->file, iommu_fault_queue_of(object)->entries, ORDER);
	return 0;
}

/* --- From devices ----------------------------------------------------------------------------- */

static uint32_t pasid_of(const struct iommu_page_request *request)
{
	return request->has_pasid ? request->pasid : IOMMU_NO_PASID;
}

static void fault_queue_answer(struct iommu_endpoint *endpoint,
			       const struct iommu_page_request *request,
			       enum iommu_page_response_code code, int *status)
{
	const struct iommu_page_response response = {.group = request->group,
						     .has_pasid = request->has_pasid,
						     .pasid = request->pasid,
						     .code = code};

	*status = iommu_page_respond(endpoint, &response);
}

/* The queue of an attachment that is there; NULL: there is none, or no room in it. Locked. */
static struct ioas_fault_queue *queue_for(const struct ioas_device *device, uint32_t pasid,
					  unsigned int count)
{
	const struct ioas_use *use = iommu_use_find(device, pasid);
	struct ioas_fault_queue *queue = NULL;

	if (use != NULL && use->attachment->hwpt != NULL)
		queue = use->attachment->hwpt->fault_queue;
	return queue != NULL && queue->capacity - queue->count >= count ? queue : NULL;
}

static bool has_unread(const struct ioas_fault_queue *queue)
{
	return queue->count != 0 && !queue->entries[queue->count - 1].is_read;
}

static bool has_cookie(const struct ioas_fault_queue *queue, uint32_t cookie)
{
	for (unsigned int i = 0; i < queue->count; i++)
		if (queue->entries[i].cookie == cookie)
			return true;
	return false;
}

/* One that no group has which waits still: they come around. */
static uint32_t new_cookie(struct ioas_fault_queue *queue)
{
	while (has_cookie(queue, queue->next_cookie))
		queue->next_cookie++;
	return queue->next_cookie++;
}

/* A group of requests of a device: the handler of its endpoint. */
static void fault_queue_take(void *ctx, struct iommu_endpoint *endpoint,
			     const struct iommu_page_request *requests, unsigned int count)
{
	struct ioas_device *device = ctx;
	struct iommu_file *file = device->object.file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	struct ioas_fault_queue *queue = queue_for(device, pasid_of(&requests[0]), count);
	uint32_t cookie;
	bool tell = false;
	int unused;

	if (queue != NULL) {
		/*
		 * It is not destroyed before its owner was told, whatever is attached elsewhere
		 * meanwhile.
		 */
		iommu_object_visit_locked(&queue->object);
		tell = !has_unread(queue);
		cookie = new_cookie(queue);
		for (unsigned int i = 0; i < count; i++)
			queue->entries[queue->count++] = (struct fault_entry){
				.device = device, .cookie = cookie, .request = requests[i]};
	}
	iommu_spin_unlock(file->platform, &file->lock, state);
	if (queue == NULL) {
		fault_queue_answer(endpoint, &requests[0], IOMMU_PAGE_INVALID, &unused);
		return;
	}
	if (tell && queue->notifier != NULL)
		queue->notifier(queue->notifier_ctx);
	iommu_object_leave(&queue->object);
}

int iommu_device_faults_on(struct ioas_device *device)
{
	int status = 0;

	if (device->faulting == 0) {
		iommu_endpoint_set_request_handler(device->endpoint, fault_queue_take, device);
		status = iommu_endpoint_enable_feature(device->endpoint,
						       IOMMU_FEATURE_PAGE_REQUESTS);
		if (status != 0)
			iommu_endpoint_set_request_handler(device->endpoint, NULL, NULL);
	}
	device->faulting += status == 0;
	return status;
}

void iommu_device_faults_off(struct ioas_device *device)
{
	if (--device->faulting != 0)
		return;
	/* What comes in between is answered, too. */
	while (iommu_endpoint_disable_feature(device->endpoint, IOMMU_FEATURE_PAGE_REQUESTS) ==
	       IOMMU_EBUSY)
		iommu_endpoint_drop_page_requests(device->endpoint);
	iommu_endpoint_set_request_handler(device->endpoint, NULL, NULL);
}

/* --- Reading, and answers --------------------------------------------------------------------- */

static void describe(const struct fault_entry *entry, struct iommu_fault_record *record)
{
	const struct iommu_virtual_device *virtual_device = entry->device->virtual_device;

	*record = (struct iommu_fault_record){
		.device = iommu_object_id(&entry->device->object),
		.virtual_id = virtual_device != NULL ? virtual_device->id : UINT64_MAX,
		.cookie = entry->cookie,
		.request = entry->request,
	};
}

/* Entries of one group, which lie one behind the other. */
static unsigned int size_of_group(const struct ioas_fault_queue *queue, unsigned int first)
{
	unsigned int i = first;

	while (i < queue->count && queue->entries[i].cookie == queue->entries[first].cookie)
		i++;
	return i - first;
}

/* Locked. */
static int read(struct ioas_fault_queue *queue, struct iommu_fault_record *records,
		unsigned int capacity, unsigned int *count)
{
	unsigned int i = 0;

	while (i < queue->count && queue->entries[i].is_read)
		i++;
	while (i < queue->count) {
		const unsigned int size = size_of_group(queue, i);

		if (size > capacity - *count)
			return *count != 0 ? 0 : IOMMU_EINVAL;
		for (unsigned int end = i + size; i < end; i++) {
			describe(&queue->entries[i], &records[(*count)++]);
			queue->entries[i].is_read = true;
		}
	}
	return 0;
}

int iommu_fault_read(struct iommu_file *file, uint32_t id, struct iommu_fault_record *records,
		     unsigned int capacity, unsigned int *count)
{
	struct ioas_object *object;
	uintptr_t state;
	int status;

	*count = 0;
	object = iommu_object_visit(file, id, IOMMU_OBJECT_FAULT_QUEUE, &status);
	if (object == NULL)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, status,
					     iommu_object_missing(status));
	state = iommu_spin_lock(file->platform, &file->lock);
	status = read(iommu_fault_queue_of(object), records, capacity, count);
	iommu_spin_unlock(file->platform, &file->lock, state);
	iommu_object_leave(object);
	return status == 0
		       ? 0
		       : iommu_file_refuse_now(
				 file, IOMMU_CALL, id, status,
				 IOMMU_WHY("the next group has more requests than the capacity"));
}

/* Take the group that begins at an entry out; its first request says how it is answered. Locked. */
static struct fault_entry take_out(struct ioas_fault_queue *queue, unsigned int first)
{
	const struct fault_entry entry = queue->entries[first];
	const unsigned int size = size_of_group(queue, first);

	for (unsigned int i = first; i + size < queue->count; i++)
		queue->entries[i] = queue->entries[i + size];
	queue->count -= size;
	return entry;
}

static int respond(struct ioas_fault_queue *queue, uint32_t cookie,
		   enum iommu_page_response_code code)
{
	struct iommu_file *file = queue->object.file;
	struct fault_entry entry = {.device = NULL};
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	int status;

	for (unsigned int i = 0; i < queue->count; i++)
		if (queue->entries[i].is_read && queue->entries[i].cookie == cookie) {
			entry = take_out(queue, i);
			break;
		}
	iommu_spin_unlock(file->platform, &file->lock, state);
	/* The device does not go meanwhile: that is control path, like this. */
	if (entry.device == NULL)
		return iommu_file_refuse_object(
			file, iommu_object_id(&queue->object), IOMMU_ENOENT,
			IOMMU_WHY("no group that was read and is not answered has this cookie"));
	fault_queue_answer(entry.device->endpoint, &entry.request, code, &status);
	return status;
}

int iommu_fault_respond(struct iommu_file *file, uint32_t id, uint32_t cookie,
			enum iommu_page_response_code code)
{
	struct ioas_object *object;
	int status;

	if (code != IOMMU_PAGE_SUCCESS && code != IOMMU_PAGE_INVALID && code != IOMMU_PAGE_FAILURE)
		return iommu_file_refuse_now(file, IOMMU_CALL, id, IOMMU_EINVAL,
					     IOMMU_WHY("the code is not one of an answer"));
	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_FAULT_QUEUE, &status);
	if (object != NULL)
		status = respond(iommu_fault_queue_of(object), cookie, code);
	return iommu_file_end(file, IOMMU_CALL, status);
}

void iommu_fault_queue_drop(struct ioas_fault_queue *queue, struct ioas_device *device,
			    uint32_t pasid)
{
	struct iommu_file *file = queue->object.file;
	struct fault_entry entry = {.device = NULL};
	bool is_taken;

	do {
		uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
		int unused;

		is_taken = false;
		for (unsigned int i = 0; i < queue->count && !is_taken; i++) {
			is_taken = queue->entries[i].device == device &&
				   pasid_of(&queue->entries[i].request) == pasid;
			if (is_taken)
				entry = take_out(queue, i);
		}
		iommu_spin_unlock(file->platform, &file->lock, state);
		if (is_taken)
			fault_queue_answer(device->endpoint, &entry.request, IOMMU_PAGE_INVALID,
					   &unused);
	} while (is_taken);
}
