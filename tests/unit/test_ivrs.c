/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IVRS parser: tables of real machines with the counts that another program found, entries and
 * blocks that none of these has, each defect that is tolerated or refused, and damage of any kind,
 * in memory of exactly the table's size.
 *
 * IOMMU_IVRS_TABLES names a further directory with tables and an expected.tsv.
 */
#define _GNU_SOURCE /* strsep */
#include <stdio.h>
#include <string.h>

#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/ivrs.h>
#include <libiommu/status.h>

#include "test.h"

/* --- A table under construction --------------------------------------------------------------- */

struct table {
	uint8_t bytes[IOMMU_IVRS_MAX_SIZE + 64];
	size_t length, block;
};

static struct table t;

static void put(uint64_t value, unsigned int width)
{
	for (; width != 0; width--, value >>= 8)
		t.bytes[t.length++] = (uint8_t)value;
}

static void seal(void)
{
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < 4; i++)
		t.bytes[4 + i] = (uint8_t)(t.length >> 8 * i);
	t.bytes[9] = 0;
	for (i = 0; i < t.length; i++)
		sum = (uint8_t)(sum + t.bytes[i]);
	t.bytes[9] = (uint8_t)-sum;
}

static void begin(void)
{
	memset(&t, 0, sizeof(t));
	memcpy(t.bytes, "IVRS", 4);
	t.bytes[8] = 2;
	t.length = 36;
	put(0x203043, 4);
	put(0, 8);
}

static void end_block(void)
{
	t.bytes[t.block + 2] = (uint8_t)(t.length - t.block);
	t.bytes[t.block + 3] = (uint8_t)((t.length - t.block) >> 8);
}

/* A unit's block; end_block() after its entries. */
static void unit(unsigned int type, unsigned int segment, uint16_t devid, uint64_t base,
		 uint64_t efr)
{
	t.block = t.length;
	put(type, 1);
	put(0xb0, 1);
	put(0, 2);
	put(devid, 2);
	put(0x40, 2);
	put(base, 8);
	put(segment, 2);
	put(0x1203, 2);
	put(type == 0x10 ? 0x80048f67 : 0x00040001, 4);
	if (type != 0x10) {
		put(efr, 8);
		put(efr + 1, 8);
	}
}

static void entry4(unsigned int type, uint16_t devid, unsigned int setting)
{
	put(type, 1);
	put(devid, 2);
	put(setting, 1);
}

static void entry8(unsigned int type, uint16_t devid, unsigned int setting, uint32_t more)
{
	entry4(type, devid, setting);
	put(more, 4);
}

static void named(uint16_t devid, const char *hid, unsigned int format, unsigned int length,
		  const char *uid)
{
	unsigned int i;

	entry4(0xf0, devid, 0x40);
	for (i = 0; i < 8; i++)
		put((uint8_t)(i < strlen(hid) ? hid[i] : 0), 1);
	put(0x3231444342ULL, 8);
	put(format, 1);
	put(length, 1);
	for (i = 0; i < length; i++)
		put((uint8_t)uid[i], 1);
}

static void memory(unsigned int type, unsigned int flags, uint16_t first, uint16_t last,
		   uint64_t start, uint64_t size)
{
	put(type, 1);
	put(flags, 1);
	put(32, 2);
	put(first, 2);
	put(last, 2);
	put(0, 8);
	put(start, 8);
	put(size, 8);
}

/* A table in memory of exactly its size. */
struct opened {
	uint8_t *bytes;
	struct iommu_ivrs ivrs;
	int status;
};

static struct opened open_copy(const uint8_t *bytes, size_t size)
{
	struct opened o = {.bytes = malloc(size != 0 ? size : 1)};

	assert_non_null(o.bytes);
	memcpy(o.bytes, bytes, size);
	o.status = iommu_ivrs_open(&o.ivrs, o.bytes, size);
	return o;
}

static struct opened open_table(void)
{
	struct opened o;

	seal();
	o = open_copy(t.bytes, t.length);
	assert_int_equal(o.status, 0);
	return o;
}

static void expect_defects(unsigned int defects)
{
	struct opened o = open_table();

	assert_int_equal(o.ivrs.defects, defects);
	free(o.bytes);
}

/* --- Headers ---------------------------------------------------------------------------------- */

static void headers_are_checked(void **state)
{
	struct iommu_ivrs ivrs;
	struct opened o;

	(void)state;
	begin();
	o = open_table();
	assert_int_equal(o.ivrs.defects, 0);
	assert_int_equal(o.ivrs.revision, 2);
	assert_int_equal(o.ivrs.physical_bits, 48);
	assert_int_equal(o.ivrs.virtual_bits, 64);
	assert_true(o.ivrs.has_features && o.ivrs.was_remapping && !o.ivrs.ht_ats);
	assert_int_equal(o.ivrs.type, 0);
	assert_string_equal(o.ivrs.refusal, "");
	free(o.bytes);
	assert_int_equal(iommu_ivrs_open(&ivrs, NULL, 100), IOMMU_EINVAL);
	assert_int_equal(iommu_ivrs_open(&ivrs, t.bytes, 47), IOMMU_EINVAL);
	assert_string_not_equal(ivrs.refusal, "");
	t.bytes[0] = 'J';
	assert_int_equal(iommu_ivrs_open(&ivrs, t.bytes, t.length), IOMMU_EINVAL);
	t.bytes[0] = 'I';
	t.bytes[4] = 47;
	assert_int_equal(iommu_ivrs_open(&ivrs, t.bytes, t.length), IOMMU_EINVAL);
	t.bytes[4] = 49;
	assert_int_equal(iommu_ivrs_open(&ivrs, t.bytes, t.length), IOMMU_EINVAL);
	t.bytes[6] = 1;
	assert_int_equal(iommu_ivrs_open(&ivrs, t.bytes, sizeof(t.bytes) * 4), IOMMU_EINVAL);
	assert_null(ivrs.bytes);
	begin();
	seal();
	t.bytes[9]++;
	o = open_copy(t.bytes, t.length);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_CHECKSUM);
	free(o.bytes);
}

