/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: their life, and facts about them. */
#include <libiommu/domain.h>
#include <libiommu/status.h>

#include "group/group.h"

int iommu_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
		       const struct iommu_domain_config *config, struct iommu_domain **domain)
{
	const struct iommu_domain_config none = {0};
	int status;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED)
		return IOMMU_EINVAL;
	status = unit->ops->domain_alloc(unit, type, config != NULL ? config : &none, domain);
	if (status != 0)
		return status;
	(*domain)->type = type;
	(*domain)->iommu = unit->iommu;
	(*domain)->groups = 0;
	unit->iommu->domains++;
	return 0;
}

int iommu_domain_free(struct iommu_domain *domain)
{
	if (domain->groups != 0)
		return IOMMU_EBUSY;
	domain->iommu->domains--;
	domain->ops->free(domain);
	return 0;
}

void iommu_domain_get_info(const struct iommu_domain *domain, struct iommu_domain_info *info)
{
	*info = (struct iommu_domain_info){
		.type = domain->type,
		.aperture_last = domain->aperture_last,
		.pgsize_bitmap = domain->pgsize_bitmap,
	};
	if (domain->ops->get_info != NULL)
		domain->ops->get_info(domain, info);
}
