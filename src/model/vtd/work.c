/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the model delivers to the host, or asks of it, and the completions that depend on that: done
 * without the lock. Each call does bounded work, whatever other processors do meanwhile: what it
 * leaves is done by the next.
 */
#include "model/vtd/counters.h"

/* Budget for one piece of work of this call. */
static unsigned int spend(struct iommu_model_vtd *model, uintptr_t state)
{
	const unsigned int left = iommu_model_go_out(model, state);

	return left != 0 ? left - 1 : 0;
}

static bool has_messages(const struct iommu_model_vtd *model)
{
	return model->misuse != NULL || model->fault_message.wanted || model->wait_message.wanted ||
	       model->request_message.wanted ||
	       (model->perf != NULL && model->perf->message.wanted);
}

/*
 * Deliver messages and misuse, without the lock; true: there was something. What arises during a
 * callback, even by what the callback itself does, is delivered afterwards by the same processor:
 * otherwise a guest's queue would decide how deeply these calls nest.
 */
static bool messages_tell(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct model_message messages[] = {
		model->fault_message, model->wait_message, model->request_message,
		model->perf != NULL ? model->perf->message : (struct model_message){0}};
	const char *misuse = model->misuse;
	unsigned int i, left;

	if (!has_messages(model) || model->sending)
		return false;
	model->sending = true;
	model->misuse = NULL;
	model->fault_message.wanted = false;
	model->wait_message.wanted = false;
	model->request_message.wanted = false;
	if (model->perf != NULL)
		model->perf->message.wanted = false;
	left = spend(model, *state);
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].wanted && host->interrupt != NULL)
			host->interrupt(host->ctx, messages[i].address, messages[i].data);
	if (misuse != NULL && host->misuse != NULL)
		host->misuse(host->ctx, misuse);
	*state = iommu_model_come_back(model, left);
	model->sending = false;
	return true;
}

/*
 * The host's callback has returned: when the walks before have ended, too, the guest sees
 * completion.
 */
static void notice_told(struct iommu_model_vtd *model, enum model_notice_place place, bool answered)
{
	model->notices_open &= ~(1U << place);
	switch (place) {
	case NOTICE_COMMAND:
		model->command_is_due |= model->command_has_begun;
		break;
	case NOTICE_PROTECTION:
		model->protection_is_due = true;
		break;
	case NOTICE_CONTEXT:
		model->context.is_due = true;
		break;
	case NOTICE_IOTLB:
		model->iotlb.is_due = true;
		break;
	case NOTICE_QUEUE:
		iommu_model_queue_answered(model, answered);
		break;
	case NOTICE_RESET:
	case MODEL_NOTICES:
		break;
	}
}

/* Deliver the first notice that is due, one at a time; true: there was one. */
static bool tell_notice(struct iommu_model_vtd *model, uintptr_t *state)
{
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
	left = spend(model, *state);
	answered = iommu_model_tell_notice(&model->config.host, &told.what);
	*state = iommu_model_come_back(model, left);
	model->telling = false;
	/* A queue that was turned off meanwhile did not ask, even if it is on again. */
	if (model->notices[place].serial == told.serial)
		notice_told(model, (enum model_notice_place)place, answered);
	iommu_model_queue_wake(model);
	return true;
}

/* Deliver an answer that is due to its device. */
static void give_first_answer(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct iommu_model_page_answer answer = model->answers[0];
	unsigned int left;

	model->answering++;
	model->answer_count--;
	model->answers[0] = model->answers[1];
	left = spend(model, *state);
	if (host->page_answer != NULL)
		host->page_answer(host->ctx, &answer);
	*state = iommu_model_come_back(model, left);
	model->answering--;
	/* The queue may have stopped for it. */
	iommu_model_queue_wake(model);
}

/* While one is being delivered the others wait, as in messages_tell. */
static bool has_answer(const struct iommu_model_vtd *model)
{
	return model->answer_count != 0 && model->answering == 0;
}

static bool give_answer(struct iommu_model_vtd *model, uintptr_t *state)
{
	if (!has_answer(model))
		return false;
	give_first_answer(model, state);
	return true;
}

static bool has_work(const struct iommu_model_vtd *model)
{
	return iommu_model_queue_has_work(model) ||
	       (model->notices_wanted != 0 && !model->telling) || has_answer(model) ||
	       iommu_model_commands_have_work(model) ||
	       iommu_model_register_commands_have_work(model) ||
	       (has_messages(model) && !model->sending);
}

void iommu_model_work(struct iommu_model_vtd *model, uintptr_t *state)
{
	while (model->budget != 0 &&
	       (tell_notice(model, state) || give_answer(model, state) ||
		messages_tell(model, state) || iommu_model_commands_step(model, state) ||
		iommu_model_register_commands_step(model, state) ||
		iommu_model_queue_step(model, state)))
		;
}

/* Do what can be done without the lock, and release it for good; true: something is left. */
static bool finish(struct iommu_model_vtd *model, uintptr_t state)
{
	bool remains;

	iommu_model_work(model, &state);
	/* Messages about completed work are not held back. */
	(void)messages_tell(model, &state);
	remains = has_work(model);
	__atomic_store_n(&model->work_is_left, remains, __ATOMIC_RELAXED);
	(void)iommu_model_go_out(model, state);
	return remains;
}

void iommu_model_leave(struct iommu_model_vtd *model, uintptr_t state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;

	if (finish(model, state) && host->work_remains != NULL)
		host->work_remains(host->ctx);
}

void iommu_model_give_answers(struct iommu_model_vtd *model, uintptr_t *state)
{
	while (model->budget != 0 && give_answer(model, state))
		;
}

void iommu_model_owe_answer(struct iommu_model_vtd *model, uintptr_t *state,
			    const struct iommu_model_page_answer *answer)
{
	/* Other processors may owe some, too. */
	while (model->answer_count == MODEL_ANSWERS_MAX)
		give_first_answer(model, state);
	model->answers[model->answer_count++] = *answer;
}

bool iommu_model_vtd_run(struct iommu_model_vtd *model)
{
	return finish(model, iommu_model_enter(model));
}

void iommu_model_walks_ended(struct iommu_model_vtd *model)
{
	model->command_is_due |= model->command_has_begun;
	model->context.is_due |= model->context.is_dropped;
	model->iotlb.is_due |= model->iotlb.is_dropped;
	model->protection_is_due |= model->protection_ticket != 0;
	iommu_model_queue_wake(model);
}

/* --- Passages --------------------------------------------------------------------------------- */

void iommu_model_passage_end(struct iommu_model_vtd *model, struct model_passage *passage,
			     const struct model_fault *fault, const char *misuse)
{
	bool wakes = false;
	uintptr_t state;

	if (fault == NULL)
		wakes = model_passage_end(passage);
	if (fault == NULL && !wakes && misuse == NULL &&
	    (passage->peeks || __atomic_load_n(&model->work_is_left, __ATOMIC_RELAXED) == 0))
		return;
	state = iommu_model_enter(model);
	if (fault != NULL) {
		/* Recorded before the completions that wait for the walk. */
		iommu_model_fault_record(model, fault);
		wakes = model_passage_end(passage);
	}
	if (misuse != NULL)
		model_misuse(model, misuse);
	if (wakes)
		iommu_model_walks_ended(model);
	iommu_model_leave(model, state);
}
