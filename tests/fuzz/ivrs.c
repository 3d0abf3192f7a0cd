/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI IVRS tables: of any bytes, and of any calls of the builder, with damage or without.
 *
 * What is read lies inside (memory of exactly the table's size, under the address sanitizer), each
 * iteration ends after as many steps as there are bytes for, and what is returned is what the
 * header promises: each unit counts once, a device is found at a unit whose block has it, and
 * memory is made of pages. What was built has no defect but those that the calls asked for. The
 * first byte chooses; the header of bytes may be mended, so that more of them are opened.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/ivrs.h>
#include <libiommu/ivrs_builder.h>

#include "fuzz.h"

#define INPUT_MAX 2048U
#define TABLE_MAX 4096U

/* --- Reading ---------------------------------------------------------------------------------- */

static bool covers(const struct iommu_ivrs_device *device, uint16_t devid)
{
	return (device->kind == IOMMU_IVRS_DEVICE_ALL || device->kind == IOMMU_IVRS_DEVICE_RANGE) &&
	       device->first <= devid && devid <= device->last;
}

/* The fewest devices of an entry of a block that has this one; 0: none has it. */
static uint32_t least_with(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			   uint16_t devid)
{
	struct iommu_ivrs_device device = {0};
	uint32_t least = 0;

	while (iommu_ivrs_next_device(ivrs, block, &device)) {
		const uint32_t devices = device.last - device.first + 1U;

		if (covers(&device, devid) && (least == 0 || devices < least))
			least = devices;
	}
	return least;
}

/* The unit that is found has the entry with the fewest devices. */
static void check_find(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid)
{
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs_route route;
	const int status = iommu_ivrs_find(ivrs, segment, devid, &route);
	unsigned int units = 0;
	bool is_unit = false;
	uint32_t least = 0;

	while (iommu_ivrs_next_unit(ivrs, &block)) {
		const uint32_t here =
			block.segment == segment ? least_with(ivrs, &block, devid) : 0;

		units += here != 0;
		is_unit = is_unit || (block.segment == segment && block.unit.devid == devid);
		if (here != 0 && (least == 0 || here < least))
			least = here;
	}
	FUZZ_CHECK(status == (least != 0 && !is_unit ? 0 : IOMMU_ENOENT));
	if (status != 0)
		return;
	FUZZ_CHECK(route.unit.unit.counts && route.unit.segment == segment);
	FUZZ_CHECK(least_with(ivrs, &route.unit, devid) == least);
	FUZZ_CHECK(route.contested == (units > 1));
}

static void check_memory(const struct iommu_ivrs *ivrs, uint16_t segment, uint16_t devid)
{
	struct iommu_ivrs_block block = {0};
	unsigned int count = 0;

	while (iommu_ivrs_next_memory(ivrs, segment, devid, &block)) {
		FUZZ_CHECK(++count <= IOMMU_IVRS_MAX_BLOCKS);
		FUZZ_CHECK(block.kind == IOMMU_IVRS_MEMORY && block.segment == segment);
	}
	FUZZ_CHECK(!iommu_ivrs_next_memory(ivrs, segment, devid, &block));
}

static void check_device(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			 const struct iommu_ivrs_device *device)
{
	const uint8_t *text = (const uint8_t *)device->uid_text;
	struct iommu_ivrs_device found;
	struct iommu_ivrs_block unit;

	FUZZ_CHECK(device->first <= device->last);
	FUZZ_CHECK(device->kind == IOMMU_IVRS_DEVICE_RANGE ||
		   device->kind == IOMMU_IVRS_DEVICE_ALL || device->first == device->last);
	FUZZ_CHECK(device->uid_length == 0 ||
		   (text > ivrs->bytes && text + device->uid_length <= ivrs->bytes + ivrs->length));
	FUZZ_CHECK(device->kind != IOMMU_IVRS_DEVICE_NAMED ||
		   (block->type == IVRS_IVHD_40 && device->hid[0] != '\0'));
	if (block->unit.counts &&
	    (device->kind == IOMMU_IVRS_DEVICE_IOAPIC || device->kind == IOMMU_IVRS_DEVICE_HPET))
		FUZZ_CHECK(iommu_ivrs_find_special(ivrs, device->kind, device->handle, &unit,
						   &found) == 0);
	check_find(ivrs, block->segment, device->first);
	check_find(ivrs, block->segment, device->last);
	check_memory(ivrs, block->segment, device->first);
}

static void check_unit(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block)
{
	struct iommu_ivrs_device device = {0};
	unsigned int count = 0;

	FUZZ_CHECK(block->type <= ivrs->type);
	while (iommu_ivrs_next_device(ivrs, block, &device)) {
		FUZZ_CHECK(++count <= block->length / 4);
		/* Each of them asks for all: only of the first ones. */
		if (count < 8)
			check_device(ivrs, block, &device);
	}
	FUZZ_CHECK(!iommu_ivrs_next_device(ivrs, block, &device));
}

/* Units count once each. */
static void check_counted(const struct iommu_ivrs *ivrs)
{
	struct iommu_ivrs_block one = {0};

	while (iommu_ivrs_next_unit(ivrs, &one)) {
		struct iommu_ivrs_block other = one;

		while (iommu_ivrs_next_unit(ivrs, &other))
			FUZZ_CHECK(one.segment != other.segment ||
				   one.unit.devid != other.unit.devid ||
				   one.unit.capability != other.unit.capability);
	}
}

/* The defects of the table. */
static unsigned int read_table(const uint8_t *bytes, size_t size)
{
	struct iommu_ivrs_block block = {0};
	struct iommu_ivrs ivrs;
	unsigned int count = 0;

	if (iommu_ivrs_open(&ivrs, bytes, size) != 0) {
		FUZZ_CHECK(ivrs.bytes == NULL && ivrs.refusal[0] != '\0');
		return ~0U;
	}
	while (iommu_ivrs_next(&ivrs, &block)) {
		FUZZ_CHECK(++count <= IOMMU_IVRS_MAX_BLOCKS);
		FUZZ_CHECK(block.offset + block.length <= ivrs.length);
		if (block.kind == IOMMU_IVRS_UNIT)
			check_unit(&ivrs, &block);
		else
			FUZZ_CHECK(block.memory.start <= block.memory.end &&
				   block.memory.start % IOMMU_PAGE_SIZE == 0 &&
				   (block.memory.end + 1) % IOMMU_PAGE_SIZE == 0);
	}
	check_counted(&ivrs);
	check_find(&ivrs, 0, 0xa0);
	check_memory(&ivrs, 0, 0xa0);
	return ivrs.defects;
}

/* In memory of exactly its size. */
static unsigned int read_copy(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size != 0 ? size : 1);
	unsigned int defects;

	FUZZ_CHECK(copy != NULL);
	if (size != 0)
		memcpy(copy, bytes, size);
	defects = read_table(copy, size);
	free(copy);
	return defects;
}

