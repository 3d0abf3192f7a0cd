/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which unit translates for an endpoint (VT-d specification, "Device Scope Structure").
 *
 * Scopes and endpoints are both described by a path from a root bus. Comparing paths needs no bus
 * numbers of bridges, which an operating system may have changed. Firmware lists no virtual
 * functions: they belong to the unit of their physical function.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/dmar.h>
#include <libiommu/status.h>

#include "vtd/probe.h"
#include "vtd/unit.h"

/*
 * A step of the endpoint's path, as device and function; the last of a virtual one's is the
 * physical one's.
 */
static uint16_t hop_of(const struct iommu_endpoint_info *info, unsigned int i)
{
	if (iommu_is_virtual_function(info) && i + 1U == info->path_length)
		return info->physical_function & 0xff;
	return vtd_source_id(0, info->path[i].device, info->path[i].function);
}

/* Are the scope's hops the first ones of the endpoint's path? */
static bool path_begins_with(const struct iommu_endpoint_info *info,
			     const struct iommu_dmar_scope *scope)
{
	unsigned int i;

	if (scope->start_bus != info->root_bus || scope->hops > info->path_length)
		return false;
	for (i = 0; i < scope->hops; i++)
		if (vtd_source_id(0, iommu_dmar_hop_device(scope, i),
				  iommu_dmar_hop_function(scope, i)) != hop_of(info, i))
			return false;
	return true;
}

/*
 * Firmware that gives a device below a bridge one hop and the bus number that the bridge happens to
 * have, instead of the path: accepted when bus, device and function are the endpoint's own.
 */
static bool names_id(const struct iommu_endpoint_info *info, const struct iommu_dmar_scope *scope)
{
	return scope->hops == 1 &&
	       vtd_source_id(scope->start_bus, iommu_dmar_hop_device(scope, 0),
			     iommu_dmar_hop_function(scope, 0)) == info->physical_function;
}

static bool scope_covers(const struct iommu_endpoint_info *info,
			 const struct iommu_dmar_scope *scope)
{
	switch (scope->type) {
	case DMAR_SCOPE_ENDPOINT:
	case DMAR_SCOPE_NAMESPACE:
		return (path_begins_with(info, scope) && scope->hops == info->path_length) ||
		       names_id(info, scope);
	case DMAR_SCOPE_BRIDGE:
		return path_begins_with(info, scope);
	case DMAR_SCOPE_IOAPIC:
	case DMAR_SCOPE_HPET:
		return false; /* they send interrupts only */
	default:
		return false;
	}
}

bool iommu_vtd_scope_find(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			  const struct iommu_endpoint_info *info, struct iommu_dmar_scope *scope)
{
	*scope = (struct iommu_dmar_scope){0};
	if (record->segment != info->segment)
		return false;
	iommu_dmar_for_each_scope (dmar, record, scope)
		if (scope_covers(info, scope))
			return true;
	return false;
}

bool iommu_vtd_scope_names(const struct iommu_dmar *dmar, const struct iommu_dmar_record *record,
			   const struct iommu_endpoint_info *info)
{
	struct iommu_dmar_scope scope;

	return iommu_vtd_scope_find(dmar, record, info, &scope);
}

enum iommu_match iommu_vtd_scope_match(const struct iommu_dmar *dmar,
				       const struct iommu_dmar_record *drhd,
				       const struct iommu_endpoint_info *info)
{
	if (iommu_vtd_scope_names(dmar, drhd, info))
		return IOMMU_MATCH_NAMED;
	return drhd->segment == info->segment && drhd->drhd.include_all ? IOMMU_MATCH_REST
									: IOMMU_MATCH_NONE;
}

int iommu_vtd_scope_source_id(const struct vtd_unit *unit, const struct iommu_dmar_scope *scope,
			      uint16_t *source_id)
{
	uint16_t id;
	uint8_t bus = (uint8_t)scope->start_bus;
	unsigned int i;

	for (i = 0;; i++) {
		id = vtd_source_id(bus, iommu_dmar_hop_device(scope, i),
				   iommu_dmar_hop_function(scope, i));
		if (i + 1 == scope->hops)
			break;
		if (!iommu_topology_bus_below(unit->base.iommu, unit->record.segment, id, &bus))
			return IOMMU_ENOENT;
	}
	*source_id = id;
	return 0;
}
