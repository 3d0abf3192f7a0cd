/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt entries of a kernel that crashed (IOMMU_VTD_TAKE_OVER). Its devices still send
 * interrupts, and some break, or bring the machine down, when these are refused before their driver
 * has come. So entries are copied to their places in the library's table, and are kept until a
 * block for the device that sends them is allocated.
 *
 * Nothing in the old table is trusted: what is copied names its sender, is delivered to a processor
 * in the usual way (fixed or lowest priority) with a vector that is not the processor's own, and
 * has no reserved bit. Posted entries are not copied, because hardware writes to memory for them,
 * nor those that let any device send.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>
#include <libiommu/vtd.h>

#include "base/byteorder.h"
#include "vtd/command.h"
#include "vtd/interrupt.h"
#include "vtd/predecessor.h"
#include "vtd/probe.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_INTERRUPTS && IOMMU_CONFIG_TAKE_OVER

#define ENTRIES_PER_PAGE ((unsigned int)(IOMMU_PAGE_SIZE / sizeof(struct vtd_interrupt_entry)))
/* A bit for each entry that there may be. */
#define BITMAP_ORDER 1

/* The table that hardware reads. */
struct old_table {
	const struct vtd_unit *unit;
	iommu_paddr_t address;
	uint32_t entries;
	bool x2apic;
};

/* --- What is believed ------------------------------------------------------------------------- */

static bool source_is_sane(uint64_t high)
{
	switch (vtd_irte_validation(high)) {
	case VTD_SOURCE_ID:
		return true;
	case VTD_SOURCE_BUS:
		return (high >> 8 & 0xff) <= (high & 0xff);
	default:
		return false;
	}
}

/* A present entry; *low becomes what our table has for it. */
static bool is_sane(const struct old_table *old, uint64_t *low, uint64_t high)
{
	const bool x2apic = old->unit->interrupts->x2apic;
	const uint64_t reserved = VTD_IRTE_REMAPPED_RESERVED | VTD_IRTE_POSTED |
				  (old->x2apic ? 0 : VTD_IRTE_REMAPPED_XAPIC_RESERVED);
	const uint32_t destination = vtd_irte_destination(*low, old->x2apic);

	if ((*low & reserved) != 0 || (high & VTD_IRTE_REMAPPED_HIGH_RESERVED) != 0 ||
	    !source_is_sane(high) || vtd_irte_delivery_mode(*low) > 1 ||
	    vtd_irte_vector(*low) < VTD_VECTOR_MIN || (!x2apic && destination > 0xff))
		return false;
	*low = vtd_irte_remapped_low(vtd_irte_vector(*low), vtd_irte_delivery_mode(*low),
				     (*low & VTD_IRTE_LOGICAL) != 0,
				     (*low & VTD_IRTE_REDIRECTION_HINT) != 0,
				     (*low & VTD_IRTE_LEVEL) != 0, destination, x2apic);
	return true;
}

/* --- Copying ---------------------------------------------------------------------------------- */

/* The page with this entry, its first; NULL: there is no memory. */
static const struct vtd_interrupt_entry *page_at(const struct old_table *old, uint32_t first)
{
	const iommu_paddr_t page =
		old->address + (uint64_t)first * sizeof(struct vtd_interrupt_entry);

	return iommu_vtd_inherit_is_memory(old->unit, page)
		       ? iommu_phys_to_virt(old->unit->platform, page)
		       : NULL;
}

static uint32_t entries_of_page(const struct old_table *old, uint32_t first)
{
	return old->entries - first < ENTRIES_PER_PAGE ? old->entries - first : ENTRIES_PER_PAGE;
}

/* Up to the last that is present. */
static uint32_t used_entries(const struct old_table *old)
{
	uint32_t used = 0;
	uint32_t first, i;

	for (first = 0; first < old->entries; first += ENTRIES_PER_PAGE) {
		const struct vtd_interrupt_entry *page = page_at(old, first);

		for (i = 0; page != NULL && i < entries_of_page(old, first); i++)
			if ((iommu_le64(page[i].low) & VTD_IRTE_PRESENT) != 0)
				used = first + i + 1;
	}
	return used;
}

static bool bit_is_set(const uint64_t *bitmap, uint32_t index)
{
	return (bitmap[index / 64] >> index % 64 & 1) != 0;
}

/* One that is present; false: it is blocked. Read once: it is another kernel's memory. */
static bool copy_entry(struct vtd_unit *unit, const struct old_table *old, uint32_t index,
		       uint64_t low, uint64_t high)
{
	struct vtd_interrupts *interrupts = unit->interrupts;

	if (index >= interrupts->ids.count || bit_is_set(interrupts->ids.taken, index) ||
	    !is_sane(old, &low, high))
		return false;
	iommu_ids_take(&interrupts->ids, index, 0);
	interrupts->inherited[index / 64] |= 1ULL << index % 64;
	interrupts->inherited_count++;
	return iommu_vtd_entry_set(unit, index, low, high);
}

static unsigned int copy_page(struct vtd_unit *unit, const struct old_table *old, uint32_t first)
{
	const struct vtd_interrupt_entry *page = page_at(old, first);
	unsigned int lost = 0;
	uint32_t i;

	if (page == NULL)
		return 1;
	for (i = 0; i < entries_of_page(old, first); i++) {
		const uint64_t low = iommu_le64(page[i].low);

		if ((low & VTD_IRTE_PRESENT) != 0)
			lost += !copy_entry(unit, old, first + i, low, iommu_le64(page[i].high));
	}
	return lost;
}

