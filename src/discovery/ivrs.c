/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IVRS parser: blocks, and the devices of a unit. (What is said of one device: ivrs_route.c;
 * what is wrong with a table: ivrs_check.c.)
 *
 * All fields are read byte by byte from [bytes, bytes + length). Each block is checked to lie
 * inside before anything of it is read, and each entry to lie in its block.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/hw/amdvi_registers.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "discovery/ivrs.h"

/* --- Blocks ----------------------------------------------------------------------------------- */

static bool is_unit(unsigned int type)
{
	return type == IVRS_IVHD_10 || type == IVRS_IVHD_11 || type == IVRS_IVHD_40;
}

static bool is_memory(unsigned int type)
{
	return type >= IVRS_IVMD_ALL && type <= IVRS_IVMD_UNIT;
}

/* The shortest that a block of a type may be; 0: a type that is not known. */
static uint32_t fixed_size(unsigned int type)
{
	if (is_unit(type))
		return type == IVRS_IVHD_10 ? IVRS_IVHD_10_SIZE : IVRS_IVHD_11_SIZE;
	return is_memory(type) ? IVRS_IVMD_SIZE : 0;
}

/* Do both blocks describe the same unit? */
static bool same_unit(const uint8_t *a, const uint8_t *b)
{
	return iommu_read_le16(a + IVRS_IVHD_SEGMENT) == iommu_read_le16(b + IVRS_IVHD_SEGMENT) &&
	       iommu_read_le16(a + IVRS_IVHD_DEVID) == iommu_read_le16(b + IVRS_IVHD_DEVID) &&
	       iommu_read_le16(a + IVRS_IVHD_CAPABILITY) ==
		       iommu_read_le16(b + IVRS_IVHD_CAPABILITY);
}

/* To the next block that lies inside; false: there is none, and *defects says why. */
static bool step(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *at, unsigned int *defects)
{
	at->offset = at->offset == 0 ? IVRS_HEADER_SIZE : at->offset + at->length;
	if (at->offset >= ivrs->length)
		return false;
	if (at->number == IOMMU_IVRS_MAX_BLOCKS) {
		*defects |= IOMMU_IVRS_BLOCK_COUNT;
		return false;
	}
	at->length = ivrs->length - at->offset >= IVRS_BLOCK_HEADER
			     ? iommu_read_le16(ivrs->bytes + at->offset + IVRS_BLOCK_LENGTH)
			     : 0;
	if (at->length < IVRS_BLOCK_HEADER || at->length > ivrs->length - at->offset) {
		*defects |= IOMMU_IVRS_BLOCK_LENGTH;
		return false;
	}
	at->number++;
	at->type = ivrs->bytes[at->offset + IVRS_BLOCK_TYPE];
	return true;
}

/* Is there another block of the unit that counts in place of this one? */
static bool is_replaced(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block)
{
	const uint8_t *bytes = ivrs->bytes + block->offset;
	struct iommu_ivrs_block other = {0};
	unsigned int unused = 0;

	while (step(ivrs, &other, &unused)) {
		const bool is_better = other.type > block->type ||
				       (other.type == block->type && other.offset < block->offset);

		if (is_unit(other.type) && is_better && other.length >= fixed_size(other.type) &&
		    same_unit(ivrs->bytes + other.offset, bytes))
			return true;
	}
	return false;
}

static void read_images(const struct iommu_ivrs *ivrs, const uint8_t *bytes,
			struct iommu_ivrs_block *block)
{
	struct iommu_ivrs_unit *unit = &block->unit;

	if (block->type == IVRS_IVHD_10)
		return;
	unit->host_tables_off = (unit->features & IVRS_ATTRIBUTE_HAT_DIS) != 0;
	unit->has_features = ivrs->has_features;
	if (unit->has_features) {
		unit->efr = iommu_read_le64(bytes + IVRS_IVHD_EFR);
		unit->efr2 = iommu_read_le64(bytes + IVRS_IVHD_EFR2);
	}
}

static unsigned int read_unit(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block)
{
	const uint8_t *bytes = ivrs->bytes + block->offset;
	struct iommu_ivrs_unit *unit = &block->unit;

	block->kind = IOMMU_IVRS_UNIT;
	block->segment = iommu_read_le16(bytes + IVRS_IVHD_SEGMENT);
	block->entries = block->offset + fixed_size(block->type);
	*unit = (struct iommu_ivrs_unit){
		.devid = iommu_read_le16(bytes + IVRS_IVHD_DEVID),
		.capability = iommu_read_le16(bytes + IVRS_IVHD_CAPABILITY),
		.base = iommu_read_le64(bytes + IVRS_IVHD_BASE),
		.size = AMDVI_REGISTERS_SIZE,
		.flags = bytes[IVRS_BLOCK_FLAGS],
		.info = iommu_read_le16(bytes + IVRS_IVHD_INFO),
		.features = iommu_read_le32(bytes + IVRS_IVHD_FEATURES),
	};
	if (ivrs_counters(unit->features) != 0 && ivrs_counter_banks(unit->features) != 0)
		unit->size = AMDVI_REGISTERS_SIZE_COUNTERS;
	unit->usable = unit->base != 0 && unit->base % AMDVI_REGISTERS_SIZE == 0 &&
		       unit->size - 1 <= UINT64_MAX - unit->base;
	unit->counts = !is_replaced(ivrs, block);
	read_images(ivrs, bytes, block);
	return unit->usable ? 0U : (unsigned int)IOMMU_IVRS_UNIT_WITHOUT_BASE;
}

