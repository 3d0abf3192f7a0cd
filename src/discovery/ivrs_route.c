/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an IVRS table says of one device. Of the entries that have it the one with the fewest
 * devices counts: firmware of machines with several units gives a unit a range with those of the
 * others in it.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/status.h>

#include "discovery/ivrs.h"

/* The smallest entry of a block with this function, of several the last; 0: none has it. */
static uint32_t smallest_range(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			       uint16_t devid, struct iommu_ivrs_device *smallest)
{
	struct iommu_ivrs_device device = {0};
	uint32_t least = 0;

	while (iommu_ivrs_next_device(ivrs, block, &device)) {
		const uint32_t devices = device.last - device.first + 1U;

		if (!iommu_ivrs_has_functions(&device) || devid < device.first ||
		    devid > device.last || (least != 0 && devices > least))
			continue;
		least = devices;
		*smallest = device;
	}
	return least;
}

int iommu_ivrs_find(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid,
		    struct iommu_ivrs_route *route)
{
	struct iommu_ivrs_block block = {0};
	uint32_t least = 0;
	bool is_unit = false, contested = false;

	while (iommu_ivrs_next_unit(ivrs, &block)) {
		struct iommu_ivrs_device device = {0};
		uint32_t devices;

		if (block.segment != segment)
			continue;
		is_unit = is_unit || block.unit.devid == devid;
		devices = smallest_range(ivrs, &block, devid, &device);
		contested = contested || (devices != 0 && least != 0);
		if (devices == 0 || (least != 0 && devices > least))
			continue;
		least = devices;
		*route = (struct iommu_ivrs_route){
			.unit = block,
			.alias = device.has_alias ? device.alias : devid,
			.setting = device.setting,
			.no_ats = device.no_ats,
		};
	}
	if (least == 0 || is_unit)
		return IOMMU_ENOENT;
	route->contested = contested;
	return 0;
}

int iommu_ivrs_find_special(const struct iommu_ivrs *ivrs, enum iommu_ivrs_device_kind kind,
			    uint8_t handle, struct iommu_ivrs_block *unit,
			    struct iommu_ivrs_device *device)
{
	if (kind != IOMMU_IVRS_DEVICE_IOAPIC && kind != IOMMU_IVRS_DEVICE_HPET)
		return IOMMU_ENOENT;
	*unit = (struct iommu_ivrs_block){.number = 0};
	while (iommu_ivrs_next_unit(ivrs, unit)) {
		*device = (struct iommu_ivrs_device){.position = 0};
		while (iommu_ivrs_next_device(ivrs, unit, device))
			if (device->kind == kind && device->handle == handle)
				return 0;
	}
	return IOMMU_ENOENT;
}

/* Is memory for this id, or for the device that makes requests with it? */
static bool is_for(const struct iommu_ivrs_memory *memory, uint16_t devid, uint16_t alias,
		   const struct iommu_ivrs_route *route)
{
	if (memory->type == IVRS_IVMD_UNIT)
		return route != NULL && route->unit.unit.devid == memory->first &&
		       route->unit.unit.capability == memory->last;
	return (devid >= memory->first && devid <= memory->last) ||
	       (alias >= memory->first && alias <= memory->last);
}

bool iommu_ivrs_next_memory(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid,
			    struct iommu_ivrs_block *block)
{
	struct iommu_ivrs_route route;
	const bool has_unit = iommu_ivrs_find(ivrs, segment, devid, &route) == 0;
	const uint16_t alias = has_unit ? route.alias : devid;

	while (iommu_ivrs_next(ivrs, block))
		if (block->kind == IOMMU_IVRS_MEMORY && block->segment == segment &&
		    is_for(&block->memory, devid, alias, has_unit ? &route : NULL))
			return true;
	return false;
}
