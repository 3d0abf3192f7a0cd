/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters, and the enhanced commands (VT-d specification, "Performance Monitoring").
 *
 * The last counter can count look-ups in the IOTLB and their hits alone, the others everything that
 * this model knows of. A request costs nothing while no counter counts: one bit of what requests
 * read anyway says so. Otherwise it takes the lock.
 */
#include "model/vtd/counters.h"
#include "base/memory.h"

#define FIXED_COUNTER (MODEL_PERF_COUNTERS - 1)
#define FIXED_EVENTS  (1U << VTD_EVENT_IOTLB_LOOKUPS | 1U << VTD_EVENT_IOTLB_HITS)
#define GROUPS        (VTD_EVENTS_OF_INTERRUPTS + 1)
#define FILTERS                                                                                    \
	(1U << VTD_FILTER_SOURCE | 1U << VTD_FILTER_DOMAIN | 1U << VTD_FILTER_PASID |              \
	 1U << VTD_FILTER_TYPE)
#define CONFIG_MASK   0x0fffffff00000f02ULL
#define COMMAND_ERROR 1U /* of a response: such a command, or counter, is not there */

static const uint32_t known_events[GROUPS] = {
	[VTD_EVENTS_OF_UNIT] = 1U << VTD_EVENT_REQUESTS,
	[VTD_EVENTS_OF_MEMORY] = 1U << VTD_EVENT_PAGE_REQUESTS,
	[VTD_EVENTS_OF_IOTLB] = FIXED_EVENTS,
	[VTD_EVENTS_OF_INTERRUPTS] = 1U << VTD_EVENT_ENTRY_LOOKUPS | 1U << VTD_EVENT_ENTRY_HITS,
};

/* What can be written of each filter. */
static const uint32_t filter_masks[VTD_FILTERS] = {
	VTD_FILTER_ENABLE | 0xffff, VTD_FILTER_ENABLE | 0xffff, VTD_FILTER_ENABLE | 0x3fffff,
	VTD_FILTER_ENABLE | 0x17, 0};

static uint64_t mask_of(const struct iommu_model_vtd *model)
{
	return UINT64_MAX >> (64 - model->config.counter_width);
}

/* --- Counting --------------------------------------------------------------------------------- */

static void interrupt(struct iommu_model_vtd *model)
{
	struct model_perf_registers *regs = &model->perf->regs;

	iommu_model_send_event(&regs->control, &model->perf->message, regs->address, regs->upper,
			       regs->data);
}

static void overflow(struct iommu_model_vtd *model, unsigned int i)
{
	struct model_perf_registers *regs = &model->perf->regs;

	regs->overflows |= 1ULL << i;
	if ((regs->config[i] & VTD_COUNTER_INTERRUPT) == 0 || regs->status != 0)
		return;
	regs->status = VTD_PERFINTRSTS_PIS;
	interrupt(model);
}

/* The value of an enabled filter; false: it is not enabled. */
static bool filters_by(const uint64_t *filters, enum vtd_counter_filter filter, uint32_t *value)
{
	*value = (uint32_t)filters[filter] & ~VTD_FILTER_ENABLE;
	return (filters[filter] & VTD_FILTER_ENABLE) != 0;
}

static bool passes(const uint64_t *filters, const struct model_event *event)
{
	uint32_t value;

	if (filters_by(filters, VTD_FILTER_SOURCE, &value) && value != event->source_id)
		return false;
	if (filters_by(filters, VTD_FILTER_DOMAIN, &value) && value != event->domain_id)
		return false;
	if (filters_by(filters, VTD_FILTER_PASID, &value) &&
	    (!event->has_pasid || value != event->pasid))
		return false;
	return !filters_by(filters, VTD_FILTER_TYPE, &value) || (value >> event->type & 1) != 0;
}

