/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model. Its state for migration is in state.c. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/riscv/model.h"

/* The pages of a model, as a power of two. */
#define MODEL_ORDER 1

_Static_assert(sizeof(struct iommu_model_riscv) <= IOMMU_PAGE_SIZE << MODEL_ORDER, "it fits");

#define DEFAULT_VECTORS 4

/* --- The configuration ------------------------------------------------------------------------ */

/* What a driver can make the most of, as far as the host serves it. */
static uint64_t default_capabilities(const struct iommu_model_riscv_host *host)
{
	uint64_t cap = RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SV39X4 |
		       RISCV_CAP_SV48X4 | RISCV_CAP_SV57X4 | RISCV_CAP_SVPBMT | RISCV_CAP_MSI_FLAT |
		       RISCV_CAP_MSI_MRIF | RISCV_CAP_HPM | RISCV_CAP_DBG | RISCV_CAP_PD8 |
		       RISCV_CAP_PD17 | RISCV_CAP_PD20;

	cap |= (uint64_t)RISCV_INTERRUPTS_BOTH << 28;
	if (host->compare_exchange != NULL)
		cap |= RISCV_CAP_AMO_HWAD;
	if (host->set_bits != NULL)
		cap |= RISCV_CAP_AMO_MRIF;
	if (host->page_answer != NULL)
		cap |= RISCV_CAP_ATS | RISCV_CAP_T2GPA;
	return cap;
}

static void set_defaults(struct iommu_model_riscv_config *config)
{
	if (config->capabilities == 0)
		config->capabilities = default_capabilities(&config->host);
	if (riscv_cap_physical_bits(config->capabilities) == 0)
		config->capabilities |= (uint64_t)RISCV_ADDRESS_BITS << 32;
	if (config->levels == 0)
		config->levels = 0xe;
	if (config->vectors == 0)
		config->vectors = DEFAULT_VECTORS;
	if (config->counters == 0)
		config->counters = RISCV_COUNTERS;
	if (config->qos_bits == 0)
		config->qos_bits = 12;
	if (config->queue_max == 0)
		config->queue_max = RISCV_QUEUE_ORDER_MAX;
}

/* A capability that needs another one, or the host's help, which is missing; NULL: none. */
static const char *capability_defect(const struct iommu_model_riscv_config *config)
{
	const uint64_t reserved = 0xff0ff00000103000ULL;
	const uint64_t cap = config->capabilities;

	if ((cap & reserved) != 0 || riscv_cap_interrupts(cap) > RISCV_INTERRUPTS_BOTH)
		return IOMMU_WHY("a capability that is reserved");
	if (((cap & RISCV_CAP_SV48) != 0 && (cap & RISCV_CAP_SV39) == 0) ||
	    ((cap & RISCV_CAP_SV57) != 0 && (cap & RISCV_CAP_SV48) == 0) ||
	    ((cap & RISCV_CAP_SV48X4) != 0 && (cap & RISCV_CAP_SV39X4) == 0) ||
	    ((cap & RISCV_CAP_SV57X4) != 0 && (cap & RISCV_CAP_SV48X4) == 0))
		return IOMMU_WHY("a mode without the one below it");
	if ((cap & (RISCV_CAP_MSI_MRIF | RISCV_CAP_AMO_MRIF)) != 0 &&
	    (cap & RISCV_CAP_MSI_FLAT) == 0)
		return IOMMU_WHY("interrupt files in memory without MSI tables");
	if ((cap & RISCV_CAP_T2GPA) != 0 && (cap & RISCV_CAP_ATS) == 0)
		return IOMMU_WHY("T2GPA without ATS");
	if (riscv_cap_physical_bits(cap) < 32 || riscv_cap_physical_bits(cap) > RISCV_ADDRESS_BITS)
		return IOMMU_WHY("PAS is not within 32 to 56");
	if ((cap & RISCV_CAP_ATS) != 0 && config->host.page_answer == NULL)
		return IOMMU_WHY("ATS without host.page_answer");
	if ((cap & RISCV_CAP_AMO_HWAD) != 0 && config->host.compare_exchange == NULL)
		return IOMMU_WHY("AMO_HWAD without host.compare_exchange");
	if ((cap & RISCV_CAP_AMO_MRIF) != 0 && config->host.set_bits == NULL)
		return IOMMU_WHY("AMO_MRIF without host.set_bits");
	return NULL;
}

static const char *config_defect(const struct iommu_model_riscv_config *config)
{
	const uint32_t known = RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL;
	const char *defect = iommu_platform_defect(config->platform);

	if (defect == NULL && (config->host.read == NULL || config->host.write == NULL))
		defect = IOMMU_WHY("host.read or host.write is missing");
	if (defect == NULL)
		defect = capability_defect(config);
	if (defect != NULL)
		return defect;
	if (((config->fctl | config->fctl_fixed) & ~known) != 0)
		return IOMMU_WHY("bits of fctl that are reserved");
	if ((config->levels & ~0xeU) != 0)
		return IOMMU_WHY("levels other than 1, 2 and 3");
	if (config->vectors > RISCV_MSI_VECTORS || (config->vectors & (config->vectors - 1)) != 0)
		return IOMMU_WHY("vectors is not 1, 2, 4, 8 or 16");
	if (config->counters > RISCV_COUNTERS)
		return IOMMU_WHY("more than 31 counters");
	if (config->qos_bits > 12)
		return IOMMU_WHY("qos_bits is above 12");
	return config->queue_max > RISCV_QUEUE_ORDER_MAX ? IOMMU_WHY("queue_max is above 32")
							 : NULL;
}

/* --- Life ------------------------------------------------------------------------------------- */

int iommu_model_riscv_create(const struct iommu_model_riscv_config *config,
			     struct iommu_model_riscv **result)
{
	struct iommu_model_riscv_config complete = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_riscv *model;
	int status;

	set_defaults(&complete);
	status = iommu_refuse_defect(platform, IOMMU_CALL, config_defect(&complete));
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
