/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root and context tables, in either mode: lookup and storing of entries. Which invalidations a
 * change needs is in context_change.c. A device that does not invalidate its TLB is blocked here,
 * in any context.
 *
 * In scalable mode a bus has two tables of 128 entries of twice the length. Only the first half of
 * such an entry is used; it is handled like an entry of legacy mode.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/unit.h"

/* The word of the root table that leads to the context table of a source id. */
static iommu_cell_t *root_word(const struct vtd_unit *unit, uint16_t source_id)
{
	struct vtd_root_entry *entry = &unit->root[source_id >> 8];

	return vtd_is_scalable(unit) && (source_id & 0x80) != 0 ? &entry->high : &entry->low;
}

int iommu_vtd_root_alloc(struct vtd_unit *unit)
{
	unit->root = iommu_vtd_pages_alloc(unit, 0);
	if (unit->root == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, unit->root, IOMMU_PAGE_SIZE);
	return 0;
}

void iommu_vtd_root_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	/* Each half of a bus, which in legacy mode have one table. */
	const unsigned int step = vtd_is_scalable(unit) ? 0x80 : 0x100;
	unsigned int id;

	for (id = 0; id < VTD_ROOT_ENTRIES * VTD_CONTEXT_ENTRIES; id += step) {
		struct vtd_context_entry *table = iommu_vtd_context_find(unit, (uint16_t)id);

		if (table != NULL)
			platform->free_pages(platform->ctx, table, 0);
	}
	platform->free_pages(platform->ctx, unit->root, 0);
	unit->root = NULL;
}

struct vtd_context_entry *iommu_vtd_context_find(const struct vtd_unit *unit, uint16_t source_id)
{
	const uint64_t low = iommu_le64(*root_word(unit, source_id));
	struct vtd_context_entry *table;

	if ((low & VTD_ROOT_PRESENT) == 0)
		return NULL;
	table = iommu_phys_to_virt(unit->platform, low & VTD_ENTRY_ADDRESS_MASK);
	return vtd_is_scalable(unit) ? &table[2 * (source_id & 0x7f)] : &table[source_id & 0xff];
}

/* An entry's low word, with the present bit, decides: it is stored last and in one piece. */
static void store_low(iommu_cell_t *low, uint64_t value)
{
	iommu_cell_store_release(low, iommu_le64(value));
}

int iommu_vtd_context_create(struct vtd_unit *unit, uint16_t source_id)
{
	const struct iommu_platform *platform = unit->platform;
	iommu_cell_t *root = root_word(unit, source_id);
	void *table;

	if (iommu_vtd_context_find(unit, source_id) != NULL)
		return 0;
	table = iommu_vtd_pages_alloc(unit, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, table, IOMMU_PAGE_SIZE);
	store_low(root, vtd_root_low(iommu_virt_to_phys(platform, table)));
	vtd_flush(unit, root, sizeof(*root));
	/*
	 * Its entries are not present, as hardware believes of the bus; each is announced itself.
	 */
	return 0;
}

/* --- The entries of an endpoint --------------------------------------------------------------- */

/* The function bits that may be anything in the endpoint's requests. */
static unsigned int phantom_mask(const struct vtd_endpoint *endpoint)
{
	static const uint8_t masks[] = {0, 4, 6, 7};

	return masks[endpoint->base->info.phantom_bits];
}

/* Store one value into all entries of the endpoint; `high` before `low` when it becomes present. */
void iommu_vtd_context_store(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high)
{
	struct vtd_unit *unit = endpoint->unit;
	const unsigned int mask = phantom_mask(endpoint);
	const uint16_t source_id = endpoint->base->info.source_id;
	unsigned int function;

	for (function = 0; function <= 7; function++) {
		struct vtd_context_entry *entry;

		if ((function & ~mask) != 0)
			continue;
		entry = iommu_vtd_context_find(unit, (uint16_t)((source_id & ~mask) | function));
		if (entry == NULL)
			continue; /* made when the endpoint was probed: never */
		if (low == 0) {
			store_low(&entry->low, 0);
		} else {
			entry->high = iommu_le64(high);
			store_low(&entry->low, low);
		}
		vtd_flush(unit, entry, sizeof(*entry));
	}
}

void iommu_vtd_context_block(struct vtd_endpoint *endpoint)
{
	__atomic_store_n(&endpoint->tlb.lost, true, __ATOMIC_SEQ_CST);
	iommu_full_fence();
	iommu_vtd_context_store(endpoint, 0, 0);
}

struct vtd_descriptor iommu_vtd_context_descriptor(const struct vtd_endpoint *endpoint,
						   uint16_t domain_id)
{
	return vtd_descriptor_context_functions(domain_id, endpoint->base->info.source_id,
						endpoint->base->info.phantom_bits);
}
