/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a model. Its state for migration is in state.c. */
#include <libiommu/status.h>

#include "base/log.h"
#include "model/vtd/counters.h"

_Static_assert(sizeof(struct model_perf) <= IOMMU_PAGE_SIZE, "it is one page");
_Static_assert(sizeof(struct iommu_model_vtd) <= IOMMU_PAGE_SIZE, "it is one page");

/* Room for a burst of faults, of all devices behind a unit, until a driver reads it. */
#define DEFAULT_FAULT_RECORDS 64
/* 1 GiB in one invalidation: a driver need not flush a whole domain for a large unmap. */
#define DEFAULT_ADDRESS_MASK 18
/* As wide as counters of real units are. */
#define DEFAULT_COUNTER_WIDTH 48

static void set_defaults(struct iommu_model_vtd_config *config)
{
	if (config->version == 0)
		config->version = 0x10;
	if (config->address_width == 0)
		config->address_width = 48;
	if (config->levels == 0)
		config->levels = config->address_width <= 39   ? 1U << 3
				 : config->address_width <= 48 ? 1U << 4
							       : 1U << 5;
	if (config->output_width == 0)
		config->output_width = 46;
	if (config->domain_bits == 0)
		config->domain_bits = 16;
	if (config->fault_records == 0)
		config->fault_records = DEFAULT_FAULT_RECORDS;
	if (config->address_mask == 0 && (config->flags & IOMMU_MODEL_VTD_SINGLE_PAGES) == 0)
		config->address_mask = DEFAULT_ADDRESS_MASK;
	if (config->pasid_bits == 0)
		config->pasid_bits = VTD_PASID_BITS_MAX;
	if (config->counter_width == 0)
		config->counter_width = DEFAULT_COUNTER_WIDTH;
	if (config->pgsize_bitmap == 0)
		config->pgsize_bitmap = IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G;
}

/* A feature of scalable mode that needs another one, which is missing; NULL: none. */
static const char *scalable_defect(const struct iommu_model_vtd_config *config)
{
	const unsigned int parts = IOMMU_MODEL_VTD_NO_SECOND_STAGE | IOMMU_MODEL_VTD_FIRST_STAGE |
				   IOMMU_MODEL_VTD_FIRST_STAGE_5 | IOMMU_MODEL_VTD_NESTED |
				   IOMMU_MODEL_VTD_DIRTY | IOMMU_MODEL_VTD_PASID |
				   IOMMU_MODEL_VTD_PAGE_REQUESTS;
	const unsigned int flags = config->flags;
	const bool has_first = (flags & IOMMU_MODEL_VTD_FIRST_STAGE) != 0;
	const bool has_second = (flags & IOMMU_MODEL_VTD_NO_SECOND_STAGE) == 0;
	const bool notes = has_first || (flags & IOMMU_MODEL_VTD_DIRTY) != 0;

	if (config->pasid_bits > VTD_PASID_BITS_MAX)
		return IOMMU_WHY("pasid_bits is above 20");
	if ((flags & IOMMU_MODEL_VTD_SCALABLE) == 0)
		return (flags & parts) == 0 ? NULL
					    : IOMMU_WHY("a flag of scalable mode without "
							"IOMMU_MODEL_VTD_SCALABLE");
	if ((flags & IOMMU_MODEL_VTD_NO_QUEUE) != 0 || (!has_first && !has_second))
		return (flags & IOMMU_MODEL_VTD_NO_QUEUE) != 0
			       ? IOMMU_WHY("scalable mode without a queue")
			       : IOMMU_WHY("scalable mode without any stage");
	if (((flags & IOMMU_MODEL_VTD_FIRST_STAGE_5) != 0 && !has_first) ||
	    ((flags & IOMMU_MODEL_VTD_NESTED) != 0 && (!has_first || !has_second)) ||
	    ((flags & IOMMU_MODEL_VTD_DIRTY) != 0 && !has_second))
		return IOMMU_WHY("a flag that needs a stage which the unit does not have");
	if ((flags & IOMMU_MODEL_VTD_PAGE_REQUESTS) != 0 &&
	    ((flags & IOMMU_MODEL_VTD_DEVICE_TLB) == 0 || config->host.page_answer == NULL))
		return (flags & IOMMU_MODEL_VTD_DEVICE_TLB) == 0
			       ? IOMMU_WHY("page requests without a device TLB")
			       : IOMMU_WHY("page requests without host.page_answer");
	return !notes || config->host.compare_exchange != NULL
		       ? NULL
		       : IOMMU_WHY("a stage that notes accesses, without host.compare_exchange");
}

