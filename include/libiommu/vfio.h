/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VFIO's interface to managers of virtual machines ("type 1", versions 1 and 2), on top of
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
 * iommu_container_destroy - destroy a container. IOMMU_EBUSY: the container has groups; or, if
 * hardware does not confirm, as iommu_file_destroy.
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_container_create(struct iommu *iommu, const struct iommu_file_limits *limits,
				     struct iommu_container **container);
IOMMU_API int iommu_container_destroy(struct iommu_container *container);

enum iommu_container_flags {
	/*
	 * Version 1 of type 1: an unmap removes what lies in its range, and cuts mappings at either
	 * end, also where hardware has large pages. What is left of a mapping counts as one or two.
	 */
	IOMMU_CONTAINER_CUTS = 1 << 0,
	/* Of devices without an IOMMU: see iommu_allow_no_iommu. */
	IOMMU_CONTAINER_NO_IOMMU = 1 << 1,
	/* VFIO's SPAPR TCE, versions 1 and 2: windows of POWER's bridges (<libiommu/spapr.h>). */
	IOMMU_CONTAINER_TCE_V1 = 1 << 2,
	IOMMU_CONTAINER_TCE_V2 = 1 << 3,
};

/*
 * iommu_container_create_with - iommu_container_create with properties. @flags: enum
 * iommu_container_flags. Errors as iommu_container_create; and IOMMU_EOPNOTSUPP (unknown flags),
 * IOMMU_EINVAL (more than one flag), or IOMMU_EPERM (IOMMU_CONTAINER_NO_IOMMU is not allowed).
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API int iommu_container_create_with(struct iommu *iommu,
					  const struct iommu_file_limits *limits,
					  unsigned int flags, struct iommu_container **container);

/*
 * iommu_allow_no_iommu - the administrator accepts that users drive devices that no unit translates
 * for: such a device reaches all of memory, so its user must be trusted as the host itself is.
 * False at first. Containers that were created before are not affected.
 *
 * A container with IOMMU_CONTAINER_NO_IOMMU pins what is mapped in it, and
 * iommu_container_get_paddr tells its user what to give to the device. Groups, whose devices have
 * an IOMMU, cannot be put into it; the host gives out the devices without one itself, and keeps the
 * file to users that it trusts. Each creation is logged as a warning, and iommu_container_get_info
 * shows the flag. Registers (IOMMU_BACKING_MMIO) cannot be mapped (IOMMU_EINVAL), and there is no
 * dirty tracking (IOMMU_EOPNOTSUPP). An unmap unpins at once: stop the device first. Context:
 * control path; may sleep.
 */
IOMMU_API void iommu_allow_no_iommu(struct iommu *iommu, bool allow);

/*
 * iommu_container_get_paddr - the physical address of an IO virtual address, and how many bytes
 * follow it there, up to 1 GiB; valid until the mapping is removed or its backing revoked. Returns
 * 0, IOMMU_EOPNOTSUPP (the container has an IOMMU), IOMMU_ENOENT (nothing is mapped there),
 * IOMMU_EBUSY (it is being unmapped), IOMMU_ENODEV (revoked), or IOMMU_ENOMEM.
 *
 * Context: as iommu_ioas_map.
 */
IOMMU_API int iommu_container_get_paddr(struct iommu_container *container, iommu_iova_t iova,
					iommu_paddr_t *paddr, uint64_t *size);

/*
 * iommu_container_map - map `size` bytes of memory at iova. @prot: IOMMU_PROT_READ,
 * IOMMU_PROT_WRITE or both.
 *
 * Returns 0, or
 *   IOMMU_EINVAL  size 0, alignment, prot, or reserved addresses
 *   IOMMU_EEXIST  something is mapped in the range
 *   IOMMU_ENOSPC  the limit of mappings
 *   IOMMU_ENODEV  the container has no address space (iommu_container_clear_ioas)
 *   and the errors of iommu_ioas_map.
 *
 * Context: as iommu_ioas_map.
 */
IOMMU_API int iommu_container_map(struct iommu_container *container, iommu_iova_t iova,
				  uint64_t size, unsigned int prot,
				  const struct iommu_backing *backing);

