/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IORT builder: what is built is read back, field by field; what cannot be built is refused,
 * with a reason; and tables by chance, whose ways are looked for in another reading of the maps
 * that were asked for.
 */
#include <string.h>

#include <libiommu/hw/acpi_iort.h>
#include <libiommu/iort_builder.h>
#include <libiommu/status.h>

#include "test.h"

static uint8_t table[IOMMU_IORT_MAX_SIZE + 64];
static struct iommu_iort_builder builder;
static struct iommu_iort iort;

static const struct iommu_iort_smmuv3 some_unit = {.base = 0x9050000};
static const struct iommu_iort_root_complex some_root = {.address_bits = 48};

static void begin(void)
{
	iommu_iort_begin(&builder, table, sizeof(table));
}

/* The table is read from memory of exactly its size, without any defect. */
static uint8_t *finish(void)
{
	int size = iommu_iort_finish(&builder, "OEM", "A TABLE OF OURS");
	uint8_t *copy;

	assert_true(size >= IORT_HEADER_SIZE);
	assert_string_equal(builder.refusal, "");
	copy = malloc((size_t)size);
	assert_non_null(copy);
	memcpy(copy, table, (size_t)size);
	assert_int_equal(iommu_iort_open(&iort, copy, (size_t)size), 0);
	assert_int_equal(iort.length, size);
	return copy;
}

static struct iommu_iort_node node_at(uint32_t offset)
{
	struct iommu_iort_node node;

	assert_true(iommu_iort_node_at(&iort, offset, &node));
	return node;
}

static void all_fields_are_read_back(void **state)
{
	static const uint32_t ids[] = {3, 0xffffffff};
	static const struct iommu_iort_range ranges[] = {
		{.start = 0x10000, .last = 0x1ffff},
		{.start = 0xffffffffffff0000, .last = UINT64_MAX}};
	const struct iommu_iort_access access = {
		.coherent = true, .dacs = true, .canwbs = true, .hints = 0xf};
	const struct iommu_iort_smmuv3 unit = {
		.base = 0xfedc00000000,
		.vatos = 0x1234560000,
		.model = IOMMU_IORT_SMMUV3_CN99XX,
		.coherent = true,
		.httu = 1,
		.has_proximity = true,
		.proximity_domain = 0x87654321,
		.event = 1,
		.page_request = 2,
		.gerror = 3,
		.sync = 4,
	};
	const struct iommu_iort_root_complex root = {
		.segment = 0xffff,
		.access = access,
		.ats = true,
		.pasids = true,
		.pasid_bits = 20,
		.address_bits = 52,
		.flags = 0xcafe,
	};
	const struct iommu_iort_named_component component = {
		.name = "\\_SB.DEV0",
		.access = {.cpm = true},
		.stalls = true,
		.pasid_bits = 7,
		.address_bits = 64,
	};
	const struct iommu_iort_reserved_memory memory = {
		.may_move = true, .privileged = true, .attributes = 5};
	uint32_t its, unit_at, root_at, component_at, memory_at, id = 0;
	struct iommu_iort_range range = {0};
	struct iommu_iort_its entry = {0};
	struct iommu_iort_node node, group;
	uint8_t *copy;

	(void)state;
	begin();
	its = iommu_iort_add_its_group(&builder, ids, 2);
	unit_at = iommu_iort_add_smmuv3(&builder, &unit);
	iommu_iort_add_map(&builder, 0, 0xffff, 0x30000, its);
	iommu_iort_add_own_map(&builder, 0xabc, its);
	root_at = iommu_iort_add_root_complex(&builder, &root);
	iommu_iort_add_map(&builder, 0, 0xffff, 0, unit_at);
	component_at = iommu_iort_add_named_component(&builder, &component);
	iommu_iort_add_single_map(&builder, 0x77, unit_at);
	memory_at = iommu_iort_add_reserved_memory(&builder, &memory, ranges, 2);
	iommu_iort_add_map(&builder, 0, 3, 0x74, unit_at);
	copy = finish();
	assert_int_equal(iort.defects, 0);
	assert_int_equal(iort.revision, 6);
	assert_memory_equal(copy + 10, "OEM\0\0\0A TABLE ", 14);

	node = node_at(its);
	assert_true(iommu_iort_next_its(&iort, &node, &entry) && entry.id == 3);
	assert_true(iommu_iort_next_its(&iort, &node, &entry) && entry.id == 0xffffffff);
	assert_false(iommu_iort_next_its(&iort, &node, &entry));
	node = node_at(unit_at);
	assert_int_equal(node.identifier, 1);
	assert_int_equal(node.smmuv3.base, unit.base);
	assert_int_equal(node.smmuv3.vatos, unit.vatos);
	assert_int_equal(node.smmuv3.model, unit.model);
	assert_int_equal(node.smmuv3.httu, 1);
	assert_int_equal(node.smmuv3.proximity_domain, unit.proximity_domain);
	assert_true(node.smmuv3.coherent && node.smmuv3.has_proximity && node.smmuv3.usable);
	assert_int_equal(node.smmuv3.event, 1);
	assert_int_equal(node.smmuv3.page_request, 2);
	assert_int_equal(node.smmuv3.gerror, 3);
	assert_int_equal(node.smmuv3.sync, 4);
	assert_true(node.smmuv3.has_own_map);
	assert_int_equal(node.smmuv3.own_map, 1);
	assert_int_equal(iommu_iort_own_messages(&iort, &node, &group, &id), 0);
	assert_int_equal(id, 0xabc);
	node = node_at(root_at);
	assert_int_equal(node.root_complex.segment, 0xffff);
	assert_memory_equal(&node.root_complex.access, &access, sizeof(access));
	assert_true(node.root_complex.ats && node.root_complex.pasids);
	assert_false(node.root_complex.page_requests);
	assert_int_equal(node.root_complex.pasid_bits, 20);
	assert_int_equal(node.root_complex.address_bits, 52);
	assert_int_equal(node.root_complex.flags, 0xcafe);
	node = node_at(component_at);
	assert_string_equal(node.named_component.name, component.name);
	assert_true(node.named_component.stalls && node.named_component.access.cpm);
	assert_false(node.named_component.access.coherent);
	assert_int_equal(node.named_component.pasid_bits, 7);
	assert_int_equal(node.named_component.address_bits, 64);
	node = node_at(memory_at);
	assert_true(node.reserved_memory.may_move && node.reserved_memory.privileged);
	assert_int_equal(node.reserved_memory.attributes, 5);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.start, 0x10000);
	assert_true(iommu_iort_next_range(&iort, &node, &range));
	assert_int_equal(range.last, UINT64_MAX);
	free(copy);
}

