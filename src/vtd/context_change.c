/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing context entries, and the invalidations for it. In legacy mode an entry says how a
 * device's requests are translated; in scalable mode it says where the device's PASID directory is
 * and which kinds of requests the device may send.
 *
 * An entry is changed through the not-present state, with the invalidations of the specification
 * ("Guidance to Software for Invalidations"):
 *   present -> not present  context cache of the device under its old domain id, then the IOTLB of
 *                           that domain id, then the device's own TLB
 *   not present -> present  nothing; in caching mode the context cache of the device under domain
 *                           id 0, which tags not-present entries, and the IOTLB of the new id;
 *                           otherwise a write-buffer flush if the unit needs one
 *
 * Entries change on the control path, with one exception: a device that does not invalidate its TLB
 * is blocked at once, in any context. The blocking CPU marks the endpoint and then clears the
 * entry; the CPU that writes an entry checks the mark afterwards. In either order the entry ends up
 * not present.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "unit/confirmation.h"
#include "unit/invalidation.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/endpoint.h"
#include "vtd/event.h"
#include "vtd/pasid.h"
#include "vtd/predecessor.h"
#include "vtd/unit.h"

/* The entries have gone: make hardware forget them, and what was translated through them. */
static int forget(struct vtd_endpoint *endpoint, uint64_t old_low, uint16_t old_domain_id)
{
	const bool kept = IOMMU_CONFIG_DEVICE_TLB && !vtd_is_scalable(endpoint->unit) &&
			  (old_low & VTD_CONTEXT_PRESENT) != 0 &&
			  vtd_context_type(old_low) == VTD_TRANSLATE_ALL;
	struct vtd_unit *unit = endpoint->unit;
	struct iommu_batch batch = {.count = 0};
	int status;

	if (kept)
		endpoint->tlb.unknown = true;
	if (!iommu_unit_is_active(&unit->state))
		return 0;
	vtd_batch_add(&batch, iommu_vtd_context_descriptor(endpoint, old_domain_id));
	/*
	 * In scalable mode nothing is translated by a context entry; its PASIDs are gone already.
	 */
	if (!vtd_is_scalable(unit))
		vtd_batch_add(&batch, vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, old_domain_id,
							   unit->caps.drain));
	if (kept && vtd_endpoint_is_asked(endpoint))
		iommu_vtd_batch_add_device(&batch, endpoint, 0, 0, 64);
	status = iommu_vtd_invalidate(unit, &batch);
	if (kept && status == 0 && !vtd_is_in_reset(endpoint))
		endpoint->tlb.unknown = false;
	return status;
}

static int invalidate_tlb(struct vtd_endpoint *endpoint, struct iommu_batch *batch)
{
	int status = iommu_vtd_invalidate(endpoint->unit, batch);

	batch->count = 0;
	return status;
}

/* What it has of PASIDs: of all that may ever have been attached. */
static int empty_pasids(struct vtd_endpoint *endpoint, struct iommu_batch *batch)
{
	uint32_t pasid = iommu_vtd_pasid_next(endpoint, 1);
	int status = 0;

	if (endpoint->base->info.tlb_global_invalidate) {
		iommu_vtd_batch_add_all_pasids(batch, endpoint);
		return 0;
	}
	for (; pasid < VTD_PASIDS_MAX && status == 0 && !iommu_device_tlb_is_lost(&endpoint->tlb);
	     pasid = iommu_vtd_pasid_next(endpoint, pasid + 1)) {
		iommu_vtd_batch_add_device(batch, endpoint, pasid, 0, 64);
		if (!iommu_batch_has_room(batch))
			status = invalidate_tlb(endpoint, batch);
	}
	return status;
}

/* Have the device forget everything. */
static int empty_whole_tlb(struct vtd_endpoint *endpoint)
{
	struct iommu_batch batch = {.count = 0};
	int status = 0;

	iommu_vtd_batch_add_device(&batch, endpoint, 0, 0, 64);
	if ((endpoint->base->features & IOMMU_FEATURE_PASID) != 0)
		status = empty_pasids(endpoint, &batch);
	if (status == 0 && batch.count != 0)
		status = invalidate_tlb(endpoint, &batch);
	return status;
}

/* Empty a device's TLB that may hold anything, while it may not use it. */
static int empty_tlb(struct vtd_endpoint *endpoint)
{
	int status = 0;

	if (!IOMMU_CONFIG_DEVICE_TLB || !endpoint->tlb.unknown ||
	    !iommu_unit_is_active(&endpoint->unit->state))
		return 0;
	if (!endpoint->tlb.off)
		status = empty_whole_tlb(endpoint);
	if (status == 0)
		endpoint->tlb.unknown = false;
	return status;
}