/* Is there a unit with this id and capability? */
static bool unit_exists(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *memory)
{
	struct iommu_ivrs_block other = {0};
	unsigned int unused = 0;

	while (step(ivrs, &other, &unused)) {
		const uint8_t *bytes = ivrs->bytes + other.offset;

		if (is_unit(other.type) && other.length >= fixed_size(other.type) &&
		    iommu_read_le16(bytes + IVRS_IVHD_SEGMENT) == memory->segment &&
		    iommu_read_le16(bytes + IVRS_IVHD_DEVID) == memory->memory.first &&
		    iommu_read_le16(bytes + IVRS_IVHD_CAPABILITY) == memory->memory.last)
			return true;
	}
	return false;
}

/* Which devices; the defect for which the block is skipped, or 0. */
static unsigned int read_memory_devices(const struct iommu_ivrs *ivrs,
					struct iommu_ivrs_block *block)
{
	const uint8_t *bytes = ivrs->bytes + block->offset;
	struct iommu_ivrs_memory *memory = &block->memory;
	const uint16_t aux = iommu_read_le16(bytes + IVRS_IVMD_AUX);

	memory->first = iommu_read_le16(bytes + IVRS_IVMD_DEVID);
	memory->last = memory->first;
	if (block->type == IVRS_IVMD_ALL) {
		memory->first = 0;
		memory->last = UINT16_MAX;
	} else if (block->type != IVRS_IVMD_DEVICE) {
		memory->last = aux;
	}
	if (block->type == IVRS_IVMD_RANGE && memory->last < memory->first)
		return IOMMU_IVRS_MEMORY_RANGE;
	if (block->type == IVRS_IVMD_UNIT && !unit_exists(ivrs, block))
		return IOMMU_IVRS_MEMORY_UNIT;
	return 0;
}

/* Returns the defect for which the block is skipped, or 0. */
static unsigned int read_memory(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block,
				unsigned int *noted)
{
	const uint8_t *bytes = ivrs->bytes + block->offset;
	const uint64_t mask = IOMMU_PAGE_SIZE - 1;
	const uint64_t start = iommu_read_le64(bytes + IVRS_IVMD_START);
	const uint64_t size = iommu_read_le64(bytes + IVRS_IVMD_BYTES);
	struct iommu_ivrs_memory *memory = &block->memory;

	if (size == 0 || size - 1 > UINT64_MAX - start)
		return IOMMU_IVRS_MEMORY_EMPTY;
	block->kind = IOMMU_IVRS_MEMORY;
	block->segment = iommu_read_le16(bytes + IVRS_IVMD_SEGMENT);
	*memory = (struct iommu_ivrs_memory){
		.type = block->type,
		.segment = block->segment,
		.start = start & ~mask,
		.end = (start + (size - 1)) | mask,
		.flags = bytes[IVRS_BLOCK_FLAGS],
	};
	memory->is_exclusion = (memory->flags & IVRS_IVMD_FLAG_EXCLUSION) != 0;
	memory->read = memory->is_exclusion || (memory->flags & IVRS_IVMD_FLAG_READ) != 0;
	memory->write = memory->is_exclusion || (memory->flags & IVRS_IVMD_FLAG_WRITE) != 0;
	memory->suspicious = memory->start == 0;
	if (((start | size) & mask) != 0)
		*noted |= IOMMU_IVRS_MEMORY_UNALIGNED;
	if (memory->suspicious)
		*noted |= IOMMU_IVRS_MEMORY_SUSPICIOUS;
	return read_memory_devices(ivrs, block);
}

bool iommu_ivrs_read_block(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block,
			   unsigned int *defects)
{
	while (step(ivrs, block, defects)) {
		const uint32_t least = fixed_size(block->type);
		unsigned int skipped;

		if (least == 0) {
			*defects |= IOMMU_IVRS_BLOCK_UNKNOWN;
			continue;
		}
		if (block->length < least) {
			*defects |= IOMMU_IVRS_BLOCK_SHORT;
			continue;
		}
		if (is_unit(block->type)) {
			*defects |= read_unit(ivrs, block);
			return true;
		}
		skipped = read_memory(ivrs, block, defects);
		if (skipped == 0)
			return true;
		*defects |= skipped;
	}
	/* Stay at the end, however often we are asked. */
	block->offset = ivrs->length;
	block->length = 0;
	return false;
}

