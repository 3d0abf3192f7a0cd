/* SPDX-License-Identifier: BSD-2-Clause */
/* Asking hardware itself how it translates. */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "base/log.h"

static int ask(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
	       unsigned int prot, iommu_paddr_t *paddr)
{
#if IOMMU_DEVICE_IDS
	if (endpoint->unit->ops->check != NULL)
		return endpoint->unit->ops->check(endpoint, pasid, iova, prot, paddr);
#else
	(void)pasid, (void)iova, (void)prot, (void)paddr;
#endif
	return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EOPNOTSUPP,
			    "its unit cannot be asked");
}

static int check(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
		 unsigned int prot, iommu_paddr_t *paddr)
{
	if (iommu_endpoint_is_released(endpoint))
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_ENODEV,
				    "the endpoint was released");
	if ((prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0 || prot == 0)
		return IOMMU_REFUSE(endpoint->iommu, endpoint->name, IOMMU_EINVAL,
				    "an access reads, or writes, or both");
	return ask(endpoint, pasid, iova, prot, paddr);
}

int iommu_unit_check(struct iommu_endpoint *endpoint, uint32_t pasid, iommu_iova_t iova,
		     unsigned int prot, iommu_paddr_t *paddr)
{
	struct iommu *iommu = endpoint->iommu;
	int status;

	iommu_control_lock(iommu);
	status = check(endpoint, pasid, iova, prot, paddr);
	/* What is blocked is an answer, and no refusal. */
	if (status == IOMMU_EFAULT) {
		iommu_control_unlock(iommu);
		return status;
	}
	return iommu_control_end_for(iommu, IOMMU_CALL, endpoint->name, status);
}
