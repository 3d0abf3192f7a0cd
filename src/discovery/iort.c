/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT parser: nodes, and what each of them lists. (Ways through the table: iort_route.c.)
 *
 * All fields are read byte by byte from [bytes, bytes + length). Each node is checked to lie inside
 * before anything of it is read, and each array is cut to its node. iommu_iort_open runs the same
 * iterators once and records in `defects` what they skip; nothing else writes it.
 */
#include <libiommu/hw/acpi_iort.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "discovery/iort.h"

static const uint32_t fixed_size[] = {
	[IOMMU_IORT_ITS_GROUP] = IORT_ITS_SIZE,
	[IOMMU_IORT_NAMED_COMPONENT] = IORT_COMPONENT_SIZE,
	[IOMMU_IORT_ROOT_COMPLEX] = IORT_ROOT_SIZE,
	[IOMMU_IORT_SMMU] = IORT_SMMU_SIZE,
	[IOMMU_IORT_SMMUV3] = IORT_SMMUV3_SIZE,
	[IOMMU_IORT_PMCG] = IORT_PMCG_SIZE,
	[IOMMU_IORT_RESERVED_MEMORY] = IORT_RMR_SIZE,
	[IOMMU_IORT_WIRE_BRIDGE] = IORT_IWB_SIZE,
};
#define NODE_TYPES (sizeof(fixed_size) / sizeof(fixed_size[0]))

/* --- Fields ----------------------------------------------------------------------------------- */

/*
 * How many of `count` elements from `offset` on are inside the node, behind what every node of its
 * type has; none of those that begin before.
 */
static uint32_t cut_array(const struct iommu_iort_node *node, uint32_t offset, uint32_t count,
			  uint32_t size, unsigned int *defects)
{
	const bool is_behind = offset >= fixed_size[node->type] && offset < node->length;
	const uint32_t room = is_behind ? (node->length - offset) / size : 0;

	if (count <= room)
		return count;
	*defects |= IOMMU_IORT_ARRAY_LENGTH;
	return room;
}

static struct iommu_iort_access read_access(const uint8_t *bytes)
{
	const unsigned int flags = bytes[IORT_ACCESS_FLAGS];

	return (struct iommu_iort_access){
		.coherent = (iommu_read_le32(bytes + IORT_ACCESS_COHERENT) & 1) != 0,
		.cpm = (flags & IORT_ACCESS_FLAG_CPM) != 0,
		.dacs = (flags & IORT_ACCESS_FLAG_DACS) != 0,
		.canwbs = (flags & IORT_ACCESS_FLAG_CANWBS) != 0,
		.hints = bytes[IORT_ACCESS_HINTS],
	};
}

static uint8_t read_address_bits(uint8_t bits, unsigned int *defects)
{
	if (bits == 0 || bits > 64)
		*defects |= IOMMU_IORT_ADDRESS_WIDTH;
	return bits > 64 ? 64 : bits;
}

/* A path at an offset of the node; NULL: it does not end there. */
static const char *read_name(const uint8_t *bytes, const struct iommu_iort_node *node,
			     uint32_t offset)
{
	uint32_t i;

	for (i = offset; i < node->length; i++)
		if (bytes[i] == 0)
			return (const char *)bytes + offset;
	return NULL;
}