bool iommu_ivrs_next(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block)
{
	unsigned int unused = 0;

	return iommu_ivrs_read_block(ivrs, block, &unused);
}

bool iommu_ivrs_next_unit(const struct iommu_ivrs *ivrs, struct iommu_ivrs_block *block)
{
	while (iommu_ivrs_next(ivrs, block))
		if (block->kind == IOMMU_IVRS_UNIT && block->unit.counts)
			return true;
	return false;
}

/* --- Devices of a unit ------------------------------------------------------------------------ */

/* The bytes of an entry, of which a block has `left`; 0: the entry does not end in it. */
static uint32_t entry_size(const uint8_t *bytes, uint32_t left, unsigned int *defects)
{
	const unsigned int type = bytes[IVRS_ENTRY_TYPE];
	uint32_t size = ivrs_entry_fixed_size(type);

	if (type >= 0x80 && type != IVRS_ENTRY_ACPI) {
		*defects |= IOMMU_IVRS_ENTRY_UNKNOWN;
		return 0;
	}
	if (type == IVRS_ENTRY_ACPI)
		size = left > IVRS_ENTRY_ACPI_UID_LENGTH
			       ? IVRS_ENTRY_ACPI_SIZE + bytes[IVRS_ENTRY_ACPI_UID_LENGTH]
			       : IVRS_ENTRY_ACPI_SIZE;
	if (size > left) {
		*defects |= IOMMU_IVRS_ENTRY_LENGTH;
		return 0;
	}
	return size;
}

/* The next entry of a block; NULL: there is none that ends in it. */
static const uint8_t *next_entry(const struct iommu_ivrs *ivrs,
				 const struct iommu_ivrs_block *block, uint32_t *position,
				 unsigned int *defects)
{
	const uint32_t end = block->offset + block->length;
	const uint8_t *bytes = ivrs->bytes + *position;
	uint32_t size;

	if (*position >= end)
		return NULL;
	size = entry_size(bytes, end - *position, defects);
	if (size == 0) {
		*position = end;
		return NULL;
	}
	*position += size;
	return bytes;
}

/* The end of a range that has begun: the next entry but pads. */
static bool read_range_end(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			   struct iommu_ivrs_device *device, unsigned int *defects)
{
	uint32_t position = device->position;
	const uint8_t *bytes;

	do
		bytes = next_entry(ivrs, block, &position, defects);
	while (bytes != NULL && (bytes[IVRS_ENTRY_TYPE] == IVRS_ENTRY_PAD_4 ||
				 bytes[IVRS_ENTRY_TYPE] == IVRS_ENTRY_PAD_8));
	/* Another entry stands for itself. */
	if (bytes == NULL || bytes[IVRS_ENTRY_TYPE] != IVRS_ENTRY_END)
		return false;
	device->position = position;
	device->last = iommu_read_le16(bytes + IVRS_ENTRY_DEVID);
	return device->last >= device->first;
}

static bool read_special(const uint8_t *bytes, struct iommu_ivrs_device *device)
{
	const unsigned int variety = bytes[IVRS_ENTRY_SPECIAL_VARIETY];

	device->first = iommu_read_le16(bytes + IVRS_ENTRY_SPECIAL_DEVID);
	device->last = device->first;
	device->handle = bytes[IVRS_ENTRY_SPECIAL_HANDLE];
	device->kind =
		variety == IVRS_SPECIAL_HPET ? IOMMU_IVRS_DEVICE_HPET : IOMMU_IVRS_DEVICE_IOAPIC;
	return variety == IVRS_SPECIAL_IOAPIC || variety == IVRS_SPECIAL_HPET;
}

static void copy_name(char *name, const uint8_t *bytes)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		name[i] = (char)bytes[i];
	name[8] = '\0';
}

static unsigned int read_uid(const uint8_t *bytes, struct iommu_ivrs_device *device)
{
	const unsigned int format = bytes[IVRS_ENTRY_ACPI_UID_FORMAT];
	const unsigned int length = bytes[IVRS_ENTRY_ACPI_UID_LENGTH];
	unsigned int i;

	if (format > IVRS_UID_TEXT || (format == IVRS_UID_INTEGER && length > 8))
		return IOMMU_IVRS_NAME_UID;
	device->uid_format = (enum iommu_ivrs_uid)format;
	if (format == IVRS_UID_TEXT) {
		device->uid_text = (const char *)bytes + IVRS_ENTRY_ACPI_UID;
		device->uid_length = (uint8_t)length;
	}
	for (i = length; format == IVRS_UID_INTEGER && i != 0; i--)
		device->uid = device->uid << 8 | bytes[IVRS_ENTRY_ACPI_UID + i - 1];
	return 0;
}

