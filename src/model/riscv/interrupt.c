/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unit's interrupts (RISC-V IOMMU specification, "Interrupt pending status register",
 * "Interrupt-cause-to-vector register", "MSI configuration table"): a bit of ipsr that becomes 1
 * sends a message, which waits while its vector is masked; or the bits drive wires.
 */
#include "base/bits.h"
#include "model/riscv/model.h"

static bool by_wires(const struct iommu_model_riscv *model)
{
	return (model->regs.fctl & RISCV_FCTL_WSI) != 0;
}

void iommu_rvmodel_interrupt_raise(struct iommu_model_riscv *model, uint32_t ipsr_bits)
{
	struct model_registers *regs = &model->regs;
	const uint32_t risen = ipsr_bits & ~(uint32_t)regs->ipsr;
	unsigned int cause;

	regs->ipsr |= ipsr_bits;
	for (cause = 0; cause < 4 && !by_wires(model); cause++)
		if ((risen >> cause & 1) != 0)
			regs->messages |= 1ULL << riscv_icvec_vector(regs->icvec, cause);
}

/* Bits of a queue's control that keep its interrupt pending. */
static bool is_pending(const struct model_queue_registers *q, uint32_t bits)
{
	return (q->control & RISCV_QUEUE_INTERRUPT) != 0 && (q->control & bits) != 0;
}

void iommu_rvmodel_interrupts_look(struct iommu_model_riscv *model)
{
	const struct model_queue_registers *queue = model->regs.queue;
	uint32_t bits = 0;

	if (is_pending(&queue[MODEL_COMMANDS], RISCV_CQCSR_ERRORS | RISCV_CQCSR_FENCE))
		bits |= RISCV_IPSR_COMMANDS;
	if (is_pending(&queue[MODEL_FAULTS], RISCV_QUEUE_ERRORS))
		bits |= RISCV_IPSR_FAULTS;
	if (is_pending(&queue[MODEL_REQUESTS], RISCV_QUEUE_ERRORS))
		bits |= RISCV_IPSR_PAGE_REQUESTS;
	iommu_rvmodel_interrupt_raise(model, bits);
}

/* --- Delivery --------------------------------------------------------------------------------- */

/* Vectors whose message may be sent. */
static uint64_t sendable(const struct iommu_model_riscv *model)
{
	uint64_t vectors = model->regs.messages;
	unsigned int v;

	for (v = 0; v < RISCV_MSI_VECTORS && vectors != 0; v++)
		if ((model->regs.msi[v].control & RISCV_MSI_MASKED) != 0)
			vectors &= ~(1ULL << v);
	return vectors;
}

static uint32_t wires(const struct iommu_model_riscv *model)
{
	uint32_t high = 0;
	unsigned int cause;

	for (cause = 0; cause < 4 && by_wires(model); cause++)
		if ((model->regs.ipsr >> cause & 1) != 0)
			high |= 1U << riscv_icvec_vector(model->regs.icvec, cause);
	return high;
}

bool iommu_rvmodel_interrupts_have_work(const struct iommu_model_riscv *model)
{
	return sendable(model) != 0 || wires(model) != model->wires;
}

static unsigned int spend(struct iommu_model_riscv *model, uintptr_t state)
{
	const unsigned int left = iommu_rvmodel_go_out(model, state);

	return left != 0 ? left - 1 : 0;
}

static void send_message(struct iommu_model_riscv *model, uintptr_t *state, unsigned int vector)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	const uint64_t address = model->regs.msi[vector].address;
	const uint32_t data = (uint32_t)model->regs.msi[vector].data;
	const uint32_t stored = model_is_big_endian(model) ? iommu_swap32(data) : data;
	const struct model_fault fault = {
		.cause = RISCV_FAULT_MSI_WRITE,
		.transaction = RISCV_TRANSACTION_NONE,
		.iotval = address,
	};
	unsigned int left;
	bool arrived;

	model->regs.messages &= ~(1ULL << vector);
	left = spend(model, *state);
	arrived = address <= model_last_address(model) &&
		  (host->interrupt == NULL || host->interrupt(host->ctx, address, stored));
	*state = iommu_rvmodel_come_back(model, left);
	if (!arrived)
		iommu_rvmodel_fault_record(model, state, &fault);
}

static void move_wire(struct iommu_model_riscv *model, uintptr_t *state, unsigned int vector)
{
	const struct iommu_model_riscv_host *host = &model->config.host;
	const bool level = (wires(model) >> vector & 1) != 0;
	unsigned int left;

	model->wires ^= 1U << vector;
	left = spend(model, *state);
	if (host->wire != NULL)
		host->wire(host->ctx, vector, level);
	*state = iommu_rvmodel_come_back(model, left);
}

void iommu_rvmodel_interrupts_send(struct iommu_model_riscv *model, uintptr_t *state)
{
	const uint64_t vectors = sendable(model);
	const uint32_t moved = wires(model) ^ model->wires;

	if (vectors != 0)
		send_message(model, state, iommu_lowest_bit(vectors));
	else if (moved != 0)
		move_wire(model, state, iommu_lowest_bit(moved));
}
