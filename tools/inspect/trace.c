/* SPDX-License-Identifier: BSD-2-Clause */
/* trace: what the library told its host (<libiommu/trace.h>), added up and as a picture. */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/status.h>

#include "input.h"
#include "inspect.h"
#include "numbers.h"
#include "options.h"
#include "trace_picture.h"

#define WITHHELD_SHOWN 16U /* ranges, of a domain */

/* --- Numbers ---------------------------------------------------------------------------------- */

static void show_quotient(struct out *out, const char *key, uint64_t dividend, uint64_t divisor)
{
	/* In thousandths, without an overflow. */
	const uint64_t whole = dividend / divisor, rest = dividend % divisor;
	const uint64_t part =
		divisor > UINT64_MAX / 1000 ? rest / (divisor / 1000) : rest * 1000 / divisor;

	out_text(out, key, "%" PRIu64 ".%03" PRIu64, whole, part < 1000 ? part : 999);
}

static void show_times(struct out *out, const char *key, struct tally_values *times)
{
	const uint64_t median = tally_percentile(times, 50);

	if (times->count == 0)
		return;
	out_open(out, key, "%s, in nanoseconds", key);
	out_number(out, "number", times->count);
	out_number(out, "least", tally_percentile(times, 0));
	out_number(out, "median", median);
	out_number(out, "99 percent", tally_percentile(times, 99));
	out_number(out, "most", tally_percentile(times, 100));
	out_close(out);
}

/* --- What it adds up to ----------------------------------------------------------------------- */

static void show_types(struct out *out, const struct tally *tally)
{
	out_open(out, "events", "events");
	for (unsigned int type = 1; type <= TRACE_TYPES; type++)
		if (tally->types[type] != 0)
			out_number(out, trace_type_name(type), tally->types[type]);
	out_close(out);
}

static void show_unit(struct out *out, struct tally_unit *unit, bool has_clock)
{
	static const char *const kinds[IOMMU_TRACE_KINDS] = {
		"of context entries", "of everything",  "of a domain",
		"of pages",           "of device TLBs", "of interrupt entries"};

	out_open(out, NULL, "unit %u", unit->number);
	if (out->format == OUT_JSON)
		out_number(out, "number", unit->number);
	out_number(out, "invalidations", unit->batches);
	out_number(out, "commands", unit->commands);
	for (unsigned int i = 0; i < IOMMU_TRACE_KINDS; i++)
		if (unit->kinds[i] != 0)
			out_number(out, kinds[i], unit->kinds[i]);
	out_number(out, "confirmed", unit->confirmed);
	if (unit->timed_out != 0)
		out_problem(out, "timed out", "%" PRIu64 " were not confirmed in time",
			    unit->timed_out);
	if (unit->failed != 0)
		out_problem(out, "failed", "%" PRIu64 " failed", unit->failed);
	if (has_clock)
		show_times(out, "time until executed", &unit->took);
	out_close(out);
}

static bool is_withheld(const struct tally_domain *domain)
{
	bool any = domain->is_withheld_whole;

	for (size_t i = 0; i < domain->count; i++)
		any = any || (domain->waits[domain->first + i].is_withheld &&
			      !domain->waits[domain->first + i].is_over);
	return any;
}

static void show_withheld(struct out *out, const struct tally_domain *domain)
{
	size_t count = 0;

	out_list(out, "withheld at the end");
	if (domain->is_withheld_whole) {
		out_item(out, NULL, "withheld: what was unmapped lazily");
		out_text(out, "what", "unmapped lazily");
		out_close(out);
	}
	for (size_t i = 0; i < domain->count; i++) {
		const struct tally_wait *wait = &domain->waits[domain->first + i];

		if (!wait->is_withheld || wait->is_over || count++ >= WITHHELD_SHOWN)
			continue;
		out_item(out, NULL, "withheld: 0x%" PRIx64 " - 0x%" PRIx64, wait->start,
			 wait->last);
		out_hex(out, "start", wait->start);
		out_hex(out, "last", wait->last);
		out_close(out);
	}
	out_close(out);
	if (count > WITHHELD_SHOWN)
		out_number(out, "further ranges", count - WITHHELD_SHOWN);
}

/* How the addresses of what is mapped lie. */
static void show_addresses(struct out *out, struct tally_domain *domain)
{
	uint64_t bytes = 0, between = 0, largest = 0;
	size_t count;
	struct tally_range *ranges = tally_mapped(domain, &count);

	for (size_t i = 0; i < count; i++) {
		const uint64_t gap = i == 0 ? 0 : ranges[i].start - ranges[i - 1].last - 1;

		bytes += ranges[i].last - ranges[i].start + 1;
		between += gap;
		largest = gap > largest ? gap : largest;
	}
	out_open(out, "mapped at the end", "mapped at the end");
	out_number(out, "ranges", count);
	out_size(out, "bytes", bytes);
	if (count != 0) {
		out_hex(out, "first", ranges[0].start);
		out_hex(out, "last", ranges[count - 1].last);
	}
	if (count > 1) {
		out_size(out, "unused in between", between);
		out_size(out, "largest gap", largest);
	}
	out_close(out);
	free(ranges);
}

