/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation. Requests are descriptors of the queue. Units without a queue execute the same
 * requests through CCMD and IOTLB_REG (VT-d specification, "Register-based Invalidation
 * Interface"); while the queue is on these registers have no effect and are not used.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/hw/vtd_context.h>
#include <libiommu/hw/vtd_invalidation.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/status.h>

#include "base/list.h"
#include "base/spinlock.h"
#include "base/trace.h"
#include "unit/command_ring.h"
#include "unit/confirmation.h"
#include "unit/domain.h"
#include "unit/invalidation.h"
#include "unit/range.h"
#include "vtd/cap.h"
#include "vtd/command.h"
#include "vtd/context.h"
#include "vtd/domain.h"
#include "vtd/endpoint.h"
#include "vtd/interrupt.h"
#include "vtd/quirks.h"
#include "vtd/unit.h"
#include <libiommu/backend/deadline.h>

/* --- By registers ----------------------------------------------------------------------------- */

/*
 * One request of the register interface. It lies on the stack of the caller that waits for it;
 * whichever CPU sees first that hardware has finished notes the result, so that none has to wait
 * for another one to come back to its request, and no lock is held by a waiting one. Guarded by
 * command_lock.
 */
struct vtd_register_request {
	uint32_t offset;
	uint64_t busy; /* the bit that starts the request, and stands until it is done */
	uint64_t value;
	uint64_t address; /* for IVA_REG, where `has_address` */
	bool has_address;
	bool done;
};

/* Locked. */
static void note_result(struct vtd_unit *unit)
{
	struct vtd_register_request *request = unit->register_request;
	uint64_t value;

	if (request == NULL)
		return;
	value = vtd_read64(unit, request->offset);
	if ((value & request->busy) != 0)
		return;
	request->value = value;
	request->done = true;
	unit->register_request = NULL;
	unit->registers_hang = false;
}

static bool registers_are_busy(const struct vtd_unit *unit)
{
	return (vtd_read64(unit, VTD_CCMD) & VTD_CCMD_ICC) != 0 ||
	       (vtd_read64(unit, unit->caps.iotlb_offset + 8) & VTD_IOTLB_IVT) != 0;
}

/*
 * IOMMU_EAGAIN: another request is under way. After a time-out callers are not kept waiting for
 * that.
 */
static int start_request(struct vtd_unit *unit, struct vtd_register_request *request)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	int status = 0;

	note_result(unit);
	if (unit->registers_hang && registers_are_busy(unit))
		status = IOMMU_ETIMEDOUT;
	else if (unit->register_request != NULL ||
		 (vtd_read64(unit, request->offset) & request->busy) != 0)
		status = IOMMU_EAGAIN;
	if (status == 0) {
		if (request->has_address)
			vtd_write64(unit, unit->caps.iotlb_offset, request->address);
		vtd_write64(unit, request->offset, request->value);
		unit->register_request = request;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return status;
}

/* Done? With `last`, the request is taken back if it is not. */
static bool request_is_done(struct vtd_unit *unit, struct vtd_register_request *request, bool last)
{
	uintptr_t state = iommu_spin_lock(unit->platform, &unit->command_lock);
	bool done;

	note_result(unit);
	done = request->done;
	if (!done && last) {
		unit->register_request = NULL;
		unit->registers_hang = true;
	}
	iommu_spin_unlock(unit->platform, &unit->command_lock, state);
	return done;
}

/* Have a request executed: request->value is what the register says then. */
static int run_request(struct vtd_unit *unit, struct vtd_register_request *request)
{
	struct iommu_deadline deadline = iommu_deadline_in(unit->platform, unit->timeout_ns);
	bool passed = false;
	int status;

	while ((status = start_request(unit, request)) == IOMMU_EAGAIN)
		if (iommu_deadline_passed(&deadline))
			return IOMMU_ETIMEDOUT;
	if (status != 0)
		return status;
	while (!request_is_done(unit, request, passed)) {
		if (passed)
			return IOMMU_ETIMEDOUT;
		passed = iommu_deadline_passed(&deadline);
	}
	return 0;
}

static int context_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_register_request request = {
		.offset = VTD_CCMD,
		.busy = VTD_CCMD_ICC,
		.value = vtd_ccmd(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				  vtd_descriptor_source_id(d), vtd_descriptor_function_mask(d)),
	};
	int status = run_request(unit, &request);

	if (status == 0 && vtd_ccmd_actual_granularity(request.value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int iotlb_by_register(struct vtd_unit *unit, struct vtd_descriptor d)
{
	struct vtd_register_request request = {
		.offset = unit->caps.iotlb_offset + 8,
		.busy = VTD_IOTLB_IVT,
		.value = vtd_iotlb(vtd_descriptor_granularity(d), vtd_descriptor_domain_id(d),
				   (d.low & VTD_IOTLB_DRAIN_READS) != 0,
				   (d.low & VTD_IOTLB_DRAIN_WRITES) != 0),
		/* IVA_REG holds address, hint and mask just as the descriptor does. */
		.address = d.high,
		.has_address = vtd_descriptor_granularity(d) == VTD_GRANULARITY_PAGE,
	};
	int status = run_request(unit, &request);

	if (status == 0 && vtd_iotlb_actual_granularity(request.value) == 0)
		status = IOMMU_EIO;
	return status;
}

static int execute_by_registers(struct vtd_unit *unit, const struct iommu_command *commands,
				unsigned int count)
{
	unsigned int i;
	int status = 0;

	for (i = 0; i < count && status == 0; i++) {
		const struct vtd_descriptor descriptor =
			vtd_descriptor_of(commands[i].low, commands[i].high);

		if (vtd_descriptor_type(descriptor) == VTD_DESCRIPTOR_CONTEXT)
			status = context_by_register(unit, descriptor);
		else if (vtd_descriptor_type(descriptor) == VTD_DESCRIPTOR_IOTLB)
			status = iotlb_by_register(unit, descriptor);
		else
			status = IOMMU_EOPNOTSUPP;
	}
	return status;
}

/* --- Devices that do not answer --------------------------------------------------------------- */

static void ask_device(struct iommu_batch *batch, struct vtd_endpoint *endpoint,
		       struct vtd_descriptor descriptor)
{
	iommu_batch_add(batch, vtd_command_of(descriptor), &endpoint->tlb);
	if (vtd_has_quirk(endpoint, IOMMU_VTD_QUIRK_INVALIDATE_TWICE))
		iommu_batch_add(batch, vtd_command_of(descriptor), &endpoint->tlb);
}

void iommu_vtd_batch_add_device(struct iommu_batch *batch, struct vtd_endpoint *endpoint,
				uint32_t pasid, uint64_t address, unsigned int order)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;
	const bool names = endpoint->unit->caps.names_functions;

	if (pasid == 0)
		ask_device(batch, endpoint,
			   vtd_descriptor_device_tlb(info->source_id, address, order,
						     info->tlb_queue_depth, names,
						     info->physical_function));
	/* The entry of PASID 0 is that of requests without a PASID. */
	if (pasid != 0 || iommu_device_tlb_is_tagged(&endpoint->tlb))
		ask_device(batch, endpoint,
			   vtd_descriptor_pasid_device_tlb(info->source_id, pasid, address, order,
							   info->tlb_queue_depth, names,
							   info->physical_function));
}

void iommu_vtd_batch_add_all_pasids(struct iommu_batch *batch, struct vtd_endpoint *endpoint)
{
	const struct iommu_endpoint_info *info = &endpoint->base->info;

	ask_device(batch, endpoint,
		   vtd_descriptor_all_pasids_device_tlb(info->source_id, info->tlb_queue_depth,
							endpoint->unit->caps.names_functions,
							info->physical_function));
}

#if IOMMU_CONFIG_DEVICE_TLB
/*
 * Its context entries go, and are forgotten in place of its TLB's: of all devices, because the
 * domain id that hardware has cached them under may be that of the domain which it leaves, or of
 * the one which it enters.
 */
static struct iommu_command block(struct iommu_unit_state *unit, struct iommu_device_tlb *device)
{
	struct vtd_endpoint *endpoint =
		iommu_container_of((uintptr_t)device, struct vtd_endpoint, tlb);

	(void)unit;
	if (!iommu_device_tlb_is_lost(device))
		vtd_log(endpoint->unit, IOMMU_LOG_ERROR,
			"a device does not invalidate its TLB: it is blocked until it is reset");
	iommu_vtd_context_block(endpoint);
	return vtd_command_of(vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0));
}
#endif

/* --- Execution -------------------------------------------------------------------------------- */

static inline struct vtd_unit *unit_of(struct iommu_unit_state *state)
{
	return iommu_container_of((uintptr_t)state, struct vtd_unit, state);
}

static int give(struct iommu_unit_state *state, const struct iommu_batch *batch, uint16_t *silent)
{
	struct vtd_unit *unit = unit_of(state);

	if (!IOMMU_CONFIG_REGISTERS || unit->use_queue)
		return iommu_ring_submit(&unit->queue, batch->commands, batch->count,
					 batch->barriers, silent);
	/* By registers each is complete before the next one begins. */
	return execute_by_registers(unit, batch->commands, batch->count);
}

#if IOMMU_CONFIG_TRACE

/* What a command invalidates: enum iommu_trace_kind, or 0. */
static unsigned int kind_of(struct iommu_command command)
{
	const struct vtd_descriptor descriptor = vtd_descriptor_of(command.low, command.high);

	switch (vtd_descriptor_type(descriptor)) {
	case VTD_DESCRIPTOR_CONTEXT:
	case VTD_DESCRIPTOR_PASID_CACHE:
		return IOMMU_TRACE_CONTEXT;
	case VTD_DESCRIPTOR_IOTLB:
		if (vtd_descriptor_granularity(descriptor) == VTD_GRANULARITY_GLOBAL)
			return IOMMU_TRACE_ALL;
		return vtd_descriptor_granularity(descriptor) == VTD_GRANULARITY_DOMAIN
			       ? IOMMU_TRACE_DOMAIN
			       : IOMMU_TRACE_PAGES;
	case VTD_DESCRIPTOR_PASID_IOTLB:
		return vtd_descriptor_granularity(descriptor) == VTD_PASID_IOTLB_PAGE
			       ? IOMMU_TRACE_PAGES
			       : IOMMU_TRACE_DOMAIN;
	case VTD_DESCRIPTOR_DEVICE_TLB:
	case VTD_DESCRIPTOR_PASID_DEVICE_TLB:
		return IOMMU_TRACE_DEVICE_TLB;
	case VTD_DESCRIPTOR_IEC:
		return IOMMU_TRACE_INTERRUPTS;
	case VTD_DESCRIPTOR_WAIT:
	case VTD_DESCRIPTOR_PAGE_RESPONSE:
	default:
		return 0;
	}
}

static const struct iommu_batch_tracing tracing = {give, kind_of};

#endif

static int submit(struct iommu_unit_state *state, const struct iommu_batch *batch, uint16_t *silent)
{
#if IOMMU_CONFIG_TRACE
	if (iommu_is_traced(&unit_of(state)->base))
		return iommu_batch_give_traced(&unit_of(state)->base, state, batch, silent,
					       &tracing);
#endif
	return give(state, batch, silent);
}

/* Contexts lead to PASIDs, and both to translations. */
static unsigned int cache_of(struct iommu_command command)
{
	const enum vtd_descriptor_type type =
		vtd_descriptor_type(vtd_descriptor_of(command.low, command.high));

	if (type == VTD_DESCRIPTOR_CONTEXT)
		return 0;
	return type == VTD_DESCRIPTOR_PASID_CACHE ? 1 : 2;
}

static const struct iommu_batch_ops batch_ops = {
	.cache_of = cache_of,
	.submit = submit,
#if IOMMU_CONFIG_DEVICE_TLB
	.block = block,
#endif
};

static int execute(struct vtd_unit *unit, struct iommu_batch *batch, bool while_off)
{
	return iommu_batch_execute(&unit->state, &batch_ops, batch, while_off);
}

int iommu_vtd_invalidate_all(struct vtd_unit *unit)
{
	struct iommu_batch everything = {.count = 0};
	const uint32_t failures = iommu_confirmation_begin(&unit->state.confirmation);
	const bool interrupts =
		vtd_interrupts_may_run(unit) || (unit->interrupts != NULL && unit->queue_is_on);
	int status;

	if (unit->caps.translates)
		vtd_batch_add(&everything, vtd_descriptor_context(VTD_GRANULARITY_GLOBAL, 0, 0));
	if (vtd_is_scalable(unit))
		vtd_batch_add(&everything,
			      vtd_descriptor_pasid_cache(VTD_PASID_CACHE_GLOBAL, 0, 0));
	if (unit->caps.translates)
		vtd_batch_add(&everything,
			      vtd_descriptor_iotlb(VTD_GRANULARITY_GLOBAL, 0, unit->caps.drain));
	if (interrupts)
		vtd_batch_add(&everything, vtd_descriptor_all_interrupts());
	status = execute(unit, &everything, interrupts);
	if (status == 0)
		iommu_confirmation_end(&unit->state.confirmation, failures);
	return status;
}

int iommu_vtd_invalidate(struct vtd_unit *unit, struct iommu_batch *batch)
{
	if (iommu_unit_has_failed(&unit->state)) {
		const int status = iommu_vtd_invalidate_all(unit);

		/* The TLBs of devices are not part of it. */
		if (status != 0 || !iommu_batch_has_devices(batch))
			return status;
	}
	return execute(unit, batch, false);
}

int iommu_vtd_tell(struct vtd_unit *unit, struct iommu_batch *batch)
{
	return execute(unit, batch, false);
}

#if IOMMU_CONFIG_SCALABLE
int iommu_vtd_tell_once(struct vtd_unit *unit, const struct iommu_batch *batch)
{
	uint16_t silent;
	int status;

	if (!iommu_unit_is_active(&unit->state))
		return IOMMU_EIO;
	status = submit(&unit->state, batch, &silent);
	/* A wait that hardware read and dropped, or refused: what lies before it was executed. */
	if (status == 0 || status == IOMMU_EAGAIN)
		return 0;
	iommu_unit_note_failure(&unit->state);
	return status;
}
#endif

int iommu_vtd_invalidate_interrupts(struct vtd_unit *unit, uint16_t index, unsigned int order)
{
	struct iommu_batch batch = {.count = 0};

	if (!vtd_interrupts_may_run(unit))
		return 0; /* nothing is remapped, and enabling begins with a global invalidation */
	if (iommu_unit_has_failed(&unit->state))
		return iommu_vtd_invalidate_all(unit);
	vtd_batch_add(&batch, order <= unit->caps.max_handle_mask
				      ? vtd_descriptor_interrupts(index, order)
				      : vtd_descriptor_all_interrupts());
	return execute(unit, &batch, true);
}

int iommu_vtd_invalidate_every_interrupt(struct vtd_unit *unit)
{
	return iommu_vtd_invalidate_interrupts(unit, 0, 16);
}

/* --- Ranges ----------------------------------------------------------------------------------- */

/* What is invalidated under: a domain id, and for a first stage the PASID. */
struct target {
	const struct vtd_capabilities *caps;
	bool first_stage;
	uint16_t domain_id;
	uint32_t pasid;
};

static struct vtd_descriptor block_of(const struct target *target, const struct iommu_block *block,
				      bool leaves_only)
{
	if (target->first_stage)
		return vtd_descriptor_pasid_iotlb_pages(target->domain_id, target->pasid,
							block->address, block->order, leaves_only);
	return vtd_descriptor_iotlb_pages(target->domain_id, block->address, block->order,
					  leaves_only, target->caps->drain);
}

static struct vtd_descriptor everything(const struct target *target)
{
	if (target->first_stage)
		return vtd_descriptor_pasid_iotlb(target->domain_id, target->pasid);
	return vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, target->domain_id, target->caps->drain);
}

