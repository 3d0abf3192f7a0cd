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
	struct iommu_object_cache memory_cache;
	/* What is memory, for identity domains with tables; in no order. */
	struct iommu_list_node memory;
	/* What no DMA domain hands out: only reserved ranges. NULL until something is reserved. */
	struct iommu_iova_space *reserved;
	iommu_fault_handler fault_handler;
	void *fault_ctx;
	/* Domains alive. */
	struct iommu_list_node domains;
};

struct iommu_group {
	struct iommu *iommu;
	struct iommu_list_node link;
	struct iommu_list_node endpoints;
	/* What the host has attached, or NULL. */
	struct iommu_domain *domain;
	/*
	 * What members use while nothing is attached: their direct regions and nothing else. NULL:
	 * they have none, or were never behind an enabled unit.
	 */
	struct iommu_domain *window;
	unsigned int id;
};

/* A group without members, with the smallest free id; NULL: no memory. */
struct iommu_group *iommu_group_new(struct iommu *iommu);
/* Free a group without members. */
void iommu_group_free(struct iommu_group *group);

/* Let a group's members reach their direct regions while nothing is attached. */
int iommu_group_open_window(struct iommu_group *group);
/* Block an endpoint for good, before it is released. */
int iommu_group_block(struct iommu_endpoint *endpoint);

/* iommu_map and iommu_unmap for any domain that has tables, identity domains included. */
int iommu_map_pages(struct iommu_domain *domain, iommu_iova_t iova, iommu_paddr_t paddr,
		    uint64_t size, unsigned int prot);
int iommu_unmap_pages(struct iommu_domain *domain, iommu_iova_t iova, uint64_t size,
		      unsigned int flags, uint64_t *unmapped);

/* Map the direct regions of an endpoint in a domain, as far as they are not mapped yet. */
int iommu_map_regions(struct iommu_domain *domain, const struct iommu_endpoint *endpoint);
/* Has the endpoint a region of this type? */
bool iommu_has_region(const struct iommu_endpoint *endpoint, enum iommu_region_type type);

/* Bring a new identity domain with tables up to date with what is memory. */
int iommu_map_memory(struct iommu_domain *domain);
void iommu_regions_init(struct iommu *iommu);
bool iommu_knows_memory(const struct iommu *iommu);
/* An empty space without what is reserved. */
int iommu_space_create(struct iommu *iommu, iommu_iova_t last, struct iommu_iova_space **space);
void iommu_regions_free(struct iommu *iommu);

#endif
