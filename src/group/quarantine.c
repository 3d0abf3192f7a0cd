/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Quarantine: a domain in which a device that is to reach nothing reaches one page of its group, so
 * that what it sends does not fault. And regions that the host adds to what firmware says.
 */
#include <libiommu/domain.h>
#include <libiommu/endpoint.h>
#include <libiommu/group.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/object_cache.h"
#include "group/group.h"

#if IOMMU_CONFIG_QUARANTINE

int iommu_quarantine_open(struct iommu_domain *domain)
{
	return domain->ops->fill(domain);
}

void iommu_quarantine_close(struct iommu_domain *domain)
{
	domain->ops->unfill(domain);
}

int iommu_quarantine_settle(struct iommu_domain *domain, int status)
{
	int filled = domain->ops->fill(domain);

	/* What was cached of the page, and of nothing, does not hold for what was changed. */
	if (filled == 0)
		filled = iommu_domain_flush(domain);
	return status != 0 ? status : filled;
}

void iommu_set_quarantine(struct iommu *iommu, bool enable)
{
	iommu_control_lock(iommu);
	iommu->quarantines = enable;
	iommu_control_unlock(iommu);
}

#endif

#if IOMMU_CONFIG_REGIONS

/* --- Regions that the host adds --------------------------------------------------------------- */

/* What cursors of these have beside their number, which is no number of a back end's. */
#define HOSTS_CURSOR 0x80000000U

/* Added at the head, and never removed: a look-up needs no lock. */
struct iommu_host_region {
	struct iommu_host_region *next;
	struct iommu_region region;
	uint16_t segment, source_id;
};

static struct iommu_host_region *first_region(const struct iommu *iommu)
{
	return __atomic_load_n(&iommu->host_regions, __ATOMIC_ACQUIRE);
}

static bool is_direct(const struct iommu_region *region)
{
	return region->type == IOMMU_REGION_DIRECT || region->type == IOMMU_REGION_DIRECT_RELAXABLE;
}

bool iommu_next_host_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region)
{
	const struct iommu_host_region *at = first_region(endpoint->iommu);
	unsigned int skip = (*cursor & HOSTS_CURSOR) != 0 ? *cursor & ~HOSTS_CURSOR : 0;

	for (; at != NULL; at = at->next) {
		if (at->segment != endpoint->info.segment ||
		    at->source_id != endpoint->info.source_id ||
		    (endpoint->info.untrusted && is_direct(&at->region)))
			continue;
		if (skip-- != 0)
			continue;
		*region = at->region;
		*cursor = ((*cursor & HOSTS_CURSOR) != 0 ? *cursor : HOSTS_CURSOR) + 1;
		return true;
	}
	return false;
}

bool iommu_is_hosts_cursor(unsigned int cursor)
{
	return (cursor & HOSTS_CURSOR) != 0;
}

static bool makes_sense(const struct iommu_region *region)
{
	const uint64_t mask = IOMMU_PAGE_SIZE - 1;

	if (region->start > region->last || (region->start & mask) != 0 ||
	    (region->last & mask) != mask)
		return false;
	if (is_direct(region))
		return (region->prot & IOMMU_PROT_READ_WRITE) != 0 &&
		       (region->prot & ~(unsigned int)IOMMU_PROT_READ_WRITE) == 0;
	return region->type >= IOMMU_REGION_RESERVED && region->type <= IOMMU_REGION_SOFTWARE_MSI;
}

static int add_region(struct iommu *iommu, uint16_t segment, uint16_t source_id,
		      const struct iommu_region *region)
{
	struct iommu_host_region *added;

	if (!makes_sense(region))
		return IOMMU_REFUSE(
			iommu, "", IOMMU_EINVAL,
			"the region is empty, not of whole pages, or of no type, or has "
			"no permission, or others than to read and write");
	if (iommu_find_id(iommu, segment, source_id) != NULL)
		return IOMMU_REFUSE(iommu, "", IOMMU_EBUSY, "the device was probed before");
	added = iommu_object_alloc(&iommu->host_region_cache, 0);
	if (added == NULL)
		return IOMMU_ENOMEM;
	added->region = *region;
	added->segment = segment;
	added->source_id = source_id;
	added->next = iommu->host_regions;
	__atomic_store_n(&iommu->host_regions, added, __ATOMIC_RELEASE);
	return 0;
}

int iommu_add_region(struct iommu *iommu, uint16_t segment, uint16_t source_id,
		     const struct iommu_region *region)
{
	int status;

	iommu_control_lock(iommu);
	status = add_region(iommu, segment, source_id, region);
	return iommu_control_end(iommu, IOMMU_CALL, status);
}

void iommu_host_regions_init(struct iommu *iommu)
{
	iommu_object_cache_init(&iommu->host_region_cache, iommu->platform,
				sizeof(struct iommu_host_region));
}

void iommu_host_regions_free(struct iommu *iommu)
{
	while (iommu->host_regions != NULL) {
		struct iommu_host_region *region = iommu->host_regions;

		iommu->host_regions = region->next;
		iommu_object_free(&iommu->host_region_cache, region);
	}
}

#endif