/* --- What is refused -------------------------------------------------------------------------- */

static void expect_refusal(int status)
{
	assert_int_equal(iommu_iort_finish(&builder, "A", "B"), status);
	assert_true(builder.refusal[0] != '\0');
}

static void nodes_that_cannot_be(void **state)
{
	static const uint32_t ids[20000];
	static char name[0x10000];
	static const struct iommu_iort_range none = {.start = 0x20000, .last = 0x1ffff};
	static const struct iommu_iort_range part = {.start = 0x10000, .last = 0x1fffe};
	static const struct iommu_iort_range middle = {.start = 0x11000, .last = 0x1ffff};
	static const struct iommu_iort_reserved_memory memory;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
#define REFUSED(call)                                                                              \
	begin();                                                                                   \
	assert_int_equal(call, 0);                                                                 \
	expect_refusal(IOMMU_EINVAL)
	REFUSED(iommu_iort_add_its_group(&builder, ids, 0));
	REFUSED(iommu_iort_add_its_group(&builder, ids, 16379));
	REFUSED(iommu_iort_add_smmuv3(&builder, &(struct iommu_iort_smmuv3){.base = 0}));
	REFUSED(iommu_iort_add_smmuv3(&builder, &(struct iommu_iort_smmuv3){.base = 0x1000}));
	REFUSED(iommu_iort_add_smmuv3(&builder,
				      &(struct iommu_iort_smmuv3){.base = 0x10000, .httu = 3}));
	REFUSED(iommu_iort_add_root_complex(
		&builder,
		&(struct iommu_iort_root_complex){.segment = 0x10000, .address_bits = 48}));
	REFUSED(iommu_iort_add_root_complex(
		&builder, &(struct iommu_iort_root_complex){.pasid_bits = 21, .address_bits = 48}));
	REFUSED(iommu_iort_add_root_complex(&builder,
					    &(struct iommu_iort_root_complex){.address_bits = 65}));
	REFUSED(iommu_iort_add_named_component(
		&builder, &(struct iommu_iort_named_component){.name = "", .address_bits = 48}));
	REFUSED(iommu_iort_add_named_component(
		&builder, &(struct iommu_iort_named_component){.name = name, .address_bits = 48}));
	REFUSED(iommu_iort_add_named_component(&builder,
					       &(struct iommu_iort_named_component){.name = "A"}));
	REFUSED(iommu_iort_add_reserved_memory(&builder, &memory, &none, 0));
	REFUSED(iommu_iort_add_reserved_memory(&builder, &memory, &none, 3276));
	REFUSED(iommu_iort_add_reserved_memory(&builder, &memory, &none, 1));
	REFUSED(iommu_iort_add_reserved_memory(&builder, &memory, &part, 1));
	REFUSED(iommu_iort_add_reserved_memory(&builder, &memory, &middle, 1));
	/* As many as fit. */
	begin();
	assert_int_equal(iommu_iort_add_its_group(&builder, ids, 16000), IORT_HEADER_SIZE);
	free(finish());
	begin();
	name[0xffff - IORT_COMPONENT_NAME - 100] = '\0';
	assert_int_not_equal(
		iommu_iort_add_named_component(
			&builder,
			&(struct iommu_iort_named_component){.name = name, .address_bits = 48}),
		0);
	free(finish());
}

