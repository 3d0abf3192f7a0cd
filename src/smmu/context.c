/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing stream table entries (STE) and context descriptors (CD), and the invalidations for it
 * (IHI 0070, 3.21.3 "Configuration structures", 4.3 and 4.4).
 *
 * Hardware caches entries that are not valid, too: every change is told. An entry that is in use
 * becomes another in place where that is possible (stream_entry.c), and otherwise through the not
 * valid state:
 *
 *   valid -> not valid  the entry, with its contexts; the translations under the ids that it named;
 *                       and, when those are confirmed, the device's TLB
 *   not valid -> valid  if an invalidation has ever failed what may be left under the ids that it
 *                       names, of a user before; then the entry
 *   in place            each step of the entry; then what was translated through the old one
 *
 * Without PASIDs the entry leads to a context of its own for stage 1: there are two, of which one
 * is not in use and is written before the entry leads to it. With PASIDs the entry leads to a table
 * of contexts, of which 0 stands for requests without a PASID, and says (S1DSS) whether those are
 * translated by it, pass, or are blocked; a context changes through the not valid state.
 *
 * All change on the control path, with one exception: a device that does not invalidate its TLB is
 * blocked at once, in any context. The blocking CPU marks the endpoint and then clears the entry;
 * the CPU that writes one checks the mark afterwards. In either order the entry ends up not valid.
 */
#include "smmu/context.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "smmu/command.h"
#include "smmu/endpoint.h"
#include "smmu/stream_entry.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

_Static_assert(SMMU_STE_WORDS == SMMU_CD_WORDS, "entries and contexts have as many words");

/* --- Words ------------------------------------------------------------------------------------ */

static void load_words(const iommu_cell_t *entry, uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < SMMU_STE_WORDS; i++)
		words[i] = iommu_le64(iommu_cell_load(&entry[i]));
}

/* One word that hardware may read at any time. */
static void store_word(const struct smmu_unit *unit, iommu_cell_t *word, uint64_t value)
{
	iommu_cell_store_release(word, iommu_le64(value));
	smmu_write_back(unit, word, sizeof(*word));
}

/* The first word last: it says whether the entry is valid. Lines of a cache may be shorter. */
static void store_words(const struct smmu_unit *unit, iommu_cell_t *entry, const uint64_t *words)
{
	unsigned int i;

	for (i = 1; i < SMMU_STE_WORDS; i++)
		iommu_cell_store(&entry[i], iommu_le64(words[i]));
	smmu_write_back(unit, entry, SMMU_STE_WORDS * sizeof(*entry));
	store_word(unit, &entry[0], words[0]);
}

static bool is_valid(const uint64_t *words)
{
	return smmu_has(words, SMMU_STE_V);
}

static iommu_cell_t *entry_of(const struct smmu_endpoint *endpoint, unsigned int number)
{
	return iommu_smmu_stream_find(smmu_unit_behind(endpoint), endpoint->common.ids.ids[number]);
}

/* All ids of an endpoint have the same entry: that of the first. */
static void load(const struct smmu_endpoint *endpoint, uint64_t *words)
{
	load_words(entry_of(endpoint, 0), words);
}

static void store(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		store_words(smmu_unit_behind(endpoint), entry_of(endpoint, i), words);
}

/* Of an entry that is blocked the ids stay: what was translated under them is to be forgotten. */
static void make_not_valid(struct smmu_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++) {
		iommu_cell_t *entry = entry_of(endpoint, i);

		store_word(smmu_unit_behind(endpoint), &entry[0],
			   iommu_le64(iommu_cell_load(&entry[0])) & ~smmu_field_mask(SMMU_STE_V));
	}
}

static void clear(struct smmu_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		store_word(smmu_unit_behind(endpoint), &entry_of(endpoint, i)[0], 0);
}

/* What hardware may read in the middle of it is not valid. */
static void store_anew(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	clear(endpoint);
	if (is_valid(words))
		store(endpoint, words);
}

