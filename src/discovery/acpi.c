/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding an ACPI table from the root pointer. Everything is copied out of memory before it is
 * examined, so that a checked length is the one that is used even if the bytes change meanwhile.
 */
#include <libiommu/acpi.h>
#include <libiommu/hw/acpi_root.h>
#include <libiommu/status.h>

#include "base/byteorder.h"

#define PIECE 64

static bool read_at(const struct iommu_acpi_memory *memory, iommu_paddr_t address, void *bytes,
		    size_t size)
{
	return address <= UINT64_MAX - size && memory->read(memory->ctx, address, bytes, size);
}

static uint8_t sum_of(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size-- != 0)
		sum = (uint8_t)(sum + bytes[size]);
	return sum;
}

/* What all bytes of a structure add up to; false: they cannot all be read. */
static bool sum_up(const struct iommu_acpi_memory *memory, iommu_paddr_t address, size_t size,
		   uint8_t *sum)
{
	uint8_t piece[PIECE];

	for (*sum = 0; size != 0;) {
		const size_t count = size < PIECE ? size : PIECE;

		if (!read_at(memory, address, piece, count))
			return false;
		*sum = (uint8_t)(*sum + sum_of(piece, count));
		address += count;
		size -= count;
	}
	return true;
}

/* Not memcmp, of which compilers make bcmp, which hosts need not have. */
static bool begins_with(const uint8_t *bytes, const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && bytes[i] == (uint8_t)text[i])
		i++;
	return i == size;
}

static bool is_rsdp(const uint8_t *bytes)
{
	return begins_with(bytes, "RSD PTR ", ACPI_RSDP_SIGNATURE_SIZE) &&
	       sum_of(bytes, ACPI_RSDP_FIRST_SIZE) == 0;
}

/* --- Tables ----------------------------------------------------------------------------------- */

struct search {
	const struct iommu_acpi_memory *memory;
	const char *signature;
	struct iommu_acpi_table *table;
	bool found;
};

/* A table at an address, with this signature and a length that can be. */
static bool table_at(const struct iommu_acpi_memory *memory, iommu_paddr_t address,
		     const char *signature, size_t max, struct iommu_acpi_table *table)
{
	uint8_t header[ACPI_TABLE_HEADER_SIZE];
	uint32_t length;
	uint8_t sum;

	if (address == 0 || !read_at(memory, address, header, sizeof(header)) ||
	    !begins_with(header, signature, ACPI_TABLE_SIGNATURE_SIZE))
		return false;
	length = iommu_read_le32(header + ACPI_TABLE_LENGTH_OFFSET);
	if (length < ACPI_TABLE_HEADER_SIZE || length > max || address > UINT64_MAX - length ||
	    !sum_up(memory, address, length, &sum))
		return false;
	*table = (struct iommu_acpi_table){
		.address = address,
		.size = length,
		.checksum_is_right = sum == 0,
	};
	return true;
}

/* Look at one table that a root table names; true: the search is over. */
static bool consider(struct search *search, iommu_paddr_t address)
{
	struct iommu_acpi_table table;

	if (!table_at(search->memory, address, search->signature, IOMMU_ACPI_TABLE_MAX, &table))
		return false;
	if (!search->found || table.checksum_is_right)
		*search->table = table;
	search->found = true;
	return table.checksum_is_right;
}

/* False: there is no whole root table at the address. */
static bool search_root(struct search *search, iommu_paddr_t address, const char *signature,
			unsigned int entry_size)
{
	struct iommu_acpi_table root;
	size_t at;

	if (!table_at(search->memory, address, signature, IOMMU_ACPI_ROOT_MAX, &root) ||
	    !root.checksum_is_right)
		return false;
	for (at = ACPI_TABLE_HEADER_SIZE; at + entry_size <= root.size; at += entry_size) {
		uint8_t entry[ACPI_XSDT_ENTRY_SIZE] = {0};

		if (read_at(search->memory, root.address + at, entry, entry_size) &&
		    consider(search, iommu_read_le64(entry)))
			break;
	}
	return true;
}

/* The address of the XSDT; 0: the pointer has none, or not one to be believed. */
static iommu_paddr_t xsdt_of(const struct iommu_acpi_memory *memory, iommu_paddr_t rsdp,
			     const uint8_t *first)
{
	uint8_t whole[ACPI_RSDP_SIZE];
	uint32_t length;
	uint8_t sum;

	if (first[ACPI_RSDP_REVISION_OFFSET] < 2 || !read_at(memory, rsdp, whole, sizeof(whole)))
		return 0;
	length = iommu_read_le32(whole + ACPI_RSDP_LENGTH_OFFSET);
	if (length < ACPI_RSDP_SIZE || length > IOMMU_PAGE_SIZE || rsdp > UINT64_MAX - length ||
	    !sum_up(memory, rsdp, length, &sum) || sum != 0)
		return 0;
	return iommu_read_le64(whole + ACPI_RSDP_XSDT_OFFSET);
}

int iommu_acpi_find_table(const struct iommu_acpi_memory *memory, iommu_paddr_t rsdp,
			  const char *signature, struct iommu_acpi_table *table)
{
	struct iommu_acpi_table found;
	struct search search = {memory, signature, &found, false};
	uint8_t first[ACPI_RSDP_FIRST_SIZE];

	if (!read_at(memory, rsdp, first, sizeof(first)) || !is_rsdp(first))
		return IOMMU_EINVAL;
	if (!search_root(&search, xsdt_of(memory, rsdp, first), "XSDT", ACPI_XSDT_ENTRY_SIZE) &&
	    !search_root(&search, iommu_read_le32(first + ACPI_RSDP_RSDT_OFFSET), "RSDT",
			 ACPI_RSDT_ENTRY_SIZE))
		return IOMMU_EINVAL;
	if (!search.found)
		return IOMMU_ENOENT;
	*table = found;
	return 0;
}

/* --- The root pointer ------------------------------------------------------------------------- */

static bool search_area(const struct iommu_acpi_memory *memory, iommu_paddr_t start, size_t size,
			iommu_paddr_t *rsdp)
{
	size_t at;

	for (at = 0; at + ACPI_RSDP_FIRST_SIZE <= size; at += ACPI_RSDP_ALIGN) {
		uint8_t bytes[ACPI_RSDP_FIRST_SIZE];

		if (read_at(memory, start + at, bytes, sizeof(bytes)) && is_rsdp(bytes)) {
			*rsdp = start + at;
			return true;
		}
	}
	return false;
}

int iommu_acpi_find_rsdp(const struct iommu_acpi_memory *memory, iommu_paddr_t *rsdp)
{
	uint8_t pointer[2];

	if (read_at(memory, ACPI_EBDA_POINTER, pointer, sizeof(pointer)) &&
	    search_area(memory, (iommu_paddr_t)iommu_read_le16(pointer) << 4, ACPI_EBDA_SEARCH_SIZE,
			rsdp))
		return 0;
	return search_area(memory, ACPI_BIOS_AREA_START, ACPI_BIOS_AREA_SIZE, rsdp) ? 0
										    : IOMMU_ENOENT;
}
