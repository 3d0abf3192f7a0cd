/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts, and their objects: ids, references, ends.
 *
 * Those who have found an object are waited for twice: before it ends, and before its memory goes, for those that find
 * what is ending. An id is free when its object is.
 */
#include "ioas/ioas.h"

#include "base/text.h"
#include "ioas/access.h"
#include "ioas/device.h"
#include "ioas/event_queue.h"
#include "ioas/fault_queue.h"
#include "ioas/virtual_unit.h"

#define ID_LAST 0x7fffffffU

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

void iommu_ctx_lock(struct iommu_ctx *ctx)
{
	if (ctx->mutex != NULL)
		ctx->platform->mutex_lock(ctx->platform->ctx, ctx->mutex);
	ctx->refused = 0;
	ctx->refusals = iommu_refusals(ctx->iommu);
}

static void name_object(char *name, uint32_t id)
{
	size_t used = iommu_line_append(name, IOMMU_NAME_SIZE, 0, id != 0 ? "object " : "");

	if (id != 0)
		(void)iommu_line_append_number(name, IOMMU_NAME_SIZE, used, id);
}

int iommu_ctx_refuse_object(struct iommu_ctx *ctx, uint32_t id, int status, const char *why)
{
	name_object(ctx->who_object, id);
	return iommu_ctx_refuse(ctx, ctx->who_object, status, why);
}

int iommu_ctx_refuse_now(struct iommu_ctx *ctx, const char *call, uint32_t id, int status,
			 const char *why)
{
	char who[IOMMU_NAME_SIZE];

	name_object(who, id);
	return iommu_refuse_now(ctx->iommu, call, who, status, why);
}

const char *iommu_object_missing(int status)
{
	return status == IOMMU_EINVAL ? IOMMU_WHY("the object with this id is of another type")
				      : IOMMU_WHY("there is no object with this id");
}

int iommu_ctx_end(struct iommu_ctx *ctx, const char *call, int status)
{
	if (status != 0 && status == ctx->refused)
		(void)iommu_refuse_now(ctx->iommu, call, ctx->who, status, ctx->why);
	else if (status != 0 && ctx->refusals == iommu_refusals(ctx->iommu))
		(void)iommu_refuse_now(ctx->iommu, call, "", status, "");
	iommu_ctx_unlock(ctx);
	return status;
}

void iommu_ctx_unlock(struct iommu_ctx *ctx)
{
	if (ctx->mutex != NULL)
		ctx->platform->mutex_unlock(ctx->platform->ctx, ctx->mutex);
}

void *iommu_ctx_alloc(struct iommu_ctx *ctx, struct iommu_object_cache *cache)
{
	void *object;

	if (!iommu_ctx_charge(&ctx->metadata, cache->object_size, ctx->limits.metadata_bytes))
		return NULL;
	object = iommu_object_alloc(cache, 0);
	if (object == NULL)
		iommu_ctx_discharge(&ctx->metadata, cache->object_size);
	return object;
}

void iommu_ctx_free(struct iommu_ctx *ctx, struct iommu_object_cache *cache, void *object)
{
	iommu_ctx_discharge(&ctx->metadata, cache->object_size);
	iommu_object_free(cache, object);
}

/* --- Life of contexts ------------------------------------------------------------------------- */

static void free_mutexes(struct iommu_ctx *ctx)
{
	const struct iommu_platform *platform = ctx->platform;

	for (unsigned int i = 0; i < IOAS_PAGE_MUTEXES; i++)
		if (ctx->page_mutexes[i] != NULL)
			platform->mutex_destroy(platform->ctx, ctx->page_mutexes[i]);
	if (ctx->gate_mutex != NULL)
		platform->mutex_destroy(platform->ctx, ctx->gate_mutex);
	if (ctx->mutex != NULL)
		platform->mutex_destroy(platform->ctx, ctx->mutex);
}

static int make_mutexes(struct iommu_ctx *ctx)
{
	const struct iommu_platform *platform = ctx->platform;

	if (platform->mutex_create == NULL)
		return 0;
	ctx->mutex = platform->mutex_create(platform->ctx);
	ctx->gate_mutex = platform->mutex_create(platform->ctx);
	if (ctx->mutex == NULL || ctx->gate_mutex == NULL)
		return IOMMU_ENOMEM;
	for (unsigned int i = 0; i < IOAS_PAGE_MUTEXES; i++) {
		ctx->page_mutexes[i] = platform->mutex_create(platform->ctx);
		if (ctx->page_mutexes[i] == NULL)
			return IOMMU_ENOMEM;
	}
	return 0;
}

