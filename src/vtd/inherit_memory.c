/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a kernel before us (inherit.c): where there is any; and the only place in it that is
 * ever written, the descriptor that the old kernel's queue has stopped at.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>

#include "base/byteorder.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_TAKE_OVER

bool iommu_vtd_inherit_is_memory(const struct vtd_unit *unit, iommu_paddr_t paddr)
{
	const struct vtd_probe *probe = unit->probe;

	return paddr >> unit->output_width == 0 &&
	       (probe->is_memory == NULL ||
		probe->is_memory(probe->is_memory_ctx, paddr, IOMMU_PAGE_SIZE));
}

uint64_t iommu_vtd_inherit_stopped_queue(const struct vtd_unit *unit, uint64_t head)
{
	const uint64_t iqa = vtd_read64(unit, VTD_IQA);
	/* In scalable mode there is no other width, whatever the register shows. */
	const bool wide = (iqa & VTD_IQA_WIDE) != 0 || vtd_is_scalable(unit);
	const uint64_t size = (uint64_t)IOMMU_PAGE_SIZE << (iqa & VTD_IQA_SIZE);
	const iommu_paddr_t slot = (iqa & VTD_ENTRY_ADDRESS_MASK) + head;
	const uint64_t bytes = vtd_queue_offset(1, wide);
	struct vtd_descriptor wait;
	uint64_t *words;

	if ((unit->probe->flags & IOMMU_VTD_TAKE_OVER) == 0 || head >= size ||
	    (head & (bytes - 1)) != 0 ||
	    !iommu_vtd_inherit_is_memory(unit, slot & VTD_ENTRY_ADDRESS_MASK))
		return head;
	wait = vtd_descriptor_wait(slot, 0);
	words = iommu_phys_to_virt(unit->platform, slot);
	words[0] = iommu_le64(wait.low);
	words[1] = iommu_le64(wait.high);
	if (wide)
		words[2] = words[3] = 0;
	return (head + bytes) & (size - 1);
}

#endif
