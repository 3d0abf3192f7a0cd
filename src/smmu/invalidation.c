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
#include "smmu/domain.h"
#include "smmu/endpoint.h"
#include "smmu/stream.h"
#include "smmu/unit.h"
#include "unit/confirmation.h"
#include "unit/range.h"

/* --- What batches are made of ----------------------------------------------------------------- */

static struct smmu_command forget_streams(const struct smmu_endpoint *endpoint)
{
	/* Of one id itself; of several everything, which is no more commands. */
	return endpoint->common.ids.count == 1 ? smmu_cfgi_ste(endpoint->common.ids.ids[0], false)
					       : smmu_cfgi_all();
}

void iommu_smmu_batch_add_streams(struct iommu_batch *batch, const struct smmu_endpoint *endpoint)
{
	smmu_batch_add(batch, forget_streams(endpoint));
}

void iommu_smmu_batch_add_device(struct iommu_batch *batch, struct smmu_endpoint *endpoint,
				 uint32_t pasid, uint64_t address, unsigned int order)
{
	struct smmu_command command = smmu_atc_inv(endpoint->common.ids.ids[0], address, order);

	if (pasid != 0)
		command = smmu_command_with_ssid(command, pasid);
	iommu_batch_add(batch, smmu_command_words(command), &endpoint->common.tlb);
}

#if IOMMU_CONFIG_DEVICE_TLB
/* Its entry goes, and is forgotten in place of its TLB's. */
static struct iommu_command block(struct iommu_unit_state *unit, struct iommu_device_tlb *device)
{
	struct smmu_endpoint *endpoint =
		iommu_container_of((uintptr_t)device, struct smmu_endpoint, common.tlb);

	(void)unit;
	if (!iommu_device_tlb_is_lost(device))
		smmu_log(smmu_unit_behind(endpoint), IOMMU_LOG_ERROR,
			 "a device does not invalidate its TLB: it is blocked until it is reset");
	iommu_smmu_stream_block(endpoint);
	return smmu_command_words(forget_streams(endpoint));
}
#endif

/* --- What commands do ------------------------------------------------------------------------- */

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

static const struct iommu_batch_tracing tracing = {iommu_driven_give, kind_of};

#endif

/* Configurations lead to translations. */
static unsigned int cache_of(struct iommu_command words)
{
	const struct smmu_command command = smmu_command_of(words.low, words.high);
	const unsigned int opcode = smmu_command_opcode(&command);

	return opcode >= SMMU_CFGI_STE && opcode <= SMMU_CFGI_CD_ALL ? 0 : 1;
}

static const struct iommu_batch_ops batch_ops = {
	.cache_of = cache_of,
	.submit = iommu_driven_submit,
#if IOMMU_CONFIG_DEVICE_TLB
	.block = block,
#endif
};

/*
 * Transactions of which some are stalled since they could not be ended: which ones is not known any
 * more, and all of each device are. It is settled before it is done: what fails now is open anew.
 */
static int end_stalled(struct iommu_driven_unit *common)
{
	struct smmu_unit *unit = smmu_of(common);
	struct iommu_endpoint *endpoint = NULL;
	int status = 0;

	if (!__atomic_exchange_n(&unit->has_stalled, 0, __ATOMIC_ACQ_REL))
		return 0;
	while (status == 0 && (endpoint = iommu_unit_next_id(&common->base, endpoint)) != NULL) {
		const struct iommu_device_ids *streams = &iommu_driven_endpoint_of(endpoint)->ids;
		unsigned int i;

		for (i = 0; i < streams->count && status == 0; i++) {
			struct iommu_batch batch = {.count = 0};

			smmu_batch_add(&batch, smmu_stall_term(streams->ids[i]));
			status = iommu_driven_tell_once(common, &batch);
		}
	}
	if (status != 0)
		__atomic_store_n(&unit->has_stalled, 1, __ATOMIC_RELEASE);
	return status;
}

