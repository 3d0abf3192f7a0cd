/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: the ring that the unit fills, its overflow, and the answers that the unit gives
 * itself (VT-d specification, "Page Requests" and "Page Request Queue").
 */
#include <libiommu/hw/vtd_page_request.h>
#include <libiommu/status.h>

#include "model/vtd/counters.h"
#include "model/vtd/journey.h"

static uint64_t ring_bytes(const struct iommu_model_vtd *model)
{
	return IOMMU_PAGE_SIZE << (model->regs.pqa & 7);
}

/* Free places behind the tail and the places that are being written. */
static uint64_t next_place(const struct iommu_model_vtd *model)
{
	return (model->regs.pqt + model->ring_writers * sizeof(struct vtd_page_request)) &
	       (ring_bytes(model) - 1);
}

static bool ring_is_full(const struct iommu_model_vtd *model)
{
	const struct model_registers *regs = &model->regs;

	return ((next_place(model) + sizeof(struct vtd_page_request)) & (ring_bytes(model) - 1)) ==
		       regs->pqh ||
	       model->ring_writers == MODEL_WRITERS_MAX;
}

static void status_note(struct iommu_model_vtd *model, uint32_t bit)
{
	const bool before = (model->regs.prs & (VTD_PRS_PPR | VTD_PRS_PRO)) != 0;

	model->regs.prs |= bit;
	if (!before)
		iommu_model_request_event(model);
}

/* Without the lock. */
static bool write_request(struct iommu_model_vtd *model, uint64_t place,
			  const struct iommu_model_page_request *request)
{
	const struct iommu_model_vtd_host *host = &model->config.host;
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

	return place <= model_output_last(model) && host->write(host->ctx, place, words, 16) &&
	       host->write(host->ctx, place + 16, none, 16);
}

void iommu_model_ring_moved(struct iommu_model_vtd *model)
{
	model->ring_epoch++;
	model->ring_writers = model->ring_written = model->ring_last = 0;
}

/* Move the tail over written places, in order, and send the message for whole groups. */
static void publish_written(struct iommu_model_vtd *model)
{
	while ((model->ring_written & 1) != 0) {
		const bool is_last = (model->ring_last & 1) != 0;

		model->regs.pqt = (model->regs.pqt + sizeof(struct vtd_page_request)) &
				  (ring_bytes(model) - 1);
		model->ring_written >>= 1;
		model->ring_last >>= 1;
		model->ring_first++;
		model->ring_writers--;
		if (is_last)
			status_note(model, VTD_PRS_PPR);
	}
}

/*
 * Write a request into the next place of the ring. The lock is released, and other processors may
 * write the places behind.
 */
static bool ring_put(struct iommu_model_vtd *model, uintptr_t *state,
		     const struct iommu_model_page_request *request)
{
	const uint64_t place = (model->regs.pqa & VTD_ENTRY_ADDRESS_MASK) + next_place(model);
	const uint32_t number = model->ring_first + model->ring_writers++;
	const uint32_t epoch = model->ring_epoch;
	unsigned int left = iommu_model_go_out(model, *state);
	const bool written = write_request(model, place, request);
	uint32_t bit;

	*state = iommu_model_come_back(model, left);
	if (!written)
		model_misuse(model, "the page request queue is no memory");
	if (model->ring_epoch != epoch)
		return written; /* into a ring that has moved */
	bit = 1U << (number - model->ring_first);
	if (!written && number + 1 == model->ring_first + model->ring_writers) {
		model->ring_writers--;
		return false;
	}
	model->ring_written |= bit;
	if (written && request->is_last)
		model->ring_last |= bit;
	publish_written(model);
	return written;
}

/* An answer of the unit itself; only the last request of a group is answered. */
static void request_answer(struct iommu_model_vtd *model, uintptr_t *state,
			   const struct iommu_model_page_request *request, unsigned int code)
{
	const struct iommu_model_page_answer answer = {
		.source_id = request->source_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.group = request->group,
		.code = code,
	};

	if (request->is_last && (request->access != 0 || !request->has_pasid))
		iommu_model_owe_answer(model, state, &answer);
}

