/* SPDX-License-Identifier: BSD-2-Clause */
/* fault: what a unit has recorded, in words: a fault record, a page request, a reason alone. */
#include <inttypes.h>

#include <libiommu/hw/vtd_fault.h>
#include <libiommu/hw/vtd_page_request.h>

#include "inspect.h"
#include "numbers.h"
#include "options.h"
#include "reason.h"

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
	reason_show(out, reason);
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

int inspect_fault(struct out *out, int count, char **words)
{
	bool is_page_request = false, is_reason = false;
	const struct option options[] = {{"page-request", OPTION_FLAG, &is_page_request, NULL},
					 {"reason", OPTION_FLAG, &is_reason, NULL},
					 {NULL, OPTION_FLAG, NULL, NULL}};
	uint64_t values[4] = {0};

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count != (is_reason ? 1 : 2) && !(is_page_request && count == 4))
		return inspect_complain(
			INSPECT_USAGE, "fault: expected LOW HIGH, --page-request and 2 or 4 words, "
				       "or --reason CODE");
	for (int i = 0; i < count; i++)
		if (!numbers_read_hex(words[i], &values[i]) || (is_reason && values[i] > 0xff))
			return inspect_complain(INSPECT_USAGE,
						is_reason ? "fault: %s is not a reason (0 to ff)"
							  : "fault: %s is not a number",
						words[i]);
	out_start(out);
	if (is_page_request)
		show_page_request(out, values);
	else if (!is_reason)
		show_record(out, values[0], values[1]);
	else
		reason_show(out, (unsigned int)values[0]);
	return INSPECT_FINE;
}
