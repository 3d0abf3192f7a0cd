/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering and leaving the model's lock: the state that requests read without the lock, notices for
 * the host, and accesses to the guest's memory. The work that is left is done in work.c.
 */
#include "model/smmu/model.h"

/* --- What is published ------------------------------------------------------------------------ */

static bool publish(iommu_cell_t *cell, uint64_t value)
{
	if (iommu_cell_load(cell) == value)
		return false;
	iommu_cell_store(cell, value);
	return true;
}

void iommu_smmodel_publish(struct iommu_model_smmu *model)
{
	struct model_published *published = &model->published;
	const struct model_registers *regs = &model->regs;
	bool changed = publish(&published->enabled, regs->enabled);

	changed |= publish(&published->cr2, regs->cr2);
	changed |= publish(&published->bypass, regs->bypass);
	changed |= publish(&published->strtab_base, regs->strtab_base);
	changed |= publish(&published->strtab_cfg, regs->strtab_cfg);
	changed |= publish(&published->corrupt_first, model->faults.corrupt_first);
	changed |= publish(&published->corrupt_last, model->faults.corrupt_last);
	/* Answers that were found with the old state are no longer given. */
	if (changed)
		iommu_model_cache_end_drop(&model->cache,
					   iommu_model_cache_begin_drop(&model->cache));
}

/* --- In and out ------------------------------------------------------------------------------- */

uintptr_t iommu_smmodel_enter(struct iommu_model_smmu *model)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

unsigned int iommu_smmodel_go_out(struct iommu_model_smmu *model, uintptr_t state)
{
	const unsigned int left = model->budget;

	iommu_smmodel_publish(model);
	iommu_spin_unlock(model->platform, &model->lock, state);
	return left;
}

/* The budget belongs to this call, not to another that entered meanwhile. */
uintptr_t iommu_smmodel_come_back(struct iommu_model_smmu *model, unsigned int left)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = left;
	return state;
}

unsigned int iommu_smmodel_spend(struct iommu_model_smmu *model, uintptr_t state)
{
	const unsigned int left = iommu_smmodel_go_out(model, state);

	return left != 0 ? left - 1 : 0;
}

void iommu_smmodel_queue_wake(struct iommu_model_smmu *model)
{
	model->queue_left = true;
}

/* --- Notices ---------------------------------------------------------------------------------- */

/*
 * When a notice is posted the model's own caches and registers are in their new state; what the
 * guest waits for completes when the host's callback has returned (work.c, without the lock).
 */

void iommu_smmodel_notify(struct iommu_model_smmu *model, enum model_notice_place place,
			  const struct iommu_model_smmu_invalidation *what)
{
	iommu_smmodel_give_up_notice(model, place);
	if (model->config.host.invalidate == NULL)
		return;
	model->notices[place].what = *what;
	model->notices_open |= 1U << place;
	model->notices_wanted |= 1U << place;
}

void iommu_smmodel_give_up_notice(struct iommu_model_smmu *model, enum model_notice_place place)
{
	model->notices[place].serial++;
	model->notices_open &= ~(1U << place);
	model->notices_wanted &= ~(1U << place);
}

/* --- Memory ----------------------------------------------------------------------------------- */

bool iommu_smmodel_read(const struct iommu_model_smmu *model, iommu_paddr_t paddr, uint64_t *words,
			unsigned int count)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	unsigned int i;

	if (paddr > model_last_address(model) || !host->read(host->ctx, paddr, words, count * 8))
		return false;
	for (i = 0; i < count; i++)
		words[i] = iommu_le64(words[i]);
	return true;
}

bool iommu_smmodel_write(const struct iommu_model_smmu *model, iommu_paddr_t paddr,
			 const uint64_t *words, unsigned int count)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	uint64_t bytes[2];
	unsigned int i;

	for (i = 0; i < count; i++)
		bytes[i] = iommu_le64(words[i]);
	return paddr <= model_last_address(model) &&
	       host->write(host->ctx, paddr, bytes, count * 8);
}
