/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Performance counters (RISC-V IOMMU specification, "Performance-monitoring event counters" and
 * "event selectors"). A walk is counted once, however many entries it reads.
 */
#include "model/riscv/model.h"

uint32_t iommu_rvmodel_overflows(const struct iommu_model_riscv *model)
{
	const struct model_registers *regs = &model->regs;
	uint32_t overflows = (regs->cycles & RISCV_CYCLES_OVERFLOW) != 0 ? 1 : 0;
	unsigned int i;

	for (i = 0; i < RISCV_COUNTERS; i++)
		if ((regs->events[i] & RISCV_EVENT_OVERFLOW) != 0)
			overflows |= 2U << i;
	return overflows;
}

/* The flag stays until software clears it; only when it rises there is an interrupt. */
static void overflow(struct iommu_model_riscv *model, uint64_t *flags)
{
	if ((*flags & RISCV_EVENT_OVERFLOW) == 0)
		iommu_rvmodel_interrupt_raise(model, RISCV_IPSR_COUNTERS);
	*flags |= RISCV_EVENT_OVERFLOW;
}

uint64_t iommu_rvmodel_count_mask(const struct iommu_model_riscv *model)
{
	return UINT64_MAX >> (64 - model->config.counter_bits);
}

void iommu_rvmodel_count_cycles(struct iommu_model_riscv *model)
{
	struct model_registers *regs = &model->regs;
	const uint64_t next =
		(regs->cycles + 1) & RISCV_CYCLES_COUNT & iommu_rvmodel_count_mask(model);

	if (!model_has(model, RISCV_CAP_HPM) || (regs->inhibited & 1) != 0)
		return;
	regs->cycles = (regs->cycles & RISCV_CYCLES_OVERFLOW) | next;
	if (next == 0)
		overflow(model, &regs->cycles);
}

/* Bits of an id that are not compared: the low ones, up to the first 0. */
static uint32_t not_compared(uint64_t selector)
{
	const uint32_t id = riscv_event_device_id(selector);

	return (selector & RISCV_EVENT_PARTLY) != 0 ? id ^ (id + 1) : 0;
}

static bool device_matches(uint64_t selector, const struct model_happened *happened)
{
	const bool by_context = (selector & RISCV_EVENT_BY_CONTEXT) != 0;
	const uint32_t id = by_context ? happened->gscid : happened->device_id;
	const uint32_t differs = (id ^ riscv_event_device_id(selector)) & ~not_compared(selector);

	if ((selector & RISCV_EVENT_HAS_DEVICE) == 0)
		return true;
	return differs == 0 && (!by_context || happened->has_gscid);
}

static bool process_matches(uint64_t selector, const struct model_happened *happened)
{
	const uint32_t id = riscv_event_process_id(selector);

	if ((selector & RISCV_EVENT_HAS_PROCESS) == 0)
		return true;
	if ((selector & RISCV_EVENT_BY_CONTEXT) != 0)
		return happened->has_pscid && happened->pscid == id;
	return happened->has_process && happened->process_id == id;
}

/* Only look-ups and walks of page tables know the contexts' ids. */
static bool knows_contexts(enum riscv_event event)
{
	return event == RISCV_EVENT_TLB_MISS || event == RISCV_EVENT_FIRST_STAGE_WALK ||
	       event == RISCV_EVENT_SECOND_STAGE_WALK;
}

static bool selects(uint64_t selector, const struct model_happened *happened)
{
	if (riscv_event_number(selector) != happened->event)
		return false;
	if ((selector & RISCV_EVENT_BY_CONTEXT) != 0 && !knows_contexts(happened->event))
		return false;
	return device_matches(selector, happened) && process_matches(selector, happened);
}

void iommu_rvmodel_count(struct iommu_model_riscv *model, const struct model_happened *happened)
{
	struct model_registers *regs = &model->regs;
	unsigned int i;

	for (i = 0; i < model->config.counters && happened->times != 0; i++) {
		if ((regs->inhibited >> (i + 1) & 1) != 0 || !selects(regs->events[i], happened))
			continue;
		regs->counts[i] =
			(regs->counts[i] + happened->times) & iommu_rvmodel_count_mask(model);
		if (regs->counts[i] < happened->times)
			overflow(model, &regs->events[i]);
	}
}
