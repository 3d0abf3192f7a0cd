/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Take-over in scalable mode: a device's PASID directory is copied with the tables that it leads
 * to. A copied entry names the page tables, of either stage or both, of the old kernel; see
 * inherit.c. The copy is as large as its present entries need. Its device may not send page
 * requests: their queue is the new kernel's.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/list.h"
#include "vtd/context.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_SCALABLE && IOMMU_CONFIG_TAKE_OVER

static bool second_is_sane(const struct vtd_unit *unit, const uint64_t *words)
{
	return iommu_vtd_inherit_levels_fit(unit, vtd_pasid_levels(words[0])) &&
	       iommu_vtd_inherit_is_memory(unit, words[0] & VTD_ENTRY_ADDRESS_MASK);
}

static bool first_levels_are_sane(const struct vtd_unit *unit, const uint64_t *words)
{
	return vtd_pasid_first_levels(words[2]) <= (unit->caps.first_stage_5 ? 5U : 4U);
}

static bool entry_is_sane(const struct vtd_unit *unit, const uint64_t *words)
{
	if ((words[0] & VTD_PASID_RESERVED_0) != 0 || (words[1] & VTD_PASID_RESERVED_1) != 0 ||
	    (words[2] & VTD_PASID_RESERVED_2) != 0 ||
	    vtd_pasid_domain_id(words[1]) >= unit->caps.domains)
		return false;
	switch (vtd_pasid_type(words[0])) {
	case VTD_PASID_FIRST_STAGE:
		return first_levels_are_sane(unit, words) &&
		       iommu_vtd_inherit_is_memory(unit, words[2] & VTD_ENTRY_ADDRESS_MASK);
	case VTD_PASID_SECOND_STAGE:
		return second_is_sane(unit, words);
	case VTD_PASID_NESTED:
		/* The first stage lies where the second says, which hardware looks up. */
		return second_is_sane(unit, words) && first_levels_are_sane(unit, words);
	case VTD_PASID_PASS_THROUGH:
		return unit->caps.pass_through;
	default:
		return false;
	}
}

/* Words that are not copied say nothing: hardware blocks what has bits in them. */
static bool rest_is_zero(const struct vtd_pasid_entry *entry)
{
	unsigned int word = 3;

	while (word < VTD_PASID_ENTRY_WORDS && entry->words[word] == 0)
		word++;
	return word == VTD_PASID_ENTRY_WORDS;
}

/* Entries of one table that are present and could be copied; *lost counts those that could not. */
static unsigned int copy_entries(struct vtd_unit *unit, struct vtd_pasid_entry *table,
				 const struct vtd_pasid_entry *old, unsigned int *lost)
{
	unsigned int copied = 0;
	unsigned int i, word;

	for (i = 0; i < VTD_PASID_TABLE_ENTRIES; i++) {
		uint64_t words[3];

		for (word = 0; word < 3; word++)
			words[word] = iommu_le64(old[i].words[word]);
		if ((words[0] & VTD_PASID_PRESENT) == 0)
			continue;
		if (!entry_is_sane(unit, words) || !rest_is_zero(&old[i]) ||
		    !iommu_vtd_inherited_note(unit, vtd_pasid_domain_id(words[1]))) {
			(*lost)++;
			continue;
		}
		for (word = 0; word < 3; word++)
			table[i].words[word] = iommu_le64(words[word]);
		copied++;
	}
	return copied;
}

/*
 * The table of one directory entry. It goes in even when it is empty: it is the device's from now
 * on.
 */
static unsigned int copy_table(struct vtd_directory *directory, uint32_t index, uint64_t old,
			       unsigned int *lost)
{
	struct vtd_unit *unit = directory->unit;
	const struct iommu_platform *platform = unit->platform;
	struct vtd_pasid_entry *table = NULL;
	unsigned int copied;

	if ((old & VTD_PASID_DIRECTORY_RESERVED) == 0 &&
	    iommu_vtd_inherit_is_memory(unit, old & VTD_ENTRY_ADDRESS_MASK) &&
	    iommu_vtd_inherit_may_take(unit, 0))
		table = platform->alloc_pages(platform->ctx, 0, IOMMU_NODE_ANY, 0);
	if (table == NULL) {
		(*lost)++;
		return 0;
	}
	copied = copy_entries(unit, table,
			      iommu_phys_to_virt(platform, old & VTD_ENTRY_ADDRESS_MASK), lost);
	vtd_flush(unit, table, IOMMU_PAGE_SIZE);
	iommu_cell_store(
		&directory->entries[index],
		iommu_le64(iommu_virt_to_phys(platform, table) | VTD_PASID_DIRECTORY_PRESENT));
	return copied;
}

