/* SPDX-License-Identifier: BSD-2-Clause */
/* From the PVH start info to an ACPI table. */
#include <libiommu/acpi.h>

#include "machine.h"

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

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

static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	(void)ctx;
	if (address >= DIRECT_MAP_SIZE || size > DIRECT_MAP_SIZE - address)
		return false;
	__builtin_memcpy(bytes, physical(address), size);
	return true;
}

const void *acpi_find(uint64_t start_info, const char *signature, size_t *size)
{
	static const struct iommu_acpi_memory memory = {.read = read_memory};
	const struct start_info *info = physical(start_info);
	struct iommu_acpi_table table;

	if (iommu_acpi_find_table(&memory, info->rsdp, signature, &table) != 0)
		return NULL;
	*size = table.size;
	return physical(table.address);
}
