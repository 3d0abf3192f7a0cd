/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iort: every node as it stands, with what is wrong, where; which ids reach each unit; and the
 * library's own verdict at the end.
 *
 * What a node says is read by the library; what the library skips is found here, byte by byte. A
 * table that is longer than what is there is shown as far as it goes, from a copy with the length
 * that it has.
 */
#include <inttypes.h>
#include <string.h>

#include <libiommu/hw/acpi_iort.h>
#include <libiommu/iort.h>

#include "acpi_view.h"
#include "bytes.h"
#include "inspect.h"
#include "iort.h"

struct view {
	struct acpi_view table; /* what is noted */
	struct iommu_iort iort; /* of the copy */
};

struct kind {
	const char *name, *meaning;
	uint32_t fixed_size;
	void (*show)(struct view *view, const struct iommu_iort_node *node);
};

static const struct kind *kind_of(unsigned int type);

static void note(struct view *view, uint32_t offset, const char *text)
{
	acpi_note(&view->table, offset, text);
}

static const uint8_t *at(const struct view *view, uint32_t offset)
{
	return view->iort.bytes + offset;
}

static uint32_t word_at(const struct view *view, uint32_t offset)
{
	return bytes_le32(at(view, offset));
}

/* A list of `count` elements begins at `offset` of the node: is the rest of it outside? */
static void check_array(struct view *view, const struct iommu_iort_node *node, uint32_t field,
			uint32_t count, const char *text)
{
	if (word_at(view, node->offset + field) != count)
		note(view, node->offset + field, text);
}

/* --- Maps ------------------------------------------------------------------------------------- */

static void check_overlap(struct view *view, const struct iommu_iort_node *node,
			  const struct iommu_iort_map *map, uint32_t offset)
{
	struct iommu_iort_map other = *map;

	if (node->type == IOMMU_IORT_RESERVED_MEMORY || map->is_single || map->is_own)
		return;
	while (iommu_iort_next_map(&view->iort, node, &other)) {
		if (other.is_single || other.is_own || other.last < map->first ||
		    map->last < other.first)
			continue;
		if ((map->last == other.first && map->first < map->last) ||
		    (other.last == map->first && other.first < other.last))
			note(view, offset,
			     "the last id of a map is the first of another, to which it belongs: "
			     "as "
			     "if the number of ids were there, not one less");
		else
			note(view, offset, "ids that a later map of the node has, too");
	}
}

static void show_map(struct view *view, const struct iommu_iort_node *node,
		     const struct iommu_iort_map *map, uint32_t offset)
{
	struct out *out = view->table.out;
	const char *target = map->leads ? kind_of(map->target_type)->name : "no target";
	const char *own = map->is_own ? ", for its own messages" : "";

	if (map->is_single)
		out_item(out, NULL,
			 "0x%04" PRIx32 "  any id becomes 0x%" PRIx32 " at 0x%04" PRIx32 " (%s)%s",
			 offset, map->output, map->target, target, own);
	else
		out_item(out, NULL,
			 "0x%04" PRIx32 "  0x%" PRIx32 " to 0x%" PRIx32 " become 0x%" PRIx32
			 " on at 0x%04" PRIx32 " (%s)%s",
			 offset, map->first, map->last, map->output, map->target, target, own);
	out_hex(out, "offset", offset);
	out_hex(out, "first id", map->first);
	out_hex(out, "last id", map->last);
	out_hex(out, "output", map->output);
	out_hex(out, "target", map->target);
	out_flag(out, "single", map->is_single);
	out_flag(out, "own messages", map->is_own);
	out_close(out);
	if (!map->leads)
		note(view, offset + IORT_MAP_TARGET,
		     "a map to what is no node, or not one that it may lead to");
	check_overlap(view, node, map, offset);
}

/* Why the library skips a map. */
static const char *reason_of_map(const struct view *view, uint32_t offset)
{
	return (word_at(view, offset + IORT_MAP_FLAGS) & IORT_MAP_SINGLE) != 0
		       ? "a single map where there may be none"
		       : "a map of ids that are wider than 32 bits";
}

