/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of a device, in the order of the specification: its translation, or its event and how
 * it ends (IHI 0070, 3.9.1, "ATS Interface", 3.12, 7.3, 13.7, and chapter 15).
 */
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "model/smmu/journey.h"

/* --- The request ------------------------------------------------------------------------------ */

void iommu_smmodel_journey_begin(struct journey *j, struct iommu_model_smmu *model,
				 struct model_passage *passage,
				 const struct iommu_model_smmu_request *request)
{
	const struct model_published *published = &model->published;
	const bool writes = (request->access & IOMMU_PROT_WRITE) != 0;
	const bool asks = request->type == IOMMU_MODEL_SMMU_TRANSLATION_REQUEST;

	*j = (struct journey){
		.model = model,
		.passage = passage,
		.request = request,
		.peeks = passage->peeks,
		.enabled = (uint32_t)iommu_cell_load(&published->enabled),
		.cr2 = (uint32_t)iommu_cell_load(&published->cr2),
		.bypass = iommu_cell_load(&published->bypass),
		.strtab_base = iommu_cell_load(&published->strtab_base),
		.strtab_cfg = iommu_cell_load(&published->strtab_cfg),
		.corrupt_first = iommu_cell_load(&published->corrupt_first),
		.corrupt_last = iommu_cell_load(&published->corrupt_last),
		.reads = asks || !writes || (request->access & IOMMU_PROT_READ) != 0,
		.writes = writes,
		.executes = request->execute && !writes && !asks,
		.privileged = request->privileged,
		.takes_less = asks,
	};
	/* 0 for both: nothing is corrupt. */
	if (j->corrupt_last == 0)
		j->corrupt_first = UINT64_MAX;
	/* ATS without a PASID, and translated: data, unprivileged. */
	if ((asks && !request->has_substream) || request->type == IOMMU_MODEL_SMMU_TRANSLATED)
		j->privileged = j->executes = false;
}

/* INSTCFG and PRIVCFG; writes are always data. */
static void override(struct journey *j)
{
	const uint64_t inst = smmu_get(j->ste, SMMU_STE_INSTCFG);
	const uint64_t priv = smmu_get(j->ste, SMMU_STE_PRIVCFG);

	if (!model_idr1(j->model, SMMU_IDR1_ATTR_PERMS_OVR))
		return;
	if (priv == SMMU_OVERRIDE_CLEAR || priv == SMMU_OVERRIDE_SET)
		j->privileged = priv == SMMU_OVERRIDE_SET;
	if (inst == SMMU_OVERRIDE_CLEAR || inst == SMMU_OVERRIDE_SET)
		j->executes = inst == SMMU_OVERRIDE_SET && !j->writes && !j->takes_less;
}

unsigned int iommu_smmodel_find_stages(struct journey *j)
{
	unsigned int code = iommu_smmodel_find_stream(j);

	if (code != 0)
		return code;
	override(j);
	return iommu_smmodel_find_context(j);
}

/* --- The answer ------------------------------------------------------------------------------- */

static uint64_t size_of(unsigned int shift)
{
	return 1ULL << (shift < 63 ? shift : 63);
}

static void unchanged(const struct journey *j, struct iommu_model_smmu_translation *result)
{
	result->paddr = j->request->address;
	result->prot = IOMMU_PROT_READ_WRITE;
	result->executable = j->request->execute;
	/* Up to the last address that the unit puts out. */
	result->size = size_of(model_output_bits(j->model));
}

/* Permissions that both stages give; writing only where that needs no mark any more. */
static unsigned int common_flags(const struct journey *j, const struct model_arrival *a)
{
	unsigned int first = model_flags_for(a->first, j->privileged);
	unsigned int second = j->second ? model_flags_for(a->second, j->privileged) : 7;

	if ((a->first & MODEL_DIRTY) == 0)
		first &= ~MODEL_WRITE;
	if (j->second && (a->second & MODEL_DIRTY) == 0)
		second &= ~MODEL_WRITE;
	return first & second;
}

