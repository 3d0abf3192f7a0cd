/* SPDX-License-Identifier: BSD-2-Clause */
/* Device ids: the map from PCI source ids, and the ids of an endpoint. */
#include "unit/device_id.h"

#if IOMMU_DEVICE_IDS

/* --- The map ---------------------------------------------------------------------------------- */

static bool overlap(uint32_t first, uint32_t count, uint32_t other_first, uint32_t other_count)
{
	return first < other_first + other_count && other_first < first + count;
}

/* Does a range so far have ids of this one? */
static bool has_ids_of(const struct iommu_id_map *map, const struct iommu_id_range *range)
{
	const uint32_t count = 1U + range->last - range->first;
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		const struct iommu_id_range *other = &map->ranges[i];
		const uint32_t others = 1U + other->last - other->first;

		if (overlap(range->first, count, other->first, others) ||
		    overlap(range->device_id, count, other->device_id, others))
			return true;
	}
	return false;
}

enum iommu_id_range_fault iommu_id_map_add(struct iommu_id_map *map,
					   const struct iommu_id_range *range)
{
	const uint64_t last = (uint64_t)range->device_id + (uint16_t)(range->last - range->first);

	if (range->first > range->last || last >> map->bits != 0)
		return IOMMU_ID_RANGE_IS_WRONG;
	if (has_ids_of(map, range))
		return IOMMU_ID_RANGE_OVERLAPS;
	map->ranges[map->count++] = *range;
	return IOMMU_ID_RANGE_FITS;
}

uint32_t iommu_id_map_id_of(const struct iommu_id_map *map, uint16_t source_id)
{
	unsigned int i;

	if (map->count == 0)
		return source_id;
	for (i = 0; i < map->count; i++)
		if (source_id >= map->ranges[i].first && source_id <= map->ranges[i].last)
			return map->ranges[i].device_id + (source_id - map->ranges[i].first);
	return UINT32_MAX;
}

uint16_t iommu_id_map_source_of(const struct iommu_id_map *map, uint32_t device_id)
{
	unsigned int i;

	for (i = 0; i < map->count; i++) {
		const struct iommu_id_range *range = &map->ranges[i];

		if (device_id >= range->device_id &&
		    device_id - range->device_id <= (uint32_t)(range->last - range->first))
			return (uint16_t)(range->first + (device_id - range->device_id));
	}
	return (uint16_t)device_id;
}

/* --- Of an endpoint --------------------------------------------------------------------------- */

/* The function bits that may be anything in the endpoint's requests. */
static unsigned int phantom_mask(const struct iommu_endpoint_info *info)
{
	static const uint8_t masks[] = {0, 4, 6, 7};

	return masks[info->phantom_bits & 3];
}

static void add_id(struct iommu_device_ids *ids, uint32_t id)
{
	ids->ids[ids->count++] = id;
}

void iommu_device_ids_find(struct iommu_device_ids *ids, const struct iommu_id_map *map,
			   const struct iommu_endpoint_info *info)
{
	const unsigned int mask = phantom_mask(info);
	unsigned int i;

	if (info->fwspec != NULL) {
		for (i = 0; i < info->fwspec->id_count; i++)
			add_id(ids, info->fwspec->ids[i]);
		return;
	}
	/* By its own function it is addressed. */
	add_id(ids, iommu_id_map_id_of(map, info->source_id));
	for (i = 0; i <= 7; i++) {
		const uint16_t source_id =
			(uint16_t)((info->source_id & ~7U) | (info->source_id & 7U & ~mask) | i);

		if ((i & ~mask) == 0 && source_id != info->source_id)
			add_id(ids, iommu_id_map_id_of(map, source_id));
	}
}

bool iommu_device_ids_has(const struct iommu_device_ids *ids, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < ids->count; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

enum iommu_device_ids_fault iommu_device_ids_check(const struct iommu_device_ids *ids,
						   const struct iommu_id_map *map,
						   bool (*is_anothers)(void *ctx, uint32_t id),
						   void *ctx)
{
	unsigned int i;

	if (ids->count == 0)
		return IOMMU_DEVICE_IDS_ARE_NONE;
	for (i = 0; i < ids->count; i++) {
		if ((uint64_t)ids->ids[i] >> map->bits != 0)
			return IOMMU_DEVICE_IDS_ARE_WIDE;
		if (is_anothers(ctx, ids->ids[i]))
			return IOMMU_DEVICE_IDS_ARE_ANOTHERS;
	}
	return IOMMU_DEVICE_IDS_FIT;
}

#else
/* A source file must hold something. */
typedef int iommu_device_ids_are_left_out;
#endif
