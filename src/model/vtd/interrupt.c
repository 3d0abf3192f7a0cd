/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt requests: formats, the entry with its cache, source validation, delivery and posting
 * (VT-d specification, "Interrupt Remapping and Interrupt Posting").
 */
#include <libiommu/status.h>

#include "model/vtd/counters.h"
#include "model/vtd/journey.h"

struct request {
	struct iommu_model_vtd *model;
	struct model_passage *passage;
	uint64_t table; /* IRTA, as it was when the request began */
	uint16_t source_id;
	uint32_t index;
	bool fault_hidden;
	bool peeks;         /* nothing is posted, cached or recorded */
	uint64_t low, high; /* the entry */
	struct iommu_model_interrupt *result;
};

static bool is_x2apic(const struct request *r)
{
	return (r->table & VTD_IRTA_X2APIC) != 0;
}

/* Reserved bits of a present entry; returns the reason, or 0. */
static unsigned int check_entry(const struct request *r)
{
	uint64_t low = VTD_IRTE_REMAPPED_RESERVED;
	uint64_t high = VTD_IRTE_REMAPPED_HIGH_RESERVED;

	if ((r->low & VTD_IRTE_PRESENT) == 0)
		return VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT;
	if (!is_x2apic(r))
		low |= VTD_IRTE_REMAPPED_XAPIC_RESERVED;
	if ((r->low & VTD_IRTE_POSTED) != 0) {
		if (!model_has(r->model, IOMMU_MODEL_VTD_POSTED_INTERRUPTS))
			return VTD_REASON_INTERRUPT_ENTRY_RESERVED;
		low = VTD_IRTE_POSTED_RESERVED;
		high = VTD_IRTE_POSTED_HIGH_RESERVED;
	}
	if ((r->low & low) != 0 || (r->high & high) != 0 || vtd_irte_validation(r->high) == 3)
		return VTD_REASON_INTERRUPT_ENTRY_RESERVED;
	return 0;
}

