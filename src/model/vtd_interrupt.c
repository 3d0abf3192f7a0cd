/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt requests: formats, the entry with its cache, source validation, delivery and posting
 * (VT-d specification, "Interrupt Remapping and Interrupt Posting").
 */
#include <libiommu/status.h>

#include "model/vtd.h"

struct request {
	struct iommu_model_vtd *model;
	uint16_t source_id;
	uint32_t index;
	bool fault_hidden;
	bool peeks;         /* nothing is posted, remembered or recorded */
	uint64_t low, high; /* the entry */
	struct iommu_model_interrupt *result;
};

static bool is_x2apic(const struct iommu_model_vtd *model)
{
	return (model->regs.interrupts & VTD_IRTA_X2APIC) != 0;
}

/* Reserved bits of a present entry; the reason, or 0. */
static unsigned int check_entry(const struct request *r)
{
	uint64_t low = VTD_IRTE_REMAPPED_RESERVED;
	uint64_t high = VTD_IRTE_REMAPPED_HIGH_RESERVED;

	if ((r->low & VTD_IRTE_PRESENT) == 0)
		return 0x22;
	if (!is_x2apic(r->model))
		low |= VTD_IRTE_REMAPPED_XAPIC_RESERVED;
	if ((r->low & VTD_IRTE_POSTED) != 0) {
		if (!model_has(r->model, IOMMU_MODEL_VTD_POSTED_INTERRUPTS))
			return 0x24;
		low = VTD_IRTE_POSTED_RESERVED;
		high = VTD_IRTE_POSTED_HIGH_RESERVED;
	}
	if ((r->low & low) != 0 || (r->high & high) != 0 || vtd_irte_validation(r->high) == 3)
		return 0x24;
	return 0;
}

static unsigned int find_entry(struct request *r)
{
	struct iommu_model_vtd *model = r->model;
	const uint64_t table = model->regs.interrupts & VTD_ENTRY_ADDRESS_MASK;
	struct model_cached entry = {.kind = MODEL_INTERRUPT, .address = r->index};
	const struct model_cached *known;
	uint64_t words[2] = {0, 0};
	unsigned int reason;

	if (r->index >= vtd_irta_entries(model->regs.interrupts))
		return 0x21;
	known = r->peeks ? iommu_model_cache_peek(&model->cache, MODEL_INTERRUPT, 0, 0, r->index)
			 : iommu_model_cache_find(&model->cache, MODEL_INTERRUPT, 0, 0, r->index);
	if (known != NULL) {
		r->low = known->low;
		r->high = known->high;
		r->fault_hidden = (known->low & VTD_IRTE_FPD) != 0;
		return known->reason;
	}
	model->walks += r->peeks ? 0 : 1;
	if (!model_read_words(model, table + r->index * 16ULL, words, 2))
		return 0x23;
	r->low = entry.low = words[0];
	r->high = entry.high = words[1];
	r->fault_hidden = (words[0] & VTD_IRTE_FPD) != 0;
	reason = check_entry(r);
	entry.reason = (uint8_t)reason;
	if (!r->peeks && (reason == 0 || model_has(model, IOMMU_MODEL_VTD_CACHING_MODE)))
		iommu_model_cache_put(&model->cache, &entry);
	return reason;
}

static bool source_is_allowed(const struct request *r)
{
	const uint16_t named = (uint16_t)r->high;
	const unsigned int bus = r->source_id >> 8;

	switch (vtd_irte_validation(r->high)) {
	case VTD_SOURCE_ID:
		return ((r->source_id ^ named) & vtd_irte_compared_bits(r->high)) == 0;
	case VTD_SOURCE_BUS:
		return bus >= named >> 8 && bus <= (named & 0xffU);
	default:
		return true;
	}
}

