/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * In and out of the model: one lock, and whatever there is to tell the host is told without it.
 */
#include "model/vtd.h"

uintptr_t iommu_model_enter(struct iommu_model_vtd *model)
{
	return iommu_spin_lock(model->platform, &model->lock);
}

/* Tell what there is to tell, without the lock; true: there was something. */
static bool tell(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct model_message messages[] = {model->fault_message, model->wait_message,
						 model->request_message};
	const char *misuse = model->misuse;
	unsigned int i;

	if (misuse == NULL && !messages[0].wanted && !messages[1].wanted && !messages[2].wanted)
		return false;
	model->misuse = NULL;
	model->fault_message.wanted = false;
	model->wait_message.wanted = false;
	model->request_message.wanted = false;
	iommu_spin_unlock(model->platform, &model->lock, *state);
	for (i = 0; i < 3; i++)
		if (messages[i].wanted && host->interrupt != NULL)
			host->interrupt(host->ctx, messages[i].address, messages[i].data);
	if (misuse != NULL && host->misuse != NULL)
		host->misuse(host->ctx, misuse);
	*state = iommu_spin_lock(model->platform, &model->lock);
	return true;
}

/* Ask the device that the queue has stopped for; true: there was one to ask. */
static bool ask_device(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	bool answered = true;

	if (!model->device_asked || model->queue_busy)
		return false;
	model->device_asked = false;
	model->queue_busy = true;
	if (host->invalidate_device_tlb != NULL) {
		const struct iommu_model_device_tlb asked = model->asked;

		iommu_spin_unlock(model->platform, &model->lock, *state);
		answered = host->invalidate_device_tlb(host->ctx, &asked);
		*state = iommu_spin_lock(model->platform, &model->lock);
	}
	model->queue_busy = false;
	iommu_model_queue_answered(model, answered);
	return true;
}

/* Give a device its answer; true: there was one. */
static bool give_answer(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const struct iommu_model_page_answer answer = model->answer;

	if (!model->answer_due)
		return false;
	model->answer_due = false;
	iommu_spin_unlock(model->platform, &model->lock, *state);
	host->page_answer(host->ctx, &answer);
	*state = iommu_spin_lock(model->platform, &model->lock);
	/* The queue has stopped for it, perhaps. */
	iommu_model_queue_run(model);
	return true;
}

void iommu_model_leave(struct iommu_model_vtd *model, uintptr_t state)
{
	while (ask_device(model, &state) || give_answer(model, &state) || tell(model, &state))
		;
	iommu_spin_unlock(model->platform, &model->lock, state);
}
