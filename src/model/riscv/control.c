/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes that take time, of which `busy` tells: of ddtp, and of queues that are turned on or off
 * (RISC-V IOMMU specification, "Device-directory-table pointer" and the queues' CSRs). They are
 * complete at once, unless requests are under way, a record is being written, the host has to be
 * told, or a test wants them late.
 */
#include "model/riscv/model.h"

/* --- ddtp ------------------------------------------------------------------------------------- */

static bool mode_is_known(const struct iommu_model_riscv *model, enum riscv_ddtp_mode mode)
{
	return mode <= RISCV_DDTP_BARE ||
	       (mode <= RISCV_DDTP_3LVL &&
		(model->config.levels >> ((unsigned int)mode - 1) & 1) != 0);
}

/* Transitions that the specification leaves open. False: the write does nothing. */
static bool is_orderly(struct iommu_model_riscv *model, uint64_t before, uint64_t after)
{
	const enum riscv_ddtp_mode from = riscv_ddtp_mode(before), to = riscv_ddtp_mode(after);

	if (from < RISCV_DDTP_1LVL)
		return true;
	if (to >= RISCV_DDTP_1LVL) {
		model_misuse(model, "a device directory replaced without turning it off");
		return false;
	}
	if (to == RISCV_DDTP_BARE)
		model_misuse(model, "from a device directory to Bare, and not by way of Off");
	else if (((before ^ after) & RISCV_PPN_MASK) != 0)
		model_misuse(model, "the root page changed in a write that turns the unit off");
	return true;
}

void iommu_rvmodel_ddtp_written(struct iommu_model_riscv *model, uint64_t value)
{
	struct model_registers *regs = &model->regs;
	uint64_t after = value & (RISCV_PPN_MASK | 0xf);

	if ((regs->ddtp & RISCV_DDTP_BUSY) != 0) {
		model_misuse(model, "ddtp written while it is busy");
		return;
	}
	if (!mode_is_known(model, riscv_ddtp_mode(after)))
		after = (after & RISCV_PPN_MASK) | (regs->ddtp & 0xf);
	if (!is_orderly(model, regs->ddtp, after))
		return;
	regs->ddtp = after | RISCV_DDTP_BUSY;
	model->mode_reads = model->faults.busy_delay;
	model->mode_is_due = !model->faults.stays_busy && model->mode_reads == 0;
}

/* In force for requests from now on; complete when the requests from before have ended. */
static void carry_out_mode(struct iommu_model_riscv *model)
{
	const struct iommu_model_riscv_invalidation what = {.type = IOMMU_MODEL_RISCV_MODE_SET};

	model->mode_is_due = false;
	if (!model->mode_has_begun) {
		model->mode_has_begun = true;
		model->regs.directory = model->regs.ddtp & ~RISCV_DDTP_BUSY;
		iommu_rvmodel_publish(model);
		iommu_rvmodel_notify(model, NOTICE_MODE, &what);
	}
	if (model_notice_is_open(model, NOTICE_MODE) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->mode_ticket))
		return;
	model->mode_has_begun = false;
	model->regs.ddtp &= ~RISCV_DDTP_BUSY;
}

/* --- Queues ----------------------------------------------------------------------------------- */

static uint32_t cleared_by_1(enum model_queue which)
{
	return which == MODEL_COMMANDS ? RISCV_CQCSR_ERRORS | RISCV_CQCSR_FENCE
				       : RISCV_QUEUE_ERRORS;
}

static bool base_is_aligned(const struct model_queue_registers *q, enum model_queue which)
{
	const unsigned int shift = riscv_queue_order(q->base) + (which == MODEL_FAULTS ? 5 : 4);

	return (riscv_ppn_address(q->base) & ((1ULL << shift) - 1)) == 0;
}

/* Enabled: it begins anew. */
static void begin_anew(struct iommu_model_riscv *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];

	if (!base_is_aligned(q, which))
		model_misuse(model, "a queue enabled whose base is not aligned to its size");
	q->control &= ~(uint64_t)cleared_by_1(which);
	*(which == MODEL_COMMANDS ? &q->head : &q->tail) = 0;
}

