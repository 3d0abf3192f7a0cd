/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways through IORT tables made byte by byte: which map an id takes, also where firmware is wrong;
 * messages; and back from a unit to its devices and its reserved memory. (By chance, against
 * another reading of the same maps: test_iort_builder.c.)
 */
#include <string.h>

#include <libiommu/iort.h>
#include <libiommu/status.h>

#include "iort_table.h"
#include "test.h"

static struct iommu_iort iort;

static void open_made(struct table *t)
{
	table_seal(t);
	assert_int_equal(iommu_iort_open(&iort, t->bytes, t->length), 0);
}

/* An ITS, two units of which the ids go on to the ITS, and a root complex with maps to come. */
static struct {
	struct table t;
	uint32_t its, units[2], root;
} made;

static void begin_machine(unsigned int maps)
{
	unsigned int i;

	table_begin(&made.t);
	made.its = table_its(&made.t, 0);
	for (i = 0; i < 2; i++) {
		made.units[i] = table_smmuv3(&made.t, 0x10000000 + 0x100000 * i, 1);
		table_map(&made.t, 0, 0xffff, 0x10000 * (i + 1), made.its);
	}
	made.root = table_root(&made.t, 0, maps);
}

static int find(uint32_t rid, uint32_t unit, uint32_t stream_id)
{
	struct iommu_iort_route route;
	int status = iommu_iort_find(&iort, 0, (uint16_t)rid, &route);

	if (status != 0) {
		assert_false(route.has_unit || route.has_its);
		return status;
	}
	assert_int_equal(route.has_unit, unit != 0);
	if (unit == 0)
		return 0;
	assert_int_equal(route.unit.offset, unit);
	assert_int_equal(route.stream_id, stream_id);
	return 0;
}

static void the_first_map_counts(void **state)
{
	(void)state;
	begin_machine(4);
	table_map(&made.t, 0x10, 0x1f, 0x500, made.units[0]);
	table_map(&made.t, 0x18, 0x2f, 0, made.units[1]);
	table_map(&made.t, 0x40, 0x4f, 0x40, made.its);
	table_map(&made.t, 0x40, 0x5f, 0x700, made.units[1]);
	open_made(&made.t);
	assert_int_equal(iort.defects, IOMMU_IORT_MAP_OVERLAP);
	assert_int_equal(find(0xf, 0, 0), IOMMU_ENOENT);
	assert_int_equal(find(0x10, made.units[0], 0x500), 0);
	assert_int_equal(find(0x1f, made.units[0], 0x50f), 0);
	assert_int_equal(find(0x20, made.units[1], 8), 0);
	assert_int_equal(find(0x2f, made.units[1], 0x17), 0);
	assert_int_equal(find(0x30, 0, 0), IOMMU_ENOENT);
	assert_int_equal(find(0x40, 0, 0), 0);
	assert_int_equal(find(0x50, made.units[1], 0x710), 0);
	assert_int_equal(find(0x60, 0, 0), IOMMU_ENOENT);
}

/* The number of ids where one less is due: the last id belongs to the map that begins with it. */
static void a_count_that_is_one_too_many(void **state)
{
	(void)state;
	begin_machine(3);
	table_map(&made.t, 0x200, 0x300, 0x200, made.units[1]);
	table_map(&made.t, 0, 0x100, 0, made.units[0]);
	table_map(&made.t, 0x100, 0x200, 0x100, made.its);
	open_made(&made.t);
	assert_int_equal(iort.defects, IOMMU_IORT_MAP_COUNT);
	assert_int_equal(find(0xff, made.units[0], 0xff), 0);
	assert_int_equal(find(0x100, 0, 0), 0);
	assert_int_equal(find(0x1ff, 0, 0), 0);
	assert_int_equal(find(0x200, made.units[1], 0x200), 0);
	/* Nothing else begins with the last of all. */
	assert_int_equal(find(0x300, made.units[1], 0x300), 0);
	/* Of one id, the map is not cut to nothing. */
	begin_machine(2);
	table_map(&made.t, 5, 5, 0x500, made.units[0]);
	table_map(&made.t, 5, 9, 0x600, made.units[1]);
	open_made(&made.t);
	assert_int_equal(find(5, made.units[0], 0x500), 0);
}

