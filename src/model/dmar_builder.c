/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR builder. Structures are appended to the table, and scopes to the last structure, whose
 * length field is kept up to date: at any time the table is well-formed but for its length and
 * checksum.
 */
#include <libiommu/dmar_builder.h>
#include <libiommu/hw/acpi_dmar.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "base/memory.h"
#include "model/acpi_table.h"

#define STRUCTURE_SIZE_MAX 0xffffU

/* The first error counts, and its reason. */
static void fail(struct iommu_dmar_builder *builder, int status, const char *why)
{
	if (builder->status != 0)
		return;
	builder->status = status;
	builder->refusal = why;
}

/* Append `size` zeroed bytes; NULL: no room, or an earlier error. */
static uint8_t *grow(struct iommu_dmar_builder *builder, size_t size)
{
	uint8_t *at = builder->bytes + builder->used;

	if (builder->status == 0 && builder->size - builder->used < size)
		fail(builder, IOMMU_ENOSPC, IOMMU_WHY("there is no room for it in the bytes"));
	if (builder->status != 0)
		return NULL;
	memset(at, 0, size);
	builder->used += size;
	return at;
}

void iommu_dmar_begin(struct iommu_dmar_builder *builder, void *bytes, size_t size,
		      unsigned int address_width, unsigned int flags)
{
	uint8_t *header;

	*builder = (struct iommu_dmar_builder){.bytes = bytes, .size = size, .refusal = ""};
	if (address_width <= DMAR_WIDTH_MIN || address_width > 256)
		fail(builder, IOMMU_EINVAL, IOMMU_WHY("the address width is not within 12 to 256"));
	header = grow(builder, DMAR_HEADER_SIZE);
	if (header == NULL)
		return;
	acpi_put(header, DMAR_SIGNATURE, 4);
	header[ACPI_TABLE_REVISION_OFFSET] = 1;
	header[DMAR_WIDTH_OFFSET] = (uint8_t)(address_width - 1);
	header[DMAR_FLAGS_OFFSET] = (uint8_t)flags;
}

static uint8_t *add_structure(struct iommu_dmar_builder *builder, enum dmar_structure_type type,
			      size_t size, bool takes_scopes)
{
	uint8_t *structure = grow(builder, size);

	if (structure == NULL)
		return NULL;
	builder->structure = (size_t)(structure - builder->bytes);
	builder->takes_scopes = takes_scopes;
	acpi_put(structure, (uint64_t)type, 2);
	acpi_put(structure + 2, size, 2);
	return structure;
}

void iommu_dmar_add_unit(struct iommu_dmar_builder *builder, uint16_t segment, iommu_paddr_t base,
			 uint64_t size, bool include_all)
{
	unsigned int order = 0;
	uint8_t *structure;

	while (order < DMAR_DRHD_SIZE_MASK && IOMMU_PAGE_SIZE << order < size)
		order++;
	if (base == 0 || base % IOMMU_PAGE_SIZE != 0)
		fail(builder, IOMMU_EINVAL,
		     base == 0 ? IOMMU_WHY("a unit's base is 0")
			       : IOMMU_WHY("a unit's base is not aligned to 4096"));
	if (IOMMU_PAGE_SIZE << order < size)
		fail(builder, IOMMU_EINVAL,
		     IOMMU_WHY("a unit's registers are more than 2^15 pages"));
	structure = add_structure(builder, DMAR_DRHD, DMAR_DRHD_FIXED_SIZE, true);
	if (structure == NULL)
		return;
	structure[DMAR_DRHD_FLAGS] = include_all ? DMAR_DRHD_INCLUDE_PCI_ALL : 0;
	structure[DMAR_DRHD_SIZE] = (uint8_t)order;
	acpi_put(structure + DMAR_DRHD_SEGMENT, segment, 2);
	acpi_put(structure + DMAR_DRHD_BASE, base, 8);
}

void iommu_dmar_add_region(struct iommu_dmar_builder *builder, uint16_t segment,
			   iommu_paddr_t start, iommu_paddr_t last)
{
	uint8_t *structure;

	if (start > last || (start | (last + 1)) % IOMMU_PAGE_SIZE != 0)
		fail(builder, IOMMU_EINVAL,
		     start > last ? IOMMU_WHY("a region ends before it begins")
				  : IOMMU_WHY("a region is not made of whole pages"));
	structure = add_structure(builder, DMAR_RMRR, DMAR_RMRR_FIXED_SIZE, true);
	if (structure == NULL)
		return;
	acpi_put(structure + DMAR_RMRR_SEGMENT, segment, 2);
	acpi_put(structure + DMAR_RMRR_BASE, start, 8);
	acpi_put(structure + DMAR_RMRR_LIMIT, last, 8);
}