void iommu_rvmodel_control_written(struct iommu_model_riscv *model, enum model_queue which,
				   uint32_t value)
{
	const uint32_t kept = RISCV_QUEUE_ENABLE | RISCV_QUEUE_INTERRUPT;
	struct model_queue_registers *q = &model->regs.queue[which];
	const bool before = (q->control & RISCV_QUEUE_ENABLE) != 0;
	const bool after = (value & RISCV_QUEUE_ENABLE) != 0;

	if ((q->control & RISCV_QUEUE_BUSY) != 0) {
		model_misuse(model, "a queue's control written while it is busy");
		return;
	}
	q->control = (q->control & ~(uint64_t)kept) | (value & kept);
	q->control &= ~(uint64_t)(value & cleared_by_1(which));
	if (!before && after)
		begin_anew(model, which);
	if (before != after) {
		q->control |= RISCV_QUEUE_BUSY;
		model->switch_reads[which] = model->faults.busy_delay;
		if (!model->faults.stays_busy && model->faults.busy_delay == 0)
			model->switches_due |= 1U << which;
	}
	iommu_rvmodel_interrupts_look(model);
	iommu_rvmodel_queue_wake(model);
}

static bool is_used(const struct iommu_model_riscv *model, enum model_queue which)
{
	return which == MODEL_COMMANDS ? model->queue_busy : model_ring_is_used(model, which);
}

/* A queue that turns off may be waiting for its last access. */
static bool can_switch(const struct iommu_model_riscv *model, enum model_queue which)
{
	return (model->switches_due >> which & 1) != 0 &&
	       ((model->regs.queue[which].control & RISCV_QUEUE_ENABLE) != 0 ||
		!is_used(model, which));
}

/* What was fetched and not executed is dropped, which the specification allows. */
static void forget_commands(struct iommu_model_riscv *model)
{
	model->queue_generation++;
	iommu_rvmodel_give_up_notice(model, NOTICE_QUEUE);
	model->fence_held = false;
	model->fence_ticket = 0;
	model->put_off_count = 0;
	model->regs.device_is_silent = 0;
	iommu_rvmodel_queue_wake(model);
}

static void switch_queue(struct iommu_model_riscv *model, enum model_queue which)
{
	struct model_queue_registers *q = &model->regs.queue[which];
	struct model_ring *ring = &model->rings[which];

	model->switches_due &= ~(1U << which);
	q->control &= ~(uint64_t)(RISCV_QUEUE_BUSY | RISCV_QUEUE_ON);
	if ((q->control & RISCV_QUEUE_ENABLE) != 0)
		q->control |= RISCV_QUEUE_ON;
	if (which == MODEL_COMMANDS) {
		forget_commands(model);
		return;
	}
	ring->epoch++;
	ring->writers = ring->written = ring->failed = 0;
}

/* --- Work ------------------------------------------------------------------------------------- */

bool iommu_rvmodel_control_has_work(const struct iommu_model_riscv *model)
{
	unsigned int which;

	for (which = 0; which < MODEL_QUEUES; which++)
		if (can_switch(model, (enum model_queue)which))
			return true;
	return model->mode_is_due;
}

bool iommu_rvmodel_control_step(struct iommu_model_riscv *model)
{
	unsigned int which;

	if (!iommu_rvmodel_control_has_work(model))
		return false;
	if (model->mode_is_due)
		carry_out_mode(model);
	for (which = 0; which < MODEL_QUEUES; which++)
		if (can_switch(model, (enum model_queue)which))
			switch_queue(model, (enum model_queue)which);
	return true;
}

void iommu_rvmodel_control_pass_time(struct iommu_model_riscv *model)
{
	unsigned int which;

	if (model->fence_reads != 0 && --model->fence_reads == 0)
		iommu_rvmodel_queue_wake(model);
	if (model->faults.stays_busy)
		return;
	if ((model->regs.ddtp & RISCV_DDTP_BUSY) != 0 && !model->mode_has_begun &&
	    (model->mode_reads == 0 || --model->mode_reads == 0))
		model->mode_is_due = true;
	for (which = 0; which < MODEL_QUEUES; which++)
		if ((model->regs.queue[which].control & RISCV_QUEUE_BUSY) != 0 &&
		    (model->switch_reads[which] == 0 || --model->switch_reads[which] == 0))
			model->switches_due |= 1U << which;
}

void iommu_rvmodel_control_resume(struct iommu_model_riscv *model)
{
	unsigned int which;

	model->mode_is_due = (model->regs.ddtp & RISCV_DDTP_BUSY) != 0;
	for (which = 0; which < MODEL_QUEUES; which++)
		if ((model->regs.queue[which].control & RISCV_QUEUE_BUSY) != 0)
			model->switches_due |= 1U << which;
}
