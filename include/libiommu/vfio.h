/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VFIO's interface to managers of virtual machines ("type 1", version 2), on top of
 * <libiommu/ioas.h>: containers, and the files of devices and groups.
 */
#ifndef LIBIOMMU_VFIO_H
#define LIBIOMMU_VFIO_H

#include <libiommu/ioas.h>
#include <libiommu/status.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

/* --- Containers ------------------------------------------------------------------------------- */

/*
 * A container is one IO address space. Groups are put into it through group files (below), and
 * reach what is mapped in it.
 *
 * Locking: as in <libiommu/ioas.h>: map and unmap run concurrently, all other calls are control
 * path. A container has a mutex of the host, which is taken before that of its IOMMU file.
 */

struct iommu_container;

/* The default limit of mappings in a container. */
#define IOMMU_CONTAINER_MAPPINGS 65535U

/*
 * iommu_container_create - create an empty container. @limits: as iommu_file_create; `areas` 0:
 * IOMMU_CONTAINER_MAPPINGS. Errors as iommu_file_create and iommu_ioas_alloc.
 * iommu_container_destroy - IOMMU_EBUSY: the container has groups; or, if hardware does not
 * confirm, as iommu_file_destroy.
 */
IOMMU_API int iommu_container_create(struct iommu *iommu, const struct iommu_file_limits *limits,
				     struct iommu_container **container);
IOMMU_API int iommu_container_destroy(struct iommu_container *container);

/*
 * iommu_container_map - map `size` bytes of memory at iova. @prot: IOMMU_PROT_READ,
 * IOMMU_PROT_WRITE or both.
 *
 * Returns 0, or
 *   IOMMU_EINVAL  size 0, alignment, prot, or reserved addresses
 *   IOMMU_EEXIST  something is mapped in the range
 *   IOMMU_ENOSPC  the limit of mappings
 *   and the errors of iommu_ioas_map.
 */
IOMMU_API int iommu_container_map(struct iommu_container *container, iommu_iova_t iova,
				  uint64_t size, unsigned int prot,
				  const struct iommu_backing *backing);

/*
 * iommu_container_unmap - unmap all mappings in [iova, iova + size), each as a whole; iova 0 with
 * size UINT64_MAX stands for everything. That nothing is mapped is no error.
 *
 * @bitmap:   if not NULL, the range must be one mapping, and the bitmap receives the pages that
 *            devices have written. It is read before the mapping is removed: writes in between are
 *            not recorded. Stop the device first, or treat its memory as written.
 * @unmapped: receives the number of bytes.
 *
 * Returns 0, IOMMU_EINVAL (a mapping lies only partly in the range: nothing has changed; with a
 * bitmap: the range is not one mapping, or dirty tracking is off), and the errors of
 * iommu_ioas_unmap and iommu_hwpt_read_dirty.
 */
struct iommu_dirty_bitmap;
IOMMU_API int iommu_container_unmap(struct iommu_container *container, iommu_iova_t iova,
				    uint64_t size, struct iommu_dirty_bitmap *bitmap,
				    uint64_t *unmapped);

/*
 * iommu_container_revoke, iommu_container_restore - as iommu_backing_revoke and
 * iommu_backing_restore.
 */
IOMMU_API int iommu_container_revoke(struct iommu_container *container, void *backing);
IOMMU_API int iommu_container_restore(struct iommu_container *container, void *backing);

/*
 * iommu_container_set_dirty, iommu_container_read_dirty - dirty tracking of the container. If one
 * of its groups is behind a unit without dirty tracking, everything that is mapped counts as
 * written. Writes of a group that has left since are included: its tables, and the memory they pin,
 * are kept until tracking is turned off. Errors as iommu_hwpt_set_dirty and as
 * iommu_hwpt_read_dirty; IOMMU_EINVAL: tracking is off.
 */
IOMMU_API int iommu_container_set_dirty(struct iommu_container *container, bool enable);
IOMMU_API int iommu_container_read_dirty(struct iommu_container *container, iommu_iova_t iova,
					 uint64_t size, struct iommu_dirty_bitmap *bitmap);

struct iommu_container_info {
	uint64_t alignment;     /* of mappings, in bytes */
	uint64_t available;     /* mappings that can still be made */
	uint64_t dirty_pgsizes; /* granularities of dirty bitmaps; 0: no unit has dirty tracking */
	/*
	 * All groups are made to snoop the CPU caches (VFIO's DMA_CC); false without groups. See
	 * iommu_hwpt_alloc.
	 */
	bool enforced_coherency;
};
/*
 * iommu_container_get_info - facts about a container, and the ranges for mappings, as
 * iommu_ioas_get_ranges. Returns 0, or IOMMU_ENOSPC: *count ranges are needed, and the first
 * `capacity` of them were returned.
 */
