/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways through an IORT table: from a device to its unit and its ITS, and back from a unit to the
 * devices and the memory that are its own.
 *
 * One rule says which map of a node an id takes (choose_map); all that is here follows it. It looks
 * at the ranges alone: an id whose map leads nowhere takes no other map. A way has two steps at
 * most, because a map leads from a device to a unit or an ITS, and from a unit to an ITS.
 */
#include <libiommu/hw/acpi_iort.h>
#include <libiommu/status.h>

#include "discovery/iort.h"

/* --- One step --------------------------------------------------------------------------------- */

static bool next_device_map(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			    struct iommu_iort_map *map)
{
	unsigned int unused = 0;

	while (iommu_iort_read_map(iort, node, map, &unused))
		if (!map->is_own)
			return true;
	return false;
}

static bool has_id(const struct iommu_iort_map *map, uint32_t id)
{
	return map->is_single || (id >= map->first && id <= map->last);
}

/*
 * The map that an id of the node takes: the first that has it. But firmware is known to write the
 * number of ids where one less is due: the last id of a map is left to one that begins with it.
 */
static bool choose_map(const struct iommu_iort *iort, const struct iommu_iort_node *node,
		       uint32_t id, struct iommu_iort_map *map)
{
	struct iommu_iort_map other;

	*map = (struct iommu_iort_map){0};
	do {
		if (!next_device_map(iort, node, map))
			return false;
	} while (!has_id(map, id));
	if (map->is_single || id != map->last || map->first == map->last)
		return true;
	other = *map;
	while (next_device_map(iort, node, &other)) {
		if (!other.is_single && other.first == id) {
			*map = other;
			break;
		}
	}
	return true;
}

static uint32_t output_of(const struct iommu_iort_map *map, uint32_t id)
{
	return map->is_single ? map->output : map->output + (id - map->first);
}

/* --- The way of an id ------------------------------------------------------------------------- */

/* The second step, of a device's messages behind its unit. */
static void follow_to_its(const struct iommu_iort *iort, struct iommu_iort_route *route)
{
	struct iommu_iort_map map;

	if (!choose_map(iort, &route->unit, route->stream_id, &map) ||
	    !iommu_iort_node_at(iort, map.target, &route->its) ||
	    route->its.type != IOMMU_IORT_ITS_GROUP)
		return;
	route->has_its = true;
	route->device_id = output_of(&map, route->stream_id);
}

int iommu_iort_follow_map(const struct iommu_iort *iort, const struct iommu_iort_map *map,
			  uint32_t id, struct iommu_iort_route *route)
{
	struct iommu_iort_node target;

	*route = (struct iommu_iort_route){0};
	if (!iommu_iort_node_at(iort, map->target, &target))
		return IOMMU_EINVAL;
	if (iort_is_unit(target.type)) {
		route->has_unit = true;
		route->unit = target;
		route->stream_id = output_of(map, id);
		follow_to_its(iort, route);
		return 0;
	}
	if (target.type != IOMMU_IORT_ITS_GROUP)
		return IOMMU_EINVAL;
	route->has_its = true;
	route->its = target;
	route->device_id = output_of(map, id);
	return 0;
}

int iommu_iort_follow(const struct iommu_iort *iort, const struct iommu_iort_node *node,
		      uint32_t id, struct iommu_iort_route *route)
{
	struct iommu_iort_node target;
	struct iommu_iort_map map;

	*route = (struct iommu_iort_route){0};
	if (!choose_map(iort, node, id, &map))
		return IOMMU_ENOENT;
	if (!iommu_iort_node_at(iort, map.target, &target) ||
	    !iort_may_lead(node->type, target.type))
		return IOMMU_EINVAL;
	return iommu_iort_follow_map(iort, &map, id, route);
}

int iommu_iort_find(const struct iommu_iort *iort, uint16_t segment, uint16_t rid,
		    struct iommu_iort_route *route)
{
	struct iommu_iort_node node = {0};

	while (iommu_iort_next(iort, &node)) {
		int status;

		if (node.type != IOMMU_IORT_ROOT_COMPLEX || node.root_complex.segment != segment)
			continue;
		status = iommu_iort_follow(iort, &node, rid, route);
		if (status != IOMMU_ENOENT)
			return status;
	}
	*route = (struct iommu_iort_route){0};
	return IOMMU_ENOENT;
}

int iommu_iort_own_messages(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			    struct iommu_iort_node *its, uint32_t *device_id)
{
	struct iommu_iort_map map = {0};

	while (iommu_iort_next_map(iort, node, &map)) {
		if (!map.is_own)
			continue;
		if (!map.leads || !iommu_iort_node_at(iort, map.target, its))
			return IOMMU_ENOENT;
		*device_id = map.output;
		return 0;
	}
	return IOMMU_ENOENT;
}

/* --- Back from a unit ------------------------------------------------------------------------- */

