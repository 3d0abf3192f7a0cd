/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands for ACPI tables share: where a table comes from, its header, and what is wrong
 * with it, where.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/acpi.h>
#include <libiommu/hw/acpi_dmar.h>

#include "acpi_view.h"
#include "bytes.h"
#include "heap.h"
#include "input.h"
#include "inspect.h"
#include "memory.h"
#include "options.h"

/* --- What is wrong ---------------------------------------------------------------------------- */

void acpi_note(struct acpi_view *view, uint32_t offset, const char *text)
{
	view->problems++;
	if (view->pending_count == view->room) {
		view->room = view->room * 2 + 8;
		view->pending = heap_resize(view->pending, view->room, sizeof(*view->pending));
	}
	view->pending[view->pending_count++] = (struct acpi_problem){offset, text};
}

static void show_problem(struct out *out, uint32_t offset, const char *text)
{
	if (out->format == OUT_TEXT) {
		out_problem(out, NULL, "0x%04" PRIx32 "  broken: %s", offset, text);
		return;
	}
	out_open(out, NULL, " ");
	out_hex(out, "offset", offset);
	out_text(out, "problem", "%s", text);
	out_close(out);
}

void acpi_show_problems(struct acpi_view *view)
{
	out_list(view->out, "problems");
	for (unsigned int i = 0; i < view->pending_count; i++)
		show_problem(view->out, view->pending[i].offset, view->pending[i].text);
	out_close(view->out);
	view->pending_count = 0;
}

/* --- The header ------------------------------------------------------------------------------- */

#define HEADER_OEM          10
#define HEADER_OEM_SIZE     6
#define HEADER_TABLE        16
#define HEADER_TABLE_SIZE   8
#define HEADER_OEM_REVISION 24

void acpi_show_header(struct out *out, const uint8_t *bytes)
{
	out_number(out, "length", bytes_le32(bytes + ACPI_TABLE_LENGTH_OFFSET));
	out_number(out, "revision", bytes[ACPI_TABLE_REVISION_OFFSET]);
	out_text(out, "oem", "%.*s", HEADER_OEM_SIZE, (const char *)bytes + HEADER_OEM);
	out_text(out, "oem table", "%.*s", HEADER_TABLE_SIZE, (const char *)bytes + HEADER_TABLE);
	out_hex(out, "oem revision", bytes_le32(bytes + HEADER_OEM_REVISION));
}

void acpi_check_length(struct acpi_view *view, size_t size, uint32_t least, uint32_t most)
{
	const uint32_t length = bytes_le32(view->bytes + ACPI_TABLE_LENGTH_OFFSET);

	if (length < least)
		acpi_note(view, ACPI_TABLE_LENGTH_OFFSET,
			  "the length is less than that of a header");
	else if (length > size)
		acpi_note(view, ACPI_TABLE_LENGTH_OFFSET, "the length is more than what is there");
	else if (length > most)
		acpi_note(view, ACPI_TABLE_LENGTH_OFFSET, "the length is more than any table has");
}

void acpi_check_sum(struct acpi_view *view)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < view->length; i++)
		sum = (uint8_t)(sum + view->bytes[i]);
	if (sum != 0)
		acpi_note(view, ACPI_TABLE_CHECKSUM_OFFSET, "the checksum is wrong");
}

/* --- Whole tables ----------------------------------------------------------------------------- */

/* What follows the header, from a copy that has the length of what is there. */
static void show_copy(struct acpi_view *view, const struct acpi_kind *kind, uint32_t length)
{
	uint8_t *copy = heap_resize(NULL, length, 1);

	memcpy(copy, view->bytes, length);
	for (unsigned int i = 0; i < 4; i++)
		copy[ACPI_TABLE_LENGTH_OFFSET + i] = (uint8_t)(length >> 8 * i);
	kind->show_body(view, copy, length);
	free(copy);
}

static void show_whole(struct acpi_view *view, const struct acpi_kind *kind, size_t size)
{
	const uint32_t length = bytes_le32(view->bytes + ACPI_TABLE_LENGTH_OFFSET);
	uint32_t there;

	view->length = length < size ? length : (uint32_t)size;
	there = view->length < kind->max_size ? view->length : kind->max_size;
	acpi_show_header(view->out, view->bytes);
	kind->show_header(view->out, view->bytes);
	if (memcmp(view->bytes, kind->signature, 4) != 0)
		acpi_note(view, 0, kind->not_signature);
	else if (there >= kind->header_size)
		show_copy(view, kind, there);
	acpi_check_length(view, size, kind->header_size, kind->max_size);
	acpi_check_sum(view);
}

static void show_verdict(struct out *out, const struct acpi_kind *kind, const uint8_t *bytes,
			 size_t size)
{
	unsigned int defects = 0;
	const char *refusal = kind->judge(bytes, size, &defects);

	if (refusal != NULL)
		out_problem(out, "library", "the library refuses the table: %s", refusal);
	else
		out_text(out, "library", "%s",
			 defects == 0 ? "uses the table"
				      : "uses the table, without what is broken");
}

