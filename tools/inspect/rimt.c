/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rimt: every node as it stands, with what is wrong, where; the ids that each root complex and
 * device has at a unit; and the library's own verdict at the end.
 *
 * What a node says is read by the library; what the library skips is found here, byte by byte. A
 * table that is longer than what is there is shown as far as it goes, from a copy with the length
 * that it has.
 */
#include <inttypes.h>
#include <string.h>

#include <libiommu/hw/acpi_rimt.h>
#include <libiommu/rimt.h>

#include "acpi_view.h"
#include "bytes.h"
#include "inspect.h"
#include "rimt.h"

#define NODE_REVISION 1

struct view {
	struct acpi_view table; /* what is noted */
	struct iommu_rimt rimt; /* of the copy */
};

struct kind {
	const char *name, *meaning;
	uint32_t fixed_size;
	uint32_t array_count; /* the field that says how many wires or maps there are */
	void (*show)(struct view *view, const struct iommu_rimt_node *node);
};

static void note(struct view *view, uint32_t offset, const char *text)
{
	acpi_note(&view->table, offset, text);
}

static const uint8_t *at(const struct view *view, uint32_t offset)
{
	return view->rimt.bytes + offset;
}

/* --- Maps ------------------------------------------------------------------------------------- */

static uint32_t last_of(const struct iommu_rimt_map *map)
{
	return map->source + (map->count - 1);
}

static void check_overlap(struct view *view, const struct iommu_rimt_node *node,
			  const struct iommu_rimt_map *map, uint32_t offset)
{
	struct iommu_rimt_map other = *map;

	while (iommu_rimt_next_map(&view->rimt, node, &other))
		if (other.source <= last_of(map) && map->source <= last_of(&other))
			note(view, offset, "ids that a later map of the node has, too");
}

static void show_map(struct view *view, const struct iommu_rimt_node *node,
		     const struct iommu_rimt_map *map, uint32_t offset)
{
	struct out *out = view->table.out;

	out_item(out, NULL,
		 "0x%04" PRIx32 "  0x%" PRIx32 " to 0x%" PRIx32 " become devices 0x%" PRIx32
		 " to 0x%" PRIx32 " at the unit 0x%04" PRIx32,
		 offset, map->source, last_of(map), map->device_id,
		 map->device_id + (map->count - 1), map->unit);
	out_hex(out, "offset", offset);
	out_hex(out, "first id", map->source);
	out_hex(out, "last id", last_of(map));
	out_hex(out, "first device", map->device_id);
	out_hex(out, "unit", map->unit);
	out_close(out);
	check_overlap(view, node, map, offset);
}

/* Why the library skips a map. */
static const char *reason_of_map(const struct view *view, uint32_t offset)
{
	const uint32_t source = bytes_le32(at(view, offset + RIMT_MAP_SOURCE));
	const uint32_t count = bytes_le32(at(view, offset + RIMT_MAP_COUNT));
	const uint64_t device = bytes_le32(at(view, offset + RIMT_MAP_DEVICE_ID));

	return count == 0 || count - 1 > UINT32_MAX - source || device + count > 1U << 24
		       ? "a map of no ids, or of ids that are too wide"
		       : "a map to what is no unit";
}

