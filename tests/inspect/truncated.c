/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * truncated DATA - what iommu-inspect says of inputs that end too early, at every length: a dump is
 * too small for an answer, or large enough for the right one, and never anything between; a DMAR
 * or IORT table that is cut is broken; a topology that is cut is one, or none; a trace is one where
 * a record ends. Inputs lie in memory of exactly their size, so that a sanitizer sees a read beyond
 * them.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_view.h"
#include "device_tree.h"
#include "dmar.h"
#include "groups.h"
#include "inspect.h"
#include "iort.h"
#include "ivrs.h"
#include "rimt.h"
#include "tables.h"
#include "trace.h"
#include "walk.h"

static FILE *nowhere;
static unsigned int checks, failures;

/* The program's says it on stderr. */
int inspect_complain(enum inspect_status status, const char *format, ...)
{
	return format[0] == '\0' ? -1 : (int)status;
}

static void check(bool holds, const char *file, size_t length, const char *what)
{
	checks++;
	if (holds)
		return;
	failures++;
	(void)fprintf(stderr, "%s, %zu bytes: %s\n", file, length, what);
}

static uint8_t *copy_of(const struct input *input, size_t length)
{
	uint8_t *copy = malloc(length != 0 ? length : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, input->bytes, length);
	return copy;
}

static struct input open_data(const char *folder, const char *file)
{
	struct input input;
	char name[512];

	(void)snprintf(name, sizeof(name), "%s/%s", folder, file);
	if (input_open(&input, name) != 0) {
		(void)fprintf(stderr, "%s cannot be read\n", name);
		exit(1);
	}
	return input;
}

/* --- Dumps ------------------------------------------------------------------------------------ */

struct dump {
	const char *file;
	uint64_t base;
	/* A query, and an address that is mapped. */
	bool by_unit, has_pasid;
	uint64_t rtaddr;
	uint32_t pasid;
	struct page_table table;
	uint64_t address;
	size_t step; /* between two lengths: 1 where an answer takes no time */
};

static const struct dump dumps[] = {
	{.file = "inspect/tce.bin",
	 .base = 0x1000000,
	 .table = {.format = &pages_tce,
		   .root = 0x1000000,
		   .levels = 2,
		   .page_shift = 16,
		   .index_bits = 9},
	 .address = 0x20001ffff,
	 .step = 1},
	{.file = "inspect/x86_64.bin",
	 .base = 0x1000000,
	 .table = {.format = &pages_first_stage,
		   .root = 0x1000000,
		   .levels = 4,
		   .page_shift = 12,
		   .index_bits = 9},
	 .address = 0xfffffffffee00000,
	 .step = 1},
	{.file = "inspect/legacy.bin",
	 .base = 0x10000000,
	 .by_unit = true,
	 .rtaddr = 0x10007000,
	 .address = 0xfed00000,
	 .step = 3},
	{.file = "inspect/scalable.bin",
	 .base = 0x10000000,
	 .by_unit = true,
	 .rtaddr = 0x10007400,
	 .has_pasid = true,
	 .pasid = 70,
	 .address = 0x7000,
	 .step = 17},
};

static int ask(const struct dump *dump, const uint8_t *bytes, size_t length, bool lists)
{
	struct query query = {
		.memory = {.input = {bytes, length, false}, .base = dump->base},
		.by_unit = dump->by_unit,
		.rtaddr = dump->rtaddr,
		.source_id = 0x18,
		.has_pasid = dump->has_pasid,
		.pasid = dump->pasid,
		.width = 52,
		.table = dump->table,
		.limit = 1U << 20,
	};
	struct out out = {.file = nowhere};

	out_start(&out);
	return lists ? tables_show(&out, &query) : walk_show(&out, &query, dump->address);
}

static void cut_dump(const char *folder, const struct dump *dump)
{
	struct input input = open_data(folder, dump->file);
	bool was_fine = false;

	for (size_t length = 0; length <= input.size; length += dump->step) {
		uint8_t *bytes = copy_of(&input, length);
		const int status = ask(dump, bytes, length, false);

		check(status == INSPECT_FINE || (status == INSPECT_UNREADABLE && !was_fine),
		      dump->file, length, "another status");
		was_fine = status == INSPECT_FINE;
		free(bytes);
	}
	check(was_fine, dump->file, input.size, "all of the dump is too small");
	input_close(&input);
}

