/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches of commands on driven units, invalidations of everything, and confirmation. */
#include "driver/invalidation.h"

#include <libiommu/status.h>

#include "base/trace.h"
#include "driver/endpoint.h"

static const struct iommu_driver_invalidation *ops_of(const struct iommu_driven_unit *unit)
{
	return iommu_driver_of(unit)->invalidation;
}

/* --- Execution -------------------------------------------------------------------------------- */

static inline struct iommu_driven_unit *unit_of(struct iommu_unit_state *state)
{
	return iommu_container_of((uintptr_t)state, struct iommu_driven_unit, state);
}

int iommu_driven_give(struct iommu_unit_state *state, const struct iommu_batch *batch,
		      uint16_t *silent)
{
	return iommu_ring_submit(&unit_of(state)->queue, batch->commands, batch->count,
				 batch->barriers, silent);
}

int iommu_driven_submit(struct iommu_unit_state *state, const struct iommu_batch *batch,
			uint16_t *silent)
{
#if IOMMU_CONFIG_TRACE
	if (iommu_is_traced(&unit_of(state)->base))
		return iommu_batch_give_traced(&unit_of(state)->base, state, batch, silent,
					       ops_of(unit_of(state))->tracing);
#endif
	return iommu_driven_give(state, batch, silent);
}

static int forget_all(struct iommu_driven_unit *unit, bool while_off)
{
	const uint32_t failures = iommu_confirmation_begin(&unit->state.confirmation);
	struct iommu_batch everything = {.count = 0};
	int status;

	ops_of(unit)->add_everything(unit, &everything);
	status = iommu_batch_execute(&unit->state, ops_of(unit)->batch, &everything, while_off);
	if (status == 0 && ops_of(unit)->forget_rest != NULL)
		status = ops_of(unit)->forget_rest(unit, while_off);
	if (status == 0)
		iommu_confirmation_end(&unit->state.confirmation, failures);
	return status;
}

int iommu_driven_invalidate_all(struct iommu_driven_unit *unit)
{
	return forget_all(unit, false);
}

int iommu_driven_start_afresh(struct iommu_driven_unit *unit)
{
	return forget_all(unit, true);
}

int iommu_driven_tell_all(const struct iommu_place *place)
{
	return iommu_driven_invalidate_all(place->at);
}

int iommu_driven_invalidate_after(struct iommu_driven_unit *unit, struct iommu_batch *batch)
{
	const int status = iommu_driven_invalidate_all(unit);

	/* The TLBs of devices are not part of it. */
	if (status != 0 || !iommu_batch_has_devices(batch))
		return status;
	return iommu_driven_tell(unit, batch);
}

int iommu_driven_tell(struct iommu_driven_unit *unit, struct iommu_batch *batch)
{
	return iommu_batch_execute(&unit->state, ops_of(unit)->batch, batch, false);
}

int iommu_driven_tell_once(struct iommu_driven_unit *unit, const struct iommu_batch *batch)
{
	uint16_t silent;
	int status;

	if (!iommu_unit_is_active(&unit->state))
		return IOMMU_EIO;
	status = iommu_driven_submit(&unit->state, batch, &silent);
	/* A completion that stopped at a silent device: what is before it was executed. */
	if (status == 0 || status == IOMMU_EAGAIN)
		return 0;
	iommu_unit_note_failure(&unit->state);
	return status;
}

/* --- Confirmation ----------------------------------------------------------------------------- */

/*
 * What devices keep: any of them may have been asked in vain. It is settled before it is done,
 * because entries are written for it, which begins with a confirmation; only the control path
 * looks.
 */
static int confirm_device_tlbs(struct iommu_driven_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	iommu_confirmation_end(&unit->state.device_tlbs,
			       iommu_confirmation_begin(&unit->state.device_tlbs));
	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		status = iommu_driven_tlb_confirm(iommu_driven_endpoint_of(endpoint));
	if (status != 0)
		iommu_confirmation_fail(&unit->state.device_tlbs);
	return status;
}

int iommu_driven_confirm(struct iommu_driven_unit *unit)
{
	int status = 0;

	if (iommu_unit_is_suspect(&unit->state)) {
		/* What was reset meanwhile answers, and translates nothing. */
		if (iommu_unit_is_to_translate(&unit->base) &&
		    !iommu_driver_of(unit)->bring_up->translates(unit))
			return IOMMU_EIO;
		status = ops_of(unit)->hold_queue(unit);
		if (status == 0)
			status = iommu_driven_invalidate_all(unit);
	}
	if (IOMMU_CONFIG_DEVICE_TLB && status == 0 && iommu_unit_is_active(&unit->state) &&
	    iommu_confirmation_is_open(&unit->state.device_tlbs))
		status = confirm_device_tlbs(unit);
	if (status == 0 && unit->is_undrained)
		status = iommu_driven_requests_drain(unit);
	if (status == 0 && ops_of(unit)->confirm_rest != NULL)
		status = ops_of(unit)->confirm_rest(unit);
	return status;
}

int iommu_driver_confirm(struct iommu_unit *base)
{
	struct iommu_driven_unit *unit = iommu_driven_of(base);
	int status;

	if (iommu_unit_is_to_translate(base) && !iommu_driver_of(unit)->bring_up->translates(unit))
		return IOMMU_REFUSE_DRIVEN(unit, IOMMU_EIO,
					   "its register says that it does not translate");
	status = iommu_driven_confirm(unit);
	iommu_release_confirmed(&unit->shared->set);
	return status;
}

/* --- Those that have to be told one by one ---------------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE

/* Invalidate what has come together, and let go of the devices in it. */
static int end_round(struct iommu_driven_round *round)
{
	const struct iommu_batch held = round->batch;
	int status = held.count != 0 ? iommu_driven_invalidate(round->unit, &round->batch) : 0;

	iommu_batch_let_go(&held);
	round->batch.count = 0;
	return status;
}

int iommu_driven_tell_uses(struct iommu_driven_round *round,
			   bool (*add)(void *ctx, const struct iommu_listing *listing))
{
	uint64_t number = 0;
	bool more;
	int status;

	do {
		more = iommu_uses_visit(round->domain, &number, add, round);
		status = end_round(round);
	} while (more && status == 0);
	return status;
}

#endif
