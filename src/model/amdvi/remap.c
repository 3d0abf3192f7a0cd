/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts of devices and I/O APICs (48882, "Interrupt Remapping"): what of them passes, and the
 * entries of interrupt remapping tables, of 32 bits, or of 128 with GAEn. Entries are cached by
 * device and index; those without RemapEn only with NpCache.
 *
 * Which kind of an interrupt a message is, 10:8 of its data say, as a processor has it: fixed and
 * arbitrated ones are remapped, and these bits are a part of the index. Where 2,048 interrupts are
 * enabled and bit 2 of the address is set, all values are.
 */
#include <libiommu/status.h>

#include "model/amdvi/journey.h"

struct request {
	struct journey j;
	const struct iommu_model_amdvi_message *message;
	struct iommu_model_amdvi_remapped *result;
	struct model_traces *traces;
	uint32_t index;
	amdvi_word_t words[AMDVI_IRTE_LONG_WORDS]; /* of an entry of 32 bits: the first has it */
	bool hides_fault;                          /* IG, SupIOPF */
};

/* Kinds of INVALID_DEVICE_REQUEST. */
#define KIND_RESERVED_INTERRUPT 5U

/* Delivery modes of messages. */
#define MODE(data)      ((data) >> 8 & 7)
#define MODE_ARBITRATED 1U
#define MODE_SMI        2U
#define MODE_NMI        4U
#define MODE_INIT       5U
#define MODE_EXTINT     7U

static unsigned int fault(struct request *r, bool is_present, bool is_reserved)
{
	return journey_page_fault(
		&r->j, r->message->address,
		(struct model_fault){.is_present = is_present, .is_reserved = is_reserved});
}

static bool has_long_entries(const struct request *r)
{
	return journey_control(&r->j, AMDVI_CONTROL_GA_EN);
}

/* --- Entries ---------------------------------------------------------------------------------- */

static bool recall(struct request *r)
{
	struct model_cached found;

	if (journey_control(&r->j, AMDVI_CONTROL_IRT_CACHE_DIS) ||
	    !journey_find(&r->j, MODEL_INTERRUPT, r->j.devid, 0, r->index, &found))
		return false;
	r->words[0] = found.low;
	r->words[1] = found.third;
	return true;
}

static void remember(const struct request *r)
{
	const struct model_cached entry = {
		.kind = MODEL_INTERRUPT,
		.tag = r->j.devid,
		.address = r->index,
		.low = r->words[0],
		.third = r->words[1],
	};
	const bool is_present = amdvi_has(r->words, AMDVI_IRTE_REMAP_EN);

	if (!journey_control(&r->j, AMDVI_CONTROL_IRT_CACHE_DIS) &&
	    (is_present || model_flag(r->j.model, IOMMU_MODEL_AMDVI_NP_CACHE)))
		journey_remember(&r->j, &entry);
}

/* False: there is no memory. */
static bool read_short(struct request *r, uint64_t place)
{
	const struct iommu_model_amdvi_host *host = &r->j.model->config.host;
	uint32_t entry;

	if ((place >= r->j.corrupt_first && place <= r->j.corrupt_last) ||
	    place > model_last_address(r->j.model) ||
	    !host->read(host->ctx, place, &entry, sizeof(entry)))
		return false;
	r->words[0] = iommu_le32(entry);
	r->words[1] = 0;
	return true;
}

static unsigned int find_entry(struct request *r)
{
	const amdvi_word_t *dte = r->j.dte.words;
	const uint32_t size = has_long_entries(r) ? AMDVI_IRTE_LONG_SIZE : AMDVI_IRTE_SIZE;
	const uint64_t place = amdvi_address(dte, AMDVI_DTE_INT_ROOT) + (uint64_t)r->index * size;

	if (r->index >> amdvi_get(dte, AMDVI_DTE_INT_TAB_LEN) != 0)
		return fault(r, false, false);
	if (recall(r))
		return 0;
	if (!model_passage_walks(r->j.passage))
		return MODEL_AGAIN;
	journey_count_walk(&r->j);
	if (has_long_entries(r) ? !journey_read(&r->j, place, r->words, 2) : !read_short(r, place))
		return journey_hardware_error(&r->j, AMDVI_PAGE_TAB_HARDWARE_ERROR, place);
	remember(r);
	return 0;
}

/* --- What an entry says ----------------------------------------------------------------------- */

/* GuestMode, with a virtual APIC. */
static bool is_guest(const struct request *r)
{
	return amdvi_has(r->words, AMDVI_IRTE_GUEST_MODE);
}

