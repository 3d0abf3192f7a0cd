/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IOMMU_IOAS_CONTAINER_H
#define IOMMU_IOAS_CONTAINER_H

#include <libiommu/vfio.h>

#include "ioas/ioas.h"

struct iommu_container {
	const struct iommu_platform *platform;
	struct iommu_file *file;
	/*
	 * Taken before the file's: what is attached, and whether it notes, change as one. NULL:
	 * the host has none.
	 */
	void *mutex;
	uint32_t ioas;     /* in use by the container; 0: none; atomic */
	uint64_t mappings; /* that may be made at all */
	unsigned int flags, groups;
	bool notes;          /* dirty tracking is on */
	uint32_t access;     /* what pins, where no IOMMU does */
	struct spapr *spapr; /* of POWER's windows: spapr.h */
};

/*
 * A group joins, by one of its members, whose id is *device; and leaves. When it could not join
 * *device is 0, unless hardware did not confirm that it is out again: then it has to leave all the
 * same.
 */
int iommu_container_join(struct iommu_container *container, const char *call,
			 struct iommu_endpoint *endpoint, uint32_t *device);
int iommu_container_leave(struct iommu_container *container, uint32_t device);

static inline void iommu_container_lock(const struct iommu_container *container)
{
	if (container->mutex != NULL)
		container->platform->mutex_lock(container->platform->ctx, container->mutex);
}

static inline void iommu_container_unlock(const struct iommu_container *container)
{
	if (container->mutex != NULL)
		container->platform->mutex_unlock(container->platform->ctx, container->mutex);
}

/* --- Without an IOMMU: no_iommu.c ------------------------------------------------------------- */

static inline bool iommu_container_has_no_iommu(const struct iommu_container *container)
{
	return (container->flags & IOMMU_CONTAINER_NO_IOMMU) != 0;
}

/* Does the host's configuration allow it? If so, it is said that it is so. */
int iommu_no_iommu_begin(struct iommu_container *container, const char *call, struct iommu *iommu);
/* Nothing is mapped any more. */
void iommu_no_iommu_end(struct iommu_container *container);
/* As the calls of containers; what is mapped is pinned. */
int iommu_no_iommu_map(struct iommu_container *container, iommu_iova_t iova, uint64_t size,
		       unsigned int prot, const struct iommu_backing *backing);
int iommu_no_iommu_restore(struct iommu_container *container, void *backing);

/* --- POWER's windows: spapr.c ----------------------------------------------------------------- */

#define TCE_FLAGS ((unsigned int)IOMMU_CONTAINER_TCE_V1 | (unsigned int)IOMMU_CONTAINER_TCE_V2)

/* A macro, so that a build without POWER drops the calls below also at -O0. */
#define container_has_windows(container)                                                           \
	(IOMMU_CONFIG_POWER && ((container)->flags & TCE_FLAGS) != 0)

/* IOMMU_ENOMEM. And its end: IOMMU_EBUSY. */
int iommu_spapr_create(struct iommu_container *container);
int iommu_spapr_destroy(struct iommu_container *container, const char *call);
/* As the calls of containers above, with the mutex; and as public ones, without. */
int iommu_spapr_join(struct iommu_container *container, const char *call,
		     struct iommu_endpoint *endpoint, uint32_t *device);
int iommu_spapr_leave(struct iommu_container *container, uint32_t device);
int iommu_spapr_map(struct iommu_container *container, const char *call, iommu_iova_t iova,
		    uint64_t size, unsigned int prot, const struct iommu_backing *backing);
int iommu_spapr_unmap(struct iommu_container *container, const char *call, iommu_iova_t iova,
		      uint64_t size, const struct iommu_dirty_bitmap *bitmap, uint64_t *unmapped);

#endif
