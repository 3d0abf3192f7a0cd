/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request of a device for memory, from the unit's switch to its translation, or its event and how
 * it ends (48882, "Device Table", "IOTLB", "Exclusion Range", "Event Logging").
 */
#include <libiommu/status.h>

#include "model/amdvi/journey.h"

/* Kinds of INVALID_DEVICE_REQUEST. */
#define KIND_READ_OF_INTERRUPTS      0U
#define KIND_TRANSLATED              1U
#define KIND_TRANSLATED_INTERRUPT    4U
#define KIND_SYSTEM_MANAGEMENT       6U
#define KIND_TRANSLATION_IS_DISABLED 1U /* of translation requests */

/* --- The request ------------------------------------------------------------------------------ */

void iommu_amdmodel_journey_begin(struct journey *j, struct iommu_model_amdvi *model,
				  struct model_passage *passage, uint16_t devid, uint64_t address)
{
	const struct model_published *published = &model->published;

	*j = (struct journey){
		.model = model,
		.passage = passage,
		.devid = devid,
		.address = address,
		.peeks = passage->peeks,
		.control = iommu_cell_load(&published->control),
		.exclusion_base = iommu_cell_load(&published->exclusion_base),
		.exclusion_limit = iommu_cell_load(&published->exclusion_limit),
		.corrupt_first = iommu_cell_load(&published->corrupt_first),
		.corrupt_last = iommu_cell_load(&published->corrupt_last),
	};
	/* 0 for both: nothing is corrupt. */
	if (j->corrupt_last == 0)
		j->corrupt_first = UINT64_MAX;
}

static void describe_request(struct journey *j, const struct iommu_model_amdvi_request *request)
{
	const bool asks = request->type == IOMMU_MODEL_AMDVI_TRANSLATION_REQUEST;

	j->writes = (request->access & IOMMU_PROT_WRITE) != 0;
	j->reads = asks || !j->writes || (request->access & IOMMU_PROT_READ) != 0;
	j->has_pasid = request->has_pasid;
	j->pasid = request->has_pasid ? request->pasid : 0;
	j->executes = request->has_pasid && request->execute && !j->writes && !asks;
	j->privileged =
		request->has_pasid && request->privileged && model_efr(j->model, AMDVI_EFR_US);
	j->takes_less = asks;
}

/* --- Ranges that are not translated ----------------------------------------------------------- */

struct range {
	uint64_t first, last;
};

static const struct range interrupt_range = {AMDVI_INTERRUPT_RANGE_START,
					     AMDVI_INTERRUPT_RANGE_LAST};
static const struct range hypertransport_range = {AMDVI_HYPERTRANSPORT_RANGE_START,
						  AMDVI_HYPERTRANSPORT_RANGE_LAST};

static bool is_in(uint64_t address, const struct range *range)
{
	return address >= range->first && address <= range->last;
}

static bool has_hypertransport(const struct journey *j)
{
	return !model_efr2(j->model, AMDVI_EFR2_HT_RANGE_IGNORE);
}

/* Addresses with a PASID are of a guest's own. */
static bool is_interrupt_range(const struct journey *j)
{
	return !j->has_pasid && is_in(j->address, &interrupt_range);
}

static bool is_hypertransport_range(const struct journey *j)
{
	return !j->has_pasid && has_hypertransport(j) && is_in(j->address, &hypertransport_range);
}

/* The exclusion range, as it is for the device. False: there is none. */
static bool exclusion_of(const struct journey *j, struct range *range)
{
	const uint64_t base = j->exclusion_base;

	*range = (struct range){base & amdvi_field_mask(AMDVI_EXCLUSION_ADDRESS),
				j->exclusion_limit | 0xfff};
	return !j->has_pasid && amdvi_bits(base, AMDVI_EXCLUSION_ENABLE) != 0 &&
	       (amdvi_bits(base, AMDVI_EXCLUSION_ALLOW_ALL) != 0 ||
		amdvi_has(j->dte.words, AMDVI_DTE_EX));
}

