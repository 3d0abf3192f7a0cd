/* SPDX-License-Identifier: BSD-2-Clause */
/* A circular doubly-linked list through nodes embedded in its members. */
#ifndef IOMMU_BASE_LIST_H
#define IOMMU_BASE_LIST_H

#include <libiommu/types.h>

/* The structure that a node is embedded in. */
#define iommu_container_of(node, type, member)                                                     \
	((type *)(void *)((unsigned char *)(node)-offsetof(type, member)))

#define iommu_list_for_each(node, list)                                                            \
	for ((node) = (list)->next; (node) != (list); (node) = (node)->next)

static inline void iommu_list_init(struct iommu_list_node *list)
{
	list->next = list;
	list->previous = list;
}

static inline bool iommu_list_is_empty(const struct iommu_list_node *list)
{
	return list->next == list;
}

/* Insert before `position`; with the list head as position: at the end. */
static inline void iommu_list_insert(struct iommu_list_node *position, struct iommu_list_node *node)
{
	node->next = position;
	node->previous = position->previous;
	position->previous->next = node;
	position->previous = node;
}

static inline void iommu_list_remove(struct iommu_list_node *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
}

#endif
