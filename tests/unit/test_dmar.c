/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR parser: each firmware bug that is tolerated or refused, tables of real machines with the
 * counts that another program found, and random damage.
 *
 * IOMMU_DMAR_TABLES names a further directory with tables and an expected.tsv.
 */
#define _GNU_SOURCE /* strsep */
#include <stdio.h>
#include <string.h>

#include <libiommu/dmar.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/status.h>

#include "test.h"

/* --- A table under construction -------------------------------------------------------------- */

struct table {
	uint8_t bytes[4096];
	size_t length;
};

static void put(struct table *t, uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t->bytes[t->length++] = (uint8_t)value;
}

static void seal(struct table *t)
{
	uint8_t sum = 0;
	size_t i;

	t->bytes[4] = (uint8_t)t->length;
	t->bytes[5] = (uint8_t)(t->length >> 8);
	t->bytes[9] = 0;
	for (i = 0; i < t->length; i++)
		sum = (uint8_t)(sum + t->bytes[i]);
	t->bytes[9] = (uint8_t)-sum;
}

static void begin(struct table *t)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, "DMAR", 4);
	t->bytes[8] = 1;
	t->bytes[DMAR_WIDTH_OFFSET] = 38;
	t->bytes[DMAR_FLAGS_OFFSET] = 5;
	t->length = DMAR_HEADER_SIZE;
}

static void structure(struct table *t, unsigned int type, unsigned int length)
{
	put(t, type, 2);
	put(t, length, 2);
}

static void drhd(struct table *t, unsigned int flags, unsigned int segment, uint64_t base,
		 unsigned int scope_bytes)
{
	structure(t, DMAR_DRHD, 16 + scope_bytes);
	put(t, flags, 1);
	put(t, 0, 1);
	put(t, segment, 2);
	put(t, base, 8);
}

static void rmrr(struct table *t, uint64_t base, uint64_t limit)
{
	structure(t, DMAR_RMRR, 24);
	put(t, 0, 2);
	put(t, 0, 2);
	put(t, base, 8);
	put(t, limit, 8);
}

static void scope(struct table *t, unsigned int type, unsigned int length, unsigned int path_bytes)
{
	put(t, type, 1);
	put(t, length, 1);
	put(t, 0, 2);
	put(t, 7, 1);
	put(t, 3, 1);
	for (; path_bytes != 0; path_bytes--)
		put(t, 0x10 + path_bytes, 1);
}

/* Opened from a buffer of exactly its size, so that a sanitizer sees any read beyond it. */
struct opened {
	struct iommu_dmar dmar;
	uint8_t *copy;
	int status;
};

static struct opened open_copy(const uint8_t *bytes, size_t length)
{
	struct opened o = {.copy = malloc(length)};

	assert_non_null(o.copy);
	memcpy(o.copy, bytes, length);
	o.status = iommu_dmar_open(&o.dmar, o.copy, length);
	return o;
}

static struct opened open_table(struct table *t)
{
	seal(t);
	return open_copy(t->bytes, t->length);
}

/* How many records of a type are shown. */
static unsigned int count(const struct opened *o, enum dmar_structure_type type)
{
	struct iommu_dmar_record record = {0};
	unsigned int found = 0;

	iommu_dmar_for_each (&o->dmar, &record)
		found += record.type == type;
	return found;
}

static unsigned int count_scopes(const struct opened *o)
{
	struct iommu_dmar_record record = {0};
	unsigned int found = 0;

	iommu_dmar_for_each (&o->dmar, &record) {
		struct iommu_dmar_scope s = {0};

		iommu_dmar_for_each_scope (&o->dmar, &record, &s)
			found++;
	}
	return found;
}

#define EXPECT_DEFECTS(o, expected)                                                                \
	do {                                                                                       \
		assert_int_equal((o).status, 0);                                                   \
		assert_int_equal((o).dmar.defects, expected);                                      \
	} while (0)

/* --- Each field, each refusal, each tolerance ------------------------------------------------- */