/* The largest aligned block around an address that lies in the range, or outside, as it does. */
static unsigned int cut(uint64_t address, unsigned int shift, const struct range *range)
{
	for (; shift > 12; shift--) {
		const uint64_t rest = shift >= 64 ? UINT64_MAX : (1ULL << shift) - 1;
		const struct range block = {address & ~rest, address | rest};

		if (block.last < range->first || block.first > range->last ||
		    (block.first >= range->first && block.last <= range->last))
			break;
	}
	return shift;
}

static unsigned int limit_shift(const struct journey *j, unsigned int shift)
{
	struct range exclusion;

	if (shift > j->model->config.physical_bits)
		shift = j->model->config.physical_bits;
	if (j->has_pasid)
		return shift;
	shift = cut(j->address, shift, &interrupt_range);
	if (has_hypertransport(j))
		shift = cut(j->address, shift, &hypertransport_range);
	return exclusion_of(j, &exclusion) ? cut(j->address, shift, &exclusion) : shift;
}

/* --- The entry -------------------------------------------------------------------------------- */

static bool passes(const struct journey *j)
{
	return !amdvi_has(j->dte.words, AMDVI_DTE_V);
}

/* Whose address it is: a guest table's with a PASID, or where the device has one without. */
static unsigned int choose_table(struct journey *j)
{
	const bool has_guest = amdvi_has(j->dte.words, AMDVI_DTE_GV);

	j->is_of_guest = j->has_pasid || (has_guest && amdvi_has(j->dte.words, AMDVI_DTE_GIOV));
	if (!j->is_of_guest || has_guest)
		return 0;
	return journey_page_fault(j, j->address, (struct model_fault){.is_of_guest = true});
}

unsigned int iommu_amdmodel_find_stages(struct journey *j)
{
	unsigned int code = iommu_amdmodel_find_device(j);

	if (code != 0 || passes(j))
		return code;
	code = iommu_amdmodel_check_memory_half(j);
	if (code != 0)
		return code;
	if (!amdvi_has(j->dte.words, AMDVI_DTE_TV))
		return journey_page_fault(j, j->address, (struct model_fault){0});
	return choose_table(j);
}

/* What the entry allows of all that the tables do. */
static unsigned int allowed_flags(const struct journey *j)
{
	unsigned int flags = 0;

	if (amdvi_has(j->dte.words, AMDVI_DTE_IR))
		flags |= MODEL_READ | MODEL_EXECUTE;
	if (amdvi_has(j->dte.words, AMDVI_DTE_IW))
		flags |= MODEL_WRITE;
	return flags;
}

/* --- Translation ------------------------------------------------------------------------------ */

static void arrive_unchanged(const struct journey *j, struct model_arrival *arrival)
{
	*arrival = (struct model_arrival){
		.paddr = j->address,
		.shift = limit_shift(j, 64),
		.flags = MODEL_READ | MODEL_WRITE | MODEL_EXECUTE,
	};
}

static unsigned int by_host_table(struct journey *j, struct model_arrival *arrival)
{
	const struct model_asks asks = journey_asks(j);
	struct model_leaf leaf;
	const unsigned int code = iommu_amdmodel_host(j, j->address, &asks, &leaf);

	arrival->absent = leaf.absent;
	if (code != 0)
		return code;
	arrival->paddr = leaf.address;
	arrival->shift = leaf.shift;
	arrival->flags = leaf.flags & (MODEL_READ | MODEL_COHERENT);
	if ((leaf.flags & MODEL_READ) != 0)
		arrival->flags |= MODEL_EXECUTE;
	if ((leaf.flags & MODEL_WRITE) != 0 && (leaf.flags & MODEL_DIRTY) != 0)
		arrival->flags |= MODEL_WRITE;
	return 0;
}

