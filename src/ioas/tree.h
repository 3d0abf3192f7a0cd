/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What contexts keep in red-black trees: ranges, and things that are found by two numbers. The
 * locks and the memory are the caller's.
 */
#ifndef IOMMU_IOAS_TREE_H
#define IOMMU_IOAS_TREE_H

#include <stddef.h>

#include "base/list.h"
#include "base/rbtree.h"

/* --- Intervals -------------------------------------------------------------------------------- */

/*
 * Which of a set of inclusive ranges touch another one. They may overlap each other. Ordered by
 * first address; each node knows the largest last address below it (Cormen et al., "Interval
 * Trees").
 */
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

/* --- By two numbers --------------------------------------------------------------------------- */

/*
 * A manager or a guest may make as many as it is allowed: a look-up under a spinlock stays short.
 * Several may have the same numbers.
 */
struct ioas_keyed {
	struct iommu_rb_node node;
	uint64_t first, second;
};

static inline struct ioas_keyed *iommu_keyed_of(struct iommu_rb_node *node)
{
	return iommu_container_of(node, struct ioas_keyed, node);
}

/* Its numbers are filled in. */
void iommu_keyed_insert(struct iommu_rb_tree *tree, struct ioas_keyed *keyed);
void iommu_keyed_remove(struct iommu_rb_tree *tree, struct ioas_keyed *keyed);
/* One with these numbers; NULL: there is none. */
struct ioas_keyed *iommu_keyed_find(const struct iommu_rb_tree *tree, uint64_t first,
				    uint64_t second);

#endif
