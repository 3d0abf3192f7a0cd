/* SPDX-License-Identifier: BSD-2-Clause */
/* The core's own structures: the instance and its groups. */
#ifndef IOMMU_GROUP_GROUP_H
#define IOMMU_GROUP_GROUP_H

#include <libiommu/ops.h>

#include "base/list.h"
#include "base/object_cache.h"

struct iommu {
	const struct iommu_platform *platform;
	struct iommu_list_node units;
	struct iommu_list_node endpoints;
	/* In ascending order of id. */
	struct iommu_list_node groups;
	struct iommu_object_cache endpoint_cache;
	struct iommu_object_cache group_cache;
	iommu_fault_handler fault_handler;
	void *fault_ctx;
	/* Domains alive. */
	size_t domains;
};

struct iommu_group {
	struct iommu *iommu;
	struct iommu_list_node link;
	struct iommu_list_node endpoints;
	/* What all members use, or NULL. */
	struct iommu_domain *domain;
	unsigned int id;
};

/* A group without members, with the smallest free id; NULL: no memory. */
struct iommu_group *iommu_group_new(struct iommu *iommu);
/* Free a group without members. */
void iommu_group_free(struct iommu_group *group);

#endif
