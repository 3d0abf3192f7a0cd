/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device ids: what requests carry on units that do not know devices by their PCI source ids alone
 * (the device ids of RISC-V, the StreamIDs of SMMUv3). A map leads from one to the other; an
 * endpoint has one id, or several.
 */
#ifndef IOMMU_UNIT_DEVICE_ID_H
#define IOMMU_UNIT_DEVICE_ID_H

#include <libiommu/backend/ops.h>

#if IOMMU_DEVICE_IDS

/* The source ids [first, last] of PCI functions: device_id is that of `first`. */
struct iommu_id_range {
	uint16_t first, last;
	uint32_t device_id;
};

/* Ranges of ids fit a page. */
#define IOMMU_ID_RANGES_MAX (IOMMU_PAGE_SIZE / sizeof(struct iommu_id_range))

struct iommu_id_map {
	struct iommu_id_range *ranges; /* a page, or NULL */
	unsigned int count;            /* 0: source ids are device ids */
	unsigned int bits;             /* of the device ids that exist */
};

enum iommu_id_range_fault {
	IOMMU_ID_RANGE_FITS = 0,
	IOMMU_ID_RANGE_IS_WRONG, /* it is empty, or wider than ids are */
	IOMMU_ID_RANGE_OVERLAPS, /* it has a source id, or a device id, of a range before */
};

/* One range more; the page is there, and has room. */
enum iommu_id_range_fault iommu_id_map_add(struct iommu_id_map *map,
					   const struct iommu_id_range *range);
/* The device id of a PCI address: UINT32_MAX: the unit does not serve it. */
uint32_t iommu_id_map_id_of(const struct iommu_id_map *map, uint16_t source_id);
/* And back; of an id in no range, which is of a device that is no PCI function: its lower bits. */
uint16_t iommu_id_map_source_of(const struct iommu_id_map *map, uint32_t device_id);

/* Ids of one endpoint: those of its fwspec, or of its phantom functions. */
#define IOMMU_DEVICE_IDS_MAX IOMMU_FWSPEC_IDS_MAX

struct iommu_device_ids {
	/* The first is by which the device is addressed. */
	uint32_t ids[IOMMU_DEVICE_IDS_MAX];
	unsigned int count;
};

void iommu_device_ids_find(struct iommu_device_ids *ids, const struct iommu_id_map *map,
			   const struct iommu_endpoint_info *info);
bool iommu_device_ids_has(const struct iommu_device_ids *ids, uint32_t id);

enum iommu_device_ids_fault {
	IOMMU_DEVICE_IDS_FIT = 0,
	IOMMU_DEVICE_IDS_ARE_NONE,
	IOMMU_DEVICE_IDS_ARE_WIDE,     /* one is wider than those of the unit */
	IOMMU_DEVICE_IDS_ARE_ANOTHERS, /* one is another endpoint's of the unit, too */
};

/*
 * Can the unit serve these, and keep them apart from those of its endpoints so far? `is_anothers`:
 * does one of those send with this id?
 */
enum iommu_device_ids_fault iommu_device_ids_check(const struct iommu_device_ids *ids,
						   const struct iommu_id_map *map,
						   bool (*is_anothers)(void *ctx, uint32_t id),
						   void *ctx);

#endif
#endif
