/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt remapping table. */
#ifndef IOMMU_VTD_INTERRUPT_H
#define IOMMU_VTD_INTERRUPT_H

#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_interrupt.h>
#include <libiommu/status.h>

#include "base/spinlock.h"
#include "unit/id.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

struct vtd_interrupts {
	struct vtd_interrupt_entry *table;
	unsigned int entries, order;
	struct iommu_spinlock lock; /* of the ids */
	struct iommu_ids ids;
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
void iommu_vtd_interrupts_free(struct vtd_unit *unit);
/* Remap on a unit that was added while the others do: its devices would go around the table. */
int iommu_vtd_interrupts_extend(struct vtd_unit *unit);
/* What control.c does under the lock. */
int iommu_vtd_interrupts_on(struct iommu *iommu, unsigned int flags);
int iommu_vtd_interrupts_off(struct iommu *iommu);
#else
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
