/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt remapping table of a unit: its memory, its entries, and how it grows.
 *
 * Hardware reads one table of contiguous memory, and takes the address of another while it remaps.
 * A table that is full grows by that: one of twice the size is allocated (`next`), each change of
 * an entry goes to both from then on, and what was there before is copied, a piece at a time;
 * hardware gets the new address; and when it has confirmed, the old table is freed. Until then it
 * may read either, and either is right. If it does not confirm, both stay until it does, or until
 * remapping is off.
 *
 * The lock guards entries, ids and the two addresses. `changing` makes the address in hardware one
 * CPU's to change: that which grows the table, or the control path, which starts and stops
 * remapping. It is waited for without the lock, by callers that may sleep.
 */
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "vtd/command.h"
#include "vtd/interrupt.h"
#include "vtd/unit.h"

#if IOMMU_CONFIG_INTERRUPTS

/* A page has 2^8 entries. */
#define PAGE_BITS 8
/* At first 4096 entries, the largest block that every host has; at most 65,536. */
#define FIRST_ORDER IOMMU_MAX_ALLOC_ORDER
#define LAST_ORDER  8
/* A bit for each entry that there may be. */
#define BITMAP_BYTES  (65536 / 8)
#define BITMAPS_ORDER 2 /* two of them */
/* Copied with the lock held. */
#define PIECE 256U

static unsigned int entries_of(unsigned int order)
{
	return 1U << (order + PAGE_BITS);
}

static uintptr_t lock(struct vtd_unit *unit)
{
	return iommu_spin_lock(unit->platform, &unit->interrupts->lock);
}

static void unlock(struct vtd_unit *unit, uintptr_t state)
{
	iommu_spin_unlock(unit->platform, &unit->interrupts->lock, state);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Hardware wants it aligned to a page. NULL: no memory. */
static struct vtd_interrupt_entry *table_alloc(struct vtd_unit *unit, unsigned int order)
{
	void *table = iommu_vtd_pages_alloc(unit, order);

	if (table != NULL)
		vtd_flush(unit, table, (size_t)IOMMU_PAGE_SIZE << order);
	return table;
}

int iommu_vtd_interrupts_alloc(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts;

	if (unit->interrupts != NULL)
		return 0;
	interrupts = platform->alloc_pages(platform->ctx, 0, unit->node, 0);
	if (interrupts == NULL)
		return IOMMU_ENOMEM;
	unit->interrupts = interrupts;
	interrupts->order = FIRST_ORDER;
	interrupts->ids.count = entries_of(FIRST_ORDER);
	interrupts->ids.taken = platform->alloc_pages(platform->ctx, BITMAPS_ORDER, unit->node, 0);
	interrupts->table = table_alloc(unit, FIRST_ORDER);
	if (interrupts->ids.taken != NULL && interrupts->table != NULL) {
		interrupts->ids.withheld = interrupts->ids.taken + BITMAP_BYTES / sizeof(uint64_t);
		return 0;
	}
	iommu_vtd_interrupts_free(unit);
	return IOMMU_ENOMEM;
}

void iommu_vtd_interrupts_free(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts = unit->interrupts;

	if (interrupts == NULL)
		return;
	iommu_vtd_interrupts_drop_next(unit);
	iommu_vtd_interrupts_disown(unit);
	if (interrupts->table != NULL)
		platform->free_pages(platform->ctx, interrupts->table, interrupts->order);
	if (interrupts->ids.taken != NULL)
		platform->free_pages(platform->ctx, interrupts->ids.taken, BITMAPS_ORDER);
	platform->free_pages(platform->ctx, interrupts, 0);
	unit->interrupts = NULL;
}

/* --- The address in hardware ------------------------------------------------------------------ */

void iommu_vtd_interrupts_begin_change(struct vtd_unit *unit)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	bool mine = false;

	while (!mine) {
		const uintptr_t state = lock(unit);

		mine = !interrupts->changing;
		interrupts->changing = true;
		unlock(unit, state);
		if (!mine && unit->platform->relax != NULL)
			unit->platform->relax(unit->platform->ctx);
	}
}

void iommu_vtd_interrupts_end_change(struct vtd_unit *unit)
{
	const uintptr_t state = lock(unit);

	unit->interrupts->changing = false;
	unlock(unit, state);
}

static int give_table(struct vtd_unit *unit, const struct vtd_interrupt_entry *table,
		      unsigned int order)
{
	vtd_write64(unit, VTD_IRTA,
		    vtd_irta(iommu_virt_to_phys(unit->platform, table), order + PAGE_BITS,
			     unit->interrupts->x2apic));
	return iommu_vtd_command_once(unit, VTD_GLOBAL_SIRTP);
}

int iommu_vtd_interrupts_give_table(struct vtd_unit *unit)
{
	return give_table(unit, unit->interrupts->table, unit->interrupts->order);
}

void iommu_vtd_interrupts_drop_next(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts = unit->interrupts;
	const uintptr_t state = lock(unit);
	struct vtd_interrupt_entry *next = interrupts->next;

	interrupts->next = NULL;
	unlock(unit, state);
	if (next != NULL)
		platform->free_pages(platform->ctx, next, interrupts->order + 1);
}

/* --- Growth ----------------------------------------------------------------------------------- */