/* Note the vector in the descriptor, and notify unless that has been done already. */
static unsigned int post(struct request *r)
{
	const struct iommu_model_vtd_host *host = &r->model->config.host;
	const uint64_t descriptor = vtd_irte_descriptor(r->low, r->high);
	const unsigned int vector = vtd_irte_vector(r->low);
	uint64_t control, before;

	if (!model_read_words(r->model, descriptor + VTD_POSTED_CONTROL_OFFSET, &control, 1))
		return 0x27;
	if ((control & VTD_POSTED_RESERVED) != 0)
		return 0x28;
	if (!r->peeks &&
	    !host->set_bits(host->ctx, descriptor + vector / 64 * 8, 1ULL << vector % 64, &before))
		return 0x27;
	r->result->posted = true;
	r->result->vector = (uint8_t)(control >> 16);
	r->result->destination = (uint32_t)(control >> 32);
	if ((control & VTD_POSTED_SUPPRESS) != 0 && (r->low & VTD_IRTE_URGENT) == 0)
		return 0;
	before = control;
	if (!r->peeks && !host->set_bits(host->ctx, descriptor + VTD_POSTED_CONTROL_OFFSET,
					 VTD_POSTED_OUTSTANDING, &before))
		return 0x27;
	r->result->notify = (before & VTD_POSTED_OUTSTANDING) == 0;
	return 0;
}

static void deliver(struct request *r)
{
	r->result->vector = (uint8_t)vtd_irte_vector(r->low);
	r->result->delivery_mode = (uint8_t)vtd_irte_delivery_mode(r->low);
	r->result->logical = (r->low & VTD_IRTE_LOGICAL) != 0;
	r->result->redirection_hint = (r->low & VTD_IRTE_REDIRECTION_HINT) != 0;
	r->result->level = (r->low & VTD_IRTE_LEVEL) != 0;
	r->result->destination = vtd_irte_destination(r->low, is_x2apic(r->model));
}

/* The remappable format; the reason, or 0. */
static unsigned int remap(struct request *r, uint32_t address, uint32_t data)
{
	unsigned int reason;

	r->index = vtd_msi_handle(address);
	if (data >> 16 != 0)
		return 0x20;
	if ((address & VTD_MSI_SUBHANDLE) != 0)
		r->index += data & 0xffff;
	reason = find_entry(r);
	if (reason != 0)
		return reason;
	if (!source_is_allowed(r))
		return 0x26;
	if ((r->low & VTD_IRTE_POSTED) != 0)
		return post(r);
	deliver(r);
	return 0;
}

static unsigned int compatibility(struct request *r)
{
	if (!model_is_on(r->model, VTD_GLOBAL_CFI) || is_x2apic(r->model))
		return 0x25;
	r->result->unchanged = true;
	return 0;
}

static void record(const struct request *r, unsigned int reason)
{
	const struct model_fault fault = {
		.reason = reason,
		.source_id = r->source_id,
		.info = (uint64_t)(r->index & 0xffff) << 48,
		.type = VTD_FAULT_WRITE,
		.hidden = r->fault_hidden && (reason == 0x22 || reason == 0x24 || reason >= 0x26),
	};

	iommu_model_fault_record(r->model, &fault);
}

/* Where the message goes; the reason, or 0. */
static unsigned int answer(struct request *r, uint64_t address, uint32_t data)
{
	struct iommu_model_interrupt *interrupt = r->result;
	unsigned int reason = 0;

	*interrupt = (struct iommu_model_interrupt){.address = address, .data = data};
	if (!model_is_on(r->model, VTD_GLOBAL_IRE))
		interrupt->unchanged = true;
	else if ((address & VTD_MSI_REMAPPABLE) != 0)
		reason = remap(r, (uint32_t)address, data);
	else
		reason = compatibility(r);
	if (reason != 0)
		*interrupt = (struct iommu_model_interrupt){
			.address = address, .data = data, .reason = reason};
	return reason;
}

int iommu_model_vtd_interrupt(struct iommu_model_vtd *model, uint16_t source_id, uint64_t address,
			      uint32_t data, struct iommu_model_interrupt *interrupt)
{
	uintptr_t state = iommu_model_enter_to_walk(model);
	struct request r = {.model = model, .source_id = source_id, .result = interrupt};
	const unsigned int reason = answer(&r, address, data);

	if (reason != 0)
		record(&r, reason);
	iommu_model_leave(model, state);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_vtd_peek_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
				   uint64_t address, uint32_t data,
				   struct iommu_model_interrupt *interrupt)
{
	uintptr_t state = iommu_spin_lock(model->platform, &model->lock);
	struct request r = {
		.model = model, .source_id = source_id, .result = interrupt, .peeks = true};
	const unsigned int reason = answer(&r, address, data);

	iommu_spin_unlock(model->platform, &model->lock, state);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}