/* A device that was blocked meanwhile stays so: see the head of this file. */
static bool stays_blocked(struct smmu_endpoint *endpoint)
{
	iommu_full_fence();
	if (!iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return false;
	make_not_valid(endpoint);
	return true;
}

void iommu_smmu_stream_block(struct smmu_endpoint *endpoint)
{
	__atomic_store_n(&endpoint->common.tlb.lost, true, __ATOMIC_SEQ_CST);
	iommu_full_fence();
	make_not_valid(endpoint);
}

/* What the device may do with its TLB under these words. */
static void set_tlb_flags(const struct smmu_endpoint *endpoint, uint64_t *words)
{
	const bool is_used = is_valid(words) && endpoint->common.device_tlb &&
			     !endpoint->common.tlb.unknown && !endpoint->common.tlb.off &&
			     smmu_get(words, SMMU_STE_CONFIG) > SMMU_STE_BYPASS;

	smmu_set(words, SMMU_STE_EATS, is_used ? SMMU_EATS_FULL : SMMU_EATS_NONE);
}

static uint64_t address_of(const struct smmu_endpoint *endpoint, const void *table)
{
	return iommu_virt_to_phys(endpoint->common.unit->platform, table);
}

/* The context that an entry without PASIDs leads to. */
static iommu_cell_t *context_of(const struct smmu_endpoint *endpoint, const uint64_t *words)
{
	return iommu_phys_to_virt(endpoint->common.unit->platform,
				  smmu_address(words, SMMU_STE_S1CONTEXTPTR));
}

/* --- What an entry says ----------------------------------------------------------------------- */

/* Where stages do not say how accesses look they stay as they are; 0 where nothing may be said. */
static uint64_t shareability(const struct smmu_unit *unit)
{
	return smmu_bits(unit->idr1, SMMU_IDR1_ATTR_TYPES_OVR) != 0 ? SMMU_SHCFG_INCOMING : 0;
}

static void say_what_all_say(const struct smmu_endpoint *endpoint, uint64_t *words)
{
	smmu_set(words, SMMU_STE_SHCFG, shareability(smmu_unit_behind(endpoint)));
	smmu_set(words, SMMU_STE_PPAR,
		 endpoint->common.device_tlb &&
			 !endpoint->common.base->info.page_responses_without_pasid);
	smmu_set(words, SMMU_STE_S1STALLD,
		 smmu_stall_model(smmu_unit_behind(endpoint)) == SMMU_STALL_OPTIONAL);
}

static void lead_to(const struct smmu_endpoint *endpoint, const void *contexts, uint64_t *words)
{
	memset(words, 0, SMMU_STE_WORDS * sizeof(*words));
	words[0] = smmu_ste_word0(SMMU_STE_STAGE_1);
	smmu_set_address(words, SMMU_STE_S1CONTEXTPTR, address_of(endpoint, contexts));
	smmu_set(words, SMMU_STE_S1DSS, SMMU_S1DSS_CD0);
	smmu_set(words, SMMU_STE_S1CIR, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_STE_S1COR, SMMU_WRITE_BACK_ALLOCATE);
	smmu_set(words, SMMU_STE_S1CSH, SMMU_INNER_SHAREABLE);
	say_what_all_say(endpoint, words);
}

/* Without PASIDs; the context that is not in use is filled. `before`: the entry as it is. */
static void describe(struct smmu_endpoint *endpoint, const struct smmu_translation *translation,
		     const uint64_t *before, uint64_t *words)
{
	iommu_cell_t *context;

	if (translation->config == SMMU_STE_STAGE_1) {
		context = iommu_smmu_context_find(endpoint->alone, 0);
		if (smmu_address(before, SMMU_STE_S1CONTEXTPTR) == address_of(endpoint, context))
			context = iommu_smmu_context_find(endpoint->alone, 1);
		store_word(smmu_unit_behind(endpoint), &context[0], 0);
		store_words(smmu_unit_behind(endpoint), context, translation->context.words);
		lead_to(endpoint, context, words);
		return;
	}
	memcpy(words, translation->stream.words, SMMU_STE_WORDS * sizeof(*words));
	words[0] |= smmu_ste_word0(translation->config);
	say_what_all_say(endpoint, words);
}

/* --- Telling hardware ------------------------------------------------------------------------- */

static bool is_active(const struct smmu_endpoint *endpoint)
{
	return iommu_unit_is_active(&endpoint->common.unit->state);
}

static int execute(struct smmu_endpoint *endpoint, struct iommu_batch *batch)
{
	int status = batch->count != 0 ? iommu_driven_invalidate(endpoint->common.unit, batch) : 0;

	batch->count = 0;
	return status;
}

static void add_context_translations(struct iommu_batch *batch, const uint64_t *context)
{
	smmu_batch_add(batch,
		       smmu_tlbi(SMMU_TLBI_NH_ASID, 0, (uint16_t)smmu_get(context, SMMU_CD_ASID)));
}

/* What may be cached of translations under the ids of an entry. */
static void add_translations(struct iommu_batch *batch, const struct smmu_endpoint *endpoint,
			     const uint64_t *words)
{
	uint64_t context[SMMU_CD_WORDS];

	switch ((enum smmu_ste_config)smmu_get(words, SMMU_STE_CONFIG)) {
	case SMMU_STE_STAGE_1:
		if (smmu_get(words, SMMU_STE_S1CDMAX) != 0) {
			smmu_batch_add(batch, smmu_tlbi(SMMU_TLBI_NH_ALL, 0, 0));
			return;
		}
		load_words(context_of(endpoint, words), context);
		add_context_translations(batch, context);
		return;
	case SMMU_STE_STAGE_2:
	case SMMU_STE_NESTED:
		smmu_batch_add(batch, smmu_tlbi(SMMU_TLBI_S12_VMALL,
						(uint16_t)smmu_get(words, SMMU_STE_S2VMID), 0));
		return;
	case SMMU_STE_ABORT:
	case SMMU_STE_BYPASS:
	default:
		return;
	}
}

/* The entry itself, after a change. */
static int tell_entry(struct smmu_endpoint *endpoint)
{
	struct iommu_batch batch = {.count = 0};

	if (!is_active(endpoint))
		return 0;
	iommu_smmu_batch_add_streams(&batch, endpoint);
	return execute(endpoint, &batch);
}

/* Does a device keep translations by an entry of these words, as far as is known? */
static bool keeps(const uint64_t *words)
{
	return IOMMU_CONFIG_DEVICE_TLB && is_valid(words) &&
	       smmu_get(words, SMMU_STE_EATS) != SMMU_EATS_NONE;
}

/* The entry has gone, or is another: make hardware forget it, and what was translated by it. */
static int forget(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};
	const bool kept = keeps(words);
	int status;

	if (kept)
		endpoint->common.tlb.unknown = true;
	if (!is_active(endpoint))
		return 0;
	/* A queue that has stopped is started anew, as only the control path can. */
	if (iommu_unit_is_suspect(&endpoint->common.unit->state))
		(void)iommu_smmu_queue_hold(smmu_unit_behind(endpoint));
	iommu_smmu_batch_add_streams(&batch, endpoint);
	add_translations(&batch, endpoint, words);
	if (kept && iommu_driven_is_asked(&endpoint->common))
		iommu_smmu_batch_add_device(&batch, endpoint, 0, 0, 64);
	status = execute(endpoint, &batch);
	if (kept && status == 0 && !endpoint->common.in_reset)
		endpoint->common.tlb.unknown = false;
	return status;
}