static void a_map_that_leads_nowhere(void **state)
{
	struct iommu_iort_route route;
	struct iommu_iort_node node;

	(void)state;
	begin_machine(3);
	table_map(&made.t, 0, 9, 0, made.root);
	table_map(&made.t, 10, 19, 0, 0xffffff00);
	table_map(&made.t, 0, 29, 0, made.units[0]);
	open_made(&made.t);
	/* The device is not one without a unit; nor is the next map taken. */
	assert_int_equal(find(5, 0, 0), IOMMU_EINVAL);
	assert_int_equal(find(10, 0, 0), IOMMU_EINVAL);
	assert_int_equal(find(20, made.units[0], 20), 0);
	/* From unit to unit there is no way. */
	begin_machine(1);
	table_map(&made.t, 0, 9, 0, made.units[0]);
	table_set(&made.t, made.units[0] + IORT_SMMUV3_SIZE_INDEX + IORT_MAP_TARGET, made.units[1],
		  4);
	open_made(&made.t);
	assert_int_equal(iommu_iort_find(&iort, 0, 3, &route), 0);
	assert_true(route.has_unit);
	assert_false(route.has_its);
	assert_true(iommu_iort_node_at(&iort, made.units[0], &node));
	assert_int_equal(iommu_iort_follow(&iort, &node, 3, &route), IOMMU_EINVAL);
}

static void segments_and_root_complexes(void **state)
{
	struct iommu_iort_route route;
	uint32_t second;

	(void)state;
	begin_machine(1);
	table_map(&made.t, 0, 0xff, 0, made.units[0]);
	second = table_root(&made.t, 0, 1);
	table_map(&made.t, 0x100, 0x1ff, 0, made.units[1]);
	(void)table_root(&made.t, 0x10000, 1);
	table_map(&made.t, 0, 0xffff, 0, made.its);
	open_made(&made.t);
	/* A segment may have several; what the first does not map, the second may. */
	assert_int_equal(find(0x80, made.units[0], 0x80), 0);
	assert_int_equal(find(0x180, made.units[1], 0x80), 0);
	assert_int_equal(find(0x200, 0, 0), IOMMU_ENOENT);
	assert_int_equal(iommu_iort_find(&iort, 1, 0x80, &route), IOMMU_ENOENT);
	/* An id of 32 bits is asked for as one. */
	table_set(&made.t, second + IORT_ROOT_SIZE_FLAGS + IORT_MAP_INPUT, 0x10100, 4);
	open_made(&made.t);
	assert_int_equal(find(0x180, 0, 0), IOMMU_ENOENT);
}

static void messages_go_on_behind_the_unit(void **state)
{
	struct iommu_iort_route route;
	struct iommu_iort_node node;
	uint32_t id = 0;

	(void)state;
	begin_machine(2);
	table_map(&made.t, 0, 0xff, 0x1000, made.units[0]);
	table_map(&made.t, 0x100, 0x1ff, 0x20000, made.units[1]);
	open_made(&made.t);
	assert_int_equal(iommu_iort_find(&iort, 0, 0x34, &route), 0);
	assert_true(route.has_unit && route.has_its);
	assert_int_equal(route.stream_id, 0x1034);
	assert_int_equal(route.device_id, 0x11034);
	assert_int_equal(route.its.offset, made.its);
	/* The unit maps no such stream. */
	assert_int_equal(iommu_iort_find(&iort, 0, 0x134, &route), 0);
	assert_true(route.has_unit);
	assert_int_equal(route.stream_id, 0x20034);
	assert_false(route.has_its);
	/* A stream id, as a fault names it. */
	assert_true(iommu_iort_node_at(&iort, made.units[1], &node));
	assert_int_equal(iommu_iort_follow(&iort, &node, 7, &route), 0);
	assert_false(route.has_unit);
	assert_int_equal(route.device_id, 0x20007);
	assert_int_equal(iommu_iort_follow(&iort, &node, 0x10000, &route), IOMMU_ENOENT);
	assert_int_equal(iommu_iort_own_messages(&iort, &node, &node, &id), IOMMU_ENOENT);
}

