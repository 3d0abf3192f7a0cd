/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Containers: the older way in which managers of virtual machines hand devices to them (VFIO, "type
 * 1", version 2), on top of one IO address space. Groups are put into a container
 * (<libiommu/device_file.h>), and all of them reach what is mapped in it.
 *
 * Locking: as in <libiommu/ioas.h>; map and unmap run at once, everything else is control path.
 * Each has a mutex of the host's for that, which is taken before its context's.
 */
#ifndef LIBIOMMU_CONTAINER_H
#define LIBIOMMU_CONTAINER_H

#include <libiommu/ioas.h>

IOMMU_BEGIN_DECLS

struct iommu_container;

/* What a container may hold if the limits do not say otherwise. */
#define IOMMU_CONTAINER_MAPPINGS 65535U

/*
 * iommu_container_create - empty. @limits: as of iommu_ctx_create; `areas` 0:
 * IOMMU_CONTAINER_MAPPINGS.
 * iommu_container_destroy - IOMMU_EBUSY while groups are in it; what hardware does not confirm, as
 * iommu_ctx_destroy. Errors as iommu_ctx_create and iommu_ioas_alloc.
 */
IOMMU_API int iommu_container_create(struct iommu *iommu, const struct iommu_ctx_limits *limits,
				     struct iommu_container **container);
IOMMU_API int iommu_container_destroy(struct iommu_container *container);

/*
 * iommu_container_map - `size` bytes of memory at iova. @prot: enum iommu_prot. Returns 0, or
 *   IOMMU_EINVAL  size 0, not aligned, neither read nor write, or at reserved addresses
 *   IOMMU_EEXIST  something is mapped there
 *   IOMMU_ENOSPC  as many mappings as may be
 *   and the errors of iommu_ioas_map.
 */
IOMMU_API int iommu_container_map(struct iommu_container *container, iommu_iova_t iova,
				  uint64_t size, unsigned int prot,
				  const struct iommu_backing *backing);

/*
 * iommu_container_unmap - all mappings in [iova, iova + size), each as a whole; iova 0 with size
 * UINT64_MAX: everything.
 *
 * @bitmap: not NULL: receives what devices have written there before it goes, for which the range
 * has to be one mapping. It is told first and unmapped then: what a device writes in between is not
 * in the bitmap. Stop the device before, or take its memory as written. *unmapped: bytes; nothing
 * there is no error.
 *
 * Returns 0, IOMMU_EINVAL (a mapping lies in the range only in part: nothing has changed; with a
 * bitmap: the range is not one mapping, or dirty tracking is off), and the errors of
 * iommu_ioas_unmap and iommu_hwpt_read_dirty.
 */
struct iommu_dirty_bitmap;
IOMMU_API int iommu_container_unmap(struct iommu_container *container, iommu_iova_t iova,
				    uint64_t size, struct iommu_dirty_bitmap *bitmap,
				    uint64_t *unmapped);

/*
 * iommu_container_revoke, iommu_container_restore - the owner of what is mapped takes it back, and
 * gives it back: see iommu_backing_revoke and iommu_backing_restore.
 */
IOMMU_API int iommu_container_revoke(struct iommu_container *container, void *backing);
IOMMU_API int iommu_container_restore(struct iommu_container *container, void *backing);

/*
 * What devices have written. Where one of the groups is behind a unit that cannot tell, everything
 * that is mapped counts as written. What a group has written that left meanwhile is told, too: its
 * tables, and with them what is pinned, stay until tracking is switched off. Errors as
 * iommu_hwpt_set_dirty, iommu_hwpt_read_dirty; IOMMU_EINVAL: it is off.
 */
IOMMU_API int iommu_container_set_dirty(struct iommu_container *container, bool enable);
IOMMU_API int iommu_container_read_dirty(struct iommu_container *container, iommu_iova_t iova,
					 uint64_t size, struct iommu_dirty_bitmap *bitmap);

struct iommu_container_info {
	uint64_t alignment;     /* of mappings, in bytes */
	uint64_t available;     /* mappings that may still be made */
	uint64_t dirty_pgsizes; /* granularities of dirty bitmaps; 0: no unit can tell */
	/*
	 * All groups are made to snoop the CPU caches; false also while there is none (VFIO's
	 * DMA_CC). See iommu_hwpt_alloc.
	 */
	bool enforced_coherency;
};
/*
 * iommu_container_get_info - also where mappings may lie, as iommu_ioas_ranges. Returns 0, or
 * IOMMU_ENOSPC: *count are needed, and `capacity` of them were filled in.
 */
IOMMU_API int iommu_container_get_info(struct iommu_container *container,
				       struct iommu_container_info *info,
				       struct iommu_iova_bounds *ranges, unsigned int capacity,
				       unsigned int *count);

IOMMU_END_DECLS
#endif