/* Are `size` bytes of registers from `base` on a possible place for them? */
static bool can_be_registers(iommu_paddr_t base, uint64_t size, uint64_t align)
{
	return base != 0 && base % align == 0 && size - 1 <= UINT64_MAX - base;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static void read_its_group(const uint8_t *bytes, struct iommu_iort_node *node,
			   unsigned int *defects)
{
	node->array = node->offset + IORT_ITS_IDS;
	node->array_count =
		cut_array(node, IORT_ITS_IDS, iommu_read_le32(bytes + IORT_ITS_COUNT), 4, defects);
}

static void read_component(const uint8_t *bytes, struct iommu_iort_node *node,
			   unsigned int *defects)
{
	struct iommu_iort_named_component *component = &node->named_component;
	const uint32_t flags = iommu_read_le32(bytes + IORT_COMPONENT_FLAGS);

	component->name = read_name(bytes, node, IORT_COMPONENT_NAME);
	component->access = read_access(bytes + IORT_COMPONENT_ACCESS);
	component->stalls = (flags & IORT_COMPONENT_STALL) != 0;
	component->pasid_bits = (uint8_t)(flags >> IORT_COMPONENT_PASID & 0x1f);
	component->address_bits = read_address_bits(bytes[IORT_COMPONENT_LIMIT], defects);
}

static void read_root_complex(const uint8_t *bytes, struct iommu_iort_node *node,
			      unsigned int *defects)
{
	struct iommu_iort_root_complex *root = &node->root_complex;
	const uint32_t ats = iommu_read_le32(bytes + IORT_ROOT_ATS);
	const uint32_t maps = iommu_read_le32(bytes + IORT_NODE_MAP_OFFSET);
	/* The nodes of one revision have two lengths: the flags are where no map is. */
	const uint32_t end = node->map_count != 0 && maps < node->length ? maps : node->length;

	*root = (struct iommu_iort_root_complex){
		.segment = iommu_read_le32(bytes + IORT_ROOT_SEGMENT),
		.access = read_access(bytes + IORT_ROOT_ACCESS),
		.ats = (ats & IORT_ROOT_ATS_YES) != 0,
		.page_requests = (ats & IORT_ROOT_ATS_PRI) != 0,
		.pasids = (ats & IORT_ROOT_ATS_PASID) != 0,
	};
	if (node->revision >= 1 && end >= IORT_ROOT_SIZE_LIMIT)
		root->address_bits = read_address_bits(bytes[IORT_ROOT_LIMIT], defects);
	if (node->revision >= 4 && end >= IORT_ROOT_SIZE_LIMIT)
		root->pasid_bits = bytes[IORT_ROOT_PASID] & 0x1f;
	if (node->revision >= 4 && end >= IORT_ROOT_SIZE_FLAGS)
		root->flags = iommu_read_le32(bytes + IORT_ROOT_FLAGS);
}

static void read_smmu(const uint8_t *bytes, struct iommu_iort_node *node, unsigned int *defects)
{
	const uint32_t flags = iommu_read_le32(bytes + IORT_SMMU_FLAGS);
	struct iommu_iort_smmu *smmu = &node->smmu;

	smmu->base = iommu_read_le64(bytes + IORT_SMMU_BASE);
	smmu->span = iommu_read_le64(bytes + IORT_SMMU_SPAN);
	smmu->model = iommu_read_le32(bytes + IORT_SMMU_MODEL);
	smmu->dvm = (flags & IORT_SMMU_FLAG_DVM) != 0;
	smmu->coherent = (flags & IORT_SMMU_FLAG_COHERENT) != 0;
	smmu->contexts = iommu_read_le32(bytes + IORT_SMMU_CONTEXTS);
	smmu->usable = smmu->span != 0 && can_be_registers(smmu->base, smmu->span, IOMMU_PAGE_SIZE);
	if (!smmu->usable)
		*defects |= IOMMU_IORT_UNIT_WITHOUT_BASE;
}

/* Which map is that for the unit's own messages, by the rule of the node's revision. */
static void read_own_map(const uint8_t *bytes, struct iommu_iort_node *node, unsigned int *defects)
{
	const uint32_t flags = iommu_read_le32(bytes + IORT_SMMUV3_FLAGS);
	struct iommu_iort_smmuv3 *unit = &node->smmuv3;
	bool is_said;

	if (node->revision < 1 || node->length < IORT_SMMUV3_SIZE_INDEX)
		return;
	is_said = node->revision < IORT_SMMUV3_REVISION_INDEX_FLAG
			  ? unit->event == 0 || unit->page_request == 0 || unit->gerror == 0 ||
				    unit->sync == 0
			  : (flags & IORT_SMMUV3_FLAG_MAP_INDEX) != 0;
	unit->own_map = iommu_read_le32(bytes + IORT_SMMUV3_MAP_INDEX);
	unit->has_own_map = is_said && unit->own_map < node->map_count;
	/* Older nodes cannot say that there is none: 0 of no maps at all is that. */
	if (is_said && !unit->has_own_map &&
	    (node->revision >= IORT_SMMUV3_REVISION_INDEX_FLAG || unit->own_map != 0))
		*defects |= IOMMU_IORT_MAP_INDEX;
}

/* What the table does not define is none. */
static uint8_t httu_of(uint32_t flags)
{
	const uint8_t httu = flags >> IORT_SMMUV3_FLAG_HTTU & 3;

	return httu <= IORT_SMMUV3_HTTU_LAST ? httu : 0;
}

static void read_smmuv3(const uint8_t *bytes, struct iommu_iort_node *node, unsigned int *defects)
{
	const uint32_t flags = iommu_read_le32(bytes + IORT_SMMUV3_FLAGS);
	struct iommu_iort_smmuv3 *unit = &node->smmuv3;

	*unit = (struct iommu_iort_smmuv3){
		.base = iommu_read_le64(bytes + IORT_SMMUV3_BASE),
		.vatos = iommu_read_le64(bytes + IORT_SMMUV3_VATOS),
		.model = iommu_read_le32(bytes + IORT_SMMUV3_MODEL),
		.coherent = (flags & IORT_SMMUV3_FLAG_COHACC) != 0,
		.httu = httu_of(flags),
		.event = iommu_read_le32(bytes + IORT_SMMUV3_EVENT),
		.page_request = iommu_read_le32(bytes + IORT_SMMUV3_PRI),
		.gerror = iommu_read_le32(bytes + IORT_SMMUV3_GERROR),
		.sync = iommu_read_le32(bytes + IORT_SMMUV3_SYNC),
	};
	unit->usable = can_be_registers(
		unit->base,
		unit->model == IOMMU_IORT_SMMUV3_CN99XX ? IORT_SMMUV3_PAGE : 2 * IORT_SMMUV3_PAGE,
		IORT_SMMUV3_PAGE);
	if (!unit->usable)
		*defects |= IOMMU_IORT_UNIT_WITHOUT_BASE;
	if (node->revision >= 1 && node->length >= IORT_SMMUV3_PROXIMITY + 4 &&
	    (flags & IORT_SMMUV3_FLAG_PROXIMITY) != 0) {
		unit->has_proximity = true;
		unit->proximity_domain = iommu_read_le32(bytes + IORT_SMMUV3_PROXIMITY);
	}
	read_own_map(bytes, node, defects);
}

static void read_pmcg(const uint8_t *bytes, struct iommu_iort_node *node)
{
	node->pmcg = (struct iommu_iort_pmcg){
		.base = iommu_read_le64(bytes + IORT_PMCG_BASE),
		.overflow = iommu_read_le32(bytes + IORT_PMCG_OVERFLOW),
		.counted = iommu_read_le32(bytes + IORT_PMCG_NODE),
	};
	if (node->revision >= 1 && node->length >= IORT_PMCG_SIZE_PAGE)
		node->pmcg.page_1 = iommu_read_le64(bytes + IORT_PMCG_PAGE_1);
}

static void read_reserved_memory(const uint8_t *bytes, struct iommu_iort_node *node,
				 unsigned int *defects)
{
	const uint32_t flags = iommu_read_le32(bytes + IORT_RMR_FLAGS);
	const uint32_t offset = iommu_read_le32(bytes + IORT_RMR_OFFSET);

	node->reserved_memory.may_move = (flags & IORT_RMR_REMAP) != 0;
	node->reserved_memory.privileged =
		node->revision >= 3 && (flags & IORT_RMR_PRIVILEGED) != 0;
	node->reserved_memory.attributes =
		(uint8_t)(node->revision >= 3
				  ? flags >> IORT_RMR_ATTRIBUTES & IORT_RMR_ATTRIBUTES_MASK
				  : 0);
	node->array = node->offset + offset;
	node->array_count = cut_array(node, offset, iommu_read_le32(bytes + IORT_RMR_COUNT),
				      IORT_RMR_DESC_SIZE, defects);
}

static void read_wire_bridge(const uint8_t *bytes, struct iommu_iort_node *node)
{
	node->wire_bridge.base = iommu_read_le64(bytes + IORT_IWB_BASE);
	node->wire_bridge.index = iommu_read_le16(bytes + IORT_IWB_INDEX);
	node->wire_bridge.name = read_name(bytes, node, IORT_IWB_NAME);
}

/* What nodes of its type have; why the node is skipped, or 0. */
static unsigned int read_contents(const uint8_t *bytes, struct iommu_iort_node *node,
				  unsigned int *defects)
{
	switch (node->type) {
	case IOMMU_IORT_ITS_GROUP:
		read_its_group(bytes, node, defects);
		break;
	case IOMMU_IORT_NAMED_COMPONENT:
		read_component(bytes, node, defects);
		return node->named_component.name == NULL ? IOMMU_IORT_NAME_UNTERMINATED : 0;
	case IOMMU_IORT_ROOT_COMPLEX:
		read_root_complex(bytes, node, defects);
		break;
	case IOMMU_IORT_SMMU:
		read_smmu(bytes, node, defects);
		break;
	case IOMMU_IORT_SMMUV3:
		read_smmuv3(bytes, node, defects);
		break;
	case IOMMU_IORT_PMCG:
		read_pmcg(bytes, node);
		break;
	case IOMMU_IORT_RESERVED_MEMORY:
		read_reserved_memory(bytes, node, defects);
		break;
	case IOMMU_IORT_WIRE_BRIDGE:
		read_wire_bridge(bytes, node);
		return node->wire_bridge.name == NULL ? IOMMU_IORT_NAME_UNTERMINATED : 0;
	}
	return 0;
}

/* Read the node at node->offset. Returns why it is skipped, or 0. */
static unsigned int read_node(const struct iommu_iort *iort, struct iommu_iort_node *node,
			      unsigned int *defects)
{
	const uint8_t *bytes = iort->bytes + node->offset;
	const unsigned int type = bytes[IORT_NODE_TYPE];
	uint32_t maps;

	if (type >= NODE_TYPES)
		return IOMMU_IORT_NODE_UNKNOWN;
	if (node->length < fixed_size[type])
		return IOMMU_IORT_NODE_SHORT;
	maps = iommu_read_le32(bytes + IORT_NODE_MAP_OFFSET);
	node->type = (enum iommu_iort_type)type;
	node->revision = bytes[IORT_NODE_REVISION];
	node->identifier = iommu_read_le32(bytes + IORT_NODE_IDENTIFIER);
	node->array = node->array_count = 0;
	node->maps = node->offset + maps;
	node->map_count = cut_array(node, maps, iommu_read_le32(bytes + IORT_NODE_MAPS),
				    IORT_MAP_SIZE, defects);
	return read_contents(bytes, node, defects);
}

/* The length of the node at an offset; 0: none is there. */
static uint32_t length_at(const struct iommu_iort *iort, uint32_t offset)
{
	uint32_t length;

	if (iort->length - offset < IORT_NODE_HEADER)
		return 0;
	length = iommu_read_le16(iort->bytes + offset + IORT_NODE_LENGTH);
	return length < IORT_NODE_HEADER || length > iort->length - offset ? 0 : length;
}

/* The next node that is shown; what was wrong on the way is added to *defects. */
static bool next_node(const struct iommu_iort *iort, struct iommu_iort_node *node,
		      unsigned int *defects)
{
	unsigned int skipped;

	node->offset = node->offset == 0 ? iort->first : node->offset + node->length;
	for (; node->position < iort->count; node->offset += node->length) {
		node->length = length_at(iort, node->offset);
		if (node->length == 0) {
			*defects |= node->offset == iort->length ? IOMMU_IORT_NODE_COUNT
								 : IOMMU_IORT_NODE_LENGTH;
			break;
		}
		node->position++;
		skipped = read_node(iort, node, defects);
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	if (node->position == iort->count && node->offset != iort->length)
		*defects |= IOMMU_IORT_NODE_COUNT;
	/* Stay at the end, however often we are asked; nothing is listed there. */
	*node = (struct iommu_iort_node){.offset = iort->length, .position = iort->count};
	return false;
}

bool iommu_iort_next(const struct iommu_iort *iort, struct iommu_iort_node *node)
{
	unsigned int unused = 0;

	return next_node(iort, node, &unused);
}

bool iommu_iort_node_at(const struct iommu_iort *iort, uint32_t offset,
			struct iommu_iort_node *node)
{
	unsigned int unused = 0;

	*node = (struct iommu_iort_node){.offset = iort->first};
	/* Only the node that is asked for is read: others are passed by their lengths. */
	while (node->position < iort->count && node->offset <= offset) {
		node->length = length_at(iort, node->offset);
		if (node->length == 0)
			return false;
		node->position++;
		if (node->offset == offset)
			return read_node(iort, node, &unused) == 0;
		node->offset += node->length;
	}
	return false;
}

static bool is_same_name(const char *a, const char *b)
{
	for (; *a == *b; a++, b++)
		if (*a == '\0')
			return true;
	return false;
}

int iommu_iort_find_name(const struct iommu_iort *iort, const char *name,
			 struct iommu_iort_node *node)
{
	*node = (struct iommu_iort_node){0};
	while (iommu_iort_next(iort, node))
		if (node->type == IOMMU_IORT_NAMED_COMPONENT &&
		    is_same_name(node->named_component.name, name))
			return 0;
	return IOMMU_ENOENT;
}

/* --- What a node lists ------------------------------------------------------------------------ */

bool iommu_iort_next_its(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			 struct iommu_iort_its *its)
{
	if (node->type != IOMMU_IORT_ITS_GROUP || its->position >= node->array_count)
		return false;
	its->id = iommu_read_le32(iort->bytes + node->array + its->position * 4);
	its->position++;
	return true;
}

/* Is a map of this place in the node for messages of the node itself? */
static bool is_own_map(const struct iommu_iort_node *node, uint32_t index)
{
	if (node->type == IOMMU_IORT_SMMUV3)
		return node->smmuv3.has_own_map && node->smmuv3.own_map == index;
	return node->type == IOMMU_IORT_PMCG;
}

static bool may_be_single(const struct iommu_iort_node *node, const struct iommu_iort_map *map)
{
	return map->is_own || node->type == IOMMU_IORT_NAMED_COMPONENT ||
	       node->type == IOMMU_IORT_ROOT_COMPLEX || node->type == IOMMU_IORT_RESERVED_MEMORY ||
	       node->type == IOMMU_IORT_WIRE_BRIDGE;
}

/* Why the map is skipped, or 0. */
static unsigned int read_map(const uint8_t *bytes, const struct iommu_iort_node *node,
			     struct iommu_iort_map *map)
{
	const uint32_t more = iommu_read_le32(bytes + IORT_MAP_COUNT);

	map->first = map->last = iommu_read_le32(bytes + IORT_MAP_INPUT);
	map->output = iommu_read_le32(bytes + IORT_MAP_OUTPUT);
	map->target = iommu_read_le32(bytes + IORT_MAP_TARGET);
	map->is_single = (iommu_read_le32(bytes + IORT_MAP_FLAGS) & IORT_MAP_SINGLE) != 0;
	map->is_own = is_own_map(node, map->position);
	if (map->is_single)
		return may_be_single(node, map) ? 0 : IOMMU_IORT_MAP_SINGLE;
	if (more > UINT32_MAX - map->first || more > UINT32_MAX - map->output)
		return IOMMU_IORT_MAP_RANGE;
	map->last = map->first + more;
	return 0;
}

bool iommu_iort_read_map(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			 struct iommu_iort_map *map, unsigned int *defects)
{
	while (map->position < node->map_count) {
		const unsigned int skipped = read_map(
			iort->bytes + node->maps + map->position * IORT_MAP_SIZE, node, map);

		map->position++;
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	return false;
}

static void find_target(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			struct iommu_iort_map *map)
{
	struct iommu_iort_node target;

	map->leads = iommu_iort_node_at(iort, map->target, &target) &&
		     iort_may_lead(node->type, target.type);
	map->target_type = map->leads ? target.type : IOMMU_IORT_ITS_GROUP;
}

bool iommu_iort_next_map(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			 struct iommu_iort_map *map)
{
	unsigned int unused = 0;

	if (!iommu_iort_read_map(iort, node, map, &unused))
		return false;
	find_target(iort, node, map);
	return true;
}

static bool next_range(const struct iommu_iort *iort, const struct iommu_iort_node *node,
		       struct iommu_iort_range *range, unsigned int *defects)
{
	while (node->type == IOMMU_IORT_RESERVED_MEMORY && range->position < node->array_count) {
		const uint8_t *bytes =
			iort->bytes + node->array + range->position * IORT_RMR_DESC_SIZE;
		const uint64_t base = iommu_read_le64(bytes + IORT_RMR_DESC_BASE);
		const uint64_t size = iommu_read_le64(bytes + IORT_RMR_DESC_LENGTH);

		range->position++;
		if (size == 0 || size - 1 > UINT64_MAX - base) {
			*defects |= IOMMU_IORT_RANGE_EMPTY;
			continue;
		}
		if ((base | size) % IORT_RMR_ALIGN != 0)
			*defects |= IOMMU_IORT_RANGE_UNALIGNED;
		range->start = base & ~(IOMMU_PAGE_SIZE - 1);
		range->last = (base + (size - 1)) | (IOMMU_PAGE_SIZE - 1);
		return true;
	}
	return false;
}

bool iommu_iort_next_range(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			   struct iommu_iort_range *range)
{
	unsigned int unused = 0;

	return next_range(iort, node, range, &unused);
}

/* --- Opening ---------------------------------------------------------------------------------- */

/* What two maps of a node are to each other: 0, or a defect. */
static unsigned int compare_maps(const struct iommu_iort_map *a, const struct iommu_iort_map *b)
{
	if (a->is_single || b->is_single || a->is_own || b->is_own || a->last < b->first ||
	    b->last < a->first)
		return 0;
	if ((a->last == b->first && a->first < a->last) ||
	    (b->last == a->first && b->first < b->last))
		return IOMMU_IORT_MAP_COUNT;
	return IOMMU_IORT_MAP_OVERLAP;
}

static unsigned int check_maps(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	const bool are_inputs = node->type != IOMMU_IORT_RESERVED_MEMORY;
	struct iommu_iort_map map = {0};
	unsigned int found = 0, unused = 0;

	while (iommu_iort_read_map(iort, node, &map, &found)) {
		struct iommu_iort_map other = map;

		while (are_inputs && iommu_iort_read_map(iort, node, &other, &unused))
			found |= compare_maps(&map, &other);
		find_target(iort, node, &map);
		found |= map.leads ? 0U : (unsigned int)IOMMU_IORT_MAP_TARGET;
	}
	return found;
}

static unsigned int check_ranges(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_range range = {0};
	unsigned int found = 0, unused = 0;

	while (next_range(iort, node, &range, &found)) {
		struct iommu_iort_range other = range;

		while (next_range(iort, node, &other, &unused))
			if (range.start <= other.last && other.start <= range.last)
				found |= IOMMU_IORT_RANGE_OVERLAP;
	}
	return found;
}

/* Where a unit's registers are; 0: it is no unit, or not one that can be used. */
static iommu_paddr_t base_of(const struct iommu_iort_node *node)
{
	if (node->type == IOMMU_IORT_SMMUV3 && node->smmuv3.usable)
		return node->smmuv3.base;
	return node->type == IOMMU_IORT_SMMU && node->smmu.usable ? node->smmu.base : 0;
}

static unsigned int check_unit(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_node other = *node;

	if (base_of(node) == 0)
		return 0;
	while (iommu_iort_next(iort, &other))
		if (base_of(&other) == base_of(node))
			return IOMMU_IORT_UNIT_TWICE;
	return 0;
}

static unsigned int check_pmcg(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_node counted;

	if (node->type != IOMMU_IORT_PMCG || iommu_iort_node_at(iort, node->pmcg.counted, &counted))
		return 0;
	return IOMMU_IORT_PMCG_NODE;
}

static void note_defects(struct iommu_iort *iort)
{
	struct iommu_iort_node node = {0};
	uint8_t sum = 0;
	uint32_t i;

	for (i = 0; i < iort->length; i++)
		sum = (uint8_t)(sum + iort->bytes[i]);
	if (sum != 0)
		iort->defects |= IOMMU_IORT_CHECKSUM;
	while (next_node(iort, &node, &iort->defects))
		iort->defects |= check_maps(iort, &node) | check_ranges(iort, &node) |
				 check_unit(iort, &node) | check_pmcg(iort, &node);
}

static const char *refusal_of(const uint8_t *bytes, size_t size)
{
	uint32_t length, first;

	if (bytes == NULL || size < IORT_HEADER_SIZE)
		return IOMMU_WHY("shorter than the header of an IORT table");
	if (iommu_read_le32(bytes) != IORT_SIGNATURE)
		return IOMMU_WHY("no IORT signature");
	length = iommu_read_le32(bytes + IORT_LENGTH);
	if (length < IORT_HEADER_SIZE || length > size || length > IOMMU_IORT_MAX_SIZE)
		return IOMMU_WHY("a length that is too short, or more than there is or may be");
	first = iommu_read_le32(bytes + IORT_FIRST_NODE);
	if (first < IORT_HEADER_SIZE || first > length)
		return IOMMU_WHY("nodes that begin outside of the table");
	return NULL;
}

int iommu_iort_open(struct iommu_iort *iort, const void *bytes, size_t size)
{
	const char *refusal = refusal_of(bytes, size);

	*iort = (struct iommu_iort){.refusal = ""};
	if (refusal != NULL) {
		iort->refusal = refusal;
		return IOMMU_EINVAL;
	}
	iort->bytes = bytes;
	iort->length = iommu_read_le32(iort->bytes + IORT_LENGTH);
	iort->first = iommu_read_le32(iort->bytes + IORT_FIRST_NODE);
	iort->count = iommu_read_le32(iort->bytes + IORT_NODES);
	iort->revision = iort->bytes[IORT_REVISION];
	note_defects(iort);
	return 0;
}
