/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupts of a unit (IHI 0070, 3.18 "Interrupts and notifications", 6.3.18 "IRQ_CTRL"):
 * wires, or messages. What a message is may change only while the unit does not tell of its cause.
 */
#include <libiommu/status.h>

#include "smmu/unit.h"

struct cause {
	uint32_t bit; /* of IRQ_CTRL */
	uint32_t address, data, attributes;
};

static const struct cause causes[SMMU_CAUSES] = {
	{SMMU_IRQ_GERROR, SMMU_GERROR_IRQ_CFG0, SMMU_GERROR_IRQ_CFG1, SMMU_GERROR_IRQ_CFG2},
	{SMMU_IRQ_EVENTQ, SMMU_EVENTQ_IRQ_CFG0, SMMU_EVENTQ_IRQ_CFG1, SMMU_EVENTQ_IRQ_CFG2},
	{SMMU_IRQ_PRIQ, SMMU_PRIQ_IRQ_CFG0, SMMU_PRIQ_IRQ_CFG1, SMMU_PRIQ_IRQ_CFG2},
};

/* Has the unit such a cause? */
static bool has_cause(const struct smmu_unit *unit, unsigned int cause)
{
	return cause != IOMMU_SMMU_PAGE_REQUESTS || unit->common.requests.pages != NULL;
}

static bool is_told(const struct smmu_unit *unit, unsigned int cause)
{
	return has_cause(unit, cause) &&
	       (!smmu_uses_messages(unit) || unit->messages[cause].enabled);
}

/* An address of 0 is the wire. */
static void program(const struct smmu_unit *unit, unsigned int cause)
{
	const struct smmu_message *message = &unit->messages[cause];
	const bool is_sent = smmu_uses_messages(unit) && message->enabled;

	if (!smmu_has0(unit, SMMU_IDR0_MSI) || !has_cause(unit, cause))
		return;
	smmu_write64(unit, causes[cause].address, is_sent ? message->address : 0);
	smmu_write32(unit, causes[cause].data, message->data);
	smmu_write32(unit, causes[cause].attributes, SMMU_DEVICE_NGNRE);
}

int iommu_smmu_interrupts_apply(struct smmu_unit *unit)
{
	uint32_t told = 0;
	unsigned int cause;
	int status =
		iommu_smmu_change_irq(unit, 0, SMMU_IRQ_GERROR | SMMU_IRQ_EVENTQ | SMMU_IRQ_PRIQ);

	if (status != 0)
		return status;
	for (cause = 0; cause < SMMU_CAUSES; cause++) {
		program(unit, cause);
		if (is_told(unit, cause))
			told |= causes[cause].bit;
	}
	return iommu_smmu_change_irq(unit, told, 0);
}