static void make_caches(struct iommu_ctx *ctx)
{
	const struct iommu_platform *platform = ctx->platform;

	for (unsigned int type = 1; type < IOAS_TYPES; type++)
		iommu_object_cache_init(&ctx->caches[type], platform, types[type].size);
	iommu_object_cache_init(&ctx->area_cache, platform, sizeof(struct ioas_area));
	iommu_object_cache_init(&ctx->pages_cache, platform, sizeof(struct ioas_pages));
	iommu_object_cache_init(&ctx->range_cache, platform, sizeof(struct ioas_range));
	iommu_object_cache_init(&ctx->pin_cache, platform, sizeof(struct ioas_pin));
	iommu_object_cache_init(&ctx->group_cache, platform, sizeof(struct ioas_group));
	iommu_object_cache_init(&ctx->attachment_cache, platform, sizeof(struct ioas_attachment));
	iommu_object_cache_init(&ctx->use_cache, platform, sizeof(struct ioas_use));
}

/* Those that follow from others. */
static void set_limits(struct iommu_ctx *ctx, const struct iommu_ctx_limits *limits)
{
	ctx->limits = *limits;
	if (ctx->limits.allowed_ranges == 0)
		ctx->limits.allowed_ranges = limits->areas;
	if (ctx->limits.attachments == 0)
		ctx->limits.attachments = limits->objects;
	if (ctx->limits.access_pages == 0)
		ctx->limits.access_pages = limits->pinned_pages;
}

int iommu_ctx_create(struct iommu *iommu, const struct iommu_ctx_limits *limits,
		     struct iommu_ctx **result)
{
	const struct iommu_platform *platform = iommu_platform_of(iommu);
	const struct iommu_iova_config ids = {
		.platform = platform, .granule = IOMMU_PAGE_SIZE, .first = 1, .last = ID_LAST};
	struct iommu_ctx *ctx = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	int status;

	_Static_assert(sizeof(*ctx) <= IOMMU_PAGE_SIZE, "a context fits in a page");
	if (ctx == NULL)
		return iommu_refuse_now(iommu, IOMMU_CALL, "", IOMMU_ENOMEM, "");
	ctx->iommu = iommu;
	ctx->platform = platform;
	ctx->holders = 1;
	if (limits != NULL)
		set_limits(ctx, limits);
	iommu_list_init(&ctx->groups);
	make_caches(ctx);
	status = make_mutexes(ctx);
	if (status == 0)
		status = iommu_iova_space_create(&ids, &ctx->ids);
	if (status != 0) {
		free_mutexes(ctx);
		platform->free_pages(platform->ctx, ctx, 0);
		return iommu_refuse_now(iommu, IOMMU_CALL, "", status, "");
	}
	*result = ctx;
	return 0;
}