/* --- Units ------------------------------------------------------------------------------------ */

static void units_are_read(void **state)
{
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	unit(0x10, 3, 0x4002, 0xfd200000, 0);
	end_block();
	unit(0x11, 3, 0x4002, 0xfd200000, 0x123456789);
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.defects, 0);
	assert_int_equal(o.ivrs.type, 0x11);
	assert_true(iommu_ivrs_next(&o.ivrs, &block));
	assert_int_equal(block.kind, IOMMU_IVRS_UNIT);
	assert_int_equal(block.type, 0x10);
	assert_int_equal(block.segment, 3);
	assert_int_equal(block.unit.devid, 0x4002);
	assert_int_equal(block.unit.capability, 0x40);
	assert_int_equal(block.unit.base, 0xfd200000);
	assert_int_equal(block.unit.flags, 0xb0);
	assert_int_equal(ivrs_info_msi(block.unit.info), 3);
	assert_int_equal(ivrs_info_unit_id(block.unit.info), 0x12);
	assert_int_equal(block.unit.features, 0x80048f67);
	assert_int_equal(block.unit.size, 0x80000);
	assert_true(block.unit.usable && !block.unit.counts && !block.unit.has_features);
	assert_true(iommu_ivrs_next(&o.ivrs, &block));
	assert_true(block.unit.counts && block.unit.has_features && block.unit.host_tables_off);
	assert_int_equal(block.unit.efr, 0x123456789);
	assert_int_equal(block.unit.efr2, 0x12345678a);
	/* Banks without counters are none. */
	assert_int_equal(block.unit.size, 0x4000);
	assert_false(iommu_ivrs_next(&o.ivrs, &block));
	assert_false(iommu_ivrs_next(&o.ivrs, &block));
	block = (struct iommu_ivrs_block){0};
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block));
	assert_int_equal(block.type, 0x11);
	assert_false(iommu_ivrs_next_unit(&o.ivrs, &block));
	free(o.bytes);
	/* Without EFRSup images are none. */
	t.bytes[IVRS_INFO] = 0x40;
	o = open_table();
	block = (struct iommu_ivrs_block){0};
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block));
	assert_false(block.unit.has_features);
	assert_int_equal(block.unit.efr, 0);
	assert_true(block.unit.host_tables_off);
	free(o.bytes);
}

/* Each unit by its own best block, whatever the order; the first of two that are alike. */
static void the_best_block_counts(void **state)
{
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	unit(0x40, 0, 2, 0x10000, 5);
	end_block();
	unit(0x10, 0, 2, 0x10000, 0);
	end_block();
	unit(0x11, 0, 2, 0x10000, 5);
	end_block();
	unit(0x11, 0, 0x2002, 0x20000, 5);
	end_block();
	unit(0x10, 0, 0x2002, 0x20000, 0);
	end_block();
	unit(0x10, 0, 0x4002, 0x30000, 0);
	end_block();
	unit(0x10, 0, 0x4002, 0x40000, 0);
	end_block();
	unit(0x10, 1, 0x4002, 0x50000, 0);
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.type, 0x40);
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_UNIT_INCOMPLETE | IOMMU_IVRS_UNIT_TWICE);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block) && block.type == 0x40);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block) && block.type == 0x11);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block) && block.unit.base == 0x30000);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block) && block.unit.base == 0x50000);
	assert_false(iommu_ivrs_next_unit(&o.ivrs, &block));
	free(o.bytes);
}

static void defects_of_units(void **state)
{
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	unit(0x10, 0, 2, 0, 0);
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_UNIT_WITHOUT_BASE);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block) && !block.unit.usable);
	free(o.bytes);
	begin();
	unit(0x11, 0, 2, 0x12000, 0);
	end_block();
	expect_defects(IOMMU_IVRS_UNIT_WITHOUT_BASE);
	begin();
	unit(0x10, 0, 2, 0xffffffffffffc000, 0);
	end_block();
	expect_defects(IOMMU_IVRS_UNIT_WITHOUT_BASE);
	begin();
	unit(0x11, 0, 2, 0xffffffffffffc000, 0);
	end_block();
	expect_defects(0);
	begin();
	unit(0x11, 0, 2, 0x10000, 1);
	end_block();
	unit(0x11, 0, 3, 0x10000, 1);
	end_block();
	expect_defects(IOMMU_IVRS_UNIT_SAME_BASE);
	begin();
	unit(0x11, 0, 2, 0x10000, 1);
	end_block();
	unit(0x40, 0, 2, 0x10000, 3);
	end_block();
	expect_defects(IOMMU_IVRS_UNIT_IMAGES);
}

