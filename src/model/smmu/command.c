/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue (IHI 0070, chapter 4; 7.1, "Command queue errors"): commands are fetched in
 * order, checked, and executed; CMD_SYNC completes when all before it has.
 */
#include "model/smmu/model.h"

/* --- Is it legal? ----------------------------------------------------------------------------- */

static bool stalls(const struct iommu_model_smmu *model)
{
	return model_stall_model(model) != SMMU_STALL_NEVER;
}

/* A range that is coded as none is reserved; 16K has no leaves at level 1. */
static bool range_is_legal(const struct iommu_model_smmu *model, const struct smmu_command *c)
{
	const unsigned int shift = smmu_tlbi_shift(c);
	uint64_t ttl = smmu_get(c->words, SMMU_TLBI_TTL);

	if (!model_idr3(model, SMMU_IDR3_RIL) || shift == 0)
		return true;
	if (shift == 14 && ttl == 1)
		ttl = 0;
	return ttl != 0 || smmu_get(c->words, SMMU_TLBI_NUM) != 0 ||
	       smmu_get(c->words, SMMU_TLBI_SCALE) != 0;
}

static bool tlbi_is_legal(const struct iommu_model_smmu *model, const struct smmu_command *c)
{
	switch (smmu_command_opcode(c)) {
	case SMMU_TLBI_NH_ALL:
	case SMMU_TLBI_NH_ASID:
		return model_idr0(model, SMMU_IDR0_S1P);
	case SMMU_TLBI_NH_VA:
	case SMMU_TLBI_NH_VAA:
		return model_idr0(model, SMMU_IDR0_S1P) && range_is_legal(model, c);
	case SMMU_TLBI_EL2_ALL:
	case SMMU_TLBI_EL2_ASID:
		return model_idr0(model, SMMU_IDR0_HYP);
	case SMMU_TLBI_EL2_VA:
	case SMMU_TLBI_EL2_VAA:
		return model_idr0(model, SMMU_IDR0_HYP) && range_is_legal(model, c);
	case SMMU_TLBI_S12_VMALL:
		return model_idr0(model, SMMU_IDR0_S2P);
	case SMMU_TLBI_S2_IPA:
		return model_idr0(model, SMMU_IDR0_S2P) && range_is_legal(model, c);
	default:
		return false;
	}
}

/* Commands with a stream have SSec, which this queue cannot set. */
static bool stream_command_is_legal(const struct iommu_model_smmu *model,
				    const struct smmu_command *c)
{
	if (smmu_has(c->words, SMMU_COMMAND_SSEC))
		return false;
	switch (smmu_command_opcode(c)) {
	case SMMU_PREFETCH_CONFIG:
	case SMMU_PREFETCH_ADDR:
	case SMMU_CFGI_STE:
	case SMMU_CFGI_STE_RANGE:
		return true;
	case SMMU_CFGI_CD:
	case SMMU_CFGI_CD_ALL:
		return model_idr0(model, SMMU_IDR0_S1P);
	case SMMU_ATC_INV:
		return model_idr0(model, SMMU_IDR0_ATS);
	case SMMU_PRI_RESP:
		return model_idr0(model, SMMU_IDR0_PRI) &&
		       smmu_get(c->words, SMMU_PRI_RESP_RESPONSE) <= SMMU_PRI_SUCCESS;
	case SMMU_RESUME:
	case SMMU_STALL_TERM:
		return stalls(model);
	default:
		return false;
	}
}

static bool is_legal(const struct iommu_model_smmu *model, const struct smmu_command *c)
{
	const unsigned int opcode = smmu_command_opcode(c);

	if (opcode == SMMU_SYNC)
		return smmu_get(c->words, SMMU_SYNC_CS) <= SMMU_SYNC_SEV;
	if (opcode == SMMU_TLBI_NSNH_ALL)
		return true;
	return opcode >= SMMU_TLBI_NH_ALL && opcode <= SMMU_TLBI_S2_IPA
		       ? tlbi_is_legal(model, c)
		       : stream_command_is_legal(model, c);
}

bool iommu_smmodel_may_be_put_off(const struct iommu_model_smmu *model,
				  const struct smmu_command *command)
{
	return smmu_command_opcode(command) != SMMU_SYNC && is_legal(model, command);
}

/* --- The queue -------------------------------------------------------------------------------- */

static struct model_queue_registers *queue_of(struct iommu_model_smmu *model)
{
	return &model->regs.queue[MODEL_COMMANDS];
}

