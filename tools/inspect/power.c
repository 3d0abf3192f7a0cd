/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * power: what firmware of POWER machines says: properties of the device tree that describe windows,
 * and the diagnostic data of a host bridge. The library reads them, and this shows what it read.
 */
#include <inttypes.h>
#include <string.h>

#include <libiommu/hw/opal_diagnostics.h>
#include <libiommu/opal.h>
#include <libiommu/papr.h>

#include "input.h"
#include "inspect.h"
#include "numbers.h"
#include "options.h"

struct question {
	uint64_t address_cells, size_cells;
	struct input inputs[2];
	unsigned int files;
};

static int refuse(struct out *out, const char *what)
{
	out_problem(out, "problem", "%s", what);
	return INSPECT_BROKEN;
}

/* --- Windows ---------------------------------------------------------------------------------- */

static int show_window(struct out *out, const struct iommu_papr_window *window)
{
	out_open(out, "window", "window");
	out_hex(out, "number", window->liobn);
	out_hex(out, "first address", window->address);
	if (window->size == 0) {
		out_text(out, "note", "there is no window");
	} else {
		out_hex(out, "last address", window->address + (window->size - 1));
		out_size(out, "size of window", window->size);
		out_size(out, "page", 1ULL << window->page_shift);
	}
	out_close(out);
	return INSPECT_FINE;
}

static int show_dma_window(struct out *out, const struct question *question)
{
	const struct input *input = &question->inputs[0];
	struct iommu_papr_window window;

	if (iommu_papr_parse_window(input->bytes, input->size,
				    (unsigned int)question->address_cells,
				    (unsigned int)question->size_cells, &window) != 0)
		return refuse(out, "the property is too short, or describes an impossible window");
	return show_window(out, &window);
}

static int show_left_window(struct out *out, const struct question *question)
{
	const struct input *input = &question->inputs[0];
	struct iommu_papr_window window;

	if (iommu_papr_parse_left_window(input->bytes, input->size, &window) != 0)
		return refuse(out, "the property has neither 20 nor 24 bytes, or describes an "
				   "impossible window");
	return show_window(out, &window);
}

static int show_ddw(struct out *out, const struct question *question)
{
	const struct input *first = &question->inputs[0], *second = &question->inputs[1];
	struct iommu_papr_ddw ddw = {0};

	if (iommu_papr_parse_ddw(first->bytes, first->size,
				 question->files > 1 ? second->bytes : NULL,
				 question->files > 1 ? second->size : 0, &ddw) != 0)
		return refuse(out, "a property is too short");
	out_open(out, "services", "services for windows on request");
	out_hex(out, "query", ddw.query_token);
	out_hex(out, "create", ddw.create_token);
	out_hex(out, "remove", ddw.remove_token);
	if (question->files > 1) {
		out_hex(out, "reset", ddw.reset_token);
		out_flag(out, "wide answer to query", ddw.has_wide_query);
		out_hex(out, "limit of addresses", ddw.limit_token);
	}
	out_close(out);
	return INSPECT_FINE;
}

/* --- Diagnostic data -------------------------------------------------------------------------- */

static void show_pe(struct out *out, uint32_t pe, const struct iommu_opal_diagnosis *diagnosis)
{
	out_item(out, NULL, "PE 0x%" PRIx32 ": %s%s%s", pe,
		 diagnosis->is_io_stopped ? "registers stopped" : "",
		 diagnosis->is_io_stopped && diagnosis->is_dma_stopped ? ", " : "",
		 diagnosis->is_dma_stopped ? "DMA stopped" : "");
	out_number(out, "pe", pe);
	out_flag(out, "registers are stopped", diagnosis->is_io_stopped);
	out_flag(out, "dma is stopped", diagnosis->is_dma_stopped);
	out_hex(out, "state of registers", diagnosis->io_state);
	out_hex(out, "state of dma", diagnosis->dma_state);
	out_close(out);
}

static int show_diagnostics(struct out *out, const struct question *question)
{
	const struct input *input = &question->inputs[0];
	struct iommu_opal_diagnosis diagnosis;
	char place[NUMBERS_PLACE_TEXT];
	uint32_t stopped = 0;

	if (iommu_opal_read_diagnostics(input->bytes, input->size, 0, &diagnosis) != 0)
		return refuse(out, "the data are too short, or of another form");
	out_open(out, "bridge", "host bridge of POWER%s",
		 diagnosis.generation == 3 ? "8" : "9 or later");
	out_number(out, "generation", diagnosis.generation);
	out_hex(out, "uncorrectable errors (AER)", diagnosis.uncorrectable);
	out_text(out, "last error message from", "%s",
		 numbers_place(place, 0, diagnosis.source_id));
	out_list(out, "stopped");
	for (uint32_t pe = 0;
	     iommu_opal_read_diagnostics(input->bytes, input->size, pe, &diagnosis) == 0; pe++) {
		if (!diagnosis.is_io_stopped && !diagnosis.is_dma_stopped)
			continue;
		show_pe(out, pe, &diagnosis);
		stopped++;
	}
	out_close(out);
	out_number(out, "number of stopped PEs", stopped);
	out_close(out);
	return stopped == 0 ? INSPECT_FINE : INSPECT_BROKEN;
}

/* --- The command ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	unsigned int files;
	int (*show)(struct out *out, const struct question *question);
} kinds[] = {
	{"dma-window", 1, show_dma_window},
	{"ddw", 2, show_ddw},
	{"left-window", 1, show_left_window},
	{"diagnostics", 1, show_diagnostics},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int show_files(struct out *out, struct question *question, size_t kind, char **names)
{
	int status = INSPECT_FINE;
	unsigned int opened = 0;

	while (status == INSPECT_FINE && opened < question->files) {
		status = input_open(&question->inputs[opened], names[opened]);
		opened += status == INSPECT_FINE ? 1 : 0;
	}
	if (status == INSPECT_FINE) {
		out_start(out);
		status = kinds[kind].show(out, question);
	}
	while (opened > 0)
		input_close(&question->inputs[--opened]);
	return status;
}

int inspect_power(struct out *out, int count, char **words)
{
	struct question question = {.address_cells = 2, .size_cells = 2};
	const struct option options[] = {
		{"address-cells", OPTION_NUMBER, &question.address_cells, NULL},
		{"size-cells", OPTION_NUMBER, &question.size_cells, NULL},
		{NULL, OPTION_FLAG, NULL, NULL}};
	size_t kind = 0;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	while (count > 0 && kind < KINDS && strcmp(kinds[kind].name, words[0]) != 0)
		kind++;
	if (count < 2 || kind == KINDS || (unsigned int)count - 1 > kinds[kind].files ||
	    question.address_cells - 1 > 1 || question.size_cells - 1 > 1)
		return inspect_complain(INSPECT_USAGE,
					"power: expected dma-window, ddw, left-window or "
					"diagnostics, its FILE, and cells of 1 or 2");
	question.files = (unsigned int)count - 1;
	return show_files(out, &question, kind, words + 1);
}