static void every_structure_is_decoded(void **state)
{
	struct iommu_dmar_record record = {0};
	struct iommu_dmar_scope s = {0};
	struct table t;
	struct opened o;

	(void)state;
	begin(&t);
	drhd(&t, 0, 2, 0xfed90000, 10);
	scope(&t, DMAR_SCOPE_BRIDGE, 10, 4);
	rmrr(&t, 0x7b800000, 0x7fffffff);
	structure(&t, DMAR_ATSR, 8 + 8);
	put(&t, 1, 2);
	put(&t, 5, 2);
	scope(&t, DMAR_SCOPE_ENDPOINT, 8, 2);
	structure(&t, DMAR_RHSA, 20);
	put(&t, 0, 4);
	put(&t, 0xfed90000, 8);
	put(&t, 9, 4);
	structure(&t, DMAR_ANDD, 8 + 6);
	put(&t, 4ULL << 24, 4);
	memcpy(&t.bytes[t.length], "\\_SB.", 6);
	t.length += 6;
	structure(&t, DMAR_SATC, 8);
	put(&t, 1, 2);
	put(&t, 6, 2);
	structure(&t, DMAR_SIDP, 8);
	put(&t, 0, 2);
	put(&t, 7, 2);
	o = open_table(&t);
	EXPECT_DEFECTS(o, 0);
	assert_int_equal(o.dmar.address_width, 39);
	assert_int_equal(o.dmar.flags, DMAR_FLAG_INTR_REMAP | DMAR_FLAG_PLATFORM_OPT_IN);

	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_DRHD);
	assert_int_equal(record.segment, 2);
	assert_int_equal(record.drhd.base, 0xfed90000);
	assert_int_equal(record.drhd.size, 4096);
	assert_false(record.drhd.include_all);
	assert_true(iommu_dmar_next_scope(&o.dmar, &record, &s));
	assert_int_equal(s.type, DMAR_SCOPE_BRIDGE);
	assert_int_equal(s.id, 7);
	assert_int_equal(s.start_bus, 3);
	assert_int_equal(s.hops, 2);
	assert_int_equal(iommu_dmar_hop_device(&s, 0), 0x14);
	assert_int_equal(iommu_dmar_hop_function(&s, 0), 0x13);
	assert_int_equal(iommu_dmar_hop_device(&s, 1), 0x12);
	assert_int_equal(iommu_dmar_hop_function(&s, 1), 0x11);
	assert_false(iommu_dmar_next_scope(&o.dmar, &record, &s));
	assert_false(iommu_dmar_next_scope(&o.dmar, &record, &s));

	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_RMRR);
	assert_int_equal(record.rmrr.start, 0x7b800000);
	assert_int_equal(record.rmrr.last, 0x7fffffff);
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_ATSR);
	assert_int_equal(record.segment, 5);
	assert_true(record.atsr.all_ports);
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_RHSA);
	assert_int_equal(record.rhsa.unit_base, 0xfed90000);
	assert_int_equal(record.rhsa.proximity_domain, 9);
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_ANDD);
	assert_int_equal(record.andd.number, 4);
	assert_string_equal(record.andd.name, "\\_SB.");
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_SATC);
	assert_true(record.satc.atc_required);
	assert_int_equal(record.segment, 6);
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.type, DMAR_SIDP);
	assert_int_equal(record.segment, 7);
	assert_false(iommu_dmar_next(&o.dmar, &record));
	assert_false(iommu_dmar_next(&o.dmar, &record));
	free(o.copy);
}