/* --- Building --------------------------------------------------------------------------------- */

static uint8_t table[TABLE_MAX];

static struct iommu_ivrs_device any_device(struct fuzz_bytes *input)
{
	struct iommu_ivrs_device device = {
		.kind = (enum iommu_ivrs_device_kind)fuzz_below(input, 7),
		.first = (uint16_t)fuzz_number(input, 2),
		.setting = (uint8_t)fuzz_byte(input),
		.handle = (uint8_t)fuzz_byte(input),
		.has_alias = fuzz_below(input, 4) == 0,
		.no_ats = fuzz_below(input, 4) == 0,
		.uid_format = (enum iommu_ivrs_uid)fuzz_below(input, 4),
		.uid_text = "\\_SB.FUR0",
		.uid_length = (uint8_t)fuzz_below(input, 10),
	};

	device.last = fuzz_flag(input) ? device.first : (uint16_t)fuzz_number(input, 2);
	device.alias = device.has_alias ? (uint16_t)fuzz_number(input, 2) : 0;
	if (fuzz_flag(input))
		memcpy(device.hid, "AMDI0020", 8);
	return device;
}

static void any_call(struct iommu_ivrs_builder *b, struct fuzz_bytes *input)
{
	static const uint8_t types[] = {0x10, 0x11, 0x40, 0x12};
	const struct iommu_ivrs_unit unit = {
		.devid = (uint16_t)fuzz_below(input, 4),
		.capability = 0x40,
		.base = (uint64_t)fuzz_number(input, 2) << 14 | (fuzz_below(input, 16) == 0),
		.features = (uint32_t)fuzz_number(input, 4),
		.efr = fuzz_byte(input),
	};
	struct iommu_ivrs_memory memory = {
		.type = (uint8_t)(0x20 + fuzz_below(input, 5)),
		.first = (uint16_t)fuzz_number(input, 2),
		.last = (uint16_t)fuzz_number(input, 2),
		.start = (uint64_t)fuzz_number(input, 2) << 12,
		.is_exclusion = fuzz_below(input, 8) == 0,
		.read = true,
	};
	struct iommu_ivrs_device device;

	switch (fuzz_below(input, 6)) {
	case 0:
		iommu_ivrs_add_unit(b, types[fuzz_below(input, 4)], (uint16_t)fuzz_below(input, 2),
				    &unit);
		break;
	case 1:
		memory.end = memory.start + ((uint64_t)fuzz_number(input, 1) << 12) - 1;
		iommu_ivrs_add_memory(b, &memory);
		break;
	default:
		device = any_device(input);
		iommu_ivrs_add_device(b, &device);
		break;
	}
}