static unsigned int find_entry(struct request *r)
{
	struct iommu_model_vtd *model = r->model;
	const uint64_t table = r->table & VTD_ENTRY_ADDRESS_MASK;
	struct model_cached entry;
	uint64_t words[2] = {0, 0};
	unsigned int reason;

	if (r->index >= vtd_irta_entries(r->table))
		return VTD_REASON_INTERRUPT_INDEX;
	if (r->peeks
		    ? iommu_model_cache_peek(&model->cache, MODEL_INTERRUPT, 0, 0, r->index, &entry)
		    : iommu_model_cache_find(&model->cache, MODEL_INTERRUPT, 0, 0, r->index,
					     &entry)) {
		r->low = entry.low;
		r->high = entry.high;
		r->fault_hidden = (entry.low & VTD_IRTE_FPD) != 0;
		return entry.reason;
	}
	if (!model_passage_walks(r->passage))
		return MODEL_AGAIN;
	if (!r->peeks)
		model_count_up(&model_counter_of(model->counters, r->source_id)->walks);
	if (!model_read_words(model, table + r->index * 16ULL, words, 2))
		return VTD_REASON_INTERRUPT_ENTRY_ACCESS;
	r->low = entry.low = words[0];
	r->high = entry.high = words[1];
	r->fault_hidden = (words[0] & VTD_IRTE_FPD) != 0;
	reason = check_entry(r);
	entry.reason = (uint8_t)reason;
	if (!r->peeks && (reason == 0 || model_has(model, IOMMU_MODEL_VTD_CACHING_MODE)))
		iommu_model_cache_put(&model->cache, &r->passage->walk, &entry);
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

/* Set the vector in the descriptor, and notify unless a notification is outstanding. */
static unsigned int post(struct request *r)
{
	const struct iommu_model_vtd_host *host = &r->model->config.host;
	const uint64_t descriptor = vtd_irte_descriptor(r->low, r->high);
	const unsigned int vector = vtd_irte_vector(r->low);
	uint64_t control, before;

	/* Memory of the guest is written before an invalidation of the entry is complete. */
	if (!model_passage_walks(r->passage))
		return MODEL_AGAIN;
	if (!model_read_words(r->model, descriptor + VTD_POSTED_CONTROL_OFFSET, &control, 1))
		return VTD_REASON_POSTED_ACCESS;
	if ((control & VTD_POSTED_RESERVED) != 0)
		return VTD_REASON_POSTED_RESERVED;
	if (!r->peeks &&
	    !host->set_bits(host->ctx, descriptor + vector / 64 * 8, 1ULL << vector % 64, &before))
		return VTD_REASON_POSTED_ACCESS;
	r->result->posted = true;
	r->result->vector = (uint8_t)(control >> 16);
	r->result->destination = (uint32_t)(control >> 32);
	if ((control & VTD_POSTED_SUPPRESS) != 0 && (r->low & VTD_IRTE_URGENT) == 0)
		return 0;
	before = control;
	if (!r->peeks && !host->set_bits(host->ctx, descriptor + VTD_POSTED_CONTROL_OFFSET,
					 VTD_POSTED_OUTSTANDING, &before))
		return VTD_REASON_POSTED_ACCESS;
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
	r->result->destination = vtd_irte_destination(r->low, is_x2apic(r));
}

/* The remappable format; returns the reason, or 0. */
static unsigned int remap(struct request *r, uint32_t address, uint32_t data)
{
	unsigned int reason;

	r->index = vtd_msi_handle(address);
	if (data >> 16 != 0)
		return VTD_REASON_INTERRUPT_RESERVED;
	if ((address & VTD_MSI_SUBHANDLE) != 0)
		r->index += data & 0xffff;
	reason = find_entry(r);
	if (reason != 0)
		return reason;
	if (!source_is_allowed(r))
		return VTD_REASON_INTERRUPT_SOURCE;
	if ((r->low & VTD_IRTE_POSTED) != 0)
		return post(r);
	deliver(r);
	return 0;
}

static unsigned int compatibility(struct request *r)
{
	if (!model_works(r->model, VTD_GLOBAL_CFI) || is_x2apic(r))
		return VTD_REASON_INTERRUPT_COMPATIBILITY;
	r->result->unchanged = true;
	return 0;
}

static struct model_fault fault_of(const struct request *r, unsigned int reason)
{
	return (struct model_fault){
		.reason = reason,
		.source_id = r->source_id,
		.info = (uint64_t)(r->index & 0xffff) << 48,
		.type = VTD_FAULT_WRITE,
		.hidden = r->fault_hidden && (reason == VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT ||
					      reason == VTD_REASON_INTERRUPT_ENTRY_RESERVED ||
					      reason >= VTD_REASON_INTERRUPT_SOURCE),
	};
}

/* Complete the request, with the reason. */
static unsigned int interrupt_answer(struct request *r, uint64_t address, uint32_t data)
{
	*r->result = (struct iommu_model_interrupt){.address = address, .data = data};
	if (!model_works(r->model, VTD_GLOBAL_IRE)) {
		r->result->unchanged = true;
		return 0;
	}
	return (address & VTD_MSI_REMAPPABLE) != 0 ? remap(r, (uint32_t)address, data)
						   : compatibility(r);
}

/* Answer the request, with the passage still open: returns the reason, or 0. */
static unsigned int pass(struct request *r, struct model_passage *passage,
			 struct iommu_model_vtd *model, uint16_t source_id, uint64_t address,
			 uint32_t data, struct iommu_model_interrupt *interrupt)
{
	unsigned int reason;
	bool holds;

	do {
		*r = (struct request){.model = model,
				      .passage = passage,
				      .table = iommu_cell_load(&model->published.interrupts),
				      .source_id = source_id,
				      .peeks = passage->peeks,
				      .result = interrupt};
		reason = interrupt_answer(r, address, data);
		holds = reason != MODEL_AGAIN && model_passage_holds(passage);
		if (holds && reason != 0 && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	if (reason != 0)
		*interrupt = (struct iommu_model_interrupt){
			.address = address, .data = data, .reason = reason};
	return reason;
}

/* An entry was looked for; what is posted has written to memory, and nothing is known of it. */
static __attribute__((noinline)) void
count(const struct request *r, const struct model_passage *passage, unsigned int reason)
{
	const bool hits = reason == 0 && !passage->is_walk;
	const struct model_event event = {
		.group = VTD_EVENTS_OF_INTERRUPTS,
		.events = 1U << VTD_EVENT_ENTRY_LOOKUPS | (hits ? 1U << VTD_EVENT_ENTRY_HITS : 0),
		.source_id = r->source_id,
	};
	const struct model_event request = {
		.group = VTD_EVENTS_OF_UNIT,
		.events = 1U << VTD_EVENT_REQUESTS,
		.source_id = r->source_id,
	};

	model_count_two(r->model, &event, &request);
}

int iommu_model_vtd_interrupt(struct iommu_model_vtd *model, uint16_t source_id, uint64_t address,
			      uint32_t data, struct iommu_model_interrupt *interrupt)
{
	struct model_passage passage;
	struct model_fault fault;
	unsigned int reason;
	struct request r;

	model_passage_begin(&passage, &model->cache, false);
	reason = pass(&r, &passage, model, source_id, address, data, interrupt);
	fault = fault_of(&r, reason);
	iommu_model_passage_end(model, &passage, reason != 0 ? &fault : NULL, NULL);
	if (model_works(model, MODEL_COUNTS) && model_works(model, VTD_GLOBAL_IRE) &&
	    (address & VTD_MSI_REMAPPABLE) != 0)
		count(&r, &passage, reason);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_vtd_peek_interrupt(struct iommu_model_vtd *model, uint16_t source_id,
				   uint64_t address, uint32_t data,
				   struct iommu_model_interrupt *interrupt)
{
	struct model_passage passage;
	unsigned int reason;
	struct request r;

	model_passage_begin(&passage, &model->cache, true);
	reason = pass(&r, &passage, model, source_id, address, data, interrupt);
	iommu_model_passage_end(model, &passage, NULL, NULL);
	return reason == 0 ? 0 : IOMMU_EFAULT;
}