static void defects_of_blocks(void **state)
{
	struct iommu_ivrs_block block = {0};
	unsigned int i;
	struct opened o;

	(void)state;
	/* A type that is not known is skipped by its length. */
	begin();
	put(0x51, 1);
	put(8, 1);
	put(32, 2);
	t.length += 28;
	unit(0x11, 0, 2, 0x10000, 1);
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_BLOCK_UNKNOWN);
	assert_true(iommu_ivrs_next(&o.ivrs, &block) && block.type == 0x11);
	free(o.bytes);
	/* Too short for its type, too short to be one, longer than the table. */
	begin();
	put(0x10 | 23 << 16, 4);
	t.length += 19;
	put(0x11 | 39 << 16, 4);
	t.length += 35;
	put(0x21 | 31 << 16, 4);
	t.length += 27;
	unit(0x10, 0, 2, 0x10000, 1);
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_BLOCK_SHORT);
	block = (struct iommu_ivrs_block){0};
	assert_true(iommu_ivrs_next(&o.ivrs, &block) && block.type == 0x10);
	free(o.bytes);
	for (i = 0; i < 4; i++) {
		begin();
		unit(0x11, 0, 2, 0x10000, 1);
		end_block();
		put(0x10 | i << 16, 4);
		t.length += 64;
		o = open_table();
		assert_int_equal(o.ivrs.defects, IOMMU_IVRS_BLOCK_LENGTH);
		block = (struct iommu_ivrs_block){0};
		assert_true(iommu_ivrs_next(&o.ivrs, &block));
		assert_false(iommu_ivrs_next(&o.ivrs, &block));
		free(o.bytes);
	}
	begin();
	put(0x11 | 41 << 16, 4);
	t.length += 36;
	expect_defects(IOMMU_IVRS_BLOCK_LENGTH);
	begin();
	put(0x11, 3);
	expect_defects(IOMMU_IVRS_BLOCK_LENGTH);
	begin();
	for (i = 0; i <= IOMMU_IVRS_MAX_BLOCKS; i++)
		memory(0x20, 7, 0, 0, 0x1000, 0x1000);
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_BLOCK_COUNT);
	block = (struct iommu_ivrs_block){0};
	for (i = 0; iommu_ivrs_next(&o.ivrs, &block); i++)
		;
	assert_int_equal(i, IOMMU_IVRS_MAX_BLOCKS);
	free(o.bytes);
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Every kind of entry, also those that no real table has. */
static void devices_are_read(void **state)
{
	struct iommu_ivrs_device d = {0};
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	unit(0x40, 0, 2, 0x10000, 1);
	entry4(0x00, 0xffff, 0xff);
	entry4(0x01, 0x1234, 0x81);
	entry4(0x02, 0x10, 0x02);
	entry8(0x40, 0xffff, 0xff, 0xffffffff);
	entry4(0x03, 0x100, 0x30);
	entry4(0x00, 0, 0);
	entry8(0x40, 0, 0, 0);
	entry4(0x04, 0x1ff, 0xff);
	entry8(0x42, 0x20, 0, 0xa400 | 0xff000000);
	entry8(0x43, 0x300, 0x04, 0xa500);
	entry4(0x04, 0x300, 0);
	entry8(0x46, 0x30, 0, 0x80000000);
	entry8(0x47, 0x400, 0, 0x7fffffff);
	entry4(0x04, 0x4ff, 0);
	entry8(0x48, 0, 0xd7, 0x0100a021);
	entry8(0x48, 0, 0, 0x0200a007);
	named(0x99, "PNPD0040", 2, 5, "\\_SB_");
	named(0x9a, "AMDI02", 1, 2, "\x34\x12");
	named(0x9b, "X", 0, 0, "");
	end_block();
	o = open_table();
	assert_int_equal(o.ivrs.defects, 0);
	assert_true(iommu_ivrs_next_unit(&o.ivrs, &block));
#define NEXT(of, from, to)                                                                         \
	assert_true(iommu_ivrs_next_device(&o.ivrs, &block, &d));                                  \
	assert_int_equal(d.kind, of);                                                              \
	assert_int_equal(d.first, from);                                                           \
	assert_int_equal(d.last, to)
	NEXT(IOMMU_IVRS_DEVICE_ALL, 0, 0xffff);
	assert_int_equal(d.setting, 0x81);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x10, 0x10);
	assert_true(d.setting == 2 && !d.has_alias && !d.no_ats);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x100, 0x1ff);
	assert_int_equal(d.setting, 0x30);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x20, 0x20);
	assert_true(d.has_alias && d.alias == 0xa4);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x300, 0x300);
	assert_true(d.has_alias && d.alias == 0xa5 && d.setting == 4);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x30, 0x30);
	assert_true(d.no_ats && !d.has_alias);
	NEXT(IOMMU_IVRS_DEVICE_RANGE, 0x400, 0x4ff);
	assert_false(d.no_ats);
	NEXT(IOMMU_IVRS_DEVICE_IOAPIC, 0xa0, 0xa0);
	assert_true(d.handle == 0x21 && d.setting == 0xd7);
	NEXT(IOMMU_IVRS_DEVICE_HPET, 0xa0, 0xa0);
	assert_int_equal(d.handle, 7);
	NEXT(IOMMU_IVRS_DEVICE_NAMED, 0x99, 0x99);
	assert_string_equal(d.hid, "PNPD0040");
	assert_string_equal(d.cid, "BCD12");
	assert_int_equal(d.uid_format, IOMMU_IVRS_UID_TEXT);
	assert_int_equal(d.uid_length, 5);
	assert_memory_equal(d.uid_text, "\\_SB_", 5);
	NEXT(IOMMU_IVRS_DEVICE_NAMED, 0x9a, 0x9a);
	assert_string_equal(d.hid, "AMDI02");
	assert_int_equal(d.uid_format, IOMMU_IVRS_UID_INTEGER);
	assert_int_equal(d.uid, 0x1234);
	assert_null(d.uid_text);
	NEXT(IOMMU_IVRS_DEVICE_NAMED, 0x9b, 0x9b);
	assert_int_equal(d.uid_format, IOMMU_IVRS_UID_NONE);
	assert_false(iommu_ivrs_next_device(&o.ivrs, &block, &d));
	assert_false(iommu_ivrs_next_device(&o.ivrs, &block, &d));
	free(o.bytes);
}

