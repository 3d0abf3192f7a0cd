/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In and out of the model: one lock, and whatever there is to tell the host is told without it.
 * Each entry does bounded work, whatever other processors do meanwhile: what it leaves goes on at
 * the next.
 */
#include "model/vtd.h"

uintptr_t iommu_model_enter(struct iommu_model_vtd *model)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

uintptr_t iommu_model_enter_to_walk(struct iommu_model_vtd *model)
{
	const uintptr_t state = iommu_model_cache_lock(&model->cache, &model->lock);

	model->budget = MODEL_BUDGET;
	return state;
}

/* Let go of the lock, for one piece of work of this entry; answers what the entry may still do. */
static unsigned int go_out(struct iommu_model_vtd *model, uintptr_t state)
{
	const unsigned int left = model->budget != 0 ? model->budget - 1 : 0;

	iommu_spin_unlock(model->platform, &model->lock, state);
	return left;
}

/* The budget is that of the entry, not of another that came in meanwhile. */
static uintptr_t come_back(struct iommu_model_vtd *model, unsigned int left)
{
	const uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	model->budget = left;
	return state;
}

static bool has_messages(const struct iommu_model_vtd *model)
{
	return model->misuse != NULL || model->fault_message.wanted || model->wait_message.wanted ||
	       model->request_message.wanted;
}

/* Tell what there is to tell, without the lock; true: there was something. */
static bool tell(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct model_message messages[] = {model->fault_message, model->wait_message,
						 model->request_message};
	const char *misuse = model->misuse;
	unsigned int i, left;

	if (!has_messages(model))
		return false;
	model->misuse = NULL;
	model->fault_message.wanted = false;
	model->wait_message.wanted = false;
	model->request_message.wanted = false;
	left = go_out(model, *state);
	for (i = 0; i < 3; i++)
		if (messages[i].wanted && host->interrupt != NULL)
			host->interrupt(host->ctx, messages[i].address, messages[i].data);
	if (misuse != NULL && host->misuse != NULL)
		host->misuse(host->ctx, misuse);
	*state = come_back(model, left);
	return true;
}

/* Tell the host the first of what it is to be told, one at a time; true: there was something. */
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
	left = go_out(model, *state);
	answered = iommu_model_tell_notice(&model->config.host, &told.what);
	*state = come_back(model, left);
	model->telling = false;
	/* A queue that was turned off meanwhile did not ask, even if it is on again. */
	if (model->notices[place].serial == told.serial)
		iommu_model_notice_told(model, (enum model_notice_place)place, answered);
	iommu_model_queue_run(model);
	return true;
}

/* Give a device its answer; true: there was one. */
static bool give_answer(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct iommu_model_page_answer answer = model->answers[0];
	unsigned int left;

	if (model->answer_count == 0)
		return false;
	model->answer_count--;
	model->answers[0] = model->answers[1];
	left = go_out(model, *state);
	if (host->page_answer != NULL)
		host->page_answer(host->ctx, &answer);
	*state = come_back(model, left);
	/* The queue has stopped for it, perhaps. */
	iommu_model_queue_run(model);
	return true;
}

/* Let others in between two slices of the queue; true: there was another. */
static bool go_on(struct iommu_model_vtd *model, uintptr_t *state)
{
	if (!model->queue_left)
		return false;
	*state = come_back(model, go_out(model, *state));
	iommu_model_queue_run(model);
	return true;
}

static bool has_work(const struct iommu_model_vtd *model)
{
	return model->queue_left || (model->notices_wanted != 0 && !model->telling) ||
	       model->answer_count != 0 || has_messages(model);
}

/* Do what can be done without the lock, and let go of it for good; true: something is left. */
static bool finish(struct iommu_model_vtd *model, uintptr_t state)
{
	bool remains;

	while (model->budget != 0 && (tell_notice(model, &state) || give_answer(model, &state) ||
				      tell(model, &state) || go_on(model, &state)))
		;
	/* A message of what was done is not held back. */
	(void)tell(model, &state);
	remains = has_work(model);
	iommu_spin_unlock(model->platform, &model->lock, state);
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

bool iommu_model_vtd_run(struct iommu_model_vtd *model)
{
	return finish(model, iommu_model_enter(model));
}
