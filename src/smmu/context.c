/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Contexts of PASIDs (context descriptors, CD), and the invalidations for changing them (IHI 0070,
 * 3.21.3 "Configuration structures", 4.3 and 4.4).
 *
 * With PASIDs the entry leads to a table of contexts, of which 0 stands for requests without a
 * PASID, and says (S1DSS) whether those are translated by it, pass, or are blocked; a context
 * changes through the not valid state. Each change is told: what is not valid is cached, too.
 */
#include "smmu/context.h"

#include <libiommu/status.h>

#include "smmu/command.h"
#include "smmu/endpoint.h"
#include "smmu/stream.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

#if IOMMU_CONFIG_SCALABLE

/* With PASIDs; `without`: what becomes of requests that have none. */
static void lead_to_contexts(const struct smmu_endpoint *endpoint, enum smmu_s1dss without,
			     uint64_t *words)
{
	const struct smmu_contexts *contexts = endpoint->contexts;

	iommu_smmu_stream_lead_to(endpoint, contexts->common.root, words);
	smmu_set(words, SMMU_STE_S1CDMAX, contexts->bits);
	smmu_set(words, SMMU_STE_S1FMT, contexts->has_levels ? SMMU_S1FMT_4K : SMMU_S1FMT_LINEAR);
	smmu_set(words, SMMU_STE_S1DSS, (uint64_t)without);
}

static void add_context(struct iommu_batch *batch, const struct smmu_endpoint *endpoint,
			uint32_t pasid)
{
	if (endpoint->common.ids.count == 1)
		smmu_batch_add(batch, smmu_cfgi_cd(endpoint->common.ids.ids[0], pasid, false));
	else
		smmu_batch_add(batch, smmu_cfgi_all());
}

static int tell_context(struct smmu_endpoint *endpoint, uint32_t pasid)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common))
		return 0;
	add_context(&batch, endpoint, pasid);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* On failure the device may hold translations that no later call invalidates. */
static int forget_context(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (!iommu_driven_is_active(&endpoint->common)) {
		iommu_driven_tlb_suspect(&endpoint->common);
		return 0;
	}
	add_context(&batch, endpoint, pasid);
	smmu_add_context_translations(&batch, words);
	if (endpoint->common.device_tlb && !endpoint->common.tlb.unknown &&
	    iommu_driven_is_asked(&endpoint->common))
		iommu_smmu_batch_add_device(&batch, endpoint, pasid, 0, 64);
	status = iommu_driven_execute(&endpoint->common, &batch);
	if (status != 0)
		iommu_driven_tlb_suspect(&endpoint->common);
	return status;
}

static int clean_context_id(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common) ||
	    !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	smmu_add_context_translations(&batch, words);
	return iommu_driven_execute(&endpoint->common, &batch);
}

static bool context_is_valid(const iommu_cell_t *context, uint64_t *words)
{
	smmu_words_load(context, words);
	return smmu_has(words, SMMU_CD_V);
}

/* Take the context of a PASID away, if it has one; how many are left is the caller's affair. */
static int drop_context(struct smmu_endpoint *endpoint, uint32_t pasid, bool *was_valid)
{
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, pasid);
	uint64_t words[SMMU_CD_WORDS];
	int status, drained;

	*was_valid = context != NULL && context_is_valid(context, words);
	if (!*was_valid)
		return 0;
	smmu_word_store(smmu_unit_behind(endpoint), &context[0],
			words[0] & ~smmu_field_mask(SMMU_CD_V));
	status = forget_context(endpoint, pasid, words);
	drained = iommu_driven_drain(&endpoint->common);
	return status != 0 ? status : drained;
}

/*
 * A change failed after the context had been shown: what it was before, or nothing (NULL). The
 * device may have asked meanwhile, and keep what it was told.
 */
static void put_back_words(struct smmu_endpoint *endpoint, iommu_cell_t *context,
			   const uint64_t *before)
{
	smmu_word_store(smmu_unit_behind(endpoint), &context[0], 0);
	if (before != NULL)
		smmu_words_store(smmu_unit_behind(endpoint), context, before);
	iommu_driven_tlb_suspect(&endpoint->common);
}

