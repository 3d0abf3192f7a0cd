/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units that were left translating. Translation is not turned off if that can be avoided: bring-up
 * replaces the tables of a running unit, so that no device passes untranslated on the way.
 *
 * Take-over from a kernel that died with translation on: its devices are still doing DMA, which
 * must neither be stopped nor be set free before their drivers have reset them.
 *
 * When the unit is found, everything that leads to page tables is copied: root and context tables,
 * in scalable mode also PASID directories and tables (inherit_scalable.c). The page tables
 * themselves stay in the old kernel's memory, which the new kernel does not use: the new kernel was
 * loaded into memory that was set aside for it. Bring-up gives the copy to hardware without turning
 * translation off, in the unit's present mode: a unit does not change its mode while it translates.
 * Domain ids are kept, so that cached translations stay right, and are not given to new domains.
 * The first attach of an endpoint replaces its entry; with the last entry of a domain id that id
 * becomes free (inherited.c).
 *
 * Nothing in the old tables is trusted. An entry that cannot be copied is omitted and its device is
 * blocked: a device that stops is better than one that overwrites the new kernel. Hardware walks
 * the old page tables; the library never does.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "vtd/context.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_TAKE_OVER

bool iommu_vtd_inherit_may_take(struct vtd_unit *unit, unsigned int order)
{
	struct vtd_probe *probe = unit->probe;
	const uint64_t pages = 1ULL << order;

	if (probe->inherited_pages_max - probe->inherited_pages < pages)
		return false;
	probe->inherited_pages += pages;
	return true;
}

bool iommu_vtd_inherit_context_table(struct vtd_unit *unit, uint16_t source_id)
{
	if (iommu_vtd_context_find(unit, source_id) != NULL)
		return true;
	return iommu_vtd_inherit_may_take(unit, 0) &&
	       iommu_vtd_context_create(unit, source_id) == 0;
}

bool iommu_vtd_inherit_levels_fit(const struct vtd_unit *unit, unsigned int levels)
{
	return levels <= VTD_SS_LEVELS_MAX && (unit->caps.sagaw >> (levels - 2) & 1) != 0;
}

/* --- Legacy mode ------------------------------------------------------------------------------ */

/* Could hardware use this entry, and so could we? */
static bool entry_is_sane(const struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	const uint64_t table = low & VTD_ENTRY_ADDRESS_MASK;

	if ((low & VTD_CONTEXT_LOW_RESERVED) != 0 || (high & VTD_CONTEXT_HIGH_RESERVED) != 0 ||
	    vtd_context_domain_id(high) >= unit->caps.domains ||
	    !iommu_vtd_inherit_levels_fit(unit, vtd_context_levels(high)))
		return false;
	switch (vtd_context_type(low)) {
	case VTD_TRANSLATE_UNTRANSLATED:
		return iommu_vtd_inherit_is_memory(unit, table);
	case VTD_TRANSLATE_ALL:
		return unit->caps.device_tlb && iommu_vtd_inherit_is_memory(unit, table);
	case VTD_PASS_THROUGH:
		return unit->caps.pass_through && table >> unit->output_width == 0;
	default:
		return false;
	}
}

/* One present context entry; false: it could not be copied, and the device is blocked. */
static bool copy_entry(struct vtd_unit *unit, uint16_t source_id, uint64_t low, uint64_t high)
{
	const enum vtd_translation_type type = vtd_context_type(low);
	const uint16_t domain_id = vtd_context_domain_id(high);
	struct vtd_context_entry *entry;

	if (!entry_is_sane(unit, low, high) || !iommu_vtd_inherit_context_table(unit, source_id) ||
	    !iommu_vtd_inherited_note(unit, domain_id))
		return false;
	entry = iommu_vtd_context_find(unit, source_id);
	entry->high = iommu_le64(vtd_context_high(vtd_context_levels(high), domain_id) |
				 VTD_CONTEXT_INHERITED);
	entry->low = iommu_le64(
		vtd_context_low(type != VTD_PASS_THROUGH ? low & VTD_ENTRY_ADDRESS_MASK : 0, type));
	vtd_flush(unit, entry, sizeof(*entry));
	return true;
}

/* --- Both modes ------------------------------------------------------------------------------- */

/*
 * A context table: of a bus, or in scalable mode of half a bus, with entries of twice the length.
 */
static unsigned int copy_context_table(struct vtd_unit *unit, uint16_t first, iommu_paddr_t table)
{
	const struct vtd_context_entry *old = iommu_phys_to_virt(unit->platform, table);
	const unsigned int step = vtd_is_scalable(unit) ? 2 : 1;
	unsigned int lost = 0;
	unsigned int i;

	for (i = 0; i < VTD_CONTEXT_ENTRIES; i += step) {
		const uint16_t source_id = (uint16_t)(first + i / step);
		const uint64_t low = iommu_le64(old[i].low);
		const uint64_t high = iommu_le64(old[i].high);

		if ((low & VTD_CONTEXT_PRESENT) == 0)
			continue;
		/*
		 * Of the longer entries the upper half is reserved: hardware blocks what has bits
		 * there.
		 */
		if (step == 2 && (old[i + 1].low | old[i + 1].high) != 0)
			lost++;
		else if (vtd_is_scalable(unit))
			lost += iommu_vtd_inherit_scalable(unit, source_id, low, high);
		else
			lost += !copy_entry(unit, source_id, low, high);
	}
	return lost;
}

static unsigned int copy_root_word(struct vtd_unit *unit, uint16_t first, uint64_t word)
{
	if ((word & VTD_ROOT_PRESENT) == 0)
		return 0;
	if ((word & VTD_ROOT_LOW_RESERVED) != 0 ||
	    !iommu_vtd_inherit_is_memory(unit, word & VTD_ENTRY_ADDRESS_MASK))
		return 1;
	return copy_context_table(unit, first, word & VTD_ENTRY_ADDRESS_MASK);
}

static unsigned int copy_root(struct vtd_unit *unit, iommu_paddr_t table)
{
	const struct vtd_root_entry *root = iommu_phys_to_virt(unit->platform, table);
	unsigned int lost = 0;
	unsigned int bus;

	for (bus = 0; bus < VTD_ROOT_ENTRIES; bus++) {
		const uint16_t first = (uint16_t)(bus << 8);

		/* Of legacy mode the upper word is reserved. */
		if (!vtd_is_scalable(unit) && root[bus].high != 0)
			lost += (iommu_le64(root[bus].low) & VTD_ROOT_PRESENT) != 0;
		else
			lost += copy_root_word(unit, first, iommu_le64(root[bus].low));
		if (vtd_is_scalable(unit))
			lost += copy_root_word(unit, first | 0x80, iommu_le64(root[bus].high));
	}
	return lost;
}

void iommu_vtd_inherit(struct vtd_unit *unit, iommu_paddr_t root)
{
	unsigned int lost = 1;

	if (iommu_vtd_inherit_is_memory(unit, root))
		lost = copy_root(unit, root);
	if (lost != 0)
		vtd_log(unit, IOMMU_LOG_WARNING,
			"some of the translations that it has cannot be copied: those devices "
			"are blocked");
}

#endif
