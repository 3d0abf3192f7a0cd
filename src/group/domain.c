/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: their life, and facts about them. */
#include <libiommu/domain.h>
#include <libiommu/iova.h>
#include <libiommu/status.h>

#include "group/group.h"

/* What the back end cannot know of a new domain; on failure it is freed. */
static int domain_complete(struct iommu_domain *domain, struct iommu *iommu,
			   enum iommu_domain_type type)
{
	int status = 0;

	domain->type = type;
	domain->iommu = iommu;
	domain->groups = 0;
	domain->space = NULL;
	iommu_list_insert(&iommu->domains, &domain->link);
	if (type == IOMMU_DOMAIN_DMA)
		status = iommu_space_create(iommu, domain->aperture_last, &domain->space);
	if (type == IOMMU_DOMAIN_IDENTITY && domain->ops->map_pages != NULL)
		status = iommu_map_memory(domain);
	if (status != 0)
		(void)iommu_domain_free(domain);
	return status;
}

int iommu_domain_alloc(struct iommu_unit *unit, enum iommu_domain_type type,
		       const struct iommu_domain_config *config, struct iommu_domain **result)
{
	const struct iommu_domain_config none = {0};
	const enum iommu_domain_type hardware_type =
		type == IOMMU_DOMAIN_DMA ? IOMMU_DOMAIN_PAGING : type;
	struct iommu_domain *domain;
	int status;

	if (type != IOMMU_DOMAIN_PAGING && type != IOMMU_DOMAIN_IDENTITY &&
	    type != IOMMU_DOMAIN_BLOCKED && type != IOMMU_DOMAIN_DMA)
		return IOMMU_EINVAL;
	status = unit->ops->domain_alloc(unit, hardware_type, config != NULL ? config : &none,
					 &domain);
	if (status == 0 && type == IOMMU_DOMAIN_IDENTITY && domain->ops->map_pages != NULL &&
	    !iommu_knows_memory(unit->iommu)) {
		domain->ops->free(domain);
		status = IOMMU_EOPNOTSUPP;
	}
	if (status == 0)
		status = domain_complete(domain, unit->iommu, type);
	if (status == 0)
		*result = domain;
	return status;
}

int iommu_domain_free(struct iommu_domain *domain)
{
	if (domain->groups != 0)
		return IOMMU_EBUSY;
	if (domain->space != NULL)
		iommu_iova_space_destroy(domain->space);
	iommu_list_remove(&domain->link);
	domain->ops->free(domain);
	return 0;
}

struct iommu_iova_space *iommu_domain_iova_space(const struct iommu_domain *domain)
{
	return domain->space;
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
