/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unit's interrupts and global errors (IHI 0070, 3.18, "Interrupts and notifications", and
 * 7.5, "Global error recording"): each interrupt is an edge, sent as a message where the unit has
 * those and the driver has named an address, and otherwise by a wire.
 */
#include "base/bits.h"
#include "model/smmu/model.h"

static bool is_enabled(const struct iommu_model_smmu *model, enum model_source source)
{
	return ((model->regs.irq_ctrl & model->regs.irq_ctrlack) >> source & 1) != 0;
}

void iommu_smmodel_interrupt(struct iommu_model_smmu *model, enum model_source source)
{
	if (is_enabled(model, source))
		model->regs.signals |= 1ULL << source;
}

void iommu_smmodel_error(struct iommu_model_smmu *model, uint32_t error)
{
	if ((model_active_errors(model) & error) != 0)
		return;
	model->regs.gerror ^= error;
	iommu_smmodel_interrupt(model, MODEL_SOURCE_ERRORS);
}

bool iommu_smmodel_interrupts_have_work(const struct iommu_model_smmu *model)
{
	return model->regs.signals != 0;
}

bool iommu_smmodel_send_message(const struct iommu_model_smmu *model, uint64_t address,
				uint32_t data)
{
	const struct iommu_model_smmu_host *host = &model->config.host;
	const uint32_t bytes = iommu_le32(data);

	if (address > model_last_address(model))
		return false;
	return host->interrupt != NULL ? host->interrupt(host->ctx, address, data)
				       : host->write(host->ctx, address, &bytes, sizeof(bytes));
}

static void move_wire(const struct iommu_model_smmu *model, unsigned int source)
{
	static const enum iommu_model_smmu_wire wires[] = {
		IOMMU_MODEL_SMMU_WIRE_ERRORS,
		IOMMU_MODEL_SMMU_WIRE_REQUESTS,
		IOMMU_MODEL_SMMU_WIRE_EVENTS,
		IOMMU_MODEL_SMMU_WIRE_SYNC,
	};
	const struct iommu_model_smmu_host *host = &model->config.host;

	if (host->wire != NULL)
		host->wire(host->ctx, wires[source]);
}

void iommu_smmodel_interrupts_send(struct iommu_model_smmu *model, uintptr_t *state)
{
	static const uint32_t errors[MODEL_SOURCES] = {SMMU_GERROR_MSI_GERROR, SMMU_GERROR_MSI_PRIQ,
						       SMMU_GERROR_MSI_EVENTQ};
	const unsigned int source = iommu_lowest_bit(model->regs.signals);
	struct model_message_registers message = {0};
	bool arrived = true;
	unsigned int left;

	if (source < MODEL_SOURCES && model_idr0(model, SMMU_IDR0_MSI))
		message = model->regs.messages[source];
	model->regs.signals &= ~(1ULL << source);
	left = iommu_smmodel_spend(model, *state);
	if (message.address != 0)
		arrived =
			iommu_smmodel_send_message(model, message.address, (uint32_t)message.data);
	else
		move_wire(model, source);
	*state = iommu_smmodel_come_back(model, left);
	if (!arrived)
		iommu_smmodel_error(model, errors[source]);
}
