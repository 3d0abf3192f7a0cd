/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: the ring that the unit fills, its overflow, and what it answers by itself (VT-d specification,
 * "Page Requests" and "Page Request Queue").
 */
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/status.h>

#include "model/vtd_journey.h"

static uint64_t ring_bytes(const struct iommu_model_vtd *model)
{
	return IOMMU_PAGE_SIZE << (model->regs.pqa & 7);
}

static bool ring_is_full(const struct iommu_model_vtd *model)
{
	const struct model_registers *regs = &model->regs;

	return ((regs->pqt + sizeof(struct vtd_page_request)) & (ring_bytes(model) - 1)) ==
	       regs->pqh;
}

static void note(struct iommu_model_vtd *model, uint32_t bit)
{
	const bool before = (model->regs.prs & (VTD_PRS_PPR | VTD_PRS_PRO)) != 0;

	model->regs.prs |= bit;
	if (!before)
		iommu_model_request_event(model);
}

static bool put(struct iommu_model_vtd *model, const struct iommu_model_page_request *request)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
	const uint64_t place = (model->regs.pqa & VTD_ENTRY_ADDRESS_MASK) + model->regs.pqt;
	const uint64_t words[2] = {
		iommu_le64(VTD_PAGE_REQUEST_TYPE |
			   (request->has_pasid ? VTD_PAGE_REQUEST_HAS_PASID : 0) |
			   (uint64_t)request->source_id << 16 |
			   (request->has_pasid ? (uint64_t)(request->pasid & 0xfffff) << 32 : 0)),
		iommu_le64(
			(request->address & VTD_ENTRY_ADDRESS_MASK) |
			(uint64_t)(request->group & 0x1ff) << 3 |
			(request->is_last ? VTD_PAGE_REQUEST_LAST : 0) |
			((request->access & IOMMU_PROT_READ) != 0 ? VTD_PAGE_REQUEST_READ : 0) |
			((request->access & IOMMU_PROT_WRITE) != 0 ? VTD_PAGE_REQUEST_WRITE : 0)),
	};
	const uint64_t none[2] = {0, 0};

	if (place > model_output_last(model) || !host->write(host->ctx, place, words, 16) ||
	    !host->write(host->ctx, place + 16, none, 16)) {
		model_misuse(model, "the page request queue is no memory");
		return false;
	}
	model->regs.pqt =
		(model->regs.pqt + sizeof(struct vtd_page_request)) & (ring_bytes(model) - 1);
	return true;
}

/* The answer that the unit gives itself; what was no last request needs none. */
static void answer(struct iommu_model_vtd *model, const struct iommu_model_page_request *request,
		   unsigned int code)
{
	if (!request->is_last || request->access == 0)
		return;
	if (model->answer_count < MODEL_ANSWERS_MAX)
		model->answers[model->answer_count++] = (struct iommu_model_page_answer){
			.source_id = request->source_id,
			.has_pasid = request->has_pasid,
			.pasid = request->pasid,
			.group = request->group,
			.code = code,
		};
}

/* May this device ask? The reason why not, or 0. */
static unsigned int check(struct journey *j)
{
	const unsigned int reason = iommu_model_find_context(j);

	/* What is asked for need not be there: only the way to the PASID must be open. */
	if (reason != 0 && reason != 0x51 && reason != 0x59)
		return reason;
	if (!j->scalable)
		return 0x32;
	return j->page_requests ? 0 : 0x47;
}

static int take(struct iommu_model_vtd *model, const struct iommu_model_page_request *request)
{
	const struct iommu_model_request as_request = {
		.source_id = request->source_id,
		.type = IOMMU_MODEL_TRANSLATION_REQUEST,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.address = request->address,
		.access = request->access,
	};
	struct iommu_model_translation unused;
	struct journey j = {.model = model, .request = &as_request, .result = &unused};
	unsigned int reason = 0x32;

	if (model_is_on(model, VTD_GLOBAL_TE) && model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS))
		reason = check(&j);
	if (reason != 0) {
		const struct model_fault fault = {
			.reason = reason,
			.source_id = request->source_id,
			.info = request->address & ~LOW_MASK(12),
			.type = VTD_FAULT_PAGE_REQUEST,
			.has_pasid = request->has_pasid,
			.pasid = request->pasid,
			.hidden = j.fault_hidden,
		};

		iommu_model_fault_record(model, &fault);
		answer(model, request, VTD_PAGE_FAILURE);
		return IOMMU_EFAULT;
	}
	/* Once it has overflowed the ring takes nothing until software has seen that. */
	if ((model->regs.prs & VTD_PRS_PRO) != 0 || ring_is_full(model)) {
		note(model, VTD_PRS_PRO);
		answer(model, request, VTD_PAGE_SUCCESS);
		return IOMMU_ENOSPC;
	}
	if (!put(model, request)) {
		answer(model, request, VTD_PAGE_FAILURE);
		return IOMMU_EFAULT;
	}
	if (request->is_last)
		note(model, VTD_PRS_PPR);
	return 0;
}

void iommu_model_requests_drain(struct iommu_model_vtd *model)
{
	if (!model->request_held)
		return;
	model->request_held = false;
	(void)take(model, &model->held);
}

int iommu_model_vtd_page_request(struct iommu_model_vtd *model,
				 const struct iommu_model_page_request *request)
{
	uintptr_t state = iommu_model_enter_to_walk(model);
	int status = 0;

	iommu_model_give_answers(model, &state);
	/* In order. */
	iommu_model_requests_drain(model);
	if (model->faults.holds_requests) {
		model->held = *request;
		model->request_held = true;
	} else {
		status = take(model, request);
	}
	iommu_model_leave(model, state);
	return status;
}