static unsigned int devices_of_first(const struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs_device d = {0};
	unsigned int count = 0;

	assert_true(iommu_ivrs_next(ivrs, &block));
	while (iommu_ivrs_next_device(ivrs, &block, &d))
		count++;
	return count;
}

/* A unit whose entries have a defect, with a device before and one behind them. */
static void expect_entries(unsigned int type, void (*entries)(void), unsigned int defects,
			   unsigned int devices)
{
	struct opened o;

	begin();
	unit(type, 0, 2, 0x10000, 1);
	entry4(0x02, 0x10, 0);
	entries();
	entry4(0x02, 0x18, 0);
	end_block();
	memory(0x20, 7, 0, 0, 0x1000, 0x1000);
	o = open_table();
	assert_int_equal(o.ivrs.defects, defects);
	assert_int_equal(devices_of_first(&o.ivrs), devices);
	free(o.bytes);
}

static void of_unknown_type(void)
{
	entry4(0x05, 0, 0);
	entry8(0x41, 0, 0, 0);
	entry8(0x44, 0, 0, 0);
}

static void of_unknown_length(void)
{
	entry4(0x81, 0, 0);
}

static void range_without_end(void)
{
	entry4(0x03, 0x100, 0);
	entry4(0x02, 0x200, 0);
}

static void end_without_range(void)
{
	entry4(0x04, 0x100, 0);
}

static void range_that_ends_before(void)
{
	entry4(0x03, 0x100, 0);
	entry4(0x04, 0xff, 0);
}

static void special_of_no_kind(void)
{
	entry8(0x48, 0, 0, 0x0300a021);
	entry8(0x48, 0, 0, 0x0000a021);
}

static void special_twice(void)
{
	entry8(0x48, 0, 0, 0x0100a000);
	entry8(0x48, 0, 0, 0x01000100);
	entry8(0x48, 0, 0, 0x02000100);
}

static void name_of_nothing(void)
{
	named(0x30, "", 2, 3, "abc");
}

static void a_name(void)
{
	named(0x30, "AMDI0030", 2, 3, "abc");
}

static void names_with_odd_ids(void)
{
	named(0x30, "AMDI0030", 3, 3, "abc");
	named(0x31, "AMDI0030", 1, 9, "123456789");
}

static void defects_of_entries(void **state)
{
	struct opened o;
	uint32_t cut;

	(void)state;
	expect_entries(0x11, of_unknown_type, IOMMU_IVRS_ENTRY_UNKNOWN, 2);
	expect_entries(0x11, of_unknown_length, IOMMU_IVRS_ENTRY_UNKNOWN, 1);
	expect_entries(0x11, range_without_end, IOMMU_IVRS_RANGE_ENDS, 3);
	expect_entries(0x11, end_without_range, IOMMU_IVRS_RANGE_ENDS, 2);
	expect_entries(0x11, range_that_ends_before, IOMMU_IVRS_RANGE_ENDS, 2);
	expect_entries(0x11, special_of_no_kind, IOMMU_IVRS_SPECIAL_UNKNOWN, 2);
	expect_entries(0x11, special_twice, IOMMU_IVRS_SPECIAL_TWICE, 5);
	expect_entries(0x40, name_of_nothing, IOMMU_IVRS_NAME, 2);
	expect_entries(0x40, a_name, 0, 3);
	expect_entries(0x11, a_name, IOMMU_IVRS_NAME, 2);
	expect_entries(0x40, names_with_odd_ids, IOMMU_IVRS_NAME_UID, 4);
	/* Cut by the end of the block, at each byte. */
	for (cut = 1; cut < 25; cut++) {
		begin();
		unit(0x40, 0, 2, 0x10000, 1);
		entry4(0x02, 0x10, 0);
		named(0x30, "AMDI0030", 2, 3, "abc");
		t.length -= cut;
		end_block();
		memory(0x20, 7, 0, 0, 0x1000, 0x1000);
		o = open_table();
		assert_int_equal(o.ivrs.defects, IOMMU_IVRS_ENTRY_LENGTH);
		assert_int_equal(devices_of_first(&o.ivrs), 1);
		free(o.bytes);
	}
	begin();
	unit(0x10, 0, 2, 0x10000, 1);
	entry4(0x03, 0x10, 0);
	end_block();
	expect_defects(IOMMU_IVRS_RANGE_ENDS);
}

/* --- Ways ------------------------------------------------------------------------------------- */

static void two_units(void)
{
	begin();
	unit(0x11, 0, 2, 0x10000, 1);
	entry4(0x03, 0x0008, 0xd7);
	entry4(0x04, 0xfffe, 0);
	entry8(0x43, 0xff00, 0, 0xa400);
	entry4(0x04, 0xffff, 0);
	entry8(0x48, 0, 0xd7, 0x0100a000);
	entry8(0x48, 0, 0, 0x0200a000);
	end_block();
	unit(0x11, 0, 0x4002, 0x20000, 1);
	entry4(0x03, 0x4008, 0x11);
	entry4(0x04, 0x5fff, 0);
	entry8(0x46, 0x4100, 0x22, 0x80000000);
	entry8(0x48, 0, 0xd7, 0x01400101);
	entry8(0x48, 0, 0xd7, 0x01400200);
	end_block();
	unit(0x11, 7, 0x4002, 0x30000, 1);
	entry4(0x01, 0, 0x80);
	end_block();
}

