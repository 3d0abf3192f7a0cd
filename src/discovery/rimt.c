/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RIMT parser.
 *
 * All fields are read byte by byte from [bytes, bytes + length). Each node is checked to lie inside
 * before anything of it is read, and each array is cut to its node. iommu_rimt_open runs the same
 * iterators once and records in `defects` what they skip; nothing else writes it.
 */
#include <libiommu/hw/acpi_rimt.h>
#include <libiommu/rimt.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"

#define DEVICE_ID_END (1ULL << 24)

static const uint32_t fixed_size[] = {
	[IOMMU_RIMT_UNIT] = RIMT_UNIT_SIZE,
	[IOMMU_RIMT_ROOT_COMPLEX] = RIMT_ROOT_SIZE,
	[IOMMU_RIMT_PLATFORM] = RIMT_PLATFORM_SIZE,
};
#define NODE_TYPES (sizeof(fixed_size) / sizeof(fixed_size[0]))

/* --- Nodes ------------------------------------------------------------------------------------ */

/* `count` elements from `offset` on, of which those inside the node are kept. */
static void set_array(struct iommu_rimt_node *node, uint32_t offset, uint32_t count, uint32_t size,
		      unsigned int *defects)
{
	const uint32_t room = offset < node->length ? (node->length - offset) / size : 0;

	if (count > room) {
		*defects |= IOMMU_RIMT_ARRAY_LENGTH;
		count = room;
	}
	node->array = node->offset + offset;
	node->array_count = count;
}

static void read_unit(const uint8_t *bytes, struct iommu_rimt_node *node, unsigned int *defects)
{
	struct iommu_rimt_unit *unit = &node->unit;
	const uint32_t flags = iommu_read_le32(bytes + RIMT_UNIT_FLAGS);
	unsigned int i;

	for (i = 0; i < 8; i++)
		unit->hardware_id[i] = (char)bytes[RIMT_UNIT_HARDWARE_ID + i];
	unit->hardware_id[8] = 0;
	unit->is_pci = (flags & RIMT_UNIT_IS_PCI) != 0;
	unit->base = iommu_read_le64(bytes + RIMT_UNIT_BASE);
	unit->usable = unit->is_pci || (unit->base != 0 && unit->base % IOMMU_PAGE_SIZE == 0);
	if (!unit->usable)
		*defects |= IOMMU_RIMT_UNIT_WITHOUT_BASE;
	unit->has_proximity = (flags & RIMT_UNIT_HAS_PROXIMITY) != 0;
	unit->proximity_domain = iommu_read_le32(bytes + RIMT_UNIT_PROXIMITY);
	unit->segment = iommu_read_le16(bytes + RIMT_UNIT_SEGMENT);
	unit->function = iommu_read_le16(bytes + RIMT_UNIT_FUNCTION);
	set_array(node, iommu_read_le16(bytes + RIMT_UNIT_WIRE_OFFSET),
		  iommu_read_le16(bytes + RIMT_UNIT_WIRES), RIMT_WIRE_SIZE, defects);
}

static void read_root_complex(const uint8_t *bytes, struct iommu_rimt_node *node,
			      unsigned int *defects)
{
	const uint32_t flags = iommu_read_le32(bytes + RIMT_ROOT_FLAGS);

	node->root_complex.segment = iommu_read_le16(bytes + RIMT_ROOT_SEGMENT);
	node->root_complex.ats = (flags & RIMT_ROOT_ATS) != 0;
	node->root_complex.page_requests = (flags & RIMT_ROOT_PRI) != 0;
	set_array(node, iommu_read_le16(bytes + RIMT_ROOT_MAP_OFFSET),
		  iommu_read_le16(bytes + RIMT_ROOT_MAPS), RIMT_MAP_SIZE, defects);
}

/* Why the device is skipped, or 0. */
static unsigned int read_platform(const uint8_t *bytes, struct iommu_rimt_node *node,
				  unsigned int *defects)
{
	uint32_t i;

	for (i = RIMT_PLATFORM_NAME; i < node->length; i++)
		if (bytes[i] == 0)
			break;
	if (i == node->length)
		return IOMMU_RIMT_NAME_UNTERMINATED;
	node->platform.name = (const char *)bytes + RIMT_PLATFORM_NAME;
	set_array(node, iommu_read_le16(bytes + RIMT_PLATFORM_MAP_OFFSET),
		  iommu_read_le16(bytes + RIMT_PLATFORM_MAPS), RIMT_MAP_SIZE, defects);
	return 0;
}