IOMMU_API int iommu_container_get_info(struct iommu_container *container,
				       struct iommu_container_info *info,
				       struct iommu_iova_bounds *ranges, unsigned int capacity,
				       unsigned int *count);

/* --- Device files ----------------------------------------------------------------------------- */

/*
 * What stands behind VFIO's files of devices and groups: the calls that managers of virtual
 * machines make, with the state of each open file. A group is used in one of two ways at a time:
 *
 *	iommu_device_file_open   → _bind to a file → _attach, which replaces → _detach → _close
 *	iommu_group_file_open    → _set_container → _get_device → _unset_container → _close
 *
 * A file may be closed at any point, which undoes everything that was done through it. Locking: one
 * mutex of the host for all of them, taken before those of IOMMU files; every call may sleep.
 */

struct iommu;
struct iommu_file;
struct iommu_endpoint;
struct iommu_group;
struct iommu_device_files;
struct iommu_device_file;
struct iommu_group_file;

/*
 * iommu_device_files_create - for all devices of an instance, once. Returns 0 or IOMMU_ENOMEM.
 * iommu_device_files_destroy - IOMMU_EBUSY: a file is open.
 */
IOMMU_API int iommu_device_files_create(struct iommu *iommu, struct iommu_device_files **files);
IOMMU_API int iommu_device_files_destroy(struct iommu_device_files *files);

/*
 * iommu_device_file_open - open a device; it is not claimed yet, and may be opened several times.
 * Returns 0 or IOMMU_ENOMEM.
 *
 * iommu_device_file_bind - bind the device to an IOMMU file, which must not be destroyed before the
 * call returns. *device: its id there. Returns 0, or
 *   IOMMU_EINVAL  the device file came through a group, or is already bound
 *   IOMMU_EBUSY   the device's group is open as a group; or the device is bound through another
 *                 device file
 *   and the errors of iommu_device_bind.
 *
 * iommu_device_file_attach - attach the device, or move it if it is attached: see
 * iommu_device_attach and iommu_device_replace. iommu_device_file_detach - returns 0 also if the
 * device is not attached. Both return IOMMU_EINVAL: not bound; IOMMU_ENOENT or IOMMU_ENODEV: the
 * IOMMU file was destroyed.
 *
 * iommu_device_file_close - close a device file. If it came through a group, the group file may be
 * closed before it. Returns 0; or IOMMU_ETIMEDOUT / IOMMU_EIO, and no other error: hardware did not
 * confirm; the device file is still open, and its device attached to nothing: call again.
 */
IOMMU_API int iommu_device_file_open(struct iommu_device_files *files,
				     struct iommu_endpoint *endpoint,
				     struct iommu_device_file **file);
IOMMU_API int iommu_device_file_bind(struct iommu_device_file *file, struct iommu_file *iommu_file,
				     uint32_t *device);
IOMMU_API int iommu_device_file_attach(struct iommu_device_file *file, uint32_t pasid, uint32_t to,
				       uint32_t *hwpt);
IOMMU_API int iommu_device_file_detach(struct iommu_device_file *file, uint32_t pasid);
IOMMU_API int iommu_device_file_close(struct iommu_device_file *file);

/*
 * iommu_group_file_open - open a group, once at a time. Returns 0, IOMMU_ENOMEM, or IOMMU_EBUSY:
 * the group is open, or one of its devices is bound through a device file.
 *
 * iommu_group_file_set_container - put all members into a container. IOMMU_EINVAL: the group has
 * one; and the errors of iommu_device_bind and iommu_device_attach. After IOMMU_ETIMEDOUT or
 * IOMMU_EIO the group may remain bound, attached to nothing: no other user can have it, and the
 * container cannot be destroyed, until the container is set again, unset, or the group file is
 * closed. iommu_group_file_unset_container - IOMMU_EINVAL: the group has none; IOMMU_EBUSY: devices
 * are open through the group file. iommu_group_file_get_device - open a member. IOMMU_EINVAL: the
 * endpoint is no member, or the group has no container. iommu_group_file_close - close a group file
 * and leave its container. It remains until devices that are open through it are closed. Errors as
 * iommu_device_file_close.
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
