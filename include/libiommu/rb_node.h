/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree node that public structures embed; the operations are the library's own. */
#ifndef LIBIOMMU_RB_NODE_H
#define LIBIOMMU_RB_NODE_H

#include <libiommu/types.h>

struct iommu_rb_node {
	struct iommu_rb_node *parent;
	struct iommu_rb_node *child[2]; /* left, right */
	bool red;
};

#endif
