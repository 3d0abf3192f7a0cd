/* SPDX-License-Identifier: BSD-2-Clause */
/* The list node that public structures embed; the operations are the library's own. */
#ifndef LIBIOMMU_LIST_NODE_H
#define LIBIOMMU_LIST_NODE_H

#include <libiommu/types.h>

struct iommu_list_node {
	struct iommu_list_node *next;
	struct iommu_list_node *previous;
};

#endif
