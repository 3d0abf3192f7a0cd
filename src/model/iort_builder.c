/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT builder. Nodes are appended to the table, and maps to the last node, whose length and
 * number of maps are kept up to date: at any time the table is well-formed but for its length and
 * checksum, so that the reader can say what a map leads to.
 */
#include <libiommu/hw/acpi_iort.h>
#include <libiommu/iort_builder.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/acpi_table.h"

#define NODE_SIZE_MAX  0xffffU
#define PASID_BITS_MAX 20

/* The revisions of E.e. */
#define TABLE_REVISION 6
static const uint8_t node_revisions[] = {
	[IOMMU_IORT_ITS_GROUP] = 1, [IOMMU_IORT_NAMED_COMPONENT] = 4, [IOMMU_IORT_ROOT_COMPLEX] = 4,
	[IOMMU_IORT_SMMUV3] = 5,    [IOMMU_IORT_RESERVED_MEMORY] = 3,
};

/* The first error counts, and its reason. */
static void fail(struct iommu_iort_builder *builder, int status, const char *why)
{
	if (builder->status != 0)
		return;
	builder->status = status;
	builder->refusal = why;
}

static void require(struct iommu_iort_builder *builder, bool condition, const char *why)
{
	if (!condition)
		fail(builder, IOMMU_EINVAL, why);
}

/* Append `size` zeroed bytes; NULL: no room, or an earlier error. */
static uint8_t *grow(struct iommu_iort_builder *builder, size_t size)
{
	const size_t end =
		builder->size < IOMMU_IORT_MAX_SIZE ? builder->size : IOMMU_IORT_MAX_SIZE;
	uint8_t *at = builder->bytes + builder->used;

	if (builder->status == 0 && end - builder->used < size)
		fail(builder, IOMMU_ENOSPC, IOMMU_WHY("there is no room for it in the bytes"));
	if (builder->status != 0)
		return NULL;
	memset(at, 0, size);
	builder->used += size;
	return at;
}

void iommu_iort_begin(struct iommu_iort_builder *builder, void *bytes, size_t size)
{
	uint8_t *header;

	*builder = (struct iommu_iort_builder){.bytes = bytes, .size = size, .refusal = ""};
	header = grow(builder, IORT_HEADER_SIZE);
	if (header == NULL)
		return;
	acpi_put(header, IORT_SIGNATURE, 4);
	header[IORT_REVISION] = TABLE_REVISION;
	acpi_put(header + IORT_FIRST_NODE, IORT_HEADER_SIZE, 4);
}

/* --- Nodes ------------------------------------------------------------------------------------ */

static uint8_t *add_node(struct iommu_iort_builder *builder, enum iommu_iort_type type, size_t size)
{
	uint8_t *node = grow(builder, size);

	if (node == NULL)
		return NULL;
	builder->node = (size_t)(node - builder->bytes);
	node[IORT_NODE_TYPE] = (uint8_t)type;
	acpi_put(node + IORT_NODE_LENGTH, size, 2);
	node[IORT_NODE_REVISION] = node_revisions[type];
	acpi_put(node + IORT_NODE_IDENTIFIER, builder->nodes, 4);
	builder->nodes++;
	acpi_put(builder->bytes + IORT_NODES, builder->nodes, 4);
	return node;
}

uint32_t iommu_iort_add_its_group(struct iommu_iort_builder *builder, const uint32_t *ids,
				  unsigned int count)
{
	unsigned int i;
	uint8_t *node;

	require(builder, count != 0 && count <= (NODE_SIZE_MAX - IORT_ITS_SIZE) / 4,
		count == 0 ? IOMMU_WHY("a group has no services")
			   : IOMMU_WHY("a group has more services than fit into a node"));
	if (builder->status != 0)
		return 0;
	node = add_node(builder, IOMMU_IORT_ITS_GROUP, IORT_ITS_SIZE + (size_t)count * 4);
	if (node == NULL)
		return 0;
	acpi_put(node + IORT_ITS_COUNT, count, 4);
	for (i = 0; i < count; i++)
		acpi_put(node + IORT_ITS_IDS + (size_t)i * 4, ids[i], 4);
	return (uint32_t)builder->node;
}

