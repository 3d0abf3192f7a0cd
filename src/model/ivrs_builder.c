/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IVRS builder. Blocks are appended to the table, and devices to the last unit, whose length is
 * kept up to date: at any time the table is well-formed but for its length and checksum.
 */
#include <libiommu/hw/acpi_ivrs.h>
#include <libiommu/hw/amdvi_registers.h>
#include <libiommu/ivrs_builder.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "base/log.h"
#include "base/memory.h"
#include "model/acpi_table.h"

#define BLOCK_SIZE_MAX   0xffffU
#define ADDRESS_BITS_MAX 0x7fU

/* The first error counts, and its reason. */
static void fail(struct iommu_ivrs_builder *builder, int status, const char *why)
{
	if (builder->status != 0)
		return;
	builder->status = status;
	builder->refusal = why;
}

static void require(struct iommu_ivrs_builder *builder, bool condition, const char *why)
{
	if (!condition)
		fail(builder, IOMMU_EINVAL, why);
}

/* Append `size` zeroed bytes; NULL: no room, or an earlier error. */
static uint8_t *grow(struct iommu_ivrs_builder *builder, size_t size)
{
	const size_t end =
		builder->size < IOMMU_IVRS_MAX_SIZE ? builder->size : IOMMU_IVRS_MAX_SIZE;
	uint8_t *at = builder->bytes + builder->used;

	if (builder->status == 0 && end - builder->used < size)
		fail(builder, IOMMU_ENOSPC, IOMMU_WHY("there is no room for it in the bytes"));
	if (builder->status != 0)
		return NULL;
	memset(at, 0, size);
	builder->used += size;
	return at;
}

void iommu_ivrs_begin(struct iommu_ivrs_builder *builder, void *bytes, size_t size,
		      const struct iommu_ivrs *table)
{
	uint8_t *header;

	*builder = (struct iommu_ivrs_builder){.bytes = bytes, .size = size, .refusal = ""};
	require(builder,
		table->physical_bits <= ADDRESS_BITS_MAX && table->virtual_bits <= ADDRESS_BITS_MAX,
		IOMMU_WHY("addresses have more bits than the table can say"));
	header = grow(builder, IVRS_HEADER_SIZE);
	if (header == NULL)
		return;
	acpi_put(header, IVRS_SIGNATURE, 4);
	header[IVRS_REVISION] = 2;
	acpi_put(header + IVRS_INFO,
		 (table->has_features ? IVRS_INFO_EFR : 0) |
			 (table->was_remapping ? IVRS_INFO_REMAP : 0) |
			 (table->ht_ats ? IVRS_INFO_HT_ATS : 0) |
			 ivrs_info_sizes(table->physical_bits, table->virtual_bits),
		 4);
}

static uint8_t *add_block(struct iommu_ivrs_builder *builder, unsigned int type, unsigned int flags,
			  size_t size)
{
	uint8_t *block = grow(builder, size);

	if (block == NULL)
		return NULL;
	block[IVRS_BLOCK_TYPE] = (uint8_t)type;
	block[IVRS_BLOCK_FLAGS] = (uint8_t)flags;
	acpi_put(block + IVRS_BLOCK_LENGTH, size, 2);
	builder->unit = 0;
	return block;
}

void iommu_ivrs_add_unit(struct iommu_ivrs_builder *builder, uint8_t type, uint16_t segment,
			 const struct iommu_ivrs_unit *unit)
{
	const bool is_long = type != IVRS_IVHD_10;
	const uint32_t attributes = is_long && unit->host_tables_off ? IVRS_ATTRIBUTE_HAT_DIS : 0;
	uint8_t *block;

	require(builder, type == IVRS_IVHD_10 || type == IVRS_IVHD_11 || type == IVRS_IVHD_40,
		IOMMU_WHY("a unit's block has a type that is none of units"));
	require(builder, unit->base != 0 && unit->base % AMDVI_REGISTERS_SIZE == 0,
		unit->base == 0 ? IOMMU_WHY("a unit's base is 0")
				: IOMMU_WHY("a unit's base is not aligned to 16 KiB"));
	block = add_block(builder, type, unit->flags,
			  is_long ? IVRS_IVHD_11_SIZE : IVRS_IVHD_10_SIZE);
	if (block == NULL)
		return;
	builder->unit = (size_t)(block - builder->bytes);
	acpi_put(block + IVRS_IVHD_DEVID, unit->devid, 2);
	acpi_put(block + IVRS_IVHD_CAPABILITY, unit->capability, 2);
	acpi_put(block + IVRS_IVHD_BASE, unit->base, 8);
	acpi_put(block + IVRS_IVHD_SEGMENT, segment, 2);
	acpi_put(block + IVRS_IVHD_INFO, unit->info, 2);
	acpi_put(block + IVRS_IVHD_FEATURES, unit->features | attributes, 4);
	if (is_long) {
		acpi_put(block + IVRS_IVHD_EFR, unit->efr, 8);
		acpi_put(block + IVRS_IVHD_EFR2, unit->efr2, 8);
	}
}