static bool may_be_guest(const struct request *r)
{
	return has_long_entries(r) && journey_control(&r->j, AMDVI_CONTROL_GAM_EN);
}

#define LONG_RESERVED_1      0x00ffffffffffff00ULL /* 119:72 */
#define GUEST_RESERVED_1     0xfff0000000000f00ULL /* 127:116, 75:72 */
#define GUEST_RESERVED_0     0x0000000000000018ULL /* 4:3 */
#define LONG_HOST_RESERVED_0 0xffffffff00000000ULL

static bool has_reserved_bits(const struct request *r)
{
	if (!has_long_entries(r))
		return (r->words[0] & AMDVI_IRTE_RESERVED) != 0 || is_guest(r);
	if (is_guest(r))
		return !may_be_guest(r) || (r->words[0] & GUEST_RESERVED_0) != 0 ||
		       (r->words[1] & GUEST_RESERVED_1) != 0;
	return (r->words[0] & LONG_HOST_RESERVED_0) != 0 || (r->words[1] & LONG_RESERVED_1) != 0;
}

static unsigned int check_entry(struct request *r)
{
	r->hides_fault |= amdvi_has(r->words, AMDVI_IRTE_SUP_IOPF);
	if (!amdvi_has(r->words, AMDVI_IRTE_REMAP_EN))
		return fault(r, false, false);
	if (has_reserved_bits(r))
		return fault(r, true, true);
	if (!is_guest(r) && amdvi_get(r->words, AMDVI_IRTE_INT_TYPE) > AMDVI_INT_TYPE_ARBITRATED)
		return fault(r, true, true);
	return 0;
}

static uint32_t destination_of(const struct request *r)
{
	const struct amdvi_irte_long irte = {{r->words[0], r->words[1]}};
	const uint32_t destination = amdvi_irte_long_destination(&irte);

	if (!has_long_entries(r))
		return (uint32_t)amdvi_get(r->words, AMDVI_IRTE_DESTINATION);
	if (is_guest(r))
		return (uint32_t)amdvi_get(r->words, AMDVI_IRTE_DESTINATION_LOW);
	return journey_control(&r->j, AMDVI_CONTROL_XT_EN) ? destination : destination & 0xff;
}

/* A processor that runs is told; for one that does not the driver is, by the log. */
static void deliver_to_guest(struct request *r)
{
	struct iommu_model_amdvi_remapped *result = r->result;
	uint64_t record;

	result->is_guest = true;
	result->is_running = amdvi_has(r->words, AMDVI_IRTE_IS_RUN);
	result->virtual_apic = amdvi_get(r->words, AMDVI_IRTE_VAPIC_PAGE) << 12;
	result->tag = (uint32_t)amdvi_get(r->words, AMDVI_IRTE_GA_TAG);
	if (result->is_running || !amdvi_has(r->words, AMDVI_IRTE_GA_LOG_INTR) || r->j.peeks)
		return;
	record = amdvi_place(AMDVI_GA_LOG_TAG, result->tag) |
		 amdvi_place(AMDVI_GA_LOG_DEVID, r->j.devid) | amdvi_place(AMDVI_GA_LOG_CODE, 1);
	r->traces->has_guest = true;
	r->traces->guest = record;
}

static void deliver(struct request *r)
{
	struct iommu_model_amdvi_remapped *result = r->result;

	result->vector = (uint8_t)amdvi_get(r->words, has_long_entries(r) ? AMDVI_IRTE_LONG_VECTOR
									  : AMDVI_IRTE_VECTOR);
	result->destination = destination_of(r);
	if (is_guest(r)) {
		deliver_to_guest(r);
		return;
	}
	result->arbitrated = amdvi_get(r->words, AMDVI_IRTE_INT_TYPE) == AMDVI_INT_TYPE_ARBITRATED;
	result->logical = amdvi_has(r->words, AMDVI_IRTE_DM);
	result->wants_eoi = amdvi_has(r->words, AMDVI_IRTE_RQ_EOI);
}

/* --- What a message is ------------------------------------------------------------------------ */

static unsigned int remap(struct request *r)
{
	unsigned int code;

	r->index = r->message->data & (AMDVI_IRTE_MAX - 1);
	code = find_entry(r);
	if (code == 0)
		code = check_entry(r);
	if (code != 0)
		return code;
	deliver(r);
	/* The GA log is written before an invalidation of the entry is complete. */
	return r->traces->has_guest && !model_passage_walks(r->j.passage) ? MODEL_AGAIN : 0;
}

static unsigned int forward(struct request *r)
{
	r->result->unchanged = true;
	return 0;
}

