/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command buffer (48882, "Commands"): commands are fetched in order, checked, and executed;
 * COMPLETION_WAIT completes when all before it have. An illegal command, or one that cannot be
 * fetched, stops the buffer until it is turned off and on.
 */
#include "model/amdvi/model.h"

static struct model_ring_registers *buffer_of(struct iommu_model_amdvi *model)
{
	return &model->regs.ring[MODEL_COMMANDS];
}

static void advance(struct iommu_model_amdvi *model)
{
	struct model_ring_registers *buffer = buffer_of(model);

	buffer->head = model_ring_move(model, MODEL_COMMANDS, buffer->head, AMDVI_COMMAND_SIZE);
}

/* It stops, with an event. Releases the lock. */
static void stop(struct iommu_model_amdvi *model, uintptr_t *state, enum amdvi_event_code code,
		 uint64_t place)
{
	struct amdvi_event event = amdvi_event_of(code, 0, place);

	if (code == AMDVI_COMMAND_HARDWARE_ERROR)
		amdvi_set(event.words, AMDVI_EVENT_TYPE, AMDVI_ERROR_MASTER_ABORT);
	model->queue_left = false;
	model->regs.status &= ~AMDVI_STATUS_CMD_BUF_RUN;
	if (model_is_strict(model, IOMMU_MODEL_AMDVI_HEAD_PAST))
		advance(model);
	iommu_amdmodel_log_event(model, state, &event);
}

/* Is there a command to execute, and nothing that it has to wait for? */
static bool can_run(const struct iommu_model_amdvi *model)
{
	const struct model_ring_registers *buffer = &model->regs.ring[MODEL_COMMANDS];

	return model_ring_runs(model, MODEL_COMMANDS) && !model->telling &&
	       model->notices_open == 0 && !model->queue_busy && model->answer_count == 0 &&
	       !model->faults.commands_hang && model->regs.waits_for_device == 0 &&
	       model_ring_move(model, MODEL_COMMANDS, buffer->head, 0) !=
		       model_ring_move(model, MODEL_COMMANDS, buffer->tail, 0);
}

bool iommu_amdmodel_queue_has_work(const struct iommu_model_amdvi *model)
{
	return model->queue_left && can_run(model);
}

void iommu_amdmodel_queue_told(struct iommu_model_amdvi *model, uintptr_t *state,
			       const struct model_notice *told, bool answered)
{
	struct amdvi_event event;

	iommu_amdmodel_queue_wake(model);
	if (answered || told->what.type != IOMMU_MODEL_AMDVI_DEVICE_TLB)
		return;
	if (amdvi_bits(model->regs.control, AMDVI_CONTROL_INV_TIMEOUT) == AMDVI_INV_TIMEOUT_NONE) {
		model->regs.waits_for_device = 1;
		return;
	}
	event = amdvi_event_of(AMDVI_IOTLB_INV_TIMEOUT, told->what.devid, told->place);
	iommu_amdmodel_log_event(model, state, &event);
}

/* What was fetched and not executed is dropped. */
void iommu_amdmodel_queue_forget(struct iommu_model_amdvi *model)
{
	model->queue_generation++;
	iommu_amdmodel_give_up_notice(model, NOTICE_QUEUE);
	model->wait_held = false;
	model->wait_ticket = 0;
	model->put_off_count = 0;
	model->regs.waits_for_device = 0;
	iommu_amdmodel_queue_wake(model);
}

void iommu_amdmodel_queue_pass_time(struct iommu_model_amdvi *model)
{
	if (model->wait_reads != 0 && --model->wait_reads == 0)
		iommu_amdmodel_queue_wake(model);
}

/* --- Execution -------------------------------------------------------------------------------- */

static void answer_page_request(struct iommu_model_amdvi *model, const struct amdvi_command *c)
{
	const bool has_pasid = amdvi_has(c->words, AMDVI_PPR_ANSWER_GN);

	model->answers[model->answer_count++] = (struct iommu_model_amdvi_page_answer){
		.devid = amdvi_command_devid(c),
		.has_pasid = has_pasid,
		.pasid = has_pasid ? (uint32_t)amdvi_get(c->words, AMDVI_PPR_ANSWER_PASID) : 0,
		.group = (uint16_t)amdvi_get(c->words, AMDVI_PPR_ANSWER_TAG),
		.code = (unsigned int)amdvi_get(c->words, AMDVI_PPR_ANSWER_STATUS),
	};
}

/* All but a COMPLETION_WAIT. What the host is to be told holds the buffer up until then. */
static void execute(struct iommu_model_amdvi *model, const struct model_command *c)
{
	if (amdvi_command_opcode(&c->command) == AMDVI_COMPLETE_PPR_REQUEST)
		answer_page_request(model, &c->command);
	else
		iommu_amdmodel_invalidate(model, c);
}