/* The page of the old directory with this entry. */
static iommu_paddr_t page_with(iommu_paddr_t directory, uint32_t index)
{
	return directory + (uint64_t)(index / VTD_PASID_DIRECTORY_PAGE_ENTRIES) * IOMMU_PAGE_SIZE;
}

/* An entry of the old directory; what lies where there is no memory is not present. */
static uint64_t old_entry(const struct vtd_unit *unit, iommu_paddr_t directory, uint32_t index)
{
	const iommu_paddr_t page = page_with(directory, index);
	const iommu_cell_t *entries;
	uint64_t entry;

	if (!iommu_vtd_inherit_is_memory(unit, page))
		return 0;
	entries = iommu_phys_to_virt(unit->platform, page);
	entry = iommu_le64(iommu_cell_load(&entries[index % VTD_PASID_DIRECTORY_PAGE_ENTRIES]));
	return (entry & VTD_PASID_DIRECTORY_PRESENT) != 0 ? entry : 0;
}

/* How large the copy has to be: everything that is present, or as much as we can have. */
static unsigned int order_for(const struct vtd_unit *unit, iommu_paddr_t directory, uint32_t count,
			      unsigned int *lost)
{
	unsigned int order = 0;
	uint32_t index;

	for (index = 0; index < count; index++) {
		if (index % VTD_PASID_DIRECTORY_PAGE_ENTRIES == 0 &&
		    !iommu_vtd_inherit_is_memory(unit, page_with(directory, index)))
			(*lost)++;
		if (old_entry(unit, directory, index) == 0)
			continue;
		while (order < IOMMU_MAX_ALLOC_ORDER &&
		       index >= (uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES << order)
			order++;
		if (index >= (uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES << order)
			(*lost)++;
	}
	return order;
}

static struct vtd_directory *copy_directory(struct vtd_unit *unit, uint64_t context_low,
					    unsigned int *lost)
{
	const iommu_paddr_t old = context_low & VTD_ENTRY_ADDRESS_MASK;
	const uint32_t count = vtd_scalable_directory_entries(context_low);
	const unsigned int order = order_for(unit, old, count, lost);
	struct vtd_directory *directory = NULL;
	unsigned int copied = 0;
	uint32_t index;

	if (iommu_vtd_inherit_may_take(unit, order))
		directory = iommu_vtd_directory_make(unit, order);
	if (directory == NULL) {
		(*lost)++;
		return NULL;
	}
	for (index = 0;
	     index < count && index < (uint32_t)VTD_PASID_DIRECTORY_PAGE_ENTRIES << order;
	     index++) {
		const uint64_t entry = old_entry(unit, old, index);

		if (entry != 0)
			copied += copy_table(directory, index, entry, lost);
	}
	vtd_flush(unit, directory->entries, (size_t)IOMMU_PAGE_SIZE << order);
	directory->present = copied;
	return directory;
}

/*
 * Hardware blocks an entry with a flag for something that the unit does not have: a copy without
 * the flag would let the device go on.
 */
static bool flags_are_known(const struct vtd_unit *unit, uint64_t low)
{
	const uint64_t ecap = unit->caps.ecap;

	return ((low & VTD_CONTEXT_DEVICE_TLB) == 0 || (ecap & VTD_ECAP_DT) != 0) &&
	       ((low & VTD_CONTEXT_PASIDS) == 0 || (ecap & VTD_ECAP_PASID) != 0) &&
	       ((low & VTD_CONTEXT_PAGE_REQUESTS) == 0 || (ecap & VTD_ECAP_PRS) != 0);
}

unsigned int iommu_vtd_inherit_scalable(struct vtd_unit *unit, uint16_t source_id, uint64_t low,
					uint64_t high)
{
	const uint64_t kept =
		VTD_CONTEXT_PASIDS | (unit->caps.device_tlb ? VTD_CONTEXT_DEVICE_TLB : 0);
	struct vtd_context_entry *entry;
	struct vtd_directory *directory;
	unsigned int lost = 0;

	if ((low & VTD_SCALABLE_CONTEXT_RESERVED) != 0 ||
	    (high & VTD_SCALABLE_CONTEXT_HIGH_RESERVED) != 0 || !flags_are_known(unit, low) ||
	    !iommu_vtd_inherit_context_table(unit, source_id))
		return 1;
	directory = copy_directory(unit, low, &lost);
	if (directory == NULL)
		return lost;
	if (directory->present == 0) {
		iommu_vtd_directory_free(directory);
		return lost;
	}
	directory->source_id = source_id;
	iommu_list_insert(&unit->inherited_directories, &directory->link);
	entry = iommu_vtd_context_find(unit, source_id);
	entry->high = iommu_le64(high);
	entry->low = iommu_le64(
		vtd_scalable_context_low(iommu_virt_to_phys(unit->platform, directory->entries),
					 directory->order, low & kept));
	vtd_flush(unit, entry, sizeof(*entry));
	return lost;
}

#endif
