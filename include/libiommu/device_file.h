/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands behind a device's file, and a group's: the calls that managers of virtual machines make, with what has to be
 * remembered for each time that it was opened. Two ways, of which a group goes one at a time:
 *
 *	iommu_device_file_open   → _bind to a context → _attach, which replaces → _detach → _close
 *	iommu_group_file_open    → _set_container → _get_device → _unset_container → _close
 *
 * A file may be closed at any point, and whatever was done through it is undone. Locking: one mutex of the host's for all of
 * them, taken before those of contexts; every call here may sleep.
 */
#ifndef LIBIOMMU_DEVICE_FILE_H
#define LIBIOMMU_DEVICE_FILE_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_ctx;
struct iommu_container;
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
 * iommu_device_file_open - nothing is claimed yet; a device may be opened several times. Returns 0 or IOMMU_ENOMEM.
 *
 * iommu_device_file_bind - to a context, which must not be destroyed before the file is bound; *device: its id there. Returns 0, or
 *   IOMMU_EINVAL  the file came through a group, or is bound already
 *   IOMMU_EBUSY   the device's group is open as a group; or another file has bound the device
 *   and the errors of iommu_device_bind.
 *
 * iommu_device_file_attach - to what `to` says, or there instead of where it is: see iommu_device_attach and
 * iommu_device_replace. iommu_device_file_detach - 0 also when it is not attached. Both IOMMU_EINVAL: it is not bound; IOMMU_ENOENT
 * or IOMMU_ENODEV: the context was closed.
 *
 * iommu_device_file_close - with a device that came through a group its group's file may be closed before. Returns 0, or what
 * hardware did not confirm, and nothing else: the file is open then, its device attached to nothing; call again.
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
 * iommu_group_file_open - once at a time. Returns 0, IOMMU_ENOMEM, or IOMMU_EBUSY: it is open, or one of its devices is bound
 * through a file of its own.
 *
 * iommu_group_file_set_container - all members reach what is mapped in the container. IOMMU_EINVAL: it has one; and the errors of
 * iommu_device_bind and iommu_device_attach. After IOMMU_ETIMEDOUT or IOMMU_EIO the group may be half in it, attached to
 * nothing: until it was set again, unset, or the file was closed, it is no other's, and the container cannot be destroyed.
 * iommu_group_file_unset_container - IOMMU_EINVAL: it has none; IOMMU_EBUSY: devices are open through it.
 * iommu_group_file_get_device - a file of a member; IOMMU_EINVAL: it is none, or there is no container.
 * iommu_group_file_close - out of its container first. With devices that are open through it it stays until they are closed.
 * Errors as iommu_device_file_close.
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
