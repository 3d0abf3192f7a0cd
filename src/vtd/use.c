/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who depends on a domain's tables: endpoints, for their own requests or those with a PASID,
 * directly or through a domain that is nested in it. Written on the control path, read by every CPU
 * that invalidates: under the domain's lock.
 */
#include "vtd/vtd.h"

bool iommu_vtd_use_keeps(const struct vtd_domain *domain, const struct vtd_endpoint *endpoint)
{
	/* In legacy mode a device does not get to know what is passed through. */
	return IOMMU_CONFIG_DEVICE_TLB && endpoint->device_tlb &&
	       (vtd_is_scalable(endpoint->unit) || vtd_domain_has_table(domain));
}

/*
 * Does something have to be said for this use, beyond what is said under the domain id? For a
 * device's TLB; for a first stage under another PASID than that of ordinary requests; for what is
 * nested.
 */
static bool is_special(const struct vtd_listing *listing, const struct vtd_domain *domain)
{
	const struct vtd_use *use = listing->use;

	return iommu_vtd_use_keeps(use->domain, use->endpoint) || domain != use->domain ||
	       (use->pasid != 0 && domain->type != VTD_PASID_SECOND_STAGE);
}

static void enlist(struct vtd_listing *listing, struct vtd_domain *domain, struct vtd_use *use)
{
	const struct iommu_platform *platform = domain->probe->platform;
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	listing->use = use;
	listing->number = ++domain->use_numbers;
	iommu_list_insert(&domain->uses, &listing->node);
	if (is_special(listing, domain))
		__atomic_add_fetch(&domain->special_uses, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(platform, &domain->lock, state);
}

static void delist(struct vtd_listing *listing, struct vtd_domain *domain)
{
	const struct iommu_platform *platform = domain->probe->platform;
	uintptr_t state = iommu_spin_lock(platform, &domain->lock);

	iommu_list_remove(&listing->node);
	if (is_special(listing, domain))
		__atomic_sub_fetch(&domain->special_uses, 1, __ATOMIC_SEQ_CST);
	iommu_spin_unlock(platform, &domain->lock, state);
}

void iommu_vtd_use_begin(struct vtd_use *use, struct vtd_domain *domain,
			 struct vtd_endpoint *endpoint, uint32_t pasid)
{
	use->endpoint = endpoint;
	use->pasid = pasid;
	use->domain = domain;
	if (domain->parent != NULL)
		enlist(&use->below, domain->parent, use);
	enlist(&use->own, domain, use);
}

void iommu_vtd_use_end(struct vtd_use *use)
{
	struct vtd_domain *domain = use->domain;

	delist(&use->own, domain);
	if (domain->parent != NULL)
		delist(&use->below, domain->parent);
	use->domain = NULL;
}