/* What the device's entry forbids is not looked for in tables, and marks nothing there. */
static unsigned int check_entry(struct journey *j, unsigned int allowed)
{
	const struct model_asks asks = journey_asks(j);

	if (j->takes_less)
		j->writes = j->writes && (allowed & MODEL_WRITE) != 0;
	else if (!model_allows(allowed, &asks))
		return journey_page_fault(j, j->address,
					  (struct model_fault){.is_present = true,
							       .is_denied = true,
							       .is_of_guest = j->is_of_guest});
	return 0;
}

static unsigned int by_tables(struct journey *j, struct model_arrival *arrival)
{
	const unsigned int allowed = allowed_flags(j);
	unsigned int code = check_entry(j, allowed);

	arrival->absent = 64;
	if (code == 0)
		code = j->is_of_guest ? iommu_amdmodel_guest(j, arrival)
				      : by_host_table(j, arrival);
	if (code != 0)
		return code;
	arrival->flags &= allowed | MODEL_COHERENT;
	arrival->shift = limit_shift(j, arrival->shift);
	return 0;
}

/* log2 of the blocks that these ranges are made of. */
#define INTERRUPT_SHIFT      20U
#define HYPERTRANSPORT_SHIFT 32U

unsigned int iommu_amdmodel_translate(struct journey *j, struct model_arrival *arrival)
{
	struct range exclusion;
	unsigned int code = 0;

	*arrival = (struct model_arrival){.absent = INTERRUPT_SHIFT};
	if (is_interrupt_range(j))
		return MODEL_SILENT;
	arrival->absent = HYPERTRANSPORT_SHIFT;
	if (is_hypertransport_range(j))
		return MODEL_SILENT;
	if (passes(j) || (exclusion_of(j, &exclusion) && is_in(j->address, &exclusion)))
		arrive_unchanged(j, arrival);
	else
		code = by_tables(j, arrival);
	if (code != 0)
		return code;
	/* Beyond memory. */
	arrival->absent = 12;
	return arrival->paddr > model_last_address(j->model) ? MODEL_SILENT : 0;
}

/* --- The kinds of requests -------------------------------------------------------------------- */

static unsigned int invalid(struct journey *j, unsigned int kind)
{
	j->fault = (struct model_fault){.detail = kind, .address = j->address};
	return AMDVI_INVALID_DEVICE_REQUEST;
}

static void use_arrival(const struct journey *j, const struct model_arrival *arrival,
			const struct iommu_model_amdvi_request *request,
			struct iommu_model_amdvi_translation *result)
{
	result->paddr = arrival->paddr;
	result->size = 1ULL << arrival->shift;
	result->force_coherent = (arrival->flags & MODEL_COHERENT) != 0;
	if ((arrival->flags & MODEL_READ) != 0)
		result->prot |= IOMMU_PROT_READ;
	if ((arrival->flags & MODEL_WRITE) != 0)
		result->prot |= IOMMU_PROT_WRITE;
	result->executable = request->execute && (arrival->flags & MODEL_EXECUTE) != 0 &&
			     (!j->takes_less || j->has_pasid);
}

static unsigned int pass_unchanged(const struct journey *j,
				   const struct iommu_model_amdvi_request *request,
				   struct iommu_model_amdvi_translation *result)
{
	struct model_arrival arrival;

	if (j->address > model_last_address(j->model))
		return MODEL_SILENT;
	arrive_unchanged(j, &arrival);
	use_arrival(j, &arrival, request, result);
	return 0;
}

/* The address came from a device's TLB. */
static unsigned int translated(struct journey *j, const struct iommu_model_amdvi_request *request,
			       struct iommu_model_amdvi_translation *result)
{
	unsigned int code = iommu_amdmodel_find_device(j);

	j->has_pasid = false;
	if (code != 0)
		return code;
	if (!passes(j)) {
		code = iommu_amdmodel_check_memory_half(j);
		if (code != 0)
			return code;
		if (!amdvi_has(j->dte.words, AMDVI_DTE_I))
			return invalid(j, KIND_TRANSLATED);
	}
	return is_interrupt_range(j) ? invalid(j, KIND_TRANSLATED_INTERRUPT)
				     : pass_unchanged(j, request, result);
}

