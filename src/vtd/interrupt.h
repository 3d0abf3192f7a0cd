/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt remapping table. */
#ifndef IOMMU_VTD_INTERRUPT_H
#define IOMMU_VTD_INTERRUPT_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/pci.h>
#include <libiommu/status.h>

#include "base/spinlock.h"
#include "unit/id.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

/* Vectors below are the processor's own: an APIC refuses them. */
#define VTD_VECTOR_MIN 16

struct vtd_interrupts {
	/* What hardware reads, of 2^order pages; and what takes its place, twice as large. */
	struct vtd_interrupt_entry *table, *next;
	unsigned int order;
	bool changing; /* the address in hardware: see interrupt_table.c */
	struct iommu_spinlock lock;
	struct iommu_ids ids; /* of the entries of `table` */
	/* A bit for each entry of a kernel before us; NULL: there were none. */
	uint64_t *inherited;
	unsigned int inherited_count;
	bool x2apic; /* how the entries are written */
	bool running;
	/*
	 * Hardware may be using the table: it has not confirmed that it is off since it was told to
	 * begin.
	 */
	bool in_use;
};

static inline bool vtd_interrupts_run(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_INTERRUPTS && unit->interrupts != NULL && unit->interrupts->running;
}

static inline bool vtd_interrupts_may_run(const struct vtd_unit *unit)
{
	return IOMMU_CONFIG_INTERRUPTS && unit->interrupts != NULL && unit->interrupts->in_use;
}

#if IOMMU_CONFIG_INTERRUPTS
/*
 * Hand the table to hardware and start; stop it, or what a predecessor left on. The queue is on for
 * ours.
 */
int iommu_vtd_interrupts_start(struct vtd_unit *unit);
int iommu_vtd_interrupts_stop(struct vtd_unit *unit);
/* Has it entries that were allocated, and not freed? */
bool iommu_vtd_interrupts_any(const struct vtd_unit *unit);
/* Remap on a unit that was added while the others do: its devices would go around the table. */
int iommu_vtd_interrupts_extend(struct vtd_unit *unit);
/* What control.c does under the lock. */
int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags);
int iommu_vtd_interrupts_off(struct iommu *iommu);

/* --- The table -------------------------------------------------------------------------------- */

/* Make the first table, if there is none; and free what is there. */
int iommu_vtd_interrupts_alloc(struct vtd_unit *unit);
void iommu_vtd_interrupts_free(struct vtd_unit *unit);
/* The address in hardware is the caller's to change, from one to the other. May wait. */
void iommu_vtd_interrupts_begin_change(struct vtd_unit *unit);
void iommu_vtd_interrupts_end_change(struct vtd_unit *unit);
/* Give hardware the table. Between these two. */
int iommu_vtd_interrupts_give_table(struct vtd_unit *unit);
/* Hardware does not read the table that was to take the other's place. */
void iommu_vtd_interrupts_drop_next(struct vtd_unit *unit);
/*
 * Double the table, which has so many entries, while hardware uses it; nothing if another CPU was
 * first. IOMMU_ENOSPC: it is the largest, or there is no memory; IOMMU_EOPNOTSUPP: interrupts are
 * not remapped any more; IOMMU_ETIMEDOUT, IOMMU_EIO. May sleep.
 */
int iommu_vtd_interrupts_grow(struct vtd_unit *unit, uint32_t count);
/* Have at least so many entries, before hardware uses the table. IOMMU_ENOSPC. */
int iommu_vtd_interrupts_make_room(struct vtd_unit *unit, uint32_t entries);
/*
 * Write an entry. False: it is present, and its words cannot change at once: it is to be cleared
 * first, and hardware to be told. And clear one; with the lock held.
 */
bool iommu_vtd_entry_set(struct vtd_unit *unit, unsigned int index, uint64_t low, uint64_t high);
void iommu_vtd_entry_clear(struct vtd_unit *unit, unsigned int index);
void iommu_vtd_entry_clear_locked(struct vtd_unit *unit, unsigned int index);

/* --- Entries of a kernel before us ------------------------------------------------------------ */

#if IOMMU_CONFIG_TAKE_OVER
/* Copy them, if the unit was left on and is taken over, before hardware gets our table. */
void iommu_vtd_interrupts_inherit(struct vtd_unit *unit);
/* Those of a sender go. IOMMU_ETIMEDOUT, IOMMU_EIO: hardware may still use them. Any context. */
int iommu_vtd_interrupts_replace(struct vtd_unit *unit, const struct iommu_pci_requester *sender);
/* All of them go: hardware does not use the table. */
void iommu_vtd_interrupts_disown(struct vtd_unit *unit);
#else
static inline void iommu_vtd_interrupts_inherit(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_interrupts_replace(struct vtd_unit *unit,
					       const struct iommu_pci_requester *sender)
{
	(void)unit;
	(void)sender;
	return 0;
}
static inline void iommu_vtd_interrupts_disown(struct vtd_unit *unit)
{
	(void)unit;
}
#endif
#else
static inline bool iommu_vtd_interrupts_any(const struct vtd_unit *unit)
{
	(void)unit;
	return false;
}
static inline int iommu_vtd_interrupts_start(struct vtd_unit *unit)
{
	(void)unit;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_vtd_interrupts_stop(struct vtd_unit *unit)
{
	return iommu_vtd_predecessor_stop_interrupts(unit);
}
static inline void iommu_vtd_interrupts_free(struct vtd_unit *unit)
{
	(void)unit;
}
static inline int iommu_vtd_interrupts_extend(struct vtd_unit *unit)
{
	(void)unit;
	return 0;
}
static inline int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags)
{
	(void)iommu;
	(void)flags;
	return IOMMU_EOPNOTSUPP;
}
static inline int iommu_vtd_interrupts_off(struct iommu *iommu)
{
	(void)iommu;
	return 0;
}
#endif

#endif