/* Before an entry is valid that names ids which a failed invalidation was of. */
static int clean_ids(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!is_active(endpoint) || !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	add_translations(&batch, endpoint, words);
	return execute(endpoint, &batch);
}

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB

/* Everything that the device keeps, with a PASID and without. */
int iommu_smmu_tlb_empty(struct iommu_driven_endpoint *common)
{
	struct smmu_endpoint *endpoint = smmu_own(common);
	struct iommu_batch batch = {.count = 0};

	iommu_smmu_batch_add_device(&batch, endpoint, 0, 0, 64);
	return execute(endpoint, &batch);
}

/* The flag is in a word of its own, as far as hardware is concerned: it changes in place. */
bool iommu_smmu_tlb_store(struct iommu_driven_endpoint *common)
{
	struct smmu_endpoint *endpoint = smmu_own(common);
	uint64_t words[SMMU_STE_WORDS];

	load(endpoint, words);
	if (!is_valid(words))
		return false;
	set_tlb_flags(endpoint, words);
	store_word(smmu_unit_behind(endpoint), &entry_of(endpoint, 0)[1], words[1]);
	return !stays_blocked(endpoint);
}

bool iommu_smmu_tlb_keeps(const struct iommu_driven_endpoint *common)
{
	uint64_t words[SMMU_STE_WORDS];

	load(smmu_own(common), words);
	return keeps(words);
}

int iommu_smmu_stream_tell(struct iommu_driven_endpoint *common)
{
	return tell_entry(smmu_own(common));
}

#endif

/* --- Stream table entries --------------------------------------------------------------------- */

