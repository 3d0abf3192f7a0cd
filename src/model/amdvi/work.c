/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model delivers to the host, or asks of it, and the completions that depend on that: done
 * without the lock. Each call does bounded work, whatever other processors do meanwhile: what it
 * leaves is done by the next.
 */
#include "model/amdvi/model.h"

static bool has_messages(const struct iommu_model_amdvi *model)
{
	return model->misuse != NULL || model->regs.signals != 0;
}

static void tell_misuse(struct iommu_model_amdvi *model, uintptr_t *state)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	const char *misuse = model->misuse;
	unsigned int left;

	model->misuse = NULL;
	left = iommu_amdmodel_spend(model, *state);
	if (host->misuse != NULL)
		host->misuse(host->ctx, misuse);
	*state = iommu_amdmodel_come_back(model, left);
}

/*
 * Deliver an interrupt or a misuse, without the lock; true: there was something. What arises during
 * a callback, even by what the callback itself does, is delivered afterwards by the same processor:
 * otherwise a guest's commands would decide how deeply these calls nest.
 */
static bool tell_message(struct iommu_model_amdvi *model, uintptr_t *state)
{
	if (!has_messages(model) || model->sending)
		return false;
	model->sending = true;
	if (model->misuse != NULL)
		tell_misuse(model, state);
	else
		iommu_amdmodel_interrupts_send(model, state);
	model->sending = false;
	return true;
}

/* Deliver the first notice that is due, one at a time; true: there was one. */
static bool tell_notice(struct iommu_model_amdvi *model, uintptr_t *state)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	struct model_notice told;
	unsigned int place = 0;
	unsigned int left;
	bool answered;

	if (model->notices_wanted == 0 || model->telling)
		return false;
	while ((model->notices_wanted >> place & 1) == 0)
		place++;
	told = model->notices[place];
	model->notices_wanted &= ~(1U << place);
	model->telling = true;
	left = iommu_amdmodel_spend(model, *state);
	answered = host->invalidate(host->ctx, &told.what);
	*state = iommu_amdmodel_come_back(model, left);
	model->telling = false;
	iommu_amdmodel_queue_wake(model);
	/* A command buffer that was turned off meanwhile did not ask, even if it is on again. */
	if (model->notices[place].serial != told.serial)
		return true;
	model->notices_open &= ~(1U << place);
	if (place == NOTICE_QUEUE)
		iommu_amdmodel_queue_told(model, state, &told, answered);
	return true;
}

/* Deliver an answer that is due to its device. */
static void give_first_answer(struct iommu_model_amdvi *model, uintptr_t *state)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	const struct iommu_model_amdvi_page_answer answer = model->answers[0];
	unsigned int left;

	model->answering++;
	model->answer_count--;
	model->answers[0] = model->answers[1];
	left = iommu_amdmodel_spend(model, *state);
	if (host->page_answer != NULL)
		host->page_answer(host->ctx, &answer);
	*state = iommu_amdmodel_come_back(model, left);
	model->answering--;
	/* The command buffer may have stopped for it. */
	iommu_amdmodel_queue_wake(model);
}

/* While one is being delivered the others wait, as in tell_message. */
static bool has_answer(const struct iommu_model_amdvi *model)
{
	return model->answer_count != 0 && model->answering == 0;
}

static bool give_answer(struct iommu_model_amdvi *model, uintptr_t *state)
{
	if (!has_answer(model))
		return false;
	give_first_answer(model, state);
	return true;
}

static bool has_work(const struct iommu_model_amdvi *model)
{
	return iommu_amdmodel_queue_has_work(model) ||
	       (model->notices_wanted != 0 && !model->telling) || has_answer(model) ||
	       (has_messages(model) && !model->sending);
}

void iommu_amdmodel_work(struct iommu_model_amdvi *model, uintptr_t *state)
{
	while (model->budget != 0 &&
	       (tell_notice(model, state) || give_answer(model, state) ||
		tell_message(model, state) || iommu_amdmodel_queue_step(model, state)))
		;
}

/* Do what can be done without the lock, and release it for good; true: something is left. */
static bool finish(struct iommu_model_amdvi *model, uintptr_t state)
{
	bool remains;

	iommu_amdmodel_work(model, &state);
	remains = has_work(model);
	__atomic_store_n(&model->work_is_left, remains, __ATOMIC_RELAXED);
	(void)iommu_amdmodel_go_out(model, state);
	return remains;
}

void iommu_amdmodel_leave(struct iommu_model_amdvi *model, uintptr_t state)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;

	if (finish(model, state) && host->work_remains != NULL)
		host->work_remains(host->ctx);
}

void iommu_amdmodel_owe_answer(struct iommu_model_amdvi *model, uintptr_t *state,
			       const struct iommu_model_amdvi_page_answer *answer)
{
	/* Other processors may owe some, too. */
	while (model->answer_count == MODEL_ANSWERS_MAX)
		give_first_answer(model, state);
	model->answers[model->answer_count++] = *answer;
}

bool iommu_model_amdvi_run(struct iommu_model_amdvi *model)
{
	return finish(model, iommu_amdmodel_enter(model));
}

/* --- The end of a request --------------------------------------------------------------------- */

void iommu_amdmodel_passage_end(struct iommu_model_amdvi *model, struct model_passage *passage,
				const struct model_traces *traces)
{
	const bool leaves_traces = traces != NULL && (traces->has_event || traces->has_guest);
	bool wakes = false;
	uintptr_t state;

	if (!leaves_traces)
		wakes = model_passage_end(passage);
	if (!leaves_traces && !wakes &&
	    (passage->peeks || __atomic_load_n(&model->work_is_left, __ATOMIC_RELAXED) == 0))
		return;
	state = iommu_amdmodel_enter(model);
	if (leaves_traces) {
		/* Logged before the completions that wait for the walk. */
		if (traces->has_event)
			iommu_amdmodel_log_event(model, &state, &traces->event);
		if (traces->has_guest)
			(void)iommu_amdmodel_ring_put(model, &state, MODEL_GUESTS, &traces->guest);
		wakes = model_passage_end(passage);
	}
	if (wakes)
		iommu_amdmodel_queue_wake(model);
	iommu_amdmodel_leave(model, state);
}
