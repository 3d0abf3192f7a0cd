/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes that take time, of which CR0ACK, IRQ_CTRLACK and GBPA.Update tell (IHI 0070, 6.3). They
 * are complete at once, unless requests are under way, a record is being written, the host has to
 * be told, or a test wants them late.
 */
#include "model/smmu/model.h"

static void begin(struct iommu_model_smmu *model)
{
	model->change_has_begun = false;
	model->change_reads = model->faults.ack_delay;
	model->change_is_due = !model->faults.never_acks && model->change_reads == 0;
}

static bool is_changing(const struct model_registers *regs)
{
	return regs->cr0 != regs->cr0ack || regs->irq_ctrl != regs->irq_ctrlack ||
	       (regs->gbpa & SMMU_GBPA_UPDATE) != 0;
}

/* --- Writes ----------------------------------------------------------------------------------- */

/* Bits that have not been acknowledged stay as they are. */
static uint64_t accept(struct iommu_model_smmu *model, uint64_t now, uint64_t ack, uint32_t value)
{
	const uint64_t pending = now ^ ack;

	if (((now ^ value) & pending) != 0)
		model_misuse(model, "a bit of CR0 or IRQ_CTRL changed before it was acknowledged");
	return (value & ~pending) | (now & pending);
}

void iommu_smmodel_cr0_written(struct iommu_model_smmu *model, uint32_t value)
{
	struct model_registers *regs = &model->regs;
	uint32_t known = SMMU_CR0_SMMUEN | SMMU_CR0_EVENTQEN | SMMU_CR0_CMDQEN;

	if (model_idr0(model, SMMU_IDR0_PRI))
		known |= SMMU_CR0_PRIQEN;
	if (model_idr0(model, SMMU_IDR0_ATS))
		known |= SMMU_CR0_ATSCHK;
	if ((value & ~known) != 0)
		model_misuse(model, "a reserved bit of CR0 written as 1");
	regs->cr0 = accept(model, regs->cr0, regs->cr0ack, value & known);
	if (is_changing(regs))
		begin(model);
}

void iommu_smmodel_irq_ctrl_written(struct iommu_model_smmu *model, uint32_t value)
{
	struct model_registers *regs = &model->regs;
	uint32_t known = SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ;

	if (model_idr0(model, SMMU_IDR0_PRI))
		known |= SMMU_IRQ_PRIQ;
	regs->irq_ctrl = accept(model, regs->irq_ctrl, regs->irq_ctrlack, value & known);
	if (is_changing(regs))
		begin(model);
}

void iommu_smmodel_gbpa_written(struct iommu_model_smmu *model, uint32_t value)
{
	struct model_registers *regs = &model->regs;

	if ((regs->gbpa & SMMU_GBPA_UPDATE) != 0) {
		model_misuse(model, "GBPA written while an update is under way");
		return;
	}
	if ((value & SMMU_GBPA_UPDATE) == 0) {
		model_misuse(model, "GBPA written without Update");
		return;
	}
	regs->gbpa = value & (SMMU_GBPA_UPDATE | SMMU_GBPA_FIELDS);
	begin(model);
}

/* --- Completion ------------------------------------------------------------------------------- */

static void switch_queues(struct iommu_model_smmu *model, uint64_t before)
{
	const uint64_t changed = before ^ model->regs.enabled;

	if ((changed & SMMU_CR0_CMDQEN) != 0)
		iommu_smmodel_queue_forget(model);
	if ((changed & SMMU_CR0_EVENTQEN) != 0) {
		iommu_smmodel_ring_restart(model, MODEL_EVENTS);
		iommu_smmodel_stalls_retry(model);
	}
	if ((changed & (SMMU_CR0_PRIQEN | SMMU_CR0_SMMUEN)) != 0)
		iommu_smmodel_ring_restart(model, MODEL_REQUESTS);
}

/* In force for requests from now on; complete when the requests from before have ended. */
static void bring_into_force(struct iommu_model_smmu *model)
{
	const struct iommu_model_smmu_invalidation what = {.type = IOMMU_MODEL_SMMU_ENABLE};
	const uint64_t for_requests = SMMU_CR0_SMMUEN | SMMU_CR0_ATSCHK;
	struct model_registers *regs = &model->regs;
	const uint64_t before = regs->enabled;
	const uint64_t bypass = regs->bypass;

	model->change_has_begun = true;
	model->change_ticket = 0;
	regs->enabled = regs->cr0;
	if ((regs->gbpa & SMMU_GBPA_UPDATE) != 0)
		regs->bypass = regs->gbpa & SMMU_GBPA_FIELDS;
	/* What is disabled sends nothing more. */
	regs->signals &= regs->irq_ctrl | 1ULL << MODEL_SIGNAL_SYNC;
	iommu_smmodel_publish(model);
	switch_queues(model, before);
	if ((before & ~regs->enabled & SMMU_CR0_SMMUEN) != 0)
		iommu_smmodel_stalls_end(model);
	if (((before ^ regs->enabled) & for_requests) != 0 || bypass != regs->bypass)
		iommu_smmodel_notify(model, NOTICE_ENABLE, &what);
}

/* Is something under way that began under the former values? */
static bool is_in_use(struct iommu_model_smmu *model)
{
	const struct model_registers *regs = &model->regs;
	const uint64_t off = regs->cr0ack & ~regs->enabled;

	return model_notice_is_open(model, NOTICE_ENABLE) ||
	       (regs->irq_ctrl != regs->irq_ctrlack && model->sending) ||
	       ((off & SMMU_CR0_CMDQEN) != 0 && model->queue_busy) ||
	       ((off & SMMU_CR0_EVENTQEN) != 0 && model->rings[MODEL_EVENTS].in_flight != 0) ||
	       ((off & (SMMU_CR0_PRIQEN | SMMU_CR0_SMMUEN)) != 0 &&
		model->rings[MODEL_REQUESTS].in_flight != 0);
}

bool iommu_smmodel_control_has_work(const struct iommu_model_smmu *model)
{
	return model->change_is_due;
}

bool iommu_smmodel_control_step(struct iommu_model_smmu *model)
{
	struct model_registers *regs = &model->regs;

	if (!model->change_is_due)
		return false;
	model->change_is_due = false;
	if (!is_changing(regs))
		return true;
	if (!model->change_has_begun)
		bring_into_force(model);
	if (is_in_use(model) || !iommu_model_walks_have_ended(&model->cache, &model->change_ticket))
		return true;
	model->change_has_begun = false;
	regs->cr0ack = regs->cr0;
	regs->irq_ctrlack = regs->irq_ctrl;
	regs->gbpa &= ~(uint64_t)SMMU_GBPA_UPDATE;
	iommu_smmodel_queue_wake(model);
	return true;
}

void iommu_smmodel_control_wake(struct iommu_model_smmu *model)
{
	model->change_is_due |= model->change_has_begun;
}

void iommu_smmodel_control_pass_time(struct iommu_model_smmu *model)
{
	if (model->sync_reads != 0 && --model->sync_reads == 0)
		iommu_smmodel_queue_wake(model);
	if (model->faults.never_acks || !is_changing(&model->regs) || model->change_has_begun)
		return;
	if (model->change_reads == 0 || --model->change_reads == 0)
		model->change_is_due = true;
}