/* The device's page requests, before another's table serves them, or none does. */
static int drain(struct smmu_endpoint *endpoint)
{
	return endpoint->common.page_requests ? iommu_driven_requests_drain(endpoint->common.unit)
					      : 0;
}

static int block(struct smmu_endpoint *endpoint, const uint64_t *before)
{
	int status;

	clear(endpoint);
	status = forget(endpoint, before);
	return status == 0 && is_valid(before) ? drain(endpoint) : status;
}

/* Step by step, while it is in use. */
static int change_in_place(struct smmu_endpoint *endpoint, const uint64_t *before,
			   uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS], unsigned int count)
{
	unsigned int i;
	int status = clean_ids(endpoint, steps[count - 1]);

	for (i = 0; i < count && status == 0; i++) {
		store(endpoint, steps[i]);
		status = stays_blocked(endpoint) ? IOMMU_EIO : tell_entry(endpoint);
	}
	if (status == 0)
		status = forget(endpoint, before);
	/* It did not forget what it kept, and is blocked. */
	if (iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return IOMMU_EIO;
	return status == 0 ? drain(endpoint) : status;
}

/* Through the not valid state, if it is not that already. */
static int change_anew(struct smmu_endpoint *endpoint, const uint64_t *before, uint64_t *words)
{
	int status = 0;

	if (is_valid(before) || iommu_device_tlb_is_lost(&endpoint->common.tlb))
		status = block(endpoint, before);
	if (status == 0)
		status = iommu_driven_tlb_empty(&endpoint->common);
	if (status == 0)
		status = clean_ids(endpoint, words);
	if (iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return IOMMU_EIO;
	if (status != 0)
		return status;
	set_tlb_flags(endpoint, words);
	store(endpoint, words);
	return stays_blocked(endpoint) ? IOMMU_EIO : tell_entry(endpoint);
}

/*
 * Change the entry of an endpoint, or block it (NULL). On failure it is as before, except that what
 * was to be blocked stays blocked, and so does a device that did not answer.
 */
static int write_entry(struct smmu_endpoint *endpoint, const uint64_t *wanted)
{
	uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS];
	uint64_t words[SMMU_STE_WORDS], before[SMMU_STE_WORDS];
	unsigned int count = 0;
	int status;

	load(endpoint, before);
	if (wanted == NULL)
		return is_valid(before) || iommu_device_tlb_is_lost(&endpoint->common.tlb)
			       ? block(endpoint, before)
			       : 0;
	/* What the unit may still hold of an entry before this one would be used in its place. */
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status == 0 && is_valid(before))
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status != 0)
		return status;
	load(endpoint, before);
	memcpy(words, wanted, sizeof(words));
	set_tlb_flags(endpoint, words);
	if (is_valid(before) && !iommu_device_tlb_is_lost(&endpoint->common.tlb)) {
		if (memcmp(before, words, sizeof(words)) == 0)
			return 0;
		count = iommu_smmu_entry_steps(before, words, steps);
	}
	status = count != 0 ? change_in_place(endpoint, before, steps, count)
			    : change_anew(endpoint, before, words);
	if (status == 0 || iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return status;
	/*
	 * What hardware may know of either: the one before is what callers go by. The device may
	 * have asked meanwhile, and keep what it was told.
	 */
	if (keeps(words))
		endpoint->common.tlb.unknown = true;
	set_tlb_flags(endpoint, before);
	store_anew(endpoint, before);
	return stays_blocked(endpoint) ? IOMMU_EIO : status;
}

int iommu_smmu_stream_close(struct iommu_driven_endpoint *common)
{
	return write_entry(smmu_own(common), NULL);
}

/* --- Contexts of PASIDs ----------------------------------------------------------------------- */

#if IOMMU_CONFIG_SCALABLE

/* With PASIDs; `without`: what becomes of requests that have none. */
static void lead_to_contexts(const struct smmu_endpoint *endpoint, enum smmu_s1dss without,
			     uint64_t *words)
{
	const struct smmu_contexts *contexts = endpoint->contexts;

	lead_to(endpoint, contexts->common.root, words);
	smmu_set(words, SMMU_STE_S1CDMAX, contexts->bits);
	smmu_set(words, SMMU_STE_S1FMT, contexts->has_levels ? SMMU_S1FMT_4K : SMMU_S1FMT_LINEAR);
	smmu_set(words, SMMU_STE_S1DSS, (uint64_t)without);
}