static void add_range(struct iommu_batch *batch, const struct target *target,
		      const struct iommu_change *change)
{
	/* Blocks of a first stage have no bound of their own. */
	const unsigned int largest = target->first_stage ? 51 : target->caps->max_address_mask;
	struct iommu_block blocks[IOMMU_BLOCKS_MAX];
	unsigned int count = 0;
	unsigned int i;

	if (target->first_stage || target->caps->page_selective)
		count = iommu_range_blocks(change->start, change->last, largest, blocks);
	for (i = 0; i < count; i++)
		vtd_batch_add(batch, block_of(target, &blocks[i], change->leaves_only));
	if (count == 0)
		vtd_batch_add(batch, everything(target));
}

/* --- Those who have to be told one by one ----------------------------------------------------- */

/* The most descriptors of one use. */
#define USE_DESCRIPTORS_MAX (IOMMU_BLOCKS_MAX + 4)

/* One round over the uses of a domain. */
struct round {
	struct iommu_batch batch;
	struct vtd_unit *unit;
	const struct vtd_domain *domain;
	uint16_t domain_id;
	const struct iommu_change *change;
};

/* The domain id of a use on its unit. */
static uint16_t id_of(const struct iommu_use *use, const struct vtd_unit *unit)
{
	const struct iommu_place *place = iommu_place_find(use->domain, unit);

	return __atomic_load_n(&place->id, __ATOMIC_ACQUIRE);
}

