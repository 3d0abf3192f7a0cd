/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of a device: where it goes, or why it does not and how that is recorded (VT-d specification, "DMA
 * Remapping"). The way there is in vtd_context.c, vtd_second_stage.c and vtd_first_stage.c.
 */
#include <libiommu/status.h>

#include "model/vtd_journey.h"

/* --- The request ------------------------------------------------------------------------------ */

static void unchanged(struct journey *j)
{
	*j->result = (struct iommu_model_translation){.paddr = j->request->address,
						      .prot = IOMMU_PROT_READ_WRITE,
						      .size = IOMMU_PAGE_SIZE};
}

/* What the stages found: the request's answer. */
static unsigned int arrive(struct journey *j, const struct model_leaf *leaf, unsigned int reason)
{
	j->result->prot = leaf->allowed;
	j->result->snoop = leaf->snoop || j->snoops;
	j->result->size = leaf->size;
	j->result->paddr = leaf->paddr;
	if (reason == 0 && (leaf->paddr & ~LOW_MASK(20)) == VTD_INTERRUPT_RANGE_START)
		return j->scalable ? 0x87 : 0xe;
	return reason;
}

static unsigned int translate(struct journey *j)
{
	const struct iommu_model_request *request = j->request;
	struct model_leaf leaf = {0};
	unsigned int reason = iommu_model_find_context(j);

	if (reason != 0)
		return reason;
	if (request->type == IOMMU_MODEL_TRANSLATED) {
		unchanged(j);
		if (request->address <= model_output_last(j->model))
			return 0;
		return j->scalable ? 0x83 : 0x4;
	}
	/* With a PASID even the interrupt range is memory, and closed. */
	if (request->has_pasid && (request->address & ~LOW_MASK(20)) == VTD_INTERRUPT_RANGE_START)
		return 0x87;
	if (!j->scalable || j->how == VTD_PASID_SECOND_STAGE)
		reason = iommu_model_second_stage(j, request->address, request->access, &leaf);
	else if (j->how == VTD_PASID_PASS_THROUGH)
		reason = iommu_model_pass_through(j, &leaf);
	else
		reason = iommu_model_first_stage(j, &leaf);
	return arrive(j, &leaf, reason);
}

/* Merely not mapped, or not so: what a device that asks is told, and not blamed for. */
static bool is_merely_denied(unsigned int reason)
{
	switch (reason) {
	case 0x5:
	case 0x6:
	case 0x71:
	case 0x79:
	case 0x81:
	case 0x85:
	case 0x86:
		return true;
	default:
		return false;
	}
}

static unsigned int denied(const struct journey *j)
{
	if (j->scalable)
		return 0x79;
	return model_is_write(j->request->access) ? 0x5 : 0x6;
}

/* Protected memory is closed to what is not translated, and may be closed to all else. */
static bool is_protected(const struct iommu_model_vtd *model, uint64_t address)
{
	const struct model_registers *regs = &model->regs;

	if (!model_has(model, IOMMU_MODEL_VTD_PROTECTED_MEMORY) || (regs->pmen & VTD_PMEN_EPM) == 0)
		return false;
	return (address >= regs->plmbase && address <= (regs->plmlimit | 0x1fffff)) ||
	       (address >= regs->phmbase && address <= (regs->phmlimit | 0x1fffff));
}

/* The regions are cut at 2 MiB: what is alike in this respect is no larger. */
static void keep_out_of_protected(const struct iommu_model_vtd *model,
				  struct iommu_model_translation *result)
{
	if (model_has(model, IOMMU_MODEL_VTD_PROTECTED_MEMORY) &&
	    (model->regs.pmen & VTD_PMEN_EPM) != 0 && result->size > IOMMU_SIZE_2M)
		result->size = IOMMU_SIZE_2M;
}

/* Interrupt messages are not memory, and nothing else in their range is anything. */
static bool in_interrupt_range(const struct iommu_model_request *request)
{
	return request->type == IOMMU_MODEL_UNTRANSLATED && !request->has_pasid &&
	       request->address >= VTD_INTERRUPT_RANGE_START &&
	       request->address <= VTD_INTERRUPT_RANGE_LAST;
}

static void record(struct journey *j, unsigned int reason)
{
	const struct iommu_model_request *request = j->request;
	const bool write = (request->access & IOMMU_PROT_WRITE) != 0;
	const struct model_fault fault = {
		.reason = reason,
		.source_id = request->source_id,
		.info = request->address & ~LOW_MASK(12),
		.type = write ? VTD_FAULT_WRITE : VTD_FAULT_READ,
		.at = request->type,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		/* Faults on the way to an entry cannot be hidden by it. */
		.hidden = j->fault_hidden && reason != 0x1 && reason != 0x8 && reason != 0x9 &&
			  reason != 0xa && reason != 0x50 && reason != 0x58,
	};

	iommu_model_fault_record(j->model, &fault);
}

/* A block that reaches into the interrupt range is no larger than a page. */
static void keep_out_of_interrupts(struct iommu_model_translation *result, uint64_t address)
{
	const uint64_t start = address & ~(result->size - 1);

	if (start <= VTD_INTERRUPT_RANGE_LAST &&
	    start + (result->size - 1) >= VTD_INTERRUPT_RANGE_START)
		result->size = IOMMU_PAGE_SIZE;
}

/* Where the request goes; the reason why not, which may be one to be recorded, or 0. */
static unsigned int answer(struct journey *j, bool *recorded)
{
	const struct iommu_model_request *request = j->request;
	struct iommu_model_translation *result = j->result;
	struct iommu_model_vtd *model = j->model;
	unsigned int reason = 0;

	*recorded = true;
	*result = (struct iommu_model_translation){0};
	if (in_interrupt_range(request)) {
		result->is_interrupt = request->access == IOMMU_PROT_WRITE;
		if (!result->is_interrupt)
			reason = 0xe;
		*recorded = model_is_on(model, VTD_GLOBAL_TE);
	} else if (!model_is_on(model, VTD_GLOBAL_TE)) {
		unchanged(j);
		*recorded = false;
		if (request->type != IOMMU_MODEL_UNTRANSLATED)
			reason = 0xd;
	} else {
		reason = translate(j);
	}
	/* A device that only asked is answered, not blamed. */
	if (request->type == IOMMU_MODEL_TRANSLATION_REQUEST && is_merely_denied(reason)) {
		reason = 0;
		if (result->size == 0)
			result->size = IOMMU_PAGE_SIZE;
	}
	/* Protected memory is closed to all, and its addresses are told to none. */
	if (reason == 0 && result->prot != 0 && is_protected(model, result->paddr)) {
		reason = denied(j);
		*recorded = false;
	}
	if (reason != 0) {
		*result = (struct iommu_model_translation){.reason = reason};
	} else if (!result->is_interrupt) {
		keep_out_of_interrupts(result, request->address);
		keep_out_of_protected(model, result);
	}
	return reason;
}

int iommu_model_vtd_translate(struct iommu_model_vtd *model,
			      const struct iommu_model_request *request,
			      struct iommu_model_translation *result)
{
	uintptr_t state = iommu_model_enter_to_walk(model);
	struct journey j = {.model = model, .request = request, .result = result};
	bool recorded;
	const unsigned int reason = answer(&j, &recorded);

	model->translations++;
	if (reason != 0 && recorded)
		record(&j, reason);
	iommu_model_leave(model, state);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_vtd_peek(struct iommu_model_vtd *model, const struct iommu_model_request *request,
			 struct iommu_model_translation *result)
{
	uintptr_t state = iommu_spin_lock(model->platform, &model->lock);
	struct journey j = {.model = model, .request = request, .result = result, .peeks = true};
	bool recorded;
	const unsigned int reason = answer(&j, &recorded);

	iommu_spin_unlock(model->platform, &model->lock, state);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_vtd_get_stage(struct iommu_model_vtd *model, uint16_t source_id, bool has_pasid,
			      uint32_t pasid, struct iommu_model_stage *stage)
{
	const struct iommu_model_request request = {
		.source_id = source_id, .has_pasid = has_pasid, .pasid = pasid};
	struct iommu_model_translation unused;
	struct journey j = {.model = model, .request = &request, .result = &unused, .peeks = true};
	uintptr_t state = iommu_spin_lock(model->platform, &model->lock);

	*stage = (struct iommu_model_stage){.passes = true};
	if (model_is_on(model, VTD_GLOBAL_TE)) {
		stage->reason = iommu_model_find_context(&j);
		stage->passes = stage->reason == 0 && j.how == VTD_PASID_PASS_THROUGH;
	}
	if (model_is_on(model, VTD_GLOBAL_TE) && stage->reason == 0) {
		stage->first = j.how == VTD_PASID_FIRST_STAGE || j.how == VTD_PASID_NESTED;
		stage->second = j.how == VTD_PASID_SECOND_STAGE || j.how == VTD_PASID_NESTED;
		stage->domain_id = j.domain_id;
	}
	if (stage->first) {
		stage->first_table = j.first & VTD_ENTRY_ADDRESS_MASK;
		stage->first_levels = vtd_pasid_first_levels(j.first);
	}
	if (stage->second) {
		stage->second_table = j.second_table;
		stage->second_levels = j.second_levels;
	}
	iommu_spin_unlock(model->platform, &model->lock, state);
	return stage->reason == 0 ? 0 : IOMMU_EFAULT;
}
