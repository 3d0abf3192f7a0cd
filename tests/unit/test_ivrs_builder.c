/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IVRS builder: what was added is what the parser reads, of tables of real machines and of
 * random ones; what makes no sense is refused, with its reason; tables that do not fit.
 */
#define _GNU_SOURCE /* strsep */
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/ivrs_builder.h>
#include <libiommu/status.h>

#include "test.h"

static uint8_t bytes[IOMMU_IVRS_MAX_SIZE];
static struct iommu_ivrs_builder b;

static void begin(void)
{
	const struct iommu_ivrs table = {
		.has_features = true, .physical_bits = 48, .virtual_bits = 64};

	iommu_ivrs_begin(&b, bytes, sizeof(bytes), &table);
}

static void add_unit(unsigned int type)
{
	const struct iommu_ivrs_unit unit = {
		.devid = 2, .capability = 0x40, .base = 0xfd200000, .efr = 1};

	iommu_ivrs_add_unit(&b, (uint8_t)type, 0, &unit);
}

/* --- What was added is read ------------------------------------------------------------------- */

static bool same_device(const struct iommu_ivrs_device *one, const struct iommu_ivrs_device *other)
{
	return one->kind == other->kind && one->first == other->first && one->last == other->last &&
	       one->setting == other->setting && one->has_alias == other->has_alias &&
	       one->alias == other->alias && one->no_ats == other->no_ats &&
	       one->handle == other->handle && strcmp(one->hid, other->hid) == 0 &&
	       strcmp(one->cid, other->cid) == 0 && one->uid_format == other->uid_format &&
	       one->uid == other->uid && one->uid_length == other->uid_length &&
	       (one->uid_length == 0 ||
		memcmp(one->uid_text, other->uid_text, one->uid_length) == 0);
}

static bool same_block(const struct iommu_ivrs_block *one, const struct iommu_ivrs_block *other)
{
	if (one->kind != other->kind || one->type != other->type || one->segment != other->segment)
		return false;
	if (one->kind == IOMMU_IVRS_UNIT)
		return one->unit.devid == other->unit.devid &&
		       one->unit.capability == other->unit.capability &&
		       one->unit.base == other->unit.base && one->unit.size == other->unit.size &&
		       one->unit.counts == other->unit.counts &&
		       one->unit.flags == other->unit.flags && one->unit.info == other->unit.info &&
		       one->unit.features == other->unit.features &&
		       one->unit.efr == other->unit.efr && one->unit.efr2 == other->unit.efr2;
	return one->memory.type == other->memory.type && one->memory.first == other->memory.first &&
	       one->memory.last == other->memory.last && one->memory.start == other->memory.start &&
	       one->memory.end == other->memory.end && one->memory.read == other->memory.read &&
	       one->memory.write == other->memory.write &&
	       one->memory.is_exclusion == other->memory.is_exclusion;
}

/* A table from what the reader finds in another one. */
static void build_again(const struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};

	iommu_ivrs_begin(&b, bytes, sizeof(bytes), ivrs);
	while (iommu_ivrs_next(ivrs, &block)) {
		struct iommu_ivrs_device device = {0};

		if (block.kind == IOMMU_IVRS_MEMORY) {
			iommu_ivrs_add_memory(&b, &block.memory);
			continue;
		}
		iommu_ivrs_add_unit(&b, block.type, block.segment, &block.unit);
		while (iommu_ivrs_next_device(ivrs, &block, &device))
			iommu_ivrs_add_device(&b, &device);
	}
}

static void expect_same(const struct iommu_ivrs *ivrs, const struct iommu_ivrs *again)
{
	struct iommu_ivrs_block one = {0}, other = {0};

	assert_int_equal(again->type, ivrs->type);
	assert_int_equal(again->has_features, ivrs->has_features);
	assert_int_equal(again->was_remapping, ivrs->was_remapping);
	assert_int_equal(again->physical_bits, ivrs->physical_bits);
	assert_int_equal(again->virtual_bits, ivrs->virtual_bits);
	while (iommu_ivrs_next(ivrs, &one)) {
		struct iommu_ivrs_device device = {0}, second = {0};

		assert_true(iommu_ivrs_next(again, &other));
		assert_true(same_block(&one, &other));
		while (iommu_ivrs_next_device(ivrs, &one, &device)) {
			assert_true(iommu_ivrs_next_device(again, &other, &second));
			assert_true(same_device(&device, &second));
		}
		assert_false(iommu_ivrs_next_device(again, &other, &second));
	}
	assert_false(iommu_ivrs_next(again, &other));
}

static size_t read_file(const char *name, uint8_t *to, size_t size)
{
	char path[512];
	size_t length;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", TEST_DATA "/ivrs", name);
	file = fopen(path, "rb");
	assert_non_null(file);
	length = fread(to, 1, size, file);
	(void)fclose(file);
	return length;
}

