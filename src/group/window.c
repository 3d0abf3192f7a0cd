/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows that the owner of a domain opens: from the public calls to the back end's. */
#include <libiommu/window.h>

#include <libiommu/backend/ops.h>

#include "group/group.h"

#if IOMMU_CONFIG_POWER

static const struct iommu_window_ops *ops_of(const struct iommu_domain *domain)
{
	return domain->ops->windows;
}

int iommu_window_get_limits(const struct iommu_domain *domain, struct iommu_window_limits *limits)
{
	if (ops_of(domain) == NULL)
		return IOMMU_EOPNOTSUPP;
	ops_of(domain)->get_limits(domain, limits);
	return 0;
}

static int refuse_windows(struct iommu_domain *domain, unsigned int number, unsigned int flags)
{
	if (ops_of(domain) == NULL)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP,
				    "the domain was not made with IOMMU_DOMAIN_WINDOWS");
	if (flags != 0)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EOPNOTSUPP, "unknown flags");
	if (number >= IOMMU_WINDOWS)
		return IOMMU_REFUSE(domain->iommu, "", IOMMU_EINVAL,
				    "there are no more windows than two");
	return 0;
}

int iommu_window_open(struct iommu_domain *domain, const struct iommu_window_config *window,
		      iommu_iova_t *start)
{
	const struct iommu_window_config own = *window;
	int status;

	iommu_control_lock(domain->iommu);
	status = refuse_windows(domain, own.number, own.flags);
	if (status == 0)
		status = ops_of(domain)->open(domain, &own, start);
	return iommu_control_end(domain->iommu, IOMMU_CALL, status);
}

int iommu_window_close(struct iommu_domain *domain, unsigned int number)
{
	int status;

	iommu_control_lock(domain->iommu);
	status = refuse_windows(domain, number, 0);
	if (status == 0)
		status = ops_of(domain)->close(domain, number);
	return iommu_control_end(domain->iommu, IOMMU_CALL, status);
}

int iommu_window_prepare(struct iommu_domain *domain, unsigned int number, uint64_t index,
			 uint64_t count)
{
	return ops_of(domain) != NULL ? ops_of(domain)->prepare(domain, number, index, count)
				      : IOMMU_EOPNOTSUPP;
}

int iommu_window_exchange(struct iommu_domain *domain, unsigned int number, uint64_t index,
			  iommu_paddr_t paddr, unsigned int prot, iommu_paddr_t *old_paddr,
			  unsigned int *old_prot)
{
	if (ops_of(domain) == NULL)
		return IOMMU_EOPNOTSUPP;
	if ((prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) != 0)
		return IOMMU_EINVAL;
	return ops_of(domain)->exchange(domain, number, index, paddr, prot, old_paddr, old_prot);
}

int iommu_window_confirm(struct iommu_domain *domain, unsigned int number, uint64_t index,
			 uint64_t count)
{
	return ops_of(domain) != NULL ? ops_of(domain)->confirm(domain, number, index, count)
				      : IOMMU_EOPNOTSUPP;
}

int iommu_window_get(struct iommu_domain *domain, unsigned int number, uint64_t index,
		     iommu_paddr_t *paddr, unsigned int *prot)
{
	return ops_of(domain) != NULL ? ops_of(domain)->get(domain, number, index, paddr, prot)
				      : IOMMU_EOPNOTSUPP;
}

#endif
