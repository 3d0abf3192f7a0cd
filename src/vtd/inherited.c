/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries that were copied from a previous kernel (inherit.c), until they are replaced.
 *
 * The entries of each inherited domain id are counted; an entry is inherited exactly if the count
 * of its domain id is not 0, because such ids are not given to new domains. In scalable mode a
 * device's copied directory waits for its endpoint and then belongs to it. The first attach of the
 * endpoint, of any PASID, means that the device's driver has come: all inherited entries of the
 * endpoint are removed, confirmed, before the new one becomes present.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/list.h"
#include "unit/id.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_TAKE_OVER

/* --- Domain ids ------------------------------------------------------------------------------- */

/* How many entries of before have it; NULL: none ever had one near it. */
static uint32_t *count_of(const struct vtd_unit *unit, uint16_t domain_id)
{
	uint32_t *counts = unit->inherited[domain_id / VTD_INHERITED_COUNTS];

	return counts != NULL ? &counts[domain_id % VTD_INHERITED_COUNTS] : NULL;
}

bool iommu_vtd_inherited_note(struct vtd_unit *unit, uint16_t domain_id)
{
	const struct iommu_platform *platform = unit->platform;
	uint32_t **counts = &unit->inherited[domain_id / VTD_INHERITED_COUNTS];
	uint32_t *count;

	if (*counts == NULL)
		*counts = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	count = count_of(unit, domain_id);
	if (count == NULL)
		return false;
	if ((*count)++ == 0) {
		iommu_ids_take(&unit->domain_ids, domain_id, 0);
		unit->inherited_ids++;
	}
	return true;
}

static void inherited_release(struct vtd_unit *unit, uint16_t domain_id)
{
	iommu_ids_free(&unit->domain_ids, domain_id, 0);
	unit->inherited_ids--;
}

void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint16_t domain_id)
{
	uint32_t *count = count_of(unit, domain_id);

	if (count != NULL && *count != 0 && --*count == 0)
		inherited_release(unit, domain_id);
}

/* All ids of before, and what counts their entries. */
static void release_all(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	unsigned int page, i;

	for (page = 0; page < VTD_INHERITED_PAGES; page++) {
		uint32_t *counts = unit->inherited[page];

		unit->inherited[page] = NULL;
		for (i = 0; counts != NULL && i < VTD_INHERITED_COUNTS; i++)
			if (counts[i] != 0)
				inherited_release(unit,
						  (uint16_t)(page * VTD_INHERITED_COUNTS + i));
		if (counts != NULL)
			platform->free_pages(platform->ctx, counts, 0);
	}
}

/* --- Scalable mode ---------------------------------------------------------------------------- */

static struct vtd_directory *directory_of(struct iommu_list_node *node)
{
	return iommu_container_of(node, struct vtd_directory, link);
}

bool iommu_vtd_inherited_adopt(struct vtd_endpoint *endpoint)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &endpoint->unit->inherited_directories) {
		struct vtd_directory *directory = directory_of(node);

		if (directory->source_id != endpoint->base->info.source_id)
			continue;
		iommu_list_remove(node);
		endpoint->directory = directory;
		endpoint->present = directory->present;
		endpoint->inherited = true;
		/* The device may keep what its old kernel told it. */
		endpoint->tlb.unknown = endpoint->device_tlb;
		return true;
	}
	return false;
}

int iommu_vtd_inherited_leave(struct vtd_endpoint *endpoint)
{
	uint32_t pasid = iommu_vtd_pasid_next(endpoint, 0);
	int result = 0;

	if (!vtd_is_scalable(endpoint->unit))
		return 0;
	endpoint->inherited = false;
	for (; pasid < VTD_PASIDS_MAX; pasid = iommu_vtd_pasid_next(endpoint, pasid + 1)) {
		int status = iommu_vtd_pasid_write(endpoint, pasid, NULL);

		if (result == 0)
			result = status;
	}
	return result;
}

/* --- The end ---------------------------------------------------------------------------------- */

static void clear_entry(struct vtd_unit *unit, uint16_t source_id)
{
	struct vtd_context_entry *entry = iommu_vtd_context_find(unit, source_id);

	entry->low = 0;
	entry->high = 0;
	vtd_flush(unit, entry, sizeof(*entry));
}

/* Context entries that still lead to the old tables. */
static void clear_legacy(struct vtd_unit *unit)
{
	unsigned int id;

	for (id = 0; id < VTD_ROOT_ENTRIES * VTD_CONTEXT_ENTRIES; id++) {
		const struct vtd_context_entry *entry = iommu_vtd_context_find(unit, (uint16_t)id);

		if (entry != NULL && (iommu_le64(entry->high) & VTD_CONTEXT_INHERITED) != 0)
			clear_entry(unit, (uint16_t)id);
	}
}

/* Directories without an endpoint go; an endpoint keeps its own, empty. */
static void clear_scalable(struct vtd_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;

	while (!iommu_list_is_empty(&unit->inherited_directories)) {
		struct vtd_directory *directory = directory_of(unit->inherited_directories.next);

		iommu_list_remove(&directory->link);
		clear_entry(unit, directory->source_id);
		iommu_vtd_directory_free(directory);
	}
	while ((endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		if (vtd_endpoint_of(endpoint)->inherited)
			(void)iommu_vtd_inherited_leave(vtd_endpoint_of(endpoint));
}

void iommu_vtd_inherited_drop(struct vtd_unit *unit)
{
	unit->keeps_running = false;
	if (unit->root != NULL && vtd_is_scalable(unit))
		clear_scalable(unit);
	if (unit->inherited_ids != 0 && unit->root != NULL && !vtd_is_scalable(unit))
		clear_legacy(unit);
	release_all(unit);
}

#endif

bool iommu_vtd_is_inherited(const struct iommu_endpoint *endpoint)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(vtd_unit_of(endpoint->unit), endpoint->info.source_id);

	if (vtd_is_scalable(vtd_unit_of(endpoint->unit)))
		return vtd_endpoint_of(endpoint)->inherited;
	return entry != NULL && (iommu_le64(entry->low) & VTD_CONTEXT_PRESENT) != 0 &&
	       (iommu_le64(entry->high) & VTD_CONTEXT_INHERITED) != 0;
}
