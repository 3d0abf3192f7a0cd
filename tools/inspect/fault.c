/* SPDX-License-Identifier: BSD-2-Clause */
/* fault: what a unit has recorded, in words: a fault record, a page request, a reason alone. */
#include <inttypes.h>

#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_page_request.h>

#include "inspect.h"
#include "numbers.h"
#include "options.h"
#include "reason.h"
#include "record.h"

static const char *access_name(enum vtd_fault_type type)
{
	switch (type) {
	case VTD_FAULT_WRITE:
		return "write";
	case VTD_FAULT_PAGE_REQUEST:
		return "page request";
	case VTD_FAULT_READ:
		return "read";
	case VTD_FAULT_ATOMIC:
		return "atomic operation";
	default:
		return "unknown";
	}
}

static void show_pasid(struct out *out, bool has_pasid, uint32_t pasid)
{
	if (has_pasid)
		out_number(out, "pasid", pasid);
}

static void show_record(struct out *out, uint64_t low, uint64_t high)
{
	const unsigned int reason = vtd_fault_reason(high);
	const bool is_interrupt = reason >= 0x20 && reason < 0x30;
	char place[NUMBERS_PLACE_TEXT];

	out_open(out, "fault record", "fault record 0x%016" PRIx64 " 0x%016" PRIx64, low, high);
	out_flag(out, "valid", (high & VTD_FAULT_F) != 0);
	if ((high & VTD_FAULT_F) == 0) {
		out_problem(out, "note",
			    "F is clear: hardware has recorded nothing here, "
			    "or software has released the record");
		out_close(out);
		return;
	}
	out_text(out, "device", "%s", numbers_place(place, 0, vtd_fault_source_id(high)));
	if (is_interrupt) {
		out_text(out, "access", "interrupt");
		out_number(out, "interrupt index", low >> 48);
	} else {
		out_text(out, "access", "%s", access_name(vtd_fault_type(high)));
		out_hex(out, "page", vtd_fault_address(low));
		show_pasid(out, vtd_fault_has_pasid(high), vtd_fault_pasid(high));
		out_flag(out, "execute", vtd_fault_execute(high));
		out_flag(out, "privileged", vtd_fault_privileged(high));
	}
	reason_show(out, REASON_VTD, reason);
	out_close(out);
}

static void show_page_request(struct out *out, const uint64_t *words)
{
	const bool stops = vtd_page_request_is_stop(words[1]);
	char place[NUMBERS_PLACE_TEXT];

	out_open(out, "page request", "page request 0x%016" PRIx64 " 0x%016" PRIx64, words[0],
		 words[1]);
	out_text(out, "device", "%s",
		 numbers_place(place, 0, vtd_page_request_source_id(words[0])));
	show_pasid(out, (words[0] & VTD_PAGE_REQUEST_HAS_PASID) != 0,
		   vtd_page_request_pasid(words[0]));
	out_number(out, "group", vtd_page_request_group(words[1]));
	out_flag(out, "last of its group", (words[1] & VTD_PAGE_REQUEST_LAST) != 0);
	out_flag(out, "stop marker", stops);
	if (!stops) {
		out_hex(out, "page", words[1] & VTD_ENTRY_ADDRESS_MASK);
		out_flag(out, "read", (words[1] & VTD_PAGE_REQUEST_READ) != 0);
		out_flag(out, "write", (words[1] & VTD_PAGE_REQUEST_WRITE) != 0);
		out_flag(out, "execute", (words[0] & VTD_PAGE_REQUEST_EXECUTE) != 0);
		out_flag(out, "privileged", (words[0] & VTD_PAGE_REQUEST_PRIVILEGED) != 0);
	}
	out_text(out, "meaning", "%s",
		 stops ? "the device has stopped using the PASID; it expects no answer"
		 : (words[1] & VTD_PAGE_REQUEST_LAST) != 0
			 ? "the device waits for the answer to its group"
			 : "more requests of the group follow, and then its answer");
	if (vtd_page_request_type(words[0]) != VTD_PAGE_REQUEST_TYPE)
		out_problem(out, "note", "type 0x%02x is none of a page request",
			    vtd_page_request_type(words[0]));
	out_close(out);
}

/* --- The command ------------------------------------------------------------------------------ */

struct question {
	enum reason_unit unit;
	bool is_page_request, is_reason;
};

/* How many words there must be. */
static bool is_count(const struct question *question, int count)
{
	if (question->is_reason)
		return count == 1;
	if (question->is_page_request)
		return count == 2 || count == 4;
	return count == (question->unit == REASON_VTD ? 2 : 4);
}

static const char *problem_of(const struct question *question, int count)
{
	if (question->is_page_request && question->unit != REASON_VTD)
		return "fault: --page-request is for --unit vtd";
	if (is_count(question, count))
		return NULL;
	return question->unit == REASON_VTD
		       ? "fault: expected LOW HIGH, --page-request and 2 or 4 words, or --reason "
			 "CODE"
		       : "fault: expected the 4 words of a record, or --reason CODE";
}

static int read_words(const struct question *question, int count, char **words, uint64_t *values)
{
	const unsigned int last = reason_last(question->unit);

	for (int i = 0; i < count; i++) {
		if (question->is_reason ? !numbers_read(words[i], &values[i]) || values[i] > last
					: !numbers_read_hex(words[i], &values[i]))
			return question->is_reason
				       ? inspect_complain(INSPECT_USAGE,
							  "fault: %s is not a reason (0 to %u, or "
							  "0x0 to 0x%x)",
							  words[i], last, last)
				       : inspect_complain(INSPECT_USAGE,
							  "fault: %s is not a number", words[i]);
	}
	return INSPECT_FINE;
}

static void show(struct out *out, const struct question *question, const uint64_t *values)
{
	if (question->is_reason)
		reason_show(out, question->unit, (unsigned int)values[0]);
	else if (question->is_page_request)
		show_page_request(out, values);
	else if (question->unit == REASON_SMMU)
		record_show_smmu(out, values);
	else if (question->unit == REASON_RISCV)
		record_show_riscv(out, values);
	else
		show_record(out, values[0], values[1]);
}

int inspect_fault(struct out *out, int count, char **words)
{
	struct question question = {.unit = REASON_VTD};
	const char *unit = "vtd", *problem;
	const struct option options[] = {
		{"page-request", OPTION_FLAG, &question.is_page_request, NULL},
		{"reason", OPTION_FLAG, &question.is_reason, NULL},
		{"unit", OPTION_TEXT, &unit, NULL},
		{NULL, OPTION_FLAG, NULL, NULL},
	};
	uint64_t values[4] = {0};
	int status;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (!reason_find_unit(unit, &question.unit))
		return inspect_complain(INSPECT_USAGE,
					"fault: --unit is none of vtd, smmu and riscv");
	problem = problem_of(&question, count);
	if (problem != NULL)
		return inspect_complain(INSPECT_USAGE, "%s", problem);
	status = read_words(&question, count, words, values);
	if (status != INSPECT_FINE)
		return status;
	out_start(out);
	show(out, &question, values);
	return INSPECT_FINE;
}