static void show_maps(struct view *view, const struct iommu_rimt_node *node)
{
	struct iommu_rimt_map map = {0};
	uint32_t index = 0;

	out_list(view->table.out, "maps");
	while (index < node->array_count) {
		const bool is_there = iommu_rimt_next_map(&view->rimt, node, &map);
		const uint32_t shown = is_there ? map.position - 1 : node->array_count;

		for (; index < shown; index++)
			note(view, node->array + index * RIMT_MAP_SIZE,
			     reason_of_map(view, node->array + index * RIMT_MAP_SIZE));
		if (is_there)
			show_map(view, node, &map, node->array + index++ * RIMT_MAP_SIZE);
	}
	out_close(view->table.out);
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static void show_wires(struct out *out, const struct view *view, const struct iommu_rimt_node *node)
{
	struct iommu_rimt_wire wire = {0};

	out_list(out, "wires");
	while (iommu_rimt_next_wire(&view->rimt, node, &wire)) {
		out_item(out, NULL, "interrupt %" PRIu32 ", by %s, active %s", wire.number,
			 wire.level ? "level" : "edges", wire.active_high ? "high" : "low");
		out_number(out, "number", wire.number);
		out_flag(out, "level", wire.level);
		out_flag(out, "active high", wire.active_high);
		out_close(out);
	}
	out_close(out);
}

static void show_function(struct out *out, const struct iommu_rimt_unit *unit)
{
	out_text(out, "function", "%04x:%02x:%02x.%x", unit->segment, unit->function >> 8,
		 unit->function >> 3 & 31, unit->function & 7);
}

static void show_unit(struct view *view, const struct iommu_rimt_node *node)
{
	const struct iommu_rimt_unit *unit = &node->unit;
	struct out *out = view->table.out;

	out_text(out, "hardware id", "%s", unit->hardware_id);
	if (unit->is_pci)
		show_function(out, unit);
	else
		out_hex(out, "registers", unit->base);
	if (unit->has_proximity)
		out_number(out, "proximity domain", unit->proximity_domain);
	if (!unit->usable)
		note(view, node->offset + RIMT_UNIT_BASE,
		     "registers at 0, or not at the beginning of a page");
	show_wires(out, view, node);
}

static void show_root_complex(struct view *view, const struct iommu_rimt_node *node)
{
	struct out *out = view->table.out;

	out_number(out, "segment", node->root_complex.segment);
	out_flag(out, "ats", node->root_complex.ats);
	out_flag(out, "page requests", node->root_complex.page_requests);
	show_maps(view, node);
}

static void show_platform(struct view *view, const struct iommu_rimt_node *node)
{
	out_text(view->table.out, "name", "%s", node->platform.name);
	show_maps(view, node);
}

static const struct kind kinds[] = {
	[IOMMU_RIMT_UNIT] = {"IOMMU", "remapping unit", RIMT_UNIT_SIZE, RIMT_UNIT_WIRES, show_unit},
	[IOMMU_RIMT_ROOT_COMPLEX] = {"root complex", "PCI functions of a segment", RIMT_ROOT_SIZE,
				     RIMT_ROOT_MAPS, show_root_complex},
	[IOMMU_RIMT_PLATFORM] = {"platform device", "a device that is no PCI function",
				 RIMT_PLATFORM_SIZE, RIMT_PLATFORM_MAPS, show_platform},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(unsigned int type)
{
	static const struct kind unknown = {"?", "node of unknown type", 0, 0, NULL};

	return type < KINDS ? &kinds[type] : &unknown;
}

/* The node at an offset, if the library shows it. */
static bool node_at(const struct view *view, uint32_t offset, struct iommu_rimt_node *node)
{
	*node = (struct iommu_rimt_node){0};
	while (iommu_rimt_next(&view->rimt, node))
		if (node->offset == offset)
			return true;
	return false;
}

static void show_body(struct view *view, const struct kind *kind, uint32_t offset, uint32_t length)
{
	struct iommu_rimt_node node;

	if (kind->show == NULL) {
		note(view, offset, "a node of a type that is not known");
	} else if (length < kind->fixed_size) {
		note(view, offset + RIMT_NODE_LENGTH, "a node shorter than its fixed part");
	} else if (!node_at(view, offset, &node)) {
		note(view, offset + kind->fixed_size, "a name without its end");
	} else {
		kind->show(view, &node);
		if (bytes_le16(at(view, offset + kind->array_count)) != node.array_count)
			note(view, offset + kind->array_count,
			     "more wires or maps than there are in the node");
	}
}

static void show_node(struct acpi_view *table, uint32_t offset, uint32_t length)
{
	struct view *view = (struct view *)table;
	const unsigned int type = *at(view, offset + RIMT_NODE_TYPE);
	const struct kind *kind = kind_of(type);
	struct out *out = view->table.out;

	out_open(out, NULL, "0x%04" PRIx32 "  %s, %s", offset, kind->name, kind->meaning);
	if (out->format == OUT_JSON) {
		out_hex(out, "offset", offset);
		out_number(out, "type", type);
		out_text(out, "node", "%s", kind->name);
		out_text(out, "meaning", "%s", kind->meaning);
	}
	out_number(out, "length", length);
	out_number(out, "revision", *at(view, offset + NODE_REVISION));
	out_number(out, "id", bytes_le16(at(view, offset + RIMT_NODE_ID)));
	show_body(view, kind, offset, length);
	acpi_show_problems(&view->table);
	out_close(out);
}

/* --- The table -------------------------------------------------------------------------------- */

static void show_header(struct out *out, const uint8_t *bytes)
{
	out_number(out, "number of nodes", bytes_le32(bytes + RIMT_NODES));
}

static void show_rest(struct acpi_view *table, const uint8_t *bytes, uint32_t length)
{
	struct view *view = (struct view *)table;
	struct acpi_nodes nodes = {
		.bytes = bytes,
		.header_size = RIMT_NODE_HEADER,
		.length_field = RIMT_NODE_LENGTH,
		.show = show_node,
	};

	if (iommu_rimt_open(&view->rimt, bytes, length) != 0) {
		note(view, RIMT_FIRST_NODE, "the nodes begin outside of the table");
		return;
	}
	nodes.length = view->rimt.length;
	nodes.first = view->rimt.first;
	nodes.count = view->rimt.count;
	acpi_show_nodes(table, &nodes);
}

static const char *judge(const uint8_t *bytes, size_t size, unsigned int *defects)
{
	struct iommu_rimt rimt = {0};
	const int status = iommu_rimt_open(&rimt, bytes, size);

	*defects = rimt.defects;
	return status != 0 ? rimt.refusal : NULL;
}

unsigned int rimt_show(struct out *out, const uint8_t *bytes, size_t size)
{
	static const struct acpi_kind kind = {
		.signature = "RIMT",
		.not_signature = "the signature is not RIMT",
		.header_size = RIMT_HEADER_SIZE,
		.max_size = IOMMU_RIMT_MAX_SIZE,
		.show_header = show_header,
		.show_body = show_rest,
		.judge = judge,
	};
	struct view view = {.table = {.out = out, .bytes = bytes}};

	return acpi_show_table(&view.table, &kind, size);
}

int inspect_rimt(struct out *out, int count, char **words)
{
	return acpi_look(out, count, words, "rimt", "RIMT", rimt_show);
}