static void a_table_that_cannot_be_trusted_is_refused(void **state)
{
	struct iommu_dmar dmar;
	struct table t;
	size_t length;

	(void)state;
	begin(&t);
	drhd(&t, 1, 0, 0xfed90000, 0);
	seal(&t);
	length = t.length;
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length), 0);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, sizeof(t.bytes)), 0);
	assert_int_equal(iommu_dmar_open(&dmar, NULL, 100), IOMMU_EINVAL);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, DMAR_HEADER_SIZE - 1), IOMMU_EINVAL);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, 0), IOMMU_EINVAL);

	/* A wrong checksum alone is firmware's, and there is nothing better. */
	t.bytes[12] ^= 1;
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length), 0);
	assert_int_equal(dmar.defects, IOMMU_DMAR_CHECKSUM);
	t.bytes[12] ^= 1;
	t.bytes[0] = 'X'; /* signature, checksum right */
	seal(&t);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length), IOMMU_EINVAL);
	t.bytes[0] = 'D';
	t.bytes[DMAR_WIDTH_OFFSET] = DMAR_WIDTH_MIN - 1;
	seal(&t);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length), IOMMU_EINVAL);
	t.bytes[DMAR_WIDTH_OFFSET] = 38;
	t.bytes[DMAR_HEADER_SIZE + 2] = 17; /* the structure ends one byte behind the table */
	seal(&t);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, length), IOMMU_EINVAL);

	/* The length field is below the header, or beyond what any firmware makes. */
	begin(&t);
	t.length = DMAR_HEADER_SIZE - 1;
	seal(&t);
	assert_int_equal(iommu_dmar_open(&dmar, t.bytes, sizeof(t.bytes)), IOMMU_EINVAL);
	{
		uint8_t *huge = calloc(1, IOMMU_DMAR_MAX_SIZE + 256);
		uint8_t sum = 0;
		size_t i;

		assert_non_null(huge);
		memcpy(huge, t.bytes, DMAR_HEADER_SIZE);
		huge[4] = 1;
		huge[5] = 0;
		huge[6] = 1;
		huge[9] = 0;
		for (i = 0; i < IOMMU_DMAR_MAX_SIZE + 1; i++)
			sum = (uint8_t)(sum + huge[i]);
		huge[9] = (uint8_t)-sum;
		assert_int_equal(iommu_dmar_open(&dmar, huge, IOMMU_DMAR_MAX_SIZE + 256),
				 IOMMU_EINVAL);
		free(huge);
	}
}

static void a_table_without_units_is_ordinary(void **state)
{
	struct table t;
	struct opened o;

	(void)state;
	begin(&t);
	o = open_table(&t);
	EXPECT_DEFECTS(o, 0);
	assert_int_equal(count(&o, DMAR_DRHD), 0);
	free(o.copy);
}

static void structure_length_zero_ends_the_table(void **state)
{
	unsigned int length;

	(void)state;
	for (length = 0; length < 4; length++) {
		struct table t;
		struct opened o;

		begin(&t);
		drhd(&t, 0, 0, 0xfed90000, 0);
		structure(&t, DMAR_RMRR, length);
		drhd(&t, 0, 0, 0xfed91000, 0);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_STRUCTURE_LENGTH);
		assert_int_equal(count(&o, DMAR_DRHD), 1);
		free(o.copy);
	}
	/* Fewer bytes than a header at the end. */
	{
		struct table t;
		struct opened o;

		begin(&t);
		drhd(&t, 0, 0, 0xfed90000, 0);
		put(&t, 0, 3);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_STRUCTURE_LENGTH);
		assert_int_equal(count(&o, DMAR_DRHD), 1);
		free(o.copy);
	}
}

static void short_and_unknown_structures_are_skipped(void **state)
{
	static const unsigned int fixed[] = {16, 24, 8, 20, 8, 8, 8};
	unsigned int type;

	(void)state;
	for (type = 0; type <= DMAR_SIDP; type++) {
		struct table t;
		struct opened o;

		begin(&t);
		structure(&t, type, fixed[type] - 1);
		put(&t, 0, fixed[type] - 5);
		drhd(&t, 0, 0, 0xfed90000, 0);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_STRUCTURE_SHORT);
		assert_int_equal(count(&o, (enum dmar_structure_type)type), type == DMAR_DRHD);
		assert_int_equal(count(&o, DMAR_DRHD), 1);
		free(o.copy);
	}
	for (type = 7; type < 0x10000; type += 0xfff) {
		struct table t;
		struct opened o;

		begin(&t);
		structure(&t, type, 9);
		put(&t, 0, 5);
		drhd(&t, 0, 0, 0xfed90000, 0);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_STRUCTURE_UNKNOWN);
		assert_int_equal(count(&o, DMAR_DRHD), 1);
		free(o.copy);
	}
}

