/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults: the ring of records, overflow, and the event interrupts (VT-d specification, "Fault
 * Logging" and "Fault Event"). A fault is recorded in the next record of the ring; when that is
 * still in use, overflow is set and nothing is recorded until software has cleared it.
 */
#include "model/vtd/model.h"

#define EVENT_BITS (VTD_FSTS_PFO | VTD_FSTS_PPF | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

void iommu_model_send_event(uint64_t *control, struct model_message *message, uint64_t address,
			    uint64_t upper, uint64_t data)
{
	if ((*control & VTD_EVENT_MASK) != 0) {
		*control |= VTD_EVENT_PENDING;
		return;
	}
	*control &= ~(uint64_t)VTD_EVENT_PENDING;
	*message = (struct model_message){
		.wanted = true, .address = upper << 32 | address, .data = (uint32_t)data};
}

static void fault_event(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;

	iommu_model_send_event(&regs->fectl, &model->fault_message, regs->feaddr, regs->feuaddr,
			       regs->fedata);
}

static void wait_event(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;

	iommu_model_send_event(&regs->iectl, &model->wait_message, regs->ieaddr, regs->ieuaddr,
			       regs->iedata);
}

void iommu_model_request_event(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;

	iommu_model_send_event(&regs->pectl, &model->request_message, regs->peaddr, regs->peuaddr,
			       regs->pedata);
}

void iommu_model_event_unmasked(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;

	if ((regs->fectl & (VTD_EVENT_MASK | VTD_EVENT_PENDING)) == VTD_EVENT_PENDING)
		fault_event(model);
	if ((regs->iectl & (VTD_EVENT_MASK | VTD_EVENT_PENDING)) == VTD_EVENT_PENDING)
		wait_event(model);
	if ((regs->pectl & (VTD_EVENT_MASK | VTD_EVENT_PENDING)) == VTD_EVENT_PENDING)
		iommu_model_request_event(model);
}

void iommu_model_fault_event(struct iommu_model_vtd *model, uint32_t fsts_bits)
{
	const bool before = (model->regs.fsts & EVENT_BITS) != 0;

	model->regs.fsts |= fsts_bits;
	/* One message for all pending conditions: software reads all of them when it arrives. */
	if (!before)
		fault_event(model);
}

void iommu_model_wait_event(struct iommu_model_vtd *model)
{
	const bool before = (model->regs.ics & VTD_ICS_IWC) != 0;

	model->regs.ics |= VTD_ICS_IWC;
	if (!before)
		wait_event(model);
}

/* The oldest record in use: the ring is filled in order. */
static unsigned int oldest_record(const struct iommu_model_vtd *model)
{
	const unsigned int count = model->fault_count;
	const unsigned int next = (unsigned int)model->regs.fault_next;
	unsigned int i;

	for (i = 0; i < count; i++)
		if ((model->fault_records[(next + i) % count][1] & VTD_FAULT_F) != 0)
			return (next + i) % count;
	return count;
}

void iommu_model_fault_written(struct iommu_model_vtd *model)
{
	struct model_registers *regs = &model->regs;
	const unsigned int oldest = oldest_record(model);

	regs->fsts &= ~(uint64_t)(VTD_FSTS_PPF | 0xff00);
	if (oldest < model->fault_count)
		regs->fsts |= VTD_FSTS_PPF | (uint64_t)oldest << 8;
	if ((regs->fsts & EVENT_BITS) == 0)
		regs->fectl &= ~(uint64_t)VTD_EVENT_PENDING;
	if ((regs->ics & VTD_ICS_IWC) == 0)
		regs->iectl &= ~(uint64_t)VTD_EVENT_PENDING;
	if ((regs->prs & (VTD_PRS_PPR | VTD_PRS_PRO)) == 0)
		regs->pectl &= ~(uint64_t)VTD_EVENT_PENDING;
}

void iommu_model_fault_record(struct iommu_model_vtd *model, const struct model_fault *fault)
{
	struct model_registers *regs = &model->regs;
	uint64_t *record = model->fault_records[regs->fault_next];

	model->fault_total++;
	if (fault->hidden || (regs->fsts & VTD_FSTS_PFO) != 0)
		return;
	if ((record[1] & VTD_FAULT_F) != 0) {
		iommu_model_fault_event(model, VTD_FSTS_PFO);
		return;
	}
	record[0] = fault->info;
	record[1] = VTD_FAULT_F | fault->source_id | (uint64_t)fault->reason << 32 |
		    (uint64_t)(fault->type >> 1 & 1) << 62 | (uint64_t)(fault->type & 1) << 28 |
		    (uint64_t)fault->at << 60;
	if (fault->has_pasid)
		record[1] |= 1ULL << 31 | (uint64_t)(fault->pasid & 0xfffff) << 40;
	if ((regs->fsts & VTD_FSTS_PPF) == 0)
		regs->fsts = (regs->fsts & ~0xff00ULL) | regs->fault_next << 8;
	regs->fault_next = ((unsigned int)regs->fault_next + 1) % model->fault_count;
	iommu_model_fault_event(model, VTD_FSTS_PPF);
}
