/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of a device: its translation, or the reason of its fault and how that is recorded (VT-d
 * specification, "DMA Remapping"). Entries and tables are read in context.c, second_stage.c and
 * first_stage.c.
 */
#include <libiommu/status.h>

#include "base/bits.h"
#include "model/vtd/counters.h"
#include "model/vtd/journey.h"

/* --- The request ------------------------------------------------------------------------------ */

/* Untranslated, as all memory around it. */
static void unchanged(struct journey *j)
{
	*j->result = (struct iommu_model_translation){.paddr = j->request->address,
						      .prot = IOMMU_PROT_READ_WRITE,
						      .size = model_output_last(j->model) + 1};
}

/* The result of the stages, as the request's answer. */
static unsigned int arrive(struct journey *j, const struct model_leaf *leaf, unsigned int reason)
{
	j->result->prot = leaf->allowed;
	j->result->snoop = leaf->snoop || j->snoops;
	/* No block is larger than memory. */
	j->result->size = leaf->size <= model_output_last(j->model)
				  ? leaf->size
				  : model_output_last(j->model) + 1;
	j->result->paddr = leaf->paddr;
	if (reason == 0 && (leaf->paddr & ~LOW_MASK(20)) == VTD_INTERRUPT_RANGE_START)
		return j->scalable ? VTD_REASON_SCALABLE_INTERRUPT_RANGE
				   : VTD_REASON_INTERRUPT_RANGE;
	return reason;
}

/*
 * With a PASID, or in a translated request, the interrupt range is memory, and is refused: a write
 * to it would reach an interrupt controller without remapping.
 */
static bool is_closed(const struct iommu_model_request *request)
{
	return (request->has_pasid || request->type == IOMMU_MODEL_TRANSLATED) &&
	       (request->address & ~LOW_MASK(20)) == VTD_INTERRUPT_RANGE_START;
}

static unsigned int translate(struct journey *j)
{
	const struct iommu_model_request *request = j->request;
	struct model_leaf leaf = {0};
	unsigned int reason = iommu_model_find_context(j);

	if (reason != 0)
		return reason;
	if (is_closed(request))
		return j->scalable ? VTD_REASON_SCALABLE_INTERRUPT_RANGE
				   : VTD_REASON_INTERRUPT_RANGE;
	if (request->type == IOMMU_MODEL_TRANSLATED) {
		unchanged(j);
		if (request->address <= model_output_last(j->model))
			return 0;
		return j->scalable ? VTD_REASON_BEYOND_HARDWARE : VTD_REASON_ADDRESS_TOO_WIDE;
	}
	if (!j->scalable || j->how == VTD_PASID_SECOND_STAGE)
		reason = iommu_model_second_stage(j, request->address, request->access, &leaf);
	else if (j->how == VTD_PASID_PASS_THROUGH)
		reason = iommu_model_pass_through(j, &leaf);
	else
		reason = iommu_model_first_stage(j, &leaf);
	return arrive(j, &leaf, reason);
}

/*
 * The page is absent or lacks the permission: a translation request is answered so, without a
 * fault.
 */
static bool is_merely_denied(unsigned int reason)
{
	switch (reason) {
	case VTD_REASON_WRITE_DENIED:
	case VTD_REASON_READ_DENIED:
	case VTD_REASON_FIRST_STAGE_NOT_PRESENT:
	case VTD_REASON_SECOND_STAGE_DENIED:
	case VTD_REASON_USER_ON_SUPERVISOR:
	case VTD_REASON_SCALABLE_WRITE_DENIED:
	case VTD_REASON_SCALABLE_READ_DENIED:
		return true;
	default:
		return false;
	}
}