/* 13.7.1: INSTCFG decides what reading and executing mean to a device with a TLB. */
static unsigned int flags_for_device(const struct journey *j, unsigned int flags)
{
	const uint64_t inst = model_idr1(j->model, SMMU_IDR1_ATTR_PERMS_OVR)
				      ? smmu_get(j->ste, SMMU_STE_INSTCFG)
				      : 0;
	const unsigned int reads = flags & MODEL_READ, executes = flags & MODEL_EXECUTE;
	const unsigned int writes = flags & MODEL_WRITE;

	if (inst == SMMU_OVERRIDE_SET)
		return writes | (executes != 0 ? MODEL_READ | MODEL_EXECUTE : 0);
	if (inst == SMMU_OVERRIDE_CLEAR)
		return writes | (reads != 0 ? MODEL_READ | MODEL_EXECUTE : 0);
	return writes | reads | (reads != 0 ? executes : 0);
}

static void set_permissions(const struct journey *j, const struct model_arrival *a,
			    struct iommu_model_smmu_translation *result)
{
	const bool may_execute =
		j->request->execute && (!j->takes_less || j->request->has_substream);
	unsigned int flags = common_flags(j, a);

	if (j->takes_less)
		flags = flags_for_device(j, flags);
	/* An instruction is read by its own permission. */
	if (j->executes && (flags & MODEL_EXECUTE) != 0)
		flags |= MODEL_READ;
	if ((flags & MODEL_READ) != 0)
		result->prot |= IOMMU_PROT_READ;
	if ((flags & MODEL_WRITE) != 0)
		result->prot |= IOMMU_PROT_WRITE;
	result->executable = may_execute && (flags & MODEL_EXECUTE) != 0;
}

static unsigned int translate(struct journey *j, struct iommu_model_smmu_translation *result)
{
	struct model_arrival a;
	const unsigned int code = iommu_smmodel_translate(j, &a);

	if (code != 0)
		return code;
	result->paddr = a.paddr;
	result->size = size_of(a.shift < model_output_bits(j->model) ? a.shift
								     : model_output_bits(j->model));
	result->memory = (enum iommu_model_smmu_memory)a.memory;
	set_permissions(j, &a, result);
	if (j->takes_less && journey_effective_eats(j) == SMMU_EATS_SPLIT) {
		result->paddr = a.ipa;
		result->is_intermediate = true;
	}
	return 0;
}

/* --- The kinds of requests -------------------------------------------------------------------- */

static bool is_on(const struct journey *j)
{
	return (j->enabled & SMMU_CR0_SMMUEN) != 0;
}

static unsigned int bypass_unit(const struct journey *j,
				struct iommu_model_smmu_translation *result)
{
	if ((j->bypass & SMMU_GBPA_ABORT) != 0 ||
	    j->request->address > model_last_address(j->model))
		return MODEL_SILENT;
	unchanged(j, result);
	return 0;
}

/* 3.9.1.2: what may not ask is told so before its context is looked at. */
static unsigned int check_asking(const struct journey *j)
{
	return smmu_get(j->ste, SMMU_STE_CONFIG) >= SMMU_STE_BYPASS &&
			       journey_effective_eats(j) == SMMU_EATS_NONE
		       ? SMMU_F_BAD_ATS_TREQ
		       : 0;
}

/* 3.9.1.3: the address came from a device's TLB. */
static unsigned int check_device(struct journey *j, struct iommu_model_smmu_translation *result)
{
	const uint64_t config = smmu_get(j->ste, SMMU_STE_CONFIG);
	unsigned int eats;

	if (config < SMMU_STE_BYPASS)
		return MODEL_SILENT;
	j->first = (config & 1) != 0;
	j->second = (config & 2) != 0;
	eats = journey_effective_eats(j);
	if (eats == SMMU_EATS_NONE)
		return SMMU_F_TRANSL_FORBIDDEN;
	if (eats == SMMU_EATS_FULL) {
		if (j->request->address > model_last_address(j->model))
			return MODEL_SILENT;
		unchanged(j, result);
		return 0;
	}
	override(j);
	j->first = false;
	j->vmid = (uint16_t)smmu_get(j->ste, SMMU_STE_S2VMID);
	return translate(j, result);
}