static void add_context(struct iommu_batch *batch, const struct smmu_endpoint *endpoint,
			uint32_t pasid)
{
	if (endpoint->common.ids.count == 1)
		smmu_batch_add(batch, smmu_cfgi_cd(endpoint->common.ids.ids[0], pasid, false));
	else
		smmu_batch_add(batch, smmu_cfgi_all());
}

static int tell_context(struct smmu_endpoint *endpoint, uint32_t pasid)
{
	struct iommu_batch batch = {.count = 0};

	if (!is_active(endpoint))
		return 0;
	add_context(&batch, endpoint, pasid);
	return execute(endpoint, &batch);
}

/* On failure the device may hold translations that no later call invalidates. */
static int forget_context(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};
	int status;

	if (!is_active(endpoint)) {
		iommu_driven_tlb_suspect(&endpoint->common);
		return 0;
	}
	add_context(&batch, endpoint, pasid);
	add_context_translations(&batch, words);
	if (endpoint->common.device_tlb && !endpoint->common.tlb.unknown &&
	    iommu_driven_is_asked(&endpoint->common))
		iommu_smmu_batch_add_device(&batch, endpoint, pasid, 0, 64);
	status = execute(endpoint, &batch);
	if (status != 0)
		iommu_driven_tlb_suspect(&endpoint->common);
	return status;
}

static int clean_context_id(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!is_active(endpoint) || !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	add_context_translations(&batch, words);
	return execute(endpoint, &batch);
}

static bool context_is_valid(const iommu_cell_t *context, uint64_t *words)
{
	load_words(context, words);
	return smmu_has(words, SMMU_CD_V);
}

/* Take the context of a PASID away, if it has one; how many are left is the caller's affair. */
static int drop_context(struct smmu_endpoint *endpoint, uint32_t pasid, bool *was_valid)
{
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, pasid);
	uint64_t words[SMMU_CD_WORDS];
	int status, drained;

	*was_valid = context != NULL && context_is_valid(context, words);
	if (!*was_valid)
		return 0;
	store_word(smmu_unit_behind(endpoint), &context[0], words[0] & ~smmu_field_mask(SMMU_CD_V));
	status = forget_context(endpoint, pasid, words);
	drained = drain(endpoint);
	return status != 0 ? status : drained;
}

/*
 * A change failed after the context had been shown: what it was before, or nothing (NULL). The
 * device may have asked meanwhile, and keep what it was told.
 */
static void put_back_words(struct smmu_endpoint *endpoint, iommu_cell_t *context,
			   const uint64_t *before)
{
	store_word(smmu_unit_behind(endpoint), &context[0], 0);
	if (before != NULL)
		store_words(smmu_unit_behind(endpoint), context, before);
	iommu_driven_tlb_suspect(&endpoint->common);
}

/* The context is written, which was not valid, or is not any more. */
static int write_context(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, pasid);
	uint64_t before[SMMU_CD_WORDS];
	const bool was_valid = context_is_valid(context, before);
	int status = 0;

	if (was_valid) {
		store_word(smmu_unit_behind(endpoint), &context[0], 0);
		status = forget_context(endpoint, pasid, before);
		if (status == 0)
			status = drain(endpoint);
	}
	if (status == 0)
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status == 0)
		status = clean_context_id(endpoint, words);
	if (status == 0 && iommu_device_tlb_is_lost(&endpoint->common.tlb))
		status = IOMMU_EIO;
	if (status == 0) {
		store_words(smmu_unit_behind(endpoint), context, words);
		status = tell_context(endpoint, pasid);
	}
	if (status == 0)
		return 0;
	put_back_words(endpoint, context, was_valid ? before : NULL);
	return status;
}

/* What the entry says of requests without a PASID. */
static enum smmu_s1dss without_pasid(const struct smmu_endpoint *endpoint)
{
	uint64_t words[SMMU_STE_WORDS];

	load(endpoint, words);
	return is_valid(words) ? (enum smmu_s1dss)smmu_get(words, SMMU_STE_S1DSS)
			       : SMMU_S1DSS_TERMINATE;
}

/* With nothing left that passes the entry goes, too. */
static int write_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without)
{
	uint64_t words[SMMU_STE_WORDS];

	/* Of a device that did not answer nothing passes at all. */
	if (without == SMMU_S1DSS_TERMINATE &&
	    (endpoint->present == 0 || iommu_device_tlb_is_lost(&endpoint->common.tlb)))
		return write_entry(endpoint, NULL);
	lead_to_contexts(endpoint, without, words);
	return write_entry(endpoint, words);
}