/* May this device make page requests? Returns the reason why not, or 0. */
static unsigned int request_check(struct journey *j)
{
	const unsigned int reason = iommu_model_find_context(j);

	/* The requested page may be absent: only the PASID must be usable. */
	if (reason != 0 && reason != VTD_REASON_DIRECTORY_NOT_PRESENT &&
	    reason != VTD_REASON_PASID_ENTRY_NOT_PRESENT)
		return reason;
	if (!j->scalable)
		return VTD_REASON_LEGACY_PAGE_REQUEST;
	return j->page_requests ? 0 : VTD_REASON_PAGE_REQUESTS_DISABLED;
}

static unsigned int find_reason(struct iommu_model_vtd *model, struct model_passage *passage,
				const struct iommu_model_page_request *request,
				struct model_fault *fault, const char **misuse)
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
	unsigned int reason;
	struct journey j;

	do {
		model_journey_begin(&j, model, passage, &as_request, &unused);
		reason = VTD_REASON_LEGACY_PAGE_REQUEST;
		if (model_works(model, VTD_GLOBAL_TE) &&
		    model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS))
			reason = request_check(&j);
	} while (reason == MODEL_AGAIN || !model_passage_holds(passage));
	*misuse = j.misuse;
	*fault = (struct model_fault){
		.reason = reason,
		.source_id = request->source_id,
		.info = request->address & ~LOW_MASK(12),
		.type = VTD_FAULT_PAGE_REQUEST,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.hidden = j.fault_hidden,
	};
	return reason;
}

/* Into the ring, for a device that may make page requests. */
static int enqueue(struct iommu_model_vtd *model, uintptr_t *state,
		   const struct iommu_model_page_request *request)
{
	/* After an overflow the ring takes nothing until software has cleared it. */
	if ((model->regs.prs & VTD_PRS_PRO) != 0 || ring_is_full(model)) {
		status_note(model, VTD_PRS_PRO);
		return IOMMU_ENOSPC;
	}
	return ring_put(model, state, request) ? 0 : IOMMU_EFAULT;
}

static void count(struct iommu_model_vtd *model, const struct iommu_model_page_request *request)
{
	const struct model_event event = {
		.group = VTD_EVENTS_OF_MEMORY,
		.events = 1U << VTD_EVENT_PAGE_REQUESTS,
		.source_id = request->source_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
	};

	iommu_model_count(model, &event);
}

/* Releases the lock. From the look at the tables to the place in the ring it is one walk. */
static int request_take(struct iommu_model_vtd *model, uintptr_t *state,
			const struct iommu_model_page_request *request)
{
	unsigned int left = iommu_model_go_out(model, *state);
	struct model_passage passage;
	struct model_fault fault;
	const char *misuse;
	unsigned int reason;
	int status = IOMMU_EFAULT;

	model_passage_begin(&passage, &model->cache, false);
	(void)model_passage_walks(&passage);
	reason = find_reason(model, &passage, request, &fault, &misuse);
	*state = iommu_model_come_back(model, left);
	if (misuse != NULL)
		model_misuse(model, misuse);
	if (reason != 0)
		iommu_model_fault_record(model, &fault);
	else
		status = enqueue(model, state, request);
	if (model_passage_end(&passage))
		iommu_model_walks_ended(model);
	if (status == 0)
		count(model, request);
	if (status != 0)
		request_answer(model, state, request,
			       status == IOMMU_ENOSPC ? VTD_PAGE_SUCCESS : VTD_PAGE_FAILURE);
	return status;
}

void iommu_model_requests_drain(struct iommu_model_vtd *model, uintptr_t *state)
{
	const struct iommu_model_page_request held = model->held;

	if (!model->request_held)
		return;
	model->request_held = false;
	(void)request_take(model, state, &held);
}

int iommu_model_vtd_page_request(struct iommu_model_vtd *model,
				 const struct iommu_model_page_request *request)
{
	uintptr_t state = iommu_model_enter(model);
	int status = 0;

	iommu_model_give_answers(model, &state);
	/* In order. */
	iommu_model_requests_drain(model, &state);
	if (model->faults.holds_requests && model_has(model, IOMMU_MODEL_VTD_PAGE_REQUESTS)) {
		model->held = *request;
		model->request_held = true;
	} else {
		status = request_take(model, &state, request);
	}
	iommu_model_leave(model, state);
	return status;
}
