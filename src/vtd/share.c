/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the units of one probe share: tables, structures that outlive their units, iteration. And
 * pages whose addresses hardware gets: root, context and PASID tables, the queue and its status
 * words, interrupt tables, page requests (for page tables the same check is in
 * src/pgtable/page.c). An address is never truncated: a page that a unit cannot address is not
 * used.
 */
#include "base/list.h"
#include "base/object_cache.h"
#include "vtd/endpoint.h"
#include "vtd/probe.h"
#include "vtd/unit.h"
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>

/* Every ops table of this back end has this very string as its name. */
const char iommu_vtd_name[] = "vtd";

bool iommu_vtd_owns(const struct iommu_unit *unit)
{
	return unit->ops->name == iommu_vtd_name;
}

struct vtd_unit *iommu_vtd_next_unit(struct iommu *iommu, struct vtd_unit *unit)
{
	struct iommu_unit *next = iommu_next_unit(iommu, unit != NULL ? &unit->base : NULL);

	while (next != NULL && !iommu_vtd_owns(next))
		next = iommu_next_unit(iommu, next);
	return next != NULL ? vtd_unit_of(next) : NULL;
}

void iommu_vtd_table_free(struct vtd_probe *probe, struct vtd_table *table)
{
	iommu_list_remove(&table->link);
	probe->platform->free_pages(probe->platform->ctx, table->copy, table->order);
	iommu_object_free(&probe->table_cache, table);
}

void iommu_vtd_probe_free(struct vtd_probe *probe)
{
	if (probe->references != 0)
		return;
	while (!iommu_list_is_empty(&probe->tables))
		iommu_vtd_table_free(
			probe, iommu_container_of(probe->tables.next, struct vtd_table, link));
	while (!iommu_list_is_empty(&probe->units)) {
		struct vtd_unit *unit =
			iommu_container_of(probe->units.next, struct vtd_unit, link);

		iommu_list_remove(&unit->link);
		iommu_object_free(&probe->unit_cache, unit);
	}
	iommu_vtd_claims_free(probe);
	probe->platform->free_pages(probe->platform->ctx, probe, 0);
}

/* --- Pages that hardware gets the address of -------------------------------------------------- */

void *iommu_vtd_pages_alloc(const struct vtd_unit *unit, unsigned int order)
{
	const struct iommu_platform *platform = unit->platform;
	const uint64_t size = (uint64_t)IOMMU_PAGE_SIZE << order;
	void *pages = platform->alloc_pages(platform->ctx, order, unit->node, 0);
	iommu_paddr_t paddr;

	if (pages == NULL)
		return NULL;
	paddr = iommu_virt_to_phys(platform, pages);
	if ((paddr + (size - 1)) >> unit->output_width == 0) {
		if (iommu_vtd_claims_leave(unit->probe, paddr, size))
			return pages;
		vtd_log(unit, IOMMU_LOG_ERROR, "the host's page is one that a device reaches");
	} else {
		vtd_log(unit, IOMMU_LOG_ERROR, "the host's page lies beyond what it can address");
	}
	platform->free_pages(platform->ctx, pages, order);
	return NULL;
}

unsigned int iommu_vtd_root_bits(struct vtd_unit *unit)
{
	const uint64_t before = vtd_read64(unit, VTD_RTADDR);
	uint64_t held;
	unsigned int bits = 0;

	/* Without the command that makes it the root table it is nothing but a register. */
	vtd_write64(unit, VTD_RTADDR, VTD_ENTRY_ADDRESS_MASK);
	held = vtd_read64(unit, VTD_RTADDR);
	vtd_write64(unit, VTD_RTADDR, before);
	while (bits < 64 && (bits < IOMMU_PAGE_SHIFT || (held >> bits & 1) != 0))
		bits++;
	return bits;
}
