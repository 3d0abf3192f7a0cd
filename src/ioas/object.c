/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of a file: ids, references, destruction, and what is charged for them against the
 * file's limits; and the lock of the control path.
 *
 * Calls that have found an object are waited for twice: before it is destroyed, and before its
 * memory is freed, for calls that find an object while it is being destroyed. An id becomes free
 * with its object.
 */
#include "ioas/ioas.h"

#include "base/text.h"

void iommu_file_lock(struct iommu_file *file)
{
	if (file->mutex != NULL)
		file->platform->mutex_lock(file->platform->ctx, file->mutex);
	file->refused = 0;
	file->refusals = iommu_refusals(file->iommu);
}

static void name_object(char *name, uint32_t id)
{
	size_t used = iommu_line_append(name, IOMMU_NAME_SIZE, 0, id != 0 ? "object " : "");

	if (id != 0)
		(void)iommu_line_append_number(name, IOMMU_NAME_SIZE, used, id);
}

int iommu_file_refuse_object(struct iommu_file *file, uint32_t id, int status, const char *why)
{
	name_object(file->who_object, id);
	return iommu_file_refuse(file, file->who_object, status, why);
}

int iommu_file_refuse_now(struct iommu_file *file, const char *call, uint32_t id, int status,
			  const char *why)
{
	char who[IOMMU_NAME_SIZE];

	name_object(who, id);
	return iommu_refuse_now(file->iommu, call, who, status, why);
}

const char *iommu_object_missing(int status)
{
	return status == IOMMU_EINVAL ? IOMMU_WHY("the object with this id is of another type")
				      : IOMMU_WHY("there is no object with this id");
}

int iommu_file_end(struct iommu_file *file, const char *call, int status)
{
	if (status != 0 && status == file->refused)
		(void)iommu_refuse_now(file->iommu, call, file->who, status, file->why);
	else if (status != 0 && file->refusals == iommu_refusals(file->iommu))
		(void)iommu_refuse_now(file->iommu, call, "", status, "");
	iommu_file_unlock(file);
	return status;
}

void iommu_file_unlock(struct iommu_file *file)
{
	if (file->mutex != NULL)
		file->platform->mutex_unlock(file->platform->ctx, file->mutex);
}

/* --- Limits of a file ------------------------------------------------------------------------- */