/*
 * iommu_container_unmap - unmap all mappings in [iova, iova + size), each as a whole unless the
 * container has IOMMU_CONTAINER_CUTS; iova 0 with size UINT64_MAX stands for everything. That
 * nothing is mapped is no error.
 *
 * @bitmap:   if not NULL, the range must be one mapping, and the bitmap receives the pages that
 *            devices have written. It is read before the mapping is removed: writes in between are
 *            not recorded. Stop the device first, or treat its memory as written.
 * @unmapped: receives the number of bytes.
 *
 * Returns 0, IOMMU_EINVAL (a mapping lies only partly in the range: nothing has changed; with a
 * bitmap: the range is not one mapping, or dirty tracking is off), and the errors of
 * iommu_ioas_unmap and iommu_hwpt_read_dirty. Context: as iommu_ioas_unmap.
 */
struct iommu_dirty_bitmap;
IOMMU_API int iommu_container_unmap(struct iommu_container *container, iommu_iova_t iova,
				    uint64_t size, struct iommu_dirty_bitmap *bitmap,
				    uint64_t *unmapped);

/*
 * Live update: the manager of a virtual machine replaces itself by a newer version while devices
 * work on, and the memory of the guest stands at other addresses in the new process.
 *
 *	iommu_container_unmap_vaddr(container, 0, UINT64_MAX, NULL)        in the old process
 *	iommu_container_map_vaddr(container, iova, size, &backing)         in the new one, for each
 *
 * iommu_container_unmap_vaddr - forget where the memory of all mappings in [iova, iova + size) is
 * to be found in its owner's address space (VFIO_DMA_UNMAP_FLAG_VADDR). The mappings remain,
 * devices reach the memory as before, and it stays pinned. Until iommu_container_map_vaddr,
 * whatever would pin more of it fails with IOMMU_EBUSY and changes nothing: a group whose devices
 * need tables of their own when nothing is pinned yet, a copy of a mapping, a pin by software. What
 * is pinned already is used on, by new tables too. Unmap, dirty tracking, revocation and groups
 * that leave work as always: what they unpin goes to the former backing, which therefore remains
 * valid. If a mapping was cut or copied, its parts and copies are affected like the mapping, also
 * when it is unmapped meanwhile: iommu_container_map_vaddr of one of them then says where they are.
 * *bytes: size of the mappings; may be NULL.
 *
 * Returns 0, also when nothing is mapped; or with nothing changed IOMMU_EINVAL (size or alignment;
 * a mapping lies only partly in the range, or was unmapped so already), IOMMU_EOVERFLOW (the range
 * wraps), IOMMU_ENODEV (the container has no address space).
 *
 * iommu_container_map_vaddr - say where the memory of one mapping is found now
 * (VFIO_DMA_MAP_FLAG_VADDR); permissions stay. The former backing is asked whether the memory is
 * the same (is_same_at of struct iommu_backing_ops): the new one unpins what the former one has
 * pinned. The question is about all of the memory that was mapped by the call that made the
 * mapping. After the call the former backing is not used for it any more. Returns 0, or with
 * nothing changed
 *   IOMMU_ENOENT     nothing is mapped at iova
 *   IOMMU_EINVAL     the range is not exactly that of one mapping; its virtual address was not
 *                    unmapped; alignment; the memory is not the same; one is registers and the
 *                    other is not; the backing lacks a function
 *   IOMMU_EOVERFLOW  a range wraps
 *   IOMMU_ENODEV     the container has no address space
 * Both are control path: calls that map and unmap in the container wait meanwhile.
 */
IOMMU_API int iommu_container_unmap_vaddr(struct iommu_container *container, iommu_iova_t iova,
					  uint64_t size, uint64_t *bytes);
IOMMU_API int iommu_container_map_vaddr(struct iommu_container *container, iommu_iova_t iova,
					uint64_t size, const struct iommu_backing *backing);

/*
 * iommu_container_revoke - withdraw memory that containers map: as iommu_backing_revoke.
 * iommu_container_restore - give withdrawn memory back to containers: as iommu_backing_restore.
 * Context: as iommu_backing_revoke.
 */
IOMMU_API int iommu_container_revoke(struct iommu_container *container, void *backing);
IOMMU_API int iommu_container_restore(struct iommu_container *container, void *backing);

/*
 * iommu_container_set_dirty - turn dirty tracking of a container on or off.
 * iommu_container_read_dirty - which pages the devices of a container have written. If one of its
 * groups is behind a unit without dirty tracking, everything that is mapped counts as written.
 * Writes of a group that has left since are included: its tables, and the memory they pin, are kept
 * until tracking is turned off. Errors as iommu_hwpt_set_dirty and as iommu_hwpt_read_dirty;
 * IOMMU_EINVAL: tracking is off.
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
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
	unsigned int flags; /* enum iommu_container_flags */
};
/*
 * iommu_container_get_info - facts about a container, and the ranges for mappings, as
 * iommu_ioas_get_ranges. Returns 0; IOMMU_ENOSPC: *count ranges are needed, and the first
 * `capacity` of them were returned; or IOMMU_ENODEV: the container has no address space, and no
 * range was returned. Context: one call at a time for a container, under the host's mutex; may
 * sleep.
 */
