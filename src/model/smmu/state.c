/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a model for migration, in little-endian words: the magic, the configuration's
 * registers, the registers, and what is in progress: answers that are not delivered, and commands
 * that a lazy unit has put off. Changes that are under way go on by what the registers say.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/smmu/model.h"

#define STATE_MAGIC 0x31444f4d4d53ULL /* "SMMOD1" */
#define REGISTERS   (sizeof(struct model_registers) / sizeof(uint64_t))
#define IDS         2

/* What is on its way. */
struct carried {
	uint64_t answer_count, put_off_count;
	uint64_t answers[MODEL_ANSWERS_MAX][2];
	uint64_t put_off[MODEL_PUT_OFF_MAX][2];
};

#define CARRIED (sizeof(struct carried) / sizeof(uint64_t))
#define WORDS   (1 + IDS + REGISTERS + CARRIED)

/* Of an answer: the stream; group, and above it code, a flag, the substream. */
#define ANSWER_CODE_SHIFT      16
#define ANSWER_HAS_SUBSTREAM   (1ULL << 20)
#define ANSWER_SUBSTREAM_SHIFT 24
#define ANSWER_FIRST_MASK      0xffffffffULL
#define ANSWER_SECOND_MASK                                                                         \
	(0x1ffULL | 0xfULL << ANSWER_CODE_SHIFT | ANSWER_HAS_SUBSTREAM |                           \
	 0xfffffULL << ANSWER_SUBSTREAM_SHIFT)

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

/* A unit with other features has other state. */
static void ids_of(const struct iommu_model_smmu *model, uint64_t ids[IDS])
{
	const struct iommu_model_smmu_config *config = &model->config;

	ids[0] = (uint64_t)config->idr1 << 32 | config->idr0;
	ids[1] = (uint64_t)config->idr5 << 32 | config->idr3;
}

/* --- What is on its way ----------------------------------------------------------------------- */

static struct carried carry(const struct iommu_model_smmu *model)
{
	struct carried carried = {
		.answer_count = model->answer_count,
		.put_off_count = model->put_off_count,
	};
	unsigned int i;

	for (i = 0; i < model->answer_count; i++) {
		const struct iommu_model_smmu_page_answer *answer = &model->answers[i];

		carried.answers[i][0] = answer->stream;
		carried.answers[i][1] = (answer->group & 0x1ffU) |
					(uint64_t)(answer->code & 0xf) << ANSWER_CODE_SHIFT |
					(answer->has_substream ? ANSWER_HAS_SUBSTREAM : 0) |
					(uint64_t)(answer->substream & 0xfffff)
						<< ANSWER_SUBSTREAM_SHIFT;
	}
	for (i = 0; i < model->put_off_count; i++) {
		carried.put_off[i][0] = model->put_off[i].words[0];
		carried.put_off[i][1] = model->put_off[i].words[1];
	}
	return carried;
}

static void go_on_with(struct iommu_model_smmu *model, const struct carried *carried)
{
	unsigned int i;

	model->answer_count = (unsigned int)carried->answer_count;
	for (i = 0; i < model->answer_count; i++) {
		const uint64_t word = carried->answers[i][1];

		model->answers[i] = (struct iommu_model_smmu_page_answer){
			.stream = (uint32_t)carried->answers[i][0],
			.has_substream = (word & ANSWER_HAS_SUBSTREAM) != 0,
			.substream = (uint32_t)(word >> ANSWER_SUBSTREAM_SHIFT) & 0xfffff,
			.group = (uint16_t)(word & 0x1ff),
			.code = (unsigned int)(word >> ANSWER_CODE_SHIFT) & 0xf,
		};
	}
	model->put_off_count = (unsigned int)carried->put_off_count;
	for (i = 0; i < model->put_off_count; i++)
		model->put_off[i] = smmu_command_of(carried->put_off[i][0], carried->put_off[i][1]);
}

static bool carried_is_sane(const struct iommu_model_smmu *model, const struct carried *carried)
{
	unsigned int i;

	if (carried->answer_count > MODEL_ANSWERS_MAX || carried->put_off_count > MODEL_PUT_OFF_MAX)
		return false;
	if (carried->put_off_count != 0 && !model_puts_off(model))
		return false;
	for (i = 0; i < carried->put_off_count; i++) {
		const struct smmu_command c =
			smmu_command_of(carried->put_off[i][0], carried->put_off[i][1]);

		if (!iommu_smmodel_may_be_put_off(model, &c))
			return false;
	}
	for (i = 0; i < carried->answer_count; i++)
		if ((carried->answers[i][0] & ~ANSWER_FIRST_MASK) != 0 ||
		    (carried->answers[i][1] & ~ANSWER_SECOND_MASK) != 0)
			return false;
	return carried->answer_count == 0 || model_idr0(model, SMMU_IDR0_PRI);
}

/* --- Saved and restored ----------------------------------------------------------------------- */

size_t iommu_model_smmu_save(struct iommu_model_smmu *model, void *bytes, size_t size)
{
	const uint64_t magic = STATE_MAGIC;
	unsigned char *at = bytes;
	struct carried carried;
	uint64_t ids[IDS];
	uintptr_t state;

	if (size < WORDS * 8)
		return WORDS * 8;
	ids_of(model, ids);
	state = iommu_smmodel_enter(model);
	carried = carry(model);
	at = put_words(at, &magic, 1);
	at = put_words(at, ids, IDS);
	at = put_words(at, (const uint64_t *)&model->regs, REGISTERS);
	(void)put_words(at, (const uint64_t *)&carried, CARRIED);
	iommu_smmodel_leave(model, state);
	return WORDS * 8;
}

/* The queue runs when the model is left. */
static void resume(struct iommu_model_smmu *model)
{
	iommu_smmodel_drop_caches(model);
	model->change_is_due = true;
	iommu_smmodel_stalls_resume(model);
	iommu_smmodel_queue_wake(model);
}

int iommu_model_smmu_restore(struct iommu_model_smmu *model, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	struct model_registers regs;
	uint64_t ids[IDS], own[IDS];
	struct carried carried;
	int status = IOMMU_EINVAL;
	uintptr_t state;

	if (size != WORDS * 8 || iommu_read_le64(at) != STATE_MAGIC)
		return iommu_log_refusal(
			model->platform, IOMMU_CALL, "",
			IOMMU_WHY("the bytes are no state that such a model has saved"),
			IOMMU_EINVAL);
	at = get_words(ids, at + 8, IDS);
	at = get_words((uint64_t *)&regs, at, REGISTERS);
	(void)get_words((uint64_t *)&carried, at, CARRIED);
	ids_of(model, own);
	state = iommu_smmodel_enter(model);
	if (ids[0] == own[0] && ids[1] == own[1] &&
	    iommu_smmodel_registers_are_sane(model, &regs) && carried_is_sane(model, &carried)) {
		iommu_smmodel_registers_reset(model);
		model->regs = regs;
		go_on_with(model, &carried);
		iommu_smmodel_notify_reset(model);
		resume(model);
		status = 0;
	}
	iommu_smmodel_leave(model, state);
	return status == 0 ? 0
			   : iommu_log_refusal(
				     model->platform, IOMMU_CALL, "",
				     IOMMU_WHY("the saved registers, or what was on its way, make "
					       "no sense on this model"),
				     status);
}
