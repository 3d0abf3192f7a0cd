/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of a context: ids, references, ends; and the lock of its control path.
 *
 * Those who have found an object are waited for twice: before it ends, and before its memory goes,
 * for those that find what is ending. An id is free when its object is.
 */
#include "ioas/ioas.h"

#include "base/text.h"

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

/* --- Life of objects -------------------------------------------------------------------------- */

int iommu_object_new(struct iommu_ctx *ctx, enum iommu_object_type type,
		     struct ioas_object **result)
{
	const struct iommu_iova_request lowest = {
		.size = 1, .lowest = 1, .limit = IOAS_ID_LAST, .flags = IOMMU_IOVA_BOTTOM_UP};
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

/*
 * They need nothing that is held here to come to an end, not even where a gate was closed to them.
 */
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
	struct ioas_object *object = iommu_object_at(iommu_iova_find(ctx->ids, id));

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
	status = object->ctx->end_object(object);
	if (status != 0) {
		set_state(object, IOAS_OBJECT_THERE);
		return status;
	}
	iommu_object_abort(object);
	return 0;
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

enum iommu_object_type iommu_object_type(struct iommu_ctx *ctx, uint32_t id)
{
	uintptr_t state = iommu_spin_lock(ctx->platform, &ctx->lock);
	const struct ioas_object *object = iommu_object_at(iommu_iova_find(ctx->ids, id));
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

	while (range != NULL && iommu_object_at(range)->state != IOAS_OBJECT_THERE)
		range = iommu_iova_next(ctx->ids, range);
	if (range != NULL)
		found = (uint32_t)range->first;
	iommu_spin_unlock(ctx->platform, &ctx->lock, state);
	return found;
}