static uint32_t begin_with_its(void)
{
	static const uint32_t id = 0;

	begin();
	return iommu_iort_add_its_group(&builder, &id, 1);
}

static void maps_that_cannot_be(void **state)
{
	uint32_t its, unit, other;
	unsigned int i;

	(void)state;
	begin();
	iommu_iort_add_map(&builder, 0, 1, 0, IORT_HEADER_SIZE);
	expect_refusal(IOMMU_EINVAL);
	/* To nothing, into the middle, to a node that is no target, to itself. */
	for (i = 0; i < 5; i++) {
		its = begin_with_its();
		unit = iommu_iort_add_smmuv3(&builder, &some_unit);
		other = iommu_iort_add_root_complex(&builder, &some_root);
		iommu_iort_add_map(&builder, 0, 1, 0,
				   i == 0   ? 0
				   : i == 1 ? its + 1
				   : i == 2 ? (uint32_t)builder.used
				   : i == 3 ? other
					    : UINT32_MAX);
		expect_refusal(IOMMU_EINVAL);
	}
	(void)begin_with_its();
	unit = iommu_iort_add_smmuv3(&builder, &some_unit);
	iommu_iort_add_map(&builder, 0, 1, 0, unit);
	expect_refusal(IOMMU_EINVAL);
	/* Ids that are too wide, or the wrong way round. */
	its = begin_with_its();
	(void)iommu_iort_add_root_complex(&builder, &some_root);
	iommu_iort_add_map(&builder, 2, 1, 0, its);
	expect_refusal(IOMMU_EINVAL);
	its = begin_with_its();
	(void)iommu_iort_add_root_complex(&builder, &some_root);
	iommu_iort_add_map(&builder, 0, 1, UINT32_MAX, its);
	expect_refusal(IOMMU_EINVAL);
	/* Single maps of a unit; own maps of what is none, and a second one. */
	its = begin_with_its();
	(void)iommu_iort_add_smmuv3(&builder, &some_unit);
	iommu_iort_add_single_map(&builder, 0, its);
	expect_refusal(IOMMU_EINVAL);
	its = begin_with_its();
	(void)iommu_iort_add_root_complex(&builder, &some_root);
	iommu_iort_add_own_map(&builder, 0, its);
	expect_refusal(IOMMU_EINVAL);
	its = begin_with_its();
	(void)iommu_iort_add_smmuv3(&builder, &some_unit);
	iommu_iort_add_own_map(&builder, 0, its);
	iommu_iort_add_own_map(&builder, 1, its);
	expect_refusal(IOMMU_EINVAL);
}

