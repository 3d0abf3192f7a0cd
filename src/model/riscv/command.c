/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue (RISC-V IOMMU specification, "Command-Queue"): commands are fetched in order,
 * checked as strictly as the specification allows, and executed; IOFENCE.C completes when all
 * before it has.
 */
#include "model/riscv/model.h"

/* --- Is it legal? ----------------------------------------------------------------------------- */

static bool iotinval_is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	if ((c.low & RISCV_IOTINVAL_LOW_RESERVED) != 0 ||
	    (c.high & RISCV_IOTINVAL_HIGH_RESERVED) != 0)
		return false;
	if ((c.low & RISCV_IOTINVAL_NL) != 0 && !model_has(model, RISCV_CAP_NL))
		return false;
	if ((c.high & RISCV_IOTINVAL_S) != 0 && !model_has(model, RISCV_CAP_S))
		return false;
	return riscv_command_kind(c) == RISCV_IOTINVAL_VMA || (c.low & RISCV_IOTINVAL_PSCV) == 0;
}

static bool fence_is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	if ((c.low & RISCV_IOFENCE_LOW_RESERVED) != 0 ||
	    (c.high & RISCV_IOFENCE_HIGH_RESERVED) != 0)
		return false;
	return (c.low & RISCV_IOFENCE_WSI) == 0 || (model->regs.fctl & RISCV_FCTL_WSI) != 0;
}

static bool device_is_served(const struct iommu_model_riscv *model, struct riscv_command c)
{
	return riscv_command_device_id(c) >> model_id_bits(model, model->regs.directory) == 0;
}

static bool inval_ddt_is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	if ((c.low & RISCV_INVAL_DDT_LOW_RESERVED) != 0 || c.high != 0)
		return false;
	return (c.low & RISCV_INVAL_DDT_DV) == 0 || device_is_served(model, c);
}

/* The largest process directory that the unit knows. */
static unsigned int process_id_bits(const struct iommu_model_riscv *model)
{
	if (model_has(model, RISCV_CAP_PD20))
		return 20;
	if (model_has(model, RISCV_CAP_PD17))
		return 17;
	return model_has(model, RISCV_CAP_PD8) ? 8 : 0;
}

static bool inval_pdt_is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	const unsigned int bits = process_id_bits(model);

	if ((c.low & RISCV_INVAL_PDT_LOW_RESERVED) != 0 || c.high != 0 ||
	    (c.low & RISCV_INVAL_DDT_DV) == 0)
		return false;
	return bits != 0 && device_is_served(model, c) && riscv_command_process_id(c) >> bits == 0;
}

static bool ats_is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	const uint64_t reserved = riscv_command_kind(c) == RISCV_ATS_INVAL
					  ? RISCV_ATS_INVAL_HIGH_RESERVED
					  : RISCV_ATS_PRGR_HIGH_RESERVED;

	return model_has(model, RISCV_CAP_ATS) && (c.low & RISCV_ATS_LOW_RESERVED) == 0 &&
	       (c.high & reserved) == 0;
}

static bool is_legal(const struct iommu_model_riscv *model, struct riscv_command c)
{
	switch (riscv_command_kind(c)) {
	case RISCV_IOTINVAL_VMA:
	case RISCV_IOTINVAL_GVMA:
		return iotinval_is_legal(model, c);
	case RISCV_IOFENCE_C:
		return fence_is_legal(model, c);
	case RISCV_INVAL_DDT:
		return inval_ddt_is_legal(model, c);
	case RISCV_INVAL_PDT:
		return inval_pdt_is_legal(model, c);
	case RISCV_ATS_INVAL:
	case RISCV_ATS_PRGR:
		return ats_is_legal(model, c);
	default:
		return false;
	}
}

bool iommu_rvmodel_may_be_put_off(const struct iommu_model_riscv *model,
				  struct riscv_command command)
{
	switch (riscv_command_kind(command)) {
	case RISCV_IOTINVAL_VMA:
	case RISCV_IOTINVAL_GVMA:
	case RISCV_INVAL_DDT:
	case RISCV_INVAL_PDT:
		return true;
	case RISCV_ATS_INVAL:
	case RISCV_ATS_PRGR:
		return model_has(model, RISCV_CAP_ATS);
	case RISCV_IOFENCE_C:
	default:
		return false;
	}
}