/* 0xfeex_xxxx: a write is an interrupt. */
static unsigned int interrupt(struct journey *j, struct iommu_model_amdvi_translation *result)
{
	if (!j->writes || j->reads)
		return invalid(j, KIND_READ_OF_INTERRUPTS);
	result->is_interrupt = true;
	result->paddr = j->address;
	result->prot = IOMMU_PROT_WRITE;
	result->size = 4;
	return 0;
}

static unsigned int unit_is_off(const struct journey *j,
				const struct iommu_model_amdvi_request *request,
				struct iommu_model_amdvi_translation *result)
{
	const unsigned int code = j->takes_less ? MODEL_SILENT : pass_unchanged(j, request, result);

	result->is_interrupt = code == 0 && j->writes &&
			       request->type == IOMMU_MODEL_AMDVI_UNTRANSLATED &&
			       is_interrupt_range(j);
	return code;
}

/* The entry says whether it may ask. */
static unsigned int check_asking(struct journey *j)
{
	return passes(j) || !amdvi_has(j->dte.words, AMDVI_DTE_I)
		       ? invalid(j, KIND_TRANSLATION_IS_DISABLED)
		       : 0;
}

static unsigned int go(struct journey *j, const struct iommu_model_amdvi_request *request,
		       struct iommu_model_amdvi_translation *result)
{
	struct model_arrival arrival;
	unsigned int code;

	if (!journey_control(j, AMDVI_CONTROL_IOMMU_EN))
		return unit_is_off(j, request, result);
	if (request->type == IOMMU_MODEL_AMDVI_TRANSLATED)
		return translated(j, request, result);
	if (is_interrupt_range(j) && !j->takes_less)
		return interrupt(j, result);
	if (is_hypertransport_range(j) && !j->takes_less)
		return invalid(j, KIND_SYSTEM_MANAGEMENT);
	code = iommu_amdmodel_find_stages(j);
	if (j->takes_less && (code == 0 || code == AMDVI_IO_PAGE_FAULT)) {
		const unsigned int asking = check_asking(j);

		code = asking != 0 ? asking : code;
	}
	if (code == 0)
		code = iommu_amdmodel_translate(j, &arrival);
	if (code == 0)
		use_arrival(j, &arrival, request, result);
	return code;
}

/* --- Events ----------------------------------------------------------------------------------- */

/* SA and SE count for page faults of memory; of interrupts there is IG. */
static bool is_suppressed(const struct journey *j, unsigned int code)
{
	if (code != AMDVI_IO_PAGE_FAULT || j->is_interrupt)
		return false;
	if (j->takes_less)
		return true;
	return j->has_dte && amdvi_has(j->dte.words, AMDVI_DTE_V) &&
	       (amdvi_has(j->dte.words, AMDVI_DTE_SA) ||
		(amdvi_has(j->dte.words, AMDVI_DTE_SE) && j->has_logged));
}

static void describe_page_fault(const struct journey *j, struct amdvi_event *event)
{
	amdvi_set(event->words, AMDVI_EVENT_PR, j->fault.is_present ? 1 : 0);
	amdvi_set(event->words, AMDVI_EVENT_PE, j->fault.is_denied ? 1 : 0);
	if (!j->fault.is_of_guest)
		return;
	amdvi_set(event->words, AMDVI_EVENT_US, j->privileged ? 0 : 1);
	amdvi_set(event->words, AMDVI_EVENT_NX, j->executes ? 1 : 0);
}

static struct amdvi_event event_of(const struct journey *j, unsigned int code)
{
	struct amdvi_event event =
		amdvi_event_of((enum amdvi_event_code)code, j->devid, j->fault.address);
	amdvi_word_t *words = event.words;
	const bool has_domain =
		code == AMDVI_IO_PAGE_FAULT || code == AMDVI_PAGE_TAB_HARDWARE_ERROR;

