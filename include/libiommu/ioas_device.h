/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of a context: bound to it, attached to its address spaces.
 *
 * A device is bound with its group: no other context and no driver may use a member. All members of
 * a group that are attached are attached to one HWPT, for each PASID; the first attaches the group,
 * the last detaches it. Locking and ids: see <libiommu/ioas.h>; all of this is control path.
 */
#ifndef LIBIOMMU_IOAS_DEVICE_H
#define LIBIOMMU_IOAS_DEVICE_H

#include <libiommu/instance.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;
struct iommu_endpoint;

/* For the requests of a device that carry no PASID. */
#define IOMMU_NO_PASID 0U

/*
 * iommu_device_bind - claim an endpoint's group for the context; members are blocked until they are
 * attached. An endpoint that is released while it is bound is blocked, and stays the device's until
 * that is unbound: what needs the endpoint itself (bind, attach, replace, iommu_hwpt_alloc,
 * iommu_virtual_unit_alloc, iommu_virtual_device_alloc) then returns IOMMU_ENODEV.
 *
 * Returns 0, or
 *   IOMMU_EPERM   translation alone does not keep the group from what is not its own: its
 *                 interrupts are not remapped, and the administrator has not allowed that
 *                 (iommu_allow_unsafe_interrupts); or a member reaches functions of another group.
 *                 See iommu_group_check_isolation
 *   IOMMU_EBUSY   the group is another context's, or a driver's; or the endpoint is bound already
 *   IOMMU_ENODEV  the context is closed
 *   and the errors of iommu_group_claim.
 *
 * iommu_device_unbind - detached first if need be. Returns 0; IOMMU_ENOENT or IOMMU_EINVAL (no
 * object has this id, or it is no device); or what iommu_group_release said: it is bound then, and
 * attached to nothing: call again. A detach that hardware did not confirm is no error here: what was
 * mapped stays pinned.
 */
IOMMU_API int iommu_device_bind(struct iommu_ctx *ctx, struct iommu_endpoint *endpoint,
				uint32_t *device);
IOMMU_API int iommu_device_unbind(struct iommu_ctx *ctx, uint32_t device);

/*
 * iommu_device_attach - let a device use what `to` says, without a PASID (IOMMU_NO_PASID) or with
 * one.
 *
 * @to:   an HWPT: that one. An IOAS: the first of its HWPTs that were made so and that fits; where
 *        none does, one is made.
 * @hwpt: which it is; may be NULL.
 *
 * What the group must not use as addresses is reserved in the IOAS as long as it is attached.
 *
 * Returns 0, or with nothing changed
 *   IOMMU_EINVAL      `to` is neither, or was made on a virtual unit that stands for another unit;
 *                     the device is attached already (replace it); another member of its group is
 *                     attached elsewhere; HWPT and device do not fit each other; with a PASID, an
 *                     HWPT without IOMMU_HWPT_PASID
 *   IOMMU_EBUSY       the PASID is attached already
 *   IOMMU_EADDRINUSE  something is mapped, or allowed, that the group reserves
 *   IOMMU_EPERM       as of iommu_device_bind: it was isolated, and is no longer
 *   IOMMU_ENOSPC      the context's limit of attachments, or of objects
 *   and the errors of iommu_hwpt_alloc, iommu_domain_attach_group, iommu_attach_pasid and
 *   iommu_endpoint_enable_feature.
 *
 * iommu_device_replace - the same for one that is attached: with it all members of its group that
 * are attached for the PASID go over. IOMMU_EINVAL: it is not attached. 0 also when it is there
 * already.
 *
 * iommu_device_detach - with the last member of the group that was attached its requests fault.
 * Returns 0, IOMMU_EINVAL (it is not attached), or IOMMU_ETIMEDOUT / IOMMU_EIO: it is detached,
 * hardware did not confirm; what was mapped stays pinned until it has: see <libiommu/hwpt.h> for
 * the calls that ask again.
 */
IOMMU_API int iommu_device_attach(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid,
				  uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_replace(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid,
				   uint32_t to, uint32_t *hwpt);
IOMMU_API int iommu_device_detach(struct iommu_ctx *ctx, uint32_t device, uint32_t pasid);

struct iommu_device_info {
	struct iommu_endpoint *endpoint;
	bool dirty_tracking;
	uint32_t max_pasids; /* 0: none */
	/* What its unit says of itself; IOMMU_EOPNOTSUPP in `hardware_status`: nothing. */
	int hardware_status;
	struct iommu_hardware_info hardware;
	bool enforced_coherency; /* its unit can make it snoop; see iommu_hwpt_alloc */
};
IOMMU_API int iommu_device_get_info(struct iommu_ctx *ctx, uint32_t device,
				    struct iommu_device_info *info);

IOMMU_END_DECLS
#endif
