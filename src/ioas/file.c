/* SPDX-License-Identifier: BSD-2-Clause */
/* IOMMU files: creation, destruction with all of their objects, and statistics. */
#include "ioas/ioas.h"

#include "ioas/access.h"
#include "ioas/device.h"
#include "ioas/event_queue.h"
#include "ioas/fault_queue.h"
#include "ioas/virtual_unit.h"

/* What an object of a type is made of, and how it ends. */
static const struct {
	size_t size;
	int (*end)(struct ioas_object *object);
} types[IOAS_TYPES] = {
	[IOMMU_OBJECT_IOAS] = {sizeof(struct iommu_ioas), iommu_ioas_destroy},
	[IOMMU_OBJECT_HWPT] = {sizeof(struct iommu_hwpt), iommu_hwpt_destroy},
	[IOMMU_OBJECT_HWPT_NESTED] = {sizeof(struct iommu_hwpt), iommu_hwpt_destroy},
	[IOMMU_OBJECT_DEVICE] = {sizeof(struct ioas_device), iommu_device_destroy},
	[IOMMU_OBJECT_ACCESS] = {sizeof(struct ioas_access), iommu_access_end},
	[IOMMU_OBJECT_FAULT_QUEUE] = {sizeof(struct ioas_fault_queue), iommu_fault_queue_end},
	[IOMMU_OBJECT_VIRTUAL_UNIT] = {sizeof(struct iommu_virtual_unit), iommu_virtual_unit_end},
	[IOMMU_OBJECT_VIRTUAL_DEVICE] = {sizeof(struct iommu_virtual_device),
					 iommu_virtual_device_end},
	[IOMMU_OBJECT_EVENT_QUEUE] = {sizeof(struct ioas_event_queue), iommu_event_queue_end},
};

static int end_object(struct ioas_object *object)
{
	return types[object->type].end(object);
}

/* --- Life of files ------------------------------------------------------------------------- */

static void free_mutexes(struct iommu_file *file)
{
	const struct iommu_platform *platform = file->platform;

	for (unsigned int i = 0; i < IOAS_PAGE_MUTEXES; i++)
		if (file->page_mutexes[i] != NULL)
			platform->mutex_destroy(platform->ctx, file->page_mutexes[i]);
	if (file->gate_mutex != NULL)
		platform->mutex_destroy(platform->ctx, file->gate_mutex);
	if (file->mutex != NULL)
		platform->mutex_destroy(platform->ctx, file->mutex);
}

static int make_mutexes(struct iommu_file *file)
{
	const struct iommu_platform *platform = file->platform;

	if (platform->mutex_create == NULL)
		return 0;
	file->mutex = platform->mutex_create(platform->ctx);
	file->gate_mutex = platform->mutex_create(platform->ctx);
	if (file->mutex == NULL || file->gate_mutex == NULL)
		return IOMMU_ENOMEM;
	for (unsigned int i = 0; i < IOAS_PAGE_MUTEXES; i++) {
		file->page_mutexes[i] = platform->mutex_create(platform->ctx);
		if (file->page_mutexes[i] == NULL)
			return IOMMU_ENOMEM;
	}
	return 0;
}

static void make_caches(struct iommu_file *file)
{
	const struct iommu_platform *platform = file->platform;

	for (unsigned int type = 1; type < IOAS_TYPES; type++)
		iommu_object_cache_init(&file->caches[type], platform, types[type].size);
	iommu_object_cache_init(&file->area_cache, platform, sizeof(struct ioas_area));
	iommu_object_cache_init(&file->pages_cache, platform, sizeof(struct ioas_pages));
	iommu_object_cache_init(&file->range_cache, platform, sizeof(struct ioas_range));
	iommu_object_cache_init(&file->pin_cache, platform, sizeof(struct ioas_pin));
	iommu_object_cache_init(&file->group_cache, platform, sizeof(struct ioas_group));
	iommu_object_cache_init(&file->attachment_cache, platform, sizeof(struct ioas_attachment));
	iommu_object_cache_init(&file->use_cache, platform, sizeof(struct ioas_use));
}

/* Those that follow from others. */
static void set_limits(struct iommu_file *file, const struct iommu_file_limits *limits)
{
	file->limits = *limits;
	file->limits.account = NULL;
	iommu_file_use_account(file, limits->account);
	if (file->limits.allowed_ranges == 0)
		file->limits.allowed_ranges = limits->areas;
	if (file->limits.attachments == 0)
		file->limits.attachments = limits->objects;
	if (file->limits.access_pages == 0)
		file->limits.access_pages = limits->pinned_pages;
}

