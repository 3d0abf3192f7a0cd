/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RIMT parser: tables as QEMU has them, each defect that is tolerated or refused, and damage of
 * any kind, in memory of exactly the table's size.
 */
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/acpi_rimt.h>
#include <libiommu/rimt.h>
#include <libiommu/status.h>

#include "test.h"

/* --- A table under construction --------------------------------------------------------------- */

struct table {
	uint8_t bytes[2048];
	uint32_t length, nodes;
};

static void put(struct table *t, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t->bytes[t->length++] = (uint8_t)value;
}

static void set(struct table *t, uint32_t offset, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t->bytes[offset++] = (uint8_t)value;
}

static void begin(struct table *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, "RIMT", 4);
	set(t, RIMT_FIRST_NODE, RIMT_HEADER_SIZE, 4);
	t->length = RIMT_HEADER_SIZE;
}

static uint32_t node(struct table *t, unsigned int type, unsigned int length)
{
	const uint32_t offset = t->length;

	put(t, type, 1);
	put(t, 1, 1);
	put(t, length, 2);
	put(t, 0, 2);
	put(t, 0x100 + t->nodes++, 2);
	return offset;
}

static uint32_t unit(struct table *t, uint64_t base, unsigned int flags, unsigned int wires)
{
	const uint32_t offset = node(t, IOMMU_RIMT_UNIT, RIMT_UNIT_SIZE + wires * RIMT_WIRE_SIZE);
	unsigned int i;

	memcpy(&t->bytes[t->length], "RSCV0004", 8);
	t->length += 8;
	put(t, base, 8);
	put(t, flags, 4);
	put(t, 3, 4);
	put(t, 1, 2);
	put(t, 0x10, 2);
	put(t, wires, 2);
	put(t, RIMT_UNIT_SIZE, 2);
	for (i = 0; i < wires; i++) {
		put(t, 40 + i, 4);
		put(t, i, 4);
	}
	return offset;
}

static void map(struct table *t, uint32_t source, uint32_t count, uint32_t device_id, uint32_t to)
{
	put(t, source, 4);
	put(t, count, 4);
	put(t, device_id, 4);
	put(t, to, 4);
	put(t, 0, 4);
}

static uint32_t root_complex(struct table *t, unsigned int flags, unsigned int segment,
			     unsigned int maps)
{
	const uint32_t offset =
		node(t, IOMMU_RIMT_ROOT_COMPLEX, RIMT_ROOT_SIZE + maps * RIMT_MAP_SIZE);

	put(t, flags, 4);
	put(t, 0, 2);
	put(t, segment, 2);
	put(t, RIMT_ROOT_SIZE, 2);
	put(t, maps, 2);
	return offset;
}

static struct iommu_rimt rimt;

static int open_made(struct table *t)
{
	uint8_t sum = 0;
	uint32_t i;

	set(t, RIMT_LENGTH, t->length, 4);
	set(t, RIMT_NODES, t->nodes, 4);
	t->bytes[9] = 0;
	for (i = 0; i < t->length; i++)
		sum = (uint8_t)(sum + t->bytes[i]);
	t->bytes[9] = (uint8_t)-sum;
	return iommu_rimt_open(&rimt, t->bytes, t->length);
}

static void expect(struct table *t, unsigned int defects)
{
	assert_int_equal(open_made(t), 0);
	assert_int_equal(rimt.defects, defects);
}

static unsigned int nodes_shown(void)
{
	struct iommu_rimt_node shown = {0};
	unsigned int count = 0;

	while (iommu_rimt_next(&rimt, &shown))
		count++;
	assert_false(iommu_rimt_next(&rimt, &shown));
	return count;
}

/* --- Tables of QEMU --------------------------------------------------------------------------- */

static uint8_t *read_file(const char *name, size_t *size)
{
	char path[512];
	uint8_t *bytes;
	FILE *file;

	snprintf(path, sizeof(path), "%s/rimt/%s", TEST_DATA, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	bytes = malloc(4096);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 4096, file);
	fclose(file);
	return realloc(bytes, *size);
}

