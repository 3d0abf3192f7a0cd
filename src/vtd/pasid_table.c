/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PASID directories and tables: memory and lookup (VT-d specification, "Scalable-Mode PASID
 * Directory Entry", "Scalable-Mode PASID Table Entry"). Contents and invalidations are in
 * pasid_change.c.
 *
 * A directory starts with one page, for 32768 PASIDs. For a higher PASID a larger directory
 * replaces it: a copy that leads to the same tables, so that hardware may use either and no
 * attached PASID is disturbed. A table stays until the endpoint is released: a detach never
 * allocates, nor does the next attach of the PASID. Control path.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/object_cache.h"
#include "unit/confirmation.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/pasid.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_SCALABLE

static uint32_t entries_of(const struct vtd_directory *directory)
{
	return (uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES << directory->order;
}

/* The table that a directory entry leads to, or NULL. */
static struct vtd_pasid_entry *table_at(const struct vtd_directory *directory, uint32_t index)
{
	const uint64_t entry = iommu_le64(iommu_cell_load(&directory->entries[index]));

	if ((entry & VTD_PASID_DIRECTORY_PRESENT) == 0)
		return NULL;
	return iommu_phys_to_virt(directory->unit->platform, entry & VTD_ENTRY_ADDRESS_MASK);
}

/* --- Life ------------------------------------------------------------------------------------- */

static struct vtd_directory *directory_of(const struct iommu_withheld *end)
{
	return iommu_container_of((uintptr_t)end, struct vtd_directory, end);
}

static bool is_reachable(const struct iommu_withheld *end)
{
	return iommu_unit_is_suspect(&directory_of(end)->unit->state);
}

static void pasid_table_release(struct iommu_withheld *end)
{
	struct vtd_directory *directory = directory_of(end);
	/* The unit may be gone. */
	struct vtd_probe *probe = directory->unit->probe;
	const struct iommu_platform *platform = probe->platform;
	uint32_t index;

	for (index = 0; index < entries_of(directory) && !directory->shares_tables; index++) {
		struct vtd_pasid_entry *table = table_at(directory, index);

		if (table != NULL)
			platform->free_pages(platform->ctx, table, 0);
	}
	platform->free_pages(platform->ctx, directory->entries, directory->order);
	iommu_object_free(&probe->directory_cache, directory);
	probe->references--;
	iommu_vtd_probe_free(probe);
}

struct vtd_directory *iommu_vtd_directory_make(struct vtd_unit *unit, unsigned int order)
{
	struct vtd_directory *directory = iommu_object_alloc(&unit->probe->directory_cache, 0);

	if (directory == NULL)
		return NULL;
	directory->entries = iommu_vtd_pages_alloc(unit, order);
	if (directory->entries == NULL) {
		iommu_object_free(&unit->probe->directory_cache, directory);
		return NULL;
	}
	directory->unit = unit;
	directory->order = order;
	unit->probe->references++;
	directory->end.is_reachable = is_reachable;
	directory->end.release = pasid_table_release;
	vtd_flush(unit, directory->entries, (size_t)IOMMU_PAGE_SIZE << order);
	return directory;
}

int iommu_vtd_directory_alloc(struct vtd_endpoint *endpoint)
{
	endpoint->directory = iommu_vtd_directory_make(endpoint->unit, 0);
	return endpoint->directory != NULL ? 0 : IOMMU_ENOMEM;
}

struct vtd_pasid_entry *iommu_vtd_pasid_find(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	const struct vtd_directory *directory = endpoint->directory;
	const uint32_t index = vtd_pasid_directory_index(pasid);
	struct vtd_pasid_entry *table = NULL;

	if (index < entries_of(directory))
		table = table_at(directory, index);
	return table != NULL ? &table[pasid % VTD_PASID_TABLE_ENTRIES] : NULL;
}

uint32_t iommu_vtd_pasid_next(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	uint32_t index = vtd_pasid_directory_index(pasid);

	if (index < entries_of(endpoint->directory) && table_at(endpoint->directory, index) != NULL)
		return pasid;
	while (++index < entries_of(endpoint->directory))
		if (table_at(endpoint->directory, index) != NULL)
			return index * VTD_PASID_TABLE_ENTRIES;
	return VTD_PASIDS_MAX;
}

/* --- Growing ---------------------------------------------------------------------------------- */

/* A directory of at least so many entries takes the place of the endpoint's. */
static int grow(struct vtd_endpoint *endpoint, uint32_t entries)
{
	struct vtd_directory *before = endpoint->directory;
	unsigned int order = before->order;
	struct vtd_directory *larger;
	int status;

	while ((uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES << order < entries)
		order++;
	larger = iommu_vtd_directory_make(endpoint->unit, order);
	if (larger == NULL)
		return IOMMU_ENOMEM;
	memcpy(larger->entries, before->entries, (size_t)IOMMU_PAGE_SIZE << before->order);
	vtd_flush(endpoint->unit, larger->entries, (size_t)IOMMU_PAGE_SIZE << before->order);
	endpoint->directory = larger;
	status = iommu_vtd_context_update(endpoint);
	if (status != 0) {
		/* Hardware may know either. */
		endpoint->directory = before;
		(void)iommu_vtd_context_update(endpoint);
		before = larger;
	}
	before->shares_tables = true;
	iommu_vtd_directory_free(before);
	return status;
}

int iommu_vtd_pasid_create(struct vtd_endpoint *endpoint, uint32_t pasid)
{
	struct vtd_unit *unit = endpoint->unit;
	const struct iommu_platform *platform = unit->platform;
	const uint32_t index = vtd_pasid_directory_index(pasid);
	void *table;
	int status = 0;

	if (index >= entries_of(endpoint->directory))
		status = grow(endpoint, index + 1);
	if (status != 0 || table_at(endpoint->directory, index) != NULL)
		return status;
	table = iommu_vtd_pages_alloc(unit, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, table, IOMMU_PAGE_SIZE);
	iommu_cell_store_release(
		&endpoint->directory->entries[index],
		iommu_le64(iommu_virt_to_phys(platform, table) | VTD_PASID_DIRECTORY_PRESENT));
	vtd_flush(unit, &endpoint->directory->entries[index], sizeof(iommu_cell_t));
	/*
	 * Its entries are not present, as hardware believes of the PASIDs; each is announced
	 * itself.
	 */
	return 0;
}

void iommu_vtd_directory_free(struct vtd_directory *directory)
{
	iommu_withhold(&directory->unit->probe->set, &directory->end);
}

#endif
