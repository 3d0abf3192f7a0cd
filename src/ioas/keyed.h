/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that are found by two numbers, of which a manager or a guest may create as many as its
 * limits allow: a red-black tree, so that a lookup under a spinlock stays short. Several may have
 * the same numbers. Locks and memory are the caller's.
 */
#ifndef IOMMU_IOAS_KEYED_H
#define IOMMU_IOAS_KEYED_H

#include <stddef.h>

#include "base/list.h"
#include "base/rbtree.h"

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
