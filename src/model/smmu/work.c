/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model delivers to the host, or asks of it, and the completions that depend on that: done
 * without the lock. Each call does bounded work, whatever other processors do meanwhile: what it
 * leaves is done by the next.
 */
#include "model/smmu/model.h"

static bool has_messages(const struct iommu_model_smmu *model)
{
	return model->misuse != NULL || model->resumes != 0 ||
	       iommu_smmodel_interrupts_have_work(model);
}

static void tell_misuse(struct iommu_model_smmu *model, uintptr_t *state)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	const char *misuse = model->misuse;
	unsigned int left;

	model->misuse = NULL;
	left = iommu_smmodel_spend(model, *state);
	if (host->misuse != NULL)
		host->misuse(host->ctx, misuse);
	*state = iommu_smmodel_come_back(model, left);
}

/*
 * Deliver a message, a resumption or a misuse, without the lock; true: there was something. What
 * arises during a callback, even by what the callback itself does, is delivered afterwards by the
 * same processor: otherwise a guest's queue would decide how deeply these calls nest.
 */
static bool tell_message(struct iommu_model_smmu *model, uintptr_t *state)
{
	if (!has_messages(model) || model->sending)
		return false;
	model->sending = true;
	if (model->misuse != NULL)
		tell_misuse(model, state);
	else if (!iommu_smmodel_stalls_tell(model, state))
		iommu_smmodel_interrupts_send(model, state);
	model->sending = false;
	/* A change of IRQ_CTRL may wait for it. */
	iommu_smmodel_control_wake(model);
	return true;
}

/* Deliver the first notice that is due, one at a time; true: there was one. */
static bool tell_notice(struct iommu_model_smmu *model, uintptr_t *state)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
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
	left = iommu_smmodel_spend(model, *state);
	answered = host->invalidate(host->ctx, &told.what);
	*state = iommu_smmodel_come_back(model, left);
	model->telling = false;
	iommu_smmodel_queue_wake(model);
	/* A queue that was turned off meanwhile did not ask, even if it is on again. */
	if (model->notices[place].serial != told.serial)
		return true;
	model->notices_open &= ~(1U << place);
	iommu_smmodel_control_wake(model);
	if (place == NOTICE_QUEUE && told.what.type == IOMMU_MODEL_SMMU_DEVICE_TLB)
		iommu_smmodel_queue_told(model, answered);
	return true;
}

/* Deliver an answer that is due to its device. */
static void give_first_answer(struct iommu_model_smmu *model, uintptr_t *state)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	const struct iommu_model_smmu_page_answer answer = model->answers[0];
	unsigned int left;

	model->answering++;
	model->answer_count--;
	model->answers[0] = model->answers[1];
	left = iommu_smmodel_spend(model, *state);
	if (host->page_answer != NULL)
		host->page_answer(host->ctx, &answer);
	*state = iommu_smmodel_come_back(model, left);
	model->answering--;
	/* The queue may have stopped for it. */
	iommu_smmodel_queue_wake(model);
}

/* While one is being delivered the others wait, as in tell_message. */
static bool has_answer(const struct iommu_model_smmu *model)
{
	return model->answer_count != 0 && model->answering == 0;
}

static bool give_answer(struct iommu_model_smmu *model, uintptr_t *state)
{
	if (!has_answer(model))
		return false;
	give_first_answer(model, state);
	return true;
}

static bool has_work(const struct iommu_model_smmu *model)
{
	return iommu_smmodel_queue_has_work(model) ||
	       (model->notices_wanted != 0 && !model->telling) || has_answer(model) ||
	       iommu_smmodel_control_has_work(model) || (has_messages(model) && !model->sending);
}

void iommu_smmodel_work(struct iommu_model_smmu *model, uintptr_t *state)
{
	while (model->budget != 0 &&
	       (tell_notice(model, state) || give_answer(model, state) ||
		tell_message(model, state) || iommu_smmodel_control_step(model) ||
		iommu_smmodel_queue_step(model, state)))
		;
}

/* Do what can be done without the lock, and release it for good; true: something is left. */
static bool finish(struct iommu_model_smmu *model, uintptr_t state)
{
	bool remains;

	iommu_smmodel_work(model, &state);
	remains = has_work(model);
	__atomic_store_n(&model->work_is_left, remains, __ATOMIC_RELAXED);
	(void)iommu_smmodel_go_out(model, state);
	return remains;
}

void iommu_smmodel_leave(struct iommu_model_smmu *model, uintptr_t state)
{
	const struct iommu_model_smmu_host *host = &model->config.host;

	if (finish(model, state) && host->work_remains != NULL)
		host->work_remains(host->ctx);
}

void iommu_smmodel_owe_answer(struct iommu_model_smmu *model, uintptr_t *state,
			      const struct iommu_model_smmu_page_answer *answer)
{
	/* Other processors may owe some, too. */
	while (model->answer_count == MODEL_ANSWERS_MAX)
		give_first_answer(model, state);
	model->answers[model->answer_count++] = *answer;
}

bool iommu_model_smmu_run(struct iommu_model_smmu *model)
{
	return finish(model, iommu_smmodel_enter(model));
}

/* --- The end of a request --------------------------------------------------------------------- */

/* The tag of a stalled request is part of its record. False: it is no longer stalled. */
static bool record(struct iommu_model_smmu *model, uintptr_t *state, struct smmu_event *event,
		   uint16_t *tag)
{
	const struct model_record what = {MODEL_EVENTS, event->words, SMMU_EVENT_WORDS, false,
					  tag != NULL};
	enum model_put put;

	model->event_total++;
	if (tag != NULL) {
		if (!iommu_smmodel_stall_begin(model, smmu_event_sid(event), tag))
			return false;
		smmu_set(event->words, SMMU_EVENT_STALL, 1);
		smmu_set(event->words, SMMU_EVENT_STAG, *tag);
	}
	put = iommu_smmodel_ring_put(model, state, &what);
	if (tag != NULL && put != MODEL_PUT)
		iommu_smmodel_stall_untold(model, *tag);
	return true;
}

bool iommu_smmodel_passage_end(struct iommu_model_smmu *model, struct model_passage *passage,
			       struct smmu_event *event, uint16_t *tag)
{
	bool stalls = true, wakes = false;
	uintptr_t state;

	if (event == NULL)
		wakes = model_passage_end(passage);
	if (event == NULL && !wakes &&
	    (passage->peeks || __atomic_load_n(&model->work_is_left, __ATOMIC_RELAXED) == 0))
		return true;
	state = iommu_smmodel_enter(model);
	if (event != NULL) {
		/* Recorded before the completions that wait for the walk. */
		stalls = record(model, &state, event, tag) || tag == NULL;
		if (!stalls)
			(void)record(model, &state, event, NULL);
		wakes = model_passage_end(passage);
	}
	if (wakes) {
		iommu_smmodel_control_wake(model);
		iommu_smmodel_queue_wake(model);
	}
	iommu_smmodel_leave(model, state);
	return stalls;
}