static void show_maps(struct view *view, const struct iommu_iort_node *node)
{
	struct iommu_iort_map map = {0};
	uint32_t index = 0;

	out_list(view->table.out, "maps");
	while (index < node->map_count) {
		const bool is_there = iommu_iort_next_map(&view->iort, node, &map);
		const uint32_t shown = is_there ? map.position - 1 : node->map_count;

		for (; index < shown; index++)
			note(view, node->maps + index * IORT_MAP_SIZE,
			     reason_of_map(view, node->maps + index * IORT_MAP_SIZE));
		if (is_there)
			show_map(view, node, &map, node->maps + index++ * IORT_MAP_SIZE);
	}
	out_close(view->table.out);
	check_array(view, node, IORT_NODE_MAPS, node->map_count,
		    "more maps than there are in the node");
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static void show_its_group(struct view *view, const struct iommu_iort_node *node)
{
	struct iommu_iort_its its = {0};

	out_list(view->table.out, "services");
	while (iommu_iort_next_its(&view->iort, node, &its)) {
		out_item(view->table.out, NULL, "ITS %" PRIu32, its.id);
		out_number(view->table.out, "id", its.id);
		out_close(view->table.out);
	}
	out_close(view->table.out);
	check_array(view, node, IORT_ITS_COUNT, node->array_count,
		    "more services than there are in the node");
}

static void show_access(struct out *out, const struct iommu_iort_access *access)
{
	out_flag(out, "coherent", access->coherent);
	out_flag(out, "coherent path to memory", access->cpm);
	out_flag(out, "cacheable and shareable attributes", access->dacs);
	out_flag(out, "can be made coherent by the unit", access->canwbs);
	out_hex(out, "allocation hints", access->hints);
}

static void show_width(struct view *view, uint32_t offset, unsigned int bits)
{
	if (bits != 0)
		out_number(view->table.out, "address width", bits);
	if (*at(view, offset) == 0 || *at(view, offset) > 64)
		note(view, offset, "addresses of no width, or of more than 64 bits");
}

static void show_component(struct view *view, const struct iommu_iort_node *node)
{
	const struct iommu_iort_named_component *component = &node->named_component;

	out_text(view->table.out, "name", "%s", component->name);
	show_access(view->table.out, &component->access);
	out_flag(view->table.out, "stalls", component->stalls);
	out_number(view->table.out, "pasid width", component->pasid_bits);
	show_width(view, node->offset + IORT_COMPONENT_LIMIT, component->address_bits);
}

/* Is the field inside the node, and in front of its maps? */
static bool has_limit(const struct view *view, const struct iommu_iort_node *node)
{
	const uint32_t maps = word_at(view, node->offset + IORT_NODE_MAP_OFFSET);

	return node->revision >= 1 && node->length >= IORT_ROOT_SIZE_LIMIT &&
	       (node->map_count == 0 || maps >= IORT_ROOT_SIZE_LIMIT);
}

static void show_root_complex(struct view *view, const struct iommu_iort_node *node)
{
	const struct iommu_iort_root_complex *root = &node->root_complex;
	struct out *out = view->table.out;

	out_number(out, "segment", root->segment);
	show_access(out, &root->access);
	out_flag(out, "ats", root->ats);
	out_flag(out, "page requests", root->page_requests);
	out_flag(out, "pasids are forwarded", root->pasids);
	out_number(out, "pasid width", root->pasid_bits);
	out_hex(out, "flags", root->flags);
	if (has_limit(view, node))
		show_width(view, node->offset + IORT_ROOT_LIMIT, root->address_bits);
}

/* A PCI function, by its id. */
static char *function_text(char text[24], uint32_t segment, uint32_t id)
{
	(void)snprintf(text, 24, "%04" PRIx32 ":%02x:%02x.%x", segment, id >> 8 & 0xff,
		       id >> 3 & 31, id & 7);
	return text;
}

static char *id_text(char text[24], const struct iommu_iort_node *source, uint32_t id)
{
	if (source->type == IOMMU_IORT_ROOT_COMPLEX && id <= UINT16_MAX)
		return function_text(text, source->root_complex.segment, id);
	(void)snprintf(text, 24, "0x%" PRIx32, id);
	return text;
}

static void show_reach(struct out *out, const struct iommu_iort_reach *reach)
{
	const struct iommu_iort_node *source = &reach->source;
	char first[24], last[24];

	if (reach->is_single)
		out_item(out, NULL, "reached by any id of 0x%04" PRIx32 " as stream 0x%" PRIx32,
			 source->offset, reach->stream_id);
	else
		out_item(out, NULL,
			 "reached by %s to %s of 0x%04" PRIx32 " as streams 0x%" PRIx32
			 " to 0x%" PRIx32,
			 id_text(first, source, reach->first), id_text(last, source, reach->last),
			 source->offset, reach->stream_id,
			 reach->stream_id + (reach->last - reach->first));
	out_hex(out, "source", source->offset);
	out_hex(out, "first id", reach->first);
	out_hex(out, "last id", reach->last);
	out_hex(out, "first stream", reach->stream_id);
	out_flag(out, "single", reach->is_single);
	out_close(out);
}

static void show_reaches(struct view *view, const struct iommu_iort_node *node)
{
	struct iommu_iort_reach reach = {0};

	out_list(view->table.out, "reached by");
	while (iommu_iort_next_reach(&view->iort, node->offset, &reach))
		show_reach(view->table.out, &reach);
	out_close(view->table.out);
}

static uint64_t base_of(const struct iommu_iort_node *node)
{
	if (node->type == IOMMU_IORT_SMMUV3 && node->smmuv3.usable)
		return node->smmuv3.base;
	return node->type == IOMMU_IORT_SMMU && node->smmu.usable ? node->smmu.base : 0;
}

static void check_base(struct view *view, const struct iommu_iort_node *node)
{
	struct iommu_iort_node other = *node;

	if (base_of(node) == 0) {
		note(view, node->offset + IORT_SMMUV3_BASE,
		     "registers at 0, not aligned, or beyond all addresses");
		return;
	}
	while (iommu_iort_next(&view->iort, &other))
		if (base_of(&other) == base_of(node))
			note(view, node->offset + IORT_SMMUV3_BASE,
			     "a later unit has its registers at the same address");
}

static void show_smmu(struct view *view, const struct iommu_iort_node *node)
{
	static const char *const models[] = {"SMMUv1",  "SMMUv2",  "MMU-400",
					     "MMU-500", "MMU-401", "ThunderX"};
	const struct iommu_iort_smmu *smmu = &node->smmu;
	struct out *out = view->table.out;

	out_hex(out, "registers", smmu->base);
	out_hex(out, "size of registers", smmu->span);
	out_text(out, "model", "%s",
		 smmu->model < sizeof(models) / sizeof(models[0]) ? models[smmu->model]
								  : "not known");
	out_flag(out, "invalidation by processors", smmu->dvm);
	out_flag(out, "coherent walks", smmu->coherent);
	out_number(out, "context interrupts", smmu->contexts);
	check_base(view, node);
	show_reaches(view, node);
}

static void show_wires(struct out *out, const struct iommu_iort_smmuv3 *unit)
{
	out_number(out, "event interrupt", unit->event);
	out_number(out, "page request interrupt", unit->page_request);
	out_number(out, "error interrupt", unit->gerror);
	out_number(out, "sync interrupt", unit->sync);
}

/* Does the node say which map is its own, and there is no such map? */
static bool lacks_own_map(const struct view *view, const struct iommu_iort_node *node)
{
	const struct iommu_iort_smmuv3 *unit = &node->smmuv3;
	const uint32_t flags = word_at(view, node->offset + IORT_SMMUV3_FLAGS);

	if (node->revision < 1 || node->length < IORT_SMMUV3_SIZE_INDEX || unit->has_own_map)
		return false;
	if (node->revision >= IORT_SMMUV3_REVISION_INDEX_FLAG)
		return (flags & IORT_SMMUV3_FLAG_MAP_INDEX) != 0;
	return unit->own_map != 0 && (unit->event == 0 || unit->page_request == 0 ||
				      unit->gerror == 0 || unit->sync == 0);
}

static void show_smmuv3(struct view *view, const struct iommu_iort_node *node)
{
	static const char *const models[] = {"generic", "HiSilicon Hi161x", "Cavium CN99xx"};
	const struct iommu_iort_smmuv3 *unit = &node->smmuv3;
	struct out *out = view->table.out;

	out_hex(out, "registers", unit->base);
	out_hex(out, "registers of vatos", unit->vatos);
	out_text(out, "model", "%s",
		 unit->model < sizeof(models) / sizeof(models[0]) ? models[unit->model]
								  : "not known");
	out_flag(out, "coherent", unit->coherent);
	out_number(out, "httu", unit->httu);
	if (unit->has_proximity)
		out_number(out, "proximity domain", unit->proximity_domain);
	show_wires(out, unit);
	check_base(view, node);
	if (lacks_own_map(view, node))
		note(view, node->offset + IORT_SMMUV3_MAP_INDEX,
		     "the map for the unit's own messages is not there");
	show_reaches(view, node);
}

static void show_pmcg(struct view *view, const struct iommu_iort_node *node)
{
	struct iommu_iort_node counted;
	struct out *out = view->table.out;

	out_hex(out, "registers", node->pmcg.base);
	out_hex(out, "registers of page 1", node->pmcg.page_1);
	out_number(out, "overflow interrupt", node->pmcg.overflow);
	out_hex(out, "counts events of", node->pmcg.counted);
	if (!iommu_iort_node_at(&view->iort, node->pmcg.counted, &counted))
		note(view, node->offset + IORT_PMCG_NODE, "counters of a node that is not there");
}

static void check_range_overlap(struct view *view, const struct iommu_iort_node *node,
				const struct iommu_iort_range *range, uint32_t offset)
{
	struct iommu_iort_range other = *range;

	while (iommu_iort_next_range(&view->iort, node, &other))
		if (range->start <= other.last && other.start <= range->last)
			note(view, offset, "bytes that a later range of the node has, too");
}

static void show_range(struct view *view, const struct iommu_iort_node *node, uint32_t index)
{
	const uint32_t offset = node->array + index * IORT_RMR_DESC_SIZE;
	const uint64_t base = bytes_le64(at(view, offset + IORT_RMR_DESC_BASE));
	const uint64_t size = bytes_le64(at(view, offset + IORT_RMR_DESC_LENGTH));
	struct iommu_iort_range range = {.position = index};

	out_item(view->table.out, NULL,
		 "0x%04" PRIx32 "  0x%" PRIx64 " bytes from 0x%" PRIx64 " on", offset, size, base);
	out_hex(view->table.out, "offset", offset);
	out_hex(view->table.out, "first byte", base);
	out_hex(view->table.out, "size", size);
	out_close(view->table.out);
	if (!iommu_iort_next_range(&view->iort, node, &range) || range.position != index + 1) {
		note(view, offset, "a range that is empty, or ends beyond all addresses");
		return;
	}
	if ((base | size) % IORT_RMR_ALIGN != 0)
		note(view, offset, "a range that is not aligned to 64 KiB");
	check_range_overlap(view, node, &range, offset);
}

static void show_reserved_memory(struct view *view, const struct iommu_iort_node *node)
{
	struct out *out = view->table.out;

	out_flag(out, "may be unmapped by the device's driver", node->reserved_memory.may_move);
	out_flag(out, "privileged", node->reserved_memory.privileged);
	out_number(out, "attributes", node->reserved_memory.attributes);
	out_list(out, "ranges");
	for (uint32_t i = 0; i < node->array_count; i++)
		show_range(view, node, i);
	out_close(out);
	check_array(view, node, IORT_RMR_COUNT, node->array_count,
		    "more ranges than there are in the node");
}

static void show_wire_bridge(struct view *view, const struct iommu_iort_node *node)
{
	out_hex(view->table.out, "registers", node->wire_bridge.base);
	out_number(view->table.out, "index", node->wire_bridge.index);
	out_text(view->table.out, "name", "%s", node->wire_bridge.name);
}

static const struct kind kinds[] = {
	[IOMMU_IORT_ITS_GROUP] = {"ITS group", "interrupt translation services", IORT_ITS_SIZE,
				  show_its_group},
	[IOMMU_IORT_NAMED_COMPONENT] = {"named component", "device of the ACPI name space",
					IORT_COMPONENT_SIZE, show_component},
	[IOMMU_IORT_ROOT_COMPLEX] = {"root complex", "PCI functions", IORT_ROOT_SIZE,
				     show_root_complex},
	[IOMMU_IORT_SMMU] = {"SMMU", "remapping unit of version 1 or 2", IORT_SMMU_SIZE, show_smmu},
	[IOMMU_IORT_SMMUV3] = {"SMMUv3", "remapping unit", IORT_SMMUV3_SIZE, show_smmuv3},
	[IOMMU_IORT_PMCG] = {"PMCG", "performance counters", IORT_PMCG_SIZE, show_pmcg},
	[IOMMU_IORT_RESERVED_MEMORY] = {"RMR", "reserved memory, which devices use for firmware",
					IORT_RMR_SIZE, show_reserved_memory},
	[IOMMU_IORT_WIRE_BRIDGE] = {"IWB", "bridge from wires to messages", IORT_IWB_SIZE,
				    show_wire_bridge},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct kind *kind_of(unsigned int type)
{
	static const struct kind unknown = {"?", "node of unknown type", 0, NULL};

	return type < KINDS ? &kinds[type] : &unknown;
}

static void show_node(struct acpi_view *table, uint32_t offset, uint32_t length)
{
	struct view *view = (struct view *)table;
	const unsigned int type = *at(view, offset + IORT_NODE_TYPE);
	const struct kind *kind = kind_of(type);
	struct out *out = view->table.out;
	struct iommu_iort_node node;

	out_open(out, NULL, "0x%04" PRIx32 "  %s, %s", offset, kind->name, kind->meaning);
	if (out->format == OUT_JSON) {
		out_hex(out, "offset", offset);
		out_number(out, "type", type);
		out_text(out, "node", "%s", kind->name);
		out_text(out, "meaning", "%s", kind->meaning);
	}
	out_number(out, "length", length);
	out_number(out, "revision", *at(view, offset + IORT_NODE_REVISION));
	out_hex(out, "identifier", word_at(view, offset + IORT_NODE_IDENTIFIER));
	if (kind->show == NULL) {
		note(view, offset, "a node of a type that is not known");
	} else if (length < kind->fixed_size) {
		note(view, offset + IORT_NODE_LENGTH, "a node shorter than its fixed part");
	} else if (!iommu_iort_node_at(&view->iort, offset, &node)) {
		note(view, offset + kind->fixed_size, "a name without its end");
	} else {
		kind->show(view, &node);
		show_maps(view, &node);
	}
	acpi_show_problems(&view->table);
	out_close(out);
}

/* --- The table -------------------------------------------------------------------------------- */

static void show_header(struct out *out, const uint8_t *bytes)
{
	out_number(out, "number of nodes", bytes_le32(bytes + IORT_NODES));
}

static void show_rest(struct acpi_view *table, const uint8_t *bytes, uint32_t length)
{
	struct view *view = (struct view *)table;
	struct acpi_nodes nodes = {
		.bytes = bytes,
		.header_size = IORT_NODE_HEADER,
		.length_field = IORT_NODE_LENGTH,
		.show = show_node,
	};

	if (iommu_iort_open(&view->iort, bytes, length) != 0) {
		note(view, IORT_FIRST_NODE, "the nodes begin outside of the table");
		return;
	}
	nodes.length = view->iort.length;
	nodes.first = view->iort.first;
	nodes.count = view->iort.count;
	acpi_show_nodes(table, &nodes);
}

static const char *judge(const uint8_t *bytes, size_t size, unsigned int *defects)
{
	struct iommu_iort iort = {0};
	const int status = iommu_iort_open(&iort, bytes, size);

	*defects = iort.defects;
	return status != 0 ? iort.refusal : NULL;
}

unsigned int iort_show(struct out *out, const uint8_t *bytes, size_t size)
{
	static const struct acpi_kind kind = {
		.signature = "IORT",
		.not_signature = "the signature is not IORT",
		.header_size = IORT_HEADER_SIZE,
		.max_size = IOMMU_IORT_MAX_SIZE,
		.show_header = show_header,
		.show_body = show_rest,
		.judge = judge,
	};
	struct view view = {.table = {.out = out, .bytes = bytes}};

	return acpi_show_table(&view.table, &kind, size);
}

int inspect_iort(struct out *out, int count, char **words)
{
	return acpi_look(out, count, words, "iort", "IORT", iort_show);
}