unsigned int acpi_show_table(struct acpi_view *view, const struct acpi_kind *kind, size_t size)
{
	out_open(view->out, "table", "%s table", kind->signature);
	if (size < kind->header_size)
		acpi_note(view, (uint32_t)size, "the end, before that of the table's header");
	else
		show_whole(view, kind, size);
	acpi_show_problems(view);
	show_verdict(view->out, kind, view->bytes, size);
	out_close(view->out);
	free(view->pending);
	view->pending = NULL;
	return view->problems;
}

/* The length of the node at an offset; 0: none is there. */
static uint32_t length_at(const struct acpi_nodes *nodes, uint32_t offset)
{
	uint32_t length;

	if (nodes->length - offset < nodes->header_size)
		return 0;
	length = bytes_le16(nodes->bytes + offset + nodes->length_field);
	return length < nodes->header_size || length > nodes->length - offset ? 0 : length;
}

void acpi_show_nodes(struct acpi_view *view, const struct acpi_nodes *nodes)
{
	uint32_t offset = nodes->first, left = nodes->count;

	out_list(view->out, "nodes");
	for (; left != 0; left--) {
		const uint32_t length = length_at(nodes, offset);

		if (length == 0)
			break;
		nodes->show(view, offset, length);
		offset += length;
	}
	out_close(view->out);
	if (offset == nodes->length && left != 0)
		acpi_note(view, offset, "fewer nodes than are counted");
	else if (offset != nodes->length)
		acpi_note(view, offset,
			  left == 0 ? "more bytes than the nodes that are counted"
				    : "a node shorter than its header, or beyond the table: what "
				      "follows is lost");
}

/* --- The command ------------------------------------------------------------------------------ */

/* Where the table is looked for; `rsdp`: as the boot loader has said, or to be found, too. */
struct source {
	const char *signature, *memory;
	uint64_t base, rsdp;
	bool has_rsdp;
	acpi_show show;
};

static int show_table(struct out *out, const struct source *source, const uint8_t *bytes,
		      size_t size)
{
	const unsigned int problems = source->show(out, bytes, size);

	out_number(out, "number of problems", problems);
	return problems == 0 ? INSPECT_FINE : INSPECT_BROKEN;
}

static bool read_memory(void *ctx, iommu_paddr_t address, void *bytes, size_t size)
{
	return memory_read(ctx, address, bytes, size);
}

/* By the root pointer and the root table, as firmware leads there. */
static int show_in_memory(struct out *out, struct memory *memory, struct source *source)
{
	const struct iommu_acpi_memory access = {.ctx = memory, .read = read_memory};
	struct iommu_acpi_table table;
	uint8_t *bytes;
	int status;

	if (!source->has_rsdp && iommu_acpi_find_rsdp(&access, &source->rsdp) != 0)
		return inspect_complain(INSPECT_BROKEN, "no root pointer is found: say --rsdp");
	if (iommu_acpi_find_table(&access, source->rsdp, source->signature, &table) != 0)
		return inspect_complain(INSPECT_BROKEN,
					"no %s table is found from the root pointer at 0x%" PRIx64,
					source->signature, source->rsdp);
	bytes = heap_resize(NULL, table.size, 1);
	if (!memory_read(memory, table.address, bytes, table.size)) {
		free(bytes);
		return inspect_complain(INSPECT_UNREADABLE,
					"the table at 0x%" PRIx64 " is not in the dump",
					table.address);
	}
	out_start(out);
	out_hex(out, "root pointer", source->rsdp);
	out_hex(out, "address", table.address);
	status = show_table(out, source, bytes, table.size);
	free(bytes);
	return status;
}

static int look_in_memory(struct out *out, struct source *source)
{
	struct memory memory;
	int status = memory_open(&memory, source->memory, source->base);

	if (status != INSPECT_FINE)
		return status;
	status = show_in_memory(out, &memory, source);
	memory_close(&memory);
	return status;
}

static int look_at_file(struct out *out, const struct source *source, const char *name)
{
	struct input input;
	int status = input_open(&input, name);

	if (status != INSPECT_FINE)
		return status;
	out_start(out);
	out_text(out, "file", "%s", name);
	status = show_table(out, source, input.bytes, input.size);
	input_close(&input);
	return status;
}

int acpi_look(struct out *out, int count, char **words, const char *name, const char *signature,
	      acpi_show show)
{
	struct source source = {.signature = signature, .show = show};
	const struct option options[] = {{"memory", OPTION_TEXT, &source.memory, NULL},
					 {"base", OPTION_NUMBER, &source.base, NULL},
					 {"rsdp", OPTION_NUMBER, &source.rsdp, &source.has_rsdp},
					 {NULL, OPTION_FLAG, NULL, NULL}};

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count != (source.memory == NULL ? 1 : 0))
		return inspect_complain(INSPECT_USAGE, "%s: expected one FILE, or --memory DUMP",
					name);
	return source.memory == NULL ? look_at_file(out, &source, words[0])
				     : look_in_memory(out, &source);
}
