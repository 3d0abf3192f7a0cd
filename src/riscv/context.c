/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing device contexts, and the invalidations for it (RISC-V IOMMU specification 1.0.0, 6.2 to
 * 6.4, "Guidelines for updating in-memory data structures"). Those of processes are in process.c.
 *
 * Hardware may read the words of a context in any order. A context becomes valid by the store of
 * its first word, after all others, and not valid by a store to that word, before all others; what
 * is not valid is never cached. Between the two it changes only through the not valid state, except
 * for single flags of the first word. Invalidations:
 *   valid -> not valid  its directory entries; with a second stage all of the guest's translations
 *                       of both stages; with processes those of all processes of the host;
 *                       otherwise those of its process id. Then the device's TLB
 *   not valid -> valid  nothing, unless an invalidation has ever failed: then what may be left
 *                       under the ids that it names, of a user before. Emulators that want it are
 *                       told of the context, too, behind that
 *
 * Without PASIDs the device context says how requests are translated. With them it leads to a
 * process directory, in which process 0 stands for requests without a PASID; it is valid as long as
 * one process is.
 *
 * Contexts change on the control path, with one exception: a device that does not invalidate its
 * TLB is blocked at once, in any context. The blocking CPU marks the endpoint and then clears the
 * context; the CPU that writes one checks the mark afterwards. In either order the context ends up
 * not valid.
 */
#include "riscv/context.h"

#include <libiommu/status.h>

#include "base/atomic.h"
#include "base/byteorder.h"
#include "base/memory.h"
#include "riscv/command.h"
#include "riscv/directory.h"
#include "riscv/endpoint.h"
#include "riscv/process.h"
#include "riscv/unit.h"

/* --- Words ------------------------------------------------------------------------------------ */

static unsigned int word_count(const struct riscv_unit *unit)
{
	return unit->extended ? RISCV_CONTEXT_WORDS : RISCV_CONTEXT_WORDS_BASE;
}

/* All ids of an endpoint have the same context: that of the first. */
void iommu_riscv_context_load(const struct riscv_endpoint *endpoint, uint64_t *words)
{
	const iommu_cell_t *context =
		iommu_riscv_context_find(riscv_unit_behind(endpoint), endpoint->common.ids.ids[0]);
	unsigned int i;

	memset(words, 0, RISCV_CONTEXT_WORDS * sizeof(*words));
	for (i = 0; context != NULL && i < word_count(riscv_unit_behind(endpoint)); i++)
		words[i] = iommu_le64(iommu_cell_load(&context[i]));
}

static void store_control(struct riscv_endpoint *endpoint, uint64_t tc)
{
	unsigned int i;

	for (i = 0; i < endpoint->common.ids.count; i++)
		iommu_cell_store_release(&iommu_riscv_context_find(riscv_unit_behind(endpoint),
								   endpoint->common.ids.ids[i])[0],
					 iommu_le64(tc));
}

static void store(struct riscv_endpoint *endpoint, const uint64_t *words)
{
	unsigned int i, word;

	for (i = 0; i < endpoint->common.ids.count; i++) {
		iommu_cell_t *context = iommu_riscv_context_find(riscv_unit_behind(endpoint),
								 endpoint->common.ids.ids[i]);

		for (word = 1; word < word_count(riscv_unit_behind(endpoint)); word++)
			iommu_cell_store(&context[word], iommu_le64(words[word]));
	}
	store_control(endpoint, words[RISCV_CONTEXT_TC]);
}