/*
 * What has to be said for one use. Of a nested domain it is not known which of its addresses lead
 * to the ones that changed: all of it goes. Devices cannot go away while they are in use here.
 */
static bool add_use(void *ctx, const struct iommu_listing *listing)
{
	struct round *round = ctx;
	const struct iommu_use *use = listing->use;
	struct vtd_endpoint *endpoint = vtd_endpoint_using(use);
	const bool is_nested = &round->domain->common != use->domain;
	const struct iommu_change *change = round->change;
	const struct target target = {
		.caps = &endpoint->unit->caps,
		.first_stage = true,
		.domain_id = round->domain_id,
		.pasid = use->pasid,
	};
	unsigned int first;

	if (endpoint->unit != round->unit)
		return true;
	if (round->batch.count + USE_DESCRIPTORS_MAX > IOMMU_BATCH_MAX)
		return false;
	if (is_nested)
		vtd_batch_add(&round->batch,
			      vtd_descriptor_iotlb(VTD_GRANULARITY_DOMAIN, id_of(use, round->unit),
						   endpoint->unit->caps.drain));
	else if (use->pasid != 0 && round->domain->type != VTD_PASID_SECOND_STAGE)
		add_range(&round->batch, &target, change);
	if (!vtd_use_keeps(vtd_domain_of(&use->domain->base), endpoint) ||
	    !iommu_device_tlb_is_asked(&endpoint->tlb))
		return true;
	first = round->batch.count;
	iommu_vtd_batch_add_device(&round->batch, endpoint, use->pasid,
				   is_nested ? 0 : change->start,
				   is_nested ? 64 : iommu_range_order(change->start, change->last));
	iommu_batch_hold(&round->batch, first);
	return true;
}