static void show_domain(struct out *out, struct tally_domain *domain, bool has_clock)
{
	out_open(out, NULL, "domain %u", domain->number);
	if (out->format == OUT_JSON)
		out_number(out, "number", domain->number);
	out_number(out, "maps", domain->maps);
	if (domain->failed_maps != 0)
		out_number(out, "maps that failed", domain->failed_maps);
	out_size(out, "mapped", domain->mapped_bytes);
	out_number(out, "unmaps", domain->unmaps);
	out_size(out, "unmapped", domain->unmapped_bytes);
	out_number(out, "invalidations", domain->batches);
	if (domain->batches != 0 && domain->unmapped_bytes >= 4096)
		show_quotient(out, "invalidations per unmapped page", domain->batches,
			      domain->unmapped_bytes / 4096);
	if (domain->flushes != 0)
		out_number(out, "lazy flushes", domain->flushes);
	if (domain->failed_flushes != 0)
		out_number(out, "lazy flushes that failed", domain->failed_flushes);
	if (domain->withheld != 0)
		out_number(out, "times that something was withheld", domain->withheld);
	if (has_clock)
		show_times(out, "time from unmap to confirmation", &domain->waited);
	show_addresses(out, domain);
	out_number(out, "unmapped and not confirmed at the end", domain->open);
	if (is_withheld(domain))
		show_withheld(out, domain);
	out_close(out);
}

static void show_faults(struct out *out, const struct tally *tally)
{
	char place[NUMBERS_PLACE_TEXT];

	out_list(out, "faults");
	for (size_t i = 0; i < tally->fault_count; i++) {
		const struct tally_fault *fault = &tally->faults[i];

		(void)numbers_place(place, fault->segment, fault->source_id);
		out_item(out, NULL,
			 "faults of %s for reason 0x%02x: %" PRIu64 ", the first at 0x%" PRIx64,
			 place, fault->reason, fault->count, fault->first_address);
		out_text(out, "device", "%s", place);
		out_number(out, "reason", fault->reason);
		out_number(out, "number", fault->count);
		out_hex(out, "first address", fault->first_address);
		out_close(out);
	}
	out_close(out);
}

static void show_tally(struct out *out, const struct trace_file *file, struct tally *tally)
{
	uint64_t pages = 0;

	show_types(out, tally);
	out_list(out, "units");
	for (size_t i = 0; i < tally->unit_count; i++)
		show_unit(out, &tally->units[i], file->has_clock);
	out_close(out);
	out_list(out, "domains");
	for (size_t i = 0; i < tally->domain_count; i++) {
		show_domain(out, &tally->domains[i], file->has_clock);
		pages += tally->domains[i].unmapped_bytes / 4096;
	}
	out_close(out);
	if (tally->fault_count != 0)
		show_faults(out, tally);
	if (pages != 0)
		show_quotient(out, "invalidations per unmapped page", tally->translations, pages);
}

/* What is wrong with the file; returns how much. */
static unsigned int show_problems(struct out *out, const struct trace_file *file)
{
	if (file->unknown != 0)
		out_problem(out, "unknown records",
			    "0x%04zx: a record of a type that is not known: %zu of them in all",
			    file->unknown_offset, file->unknown);
	if (file->cut_offset != 0)
		out_problem(out, "cut record", "0x%04zx: the file ends within a record",
			    file->cut_offset);
	return (file->unknown != 0 ? 1U : 0U) + (file->cut_offset != 0 ? 1U : 0U);
}

static bool has_trouble(const struct tally *tally)
{
	bool any = tally->fault_count != 0;

	for (size_t i = 0; i < tally->domain_count; i++)
		any = any || is_withheld(&tally->domains[i]);
	return any;
}

/* --- One by one ------------------------------------------------------------------------------- */

#define EVENT_TEXT 200

/* Add to a line of EVENT_TEXT characters what there is room for. */
static __attribute__((format(printf, 2, 3))) void append(char *line, const char *format, ...)
{
	const size_t used = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line + used, EVENT_TEXT - used, format, arguments);
	va_end(arguments);
}

static bool has_endpoint(const struct iommu_trace_event *event)
{
	return event->type == IOMMU_TRACE_ATTACH || event->type == IOMMU_TRACE_DETACH ||
	       event->type == IOMMU_TRACE_FAULT;
}

