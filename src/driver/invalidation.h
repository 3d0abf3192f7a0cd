/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches of commands on driven units: what they do, and what is confirmed. */
#ifndef IOMMU_DRIVER_INVALIDATION_H
#define IOMMU_DRIVER_INVALIDATION_H

#include "driver/driver.h"
#include "unit/domain.h"
#include "unit/invalidation.h"

/* What a family supplies. */
struct iommu_driver_invalidation {
	/* With iommu_driven_submit. */
	const struct iommu_batch_ops *batch;
#if IOMMU_CONFIG_TRACE
	/* With iommu_driven_give. */
	const struct iommu_batch_tracing *tracing;
#endif
	/* Add commands for everything that the unit caches, but for what devices keep. */
	void (*add_everything)(const struct iommu_driven_unit *unit, struct iommu_batch *batch);
	/* Have the unit forget what none of them is of. NULL: there is nothing. */
	int (*forget_rest)(struct iommu_driven_unit *unit, bool while_off);
	/* Have the queue on and working: restarted, empty, where it is not. Control path. */
	int (*hold_queue)(struct iommu_driven_unit *unit);
	/* Have confirmed what the family keeps account of itself. NULL: nothing. Control path. */
	int (*confirm_rest)(struct iommu_driven_unit *unit);
};

/* For struct iommu_batch_ops and struct iommu_batch_tracing. */
int iommu_driven_submit(struct iommu_unit_state *state, const struct iommu_batch *batch,
			uint16_t *silent);
int iommu_driven_give(struct iommu_unit_state *state, const struct iommu_batch *batch,
		      uint16_t *silent);

/*
 * Everything that the unit caches; not the TLBs of devices. While it is off there is nothing to
 * confirm, unless it is about to get its tables: what it has is of earlier ones (start_afresh).
 */
int iommu_driven_invalidate_all(struct iommu_driven_unit *unit);
int iommu_driven_start_afresh(struct iommu_driven_unit *unit);
/* For struct iommu_place_ops. */
int iommu_driven_tell_all(const struct iommu_place *place);

/* Of a unit on which something is open: that is made good first. */
int iommu_driven_invalidate_after(struct iommu_driven_unit *unit, struct iommu_batch *batch);

/*
 * Execute a batch and wait; what is open on the unit is made good first. `ops`: the family's, for
 * the map path, where they are known. Any context.
 */
static inline int iommu_driven_invalidate_by(struct iommu_driven_unit *unit,
					     const struct iommu_batch_ops *ops,
					     struct iommu_batch *batch)
{
	return iommu_unit_has_failed(&unit->state)
		       ? iommu_driven_invalidate_after(unit, batch)
		       : iommu_batch_execute(&unit->state, ops, batch, false);
}

static inline int iommu_driven_invalidate(struct iommu_driven_unit *unit, struct iommu_batch *batch)
{
	return iommu_driven_invalidate_by(unit, iommu_driver_of(unit)->invalidation->batch, batch);
}

/* A batch that invalidates nothing: what had failed before is none of its business. */
int iommu_driven_tell(struct iommu_driven_unit *unit, struct iommu_batch *batch);
/*
 * The same of commands that hardware may have executed when that is not known, and that are not to
 * be executed twice: answers. IOMMU_EIO, too, if the unit is off, and nothing was sent.
 */
int iommu_driven_tell_once(struct iommu_driven_unit *unit, const struct iommu_batch *batch);
/*
 * Nothing that hardware was told is open when this returns 0. To be asked before anything new is
 * made present or reported as done. Control path.
 */
int iommu_driven_confirm(struct iommu_driven_unit *unit);

/* Has any invalidation of the unit ever failed? Then an id may be known from a user before. */
static inline bool iommu_driven_may_know_ids(const struct iommu_driven_unit *unit)
{
	return iommu_confirmation_begin(&unit->state.confirmation) != 0;
}

/* --- Those that have to be told one by one ---------------------------------------------------- */

/* One round over the uses of a domain. */
struct iommu_driven_round {
	struct iommu_batch batch;
	struct iommu_driven_unit *unit;
	struct iommu_placed *domain;
	const struct iommu_change *change;
};

/*
 * Execute what is in the batch so far, and what each use adds, which is a visitor with the round as
 * its context; devices in the batch are held (iommu_batch_hold).
 */
int iommu_driven_tell_uses(struct iommu_driven_round *round,
			   bool (*add)(void *ctx, const struct iommu_listing *listing));

/* No use has to be told by itself. A macro: what is left out is not missing when it links. */
#define IOMMU_IS_TOLD_AT_ONCE(domain)                                                              \
	(!(IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE) ||                                    \
	 __atomic_load_n(&(domain)->special_uses, __ATOMIC_RELAXED) == 0)

/* --- One page --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_ONE_PAGE

struct iommu_driven_page {
	uint64_t address;
	/* Whether to tell, and under which id, is seen at the last moment. */
	const struct iommu_placed *domain;
	const struct iommu_place *place;
};

/*
 * For struct iommu_place_ops.tell_page, of pages of 1 << shift bytes. `make` is that of
 * iommu_ring_submit_made, with a struct iommu_driven_page as its context; inline, like all that is
 * done for each unmap of a page.
 */
static inline int
iommu_driven_tell_page(const struct iommu_placed *domain, const struct iommu_place *place,
		       const struct iommu_change *change, unsigned int shift,
		       bool (*make)(const void *ctx, struct iommu_command *command))
{
	struct iommu_driven_unit *unit = place->at;
	const uint32_t epoch = __atomic_load_n(&unit->state.epoch, __ATOMIC_SEQ_CST);
	const struct iommu_driven_page page = {
		.address = change->start,
		.domain = domain,
		.place = place,
	};
	uint16_t silent;
	int status;

	/* A first look: a unit that is not in use may be about to go. Not all is simple. */
	if (!iommu_place_is_used(place) || !iommu_unit_is_active(&unit->state) ||
	    (change->start ^ change->last) >> shift != 0)
		return IOMMU_EAGAIN;
	status = iommu_ring_submit_made(&unit->queue, make, &page, &silent);
	if (__builtin_expect(status == 0 || status == IOMMU_EAGAIN, 1))
		return status;
	if (__atomic_load_n(&unit->state.epoch, __ATOMIC_SEQ_CST) != epoch)
		return IOMMU_EAGAIN;
	iommu_unit_note_failure(&unit->state);
	return status;
}

#endif

#endif
