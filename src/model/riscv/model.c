/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model. Its state for migration is in state.c. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/riscv/model.h"

/* The pages of a model, as a power of two. */
#define MODEL_ORDER 1

_Static_assert(sizeof(struct iommu_model_riscv) <= IOMMU_PAGE_SIZE << MODEL_ORDER, "it fits");

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_model_riscv_create(const struct iommu_model_riscv_config *config,
			     struct iommu_model_riscv **result)
{
	struct iommu_model_riscv_config complete = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_riscv *model;
	int status;

	iommu_rvmodel_set_defaults(&complete);
	status = iommu_refuse_defect(platform, IOMMU_CALL, iommu_rvmodel_config_defect(&complete));
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
		iommu_model_riscv_destroy(model);
		return IOMMU_ENOMEM;
	}
	iommu_rvmodel_registers_reset(model);
	iommu_rvmodel_publish(model);
	*result = model;
	return 0;
}

void iommu_rvmodel_drop_caches(struct iommu_model_riscv *model)
{
	uintptr_t dropping;
	unsigned int kind;

	iommu_rvmodel_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	for (kind = 0; kind < MODEL_CACHE_KINDS; kind++)
		iommu_model_cache_drop_kind(&model->cache, kind);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

void iommu_model_riscv_destroy(struct iommu_model_riscv *model)
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

void iommu_rvmodel_notify_reset(struct iommu_model_riscv *model)
{
	const struct iommu_model_riscv_invalidation what = {.type = IOMMU_MODEL_RISCV_RESET};

	iommu_rvmodel_notify(model, NOTICE_RESET, &what);
}

void iommu_model_riscv_reset(struct iommu_model_riscv *model)
{
	uintptr_t state = iommu_rvmodel_enter(model);

	iommu_rvmodel_registers_reset(model);
	iommu_rvmodel_drop_caches(model);
	iommu_rvmodel_notify_reset(model);
	iommu_rvmodel_leave(model, state);
}

void iommu_model_riscv_misbehave(struct iommu_model_riscv *model,
				 const struct iommu_model_riscv_faults *faults)
{
	uintptr_t state = iommu_rvmodel_enter(model);

	model->faults = *faults;
	/* Completions that were held back go on. */
	iommu_rvmodel_queue_wake(model);
	iommu_rvmodel_leave(model, state);
}

void iommu_model_riscv_get_stats(struct iommu_model_riscv *model,
				 struct iommu_model_riscv_stats *stats)
{
	size_t counts[MODEL_CACHE_KINDS];
	uintptr_t state;

	iommu_model_cache_count(&model->cache, counts);
	*stats = (struct iommu_model_riscv_stats){
		.cached_contexts = counts[MODEL_CONTEXT],
		.cached_directories = counts[MODEL_DIRECTORY],
		.cached_processes = counts[MODEL_PROCESS],
		.cached_roots = counts[MODEL_ROOT],
		.cached_first = counts[MODEL_FIRST],
		.cached_second = counts[MODEL_SECOND],
		.cached_messages = counts[MODEL_MESSAGE],
	};
	model_counters_sum(model->counters, &stats->translations, &stats->walks);
	state = iommu_rvmodel_enter(model);
	stats->commands = model->commands;
	stats->faults = model->fault_total;
	iommu_rvmodel_leave(model, state);
}