/* --- The queue -------------------------------------------------------------------------------- */

static struct model_queue_registers *queue_of(struct iommu_model_riscv *model)
{
	return &model->regs.queue[MODEL_COMMANDS];
}

/* It stops, with an error that software has to clear. */
static void stop(struct iommu_model_riscv *model, uint32_t error)
{
	model->queue_left = false;
	queue_of(model)->control |= error;
	iommu_rvmodel_interrupts_look(model);
}

static void advance(struct iommu_model_riscv *model)
{
	struct model_queue_registers *q = queue_of(model);

	q->head = (q->head + 1) & model_index_mask(q->base);
}

/* Is there a command to execute, and nothing that it has to wait for? */
static bool can_run(const struct iommu_model_riscv *model)
{
	const struct model_queue_registers *q = &model->regs.queue[MODEL_COMMANDS];

	return (q->control & RISCV_QUEUE_ON) != 0 && (q->control & RISCV_QUEUE_ENABLE) != 0 &&
	       (q->control & RISCV_CQCSR_ERRORS) == 0 && !model->telling &&
	       model->notices_open == 0 && !model->queue_busy && model->answer_count == 0 &&
	       !model->faults.commands_hang && q->head != q->tail;
}

bool iommu_rvmodel_queue_has_work(const struct iommu_model_riscv *model)
{
	return model->queue_left && can_run(model);
}

void iommu_rvmodel_queue_told(struct iommu_model_riscv *model, bool answered)
{
	if (!answered)
		model->regs.device_is_silent = 1;
	iommu_rvmodel_queue_wake(model);
}

/* --- Execution -------------------------------------------------------------------------------- */

/* All but a fence. What the host is to be told holds the queue up until then. */
static void execute(struct iommu_model_riscv *model, struct riscv_command c)
{
	if (riscv_command_kind(c) != RISCV_ATS_PRGR) {
		iommu_rvmodel_invalidate(model, c);
		return;
	}
	model->answers[model->answer_count++] = (struct iommu_model_riscv_page_answer){
		.device_id = riscv_command_device_id(c) &
			     ((c.low & RISCV_ATS_DSV) != 0 ? 0xffffffU : 0xffffU),
		.has_process = (c.low & RISCV_ATS_PV) != 0,
		.process_id = (c.low & RISCV_ATS_PV) != 0 ? riscv_command_process_id(c) : 0,
		.group = riscv_command_response_group(c),
		.code = riscv_command_response(c),
	};
}

static void execute_one_put_off(struct iommu_model_riscv *model)
{
	const bool is_oldest = !model_is_strict(model, IOMMU_MODEL_RISCV_UNORDERED);
	unsigned int i = is_oldest ? 0 : model->put_off_count - 1;
	const struct riscv_command chosen = model->put_off[i];

	model->put_off_count--;
	for (; i < model->put_off_count; i++)
		model->put_off[i] = model->put_off[i + 1];
	execute(model, chosen);
}

/* Is the fence at the head to be held back? */
static bool fence_is_held(struct iommu_model_riscv *model)
{
	if (model->faults.fences_hang)
		return true;
	if (!model->fence_held && model->faults.fence_delay != 0) {
		model->fence_held = true;
		model->fence_reads = model->faults.fence_delay;
	}
	if (model->fence_held && model->fence_reads != 0)
		return true;
	model->fence_held = false;
	return false;
}

/* Without the lock. */
static bool store(const struct iommu_model_riscv *model, struct riscv_command c, bool big_endian)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	const uint64_t address = riscv_command_store_address(c);
	const uint32_t data = riscv_command_store_data(c);
	const uint32_t bytes = big_endian ? iommu_be32(data) : iommu_le32(data);

	return address <= model_last_address(model) &&
	       host->write(host->ctx, address, &bytes, sizeof(bytes));
}