/* The map for the unit's own messages is none of devices, wherever it is. */
static void a_units_own_map_is_not_of_devices(void **state)
{
	struct iommu_iort_route route;
	struct iommu_iort_node node, its;
	uint32_t group, unit, pmcg, id = 0;
	struct table t;

	(void)state;
	table_begin(&t);
	group = table_its(&t, 0);
	unit = table_smmuv3(&t, 0x10000, 2);
	table_set(&t, unit + IORT_SMMUV3_FLAGS, IORT_SMMUV3_FLAG_MAP_INDEX, 4);
	table_single(&t, 0xff00, group);
	table_map(&t, 0, 0xffff, 0x70000, group);
	(void)table_root(&t, 0, 1);
	table_map(&t, 0, 0xffff, 0, unit);
	pmcg = table_node(&t, IOMMU_IORT_PMCG, 1, IORT_PMCG_SIZE_PAGE, 1);
	table_set(&t, pmcg + IORT_PMCG_NODE, unit, 4);
	table_single(&t, 0xff01, group);
	open_made(&t);
	assert_int_equal(iort.defects, 0);
	assert_int_equal(iommu_iort_find(&iort, 0, 4, &route), 0);
	assert_int_equal(route.device_id, 0x70004);
	assert_true(iommu_iort_node_at(&iort, unit, &node));
	assert_int_equal(iommu_iort_own_messages(&iort, &node, &its, &id), 0);
	assert_int_equal(id, 0xff00);
	assert_int_equal(its.offset, group);
	assert_true(iommu_iort_node_at(&iort, pmcg, &node));
	assert_int_equal(iommu_iort_own_messages(&iort, &node, &its, &id), 0);
	assert_int_equal(id, 0xff01);
	assert_int_equal(iommu_iort_follow(&iort, &node, 0, &route), IOMMU_ENOENT);
}

static void a_component_has_several_streams(void **state)
{
	struct iommu_iort_map map = {0};
	struct iommu_iort_route route;
	struct iommu_iort_node node;
	unsigned int i;

	(void)state;
	begin_machine(0);
	(void)table_component(&made.t, "\\_SB.OTHR", 0);
	(void)table_component(&made.t, "\\_SB.DEV0", 3);
	table_single(&made.t, 0x100, made.units[0]);
	table_single(&made.t, 0x102, made.units[1]);
	table_map(&made.t, 4, 5, 0x104, made.units[0]);
	open_made(&made.t);
	assert_int_equal(iommu_iort_find_name(&iort, "\\_SB.DEV0", &node), 0);
	/* Any id takes the first single map. */
	assert_int_equal(iommu_iort_follow(&iort, &node, 0xffffffff, &route), 0);
	assert_int_equal(route.stream_id, 0x100);
	assert_int_equal(iommu_iort_follow(&iort, &node, 4, &route), 0);
	assert_int_equal(route.stream_id, 0x100);
	for (i = 0; iommu_iort_next_map(&iort, &node, &map); i++) {
		assert_int_equal(iommu_iort_follow_map(&iort, &map, map.last, &route), 0);
		assert_int_equal(route.unit.offset, made.units[i & 1]);
		assert_int_equal(route.stream_id, i == 2 ? 0x105 : 0x100 + 2 * i);
		assert_int_equal(route.device_id, 0x10000 * (1 + (i & 1)) + route.stream_id);
	}
	assert_int_equal(i, 3);
	map.target = node.offset;
	assert_int_equal(iommu_iort_follow_map(&iort, &map, 0, &route), IOMMU_EINVAL);
	map.target++;
	assert_int_equal(iommu_iort_follow_map(&iort, &map, 0, &route), IOMMU_EINVAL);
}

/* --- Back from a unit ------------------------------------------------------------------------- */

static void expect_reach(struct iommu_iort_reach *reach, uint32_t unit, uint32_t first,
			 uint32_t last, uint32_t stream_id)
{
	assert_true(iommu_iort_next_reach(&iort, unit, reach));
	assert_int_equal(reach->first, first);
	assert_int_equal(reach->last, last);
	assert_int_equal(reach->stream_id, stream_id);
	assert_false(reach->is_single);
}