/* By a bit of the entry alone. */
static unsigned int forward_if(struct request *r, unsigned int field)
{
	return amdvi_has(r->j.dte.words, field) ? forward(r) : fault(r, false, false);
}

static unsigned int by_control(struct request *r)
{
	switch (amdvi_get(r->j.dte.words, AMDVI_DTE_INT_CTL)) {
	case AMDVI_INT_CTL_FORWARD:
		return forward(r);
	case AMDVI_INT_CTL_REMAP:
		return remap(r);
	default:
		return fault(r, false, false);
	}
}

static bool has_wide_index(const struct request *r)
{
	return amdvi_bits(r->j.control, AMDVI_CONTROL_INT_REMAP_MODE) != 0 &&
	       (r->message->address >> 2 & 1) != 0;
}

static unsigned int by_mode(struct request *r)
{
	const unsigned int mode = MODE(r->message->data);

	if (mode <= MODE_ARBITRATED || has_wide_index(r))
		return by_control(r);
	switch (mode) {
	case MODE_SMI:
		return forward(r);
	case MODE_NMI:
		return forward_if(r, AMDVI_DTE_NMI_PASS);
	case MODE_INIT:
		return forward_if(r, AMDVI_DTE_INIT_PASS);
	case MODE_EXTINT:
		return forward_if(r, AMDVI_DTE_EINT_PASS);
	default:
		r->j.fault = (struct model_fault){.detail = KIND_RESERVED_INTERRUPT,
						  .address = r->message->address};
		return AMDVI_INVALID_DEVICE_REQUEST;
	}
}

/* V does not count: interrupts have a valid bit of their own. */
static unsigned int go(struct request *r)
{
	unsigned int code;

	if (!journey_control(&r->j, AMDVI_CONTROL_IOMMU_EN))
		return forward(r);
	code = iommu_amdmodel_find_device(&r->j);
	if (code != 0)
		return code;
	if (!amdvi_has(r->j.dte.words, AMDVI_DTE_IV))
		return forward(r);
	code = iommu_amdmodel_check_interrupt_half(&r->j);
	if (code != 0)
		return code;
	r->hides_fault = amdvi_has(r->j.dte.words, AMDVI_DTE_IG);
	switch (r->message->kind) {
	case IOMMU_MODEL_AMDVI_LINT0:
		return forward_if(r, AMDVI_DTE_LINT0_PASS);
	case IOMMU_MODEL_AMDVI_LINT1:
		return forward_if(r, AMDVI_DTE_LINT1_PASS);
	case IOMMU_MODEL_AMDVI_MESSAGE:
	default:
		return by_mode(r);
	}
}

/* --- The passage ------------------------------------------------------------------------------ */

/* Answer the interrupt, with the passage still open. */
static unsigned int pass(struct request *r, struct model_passage *passage,
			 struct iommu_model_amdvi *model)
{
	unsigned int code;
	bool holds;

	do {
		iommu_amdmodel_journey_begin(&r->j, model, passage, r->message->devid,
					     r->message->address);
		r->j.is_interrupt = true;
		r->hides_fault = false;
		*r->traces = (struct model_traces){0};
		*r->result = (struct iommu_model_amdvi_remapped){0};
		code = go(r);
		holds = code != MODEL_AGAIN && model_passage_holds(passage);
		if (holds && code != 0 && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	if (code != 0)
		*r->result = (struct iommu_model_amdvi_remapped){.event = code};
	return code;
}

int iommu_model_amdvi_interrupt(struct iommu_model_amdvi *model,
				const struct iommu_model_amdvi_message *message,
				struct iommu_model_amdvi_remapped *interrupt)
{
	struct model_traces traces;
	struct request r = {.message = message, .result = interrupt, .traces = &traces};
	struct model_passage passage;
	unsigned int code;

	model_count_up(&model_counter_of(model->counters, message->devid)->requests);
	model_passage_begin(&passage, &model->cache, false);
	code = pass(&r, &passage, model);
	if (code != 0 && !(code == AMDVI_IO_PAGE_FAULT && r.hides_fault))
		iommu_amdmodel_leave_traces(&r.j, code, &traces);
	iommu_amdmodel_passage_end(model, &passage, &traces);
	return code == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_amdvi_peek_interrupt(struct iommu_model_amdvi *model,
				     const struct iommu_model_amdvi_message *message,
				     struct iommu_model_amdvi_remapped *interrupt)
{
	struct model_traces traces;
	struct request r = {.message = message, .result = interrupt, .traces = &traces};
	struct model_passage passage;
	unsigned int code;

	model_passage_begin(&passage, &model->cache, true);
	code = pass(&r, &passage, model);
	iommu_amdmodel_passage_end(model, &passage, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}