void iommu_ctx_put(struct iommu_ctx *ctx)
{
	const struct iommu_platform *platform = ctx->platform;

	if (__atomic_sub_fetch(&ctx->holders, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	iommu_iova_space_destroy(ctx->ids);
	free_mutexes(ctx);
	platform->free_pages(platform->ctx, ctx, 0);
}

static struct ioas_object *object_of(struct iommu_iova_range *range)
{
	return range != NULL ? iommu_container_of(range, struct ioas_object, id) : NULL;
}

/*
 * End what is not in use, from the lowest id on; again until nothing changes: what hangs on others
 * goes before them. Each time around goes on behind what has gone, which may have taken others with
 * it, so that it costs what there are objects.
 */
static int end_all(struct iommu_ctx *ctx)
{
	bool progress = true;
	int result = 0;

	while (progress) {
		struct iommu_iova_range *range = iommu_iova_next(ctx->ids, NULL);

		progress = false;
		result = 0;
		while (range != NULL) {
			struct ioas_object *object = object_of(range);
			const uint32_t id = iommu_object_id(object);
			int status = object->users == 0 ? iommu_object_end(object) : IOMMU_EBUSY;

			progress = progress || status == 0;
			if (result == 0 || result == IOMMU_EBUSY)
				result = status != 0 ? status : result;
			range = iommu_iova_find_from(ctx->ids, (uint64_t)id + 1);
		}
	}
	return iommu_iova_next(ctx->ids, NULL) == NULL ? 0 : result;
}

int iommu_ctx_destroy(struct iommu_ctx *ctx)
{
	int status;

	if (ctx == NULL)
		return 0;
	iommu_ctx_lock(ctx);
	ctx->closed = true;
	status = iommu_ctx_end(ctx, IOMMU_CALL, end_all(ctx));
	if (status == 0)
		iommu_ctx_put(ctx);
	return status;
}

void iommu_ctx_get_stats(struct iommu_ctx *ctx, struct iommu_ctx_stats *stats)
{
	const uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);
	const uint32_t objects = ctx->objects;

	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	*stats = (struct iommu_ctx_stats){
		.objects = objects,
		.areas = __atomic_load_n(&ctx->areas, __ATOMIC_RELAXED),
		.pinned_pages = __atomic_load_n(&ctx->pinned, __ATOMIC_RELAXED),
		.metadata_bytes = __atomic_load_n(&ctx->metadata, __ATOMIC_RELAXED),
		.attachments = __atomic_load_n(&ctx->attachments, __ATOMIC_RELAXED),
		.access_pages = __atomic_load_n(&ctx->access_pages, __ATOMIC_RELAXED),
	};
}

/* --- Life of objects -------------------------------------------------------------------------- */

int iommu_object_new(struct iommu_ctx *ctx, enum iommu_object_type type,
		     struct ioas_object **result)
{
	const struct iommu_iova_request lowest = {
		.size = 1, .lowest = 1, .limit = ID_LAST, .flags = IOMMU_IOVA_BOTTOM_UP};
	struct ioas_object *object;
	uintptr_t state;
	int status;

	if (ctx->closed)
		return iommu_ctx_refuse(ctx, "", IOMMU_ENODEV,
					IOMMU_WHY("the context is being destroyed"));
	if (ctx->limits.objects != 0 && ctx->objects >= ctx->limits.objects)
		return iommu_ctx_refuse(ctx, "", IOMMU_ENOSPC,
					IOMMU_WHY("the context has as many objects as its limit"));
	object = iommu_ctx_alloc(ctx, &ctx->caches[type]);
	if (object == NULL)
		return iommu_ctx_refuse(
			ctx, "", IOMMU_ENOMEM,
			IOMMU_WHY("no memory for the object, or the context's limit on metadata"));
	object->ctx = ctx;
	object->type = type;
	state = iommu_spin_lock(ctx->platform, &ctx->lock);
	status = iommu_iova_place(ctx->ids, &lowest, &object->id);
	ctx->objects += status == 0;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	if (status != 0) {
		iommu_ctx_free(ctx, &ctx->caches[type], object);
		return iommu_ctx_refuse(ctx, "", status, IOMMU_WHY("no id is left"));
	}
	*result = object;
	return 0;
}

static void set_state(struct ioas_object *object, enum ioas_object_state to)
{
	struct iommu_ctx *ctx = object->ctx;
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);

	object->state = to;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
}

/* They need nothing that is held here to come to an end, not even where a gate was closed to them. */
static void wait_for_visitors(const struct ioas_object *object)
{
	const struct iommu_platform *platform = object->ctx->platform;

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
	struct iommu_ctx *ctx = object->ctx;
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);

	iommu_iova_remove(ctx->ids, &object->id);
	ctx->objects--;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	wait_for_visitors(object);
	iommu_ctx_free(ctx, &ctx->caches[object->type], object);
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

static int check_type(const struct ioas_object *object, enum iommu_object_type type)
{
	return type == IOMMU_OBJECT_ANY || object->type == type ? 0 : IOMMU_EINVAL;
}

static struct ioas_object *visit(struct iommu_ctx *ctx, uint32_t id, enum iommu_object_type type,
				 bool ending, int *status)
{
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);
	struct ioas_object *object = object_of(iommu_iova_find(ctx->ids, id));

	*status = IOMMU_ENOENT;
	if (object != NULL &&
	    (object->state == IOAS_OBJECT_THERE || (ending && object->state == IOAS_OBJECT_ENDING)))
		*status = check_type(object, type);
	if (*status == 0)
		iommu_object_visit_locked(object);
	else
		object = NULL;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	return object;
}

