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

/* Is it a command that a guest gives, without reserved bits? */
static bool is_known(struct riscv_command command)
{
	const uint64_t low =
		command.low & ~(RISCV_COMMAND_KIND | RISCV_IOTINVAL_AV | RISCV_IOTINVAL_PSCV |
				RISCV_IOTINVAL_NL | riscv_ta(0xfffff));

	switch (riscv_command_kind(command)) {
	case RISCV_IOTINVAL_VMA:
		return low == 0 && (command.high & RISCV_IOTINVAL_HIGH_RESERVED) == 0;
	case RISCV_INVAL_DDT:
		return (command.low & RISCV_INVAL_DDT_LOW_RESERVED) == 0 && command.high == 0;
	case RISCV_INVAL_PDT:
		return (command.low & RISCV_INVAL_PDT_LOW_RESERVED) == 0 && command.high == 0 &&
		       (command.low & RISCV_INVAL_DDT_DV) != 0;
	case RISCV_IOTINVAL_GVMA:
	case RISCV_IOFENCE_C:
	case RISCV_ATS_INVAL:
	case RISCV_ATS_PRGR:
	default:
		return false;
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

static bool read_request(const void *given, struct iommu_change *change)
{
	struct iommu_riscv_invalidation request;
	struct riscv_command command;

	memcpy(&request, given, sizeof(request));
	command = riscv_command_of(request.low, request.high);
	range_of(command, &change->start, &change->last);
	change->leaves_only = is_of_leaves(command);
	return is_known(command);
}

static const struct iommu_driver_user_requests user_requests = {
	.size = sizeof(struct iommu_riscv_invalidation),
	.is_short = IOMMU_WHY("a request is shorter than a struct iommu_riscv_invalidation"),
	.read = read_request,
};

int iommu_riscv_invalidate_user(struct iommu_domain *domain, const void *requests,
				size_t request_size, unsigned int count, unsigned int *done)
{
	return iommu_driver_invalidate_user(domain, &user_requests, requests, request_size, count,
					    done);
}

#endif
