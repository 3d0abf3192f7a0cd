/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iommu-inspect over hostile inputs: DMAR and IORT tables, dumps of memory with page tables,
 * topologies as text and as lspci prints them.
 *
 * Whatever the input, output is printable, and well-formed where it is JSON. A table has a
 * problem where the library has found a defect. Where the model of a unit translates an address,
 * following the tables by hand leads to the same one with the same permissions; and what is listed
 * as mapped is what is found one by one. The reasons of groups join what the library joins. Of a
 * trace, what is mapped in the end is what a walk over the pages finds.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>

#include <libiommu/dmar.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>
#include <libiommu/iort.h>

#include "dmar.h"
#include "enumerate.h"
#include "follow.h"
#include "fuzz.h"
#include "groups.h"
#include "inspect.h"
#include "iort.h"
#include "tables.h"
#include "trace.h"
#include "trace_picture.h"
#include "unit.h"
#include "walk.h"

/* The program's says it on stderr. */
int inspect_complain(enum inspect_status status, const char *format, ...)
{
	FUZZ_CHECK(format[0] != '\0' && status != INSPECT_FINE);
	return (int)status;
}

/* --- Output ----------------------------------------------------------------------------------- */

struct capture {
	struct out out;
	char *text;
	size_t size;
};

static void capture_begin(struct capture *capture, bool as_json)
{
	memset(capture, 0, sizeof(*capture));
	capture->out.file = open_memstream(&capture->text, &capture->size);
	FUZZ_CHECK(capture->out.file != NULL);
	capture->out.format = as_json ? OUT_JSON : OUT_TEXT;
}

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n')
		at++;
	return at;
}

static const char *skip_string(const char *at)
{
	FUZZ_CHECK(*at == '"');
	for (at++; *at != '"'; at++) {
		FUZZ_CHECK(*at != '\0');
		if (*at == '\\') {
			at++;
			FUZZ_CHECK(*at == '"' || *at == '\\' || *at == 'u');
		}
	}
	return at + 1;
}

/* A value of JSON as the program writes it; returns what follows it. */
static const char *skip_value(const char *at)
{
	const char open = *at, close = open == '{' ? '}' : ']';

	if (open == '"')
		return skip_string(at);
	if (open != '{' && open != '[') {
		const size_t length = strspn(at, "0123456789truefalse");

		FUZZ_CHECK(length != 0);
		return at + length;
	}
	at = skip_space(at + 1);
	while (*at != close) {
		if (open == '{') {
			at = skip_string(at);
			FUZZ_CHECK(at[0] == ':' && at[1] == ' ');
			at += 2;
		}
		at = skip_space(skip_value(at));
		FUZZ_CHECK(*at == ',' || *at == close);
		if (*at == ',') {
			at = skip_space(at + 1);
			FUZZ_CHECK(*at != close);
		}
	}
	return at + 1;
}

static void capture_end(struct capture *capture)
{
	const bool is_document = capture->out.is_started && capture->out.format == OUT_JSON;

	FUZZ_CHECK(out_finish(&capture->out));
	(void)fclose(capture->out.file);
	for (size_t i = 0; i < capture->size; i++)
		FUZZ_CHECK(capture->text[i] == '\n' ||
			   (capture->text[i] >= ' ' && capture->text[i] <= '~'));
	if (is_document)
		FUZZ_CHECK(*skip_space(skip_value(capture->text)) == '\0');
	free(capture->text);
}

/* --- DMAR tables ------------------------------------------------------------------------------ */

static void look_at_dmar(struct fuzz_bytes *input)
{
	const bool as_json = fuzz_flag(input);
	struct iommu_dmar dmar;
	struct capture capture;
	unsigned int problems;

	capture_begin(&capture, as_json);
	out_start(&capture.out);
	problems = dmar_show(&capture.out, input->at, input->left);
	capture_end(&capture);
	FUZZ_CHECK((iommu_dmar_open(&dmar, input->at, input->left) == 0 && dmar.defects == 0) ==
		   (problems == 0));
}

/* --- IORT tables ------------------------------------------------------------------------------ */

static void look_at_iort(struct fuzz_bytes *input)
{
	const bool as_json = fuzz_flag(input);
	struct iommu_iort iort;
	struct capture capture;
	unsigned int problems;

	capture_begin(&capture, as_json);
	out_start(&capture.out);
	problems = iort_show(&capture.out, input->at, input->left);
	capture_end(&capture);
	FUZZ_CHECK((iommu_iort_open(&iort, input->at, input->left) == 0 && iort.defects == 0) ==
		   (problems == 0));
}

/* --- Page tables ------------------------------------------------------------------------------ */

#define BASE  0x10000ULL
#define PAGES 16U

static uint8_t memory[PAGES * 4096];