/* A device that was blocked meanwhile stays so: see the head of this file. */
static bool stays_blocked(struct riscv_endpoint *endpoint)
{
	iommu_full_fence();
	if (!iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return false;
	store_control(endpoint, 0);
	return true;
}

void iommu_riscv_context_block(struct riscv_endpoint *endpoint)
{
	__atomic_store_n(&endpoint->common.tlb.lost, true, __ATOMIC_SEQ_CST);
	iommu_full_fence();
	store_control(endpoint, 0);
}

/*
 * Do these words lead to a directory of a guest's, by which the device may keep translations of
 * PASIDs that the host does not know?
 */
static bool has_guest_pasids(const struct riscv_endpoint *endpoint, const uint64_t *words)
{
	return (words[RISCV_CONTEXT_TC] & RISCV_TC_PDTV) != 0 &&
	       riscv_root_mode(words[RISCV_CONTEXT_IOHGATP]) != RISCV_IOHGATP_BARE &&
	       riscv_endpoint_has_pasids(endpoint);
}

/*
 * What the device may do with its TLB under these words. Where there is a second stage and the unit
 * can, the device is told guest addresses: what it makes of them is translated once more. Of
 * PASIDs of a guest's only a device that can be told to forget all of them may keep anything.
 */
static uint64_t tlb_flags(const struct riscv_endpoint *endpoint, const uint64_t *words)
{
	uint64_t flags = RISCV_TC_EN_ATS;

	if (!endpoint->common.device_tlb || endpoint->common.tlb.unknown ||
	    endpoint->common.tlb.off)
		return 0;
	if (has_guest_pasids(endpoint, words) && !endpoint->common.base->info.tlb_global_invalidate)
		return 0;
	if (words[RISCV_CONTEXT_IOHGATP] != 0 &&
	    riscv_has(riscv_unit_behind(endpoint), RISCV_CAP_T2GPA))
		flags |= RISCV_TC_T2GPA;
	if (endpoint->common.page_requests)
		flags |= RISCV_TC_EN_PRI |
			 (endpoint->common.base->info.page_responses_without_pasid ? 0
										   : RISCV_TC_PRPR);
	return flags;
}

static void set_tlb_flags(struct riscv_endpoint *endpoint, uint64_t *words)
{
	words[RISCV_CONTEXT_TC] &=
		~(RISCV_TC_EN_ATS | RISCV_TC_EN_PRI | RISCV_TC_PRPR | RISCV_TC_T2GPA);
	if (riscv_context_is_valid(words))
		words[RISCV_CONTEXT_TC] |= tlb_flags(endpoint, words);
	if ((words[RISCV_CONTEXT_TC] & RISCV_TC_EN_ATS) != 0 && has_guest_pasids(endpoint, words))
		endpoint->guest_pasids = true;
}

void iommu_riscv_context_put(struct riscv_endpoint *endpoint, uint64_t *words)
{
	set_tlb_flags(endpoint, words);
	store(endpoint, words);
}

/* --- Telling hardware ------------------------------------------------------------------------- */

static void add_directory(struct iommu_batch *batch, const struct riscv_endpoint *endpoint)
{
	/* Of one id itself; of several everything, which is no more commands. */
	riscv_batch_add(batch, endpoint->common.ids.count == 1
				       ? riscv_command_inval_device(endpoint->common.ids.ids[0])
				       : riscv_command_inval_directories());
}

/* What may be cached of translations under the ids of a device context. */
static void add_translations(struct iommu_batch *batch, const uint64_t *words)
{
	const uint16_t guest = riscv_iohgatp_gscid(words[RISCV_CONTEXT_IOHGATP]);

	if (riscv_root_mode(words[RISCV_CONTEXT_IOHGATP]) != RISCV_IOHGATP_BARE) {
		riscv_batch_add(batch, riscv_command_of_guest(riscv_command_vma(), guest));
		riscv_batch_add(batch, riscv_command_of_guest(riscv_command_gvma(), guest));
	} else if ((words[RISCV_CONTEXT_TC] & RISCV_TC_PDTV) != 0) {
		riscv_batch_add(batch, riscv_command_vma());
	} else if (riscv_root_mode(words[RISCV_CONTEXT_FSC]) != RISCV_IOSATP_BARE) {
		riscv_batch_add(batch,
				riscv_command_of_process(riscv_command_vma(),
							 riscv_ta_pscid(words[RISCV_CONTEXT_TA])));
	}
}

/* Does a device keep translations by a context of these words, as far as is known? */
static bool keeps(const uint64_t *words)
{
	return IOMMU_CONFIG_DEVICE_TLB && riscv_context_is_valid(words) &&
	       (words[RISCV_CONTEXT_TC] & RISCV_TC_EN_ATS) != 0;
}

/* Everything that the device keeps without a PASID, and of a guest's PASIDs. */
static void add_whole_tlb(struct iommu_batch *batch, struct riscv_endpoint *endpoint)
{
	iommu_riscv_batch_add_device(batch, endpoint, 0, 0, 64);
	if (endpoint->guest_pasids)
		iommu_riscv_batch_add_all_pasids(batch, endpoint);
}

static void tlb_is_empty(struct riscv_endpoint *endpoint)
{
	endpoint->common.tlb.unknown = false;
	endpoint->guest_pasids = false;
}

/* The context has gone: make hardware forget it, and what was translated through it. */
static int forget(struct riscv_endpoint *endpoint, const uint64_t *words)
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
		(void)iommu_riscv_queue_hold(riscv_unit_behind(endpoint));
	add_directory(&batch, endpoint);
	add_translations(&batch, words);
	if (kept && iommu_driven_is_asked(&endpoint->common) && endpoint->processes == NULL)
		add_whole_tlb(&batch, endpoint);
	status = iommu_driven_execute(&endpoint->common, &batch);
	/* With PASIDs it may have any of them: it is emptied before it is used again. */
	if (kept && status == 0 && !endpoint->common.in_reset && endpoint->processes == NULL)
		tlb_is_empty(endpoint);
	return status;
}