bool iommu_file_charge(size_t *counter, uint64_t amount, uint64_t limit)
{
	const size_t most = limit != 0 && limit < SIZE_MAX ? (size_t)limit : SIZE_MAX;
	size_t taken = __atomic_load_n(counter, __ATOMIC_RELAXED);

	do {
		if (taken > most || amount > most - taken)
			return false;
	} while (!__atomic_compare_exchange_n(counter, &taken, taken + (size_t)amount, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void iommu_file_discharge(size_t *counter, uint64_t amount)
{
	__atomic_sub_fetch(counter, (size_t)amount, __ATOMIC_RELAXED);
}

void *iommu_file_alloc_pages(struct iommu_file *file, unsigned int order)
{
	const struct iommu_platform *platform = file->platform;
	void *pages;

	if (!iommu_file_charge(&file->metadata, IOMMU_PAGE_SIZE << order,
			       file->limits.metadata_bytes))
		return NULL;
	pages = platform->alloc_pages(platform->ctx, order, IOMMU_NODE_ANY, 0);
	if (pages == NULL)
		iommu_file_discharge(&file->metadata, IOMMU_PAGE_SIZE << order);
	return pages;
}

void iommu_file_free_pages(struct iommu_file *file, void *pages, unsigned int order)
{
	iommu_file_discharge(&file->metadata, IOMMU_PAGE_SIZE << order);
	file->platform->free_pages(file->platform->ctx, pages, order);
}

void *iommu_file_alloc(struct iommu_file *file, struct iommu_object_cache *cache)
{
	void *object;

	if (!iommu_file_charge(&file->metadata, cache->object_size, file->limits.metadata_bytes))
		return NULL;
	object = iommu_object_alloc(cache, 0);
	if (object == NULL)
		iommu_file_discharge(&file->metadata, cache->object_size);
	return object;
}

void iommu_file_free(struct iommu_file *file, struct iommu_object_cache *cache, void *object)
{
	iommu_file_discharge(&file->metadata, cache->object_size);
	iommu_object_free(cache, object);
}

/* --- Life of objects -------------------------------------------------------------------------- */

int iommu_object_new(struct iommu_file *file, enum iommu_object_kind type,
		     struct ioas_object **result)
{
	const struct iommu_iova_request lowest = {
		.size = 1, .lowest = 1, .limit = IOAS_ID_LAST, .flags = IOMMU_IOVA_BOTTOM_UP};
	struct ioas_object *object;
	uintptr_t state;
	int status;

	if (file->closed)
		return iommu_file_refuse(file, "", IOMMU_ENODEV,
					 IOMMU_WHY("the file is being destroyed"));
	if (file->limits.objects != 0 && file->objects >= file->limits.objects)
		return iommu_file_refuse(file, "", IOMMU_ENOSPC,
					 IOMMU_WHY("the file has as many objects as its limit"));
	object = iommu_file_alloc(file, &file->caches[type]);
	if (object == NULL)
		return iommu_file_refuse(
			file, "", IOMMU_ENOMEM,
			IOMMU_WHY("no memory for the object, or the file's limit on metadata"));
	object->file = file;
	object->type = type;
	state = iommu_spin_lock(file->platform, &file->lock);
	status = iommu_iova_place(file->ids, &lowest, &object->id);
	file->objects += status == 0;
	iommu_spin_unlock(file->platform, &file->lock, state);
	if (status != 0) {
		iommu_file_free(file, &file->caches[type], object);
		return iommu_file_refuse(file, "", status, IOMMU_WHY("no id is left"));
	}
	*result = object;
	return 0;
}

static void set_state(struct ioas_object *object, enum ioas_object_state to)
{
	struct iommu_file *file = object->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	object->state = to;
	iommu_spin_unlock(file->platform, &file->lock, state);
}

/*
 * They need nothing that is held here to come to an end, not even where a gate was closed to them.
 */
static void wait_for_visitors(const struct ioas_object *object)
{
	const struct iommu_platform *platform = object->file->platform;

	while (__atomic_load_n(&object->visitors, __ATOMIC_ACQUIRE) != 0)
		if (platform->relax != NULL)
			platform->relax(platform->ctx);
}

void iommu_object_publish(struct ioas_object *object)
{
	set_state(object, IOAS_OBJECT_THERE);
}

void iommu_object_abort(struct ioas_object *object)
{
	struct iommu_file *file = object->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	iommu_iova_remove(file->ids, &object->id);
	file->objects--;
	iommu_spin_unlock(file->platform, &file->lock, state);
	wait_for_visitors(object);
	iommu_file_free(file, &file->caches[object->type], object);
}

int iommu_object_finish(struct ioas_object *object, int status, uint32_t *id)
{
	if (status != 0) {
		iommu_object_abort(object);
		return status;
	}
	*id = iommu_object_id(object);
	iommu_object_publish(object);
	return 0;
}

static int check_type(const struct ioas_object *object, enum iommu_object_kind type)
{
	return type == IOMMU_OBJECT_ANY || object->type == type ? 0 : IOMMU_EINVAL;
}

static struct ioas_object *visit(struct iommu_file *file, uint32_t id, enum iommu_object_kind type,
				 bool ending, int *status)
{
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	struct ioas_object *object = iommu_object_at(iommu_iova_find(file->ids, id));

	*status = IOMMU_ENOENT;
	if (object != NULL &&
	    (object->state == IOAS_OBJECT_THERE || (ending && object->state == IOAS_OBJECT_ENDING)))
		*status = check_type(object, type);
	if (*status == 0)
		iommu_object_visit_locked(object);
	else
		object = NULL;
	iommu_spin_unlock(file->platform, &file->lock, state);
	return object;
}

struct ioas_object *iommu_object_visit(struct iommu_file *file, uint32_t id,
				       enum iommu_object_kind type, int *status)
{
	return visit(file, id, type, false, status);
}

struct ioas_object *iommu_object_visit_ending(struct iommu_file *file, uint32_t id,
					      enum iommu_object_kind type, int *status)
{
	return visit(file, id, type, true, status);
}

void iommu_object_leave(struct ioas_object *object)
{
	struct iommu_file *file = object->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	__atomic_sub_fetch(&object->visitors, 1,
			   __ATOMIC_RELEASE); /* it may be gone from here on */
	iommu_spin_unlock(file->platform, &file->lock, state);
}

struct ioas_object *iommu_object_find(struct iommu_file *file, uint32_t id,
				      enum iommu_object_kind type, int *status)
{
	struct ioas_object *object = iommu_object_visit(file, id, type, status);

	if (object != NULL)
		iommu_object_leave(object);
	else
		*status =
			iommu_file_refuse_object(file, id, *status, iommu_object_missing(*status));
	return object;
}

void iommu_object_use(struct ioas_object *object)
{
	struct iommu_file *file = object->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	object->users++;
	iommu_spin_unlock(file->platform, &file->lock, state);
}

void iommu_object_unuse(struct ioas_object *object)
{
	struct iommu_file *file = object->file;
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);

	object->users--;
	iommu_spin_unlock(file->platform, &file->lock, state);
}

int iommu_object_end(struct ioas_object *object)
{
	int status;

	if (object->users != 0)
		return iommu_file_refuse_object(object->file, iommu_object_id(object), IOMMU_EBUSY,
						IOMMU_WHY("other objects use it"));
	set_state(object, IOAS_OBJECT_ENDING);
	wait_for_visitors(object);
	status = object->file->end_object(object);
	if (status != 0) {
		set_state(object, IOAS_OBJECT_THERE);
		return status;
	}
	iommu_object_abort(object);
	return 0;
}

int iommu_object_end_unused(struct iommu_file *file, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_file_lock(file);
	object = iommu_object_find(file, id, IOMMU_OBJECT_ANY, &status);
	if (object != NULL && object->users == 0)
		status = iommu_object_end(object);
	return iommu_file_end(file, IOMMU_CALL, status);
}

enum iommu_object_kind iommu_object_type(struct iommu_file *file, uint32_t id)
{
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	const struct ioas_object *object = iommu_object_at(iommu_iova_find(file->ids, id));
	const enum iommu_object_kind type = object != NULL && object->state == IOAS_OBJECT_THERE
						    ? object->type
						    : IOMMU_OBJECT_ANY;

	iommu_spin_unlock(file->platform, &file->lock, state);
	return type;
}

uint32_t iommu_object_next(struct iommu_file *file, uint32_t id)
{
	uintptr_t state = iommu_spin_lock(file->platform, &file->lock);
	struct iommu_iova_range *range = iommu_iova_find_from(file->ids, (uint64_t)id + 1);
	uint32_t found = 0;

	while (range != NULL && iommu_object_at(range)->state != IOAS_OBJECT_THERE)
		range = iommu_iova_next(file->ids, range);
	if (range != NULL)
		found = (uint32_t)range->first;
	iommu_spin_unlock(file->platform, &file->lock, state);
	return found;
}
