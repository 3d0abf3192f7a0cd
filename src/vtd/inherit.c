/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking over from a kernel that died with translation on: its devices are still doing DMA, and must
 * not be stopped or let loose before they have been reset.
 *
 * When the unit is found, root, context and page tables are copied, under the old domain ids, and
 * the copied context entries are marked in bits that hardware ignores. Bring-up then hands the copy
 * to hardware without turning translation off. An entry is replaced by the first attach of its
 * endpoint, and with the last entry that leads there a copied page table and its domain id go.
 *
 * Nothing in the old tables is trusted. What cannot be copied is left out, and that device is
 * blocked: better a device that stops than one that overwrites the new kernel.
 */
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/status.h>

#include "base/byteorder.h"
#include "vtd/vtd.h"

static bool is_memory(const struct vtd_unit *unit, iommu_paddr_t paddr)
{
	const struct vtd_probe *probe = unit->probe;

	return paddr >> unit->output_width == 0 &&
	       (probe->is_memory == NULL ||
		probe->is_memory(probe->is_memory_ctx, paddr, IOMMU_PAGE_SIZE));
}

/* A copy of the table at `old_root`. */
static int copy_table(struct vtd_unit *unit, struct vtd_inherited *inherited)
{
	const struct vtd_probe *probe = unit->probe;
	const struct iommu_pgtable_config config = {
		.platform = unit->platform,
		.levels = inherited->levels,
		.input_bits = vtd_ss_address_width(inherited->levels),
		.output_bits = unit->output_width,
		.pgsize_bitmap = unit->caps.pgsize_bitmap,
		.max_pages = probe->inherited_pages_max,
		.node = IOMMU_NODE_ANY,
		.flags = unit->caps.coherent ? 0 : IOMMU_PGTABLE_NONCOHERENT,
	};
	int status = iommu_vtdss_init(&inherited->pgtable, &config);

	if (status != 0)
		return status;
	return iommu_vtdss_clone(&inherited->pgtable, inherited->old_root, probe->is_memory,
				 probe->is_memory_ctx);
}

static struct vtd_inherited *inherited_find(struct vtd_unit *unit, uint64_t old_root,
					    unsigned int levels, uint16_t domain_id)
{
	struct iommu_list_node *node;

	iommu_list_for_each (node, &unit->inherited) {
		struct vtd_inherited *inherited = vtd_inherited_of(node);

		if (inherited->old_root == old_root && inherited->levels == levels &&
		    inherited->domain_id == domain_id)
			return inherited;
	}
	return NULL;
}

static struct vtd_inherited *inherited_get(struct vtd_unit *unit, uint64_t old_root,
					   unsigned int levels, uint16_t domain_id)
{
	struct vtd_inherited *inherited = inherited_find(unit, old_root, levels, domain_id);

	if (inherited != NULL)
		return inherited;
	inherited = iommu_object_alloc(&unit->probe->inherited_cache, 0);
	if (inherited == NULL)
		return NULL;
	inherited->old_root = old_root;
	inherited->levels = levels;
	inherited->domain_id = domain_id;
	if (levels != 0 && copy_table(unit, inherited) != 0) {
		iommu_object_free(&unit->probe->inherited_cache, inherited);
		return NULL;
	}
	iommu_vtd_domain_id_take(unit, domain_id);
	iommu_list_insert(&unit->inherited, &inherited->link);
	return inherited;
}

/* Could hardware use this entry, and so could we? */
static bool entry_is_sane(const struct vtd_unit *unit, uint64_t low, uint64_t high)
{
	const unsigned int levels = vtd_context_levels(high);

	if ((low & VTD_CONTEXT_LOW_RESERVED) != 0 || (high & VTD_CONTEXT_HIGH_RESERVED) != 0 ||
	    vtd_context_domain_id(high) >= unit->caps.domains)
		return false;
	if (levels > VTD_SS_LEVELS_MAX || (unit->caps.sagaw >> (levels - 2) & 1) == 0)
		return false;
	switch (vtd_context_type(low)) {
	case VTD_TRANSLATE_UNTRANSLATED:
		return is_memory(unit, low & VTD_ENTRY_ADDRESS_MASK);
	case VTD_TRANSLATE_ALL:
		return unit->caps.device_tlb && is_memory(unit, low & VTD_ENTRY_ADDRESS_MASK);
	case VTD_PASS_THROUGH:
		return unit->caps.pass_through;
	default:
		return false;
	}
}