uint32_t iommu_iort_add_smmuv3(struct iommu_iort_builder *builder,
			       const struct iommu_iort_smmuv3 *unit)
{
	const uint32_t flags = (unit->coherent ? IORT_SMMUV3_FLAG_COHACC : 0) |
			       (uint32_t)unit->httu << IORT_SMMUV3_FLAG_HTTU |
			       (unit->has_proximity ? IORT_SMMUV3_FLAG_PROXIMITY : 0);
	uint8_t *node;

	require(builder, unit->base != 0 && unit->base % IORT_SMMUV3_PAGE == 0,
		unit->base == 0 ? IOMMU_WHY("a unit's base is 0")
				: IOMMU_WHY("a unit's base is not aligned to 64 KiB"));
	require(builder, unit->httu <= 2, IOMMU_WHY("a unit's HTTU is none that there is"));
	node = add_node(builder, IOMMU_IORT_SMMUV3, IORT_SMMUV3_SIZE_INDEX);
	if (node == NULL)
		return 0;
	acpi_put(node + IORT_SMMUV3_BASE, unit->base, 8);
	acpi_put(node + IORT_SMMUV3_FLAGS, flags, 4);
	acpi_put(node + IORT_SMMUV3_VATOS, unit->vatos, 8);
	acpi_put(node + IORT_SMMUV3_MODEL, unit->model, 4);
	acpi_put(node + IORT_SMMUV3_EVENT, unit->event, 4);
	acpi_put(node + IORT_SMMUV3_PRI, unit->page_request, 4);
	acpi_put(node + IORT_SMMUV3_GERROR, unit->gerror, 4);
	acpi_put(node + IORT_SMMUV3_SYNC, unit->sync, 4);
	acpi_put(node + IORT_SMMUV3_PROXIMITY, unit->proximity_domain, 4);
	return (uint32_t)builder->node;
}

static void put_access(uint8_t *bytes, const struct iommu_iort_access *access)
{
	bytes[IORT_ACCESS_COHERENT] = access->coherent;
	bytes[IORT_ACCESS_HINTS] = access->hints;
	bytes[IORT_ACCESS_FLAGS] = (uint8_t)((access->cpm ? IORT_ACCESS_FLAG_CPM : 0) |
					     (access->dacs ? IORT_ACCESS_FLAG_DACS : 0) |
					     (access->canwbs ? IORT_ACCESS_FLAG_CANWBS : 0));
}

static void require_widths(struct iommu_iort_builder *builder, unsigned int pasid_bits,
			   unsigned int address_bits)
{
	require(builder, pasid_bits <= PASID_BITS_MAX, IOMMU_WHY("PASIDs are wider than 20 bits"));
	require(builder, address_bits != 0 && address_bits <= 64,
		address_bits == 0 ? IOMMU_WHY("addresses of a device have no width")
				  : IOMMU_WHY("addresses of a device are wider than 64 bits"));
}

uint32_t iommu_iort_add_root_complex(struct iommu_iort_builder *builder,
				     const struct iommu_iort_root_complex *root)
{
	const uint32_t ats = (root->ats ? IORT_ROOT_ATS_YES : 0) |
			     (root->page_requests ? IORT_ROOT_ATS_PRI : 0) |
			     (root->pasids ? IORT_ROOT_ATS_PASID : 0);
	uint8_t *node;

	require(builder, root->segment <= UINT16_MAX, IOMMU_WHY("a segment is above 65535"));
	require_widths(builder, root->pasid_bits, root->address_bits);
	node = add_node(builder, IOMMU_IORT_ROOT_COMPLEX, IORT_ROOT_SIZE_FLAGS);
	if (node == NULL)
		return 0;
	put_access(node + IORT_ROOT_ACCESS, &root->access);
	acpi_put(node + IORT_ROOT_ATS, ats, 4);
	acpi_put(node + IORT_ROOT_SEGMENT, root->segment, 4);
	node[IORT_ROOT_LIMIT] = root->address_bits;
	acpi_put(node + IORT_ROOT_PASID, root->pasid_bits, 2);
	acpi_put(node + IORT_ROOT_FLAGS, root->flags, 4);
	return (uint32_t)builder->node;
}