/* Read the node at node->offset. Returns why it is skipped, or 0. */
static unsigned int read_node(const struct iommu_rimt *rimt, struct iommu_rimt_node *node,
			      unsigned int *defects)
{
	const uint8_t *bytes = rimt->bytes + node->offset;
	const unsigned int type = bytes[RIMT_NODE_TYPE];

	if (type >= NODE_TYPES)
		return IOMMU_RIMT_NODE_UNKNOWN;
	if (node->length < fixed_size[type])
		return IOMMU_RIMT_NODE_SHORT;
	node->type = (enum iommu_rimt_type)type;
	node->id = iommu_read_le16(bytes + RIMT_NODE_ID);
	if (type == IOMMU_RIMT_PLATFORM)
		return read_platform(bytes, node, defects);
	if (type == IOMMU_RIMT_UNIT)
		read_unit(bytes, node, defects);
	else
		read_root_complex(bytes, node, defects);
	return 0;
}

/* The length of the node at an offset; 0: none is there. */
static uint32_t length_at(const struct iommu_rimt *rimt, uint32_t offset)
{
	uint32_t length;

	if (rimt->length - offset < RIMT_NODE_HEADER)
		return 0;
	length = iommu_read_le16(rimt->bytes + offset + RIMT_NODE_LENGTH);
	return length < RIMT_NODE_HEADER || length > rimt->length - offset ? 0 : length;
}

