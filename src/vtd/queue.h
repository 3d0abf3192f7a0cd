/* SPDX-License-Identifier: BSD-2-Clause */
/* The invalidation queue: a ring of commands, and how it is turned on and off. */
#ifndef IOMMU_VTD_QUEUE_H
#define IOMMU_VTD_QUEUE_H

#include <libiommu/hw/vtd_invalidation.h>

#include "unit/command_ring.h"

struct vtd_unit;

static inline struct iommu_command vtd_command_of(struct vtd_descriptor descriptor)
{
	return (struct iommu_command){descriptor.low, descriptor.high};
}

/* The queue of a unit whose capabilities are known; and its memory. */
void iommu_vtd_queue_init(struct vtd_unit *unit);
int iommu_vtd_queue_alloc(struct vtd_unit *unit);
void iommu_vtd_queue_free(struct vtd_unit *unit);
/*
 * Have the queue on, working and accepted by hardware: restarted, empty, where it is not. Off, when
 * neither translation nor interrupts need it. Control path.
 */
int iommu_vtd_queue_hold(struct vtd_unit *unit);
/*
 * Does a queue that did not turn off work again? Then the command to do so is not under way any
 * more.
 */
void iommu_vtd_queue_look(struct vtd_unit *unit);
int iommu_vtd_queue_release(struct vtd_unit *unit);
/* Turn it off, or the one that a predecessor left on. */
int iommu_vtd_queue_turn_off(struct vtd_unit *unit);

#endif