static bool was_left_on(const struct vtd_unit *unit)
{
	const uint32_t gsts = vtd_read32(unit, VTD_GSTS);

	return gsts != UINT32_MAX && (gsts & VTD_GLOBAL_IRE) != 0 && !vtd_interrupts_may_run(unit);
}

void iommu_vtd_interrupts_inherit(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts = unit->interrupts;
	const uint64_t irta = vtd_read64(unit, VTD_IRTA);
	const struct old_table old = {
		.unit = unit,
		.address = irta & VTD_ENTRY_ADDRESS_MASK,
		.entries = vtd_irta_entries(irta),
		.x2apic = (irta & VTD_IRTA_X2APIC) != 0,
	};
	unsigned int lost = 0;
	uint32_t first;

	if ((unit->probe->flags & IOMMU_VTD_TAKE_OVER) == 0 || !was_left_on(unit))
		return;
	if (interrupts->inherited == NULL)
		interrupts->inherited =
			platform->alloc_pages(platform->ctx, BITMAP_ORDER, unit->node, 0);
	/* With less room than that, what is beyond it is blocked. */
	(void)iommu_vtd_interrupts_make_room(unit, used_entries(&old));
	for (first = 0; interrupts->inherited != NULL && first < old.entries;
	     first += ENTRIES_PER_PAGE)
		lost += copy_page(unit, &old, first);
	if (lost != 0 || interrupts->inherited == NULL)
		vtd_log(unit, IOMMU_LOG_WARNING,
			"some of the interrupts that it remaps cannot be taken over: they are "
			"blocked");
}

/* --- Until their devices are taken over ------------------------------------------------------- */

static bool buses_overlap(unsigned int first, unsigned int last, unsigned int other_first,
			  unsigned int other_last)
{
	return first <= other_last && other_first <= last;
}

/* May that sender send what the entry, a sane one, is for? */
static bool is_for(uint64_t high, const struct iommu_pci_requester *sender)
{
	static const uint8_t ignored[] = {0, 4, 6, 7};
	const unsigned int first = sender->by_bus ? sender->first_bus : sender->id >> 8;
	const unsigned int last = sender->by_bus ? sender->last_bus : sender->id >> 8;
	const uint16_t id = (uint16_t)high;

	if (vtd_irte_validation(high) == VTD_SOURCE_BUS)
		return buses_overlap(first, last, id >> 8, id & 0xff);
	if (sender->by_bus)
		return buses_overlap(first, last, id >> 8, id >> 8);
	return ((id ^ sender->id) & vtd_irte_compared_bits(high) &
		~(unsigned int)ignored[sender->ignored_function_bits & 3]) == 0;
}

/* Taken by none from now on, and free once hardware has confirmed. Locked. */
static void withhold(struct vtd_interrupts *interrupts, uint32_t index)
{
	interrupts->inherited[index / 64] &= ~(1ULL << index % 64);
	interrupts->inherited_count--;
	iommu_ids_withhold(&interrupts->ids, index, 0);
}

/* Those of 64 entries; how many there were. Locked. */
static unsigned int replace_word(struct vtd_unit *unit, uint32_t word,
				 const struct iommu_pci_requester *sender)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	unsigned int replaced = 0;
	uint32_t index;

	for (index = word * 64; interrupts->inherited[word] != 0 && index < word * 64 + 64;
	     index++) {
		if (!bit_is_set(interrupts->inherited, index) ||
		    !is_for(iommu_le64(interrupts->table[index].high), sender))
			continue;
		/* Open before it is withheld, so that it is not used anew too early. */
		iommu_unit_note_failure(&unit->state);
		iommu_vtd_entry_clear_locked(unit, index);
		withhold(interrupts, index);
		replaced++;
	}
	return replaced;
}

int iommu_vtd_interrupts_replace(struct vtd_unit *unit, const struct iommu_pci_requester *sender)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	unsigned int replaced = 0;
	bool more = true;
	uint32_t word;

	/* The lock is not held for long; and what is inherited may go meanwhile. */
	for (word = 0; more; word++) {
		const uintptr_t state = iommu_spin_lock(unit->platform, &interrupts->lock);

		more = interrupts->inherited_count != 0 && word < interrupts->ids.count / 64;
		if (more)
			replaced += replace_word(unit, word, sender);
		iommu_spin_unlock(unit->platform, &interrupts->lock, state);
	}
	return replaced != 0 ? iommu_vtd_invalidate_every_interrupt(unit) : 0;
}

void iommu_vtd_interrupts_disown(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts = unit->interrupts;
	uint64_t *inherited = NULL;
	uintptr_t state;
	uint32_t index;

	if (interrupts == NULL)
		return;
	state = iommu_spin_lock(platform, &interrupts->lock);
	inherited = interrupts->inherited;
	interrupts->inherited = NULL;
	interrupts->inherited_count = 0;
	for (index = 0; inherited != NULL && index < interrupts->ids.count; index++) {
		if (!bit_is_set(inherited, index))
			continue;
		iommu_vtd_entry_clear_locked(unit, index);
		iommu_ids_free(&interrupts->ids, index, 0);
	}
	iommu_spin_unlock(platform, &interrupts->lock, state);
	if (inherited != NULL)
		platform->free_pages(platform->ctx, inherited, BITMAP_ORDER);
}

#endif
