/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering and leaving the model's lock: the state that requests read without the lock, notices for
 * the host, and accesses to the guest's memory. The work that is left is done in work.c.
 */
#include "model/amdvi/model.h"

/* --- What is published ------------------------------------------------------------------------ */

static bool publish(iommu_cell_t *cell, uint64_t value)
{
	if (iommu_cell_load(cell) == value)
		return false;
	iommu_cell_store(cell, value);
	return true;
}

void iommu_amdmodel_publish(struct iommu_model_amdvi *model)
{
	struct model_published *published = &model->published;
	const struct model_registers *regs = &model->regs;
	bool changed = publish(&published->control, regs->control);
	unsigned int i;

	for (i = 0; i < AMDVI_SEGMENTS_MAX; i++)
		changed |= publish(&published->tables[i], regs->tables[i]);
	changed |= publish(&published->exclusion_base, regs->exclusion_base);
	changed |= publish(&published->exclusion_limit, regs->exclusion_limit);
	changed |= publish(&published->corrupt_first, model->faults.corrupt_first);
	changed |= publish(&published->corrupt_last, model->faults.corrupt_last);
	/* Answers that were found with the old state are no longer given. */
	if (changed)
		iommu_model_cache_end_drop(&model->cache,
					   iommu_model_cache_begin_drop(&model->cache));
}

/* --- In and out ------------------------------------------------------------------------------- */

uintptr_t iommu_amdmodel_enter(struct iommu_model_amdvi *model)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

unsigned int iommu_amdmodel_go_out(struct iommu_model_amdvi *model, uintptr_t state)
{
	const unsigned int left = model->budget;

	iommu_amdmodel_publish(model);
	iommu_spin_unlock(model->platform, &model->lock, state);
	return left;
}

/* The budget belongs to this call, not to another that entered meanwhile. */
uintptr_t iommu_amdmodel_come_back(struct iommu_model_amdvi *model, unsigned int left)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = left;
	return state;
}

unsigned int iommu_amdmodel_spend(struct iommu_model_amdvi *model, uintptr_t state)
{
	const unsigned int left = iommu_amdmodel_go_out(model, state);

	return left != 0 ? left - 1 : 0;
}

void iommu_amdmodel_queue_wake(struct iommu_model_amdvi *model)
{
	model->queue_left = true;
}

/* --- Notices ---------------------------------------------------------------------------------- */

/*
 * When a notice is posted the model's own caches and registers are in their new state; commands go
 * on when the host's callback has returned (work.c, without the lock).
 */

void iommu_amdmodel_notify(struct iommu_model_amdvi *model, enum model_notice_place place,
			   const struct iommu_model_amdvi_invalidation *what)
{
	iommu_amdmodel_give_up_notice(model, place);
	if (model->config.host.invalidate == NULL)
		return;
	model->notices[place].what = *what;
	model->notices_open |= 1U << place;
	model->notices_wanted |= 1U << place;
}

void iommu_amdmodel_give_up_notice(struct iommu_model_amdvi *model, enum model_notice_place place)
{
	model->notices[place].serial++;
	model->notices_open &= ~(1U << place);
	model->notices_wanted &= ~(1U << place);
}

/* --- Memory ----------------------------------------------------------------------------------- */

bool iommu_amdmodel_read(const struct iommu_model_amdvi *model, iommu_paddr_t paddr,
			 uint64_t *words, unsigned int count)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	unsigned int i;

	if (paddr > model_last_address(model) || !host->read(host->ctx, paddr, words, count * 8))
		return false;
	for (i = 0; i < count; i++)
		words[i] = iommu_le64(words[i]);
	return true;
}

bool iommu_amdmodel_write(const struct iommu_model_amdvi *model, iommu_paddr_t paddr,
			  const uint64_t *words, unsigned int count)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	uint64_t bytes[2];
	unsigned int i;

	for (i = 0; i < count; i++)
		bytes[i] = iommu_le64(words[i]);
	return paddr <= model_last_address(model) &&
	       host->write(host->ctx, paddr, bytes, count * 8);
}