static const char *numbers_defect(const struct iommu_model_vtd_config *config)
{
	if (config->address_width < 30 || config->address_width > 57)
		return IOMMU_WHY("address_width is not within 30 to 57");
	if (config->output_width < 32 || config->output_width > 52)
		return IOMMU_WHY("output_width is not within 32 to 52");
	if (config->domain_bits < 4 || config->domain_bits > 16 || config->domain_bits % 2 != 0)
		return IOMMU_WHY("domain_bits is not an even number within 4 to 16");
	if (config->address_mask > 52)
		return IOMMU_WHY("address_mask is above 52");
	if (config->fault_records > MODEL_FAULTS_MAX)
		return IOMMU_WHY("more fault_records than a unit has");
	if (config->counter_width < 4 || config->counter_width > 64)
		return IOMMU_WHY("counter_width is not within 4 to 64");
	if ((config->levels & ~0x38U) != 0)
		return IOMMU_WHY("levels other than 3, 4 and 5");
	if ((config->pgsize_bitmap & ~(IOMMU_SIZE_4K | IOMMU_SIZE_2M | IOMMU_SIZE_1G)) != 0 ||
	    (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0)
		return (config->pgsize_bitmap & IOMMU_SIZE_4K) == 0
			       ? IOMMU_WHY("pgsize_bitmap lacks 4K")
			       : IOMMU_WHY("pgsize_bitmap has other sizes than 4K, 2M and 1G");
	return NULL;
}

static const char *config_defect(const struct iommu_model_vtd_config *config)
{
	const unsigned int flags = config->flags;
	const bool has_queue = (flags & IOMMU_MODEL_VTD_NO_QUEUE) == 0;
	const bool has_interrupts = (flags & IOMMU_MODEL_VTD_INTERRUPT_REMAPPING) != 0;
	const char *defect = iommu_platform_defect(config->platform);

	if (defect == NULL && (config->host.read == NULL || config->host.write == NULL))
		defect = config->host.read == NULL ? IOMMU_WHY("host.read is missing")
						   : IOMMU_WHY("host.write is missing");
	if (defect == NULL)
		defect = scalable_defect(config);
	if (defect == NULL)
		defect = numbers_defect(config);
	if (defect != NULL)
		return defect;
	if ((flags & IOMMU_MODEL_VTD_SINGLE_PAGES) != 0 &&
	    (config->address_mask != 0 || (flags & IOMMU_MODEL_VTD_NO_PAGES) != 0))
		return config->address_mask != 0
			       ? IOMMU_WHY("single pages together with an address_mask")
			       : IOMMU_WHY("single pages together with no pages");
	if (vtd_version_major(config->version) == 0 || config->version > 0xff)
		return IOMMU_WHY("the version is none of a unit");
	if (!has_queue && vtd_version_major(config->version) >= VTD_VERSION_QUEUE_ONLY)
		return IOMMU_WHY("a unit of this version has a queue");
	/* Features that need the queue, or another feature. */
	if (!has_queue && (has_interrupts || (flags & IOMMU_MODEL_VTD_DEVICE_TLB) != 0))
		return has_interrupts ? IOMMU_WHY("interrupt remapping without a queue")
				      : IOMMU_WHY("a device TLB without a queue");
	if (!has_interrupts &&
	    (flags & (IOMMU_MODEL_VTD_X2APIC | IOMMU_MODEL_VTD_POSTED_INTERRUPTS)) != 0)
		return (flags & IOMMU_MODEL_VTD_X2APIC) != 0
			       ? IOMMU_WHY("x2APIC without interrupt remapping")
			       : IOMMU_WHY("posted interrupts without interrupt remapping");
	return (flags & IOMMU_MODEL_VTD_POSTED_INTERRUPTS) == 0 || config->host.set_bits != NULL
		       ? NULL
		       : IOMMU_WHY("posted interrupts without host.set_bits");
}

int iommu_model_vtd_create(const struct iommu_model_vtd_config *config,
			   struct iommu_model_vtd **result)
{
	struct iommu_model_vtd_config complete = *config;
	const struct iommu_platform *platform = config->platform;
	struct iommu_model_vtd *model;
	int status;

	set_defaults(&complete);
	status = iommu_refuse_defect(platform, IOMMU_CALL, config_defect(&complete));
	if (status != 0)
		return status;
	model = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (model == NULL)
		return IOMMU_ENOMEM;
	model->platform = platform;
	model->config = complete;
	model->fault_count = complete.fault_records;
	model->fault_records = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	model->counters = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (model_has(model, IOMMU_MODEL_VTD_COUNTERS))
		model->perf = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (iommu_model_cache_init(&model->cache, platform, complete.cache_entries,
				   complete.forget_seed) != 0 ||
	    model->fault_records == NULL || model->counters == NULL ||
	    (model_has(model, IOMMU_MODEL_VTD_COUNTERS) && model->perf == NULL)) {
		iommu_model_vtd_destroy(model);
		return IOMMU_ENOMEM;
	}
	iommu_model_registers_reset(model);
	iommu_model_publish(model);
	*result = model;
	return 0;
}

void iommu_model_drop_caches(struct iommu_model_vtd *model)
{
	uintptr_t dropping;

	iommu_model_publish(model);
	dropping = iommu_model_cache_begin_drop(&model->cache);
	iommu_model_drop_translations(model);
	iommu_model_cache_drop_kind(&model->cache, MODEL_INTERRUPT);
	iommu_model_cache_end_drop(&model->cache, dropping);
}

void iommu_model_vtd_destroy(struct iommu_model_vtd *model)
{
	const struct iommu_platform *platform;

	if (model == NULL)
		return;
	platform = model->platform;
	iommu_model_cache_destroy(&model->cache);
	if (model->fault_records != NULL)
		platform->free_pages(platform->ctx, model->fault_records, 0);
	if (model->counters != NULL)
		platform->free_pages(platform->ctx, model->counters, 0);
	if (model->perf != NULL)
		platform->free_pages(platform->ctx, model->perf, 0);
	platform->free_pages(platform->ctx, model, 0);
}

void iommu_model_notify_reset(struct iommu_model_vtd *model)
{
	const struct iommu_model_invalidation what = {.type = IOMMU_MODEL_RESET};

	(void)iommu_model_notify(model, NOTICE_RESET, &what);
}

void iommu_model_vtd_reset(struct iommu_model_vtd *model)
{
	uintptr_t state = iommu_model_enter(model);

	iommu_model_registers_reset(model);
	iommu_model_drop_caches(model);
	iommu_model_notify_reset(model);
	iommu_model_leave(model, state);
}

void iommu_model_vtd_misbehave(struct iommu_model_vtd *model,
			       const struct iommu_model_vtd_faults *faults)
{
	uintptr_t state = iommu_model_enter(model);

	iommu_model_give_answers(model, &state);
	model->faults = *faults;
	/* Completions that were held back go on. */
	if (!faults->holds_requests)
		iommu_model_requests_drain(model, &state);
	model->context.is_due = model->iotlb.is_due = true;
	iommu_model_queue_wake(model);
	iommu_model_leave(model, state);
}

void iommu_model_vtd_get_stats(struct iommu_model_vtd *model, struct iommu_model_vtd_stats *stats)
{
	size_t counts[MODEL_CACHE_KINDS];
	uintptr_t state;

	iommu_model_cache_count(&model->cache, counts);
	*stats = (struct iommu_model_vtd_stats){
		.cached_contexts = counts[MODEL_CONTEXT],
		.cached_pages = counts[MODEL_PAGE],
		.cached_tables = counts[MODEL_TABLE],
		.cached_interrupts = counts[MODEL_INTERRUPT],
		.cached_pasids = counts[MODEL_PASID],
		.cached_first_pages = counts[MODEL_FIRST_PAGE],
		.cached_first_tables = counts[MODEL_FIRST_TABLE],
	};
	model_counters_sum(model->counters, &stats->translations, &stats->walks);
	state = iommu_model_enter(model);
	stats->descriptors = model->descriptors;
	stats->faults = model->fault_total;
	iommu_model_leave(model, state);
}
