/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entering and leaving the model's lock: the state that requests read without the lock, notices for
 * the host, and accesses to the guest's memory. The work that is left is done in work.c.
 */
#include "model/riscv/model.h"

/* --- What is published ------------------------------------------------------------------------ */

static bool publish(iommu_cell_t *cell, uint64_t value)
{
	if (iommu_cell_load(cell) == value)
		return false;
	iommu_cell_store(cell, value);
	return true;
}

void iommu_rvmodel_publish(struct iommu_model_riscv *model)
{
	struct model_published *published = &model->published;
	const struct model_registers *regs = &model->regs;
	const bool counts = model_counts_events(model);
	bool changed = publish(&published->directory, regs->directory);

	changed |= publish(&published->control, regs->fctl | (counts ? MODEL_CONTROL_COUNTS : 0));
	changed |= publish(&published->corrupt_first, model->faults.corrupt_first);
	changed |= publish(&published->corrupt_last, model->faults.corrupt_last);
	changed |= publish(&published->qosid, regs->qosid);
	/* Answers that were found with the old state are no longer given. */
	if (changed)
		iommu_model_cache_end_drop(&model->cache,
					   iommu_model_cache_begin_drop(&model->cache));
}

/* --- In and out ------------------------------------------------------------------------------- */

uintptr_t iommu_rvmodel_enter(struct iommu_model_riscv *model)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

unsigned int iommu_rvmodel_go_out(struct iommu_model_riscv *model, uintptr_t state)
{
	const unsigned int left = model->budget;

	iommu_rvmodel_publish(model);
	iommu_spin_unlock(model->platform, &model->lock, state);
	return left;
}

/* The budget belongs to this call, not to another that entered meanwhile. */
uintptr_t iommu_rvmodel_come_back(struct iommu_model_riscv *model, unsigned int left)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = left;
	return state;
}

void iommu_rvmodel_queue_wake(struct iommu_model_riscv *model)
{
	model->queue_left = true;
}

/* --- Notices ---------------------------------------------------------------------------------- */

/*
 * Notices: the guest has invalidated or set something. When a notice is posted the model's own
 * caches and registers are in their new state; what the guest waits for completes when the host's
 * callback has returned (work.c, without the lock).
 */

void iommu_rvmodel_notify(struct iommu_model_riscv *model, enum model_notice_place place,
			  const struct iommu_model_riscv_invalidation *what)
{
	iommu_rvmodel_give_up_notice(model, place);
	if (model->config.host.invalidate == NULL)
		return;
	model->notices[place].what = *what;
	model->notices_open |= 1U << place;
	model->notices_wanted |= 1U << place;
}

void iommu_rvmodel_give_up_notice(struct iommu_model_riscv *model, enum model_notice_place place)
{
	model->notices[place].serial++;
	model->notices_open &= ~(1U << place);
	model->notices_wanted &= ~(1U << place);
}

/* --- Memory ----------------------------------------------------------------------------------- */

bool iommu_rvmodel_read(const struct iommu_model_riscv *model, iommu_paddr_t paddr, uint64_t *words,
			unsigned int count, bool big_endian)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	unsigned int i;

	if (paddr > model_last_address(model) || !host->read(host->ctx, paddr, words, count * 8))
		return false;
	for (i = 0; i < count; i++)
		words[i] = big_endian ? iommu_be64(words[i]) : iommu_le64(words[i]);
	return true;
}

bool iommu_rvmodel_write(const struct iommu_model_riscv *model, iommu_paddr_t paddr,
			 const uint64_t *words, unsigned int count, bool big_endian)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	uint64_t bytes[2];
	unsigned int i;

	for (i = 0; i < count; i++)
		bytes[i] = big_endian ? iommu_be64(words[i]) : iommu_le64(words[i]);
	return paddr <= model_last_address(model) &&
	       host->write(host->ctx, paddr, bytes, count * 8);
}