static void bad_scopes_are_skipped(void **state)
{
	static const struct {
		unsigned int type, length, path_bytes;
		unsigned int defect, shown;
	} cases[] = {
		{DMAR_SCOPE_ENDPOINT, 0, 2, IOMMU_DMAR_SCOPE_LENGTH, 0},
		{DMAR_SCOPE_ENDPOINT, 5, 2, IOMMU_DMAR_SCOPE_LENGTH, 0},
		{DMAR_SCOPE_ENDPOINT, 200, 2, IOMMU_DMAR_SCOPE_LENGTH, 0},
		{DMAR_SCOPE_ENDPOINT, 6, 0, IOMMU_DMAR_SCOPE_PATH, 1},
		{DMAR_SCOPE_ENDPOINT, 7, 1, IOMMU_DMAR_SCOPE_PATH, 1},
		{DMAR_SCOPE_ENDPOINT, 9, 3, IOMMU_DMAR_SCOPE_PATH, 1},
		{0, 8, 2, IOMMU_DMAR_SCOPE_TYPE, 1},
		{6, 8, 2, IOMMU_DMAR_SCOPE_TYPE, 1},
		{255, 8, 2, IOMMU_DMAR_SCOPE_TYPE, 1},
		{DMAR_SCOPE_NAMESPACE, 8, 2, 0, 2},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table t;
		struct opened o;

		begin(&t);
		drhd(&t, 0, 0, 0xfed90000, 6 + cases[i].path_bytes + 8);
		scope(&t, cases[i].type, cases[i].length, cases[i].path_bytes);
		scope(&t, DMAR_SCOPE_ENDPOINT, 8, 2);
		rmrr(&t, 0x1000, 0x1fff);
		o = open_table(&t);
		EXPECT_DEFECTS(o, cases[i].defect);
		assert_int_equal(count_scopes(&o), cases[i].shown);
		assert_int_equal(count(&o, DMAR_RMRR), 1); /* the next structure is not lost */
		free(o.copy);
	}
	/* Fewer bytes left in the structure than a scope's fixed part. */
	{
		struct table t;
		struct opened o;

		begin(&t);
		drhd(&t, 0, 0, 0xfed90000, 8 + 3);
		scope(&t, DMAR_SCOPE_ENDPOINT, 8, 2);
		put(&t, 0x0801, 3);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_SCOPE_LENGTH);
		assert_int_equal(count_scopes(&o), 1);
		free(o.copy);
	}
}

static void units_without_a_base_are_reported(void **state)
{
	static const uint64_t bases[] = {0, UINT64_MAX, 0xfed90800};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct iommu_dmar_record record = {0};
		struct table t;
		struct opened o;

		begin(&t);
		drhd(&t, 0, 0, bases[i], 0);
		drhd(&t, 1, 0, 0xfed91000, 0);
		o = open_table(&t);
		EXPECT_DEFECTS(o, IOMMU_DMAR_UNIT_WITHOUT_BASE);
		assert_true(iommu_dmar_next(&o.dmar, &record));
		assert_false(record.drhd.usable);
		assert_true(iommu_dmar_next(&o.dmar, &record));
		assert_true(record.drhd.usable);
		free(o.copy);
	}
}

static void a_unit_counts_once(void **state)
{
	struct table t;
	struct opened o;

	(void)state;
	begin(&t);
	drhd(&t, 0, 0, 0xfed90000, 0);
	drhd(&t, 0, 0, 0xfed90000, 0);
	o = open_table(&t);
	EXPECT_DEFECTS(o, IOMMU_DMAR_UNIT_TWICE);
	assert_int_equal(count(&o, DMAR_DRHD), 1);
	free(o.copy);

	/* The same address in another segment is another unit. */
	begin(&t);
	drhd(&t, 0, 0, 0xfed90000, 0);
	drhd(&t, 0, 1, 0xfed90000, 0);
	o = open_table(&t);
	EXPECT_DEFECTS(o, 0);
	assert_int_equal(count(&o, DMAR_DRHD), 2);
	free(o.copy);
}

static void the_first_include_all_wins(void **state)
{
	struct iommu_dmar_record record = {0};
	struct table t;
	struct opened o;

	(void)state;
	begin(&t);
	drhd(&t, 1, 0, 0xfed90000, 0);
	drhd(&t, 1, 1, 0xfed91000, 0); /* its own segment */
	drhd(&t, 1, 0, 0xfed92000, 0);
	o = open_table(&t);
	EXPECT_DEFECTS(o, IOMMU_DMAR_TWO_INCLUDE_ALL);
	assert_true(iommu_dmar_next(&o.dmar, &record) && record.drhd.include_all);
	assert_true(iommu_dmar_next(&o.dmar, &record) && record.drhd.include_all);
	assert_true(iommu_dmar_next(&o.dmar, &record));
	assert_int_equal(record.drhd.base, 0xfed92000);
	assert_false(record.drhd.include_all);
	free(o.copy);
}

