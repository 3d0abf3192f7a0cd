/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The unit's own interrupts (48882, "IOMMU Interrupts"): an edge when a bit of the status register
 * becomes 1 that has one enabled, or is enabled while it is 1. As long as the bit is 1 no further
 * interrupt is sent for it.
 */
#include "base/bits.h"
#include "model/amdvi/model.h"

struct cause {
	uint64_t bits; /* of the status register */
	unsigned int enable;
	enum iommu_model_amdvi_source source;
};

static const struct cause causes[] = {
	{AMDVI_STATUS_EVENT_OVERFLOW | AMDVI_STATUS_EVENT_LOG_INT, AMDVI_CONTROL_EVENT_INT_EN,
	 IOMMU_MODEL_AMDVI_GENERAL},
	{AMDVI_STATUS_COM_WAIT_INT, AMDVI_CONTROL_COM_WAIT_INT_EN, IOMMU_MODEL_AMDVI_GENERAL},
	{AMDVI_STATUS_PPR_OVERFLOW | AMDVI_STATUS_PPR_INT, AMDVI_CONTROL_PPR_INT_EN,
	 IOMMU_MODEL_AMDVI_PPR_LOG},
	{AMDVI_STATUS_GA_OVERFLOW | AMDVI_STATUS_GA_INT, AMDVI_CONTROL_GA_INT_EN,
	 IOMMU_MODEL_AMDVI_GA_LOG},
};

#define CAUSES (sizeof(causes) / sizeof(causes[0]))

void iommu_amdmodel_status_set(struct iommu_model_amdvi *model, uint64_t bit)
{
	const bool was_set = (model->regs.status & bit) != 0;
	size_t i;

	model->regs.status |= bit;
	for (i = 0; i < CAUSES && !was_set; i++)
		if ((causes[i].bits & bit) != 0 && model_control(model, causes[i].enable))
			model->regs.signals |= 1ULL << causes[i].source;
}

void iommu_amdmodel_interrupts_enabled(struct iommu_model_amdvi *model, uint64_t before)
{
	size_t i;

	for (i = 0; i < CAUSES; i++)
		if (amdvi_bits(before, causes[i].enable) == 0 &&
		    model_control(model, causes[i].enable) &&
		    (model->regs.status & causes[i].bits) != 0)
			model->regs.signals |= 1ULL << causes[i].source;
}

/* --- How it is sent --------------------------------------------------------------------------- */

static void by_register(uint64_t control, struct iommu_model_amdvi_signal *signal)
{
	signal->has_destination = true;
	signal->destination = amdvi_xt_destination(control);
	signal->logical = amdvi_bits(control, AMDVI_XT_LOGICAL) != 0;
	signal->arbitrated = amdvi_bits(control, AMDVI_XT_DELIVERY) != 0;
	signal->vector = (uint8_t)amdvi_bits(control, AMDVI_XT_VECTOR);
}

/* Several messages are told apart by the lower bits of the data. */
static void by_message(const struct iommu_model_amdvi *model,
		       struct iommu_model_amdvi_signal *signal)
{
	const struct model_registers *regs = &model->regs;
	const uint32_t enabled = 1U << (regs->msi_control >> 20 & 7);

	signal->message = model->config.messages[signal->source];
	signal->has_address = (regs->msi_control >> 16 & 1) != 0;
	if (!signal->has_address)
		return;
	signal->address = regs->msi_address;
	signal->data = (uint32_t)regs->msi_data | (signal->message < enabled ? signal->message : 0);
}

void iommu_amdmodel_interrupts_send(struct iommu_model_amdvi *model, uintptr_t *state)
{
	const struct iommu_model_amdvi_host *host = &model->config.host;
	const unsigned int source = iommu_lowest_bit(model->regs.signals);
	struct iommu_model_amdvi_signal signal = {.source = (enum iommu_model_amdvi_source)source};
	unsigned int left;

	model->regs.signals &= ~(1ULL << source);
	if (model_control(model, AMDVI_CONTROL_INT_CAP_XT_EN))
		by_register(model->regs.xt[source], &signal);
	else
		by_message(model, &signal);
	left = iommu_amdmodel_spend(model, *state);
	if (host->interrupt != NULL)
		host->interrupt(host->ctx, &signal);
	*state = iommu_amdmodel_come_back(model, left);
}