static unsigned int denied(const struct journey *j)
{
	if (j->scalable)
		return VTD_REASON_SECOND_STAGE_DENIED;
	return model_is_write(j->request->access) ? VTD_REASON_WRITE_DENIED
						  : VTD_REASON_READ_DENIED;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

/*
 * An aligned block around the address may extend to the highest bit that differs from an address
 * outside.
 */
static void end_before(uint64_t address, uint64_t outside, uint64_t *size)
{
	const uint64_t differs = address ^ outside;

	if (*size > differs)
		*size = 1ULL << iommu_highest_bit(differs);
}

/* The largest aligned block around the address, of at most *size bytes, without [first, last]. */
static void keep_out_of(uint64_t address, uint64_t first, uint64_t last, uint64_t *size)
{
	if (*size == IOMMU_PAGE_SIZE || first > last)
		return;
	if (address < first)
		end_before(address, first, size);
	else if (address > last)
		end_before(address, last, size);
	else
		*size = IOMMU_PAGE_SIZE;
}

/* Protected memory is closed to untranslated requests, and may be closed to others. */
static bool is_protected(const struct iommu_model_vtd *model, uint64_t address)
{
	const struct model_published *regs = &model->published;

	return (address >= iommu_cell_load(&regs->low_first) &&
		address <= iommu_cell_load(&regs->low_last)) ||
	       (address >= iommu_cell_load(&regs->high_first) &&
		address <= iommu_cell_load(&regs->high_last));
}

/* The block around the address excludes protected memory and the interrupt range. */
static void cut_block(const struct iommu_model_vtd *model, uint64_t address,
		      struct iommu_model_translation *result)
{
	const struct model_published *regs = &model->published;

	keep_out_of(address, VTD_INTERRUPT_RANGE_START, VTD_INTERRUPT_RANGE_LAST, &result->size);
	keep_out_of(result->paddr, iommu_cell_load(&regs->low_first),
		    iommu_cell_load(&regs->low_last), &result->size);
	keep_out_of(result->paddr, iommu_cell_load(&regs->high_first),
		    iommu_cell_load(&regs->high_last), &result->size);
}

/* --- The answer ------------------------------------------------------------------------------- */

/* Interrupt messages are not memory; other accesses to their range fault. */
static bool in_interrupt_range(const struct iommu_model_request *request)
{
	return request->type == IOMMU_MODEL_UNTRANSLATED && !request->has_pasid &&
	       request->address >= VTD_INTERRUPT_RANGE_START &&
	       request->address <= VTD_INTERRUPT_RANGE_LAST;
}

static struct model_fault fault_of(const struct journey *j, unsigned int reason)
{
	const struct iommu_model_request *request = j->request;
	const bool write = (request->access & IOMMU_PROT_WRITE) != 0;

	return (struct model_fault){
		.reason = reason,
		.source_id = request->source_id,
		.info = request->address & ~LOW_MASK(12),
		.type = write ? VTD_FAULT_WRITE : VTD_FAULT_READ,
		.at = request->type,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		/* An entry cannot suppress faults on the way to it. */
		.hidden = j->fault_hidden && reason != VTD_REASON_ROOT_NOT_PRESENT &&
			  reason != VTD_REASON_ROOT_ACCESS && reason != VTD_REASON_CONTEXT_ACCESS &&
			  reason != VTD_REASON_ROOT_RESERVED &&
			  reason != VTD_REASON_DIRECTORY_ACCESS &&
			  reason != VTD_REASON_PASID_ENTRY_ACCESS,
	};
}

/* Complete the request with the reason; *recorded: the fault, if there is one. */
static unsigned int journey_answer(struct journey *j, bool *recorded)
{
	const struct iommu_model_request *request = j->request;
	const bool is_on = model_works(j->model, VTD_GLOBAL_TE);
	unsigned int reason = 0;

	*recorded = is_on;
	*j->result = (struct iommu_model_translation){0};
	if (in_interrupt_range(request)) {
		j->result->is_interrupt = request->access == IOMMU_PROT_WRITE;
		return j->result->is_interrupt ? 0 : VTD_REASON_INTERRUPT_RANGE;
	}
	if (is_on) {
		reason = translate(j);
	} else {
		unchanged(j);
		if (request->type != IOMMU_MODEL_UNTRANSLATED)
			reason = VTD_REASON_REQUEST_TYPE_BLOCKED;
		else if (is_closed(request))
			reason = VTD_REASON_SCALABLE_INTERRUPT_RANGE;
	}
	/* A translation request is answered without a fault. */
	if (request->type == IOMMU_MODEL_TRANSLATION_REQUEST && is_merely_denied(reason)) {
		reason = 0;
		if (j->result->size == 0)
			j->result->size = IOMMU_PAGE_SIZE;
	}
	/* Protected memory is closed to all, and no device is told an address in it. */
	if (reason == 0 && j->result->prot != 0 && is_protected(j->model, j->result->paddr)) {
		*recorded = false;
		return denied(j);
	}
	if (reason == 0)
		cut_block(j->model, request->address, j->result);
	return reason;
}

/* Answer the request, with the passage still open: returns the reason, or 0. */
static unsigned int pass(struct journey *j, struct model_passage *passage,
			 struct iommu_model_vtd *model, const struct iommu_model_request *request,
			 struct iommu_model_translation *result, bool *recorded)
{
	unsigned int reason;
	bool holds;

	do {
		model_journey_begin(j, model, passage, request, result);
		reason = journey_answer(j, recorded);
		holds = reason != MODEL_AGAIN && model_passage_holds(passage);
		/*
		 * A fault record can be observed: of the state that still holds, and before another
		 * is reported.
		 */
		if (holds && reason != 0 && *recorded && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	if (reason != 0)
		*result = (struct iommu_model_translation){.reason = reason};
	return reason;
}

/*
 * Every request that is not an interrupt, and has an address to be translated, looks into the
 * IOTLB; it has hit if nothing had to be read.
 */
static __attribute__((noinline)) void
count(const struct journey *j, const struct model_passage *passage, unsigned int reason)
{
	const struct iommu_model_request *request = j->request;
	const bool looks_up = model_works(j->model, VTD_GLOBAL_TE) &&
			      !in_interrupt_range(request) &&
			      request->type != IOMMU_MODEL_TRANSLATED;
	const bool hits = looks_up && reason == 0 && !passage->is_walk;
	struct model_event event = {
		.group = VTD_EVENTS_OF_UNIT,
		.events = 1U << VTD_EVENT_REQUESTS,
		.source_id = request->source_id,
		.domain_id = j->domain_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.type = request->type,
	};
	struct model_event look_up = event;

	look_up.group = VTD_EVENTS_OF_IOTLB;
	look_up.events = (looks_up ? 1U << VTD_EVENT_IOTLB_LOOKUPS : 0) |
			 (hits ? 1U << VTD_EVENT_IOTLB_HITS : 0);
	model_count_two(j->model, &event, &look_up);
}

int iommu_model_vtd_translate(struct iommu_model_vtd *model,
			      const struct iommu_model_request *request,
			      struct iommu_model_translation *result)
{
	struct model_passage passage;
	struct model_fault fault;
	unsigned int reason;
	struct journey j;
	bool recorded;

	model_count_up(&model_counter_of(model->counters, request->source_id)->requests);
	model_passage_begin(&passage, &model->cache, false);
	reason = pass(&j, &passage, model, request, result, &recorded);
	if (reason == 0) {
		iommu_model_passage_end(model, &passage, NULL, j.misuse);
	} else {
		fault = fault_of(&j, reason);
		iommu_model_passage_end(model, &passage, recorded ? &fault : NULL, j.misuse);
	}
	if (model_works(model, MODEL_COUNTS))
		count(&j, &passage, reason);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_vtd_peek(struct iommu_model_vtd *model, const struct iommu_model_request *request,
			 struct iommu_model_translation *result)
{
	struct model_passage passage;
	unsigned int reason;
	struct journey j;
	bool recorded;

	model_passage_begin(&passage, &model->cache, true);
	reason = pass(&j, &passage, model, request, result, &recorded);
	iommu_model_passage_end(model, &passage, NULL, NULL);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

static void describe(struct journey *j, struct iommu_model_stage *stage)
{
	stage->first = j->how == VTD_PASID_FIRST_STAGE || j->how == VTD_PASID_NESTED;
	stage->second = j->how == VTD_PASID_SECOND_STAGE || j->how == VTD_PASID_NESTED;
	stage->passes = j->how == VTD_PASID_PASS_THROUGH;
	stage->domain_id = j->domain_id;
	if (stage->first) {
		stage->first_table = j->first & VTD_ENTRY_ADDRESS_MASK;
		stage->first_levels = vtd_pasid_first_levels(j->first);
	}
	if (stage->second) {
		stage->second_table = j->second_table;
		stage->second_levels = j->second_levels;
	}
}

int iommu_model_vtd_get_stage(struct iommu_model_vtd *model, uint16_t source_id, bool has_pasid,
			      uint32_t pasid, struct iommu_model_stage *stage)
{
	const struct iommu_model_request request = {
		.source_id = source_id, .has_pasid = has_pasid, .pasid = pasid};
	struct iommu_model_translation unused;
	struct model_passage passage;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	do {
		model_journey_begin(&j, model, &passage, &request, &unused);
		*stage = (struct iommu_model_stage){.passes = true};
		if (!model_works(model, VTD_GLOBAL_TE))
			continue;
		stage->passes = false;
		stage->reason = iommu_model_find_context(&j);
		if (stage->reason == 0)
			describe(&j, stage);
	} while (stage->reason == MODEL_AGAIN || !model_passage_holds(&passage));
	iommu_model_passage_end(model, &passage, NULL, j.misuse);
	return stage->reason == 0 ? 0 : IOMMU_EFAULT;
}