/* Invalidate what has come together, and let go of the devices in it. */
static int end_round(struct round *round)
{
	const struct iommu_batch held = round->batch;
	int status = held.count != 0 ? iommu_vtd_invalidate(round->unit, &round->batch) : 0;

	iommu_batch_let_go(&held);
	round->batch.count = 0;
	return status;
}

/* --- One page --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_ONE_PAGE

struct page_change {
	const struct vtd_unit *unit;
	uint64_t address;
	bool leaves_only;
	uint16_t id;
	/* Whether to tell, and under which id, is seen at the last moment; or NULL. */
	const struct iommu_placed *domain;
	const struct iommu_place *place;
};

static bool make_page_command(const void *ctx, struct iommu_command *command)
{
	const struct page_change *page = ctx;
	uint16_t id = page->id;

	if (page->place != NULL &&
	    __builtin_expect(!iommu_placed_is_at(page->domain, page->place, &id), 0))
		return false;
	*command = vtd_command_of(vtd_descriptor_iotlb_pages(
		id, page->address, 0, page->leaves_only, page->unit->caps.drain));
	return true;
}

/* Of bytes, the page that they are on: hosts may name any range. */
static inline uint64_t page_of(const struct iommu_change *change)
{
	return change->start & ~(uint64_t)(IOMMU_PAGE_SIZE - 1);
}