/* The context is written, which was not valid, or is not any more. */
static int write_context(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, pasid);
	uint64_t before[SMMU_CD_WORDS];
	const bool was_valid = context_is_valid(context, before);
	int status = 0;

	if (was_valid) {
		smmu_word_store(smmu_unit_behind(endpoint), &context[0], 0);
		status = forget_context(endpoint, pasid, before);
		if (status == 0)
			status = iommu_driven_drain(&endpoint->common);
	}
	if (status == 0)
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status == 0)
		status = clean_context_id(endpoint, words);
	if (status == 0 && iommu_device_tlb_is_lost(&endpoint->common.tlb))
		status = IOMMU_EIO;
	if (status == 0) {
		smmu_words_store(smmu_unit_behind(endpoint), context, words);
		status = tell_context(endpoint, pasid);
	}
	if (status == 0)
		return 0;
	put_back_words(endpoint, context, was_valid ? before : NULL);
	return status;
}

/* What the entry says of requests without a PASID. */
static enum smmu_s1dss without_pasid(const struct smmu_endpoint *endpoint)
{
	uint64_t words[SMMU_STE_WORDS];

	iommu_smmu_stream_load(endpoint, words);
	return smmu_entry_is_valid(words) ? (enum smmu_s1dss)smmu_get(words, SMMU_STE_S1DSS)
					  : SMMU_S1DSS_TERMINATE;
}

/* With nothing left that passes the entry goes, too. */
static int write_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without)
{
	uint64_t words[SMMU_STE_WORDS];

	/* Of a device that did not answer nothing passes at all. */
	if (without == SMMU_S1DSS_TERMINATE &&
	    (endpoint->present == 0 || iommu_device_tlb_is_lost(&endpoint->common.tlb)))
		return iommu_smmu_stream_write(endpoint, NULL);
	lead_to_contexts(endpoint, without, words);
	return iommu_smmu_stream_write(endpoint, words);
}

/*
 * What becomes of requests without a PASID, where hardware confirms nothing: an entry that went on
 * letting them pass would do so for ever. The device may keep what passed.
 */
static void store_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without)
{
	iommu_smmu_stream_store_way(endpoint, without);
	iommu_driven_tlb_suspect(&endpoint->common);
}

/* Requests without a PASID pass no longer, whether hardware confirms that or not. */
static int let_none_pass(struct smmu_endpoint *endpoint)
{
	const int status = write_way(endpoint, SMMU_S1DSS_TERMINATE);

	if (status != 0 && without_pasid(endpoint) != SMMU_S1DSS_TERMINATE)
		store_way(endpoint, SMMU_S1DSS_TERMINATE);
	return status;
}

static int block_context(struct smmu_endpoint *endpoint, uint32_t pasid)
{
	bool was_valid;
	int status, closed = 0;

	if (pasid == 0)
		closed = let_none_pass(endpoint);
	status = drop_context(endpoint, pasid, &was_valid);
	if (pasid != 0 && was_valid && --endpoint->present == 0 &&
	    without_pasid(endpoint) == SMMU_S1DSS_TERMINATE)
		closed = iommu_smmu_stream_write(endpoint, NULL);
	return status != 0 ? status : closed;
}

/*
 * Requests without a PASID pass; a context that they had goes after that. On failure they are
 * translated by it as before.
 */
static int let_pass(struct smmu_endpoint *endpoint)
{
	const enum smmu_s1dss before = without_pasid(endpoint);
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, 0);
	uint64_t words[SMMU_CD_WORDS];
	bool was_valid;
	int status = write_way(endpoint, SMMU_S1DSS_BYPASS);

	if (status != 0 || context == NULL)
		return status;
	smmu_words_load(context, words);
	status = drop_context(endpoint, 0, &was_valid);
	if (status == 0)
		return 0;
	put_back_words(endpoint, context, words);
	store_way(endpoint, before);
	return status;
}

/* The context first, then the way to it. */
static int set_first_stage(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	const enum smmu_s1dss before = without_pasid(endpoint);
	uint64_t old[SMMU_CD_WORDS];
	iommu_cell_t *context;
	bool was_valid;
	int status = iommu_smmu_context_create(endpoint->contexts, pasid);

	if (status != 0)
		return status;
	context = iommu_smmu_context_find(endpoint->contexts, pasid);
	was_valid = context_is_valid(context, old);
	status = write_context(endpoint, pasid, words);
	if (status != 0)
		return status;
	endpoint->present += pasid != 0 && !was_valid;
	status = write_way(endpoint, pasid == 0 ? SMMU_S1DSS_CD0 : before);
	if (status == 0)
		return 0;
	/* The entry is as it was; nothing leads to a context that was not there. */
	endpoint->present -= pasid != 0 && !was_valid;
	put_back_words(endpoint, context, was_valid ? old : NULL);
	(void)tell_context(endpoint, pasid);
	return status;
}