/* --- Devices ---------------------------------------------------------------------------------- */

/* Append an entry to the last unit; NULL: no room, or an earlier error. */
static uint8_t *add_entry(struct iommu_ivrs_builder *builder, unsigned int type, uint16_t devid,
			  unsigned int setting, size_t size)
{
	uint8_t *block, *entry;
	size_t length;

	if (builder->status != 0)
		return NULL;
	block = builder->bytes + builder->unit;
	length = iommu_read_le16(block + IVRS_BLOCK_LENGTH) + size;
	if (length > BLOCK_SIZE_MAX)
		fail(builder, IOMMU_ENOSPC, IOMMU_WHY("a unit has more devices than fit"));
	entry = grow(builder, size);
	if (entry == NULL)
		return NULL;
	acpi_put(block + IVRS_BLOCK_LENGTH, length, 2);
	entry[IVRS_ENTRY_TYPE] = (uint8_t)type;
	acpi_put(entry + IVRS_ENTRY_DEVID, devid, 2);
	entry[IVRS_ENTRY_SETTING] = (uint8_t)setting;
	return entry;
}

/* The type of the entry that begins a range, or is one device. */
static unsigned int type_of_range(const struct iommu_ivrs_device *device)
{
	const bool is_one = device->first == device->last;

	if (device->has_alias)
		return is_one ? IVRS_ENTRY_ALIAS : IVRS_ENTRY_ALIAS_START;
	if (device->no_ats)
		return is_one ? IVRS_ENTRY_EXTENDED : IVRS_ENTRY_EXTENDED_START;
	return is_one ? IVRS_ENTRY_SELECT : IVRS_ENTRY_START;
}

static void add_range(struct iommu_ivrs_builder *builder, const struct iommu_ivrs_device *device)
{
	const unsigned int type = type_of_range(device);
	uint8_t *entry;

	require(builder, device->first <= device->last,
		IOMMU_WHY("a range of devices ends before it begins"));
	require(builder, !device->has_alias || !device->no_ats,
		IOMMU_WHY("no entry says both an alias and that there is no ATS"));
	entry = add_entry(builder, type, device->first, device->setting,
			  ivrs_entry_fixed_size(type));
	if (entry == NULL)
		return;
	if (device->has_alias)
		acpi_put(entry + IVRS_ENTRY_ALIAS_DEVID, device->alias, 2);
	if (device->no_ats)
		acpi_put(entry + IVRS_ENTRY_EXTENDED_SETTING, IVRS_EXTENDED_NO_ATS, 4);
	if (device->first != device->last)
		(void)add_entry(builder, IVRS_ENTRY_END, device->last, 0, 4);
}

static void add_special(struct iommu_ivrs_builder *builder, const struct iommu_ivrs_device *device)
{
	uint8_t *entry = add_entry(builder, IVRS_ENTRY_SPECIAL, 0, device->setting,
				   ivrs_entry_fixed_size(IVRS_ENTRY_SPECIAL));

	if (entry == NULL)
		return;
	entry[IVRS_ENTRY_SPECIAL_HANDLE] = device->handle;
	acpi_put(entry + IVRS_ENTRY_SPECIAL_DEVID, device->first, 2);
	entry[IVRS_ENTRY_SPECIAL_VARIETY] =
		device->kind == IOMMU_IVRS_DEVICE_HPET ? IVRS_SPECIAL_HPET : IVRS_SPECIAL_IOAPIC;
}

static unsigned int uid_length(const struct iommu_ivrs_device *device)
{
	switch (device->uid_format) {
	case IOMMU_IVRS_UID_NONE:
		return 0;
	case IOMMU_IVRS_UID_INTEGER:
		return 8;
	case IOMMU_IVRS_UID_TEXT:
		break;
	}
	return device->uid_length;
}