/* The last id from `id` on up to which no map begins or ends: all of them take the same map. */
static uint32_t end_of_stretch(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			       uint32_t id)
{
	struct iommu_iort_map map = {0};
	uint32_t end = UINT32_MAX;

	while (next_device_map(iort, node, &map)) {
		if (map.is_single)
			continue;
		if (map.first > id && map.first - 1 < end)
			end = map.first - 1;
		if (map.last >= id && map.last < end)
			end = map.last;
	}
	return end;
}

/* The first id from *id on that a range of the source has for the unit; false: there is none. */
static bool find_candidate(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			   uint32_t unit, uint32_t *id)
{
	struct iommu_iort_map map = {0};
	uint32_t found = 0;
	bool is_found = false;

	while (next_device_map(iort, node, &map)) {
		const uint32_t candidate = map.first > *id ? map.first : *id;

		if (map.is_single || map.target != unit || map.last < *id ||
		    (is_found && candidate >= found))
			continue;
		found = candidate;
		is_found = true;
	}
	*id = found;
	return is_found;
}

/* The next ids of the source that reach the unit by a range of ids. */
static bool next_range_reach(const struct iommu_iort *iort, uint32_t unit,
			     struct iommu_iort_reach *reach)
{
	struct iommu_iort_map map, next;

	while (!reach->is_over && find_candidate(iort, &reach->source, unit, &reach->at)) {
		const uint32_t id = reach->at;

		/* There is a map, but an earlier one may take the id. */
		(void)choose_map(iort, &reach->source, id, &map);
		reach->last = end_of_stretch(iort, &reach->source, id);
		while (reach->last < map.last &&
		       choose_map(iort, &reach->source, reach->last + 1, &next) &&
		       next.position == map.position)
			reach->last = end_of_stretch(iort, &reach->source, reach->last + 1);
		reach->is_over = reach->last == UINT32_MAX;
		reach->at = reach->last + 1;
		if (map.is_single || map.target != unit)
			continue;
		reach->first = id;
		reach->stream_id = output_of(&map, id);
		reach->is_single = false;
		return true;
	}
	reach->is_over = true;
	return false;
}

static bool next_single_reach(const struct iommu_iort *iort, uint32_t unit,
			      struct iommu_iort_reach *reach)
{
	struct iommu_iort_map map = {.position = reach->position};
	bool is_there;

	do
		is_there = next_device_map(iort, &reach->source, &map);
	while (is_there && (!map.is_single || map.target != unit));
	reach->position = map.position;
	if (!is_there)
		return false;
	reach->first = map.first;
	reach->last = map.last;
	reach->stream_id = map.output;
	reach->is_single = true;
	return true;
}

static bool next_source(const struct iommu_iort *iort, struct iommu_iort_node *node)
{
	while (iommu_iort_next(iort, node))
		if (node->type == IOMMU_IORT_ROOT_COMPLEX ||
		    node->type == IOMMU_IORT_NAMED_COMPONENT)
			return true;
	return false;
}

bool iommu_iort_next_reach(const struct iommu_iort *iort, uint32_t unit,
			   struct iommu_iort_reach *reach)
{
	struct iommu_iort_node node;

	if (!iommu_iort_node_at(iort, unit, &node) || !iort_is_unit(node.type))
		return false;
	for (;;) {
		if (!reach->is_begun) {
			if (!next_source(iort, &reach->source))
				return false;
			reach->is_begun = true;
			reach->is_over = false;
			reach->position = reach->at = 0;
		}
		if (next_range_reach(iort, unit, reach) || next_single_reach(iort, unit, reach))
			return true;
		reach->is_begun = false;
	}
}

/* Does reserved memory belong to a stream? Its maps name streams by their outputs. */
static bool is_of_stream(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			 uint32_t unit, uint32_t stream_id)
{
	struct iommu_iort_map map = {0};

	while (next_device_map(iort, node, &map))
		if (map.target == unit && stream_id >= map.output &&
		    stream_id - map.output <= map.last - map.first)
			return true;
	return false;
}

bool iommu_iort_next_reservation(const struct iommu_iort *iort, uint32_t unit, uint32_t stream_id,
				 struct iommu_iort_reservation *reservation)
{
	struct iommu_iort_node node;

	if (!iommu_iort_node_at(iort, unit, &node) || !iort_is_unit(node.type))
		return false;
	while (!reservation->is_begun ||
	       !iommu_iort_next_range(iort, &reservation->node, &reservation->range)) {
		do {
			if (!iommu_iort_next(iort, &reservation->node))
				return false;
		} while (reservation->node.type != IOMMU_IORT_RESERVED_MEMORY ||
			 !is_of_stream(iort, &reservation->node, unit, stream_id));
		reservation->is_begun = true;
		reservation->range = (struct iommu_iort_range){0};
	}
	return true;
}