static void tables_of_real_machines_are_built_again(void **state)
{
	/* Rounded, and a block of a type that no builder has. */
	const unsigned int gone = IOMMU_IVRS_MEMORY_UNALIGNED | IOMMU_IVRS_BLOCK_UNKNOWN;
	static char list[65536];
	static uint8_t table[4096];
	char *line, *rest = list;
	unsigned int tables = 0;

	(void)state;
	list[read_file("expected.tsv", (uint8_t *)list, sizeof(list) - 1)] = 0;
	(void)strsep(&rest, "\n");
	while ((line = strsep(&rest, "\n")) != NULL && *line != 0) {
		const size_t size = read_file(strsep(&line, "\t"), table, sizeof(table));
		struct iommu_ivrs ivrs, again;

		assert_int_equal(iommu_ivrs_open(&ivrs, table, size), 0);
		build_again(&ivrs);
		assert_true(iommu_ivrs_finish(&b, "BOCHS ", "BXPC    ") > 48);
		assert_int_equal(iommu_ivrs_open(&again, bytes, b.used), 0);
		assert_int_equal(again.defects, ivrs.defects & ~gone);
		expect_same(&ivrs, &again);
		tables++;
	}
	assert_int_equal(tables, 58);
}

static void random_device(struct test_random *random, bool is_named, struct iommu_ivrs_device *d)
{
	*d = (struct iommu_ivrs_device){
		.kind = (enum iommu_ivrs_device_kind)(1 +
						      test_random_below(random, is_named ? 5 : 4)),
		.first = (uint16_t)test_random_next(random),
		.setting = (uint8_t)test_random_next(random),
	};
	d->last = d->first;
	if (d->kind == IOMMU_IVRS_DEVICE_ALL) {
		d->first = 0;
		d->last = UINT16_MAX;
	} else if (d->kind == IOMMU_IVRS_DEVICE_RANGE) {
		if (test_random_below(random, 2) == 0)
			d->last = (uint16_t)(d->first | test_random_below(random, 65536));
		d->has_alias = test_random_below(random, 2) == 0;
		d->alias = d->has_alias ? (uint16_t)test_random_next(random) : 0;
		d->no_ats = !d->has_alias && test_random_below(random, 2) == 0;
	} else if (d->kind == IOMMU_IVRS_DEVICE_NAMED) {
		memcpy(d->hid, "AMDI0095", 1 + (size_t)test_random_below(random, 8));
		memcpy(d->cid, "PNPD0040", (size_t)test_random_below(random, 9));
		d->uid_format = (enum iommu_ivrs_uid)test_random_below(random, 3);
		d->uid = d->uid_format == IOMMU_IVRS_UID_INTEGER ? test_random_next(random) : 0;
		if (d->uid_format == IOMMU_IVRS_UID_TEXT) {
			d->uid_text = "\\_SB.FUR0.AND.MORE.OF.IT";
			d->uid_length = (uint8_t)test_random_below(random, 24);
		}
	} else {
		d->handle = (uint8_t)test_random_next(random);
	}
}

static void random_tables_are_read_again(void **state)
{
	static const uint8_t types[] = {0x10, 0x11, 0x40};
	struct test_random random = {.state = 5};
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 2000; round++) {
		const uint8_t type = types[round % 3];
		struct iommu_ivrs_device devices[20], read = {0};
		struct iommu_ivrs_block block = {0};
		struct iommu_ivrs ivrs;

		begin();
		add_unit(type);
		for (i = 0; i < 20; i++) {
			random_device(&random, type == 0x40, &devices[i]);
			iommu_ivrs_add_device(&b, &devices[i]);
		}
		assert_true(iommu_ivrs_finish(&b, "A", "B") > 0);
		assert_string_equal(b.refusal, "");
		assert_int_equal(iommu_ivrs_open(&ivrs, bytes, b.used), 0);
		assert_int_equal(ivrs.defects & ~(unsigned int)IOMMU_IVRS_SPECIAL_TWICE, 0);
		assert_true(iommu_ivrs_next_unit(&ivrs, &block));
		for (i = 0; i < 20; i++) {
			assert_true(iommu_ivrs_next_device(&ivrs, &block, &read));
			assert_true(same_device(&devices[i], &read));
		}
		assert_false(iommu_ivrs_next_device(&ivrs, &block, &read));
	}
}

/* --- What is refused -------------------------------------------------------------------------- */

static void expect_refused(int status)
{
	assert_int_equal(iommu_ivrs_finish(&b, "", ""), status);
	assert_string_not_equal(b.refusal, "");
}

static void units_that_make_no_sense(void **state)
{
	struct iommu_ivrs_unit unit = {.base = 0x4000};

	(void)state;
	begin();
	iommu_ivrs_add_unit(&b, 0x12, 0, &unit);
	expect_refused(IOMMU_EINVAL);
	begin();
	unit.base = 0;
	iommu_ivrs_add_unit(&b, 0x11, 0, &unit);
	expect_refused(IOMMU_EINVAL);
	begin();
	unit.base = 0x5000;
	iommu_ivrs_add_unit(&b, 0x11, 0, &unit);
	expect_refused(IOMMU_EINVAL);
	/* The first error stays. */
	add_unit(0x11);
	expect_refused(IOMMU_EINVAL);
	iommu_ivrs_begin(&b, bytes, sizeof(bytes), &(struct iommu_ivrs){.physical_bits = 128});
	expect_refused(IOMMU_EINVAL);
}