/* Everything before it is complete. Releases the lock; nothing more if the queue is turned off. */
static void complete_fence(struct iommu_model_riscv *model, uintptr_t *state,
			   struct riscv_command c)
{
	const uint32_t generation = model->queue_generation;
	const bool big_endian = model_is_big_endian(model);
	bool is_memory = true;
	unsigned int left;

	if ((c.low & RISCV_IOFENCE_AV) != 0) {
		model->queue_busy = true;
		left = iommu_rvmodel_go_out(model, *state);
		is_memory = store(model, c, big_endian);
		*state = iommu_rvmodel_come_back(model, left);
		model->queue_busy = false;
		if (model->queue_generation != generation)
			return;
	}
	if (!is_memory) {
		stop(model, RISCV_QUEUE_FAULT);
		return;
	}
	model->commands++;
	advance(model);
	if ((c.low & RISCV_IOFENCE_WSI) != 0) {
		queue_of(model)->control |= RISCV_CQCSR_FENCE;
		iommu_rvmodel_interrupts_look(model);
	}
}

static void fence_at_head(struct iommu_model_riscv *model, uintptr_t *state, struct riscv_command c)
{
	if (model->put_off_count != 0) {
		execute_one_put_off(model);
		return;
	}
	if (fence_is_held(model) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->fence_ticket)) {
		model->queue_left = false;
		return;
	}
	if (model->regs.device_is_silent != 0) {
		model->regs.device_is_silent = 0;
		stop(model, RISCV_CQCSR_TIMEOUT);
		return;
	}
	complete_fence(model, state, c);
}

static void execute_at_head(struct iommu_model_riscv *model, uintptr_t *state,
			    struct riscv_command c)
{
	const bool again = model->fence_ticket != 0 || model->fence_held;

	/* A second look at a fence is not counted. */
	if (!is_legal(model, c) ||
	    (!again && model->faults.refuse_after != 0 && --model->faults.refuse_after == 0)) {
		stop(model, RISCV_CQCSR_ILLEGAL);
		return;
	}
	if (riscv_command_kind(c) == RISCV_IOFENCE_C) {
		fence_at_head(model, state, c);
		return;
	}
	/* Not the fence that was held back: software has taken that back. */
	model->fence_ticket = 0;
	model->fence_held = false;
	if (!model_puts_off(model)) {
		execute(model, c);
	} else if (model->put_off_count == MODEL_PUT_OFF_MAX) {
		execute_one_put_off(model);
		return;
	} else {
		model->put_off[model->put_off_count++] = c;
	}
	model->commands++;
	advance(model);
}

/* Release the lock and keep the queue for this processor. False: it was turned off meanwhile. */
static bool fetch(struct iommu_model_riscv *model, uintptr_t *state, uint64_t *words,
		  bool *is_memory)
{
	const struct model_queue_registers *q = queue_of(model);
	const uint64_t place = riscv_ppn_address(q->base) + q->head * RISCV_COMMAND_SIZE;
	const uint32_t generation = model->queue_generation;
	const bool big_endian = model_is_big_endian(model);
	unsigned int left;

	model->queue_busy = true;
	left = iommu_rvmodel_go_out(model, *state);
	*is_memory = iommu_rvmodel_read(model, place, words, 2, big_endian);
	*state = iommu_rvmodel_come_back(model, left);
	model->queue_busy = false;
	return model->queue_generation == generation && can_run(model);
}

bool iommu_rvmodel_queue_step(struct iommu_model_riscv *model, uintptr_t *state)
{
	uint64_t words[2] = {0};
	bool is_memory;

	if (!iommu_rvmodel_queue_has_work(model))
		return false;
	model->budget--;
	if (!fetch(model, state, words, &is_memory))
		return true;
	if (model->faults.fetch_fails_after != 0 && --model->faults.fetch_fails_after == 0)
		is_memory = false;
	if (is_memory)
		execute_at_head(model, state, riscv_command_of(words[0], words[1]));
	else
		stop(model, RISCV_QUEUE_FAULT);
	return true;
}