/* A piece at a time: changes on other CPUs, which go to both tables, come between. */
static void copy_entries(struct vtd_unit *unit)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	unsigned int at;

	for (at = 0; at < interrupts->ids.count; at += PIECE) {
		const uintptr_t state = lock(unit);

		memcpy(&interrupts->next[at], &interrupts->table[at],
		       PIECE * sizeof(struct vtd_interrupt_entry));
		unlock(unit, state);
	}
	vtd_flush(unit, interrupts->next, (size_t)IOMMU_PAGE_SIZE << (interrupts->order + 1));
}

static int prepare(struct vtd_unit *unit)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	struct vtd_interrupt_entry *next;
	uintptr_t state;

	if (interrupts->order == LAST_ORDER)
		return IOMMU_ENOSPC;
	next = table_alloc(unit, interrupts->order + 1);
	if (next == NULL)
		return IOMMU_ENOSPC;
	state = lock(unit);
	interrupts->next = next;
	unlock(unit, state);
	copy_entries(unit);
	return 0;
}

/* Hardware reads the new table alone when this returns 0. */
static int confirm_next(struct vtd_unit *unit)
{
	int status = give_table(unit, unit->interrupts->next, unit->interrupts->order + 1);

	if (status == 0 && !unit->caps.invalidates_on_interrupts)
		status = iommu_vtd_invalidate_every_interrupt(unit);
	return status;
}

static void use_next(struct vtd_unit *unit)
{
	const struct iommu_platform *platform = unit->platform;
	struct vtd_interrupts *interrupts = unit->interrupts;
	const uintptr_t state = lock(unit);
	struct vtd_interrupt_entry *old = interrupts->table;

	interrupts->table = interrupts->next;
	interrupts->next = NULL;
	interrupts->order++;
	interrupts->ids.count = entries_of(interrupts->order);
	unlock(unit, state);
	platform->free_pages(platform->ctx, old, interrupts->order - 1);
}

int iommu_vtd_interrupts_grow(struct vtd_unit *unit, uint32_t count)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	int status = 0;

	iommu_vtd_interrupts_begin_change(unit);
	/* Another CPU may have been first, or have turned remapping off. */
	if (!interrupts->running) {
		status = IOMMU_EOPNOTSUPP;
	} else if (interrupts->ids.count == count) {
		if (interrupts->next == NULL)
			status = prepare(unit);
		if (status == 0)
			status = confirm_next(unit);
		if (status == 0)
			use_next(unit);
	}
	iommu_vtd_interrupts_end_change(unit);
	return status;
}

int iommu_vtd_interrupts_make_room(struct vtd_unit *unit, uint32_t entries)
{
	while (unit->interrupts->ids.count < entries) {
		const int status = unit->interrupts->next == NULL ? prepare(unit) : 0;

		if (status != 0)
			return status;
		use_next(unit);
	}
	return 0;
}

/* --- Entries ---------------------------------------------------------------------------------- */

static void store_low(struct vtd_unit *unit, struct vtd_interrupt_entry *entry, uint64_t low)
{
	iommu_cell_store_release(&entry->low, iommu_le64(low));
	vtd_flush(unit, entry, sizeof(*entry));
}

/* Both words at once; false: the host cannot. */
static bool exchange(struct vtd_unit *unit, struct vtd_interrupt_entry *entry, uint64_t low,
		     uint64_t high)
{
	const struct iommu_platform *platform = unit->platform;
	const uint64_t before[2] = {entry->low, entry->high};
	const uint64_t after[2] = {iommu_le64(low), iommu_le64(high)};

	if (platform->compare_exchange_16 == NULL ||
	    !platform->compare_exchange_16(platform->ctx, entry, before, after))
		return false;
	vtd_flush(unit, entry, sizeof(*entry));
	return true;
}

/* False: the entry is present, and both words would change. */
static bool change(struct vtd_unit *unit, struct vtd_interrupt_entry *entry, uint64_t low,
		   uint64_t high)
{
	if (iommu_le64(entry->high) != high) {
		if ((iommu_le64(entry->low) & VTD_IRTE_PRESENT) != 0)
			return exchange(unit, entry, low, high);
		entry->high = iommu_le64(high);
	}
	store_low(unit, entry, low);
	return true;
}

bool iommu_vtd_entry_set(struct vtd_unit *unit, unsigned int index, uint64_t low, uint64_t high)
{
	struct vtd_interrupts *interrupts = unit->interrupts;
	const uintptr_t state = lock(unit);
	bool done = change(unit, &interrupts->table[index], low, high);

	if (done && interrupts->next != NULL)
		done = change(unit, &interrupts->next[index], low, high);
	unlock(unit, state);
	return done;
}

void iommu_vtd_entry_clear_locked(struct vtd_unit *unit, unsigned int index)
{
	struct vtd_interrupts *interrupts = unit->interrupts;

	store_low(unit, &interrupts->table[index], 0);
	if (interrupts->next != NULL)
		store_low(unit, &interrupts->next[index], 0);
}

void iommu_vtd_entry_clear(struct vtd_unit *unit, unsigned int index)
{
	const uintptr_t state = lock(unit);

	iommu_vtd_entry_clear_locked(unit, index);
	unlock(unit, state);
}

#endif
