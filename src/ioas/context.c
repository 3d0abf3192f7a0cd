/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts: made, ended with all that is in them, and what is counted in them.
 */
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
		.platform = platform, .granule = IOMMU_PAGE_SIZE, .first = 1, .last = IOAS_ID_LAST};
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
	ctx->end_object = end_object;
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
			struct ioas_object *object = iommu_object_at(range);
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
	if (object != NULL && status == 0 && object->type == IOMMU_OBJECT_DEVICE)
		status = iommu_ctx_refuse_object(
			ctx, id, IOMMU_EBUSY,
			IOMMU_WHY("a device is unbound (iommu_device_unbind), not destroyed"));
	else if (object != NULL && status == 0)
		status = iommu_object_end(object);
	return iommu_ctx_end(ctx, IOMMU_CALL, status);
}

/* --- Looking ---------------------------------------------------------------------------------- */