/* A list needs all tables: only the whole dump, or what is cut behind the last of them, is fine. */
static void list_dump(const char *folder, const struct dump *dump)
{
	struct input input = open_data(folder, dump->file);
	unsigned int fine = 0, unreadable = 0;

	for (size_t length = 0; length <= input.size; length += 64) {
		uint8_t *bytes = copy_of(&input, length);
		const int status = ask(dump, bytes, length, true);

		check(status == INSPECT_FINE || (status == INSPECT_UNREADABLE && fine == 0),
		      dump->file, length, "a list of another status");
		fine += status == INSPECT_FINE ? 1 : 0;
		unreadable += status == INSPECT_UNREADABLE ? 1 : 0;
		free(bytes);
	}
	check(fine != 0 && unreadable != 0, dump->file, input.size, "no length made a difference");
	input_close(&input);
}

/* --- Tables of firmware, topologies ----------------------------------------------------------- */

static void cut_table(const char *folder, const char *file, acpi_show show)
{
	struct input input = open_data(folder, file);

	for (size_t length = 0; length <= input.size; length++) {
		uint8_t *bytes = copy_of(&input, length);
		struct out out = {.file = nowhere, .format = length % 2 == 0 ? OUT_TEXT : OUT_JSON};

		out_start(&out);
		check((show(&out, bytes, length) == 0) == (length == input.size), file, length,
		      "another number of problems");
		free(bytes);
	}
	input_close(&input);
}

static void cut_topology(const char *folder, const char *file, size_t step)
{
	struct input input = open_data(folder, file);

	for (size_t length = 0; length <= input.size; length += step) {
		uint8_t *bytes = copy_of(&input, length);
		struct out out = {.file = nowhere};
		struct topology topology = {0};
		int status = topology_read_lines(&topology, file, bytes, length);

		if (status == INSPECT_FINE)
			status = groups_show(&out, &topology);
		check(status == INSPECT_FINE || status == INSPECT_BROKEN ||
			      status == INSPECT_UNREADABLE,
		      file, length, "another status");
		topology_free(&topology);
		free(bytes);
	}
	input_close(&input);
}

/* At the end of a record nothing is cut. */
static void cut_trace(const char *folder, const char *file)
{
	struct input input = open_data(folder, file);

	for (size_t length = 0; length <= input.size; length++) {
		const bool is_whole =
			length >= IOMMU_TRACE_HEADER_SIZE &&
			(length - IOMMU_TRACE_HEADER_SIZE) % IOMMU_TRACE_RECORD_SIZE == 0;
		uint8_t *bytes = copy_of(&input, length);
		struct out out = {.file = nowhere, .format = length % 2 == 0 ? OUT_TEXT : OUT_JSON};

		out_start(&out);
		check((trace_show(&out, bytes, length, length % 3 == 0) == INSPECT_FINE) ==
			      is_whole,
		      file, length, "another status");
		free(bytes);
	}
	input_close(&input);
}

int main(int count, char **words)
{
	static const char *const tables[] = {"dmar/0802d4bc8e9b.bin", "dmar/0ae648fcfa0b.bin",
					     "dmar/0d29630957f2.bin", "dmar/4ff4c5fa14e2.bin",
					     "dmar/87306c718074.bin", "dmar/8b62d3c6b4bf.bin"};
	static const char *const iort_tables[] = {"iort/virt.bin", "iort/two-units.bin",
						  "iort/no-unit.bin", "inspect/server-iort.bin"};

	static const char *const ivrs_tables[] = {"ivrs/005f1a61406e.bin", "ivrs/0b6d06e04e69.bin",
						  "ivrs/65d6069226e3.bin"};

	static const char *const rimt_tables[] = {"rimt/platform-unit.bin", "rimt/pci-unit.bin"};
	static const char *const trees[] = {"dtb/arm-virt.dtb", "dtb/virt-platform-unit.dtb"};

	nowhere = fopen("/dev/null", "w");
	if (count != 2 || nowhere == NULL)
		return 2;
	for (size_t i = 0; i < sizeof(dumps) / sizeof(dumps[0]); i++) {
		cut_dump(words[1], &dumps[i]);
		list_dump(words[1], &dumps[i]);
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		cut_table(words[1], tables[i], dmar_show);
	for (size_t i = 0; i < sizeof(iort_tables) / sizeof(iort_tables[0]); i++)
		cut_table(words[1], iort_tables[i], iort_show);
	for (size_t i = 0; i < sizeof(ivrs_tables) / sizeof(ivrs_tables[0]); i++)
		cut_table(words[1], ivrs_tables[i], ivrs_show);
	for (size_t i = 0; i < sizeof(rimt_tables) / sizeof(rimt_tables[0]); i++)
		cut_table(words[1], rimt_tables[i], rimt_show);
	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
		cut_table(words[1], trees[i], device_tree_show);
	cut_topology(words[1], "inspect/server.topology", 1);
	cut_topology(words[1], "inspect/lspci.txt", 29);
	cut_trace(words[1], "inspect/trace-holes.bin");
	(void)fclose(nowhere);
	printf("%u checks, %u failed\n", checks, failures);
	return failures != 0 || checks == 0;
}
