/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map entry points: one hop from the public API to the back end, which makes the one to the
 * page table. What a back end cleared is settled here, on every path: see <libiommu/gather.h>.
 */
#include <libiommu/domain.h>
#include <libiommu/ops.h>
#include <libiommu/status.h>

#include "group/group.h"

/* Invalidate what a map or unmap cleared; nothing to do in the usual case of a map. */
static int settle(struct iommu_domain *domain, struct iommu_gather *gather)
{
	if (iommu_gather_is_empty(gather))
		return 0;
	return domain->ops->sync(domain, gather);
}

static inline int map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
			    uint64_t size, unsigned int prot)
{
	const struct iommu_domain_ops *ops = domain->ops;
	struct iommu_gather gather;
	uint64_t mapped;
	int status, settled;

	iommu_gather_init(&gather);
	status = ops->map_pages(domain, iova, paddr, size, prot, &gather, &mapped);
	settled = settle(domain, &gather);
	if (status != 0)
		return status;
	status = settled != 0 ? settled : ops->sync_map(domain, iova, size);
	if (status == 0)
		return 0;
	/* Hardware may not know of the mapping: take it away again rather than leave it half known.
	 */
	if (ops->unmap_pages(domain, iova, size, 0, &gather, NULL) == 0)
		(void)settle(domain, &gather);
	return status;
}

static inline int unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
			      unsigned int flags, uint64_t *unmapped)
{
	struct iommu_gather gather;
	int status, settled;

	iommu_gather_init(&gather);
	status = domain->ops->unmap_pages(domain, iova, size, flags, &gather, unmapped);
	settled = settle(domain, &gather);
	return status != 0 ? status : settled;
}

/* May the host map there? What is identity is the library's own business. */
static inline bool is_open_to_the_host(const struct iommu_domain *domain)
{
	return domain->ops->map_pages != NULL && domain->type != IOMMU_DOMAIN_IDENTITY;
}

int iommu_map(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr, uint64_t size,
	      unsigned int prot)
{
	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	return map_pages(domain, iova, paddr, size, prot);
}

int iommu_unmap(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size, unsigned int flags,
		uint64_t *unmapped)
{
	if (unmapped != NULL)
		*unmapped = 0;
	if (!is_open_to_the_host(domain))
		return IOMMU_EINVAL;
	return unmap_pages(domain, iova, size, flags, unmapped);
}

int iommu_map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		    uint64_t size, unsigned int prot)
{
	return map_pages(domain, iova, paddr, size, prot);
}

int iommu_unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		      unsigned int flags, uint64_t *unmapped)
{
	return unmap_pages(domain, iova, size, flags, unmapped);
}

int iommu_iova_to_phys(const struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t *paddr)
{
	if (domain->ops->iova_to_phys != NULL)
		return domain->ops->iova_to_phys(domain, iova, paddr);
	if (iova > domain->aperture_last)
		return IOMMU_ERANGE;
	if (domain->type != IOMMU_DOMAIN_IDENTITY)
		return IOMMU_ENOENT;
	if (paddr != NULL)
		*paddr = iova;
	return 0;
}

int iommu_domain_walk(const struct iommu_domain *domain, iommu_iova_t start, iommu_iova_t last,
		      iommu_pgtable_visitor visitor, void *ctx)
{
	if (domain->ops->walk == NULL)
		return IOMMU_EINVAL;
	return domain->ops->walk(domain, start, last, visitor, ctx);
}