/* One present context entry; false: it could not be copied, and the device is blocked. */
static bool copy_entry(struct vtd_unit *unit, uint16_t source_id, uint64_t low, uint64_t high)
{
	const bool has_table = vtd_context_type(low) != VTD_PASS_THROUGH;
	const unsigned int levels = vtd_context_levels(high);
	struct vtd_context_entry *entry;
	struct vtd_inherited *inherited;
	uint64_t root = 0;

	if (!entry_is_sane(unit, low, high) || iommu_vtd_context_create(unit, source_id) != 0)
		return false;
	inherited = inherited_get(unit, has_table ? low & VTD_ENTRY_ADDRESS_MASK : 0,
				  has_table ? levels : 0, vtd_context_domain_id(high));
	if (inherited == NULL)
		return false;
	if (has_table)
		root = iommu_virt_to_phys(unit->platform, inherited->pgtable.root);
	entry = iommu_vtd_context_find(unit, source_id);
	entry->high =
		iommu_le64(vtd_context_high(levels, inherited->domain_id) | VTD_CONTEXT_INHERITED);
	entry->low = iommu_le64(vtd_context_low(root, vtd_context_type(low)));
	vtd_flush(unit, entry, sizeof(*entry));
	inherited->entries++;
	return true;
}

static unsigned int copy_bus(struct vtd_unit *unit, unsigned int bus, iommu_paddr_t table)
{
	const struct vtd_context_entry *old = iommu_phys_to_virt(unit->platform, table);
	unsigned int lost = 0;
	unsigned int i;

	for (i = 0; i < VTD_CONTEXT_ENTRIES; i++) {
		const uint64_t low = iommu_le64(old[i].low);

		if ((low & VTD_CONTEXT_PRESENT) != 0 &&
		    !copy_entry(unit, (uint16_t)(bus << 8 | i), low, iommu_le64(old[i].high)))
			lost++;
	}
	return lost;
}

void iommu_vtd_inherit(struct vtd_unit *unit)
{
	const uint64_t rtaddr = vtd_read64(unit, VTD_RTADDR);
	const struct vtd_root_entry *root;
	unsigned int lost = 0;
	unsigned int bus;

	if ((vtd_read32(unit, VTD_GSTS) & VTD_GLOBAL_TE) == 0)
		return;
	if ((rtaddr & VTD_RTADDR_MODE) != VTD_RTADDR_LEGACY ||
	    !is_memory(unit, rtaddr & VTD_ENTRY_ADDRESS_MASK)) {
		vtd_log(unit, IOMMU_LOG_WARNING,
			"is on with tables that cannot be taken over: it will be turned off");
		return;
	}
	root = iommu_phys_to_virt(unit->platform, rtaddr & VTD_ENTRY_ADDRESS_MASK);
	for (bus = 0; bus < VTD_ROOT_ENTRIES; bus++) {
		const uint64_t low = iommu_le64(root[bus].low);

		if ((low & VTD_ROOT_PRESENT) == 0)
			continue;
		if ((low & VTD_ROOT_LOW_RESERVED) == 0 &&
		    is_memory(unit, low & VTD_ENTRY_ADDRESS_MASK))
			lost += copy_bus(unit, bus, low & VTD_ENTRY_ADDRESS_MASK);
		else
			lost++;
	}
	unit->keeps_running = true;
	if (lost != 0)
		vtd_log(unit, IOMMU_LOG_WARNING,
			"some of the translations that it has cannot be copied: those devices "
			"are blocked");
}

/* Context entries that still lead to copies go with them. */
static void clear_entries(struct vtd_unit *unit)
{
	unsigned int id;

	for (id = 0; id < VTD_ROOT_ENTRIES * VTD_CONTEXT_ENTRIES; id++) {
		struct vtd_context_entry *entry = iommu_vtd_context_find(unit, (uint16_t)id);

		if (entry == NULL || (iommu_le64(entry->high) & VTD_CONTEXT_INHERITED) == 0)
			continue;
		entry->low = 0;
		entry->high = 0;
		vtd_flush(unit, entry, sizeof(*entry));
	}
}

void iommu_vtd_inherited_drop(struct vtd_unit *unit)
{
	unit->keeps_running = false;
	if (iommu_list_is_empty(&unit->inherited))
		return;
	if (unit->root != NULL)
		clear_entries(unit);
	while (!iommu_list_is_empty(&unit->inherited))
		iommu_vtd_inherited_free(unit, vtd_inherited_of(unit->inherited.next));
}
