/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing stream table entries (STE), and the invalidations for it (IHI 0070, 3.21.3
 * "Configuration structures", 4.3 and 4.4). Contexts of PASIDs (CD) are in context.c.
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
 * is not in use and is written before the entry leads to it.
 *
 * All change on the control path, with one exception: a device that does not invalidate its TLB is
 * blocked at once, in any context. The blocking CPU marks the endpoint and then clears the entry;
 * the CPU that writes one checks the mark afterwards. In either order the entry ends up not valid.
 */
#include "smmu/stream.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "smmu/command.h"
#include "smmu/context.h"
#include "smmu/endpoint.h"
#include "smmu/stream_entry.h"
#include "smmu/stream_table.h"
#include "smmu/unit.h"

/* --- Entries ---------------------------------------------------------------------------------- */

static iommu_cell_t *entry_of(const struct smmu_endpoint *endpoint, unsigned int number)
{
	return iommu_smmu_stream_find(smmu_unit_behind(endpoint), endpoint->common.ids.ids[number]);
}

/* All ids of an endpoint have the same entry: that of the first. */
void iommu_smmu_stream_load(const struct smmu_endpoint *endpoint, uint64_t *words)
{
	smmu_words_load(entry_of(endpoint, 0), words);
}

static void store(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		smmu_words_store(smmu_unit_behind(endpoint), entry_of(endpoint, i), words);
}

/* Of an entry that is blocked the ids stay: what was translated under them is to be forgotten. */
static void make_not_valid(struct smmu_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++) {
		iommu_cell_t *entry = entry_of(endpoint, i);

		smmu_word_store(smmu_unit_behind(endpoint), &entry[0],
				iommu_le64(iommu_cell_load(&entry[0])) &
					~smmu_field_mask(SMMU_STE_V));
	}
}

static void clear(struct smmu_endpoint *endpoint)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		smmu_word_store(smmu_unit_behind(endpoint), &entry_of(endpoint, i)[0], 0);
}