uint32_t iommu_iort_add_named_component(struct iommu_iort_builder *builder,
					const struct iommu_iort_named_component *component)
{
	const size_t length = acpi_text_length(component->name, NODE_SIZE_MAX);
	const uint32_t flags = (component->stalls ? IORT_COMPONENT_STALL : 0) |
			       (uint32_t)component->pasid_bits << IORT_COMPONENT_PASID;
	uint8_t *node;

	require(builder, length != 0 && length < NODE_SIZE_MAX - IORT_COMPONENT_NAME,
		length == 0 ? IOMMU_WHY("a name is empty")
			    : IOMMU_WHY("a name is too long for a node"));
	require_widths(builder, component->pasid_bits, component->address_bits);
	node = add_node(builder, IOMMU_IORT_NAMED_COMPONENT, IORT_COMPONENT_NAME + length + 1);
	if (node == NULL)
		return 0;
	acpi_put(node + IORT_COMPONENT_FLAGS, flags, 4);
	put_access(node + IORT_COMPONENT_ACCESS, &component->access);
	node[IORT_COMPONENT_LIMIT] = component->address_bits;
	memcpy(node + IORT_COMPONENT_NAME, component->name, length);
	return (uint32_t)builder->node;
}

static bool are_whole(const struct iommu_iort_range *ranges, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (ranges[i].start > ranges[i].last ||
		    (ranges[i].start | (ranges[i].last + 1)) % IORT_RMR_ALIGN != 0)
			return false;
	return true;
}

uint32_t iommu_iort_add_reserved_memory(struct iommu_iort_builder *builder,
					const struct iommu_iort_reserved_memory *memory,
					const struct iommu_iort_range *ranges, unsigned int count)
{
	const uint32_t flags = (memory->may_move ? IORT_RMR_REMAP : 0) |
			       (memory->privileged ? IORT_RMR_PRIVILEGED : 0) |
			       (uint32_t)memory->attributes << IORT_RMR_ATTRIBUTES;
	unsigned int i;
	uint8_t *node;

	require(builder,
		count != 0 && count <= (NODE_SIZE_MAX - IORT_RMR_SIZE) / IORT_RMR_DESC_SIZE,
		count == 0 ? IOMMU_WHY("reserved memory has no ranges")
			   : IOMMU_WHY("reserved memory has more ranges than fit into a node"));
	if (builder->status != 0)
		return 0;
	require(builder, are_whole(ranges, count),
		IOMMU_WHY("a range ends before it begins, or is not made of whole 64 KiB"));
	node = add_node(builder, IOMMU_IORT_RESERVED_MEMORY,
			IORT_RMR_SIZE + (size_t)count * IORT_RMR_DESC_SIZE);
	if (node == NULL)
		return 0;
	acpi_put(node + IORT_RMR_FLAGS, flags, 4);
	acpi_put(node + IORT_RMR_COUNT, count, 4);
	acpi_put(node + IORT_RMR_OFFSET, IORT_RMR_SIZE, 4);
	for (i = 0; i < count; i++) {
		uint8_t *range = node + IORT_RMR_SIZE + (size_t)i * IORT_RMR_DESC_SIZE;

		acpi_put(range + IORT_RMR_DESC_BASE, ranges[i].start, 8);
		acpi_put(range + IORT_RMR_DESC_LENGTH, ranges[i].last - ranges[i].start + 1, 8);
	}
	return (uint32_t)builder->node;
}

/* --- Maps ------------------------------------------------------------------------------------- */

static enum iommu_iort_type last_type(const struct iommu_iort_builder *builder)
{
	return (enum iommu_iort_type)builder->bytes[builder->node + IORT_NODE_TYPE];
}

/* Does a node begin at the offset to which maps of the last node may lead? */
static bool is_target(const struct iommu_iort_builder *builder, uint32_t target)
{
	uint32_t at = IORT_HEADER_SIZE;

	while (at < target && at < builder->used)
		at += iommu_read_le16(builder->bytes + at + IORT_NODE_LENGTH);
	return at == target && at < builder->used &&
	       iort_may_lead(last_type(builder),
			     (enum iommu_iort_type)builder->bytes[at + IORT_NODE_TYPE]);
}

