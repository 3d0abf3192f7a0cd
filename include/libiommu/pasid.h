/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which process address space ids are free. A PASID may mean one address space on all units, for
 * processes that use several devices; or be a unit's own, in a range that is set aside for that and
 * may be the same on several units. A PASID need not be allocated before it is attached: hosts that
 * have an order of their own keep to that.
 *
 * Locking: control path, see <libiommu/endpoint.h>.
 */
#ifndef LIBIOMMU_PASID_H
#define LIBIOMMU_PASID_H

#include <libiommu/types.h>

IOMMU_BEGIN_DECLS

struct iommu;
struct iommu_unit;

/*
 * PASIDs have 20 bits, and 0 is never given away: on many units it stands for requests without one.
 */
#define IOMMU_PASID_MIN 1U
#define IOMMU_PASID_MAX 0xfffffU

/*
 * iommu_pasid_alloc - the lowest PASID in [first, last] that is free.
 *
 * Returns 0, or IOMMU_EINVAL (first > last, or not in [IOMMU_PASID_MIN, IOMMU_PASID_MAX]),
 * IOMMU_ENOSPC, IOMMU_ENOMEM, what the source of PASIDs says (iommu_set_pasid_source), or
 * IOMMU_EIO: what it gave is not its to give.
 *
 * iommu_pasid_free - IOMMU_ENOENT: it is not allocated; IOMMU_EBUSY: it is attached to a group.
 */
IOMMU_API int iommu_pasid_alloc(struct iommu *iommu, uint32_t first, uint32_t last,
				uint32_t *pasid);
IOMMU_API int iommu_pasid_free(struct iommu *iommu, uint32_t pasid);

/*
 * iommu_unit_set_pasid_range - set PASIDs aside that are a unit's own, once. Returns 0,
 * IOMMU_EINVAL as above, IOMMU_EBUSY (the unit has a range), IOMMU_EEXIST (one of them is allocated
 * for all units), or IOMMU_ENOMEM.
 *
 * iommu_unit_pasid_alloc, iommu_unit_pasid_free - as iommu_pasid_alloc and iommu_pasid_free, of a
 * unit's own. IOMMU_ENOSPC also: it has no range.
 */
IOMMU_API int iommu_unit_set_pasid_range(struct iommu_unit *unit, uint32_t first, uint32_t last);
IOMMU_API int iommu_unit_pasid_alloc(struct iommu_unit *unit, uint32_t *pasid);
IOMMU_API int iommu_unit_pasid_free(struct iommu_unit *unit, uint32_t pasid);

/*
 * Another source of PASIDs: for a guest, a hypervisor that says which (VT-d "virtual commands").
 */
struct iommu_pasid_source {
	void *ctx;
	/* One in [first, last]: 0, or an error that is handed on. */
	int (*alloc)(void *ctx, uint32_t first, uint32_t last, uint32_t *pasid);
	void (*free)(void *ctx, uint32_t pasid);
};

/*
 * iommu_set_pasid_source - iommu_pasid_alloc asks there from now on; NULL: no longer. What it
 * answers is checked. @source: the caller's memory, in use until it is replaced; what is allocated
 * when the instance is destroyed goes back to it. Returns 0, IOMMU_EINVAL (a function is missing),
 * or IOMMU_EBUSY: PASIDs are allocated.
 */
IOMMU_API int iommu_set_pasid_source(struct iommu *iommu, const struct iommu_pasid_source *source);

IOMMU_END_DECLS
#endif
