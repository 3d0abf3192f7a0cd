/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of an IORT table share: the maps of a node without what they lead to. */
#ifndef IOMMU_DISCOVERY_IORT_H
#define IOMMU_DISCOVERY_IORT_H

#include <libiommu/iort.h>

/*
 * The next map that can be one, in a time that does not depend on the table: `leads` and
 * `target_type` are not set. What was wrong on the way is added to *defects.
 */
bool iommu_iort_read_map(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			 struct iommu_iort_map *map, unsigned int *defects);

#endif