/* False, and a reason: the last node may have no further map to the target. */
static bool may_add_map(struct iommu_iort_builder *builder, uint32_t target)
{
	require(builder, builder->node != 0, IOMMU_WHY("a map does not follow a node"));
	if (builder->status != 0)
		return false;
	require(builder, is_target(builder, target),
		IOMMU_WHY("a map leads to no node, or not to one that it may lead to"));
	return builder->status == 0;
}

/* Append a map to the last node, whose first map is behind all else of it. */
static void put_map(struct iommu_iort_builder *builder, const struct iommu_iort_map *map)
{
	uint8_t *bytes = grow(builder, IORT_MAP_SIZE), *node;
	uint32_t maps;

	if (bytes == NULL)
		return;
	node = builder->bytes + builder->node;
	maps = iommu_read_le32(node + IORT_NODE_MAPS);
	if (maps == 0)
		acpi_put(node + IORT_NODE_MAP_OFFSET, (uint64_t)(bytes - node), 4);
	acpi_put(node + IORT_NODE_MAPS, maps + 1, 4);
	acpi_put(node + IORT_NODE_LENGTH, builder->used - builder->node, 2);
	acpi_put(bytes + IORT_MAP_INPUT, map->first, 4);
	acpi_put(bytes + IORT_MAP_COUNT, map->last - map->first, 4);
	acpi_put(bytes + IORT_MAP_OUTPUT, map->output, 4);
	acpi_put(bytes + IORT_MAP_TARGET, map->target, 4);
	acpi_put(bytes + IORT_MAP_FLAGS, map->is_single ? IORT_MAP_SINGLE : 0, 4);
}

void iommu_iort_add_map(struct iommu_iort_builder *builder, uint32_t first, uint32_t last,
			uint32_t output, uint32_t target)
{
	const struct iommu_iort_map map = {
		.first = first, .last = last, .output = output, .target = target};

	require(builder, first <= last && last - first <= UINT32_MAX - output,
		first > last ? IOMMU_WHY("a map ends before it begins")
			     : IOMMU_WHY("a map's outputs are wider than 32 bits"));
	if (may_add_map(builder, target))
		put_map(builder, &map);
}

void iommu_iort_add_single_map(struct iommu_iort_builder *builder, uint32_t output, uint32_t target)
{
	const struct iommu_iort_map map = {.output = output, .target = target, .is_single = true};

	if (!may_add_map(builder, target))
		return;
	require(builder, !iort_is_unit(last_type(builder)), IOMMU_WHY("a unit has no single maps"));
	put_map(builder, &map);
}

void iommu_iort_add_own_map(struct iommu_iort_builder *builder, uint32_t device_id, uint32_t its)
{
	const struct iommu_iort_map map = {.output = device_id, .target = its, .is_single = true};
	uint8_t *node;
	uint32_t flags;

	if (!may_add_map(builder, its))
		return;
	node = builder->bytes + builder->node;
	flags = iommu_read_le32(node + IORT_SMMUV3_FLAGS);
	require(builder,
		last_type(builder) == IOMMU_IORT_SMMUV3 &&
			(flags & IORT_SMMUV3_FLAG_MAP_INDEX) == 0,
		last_type(builder) != IOMMU_IORT_SMMUV3
			? IOMMU_WHY("a map of its own is not for a unit")
			: IOMMU_WHY("the unit has a map of its own already"));
	put_map(builder, &map);
	if (builder->status != 0)
		return;
	acpi_put(node + IORT_SMMUV3_FLAGS, flags | IORT_SMMUV3_FLAG_MAP_INDEX, 4);
	acpi_put(node + IORT_SMMUV3_MAP_INDEX, iommu_read_le32(node + IORT_NODE_MAPS) - 1, 4);
}

int iommu_iort_finish(struct iommu_iort_builder *builder, const char *oem_id,
		      const char *oem_table_id)
{
	if (builder->status != 0)
		return builder->status;
	acpi_seal(builder->bytes, builder->used, oem_id, oem_table_id);
	return (int)builder->used;
}