/*
 * The same where hardware confirms nothing: an entry that goes on letting requests pass would do so
 * for ever.
 */
static void store_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without)
{
	uint64_t words[SMMU_STE_WORDS];
	unsigned int i;

	load(endpoint, words);
	smmu_set(words, SMMU_STE_S1DSS, (uint64_t)without);
	for (i = 0; i < endpoint->common.ids.count; i++)
		store_word(smmu_unit_behind(endpoint), &entry_of(endpoint, i)[1], words[1]);
	/* The device may keep what passed. */
	iommu_driven_tlb_suspect(&endpoint->common);
}

/* Requests without a PASID pass no longer, whether hardware confirms that or not. */
static int let_none_pass(struct smmu_endpoint *endpoint)
{
	const int status = write_way(endpoint, SMMU_S1DSS_TERMINATE);

	if (status != 0 && without_pasid(endpoint) != SMMU_S1DSS_TERMINATE)
		store_way(endpoint, SMMU_S1DSS_TERMINATE);
	return status;
}

static int block_context(struct smmu_endpoint *endpoint, uint32_t pasid)
{
	bool was_valid;
	int status, closed = 0;

	if (pasid == 0)
		closed = let_none_pass(endpoint);
	status = drop_context(endpoint, pasid, &was_valid);
	if (pasid != 0 && was_valid && --endpoint->present == 0 &&
	    without_pasid(endpoint) == SMMU_S1DSS_TERMINATE)
		closed = write_entry(endpoint, NULL);
	return status != 0 ? status : closed;
}

/*
 * Requests without a PASID pass; a context that they had goes after that. On failure they are
 * translated by it as before.
 */
static int let_pass(struct smmu_endpoint *endpoint)
{
	const enum smmu_s1dss before = without_pasid(endpoint);
	iommu_cell_t *context = iommu_smmu_context_find(endpoint->contexts, 0);
	uint64_t words[SMMU_CD_WORDS];
	bool was_valid;
	int status = write_way(endpoint, SMMU_S1DSS_BYPASS);

	if (status != 0 || context == NULL)
		return status;
	load_words(context, words);
	status = drop_context(endpoint, 0, &was_valid);
	if (status == 0)
		return 0;
	put_back_words(endpoint, context, words);
	store_way(endpoint, before);
	return status;
}

/* The context first, then the way to it. */
static int set_first_stage(struct smmu_endpoint *endpoint, uint32_t pasid, const uint64_t *words)
{
	const enum smmu_s1dss before = without_pasid(endpoint);
	uint64_t old[SMMU_CD_WORDS];
	iommu_cell_t *context;
	bool was_valid;
	int status = iommu_smmu_context_create(endpoint->contexts, pasid);

	if (status != 0)
		return status;
	context = iommu_smmu_context_find(endpoint->contexts, pasid);
	was_valid = context_is_valid(context, old);
	status = write_context(endpoint, pasid, words);
	if (status != 0)
		return status;
	endpoint->present += pasid != 0 && !was_valid;
	status = write_way(endpoint, pasid == 0 ? SMMU_S1DSS_CD0 : before);
	if (status == 0)
		return 0;
	/* The entry is as it was; nothing leads to a context that was not there. */
	endpoint->present -= pasid != 0 && !was_valid;
	put_back_words(endpoint, context, was_valid ? old : NULL);
	(void)tell_context(endpoint, pasid);
	return status;
}

static int set_context(struct smmu_endpoint *endpoint, uint32_t pasid,
		       const struct smmu_translation *translation)
{
	int status;

	if (translation == NULL)
		return block_context(endpoint, pasid);
	if (translation->config != SMMU_STE_STAGE_1 &&
	    (translation->config != SMMU_STE_BYPASS || pasid != 0))
		return IOMMU_REFUSE_ENDPOINT(
			&endpoint->common, IOMMU_EOPNOTSUPP,
			translation->config == SMMU_STE_BYPASS
				? "a PASID cannot have an identity domain"
				: "its PASIDs are enabled, and the domain has a "
				  "stage 2");
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status != 0)
		return status;
	return translation->config == SMMU_STE_BYPASS
		       ? let_pass(endpoint)
		       : set_first_stage(endpoint, pasid, translation->context.words);
}