static void reserved_regions_are_rounded_outwards(void **state)
{
	static const struct {
		uint64_t base, limit, start, last;
		unsigned int defects;
	} cases[] = {
		{0x1000, 0x1fff, 0x1000, 0x1fff, 0},
		{0x1001, 0x1fff, 0x1000, 0x1fff, IOMMU_DMAR_REGION_UNALIGNED},
		{0x1000, 0x2000, 0x1000, 0x2fff, IOMMU_DMAR_REGION_UNALIGNED},
		{0x1800, 0x1800, 0x1000, 0x1fff, IOMMU_DMAR_REGION_UNALIGNED},
		{0xfffffffffffff000, UINT64_MAX, 0xfffffffffffff000, UINT64_MAX, 0},
	};
	struct table t;
	struct opened o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct iommu_dmar_record record = {0};

		begin(&t);
		rmrr(&t, cases[i].base, cases[i].limit);
		o = open_table(&t);
		EXPECT_DEFECTS(o, cases[i].defects);
		assert_true(iommu_dmar_next(&o.dmar, &record));
		assert_int_equal(record.rmrr.start, cases[i].start);
		assert_int_equal(record.rmrr.last, cases[i].last);
		free(o.copy);
	}
	begin(&t);
	rmrr(&t, 0x2000, 0x1fff);
	o = open_table(&t);
	EXPECT_DEFECTS(o, IOMMU_DMAR_REGION_EMPTY);
	assert_int_equal(count(&o, DMAR_RMRR), 0);
	free(o.copy);

	/* Overlapping regions are both shown. */
	begin(&t);
	rmrr(&t, 0x1000, 0x2fff);
	rmrr(&t, 0x2000, 0x3fff);
	o = open_table(&t);
	EXPECT_DEFECTS(o, 0);
	assert_int_equal(count(&o, DMAR_RMRR), 2);
	free(o.copy);
}

static void names_and_affinities_must_make_sense(void **state)
{
	struct table t;
	struct opened o;

	(void)state;
	begin(&t);
	structure(&t, DMAR_ANDD, 12);
	put(&t, 0, 4);
	put(&t, 0x41414141, 4);
	structure(&t, DMAR_ANDD, 8); /* no name at all */
	put(&t, 0, 4);
	o = open_table(&t);
	EXPECT_DEFECTS(o, IOMMU_DMAR_NAME_UNTERMINATED);
	assert_int_equal(count(&o, DMAR_ANDD), 0);
	free(o.copy);

	begin(&t);
	structure(&t, DMAR_RHSA, 20);
	put(&t, 0, 4);
	put(&t, 0xfed91000, 8);
	put(&t, 1, 4);
	drhd(&t, 0, 0, 0xfed90000, 0);
	o = open_table(&t);
	EXPECT_DEFECTS(o, IOMMU_DMAR_AFFINITY_UNMATCHED);
	assert_int_equal(count(&o, DMAR_RHSA), 0);
	free(o.copy);

	/* The unit may come after its affinity. */
	begin(&t);
	structure(&t, DMAR_RHSA, 20);
	put(&t, 0, 4);
	put(&t, 0xfed90000, 8);
	put(&t, 1, 4);
	drhd(&t, 0, 0, 0xfed90000, 0);
	o = open_table(&t);
	EXPECT_DEFECTS(o, 0);
	assert_int_equal(count(&o, DMAR_RHSA), 1);
	free(o.copy);
}

/* --- Real machines ---------------------------------------------------------------------------- */

static size_t read_file(const char *directory, const char *name, uint8_t *bytes, size_t space)
{
	char path[1024];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	length = fread(bytes, 1, space, file);
	fclose(file);
	return length;
}

/* The columns of expected.tsv, behind the file name. */
enum column {
	WIDTH,
	FLAGS,
	FIRST_TYPE,
	OTHER = FIRST_TYPE + 7,
	INCLUDE_ALL,
	SCOPES,
	HOPS,
	COLUMNS
};

