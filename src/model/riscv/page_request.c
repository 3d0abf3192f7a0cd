/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: into the queue, or answered by the unit itself (RISC-V IOMMU specification, "PCIe
 * ATS Page Request handling" and "Page-Request-Queue").
 */
#include <libiommu/hw/riscv_page_request.h>
#include <libiommu/status.h>

#include "model/riscv/journey.h"

/* PCI Express: the code of the message. */
#define PAGE_REQUEST_MESSAGE 4

/* May this device make page requests? Returns the cause why not, or 0. */
static unsigned int check_request(struct journey *j)
{
	const enum riscv_ddtp_mode mode = riscv_ddtp_mode(j->directory);
	unsigned int cause;

	if (mode == RISCV_DDTP_OFF)
		return RISCV_FAULT_ALL_DISALLOWED;
	if (mode == RISCV_DDTP_BARE)
		return RISCV_FAULT_TYPE_DISALLOWED;
	cause = iommu_rvmodel_find_context(j);
	if (cause != 0)
		return cause;
	return (j->tc & RISCV_TC_EN_PRI) != 0 ? 0 : RISCV_FAULT_TYPE_DISALLOWED;
}

/* Returns a cause, with the journey as far as it got. */
static unsigned int find_cause(struct iommu_model_riscv *model, struct model_passage *passage,
			       const struct iommu_model_riscv_request *as_request,
			       struct journey *j)
{
	unsigned int cause;

	do {
		iommu_rvmodel_journey_begin(j, model, passage, as_request);
		cause = check_request(j);
	} while (cause == MODEL_AGAIN || !model_passage_holds(passage));
	return cause;
}

static struct model_fault fault_of(const struct journey *j, unsigned int cause)
{
	struct model_fault fault = iommu_rvmodel_fault_of(j, cause);

	fault.transaction = RISCV_TRANSACTION_MESSAGE;
	fault.iotval = PAGE_REQUEST_MESSAGE;
	fault.iotval2 = 0;
	return fault;
}

static uint64_t low_word(const struct iommu_model_riscv_page_message *request)
{
	const uint64_t flags = (request->privileged ? RISCV_PAGE_REQUEST_PRIVILEGED : 0) |
			       (request->execute ? RISCV_PAGE_REQUEST_EXECUTE : 0);

	return request->has_process ? riscv_page_request_low_process(request->device_id,
								     request->process_id, flags)
				    : riscv_page_request_low(request->device_id);
}

static uint64_t high_word(const struct iommu_model_riscv_page_message *request)
{
	uint64_t flags = request->is_last ? RISCV_PAGE_REQUEST_LAST : 0;

	if ((request->access & IOMMU_PROT_READ) != 0)
		flags |= RISCV_PAGE_REQUEST_READ;
	if ((request->access & IOMMU_PROT_WRITE) != 0)
		flags |= RISCV_PAGE_REQUEST_WRITE;
	return riscv_page_request_high(request->address, request->group, flags);
}

/* Into the ring; otherwise *code is the answer to the device. */
static int enqueue(struct iommu_model_riscv *model, uintptr_t *state,
		   const struct iommu_model_riscv_page_message *request, unsigned int *code)
{
	const uint64_t words[2] = {low_word(request), high_word(request)};

	switch (iommu_rvmodel_ring_put(model, state, MODEL_REQUESTS, words, 2)) {
	case MODEL_PUT:
		return 0;
	case MODEL_PUT_FULL:
		*code = RISCV_PAGE_SUCCESS;
		return IOMMU_ENOSPC;
	case MODEL_PUT_NOWHERE:
	case MODEL_PUT_FAILED:
	default:
		*code = RISCV_PAGE_FAILURE;
		return IOMMU_EFAULT;
	}
}

/* Only the last request of a group is answered, and a stop marker, which has a PASID, never. */
static void answer(struct iommu_model_riscv *model, uintptr_t *state,
		   const struct iommu_model_riscv_page_message *request, unsigned int code,
		   uint64_t tc)
{
	const bool says_process =
		request->has_process && (code == RISCV_PAGE_FAILURE || (tc & RISCV_TC_PRPR) != 0);
	const struct iommu_model_riscv_page_answer answer = {
		.device_id = request->device_id,
		.has_process = says_process,
		.process_id = says_process ? request->process_id : 0,
		.group = request->group,
		.code = code,
	};

	if (request->is_last && (request->access != 0 || !request->has_process))
		iommu_rvmodel_owe_answer(model, state, &answer);
}

int iommu_model_riscv_page_request(struct iommu_model_riscv *model,
				   const struct iommu_model_riscv_page_message *request)
{
	const struct iommu_model_riscv_request as_request = {
		.device_id = request->device_id,
		.type = IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
		.has_process = request->has_process,
		.process_id = request->process_id,
		.privileged = request->privileged,
		.address = request->address,
	};
	struct model_passage passage;
	struct model_fault fault;
	unsigned int code = RISCV_PAGE_FAILURE;
	int status = IOMMU_EFAULT;
	unsigned int cause;
	struct journey j;
	uintptr_t state;

	/* From the look at the directory to the place in the ring it is one walk. */
	model_passage_begin(&passage, &model->cache, false);
	(void)model_passage_walks(&passage);
	cause = find_cause(model, &passage, &as_request, &j);
	fault = fault_of(&j, cause);
	if (cause == RISCV_FAULT_TYPE_DISALLOWED)
		code = RISCV_PAGE_INVALID;
	state = iommu_rvmodel_enter(model);
	if (cause == 0)
		status = enqueue(model, &state, request, &code);
	if (status != 0)
		answer(model, &state, request, code, j.tc);
	iommu_rvmodel_leave(model, state);
	iommu_rvmodel_passage_end(model, &passage, cause != 0 ? &fault : NULL);
	return status;
}