static void add_flagged(struct iommu_dmar_builder *builder, enum dmar_structure_type type,
			uint16_t segment, unsigned int flags)
{
	uint8_t *structure = add_structure(builder, type, DMAR_ATSR_FIXED_SIZE, true);

	if (structure == NULL)
		return;
	structure[DMAR_ATSR_FLAGS] = (uint8_t)flags;
	acpi_put(structure + DMAR_ATSR_SEGMENT, segment, 2);
}

void iommu_dmar_add_ports(struct iommu_dmar_builder *builder, uint16_t segment, bool all_ports)
{
	add_flagged(builder, DMAR_ATSR, segment, all_ports ? DMAR_ATSR_ALL_PORTS : 0);
}

void iommu_dmar_add_integrated(struct iommu_dmar_builder *builder, uint16_t segment,
			       bool tlb_required)
{
	add_flagged(builder, DMAR_SATC, segment, tlb_required ? DMAR_SATC_ATC_REQUIRED : 0);
}

void iommu_dmar_add_affinity(struct iommu_dmar_builder *builder, iommu_paddr_t base,
			     uint32_t proximity_domain)
{
	uint8_t *structure = add_structure(builder, DMAR_RHSA, DMAR_RHSA_FIXED_SIZE, false);

	if (structure == NULL)
		return;
	acpi_put(structure + DMAR_RHSA_BASE, base, 8);
	acpi_put(structure + DMAR_RHSA_PROXIMITY, proximity_domain, 4);
}

void iommu_dmar_add_name(struct iommu_dmar_builder *builder, unsigned int number, const char *path)
{
	const size_t length = acpi_text_length(path, STRUCTURE_SIZE_MAX);
	uint8_t *structure;

	if (number > UINT8_MAX || length == 0 ||
	    length >= STRUCTURE_SIZE_MAX - DMAR_ANDD_FIXED_SIZE) {
		fail(builder, IOMMU_EINVAL,
		     number > UINT8_MAX ? IOMMU_WHY("a name's number is above 255")
		     : length == 0      ? IOMMU_WHY("a name is empty")
					: IOMMU_WHY("a name is too long"));
		return;
	}
	structure = add_structure(builder, DMAR_ANDD, DMAR_ANDD_FIXED_SIZE + length + 1, false);
	if (structure == NULL)
		return;
	structure[DMAR_ANDD_NUMBER] = (uint8_t)number;
	memcpy(structure + DMAR_ANDD_NAME, path, length);
}

static bool path_is_sane(const struct iommu_pci_hop *path, unsigned int hops)
{
	unsigned int i;

	if (hops == 0 || hops > IOMMU_PCI_PATH_MAX)
		return false;
	for (i = 0; i < hops; i++)
		if (path[i].device > 31 || path[i].function > 7)
			return false;
	return true;
}

void iommu_dmar_add_scope(struct iommu_dmar_builder *builder, enum dmar_scope_type type,
			  unsigned int id, uint8_t start_bus, const struct iommu_pci_hop *path,
			  unsigned int hops)
{
	const size_t size = DMAR_SCOPE_FIXED_SIZE + (size_t)hops * DMAR_SCOPE_HOP_SIZE;
	uint8_t *scope;
	unsigned int i;

	if (!builder->takes_scopes)
		fail(builder, IOMMU_EINVAL,
		     IOMMU_WHY("a device does not follow a structure that has devices"));
	if (id > UINT8_MAX)
		fail(builder, IOMMU_EINVAL, IOMMU_WHY("a device's id is above 255"));
	if (!path_is_sane(path, hops))
		fail(builder, IOMMU_EINVAL,
		     IOMMU_WHY("a device's path is empty or too long, or has a hop that is none"));
	if (builder->status == 0 && builder->used + size - builder->structure > STRUCTURE_SIZE_MAX)
		fail(builder, IOMMU_ENOSPC,
		     IOMMU_WHY("a structure has more devices than fit into it"));
	scope = grow(builder, size);
	if (scope == NULL)
		return;
	scope[DMAR_SCOPE_TYPE] = (uint8_t)type;
	scope[DMAR_SCOPE_LENGTH] = (uint8_t)size;
	scope[DMAR_SCOPE_ID] = (uint8_t)id;
	scope[DMAR_SCOPE_START_BUS] = start_bus;
	for (i = 0; i < hops; i++) {
		uint8_t *hop = scope + DMAR_SCOPE_FIXED_SIZE + (size_t)i * DMAR_SCOPE_HOP_SIZE;

		hop[0] = path[i].device;
		hop[1] = path[i].function;
	}
	acpi_put(builder->bytes + builder->structure + 2, builder->used - builder->structure, 2);
}

int iommu_dmar_finish(struct iommu_dmar_builder *builder, const char *oem_id,
		      const char *oem_table_id)
{
	if (builder->status == 0 && builder->used > INT32_MAX)
		fail(builder, IOMMU_ENOSPC, IOMMU_WHY("the table is larger than 2 GiB"));
	if (builder->status != 0)
		return builder->status;
	acpi_seal(builder->bytes, builder->used, oem_id, oem_table_id);
	return (int)builder->used;
}
