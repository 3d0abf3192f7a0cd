/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT table's cursors, of any bytes. Nothing outside the table is read; a node lies inside
 * the table, and what it lists inside the node; each cursor moves on, so that it ends; the state
 * that a step leaves is one that the next step may begin with. BODY bytes follow the header.
 */
#include "discovery/iort.c"

#include "proof.h"

/* Any bytes, behind which there is no memory; one length stands for all shorter ones. */
static struct iommu_iort any_table(void)
{
	static uint8_t memory[IORT_HEADER_SIZE + BODY];

	__CPROVER_havoc_object(memory);
	return (struct iommu_iort){.bytes = memory,
				   .length = sizeof(memory),
				   .first = IORT_HEADER_SIZE + any_below(BODY + 1),
				   .count = any_32()};
}

static bool is_inside(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	return node->offset >= IORT_HEADER_SIZE && node->offset <= iort->length &&
	       node->length >= IORT_NODE_HEADER && node->length <= iort->length - node->offset;
}

static bool is_array_inside(const struct iommu_iort_node *node, uint32_t array, uint32_t count,
			    uint32_t size)
{
	return count == 0 || (array >= node->offset + IORT_NODE_HEADER &&
			      count <= (node->offset + node->length - array) / size);
}

/* One node, wherever it begins: of it is known that it ends inside the table. */
static void nodes(void)
{
	const struct iommu_iort iort = any_table();
	struct iommu_iort_node node = {.offset = IORT_HEADER_SIZE + any_below(BODY)};
	unsigned int noted = 0;

	node.length = length_at(&iort, node.offset);
	ASSUME(node.length != 0);
	CLAIM(is_inside(&iort, &node));
	if (read_node(&iort, &node, &noted) != 0)
		return;
	CLAIM(is_inside(&iort, &node) && node.length >= fixed_size[node.type]);
	CLAIM(is_array_inside(&node, node.maps, node.map_count, IORT_MAP_SIZE));
	CLAIM(is_array_inside(&node, node.array, node.array_count,
			      node.type == IOMMU_IORT_ITS_GROUP ? 4 : IORT_RMR_DESC_SIZE));
	if (node.type == IOMMU_IORT_SMMUV3) {
		CLAIM(!node.smmuv3.usable ||
		      (node.smmuv3.base != 0 && node.smmuv3.base % IORT_SMMUV3_PAGE == 0));
		CLAIM(!node.smmuv3.has_own_map || node.smmuv3.own_map < node.map_count);
	}
}

/* A step from the beginning, or from any node. */
static void steps(void)
{
	const struct iommu_iort iort = any_table();
	struct iommu_iort_node node = {0};
	uint32_t end = 0;

	if (any_bool()) {
		node.offset = IORT_HEADER_SIZE + any_below(BODY);
		node.length = any_below(BODY + 1);
		node.position = any_32();
		ASSUME(is_inside(&iort, &node) && node.position != 0 &&
		       node.position <= iort.count);
		end = node.offset + node.length;
	}
	if (iommu_iort_next(&iort, &node))
		CLAIM(is_inside(&iort, &node) && node.offset >= end && node.position != 0 &&
		      node.position <= iort.count);
	else
		CLAIM(node.offset == iort.length && node.length == 0 && node.map_count == 0 &&
		      node.array_count == 0 && node.position == iort.count);
}

/* What a node lists: its arrays are those that `nodes` has proved to lie inside. */
static void lists(void)
{
	const struct iommu_iort iort = any_table();
	struct iommu_iort_node node = {.offset = IORT_HEADER_SIZE + any_below(BODY)};
	struct iommu_iort_map map = {.position = any_32()};
	struct iommu_iort_range range = {.position = any_32()};
	struct iommu_iort_its its = {.position = any_32()};
	const uint32_t at = map.position;
	unsigned int noted = 0;

	node.length = any_below(BODY + 1);
	ASSUME(is_inside(&iort, &node));
	node.type = (enum iommu_iort_type)any_below(NODE_TYPES);
	node.maps = any_32();
	node.map_count = any_32();
	node.array = any_32();
	node.array_count = any_32();
	ASSUME(is_array_inside(&node, node.maps, node.map_count, IORT_MAP_SIZE) &&
	       (node.map_count == 0 || node.maps <= node.offset + node.length));
	ASSUME(is_array_inside(&node, node.array, node.array_count,
			       node.type == IOMMU_IORT_ITS_GROUP ? 4 : IORT_RMR_DESC_SIZE) &&
	       (node.array_count == 0 || node.array <= node.offset + node.length));
	if (iommu_iort_read_map(&iort, &node, &map, &noted))
		CLAIM(map.position > at && map.position <= node.map_count &&
		      map.first <= map.last && map.last - map.first <= UINT32_MAX - map.output);
	if (iommu_iort_next_range(&iort, &node, &range))
		CLAIM(range.position <= node.array_count && range.start <= range.last &&
		      range.start % IOMMU_PAGE_SIZE == 0 &&
		      (range.last + 1) % IOMMU_PAGE_SIZE == 0);
	if (iommu_iort_next_its(&iort, &node, &its))
		CLAIM(its.position <= node.array_count);
}

/* A node that is found is where it was looked for. */
static void finding(void)
{
	const struct iommu_iort iort = any_table();
	const uint32_t offset = any_32();
	struct iommu_iort_node node;

	if (iommu_iort_node_at(&iort, offset, &node))
		CLAIM(node.offset == offset && is_inside(&iort, &node));
}

int main(void)
{
#if defined(STEPS)
	steps();
#elif defined(LISTS)
	lists();
#elif defined(FINDING)
	finding();
#else
	nodes();
#endif
	END();
	return 0;
}