int iommu_file_create(struct iommu *iommu, const struct iommu_file_limits *limits,
		      struct iommu_file **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	const struct iommu_iova_config ids = {
		.platform = platform, .granule = IOMMU_PAGE_SIZE, .first = 1, .last = IOAS_ID_LAST};
	struct iommu_file *file = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status;

	_Static_assert(sizeof(*file) <= IOMMU_PAGE_SIZE, "a file fits in a page");
	if (file == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	file->iommu = iommu;
	file->platform = platform;
	file->holders = 1;
	if (limits != NULL)
		set_limits(file, limits);
	iommu_list_init(&file->groups);
	file->end_object = end_object;
	make_caches(file);
	status = make_mutexes(file);
	if (status == 0)
		status = iommu_iova_space_create(&ids, &file->ids);
	if (status != 0) {
		iommu_file_use_account(file, NULL);
		free_mutexes(file);
		platform->free_pages(platform->ctx, file, 0);
		return iommu_refuse_now(iommu, IOMMU_CALL, "", status, "");
	}
	*result = file;
	return 0;
}

void iommu_file_put(struct iommu_file *file)
{
	const struct iommu_platform *platform = file->platform;

	if (__atomic_sub_fetch(&file->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	iommu_iova_space_destroy(file->ids);
	free_mutexes(file);
	platform->free_pages(platform->ctx, file, 0);
}

/*
 * End what is not in use, from the lowest id on; again until nothing changes: what hangs on others
 * goes before them. Each time around goes on behind what has gone, which may have taken others with
 * it, so that it costs what there are objects.
 */
static int end_all(struct iommu_file *file)
{
	bool progress = true;
	int result = 0;

	while (progress) {
		struct iommu_iova_range *range = iommu_iova_next(file->ids, NULL);

		progress = false;
		result = 0;
		while (range != NULL) {
			struct ioas_object *object = iommu_object_at(range);
			const uint32_t id = iommu_object_id(object);
			int status = object->users == 0 ? iommu_object_end(object) : IOMMU_EBUSY;

			progress = progress || status == 0;
			if (result == 0 || result == IOMMU_EBUSY)
				result = status != 0 ? status : result;
			range = iommu_iova_find_from(file->ids, (uint64_t)id + 1);
		}
	}
	return iommu_iova_next(file->ids, NULL) == NULL ? 0 : result;
}

int iommu_file_destroy(struct iommu_file *file)
{
	int status;

	if (file == NULL)
		return 0;
	iommu_file_lock(file);
	file->closed = true;
	status = end_all(file);
	if (status == 0)
		iommu_file_use_account(file, NULL);
	status = iommu_file_end(file, IOMMU_CALL, status);
	if (status == 0)
		iommu_file_put(file);
	return status;
}

void iommu_file_get_stats(struct iommu_file *file, struct iommu_file_stats *stats)
{
	const uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	const uint32_t objects = file->objects;

	iommu_spin_unlock(file->platform, &file->lock, state);
	*stats = (struct iommu_file_stats){
		.objects = objects,
		.areas = __atomic_load_n(&file->areas, __ATOMIC_RELAXED),
		.pinned_pages = __atomic_load_n(&file->pinned, __ATOMIC_RELAXED),
		.metadata_bytes = __atomic_load_n(&file->metadata, __ATOMIC_RELAXED),
		.attachments = __atomic_load_n(&file->attachments, __ATOMIC_RELAXED),
		.access_pages = __atomic_load_n(&file->access_pages, __ATOMIC_RELAXED),
	};
}

int iommu_object_destroy(struct iommu_file *file, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_ANY, &status);
	/*
	 * HWPTs that could not go with their last device do not keep it: the caller does not know
	 * of them.
	 */
	if (object != NULL && object->type == IOMMU_OBJECT_IOAS)
		status = iommu_hwpts_end_unused(iommu_ioas_of(object));
	if (object != NULL && status == 0 && object->type == IOMMU_OBJECT_DEVICE)
		status = iommu_file_refuse_object(
			file, id, IOMMU_EBUSY,
			IOMMU_WHY("a device is unbound (iommu_device_unbind), not destroyed"));
	else if (object != NULL && status == 0)
		status = iommu_object_end(object);
	return iommu_file_end(file, IOMMU_CALL, status);
}

/* --- Looking ---------------------------------------------------------------------------------- */