static void a_platform_unit_is_found(void **state)
{
	size_t size;
	uint8_t *bytes = read_file("platform-unit.bin", &size);
	struct iommu_rimt_node found = {0};
	uint32_t id = 0;

	(void)state;
	assert_int_equal(iommu_rimt_open(&rimt, bytes, size), 0);
	assert_int_equal(rimt.defects, 0);
	assert_true(iommu_rimt_next(&rimt, &found));
	assert_int_equal(found.type, IOMMU_RIMT_UNIT);
	assert_string_equal(found.unit.hardware_id, "RSCV0004");
	assert_int_equal(found.unit.base, 0x3010000);
	assert_true(found.unit.usable && !found.unit.is_pci && !found.unit.has_proximity);
	assert_true(iommu_rimt_next(&rimt, &found));
	assert_int_equal(found.type, IOMMU_RIMT_ROOT_COMPLEX);
	assert_false(iommu_rimt_next(&rimt, &found));
	assert_int_equal(iommu_rimt_find(&rimt, 0, 0x20, &found, &id), 0);
	assert_int_equal(id, 0x20);
	assert_int_equal(found.unit.base, 0x3010000);
	assert_int_equal(iommu_rimt_find(&rimt, 0, 0xffff, &found, &id), 0);
	assert_int_equal(iommu_rimt_find(&rimt, 1, 0x20, &found, &id), IOMMU_ENOENT);
	free(bytes);
}

