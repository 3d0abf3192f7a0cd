/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of groups for partitionable endpoints. */
#ifndef IOMMU_TCE_PE_NAME_H
#define IOMMU_TCE_PE_NAME_H

#include <libiommu/backend/ops.h>
#include <libiommu/group.h>

#include "base/text.h"

/*
 * The endpoint's group gets the name by which users of these machines know it,
 * domain<segment>-pe<hex>, unless it has a name.
 */
static inline void iommu_tce_name_group(struct iommu_endpoint *endpoint, uint32_t pe)
{
	char name[IOMMU_NAME_SIZE];
	size_t used = iommu_line_append(name, sizeof(name), 0, "domain");

	used = iommu_line_append_number(name, sizeof(name), used, endpoint->unit->segment);
	used = iommu_line_append(name, sizeof(name), used, "-pe");
	(void)iommu_line_append_hex(name, sizeof(name), used, pe, 1);
	if (iommu_group_name(endpoint->group)[0] == '\0')
		iommu_group_set_name(endpoint->group, name);
}

#endif