static unsigned int translated(struct journey *j, struct iommu_model_smmu_translation *result)
{
	unsigned int code;

	if (!is_on(j))
		return SMMU_F_TRANSL_FORBIDDEN;
	if ((j->enabled & SMMU_CR0_ATSCHK) == 0) {
		if (j->request->address > model_last_address(j->model))
			return MODEL_SILENT;
		unchanged(j, result);
		return 0;
	}
	code = iommu_smmodel_find_stream(j);
	return code != 0 ? code : check_device(j, result);
}

static unsigned int go(struct journey *j, struct iommu_model_smmu_translation *result)
{
	unsigned int code;

	if (j->request->type == IOMMU_MODEL_SMMU_TRANSLATED)
		return translated(j, result);
	if (!is_on(j))
		return j->takes_less ? SMMU_F_BAD_ATS_TREQ : bypass_unit(j, result);
	code = iommu_smmodel_find_stream(j);
	if (code == 0 && j->takes_less)
		code = check_asking(j);
	if (code != 0)
		return code;
	override(j);
	code = iommu_smmodel_find_context(j);
	return code != 0 ? code : translate(j, result);
}

/* --- Events ----------------------------------------------------------------------------------- */

static bool is_of_stage(unsigned int code)
{
	return smmu_event_may_stall(code);
}

/* A fault of a stage that is configured: by the context, or, of stage 2, by the stream. */
static bool has_configuration(const struct journey *j)
{
	return j->fault.of_stage_2 || (j->first && j->has_cd);
}

static bool is_configured_to_stall(const struct journey *j)
{
	return has_configuration(j) &&
	       (j->fault.of_stage_2 ? smmu_has(j->ste, SMMU_STE_S2S) : smmu_has(j->cd, SMMU_CD_S));
}

static bool is_configured_to_record(const struct journey *j)
{
	if (!has_configuration(j) || is_configured_to_stall(j))
		return true;
	return j->fault.of_stage_2 ? smmu_has(j->ste, SMMU_STE_S2R) : smmu_has(j->cd, SMMU_CD_R);
}

static bool can_stall(const struct journey *j, unsigned int code)
{
	return is_of_stage(code) && is_configured_to_stall(j) && j->request->may_stall &&
	       j->request->type == IOMMU_MODEL_SMMU_UNTRANSLATED && !j->peeks;
}

static bool is_recorded(const struct journey *j, unsigned int code)
{
	const bool of_ats = j->request->type != IOMMU_MODEL_SMMU_UNTRANSLATED;

	if (code == MODEL_SILENT)
		return false;
	if (code == SMMU_F_BAD_ATS_TREQ || code == SMMU_F_TRANSL_FORBIDDEN)
		return true;
	/* Of translation requests no fault of a stage comes here. */
	if (is_of_stage(code))
		return is_configured_to_record(j);
	if (of_ats && (j->cr2 & SMMU_CR2_REC_CFG_ATS) == 0 &&
	    !(code == SMMU_F_WALK_EABT && !j->takes_less))
		return false;
	return code != SMMU_C_BAD_STREAMID || j->request->type == IOMMU_MODEL_SMMU_TRANSLATED ||
	       (j->cr2 & SMMU_CR2_RECINVSID) != 0;
}

static void describe_access(const struct journey *j, unsigned int code, struct smmu_event *event)
{
	smmu_word_t *words = event->words;

	words[SMMU_EVENT_INPUT] = j->request->address;
	smmu_set(words, SMMU_EVENT_RNW, j->writes ? 0 : 1);
	if (code == SMMU_F_TRANSL_FORBIDDEN)
		return;
	smmu_set(words, SMMU_EVENT_PNU, j->privileged ? 1 : 0);
	smmu_set(words, SMMU_EVENT_IND, j->executes ? 1 : 0);
	smmu_set(words, SMMU_EVENT_S2, j->fault.of_stage_2 ? 1 : 0);
	smmu_set(words, SMMU_EVENT_CLASS, (uint64_t)j->fault.class_of);
	if (code == SMMU_F_PERMISSION && j->fault.class_of == SMMU_CLASS_TT)
		smmu_set(words, SMMU_EVENT_TTRNW, j->fault.of_table_write ? 0 : 1);
	if (is_of_stage(code) && j->fault.of_stage_2)
		smmu_set_address(words, SMMU_EVENT_IPA, j->fault.ipa);
}