static void a_pci_unit_is_found(void **state)
{
	size_t size;
	uint8_t *bytes = read_file("pci-unit.bin", &size);
	struct iommu_rimt_node found = {0};
	uint32_t id = 0;

	(void)state;
	assert_int_equal(iommu_rimt_open(&rimt, bytes, size), 0);
	assert_int_equal(rimt.defects, 0);
	assert_true(iommu_rimt_next(&rimt, &found));
	assert_string_equal(found.unit.hardware_id, "00100014");
	assert_true(found.unit.is_pci && found.unit.usable);
	assert_int_equal(found.unit.segment, 0);
	assert_int_equal(found.unit.function, 8);
	/* What is behind it: not itself, nor what is below. */
	assert_int_equal(iommu_rimt_find(&rimt, 0, 9, &found, &id), 0);
	assert_int_equal(id, 9);
	assert_true(found.unit.is_pci);
	assert_int_equal(iommu_rimt_find(&rimt, 0, 8, &found, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_rimt_find(&rimt, 0, 0, &found, &id), IOMMU_ENOENT);
	free(bytes);
}

/* --- What is read ----------------------------------------------------------------------------- */

static void all_fields_are_read(void **state)
{
	struct iommu_rimt_node shown = {0}, behind;
	struct iommu_rimt_wire wire = {0};
	struct iommu_rimt_map entry = {0};
	uint32_t first, second, id = 0, i;
	struct table t;

	(void)state;
	begin(&t);
	first = unit(&t, 0x10000000, RIMT_UNIT_HAS_PROXIMITY, 4);
	second = unit(&t, 0, RIMT_UNIT_IS_PCI, 0);
	(void)root_complex(&t, RIMT_ROOT_ATS | RIMT_ROOT_PRI, 7, 3);
	map(&t, 0, 0x100, 0x70000, first);
	map(&t, 0x80, 0x100, 0x5000, second);
	map(&t, 0xffff, 1, 0xffffff, second);
	(void)node(&t, IOMMU_RIMT_PLATFORM, RIMT_PLATFORM_SIZE + 8 + RIMT_MAP_SIZE);
	put(&t, RIMT_PLATFORM_SIZE + 8, 2);
	put(&t, 1, 2);
	memcpy(&t.bytes[t.length], "\\_SB.DEV", 8);
	t.bytes[t.length + 7] = 0;
	t.length += 8;
	map(&t, 0, 1, 0x42, first);
	expect(&t, 0);

	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_int_equal(shown.offset, first);
	assert_int_equal(shown.id, 0x100);
	assert_int_equal(shown.unit.base, 0x10000000);
	assert_true(shown.unit.has_proximity && shown.unit.usable);
	assert_int_equal(shown.unit.proximity_domain, 3);
	for (i = 0; i < 4; i++) {
		assert_true(iommu_rimt_next_wire(&rimt, &shown, &wire));
		assert_int_equal(wire.number, 40 + i);
		assert_int_equal(wire.level, (i & 1) != 0);
		assert_int_equal(wire.active_high, (i & 2) != 0);
	}
	assert_false(iommu_rimt_next_wire(&rimt, &shown, &wire));
	assert_false(iommu_rimt_next_map(&rimt, &shown, &entry));

	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_true(shown.unit.is_pci && shown.unit.usable);
	assert_int_equal(shown.unit.segment, 1);
	assert_int_equal(shown.unit.function, 0x10);

	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_int_equal(shown.type, IOMMU_RIMT_ROOT_COMPLEX);
	assert_int_equal(shown.root_complex.segment, 7);
	assert_true(shown.root_complex.ats && shown.root_complex.page_requests);
	memset(&wire, 0, sizeof(wire));
	assert_false(iommu_rimt_next_wire(&rimt, &shown, &wire));
	assert_true(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_int_equal(entry.device_id, 0x70000);
	assert_int_equal(entry.unit, first);
	assert_true(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_true(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_int_equal(entry.source, 0xffff);
	assert_false(iommu_rimt_next_map(&rimt, &shown, &entry));

	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_int_equal(shown.type, IOMMU_RIMT_PLATFORM);
	assert_string_equal(shown.platform.name, "\\_SB.DE");
	memset(&entry, 0, sizeof(entry));
	assert_true(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_int_equal(entry.device_id, 0x42);
	assert_false(iommu_rimt_next(&rimt, &shown));

	/* The first map that has an id; and each at its unit. */
	assert_int_equal(iommu_rimt_find(&rimt, 7, 0x90, &behind, &id), 0);
	assert_int_equal(id, 0x70090);
	assert_int_equal(behind.offset, first);
	assert_int_equal(iommu_rimt_find(&rimt, 7, 0x17f, &behind, &id), 0);
	assert_int_equal(id, 0x50ff);
	assert_int_equal(behind.offset, second);
	assert_int_equal(iommu_rimt_find(&rimt, 7, 0x180, &behind, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_rimt_find(&rimt, 7, 0xffff, &behind, &id), 0);
	assert_int_equal(id, 0xffffff);
}

/* --- What is tolerated ------------------------------------------------------------------------ */

static void defects_are_tolerated(void **state)
{
	struct iommu_rimt_node shown = {0};
	struct iommu_rimt_wire wire = {0};
	struct iommu_rimt_map entry = {0};
	uint32_t first, id = 0;
	struct table t;

	(void)state;
	/* Nodes that are too short, unknown, of no length, or go on beyond the end. */
	begin(&t);
	(void)node(&t, IOMMU_RIMT_UNIT, 8);
	(void)node(&t, 9, 8);
	first = unit(&t, 0x10000000, 0, 0);
	expect(&t, IOMMU_RIMT_NODE_SHORT | IOMMU_RIMT_NODE_UNKNOWN);
	assert_int_equal(nodes_shown(), 1);
	(void)node(&t, IOMMU_RIMT_UNIT, 7);
	(void)unit(&t, 0x20000000, 0, 0);
	expect(&t, IOMMU_RIMT_NODE_SHORT | IOMMU_RIMT_NODE_UNKNOWN | IOMMU_RIMT_NODE_LENGTH);
	assert_int_equal(nodes_shown(), 1);
	begin(&t);
	(void)unit(&t, 0x10000000, 0, 0);
	(void)unit(&t, 0x20000000, 0, 0);
	t.length--;
	expect(&t, IOMMU_RIMT_NODE_LENGTH);
	assert_int_equal(nodes_shown(), 1);
	begin(&t);
	(void)node(&t, IOMMU_RIMT_UNIT, 7);
	expect(&t, IOMMU_RIMT_NODE_LENGTH);
	/* Fewer than are counted, and more. */
	begin(&t);
	(void)unit(&t, 0x10000000, 0, 0);
	t.nodes++;
	expect(&t, IOMMU_RIMT_NODE_COUNT);
	assert_int_equal(nodes_shown(), 1);
	t.nodes = 0;
	expect(&t, IOMMU_RIMT_NODE_COUNT);
	assert_int_equal(nodes_shown(), 0);
	/* Wires beyond the node. */
	begin(&t);
	first = unit(&t, 0x10000000, 0, 2);
	set(&t, first + RIMT_UNIT_WIRES, 0xffff, 2);
	expect(&t, IOMMU_RIMT_ARRAY_LENGTH);
	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_true(iommu_rimt_next_wire(&rimt, &shown, &wire));
	assert_true(iommu_rimt_next_wire(&rimt, &shown, &wire));
	assert_false(iommu_rimt_next_wire(&rimt, &shown, &wire));
	set(&t, first + RIMT_UNIT_WIRE_OFFSET, 0xffff, 2);
	expect(&t, IOMMU_RIMT_ARRAY_LENGTH);
	memset(&shown, 0, sizeof(shown));
	memset(&wire, 0, sizeof(wire));
	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_false(iommu_rimt_next_wire(&rimt, &shown, &wire));
	/* Registers nowhere. */
	begin(&t);
	(void)unit(&t, 0, 0, 0);
	(void)unit(&t, 0x10000800, 0, 0);
	expect(&t, IOMMU_RIMT_UNIT_WITHOUT_BASE);
	memset(&shown, 0, sizeof(shown));
	assert_true(iommu_rimt_next(&rimt, &shown));
	assert_false(shown.unit.usable);
	/* Maps to nothing, of nothing, and too wide. */
	begin(&t);
	first = unit(&t, 0x10000000, 0, 0);
	(void)root_complex(&t, 0, 0, 7);
	map(&t, 0, 1, 0, first + 1);
	map(&t, 0, 1, 0, first + RIMT_UNIT_SIZE);
	map(&t, 0, 1, 0, 0xffffffff);
	expect(&t, IOMMU_RIMT_NODE_LENGTH);
	map(&t, 0, 0, 0, first);
	map(&t, 0xffffffff, 2, 0, first);
	map(&t, 0, 2, 0xffffff, first);
	map(&t, 4, 1, 5, first);
	expect(&t, IOMMU_RIMT_MAP_UNIT | IOMMU_RIMT_MAP_RANGE);
	memset(&shown, 0, sizeof(shown));
	assert_true(iommu_rimt_next(&rimt, &shown) && iommu_rimt_next(&rimt, &shown));
	assert_true(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_int_equal(entry.source, 4);
	assert_false(iommu_rimt_next_map(&rimt, &shown, &entry));
	assert_int_equal(iommu_rimt_find(&rimt, 0, 0, &shown, &id), IOMMU_ENOENT);
	assert_int_equal(iommu_rimt_find(&rimt, 0, 4, &shown, &id), 0);
	/* A name without its end. */
	begin(&t);
	(void)node(&t, IOMMU_RIMT_PLATFORM, RIMT_PLATFORM_SIZE + 2);
	put(&t, 0, 4);
	put(&t, 0x4141, 2);
	expect(&t, IOMMU_RIMT_NAME_UNTERMINATED);
	assert_int_equal(nodes_shown(), 0);
	/* A wrong sum. */
	t.bytes[9]++;
	assert_int_equal(iommu_rimt_open(&rimt, t.bytes, t.length), 0);
	assert_int_equal(rimt.defects, IOMMU_RIMT_NAME_UNTERMINATED | IOMMU_RIMT_CHECKSUM);
}

static void what_is_no_table_is_refused(void **state)
{
	struct table t;

	(void)state;
	begin(&t);
	assert_int_equal(open_made(&t), 0);
	assert_int_equal(nodes_shown(), 0);
	assert_int_equal(iommu_rimt_open(&rimt, NULL, 100), IOMMU_EINVAL);
	assert_int_equal(iommu_rimt_open(&rimt, t.bytes, RIMT_HEADER_SIZE - 1), IOMMU_EINVAL);
	assert_true(rimt.refusal[0] != 0);
	assert_int_equal(nodes_shown(), 0);
#define REFUSED(offset, value)                                                                     \
	begin(&t);                                                                                 \
	(void)open_made(&t);                                                                       \
	set(&t, offset, value, 4);                                                                 \
	assert_int_equal(iommu_rimt_open(&rimt, t.bytes, sizeof(t.bytes)), IOMMU_EINVAL)
	REFUSED(0, 0x52414d44);
	REFUSED(RIMT_LENGTH, RIMT_HEADER_SIZE - 1);
	REFUSED(RIMT_LENGTH, sizeof(t.bytes) + 1);
	REFUSED(RIMT_LENGTH, 0xffffffff);
	REFUSED(RIMT_FIRST_NODE, RIMT_HEADER_SIZE - 1);
	REFUSED(RIMT_FIRST_NODE, RIMT_HEADER_SIZE + 1);
	REFUSED(RIMT_FIRST_NODE, 0xffffffff);
}

static void the_length_has_a_bound(void **state)
{
	uint8_t *bytes = calloc(1, IOMMU_RIMT_MAX_SIZE + 1);
	struct table t;

	(void)state;
	assert_non_null(bytes);
	begin(&t);
	t.length = IOMMU_RIMT_MAX_SIZE;
	set(&t, RIMT_LENGTH, IOMMU_RIMT_MAX_SIZE, 4);
	memcpy(bytes, t.bytes, RIMT_HEADER_SIZE);
	assert_int_equal(iommu_rimt_open(&rimt, bytes, IOMMU_RIMT_MAX_SIZE + 1), 0);
	set(&t, RIMT_LENGTH, IOMMU_RIMT_MAX_SIZE + 1, 4);
	memcpy(bytes, t.bytes, RIMT_HEADER_SIZE);
	assert_int_equal(iommu_rimt_open(&rimt, bytes, IOMMU_RIMT_MAX_SIZE + 1), IOMMU_EINVAL);
	free(bytes);
}

/* --- Damage ----------------------------------------------------------------------------------- */

static void ask_everything(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	struct iommu_rimt_node shown = {0};
	unsigned int count = 0;
	uint32_t id;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (iommu_rimt_open(&rimt, copy, size) == 0) {
		while (iommu_rimt_next(&rimt, &shown)) {
			struct iommu_rimt_wire wire = {0};
			struct iommu_rimt_map entry = {0};

			assert_true(++count <= size / 8);
			while (iommu_rimt_next_wire(&rimt, &shown, &wire))
				assert_true(wire.position <= size / 8);
			while (iommu_rimt_next_map(&rimt, &shown, &entry))
				assert_true(entry.position <= size / 20 && entry.count != 0);
			if (shown.type == IOMMU_RIMT_PLATFORM)
				(void)strlen(shown.platform.name);
		}
		(void)iommu_rimt_find(&rimt, 0, 0x20, &shown, &id);
	}
	free(copy);
}

static void damage_is_survived(void **state)
{
	static const char *const files[] = {"platform-unit.bin", "pci-unit.bin"};
	struct test_random random = {.state = 7};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 100000);
	unsigned int file;
	uint64_t i;

	(void)state;
	for (file = 0; file < 2; file++) {
		size_t size, at;
		uint8_t *bytes = read_file(files[file], &size);

		for (at = 0; at <= size; at++)
			ask_everything(bytes, at);
		for (i = 0; i < rounds; i++) {
			uint8_t damaged[256];
			unsigned int changes = 1 + (unsigned int)test_random_below(&random, 4);

			assert_true(size <= sizeof(damaged));
			memcpy(damaged, bytes, size);
			for (; changes != 0; changes--)
				damaged[RIMT_NODES +
					test_random_below(&random, size - RIMT_NODES)] =
					(uint8_t)test_random_next(&random);
			ask_everything(damaged, size);
		}
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_platform_unit_is_found),
		cmocka_unit_test(a_pci_unit_is_found),
		cmocka_unit_test(all_fields_are_read),
		cmocka_unit_test(defects_are_tolerated),
		cmocka_unit_test(what_is_no_table_is_refused),
		cmocka_unit_test(the_length_has_a_bound),
		cmocka_unit_test(damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
