/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages that hardware gets the address of: root, context and PASID tables, the queue and its status
 * words, interrupt tables and page requests. Page tables have the same check (src/pgtable/page.c).
 *
 * An address is never cut to what a unit takes: a page that it cannot address is not used.
 */
#include "vtd/region.h"
#include "vtd/unit.h"
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>

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