static void devices_are_found(void **state)
{
	struct iommu_ivrs_route route;
	struct opened o;

	(void)state;
	two_units();
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_RANGE_OVERLAP | IOMMU_IVRS_SPECIAL_TWICE);
#define FOUND(segment, devid, at, as, how, twice)                                                  \
	assert_int_equal(iommu_ivrs_find(&o.ivrs, segment, devid, &route), 0);                     \
	assert_int_equal(route.unit.unit.base, at);                                                \
	assert_int_equal(route.alias, as);                                                         \
	assert_int_equal(route.setting, how);                                                      \
	assert_int_equal(route.contested, twice)
	FOUND(0, 0x0008, 0x10000, 0x0008, 0xd7, false);
	assert_false(route.no_ats);
	FOUND(0, 0x3fff, 0x10000, 0x3fff, 0xd7, false);
	/* The smaller range of the other unit, and one device of it by itself. */
	FOUND(0, 0x4008, 0x20000, 0x4008, 0x11, true);
	FOUND(0, 0x5fff, 0x20000, 0x5fff, 0x11, true);
	FOUND(0, 0x6000, 0x10000, 0x6000, 0xd7, false);
	FOUND(0, 0x4100, 0x20000, 0x4100, 0x22, true);
	assert_true(route.no_ats);
	FOUND(0, 0xff00, 0x10000, 0xa4, 0, false);
	FOUND(0, 0xffff, 0x10000, 0xa4, 0, false);
	FOUND(7, 0, 0x30000, 0, 0x80, false);
	FOUND(7, 0xffff, 0x30000, 0xffff, 0x80, false);
	/* In no range, units themselves, another segment. */
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 0, 0, &route), IOMMU_ENOENT);
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 0, 7, &route), IOMMU_ENOENT);
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 0, 0x4002, &route), IOMMU_ENOENT);
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 7, 0x4002, &route), IOMMU_ENOENT);
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 1, 0x4008, &route), IOMMU_ENOENT);
	free(o.bytes);
	/* Of two of one size the last. */
	begin();
	unit(0x11, 0, 2, 0x10000, 1);
	entry4(0x02, 0x10, 1);
	entry4(0x02, 0x10, 2);
	end_block();
	unit(0x11, 0, 3, 0x20000, 1);
	entry4(0x02, 0x10, 3);
	end_block();
	o = open_table();
	FOUND(0, 0x10, 0x20000, 0x10, 3, true);
	free(o.bytes);
}

static void special_devices_are_found(void **state)
{
	struct iommu_ivrs_device device;
	struct iommu_ivrs_block block;
	struct opened o;

	(void)state;
	two_units();
	o = open_table();
	assert_int_equal(
		iommu_ivrs_find_special(&o.ivrs, IOMMU_IVRS_DEVICE_IOAPIC, 1, &block, &device), 0);
	assert_int_equal(block.unit.base, 0x20000);
	assert_int_equal(device.first, 0x4001);
	assert_int_equal(device.setting, 0xd7);
	/* The first of two with one id. */
	assert_int_equal(
		iommu_ivrs_find_special(&o.ivrs, IOMMU_IVRS_DEVICE_IOAPIC, 0, &block, &device), 0);
	assert_int_equal(device.first, 0xa0);
	assert_int_equal(
		iommu_ivrs_find_special(&o.ivrs, IOMMU_IVRS_DEVICE_HPET, 0, &block, &device), 0);
	assert_int_equal(device.first, 0xa0);
	assert_int_equal(
		iommu_ivrs_find_special(&o.ivrs, IOMMU_IVRS_DEVICE_HPET, 1, &block, &device),
		IOMMU_ENOENT);
	assert_int_equal(
		iommu_ivrs_find_special(&o.ivrs, IOMMU_IVRS_DEVICE_RANGE, 0, &block, &device),
		IOMMU_ENOENT);
	free(o.bytes);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void memory_is_read(void **state)
{
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	memory(0x20, 7, 0x1234, 0x1234, 0x10000000, 0x200000);
	memory(0x21, 3, 0x60, 0x1234, 0x20000800, 0x1000);
	memory(0x22, 5, 0x100, 0x1ff, 0x30000fff, 1);
	memory(0x22, 8, 0, 0xfff, 0xfffffffffffff000, 0x1000);
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_MEMORY_UNALIGNED);
#define MEMORY(from, to, at, until, r, w)                                                          \
	assert_true(iommu_ivrs_next(&o.ivrs, &block));                                             \
	assert_int_equal(block.kind, IOMMU_IVRS_MEMORY);                                           \
	assert_int_equal(block.memory.first, from);                                                \
	assert_int_equal(block.memory.last, to);                                                   \
	assert_int_equal(block.memory.start, at);                                                  \
	assert_int_equal(block.memory.end, until);                                                 \
	assert_true(block.memory.read == (r) && block.memory.write == (w))
	MEMORY(0, 0xffff, 0x10000000, 0x101fffff, true, true);
	assert_false(block.memory.is_exclusion || block.memory.suspicious);
	MEMORY(0x60, 0x60, 0x20000000, 0x20001fff, true, false);
	MEMORY(0x100, 0x1ff, 0x30000000, 0x30000fff, false, true);
	MEMORY(0, 0xfff, 0xfffffffffffff000, UINT64_MAX, true, true);
	assert_true(block.memory.is_exclusion);
	assert_false(iommu_ivrs_next(&o.ivrs, &block));
	free(o.bytes);
}