void iommu_model_count(struct iommu_model_vtd *model, const struct model_event *event)
{
	struct model_perf_registers *regs;
	unsigned int i;

	if (!model_counters_count(model))
		return;
	regs = &model->perf->regs;
	for (i = 0; i < MODEL_PERF_COUNTERS; i++) {
		const uint32_t events = (uint32_t)(regs->config[i] >> 32) & event->events;

		if ((regs->started >> i & 1) == 0 || events == 0 ||
		    (regs->config[i] >> 8 & 0xf) != event->group ||
		    !passes(regs->filters[i], event))
			continue;
		/* Of two events that a counter counts one is part of the other. */
		regs->counts[i] = (regs->counts[i] + 1) & mask_of(model);
		if (regs->counts[i] == 0)
			overflow(model, i);
	}
}

/* --- Enhanced commands ------------------------------------------------------------------------ */

static unsigned int carry_out(struct model_perf_registers *regs, uint64_t command)
{
	const unsigned int operand = (unsigned int)(command >> 16) & 0xffff;

	switch (command & 0xff) {
	case VTD_COMMAND_START_COUNTER:
	case VTD_COMMAND_STOP_COUNTER:
		if (operand >= MODEL_PERF_COUNTERS)
			return COMMAND_ERROR;
		if ((command & 0xff) == VTD_COMMAND_START_COUNTER)
			regs->started |= 1ULL << operand;
		else
			regs->started &= ~(1ULL << operand);
		return 0;
	case VTD_COMMAND_FREEZE_COUNTERS:
	case VTD_COMMAND_UNFREEZE_COUNTERS:
		regs->frozen = (command & 0xff) == VTD_COMMAND_FREEZE_COUNTERS;
		return 0;
	default:
		return COMMAND_ERROR;
	}
}

void iommu_model_counters_pass_time(struct iommu_model_vtd *model)
{
	struct model_perf *perf = model->perf;

	if (perf == NULL || (perf->regs.response & VTD_ECRSP_BUSY) == 0 ||
	    model->faults.commands_hang || (perf->command_reads != 0 && --perf->command_reads != 0))
		return;
	perf->regs.response = (uint64_t)carry_out(&perf->regs, perf->regs.command) << 1;
}

static void command_written(struct iommu_model_vtd *model)
{
	struct model_perf *perf = model->perf;

	if ((perf->regs.response & VTD_ECRSP_BUSY) != 0) {
		model_misuse(model, "an enhanced command before the last has completed");
		return;
	}
	perf->regs.command = perf->written;
	perf->regs.response = VTD_ECRSP_BUSY;
	perf->command_reads = model->faults.command_delay;
	if (perf->command_reads == 0)
		iommu_model_counters_pass_time(model);
}

/* --- Registers, 32 bits at a time ------------------------------------------------------------- */

static uint64_t capability(const struct iommu_model_vtd *model)
{
	return MODEL_PERF_COUNTERS | (uint64_t)model->config.counter_width << 16 |
	       (uint64_t)GROUPS << 24 | (uint64_t)FILTERS << 32 | VTD_PERFCAP_INTERRUPTS |
	       VTD_PERFCAP_UNLIKE;
}

/* Eight bytes of a counter's block. */
static uint64_t block_word(const struct iommu_model_vtd *model, unsigned int counter, uint64_t at)
{
	const struct model_perf_registers *regs = &model->perf->regs;

	switch (at) {
	case VTD_COUNTER_CONFIG:
		return regs->config[counter];
	case VTD_COUNTER_FILTERS:
	case VTD_COUNTER_FILTERS + 8:
	case VTD_COUNTER_FILTERS + 16:
		at = (at - VTD_COUNTER_FILTERS) / 4;
		return regs->filters[counter][at] |
		       (at + 1 < VTD_FILTERS ? regs->filters[counter][at + 1] << 32 : 0);
	case VTD_COUNTER_CAPABILITY:
		if (counter != FIXED_COUNTER)
			return 0;
		return VTD_COUNTER_OWN | VTD_COUNTER_HAS_INTERRUPTS |
		       (uint64_t)model->config.counter_width << 8 | 1ULL << 28 |
		       ((uint64_t)VTD_EVENTS_OF_IOTLB << VTD_COUNTER_EVENTS_GROUP | FIXED_EVENTS)
			       << 32;
	default:
		return 0;
	}
}