static bool read_named(const struct iommu_ivrs_block *block, const uint8_t *bytes,
		       struct iommu_ivrs_device *device, unsigned int *defects)
{
	device->kind = IOMMU_IVRS_DEVICE_NAMED;
	copy_name(device->hid, bytes + IVRS_ENTRY_ACPI_HID);
	copy_name(device->cid, bytes + IVRS_ENTRY_ACPI_CID);
	if (block->type != IVRS_IVHD_40 || device->hid[0] == '\0') {
		*defects |= IOMMU_IVRS_NAME;
		return false;
	}
	*defects |= read_uid(bytes, device);
	return true;
}

/* What an entry has beside its type and range; false: it is skipped. */
static bool read_entry(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
		       const uint8_t *bytes, struct iommu_ivrs_device *device,
		       unsigned int *defects)
{
	const unsigned int type = bytes[IVRS_ENTRY_TYPE];
	bool is_good = true;

	device->first = iommu_read_le16(bytes + IVRS_ENTRY_DEVID);
	device->last = device->first;
	device->setting = bytes[IVRS_ENTRY_SETTING];
	device->kind = IOMMU_IVRS_DEVICE_RANGE;
	switch (type) {
	case IVRS_ENTRY_ALL:
		device->kind = IOMMU_IVRS_DEVICE_ALL;
		device->first = 0;
		device->last = UINT16_MAX;
		break;
	case IVRS_ENTRY_ALIAS:
	case IVRS_ENTRY_ALIAS_START:
		device->has_alias = true;
		device->alias = iommu_read_le16(bytes + IVRS_ENTRY_ALIAS_DEVID);
		break;
	case IVRS_ENTRY_EXTENDED:
	case IVRS_ENTRY_EXTENDED_START:
		device->no_ats = (iommu_read_le32(bytes + IVRS_ENTRY_EXTENDED_SETTING) &
				  IVRS_EXTENDED_NO_ATS) != 0;
		break;
	case IVRS_ENTRY_SPECIAL:
		is_good = read_special(bytes, device);
		*defects |= is_good ? 0U : (unsigned int)IOMMU_IVRS_SPECIAL_UNKNOWN;
		break;
	case IVRS_ENTRY_ACPI:
		is_good = read_named(block, bytes, device, defects);
		break;
	default:
		break;
	}
	if (type == IVRS_ENTRY_START || type == IVRS_ENTRY_ALIAS_START ||
	    type == IVRS_ENTRY_EXTENDED_START) {
		is_good = read_range_end(ivrs, block, device, defects);
		*defects |= is_good ? 0U : (unsigned int)IOMMU_IVRS_RANGE_ENDS;
	}
	return is_good;
}

static bool is_device(unsigned int type)
{
	return type == IVRS_ENTRY_ALL || type == IVRS_ENTRY_SELECT || type == IVRS_ENTRY_START ||
	       type == IVRS_ENTRY_ALIAS || type == IVRS_ENTRY_ALIAS_START ||
	       type == IVRS_ENTRY_EXTENDED || type == IVRS_ENTRY_EXTENDED_START ||
	       type == IVRS_ENTRY_SPECIAL || type == IVRS_ENTRY_ACPI;
}

bool iommu_ivrs_read_device(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			    struct iommu_ivrs_device *device, unsigned int *defects)
{
	uint32_t position = device->position != 0 ? device->position : block->entries;
	const uint8_t *bytes = NULL;

	if (block->kind == IOMMU_IVRS_UNIT)
		bytes = next_entry(ivrs, block, &position, defects);
	while (bytes != NULL) {
		const unsigned int type = bytes[IVRS_ENTRY_TYPE];

		*device = (struct iommu_ivrs_device){.position = position};
		if (is_device(type) && read_entry(ivrs, block, bytes, device, defects))
			return true;
		if (type == IVRS_ENTRY_END)
			*defects |= IOMMU_IVRS_RANGE_ENDS;
		else if (!is_device(type) && type != IVRS_ENTRY_PAD_4 && type != IVRS_ENTRY_PAD_8)
			*defects |= IOMMU_IVRS_ENTRY_UNKNOWN;
		position = device->position;
		bytes = next_entry(ivrs, block, &position, defects);
	}
	device->position = block->offset + block->length;
	return false;
}

bool iommu_ivrs_next_device(const struct iommu_ivrs *ivrs, const struct iommu_ivrs_block *block,
			    struct iommu_ivrs_device *device)
{
	unsigned int unused = 0;

	return iommu_ivrs_read_device(ivrs, block, device, &unused);
}
