/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation (RISC-V IOMMU specification 1.0.0, 3.1 "Command-Queue", and 6.2 "Guidelines for
 * updating in-memory data structures").
 *
 * Translations of a first stage of the host's are tagged with a process id (PSCID), those of a
 * second stage with a guest's (GSCID), and those of a guest's first stage with both. A command with
 * an address drops leaves alone; one page is the most that it names, unless the unit has ranges.
 * Larger ranges go as a whole: a large page needs one command in hardware, but emulators that keep
 * it as small ones drop one of those.
 */
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/trace.h"
#include "riscv/command.h"
#include "riscv/context.h"
#include "riscv/domain.h"
#include "riscv/endpoint.h"
#include "riscv/unit.h"
#include "unit/confirmation.h"
#include "unit/range.h"

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

/* Who a device is, in messages to it: a segment where its id has one. */
static struct riscv_command to_device(const struct riscv_endpoint *endpoint,
				      struct riscv_command command)
{
	const uint32_t id = endpoint->common.ids.ids[0];

	return id >> 16 != 0 ? riscv_command_to_segment(command, id >> 16) : command;
}

void iommu_riscv_batch_add_device(struct iommu_batch *batch, struct riscv_endpoint *endpoint,
				  uint32_t pasid, uint64_t address, unsigned int order)
{
	const struct riscv_command command =
		to_device(endpoint, riscv_command_ats_inval((uint16_t)endpoint->common.ids.ids[0],
							    address, order));

	if (pasid == 0)
		iommu_batch_add(batch, riscv_command_words(command), &endpoint->common.tlb);
	/* Process 0 is that of requests without a PASID. */
	if (pasid != 0 || iommu_device_tlb_is_tagged(&endpoint->common.tlb))
		iommu_batch_add(batch,
				riscv_command_words(riscv_command_with_pasid(command, pasid)),
				&endpoint->common.tlb);
}

void iommu_riscv_batch_add_all_pasids(struct iommu_batch *batch, struct riscv_endpoint *endpoint)
{
	struct riscv_command command = riscv_command_with_pasid(
		to_device(endpoint,
			  riscv_command_ats_inval((uint16_t)endpoint->common.ids.ids[0], 0, 64)),
		0);

	command.high |= RISCV_ATS_INVAL_GLOBAL;
	iommu_batch_add(batch, riscv_command_words(command), &endpoint->common.tlb);
}

#if IOMMU_CONFIG_DEVICE_TLB
/* Its context goes, and is forgotten in place of its TLB's. */
static struct iommu_command block(struct iommu_unit_state *unit, struct iommu_device_tlb *device)
{
	struct riscv_endpoint *endpoint =
		iommu_container_of((uintptr_t)device, struct riscv_endpoint, common.tlb);

	(void)unit;
	if (!iommu_device_tlb_is_lost(device))
		riscv_log(riscv_unit_behind(endpoint), IOMMU_LOG_ERROR,
			  "a device does not invalidate its TLB: it is blocked until it is reset");
	iommu_riscv_context_block(endpoint);
	return riscv_command_words(riscv_command_inval_directories());
}
#endif

/* --- What commands do ------------------------------------------------------------------------- */

#if IOMMU_CONFIG_TRACE

/* What a command invalidates: enum iommu_trace_kind, or 0. */
static unsigned int kind_of(struct iommu_command words)
{
	const struct riscv_command command = riscv_command_of(words.low, words.high);

	switch (riscv_command_kind(command)) {
	case RISCV_INVAL_DDT:
	case RISCV_INVAL_PDT:
		return IOMMU_TRACE_CONTEXT;
	case RISCV_IOTINVAL_VMA:
	case RISCV_IOTINVAL_GVMA:
		if ((command.low & RISCV_IOTINVAL_AV) != 0)
			return IOMMU_TRACE_PAGES;
		return (command.low & (RISCV_IOTINVAL_GV | RISCV_IOTINVAL_PSCV)) != 0
			       ? IOMMU_TRACE_DOMAIN
			       : IOMMU_TRACE_ALL;
	case RISCV_ATS_INVAL:
		return IOMMU_TRACE_DEVICE_TLB;
	case RISCV_IOFENCE_C:
	case RISCV_ATS_PRGR:
	default:
		return 0;
	}
}

static const struct iommu_batch_tracing tracing = {iommu_driven_give, kind_of};

#endif

/* Directories lead to translations. */
static unsigned int cache_of(struct iommu_command words)
{
	const enum riscv_command_kind kind =
		riscv_command_kind(riscv_command_of(words.low, words.high));

	return kind == RISCV_INVAL_DDT || kind == RISCV_INVAL_PDT ? 0 : 1;
}

static const struct iommu_batch_ops batch_ops = {
	.cache_of = cache_of,
	.submit = iommu_driven_submit,
#if IOMMU_CONFIG_DEVICE_TLB
	.block = block,
#endif
};

/* What is cached of guests' first stages has no command for all of them. */
static int forget_guests(struct iommu_driven_unit *common, bool while_off)
{
	struct riscv_unit *unit = riscv_of(common);
	struct iommu_batch batch = {.count = 0};
	uint32_t id;
	int status = 0;

	if (!__atomic_load_n(&unit->has_nested, __ATOMIC_ACQUIRE))
		return 0;
	for (id = 0; id < unit->guests.count && status == 0; id++) {
		const uint64_t taken = iommu_ids_taken_in(&unit->guests, id / 64);

		if (taken == 0)
			id |= 63;
		if ((taken >> id % 64 & 1) == 0)
			continue;
		riscv_batch_add(&batch, riscv_command_of_guest(riscv_command_vma(), (uint16_t)id));
		if (iommu_batch_has_room(&batch))
			continue;
		status = iommu_batch_execute(&common->state, &batch_ops, &batch, while_off);
		batch.count = 0;
	}
	return status == 0 && batch.count != 0
		       ? iommu_batch_execute(&common->state, &batch_ops, &batch, while_off)
		       : status;
}

static void add_everything(const struct iommu_driven_unit *unit, struct iommu_batch *batch)
{
	(void)unit;
	riscv_batch_add(batch, riscv_command_inval_directories());
	riscv_batch_add(batch, riscv_command_vma());
	riscv_batch_add(batch, riscv_command_gvma());
}

static int hold_queue(struct iommu_driven_unit *unit)
{
	return iommu_riscv_queue_hold(riscv_of(unit));
}

const struct iommu_driver_invalidation iommu_riscv_invalidation = {
	.batch = &batch_ops,
#if IOMMU_CONFIG_TRACE
	.tracing = &tracing,
#endif
	.add_everything = add_everything,
	.forget_rest = forget_guests,
	.hold_queue = hold_queue,
};

/* --- Ranges ----------------------------------------------------------------------------------- */

/* Everything under the ids of a domain: of a first stage of the host's, or of a guest. */
static struct riscv_command everything_of(const struct riscv_domain *domain, uint16_t id)
{
	return domain->type == RISCV_SECOND_STAGE
		       ? riscv_command_of_guest(riscv_command_gvma(), id)
		       : riscv_command_of_process(riscv_command_vma(), id);
}

static void add_range(struct iommu_batch *batch, const struct riscv_unit *unit,
		      struct riscv_command everything, const struct iommu_change *change)
{
	const unsigned int largest = riscv_has(unit, RISCV_CAP_S) ? 51 : 0;
	struct iommu_block blocks[IOMMU_BLOCKS_MAX];
	unsigned int count = 0;
	unsigned int i;

	if (change->leaves_only || riscv_has(unit, RISCV_CAP_NL))
		count = iommu_range_blocks(change->start, change->last, largest, blocks);
	for (i = 0; i < count; i++) {
		struct riscv_command command =
			riscv_command_range(everything, blocks[i].address, blocks[i].order);

		riscv_batch_add(batch,
				change->leaves_only ? command : riscv_command_with_tables(command));
	}
	if (count == 0)
		riscv_batch_add(batch, everything);
}

/* --- Those that have to be told one by one ---------------------------------------------------- */

/* The most commands of one use. */
#define USE_COMMANDS_MAX 4

/* Has a guest changed more than entries of its tables: a directory of processes, or a root? */
static bool is_of_guests_directory(const struct riscv_domain *domain,
				   const struct iommu_change *change)
{
	return domain->type == RISCV_NESTED && !change->leaves_only;
}

/* May a device keep translations of PASIDs of a guest's by this domain? */
static bool keeps_guest_pasids(const struct riscv_endpoint *endpoint,
			       const struct iommu_placed *domain)
{
	const struct riscv_domain *own = riscv_domain_of(&domain->base);

	return own->type == RISCV_NESTED && (own->foreign_tc & RISCV_TC_PDTV) != 0 &&
	       riscv_endpoint_has_pasids(endpoint) &&
	       endpoint->common.base->info.tlb_global_invalidate;
}

/*
 * What has to be said for one use. Of a nested domain it is not known which of its addresses lead
 * to the ones that changed; and what the unit keeps of a directory may be of a guest's, whose
 * addresses are translated, too. Nor is it known which PASIDs a guest uses.
 */
static bool add_use(void *ctx, const struct iommu_listing *listing)
{
	struct iommu_driven_round *round = ctx;
	const struct iommu_use *use = listing->use;
	struct riscv_endpoint *endpoint = riscv_endpoint_using(use);
	const struct riscv_domain *domain = riscv_domain_of(&round->domain->base);
	const bool is_nested = round->domain != use->domain;
	const struct iommu_change *change = round->change;
	unsigned int first;

	if (endpoint->common.unit != round->unit)
		return true;
	if (round->batch.count + USE_COMMANDS_MAX > IOMMU_BATCH_MAX)
		return false;
	if (is_nested || is_of_guests_directory(domain, change))
		riscv_batch_add(&round->batch,
				endpoint->common.ids.count == 1
					? riscv_command_inval_device(endpoint->common.ids.ids[0])
					: riscv_command_inval_directories());
	if (!endpoint->common.device_tlb || !iommu_device_tlb_is_asked(&endpoint->common.tlb))
		return true;
	first = round->batch.count;
	iommu_riscv_batch_add_device(
		&round->batch, endpoint, use->pasid, is_nested ? 0 : change->start,
		is_nested ? 64 : iommu_range_order(change->start, change->last));
	if (keeps_guest_pasids(endpoint, use->domain))
		iommu_riscv_batch_add_all_pasids(&round->batch, endpoint);
	iommu_batch_hold(&round->batch, first);
	return true;
}

static bool is_parent_in_use(const struct riscv_domain *domain)
{
	return domain->type == RISCV_SECOND_STAGE && domain->common.base.nest_parent &&
	       !IOMMU_IS_TOLD_AT_ONCE(&domain->common);
}

/* A guest's own first stage: everything below its second stage's id. */
static struct riscv_command everything_of_guest(const struct riscv_domain *domain,
						const struct riscv_unit *unit)
{
	const struct iommu_place *place = iommu_place_find(domain->common.parent, unit);

	return riscv_command_of_guest(riscv_command_vma(),
				      __atomic_load_n(&place->id, __ATOMIC_ACQUIRE));
}

/* What is not valid is never cached: only emulators are told. */
static int tell_of_map(const struct riscv_domain *domain, struct riscv_unit *unit, uint16_t id,
		       const struct iommu_change *change)
{
	const struct iommu_change leaves = {
		.start = change->start, .last = change->last, .leaves_only = true};
	struct iommu_batch batch = {.count = 0};

	if (!riscv_tells_valid(unit))
		return 0;
	iommu_trace_batch(&batch, &domain->common.base, change->start,
			  change->last - change->start + 1);
	add_range(&batch, unit, everything_of(domain, id), &leaves);
	return iommu_driven_invalidate_by(&unit->common, &batch_ops, &batch);
}

int iommu_riscv_tell_place(struct iommu_placed *common, const struct iommu_place *place,
			   uint16_t id, const struct iommu_change *change)
{
	struct riscv_domain *domain = riscv_domain_of(&common->base);
	struct riscv_unit *unit = place->at;
	struct iommu_driven_round round;

	if (change->is_map)
		return tell_of_map(domain, unit, id, change);
	round.batch.count = 0;
	iommu_trace_batch(&round.batch, &domain->common.base, change->start,
			  change->last - change->start + 1);
	if (domain->type == RISCV_NESTED)
		riscv_batch_add(&round.batch, everything_of_guest(domain, unit));
	else if (is_parent_in_use(domain))
		riscv_batch_add(&round.batch, everything_of(domain, id));
	else
		add_range(&round.batch, unit, everything_of(domain, id), change);
	if (IOMMU_IS_TOLD_AT_ONCE(&domain->common) &&
	    !(IOMMU_CONFIG_SCALABLE && is_of_guests_directory(domain, change)))
		return iommu_driven_invalidate_by(&unit->common, &batch_ops, &round.batch);
	round.unit = &unit->common;
	round.domain = common;
	round.change = change;
	return iommu_driven_tell_uses(&round, add_use);
}

/* --- One page --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_ONE_PAGE

static bool make_page_command(const void *ctx, struct iommu_command *command)
{
	const struct iommu_driven_page *page = ctx;
	uint16_t id;

	if (__builtin_expect(!iommu_placed_is_at(page->domain, page->place, &id), 0))
		return false;
	*command = riscv_command_words(riscv_command_at(
		everything_of(riscv_domain_of(&page->domain->base), id), page->address));
	return true;
}

int iommu_riscv_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			  const struct iommu_change *change)
{
	return riscv_domain_of(&domain->base)->type != RISCV_NESTED
		       ? iommu_driven_tell_page(domain, place, change, IOMMU_PAGE_SHIFT,
						make_page_command)
		       : IOMMU_EAGAIN;
}

#endif