/* Is the change on one page, which one command can name? */
static inline bool is_a_page(const struct vtd_unit *unit, const struct vtd_domain *domain,
			     const struct iommu_change *change)
{
	return (change->start ^ change->last) >> IOMMU_PAGE_SHIFT == 0 && unit->use_queue &&
	       unit->caps.page_selective &&
	       !(IOMMU_CONFIG_SCALABLE && domain->type != VTD_PASID_SECOND_STAGE);
}

/*
 * The usual case: one command, executed as a batch would be. IOMMU_EAGAIN: it is not so simple, or
 * the command was lost through no fault of its own.
 */
static int submit_page(struct vtd_unit *unit, const struct page_change *page)
{
	const uint32_t epoch = __atomic_load_n(&unit->state.epoch, __ATOMIC_SEQ_CST);
	uint16_t silent;
	int status;

	if (!iommu_unit_is_active(&unit->state))
		return IOMMU_EAGAIN;
	status = iommu_ring_submit_made(&unit->queue, make_page_command, page, &silent);
	if (__builtin_expect(status == 0 || status == IOMMU_EAGAIN, 1))
		return status;
	if (__atomic_load_n(&unit->state.epoch, __ATOMIC_SEQ_CST) != epoch)
		return IOMMU_EAGAIN;
	iommu_unit_note_failure(&unit->state);
	return status;
}