/* It stops, with an error that software has to acknowledge. */
static void stop(struct iommu_model_smmu *model, enum smmu_command_error error)
{
	struct model_queue_registers *q = queue_of(model);

	model->queue_left = false;
	q->cons =
		(q->cons & SMMU_QUEUE_POINTER) | smmu_place(SMMU_CMDQ_CONS_ERROR, (uint64_t)error);
	iommu_smmodel_error(model, SMMU_GERROR_CMDQ);
}

static void advance(struct iommu_model_smmu *model)
{
	struct model_queue_registers *q = queue_of(model);

	q->cons =
		smmu_queue_advance((uint32_t)q->cons, 1, model_queue_order(model, MODEL_COMMANDS));
}

/* Is there a command to execute, and nothing that it has to wait for? */
static bool can_run(const struct iommu_model_smmu *model)
{
	const struct model_queue_registers *q = &model->regs.queue[MODEL_COMMANDS];

	return model_queue_is_on(model, MODEL_COMMANDS) &&
	       (model_active_errors(model) & (SMMU_GERROR_CMDQ | SMMU_GERROR_SFM)) == 0 &&
	       !model->telling && model->notices_open == 0 && !model->queue_busy &&
	       model->answer_count == 0 && !model->faults.commands_hang &&
	       !smmu_queue_is_empty((uint32_t)q->prod, (uint32_t)q->cons,
				    model_queue_order(model, MODEL_COMMANDS));
}

bool iommu_smmodel_queue_has_work(const struct iommu_model_smmu *model)
{
	return model->queue_left && can_run(model);
}

void iommu_smmodel_queue_told(struct iommu_model_smmu *model, bool answered)
{
	if (!answered)
		model->regs.device_is_silent = 1;
	iommu_smmodel_queue_wake(model);
}

/* What was fetched and not executed is dropped. */
void iommu_smmodel_queue_forget(struct iommu_model_smmu *model)
{
	model->queue_generation++;
	iommu_smmodel_give_up_notice(model, NOTICE_QUEUE);
	model->sync_held = false;
	model->sync_ticket = 0;
	model->put_off_count = 0;
	model->regs.device_is_silent = 0;
	iommu_smmodel_queue_wake(model);
}

/* --- Execution -------------------------------------------------------------------------------- */

static unsigned int answer_code(const struct smmu_command *c)
{
	static const uint8_t codes[] = {15, 1, 0};

	return codes[smmu_get(c->words, SMMU_PRI_RESP_RESPONSE)];
}

/* All but a CMD_SYNC. What the host is to be told holds the queue up until then. */
static void execute(struct iommu_model_smmu *model, const struct smmu_command *c)
{
	const bool has_ssid = smmu_has(c->words, SMMU_COMMAND_SSV);

	switch (smmu_command_opcode(c)) {
	case SMMU_PREFETCH_CONFIG:
	case SMMU_PREFETCH_ADDR:
		break;
	case SMMU_RESUME:
	case SMMU_STALL_TERM:
		iommu_smmodel_stall_command(model, c);
		break;
	case SMMU_PRI_RESP:
		model->answers[model->answer_count++] = (struct iommu_model_smmu_page_answer){
			.stream = smmu_command_sid(c),
			.has_substream = has_ssid,
			.substream = has_ssid ? smmu_command_ssid(c) : 0,
			.group = (uint16_t)smmu_get(c->words, SMMU_PRI_RESP_GROUP),
			.code = answer_code(c),
		};
		break;
	default:
		iommu_smmodel_invalidate(model, c);
	}
}

static void execute_one_put_off(struct iommu_model_smmu *model)
{
	const bool is_oldest = !model_is_strict(model, IOMMU_MODEL_SMMU_UNORDERED);
	unsigned int i = is_oldest ? 0 : model->put_off_count - 1;
	const struct smmu_command chosen = model->put_off[i];

	model->put_off_count--;
	for (; i < model->put_off_count; i++)
		model->put_off[i] = model->put_off[i + 1];
	execute(model, &chosen);
}

/* Is the CMD_SYNC at the head to be held back? */
static bool sync_is_held(struct iommu_model_smmu *model)
{
	if (model->faults.syncs_hang)
		return true;
	if (!model->sync_held && model->faults.sync_delay != 0) {
		model->sync_held = true;
		model->sync_reads = model->faults.sync_delay;
	}
	if (model->sync_held && model->sync_reads != 0)
		return true;
	model->sync_held = false;
	return false;
}