/* "1250: domain 1: unmap 0x1000 - 0x1fff" */
static void describe(char line[EVENT_TEXT], const struct iommu_trace_event *event, uint64_t since)
{
	char place[NUMBERS_PLACE_TEXT];

	line[0] = '\0';
	append(line, "%" PRIu64 ": ", since);
	if (event->unit != 0)
		append(line, "unit %u: ", event->unit);
	if (event->domain != 0)
		append(line, "domain %" PRIu32 ": ", event->domain);
	append(line, "%s", trace_type_name(event->type));
	if (has_endpoint(event))
		append(line, " %s", numbers_place(place, event->segment, event->source_id));
	if (event->pasid != 0)
		append(line, " PASID %" PRIu32, event->pasid);
	if (event->size != 0)
		append(line, " 0x%" PRIx64 " - 0x%" PRIx64, event->iova,
		       event->iova + (event->size - 1));
	else if (event->type == IOMMU_TRACE_FAULT)
		append(line, " at 0x%" PRIx64 ", reason 0x%02" PRIx32, event->iova, event->detail);
	if (event->count != 0)
		append(line, ", %" PRIu32 " commands", event->count);
	if (event->status != 0)
		append(line, ": %s", iommu_strerror(event->status));
}

static void list_event(struct out *out, const struct iommu_trace_event *event, uint64_t since)
{
	char line[EVENT_TEXT], place[NUMBERS_PLACE_TEXT];

	describe(line, event, since);
	out_item(out, NULL, "%s", line);
	out_number(out, "nanoseconds", since);
	out_text(out, "type", "%s", trace_type_name(event->type));
	out_number(out, "unit", event->unit);
	out_number(out, "domain", event->domain);
	if (has_endpoint(event))
		out_text(out, "device", "%s",
			 numbers_place(place, event->segment, event->source_id));
	out_number(out, "pasid", event->pasid);
	out_hex(out, "address", event->iova);
	out_number(out, "size", event->size);
	out_number(out, "kinds", event->kinds);
	out_number(out, "detail", event->detail);
	out_number(out, "commands", event->count);
	out_text(out, "status", "%s", event->status == 0 ? "" : iommu_strerror(event->status));
	out_number(out, "cpu", event->cpu);
	out_close(out);
}

static void list_events(struct out *out, const struct trace_file *file)
{
	struct iommu_trace_event event;

	out_list(out, "list");
	for (size_t i = 0; i < file->count; i++)
		if (trace_file_get(file, i, &event))
			list_event(out, &event,
				   file->has_clock ? event.time_ns - file->first_ns : i);
	out_close(out);
}

int trace_show(struct out *out, const uint8_t *bytes, size_t size, bool with_events)
{
	struct iommu_trace_event event;
	struct trace_file file;
	struct tally tally;
	const char *refusal = trace_file_open(&file, bytes, size);
	unsigned int problems;
	int status;

	if (refusal != NULL) {
		out_problem(out, "problem", "%s", refusal);
		trace_file_close(&file);
		return INSPECT_BROKEN;
	}
	tally_begin(&tally);
	for (size_t i = 0; i < file.count; i++)
		if (trace_file_get(&file, i, &event))
			tally_add(&tally, &event, i);
	out_number(out, "records", file.count);
	if (file.has_clock)
		out_number(out, "nanoseconds", file.last_ns - file.first_ns);
	else if (file.count != 0)
		out_remark(out, "the host had no clock: no time is known");
	if (file.order != NULL)
		out_remark(out, "the records are not in order of time, and are sorted");
	if (with_events)
		list_events(out, &file);
	show_tally(out, &file, &tally);
	problems = show_problems(out, &file);
	status = problems != 0 || has_trouble(&tally) ? INSPECT_BROKEN : INSPECT_FINE;
	tally_end(&tally);
	trace_file_close(&file);
	return status;
}

/* --- The picture ------------------------------------------------------------------------------ */

static int draw(const char *name, const struct input *input)
{
	struct trace_file file;
	bool is_written;
	FILE *to;

	if (trace_file_open(&file, input->bytes, input->size) != NULL) {
		trace_file_close(&file);
		return INSPECT_BROKEN; /* as was said */
	}
	to = fopen(name, "w");
	if (to == NULL) {
		trace_file_close(&file);
		return inspect_complain(INSPECT_UNREADABLE, "%s: %s", name, strerror(errno));
	}
	trace_picture_draw(to, &file);
	is_written = ferror(to) == 0;
	is_written = fclose(to) == 0 && is_written;
	trace_file_close(&file);
	return is_written ? INSPECT_FINE
			  : inspect_complain(INSPECT_UNREADABLE, "%s cannot be written", name);
}

int inspect_trace(struct out *out, int count, char **words)
{
	const char *svg = NULL;
	bool with_events = false;
	const struct option options[] = {{"events", OPTION_FLAG, &with_events, NULL},
					 {"svg", OPTION_TEXT, &svg, NULL},
					 {NULL, OPTION_FLAG, NULL, NULL}};
	struct input input;
	int status, drawn = INSPECT_FINE;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count != 1)
		return inspect_complain(INSPECT_USAGE, "trace: expected one FILE");
	status = input_open(&input, words[0]);
	if (status != INSPECT_FINE)
		return status;
	out_start(out);
	out_text(out, "file", "%s", words[0]);
	status = trace_show(out, input.bytes, input.size, with_events);
	if (svg != NULL)
		drawn = draw(svg, &input);
	input_close(&input);
	return drawn > status ? drawn : status;
}