int iommu_vtd_invalidate_page(struct iommu_placed *domain, const struct iommu_place *place,
			      const struct iommu_change *change)
{
	struct vtd_unit *unit = place->at;
	const struct page_change page = {
		.unit = unit,
		.address = page_of(change),
		.leaves_only = change->leaves_only,
		.domain = domain,
		.place = place,
	};

	/* A first look: a unit that is not in use may be about to go. */
	if (!iommu_place_is_used(place) || !is_a_page(unit, vtd_domain_of(&domain->base), change))
		return IOMMU_EAGAIN;
	return submit_page(unit, &page);
}

/* One of several units, under this id. */
static int invalidate_page_under(struct vtd_unit *unit, const struct vtd_domain *domain,
				 uint16_t id, const struct iommu_change *change)
{
	const struct page_change page = {
		.unit = unit,
		.address = page_of(change),
		.leaves_only = change->leaves_only,
		.id = id,
	};

	return is_a_page(unit, domain, change) ? submit_page(unit, &page) : IOMMU_EAGAIN;
}

#else
#define invalidate_page_under(unit, domain, id, change) IOMMU_EAGAIN
#endif

/* --- Any range -------------------------------------------------------------------------------- */

/* No use has to be told by itself. A macro: what is left out is not missing when it links. */
#define is_told_at_once(domain)                                                                    \
	(!(IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE) ||                                    \
	 __atomic_load_n(&(domain)->common.special_uses, __ATOMIC_RELAXED) == 0)

int iommu_vtd_invalidate_range(struct vtd_unit *unit, struct vtd_domain *domain, uint16_t domain_id,
			       const struct iommu_change *change)
{
	const struct target target = {
		.caps = &unit->caps,
		.first_stage = IOMMU_CONFIG_SCALABLE && domain->type != VTD_PASID_SECOND_STAGE,
		.domain_id = domain_id,
	};
	struct round round;
	uint64_t number = 0;
	bool more = false;
	int status;

	/* What is traced is told as a batch, of which all is known. */
	if (!iommu_is_traced(&unit->base) && is_told_at_once(domain)) {
		status = invalidate_page_under(unit, domain, domain_id, change);
		if (status != IOMMU_EAGAIN)
			return status;
	}
	round.batch.count = 0;
	iommu_trace_batch(&round.batch, &domain->common.base, change->start,
			  change->last - change->start + 1);
	add_range(&round.batch, &target, change);
	if (is_told_at_once(domain))
		return iommu_vtd_invalidate(unit, &round.batch);
	round.unit = unit;
	round.domain = domain;
	round.domain_id = domain_id;
	round.change = change;
	do {
		more = iommu_uses_visit(&domain->common, &number, add_use, &round);
		status = end_round(&round);
	} while (more && status == 0);
	return status;
}