static void count_table(const struct opened *o, unsigned int counts[COLUMNS])
{
	struct iommu_dmar_record record = {0};

	memset(counts, 0, COLUMNS * sizeof(counts[0]));
	counts[WIDTH] = o->dmar.address_width;
	counts[FLAGS] = o->dmar.flags;
	iommu_dmar_for_each (&o->dmar, &record) {
		struct iommu_dmar_scope s = {0};

		counts[(unsigned int)FIRST_TYPE + (unsigned int)record.type]++;
		counts[INCLUDE_ALL] += record.type == DMAR_DRHD && record.drhd.include_all;
		iommu_dmar_for_each_scope (&o->dmar, &record, &s) {
			counts[SCOPES]++;
			counts[HOPS] += s.hops;
		}
	}
}

/* Reads every table that expected.tsv lists; returns how many. */
static unsigned int check_directory(const char *directory)
{
	static char list[65536];
	uint8_t bytes[8192];
	unsigned int tables = 0;
	char *line, *rest = list;

	list[read_file(directory, "expected.tsv", (uint8_t *)list, sizeof(list) - 1)] = 0;
	strsep(&rest, "\n"); /* the titles */
	while ((line = strsep(&rest, "\n")) != NULL && *line != 0) {
		const char *name = strsep(&line, "\t");
		unsigned int counts[COLUMNS], column;
		struct opened o =
			open_copy(bytes, read_file(directory, name, bytes, sizeof(bytes)));

		assert_int_equal(o.status, 0);
		count_table(&o, counts);
		for (column = 0; column < COLUMNS; column++) {
			unsigned int expected =
				(unsigned int)strtoul(strsep(&line, "\t"), NULL, 10);

			if (counts[column] != expected)
				fail_msg("%s, column %u: %u, expected %u", name, column,
					 counts[column], expected);
		}
		free(o.copy);
		tables++;
	}
	return tables;
}

static void tables_of_real_machines(void **state)
{
	const char *more = getenv("IOMMU_DMAR_TABLES");

	(void)state;
	assert_int_equal(check_directory(TEST_DATA "/dmar"), 11);
	if (more != NULL)
		printf("# %u more tables read\n", check_directory(more));
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Whatever the bytes are: every iteration ends and stays inside. The sanitizers watch. */
static void random_damage_is_survived(void **state)
{
	static const char *const names[] = {"0ae648fcfa0b.bin", "87306c718074.bin",
					    "4ff4c5fa14e2.bin"};
	struct test_random random = {test_setting("IOMMU_TEST_SEED", 7)};
	const uint64_t rounds = test_setting("IOMMU_TEST_OPERATIONS", 200000);
	uint64_t round, accepted = 0;

	(void)state;
	for (round = 0; round < rounds; round++) {
		struct table t;
		struct opened o;
		unsigned int damage = 1 + (unsigned int)test_random_below(&random, 6);
		unsigned int counts[COLUMNS];

		if (round % 1000 == 0 || test_random_below(&random, 2) == 0)
			t.length = read_file(TEST_DATA "/dmar", names[round % 3], t.bytes,
					     sizeof(t.bytes));
		else
			begin(&t), t.length += (size_t)test_random_below(&random, 64);
		for (; damage != 0; damage--) {
			const size_t from = DMAR_HEADER_SIZE - 12;
			size_t at = from + (size_t)test_random_below(&random, t.length - from);

			/* Small numbers make more trouble than large ones. */
			t.bytes[at] = (uint8_t)(test_random_next(&random) &
						(test_random_below(&random, 2) != 0 ? 0x1f : 0xff));
		}
		o = open_table(&t);
		if (o.status == 0) {
			accepted++;
			count_table(&o, counts);
		} else {
			assert_int_equal(o.status, IOMMU_EINVAL);
		}
		free(o.copy);
	}
	assert_true(accepted > rounds / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_structure_is_decoded),
		cmocka_unit_test(a_table_that_cannot_be_trusted_is_refused),
		cmocka_unit_test(a_table_without_units_is_ordinary),
		cmocka_unit_test(structure_length_zero_ends_the_table),
		cmocka_unit_test(short_and_unknown_structures_are_skipped),
		cmocka_unit_test(bad_scopes_are_skipped),
		cmocka_unit_test(units_without_a_base_are_reported),
		cmocka_unit_test(a_unit_counts_once),
		cmocka_unit_test(the_first_include_all_wins),
		cmocka_unit_test(reserved_regions_are_rounded_outwards),
		cmocka_unit_test(names_and_affinities_must_make_sense),
		cmocka_unit_test(tables_of_real_machines),
		cmocka_unit_test(random_damage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