/* Configurations first: otherwise they might bring translations back. */
static void add_everything(const struct iommu_driven_unit *unit, struct iommu_batch *batch)
{
	smmu_batch_add(batch, smmu_cfgi_all());
	if (smmu_has0(smmu_of(unit), SMMU_IDR0_HYP))
		smmu_batch_add(batch, smmu_tlbi(SMMU_TLBI_EL2_ALL, 0, 0));
	smmu_batch_add(batch, smmu_tlbi(SMMU_TLBI_NSNH_ALL, 0, 0));
}

static int hold_queue(struct iommu_driven_unit *unit)
{
	return iommu_smmu_queue_hold(smmu_of(unit));
}

const struct iommu_driver_invalidation iommu_smmu_invalidation = {
	.batch = &batch_ops,
#if IOMMU_CONFIG_TRACE
	.tracing = &tracing,
#endif
	.add_everything = add_everything,
	.hold_queue = hold_queue,
	.confirm_rest = end_stalled,
};

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

/*
 * What a nested domain has of the one that changed is not known: its contexts lie in that, too, and
 * so does what a guest says of its own.
 */
static bool add_entries(void *ctx, const struct iommu_listing *listing)
{
	struct iommu_driven_round *round = ctx;
	const struct smmu_endpoint *endpoint = smmu_endpoint_using(listing->use);

	if (endpoint->common.unit != round->unit || listing->use->domain->parent == NULL)
		return true;
	if (!iommu_batch_has_room(&round->batch))
		return false;
	iommu_smmu_batch_add_streams(&round->batch, endpoint);
	return true;
}

/* Of a nested domain it is not known which of its addresses lead to the ones that changed. */
static bool add_device(void *ctx, const struct iommu_listing *listing)
{
	struct iommu_driven_round *round = ctx;
	const struct iommu_use *use = listing->use;
	struct smmu_endpoint *endpoint = smmu_endpoint_using(use);
	const struct iommu_change *change = round->change;
	const bool is_all = use->domain->parent != NULL;

	if (endpoint->common.unit != round->unit || !endpoint->common.device_tlb ||
	    !iommu_device_tlb_is_asked(&endpoint->common.tlb))
		return true;
	if (!iommu_batch_has_room(&round->batch))
		return false;
	iommu_smmu_batch_add_device(&round->batch, endpoint, use->pasid, is_all ? 0 : change->start,
				    is_all ? 64 : iommu_range_order(change->start, change->last));
	iommu_batch_hold(&round->batch, round->batch.count - 1);
	return true;
}

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
	struct iommu_driven_round round;
	int status = 0;

	/* Entries of tables that are not valid are never cached. */
	if (change->is_map)
		return 0;
	round.unit = &unit->common;
	round.domain = common;
	round.change = change;
	round.batch.count = 0;
	iommu_trace_batch(&round.batch, &domain->common.base, change->start,
			  change->last - change->start + 1);
	if (domain->type == SMMU_NESTED)
		smmu_batch_add(&round.batch, everything_of_guest(domain, unit));
	else if (domain->common.base.nest_parent && !IOMMU_IS_TOLD_AT_ONCE(&domain->common))
		smmu_batch_add(&round.batch, everything_of(domain, id));
	else
		add_range(&round.batch, unit, domain, id, change);
	if (IOMMU_IS_TOLD_AT_ONCE(&domain->common) &&
	    !(IOMMU_CONFIG_SCALABLE && is_of_guests_contexts(domain, change)))
		return iommu_driven_invalidate_by(&unit->common, &batch_ops, &round.batch);
	/* Entries and contexts that hardware reads through what has changed, and then devices. */
	if (domain->common.base.nest_parent || is_of_guests_contexts(domain, change))
		status = iommu_driven_tell_uses(&round, add_entries);
	return status == 0 ? iommu_driven_tell_uses(&round, add_device) : status;
}

/* --- One page --------------------------------------------------------------------------------- */

#if IOMMU_CONFIG_ONE_PAGE

static bool make_page_command(const void *ctx, struct iommu_command *command)
{
	const struct iommu_driven_page *page = ctx;
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
	return iommu_driven_tell_page(domain, place, change,
				      iommu_vmsa_granule_shift(&domain->pgtable),
				      make_page_command);
}

#endif