static void execute_one_put_off(struct iommu_model_amdvi *model)
{
	const bool is_oldest = !model_is_strict(model, IOMMU_MODEL_AMDVI_UNORDERED);
	unsigned int i = is_oldest ? 0 : model->put_off_count - 1;
	const struct model_command chosen = model->put_off[i];

	model->put_off_count--;
	for (; i < model->put_off_count; i++)
		model->put_off[i] = model->put_off[i + 1];
	execute(model, &chosen);
}

/* Is the COMPLETION_WAIT at the head to be held back? */
static bool wait_is_held(struct iommu_model_amdvi *model)
{
	if (model->faults.waits_hang)
		return true;
	if (!model->wait_held && model->faults.wait_delay != 0) {
		model->wait_held = true;
		model->wait_reads = model->faults.wait_delay;
	}
	if (model->wait_held && model->wait_reads != 0)
		return true;
	model->wait_held = false;
	return false;
}

/* Everything before it is complete. Releases the lock; nothing more if the buffer is turned off. */
static void complete_wait(struct iommu_model_amdvi *model, uintptr_t *state,
			  const struct model_command *c)
{
	const uint64_t address = amdvi_address(c->command.words, AMDVI_WAIT_ADDRESS);
	const uint32_t generation = model->queue_generation;
	bool stored = true;
	unsigned int left;

	if (amdvi_has(c->command.words, AMDVI_WAIT_STORE)) {
		model->queue_busy = true;
		left = iommu_amdmodel_go_out(model, *state);
		stored = iommu_amdmodel_write(model, address, &c->command.words[1], 1);
		*state = iommu_amdmodel_come_back(model, left);
		model->queue_busy = false;
		if (model->queue_generation != generation)
			return;
	}
	if (!stored) {
		stop(model, state, AMDVI_COMMAND_HARDWARE_ERROR, c->place);
		return;
	}
	model->commands++;
	advance(model);
	if (amdvi_has(c->command.words, AMDVI_WAIT_INTERRUPT))
		iommu_amdmodel_status_set(model, AMDVI_STATUS_COM_WAIT_INT);
}

static void wait_at_head(struct iommu_model_amdvi *model, uintptr_t *state,
			 const struct model_command *c)
{
	if (model->put_off_count != 0) {
		execute_one_put_off(model);
		return;
	}
	if (wait_is_held(model) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->wait_ticket)) {
		model->queue_left = false;
		return;
	}
	complete_wait(model, state, c);
}

static void execute_at_head(struct iommu_model_amdvi *model, uintptr_t *state,
			    const struct model_command *c)
{
	const bool again = model->wait_ticket != 0 || model->wait_held;

	/* A second look at a COMPLETION_WAIT is not counted. */
	if (!iommu_amdmodel_command_is_legal(model, &c->command) ||
	    (!again && model->faults.refuse_after != 0 && --model->faults.refuse_after == 0)) {
		stop(model, state, AMDVI_ILLEGAL_COMMAND_ERROR, c->place);
		return;
	}
	if (amdvi_command_opcode(&c->command) == AMDVI_COMPLETION_WAIT) {
		wait_at_head(model, state, c);
		return;
	}
	/* Not the COMPLETION_WAIT that was held back: software has overwritten that. */
	model->wait_ticket = 0;
	model->wait_held = false;
	if (!model_puts_off(model)) {
		execute(model, c);
	} else if (model->put_off_count == MODEL_PUT_OFF_MAX) {
		execute_one_put_off(model);
		return;
	} else {
		model->put_off[model->put_off_count++] = *c;
	}
	model->commands++;
	advance(model);
}

/* Release the lock and keep the buffer for this processor. False: it was turned off meanwhile. */
static bool fetch(struct iommu_model_amdvi *model, uintptr_t *state, struct model_command *c,
		  bool *is_memory)
{
	const uint32_t generation = model->queue_generation;
	uint64_t words[2] = {0};
	unsigned int left;

	c->place =
		model_ring_place(model, MODEL_COMMANDS,
				 model_ring_move(model, MODEL_COMMANDS, buffer_of(model)->head, 0));
	model->queue_busy = true;
	left = iommu_amdmodel_go_out(model, *state);
	*is_memory = iommu_amdmodel_read(model, c->place, words, 2);
	*state = iommu_amdmodel_come_back(model, left);
	model->queue_busy = false;
	c->command = amdvi_command_of(words[0], words[1]);
	return model->queue_generation == generation && can_run(model);
}

bool iommu_amdmodel_queue_step(struct iommu_model_amdvi *model, uintptr_t *state)
{
	struct model_command command;
	bool is_memory;

	if (!iommu_amdmodel_queue_has_work(model))
		return false;
	model->budget--;
	if (!fetch(model, state, &command, &is_memory))
		return true;
	if (model->faults.fetch_fails_after != 0 && --model->faults.fetch_fails_after == 0)
		is_memory = false;
	if (is_memory)
		execute_at_head(model, state, &command);
	else
		stop(model, state, AMDVI_COMMAND_HARDWARE_ERROR, command.place);
	return true;
}