static void defects_of_memory(void **state)
{
	struct iommu_ivrs_block block = {0};
	struct opened o;

	(void)state;
	begin();
	memory(0x21, 7, 0x60, 0, 0x1000, 0);
	memory(0x21, 7, 0x60, 0, 0xfffffffffffff000, 0x1001);
	expect_defects(IOMMU_IVRS_MEMORY_EMPTY);
	begin();
	memory(0x22, 7, 0x60, 0x5f, 0x1000, 0x1000);
	memory(0x23, 7, 2, 0x40, 0x1000, 0x1000);
	o = open_table();
	assert_int_equal(o.ivrs.defects, IOMMU_IVRS_MEMORY_RANGE | IOMMU_IVRS_MEMORY_UNIT);
	assert_false(iommu_ivrs_next(&o.ivrs, &block));
	free(o.bytes);
	begin();
	memory(0x21, 7, 0x60, 0, 0, 1);
	o = open_table();
	assert_int_equal(o.ivrs.defects,
			 IOMMU_IVRS_MEMORY_UNALIGNED | IOMMU_IVRS_MEMORY_SUSPICIOUS);
	block = (struct iommu_ivrs_block){0};
	assert_true(iommu_ivrs_next(&o.ivrs, &block) && block.memory.suspicious);
	assert_int_equal(block.memory.end, 0xfff);
	free(o.bytes);
}

static unsigned int starts_for(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid)
{
	struct iommu_ivrs_block block = {0};
	unsigned int starts = 0;

	while (iommu_ivrs_next_memory(ivrs, segment, devid, &block))
		starts |= 1U << (block.memory.start >> 12);
	return starts;
}

/* By a device's own id, by the id of its requests, by its unit. */
static void memory_of_devices(void **state)
{
	struct opened o;

	(void)state;
	two_units();
	memory(0x20, 7, 0, 0, 0x1000, 0x1000);
	memory(0x21, 7, 0x4008, 0, 0x2000, 0x1000);
	memory(0x22, 7, 0xff10, 0xff1f, 0x3000, 0x1000);
	memory(0x21, 7, 0xa4, 0, 0x4000, 0x1000);
	memory(0x23, 7, 0x4002, 0x40, 0x5000, 0x1000);
	o = open_table();
	assert_int_equal(starts_for(&o.ivrs, 0, 0), 1 << 1);
	assert_int_equal(starts_for(&o.ivrs, 0, 0x0010), 1 << 1);
	assert_int_equal(starts_for(&o.ivrs, 0, 0x4008), 1 << 1 | 1 << 2 | 1 << 5);
	assert_int_equal(starts_for(&o.ivrs, 0, 0x5000), 1 << 1 | 1 << 5);
	assert_int_equal(starts_for(&o.ivrs, 0, 0xff10), 1 << 1 | 1 << 3 | 1 << 4);
	assert_int_equal(starts_for(&o.ivrs, 0, 0xff20), 1 << 1 | 1 << 4);
	assert_int_equal(starts_for(&o.ivrs, 0, 0xa4), 1 << 1 | 1 << 4);
	assert_int_equal(starts_for(&o.ivrs, 7, 0x4008), 0);
	free(o.bytes);
}

/* --- Tables of real machines ------------------------------------------------------------------ */

static size_t read_file(const char *directory, const char *name, uint8_t *bytes, size_t size)
{
	char path[512];
	size_t length;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	length = fread(bytes, 1, size, file);
	(void)fclose(file);
	return length;
}

/* What a table says, by the titles of expected.tsv. */
struct counted {
	unsigned int blocks[3], memories[4];
	unsigned int select, start, aliasstart, special, hid, unknown, ioapic, hpet;
	unsigned int units, devices, aliased, lastdev, hid_int, hid_str;
	char ioapics[256], hpets[256];
	bool is_known[65536], is_aliased[65536];
};

static struct counted counted;

static void add_special(char *list, const struct iommu_ivrs_block *block,
			const struct iommu_ivrs_device *device)
{
	const size_t used = strlen(list);

	(void)snprintf(list + used, sizeof(counted.ioapics) - used, "%s%u@%x:%x",
		       used != 0 ? "," : "", device->handle, block->segment, device->first);
}

/* Of all blocks. */
static void count_entry(const struct iommu_ivrs_device *d)
{
	counted.select += d->kind == IOMMU_IVRS_DEVICE_RANGE && d->first == d->last;
	counted.start += d->kind == IOMMU_IVRS_DEVICE_RANGE && d->first != d->last &&
			 !d->has_alias && !d->no_ats;
	counted.aliasstart +=
		d->kind == IOMMU_IVRS_DEVICE_RANGE && d->first != d->last && d->has_alias;
	counted.ioapic += d->kind == IOMMU_IVRS_DEVICE_IOAPIC;
	counted.hpet += d->kind == IOMMU_IVRS_DEVICE_HPET;
	counted.hid += d->kind == IOMMU_IVRS_DEVICE_NAMED;
	counted.unknown +=
		d->kind == IOMMU_IVRS_DEVICE_NAMED && d->uid_format == IOMMU_IVRS_UID_NONE;
}

/* Of the blocks that count. */
static void count_device(const struct iommu_ivrs_block *block, const struct iommu_ivrs_device *d)
{
	unsigned int devid;

	for (devid = d->first; devid <= d->last; devid++) {
		counted.devices += !counted.is_known[devid];
		counted.is_known[devid] = true;
		counted.aliased += d->has_alias && !counted.is_aliased[devid];
		counted.is_aliased[devid] = counted.is_aliased[devid] || d->has_alias;
	}
	if (d->last > counted.lastdev)
		counted.lastdev = d->last;
	counted.hid_int += d->uid_format == IOMMU_IVRS_UID_INTEGER;
	counted.hid_str += d->uid_format == IOMMU_IVRS_UID_TEXT;
	if (d->kind == IOMMU_IVRS_DEVICE_IOAPIC)
		add_special(counted.ioapics, block, d);
	if (d->kind == IOMMU_IVRS_DEVICE_HPET)
		add_special(counted.hpets, block, d);
}

