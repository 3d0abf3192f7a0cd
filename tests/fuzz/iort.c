/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI IORT tables: of any bytes, and of any calls of the builder, with damage or without.
 *
 * What is read lies inside (memory of exactly the table's size, under the address sanitizer), each
 * iteration ends after as many steps as there are bytes for, and what is returned is what the
 * header promises: a way ends at a unit or an ITS, and what reaches a unit is what follows to it.
 * What was built has no defect but those that the calls asked for. The first byte chooses; the
 * header of bytes may be mended, so that more of them are opened.
 */
#include <libiommu/hw/acpi_iort.h>
#include <libiommu/iort.h>
#include <libiommu/iort_builder.h>

#include "fuzz.h"

#define INPUT_MAX 2048U
#define TABLE_MAX 4096U

/* --- Reading ---------------------------------------------------------------------------------- */

static bool is_inside(const struct iommu_iort *iort, const char *name)
{
	const uint8_t *at = (const uint8_t *)name;

	return at > iort->bytes && at + strlen(name) < iort->bytes + iort->length;
}

static void check_route(const struct iommu_iort *iort, const struct iommu_iort_node *node,
			uint32_t id)
{
	struct iommu_iort_route route;
	const int status = iommu_iort_follow(iort, node, id, &route);

	FUZZ_CHECK(status == 0 || status == IOMMU_ENOENT || status == IOMMU_EINVAL);
	FUZZ_CHECK((status == 0) == (route.has_unit || route.has_its));
	FUZZ_CHECK(!route.has_unit || iort_is_unit(route.unit.type));
	FUZZ_CHECK(!route.has_its || route.its.type == IOMMU_IORT_ITS_GROUP);
}

static void check_maps(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_map map = {0};
	struct iommu_iort_node target;
	unsigned int count = 0;

	while (iommu_iort_next_map(iort, node, &map)) {
		FUZZ_CHECK(++count <= node->length / IORT_MAP_SIZE);
		FUZZ_CHECK(map.first <= map.last);
		FUZZ_CHECK(map.last - map.first <= UINT32_MAX - map.output);
		FUZZ_CHECK(!map.leads || (iommu_iort_node_at(iort, map.target, &target) &&
					  target.type == map.target_type &&
					  iort_may_lead(node->type, target.type)));
		check_route(iort, node, map.first);
		check_route(iort, node, map.last);
		check_route(iort, node, map.last + 1);
	}
}

static bool reaches(const struct iommu_iort *iort, const struct iommu_iort_reach *reach,
		    uint32_t id, uint32_t unit)
{
	struct iommu_iort_route route;

	return iommu_iort_follow(iort, &reach->source, id, &route) == 0 && route.has_unit &&
	       route.unit.offset == unit &&
	       route.stream_id == reach->stream_id + (id - reach->first);
}

static void check_unit(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_reservation reservation = {0};
	struct iommu_iort_reach reach = {0};
	unsigned int count = 0;

	while (iommu_iort_next_reach(iort, node->offset, &reach)) {
		FUZZ_CHECK(++count <= iort->length && reach.first <= reach.last);
		if (reach.is_single)
			continue;
		FUZZ_CHECK(reaches(iort, &reach, reach.first, node->offset));
		FUZZ_CHECK(reaches(iort, &reach, reach.last, node->offset));
	}
	FUZZ_CHECK(!iommu_iort_next_reach(iort, node->offset, &reach));
	for (count = 0;
	     iommu_iort_next_reservation(iort, node->offset, reach.stream_id, &reservation);)
		FUZZ_CHECK(++count <= iort->length &&
			   reservation.node.type == IOMMU_IORT_RESERVED_MEMORY);
	FUZZ_CHECK(!iommu_iort_next_reservation(iort, node->offset, reach.stream_id, &reservation));
}

static void check_lists(const struct iommu_iort *iort, const struct iommu_iort_node *node)
{
	struct iommu_iort_range range = {0};
	struct iommu_iort_its its = {0};
	struct iommu_iort_node found;
	uint32_t id;

	while (iommu_iort_next_its(iort, node, &its))
		FUZZ_CHECK(its.position <= node->length / 4);
	while (iommu_iort_next_range(iort, node, &range))
		FUZZ_CHECK(range.start <= range.last && range.start % IOMMU_PAGE_SIZE == 0 &&
			   (range.last + 1) % IOMMU_PAGE_SIZE == 0);
	if (node->type == IOMMU_IORT_NAMED_COMPONENT) {
		FUZZ_CHECK(is_inside(iort, node->named_component.name));
		FUZZ_CHECK(iommu_iort_find_name(iort, node->named_component.name, &found) == 0);
		FUZZ_CHECK(found.offset <= node->offset);
	}
	if (node->type == IOMMU_IORT_WIRE_BRIDGE)
		FUZZ_CHECK(is_inside(iort, node->wire_bridge.name));
	if (iommu_iort_own_messages(iort, node, &found, &id) == 0)
		FUZZ_CHECK(found.type == IOMMU_IORT_ITS_GROUP);
}

/* The defects of the table. */
static unsigned int read_table(const uint8_t *bytes, size_t size)
{
	struct iommu_iort_node node = {0}, again;
	struct iommu_iort_route route;
	struct iommu_iort iort;
	unsigned int count = 0;
	const int status = iommu_iort_open(&iort, bytes, size);

	FUZZ_CHECK(status == 0 || status == IOMMU_EINVAL);
	FUZZ_CHECK((status == 0) == (iort.refusal[0] == 0));
	while (iommu_iort_next(&iort, &node)) {
		FUZZ_CHECK(++count <= size / IORT_NODE_HEADER);
		FUZZ_CHECK(node.offset + node.length <= size);
		FUZZ_CHECK(iommu_iort_node_at(&iort, node.offset, &again));
		FUZZ_CHECK(again.type == node.type && again.length == node.length);
		FUZZ_CHECK(!iommu_iort_node_at(&iort, node.offset + 1, &again));
		check_lists(&iort, &node);
		check_maps(&iort, &node);
		if (iort_is_unit(node.type))
			check_unit(&iort, &node);
	}
	FUZZ_CHECK(!iommu_iort_next(&iort, &node));
	(void)iommu_iort_find(&iort, 0, 0x20, &route);
	return iort.defects;
}

/* --- Building --------------------------------------------------------------------------------- */

static uint32_t some_target(struct fuzz_bytes *input, const uint32_t *offsets, unsigned int count)
{
	const unsigned int which = fuzz_byte(input);

	return which % 16 == 0 ? (uint32_t)fuzz_number(input, 2) : offsets[which % count];
}

static uint32_t add_node(struct fuzz_bytes *input, struct iommu_iort_builder *builder)
{
	static const char *const names[] = {"", "A", "\\_SB.DEV0", "\\_SB.PCI0.DEV1"};
	const uint32_t ids[] = {1, 2, 3, 4};
	const struct iommu_iort_range ranges[] = {
		{.start = 0x10000 * fuzz_number(input, 1), .last = 0xffffff},
		{.start = 0x2000000, .last = 0x2000000 + fuzz_number(input, 3)}};
	const struct iommu_iort_smmuv3 unit = {.base = fuzz_number(input, 4) << 12,
					       .coherent = fuzz_flag(input),
					       .httu = (uint8_t)fuzz_below(input, 4),
					       .model = fuzz_below(input, 4)};
	const struct iommu_iort_root_complex root = {.segment = fuzz_below(input, 3),
						     .address_bits = (uint8_t)fuzz_byte(input)};
	const struct iommu_iort_named_component component = {.name = names[fuzz_below(input, 4)],
							     .address_bits = 40};
	const struct iommu_iort_reserved_memory memory = {.attributes = 5};

	switch (fuzz_below(input, 5)) {
	case 0:
		return iommu_iort_add_its_group(builder, ids, fuzz_below(input, 5));
	case 1:
		return iommu_iort_add_smmuv3(builder, &unit);
	case 2:
		return iommu_iort_add_root_complex(builder, &root);
	case 3:
		return iommu_iort_add_named_component(builder, &component);
	default:
		return iommu_iort_add_reserved_memory(builder, &memory, ranges,
						      fuzz_below(input, 3));
	}
}

static void add_map(struct fuzz_bytes *input, struct iommu_iort_builder *builder, uint32_t target)
{
	const uint32_t first = (uint32_t)fuzz_number(input, 1);
	const uint32_t output = (uint32_t)fuzz_number(input, 2) << fuzz_below(input, 20);

	switch (fuzz_below(input, 4)) {
	case 0:
		iommu_iort_add_single_map(builder, output, target);
		break;
	case 1:
		iommu_iort_add_own_map(builder, output, target);
		break;
	default:
		iommu_iort_add_map(builder, first, (uint32_t)fuzz_number(input, 1), output, target);
	}
}

/* A call that would be refused ends the table: such a one is taken back. */
static int build(struct fuzz_bytes *input, uint8_t *bytes, size_t size)
{
	uint32_t offsets[16] = {0};
	unsigned int count = 1;
	struct iommu_iort_builder builder;

	iommu_iort_begin(&builder, bytes, size);
	while (!fuzz_is_done(input)) {
		const struct iommu_iort_builder before = builder;

		if (fuzz_below(input, 3) == 0 && count < 16)
			offsets[count] = add_node(input, &builder);
		else
			add_map(input, &builder, some_target(input, offsets, count));
		FUZZ_CHECK((builder.status == 0) == (builder.refusal[0] == '\0'));
		FUZZ_CHECK(builder.used <= size || size < IORT_HEADER_SIZE);
		if (builder.status != 0 && before.status == 0 && fuzz_flag(input))
			builder = before;
		else if (count < 16 && offsets[count] != 0)
			count++;
	}
	return iommu_iort_finish(&builder, "FUZZ", "FUZZ");
}

static void build_and_read(struct fuzz_bytes *input)
{
	const unsigned int allowed = IOMMU_IORT_MAP_OVERLAP | IOMMU_IORT_MAP_COUNT |
				     IOMMU_IORT_UNIT_TWICE | IOMMU_IORT_RANGE_OVERLAP;
	const size_t size = fuzz_flag(input) ? TABLE_MAX : fuzz_below(input, 600);
	uint8_t *bytes = malloc(size != 0 ? size : 1), *copy;
	int whole;

	FUZZ_CHECK(bytes != NULL);
	whole = build(input, bytes, size);
	FUZZ_CHECK(whole == IOMMU_EINVAL || whole == IOMMU_ENOSPC || whole >= IORT_HEADER_SIZE);
	if (whole > 0) {
		copy = malloc((size_t)whole);
		FUZZ_CHECK(copy != NULL);
		memcpy(copy, bytes, (size_t)whole);
		FUZZ_CHECK((read_table(copy, (size_t)whole) & ~allowed) == 0);
		free(copy);
	}
	free(bytes);
}

static void mend_header(uint8_t *bytes, size_t size)
{
	const uint32_t fields[][2] = {{0, IORT_SIGNATURE},
				      {IORT_LENGTH, (uint32_t)size},
				      {IORT_NODES, 1000},
				      {IORT_FIRST_NODE, IORT_HEADER_SIZE}};
	unsigned int i, j;

	for (i = 0; size >= IORT_HEADER_SIZE && i < 4; i++)
		for (j = 0; j < 4; j++)
			bytes[fields[i][0] + j] = (uint8_t)(fields[i][1] >> 8 * j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes input = {data + 1, size - 1};
	uint8_t *copy;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	if ((data[0] & 1) != 0) {
		build_and_read(&input);
		return 0;
	}
	copy = malloc(size > 1 ? size - 1 : 1);
	FUZZ_CHECK(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	if ((data[0] & 2) != 0)
		mend_header(copy, size - 1);
	(void)read_table(copy, size - 1);
	free(copy);
	return 0;
}
