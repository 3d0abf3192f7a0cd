/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a model for migration, in little-endian words: the magic, the registers of features,
 * the registers, and what is in progress: answers that are not delivered, and commands that a lazy
 * unit has put off.
 */
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/amdvi/model.h"

#define STATE_MAGIC 0x31444f4d444d41ULL /* "AMDMOD1" */
#define REGISTERS   (sizeof(struct model_registers) / sizeof(uint64_t))
#define IDS         3

/* What is on its way. */
struct carried {
	uint64_t answer_count, put_off_count;
	uint64_t answers[MODEL_ANSWERS_MAX];
	uint64_t put_off[MODEL_PUT_OFF_MAX][3]; /* command, place */
};

#define CARRIED (sizeof(struct carried) / sizeof(uint64_t))
#define WORDS   (1 + IDS + REGISTERS + CARRIED)

/* Of an answer: device id, tag, code, a flag, PASID. */
#define ANSWER_GROUP_SHIFT 16
#define ANSWER_CODE_SHIFT  25
#define ANSWER_HAS_PASID   (1ULL << 29)
#define ANSWER_PASID_SHIFT 32
#define ANSWER_ALL_BITS    0x000fffff3fffffffULL

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
static void ids_of(const struct iommu_model_amdvi *model, uint64_t ids[IDS])
{
	const struct iommu_model_amdvi_config *config = &model->config;

	ids[0] = config->efr;
	ids[1] = config->efr2;
	ids[2] = (uint64_t)config->flags << 32 | config->physical_bits;
}

/* --- What is on its way ----------------------------------------------------------------------- */

static struct carried carry(const struct iommu_model_amdvi *model)
{
	struct carried carried = {
		.answer_count = model->answer_count,
		.put_off_count = model->put_off_count,
	};
	unsigned int i;

	for (i = 0; i < model->answer_count; i++) {
		const struct iommu_model_amdvi_page_answer *answer = &model->answers[i];

		carried.answers[i] = answer->devid |
				     (uint64_t)(answer->group & 0x1ffU) << ANSWER_GROUP_SHIFT |
				     (uint64_t)(answer->code & 0xf) << ANSWER_CODE_SHIFT |
				     (answer->has_pasid ? ANSWER_HAS_PASID : 0) |
				     (uint64_t)(answer->pasid & 0xfffff) << ANSWER_PASID_SHIFT;
	}
	for (i = 0; i < model->put_off_count; i++) {
		carried.put_off[i][0] = model->put_off[i].command.words[0];
		carried.put_off[i][1] = model->put_off[i].command.words[1];
		carried.put_off[i][2] = model->put_off[i].place;
	}
	return carried;
}

static void go_on_with(struct iommu_model_amdvi *model, const struct carried *carried)
{
	unsigned int i;

	model->answer_count = (unsigned int)carried->answer_count;
	for (i = 0; i < model->answer_count; i++) {
		const uint64_t word = carried->answers[i];

		model->answers[i] = (struct iommu_model_amdvi_page_answer){
			.devid = (uint16_t)word,
			.has_pasid = (word & ANSWER_HAS_PASID) != 0,
			.pasid = (uint32_t)(word >> ANSWER_PASID_SHIFT) & 0xfffff,
			.group = (uint16_t)(word >> ANSWER_GROUP_SHIFT & 0x1ff),
			.code = (unsigned int)(word >> ANSWER_CODE_SHIFT) & 0xf,
		};
	}
	model->put_off_count = (unsigned int)carried->put_off_count;
	for (i = 0; i < model->put_off_count; i++) {
		const uint64_t *words = carried->put_off[i];

		model->put_off[i].command = amdvi_command_of(words[0], words[1]);
		model->put_off[i].place = words[2];
	}
}

static bool carried_is_sane(const struct iommu_model_amdvi *model, const struct carried *carried)
{
	unsigned int i;

	if (carried->answer_count > MODEL_ANSWERS_MAX || carried->put_off_count > MODEL_PUT_OFF_MAX)
		return false;
	if (carried->put_off_count != 0 && !model_puts_off(model))
		return false;
	for (i = 0; i < carried->put_off_count; i++) {
		const struct amdvi_command c =
			amdvi_command_of(carried->put_off[i][0], carried->put_off[i][1]);

		if (!iommu_amdmodel_may_be_put_off(model, &c))
			return false;
	}
	for (i = 0; i < carried->answer_count; i++)
		if ((carried->answers[i] & ~ANSWER_ALL_BITS) != 0)
			return false;
	return carried->answer_count == 0 || model_efr(model, AMDVI_EFR_PPR);
}

/* --- Saved and restored ----------------------------------------------------------------------- */

size_t iommu_model_amdvi_save(struct iommu_model_amdvi *model, void *bytes, size_t size)
{
	const uint64_t magic = STATE_MAGIC;
	unsigned char *at = bytes;
	struct carried carried;
	uint64_t ids[IDS];
	uintptr_t state;
	unsigned int i;

	if (size < WORDS * 8)
		return WORDS * 8;
	ids_of(model, ids);
	state = iommu_amdmodel_enter(model);
	/* What is late arrives before the guest's memory is saved. */
	for (i = 0; i < MODEL_RINGS; i++)
		iommu_amdmodel_ring_write_late(model, &state, (enum model_ring_kind)i);
	carried = carry(model);
	at = put_words(at, &magic, 1);
	at = put_words(at, ids, IDS);
	at = put_words(at, (const uint64_t *)&model->regs, REGISTERS);
	(void)put_words(at, (const uint64_t *)&carried, CARRIED);
	iommu_amdmodel_leave(model, state);
	return WORDS * 8;
}

int iommu_model_amdvi_restore(struct iommu_model_amdvi *model, const void *bytes, size_t size)
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
	state = iommu_amdmodel_enter(model);
	if (memcmp(ids, own, sizeof(ids)) == 0 && iommu_amdmodel_registers_are_sane(model, &regs) &&
	    carried_is_sane(model, &carried)) {
		iommu_amdmodel_registers_reset(model);
		model->regs = regs;
		go_on_with(model, &carried);
		iommu_amdmodel_notify_reset(model);
		iommu_amdmodel_drop_caches(model);
		/* The command buffer runs when the model is left. */
		iommu_amdmodel_queue_wake(model);
		status = 0;
	}
	iommu_amdmodel_leave(model, state);
	return status == 0 ? 0
			   : iommu_log_refusal(
				     model->platform, IOMMU_CALL, "",
				     IOMMU_WHY("the saved registers, or what was on its way, make "
					       "no sense on this model"),
				     status);
}
