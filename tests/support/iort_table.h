/* SPDX-License-Identifier: BSD-2-Clause */
/* An IORT table under construction, byte by byte, so that each field can be wrong. */
#ifndef TEST_IORT_TABLE_H
#define TEST_IORT_TABLE_H

#include <stdint.h>
#include <string.h>

#include <libiommu/hw/acpi_iort.h>
#include <libiommu/iort.h>

struct table {
	uint8_t bytes[8192];
	uint32_t length, nodes;
};

static inline void table_put(struct table *t, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t->bytes[t->length++] = (uint8_t)value;
}

static inline void table_set(struct table *t, uint32_t offset, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t->bytes[offset++] = (uint8_t)value;
}

static inline void table_begin(struct table *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, "IORT", 4);
	table_set(t, IORT_REVISION, 5, 1);
	table_set(t, IORT_FIRST_NODE, IORT_HEADER_SIZE, 4);
	t->length = IORT_HEADER_SIZE;
}

/* A node of `size` zeroed bytes and room for maps behind them. */
static inline uint32_t table_node(struct table *t, unsigned int type, unsigned int revision,
				  unsigned int size, unsigned int maps)
{
	const uint32_t offset = t->length;

	table_put(t, type, 1);
	table_put(t, size + maps * IORT_MAP_SIZE, 2);
	table_put(t, revision, 1);
	table_put(t, t->nodes++, 4);
	table_put(t, maps, 4);
	table_put(t, maps == 0 ? 0 : size, 4);
	t->length = offset + size;
	return offset;
}

/* The next map of the node that was begun last. */
static inline void table_map(struct table *t, uint32_t first, uint32_t last, uint32_t output,
			     uint32_t target)
{
	table_put(t, first, 4);
	table_put(t, last - first, 4);
	table_put(t, output, 4);
	table_put(t, target, 4);
	table_put(t, 0, 4);
}

static inline void table_single(struct table *t, uint32_t output, uint32_t target)
{
	table_map(t, 0, 0, output, target);
	table_set(t, t->length - IORT_MAP_SIZE + IORT_MAP_FLAGS, IORT_MAP_SINGLE, 4);
}

static inline uint32_t table_its(struct table *t, unsigned int id)
{
	const uint32_t offset = table_node(t, IOMMU_IORT_ITS_GROUP, 1, IORT_ITS_SIZE + 4, 0);

	table_set(t, offset + IORT_ITS_COUNT, 1, 4);
	table_set(t, offset + IORT_ITS_IDS, id, 4);
	return offset;
}

static inline uint32_t table_smmuv3(struct table *t, uint64_t base, unsigned int maps)
{
	const uint32_t offset = table_node(t, IOMMU_IORT_SMMUV3, 5, IORT_SMMUV3_SIZE_INDEX, maps);

	table_set(t, offset + IORT_SMMUV3_BASE, base, 8);
	return offset;
}

static inline uint32_t table_root(struct table *t, unsigned int segment, unsigned int maps)
{
	const uint32_t offset =
		table_node(t, IOMMU_IORT_ROOT_COMPLEX, 4, IORT_ROOT_SIZE_FLAGS, maps);

	table_set(t, offset + IORT_ROOT_SEGMENT, segment, 4);
	table_set(t, offset + IORT_ROOT_LIMIT, 48, 1);
	return offset;
}

static inline uint32_t table_component(struct table *t, const char *name, unsigned int maps)
{
	const unsigned int size = IORT_COMPONENT_NAME + (unsigned int)strlen(name) + 1;
	const uint32_t offset = table_node(t, IOMMU_IORT_NAMED_COMPONENT, 4, size, maps);

	table_set(t, offset + IORT_COMPONENT_LIMIT, 40, 1);
	memcpy(&t->bytes[offset + IORT_COMPONENT_NAME], name, strlen(name) + 1);
	return offset;
}

/* Reserved memory; its ranges are set by table_range. */
static inline uint32_t table_reserved(struct table *t, unsigned int ranges, unsigned int maps)
{
	const uint32_t offset = table_node(t, IOMMU_IORT_RESERVED_MEMORY, 3,
					   IORT_RMR_SIZE + ranges * IORT_RMR_DESC_SIZE, maps);

	table_set(t, offset + IORT_RMR_COUNT, ranges, 4);
	table_set(t, offset + IORT_RMR_OFFSET, IORT_RMR_SIZE, 4);
	return offset;
}

static inline void table_range(struct table *t, uint32_t node, unsigned int index, uint64_t base,
			       uint64_t size)
{
	const uint32_t at = node + IORT_RMR_SIZE + index * IORT_RMR_DESC_SIZE;

	table_set(t, at + IORT_RMR_DESC_BASE, base, 8);
	table_set(t, at + IORT_RMR_DESC_LENGTH, size, 8);
}

/* Length, number of nodes, and checksum. */
static inline void table_seal(struct table *t)
{
	uint8_t sum = 0;
	uint32_t i;

	table_set(t, IORT_LENGTH, t->length, 4);
	table_set(t, IORT_NODES, t->nodes, 4);
	t->bytes[9] = 0;
	for (i = 0; i < t->length; i++)
		sum = (uint8_t)(sum + t->bytes[i]);
	t->bytes[9] = (uint8_t)-sum;
}

#endif
