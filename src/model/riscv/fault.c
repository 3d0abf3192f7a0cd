/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault records (RISC-V IOMMU specification, "Fault/Event-Queue"). */
#include "model/riscv/model.h"

void iommu_rvmodel_fault_record(struct iommu_model_riscv *model, uintptr_t *state,
				const struct model_fault *fault)
{
	uint64_t words[RISCV_FAULT_WORDS] = {0};

	model->fault_total++;
	if (fault->hidden && !riscv_fault_is_always_recorded(fault->cause))
		return;
	words[0] = riscv_fault_word0((enum riscv_fault_cause)fault->cause, fault->transaction,
				     fault->device_id);
	if (fault->has_process)
		words[0] = riscv_fault_of_process(words[0], fault->process_id, fault->privileged);
	words[2] = fault->iotval;
	words[3] = fault->iotval2;
	(void)iommu_rvmodel_ring_put(model, state, MODEL_FAULTS, words, RISCV_FAULT_WORDS);
}
