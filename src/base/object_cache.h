/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects of one size, cut from pages of the host: the host provides pages and nothing else.
 *
 * Each page begins with a header that counts and links its free objects; an object finds its page
 * by alignment. A page whose last object is freed goes back to the host. Freeing never allocates.
 * Thread-safe; the page functions of the host are called with no lock held.
 */
#ifndef IOMMU_BASE_OBJECT_CACHE_H
#define IOMMU_BASE_OBJECT_CACHE_H

#include <libiommu/platform.h>
#include <libiommu/types.h>

#include "base/spinlock.h"

struct iommu_object_cache {
	const struct iommu_platform *platform;
	size_t object_size;
	/* Pages with a free object. Full pages are on no list. */
	struct iommu_list_node pages;
	struct iommu_spinlock lock;
	size_t objects;
};

/* The largest object that a cache can serve. */
#define IOMMU_OBJECT_SIZE_MAX 2016

void iommu_object_cache_init(struct iommu_object_cache *cache,
			     const struct iommu_platform *platform, size_t object_size);

/* A zeroed object, or NULL. alloc_flags: enum iommu_alloc_flags for a new page. */
void *iommu_object_alloc(struct iommu_object_cache *cache, unsigned int alloc_flags);

void iommu_object_free(struct iommu_object_cache *cache, void *object);

#endif
