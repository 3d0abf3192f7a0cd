/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a model for migration, in little-endian words: the magic, the registers, and what is
 * in progress: answers that are not delivered, and commands that a lazy unit has put off. What is
 * busy goes on by what the registers say.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/riscv/model.h"

#define STATE_MAGIC 0x31444f4d5652ULL /* "RVMOD1" */
#define REGISTERS   (sizeof(struct model_registers) / sizeof(uint64_t))

/* What is on its way. */
struct carried {
	uint64_t answer_count, put_off_count;
	uint64_t answers[MODEL_ANSWERS_MAX][2];
	uint64_t put_off[MODEL_PUT_OFF_MAX][2];
};

#define CARRIED (sizeof(struct carried) / sizeof(uint64_t))
#define WORDS   (1 + REGISTERS + CARRIED)

/* Of an answer: device id and, above, process id, and a flag; group, and above it the code. */
#define ANSWER_PROCESS_SHIFT 24
#define ANSWER_HAS_PROCESS   (1ULL << 44)
#define ANSWER_CODE_SHIFT    16
#define ANSWER_FIRST_MASK    (ANSWER_HAS_PROCESS | (ANSWER_HAS_PROCESS - 1))
#define ANSWER_SECOND_MASK   (0x1ffULL | 0xfULL << ANSWER_CODE_SHIFT)

static unsigned char *put_words(unsigned char *bytes, const uint64_t *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const uint64_t word = iommu_le64(words[i]);

		memcpy(bytes + i * 8, &word, 8);
	}
	return bytes + count * 8;
}

static const unsigned char *get_words(uint64_t *words, const unsigned char *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		words[i] = iommu_read_le64(bytes + i * 8);
	return bytes + count * 8;
}

/* --- What is on its way ----------------------------------------------------------------------- */

static struct carried carry(const struct iommu_model_riscv *model)
{
	struct carried carried = {
		.answer_count = model->answer_count,
		.put_off_count = model->put_off_count,
	};
	unsigned int i;

	for (i = 0; i < model->answer_count; i++) {
		const struct iommu_model_riscv_page_answer *answer = &model->answers[i];

		carried.answers[i][0] = (answer->device_id & 0xffffff) |
					(uint64_t)(answer->process_id & 0xfffff)
						<< ANSWER_PROCESS_SHIFT |
					(answer->has_process ? ANSWER_HAS_PROCESS : 0);
		carried.answers[i][1] = (answer->group & 0x1ffU) | (uint64_t)(answer->code & 0xf)
									   << ANSWER_CODE_SHIFT;
	}
	for (i = 0; i < model->put_off_count; i++) {
		carried.put_off[i][0] = model->put_off[i].low;
		carried.put_off[i][1] = model->put_off[i].high;
	}
	return carried;
}

static void go_on_with(struct iommu_model_riscv *model, const struct carried *carried)
{
	unsigned int i;

	model->answer_count = (unsigned int)carried->answer_count;
	for (i = 0; i < model->answer_count; i++)
		model->answers[i] = (struct iommu_model_riscv_page_answer){
			.device_id = (uint32_t)carried->answers[i][0] & 0xffffff,
			.has_process = (carried->answers[i][0] & ANSWER_HAS_PROCESS) != 0,
			.process_id = (uint32_t)(carried->answers[i][0] >> ANSWER_PROCESS_SHIFT) &
				      0xfffff,
			.group = (uint16_t)(carried->answers[i][1] & 0x1ff),
			.code = (unsigned int)(carried->answers[i][1] >> ANSWER_CODE_SHIFT),
		};
	model->put_off_count = (unsigned int)carried->put_off_count;
	for (i = 0; i < model->put_off_count; i++)
		model->put_off[i] =
			riscv_command_of(carried->put_off[i][0], carried->put_off[i][1]);
}

static bool carried_is_sane(const struct iommu_model_riscv *model, const struct carried *carried)
{
	unsigned int i;

	if (carried->answer_count > MODEL_ANSWERS_MAX || carried->put_off_count > MODEL_PUT_OFF_MAX)
		return false;
	if (carried->put_off_count != 0 && !model_puts_off(model))
		return false;
	for (i = 0; i < carried->put_off_count; i++)
		if (!iommu_rvmodel_may_be_put_off(model, riscv_command_of(carried->put_off[i][0],
									  carried->put_off[i][1])))
			return false;
	for (i = 0; i < carried->answer_count; i++)
		if ((carried->answers[i][0] & ~ANSWER_FIRST_MASK) != 0 ||
		    (carried->answers[i][1] & ~ANSWER_SECOND_MASK) != 0)
			return false;
	return carried->answer_count == 0 || model_has(model, RISCV_CAP_ATS);
}

/* --- Saved and restored ----------------------------------------------------------------------- */

size_t iommu_model_riscv_save(struct iommu_model_riscv *model, void *bytes, size_t size)
{
	const uint64_t magic = STATE_MAGIC;
	unsigned char *at = bytes;
	struct carried carried;
	uintptr_t state;

	if (size < WORDS * 8)
		return WORDS * 8;
	state = iommu_rvmodel_enter(model);
	carried = carry(model);
	at = put_words(at, &magic, 1);
	at = put_words(at, (const uint64_t *)&model->regs, REGISTERS);
	(void)put_words(at, (const uint64_t *)&carried, CARRIED);
	iommu_rvmodel_leave(model, state);
	return WORDS * 8;
}

/* The queue runs when the model is left. */
static void resume(struct iommu_model_riscv *model)
{
	iommu_rvmodel_drop_caches(model);
	iommu_rvmodel_control_resume(model);
	model->request_is_due = (model->regs.request_control & RISCV_TR_GO) != 0;
	iommu_rvmodel_interrupts_look(model);
	iommu_rvmodel_queue_wake(model);
}

int iommu_model_riscv_restore(struct iommu_model_riscv *model, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	struct model_registers regs;
	struct carried carried;
	int status = IOMMU_EINVAL;
	uintptr_t state;

	if (size != WORDS * 8 || iommu_read_le64(at) != STATE_MAGIC)
		return iommu_log_refusal(
			model->platform, IOMMU_CALL, "",
			IOMMU_WHY("the bytes are no state that such a model has saved"),
			IOMMU_EINVAL);
	at = get_words((uint64_t *)&regs, at + 8, REGISTERS);
	(void)get_words((uint64_t *)&carried, at, CARRIED);
	state = iommu_rvmodel_enter(model);
	if (iommu_rvmodel_registers_are_sane(model, &regs) && carried_is_sane(model, &carried)) {
		iommu_rvmodel_registers_reset(model);
		model->regs = regs;
		go_on_with(model, &carried);
		iommu_rvmodel_notify_reset(model);
		resume(model);
		status = 0;
	}
	iommu_rvmodel_leave(model, state);
	return status == 0 ? 0
			   : iommu_log_refusal(
				     model->platform, IOMMU_CALL, "",
				     IOMMU_WHY("the saved registers, or what was on its way, make "
					       "no sense on this model"),
				     status);
}