bool iommu_smmodel_event_of(const struct journey *j, unsigned int code, struct smmu_event *event)
{
	const struct iommu_model_smmu_request *request = j->request;

	if (!is_recorded(j, code))
		return false;
	*event = smmu_event_of((enum smmu_event_code)code, request->stream);
	if (code == SMMU_C_BAD_SUBSTREAMID || request->has_substream)
		smmu_set(event->words, SMMU_EVENT_SSID,
			 request->has_substream ? request->substream : 0);
	if (code != SMMU_C_BAD_SUBSTREAMID && request->has_substream)
		smmu_set(event->words, SMMU_EVENT_SSV, 1);
	if (code == SMMU_F_BAD_ATS_TREQ)
		event->words[SMMU_EVENT_INPUT] = request->address & ~0xfffULL;
	else if (smmu_event_has_input(code))
		describe_access(j, code, event);
	if (smmu_event_has_fetch(code))
		smmu_set_address(event->words, SMMU_EVENT_FETCH, j->fault.fetch);
	return true;
}

static enum iommu_model_smmu_answer answer_to(const struct journey *j, unsigned int code)
{
	if (code == 0)
		return IOMMU_MODEL_SMMU_SUCCESS;
	if (j->takes_less)
		return code == SMMU_F_BAD_ATS_TREQ || code == MODEL_SILENT
			       ? IOMMU_MODEL_SMMU_UNSUPPORTED
			       : IOMMU_MODEL_SMMU_ABORTED;
	/* Only stage 1 can be told not to abort. */
	if (is_of_stage(code) && !j->fault.of_stage_2 && has_configuration(j) &&
	    !is_configured_to_stall(j) && !smmu_has(j->cd, SMMU_CD_A))
		return IOMMU_MODEL_SMMU_UNANSWERED;
	return IOMMU_MODEL_SMMU_ABORTED;
}

/* --- The passage ------------------------------------------------------------------------------ */

/* A translation request is told that there is no permission. */
static unsigned int journey_answer(struct journey *j, struct iommu_model_smmu_translation *result)
{
	unsigned int code;

	*result = (struct iommu_model_smmu_translation){0};
	code = go(j, result);
	if (code == 0 || code == MODEL_AGAIN)
		return code;
	*result = (struct iommu_model_smmu_translation){0};
	if (!j->takes_less || !is_of_stage(code))
		return code;
	result->size = IOMMU_PAGE_SIZE;
	return 0;
}

/*
 * Answer the request, with the passage still open. What can be observed, an event, is of the state
 * that still holds.
 */
static unsigned int pass(struct journey *j, struct model_passage *passage,
			 struct iommu_model_smmu *model,
			 const struct iommu_model_smmu_request *request,
			 struct iommu_model_smmu_translation *result)
{
	unsigned int code;
	bool holds;

