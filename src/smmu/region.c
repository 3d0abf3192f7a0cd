/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that firmware lets devices use (RMR of IORT), by StreamID: as the host has told it with
 * the unit. The core maps it in what is attached to the devices, from their probe on.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/smmu.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "smmu/endpoint.h"
#include "smmu/unit.h"

#if IOMMU_CONFIG_REGIONS

_Static_assert(IOMMU_SMMU_REGIONS_MAX * sizeof(struct iommu_smmu_region) <= IOMMU_PAGE_SIZE,
	       "they fit into a page");

static bool is_direct(const struct iommu_region *region)
{
	return region->type == IOMMU_REGION_DIRECT || region->type == IOMMU_REGION_DIRECT_RELAXABLE;
}

static int check(const struct smmu_unit *unit, const struct iommu_smmu_region *given)
{
	const struct iommu_region *region = &given->region;

	if (given->first_stream > given->last_stream || region->start > region->last)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "a region ends before it begins");
	if (((region->start | (region->last + 1)) & (IOMMU_PAGE_SIZE - 1)) != 0)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "a region is not made of whole pages");
	if (region->type > IOMMU_REGION_SOFTWARE_MSI)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "there is no such type of region");
	if (!is_direct(region))
		return 0;
	if (region->last >> unit->common.output_bits != 0)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "a region lies beyond what it can address");
	if (region->start < unit->common.register_base + SMMU_REGISTERS_SIZE &&
	    region->last >= unit->common.register_base)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "a region holds the unit's own registers");
	if ((region->prot & IOMMU_PROT_READ_WRITE) == 0)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "a region is for no access");
	return 0;
}

int iommu_smmu_regions_copy(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	const struct iommu_platform *platform = unit->common.platform;
	unsigned int i;
	int status = 0;

	if (config->region_count > IOMMU_SMMU_REGIONS_MAX)
		return SMMU_REFUSE(unit, IOMMU_EINVAL, "there are too many regions");
	for (i = 0; i < config->region_count && status == 0; i++)
		status = check(unit, &config->regions[i]);
	if (status != 0 || config->region_count == 0)
		return status;
	unit->regions = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (unit->regions == NULL)
		return IOMMU_ENOMEM;
	memcpy(unit->regions, config->regions, config->region_count * sizeof(*config->regions));
	unit->region_count = config->region_count;
	return 0;
}

static bool concerns(const struct smmu_endpoint *own, const struct iommu_smmu_region *region)
{
	unsigned int i;

	for (i = 0; i < own->common.ids.count; i++)
		if (own->common.ids.ids[i] >= region->first_stream &&
		    own->common.ids.ids[i] <= region->last_stream)
			return true;
	return false;
}

bool iommu_smmu_next_region(const struct iommu_endpoint *endpoint, unsigned int *cursor,
			    struct iommu_region *region)
{
	const struct smmu_endpoint *own = smmu_own(iommu_driven_endpoint_of(endpoint));
	const struct smmu_unit *unit = smmu_unit_behind(own);

	/* An id has none: its device has. */
	while (!endpoint->is_alias && *cursor < unit->region_count) {
		const struct iommu_smmu_region *next = &unit->regions[(*cursor)++];

		/* What firmware promises for a device is no reason to trust the device. */
		if (!concerns(own, next) || (endpoint->info.untrusted && is_direct(&next->region)))
			continue;
		*region = next->region;
		return true;
	}
	return false;
}

#else

int iommu_smmu_regions_copy(struct smmu_unit *unit, const struct iommu_smmu_config *config)
{
	return config->region_count == 0 ? 0
					 : SMMU_REFUSE(unit, IOMMU_EOPNOTSUPP,
						       "the library was built without regions");
}

#endif