static void put_back_context(struct smmu_endpoint *endpoint,
			     const struct smmu_translation *translation)
{
	const bool passes = translation->config == SMMU_STE_BYPASS;
	uint64_t words[SMMU_STE_WORDS];

	if (!passes)
		store_words(smmu_unit_behind(endpoint),
			    iommu_smmu_context_find(endpoint->contexts, 0),
			    translation->context.words);
	lead_to_contexts(endpoint, passes ? SMMU_S1DSS_BYPASS : SMMU_S1DSS_CD0, words);
	set_tlb_flags(endpoint, words);
	store_anew(endpoint, words);
}

/* Bits of a PASID that the device and the unit have. */
static unsigned int bits_for(const struct smmu_endpoint *endpoint)
{
	const unsigned int most = smmu_pasid_bits(smmu_unit_behind(endpoint));
	unsigned int bits = 1;

	while (bits < most && endpoint->common.base->info.max_pasids >> bits > 1)
		bits++;
	return bits;
}

int iommu_smmu_pasids_enable(struct smmu_endpoint *endpoint,
			     const struct smmu_translation *translation)
{
	int status;

	if (smmu_pasid_bits(smmu_unit_behind(endpoint)) == 0)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its unit has no PASIDs");
	if (translation != NULL && translation->config != SMMU_STE_STAGE_1 &&
	    translation->config != SMMU_STE_BYPASS)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its domain has a stage 2");
	status = iommu_smmu_contexts_alloc(smmu_unit_behind(endpoint), bits_for(endpoint),
					   &endpoint->contexts);
	if (status != 0)
		return status;
	if (translation != NULL && translation->config == SMMU_STE_STAGE_1) {
		status = iommu_smmu_context_create(endpoint->contexts, 0);
		if (status == 0)
			store_words(smmu_unit_behind(endpoint),
				    iommu_smmu_context_find(endpoint->contexts, 0),
				    translation->context.words);
	}
	if (status == 0 && translation != NULL)
		status = write_way(endpoint, translation->config == SMMU_STE_STAGE_1
						     ? SMMU_S1DSS_CD0
						     : SMMU_S1DSS_BYPASS);
	if (status != 0) {
		iommu_driven_contexts_free(&endpoint->contexts->common);
		endpoint->contexts = NULL;
	}
	return status;
}

int iommu_smmu_pasids_disable(struct smmu_endpoint *endpoint,
			      const struct smmu_translation *translation)
{
	struct smmu_contexts *contexts = endpoint->contexts;
	uint64_t before[SMMU_STE_WORDS], words[SMMU_STE_WORDS];
	int status;

	if (contexts == NULL)
		return 0;
	load(endpoint, before);
	if (translation != NULL)
		describe(endpoint, translation, before, words);
	status = write_entry(endpoint, translation != NULL ? words : NULL);
	if (status != 0)
		return status;
	endpoint->contexts = NULL;
	endpoint->present = 0;
	iommu_driven_contexts_free(&contexts->common);
	return 0;
}

#endif

/* --- Translations ----------------------------------------------------------------------------- */

int iommu_smmu_translation_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			       const struct smmu_translation *translation)
{
	uint64_t before[SMMU_STE_WORDS], words[SMMU_STE_WORDS];
	int status;

#if IOMMU_CONFIG_SCALABLE
	if (endpoint->contexts != NULL)
		return set_context(endpoint, pasid, translation);
#endif
	if (pasid != 0)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its PASIDs are not enabled");
	if (translation == NULL)
		return write_entry(endpoint, NULL);
	/* Before the context that is not in use is filled: hardware may not have left it. */
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status != 0)
		return status;
	load(endpoint, before);
	describe(endpoint, translation, before, words);
	return write_entry(endpoint, words);
}

void iommu_smmu_translation_put_back(struct smmu_endpoint *endpoint,
				     const struct smmu_translation *translation)
{
	const uint64_t before[SMMU_STE_WORDS] = {0};
	uint64_t words[SMMU_STE_WORDS];

#if IOMMU_CONFIG_SCALABLE
	if (endpoint->contexts != NULL) {
		put_back_context(endpoint, translation);
		(void)stays_blocked(endpoint);
		return;
	}
#endif
	describe(endpoint, translation, before, words);
	set_tlb_flags(endpoint, words);
	store_anew(endpoint, words);
	(void)stays_blocked(endpoint);
}
