/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of a device, in the order of the specification: its translation, or the cause of its
 * fault and how that is recorded and answered (RISC-V IOMMU specification, "Process to translate an
 * IOVA" and "PCIe ATS translation request handling").
 */
#include <libiommu/status.h>

#include "model/riscv/journey.h"

/* --- The request ------------------------------------------------------------------------------ */

static uint64_t wanted(const struct iommu_model_riscv_request *request)
{
	const bool writes = (request->access & IOMMU_PROT_WRITE) != 0;

	if (request->type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST)
		return RISCV_PTE_READ | (writes ? RISCV_PTE_WRITE : 0);
	if (writes)
		return RISCV_PTE_WRITE |
		       ((request->access & IOMMU_PROT_READ) != 0 ? RISCV_PTE_READ : 0);
	return RISCV_PTE_READ | (request->execute && request->has_process ? RISCV_PTE_EXECUTE : 0);
}

void iommu_rvmodel_journey_begin(struct journey *j, struct iommu_model_riscv *model,
				 struct model_passage *passage,
				 const struct iommu_model_riscv_request *request)
{
	*j = (struct journey){
		.model = model,
		.passage = passage,
		.request = request,
		.peeks = passage->peeks,
		.directory = iommu_cell_load(&model->published.directory),
		.fctl = (uint32_t)iommu_cell_load(&model->published.control),
		.corrupt_first = iommu_cell_load(&model->published.corrupt_first),
		.corrupt_last = iommu_cell_load(&model->published.corrupt_last),
		.wants = wanted(request),
		.takes_less = request->type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST,
		.privileged = request->privileged && request->has_process,
	};
	/* 0 for both: nothing is corrupt. */
	if (j->corrupt_last == 0)
		j->corrupt_first = UINT64_MAX;
}

/* --- The answer ------------------------------------------------------------------------------- */

static void unchanged(const struct journey *j, struct iommu_model_riscv_translation *result)
{
	result->paddr = j->request->address;
	result->prot = IOMMU_PROT_READ_WRITE;
	result->executable = j->request->execute;
	result->size = MODEL_WHOLE;
}

static void set_qos(struct iommu_model_riscv_translation *result, uint32_t rcid, uint32_t mcid)
{
	result->rcid = (uint16_t)(rcid & 0xfff);
	result->mcid = (uint16_t)(mcid & 0xfff);
}

/* Writing is allowed where D is set, so that no write goes unseen. */
static void set_permissions(const struct journey *j, uint64_t flags,
			    struct iommu_model_riscv_translation *result)
{
	const uint64_t writable = RISCV_PTE_WRITE | RISCV_PTE_DIRTY;
	const uint64_t executable = RISCV_PTE_READ | RISCV_PTE_EXECUTE;

	result->prot = (flags & RISCV_PTE_READ) != 0 ? IOMMU_PROT_READ : 0;
	if ((flags & writable) == writable)
		result->prot |= IOMMU_PROT_WRITE;
	result->executable = j->request->execute && (flags & executable) == executable;
}

static void arrive_at_file(const struct model_message_entry *entry,
			   struct iommu_model_riscv_translation *result)
{
	result->is_file = true;
	result->untranslated_only = true;
	result->file = riscv_mrif_address(entry->low);
	result->notice = riscv_ppn_address(entry->high);
	result->notice_data = riscv_mrif_notice_id(entry->high);
}

/* At the page of an interrupt file, which may be read and written. */
static void arrive_at_message(const struct journey *j, const struct model_leaf *first,
			      const struct model_message_entry *entry,
			      struct iommu_model_riscv_translation *result)
{
	const uint64_t allowed = 0xff & ~RISCV_PTE_EXECUTE;

	result->is_message = true;
	result->size = IOMMU_PAGE_SIZE;
	result->memory_type = first->memory_type;
	set_permissions(j, first->flags & allowed, result);
	if (entry->is_file)
		arrive_at_file(entry, result);
	else
		result->paddr =
			riscv_ppn_address(entry->low) | (first->paddr & (IOMMU_PAGE_SIZE - 1));
}

static void arrive(const struct journey *j, const struct model_leaf *first,
		   const struct model_leaf *second, struct iommu_model_riscv_translation *result)
{
	result->paddr = second->paddr;
	result->size = first->size < second->size ? first->size : second->size;
	result->memory_type =
		first->memory_type != RISCV_MEMORY_PMA ? first->memory_type : second->memory_type;
	set_permissions(j, first->flags & (second->flags | RISCV_PTE_GLOBAL), result);
}

/* What an ATS request is told beside. */
static void arrive_at_device(const struct journey *j, const struct model_leaf *first,
			     struct iommu_model_riscv_translation *result)
{
	const bool of_process = j->request->has_process;

	result->is_privileged = of_process && j->request->privileged;
	result->is_global =
		of_process && !result->is_message && (first->flags & RISCV_PTE_GLOBAL) != 0;
	if ((j->tc & RISCV_TC_T2GPA) != 0 && !result->is_file) {
		result->is_guest_address = true;
		result->paddr = first->paddr;
	}
}

/* --- The stages ------------------------------------------------------------------------------- */

static unsigned int translate_by_stages(struct journey *j,
					struct iommu_model_riscv_translation *result)
{
	struct model_leaf first = {0}, second = {0};
	struct model_message_entry entry;
	unsigned int cause = iommu_rvmodel_first_stage(j, &first);

	if (cause == 0)
		cause = iommu_rvmodel_find_message(j, first.paddr, &entry);
	if (cause != 0)
		return cause;
	if (entry.is_found) {
		arrive_at_message(j, &first, &entry, result);
	} else {
		cause = iommu_rvmodel_second_stage(j, first.paddr, j->wants, MODEL_EXPLICIT,
						   &second);
		if (cause != 0)
			return cause;
		arrive(j, &first, &second, result);
		cause = iommu_rvmodel_keep_out_of_files(j, first.paddr, &result->size);
	}
	if (j->takes_less)
		arrive_at_device(j, &first, result);
	return cause;
}

static unsigned int translate(struct journey *j, struct iommu_model_riscv_translation *result)
{
	const enum iommu_model_riscv_request_type type = j->request->type;
	const enum riscv_ddtp_mode mode = riscv_ddtp_mode(j->directory);
	const uint64_t qosid = iommu_cell_load(&j->model->published.qosid);
	unsigned int cause;

	if (mode == RISCV_DDTP_OFF)
		return RISCV_FAULT_ALL_DISALLOWED;
	if (mode == RISCV_DDTP_BARE) {
		unchanged(j, result);
		set_qos(result, (uint32_t)qosid, (uint32_t)(qosid >> 16));
		return type == IOMMU_MODEL_RISCV_UNTRANSLATED ? 0 : RISCV_FAULT_TYPE_DISALLOWED;
	}
	cause = iommu_rvmodel_find_context(j);
	if (cause == 0)
		cause = iommu_rvmodel_find_process(j);
	if (cause != 0)
		return cause;
	set_qos(result, (uint32_t)(j->ta >> 40), (uint32_t)(j->ta >> 52));
	if (type == IOMMU_MODEL_RISCV_TRANSLATED && (j->tc & RISCV_TC_T2GPA) == 0) {
		unchanged(j, result);
		return 0;
	}
	return translate_by_stages(j, result);
}

/* --- Faults ----------------------------------------------------------------------------------- */

static enum riscv_transaction transaction_of(const struct journey *j)
{
	const bool translated = j->request->type == IOMMU_MODEL_RISCV_TRANSLATED;

	if (j->request->type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST)
		return RISCV_TRANSACTION_ATS;
	if ((j->wants & RISCV_PTE_EXECUTE) != 0)
		return translated ? RISCV_TRANSACTION_TRANSLATED_EXECUTE
				  : RISCV_TRANSACTION_EXECUTE;
	if ((j->wants & RISCV_PTE_WRITE) != 0)
		return translated ? RISCV_TRANSACTION_TRANSLATED_WRITE : RISCV_TRANSACTION_WRITE;
	return translated ? RISCV_TRANSACTION_TRANSLATED_READ : RISCV_TRANSACTION_READ;
}

static bool is_guest_page_fault(unsigned int cause)
{
	return cause == RISCV_FAULT_EXECUTE_GUEST_PAGE || cause == RISCV_FAULT_READ_GUEST_PAGE ||
	       cause == RISCV_FAULT_WRITE_GUEST_PAGE;
}

struct model_fault iommu_rvmodel_fault_of(const struct journey *j, unsigned int cause)
{
	const struct iommu_model_riscv_request *request = j->request;

	return (struct model_fault){
		.cause = cause,
		.transaction = transaction_of(j),
		.device_id = request->device_id,
		.has_process = request->has_process,
		.process_id = request->has_process ? request->process_id : 0,
		.privileged = j->privileged,
		.iotval = request->address,
		.iotval2 = is_guest_page_fault(cause) ? j->iotval2 : 0,
		.hidden = (j->tc & RISCV_TC_DTF) != 0,
	};
}

/* An ATS request is told that there is no permission, and nothing is recorded. */
static bool is_merely_denied(unsigned int cause)
{
	switch (cause) {
	case RISCV_FAULT_EXECUTE_PAGE:
	case RISCV_FAULT_READ_PAGE:
	case RISCV_FAULT_WRITE_PAGE:
	case RISCV_FAULT_EXECUTE_GUEST_PAGE:
	case RISCV_FAULT_READ_GUEST_PAGE:
	case RISCV_FAULT_WRITE_GUEST_PAGE:
	case RISCV_FAULT_PROCESS_NOT_VALID:
	case RISCV_FAULT_MSI_NOT_VALID:
		return true;
	default:
		return false;
	}
}

static enum iommu_model_riscv_answer answer_to(const struct journey *j, unsigned int cause)
{
	const bool is_configuration =
		cause >= RISCV_FAULT_ALL_DISALLOWED && cause <= RISCV_FAULT_TYPE_DISALLOWED;

	if (cause == 0)
		return IOMMU_MODEL_RISCV_SUCCESS;
	return j->takes_less && !is_configuration ? IOMMU_MODEL_RISCV_ABORTED
						  : IOMMU_MODEL_RISCV_UNSUPPORTED;
}

static unsigned int journey_answer(struct journey *j, struct iommu_model_riscv_translation *result)
{
	unsigned int cause;

	*result = (struct iommu_model_riscv_translation){0};
	cause = translate(j, result);
	if (cause == 0 || cause == MODEL_AGAIN)
		return cause;
	*result = (struct iommu_model_riscv_translation){0};
	if (!j->takes_less || !is_merely_denied(cause))
		return cause;
	result->size = IOMMU_PAGE_SIZE;
	result->is_privileged = j->privileged;
	return 0;
}

/* --- The passage ------------------------------------------------------------------------------ */

/*
 * Answer the request, with the passage still open. What can be observed, a fault record or a
 * message in a file, is of the state that still holds.
 */
static unsigned int pass(struct journey *j, struct model_passage *passage,
			 struct iommu_model_riscv *model,
			 const struct iommu_model_riscv_request *request,
			 struct iommu_model_riscv_translation *result)
{
	unsigned int cause;
	bool holds;

	do {
		iommu_rvmodel_journey_begin(j, model, passage, request);
		cause = journey_answer(j, result);
		holds = cause != MODEL_AGAIN && model_passage_holds(passage);
		if (holds && (cause != 0 || result->is_file) && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	result->answer = answer_to(j, cause);
	result->cause = cause;
	return cause;
}

static enum riscv_event event_of(enum iommu_model_riscv_request_type type)
{
	if (type == IOMMU_MODEL_RISCV_TRANSLATED)
		return RISCV_EVENT_TRANSLATED;
	return type == IOMMU_MODEL_RISCV_TRANSLATION_REQUEST ? RISCV_EVENT_ATS_REQUEST
							     : RISCV_EVENT_UNTRANSLATED;
}

static __attribute__((noinline)) void count(const struct journey *j)
{
	struct iommu_model_riscv *model = j->model;
	const struct {
		enum riscv_event event;
		unsigned int times;
	} events[] = {
		{event_of(j->request->type), 1},
		{RISCV_EVENT_TLB_MISS, j->walks.misses ? 1 : 0},
		{RISCV_EVENT_DEVICE_WALK, j->walks.device},
		{RISCV_EVENT_PROCESS_WALK, j->walks.process},
		{RISCV_EVENT_FIRST_STAGE_WALK, j->walks.first},
		{RISCV_EVENT_SECOND_STAGE_WALK, j->walks.second},
	};
	struct model_happened happened = {
		.device_id = j->request->device_id,
		.has_process = j->request->has_process || j->of_process,
		.process_id = j->request->has_process ? j->request->process_id : j->process_id,
		.has_gscid = journey_has_second(j),
		.gscid = riscv_iohgatp_gscid(j->iohgatp),
		.has_pscid = journey_has_first(j),
		.pscid = j->pscid,
	};
	uintptr_t state = iommu_rvmodel_enter(model);
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		happened.event = events[i].event;
		happened.times = events[i].times;
		iommu_rvmodel_count(model, &happened);
	}
	iommu_rvmodel_leave(model, state);
}

/* Complete the request: with a cause its fault is recorded. */
static int end(struct journey *j, unsigned int cause)
{
	struct iommu_model_riscv *model = j->model;
	const struct model_fault fault = iommu_rvmodel_fault_of(j, cause);

	iommu_rvmodel_passage_end(model, j->passage, cause != 0 ? &fault : NULL);
	if ((iommu_cell_load(&model->published.control) & MODEL_CONTROL_COUNTS) != 0)
		count(j);
	return cause == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_riscv_translate(struct iommu_model_riscv *model,
				const struct iommu_model_riscv_request *request,
				struct iommu_model_riscv_translation *result)
{
	struct model_passage passage;
	struct journey j;

	model_count_up(&model_counter_of(model->counters, (uint16_t)request->device_id)->requests);
	model_passage_begin(&passage, &model->cache, false);
	return end(&j, pass(&j, &passage, model, request, result));
}

unsigned int iommu_rvmodel_translate_for_debug(struct iommu_model_riscv *model,
					       const struct iommu_model_riscv_request *request,
					       struct iommu_model_riscv_translation *result)
{
	struct model_passage passage;
	unsigned int cause;
	struct journey j;

	model_passage_begin(&passage, &model->cache, false);
	cause = pass(&j, &passage, model, request, result);
	if (cause == 0 && result->is_file)
		cause = RISCV_FAULT_TYPE_DISALLOWED;
	(void)end(&j, cause);
	return cause;
}

int iommu_model_riscv_peek(struct iommu_model_riscv *model,
			   const struct iommu_model_riscv_request *request,
			   struct iommu_model_riscv_translation *result)
{
	struct model_passage passage;
	unsigned int cause;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	cause = pass(&j, &passage, model, request, result);
	iommu_rvmodel_passage_end(model, &passage, NULL);
	return cause == 0 ? 0 : IOMMU_EFAULT;
}

/* --- Messages --------------------------------------------------------------------------------- */

/* Set the pending bit of an identity, by one operation where the unit can. Without the lock. */
static bool set_pending(const struct iommu_model_riscv *model, uint64_t paddr, uint64_t bit)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	uint64_t word;

	if (paddr > model_last_address(model))
		return false;
	if (model_has(model, RISCV_CAP_AMO_MRIF))
		return host->set_bits(host->ctx, paddr, bit, &word);
	if (!iommu_rvmodel_read(model, paddr, &word, 1, false))
		return false;
	word |= bit;
	return iommu_rvmodel_write(model, paddr, &word, 1, false);
}

/* In a walk. The words of a file are little-endian always; bit 2 of the address says the data's. */
static unsigned int store_in_file(const struct journey *j, uint32_t data,
				  struct iommu_model_riscv_message *message)
{
	const uint64_t offset = j->request->address & (IOMMU_PAGE_SIZE - 1);
	const bool big_endian = (offset & 4) != 0;
	const uint32_t identity = big_endian ? iommu_swap32(data) : data;
	const uint64_t place = message->where.file + riscv_mrif_pending(identity);

	if ((offset & 3) != 0)
		return RISCV_FAULT_WRITE_MISALIGNED;
	/* Taken, and dropped. */
	if ((offset & ~7ULL) != 0 || identity >= RISCV_MRIF_IDENTITIES ||
	    (big_endian && !model_has(j->model, RISCV_CAP_END)))
		return 0;
	if (journey_is_corrupt(j, place))
		return RISCV_FAULT_MRIF_CORRUPT;
	if (!set_pending(j->model, place, 1ULL << (identity & 63)))
		return RISCV_FAULT_MRIF_ACCESS;
	message->is_due = true;
	message->address = message->where.notice;
	message->data = message->where.notice_data;
	return 0;
}

int iommu_model_riscv_interrupt(struct iommu_model_riscv *model,
				const struct iommu_model_riscv_request *request, uint32_t data,
				struct iommu_model_riscv_message *message)
{
	struct iommu_model_riscv_request store = *request;
	struct model_passage passage;
	unsigned int cause;
	struct journey j;

	store.access = IOMMU_PROT_WRITE;
	*message = (struct iommu_model_riscv_message){0};
	model_count_up(&model_counter_of(model->counters, (uint16_t)store.device_id)->requests);
	model_passage_begin(&passage, &model->cache, false);
	cause = pass(&j, &passage, model, &store, &message->where);
	if (cause == 0 && message->where.is_file) {
		cause = store_in_file(&j, data, message);
		message->where.cause = cause;
		message->where.answer = answer_to(&j, cause);
	} else if (cause == 0 && store.type != IOMMU_MODEL_RISCV_TRANSLATION_REQUEST) {
		message->is_due = true;
		message->address = message->where.paddr;
		message->data = data;
	}
	return end(&j, cause);
}

/* --- Stages ----------------------------------------------------------------------------------- */

static void describe(const struct journey *j, struct iommu_model_riscv_stage *stage)
{
	stage->first = journey_has_first(j);
	stage->second = journey_has_second(j);
	stage->has_pscid = stage->first;
	stage->pscid = stage->first ? j->pscid : 0;
	stage->gscid = stage->second ? riscv_iohgatp_gscid(j->iohgatp) : 0;
	stage->first_mode = riscv_root_mode(j->first);
	stage->second_mode = riscv_root_mode(j->iohgatp);
	stage->first_is_32_bit = journey_is_32_bit(j);
	stage->second_is_32_bit = (j->fctl & RISCV_FCTL_GXL) != 0;
	stage->first_table = stage->first ? riscv_root_address(j->first) : 0;
	stage->second_table = stage->second ? riscv_root_address(j->iohgatp) : 0;
	stage->ats = (j->tc & RISCV_TC_EN_ATS) != 0;
	stage->page_requests = (j->tc & RISCV_TC_EN_PRI) != 0;
}

/* … and of the context itself, which may have been found when the process was not. */
static void describe_context(const struct journey *j, struct iommu_model_riscv_stage *stage)
{
	const uint64_t control =
		RISCV_TC_PDTV | RISCV_TC_DPE | RISCV_TC_SADE | RISCV_TC_SBE | RISCV_TC_SXL;

	stage->has_context = (j->tc & RISCV_TC_VALID) != 0;
	if (!stage->has_context)
		return;
	stage->root = j->fsc;
	stage->control = j->tc & control;
	stage->process = riscv_ta_pscid(j->ta);
}

unsigned int iommu_rvmodel_find_stages(struct journey *j)
{
	const enum riscv_ddtp_mode mode = riscv_ddtp_mode(j->directory);
	unsigned int cause;

	if (mode == RISCV_DDTP_OFF)
		return RISCV_FAULT_ALL_DISALLOWED;
	if (mode == RISCV_DDTP_BARE)
		return 0;
	cause = iommu_rvmodel_find_context(j);
	return cause == 0 ? iommu_rvmodel_find_process(j) : cause;
}

int iommu_model_riscv_get_stage(struct iommu_model_riscv *model, uint32_t device_id,
				bool has_process, uint32_t process_id,
				struct iommu_model_riscv_stage *stage)
{
	const struct iommu_model_riscv_request request = {
		.device_id = device_id, .has_process = has_process, .process_id = process_id};
	struct model_passage passage;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	do {
		iommu_rvmodel_journey_begin(&j, model, &passage, &request);
		*stage = (struct iommu_model_riscv_stage){0};
		stage->cause = iommu_rvmodel_find_stages(&j);
		if (stage->cause == 0)
			describe(&j, stage);
		describe_context(&j, stage);
	} while (stage->cause == MODEL_AGAIN || !model_passage_holds(&passage));
	iommu_rvmodel_passage_end(model, &passage, NULL);
	return stage->cause == 0 ? 0 : IOMMU_EFAULT;
}