static void expect_refused_device(unsigned int type, const struct iommu_ivrs_device *device)
{
	begin();
	add_unit(type);
	iommu_ivrs_add_device(&b, device);
	expect_refused(IOMMU_EINVAL);
}

static void devices_that_make_no_sense(void **state)
{
	struct iommu_ivrs_device d = {.kind = IOMMU_IVRS_DEVICE_RANGE, .first = 8, .last = 7};
	const struct iommu_ivrs_memory memory = {.type = 0x20, .end = 0xfff};

	(void)state;
	expect_refused_device(0x11, &d);
	d.last = 8;
	d.has_alias = d.no_ats = true;
	expect_refused_device(0x11, &d);
	d = (struct iommu_ivrs_device){.kind = IOMMU_IVRS_DEVICE_NAMED, .hid = "AMDI0030"};
	expect_refused_device(0x11, &d);
	d.uid_format = (enum iommu_ivrs_uid)3;
	expect_refused_device(0x40, &d);
	d = (struct iommu_ivrs_device){.kind = IOMMU_IVRS_DEVICE_NAMED};
	expect_refused_device(0x40, &d);
	d = (struct iommu_ivrs_device){.kind = (enum iommu_ivrs_device_kind)0};
	expect_refused_device(0x11, &d);
	d = (struct iommu_ivrs_device){.kind = IOMMU_IVRS_DEVICE_ALL};
	begin();
	iommu_ivrs_add_device(&b, &d);
	expect_refused(IOMMU_EINVAL);
	/* Memory ends a unit. */
	begin();
	add_unit(0x11);
	iommu_ivrs_add_memory(&b, &memory);
	iommu_ivrs_add_device(&b, &d);
	expect_refused(IOMMU_EINVAL);
}

static void memory_that_makes_no_sense(void **state)
{
	static const struct iommu_ivrs_memory wrong[] = {
		{.type = 0x1f, .end = 0xfff},
		{.type = 0x24, .end = 0xfff},
		{.type = 0x20, .start = 0x2000, .end = 0x1fff},
		{.type = 0x20, .start = 0x800, .end = 0x1fff},
		{.type = 0x20, .start = 0x1000, .end = 0x1ffe},
		{.type = 0x20, .start = 0, .end = UINT64_MAX},
		{.type = 0x22, .first = 8, .last = 7, .start = 0, .end = 0xfff},
	};
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs ivrs;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin();
		iommu_ivrs_add_memory(&b, &wrong[i]);
		expect_refused(IOMMU_EINVAL);
	}
	begin();
	iommu_ivrs_add_memory(&b, &(struct iommu_ivrs_memory){.type = 0x22,
							      .first = 7,
							      .last = 8,
							      .start = 0xfffffffffffff000,
							      .end = UINT64_MAX,
							      .write = true});
	assert_int_equal(iommu_ivrs_finish(&b, "", ""), 80);
	assert_int_equal(iommu_ivrs_open(&ivrs, bytes, 80), 0);
	assert_int_equal(ivrs.defects, 0);
	assert_true(iommu_ivrs_next(&ivrs, &block));
	assert_true(block.memory.write && !block.memory.read && block.memory.end == UINT64_MAX);
	assert_true(block.memory.first == 7 && block.memory.last == 8);
}

static void tables_that_do_not_fit(void **state)
{
	const struct iommu_ivrs_device d = {
		.kind = IOMMU_IVRS_DEVICE_RANGE, .first = 8, .last = 9, .no_ats = true};
	const struct iommu_ivrs_memory memory = {.type = 0x20, .end = 0xfff};
	size_t size;
	unsigned int i;

	(void)state;
	for (size = 0; size <= 48 + 40 + 12 + 32; size++) {
		uint8_t *small = malloc(size != 0 ? size : 1);

		iommu_ivrs_begin(&b, small, size, &(struct iommu_ivrs){.physical_bits = 48});
		add_unit(0x11);
		iommu_ivrs_add_device(&b, &d);
		iommu_ivrs_add_memory(&b, &memory);
		if (size < 132)
			expect_refused(IOMMU_ENOSPC);
		else
			assert_int_equal(iommu_ivrs_finish(&b, "", ""), 132);
		free(small);
	}
	/* More than any table has. */
	begin();
	add_unit(0x10);
	for (i = 0; i < 5461; i++)
		iommu_ivrs_add_device(&b, &d);
	expect_refused(IOMMU_ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_of_real_machines_are_built_again),
		cmocka_unit_test(random_tables_are_read_again),
		cmocka_unit_test(units_that_make_no_sense),
		cmocka_unit_test(devices_that_make_no_sense),
		cmocka_unit_test(memory_that_makes_no_sense),
		cmocka_unit_test(tables_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
