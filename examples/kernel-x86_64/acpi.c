/* SPDX-License-Identifier: BSD-2-Clause */
/* From the PVH start info to an ACPI table. Firmware's tables are only found here, not trusted. */
#include "machine.h"

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

static uint64_t read_number(const uint8_t *bytes, unsigned int size)
{
	uint64_t value = 0;

	while (size-- != 0)
		value = value << 8 | bytes[size];
	return value;
}

static bool starts_with(const uint8_t *bytes, const char *text)
{
	for (; *text != '\0'; text++, bytes++)
		if (*bytes != (uint8_t)*text)
			return false;
	return true;
}

const char *start_info_command_line(uint64_t start_info)
{
	const struct start_info *info = physical(start_info);

	return info->command_line != 0 ? physical(info->command_line) : "";
}

uint64_t start_info_memory_map(uint64_t start_info, uint32_t *entries)
{
	const struct start_info *info = physical(start_info);

	*entries = info->version >= 1 ? info->memory_map_entries : 0;
	return info->memory_map;
}

/* RSDT entries are 4 bytes wide, XSDT entries 8. */
static const void *find_in(const uint8_t *root, unsigned int width, const char *signature,
			   size_t *size)
{
	uint64_t length = read_number(root + 4, 4);
	uint64_t at;

	for (at = 36; at + width <= length; at += width) {
		uint64_t address = read_number(root + at, width);
		const uint8_t *table = physical(address);

		if (address < DIRECT_MAP_SIZE - 4096 && starts_with(table, signature)) {
			*size = read_number(table + 4, 4);
			return table;
		}
	}
	return NULL;
}

const void *acpi_find(uint64_t start_info, const char *signature, size_t *size)
{
	const struct start_info *info = physical(start_info);
	const uint8_t *rsdp = physical(info->rsdp);
	uint64_t xsdt;

	if (info->rsdp == 0 || !starts_with(rsdp, "RSD PTR "))
		return NULL;
	xsdt = rsdp[15] >= 2 ? read_number(rsdp + 24, 8) : 0;
	if (xsdt != 0)
		return find_in(physical(xsdt), 8, signature, size);
	return find_in(physical(read_number(rsdp + 16, 4)), 4, signature, size);
}
