/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests: into the queue, or answered by the unit itself (IHI 0070, chapter 8). Neither
 * CR0.ATSCHK nor the stream's EATS counts.
 */
#include <libiommu/status.h>

#include "model/smmu/journey.h"

/* PCI Express: codes of answers. */
#define ANSWER_SUCCESS 0U
#define ANSWER_FAILURE 15U

static struct smmu_page_request words_of(const struct iommu_model_smmu_page_message *request)
{
	struct smmu_page_request record = {{0}};
	smmu_word_t *words = record.words;

	smmu_set(words, SMMU_PPR_SID, request->stream);
	if (request->has_substream) {
		smmu_set(words, SMMU_PPR_SSV, 1);
		smmu_set(words, SMMU_PPR_SSID, request->substream);
		smmu_set(words, SMMU_PPR_PRIVILEGED, request->privileged ? 1 : 0);
		smmu_set(words, SMMU_PPR_EXECUTE, request->execute ? 1 : 0);
	}
	smmu_set(words, SMMU_PPR_READ, (request->access & IOMMU_PROT_READ) != 0 ? 1 : 0);
	smmu_set(words, SMMU_PPR_WRITE, (request->access & IOMMU_PROT_WRITE) != 0 ? 1 : 0);
	smmu_set(words, SMMU_PPR_LAST, request->is_last ? 1 : 0);
	smmu_set(words, SMMU_PPR_GROUP, request->group);
	smmu_set_address(words, SMMU_PPR_ADDRESS, request->address);
	return record;
}

/* How an answer of the unit's own is given, because the queue overflowed. */
struct overflow {
	bool has_substream;
	unsigned int code; /* of the answer */
	bool records;      /* an event of the look at the stream */
	struct smmu_event event;
};

/* 8.1: PPAR of the stream says whether the PASID goes back, unless the unit always does that. */
static unsigned int ask_stream(struct journey *j, bool *has_substream)
{
	unsigned int code;

	if ((j->enabled & SMMU_CR0_SMMUEN) == 0)
		return MODEL_SILENT;
	code = iommu_smmodel_find_stream(j);
	*has_substream = code == 0 && smmu_has(j->ste, SMMU_STE_PPAR);
	return code;
}

static struct overflow look_at_stream(struct iommu_model_smmu *model, struct model_passage *passage,
				      const struct iommu_model_smmu_page_message *request)
{
	const struct iommu_model_smmu_request as_request = {
		.stream = request->stream,
		.type = IOMMU_MODEL_SMMU_TRANSLATION_REQUEST,
		.has_substream = request->has_substream,
		.substream = request->substream,
		.address = request->address,
	};
	struct overflow overflow = {.code = ANSWER_SUCCESS};
	struct journey j;
	unsigned int code;

	overflow.has_substream = request->has_substream;
	if (!request->has_substream || model_idr3(model, SMMU_IDR3_PPS))
		return overflow;
	do {
		iommu_smmodel_journey_begin(&j, model, passage, &as_request);
		code = ask_stream(&j, &overflow.has_substream);
	} while (code == MODEL_AGAIN || !model_passage_holds(passage));
	if (code != 0) {
		overflow.code = ANSWER_FAILURE;
		overflow.records = iommu_smmodel_event_of(&j, code, &overflow.event);
	}
	return overflow;
}

/* Only the last request of a group is answered, and a stop marker never. */
static void answer(struct iommu_model_smmu *model, uintptr_t *state,
		   const struct iommu_model_smmu_page_message *request, unsigned int code,
		   bool has_substream)
{
	const struct smmu_page_request words = words_of(request);
	const struct iommu_model_smmu_page_answer answer = {
		.stream = request->stream,
		.has_substream = has_substream,
		.substream = has_substream ? request->substream : 0,
		.group = request->group,
		.code = code,
	};

	if (request->is_last && !smmu_page_request_is_stop_marker(&words))
		iommu_smmodel_owe_answer(model, state, &answer);
}

static enum model_put enqueue(struct iommu_model_smmu *model, uintptr_t *state,
			      const struct iommu_model_smmu_page_message *request)
{
	const struct smmu_page_request words = words_of(request);
	const struct model_record record = {MODEL_REQUESTS, words.words, SMMU_PAGE_REQUEST_WORDS,
					    request->is_last, false};

	if (!model_idr0(model, SMMU_IDR0_PRI))
		return MODEL_PUT_NOWHERE;
	return iommu_smmodel_ring_put(model, state, &record);
}

int iommu_model_smmu_page_request(struct iommu_model_smmu *model,
				  const struct iommu_model_smmu_page_message *request)
{
	uintptr_t state = iommu_smmodel_enter(model);
	const enum model_put put = enqueue(model, &state, request);
	struct model_passage passage;
	struct overflow overflow;

	if (put == MODEL_PUT_NOWHERE || put == MODEL_PUT_FAILED)
		answer(model, &state, request, ANSWER_FAILURE, false);
	iommu_smmodel_leave(model, state);
	if (put == MODEL_PUT)
		return 0;
	if (put != MODEL_PUT_FULL)
		return IOMMU_EFAULT;
	/* To the answer it is one walk. */
	model_passage_begin(&passage, &model->cache, false);
	(void)model_passage_walks(&passage);
	overflow = look_at_stream(model, &passage, request);
	state = iommu_smmodel_enter(model);
	answer(model, &state, request, overflow.code, overflow.has_substream);
	iommu_smmodel_leave(model, state);
	(void)iommu_smmodel_passage_end(model, &passage, overflow.records ? &overflow.event : NULL,
					NULL);
	return IOMMU_ENOSPC;
}
