/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of the owner of a nested domain's stage 1, as its own unit would take them. They come
 * from outside: each is checked, and becomes commands under the guest's VMID only. What devices
 * keep goes with each of them: the host knows neither the guest's PASIDs nor its ASIDs.
 */
#include <libiommu/hw/smmu_command.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "smmu/command.h"
#include "smmu/domain.h"
#include "smmu/unit.h"

#if IOMMU_CONFIG_SCALABLE

/* The fields that a command may have, beside its opcode. */
static bool fields_of(unsigned int opcode, uint64_t *low, uint64_t *high)
{
	*low = smmu_field_mask(SMMU_COMMAND_OPCODE);
	*high = 0;
	switch (opcode) {
	case SMMU_TLBI_NSNH_ALL:
		return true;
	case SMMU_TLBI_NH_ALL:
		*low |= smmu_field_mask(SMMU_TLBI_VMID);
		return true;
	case SMMU_TLBI_NH_ASID:
		*low |= smmu_field_mask(SMMU_TLBI_VMID) | smmu_field_mask(SMMU_TLBI_ASID);
		return true;
	case SMMU_TLBI_NH_VA:
	case SMMU_TLBI_NH_VAA:
		*low |= smmu_field_mask(SMMU_TLBI_VMID) | smmu_field_mask(SMMU_TLBI_ASID) |
			smmu_field_mask(SMMU_TLBI_NUM) | smmu_field_mask(SMMU_TLBI_SCALE);
		*high = smmu_field_mask(SMMU_TLBI_ADDRESS) | smmu_field_mask(SMMU_TLBI_LEAF) |
			smmu_field_mask(SMMU_TLBI_TTL) | smmu_field_mask(SMMU_TLBI_TG);
		return true;
	case SMMU_CFGI_CD:
	case SMMU_CFGI_CD_ALL:
		*low |= smmu_field_mask(SMMU_COMMAND_SID) | smmu_field_mask(SMMU_COMMAND_SSID);
		*high = smmu_field_mask(SMMU_CFGI_LEAF);
		return true;
	case SMMU_ATC_INV:
		*low |= smmu_field_mask(SMMU_COMMAND_SID) | smmu_field_mask(SMMU_COMMAND_SSID) |
			smmu_field_mask(SMMU_COMMAND_SSV) | smmu_field_mask(SMMU_ATC_GLOBAL);
		*high = smmu_field_mask(SMMU_ATC_SIZE) | smmu_field_mask(SMMU_ATC_ADDRESS);
		return true;
	default:
		return false;
	}
}

static bool is_known(const struct smmu_command *command)
{
	uint64_t low, high;

	return fields_of(smmu_command_opcode(command), &low, &high) &&
	       (command->words[0] & ~low) == 0 && (command->words[1] & ~high) == 0;
}

/* Has nothing changed but tables, which no configuration depends on? */
static bool is_of_tables(const struct smmu_command *command)
{
	const unsigned int opcode = smmu_command_opcode(command);

	return opcode != SMMU_CFGI_CD && opcode != SMMU_CFGI_CD_ALL;
}

static bool read_request(const void *given, struct iommu_change *change)
{
	struct iommu_smmu_invalidation request;
	struct smmu_command command;

	memcpy(&request, given, sizeof(request));
	command = smmu_command_of(request.words[0], request.words[1]);
	change->start = 0;
	change->last = UINT64_MAX;
	change->leaves_only = is_of_tables(&command);
	return is_known(&command);
}

static const struct iommu_driver_user_requests user_requests = {
	.size = sizeof(struct iommu_smmu_invalidation),
	.is_short = IOMMU_WHY("a request is shorter than a struct iommu_smmu_invalidation"),
	.read = read_request,
};

int iommu_smmu_invalidate_user(struct iommu_domain *domain, const void *requests,
			       size_t request_size, unsigned int count, unsigned int *done)
{
	return iommu_driver_invalidate_user(domain, &user_requests, requests, request_size, count,
					    done);
}

#endif