/* What is new must be seen: where nothing may be cached, only a write buffer can be in the way. */
static int announce(struct vtd_unit *unit, struct vtd_descriptor context, uint16_t domain_id)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_unit_is_active(&unit->state))
		return 0;
	if (!unit->caps.caching_mode)
		return iommu_vtd_flush_write_buffer(unit);
	vtd_batch_add(&batch, context);
	vtd_batch_add(&batch,
		      vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, domain_id, unit->caps.drain));
	return iommu_vtd_invalidate(unit, &batch);
}

/* An entry that was there before us has gone for good, confirmed: so may what it led to. */
static void release_inherited(struct vtd_endpoint *endpoint, uint64_t old_low, uint64_t old_high,
			      int status)
{
	/* In scalable mode the PASIDs are counted. */
	if (!vtd_is_scalable(endpoint->unit) && (old_low & VTD_CONTEXT_PRESENT) != 0 &&
	    (old_high & VTD_CONTEXT_INHERITED) != 0 && status == 0)
		iommu_vtd_inherited_replaced(endpoint->unit, vtd_context_domain_id(old_high));
}

/*
 * An entry was seen, perhaps, and is taken back: the device may have learnt something by it, and
 * must not use its TLB before that is empty. What the entry before becomes by that.
 */
static uint64_t hold_back(struct vtd_endpoint *endpoint, uint64_t low, uint64_t old_low)
{
	if (!IOMMU_CONFIG_DEVICE_TLB || vtd_is_scalable(endpoint->unit) ||
	    vtd_context_type(low) != VTD_TRANSLATE_ALL)
		return old_low;
	endpoint->tlb.unknown = true;
	if ((old_low & VTD_CONTEXT_PRESENT) == 0 || vtd_context_type(old_low) != VTD_TRANSLATE_ALL)
		return old_low;
	endpoint->tlb_held = true;
	return vtd_context_low(old_low & VTD_ENTRY_ADDRESS_MASK, VTD_TRANSLATE_UNTRANSLATED);
}

int iommu_vtd_context_write(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(endpoint->unit, endpoint->base->info.source_id);
	uint64_t old_low, old_high;
	int status = 0;

	if (entry == NULL)
		return IOMMU_ENOENT;
	/* What the unit may still hold of an entry before this one would be used in its place. */
	if (low != 0)
		status = iommu_vtd_confirm(endpoint->unit);
	if (status != 0)
		return status;
	old_low = iommu_le64(entry->low);
	old_high = iommu_le64(entry->high);
	/*
	 * The entries of a device that was blocked have gone, but not what was translated by them.
	 */
	if ((old_low & VTD_CONTEXT_PRESENT) != 0 || iommu_device_tlb_is_lost(&endpoint->tlb)) {
		iommu_vtd_context_store(endpoint, 0, 0);
		status = forget(endpoint, old_low, vtd_context_domain_id(old_high));
	}
	if (low == 0) {
		release_inherited(endpoint, old_low, old_high, status);
		return status;
	}
	if (status == 0 && !vtd_is_scalable(endpoint->unit) &&
	    vtd_context_type(low) == VTD_TRANSLATE_ALL)
		status = empty_tlb(endpoint);
	if (iommu_device_tlb_is_lost(&endpoint->tlb))
		return IOMMU_EIO;
	if (status == 0) {
		iommu_vtd_context_store(endpoint, low, high);
		/* Of scalable mode: 0, as its high word. */
		status = announce(endpoint->unit, iommu_vtd_context_descriptor(endpoint, 0),
				  vtd_context_domain_id(high));
		if (status != 0)
			old_low = hold_back(endpoint, low, old_low);
	}
	if (status != 0) {
		/* Hardware may have cached either; the old one is what callers go by. */
		iommu_vtd_context_store(endpoint, 0, 0);
		iommu_vtd_context_store(endpoint, old_low, old_high);
	}
	/* What was held back of the entry before went with it. */
	if (status == 0)
		endpoint->tlb_held = false;
	iommu_full_fence();
	if (iommu_device_tlb_is_lost(&endpoint->tlb)) {
		iommu_vtd_context_store(endpoint, 0, 0);
		return IOMMU_EIO;
	}
	release_inherited(endpoint, old_low, old_high, status);
	return status;
}

