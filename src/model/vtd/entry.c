/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering and leaving the model's lock: the state that requests read without the lock, and what is
 * delivered to the host on leaving. The work that is left is done in work.c.
 */
#include "model/vtd/counters.h"

#define WORKS (VTD_GLOBAL_TE | VTD_GLOBAL_IRE | VTD_GLOBAL_CFI)

/* --- What is published ------------------------------------------------------------------------ */

static bool publish(iommu_cell_t *cell, uint64_t value)
{
	if (iommu_cell_load(cell) == value)
		return false;
	iommu_cell_store(cell, value);
	return true;
}

void iommu_model_publish(struct iommu_model_vtd *model)
{
	struct model_published *published = &model->published;
	const struct model_registers *regs = &model->regs;
	const bool closed = model_has(model, IOMMU_MODEL_VTD_PROTECTED_MEMORY) &&
			    (regs->pmen & VTD_PMEN_EPM) != 0;
	bool changed =
		publish(&published->works,
			(model->works & WORKS) | (model_counters_count(model) ? MODEL_COUNTS : 0));

	changed |= publish(&published->root, regs->root);
	changed |= publish(&published->interrupts, regs->interrupts);
	/* One word after the other: in between there is no protected region. */
	changed |= publish(&published->low_first, closed ? regs->plmbase : UINT64_MAX);
	changed |= publish(&published->low_last, closed ? regs->plmlimit | 0x1fffff : 0);
	changed |= publish(&published->high_first, closed ? regs->phmbase : UINT64_MAX);
	changed |= publish(&published->high_last, closed ? regs->phmlimit | 0x1fffff : 0);
	/* Answers that were found with the old state are no longer given. */
	if (changed)
		iommu_model_cache_end_drop(&model->cache,
					   iommu_model_cache_begin_drop(&model->cache));
}

/* --- In and out ------------------------------------------------------------------------------- */

uintptr_t iommu_model_enter(struct iommu_model_vtd *model)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

unsigned int iommu_model_go_out(struct iommu_model_vtd *model, uintptr_t state)
{
	const unsigned int left = model->budget;

	iommu_model_publish(model);
	iommu_spin_unlock(model->platform, &model->lock, state);
	return left;
}

/* The budget belongs to this call, not to another that entered meanwhile. */
uintptr_t iommu_model_come_back(struct iommu_model_vtd *model, unsigned int left)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = left;
	return state;
}

void iommu_model_flush_writes(struct iommu_model_vtd *model)
{
	if (model->config.host.write_buffer_flushed != NULL)
		model->config.host.write_buffer_flushed(model->config.host.ctx);
}

/* --- Notices ---------------------------------------------------------------------------------- */

/*
 * Notices: the guest has invalidated, set or switched something. When a notice is posted the
 * model's own caches and registers are in their new state; what the guest waits for completes when
 * the host's callback has returned (work.c, without the lock). So a look-up of the host during the
 * callback sees the new state, and so does every request of a device after the guest has seen
 * completion.
 */

static bool wants_to_know(const struct iommu_model_vtd_host *host,
			  const struct iommu_model_invalidation *what)
{
	return host->invalidate != NULL || (what->type == IOMMU_MODEL_INVALIDATE_DEVICE_TLB &&
					    host->invalidate_device_tlb != NULL);
}

bool iommu_model_notify(struct iommu_model_vtd *model, enum model_notice_place place,
			const struct iommu_model_invalidation *what)
{
	iommu_model_give_up_notice(model, place);
	if (!wants_to_know(&model->config.host, what))
		return false;
	model->notices[place].what = *what;
	model->notices_open |= 1U << place;
	model->notices_wanted |= 1U << place;
	return true;
}

void iommu_model_give_up_notice(struct iommu_model_vtd *model, enum model_notice_place place)
{
	model->notices[place].serial++;
	model->notices_open &= ~(1U << place);
	model->notices_wanted &= ~(1U << place);
}

static bool ask_device(const struct iommu_model_vtd_host *host,
		       const struct iommu_model_invalidation *what)
{
	const struct iommu_model_device_tlb forget = {
		.source_id = what->source_id,
		.has_pasid = what->has_pasid,
		.all_pasids = what->all_pasids,
		.pasid = what->pasid,
		.address = what->address,
		.size = what->size,
	};

	return host->invalidate_device_tlb == NULL ||
	       host->invalidate_device_tlb(host->ctx, &forget);
}

bool iommu_model_tell_notice(const struct iommu_model_vtd_host *host,
			     const struct iommu_model_invalidation *what)
{
	const bool is_device_tlb = what->type == IOMMU_MODEL_INVALIDATE_DEVICE_TLB;
	const bool answered = host->invalidate == NULL || host->invalidate(host->ctx, what);

	return !is_device_tlb || (ask_device(host, what) && answered);
}
