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
	uint32_t ioas;
	uint64_t mappings; /* that may be made at all */
	unsigned int groups;
	bool notes; /* dirty tracking is on */
};

/*
 * A group joins, by one of its members, whose id is *device; and leaves. When it could not join
 * *device is 0, unless hardware did not confirm that it is out again: then it has to leave all the
 * same.
 */
int iommu_container_join(struct iommu_container *container, struct iommu_endpoint *endpoint,
			 uint32_t *device);
int iommu_container_leave(struct iommu_container *container, uint32_t device);

#endif
