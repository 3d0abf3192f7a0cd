/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root and context tables, legacy mode (VT-d specification, "Legacy Mode Address Translation").
 *
 * An entry changes only through "not present": hardware must never see half of an old and half of a
 * new entry. Each step is followed by what the specification asks for ("Caching Translation
 * Structures", "Required Invalidations"):
 *   present to not present:  context cache by device with the old domain id, then the IOTLB of that
 *                            domain id;
 *   not present to present:  with caching mode the context cache by device with domain id 0, under
 *                            which not-present entries are cached, and the IOTLB of the new domain
 *                            id; otherwise a write-buffer flush where the unit needs it.
 */
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "vtd/vtd.h"

static struct vtd_root_entry *root_entry(const struct vtd_unit *unit, uint16_t source_id)
{
	return &unit->root[source_id >> 8];
}

int iommu_vtd_root_alloc(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;

	unit->root = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (unit->root == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, unit->root, IOMMU_PAGE_SIZE);
	return 0;
}

void iommu_vtd_root_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	unsigned int bus;

	for (bus = 0; bus < VTD_ROOT_ENTRIES; bus++) {
		struct vtd_context_entry *table =
			iommu_vtd_context_find(unit, vtd_source_id(bus, 0, 0));

		if (table != NULL)
			platform->free_pages(platform->ctx, table, 0);
	}
	platform->free_pages(platform->ctx, unit->root, 0);
}

struct vtd_context_entry *iommu_vtd_context_find(const struct vtd_unit *unit, uint16_t source_id)
{
	uint64_t low = iommu_le64(root_entry(unit, source_id)->low);
	struct vtd_context_entry *table;

	if ((low & VTD_ROOT_PRESENT) == 0)
		return NULL;
	table = iommu_phys_to_virt(unit->platform, low & VTD_ENTRY_ADDRESS_MASK);
	return &table[source_id & 0xff];
}

/* An entry's low word, with the present bit, decides: it is stored last and in one piece. */
static void store_low(iommu_cell_t *low, uint64_t value)
{
	iommu_cell_store_release(low, iommu_le64(value));
}

int iommu_vtd_context_create(struct vtd_unit *unit, uint16_t source_id)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_root_entry *root = root_entry(unit, source_id);
	void *table;

	if (iommu_vtd_context_find(unit, source_id) != NULL)
		return 0;
	table = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (table == NULL)
		return IOMMU_ENOMEM;
	vtd_flush(unit, table, IOMMU_PAGE_SIZE);
	store_low(&root->low, vtd_root_low(iommu_virt_to_phys(platform, table)));
	vtd_flush(unit, root, sizeof(*root));
	return 0;
}

static void entry_write(struct vtd_unit *unit, struct vtd_context_entry *entry, uint64_t low,
			uint64_t high)
{
	entry->high = iommu_le64(high);
	store_low(&entry->low, low);
	vtd_flush(unit, entry, sizeof(*entry));
}

/* The entry has gone: make hardware forget it, and what was translated through it. */
static int forget(struct vtd_unit *unit, uint16_t source_id, uint16_t old_domain_id)
{
	const struct vtd_descriptor descriptors[] = {
		vtd_descriptor_context(VTD_GRANULARITY_DEVICE, old_domain_id, source_id),
		vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, old_domain_id, unit->caps.drain),
	};

	return vtd_unit_is_active(unit) ? iommu_vtd_invalidate(unit, descriptors, 2) : 0;
}

/* The entry has become present: make hardware see it. */
static int announce(struct vtd_unit *unit, uint16_t source_id, uint16_t domain_id)
{
	const struct vtd_descriptor descriptors[] = {
		vtd_descriptor_context(VTD_GRANULARITY_DEVICE, 0, source_id),
		vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, domain_id, unit->caps.drain),
	};

	if (!vtd_unit_is_active(unit))
		return 0;
	if (unit->caps.caching_mode)
		return iommu_vtd_invalidate(unit, descriptors, 2);
	return iommu_vtd_flush_write_buffer(unit);
}

int iommu_vtd_context_write(struct vtd_unit *unit, uint16_t source_id, uint64_t low, uint64_t high)
{
	struct vtd_context_entry *entry = iommu_vtd_context_find(unit, source_id);
	uint64_t old_low, old_high;
	int status = 0;

	if (entry == NULL)
		return IOMMU_ENOENT;
	old_low = iommu_le64(entry->low);
	old_high = iommu_le64(entry->high);
	if ((old_low & VTD_CONTEXT_PRESENT) != 0) {
		store_low(&entry->low, 0);
		vtd_flush(unit, entry, sizeof(*entry));
		status = forget(unit, source_id, vtd_context_domain_id(old_high));
	}
	if (low == 0) {
		entry->high = 0;
		vtd_flush(unit, entry, sizeof(*entry));
		return status;
	}
	if (status == 0) {
		entry_write(unit, entry, low, high);
		status = announce(unit, source_id, vtd_context_domain_id(high));
	}
	if (status != 0) {
		/* Hardware may have cached either entry; the old one is what everybody believes in.
		 */
		store_low(&entry->low, 0);
		entry_write(unit, entry, old_low, old_high);
	}
	return status;
}