static uint64_t fixed_word(const struct iommu_model_vtd *model, uint64_t at)
{
	const struct model_perf_registers *regs = &model->perf->regs;

	if (at >= VTD_PERFEVNTCAP && at < VTD_PERFEVNTCAP + GROUPS * 8)
		return known_events[(at - VTD_PERFEVNTCAP) / 8];
	switch (at) {
	case VTD_PERFCAP:
		return capability(model);
	case VTD_PERFCFGOFF:
		return MODEL_COUNTER_BLOCKS | (uint64_t)MODEL_COUNTER_FREEZES << 32;
	case VTD_PERFOVFOFF:
		return MODEL_COUNTER_OVERFLOWS | (uint64_t)MODEL_COUNTER_COUNTS << 32;
	case VTD_PERFINTRSTS - 4:
		return regs->status << 32;
	case VTD_PERFINTRCTL:
		return regs->control | regs->data << 32;
	case VTD_PERFINTRADDR:
		return regs->address | regs->upper << 32;
	case VTD_ECRSP:
		return regs->response;
	case VTD_ECCAP + VTD_COMMAND_START_COUNTER / 64 * 8:
		return 1ULL << (VTD_COMMAND_START_COUNTER & 63) |
		       1ULL << (VTD_COMMAND_STOP_COUNTER & 63) |
		       1ULL << (VTD_COMMAND_FREEZE_COUNTERS & 63) |
		       1ULL << (VTD_COMMAND_UNFREEZE_COUNTERS & 63);
	default:
		return 0;
	}
}

bool iommu_model_counters_read(const struct iommu_model_vtd *model, uint64_t offset,
			       uint32_t *value)
{
	const uint64_t at = offset & ~7ULL;
	uint64_t word = 0;

	if (model->perf == NULL || offset < VTD_PERFCAP ||
	    (offset >= VTD_FIXED_REGISTERS && offset < MODEL_COUNTER_BLOCKS))
		return false;
	if (offset < VTD_FIXED_REGISTERS)
		word = fixed_word(model, at);
	else if (offset < MODEL_COUNTER_OVERFLOWS)
		word = block_word(model,
				  (unsigned int)(at - MODEL_COUNTER_BLOCKS) / VTD_COUNTER_BLOCK,
				  at % VTD_COUNTER_BLOCK);
	else if (at == MODEL_COUNTER_OVERFLOWS)
		word = model->perf->regs.overflows;
	else if (offset >= MODEL_COUNTER_COUNTS && at % MODEL_COUNTER_STRIDE == 0)
		word = model->perf->regs.counts[(at - MODEL_COUNTER_COUNTS) / MODEL_COUNTER_STRIDE];
	*value = (uint32_t)(word >> (offset & 4) * 8);
	return true;
}

/* Replace a half of a register, as far as software may. */
static void put_half(uint64_t *word, uint64_t offset, uint32_t value, uint64_t writable)
{
	const unsigned int shift = (offset & 4) != 0 ? 32 : 0;
	const uint64_t mask = writable & (uint64_t)UINT32_MAX << shift;

	*word = (*word & ~mask) | ((uint64_t)value << shift & mask);
}

static void block_write(struct model_perf_registers *regs, uint64_t offset, uint32_t value)
{
	const unsigned int counter =
		(unsigned int)(offset - MODEL_COUNTER_BLOCKS) / VTD_COUNTER_BLOCK;
	const uint64_t at = offset % VTD_COUNTER_BLOCK;

	if (at < VTD_COUNTER_FILTERS)
		put_half(&regs->config[counter], offset, value, CONFIG_MASK);
	else if (at < VTD_COUNTER_FILTERS + 4 * VTD_FILTERS)
		regs->filters[counter][(at - VTD_COUNTER_FILTERS) / 4] =
			value & filter_masks[(at - VTD_COUNTER_FILTERS) / 4];
}