IOMMU_API int iommu_container_get_info(struct iommu_container *container,
				       struct iommu_container_info *info,
				       struct iommu_iova_bounds *ranges, unsigned int capacity,
				       unsigned int *count);

/*
 * A container's address space as an object (VFIO_IOAS of iommufd), for managers that use both
 * interfaces: devices are bound to the container's file through device files, and attached to the
 * IOAS that the container's groups reach.
 *
 * iommu_container_file - the file of a container, for <libiommu/ioas.h>; it ends with the
 * container. Objects that the user makes in it count towards its limits. Dirty tracking of the
 * container covers its groups, and no other devices. The IOAS in use cannot be destroyed.
 *
 * iommu_container_get_ioas - the id of the IOAS that a container uses. iommu_container_set_ioas -
 * use another IOAS of the file from now on; the former one stays, with its mappings, as an object
 * of the user. iommu_container_clear_ioas - use no IOAS any more: map, unmap and groups that are
 * put into the container then fail with IOMMU_ENODEV until another is set. A new container has one.
 * Whether mappings can be cut is as the IOAS was made: an IOAS without IOMMU_IOAS_SPLIT cuts
 * nothing.
 *
 * Return 0, or with nothing changed
 *   IOMMU_ENODEV      get: the container has none
 *   IOMMU_ENOENT      set: no object has this id
 *   IOMMU_EINVAL      set: the object is no IOAS
 *   IOMMU_EBUSY       set and clear: the container has groups, or dirty tracking is on
 *   IOMMU_EOPNOTSUPP  set and clear: the container is one without an IOMMU
 *   and what hardware did not confirm when groups left.
 *
 * Context: one call at a time for a container, under the host's mutex; may sleep.
 */
IOMMU_API struct iommu_file *iommu_container_file(struct iommu_container *container);
IOMMU_API int iommu_container_get_ioas(struct iommu_container *container, uint32_t *ioas);
IOMMU_API int iommu_container_set_ioas(struct iommu_container *container, uint32_t ioas);
IOMMU_API int iommu_container_clear_ioas(struct iommu_container *container);

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
 * iommu_device_files_create - make what device files need, for all devices of an instance, once.
 * Returns 0 or IOMMU_ENOMEM. iommu_device_files_destroy - end device files. IOMMU_EBUSY: a file is
 * open. Context: one call at a time, under the host's mutex; may sleep.
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
 * iommu_device_attach and iommu_device_replace. iommu_device_file_detach - detach the device.
 * Returns 0 also if the device is not attached; hardware is then asked for what it did not confirm
 * before. Both return IOMMU_EINVAL: not bound; IOMMU_ENOENT or IOMMU_ENODEV: the IOMMU file was
 * destroyed.
 *
 * iommu_device_file_close - close a device file. If it came through a group, the group file may be
 * closed before it. Returns 0; or IOMMU_ETIMEDOUT / IOMMU_EIO, and no other error: hardware did not
 * confirm; the device file is still open, and its device attached to nothing: call again. Context:
 * one call at a time, under the host's mutex; may sleep.
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
 * closed. iommu_group_file_unset_container - take a group out of its container. IOMMU_EINVAL: the
 * group has none; IOMMU_EBUSY: devices are open through the group file. iommu_group_file_get_device
 * - open a device of the group. IOMMU_EINVAL: the endpoint is no member, or the group has no
 * container. iommu_group_file_close - close a group file and leave its container. It remains until
 * devices that are open through it are closed. Errors as iommu_device_file_close.
 *
 * Context: one call at a time, under the host's mutex; may sleep.
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

/*
 * iommu_group_file_get_status - VFIO's GROUP_GET_STATUS. viable: no driver of the host and no other
 * owner uses a member, so that the group can be put into a container; also as long as it is in one.
 * The isolation of the group is checked when it is put there (iommu_group_check_isolation).
 * Context: one call at a time, under the host's mutex; may sleep.
 */
struct iommu_group_file_status {
	bool viable, has_container;
};
IOMMU_API void iommu_group_file_get_status(struct iommu_group_file *file,
					   struct iommu_group_file_status *status);

IOMMU_END_DECLS
#endif