static void count_table(const struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};

	memset(&counted, 0, sizeof(counted));
	while (iommu_ivrs_next(ivrs, &block)) {
		struct iommu_ivrs_device device = {0};

		if (block.kind == IOMMU_IVRS_MEMORY) {
			counted.memories[block.type - 0x20]++;
			continue;
		}
		counted.blocks[block.type == 0x40 ? 2 : block.type - 0x10]++;
		counted.units += block.unit.counts;
		assert_true(block.unit.usable);
		while (iommu_ivrs_next_device(ivrs, &block, &device)) {
			count_entry(&device);
			if (block.unit.counts)
				count_device(&block, &device);
		}
	}
	counted.special = counted.ioapic + counted.hpet;
}

/* The value of a title; empty: it is not among those that are checked. */
static const char *value_of(const struct iommu_ivrs *ivrs, const char *title)
{
	static char text[16];
	const struct {
		const char *title;
		unsigned int value;
		const char *format;
	} numbers[] = {
		{"rev", ivrs->revision, "%u"},
		{"bytes", ivrs->length, "%u"},
		{"ivhd10", counted.blocks[0], "%u"},
		{"ivhd11", counted.blocks[1], "%u"},
		{"ivhd40", counted.blocks[2], "%u"},
		{"ivmd20", counted.memories[0], "%u"},
		{"ivmd21", counted.memories[1], "%u"},
		{"ivmd22", counted.memories[2], "%u"},
		{"ivmd23", counted.memories[3], "%u"},
		{"otherblk", (ivrs->defects & IOMMU_IVRS_BLOCK_UNKNOWN) != 0, "%u"},
		{"select", counted.select, "%u"},
		{"start", counted.start, "%u"},
		{"aliasstart", counted.aliasstart, "%u"},
		{"special", counted.special, "%u"},
		{"hid", counted.hid, "%u"},
		{"unknown", counted.unknown, "%u"},
		{"cut", (ivrs->defects & IOMMU_IVRS_ENTRY_LENGTH) != 0, "%u"},
		{"ioapic", counted.ioapic, "%u"},
		{"hpet", counted.hpet, "%u"},
		{"othervar", (ivrs->defects & IOMMU_IVRS_SPECIAL_UNKNOWN) != 0, "%u"},
		{"chosen", ivrs->type, "%x"},
		{"units", counted.units, "%u"},
		{"devices", counted.devices, "%u"},
		{"aliased", counted.aliased, "%u"},
		{"lastdev", counted.lastdev, "%04x"},
		{"hid_int", counted.hid_int, "%u"},
		{"hid_str", counted.hid_str, "%u"},
	};
	size_t i;

	if (strcmp(title, "ioapics") == 0)
		return counted.ioapics[0] != '\0' ? counted.ioapics : "-";
	if (strcmp(title, "hpets") == 0)
		return counted.hpets[0] != '\0' ? counted.hpets : "-";
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(title, numbers[i].title) == 0) {
			(void)snprintf(text, sizeof(text),
				       numbers[i].format[1] == '0'   ? "%04x"
				       : numbers[i].format[1] == 'x' ? "%x"
								     : "%u",
				       numbers[i].value);
			return text;
		}
	return "";
}

/* The defects that a table's oddities are. */
static unsigned int defects_of(const char *oddities)
{
	static const struct {
		const char *name;
		unsigned int defects;
	} known[] = {
		{"-", 0},
		{"no_ioapic", 0},
		{"block_51", IOMMU_IVRS_BLOCK_UNKNOWN},
		{"ivmd_unaligned", IOMMU_IVRS_MEMORY_UNALIGNED},
		{"device_two_units", IOMMU_IVRS_RANGE_OVERLAP},
		{"special_conflict", IOMMU_IVRS_SPECIAL_TWICE},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(oddities, known[i].name) == 0)
			return known[i].defects;
	print_error("oddities: %s\n", oddities);
	return ~0U;
}

static char *copy_of(const char *text, char *to, size_t size)
{
	(void)snprintf(to, size, "%s", text);
	return to;
}

static unsigned int check_row(const struct iommu_ivrs *ivrs, const char *titles, char *values)
{
	char copy[1024], *rest = copy_of(titles, copy, sizeof(copy)), *title;
	unsigned int checked = 0;

	count_table(ivrs);
	while ((title = strsep(&rest, "\t")) != NULL) {
		const char *expected = strsep(&values, "\t"), *value = value_of(ivrs, title);

		assert_non_null(expected);
		if (strcmp(title, "oddities") == 0)
			assert_int_equal(ivrs->defects, defects_of(expected));
		if (*value == '\0')
			continue;
		if (strcmp(value, expected) != 0)
			print_error("%s: %s, expected %s\n", title, value, expected);
		assert_string_equal(value, expected);
		checked++;
	}
	return checked;
}

/* Reads every table that expected.tsv lists; returns how many. */
static unsigned int check_directory(const char *directory)
{
	static char list[65536];
	uint8_t bytes[4096];
	unsigned int tables = 0;
	char *line, *rest = list, *titles;

	list[read_file(directory, "expected.tsv", (uint8_t *)list, sizeof(list) - 1)] = 0;
	titles = strsep(&rest, "\n");
	assert_non_null(strsep(&titles, "\t"));
	while ((line = strsep(&rest, "\n")) != NULL && *line != 0) {
		const char *name = strsep(&line, "\t");
		struct opened o =
			open_copy(bytes, read_file(directory, name, bytes, sizeof(bytes)));

		assert_int_equal(o.status, 0);
		assert_true(check_row(&o.ivrs, titles, line) >= 29);
		free(o.bytes);
		tables++;
	}
	return tables;
}