	do {
		iommu_smmodel_journey_begin(j, model, passage, request);
		code = journey_answer(j, result);
		holds = code != MODEL_AGAIN && model_passage_holds(passage);
		if (holds && code != 0 && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	result->answer = answer_to(j, code);
	result->event = code == MODEL_SILENT ? 0 : code;
	return code;
}

/* Complete the request: with a code its event is recorded. */
static int end(struct journey *j, unsigned int code, struct iommu_model_smmu_translation *result)
{
	struct smmu_event event;
	const bool records = code != 0 && iommu_smmodel_event_of(j, code, &event);
	const bool stalls = code != 0 && can_stall(j, code);

	if (!iommu_smmodel_passage_end(j->model, j->passage, records ? &event : NULL,
				       stalls ? &result->tag : NULL))
		result->answer = IOMMU_MODEL_SMMU_ABORTED;
	else if (stalls)
		result->answer = IOMMU_MODEL_SMMU_STALLED;
	return code == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_smmu_translate(struct iommu_model_smmu *model,
			       const struct iommu_model_smmu_request *request,
			       struct iommu_model_smmu_translation *result)
{
	struct model_passage passage;
	struct journey j;

	model_count_up(&model_counter_of(model->counters, (uint16_t)request->stream)->requests);
	model_passage_begin(&passage, &model->cache, false);
	return end(&j, pass(&j, &passage, model, request, result), result);
}

int iommu_model_smmu_peek(struct iommu_model_smmu *model,
			  const struct iommu_model_smmu_request *request,
			  struct iommu_model_smmu_translation *result)
{
	struct model_passage passage;
	unsigned int code;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	code = pass(&j, &passage, model, request, result);
	(void)iommu_smmodel_passage_end(model, &passage, NULL, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}

/* --- What a stream's requests meet ------------------------------------------------------------ */

static void describe_first(const struct journey *j, struct iommu_model_smmu_stage *stage)
{
	unsigned int half;

	stage->is_el2 = j->world != MODEL_EL1;
	stage->asid = j->world == MODEL_EL2 ? 0 : (uint16_t)smmu_get(j->cd, SMMU_CD_ASID);
	for (half = 0; half < 2; half++) {
		struct model_regime regime;
		const uint64_t inside = half == 0 ? 0 : UINT64_MAX;

		if (j->world == MODEL_EL2 && half != 0)
			return;
		if (!iommu_smmodel_first_regime(j, inside, &regime))
			continue;
		stage->first_granule[half] = regime.granule;
		stage->first_bits[half] = regime.bits;
		stage->first_table[half] = regime.root;
	}
}

static void describe(const struct journey *j, struct iommu_model_smmu_stage *stage)
{
	struct model_regime regime;

	stage->first = j->first;
	stage->second = j->second;
	stage->vmid = j->vmid;
	stage->ats = journey_effective_eats(j) != SMMU_EATS_NONE;
	if (j->first) {
		describe_first(j, stage);
		stage->can_stall = smmu_has(j->cd, SMMU_CD_S);
	}
	if (!j->second)
		return;
	iommu_smmodel_second_regime(j, &regime);
	stage->second_granule = regime.granule;
	stage->second_bits = regime.bits;
	stage->second_table = regime.root;
	stage->can_stall |= smmu_has(j->ste, SMMU_STE_S2S);
}

/* For a nested domain of a host. */
static void describe_entry(const struct journey *j, unsigned int code,
			   struct iommu_model_smmu_stage *stage)
{
	stage->has_entry = j->has_ste && code != SMMU_C_BAD_STE;
	if (!stage->has_entry)
		return;
	stage->entry[0] = j->ste[0] & IOMMU_SMMU_STREAM_WORD0;
	stage->entry[1] = j->ste[1] & IOMMU_SMMU_STREAM_WORD1;
}

static unsigned int look_at_stages(struct journey *j)
{
	if (!is_on(j))
		return (j->bypass & SMMU_GBPA_ABORT) != 0 ? MODEL_SILENT : 0;
	return iommu_smmodel_find_stages(j);
}

int iommu_model_smmu_get_stage(struct iommu_model_smmu *model, uint32_t stream, bool has_substream,
			       uint32_t substream, struct iommu_model_smmu_stage *stage)
{
	const struct iommu_model_smmu_request request = {
		.stream = stream, .has_substream = has_substream, .substream = substream};
	struct model_passage passage;
	unsigned int code;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	do {
		iommu_smmodel_journey_begin(&j, model, &passage, &request);
		*stage = (struct iommu_model_smmu_stage){0};
		code = look_at_stages(&j);
		if (code == 0 && is_on(&j))
			describe(&j, stage);
		describe_entry(&j, code, stage);
	} while (code == MODEL_AGAIN || !model_passage_holds(&passage));
	stage->event = code == MODEL_SILENT ? 0 : code;
	stage->answer = answer_to(&j, code);
	(void)iommu_smmodel_passage_end(model, &passage, NULL, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}