void iommu_vtd_context_put_back(struct vtd_endpoint *endpoint, uint64_t low, uint64_t high)
{
	iommu_vtd_context_store(endpoint, hold_back(endpoint, low, low), high);
	iommu_full_fence();
	if (iommu_device_tlb_is_lost(&endpoint->tlb))
		iommu_vtd_context_store(endpoint, 0, 0);
}

/* --- Scalable mode ---------------------------------------------------------------------------- */

/* The context entry of an endpoint: its directory, and what its requests may be. */
static uint64_t context_of(const struct vtd_endpoint *endpoint)
{
	const struct vtd_directory *directory = endpoint->directory;
	uint64_t flags = endpoint->context_flags;

	if (endpoint->device_tlb && !endpoint->tlb.unknown && !endpoint->tlb.off)
		flags |= VTD_CONTEXT_DEVICE_TLB;
	return vtd_scalable_context_low(
		iommu_virt_to_phys(endpoint->unit->platform, directory->entries), directory->order,
		flags);
}

/* A device that was blocked meanwhile stays so: see the head of this file. */
static void store_context(struct vtd_endpoint *endpoint)
{
	iommu_vtd_context_store(endpoint, context_of(endpoint), 0);
	iommu_full_fence();
	if (iommu_device_tlb_is_lost(&endpoint->tlb))
		iommu_vtd_context_store(endpoint, 0, 0);
}

static bool has_context(const struct vtd_endpoint *endpoint)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(endpoint->unit, endpoint->base->info.source_id);

	return entry != NULL && (iommu_le64(entry->low) & VTD_CONTEXT_PRESENT) != 0;
}

void iommu_vtd_context_reopen(struct vtd_endpoint *endpoint)
{
	if (!has_context(endpoint))
		store_context(endpoint);
}

int iommu_vtd_context_open(struct vtd_endpoint *endpoint)
{
	return has_context(endpoint) ? 0
				     : iommu_vtd_context_write(endpoint, context_of(endpoint), 0);
}

int iommu_vtd_context_update(struct vtd_endpoint *endpoint)
{
	struct iommu_batch batch = {.count = 0};
	struct vtd_unit *unit = endpoint->unit;

	if (!has_context(endpoint))
		return 0;
	store_context(endpoint);
	if (!iommu_unit_is_active(&unit->state))
		return 0;
	vtd_batch_add(&batch, iommu_vtd_context_descriptor(endpoint, 0));
	return iommu_vtd_invalidate(unit, &batch);
}

#if IOMMU_CONFIG_DEVICE_TLB && IOMMU_CONFIG_SCALABLE
static int tell_context(struct iommu_device_tlb *device)
{
	return iommu_vtd_context_update(iommu_container_of(device, struct vtd_endpoint, tlb));
}

/* In legacy mode an entry that lets it translate may let it use its TLB, too, on or off. */
int iommu_vtd_tlb_switch(struct vtd_endpoint *endpoint, bool on)
{
	if (!vtd_is_scalable(endpoint->unit) || !endpoint->device_tlb || endpoint->inherited)
		return 0;
	return iommu_device_tlb_switch(&endpoint->tlb, on, tell_context);
}
#endif

void iommu_vtd_tlb_suspect(struct vtd_endpoint *endpoint)
{
	endpoint->tlb.unknown = true;
	/*
	 * Hardware has not confirmed what came before this, and will not have done so before this,
	 * too.
	 */
	if (has_context(endpoint))
		store_context(endpoint);
}

int iommu_vtd_tlb_recover(struct vtd_endpoint *endpoint)
{
	int status;

	if (!endpoint->tlb.unknown || !iommu_unit_is_active(&endpoint->unit->state))
		return 0;
	status = empty_tlb(endpoint);
	if (status != 0 || !has_context(endpoint))
		return status;
	/* It is empty, whether hardware has heard of that or not. */
	return iommu_vtd_context_update(endpoint);
}

/* --- Devices with a TLB while the unit was off ------------------------------------------------ */

void iommu_vtd_context_hold_tlb(struct vtd_endpoint *endpoint)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(endpoint->unit, endpoint->base->info.source_id);
	const uint64_t low = entry != NULL ? iommu_le64(entry->low) : 0;

	/* What was taken over has not been off: what the device keeps of it still holds. */
	if (endpoint->inherited)
		return;
	if (vtd_is_scalable(endpoint->unit)) {
		if (endpoint->device_tlb)
			iommu_vtd_tlb_suspect(endpoint);
		return;
	}
	if (!endpoint->device_tlb || (low & VTD_CONTEXT_PRESENT) == 0 ||
	    vtd_context_type(low) != VTD_TRANSLATE_ALL ||
	    (iommu_le64(entry->high) & VTD_CONTEXT_INHERITED) != 0)
		return;
	iommu_vtd_context_store(
		endpoint, vtd_context_low(low & VTD_ENTRY_ADDRESS_MASK, VTD_TRANSLATE_UNTRANSLATED),
		iommu_le64(entry->high));
	endpoint->tlb_held = true;
	endpoint->tlb.unknown = true;
}