static void put(uint64_t where, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		memory[where - BASE + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t some_page(struct fuzz_bytes *input)
{
	return BASE + (uint64_t)fuzz_below(input, PAGES + 1) * 4096;
}

/* An entry of any kind of table, at a place where one may be looked for; sometimes anything. */
static void put_entry(struct fuzz_bytes *input)
{
	static const unsigned int indexes[] = {0, 1, 2, 3, 8, 9, 64, 96, 97, 511};
	const uint64_t where = BASE + (uint64_t)fuzz_below(input, PAGES) * 4096 +
			       indexes[fuzz_below(input, 10)] * 8ULL;
	const unsigned int how = fuzz_byte(input);
	uint64_t value = some_page(input);

	switch (how % 8) {
	case 0:
		value |= VTD_ROOT_PRESENT;
		break;
	case 1:
	case 2:
		value |= VTD_FS_PRESENT | VTD_FS_WRITE | VTD_FS_USER;
		break;
	case 3:
		value = (uint64_t)fuzz_byte(input) << 21 | 0x87;
		break;
	case 4:
		value |= 1 | (uint64_t)fuzz_byte(input) << 2;
		break;
	case 5:
		value |= VTD_PASID_PRESENT | 2ULL << 2 | (uint64_t)(1 + fuzz_below(input, 4)) << 6;
		break;
	case 6:
		value = fuzz_number(input, 2);
		break;
	default:
		value = fuzz_wild(input);
		break;
	}
	put(where, value);
}

static struct query make_query(struct fuzz_bytes *input)
{
	static const struct page_table alone[] = {
		{&pages_second_stage, BASE, 3, 12, VTD_SS_TABLE_BITS, 0, false, true},
		{&pages_second_stage, BASE, 4, 12, VTD_SS_TABLE_BITS, 0, false, true},
		{&pages_first_stage, BASE, 4, 12, VTD_FS_TABLE_BITS, 0, false, true},
		{&pages_first_stage, BASE, 5, 12, VTD_FS_TABLE_BITS, 0, false, true},
		{&pages_tce, BASE, 1, 16, 9, 0, false, true},
		{&pages_tce, BASE, 2, 12, 9, 0, false, true},
		{&pages_riscv_first, BASE, 3, 12, 9, 9, false, true},
		{&pages_riscv_second, BASE, 3, 12, 9, 11, false, true},
		{&pages_arm_first, BASE, 3, 12, 9, 9, false, true},
		{&pages_arm_first, BASE, 2, 14, 11, 4, true, true},
		{&pages_arm_second, BASE, 3, 12, 9, 10, false, true},
		{&pages_arm_second, BASE, 2, 16, 13, 1, false, true},
	};
	struct query query = {.memory = {.base = BASE}, .width = 52, .limit = 3000};
	const unsigned int which = fuzz_byte(input);

	query.memory.input = (struct input){memory, sizeof(memory) - which % 32, false};
	query.by_unit = which < 200;
	query.rtaddr = BASE | (which & 1 ? VTD_RTADDR_SCALABLE : 0);
	query.source_id = (uint16_t)fuzz_below(input, 4);
	query.has_pasid = (which & 2) != 0;
	query.pasid = fuzz_below(input, 4);
	query.write = (which & 4) != 0;
	query.privileged = (which & 8) != 0 && query.has_pasid;
	query.table = alone[which % (sizeof(alone) / sizeof(alone[0]))];
	return query;
}

/* What the reader finds for an address. */
static bool follow(struct query *query, const struct place *place, uint64_t address,
		   struct follow_end *end)
{
	struct follow with = {.memory = &query->memory};

	if (!query->by_unit)
		return follow_address(&with, &query->table, address, end);
	if (!place->has_first)
		return place->has_second && follow_address(&with, &place->second, address, end);
	with.second = place->has_second ? &place->second : NULL;
	return follow_address(&with, &place->first, address, end);
}

static void check_judge(struct query *query, uint64_t address)
{
	struct iommu_model_translation result;
	struct capture capture;
	struct follow_end end;
	struct place place;
	struct unit unit;

	capture_begin(&capture, false);
	(void)place_find(&capture.out, query, &place);
	capture_end(&capture);
	FUZZ_CHECK(unit_open(&unit, query, &place) == 0);
	if (unit_ask(&unit, address, query->write ? IOMMU_PROT_WRITE : IOMMU_PROT_READ, &result) &&
	    !result.is_interrupt) {
		end = (struct follow_end){.is_mapped = true, .address = address};
		FUZZ_CHECK(place.passes || follow(query, &place, address, &end));
		FUZZ_CHECK(end.is_mapped && end.address == result.paddr);
		FUZZ_CHECK(place.passes || result.size <= end.size);
		FUZZ_CHECK(place.passes || ((result.prot & IOMMU_PROT_WRITE) != 0) ==
						   ((end.rights & PAGE_WRITE) != 0));
	}
	unit_close(&unit);
}

struct checks {
	struct query *query;
	uint64_t next;
	bool is_begun;
};

static void check_mapping(void *ctx, const struct mapping *mapping)
{
	const struct place nowhere = {0};
	struct checks *checks = ctx;
	struct follow_end end;

	FUZZ_CHECK(mapping->size != 0 && mapping->page <= mapping->size);
	FUZZ_CHECK(!checks->is_begun || mapping->iova >= checks->next);
	FUZZ_CHECK(follow(checks->query, &nowhere, mapping->iova, &end) && end.is_mapped);
	FUZZ_CHECK(end.address == mapping->address && end.rights == mapping->rights);
	checks->is_begun = true;
	checks->next = mapping->iova + mapping->size;
}

static void check_enumeration(struct query *query)
{
	struct checks checks = {.query = query};
	struct enumeration e = {.memory = &query->memory,
				.table = &query->table,
				.left = query->limit,
				.visit = check_mapping,
				.ctx = &checks};

	enumerate(&e);
}

static void look_at_memory(struct fuzz_bytes *input)
{
	const bool as_json = fuzz_flag(input), lists = fuzz_flag(input);
	struct query query = make_query(input);
	const uint64_t address = fuzz_flag(input) ? fuzz_wild(input) : fuzz_number(input, 3);
	struct capture capture;
	int status;

	memset(memory, 0, sizeof(memory));
	while (!fuzz_is_done(input))
		put_entry(input);
	capture_begin(&capture, as_json);
	out_start(&capture.out);
	status = lists ? tables_show(&capture.out, &query)
		       : walk_show(&capture.out, &query, address);
	capture_end(&capture);
	FUZZ_CHECK(status == INSPECT_FINE || status == INSPECT_BROKEN ||
		   status == INSPECT_UNREADABLE);
	FUZZ_CHECK((status == INSPECT_UNREADABLE) <= query.memory.has_missed);
	query.memory.has_missed = false;
	if (query.by_unit)
		check_judge(&query, address);
	else
		check_enumeration(&query);
}

/* --- Topologies ------------------------------------------------------------------------------- */

static size_t root_of(const size_t *joined, size_t index)
{
	while (joined[index] != index)
		index = joined[index];
	return index;
}

static void join(size_t *joined, size_t one, size_t other)
{
	const size_t a = root_of(joined, one), b = root_of(joined, other);

	if (a < b)
		joined[b] = a;
	else
		joined[a] = b;
}

/* All that the reasons join is what the library joins. */
static void check_reasons(struct group_reasons *reasons)
{
	const size_t count = reasons->topology->count;
	size_t *joined = calloc(count + 1, sizeof(size_t));

	FUZZ_CHECK(joined != NULL);
	for (size_t i = 0; i < count; i++)
		joined[i] = i;
	for (size_t i = 0; i < count; i++)
		join(joined, i, reasons->by_ids[i]);
	for (size_t i = 0; i < count; i++) {
		const size_t *partition;

		if (group_reasons_keeps_apart(reasons, i))
			continue;
		partition = group_reasons_of(reasons, i);
		for (size_t k = 0; k < count; k++)
			if (partition[k] == partition[i])
				join(joined, i, k);
	}
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(root_of(joined, i) == reasons->groups[i]);
	free(joined);
}

static void look_at_topology(struct fuzz_bytes *input)
{
	const unsigned int how = fuzz_below(input, 4);
	struct topology topology = {0};
	struct group_reasons reasons;
	struct capture capture;
	int status = topology_read_lines(&topology, "input", input->at, input->left);

	FUZZ_CHECK(status == INSPECT_FINE || status == INSPECT_BROKEN);
	capture_begin(&capture, how == 1);
	if (status == INSPECT_FINE && how < 2)
		(void)groups_show(&capture.out, &topology);
	if (status == INSPECT_FINE && group_reasons_open(&reasons, &topology)) {
		if (how == 2)
			group_graph_draw(capture.out.file, &reasons);
		if (how == 3)
			group_picture_draw(capture.out.file, &reasons);
		check_reasons(&reasons);
		group_reasons_close(&reasons);
	} else if (status == INSPECT_FINE) {
		group_reasons_close(&reasons);
	}
	capture_end(&capture);
	topology_free(&topology);
}

/* --- Traces ----------------------------------------------------------------------------------- */

#define TRACE_PAGES 64U

static void put_event(uint8_t *record, struct fuzz_bytes *input)
{
	struct iommu_trace_event event = {.domain = 0};

	event.type = (uint8_t)fuzz_below(input, TRACE_TYPES + 2);
	event.domain = fuzz_below(input, 4);
	event.unit = (uint16_t)fuzz_below(input, 3);
	event.time_ns = fuzz_below(input, 1000);
	event.iova = (uint64_t)fuzz_below(input, TRACE_PAGES) << 12;
	event.size = (uint64_t)fuzz_below(input, 8) << 12;
	event.status = fuzz_below(input, 4) == 0 ? IOMMU_ETIMEDOUT : 0;
	event.source_id = (uint16_t)fuzz_below(input, 3);
	event.kinds = (uint8_t)fuzz_below(input, 64);
	event.count = fuzz_below(input, 5);
	event.begun_ns = event.time_ns - (event.time_ns > 20 ? fuzz_below(input, 20) : 0);
	if (fuzz_below(input, 16) == 0)
		event.iova = UINT64_MAX - 4095;
	iommu_trace_put(record, &event);
}

/* Page by page: mapped, if the last that was said of it is a map. */
static void check_mapped(struct tally_domain *domain)
{
	bool is_mapped[TRACE_PAGES] = {false};
	size_t count, latest[TRACE_PAGES] = {0};
	struct tally_range *ranges;

	for (size_t i = 0; i < domain->change_count; i++)
		for (size_t page = 0; page < TRACE_PAGES; page++) {
			const struct tally_change *change = &domain->changes[i];

			if (change->start > page << 12 || change->last < page << 12 ||
			    change->number < latest[page])
				continue;
			latest[page] = change->number;
			is_mapped[page] = change->is_map;
		}
	ranges = tally_mapped(domain, &count);
	for (size_t page = 0; page < TRACE_PAGES; page++) {
		bool is_found = false;

		for (size_t i = 0; i < count; i++)
			is_found = is_found ||
				   (ranges[i].start <= page << 12 && ranges[i].last >= page << 12);
		FUZZ_CHECK(is_found == is_mapped[page]);
	}
	for (size_t i = 1; i < count; i++)
		FUZZ_CHECK(ranges[i - 1].last < ranges[i].start &&
			   ranges[i].start - ranges[i - 1].last > 1);
	free(ranges);
}

static void check_tally(const struct trace_file *file)
{
	struct iommu_trace_event event;
	struct tally tally;

	tally_begin(&tally);
	for (size_t i = 0; i < file->count; i++)
		if (trace_file_get(file, i, &event))
			tally_add(&tally, &event, i);
	for (size_t i = 0; i < tally.domain_count; i++) {
		struct tally_domain *domain = &tally.domains[i];
		size_t open = 0;

		for (size_t at = 0; at < domain->count; at++)
			open += !domain->waits[domain->first + at].is_over;
		FUZZ_CHECK(open == domain->open);
		FUZZ_CHECK(domain->waited.count <= domain->unmaps);
		check_mapped(domain);
	}
	tally_end(&tally);
}

/* Events that make some sense, or any bytes; drawn, too. */
static void look_at_trace(struct fuzz_bytes *input)
{
	const bool as_json = fuzz_flag(input), is_made = fuzz_flag(input);
	const size_t records = is_made ? 1 + input->left / 8 : 0;
	const size_t size =
		is_made ? IOMMU_TRACE_HEADER_SIZE + records * IOMMU_TRACE_RECORD_SIZE : input->left;
	uint8_t *bytes = malloc(size != 0 ? size : 1);
	struct capture capture;
	struct trace_file file;

	FUZZ_CHECK(bytes != NULL);
	if (!is_made)
		memcpy(bytes, input->at, size);
	if (size >= IOMMU_TRACE_HEADER_SIZE && (is_made || fuzz_flag(input)))
		iommu_trace_put_header(bytes);
	for (size_t i = 0; i < records; i++)
		put_event(bytes + IOMMU_TRACE_HEADER_SIZE + i * IOMMU_TRACE_RECORD_SIZE, input);
	capture_begin(&capture, as_json);
	out_start(&capture.out);
	(void)trace_show(&capture.out, bytes, size, fuzz_flag(input));
	capture_end(&capture);
	capture_begin(&capture, false);
	if (trace_file_open(&file, bytes, size) == NULL) {
		check_tally(&file);
		trace_picture_draw(capture.out.file, &file);
	}
	trace_file_close(&file);
	capture_end(&capture);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_bytes input = {bytes, size};

	/* Inputs from before traces and IORT tables stay what they were, but for a few. */
	const unsigned int first = fuzz_byte(&input);

	if (first >= 232)
		look_at_trace(&input);
	else if (first >= 224)
		look_at_iort(&input);
	else if (first % 3 == 0)
		look_at_dmar(&input);
	else if (first % 3 == 1)
		look_at_memory(&input);
	else
		look_at_topology(&input);
	return 0;
}