/* Before a context is valid that names ids which a failed invalidation was of. */
static int clean_ids(struct riscv_endpoint *endpoint, const uint64_t *words)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common) ||
	    !iommu_driven_may_know_ids(endpoint->common.unit))
		return 0;
	add_translations(&batch, words);
	return iommu_driven_execute(&endpoint->common, &batch);
}

static int tell_context(struct riscv_endpoint *endpoint)
{
	struct iommu_batch batch = {.count = 0};

	if (!iommu_driven_is_active(&endpoint->common))
		return 0;
	add_directory(&batch, endpoint);
	return iommu_driven_execute(&endpoint->common, &batch);
}

/* A context has become valid. */
static int announce(struct riscv_endpoint *endpoint)
{
	return riscv_tells_valid(riscv_unit_behind(endpoint)) ? tell_context(endpoint) : 0;
}

/* --- Devices' TLBs ---------------------------------------------------------------------------- */

#if IOMMU_CONFIG_DEVICE_TLB

int iommu_riscv_tlb_empty(struct iommu_driven_endpoint *common)
{
	struct riscv_endpoint *endpoint = riscv_own(common);
	struct iommu_batch batch = {.count = 0};
	int status = 0;

	add_whole_tlb(&batch, endpoint);
	if (endpoint->processes != NULL && common->base->info.tlb_global_invalidate)
		iommu_riscv_batch_add_all_pasids(&batch, endpoint);
	else if (endpoint->processes != NULL)
		status = iommu_riscv_processes_forget(endpoint, &batch);
	return status == 0 ? iommu_driven_execute(&endpoint->common, &batch) : status;
}

/* Flags of the first word alone change in place, by one store. */
bool iommu_riscv_tlb_store(struct iommu_driven_endpoint *common)
{
	struct riscv_endpoint *endpoint = riscv_own(common);
	uint64_t words[RISCV_CONTEXT_WORDS];

	iommu_riscv_context_load(endpoint, words);
	if (!riscv_context_is_valid(words))
		return false;
	set_tlb_flags(endpoint, words);
	store_control(endpoint, words[RISCV_CONTEXT_TC]);
	return !stays_blocked(endpoint);
}

bool iommu_riscv_tlb_keeps(const struct iommu_driven_endpoint *common)
{
	uint64_t words[RISCV_CONTEXT_WORDS];

	iommu_riscv_context_load(riscv_own(common), words);
	return keeps(words);
}

int iommu_riscv_context_tell(struct iommu_driven_endpoint *common)
{
	return tell_context(riscv_own(common));
}

#endif

/* --- Device contexts -------------------------------------------------------------------------- */

/* An emulator did not confirm that it has seen a context: the one before it, if there was one. */
static void take_back(struct riscv_endpoint *endpoint, const uint64_t *words, uint64_t *before)
{
	store_control(endpoint, 0);
	(void)forget(endpoint, words);
	set_tlb_flags(endpoint, before);
	if (riscv_context_is_valid(before))
		store(endpoint, before);
}

