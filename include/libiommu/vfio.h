/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The older way in which managers of virtual machines hand devices to them (VFIO, "type 1", version
 * 2): containers and device files.
 */
#ifndef LIBIOMMU_VFIO_H
#define LIBIOMMU_VFIO_H

#include <libiommu/ioas.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* --- Containers ------------------------------------------------------------------------------- */

/*
 * A container is one IO address space. Groups are put into it through device files (below), and all
 * of them reach what is mapped in it.
 *
 * Locking: as in <libiommu/ioas.h>; map and unmap run at once, everything else is control path.
 * Each has a mutex of the host's for that, which is taken before its context's.
 */

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

/* --- Device files ----------------------------------------------------------------------------- */

/*
 * What stands behind a device's file, and a group's: the calls that managers of virtual machines
 * make, with what has to be remembered for each time that it was opened. Two ways, of which a group
 * goes one at a time:
 *
 *	iommu_device_file_open   → _bind to a context → _attach, which replaces → _detach → _close
 *	iommu_group_file_open    → _set_container → _get_device → _unset_container → _close
 *
 * A file may be closed at any point, and whatever was done through it is undone. Locking: one mutex
 * of the host's for all of them, taken before those of contexts; every call here may sleep.
 */

struct iommu;
struct iommu_ctx;
struct iommu_endpoint;
struct iommu_group;
struct iommu_device_files;
struct iommu_device_file;
struct iommu_group_file;

/*
 * iommu_device_files_create - for all devices of an instance, once. Returns 0 or IOMMU_ENOMEM.
 * iommu_device_files_destroy - IOMMU_EBUSY while a file is open.
 */
IOMMU_API int iommu_device_files_create(struct iommu *iommu, struct iommu_device_files **files);
IOMMU_API int iommu_device_files_destroy(struct iommu_device_files *files);

/*
 * iommu_device_file_open - nothing is claimed yet; a device may be opened several times. Returns 0
 * or IOMMU_ENOMEM.
 *
 * iommu_device_file_bind - to a context, which must not be destroyed before the file is bound;
 * *device: its id there. Returns 0, or
 *   IOMMU_EINVAL  the file came through a group, or is bound already
 *   IOMMU_EBUSY   the device's group is open as a group; or another file has bound the device
 *   and the errors of iommu_device_bind.
 *
 * iommu_device_file_attach - to what `to` says, or there instead of where it is: see
 * iommu_device_attach and iommu_device_replace. iommu_device_file_detach - 0 also when it is not
 * attached. Both IOMMU_EINVAL: it is not bound; IOMMU_ENOENT or IOMMU_ENODEV: the context was
 * closed.
 *
 * iommu_device_file_close - with a device that came through a group its group's file may be closed
 * before. Returns 0, or what hardware did not confirm, and nothing else: the file is open then, its
 * device attached to nothing; call again.
 */
IOMMU_API int iommu_device_file_open(struct iommu_device_files *files,
				     struct iommu_endpoint *endpoint,
				     struct iommu_device_file **file);
IOMMU_API int iommu_device_file_bind(struct iommu_device_file *file, struct iommu_ctx *ctx,
				     uint32_t *device);
IOMMU_API int iommu_device_file_attach(struct iommu_device_file *file, uint32_t pasid, uint32_t to,
				       uint32_t *hwpt);
IOMMU_API int iommu_device_file_detach(struct iommu_device_file *file, uint32_t pasid);
IOMMU_API int iommu_device_file_close(struct iommu_device_file *file);

/*
 * iommu_group_file_open - once at a time. Returns 0, IOMMU_ENOMEM, or IOMMU_EBUSY: it is open, or
 * one of its devices is bound through a file of its own.
 *
 * iommu_group_file_set_container - all members reach what is mapped in the container. IOMMU_EINVAL:
 * it has one; and the errors of iommu_device_bind and iommu_device_attach. After IOMMU_ETIMEDOUT or
 * IOMMU_EIO the group may be half in it, attached to nothing: until it was set again, unset, or the
 * file was closed, it is no other's, and the container cannot be destroyed.
 * iommu_group_file_unset_container - IOMMU_EINVAL: it has none; IOMMU_EBUSY: devices are open
 * through it.
 * iommu_group_file_get_device - a file of a member; IOMMU_EINVAL: it is none, or there is no
 * container.
 * iommu_group_file_close - out of its container first. With devices that are open through it it
 * stays until they are closed. Errors as iommu_device_file_close.
 */
IOMMU_API int iommu_group_file_open(struct iommu_device_files *files, struct iommu_group *group,
				    struct iommu_group_file **file);
IOMMU_API int iommu_group_file_set_container(struct iommu_group_file *file,
					     struct iommu_container *container);
IOMMU_API int iommu_group_file_unset_container(struct iommu_group_file *file);
IOMMU_API int iommu_group_file_get_device(struct iommu_group_file *file,
					  struct iommu_endpoint *endpoint,
					  struct iommu_device_file **device);
IOMMU_API int iommu_group_file_close(struct iommu_group_file *file);

IOMMU_END_DECLS
#endif
