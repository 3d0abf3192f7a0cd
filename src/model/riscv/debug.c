/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation requests by registers (RISC-V IOMMU specification, "Debug support"): an untranslated
 * request, whose answer is in tr_response when Go is clear again.
 */
#include "base/bits.h"
#include "model/riscv/journey.h"

bool iommu_rvmodel_request_has_work(const struct iommu_model_riscv *model)
{
	return model->request_is_due && !model->request_is_busy;
}

static struct iommu_model_riscv_request request_of(const struct model_registers *regs)
{
	const uint64_t control = regs->request_control;
	const bool reads = (control & RISCV_TR_READ_ONLY) != 0;

	return (struct iommu_model_riscv_request){
		.device_id = riscv_tr_device_id(control),
		.has_process = (control & RISCV_TR_HAS_PROCESS) != 0,
		.process_id = riscv_tr_process_id(control),
		.privileged = (control & RISCV_TR_PRIVILEGED) != 0,
		.execute = (control & RISCV_TR_EXECUTE) != 0 && reads,
		.address = regs->request_iova,
		.access = reads ? IOMMU_PROT_READ : IOMMU_PROT_READ_WRITE,
	};
}

/* Sizes that the register can tell end at its page number's. */
static uint64_t response_of(const struct iommu_model_riscv_translation *result)
{
	const unsigned int order = iommu_highest_bit(result->size) - 12;
	const unsigned int largest = RISCV_ADDRESS_BITS - 12;
	const unsigned int told = order < largest ? order : largest;
	const uint64_t block = result->paddr & ~((4096ULL << told) - 1);

	return riscv_tr_response(block, told, result->memory_type);
}

bool iommu_rvmodel_request_step(struct iommu_model_riscv *model, uintptr_t *state)
{
	const struct iommu_model_riscv_request request = request_of(&model->regs);
	struct iommu_model_riscv_translation result;
	unsigned int cause, left;

	if (!iommu_rvmodel_request_has_work(model))
		return false;
	model->request_is_due = false;
	model->request_is_busy = true;
	left = iommu_rvmodel_go_out(model, *state);
	cause = iommu_rvmodel_translate_for_debug(model, &request, &result);
	*state = iommu_rvmodel_come_back(model, left != 0 ? left - 1 : 0);
	model->request_is_busy = false;
	model->regs.request_control &= ~RISCV_TR_GO;
	model->regs.response = cause == 0 ? response_of(&result) : RISCV_TR_FAULT;
	return true;
}