static void what_reaches_a_unit(void **state)
{
	struct iommu_iort_reach reach = {0};
	uint32_t component;

	(void)state;
	begin_machine(5);
	table_map(&made.t, 0x20, 0x2f, 0x120, made.its);
	table_map(&made.t, 0, 0x40, 0, made.units[0]);
	table_map(&made.t, 0x40, 0x4f, 0x40, made.units[1]);
	table_map(&made.t, 0xfff0, 0xffff, 0x10, made.units[0]);
	table_map(&made.t, 0xffffff00, 0xffffffff, 0, made.units[0]);
	component = table_component(&made.t, "C", 3);
	table_map(&made.t, 1, 2, 0x700, made.units[0]);
	table_single(&made.t, 0x800, made.units[0]);
	table_map(&made.t, 7, 7, 0x900, made.units[0]);
	open_made(&made.t);
	expect_reach(&reach, made.units[0], 0, 0x1f, 0);
	assert_int_equal(reach.source.offset, made.root);
	expect_reach(&reach, made.units[0], 0x30, 0x3f, 0x30);
	expect_reach(&reach, made.units[0], 0xfff0, 0xffff, 0x10);
	expect_reach(&reach, made.units[0], 0xffffff00, 0xffffffff, 0);
	expect_reach(&reach, made.units[0], 1, 2, 0x700);
	assert_int_equal(reach.source.offset, component);
	/* The ids behind a single map are never asked for. */
	assert_true(iommu_iort_next_reach(&iort, made.units[0], &reach));
	assert_true(reach.is_single);
	assert_int_equal(reach.stream_id, 0x800);
	assert_false(iommu_iort_next_reach(&iort, made.units[0], &reach));
	assert_false(iommu_iort_next_reach(&iort, made.units[0], &reach));
	memset(&reach, 0, sizeof(reach));
	expect_reach(&reach, made.units[1], 0x40, 0x4f, 0x40);
	assert_false(iommu_iort_next_reach(&iort, made.units[1], &reach));
	/* What is no unit is reached by nothing. */
	memset(&reach, 0, sizeof(reach));
	assert_false(iommu_iort_next_reach(&iort, made.its, &reach));
	assert_false(iommu_iort_next_reach(&iort, made.units[0] + 1, &reach));
}

static unsigned int count_reserved(uint32_t unit, uint32_t stream_id,
				   struct iommu_iort_reservation *last)
{
	struct iommu_iort_reservation reservation = {0};
	unsigned int count = 0;

	for (; iommu_iort_next_reservation(&iort, unit, stream_id, &reservation); count++)
		*last = reservation;
	assert_false(iommu_iort_next_reservation(&iort, unit, stream_id, &reservation));
	return count;
}

static void reserved_memory_of_a_stream(void **state)
{
	struct iommu_iort_reservation last = {0};
	uint32_t memory;

	(void)state;
	begin_machine(0);
	memory = table_reserved(&made.t, 2, 2);
	table_range(&made.t, memory, 0, 0x80000000, 0x10000);
	table_range(&made.t, memory, 1, 0x90000000, 0x10000);
	table_map(&made.t, 0, 3, 0x20, made.units[0]);
	table_single(&made.t, 0x30, made.units[1]);
	memory = table_reserved(&made.t, 1, 1);
	table_range(&made.t, memory, 0, 0xa0000000, 0x10000);
	table_set(&made.t, memory + IORT_RMR_FLAGS, 1, 4);
	table_map(&made.t, 0, 0, 0x23, made.units[0]);
	memory = table_reserved(&made.t, 3, 1);
	table_range(&made.t, memory, 0, 0xb0000000, 0x10000);
	table_range(&made.t, memory, 1, 0xc0000000, 0x10000);
	table_range(&made.t, memory, 2, 0xd0000000, 0x10000);
	table_map(&made.t, 0, 0, 0x99, made.units[1]);
	open_made(&made.t);
	assert_int_equal(iort.defects, 0);
	assert_int_equal(count_reserved(made.units[0], 0x1f, &last), 0);
	assert_int_equal(count_reserved(made.units[0], 0x20, &last), 2);
	assert_int_equal(last.range.start, 0x90000000);
	assert_false(last.node.reserved_memory.may_move);
	assert_int_equal(count_reserved(made.units[0], 0x23, &last), 3);
	assert_int_equal(last.range.start, 0xa0000000);
	assert_true(last.node.reserved_memory.may_move);
	assert_int_equal(count_reserved(made.units[0], 0x24, &last), 0);
	assert_int_equal(count_reserved(made.units[1], 0x20, &last), 0);
	assert_int_equal(count_reserved(made.units[1], 0x30, &last), 2);
	assert_int_equal(count_reserved(made.units[1], 0x31, &last), 0);
	assert_int_equal(count_reserved(made.units[1], 0x99, &last), 3);
	assert_int_equal(count_reserved(made.its, 0x20, &last), 0);
}