int iommu_smmu_context_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			   const struct smmu_translation *translation)
{
	int status;

	if (translation == NULL)
		return block_context(endpoint, pasid);
	if (translation->config != SMMU_STE_STAGE_1 &&
	    (translation->config != SMMU_STE_BYPASS || pasid != 0))
		return IOMMU_REFUSE_ENDPOINT(
			&endpoint->common, IOMMU_EOPNOTSUPP,
			translation->config == SMMU_STE_BYPASS
				? "a PASID cannot have an identity domain"
				: "its PASIDs are enabled, and the domain has a "
				  "stage 2");
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status != 0)
		return status;
	return translation->config == SMMU_STE_BYPASS
		       ? let_pass(endpoint)
		       : set_first_stage(endpoint, pasid, translation->context.words);
}

void iommu_smmu_context_put_back(struct smmu_endpoint *endpoint,
				 const struct smmu_translation *translation)
{
	const bool passes = translation->config == SMMU_STE_BYPASS;
	uint64_t words[SMMU_STE_WORDS];

	if (!passes)
		smmu_words_store(smmu_unit_behind(endpoint),
				 iommu_smmu_context_find(endpoint->contexts, 0),
				 translation->context.words);
	lead_to_contexts(endpoint, passes ? SMMU_S1DSS_BYPASS : SMMU_S1DSS_CD0, words);
	iommu_smmu_stream_put(endpoint, words);
}

/* Bits of a PASID that the device and the unit have. */
static unsigned int bits_for(const struct smmu_endpoint *endpoint)
{
	const unsigned int most = smmu_pasid_bits(smmu_unit_behind(endpoint));
	unsigned int bits = 1;

	while (bits < most && endpoint->common.base->info.max_pasids >> bits > 1)
		bits++;
	return bits;
}

int iommu_smmu_pasids_enable(struct smmu_endpoint *endpoint,
			     const struct smmu_translation *translation)
{
	int status;

	if (smmu_pasid_bits(smmu_unit_behind(endpoint)) == 0)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its unit has no PASIDs");
	if (translation != NULL && translation->config != SMMU_STE_STAGE_1 &&
	    translation->config != SMMU_STE_BYPASS)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its domain has a stage 2");
	status = iommu_smmu_contexts_alloc(smmu_unit_behind(endpoint), bits_for(endpoint),
					   &endpoint->contexts);
	if (status != 0)
		return status;
	if (translation != NULL && translation->config == SMMU_STE_STAGE_1) {
		status = iommu_smmu_context_create(endpoint->contexts, 0);
		if (status == 0)
			smmu_words_store(smmu_unit_behind(endpoint),
					 iommu_smmu_context_find(endpoint->contexts, 0),
					 translation->context.words);
	}
	if (status == 0 && translation != NULL)
		status = write_way(endpoint, translation->config == SMMU_STE_STAGE_1
						     ? SMMU_S1DSS_CD0
						     : SMMU_S1DSS_BYPASS);
	if (status != 0) {
		iommu_driven_contexts_free(&endpoint->contexts->common);
		endpoint->contexts = NULL;
	}
	return status;
}

int iommu_smmu_pasids_disable(struct smmu_endpoint *endpoint,
			      const struct smmu_translation *translation)
{
	struct smmu_contexts *contexts = endpoint->contexts;
	uint64_t before[SMMU_STE_WORDS], words[SMMU_STE_WORDS];
	int status;

	if (contexts == NULL)
		return 0;
	iommu_smmu_stream_load(endpoint, before);
	if (translation != NULL)
		iommu_smmu_stream_describe(endpoint, translation, before, words);
	status = iommu_smmu_stream_write(endpoint, translation != NULL ? words : NULL);
	if (status != 0)
		return status;
	endpoint->contexts = NULL;
	endpoint->present = 0;
	iommu_driven_contexts_free(&contexts->common);
	return 0;
}

#endif