	amdvi_set(words, AMDVI_EVENT_I, j->is_interrupt ? 1 : 0);
	amdvi_set(words, AMDVI_EVENT_TR, j->takes_less ? 1 : 0);
	amdvi_set(words, AMDVI_EVENT_RW, j->writes ? 1 : 0);
	if (code == AMDVI_INVALID_DEVICE_REQUEST)
		amdvi_set(words, AMDVI_EVENT_KIND, j->fault.detail);
	else
		amdvi_set(words, AMDVI_EVENT_TYPE, j->fault.detail);
	amdvi_set(words, AMDVI_EVENT_RZ, j->fault.is_reserved ? 1 : 0);
	if (code == AMDVI_IO_PAGE_FAULT)
		describe_page_fault(j, &event);
	if (j->fault.is_of_guest || (code == AMDVI_ILLEGAL_DEV_TABLE_ENTRY && j->has_pasid))
		amdvi_event_set_pasid(&event, j->pasid);
	else if (has_domain)
		amdvi_set(words, AMDVI_EVENT_DOMAIN, journey_domain(j));
	return event;
}

/* In a walk. */
void iommu_amdmodel_leave_traces(struct journey *j, unsigned int code, struct model_traces *traces)
{
	traces->has_event = code != 0 && code != MODEL_SILENT && !is_suppressed(j, code);
	if (!traces->has_event)
		return;
	traces->event = event_of(j, code);
	if (code == AMDVI_IO_PAGE_FAULT && j->has_dte && !j->is_interrupt &&
	    amdvi_has(j->dte.words, AMDVI_DTE_SE) && !j->peeks)
		iommu_amdmodel_note_logged(j);
}

/* --- The passage ------------------------------------------------------------------------------ */

static enum iommu_model_amdvi_answer answer_to(const struct journey *j, unsigned int code)
{
	if (code == 0)
		return IOMMU_MODEL_AMDVI_SUCCESS;
	return j->takes_less && (code == AMDVI_INVALID_DEVICE_REQUEST || code == MODEL_SILENT)
		       ? IOMMU_MODEL_AMDVI_UNSUPPORTED
		       : IOMMU_MODEL_AMDVI_ABORTED;
}

static bool is_empty_answer(const struct journey *j, unsigned int code)
{
	return j->takes_less &&
	       (code == AMDVI_IO_PAGE_FAULT ||
		(code == MODEL_SILENT && journey_control(j, AMDVI_CONTROL_IOMMU_EN)));
}

/* A translation request is told that there is no permission. */
static unsigned int journey_answer(struct journey *j,
				   const struct iommu_model_amdvi_request *request,
				   struct iommu_model_amdvi_translation *result)
{
	unsigned int code;

	*result = (struct iommu_model_amdvi_translation){0};
	code = go(j, request, result);
	if (code == 0 || code == MODEL_AGAIN)
		return code;
	*result = (struct iommu_model_amdvi_translation){0};
	if (!is_empty_answer(j, code))
		return code;
	result->size = IOMMU_PAGE_SIZE;
	return 0;
}

/*
 * Answer the request, with the passage still open. What can be observed, an event, is of the state
 * that still holds.
 */
static unsigned int pass(struct journey *j, struct model_passage *passage,
			 struct iommu_model_amdvi *model,
			 const struct iommu_model_amdvi_request *request,
			 struct iommu_model_amdvi_translation *result)
{
	unsigned int code;
	bool holds;

	do {
		iommu_amdmodel_journey_begin(j, model, passage, request->devid, request->address);
		describe_request(j, request);
		code = journey_answer(j, request, result);
		holds = code != MODEL_AGAIN && model_passage_holds(passage);
		if (holds && code != 0 && !passage->peeks)
			holds = model_passage_walks(passage);
	} while (!holds);
	result->answer = answer_to(j, code);
	result->event = code == MODEL_SILENT ? 0 : code;
	return code;
}

