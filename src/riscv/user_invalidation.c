/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of the owner of a nested domain's first stage, as its own unit would take them. They
 * come from outside: each is checked, and becomes a command under the guest's id only.
 */
#include <libiommu/hw/riscv_command.h>
#include <libiommu/hw/riscv_device_directory.h>
#include <libiommu/riscv.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "riscv/command.h"
#include "riscv/domain.h"
#include "riscv/unit.h"

#if IOMMU_CONFIG_SCALABLE

bool iommu_riscv_rest_is_zero(const void *user, size_t from, size_t size)
{
	const unsigned char *bytes = user;

	while (from < size)
		if (bytes[from++] != 0)
			return false;
	return true;
}

static int check(struct riscv_command command)
{
	const uint64_t low =
		command.low & ~(RISCV_COMMAND_KIND | RISCV_IOTINVAL_AV | RISCV_IOTINVAL_PSCV |
				RISCV_IOTINVAL_NL | riscv_ta(0xfffff));

	switch (riscv_command_kind(command)) {
	case RISCV_IOTINVAL_VMA:
		return low == 0 && (command.high & RISCV_IOTINVAL_HIGH_RESERVED) == 0
			       ? 0
			       : IOMMU_EOPNOTSUPP;
	case RISCV_INVAL_DDT:
		return (command.low & RISCV_INVAL_DDT_LOW_RESERVED) == 0 && command.high == 0
			       ? 0
			       : IOMMU_EOPNOTSUPP;
	case RISCV_INVAL_PDT:
		return (command.low & RISCV_INVAL_PDT_LOW_RESERVED) == 0 && command.high == 0 &&
				       (command.low & RISCV_INVAL_DDT_DV) != 0
			       ? 0
			       : IOMMU_EOPNOTSUPP;
	case RISCV_IOTINVAL_GVMA:
	case RISCV_IOFENCE_C:
	case RISCV_ATS_INVAL:
	case RISCV_ATS_PRGR:
	default:
		return IOMMU_EOPNOTSUPP;
	}
}

/* Nothing but leaves of a table have changed; otherwise directories go, too. */
static bool is_of_leaves(struct riscv_command command)
{
	return riscv_command_kind(command) == RISCV_IOTINVAL_VMA &&
	       (command.low & RISCV_IOTINVAL_NL) == 0;
}

/* The addresses that a command means. */
static void range_of(struct riscv_command command, iommu_iova_t *start, iommu_iova_t *last)
{
	const uint64_t size = riscv_command_size(command);

	*start = 0;
	*last = UINT64_MAX;
	if (riscv_command_kind(command) != RISCV_IOTINVAL_VMA ||
	    (command.low & RISCV_IOTINVAL_AV) == 0 || size == 0)
		return;
	*start = riscv_command_address(command);
	*last = *start + (size - 1);
}

int iommu_riscv_invalidate_user(struct iommu_domain *domain, const void *requests,
				size_t request_size, unsigned int count, unsigned int *done)
{
	const unsigned char *bytes = requests;
	int status = 0;

	/* Without a request the question is whether there could be any. */
	if (count != 0 && request_size < sizeof(struct iommu_riscv_invalidation))
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EINVAL,
				    "a request is shorter than a struct iommu_riscv_invalidation");
	for (*done = 0; *done < count && status == 0; bytes += request_size) {
		struct iommu_riscv_invalidation request;
		struct riscv_command command;
		iommu_iova_t start, last;

		memcpy(&request, bytes, sizeof(request));
		command = riscv_command_of(request.low, request.high);
		status = iommu_riscv_rest_is_zero(bytes, sizeof(request), request_size)
				 ? check(command)
				 : IOMMU_EOPNOTSUPP;
		if (status != 0)
			return IOMMU_REFUSE(domain->iommu, "", status,
					    "a command is none that a guest gives, or has "
					    "reserved bits");
		range_of(command, &start, &last);
		status = iommu_placed_sync_range(iommu_placed_of(domain), start, last,
						 is_of_leaves(command));
		*done += status == 0;
	}
	return status;
}

#endif