/* What hardware may read in the middle of it is not valid. */
static void store_anew(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	clear(endpoint);
	if (smmu_entry_is_valid(words))
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
	const bool is_used = smmu_entry_is_valid(words) && endpoint->common.device_tlb &&
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

void iommu_smmu_stream_put(struct smmu_endpoint *endpoint, uint64_t *words)
{
	set_tlb_flags(endpoint, words);
	store_anew(endpoint, words);
}

void iommu_smmu_stream_store_way(struct smmu_endpoint *endpoint, enum smmu_s1dss without)
{
	uint64_t words[SMMU_STE_WORDS];
	unsigned int i;

	iommu_smmu_stream_load(endpoint, words);
	smmu_set(words, SMMU_STE_S1DSS, (uint64_t)without);
	for (i = 0; i < endpoint->common.ids.count; i++)
		smmu_word_store(smmu_unit_behind(endpoint), &entry_of(endpoint, i)[1], words[1]);
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

void iommu_smmu_stream_lead_to(const struct smmu_endpoint *endpoint, const void *contexts,
			       uint64_t *words)
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
void iommu_smmu_stream_describe(struct smmu_endpoint *endpoint,
				const struct smmu_translation *translation, const uint64_t *before,
				uint64_t *words)
{
	iommu_cell_t *context;

	if (translation->config == SMMU_STE_STAGE_1) {
		context = iommu_smmu_context_find(endpoint->alone, 0);
		if (smmu_address(before, SMMU_STE_S1CONTEXTPTR) == address_of(endpoint, context))
			context = iommu_smmu_context_find(endpoint->alone, 1);
		smmu_word_store(smmu_unit_behind(endpoint), &context[0], 0);
		smmu_words_store(smmu_unit_behind(endpoint), context, translation->context.words);
		iommu_smmu_stream_lead_to(endpoint, context, words);
		return;
	}
	memcpy(words, translation->stream.words, SMMU_STE_WORDS * sizeof(*words));
	words[0] |= smmu_ste_word0(translation->config);
	say_what_all_say(endpoint, words);
}

/* --- Telling hardware ------------------------------------------------------------------------- */

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
		smmu_words_load(context_of(endpoint, words), context);
		smmu_add_context_translations(batch, context);
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

	if (!iommu_driven_is_active(&endpoint->common))
		return 0;
	iommu_smmu_batch_add_streams(&batch, endpoint);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* Does a device keep translations by an entry of these words, as far as is known? */
static bool keeps(const uint64_t *words)
{
	return IOMMU_CONFIG_DEVICE_TLB && smmu_entry_is_valid(words) &&
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
	if (!iommu_driven_is_active(&endpoint->common))
		return 0;
	/* A queue that has stopped is started anew, as only the control path can. */
	if (iommu_unit_is_suspect(&endpoint->common.unit->state))
		(void)iommu_smmu_queue_hold(smmu_unit_behind(endpoint));
	iommu_smmu_batch_add_streams(&batch, endpoint);
	add_translations(&batch, endpoint, words);
	if (kept && iommu_driven_is_asked(&endpoint->common))
		iommu_smmu_batch_add_device(&batch, endpoint, 0, 0, 64);
	status = iommu_driven_execute(&endpoint->common, &batch);
	if (kept && status == 0 && !endpoint->common.in_reset)
		endpoint->common.tlb.unknown = false;
	return status;
}

/* Before an entry is valid that names ids which a failed invalidation was of. */
static int clean_ids(struct smmu_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common) ||
	    !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	add_translations(&batch, endpoint, words);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB

/* Everything that the device keeps, with a PASID and without. */
int iommu_smmu_tlb_empty(struct iommu_driven_endpoint *common)
{
	struct smmu_endpoint *endpoint = smmu_own(common);
	struct iommu_batch batch = {.count = 0};

	iommu_smmu_batch_add_device(&batch, endpoint, 0, 0, 64);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* The flag is in a word of its own, as far as hardware is concerned: it changes in place. */
bool iommu_smmu_tlb_store(struct iommu_driven_endpoint *common)
{
	struct smmu_endpoint *endpoint = smmu_own(common);
	uint64_t words[SMMU_STE_WORDS];

	iommu_smmu_stream_load(endpoint, words);
	if (!smmu_entry_is_valid(words))
		return false;
	set_tlb_flags(endpoint, words);
	smmu_word_store(smmu_unit_behind(endpoint), &entry_of(endpoint, 0)[1], words[1]);
	return !stays_blocked(endpoint);
}

bool iommu_smmu_tlb_keeps(const struct iommu_driven_endpoint *common)
{
	uint64_t words[SMMU_STE_WORDS];

	iommu_smmu_stream_load(smmu_own(common), words);
	return keeps(words);
}

int iommu_smmu_stream_tell(struct iommu_driven_endpoint *common)
{
	return tell_entry(smmu_own(common));
}

#endif

/* --- Stream table entries --------------------------------------------------------------------- */

static int block(struct smmu_endpoint *endpoint, const uint64_t *before)
{
	int status;

	clear(endpoint);
	status = forget(endpoint, before);
	return status == 0 && smmu_entry_is_valid(before) ? iommu_driven_drain(&endpoint->common)
							  : status;
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
	return status == 0 ? iommu_driven_drain(&endpoint->common) : status;
}

/* Through the not valid state, if it is not that already. */
static int change_anew(struct smmu_endpoint *endpoint, const uint64_t *before, uint64_t *words)
{
	int status = 0;

	if (smmu_entry_is_valid(before) || iommu_device_tlb_is_lost(&endpoint->common.tlb))
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
int iommu_smmu_stream_write(struct smmu_endpoint *endpoint, const uint64_t *wanted)
{
	uint64_t steps[SMMU_ENTRY_STEPS_MAX][SMMU_STE_WORDS];
	uint64_t words[SMMU_STE_WORDS], before[SMMU_STE_WORDS];
	unsigned int count = 0;
	int status;

	iommu_smmu_stream_load(endpoint, before);
	if (wanted == NULL)
		return smmu_entry_is_valid(before) ||
				       iommu_device_tlb_is_lost(&endpoint->common.tlb)
			       ? block(endpoint, before)
			       : 0;
	/* What the unit may still hold of an entry before this one would be used in its place. */
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status == 0 && smmu_entry_is_valid(before))
		status = iommu_driven_tlb_recover(&endpoint->common);
	if (status != 0)
		return status;
	iommu_smmu_stream_load(endpoint, before);
	memcpy(words, wanted, sizeof(words));
	set_tlb_flags(endpoint, words);
	if (smmu_entry_is_valid(before) && !iommu_device_tlb_is_lost(&endpoint->common.tlb)) {
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
	iommu_smmu_stream_put(endpoint, before);
	return stays_blocked(endpoint) ? IOMMU_EIO : status;
}

int iommu_smmu_stream_close(struct iommu_driven_endpoint *common)
{
	return iommu_smmu_stream_write(smmu_own(common), NULL);
}

/* --- Translations ----------------------------------------------------------------------------- */

int iommu_smmu_translation_set(struct smmu_endpoint *endpoint, uint32_t pasid,
			       const struct smmu_translation *translation)
{
	uint64_t before[SMMU_STE_WORDS], words[SMMU_STE_WORDS];
	int status;

#if IOMMU_CONFIG_SCALABLE
	if (endpoint->contexts != NULL)
		return iommu_smmu_context_set(endpoint, pasid, translation);
#endif
	if (pasid != 0)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its PASIDs are not enabled");
	if (translation == NULL)
		return iommu_smmu_stream_write(endpoint, NULL);
	/* Before the context that is not in use is filled: hardware may not have left it. */
	status = iommu_driven_confirm(endpoint->common.unit);
	if (status != 0)
		return status;
	iommu_smmu_stream_load(endpoint, before);
	iommu_smmu_stream_describe(endpoint, translation, before, words);
	return iommu_smmu_stream_write(endpoint, words);
}

void iommu_smmu_translation_put_back(struct smmu_endpoint *endpoint,
				     const struct smmu_translation *translation)
{
	const uint64_t before[SMMU_STE_WORDS] = {0};
	uint64_t words[SMMU_STE_WORDS];

#if IOMMU_CONFIG_SCALABLE
	if (endpoint->contexts != NULL) {
		iommu_smmu_context_put_back(endpoint, translation);
		(void)stays_blocked(endpoint);
		return;
	}
#endif
	iommu_smmu_stream_describe(endpoint, translation, before, words);
	set_tlb_flags(endpoint, words);
	store_anew(endpoint, words);
	(void)stays_blocked(endpoint);
}