/* The largest tables of the worst kind end in a time that a test has. */
static void a_hostile_table_ends(void **state)
{
	static uint8_t bytes[IOMMU_IORT_MAX_SIZE];
	struct iommu_iort_reach reach = {0};
	struct iommu_iort_route route;
	uint32_t unit, count = 0, i;
	struct table t;
	const uint32_t maps = 3000;

	(void)state;
	table_begin(&t);
	unit = table_smmuv3(&t, 0x10000, 0);
	(void)table_root(&t, 0, 0);
	table_seal(&t);
	memcpy(bytes, t.bytes, t.length);
	/* All maps overlap, each of them less than the one before. */
	for (i = 0; i < maps; i++) {
		struct table map = {.length = 0};

		table_map(&map, i, 0xffffff - i, 2 * i, unit);
		memcpy(bytes + t.length + i * IORT_MAP_SIZE, map.bytes, IORT_MAP_SIZE);
	}
	t.length += maps * IORT_MAP_SIZE;
	memset(&t.bytes[0], 0, 4);
	memcpy(t.bytes, bytes, IORT_HEADER_SIZE);
	table_set(&t, IORT_LENGTH, t.length, 4);
	memcpy(bytes, t.bytes, IORT_HEADER_SIZE);
	bytes[unit + IORT_SMMUV3_SIZE_INDEX + IORT_NODE_LENGTH] =
		(uint8_t)(IORT_ROOT_SIZE_FLAGS + maps * IORT_MAP_SIZE);
	bytes[unit + IORT_SMMUV3_SIZE_INDEX + IORT_NODE_LENGTH + 1] =
		(uint8_t)((IORT_ROOT_SIZE_FLAGS + maps * IORT_MAP_SIZE) >> 8);
	bytes[unit + IORT_SMMUV3_SIZE_INDEX + IORT_NODE_MAPS] = (uint8_t)maps;
	bytes[unit + IORT_SMMUV3_SIZE_INDEX + IORT_NODE_MAPS + 1] = (uint8_t)(maps >> 8);
	bytes[unit + IORT_SMMUV3_SIZE_INDEX + IORT_NODE_MAP_OFFSET] = IORT_ROOT_SIZE_FLAGS;
	assert_int_equal(iommu_iort_open(&iort, bytes, t.length), 0);
	assert_int_equal(iort.defects, IOMMU_IORT_MAP_OVERLAP | IOMMU_IORT_CHECKSUM);
	while (iommu_iort_next_reach(&iort, unit, &reach))
		count++;
	assert_int_equal(count, 1);
	assert_int_equal(iommu_iort_find(&iort, 0, 5, &route), 0);
	assert_int_equal(route.stream_id, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_map_counts),
		cmocka_unit_test(a_count_that_is_one_too_many),
		cmocka_unit_test(a_map_that_leads_nowhere),
		cmocka_unit_test(segments_and_root_complexes),
		cmocka_unit_test(messages_go_on_behind_the_unit),
		cmocka_unit_test(a_units_own_map_is_not_of_devices),
		cmocka_unit_test(a_component_has_several_streams),
		cmocka_unit_test(what_reaches_a_unit),
		cmocka_unit_test(reserved_memory_of_a_stream),
		cmocka_unit_test(a_hostile_table_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