static void add_named(struct iommu_ivrs_builder *builder, const struct iommu_ivrs_device *device)
{
	const unsigned int length = uid_length(device);
	uint8_t *entry;

	require(builder, builder->bytes[builder->unit + IVRS_BLOCK_TYPE] == IVRS_IVHD_40,
		IOMMU_WHY("only blocks of type 40h have named devices"));
	require(builder, device->hid[0] != '\0', IOMMU_WHY("a named device has no name"));
	require(builder, device->uid_format <= IOMMU_IVRS_UID_TEXT,
		IOMMU_WHY("a unique id of a format that there is not"));
	entry = add_entry(builder, IVRS_ENTRY_ACPI, device->first, device->setting,
			  IVRS_ENTRY_ACPI_SIZE + (size_t)length);
	if (entry == NULL)
		return;
	acpi_put_text(entry + IVRS_ENTRY_ACPI_HID, device->hid, 8);
	acpi_put_text(entry + IVRS_ENTRY_ACPI_CID, device->cid, 8);
	entry[IVRS_ENTRY_ACPI_UID_FORMAT] = (uint8_t)device->uid_format;
	entry[IVRS_ENTRY_ACPI_UID_LENGTH] = (uint8_t)length;
	if (device->uid_format == IOMMU_IVRS_UID_INTEGER)
		acpi_put(entry + IVRS_ENTRY_ACPI_UID, device->uid, 8);
	else if (length != 0)
		memcpy(entry + IVRS_ENTRY_ACPI_UID, device->uid_text, length);
}

void iommu_ivrs_add_device(struct iommu_ivrs_builder *builder,
			   const struct iommu_ivrs_device *device)
{
	require(builder, builder->unit != 0, IOMMU_WHY("a device without a unit before it"));
	if (builder->status != 0)
		return;
	switch (device->kind) {
	case IOMMU_IVRS_DEVICE_ALL:
		(void)add_entry(builder, IVRS_ENTRY_ALL, 0, device->setting, 4);
		return;
	case IOMMU_IVRS_DEVICE_RANGE:
		add_range(builder, device);
		return;
	case IOMMU_IVRS_DEVICE_IOAPIC:
	case IOMMU_IVRS_DEVICE_HPET:
		add_special(builder, device);
		return;
	case IOMMU_IVRS_DEVICE_NAMED:
		add_named(builder, device);
		return;
	}
	fail(builder, IOMMU_EINVAL, IOMMU_WHY("a device of a kind that there is not"));
}

/* --- Memory ----------------------------------------------------------------------------------- */

void iommu_ivrs_add_memory(struct iommu_ivrs_builder *builder,
			   const struct iommu_ivrs_memory *memory)
{
	const uint64_t mask = IOMMU_PAGE_SIZE - 1;
	const unsigned int flags = memory->is_exclusion
					   ? IVRS_IVMD_FLAG_EXCLUSION
					   : IVRS_IVMD_FLAG_UNITY |
						     (memory->read ? IVRS_IVMD_FLAG_READ : 0) |
						     (memory->write ? IVRS_IVMD_FLAG_WRITE : 0);
	const bool has_first = memory->type != IVRS_IVMD_ALL;
	uint8_t *block;

	require(builder, memory->type >= IVRS_IVMD_ALL && memory->type <= IVRS_IVMD_UNIT,
		IOMMU_WHY("memory has a type that is none of memory"));
	require(builder, memory->start <= memory->end,
		IOMMU_WHY("memory that ends before it begins"));
	require(builder, (memory->start & mask) == 0 && (memory->end & mask) == mask,
		IOMMU_WHY("memory that is not made of whole pages"));
	require(builder, memory->end - memory->start != UINT64_MAX,
		IOMMU_WHY("memory of more bytes than the table can say"));
	require(builder, memory->type != IVRS_IVMD_RANGE || memory->first <= memory->last,
		IOMMU_WHY("a range of devices ends before it begins"));
	block = add_block(builder, memory->type, flags, IVRS_IVMD_SIZE);
	if (block == NULL)
		return;
	acpi_put(block + IVRS_IVMD_DEVID, has_first ? memory->first : 0, 2);
	acpi_put(block + IVRS_IVMD_AUX,
		 has_first && memory->type != IVRS_IVMD_DEVICE ? memory->last : 0, 2);
	acpi_put(block + IVRS_IVMD_SEGMENT, memory->segment, 2);
	acpi_put(block + IVRS_IVMD_START, memory->start, 8);
	acpi_put(block + IVRS_IVMD_BYTES, memory->end - memory->start + 1, 8);
}

int iommu_ivrs_finish(struct iommu_ivrs_builder *builder, const char *oem_id,
		      const char *oem_table_id)
{
	if (builder->status != 0)
		return builder->status;
	acpi_seal(builder->bytes, builder->used, oem_id, oem_table_id);
	return (int)builder->used;
}