static void fixed_write(struct iommu_model_vtd *model, uint64_t offset, uint32_t value)
{
	struct model_perf_registers *regs = &model->perf->regs;

	switch (offset) {
	case VTD_PERFINTRSTS:
		regs->status &= ~(uint64_t)(value & VTD_PERFINTRSTS_PIS);
		if (regs->status == 0)
			regs->control &= ~(uint64_t)VTD_EVENT_PENDING;
		break;
	case VTD_PERFINTRCTL:
		put_half(&regs->control, 0, value, VTD_EVENT_MASK);
		if (regs->control == VTD_EVENT_PENDING)
			interrupt(model);
		break;
	case VTD_PERFINTRDATA:
		regs->data = value & 0xffff;
		break;
	case VTD_PERFINTRADDR:
		regs->address = value & 0xfffffffc;
		break;
	case VTD_PERFINTRUADDR:
		regs->upper = value;
		break;
	case VTD_ECMD:
	case VTD_ECMD + 4:
		put_half(&model->perf->written, offset, value, 0xffff00ff);
		if (offset != VTD_ECMD)
			command_written(model);
		break;
	default:
		break;
	}
}

bool iommu_model_counters_write(struct iommu_model_vtd *model, uint64_t offset, uint32_t value)
{
	struct model_perf_registers *regs;
	uint32_t unused;

	if (!iommu_model_counters_read(model, offset, &unused))
		return false;
	regs = &model->perf->regs;
	if (offset < VTD_FIXED_REGISTERS)
		fixed_write(model, offset, value);
	else if (offset < MODEL_COUNTER_OVERFLOWS)
		block_write(regs, offset, value);
	else if (offset == MODEL_COUNTER_OVERFLOWS)
		regs->overflows &= ~(uint64_t)value;
	else if (offset >= MODEL_COUNTER_COUNTS && (offset & ~7ULL) % MODEL_COUNTER_STRIDE == 0)
		put_half(&regs->counts[(offset - MODEL_COUNTER_COUNTS) / MODEL_COUNTER_STRIDE],
			 offset, value, mask_of(model));
	return true;
}

/* --- State ------------------------------------------------------------------------------------ */

void iommu_model_counters_reset(struct iommu_model_vtd *model)
{
	if (model->perf == NULL)
		return;
	memset(model->perf, 0, sizeof(*model->perf));
	model->perf->regs.control = VTD_EVENT_MASK;
}

bool iommu_model_counters_are_sane(const struct iommu_model_vtd *model,
				   const struct model_perf_registers *regs)
{
	uint64_t wrong = (regs->started | regs->overflows) >> MODEL_PERF_COUNTERS;
	unsigned int i, k;

	for (i = 0; i < MODEL_PERF_COUNTERS; i++) {
		wrong |= regs->config[i] & ~CONFIG_MASK;
		wrong |= regs->counts[i] & ~mask_of(model);
		for (k = 0; k < VTD_FILTERS; k++)
			wrong |= regs->filters[i][k] & ~(uint64_t)filter_masks[k];
	}
	wrong |= regs->frozen & ~1ULL;
	wrong |= regs->status & ~(uint64_t)VTD_PERFINTRSTS_PIS;
	wrong |= regs->control & ~(uint64_t)(VTD_EVENT_MASK | VTD_EVENT_PENDING);
	wrong |= regs->data & ~0xffffULL;
	wrong |= regs->address & ~0xfffffffcULL;
	wrong |= regs->upper & ~(uint64_t)UINT32_MAX;
	wrong |= regs->command & ~0xffff00ffULL;
	wrong |= regs->response & ~0xffULL;
	return wrong == 0;
}
