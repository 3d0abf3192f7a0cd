/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model. Its state for migration is in state.c. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/amdvi/model.h"

/* The pages of a model, as a power of two. */
#define MODEL_ORDER 1

_Static_assert(sizeof(struct iommu_model_amdvi) <= IOMMU_PAGE_SIZE << MODEL_ORDER, "it fits");

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_model_amdvi_create(const struct iommu_model_amdvi_config *config,
			     struct iommu_model_amdvi **result)
{
	struct iommu_model_amdvi_config complete = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_amdvi *model;
	int status;

	iommu_amdmodel_set_defaults(&complete);
	status = iommu_refuse_defect(platform, IOMMU_CALL, iommu_amdmodel_config_defect(&complete));
	if (status != 0)
		return status;
	model = platform->alloc_pages(platform->ctx, MODEL_ORDER, IOMMU_NODE_ANY, 0);
	if (model == NULL)
		return IOMMU_ENOMEM;
	model->platform = platform;
	model->config = complete;
	model->counters = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (iommu_model_cache_init(&model->cache, platform, complete.cache_entries,
				   complete.forget_seed) != 0 ||
	    model->counters == NULL) {
		iommu_model_amdvi_destroy(model);
		return IOMMU_ENOMEM;
	}
	iommu_amdmodel_registers_reset(model);
	iommu_amdmodel_publish(model);
	*result = model;
	return 0;
}

void iommu_amdmodel_drop_caches(struct iommu_model_amdvi *model)
{
	uintptr_t dropping;
	unsigned int kind;

	iommu_amdmodel_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	for (kind = 0; kind < MODEL_CACHE_KINDS; kind++)
		iommu_model_cache_drop_kind(&model->cache, kind);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

void iommu_model_amdvi_destroy(struct iommu_model_amdvi *model)
{
	const struct iommu_platform *platform;

	if (model == NULL)
		return;
	platform = model->platform;
	iommu_model_cache_destroy(&model->cache);
	if (model->counters != NULL)
		platform->free_pages(platform->ctx, model->counters, 0);
	platform->free_pages(platform->ctx, model, MODEL_ORDER);
}

void iommu_amdmodel_notify_reset(struct iommu_model_amdvi *model)
{
	const struct iommu_model_amdvi_invalidation what = {.type = IOMMU_MODEL_AMDVI_RESET};

	iommu_amdmodel_notify(model, NOTICE_RESET, &what);
}

void iommu_model_amdvi_reset(struct iommu_model_amdvi *model)
{
	uintptr_t state = iommu_amdmodel_enter(model);

	iommu_amdmodel_registers_reset(model);
	iommu_amdmodel_drop_caches(model);
	iommu_amdmodel_notify_reset(model);
	iommu_amdmodel_leave(model, state);
}

void iommu_model_amdvi_misbehave(struct iommu_model_amdvi *model,
				 const struct iommu_model_amdvi_faults *faults)
{
	uintptr_t state = iommu_amdmodel_enter(model);

	model->faults = *faults;
	/* Completions that were held back go on. */
	iommu_amdmodel_queue_wake(model);
	iommu_amdmodel_leave(model, state);
}

void iommu_model_amdvi_get_stats(struct iommu_model_amdvi *model,
				 struct iommu_model_amdvi_stats *stats)
{
	size_t counts[MODEL_CACHE_KINDS];
	uintptr_t state;

	iommu_model_cache_count(&model->cache, counts);
	*stats = (struct iommu_model_amdvi_stats){
		.cached_devices = counts[MODEL_DEVICE],
		.cached_host = counts[MODEL_HOST],
		.cached_guest = counts[MODEL_GUEST],
		.cached_gcr3 = counts[MODEL_GCR3],
		.cached_interrupts = counts[MODEL_INTERRUPT],
	};
	model_counters_sum(model->counters, &stats->translations, &stats->walks);
	state = iommu_amdmodel_enter(model);
	stats->commands = model->commands;
	stats->events = model->event_total;
	iommu_amdmodel_leave(model, state);
}
