/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation (IHI 0070, 4.3 to 4.5, 3.17 "TLB tagging, VMIDs, ASIDs and participation in
 * broadcast TLB maintenance", 3.9 on ATS).
 *
 * Translations of a stage 1 of the host's are tagged with an ASID, and with VMID 0; those of a
 * stage 2 with a VMID from 1 on, and those of a guest's stage 1 with that and an ASID of the
 * guest's. A command with an address drops one entry, of whatever size, or a range, where the unit
 * has ranges (IDR3.RIL). What a device keeps goes after what the unit keeps, of which that is
 * confirmed: otherwise the device may be given it again.
 */
#include <libiommu/aarch64.h>
#include <libiommu/backend/ops.h>
#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/bits.h"
#include "base/trace.h"
#include "smmu/command.h"
#include "smmu/context.h"
#include "smmu/domain.h"
#include "smmu/endpoint.h"
#include "smmu/unit.h"
#include "unit/confirmation.h"
#include "unit/range.h"

/* --- What batches are made of ----------------------------------------------------------------- */

static struct smmu_command forget_streams(const struct smmu_endpoint *endpoint)
{
	/* Of one id itself; of several everything, which is no more commands. */
	return endpoint->streams.count == 1 ? smmu_cfgi_ste(endpoint->streams.ids[0], false)
					    : smmu_cfgi_all();
}

void iommu_smmu_batch_add_streams(struct iommu_batch *batch, const struct smmu_endpoint *endpoint)
{
	smmu_batch_add(batch, forget_streams(endpoint));
}

void iommu_smmu_batch_add_device(struct iommu_batch *batch, struct smmu_endpoint *endpoint,
				 uint32_t pasid, uint64_t address, unsigned int order)
{
	struct smmu_command command = smmu_atc_inv(endpoint->streams.ids[0], address, order);

	if (pasid != 0)
		command = smmu_command_with_ssid(command, pasid);
	iommu_batch_add(batch, smmu_command_words(command), &endpoint->tlb);
}

#if IOMMU_CONFIG_DEVICE_TLB
/* Its entry goes, and is forgotten in place of its TLB's. */
static struct iommu_command block(struct iommu_unit_state *unit, struct iommu_device_tlb *device)
{
	struct smmu_endpoint *endpoint =
		iommu_container_of((uintptr_t)device, struct smmu_endpoint, tlb);

	(void)unit;
	if (!iommu_device_tlb_is_lost(device))
		smmu_log(endpoint->unit, IOMMU_LOG_ERROR,
			 "a device does not invalidate its TLB: it is blocked until it is reset");
	iommu_smmu_stream_block(endpoint);
	return smmu_command_words(forget_streams(endpoint));
}
#endif

/* --- Execution -------------------------------------------------------------------------------- */

static inline struct smmu_unit *unit_of(struct iommu_unit_state *state)
{
	return iommu_container_of((uintptr_t)state, struct smmu_unit, common.state);
}

static int give(struct iommu_unit_state *state, const struct iommu_batch *batch, uint16_t *silent)
{
	struct smmu_unit *unit = unit_of(state);

	return iommu_ring_submit(&unit->common.queue, batch->commands, batch->count,
				 batch->barriers, silent);
}

#if IOMMU_CONFIG_TRACE

/* What a command invalidates: enum iommu_trace_kind, or 0. */
static unsigned int kind_of(struct iommu_command words)
{
	const struct smmu_command command = smmu_command_of(words.low, words.high);

	switch (smmu_command_opcode(&command)) {
	case SMMU_CFGI_STE:
	case SMMU_CFGI_STE_RANGE:
	case SMMU_CFGI_CD:
	case SMMU_CFGI_CD_ALL:
		return IOMMU_TRACE_CONTEXT;
	case SMMU_TLBI_NH_VA:
	case SMMU_TLBI_S2_IPA:
		return IOMMU_TRACE_PAGES;
	case SMMU_TLBI_NH_ALL:
	case SMMU_TLBI_NH_ASID:
	case SMMU_TLBI_S12_VMALL:
		return IOMMU_TRACE_DOMAIN;
	case SMMU_TLBI_EL2_ALL:
	case SMMU_TLBI_NSNH_ALL:
		return IOMMU_TRACE_ALL;
	case SMMU_ATC_INV:
		return IOMMU_TRACE_DEVICE_TLB;
	default:
		return 0;
	}
}

static const struct iommu_batch_tracing tracing = {give, kind_of};

#endif

static int submit(struct iommu_unit_state *state, const struct iommu_batch *batch, uint16_t *silent)
{
#if IOMMU_CONFIG_TRACE
	if (iommu_is_traced(&unit_of(state)->common.base))
		return iommu_batch_give_traced(&unit_of(state)->common.base, state, batch, silent,
					       &tracing);
#endif
	return give(state, batch, silent);
}

/* Configurations lead to translations. */
static unsigned int cache_of(struct iommu_command words)
{
	const struct smmu_command command = smmu_command_of(words.low, words.high);
	const unsigned int opcode = smmu_command_opcode(&command);

	return opcode >= SMMU_CFGI_STE && opcode <= SMMU_CFGI_CD_ALL ? 0 : 1;
}

static const struct iommu_batch_ops batch_ops = {
	.cache_of = cache_of,
	.submit = submit,
#if IOMMU_CONFIG_DEVICE_TLB
	.block = block,
#endif
};

/* While the unit is off there is nothing to confirm, unless the caller is about to turn it on. */
static int execute_in(struct smmu_unit *unit, struct iommu_batch *batch, bool while_off)
{
	return iommu_batch_execute(&unit->common.state, &batch_ops, batch, while_off);
}

/* Configurations first: otherwise they might bring translations back. */
static int forget_all(struct smmu_unit *unit, bool while_off)
{
	const uint32_t failures = iommu_confirmation_begin(&unit->common.state.confirmation);
	struct iommu_batch everything = {.count = 0};
	int status;

	smmu_batch_add(&everything, smmu_cfgi_all());
	if (smmu_has0(unit, SMMU_IDR0_HYP))
		smmu_batch_add(&everything, smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0));
	smmu_batch_add(&everything, smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
	status = execute_in(unit, &everything, while_off);
	if (status == 0)
		iommu_confirmation_end(&unit->common.state.confirmation, failures);
	return status;
}

int iommu_smmu_invalidate_all(struct smmu_unit *unit)
{
	return forget_all(unit, false);
}

int iommu_smmu_start_afresh(struct smmu_unit *unit)
{
	return forget_all(unit, true);
}

int iommu_smmu_invalidate(struct smmu_unit *unit, struct iommu_batch *batch)
{
	if (iommu_unit_has_failed(&unit->common.state)) {
		const int status = iommu_smmu_invalidate_all(unit);

		/* The TLBs of devices are not part of it. */
		if (status != 0 || !iommu_batch_has_devices(batch))
			return status;
	}
	return execute_in(unit, batch, false);
}

int iommu_smmu_tell(struct smmu_unit *unit, struct iommu_batch *batch)
{
	return execute_in(unit, batch, false);
}

int iommu_smmu_tell_once(struct smmu_unit *unit, const struct iommu_batch *batch)
{
	uint16_t silent;
	int status;

	if (!iommu_unit_is_active(&unit->common.state))
		return IOMMU_EIO;
	status = submit(&unit->common.state, batch, &silent);
	/* A completion that stopped at a silent device: what is before it was executed. */
	if (status == 0 || status == IOMMU_EAGAIN)
		return 0;
	iommu_unit_note_failure(&unit->common.state);
	return status;
}

/* --- Confirmation ----------------------------------------------------------------------------- */

/*
 * What devices keep: any of them may have been asked in vain. It is settled before it is done,
 * because entries are written for it, which begins with a confirmation; only the control path
 * looks.
 */
static int confirm_device_tlbs(struct smmu_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	iommu_confirmation_end(&unit->common.state.device_tlbs,
			       iommu_confirmation_begin(&unit->common.state.device_tlbs));
	while (status == 0 && (endpoint = iommu_unit_next_id(&unit->common.base, endpoint)) != NULL)
		status = iommu_smmu_tlb_confirm(smmu_endpoint_of(endpoint));
	if (status != 0)
		iommu_confirmation_fail(&unit->common.state.device_tlbs);
	return status;
}

/*
 * Transactions of which some are stalled since they could not be ended: which ones is not known any
 * more, and all of each device are. It is settled before it is done: what fails now is open anew.
 */
static int end_stalled(struct smmu_unit *unit)
{
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	if (!__atomic_exchange_n(&unit->has_stalled, 0, __ATOMIC_ACQ_REL))
		return 0;
	while (status == 0 &&
	       (endpoint = iommu_unit_next_id(&unit->common.base, endpoint)) != NULL) {
		const struct iommu_device_ids *streams = &smmu_endpoint_of(endpoint)->streams;
		unsigned int i;

		for (i = 0; i < streams->count && status == 0; i++) {
			struct iommu_batch batch = {.count = 0};

			smmu_batch_add(&batch, smmu_stall_term(streams->ids[i]));
			status = iommu_smmu_tell_once(unit, &batch);
		}
	}
	if (status != 0)
		__atomic_store_n(&unit->has_stalled, 1, __ATOMIC_RELEASE);
	return status;
}

int iommu_smmu_confirm(struct smmu_unit *unit)
{
	int status = 0;

	if (iommu_unit_is_suspect(&unit->common.state)) {
		/* What was reset meanwhile answers, and translates nothing. */
		if (iommu_unit_is_to_translate(&unit->common.base) && !iommu_smmu_translates(unit))
			return IOMMU_EIO;
		status = iommu_smmu_queue_hold(unit);
		if (status == 0)
			status = iommu_smmu_invalidate_all(unit);
	}
	if (IOMMU_CONFIG_DEVICE_TLB && status == 0 && iommu_unit_is_active(&unit->common.state) &&
	    iommu_confirmation_is_open(&unit->common.state.device_tlbs))
		status = confirm_device_tlbs(unit);
	if (status == 0 && unit->common.is_undrained)
		status = iommu_smmu_requests_drain(unit);
	return status == 0 ? end_stalled(unit) : status;
}

int iommu_smmu_confirm_driven(struct iommu_driven_unit *unit)
{
	return iommu_smmu_confirm(smmu_of(unit));
}

/* --- Ranges ----------------------------------------------------------------------------------- */

static bool is_second(const struct smmu_domain *domain)
{
	return domain->type == SMMU_SECOND_STAGE;
}

/* Everything under the id of a domain of the host's. */
static struct smmu_command everything_of(const struct smmu_domain *domain, uint16_t id)
{
	return is_second(domain) ? smmu_tlbi(SMMU_TLBI_S12_VMALL, id, 0)
				 : smmu_tlbi(SMMU_TLBI_NH_ASID, 0, id);
}

static struct smmu_command entry_at(const struct smmu_domain *domain, uint16_t id, uint64_t address,
				    bool leaf)
{
	return smmu_tlbi_at(is_second(domain) ? smmu_tlbi(SMMU_TLBI_S2_IPA, id, 0)
					      : smmu_tlbi(SMMU_TLBI_NH_VA, 0, id),
			    address, leaf);
}

/*
 * The smallest range of a command that has so many pages: the number of blocks is cut to 5 bits,
 * and the last one may be too large.
 */
static struct smmu_command with_range(struct smmu_command command, unsigned int shift,
				      uint64_t pages)
{
	const unsigned int bits = iommu_highest_bit(pages - 1) + 1;
	const unsigned int scale = bits > 5 ? bits - 5 : 0;

	return smmu_tlbi_range(command,
			       shift == 12   ? SMMU_TLBI_4K
			       : shift == 14 ? SMMU_TLBI_16K
					     : SMMU_TLBI_64K,
			       (unsigned int)((pages - 1) >> scale), scale, 0);
}

/* Single entries that are told before everything is cheaper. */
#define SINGLES_MAX 4

static void add_range(struct iommu_batch *batch, const struct smmu_unit *unit,
		      const struct smmu_domain *domain, uint16_t id,
		      const struct iommu_change *change)
{
	const unsigned int shift = iommu_vmsa_granule_shift(&domain->common.pgtable);
	const uint64_t start = change->start >> shift << shift;
	const uint64_t pages = ((change->last - start) >> shift) + 1;
	uint64_t i;

	if (pages > 1 && pages <= 1ULL << SMMU_TLBI_PAGES_MAX_LOG2 &&
	    smmu_has3(unit, SMMU_IDR3_RIL)) {
		smmu_batch_add(batch, with_range(entry_at(domain, id, start, change->leaves_only),
						 shift, pages));
		return;
	}
	if (pages > SINGLES_MAX) {
		smmu_batch_add(batch, everything_of(domain, id));
		return;
	}
	for (i = 0; i < pages; i++)
		smmu_batch_add(batch,
			       entry_at(domain, id, start + (i << shift), change->leaves_only));
}

/* --- Those that have to be told one by one ---------------------------------------------------- */

/* One round over the uses of a domain. */
struct round {
	struct iommu_batch batch;
	struct smmu_unit *unit;
	const struct smmu_domain *domain;
	const struct iommu_change *change;
};

/*
 * What a nested domain has of the one that changed is not known: its contexts lie in that, too, and
 * so does what a guest says of its own.
 */
static bool add_entries(void *ctx, const struct iommu_listing *listing)
{
	struct round *round = ctx;
	const struct smmu_endpoint *endpoint = smmu_endpoint_using(listing->use);

	if (endpoint->unit != round->unit || listing->use->domain->parent == NULL)
		return true;
	if (!iommu_batch_has_room(&round->batch))
		return false;
	iommu_smmu_batch_add_streams(&round->batch, endpoint);
	return true;
}

/* Of a nested domain it is not known which of its addresses lead to the ones that changed. */
static bool add_device(void *ctx, const struct iommu_listing *listing)
{
	struct round *round = ctx;
	const struct iommu_use *use = listing->use;
	struct smmu_endpoint *endpoint = smmu_endpoint_using(use);
	const struct iommu_change *change = round->change;
	const bool is_all = use->domain->parent != NULL;

	if (endpoint->unit != round->unit || !endpoint->device_tlb ||
	    !iommu_device_tlb_is_asked(&endpoint->tlb))
		return true;
	if (!iommu_batch_has_room(&round->batch))
		return false;
	iommu_smmu_batch_add_device(&round->batch, endpoint, use->pasid, is_all ? 0 : change->start,
				    is_all ? 64 : iommu_range_order(change->start, change->last));
	iommu_batch_hold(&round->batch, round->batch.count - 1);
	return true;
}

/* Invalidate what has come together, and let go of the devices in it. */
static int end_round(struct round *round)
{
	const struct iommu_batch held = round->batch;
	int status = held.count != 0 ? iommu_smmu_invalidate(round->unit, &round->batch) : 0;

	iommu_batch_let_go(&held);
	round->batch.count = 0;
	return status;
}

/* What is in the batch so far, and what each use adds. */
static int tell_uses(struct round *round,
		     bool (*add)(void *ctx, const struct iommu_listing *listing))
{
	struct smmu_domain *domain = smmu_domain_of(&round->domain->common.base);
	uint64_t number = 0;
	bool more;
	int status;

	do {
		more = iommu_uses_visit(&domain->common, &number, add, round);
		status = end_round(round);
	} while (more && status == 0);
	return status;
}

/* No use has to be told by itself. A macro: what is left out is not missing when it links. */
#define is_told_at_once(domain)                                                                    \
	(!(IOMMU_CONFIG_DEVICE_TLB || IOMMU_CONFIG_SCALABLE) ||                                    \
	 __atomic_load_n(&(domain)->common.special_uses, __ATOMIC_RELAXED) == 0)

/* Has a guest changed more than its tables: contexts, or everything? */
static bool is_of_guests_contexts(const struct smmu_domain *domain,
				  const struct iommu_change *change)
{
	return domain->type == SMMU_NESTED && !change->leaves_only;
}

/* A guest's own stage 1: everything below its VMID. */
static struct smmu_command everything_of_guest(const struct smmu_domain *domain,
					       const struct smmu_unit *unit)
{
	const struct iommu_place *place = iommu_place_find(domain->common.parent, unit);

	return smmu_tlbi(SMMU_TLBI_NH_ALL, __atomic_load_n(&place->id, __ATOMIC_ACQUIRE), 0);
}

int iommu_smmu_tell_place(struct iommu_placed *common, const struct iommu_place *place, uint16_t id,
			  const struct iommu_change *change)
{
	struct smmu_domain *domain = smmu_domain_of(&common->base);
	struct smmu_unit *unit = place->at;
	struct round round;
	int status = 0;

	/* Entries of tables that are not valid are never cached. */
	if (change->is_map)
		return 0;
	round.unit = unit;
	round.domain = domain;
	round.change = change;
	round.batch.count = 0;
	iommu_trace_batch(&round.batch, &domain->common.base, change->start,
			  change->last - change->start + 1);
	if (domain->type == SMMU_NESTED)
		smmu_batch_add(&round.batch, everything_of_guest(domain, unit));
	else if (domain->nest_parent && !is_told_at_once(domain))
		smmu_batch_add(&round.batch, everything_of(domain, id));
	else
		add_range(&round.batch, unit, domain, id, change);
	if (is_told_at_once(domain) &&
	    !(IOMMU_CONFIG_SCALABLE && is_of_guests_contexts(domain, change)))
		return iommu_smmu_invalidate(unit, &round.batch);
	/* Entries and contexts that hardware reads through what has changed, and then devices. */
	if (domain->nest_parent || is_of_guests_contexts(domain, change))
		status = tell_uses(&round, add_entries);
	return status == 0 ? tell_uses(&round, add_device) : status;
}

int iommu_smmu_tell_all(const struct iommu_place *place)
{
	return iommu_smmu_invalidate_all(place->at);
}

/* --- One page --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_ONE_PAGE

struct page_change {
	uint64_t address;
	/* Whether to tell, and under which id, is seen at the last moment. */
	const struct iommu_placed *domain;
	const struct iommu_place *place;
};

