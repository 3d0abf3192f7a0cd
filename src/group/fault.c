/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults on their way from a back end to the host. */
#include <libiommu/fault.h>

#include "base/log.h"
#include "group/group.h"

void iommu_set_fault_handler(struct iommu *iommu, iommu_fault_handler handler, void *ctx)
{
	iommu->fault_handler = handler;
	iommu->fault_ctx = ctx;
}

void iommu_endpoint_set_fault_handler(struct iommu_endpoint *endpoint, iommu_fault_handler handler,
				      void *ctx)
{
	endpoint->fault_handler = handler;
	endpoint->fault_ctx = ctx;
}

int iommu_unit_handle_faults(struct iommu_unit *unit, bool *lost)
{
	bool unused;

	if (lost == NULL)
		lost = &unused;
	*lost = false;
	return unit->ops->handle_faults(unit, lost);
}

void iommu_report_fault(struct iommu *iommu, struct iommu_fault *fault)
{
	struct iommu_endpoint *endpoint =
		iommu_find_endpoint(iommu, fault->segment, fault->source_id);

	fault->endpoint = endpoint;
	if (endpoint != NULL && endpoint->fault_handler != NULL)
		endpoint->fault_handler(endpoint->fault_ctx, fault);
	else if (iommu->fault_handler != NULL)
		iommu->fault_handler(iommu->fault_ctx, fault);
	else
		iommu_log(iommu->platform, IOMMU_LOG_WARNING, fault->unit->name,
			  fault->explanation);
}