int iommu_vtd_context_release_tlb(struct vtd_endpoint *endpoint)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(endpoint->unit, endpoint->base->info.source_id);
	uint64_t low;
	int status;

	if (endpoint->inherited || vtd_is_in_reset(endpoint))
		return 0;
	if (vtd_is_scalable(endpoint->unit)) {
		status = iommu_vtd_tlb_recover(endpoint);
		return iommu_device_tlb_is_lost(&endpoint->tlb) ? 0 : status;
	}
	if (!endpoint->tlb_held || entry == NULL)
		return 0;
	endpoint->tlb_held = false;
	low = iommu_le64(entry->low);
	if ((low & VTD_CONTEXT_PRESENT) == 0)
		return 0; /* detached since, and to be emptied when it is attached */
	status = iommu_vtd_context_write(
		endpoint, vtd_context_low(low & VTD_ENTRY_ADDRESS_MASK, VTD_TRANSLATE_ALL),
		iommu_le64(entry->high));
	endpoint->tlb_held = status != 0;
	/* One that does not answer is blocked now, which is all that can be done about it. */
	return iommu_device_tlb_is_lost(&endpoint->tlb) ? 0 : status;
}

/* --- Devices with a TLB of which an invalidation failed --------------------------------------- */

static bool may_use_tlb(const struct vtd_endpoint *endpoint)
{
	const struct vtd_context_entry *entry =
		iommu_vtd_context_find(endpoint->unit, endpoint->base->info.source_id);
	const uint64_t low = entry != NULL ? iommu_le64(entry->low) : 0;

	if ((low & VTD_CONTEXT_PRESENT) == 0 || !endpoint->device_tlb || endpoint->inherited)
		return false;
	return vtd_is_scalable(endpoint->unit) ? (low & VTD_CONTEXT_DEVICE_TLB) != 0
					       : vtd_context_type(low) == VTD_TRANSLATE_ALL;
}

int iommu_vtd_tlb_confirm(struct vtd_endpoint *endpoint)
{
	if (vtd_is_in_reset(endpoint))
		return 0;
	/* What may not use it until it is empty may do so again. */
	if (endpoint->tlb_held || (vtd_is_scalable(endpoint->unit) && endpoint->tlb.unknown))
		return iommu_vtd_context_release_tlb(endpoint);
	return may_use_tlb(endpoint) ? empty_whole_tlb(endpoint) : 0;
}

/*
 * What devices keep: any of them may have been asked in vain. It is settled before it is done,
 * because entries are written for it, which begins with a confirmation; only the control path
 * looks.
 */
static int confirm_device_tlbs(struct vtd_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	iommu_confirmation_end(&unit->state.device_tlbs,
			       iommu_confirmation_begin(&unit->state.device_tlbs));
	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->base, endpoint)) != NULL)
		status = iommu_vtd_tlb_confirm(vtd_endpoint_of(endpoint));
	if (status != 0)
		iommu_confirmation_fail(&unit->state.device_tlbs);
	return status;
}

int iommu_vtd_confirm(struct vtd_unit *unit)
{
	int status = 0;

	/* What was reset meanwhile answers, and translates nothing. */
	if (iommu_unit_is_suspect(&unit->state) && iommu_unit_is_to_translate(&unit->base) &&
	    !iommu_vtd_unit_translates(unit))
		return IOMMU_EIO;
	if (iommu_unit_is_suspect(&unit->state) ||
	    (iommu_unit_is_active(&unit->state) && iommu_vtd_queue_may_turn_off(unit)))
		status = iommu_vtd_queue_hold(unit);
	if (status == 0 && iommu_unit_is_suspect(&unit->state))
		status = iommu_vtd_invalidate_all(unit);
	if (IOMMU_CONFIG_DEVICE_TLB && status == 0 && iommu_unit_is_active(&unit->state) &&
	    iommu_confirmation_is_open(&unit->state.device_tlbs))
		status = confirm_device_tlbs(unit);
	if (IOMMU_CONFIG_SCALABLE && status == 0 && unit->is_undrained)
		status = iommu_vtd_page_requests_drain(unit);
	return status;
}
