/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model. Its state for migration is in state.c. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/smmu/model.h"

/* The pages of a model, as a power of two. */
#define MODEL_ORDER 1

_Static_assert(sizeof(struct iommu_model_smmu) <= IOMMU_PAGE_SIZE << MODEL_ORDER, "it fits");

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_model_smmu_create(const struct iommu_model_smmu_config *config,
			    struct iommu_model_smmu **result)
{
	struct iommu_model_smmu_config complete = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_smmu *model;
	int status;

	iommu_smmodel_set_defaults(&complete);
	status = iommu_refuse_defect(platform, IOMMU_CALL, iommu_smmodel_config_defect(&complete));
	if (status != 0)
		return status;
	model = platform->alloc_pages(platform->ctx, MODEL_ORDER, IOMMU_NODE_ANY, 0);
	if (model == NULL)
		return IOMMU_ENOMEM;
	model->platform = platform;
	model->config = complete;
	model->random = complete.forget_seed | 1;
	model->counters = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (iommu_model_cache_init(&model->cache, platform, complete.cache_entries,
				   complete.forget_seed) != 0 ||
	    model->counters == NULL) {
		iommu_model_smmu_destroy(model);
		return IOMMU_ENOMEM;
	}
	iommu_smmodel_registers_reset(model);
	iommu_smmodel_publish(model);
	*result = model;
	return 0;
}

void iommu_smmodel_drop_caches(struct iommu_model_smmu *model)
{
	uintptr_t dropping;
	unsigned int kind;

	iommu_smmodel_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	for (kind = 0; kind < MODEL_CACHE_KINDS; kind++)
		iommu_model_cache_drop_kind(&model->cache, kind);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

void iommu_model_smmu_destroy(struct iommu_model_smmu *model)
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

void iommu_smmodel_notify_reset(struct iommu_model_smmu *model)
{
	const struct iommu_model_smmu_invalidation what = {.type = IOMMU_MODEL_SMMU_RESET};

	iommu_smmodel_notify(model, NOTICE_RESET, &what);
}

void iommu_model_smmu_reset(struct iommu_model_smmu *model)
{
	uintptr_t state = iommu_smmodel_enter(model);

	iommu_smmodel_registers_reset(model);
	iommu_smmodel_drop_caches(model);
	iommu_smmodel_notify_reset(model);
	iommu_smmodel_leave(model, state);
}

void iommu_model_smmu_misbehave(struct iommu_model_smmu *model,
				const struct iommu_model_smmu_faults *faults)
{
	uintptr_t state = iommu_smmodel_enter(model);

	model->faults = *faults;
	if (faults->fails)
		iommu_smmodel_error(model, SMMU_GERROR_SFM);
	/* Completions that were held back go on. */
	iommu_smmodel_queue_wake(model);
	iommu_smmodel_leave(model, state);
}

void iommu_model_smmu_get_stats(struct iommu_model_smmu *model,
				struct iommu_model_smmu_stats *stats)
{
	size_t counts[MODEL_CACHE_KINDS];
	uintptr_t state;
	unsigned int i;

	iommu_model_cache_count(&model->cache, counts);
	*stats = (struct iommu_model_smmu_stats){
		.cached_streams = counts[MODEL_STREAM_TABLE] + counts[MODEL_STREAM],
		.cached_contexts = counts[MODEL_CONTEXT],
		.cached_first = counts[MODEL_STAGE_1],
		.cached_second = counts[MODEL_STAGE_2],
	};
	model_counters_sum(model->counters, &stats->translations, &stats->walks);
	state = iommu_smmodel_enter(model);
	stats->commands = model->commands;
	stats->events = model->event_total;
	for (i = 0; i < IOMMU_MODEL_SMMU_STALLS_MAX; i++)
		stats->stalled += model->regs.stalls[i] != 0;
	iommu_smmodel_leave(model, state);
}
