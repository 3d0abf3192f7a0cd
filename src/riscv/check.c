/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking the unit how it translates (RISC-V IOMMU specification 1.0.0, 5.24 to 5.26 "Translation
 * request"): as a request of the device, by its caches and tables, with a fault record if it fails.
 * Control path: there is one set of registers.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "riscv/endpoint.h"
#include "riscv/unit.h"

static uint64_t request_of(const struct riscv_endpoint *endpoint, uint32_t pasid, unsigned int prot)
{
	const uint64_t flags = (prot & IOMMU_PROT_WRITE) == 0 ? RISCV_TR_READ_ONLY : 0;
	const uint32_t id = endpoint->common.ids.ids[0];

	return pasid != 0 ? riscv_tr_req_ctl_process(id, pasid, flags)
			  : riscv_tr_req_ctl(id, flags);
}

int iommu_riscv_check(struct iommu_endpoint *base, uint32_t pasid, iommu_iova_t iova,
		      unsigned int prot, iommu_paddr_t *paddr)
{
	struct riscv_endpoint *endpoint = riscv_own(iommu_driven_endpoint_of(base));
	struct riscv_unit *unit = riscv_unit_behind(endpoint);
	uint64_t response;
	int status;

	if (!riscv_has(unit, RISCV_CAP_DBG))
		return RISCV_REFUSE(unit, IOMMU_EOPNOTSUPP, "it cannot be asked");
	status = iommu_riscv_wait64(unit, RISCV_TR_REQ_CTL, RISCV_TR_GO, 0);
	if (status != 0)
		return RISCV_REFUSE(unit, status,
				    "it is still at work on what it was asked before");
	riscv_write64(unit, RISCV_TR_REQ_IOVA, iova & ~(IOMMU_PAGE_SIZE - 1));
	riscv_write64(unit, RISCV_TR_REQ_CTL, request_of(endpoint, pasid, prot));
	status = iommu_riscv_wait64(unit, RISCV_TR_REQ_CTL, RISCV_TR_GO, 0);
	if (status != 0)
		return RISCV_REFUSE(unit, status, "it does not answer what it was asked");
	response = riscv_read64(unit, RISCV_TR_RESPONSE);
	if (response == UINT64_MAX)
		return RISCV_REFUSE(unit, IOMMU_EIO, "its registers read as ones: it is gone");
	if ((response & RISCV_TR_FAULT) != 0)
		return IOMMU_EFAULT;
	*paddr = riscv_tr_address(response) | (iova & (riscv_tr_size(response) - 1));
	return 0;
}
