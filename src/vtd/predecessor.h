/* SPDX-License-Identifier: BSD-2-Clause */
/* What was left on by firmware or a kernel before us, and what of it goes on. */
#ifndef IOMMU_VTD_PREDECESSOR_H
#define IOMMU_VTD_PREDECESSOR_H

#include <libiommu/backend/ops.h>

struct vtd_endpoint;
struct vtd_unit;

/* The unit has been found: what nothing of ours will use goes off at once. */
void iommu_vtd_predecessor_found(struct vtd_unit *unit);
/*
 * A unit that was left on in our mode keeps running through bring-up, with what is copied where it
 * is taken over.
 */
void iommu_vtd_predecessor_keep(struct vtd_unit *unit);
/* The first step of bring-up: what is on and not taken over goes off. */
int iommu_vtd_predecessor_take_over(struct vtd_unit *unit);
/*
 * A unit that is not brought up, or the end: translation and queue go off where they are not ours.
 */
int iommu_vtd_predecessor_turn_off(struct vtd_unit *unit);
/*
 * The same with the units enabled around it; one that lets everything pass opens its protected
 * memory.
 */
int iommu_vtd_predecessor_leave_alone(struct vtd_unit *unit);
/* One of them, if it is on. */
int iommu_vtd_predecessor_stop_queue(struct vtd_unit *unit);
int iommu_vtd_predecessor_stop_interrupts(struct vtd_unit *unit);
int iommu_vtd_open_protected_memory(struct vtd_unit *unit);

/* --- Inherited: what a kernel before us left, and goes on ------------------------------------- */

/* A unit that is taken over: what leads to its page tables, from the root table on, is copied. */
void iommu_vtd_inherit(struct vtd_unit *unit, iommu_paddr_t root);
/* A present context entry of scalable mode: how many entries could not be copied. */
unsigned int iommu_vtd_inherit_scalable(struct vtd_unit *unit, uint16_t source_id, uint64_t low,
					uint64_t high);
/* May the page at that address be read? */
bool iommu_vtd_inherit_is_memory(const struct vtd_unit *unit, iommu_paddr_t paddr);
/* Count 2^order pages for copies; false: that is more than the host allows. */
bool iommu_vtd_inherit_may_take(struct vtd_unit *unit, unsigned int order);
/* A context table of ours for the source id; false: no memory. */
bool iommu_vtd_inherit_context_table(struct vtd_unit *unit, uint16_t source_id);
/* Does the unit walk second-stage tables of so many levels? */
bool iommu_vtd_inherit_levels_fit(const struct vtd_unit *unit, unsigned int levels);

#if IOMMU_CONFIG_TAKE_OVER
/*
 * A queue of before that has stopped at the descriptor at this offset, which a wait replaces:
 * hardware may insist that a wait was the last before it turns the queue off. The wait reports to
 * its own slot, so that no other memory of before changes. Returns the offset that the queue ends
 * at: after the wait, or `head` if it must not be written, which is so unless it is taken over.
 */
uint64_t iommu_vtd_inherit_stopped_queue(const struct vtd_unit *unit, uint64_t head);
/* One entry more with this domain id; false: no memory. */
bool iommu_vtd_inherited_note(struct vtd_unit *unit, uint16_t domain_id);
/*
 * An entry with this domain id has gone, and hardware has confirmed; nothing when the id is not of
 * before.
 */
void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint16_t domain_id);
/* Scalable mode: the endpoint takes its device's copied directory; false: there is none. */
bool iommu_vtd_inherited_adopt(struct vtd_endpoint *endpoint);
/* All that an endpoint has of before goes. Errors as iommu_vtd_pasid_write. */
int iommu_vtd_inherited_leave(struct vtd_endpoint *endpoint);
/* The unit is off: everything copied goes. */
void iommu_vtd_inherited_drop(struct vtd_unit *unit);
#else
static inline uint64_t iommu_vtd_inherit_stopped_queue(const struct vtd_unit *unit, uint64_t head)
{
	(void)unit;
	return head;
}
static inline void iommu_vtd_inherited_replaced(struct vtd_unit *unit, uint16_t domain_id)
{
	(void)unit;
	(void)domain_id;
}
static inline bool iommu_vtd_inherited_adopt(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return false;
}
static inline int iommu_vtd_inherited_leave(struct vtd_endpoint *endpoint)
{
	(void)endpoint;
	return 0;
}
static inline void iommu_vtd_inherited_drop(struct vtd_unit *unit)
{
	(void)unit;
}
#endif

#endif
