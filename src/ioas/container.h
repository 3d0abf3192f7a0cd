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
	bool notes;      /* dirty tracking is on */
	uint32_t access; /* what pins, where no IOMMU does */
};

/*
 * A group joins, by one of its members, whose id is *device; and leaves. When it could not join
 * *device is 0, unless hardware did not confirm that it is out again: then it has to leave all the
 * same.
 */
int iommu_container_join(struct iommu_container *container, const char *call,
			 struct iommu_endpoint *endpoint, uint32_t *device);
int iommu_container_leave(struct iommu_container *container, uint32_t device);

void iommu_container_lock(const struct iommu_container *container);
void iommu_container_unlock(const struct iommu_container *container);

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

#endif