static void no_room(void **state)
{
	static const uint32_t ids[] = {1, 2};
	const struct iommu_iort_range range = {.start = 0, .last = 0xffff};
	const struct iommu_iort_reserved_memory memory = {.attributes = 4};
	const struct iommu_iort_named_component component = {.name = "ABC", .address_bits = 48};
	uint32_t its, unit, i;
	size_t size, whole = 0;

	(void)state;
	/* Every size up to the whole, of which the last alone is enough. */
	for (size = 0; whole == 0; size++) {
		uint8_t *room = malloc(size != 0 ? size : 1);
		int status;

		assert_non_null(room);
		iommu_iort_begin(&builder, room, size);
		its = iommu_iort_add_its_group(&builder, ids, 2);
		unit = iommu_iort_add_smmuv3(&builder, &some_unit);
		iommu_iort_add_map(&builder, 0, 9, 0, its);
		iommu_iort_add_own_map(&builder, 9, its);
		(void)iommu_iort_add_root_complex(&builder, &some_root);
		iommu_iort_add_single_map(&builder, 7, unit);
		(void)iommu_iort_add_named_component(&builder, &component);
		(void)iommu_iort_add_reserved_memory(&builder, &memory, &range, 1);
		assert_int_equal(its == 0, size < IORT_HEADER_SIZE + IORT_ITS_SIZE + 8);
		assert_true(its != 0 || unit == 0);
		status = iommu_iort_finish(&builder, "", "");
		if (status != IOMMU_ENOSPC) {
			assert_int_equal(status, size);
			whole = size;
		}
		free(room);
	}
	assert_true(whole > 300);
	/* More maps, and more nodes, than a reader takes. */
	its = begin_with_its();
	(void)iommu_iort_add_root_complex(&builder, &some_root);
	for (i = 0; builder.status == 0; i++)
		iommu_iort_add_map(&builder, i, i, i, its);
	assert_int_equal(i - 1, (IOMMU_IORT_MAX_SIZE - IORT_HEADER_SIZE - IORT_ITS_SIZE - 4 -
				 IORT_ROOT_SIZE_FLAGS) /
					IORT_MAP_SIZE);
	expect_refusal(IOMMU_ENOSPC);
	begin();
	while (builder.status == 0)
		(void)iommu_iort_add_smmuv3(&builder, &some_unit);
	expect_refusal(IOMMU_ENOSPC);
	assert_true(builder.used <= IOMMU_IORT_MAX_SIZE);
}

/* --- By chance -------------------------------------------------------------------------------- */

#define UNITS   3
#define SOURCES 4
#define MAPS    6
#define IDS     64 /* ids that are looked at: maps are among them */

struct asked {
	uint32_t first, last, output;
	int unit; /* -1: the ITS */
	bool is_single;
};

static struct {
	uint32_t its, units[UNITS];
	struct {
		uint32_t offset;
		bool is_root;
		unsigned int count;
		struct asked maps[MAPS];
	} sources[SOURCES];
	/* For the streams of each unit: what device id 0 is added to; UINT32_MAX: none. */
	uint32_t messages[UNITS];
} asked;

static void ask_for_maps(struct test_random *random, unsigned int source)
{
	unsigned int i;

	asked.sources[source].count = (unsigned int)test_random_below(random, MAPS + 1);
	for (i = 0; i < asked.sources[source].count; i++) {
		struct asked *map = &asked.sources[source].maps[i];

		map->first = (uint32_t)test_random_below(random, IDS);
		map->last = map->first + (uint32_t)test_random_below(random, IDS - map->first);
		map->output = (uint32_t)test_random_below(random, 1000);
		map->unit = (int)test_random_below(random, UNITS + 1) - 1;
		map->is_single = test_random_below(random, 8) == 0;
		if (map->is_single)
			iommu_iort_add_single_map(&builder, map->output,
						  map->unit < 0 ? asked.its
								: asked.units[map->unit]);
		else
			iommu_iort_add_map(&builder, map->first, map->last, map->output,
					   map->unit < 0 ? asked.its : asked.units[map->unit]);
	}
}

static void make_by_chance(struct test_random *random)
{
	unsigned int i;

	asked.its = begin_with_its();
	for (i = 0; i < UNITS; i++) {
		asked.units[i] = iommu_iort_add_smmuv3(
			&builder, &(struct iommu_iort_smmuv3){.base = 0x100000 * (i + 1ULL)});
		asked.messages[i] = UINT32_MAX;
		if (test_random_below(random, 2) == 0)
			iommu_iort_add_own_map(&builder, 1, asked.its);
		if (test_random_below(random, 4) == 0)
			continue;
		asked.messages[i] = (uint32_t)test_random_below(random, 0x10000);
		iommu_iort_add_map(&builder, 0, 0xffff, asked.messages[i], asked.its);
	}
	for (i = 0; i < SOURCES; i++) {
		const struct iommu_iort_root_complex root = {.segment = i, .address_bits = 48};
		const struct iommu_iort_named_component component = {.name = "C",
								     .address_bits = 32};

		asked.sources[i].is_root = test_random_below(random, 2) == 0;
		asked.sources[i].offset =
			asked.sources[i].is_root
				? iommu_iort_add_root_complex(&builder, &root)
				: iommu_iort_add_named_component(&builder, &component);
		ask_for_maps(random, i);
	}
}

