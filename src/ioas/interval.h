/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interval trees: which of a set of inclusive ranges, which may overlap, intersect another one. A
 * red-black tree by first address, in which each node records the largest last address below it
 * (Cormen et al., "Interval Trees"). Locks and memory are the caller's.
 */
#ifndef IOMMU_IOAS_INTERVAL_H
#define IOMMU_IOAS_INTERVAL_H

#include "base/rbtree.h"

struct ioas_interval {
	struct iommu_rb_node node;
	uint64_t first, last;
	uint64_t subtree_last;
};

void iommu_interval_insert(struct iommu_rb_tree *tree, struct ioas_interval *interval);
void iommu_interval_remove(struct iommu_rb_tree *tree, struct ioas_interval *interval);

/*
 * The one with the lowest first address that touches [first, last], and the one after it; NULL:
 * none.
 */
struct ioas_interval *iommu_interval_first(const struct iommu_rb_tree *tree, uint64_t first,
					   uint64_t last);
struct ioas_interval *iommu_interval_next(const struct ioas_interval *interval, uint64_t first,
					  uint64_t last);

#endif
