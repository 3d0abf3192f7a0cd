/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: into the log, or answered by the unit itself (48882, "Peripheral Page Request
 * (PPR) Logging"). A device may send them when its entry says so; others are an event, and get the
 * answer that they will never be served.
 */
#include <libiommu/status.h>

#include "model/amdvi/journey.h"

/* PCI Express: codes of answers. */
#define ANSWER_FAILURE 15U

static bool is_stop_marker(const struct iommu_model_amdvi_page_message *request)
{
	return request->is_last && request->has_pasid && request->access == 0;
}

static struct amdvi_page_request record_of(const struct iommu_model_amdvi_page_message *request)
{
	struct amdvi_page_request record = {{0}};
	amdvi_word_t *words = record.words;

	amdvi_set(words, AMDVI_PPR_CODE, AMDVI_PPR_CODE_FAULT);
	amdvi_set(words, AMDVI_PPR_DEVID, request->devid);
	amdvi_set(words, AMDVI_PPR_TAG, request->group);
	amdvi_set(words, AMDVI_PPR_LAST, request->is_last ? 1 : 0);
	amdvi_set(words, AMDVI_PPR_READ, (request->access & IOMMU_PROT_READ) != 0 ? 1 : 0);
	amdvi_set(words, AMDVI_PPR_WRITE, (request->access & IOMMU_PROT_WRITE) != 0 ? 1 : 0);
	amdvi_set_address(words, AMDVI_PPR_ADDRESS, request->address);
	if (!request->has_pasid)
		return record;
	amdvi_page_request_set_pasid(&record, request->pasid);
	amdvi_set(words, AMDVI_PPR_USER, request->privileged ? 0 : 1);
	amdvi_set(words, AMDVI_PPR_EXECUTE, request->execute ? 1 : 0);
	return record;
}

/* --- May the device ask? ---------------------------------------------------------------------- */

static struct amdvi_event invalid_request(const struct iommu_model_amdvi_page_message *request)
{
	struct amdvi_event event =
		amdvi_event_of(AMDVI_INVALID_PPR_REQUEST, request->devid, request->address);

	amdvi_set(event.words, AMDVI_EVENT_PPR_TAG, request->group);
	amdvi_set(event.words, AMDVI_EVENT_PPR_RX,
		  !request->is_last || is_stop_marker(request) ? 1 : 0);
	if (request->has_pasid) {
		amdvi_set(event.words, AMDVI_EVENT_PPR_GN, 1);
		amdvi_set(event.words, AMDVI_EVENT_PPR_PASID_15_0, request->pasid);
		amdvi_set(event.words, AMDVI_EVENT_PPR_PASID_19_16, request->pasid >> 16);
	}
	return event;
}

static unsigned int look_at_device(struct journey *j)
{
	unsigned int code = iommu_amdmodel_find_device(j);

	if (code == 0 && amdvi_has(j->dte.words, AMDVI_DTE_V))
		code = iommu_amdmodel_check_memory_half(j);
	if (code != 0)
		return code;
	return amdvi_has(j->dte.words, AMDVI_DTE_V) && amdvi_has(j->dte.words, AMDVI_DTE_PPR)
		       ? 0
		       : AMDVI_INVALID_PPR_REQUEST;
}

/* To its end it is a walk. */
static unsigned int ask_device(struct iommu_model_amdvi *model, struct model_passage *passage,
			       const struct iommu_model_amdvi_page_message *request,
			       struct model_traces *traces, bool *keeps_pasid)
{
	struct journey j;
	unsigned int code;

	*keeps_pasid = false;
	do {
		iommu_amdmodel_journey_begin(&j, model, passage, request->devid, request->address);
		j.has_pasid = request->has_pasid;
		j.pasid = request->pasid;
		if (!journey_control(&j, AMDVI_CONTROL_IOMMU_EN) ||
		    !journey_control(&j, AMDVI_CONTROL_PPR_EN))
			code = AMDVI_INVALID_PPR_REQUEST;
		else
			code = look_at_device(&j);
	} while (code == MODEL_AGAIN || !model_passage_holds(passage));
	*keeps_pasid = code == 0 && amdvi_has(j.dte.words, AMDVI_DTE_GPRP);
	iommu_amdmodel_leave_traces(&j, code, traces);
	if (code == AMDVI_INVALID_PPR_REQUEST)
		traces->event = invalid_request(request);
	return code;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Only the last request of a group is answered, and a stop marker never. */
static void answer(struct iommu_model_amdvi *model, uintptr_t *state,
		   const struct iommu_model_amdvi_page_message *request, unsigned int code,
		   bool keeps_pasid)
{
	const bool has_pasid = keeps_pasid && request->has_pasid;
	const struct iommu_model_amdvi_page_answer owed = {
		.devid = request->devid,
		.has_pasid = has_pasid,
		.pasid = has_pasid ? request->pasid : 0,
		.group = request->group,
		.code = code,
	};

	if (request->is_last && !is_stop_marker(request) && model->config.host.page_answer != NULL)
		iommu_amdmodel_owe_answer(model, state, &owed);
}

/* PprAutoRspAon answers them all, and logs none. */
static int put(struct iommu_model_amdvi *model, uintptr_t *state,
	       const struct iommu_model_amdvi_page_message *request, bool keeps_pasid)
{
	const bool always = model_control(model, AMDVI_CONTROL_PPR_AUTO_AON);
	const unsigned int automatic = (unsigned int)model->regs.auto_response & 0xf;
	const struct amdvi_page_request record = record_of(request);
	enum model_put put = MODEL_PUT_FULL;

	if (!always)
		put = iommu_amdmodel_ring_put(model, state, MODEL_REQUESTS, record.words);
	if (put == MODEL_PUT)
		return 0;
	if (put == MODEL_PUT_FAILED) {
		answer(model, state, request, ANSWER_FAILURE, keeps_pasid);
		return IOMMU_EFAULT;
	}
	if (always || model_control(model, AMDVI_CONTROL_PPR_AUTO_EN))
		answer(model, state, request, automatic, keeps_pasid);
	return IOMMU_ENOSPC;
}

int iommu_model_amdvi_page_request(struct iommu_model_amdvi *model,
				   const struct iommu_model_amdvi_page_message *request)
{
	struct model_traces traces = {0};
	struct model_passage passage;
	bool keeps_pasid;
	uintptr_t state;
	unsigned int code;
	int status;

	model_passage_begin(&passage, &model->cache, false);
	(void)model_passage_walks(&passage);
	code = ask_device(model, &passage, request, &traces, &keeps_pasid);
	state = iommu_amdmodel_enter(model);
	if (code != 0) {
		answer(model, &state, request, ANSWER_FAILURE, false);
		status = IOMMU_EFAULT;
	} else {
		status = put(model, &state, request, keeps_pasid);
	}
	iommu_amdmodel_leave(model, state);
	iommu_amdmodel_passage_end(model, &passage, &traces);
	return status;
}