/* The rule once more: the last one first, so that earlier ones overwrite it. */
static const struct asked *expected_map(unsigned int source, uint32_t id)
{
	const struct asked *found = NULL, *begins = NULL;
	unsigned int i = asked.sources[source].count;

	while (i-- != 0) {
		const struct asked *map = &asked.sources[source].maps[i];

		if (map->is_single || (map->first <= id && id <= map->last)) {
			const bool is_last =
				!map->is_single && map->last == id && map->first != map->last;

			found = is_last && begins != NULL ? begins : map;
		}
		if (!map->is_single && map->first == id)
			begins = map;
	}
	return found;
}

static void check_route(unsigned int source, uint32_t id)
{
	const struct iommu_iort_node node = node_at(asked.sources[source].offset);
	const struct asked *map = expected_map(source, id);
	struct iommu_iort_route route, found;
	int status = iommu_iort_follow(&iort, &node, id, &route);
	uint32_t output;

	assert_int_equal(status, map == NULL ? IOMMU_ENOENT : 0);
	if (asked.sources[source].is_root) {
		assert_int_equal(iommu_iort_find(&iort, (uint16_t)source, (uint16_t)id, &found),
				 status);
		assert_int_equal(found.has_unit, route.has_unit);
		assert_int_equal(found.stream_id, route.stream_id);
		assert_int_equal(found.device_id, route.device_id);
	}
	if (map == NULL)
		return;
	output = map->output + (map->is_single ? 0 : id - map->first);
	assert_int_equal(route.has_unit, map->unit >= 0);
	if (map->unit < 0) {
		assert_true(route.has_its);
		assert_int_equal(route.device_id, output);
		return;
	}
	assert_int_equal(route.unit.offset, asked.units[map->unit]);
	assert_int_equal(route.stream_id, output);
	assert_int_equal(route.has_its, asked.messages[map->unit] != UINT32_MAX);
	if (route.has_its)
		assert_int_equal(route.device_id, asked.messages[map->unit] + output);
}

static unsigned int source_at(uint32_t offset)
{
	unsigned int i = 0;

	while (asked.sources[i].offset != offset)
		assert_true(++i < SOURCES);
	return i;
}

/* All that reaches a unit, id by id: exactly what follows to it, and nothing twice. */
static void check_reach(unsigned int unit)
{
	bool reached[SOURCES][IDS] = {{false}};
	unsigned int singles = 0, expected = 0, source, i;
	struct iommu_iort_reach reach = {0};
	uint32_t id;

	while (iommu_iort_next_reach(&iort, asked.units[unit], &reach)) {
		source = source_at(reach.source.offset);
		if (reach.is_single) {
			singles++;
			continue;
		}
		assert_true(reach.first <= reach.last && reach.last < IDS);
		for (id = reach.first; id <= reach.last; id++) {
			const struct asked *map = expected_map(source, id);

			assert_false(reached[source][id]);
			reached[source][id] = true;
			assert_true(map != NULL && map->unit == (int)unit && !map->is_single);
			assert_int_equal(reach.stream_id + (id - reach.first),
					 map->output + (id - map->first));
		}
	}
	for (source = 0; source < SOURCES; source++) {
		for (id = 0; id < IDS; id++) {
			const struct asked *map = expected_map(source, id);

			assert_int_equal(reached[source][id],
					 map != NULL && !map->is_single && map->unit == (int)unit);
		}
		for (i = 0; i < asked.sources[source].count; i++)
			expected += asked.sources[source].maps[i].is_single &&
				    asked.sources[source].maps[i].unit == (int)unit;
	}
	assert_int_equal(singles, expected);
}

static void tables_by_chance(void **state)
{
	struct test_random random = {.state = 11};
	const unsigned int allowed = IOMMU_IORT_MAP_OVERLAP | IOMMU_IORT_MAP_COUNT;
	uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 100000) / 50;
	unsigned int source, unit;
	uint32_t id;

	(void)state;
	for (; rounds != 0; rounds--) {
		uint8_t *copy;

		make_by_chance(&random);
		copy = finish();
		assert_int_equal(iort.defects & ~allowed, 0);
		for (source = 0; source < SOURCES; source++)
			for (id = 0; id < IDS + 1; id++)
				check_route(source, id);
		for (unit = 0; unit < UNITS; unit++)
			check_reach(unit);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields_are_read_back), cmocka_unit_test(nodes_that_cannot_be),
		cmocka_unit_test(maps_that_cannot_be),      cmocka_unit_test(no_room),
		cmocka_unit_test(tables_by_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