/* The next node that is shown; what was wrong on the way is added to *defects. */
static bool next_node(const struct iommu_rimt *rimt, struct iommu_rimt_node *node,
		      unsigned int *defects)
{
	unsigned int skipped;

	node->offset = node->offset == 0 ? rimt->first : node->offset + node->length;
	for (; node->position < rimt->count; node->offset += node->length) {
		node->length = length_at(rimt, node->offset);
		if (node->length == 0) {
			*defects |= node->offset == rimt->length ? IOMMU_RIMT_NODE_COUNT
								 : IOMMU_RIMT_NODE_LENGTH;
			break;
		}
		node->position++;
		skipped = read_node(rimt, node, defects);
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	if (node->position == rimt->count && node->offset != rimt->length)
		*defects |= IOMMU_RIMT_NODE_COUNT;
	/* Stay at the end, however often we are asked. */
	node->position = rimt->count;
	node->offset = rimt->length;
	node->length = 0;
	return false;
}

bool iommu_rimt_next(const struct iommu_rimt *rimt, struct iommu_rimt_node *node)
{
	unsigned int unused = 0;

	return next_node(rimt, node, &unused);
}

/* --- Wires and maps --------------------------------------------------------------------------- */

bool iommu_rimt_next_wire(const struct iommu_rimt *rimt, const struct iommu_rimt_node *node,
			  struct iommu_rimt_wire *wire)
{
	const uint8_t *bytes = rimt->bytes + node->array + wire->position * RIMT_WIRE_SIZE;
	uint32_t flags;

	if (node->type != IOMMU_RIMT_UNIT || wire->position >= node->array_count)
		return false;
	flags = iommu_read_le32(bytes + RIMT_WIRE_FLAGS);
	wire->number = iommu_read_le32(bytes + RIMT_WIRE_NUMBER);
	wire->level = (flags & RIMT_WIRE_LEVEL) != 0;
	wire->active_high = (flags & RIMT_WIRE_ACTIVE_HIGH) != 0;
	wire->position++;
	return true;
}

/* Does a unit's node begin at this offset? It is one of those that the table has. */
static bool unit_at(const struct iommu_rimt *rimt, uint32_t offset, struct iommu_rimt_node *unit)
{
	unsigned int unused = 0;

	*unit = (struct iommu_rimt_node){0};
	while (next_node(rimt, unit, &unused) && unit->offset <= offset)
		if (unit->offset == offset)
			return unit->type == IOMMU_RIMT_UNIT;
	return false;
}

/* Why the map is skipped, or 0. */
static unsigned int read_map(const struct iommu_rimt *rimt, const uint8_t *bytes,
			     struct iommu_rimt_map *map)
{
	struct iommu_rimt_node unit;

	map->source = iommu_read_le32(bytes + RIMT_MAP_SOURCE);
	map->count = iommu_read_le32(bytes + RIMT_MAP_COUNT);
	map->device_id = iommu_read_le32(bytes + RIMT_MAP_DEVICE_ID);
	map->unit = iommu_read_le32(bytes + RIMT_MAP_UNIT);
	if (map->count == 0 || map->count - 1 > UINT32_MAX - map->source ||
	    (uint64_t)map->device_id + map->count > DEVICE_ID_END)
		return IOMMU_RIMT_MAP_RANGE;
	return unit_at(rimt, map->unit, &unit) ? 0 : IOMMU_RIMT_MAP_UNIT;
}

static bool next_map(const struct iommu_rimt *rimt, const struct iommu_rimt_node *node,
		     struct iommu_rimt_map *map, unsigned int *defects)
{
	while (node->type != IOMMU_RIMT_UNIT && map->position < node->array_count) {
		const unsigned int skipped = read_map(
			rimt, rimt->bytes + node->array + map->position * RIMT_MAP_SIZE, map);

		map->position++;
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	return false;
}

bool iommu_rimt_next_map(const struct iommu_rimt *rimt, const struct iommu_rimt_node *node,
			 struct iommu_rimt_map *map)
{
	unsigned int unused = 0;

	return next_map(rimt, node, map, &unused);
}

int iommu_rimt_find(const struct iommu_rimt *rimt, uint16_t segment, uint16_t rid,
		    struct iommu_rimt_node *unit, uint32_t *device_id)
{
	struct iommu_rimt_node node = {0};

	while (iommu_rimt_next(rimt, &node)) {
		struct iommu_rimt_map map = {0};

		if (node.type != IOMMU_RIMT_ROOT_COMPLEX || node.root_complex.segment != segment)
			continue;
		while (iommu_rimt_next_map(rimt, &node, &map)) {
			if (rid < map.source || rid - map.source >= map.count)
				continue;
			*device_id = map.device_id + (rid - map.source);
			(void)unit_at(rimt, map.unit, unit);
			return 0;
		}
	}
	return IOMMU_ENOENT;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void note_defects(struct iommu_rimt *rimt)
{
	struct iommu_rimt_node node = {0};
	uint8_t sum = 0;
	uint32_t i;

	for (i = 0; i < rimt->length; i++)
		sum = (uint8_t)(sum + rimt->bytes[i]);
	if (sum != 0)
		rimt->defects |= IOMMU_RIMT_CHECKSUM;
	while (next_node(rimt, &node, &rimt->defects)) {
		struct iommu_rimt_map map = {0};

		while (next_map(rimt, &node, &map, &rimt->defects))
			;
	}
}

static const char *refusal_of(const uint8_t *bytes, size_t size)
{
	uint32_t length, first;

	if (bytes == NULL || size < RIMT_HEADER_SIZE)
		return IOMMU_WHY("shorter than the header of a RIMT table");
	if (iommu_read_le32(bytes) != RIMT_SIGNATURE)
		return IOMMU_WHY("no RIMT signature");
	length = iommu_read_le32(bytes + RIMT_LENGTH);
	if (length < RIMT_HEADER_SIZE || length > size || length > IOMMU_RIMT_MAX_SIZE)
		return IOMMU_WHY("a length that is too short, or more than there is or may be");
	first = iommu_read_le32(bytes + RIMT_FIRST_NODE);
	if (first < RIMT_HEADER_SIZE || first > length)
		return IOMMU_WHY("nodes that begin outside of the table");
	return NULL;
}

int iommu_rimt_open(struct iommu_rimt *rimt, const void *bytes, size_t size)
{
	const char *refusal = refusal_of(bytes, size);

	*rimt = (struct iommu_rimt){.refusal = ""};
	if (refusal != NULL) {
		rimt->refusal = refusal;
		return IOMMU_EINVAL;
	}
	rimt->bytes = bytes;
	rimt->length = iommu_read_le32(rimt->bytes + RIMT_LENGTH);
	rimt->first = iommu_read_le32(rimt->bytes + RIMT_FIRST_NODE);
	rimt->count = iommu_read_le32(rimt->bytes + RIMT_NODES);
	note_defects(rimt);
	return 0;
}