static bool make_page_command(const void *ctx, struct iommu_command *command)
{
	const struct page_change *page = ctx;
	uint16_t id;

	if (__builtin_expect(!iommu_placed_is_at(page->domain, page->place, &id), 0))
		return false;
	*command = smmu_command_words(
		entry_at(smmu_domain_of(&page->domain->base), id, page->address, true));
	return true;
}

int iommu_smmu_tell_page(struct iommu_placed *domain, const struct iommu_place *place,
			 const struct iommu_change *change)
{
	struct smmu_unit *unit = place->at;
	const unsigned int shift = iommu_vmsa_granule_shift(&domain->pgtable);
	const uint32_t epoch = __atomic_load_n(&unit->common.state.epoch, __ATOMIC_SEQ_CST);
	const struct page_change page = {
		.address = change->start,
		.domain = domain,
		.place = place,
	};
	uint16_t silent;
	int status;

	/* A first look: a unit that is not in use may be about to go. Not all is simple. */
	if (!iommu_place_is_used(place) || !iommu_unit_is_active(&unit->common.state) ||
	    (change->start ^ change->last) >> shift != 0)
		return IOMMU_EAGAIN;
	status = iommu_ring_submit_made(&unit->common.queue, make_page_command, &page, &silent);
	if (__builtin_expect(status == 0 || status == IOMMU_EAGAIN, 1))
		return status;
	if (__atomic_load_n(&unit->common.state.epoch, __ATOMIC_SEQ_CST) != epoch)
		return IOMMU_EAGAIN;
	iommu_unit_note_failure(&unit->common.state);
	return status;
}

#endif