/* Without the lock. False: the message did not arrive. */
static bool deliver(const struct iommu_model_smmu *model, const struct smmu_command *c,
		    uint64_t address)
{
	const struct iommu_model_smmu_host *host = &model->config.host;

	if (address != 0)
		return iommu_smmodel_send_message(model, address,
						  (uint32_t)smmu_get(c->words, SMMU_SYNC_MSI_DATA));
	if (host->send_event != NULL)
		host->send_event(host->ctx);
	return true;
}

/* Everything before it is complete. Releases the lock; nothing more if the queue is turned off. */
static void complete_sync(struct iommu_model_smmu *model, uintptr_t *state,
			  const struct smmu_command *c)
{
	const uint64_t cs = smmu_get(c->words, SMMU_SYNC_CS);
	const uint32_t generation = model->queue_generation;
	uint64_t address = 0;
	bool arrived = true;
	unsigned int left;

	if (cs == SMMU_SYNC_IRQ && model_idr0(model, SMMU_IDR0_MSI))
		address = smmu_address(c->words, SMMU_SYNC_MSI_ADDRESS);
	if (address != 0 || (cs == SMMU_SYNC_SEV && model_idr0(model, SMMU_IDR0_SEV))) {
		model->queue_busy = true;
		left = iommu_smmodel_go_out(model, *state);
		arrived = deliver(model, c, address);
		*state = iommu_smmodel_come_back(model, left);
		model->queue_busy = false;
		iommu_smmodel_control_wake(model);
		if (model->queue_generation != generation)
			return;
	} else if (cs == SMMU_SYNC_IRQ) {
		model->regs.signals |= 1ULL << MODEL_SIGNAL_SYNC;
	}
	if (!arrived)
		iommu_smmodel_error(model, SMMU_GERROR_MSI_CMDQ);
	model->commands++;
	advance(model);
}

static void sync_at_head(struct iommu_model_smmu *model, uintptr_t *state,
			 const struct smmu_command *c)
{
	if (model->put_off_count != 0) {
		execute_one_put_off(model);
		return;
	}
	if (sync_is_held(model) ||
	    !iommu_model_walks_have_ended(&model->cache, &model->sync_ticket)) {
		model->queue_left = false;
		return;
	}
	if (model->regs.device_is_silent != 0) {
		model->regs.device_is_silent = 0;
		stop(model, SMMU_CERROR_ATC_INV_SYNC);
		return;
	}
	complete_sync(model, state, c);
}

static void execute_at_head(struct iommu_model_smmu *model, uintptr_t *state,
			    const struct smmu_command *c)
{
	const bool again = model->sync_ticket != 0 || model->sync_held;

	/* A second look at a CMD_SYNC is not counted. */
	if (!is_legal(model, c) ||
	    (!again && model->faults.refuse_after != 0 && --model->faults.refuse_after == 0)) {
		stop(model, SMMU_CERROR_ILL);
		return;
	}
	if (smmu_command_opcode(c) == SMMU_SYNC) {
		sync_at_head(model, state, c);
		return;
	}
	/* Not the CMD_SYNC that was held back: software has taken that back. */
	model->sync_ticket = 0;
	model->sync_held = false;
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

/* Release the lock and keep the queue for this processor. False: it was turned off meanwhile. */
static bool fetch(struct iommu_model_smmu *model, uintptr_t *state, uint64_t *words,
		  bool *is_memory)
{
	const uint64_t place =
		model_queue_place(model, MODEL_COMMANDS, (uint32_t)queue_of(model)->cons, 4);
	const uint32_t generation = model->queue_generation;
	unsigned int left;

	model->queue_busy = true;
	left = iommu_smmodel_go_out(model, *state);
	*is_memory = iommu_smmodel_read(model, place, words, 2);
	*state = iommu_smmodel_come_back(model, left);
	model->queue_busy = false;
	iommu_smmodel_control_wake(model);
	return model->queue_generation == generation && can_run(model);
}

bool iommu_smmodel_queue_step(struct iommu_model_smmu *model, uintptr_t *state)
{
	uint64_t words[2] = {0};
	struct smmu_command command;
	bool is_memory;

	if (!iommu_smmodel_queue_has_work(model))
		return false;
	model->budget--;
	if (!fetch(model, state, words, &is_memory))
		return true;
	if (model->faults.fetch_fails_after != 0 && --model->faults.fetch_fails_after == 0)
		is_memory = false;
	command = smmu_command_of(words[0], words[1]);
	if (is_memory)
		execute_at_head(model, state, &command);
	else
		stop(model, SMMU_CERROR_ABT);
	return true;
}
