/* SPDX-License-Identifier: BSD-2-Clause */
/* Which commands a unit has, and which of their bits (48882, "Commands"): others have to be 0. */
#include "model/amdvi/model.h"

struct shape {
	uint64_t bits[AMDVI_COMMAND_WORDS]; /* beside the opcode */
};

/* A field's bits in its word, as a constant. */
#define AMDVI_MASK(field) ((~0ULL >> (63 - ((field) >> 8 & 0xff))) & (~0ULL << ((field)&0xff)))

#define DEVICE_BITS       AMDVI_MASK(AMDVI_COMMAND_DEVID)
#define RANGE_BITS        (AMDVI_MASK(AMDVI_PAGES_S) | AMDVI_MASK(AMDVI_PAGES_ADDRESS))
#define GUEST_BIT         AMDVI_MASK(AMDVI_PAGES_GN)

static const struct shape shapes[] = {
	[AMDVI_COMPLETION_WAIT] = {{AMDVI_MASK(AMDVI_WAIT_STORE) |
					    AMDVI_MASK(AMDVI_WAIT_INTERRUPT) |
					    AMDVI_MASK(AMDVI_WAIT_FLUSH) |
					    AMDVI_MASK(AMDVI_WAIT_ADDRESS),
				    UINT64_MAX}},
	[AMDVI_INVALIDATE_DEVTAB_ENTRY] = {{DEVICE_BITS, 0}},
	[AMDVI_INVALIDATE_IOMMU_PAGES] = {{AMDVI_MASK(AMDVI_IOMMU_PAGES_PASID) |
						   AMDVI_MASK(AMDVI_IOMMU_PAGES_DOMAIN),
					   RANGE_BITS | AMDVI_MASK(AMDVI_PAGES_PDE) | GUEST_BIT}},
	[AMDVI_INVALIDATE_IOTLB_PAGES] = {{DEVICE_BITS | AMDVI_MASK(AMDVI_IOTLB_PASID_15_8) |
						   AMDVI_MASK(AMDVI_IOTLB_MAXPEND) |
						   AMDVI_MASK(AMDVI_IOTLB_QUEUE) |
						   AMDVI_MASK(AMDVI_IOTLB_PASID_7_0) |
						   AMDVI_MASK(AMDVI_IOTLB_PASID_19_16),
					   RANGE_BITS | GUEST_BIT}},
	[AMDVI_INVALIDATE_INTERRUPT_TABLE] = {{DEVICE_BITS, 0}},
	[AMDVI_PREFETCH_IOMMU_PAGES] = {{DEVICE_BITS | AMDVI_MASK(AMDVI_PREFETCH_COUNT) |
						 AMDVI_MASK(AMDVI_PREFETCH_PASID),
					 RANGE_BITS | GUEST_BIT | AMDVI_MASK(AMDVI_PREFETCH_INV)}},
	[AMDVI_COMPLETE_PPR_REQUEST] = {{DEVICE_BITS | AMDVI_MASK(AMDVI_PPR_ANSWER_PASID),
					 GUEST_BIT | AMDVI_MASK(AMDVI_PPR_ANSWER_TAG) |
						 AMDVI_MASK(AMDVI_PPR_ANSWER_STATUS)}},
	[AMDVI_INVALIDATE_IOMMU_ALL] = {{0, 0}},
};

static bool opcode_is_known(const struct iommu_model_amdvi *model, unsigned int opcode)
{
	switch (opcode) {
	case AMDVI_COMPLETION_WAIT:
	case AMDVI_INVALIDATE_DEVTAB_ENTRY:
	case AMDVI_INVALIDATE_IOMMU_PAGES:
	case AMDVI_INVALIDATE_INTERRUPT_TABLE:
		return true;
	case AMDVI_INVALIDATE_IOTLB_PAGES:
		return model_has_device_tlbs(model);
	case AMDVI_PREFETCH_IOMMU_PAGES:
		return model_efr(model, AMDVI_EFR_PREF);
	case AMDVI_COMPLETE_PPR_REQUEST:
		return model_efr(model, AMDVI_EFR_PPR);
	case AMDVI_INVALIDATE_IOMMU_ALL:
		return model_efr(model, AMDVI_EFR_IA);
	default:
		return false;
	}
}

bool iommu_amdmodel_command_is_legal(const struct iommu_model_amdvi *model,
				     const struct amdvi_command *command)
{
	const unsigned int opcode = amdvi_command_opcode(command);
	const uint64_t *bits;

	if (!opcode_is_known(model, opcode))
		return false;
	bits = shapes[opcode].bits;
	if ((command->words[0] & ~(bits[0] | AMDVI_MASK(AMDVI_COMMAND_OPCODE))) != 0 ||
	    (command->words[1] & ~bits[1]) != 0)
		return false;
	/* GN is the same bit in all commands that have it, but a COMPLETION_WAIT has data there. */
	return opcode == AMDVI_COMPLETION_WAIT || model_efr(model, AMDVI_EFR_GT) ||
	       !amdvi_has(command->words, AMDVI_PAGES_GN);
}

bool iommu_amdmodel_may_be_put_off(const struct iommu_model_amdvi *model,
				   const struct amdvi_command *command)
{
	return amdvi_command_opcode(command) != AMDVI_COMPLETION_WAIT &&
	       iommu_amdmodel_command_is_legal(model, command);
}