/* What the calls may have asked for: units and devices that are there twice, or at odd places. */
#define ASKED_FOR                                                                                  \
	((unsigned int)IOMMU_IVRS_UNIT_TWICE | (unsigned int)IOMMU_IVRS_UNIT_SAME_BASE |           \
	 (unsigned int)IOMMU_IVRS_UNIT_INCOMPLETE | (unsigned int)IOMMU_IVRS_UNIT_IMAGES |         \
	 (unsigned int)IOMMU_IVRS_RANGE_OVERLAP | (unsigned int)IOMMU_IVRS_SPECIAL_TWICE |         \
	 (unsigned int)IOMMU_IVRS_MEMORY_SUSPICIOUS | (unsigned int)IOMMU_IVRS_MEMORY_UNIT)

static void build(struct fuzz_bytes *input)
{
	const struct iommu_ivrs properties = {
		.has_features = fuzz_flag(input), .physical_bits = 48, .virtual_bits = 64};
	const size_t room =
		fuzz_below(input, 4) == 0 ? (size_t)(fuzz_number(input, 2) % TABLE_MAX) : TABLE_MAX;
	struct iommu_ivrs_builder builder;
	int size;

	iommu_ivrs_begin(&builder, table, room, &properties);
	for (unsigned int i = 0; i < 40 && !fuzz_is_done(input); i++)
		any_call(&builder, input);
	size = iommu_ivrs_finish(&builder, "BOCHS ", "BXPC    ");
	FUZZ_CHECK(size <= (int)room && (size > 0) == (builder.refusal[0] == '\0'));
	if (size > 0)
		FUZZ_CHECK((read_copy(table, (size_t)size) & ~ASKED_FOR) == 0);
	else
		FUZZ_CHECK(size == IOMMU_EINVAL || size == IOMMU_ENOSPC);
}

/* --- Bytes ------------------------------------------------------------------------------------ */

static void mend(uint8_t *bytes, size_t size)
{
	if (size < IVRS_HEADER_SIZE)
		return;
	memcpy(bytes, "IVRS", 4);
	for (unsigned int i = 0; i < 4; i++)
		bytes[IVRS_LENGTH + i] = (uint8_t)(size >> 8 * i);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_bytes input = {bytes, size};
	static uint8_t copy[INPUT_MAX];
	unsigned int how;

	if (size > INPUT_MAX)
		return 0;
	how = fuzz_byte(&input);
	if (how % 4 == 3) {
		build(&input);
		return 0;
	}
	if (input.left != 0)
		memcpy(copy, input.at, input.left);
	if (how % 4 != 0)
		mend(copy, input.left);
	(void)read_copy(copy, input.left);
	return 0;
}