int iommu_model_amdvi_translate(struct iommu_model_amdvi *model,
				const struct iommu_model_amdvi_request *request,
				struct iommu_model_amdvi_translation *result)
{
	struct model_traces traces = {0};
	struct model_passage passage;
	unsigned int code;
	struct journey j;

	model_count_up(&model_counter_of(model->counters, request->devid)->requests);
	model_passage_begin(&passage, &model->cache, false);
	code = pass(&j, &passage, model, request, result);
	iommu_amdmodel_leave_traces(&j, code, &traces);
	iommu_amdmodel_passage_end(model, &passage, &traces);
	return code == 0 ? 0 : IOMMU_EFAULT;
}

int iommu_model_amdvi_peek(struct iommu_model_amdvi *model,
			   const struct iommu_model_amdvi_request *request,
			   struct iommu_model_amdvi_translation *result)
{
	struct model_passage passage;
	unsigned int code;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	code = pass(&j, &passage, model, request, result);
	iommu_amdmodel_passage_end(model, &passage, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}

/* --- What a device's requests meet ------------------------------------------------------------ */

static void describe_guest(struct journey *j, struct iommu_model_amdvi_stage *stage,
			   unsigned int *code)
{
	stage->guest = true;
	stage->guest_levels = 4 + (unsigned int)amdvi_get(j->dte.words, AMDVI_DTE_GUEST_MODE);
	*code = iommu_amdmodel_guest_root(j, &stage->guest_table);
}

static void describe_entry(const struct journey *j, struct iommu_model_amdvi_stage *stage)
{
	unsigned int i;

	stage->has_entry = true;
	for (i = 0; i < AMDVI_DTE_WORDS; i++)
		stage->entry[i] = j->dte.words[i];
}

static unsigned int describe(struct journey *j, struct iommu_model_amdvi_stage *stage)
{
	const amdvi_word_t *words = j->dte.words;
	unsigned int code = 0;

	if (passes(j))
		return 0;
	stage->domain = journey_domain(j);
	stage->host_levels = journey_host_levels(j);
	stage->host = stage->host_levels != 0;
	stage->host_table = stage->host ? amdvi_address(words, AMDVI_DTE_HOST_ROOT) : 0;
	stage->prot = (amdvi_has(words, AMDVI_DTE_IR) ? IOMMU_PROT_READ : 0) |
		      (amdvi_has(words, AMDVI_DTE_IW) ? IOMMU_PROT_WRITE : 0);
	stage->ats = amdvi_has(words, AMDVI_DTE_I);
	stage->page_requests = amdvi_has(words, AMDVI_DTE_PPR);
	if (j->is_of_guest)
		describe_guest(j, stage, &code);
	return code;
}

static unsigned int look_at_stages(struct journey *j, struct iommu_model_amdvi_stage *stage)
{
	unsigned int code;

	*stage = (struct iommu_model_amdvi_stage){.prot = IOMMU_PROT_READ_WRITE};
	if (!journey_control(j, AMDVI_CONTROL_IOMMU_EN))
		return 0;
	code = iommu_amdmodel_find_stages(j);
	if (j->has_dte)
		describe_entry(j, stage);
	return code == 0 ? describe(j, stage) : code;
}

int iommu_model_amdvi_get_stage(struct iommu_model_amdvi *model, uint16_t devid, bool has_pasid,
				uint32_t pasid, struct iommu_model_amdvi_stage *stage)
{
	struct model_passage passage;
	unsigned int code;
	struct journey j;

	model_passage_begin(&passage, &model->cache, true);
	do {
		iommu_amdmodel_journey_begin(&j, model, &passage, devid, 0);
		j.has_pasid = has_pasid;
		j.pasid = has_pasid ? pasid : 0;
		code = look_at_stages(&j, stage);
	} while (code == MODEL_AGAIN || !model_passage_holds(&passage));
	stage->event = code;
	stage->answer = answer_to(&j, code);
	iommu_amdmodel_passage_end(model, &passage, NULL);
	return code == 0 ? 0 : IOMMU_EFAULT;
}