struct ioas_object *iommu_object_visit(struct iommu_ctx *ctx, uint32_t id,
				       enum iommu_object_type type, int *status)
{
	return visit(ctx, id, type, false, status);
}

struct ioas_object *iommu_object_visit_ending(struct iommu_ctx *ctx, uint32_t id,
					      enum iommu_object_type type, int *status)
{
	return visit(ctx, id, type, true, status);
}

void iommu_object_leave(struct ioas_object *object)
{
	struct iommu_ctx *ctx = object->ctx;
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);

	__atomic_sub_fetch(&object->visitors, 1,
			   __ATOMIC_RELEASE); /* it may be gone from here on */
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
}

struct ioas_object *iommu_object_find(struct iommu_ctx *ctx, uint32_t id,
				      enum iommu_object_type type, int *status)
{
	struct ioas_object *object = iommu_object_visit(ctx, id, type, status);

	if (object != NULL)
		iommu_object_leave(object);
	else
		*status = iommu_ctx_refuse_object(ctx, id, *status, iommu_object_missing(*status));
	return object;
}

void iommu_object_use(struct ioas_object *object)
{
	struct iommu_ctx *ctx = object->ctx;
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);

	object->users++;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
}

void iommu_object_unuse(struct ioas_object *object)
{
	struct iommu_ctx *ctx = object->ctx;
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);

	object->users--;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
}

int iommu_object_end(struct ioas_object *object)
{
	int status;

	if (object->users != 0)
		return iommu_ctx_refuse_object(object->ctx, iommu_object_id(object), IOMMU_EBUSY,
					       IOMMU_WHY("other objects use it"));
	set_state(object, IOAS_OBJECT_ENDING);
	wait_for_visitors(object);
	status = types[object->type].end(object);
	if (status != 0) {
		set_state(object, IOAS_OBJECT_THERE);
		return status;
	}
	iommu_object_abort(object);
	return 0;
}

int iommu_object_destroy(struct iommu_ctx *ctx, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_ctx_lock(ctx);
	object = iommu_object_find(ctx, id, IOMMU_OBJECT_ANY, &status);
	/*
	 * HWPTs that could not go with their last device do not keep it: the caller does not know
	 * of them.
	 */
	if (object != NULL && object->type == IOMMU_OBJECT_IOAS)
		status = iommu_hwpts_end_unused(iommu_ioas_of(object));
	if (status == 0 && object->type == IOMMU_OBJECT_DEVICE)
		status = iommu_ctx_refuse_object(
			ctx, id, IOMMU_EBUSY,
			IOMMU_WHY("a device is unbound (iommu_device_unbind), not destroyed"));
	else if (status == 0)
		status = iommu_object_end(object);
	return iommu_ctx_end(ctx, IOMMU_CALL, status);
}

int iommu_object_end_unused(struct iommu_ctx *ctx, uint32_t id)
{
	struct ioas_object *object;
	int status;

	iommu_ctx_lock(ctx);
	object = iommu_object_find(ctx, id, IOMMU_OBJECT_ANY, &status);
	if (object != NULL && object->users == 0)
		status = iommu_object_end(object);
	return iommu_ctx_end(ctx, IOMMU_CALL, status);
}

/* --- Looking ---------------------------------------------------------------------------------- */

enum iommu_object_type iommu_object_type(struct iommu_ctx *ctx, uint32_t id)
{
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);
	const struct ioas_object *object = object_of(iommu_iova_find(ctx->ids, id));
	const enum iommu_object_type type = object != NULL && object->state == IOAS_OBJECT_THERE
						    ? object->type
						    : IOMMU_OBJECT_ANY;

	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	return type;
}

uint32_t iommu_object_next(struct iommu_ctx *ctx, uint32_t id)
{
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);
	struct iommu_iova_range *range = iommu_iova_find_from(ctx->ids, (uint64_t)id + 1);
	uint32_t found = 0;

	while (range != NULL && object_of(range)->state != IOAS_OBJECT_THERE)
		range = iommu_iova_next(ctx->ids, range);
	if (range != NULL)
		found = (uint32_t)range->first;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	return found;
}
