/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's IOMMU, as far as the host knows of it: which physical unit it stands for, what nested
 * tables it has, and by what numbers the guest calls its devices. What its devices do wrong it is
 * told through <libiommu/event_queue.h>. Control path, but for iommu_virtual_unit_find; ids as in
 * <libiommu/ioas.h>.
 */
#ifndef LIBIOMMU_VIRTUAL_UNIT_H
#define LIBIOMMU_VIRTUAL_UNIT_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu_ctx;

/*
 * iommu_virtual_unit_alloc - for the unit that `device` is behind, over an HWPT made with
 * IOMMU_HWPT_NEST_PARENT. Nested HWPTs are made on it (iommu_hwpt_alloc), for devices behind the
 * same unit: for others that is IOMMU_EINVAL, and so is attaching them. Returns 0, IOMMU_EINVAL (no
 * such HWPT), IOMMU_ENOMEM, IOMMU_ENOSPC, IOMMU_ENODEV.
 *
 * iommu_virtual_device_alloc - the guest knows `device` by this number. Returns also IOMMU_EINVAL:
 * it is behind another unit; IOMMU_EEXIST: the number is taken, or the device has one. When the
 * device is unbound the object stays, and stands for nothing: the number is free again, and the
 * object goes when it is destroyed.
 *
 * iommu_virtual_unit_find - the device with a number; IOMMU_ENOENT: none. Any context.
 *
 * iommu_virtual_unit_invalidate - each request for all nested HWPTs on it: what a guest asks that
 * means more than one of its tables. As iommu_hwpt_invalidate; *done counts requests that all of
 * them have served.
 */
IOMMU_API int iommu_virtual_unit_alloc(struct iommu_ctx *ctx, uint32_t device, uint32_t hwpt,
				       uint32_t *virtual_unit);
IOMMU_API int iommu_virtual_device_alloc(struct iommu_ctx *ctx, uint32_t virtual_unit,
					 uint32_t device, uint64_t virtual_id,
					 uint32_t *virtual_device);
IOMMU_API int iommu_virtual_unit_find(struct iommu_ctx *ctx, uint32_t virtual_unit,
				      uint64_t virtual_id, uint32_t *device);
IOMMU_API int iommu_virtual_unit_invalidate(struct iommu_ctx *ctx, uint32_t virtual_unit,
					    const void *requests, size_t request_size,
					    unsigned int count, unsigned int *done);

IOMMU_END_DECLS
#endif
