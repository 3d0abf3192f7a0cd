/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware page tables: the domains that stand behind an IOAS, or a guest's tables above one.
 *
 * Attaching a device to an IOAS finds one that fits, or makes one, which goes with the last device.
 * A caller that wants to say what it is like makes it with iommu_hwpt_alloc, and destroys it with
 * iommu_object_destroy.
 *
 * One whose end hardware does not confirm stays, and what is mapped stays pinned, until that was
 * asked for again and confirmed: by iommu_object_destroy of it (iommu_object_next finds it) or of
 * its IOAS. Those that an attach made, or that were left by a call that failed, are tried again by
 * the next detach, replace or iommu_hwpt_alloc of the same IOAS, too. The end of the context tries
 * all of them. Locking and ids: see <libiommu/ioas.h>; all of this is control path.
 */
#ifndef LIBIOMMU_HWPT_H
#define LIBIOMMU_HWPT_H

#include <libiommu/dirty.h>
#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;

enum iommu_hwpt_flags {
	IOMMU_HWPT_NEST_PARENT = 1 << 0, /* nested ones are to be made of it */
	IOMMU_HWPT_DIRTY =
		1 << 1, /* what devices write can be told; devices that cannot are refused */
	IOMMU_HWPT_PASID = 1 << 2,  /* it may be attached for a PASID */
	IOMMU_HWPT_FAULTS = 1 << 3, /* page requests go to the fault queue `faults` */
	IOMMU_HWPT_ATTACH =
		1
		<< 4, /* the device, without a PASID, is led there at once, from wherever it is; or there is none */
};

struct iommu_hwpt_config {
	unsigned int flags; /* enum iommu_hwpt_flags */
	uint32_t faults;
	/* Of a nested one: what the back end wants to know of the guest's table, such as struct iommu_vtd_first_stage. */
	const void *user_data;
	size_t user_size;
};

/*
 * iommu_hwpt_alloc - for devices like `device`.
 *
 * Where the units of all members of its group can, devices are made to snoop the CPU caches, whatever they ask for: a guest
 * cannot have the host see stale memory. Devices behind units that cannot are then refused with IOMMU_EINVAL; where the first
 * device's cannot, no device is refused, and nothing is enforced, for as long as the HWPT lives. A nested one does as the HWPT
 * that it is over.
 *
 * @on: an IOAS: all that is mapped in it is mapped at once, and pinned, and stays so without a device. An HWPT made with
 *      IOMMU_HWPT_NEST_PARENT, or a virtual unit: a nested one, over that HWPT.
 *
 * Returns 0, IOMMU_ENOENT, or
 *   IOMMU_EINVAL      `on` is none of these, or not to be nested on, or of another back end, or a virtual
 *                     unit that stands for another unit than the device's; user data missing, or too much
 *   IOMMU_EOPNOTSUPP  unknown flags, or those that the device's unit cannot do; IOMMU_HWPT_NEST_PARENT with
 *                     IOMMU_HWPT_FAULTS; of a nested one only IOMMU_HWPT_PASID,
 *                     IOMMU_HWPT_FAULTS and IOMMU_HWPT_ATTACH have a meaning
 *   IOMMU_EADDRINUSE  something is mapped, or allowed, beyond what the unit can address, or not aligned to its pages
 *   IOMMU_EBUSY       the last HWPT of the IOAS is on its way out
 *   IOMMU_ENODEV      the context is closed
 *   and the errors of iommu_domain_alloc, iommu_map, and the backings' pin, with IOMMU_HWPT_ATTACH those of
 *   iommu_device_attach or iommu_device_replace, too: nothing has changed; after IOMMU_ETIMEDOUT or IOMMU_EIO an HWPT
 *   that hardware may know may be left, which no device uses: see above.
 */
IOMMU_API int iommu_hwpt_alloc(struct iommu_ctx *ctx, uint32_t device, uint32_t on,
			       const struct iommu_hwpt_config *config, uint32_t *hwpt);

struct iommu_hwpt_info {
	unsigned int flags;      /* as it was made */
	bool enforced_coherency; /* devices snoop, whatever they ask for */
	uint64_t table_pages;    /* of 4 KiB, now */
};
/* iommu_hwpt_get_info - of any HWPT. Returns 0, IOMMU_ENOENT or IOMMU_EINVAL (it is none). */
IOMMU_API int iommu_hwpt_get_info(struct iommu_ctx *ctx, uint32_t hwpt,
				  struct iommu_hwpt_info *info);

/*
 * iommu_hwpt_set_dirty, iommu_hwpt_read_dirty - see iommu_domain_set_dirty_tracking and iommu_domain_read_dirty; of an
 * HWPT over an IOAS. iommu_hwpt_split - see iommu_domain_split. Those who map or unmap in the IOAS wait meanwhile.
 * IOMMU_ENOENT also: no object has this id; IOMMU_EINVAL also: it is no HWPT over an IOAS.
 */
IOMMU_API int iommu_hwpt_set_dirty(struct iommu_ctx *ctx, uint32_t hwpt, bool enable);
IOMMU_API int iommu_hwpt_read_dirty(struct iommu_ctx *ctx, uint32_t hwpt, iommu_iova_t iova,
				    uint64_t size, unsigned int flags,
				    struct iommu_dirty_bitmap *bitmap);
IOMMU_API int iommu_hwpt_split(struct iommu_ctx *ctx, uint32_t hwpt, iommu_iova_t iova,
			       uint64_t size, uint64_t pgsize);

/*
 * iommu_hwpt_invalidate - what the owner of a nested one wants invalidated: see
 * iommu_domain_invalidate_user. Other calls of the control path come in between when there are many
 * requests; IOMMU_ENOENT with *done not 0: one of them has destroyed it.
 */
IOMMU_API int iommu_hwpt_invalidate(struct iommu_ctx *ctx, uint32_t hwpt, const void *requests,
				    size_t request_size, unsigned int count, unsigned int *done);

IOMMU_END_DECLS
#endif
