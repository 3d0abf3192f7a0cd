/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What commands invalidate: exactly what the specification's tables name (RISC-V IOMMU
 * specification, "IOMMU Page-Table cache invalidation commands" and "IOMMU directory cache
 * invalidation commands"; NL and S: "IOMMU Extensions"). First and second stage are cached apart,
 * so that neither command reaches what the other names.
 */
#include "model/riscv/model.h"

/* What an address of a command stands for. */
struct range {
	bool is_all; /* there is none, or all of them */
	uint64_t first, last;
	bool tables; /* entries that lead to tables, too */
};

static struct range range_of(struct iommu_model_riscv *model, struct riscv_command c)
{
	const bool sized = (c.high & RISCV_IOTINVAL_S) != 0;
	const uint64_t size = riscv_command_size(c), first = riscv_command_address(c);

	if ((c.low & RISCV_IOTINVAL_AV) == 0)
		return (struct range){.is_all = true, .last = UINT64_MAX, .tables = true};
	if (sized && c.high >> 10 == 0x000fffffffffffffULL)
		model_misuse(model, "an invalidation of a range whose size is not defined");
	return (struct range){
		.first = first,
		.last = first + (size - 1),
		.tables = (c.low & RISCV_IOTINVAL_NL) != 0,
	};
}

/* All entries with a tag that intersect the range, including those that begin before it. */
static void drop_range(struct iommu_model_riscv *model, enum model_kind kind, uint64_t tag,
		       const struct range *range)
{
	unsigned int span;

	for (span = 0; span < MODEL_SPANS; span++) {
		const uint64_t mask = ~((1ULL << model_span_shift(span)) - 1);

		iommu_model_cache_drop(&model->cache, kind, tag, span, range->first & mask,
				       range->last & mask);
	}
}

/*
 * In all address spaces with tags in [first, last]. Each one that has entries costs a part of the
 * call's budget: their number is the guest's choice.
 */
static void drop_range_in_all(struct iommu_model_riscv *model, uint64_t first, uint64_t last,
			      const struct range *range)
{
	uint64_t tag = first;

	while (iommu_model_cache_next_tag(&model->cache, MODEL_FIRST, tag, last, &tag)) {
		if (range->tables || (tag & MODEL_TAG_TABLE) == 0)
			drop_range(model, MODEL_FIRST, tag, range);
		if (model->budget > 1)
			model->budget--;
		if (tag++ == last)
			break;
	}
}

static void drop_first_stage(struct iommu_model_riscv *model, struct riscv_command c,
			     const struct range *range)
{
	const uint64_t space =
		model_first_space((c.low & RISCV_IOTINVAL_GV) != 0, riscv_command_gscid(c));
	const uint64_t tag = model_first_tag(space, riscv_command_pscid(c));
	const bool of_process = (c.low & RISCV_IOTINVAL_PSCV) != 0;

	if (!of_process && range->is_all) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST, space,
					    space | MODEL_TAG_PROCESS);
	} else if (!of_process) {
		drop_range_in_all(model, space, space | MODEL_TAG_PROCESS, range);
	} else if (range->is_all) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_FIRST, tag, tag | MODEL_TAG_TABLE);
	} else {
		drop_range(model, MODEL_FIRST, tag, range);
		if (range->tables)
			drop_range(model, MODEL_FIRST, tag | MODEL_TAG_TABLE, range);
	}
}

static void drop_second_stage(struct iommu_model_riscv *model, struct riscv_command c,
			      const struct range *range)
{
	const uint16_t gscid = riscv_command_gscid(c);
	const uint64_t tag = model_second_tag(gscid);

	if ((c.low & RISCV_IOTINVAL_GV) == 0) {
		iommu_model_cache_drop_kind(&model->cache, MODEL_SECOND);
		iommu_model_cache_drop_kind(&model->cache, MODEL_MESSAGE);
	} else if (range->is_all) {
		iommu_model_cache_drop_tags(&model->cache, MODEL_SECOND, tag,
					    tag | MODEL_TAG_TABLE);
		iommu_model_cache_drop_tags(&model->cache, MODEL_MESSAGE, gscid, gscid);
	} else {
		drop_range(model, MODEL_SECOND, tag, range);
		if (range->tables)
			drop_range(model, MODEL_SECOND, tag | MODEL_TAG_TABLE, range);
		iommu_model_cache_drop(&model->cache, MODEL_MESSAGE, gscid, 0, range->first,
				       range->last);
	}
}

static void drop_devices(struct iommu_model_riscv *model, struct riscv_command c)
{
	const uint32_t id = riscv_command_device_id(c);
	const uint64_t first = model_process_tag(id, 0);
	const uint64_t last = model_process_tag(id, (1U << RISCV_PROCESS_ID_BITS) - 1);

	if ((c.low & RISCV_INVAL_DDT_DV) == 0) {
		iommu_model_cache_drop_kind(&model->cache, MODEL_CONTEXT);
		iommu_model_cache_drop_kind(&model->cache, MODEL_DIRECTORY);
		iommu_model_cache_drop_kind(&model->cache, MODEL_PROCESS);
		iommu_model_cache_drop_kind(&model->cache, MODEL_ROOT);
		return;
	}
	iommu_model_cache_drop_tags(&model->cache, MODEL_CONTEXT, id, id);
	iommu_model_cache_drop_tags(&model->cache, MODEL_PROCESS, first, last);
	iommu_model_cache_drop_tags(&model->cache, MODEL_ROOT, first, last);
}