static void tables_of_real_machines(void **state)
{
	const char *more = getenv("IOMMU_IVRS_TABLES");

	(void)state;
	assert_int_equal(check_directory(TEST_DATA "/ivrs"), 58);
	if (more != NULL)
		assert_true(check_directory(more) > 0);
}

/* What is odd in two of them, and what comes of it. */
static void an_odd_machine(void **state)
{
	struct iommu_ivrs_route route;
	struct iommu_ivrs_block block = {0};
	uint8_t bytes[1024];
	unsigned int regions = 0;
	struct opened o =
		open_copy(bytes, read_file(TEST_DATA "/ivrs", "69d7ad5b69e2.bin", bytes, 1024));

	(void)state;
	/* Pages of one byte, five times, for 4,096 devices. */
	while (iommu_ivrs_next_memory(&o.ivrs, 0, 0x0fff, &block)) {
		assert_int_equal(block.memory.end - block.memory.start, 0xfff);
		assert_true(block.memory.is_exclusion && block.memory.read && block.memory.write);
		regions++;
	}
	assert_int_equal(regions, 5);
	block = (struct iommu_ivrs_block){0};
	assert_false(iommu_ivrs_next_memory(&o.ivrs, 0, 0x1000, &block));
	free(o.bytes);
	/* Two units: the one whose range is the smaller has the devices of its buses. */
	o = open_copy(bytes, read_file(TEST_DATA "/ivrs", "0f5700a19b3b.bin", bytes, 1024));
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 0, 0x4100, &route), 0);
	assert_int_equal(route.unit.unit.devid, 0x4002);
	assert_int_equal(iommu_ivrs_find(&o.ivrs, 0, 0xff08, &route), 0);
	assert_int_equal(route.alias, 0xa4);
	assert_true(route.contested);
	assert_int_equal(route.unit.unit.devid, 2);
	free(o.bytes);
}

/* --- Damage ----------------------------------------------------------------------------------- */

/* Everything that there is to ask, of any bytes: nothing outside is read, and it ends. */
static void use(const struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs_route route;
	struct iommu_ivrs_device device;
	unsigned int marks = 0, i;

	while (iommu_ivrs_next(ivrs, &block)) {
		unsigned int entries = 0;

		device = (struct iommu_ivrs_device){0};
		assert_true(block.offset + block.length <= ivrs->length);
		while (iommu_ivrs_next_device(ivrs, &block, &device)) {
			assert_true(device.first <= device.last);
			assert_true(++entries <= block.length / 4);
			for (i = 0; i < device.uid_length; i++)
				marks += device.uid_text[i] == 'x';
		}
		if (block.kind == IOMMU_IVRS_MEMORY)
			assert_true(block.memory.start <= block.memory.end);
	}
	for (i = 0; i < 65536; i += 0x1357) {
		block = (struct iommu_ivrs_block){0};
		(void)iommu_ivrs_find(ivrs, 0, (uint16_t)i, &route);
		while (iommu_ivrs_next_memory(ivrs, 0, (uint16_t)i, &block))
			;
	}
	(void)iommu_ivrs_find_special(ivrs, IOMMU_IVRS_DEVICE_IOAPIC, 33, &block, &device);
	/* That many characters there may be: the reads above are not left out by the compiler. */
	assert_true(marks <= ivrs->length);
}

static void tables_are_cut(void **state)
{
	static const char *const names[] = {"4df2423166d1.bin", "0f5700a19b3b.bin",
					    "69d7ad5b69e2.bin"};
	uint8_t bytes[1024];
	unsigned int i;
	size_t size, length;

	(void)state;
	for (i = 0; i < 3; i++) {
		length = read_file(TEST_DATA "/ivrs", names[i], bytes, sizeof(bytes));
		for (size = 0; size <= length; size++) {
			struct opened o = open_copy(bytes, size);

			assert_int_equal(o.status, size == length ? 0 : IOMMU_EINVAL);
			free(o.bytes);
			if (size < 48)
				continue;
			/* A table that says itself that it ends there. */
			memcpy(t.bytes, bytes, size);
			t.length = size;
			o = open_table();
			use(&o.ivrs);
			free(o.bytes);
		}
	}
}

static void tables_are_damaged(void **state)
{
	static const char *const names[] = {"4df2423166d1.bin", "0f5700a19b3b.bin",
					    "69d7ad5b69e2.bin", "0b6d06e04e69.bin"};
	struct test_random random = {.state = 17};
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct opened o;

		t.length = read_file(TEST_DATA "/ivrs", names[round % 4], t.bytes, 1024);
		for (i = (unsigned int)test_random_below(&random, 8); i != 0; i--)
			t.bytes[48 + test_random_below(&random, t.length - 48)] =
				(uint8_t)test_random_next(&random);
		o = open_table();
		use(&o.ivrs);
		free(o.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_checked),
		cmocka_unit_test(units_are_read),
		cmocka_unit_test(the_best_block_counts),
		cmocka_unit_test(defects_of_units),
		cmocka_unit_test(defects_of_blocks),
		cmocka_unit_test(devices_are_read),
		cmocka_unit_test(defects_of_entries),
		cmocka_unit_test(devices_are_found),
		cmocka_unit_test(special_devices_are_found),
		cmocka_unit_test(memory_is_read),
		cmocka_unit_test(defects_of_memory),
		cmocka_unit_test(memory_of_devices),
		cmocka_unit_test(tables_of_real_machines),
		cmocka_unit_test(an_odd_machine),
		cmocka_unit_test(tables_are_cut),
		cmocka_unit_test(tables_are_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