/*
 * Change the context of an endpoint, or block it (NULL). On failure it is as before, except that
 * what was to be blocked stays blocked, and so does a device that did not answer.
 */
int iommu_riscv_context_write(struct riscv_endpoint *endpoint, const uint64_t *wanted)
{
	uint64_t words[RISCV_CONTEXT_WORDS], before[RISCV_CONTEXT_WORDS];
	int status = 0;

	/* What the unit may still hold of a context before this one would be used in its place. */
	if (wanted != NULL)
		status = iommu_driven_confirm(endpoint->common.unit);
	if (status != 0)
		return status;
	iommu_riscv_context_load(endpoint, before);
	if (riscv_context_is_valid(before) || iommu_device_tlb_is_lost(&endpoint->common.tlb)) {
		store_control(endpoint, 0);
		status = forget(endpoint, before);
		if (status == 0 && riscv_context_is_valid(before))
			status = iommu_driven_drain(&endpoint->common);
	}
	if (wanted == NULL)
		return status;
	if (status == 0)
		status = iommu_driven_tlb_empty(&endpoint->common);
	if (status == 0)
		status = clean_ids(endpoint, wanted);
	if (iommu_device_tlb_is_lost(&endpoint->common.tlb))
		return IOMMU_EIO;
	memcpy(words, status == 0 ? wanted : before, sizeof(words));
	/* What hardware may know of either: the one before is what callers go by. */
	set_tlb_flags(endpoint, words);
	if (riscv_context_is_valid(words))
		store(endpoint, words);
	if (status == 0 && riscv_context_is_valid(words)) {
		status = announce(endpoint);
		if (status != 0)
			take_back(endpoint, words, before);
	}
	return stays_blocked(endpoint) ? IOMMU_EIO : status;
}

int iommu_riscv_context_close(struct iommu_driven_endpoint *common)
{
	return iommu_riscv_context_write(riscv_own(common), NULL);
}

/* --- Page requests ---------------------------------------------------------------------------- */

int iommu_riscv_page_requests_set(struct riscv_endpoint *endpoint, bool enable)
{
	uint64_t words[RISCV_CONTEXT_WORDS];
	int status;

	if (endpoint->common.page_requests == enable)
		return 0;
	iommu_riscv_context_load(endpoint, words);
	endpoint->common.page_requests = enable;
	if (!riscv_context_is_valid(words))
		return 0;
	/* Through the not valid state, as the specification asks for. */
	status = iommu_riscv_context_write(endpoint, words);
	if (status == 0)
		return 0;
	endpoint->common.page_requests = !enable;
	iommu_driven_tlb_suspect(&endpoint->common);
	return status;
}

/* --- Translations ----------------------------------------------------------------------------- */

int iommu_riscv_translation_set(struct riscv_endpoint *endpoint, uint32_t pasid,
				const struct riscv_translation *translation)
{
#if IOMMU_CONFIG_SCALABLE
	if (endpoint->processes != NULL)
		return iommu_riscv_process_set(endpoint, pasid, translation);
#endif
	if (pasid != 0)
		return IOMMU_REFUSE_ENDPOINT(&endpoint->common, IOMMU_EOPNOTSUPP,
					     "its PASIDs are not enabled");
	return iommu_riscv_context_write(endpoint, translation != NULL ? translation->words : NULL);
}

void iommu_riscv_translation_put_back(struct riscv_endpoint *endpoint, uint32_t pasid,
				      const struct riscv_translation *translation)
{
	uint64_t words[RISCV_CONTEXT_WORDS];

#if IOMMU_CONFIG_SCALABLE
	if (endpoint->processes != NULL) {
		iommu_riscv_process_put_back(endpoint, pasid, translation);
		(void)stays_blocked(endpoint);
		return;
	}
#endif
	(void)pasid;
	memcpy(words, translation->words, sizeof(words));
	iommu_riscv_context_put(endpoint, words);
	(void)stays_blocked(endpoint);
}