static void drop_process(struct iommu_model_riscv *model, struct riscv_command c)
{
	const uint64_t tag =
		model_process_tag(riscv_command_device_id(c), riscv_command_process_id(c));

	iommu_model_cache_drop(&model->cache, MODEL_PROCESS, tag, 1, 0, 0);
	iommu_model_cache_drop(&model->cache, MODEL_ROOT, tag, 0, 0, 0);
}

/* --- What the host is told -------------------------------------------------------------------- */

static void name_range(struct iommu_model_riscv_invalidation *what, const struct range *range)
{
	if (range->is_all)
		return;
	what->has_range = true;
	what->leaves_only = !range->tables;
	what->address = range->first;
	what->size = range->last - range->first + 1;
}

static void name_guest(struct iommu_model_riscv_invalidation *what, struct riscv_command c)
{
	what->has_guest = (c.low & RISCV_IOTINVAL_GV) != 0;
	what->gscid = what->has_guest ? riscv_command_gscid(c) : 0;
}

static void invalidate_first_stage(struct iommu_model_riscv *model, struct riscv_command c,
				   struct iommu_model_riscv_invalidation *what)
{
	const struct range range = range_of(model, c);

	what->type = IOMMU_MODEL_RISCV_FIRST_STAGE;
	what->has_pscid = (c.low & RISCV_IOTINVAL_PSCV) != 0;
	what->pscid = what->has_pscid ? riscv_command_pscid(c) : 0;
	name_guest(what, c);
	name_range(what, &range);
	drop_first_stage(model, c, &range);
}

static void invalidate_second_stage(struct iommu_model_riscv *model, struct riscv_command c,
				    struct iommu_model_riscv_invalidation *what)
{
	/* Of all guests: AV, NL and S do not count. */
	const struct riscv_command counted =
		(c.low & RISCV_IOTINVAL_GV) != 0 ? c
						 : riscv_command_of(c.low & ~RISCV_IOTINVAL_AV, 0);
	const struct range range = range_of(model, counted);

	what->type = IOMMU_MODEL_RISCV_SECOND_STAGE;
	name_guest(what, c);
	name_range(what, &range);
	drop_second_stage(model, c, &range);
}

static void invalidate_directories(struct iommu_model_riscv *model, struct riscv_command c,
				   struct iommu_model_riscv_invalidation *what)
{
	what->has_device = (c.low & RISCV_INVAL_DDT_DV) != 0;
	what->device_id = what->has_device ? riscv_command_device_id(c) : 0;
	if (riscv_command_kind(c) == RISCV_INVAL_DDT) {
		what->type = IOMMU_MODEL_RISCV_DEVICES;
		drop_devices(model, c);
		return;
	}
	what->type = IOMMU_MODEL_RISCV_PROCESSES;
	what->has_process = true;
	what->process_id = riscv_command_process_id(c);
	drop_process(model, c);
}

/* PCI Express: the address says the size, as in the range of S. */
static void name_device_range(struct iommu_model_riscv_invalidation *what, uint64_t payload)
{
	const uint64_t page = payload >> 12;

	what->has_range = true;
	what->size = (payload & RISCV_ATS_INVAL_SIZE) == 0 ? 4096 : ((page ^ (page + 1)) + 1) << 12;
	what->address = what->size == 0 ? 0 : payload & ~4095ULL & ~(what->size - 1);
}

/* The device is asked when the lock has been released. */
static void ask_device(struct riscv_command c, struct iommu_model_riscv_invalidation *what)
{
	what->type = IOMMU_MODEL_RISCV_DEVICE_TLB;
	what->has_device = true;
	what->device_id = riscv_command_device_id(c) & 0xffff;
	if ((c.low & RISCV_ATS_DSV) != 0)
		what->device_id = riscv_command_device_id(c);
	what->has_process = (c.low & RISCV_ATS_PV) != 0;
	what->process_id = what->has_process ? riscv_command_process_id(c) : 0;
	what->all_processes = what->has_process && (c.high & RISCV_ATS_INVAL_GLOBAL) != 0;
	name_device_range(what, c.high);
}

void iommu_rvmodel_invalidate(struct iommu_model_riscv *model, struct riscv_command command)
{
	struct iommu_model_riscv_invalidation what = {.low = command.low, .high = command.high};
	const uintptr_t dropping = iommu_model_cache_begin_drop(&model->cache);

	switch (riscv_command_kind(command)) {
	case RISCV_IOTINVAL_VMA:
		invalidate_first_stage(model, command, &what);
		break;
	case RISCV_IOTINVAL_GVMA:
		invalidate_second_stage(model, command, &what);
		break;
	case RISCV_INVAL_DDT:
	case RISCV_INVAL_PDT:
		invalidate_directories(model, command, &what);
		break;
	case RISCV_ATS_INVAL:
	case RISCV_ATS_PRGR:
	case RISCV_IOFENCE_C:
	default:
		ask_device(command, &what);
	}
	iommu_model_cache_end_drop(&model->cache, dropping);
	iommu_rvmodel_notify(model, NOTICE_QUEUE, &what);
}
