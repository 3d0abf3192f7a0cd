/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dtb: the nodes of a flattened device tree that are IOMMUs ("#iommu-cells"), and those that are
 * behind one ("iommus", "iommu-map"), with what is wrong about their references. The library reads
 * the tree; other nodes are not shown.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <libiommu/device_tree.h>

#include "device_tree.h"
#include "heap.h"
#include "input.h"
#include "inspect.h"
#include "options.h"

#define MAP_ENTRY 16 /* bytes of an entry of "iommu-map" */

struct view {
	struct out *out;
	struct iommu_fdt fdt;
	unsigned int problems;
	/* Of the node that is shown, until its end. */
	const char **pending;
	unsigned int pending_count, room;
	const char *names[IOMMU_FDT_MAX_DEPTH + 1]; /* of the current node, and of those above */
};

static void note(struct view *view, const char *text)
{
	view->problems++;
	if (view->pending_count == view->room) {
		view->room = view->room * 2 + 8;
		view->pending = heap_resize(view->pending, view->room, sizeof(*view->pending));
	}
	view->pending[view->pending_count++] = text;
}

static void show_problems(struct view *view)
{
	out_list(view->out, "problems");
	for (unsigned int i = 0; i < view->pending_count; i++)
		out_problem(view->out, NULL, "broken: %s", view->pending[i]);
	out_close(view->out);
	view->pending_count = 0;
}

static bool has(const struct view *view, const struct iommu_fdt_node *node, const char *name)
{
	uint32_t size;

	return iommu_fdt_property(&view->fdt, node, name, &size) != NULL;
}

/* --- What other nodes are named --------------------------------------------------------------- */

/* Why a reference leads nowhere, or NULL. */
static const char *reason_of(const struct view *view, uint32_t phandle)
{
	struct iommu_fdt_node unit = {0};

	if (iommu_fdt_find(&view->fdt, phandle, &unit) != 0)
		return "a reference to a node that is not there";
	if (!has(view, &unit, "#iommu-cells"))
		return "a reference to a node that is no IOMMU";
	return iommu_fdt_is_available(&view->fdt, &unit)
		       ? NULL
		       : "a reference to an IOMMU that is disabled";
}

static const char *name_of(const struct view *view, uint32_t phandle, struct iommu_fdt_node *node)
{
	*node = (struct iommu_fdt_node){0};
	return iommu_fdt_find(&view->fdt, phandle, node) == 0 ? node->name : "no node";
}

/* The cells of a reference, as text. */
static const char *cells_text(const struct iommu_fdt_reference *reference, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < reference->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, " 0x%" PRIx32,
					 reference->cells[i]);
	return text;
}

#define CELLS_TEXT (IOMMU_FDT_MAX_CELLS * 11 + 1)

/* Words of a list of references that were not read: an entry is broken, and ends it. */
static void check_end(struct view *view, const struct iommu_fdt_node *node, const char *name,
		      uint32_t words)
{
	uint32_t size;

	if (iommu_fdt_property(&view->fdt, node, name, &size) != NULL && words * 4 != size)
		note(view, "a list of references with an entry that cannot be read");
}

static void show_interrupts(struct view *view, const struct iommu_fdt_node *node)
{
	struct iommu_fdt_reference reference = {0};
	struct iommu_fdt_node controller;
	char cells[CELLS_TEXT];

	out_list(view->out, "interrupts");
	while (iommu_fdt_next_interrupt(&view->fdt, node, &reference)) {
		out_item(view->out, NULL, "interrupt%s of %s",
			 cells_text(&reference, cells, sizeof(cells)),
			 name_of(view, reference.phandle, &controller));
		out_hex(view->out, "controller", reference.phandle);
		out_text(view->out, "cells", "%s", cells[0] == ' ' ? cells + 1 : cells);
		out_close(view->out);
	}
	out_close(view->out);
}

static void show_references(struct view *view, const struct iommu_fdt_node *node)
{
	struct iommu_fdt_reference reference = {0};
	struct iommu_fdt_node unit;
	char cells[CELLS_TEXT];
	uint32_t words = 0;

	out_list(view->out, "units");
	while (iommu_fdt_next_iommu(&view->fdt, node, &reference)) {
		const char *reason = reason_of(view, reference.phandle);

		words += 1 + reference.count;
		out_item(view->out, NULL, "behind %s (phandle 0x%" PRIx32 ") as%s",
			 name_of(view, reference.phandle, &unit), reference.phandle,
			 cells_text(&reference, cells, sizeof(cells)));
		out_hex(view->out, "phandle", reference.phandle);
		out_text(view->out, "cells", "%s", cells[0] == ' ' ? cells + 1 : cells);
		out_close(view->out);
		if (reason != NULL)
			note(view, reason);
	}
	out_close(view->out);
	check_end(view, node, "iommus", words);
}

static void show_map(struct view *view, const struct iommu_fdt_map *map)
{
	struct iommu_fdt_node unit;

	out_item(view->out, NULL,
		 "0x%" PRIx32 " to 0x%" PRIx32 " become 0x%" PRIx32 " on at %s (phandle 0x%" PRIx32
		 ")",
		 map->source, map->source + (map->count - 1), map->id,
		 name_of(view, map->unit, &unit), map->unit);
	out_hex(view->out, "first id", map->source);
	out_hex(view->out, "last id", map->source + (map->count - 1));
	out_hex(view->out, "output", map->id);
	out_hex(view->out, "phandle", map->unit);
	out_close(view->out);
	if (reason_of(view, map->unit) != NULL)
		note(view, reason_of(view, map->unit));
}

static void check_map_size(struct view *view, uint32_t size, uint32_t shown)
{
	if (size % MAP_ENTRY != 0)
		note(view, "iommu-map ends in the middle of an entry");
	if (size / MAP_ENTRY != shown)
		note(view, "iommu-map has entries of no ids, or of ids that wrap");
}

static void show_maps(struct view *view, const struct iommu_fdt_node *node)
{
	struct iommu_fdt_map map = {0};
	uint32_t size = 0, mask_size, shown = 0;
	const uint8_t *mask = iommu_fdt_property(&view->fdt, node, "iommu-map-mask", &mask_size);

	if (iommu_fdt_property(&view->fdt, node, "iommu-map", &size) == NULL)
		return;
	if (mask != NULL && mask_size == 4)
		out_hex(view->out, "mask of ids", iommu_fdt_cell(mask, 0));
	out_list(view->out, "maps");
	for (; iommu_fdt_next_map(&view->fdt, node, &map); shown++)
		show_map(view, &map);
	out_close(view->out);
	check_map_size(view, size, shown);
}

/* --- Nodes ------------------------------------------------------------------------------------ */

/* "compatible": strings with their NULs, of which the last may lack it. */
static void show_compatible(struct view *view, const struct iommu_fdt_node *node)
{
	uint32_t size, at = 0;
	const uint8_t *value = iommu_fdt_property(&view->fdt, node, "compatible", &size);

	if (value == NULL)
		return;
	out_list(view->out, "compatible");
	while (at < size) {
		const char *string = (const char *)value + at;
		const char *end = memchr(string, 0, size - at);
		const uint32_t length = end != NULL ? (uint32_t)(end - string) : size - at;

		out_item(view->out, NULL, "compatible with %.*s", (int)length, string);
		out_text(view->out, "string", "%.*s", (int)length, string);
		out_close(view->out);
		at += length + 1;
	}
	out_close(view->out);
}

static void show_registers(struct view *view, const struct iommu_fdt_node *node)
{
	struct iommu_fdt_registers registers;
	unsigned int index = 0;
	uint16_t rid;
	int status;

	if (iommu_fdt_get_function(&view->fdt, node, &rid) == 0) {
		out_text(view->out, "function", "%02x:%02x.%x", rid >> 8, rid >> 3 & 31, rid & 7);
		return;
	}
	out_list(view->out, "registers");
	while ((status = iommu_fdt_get_registers(&view->fdt, node, index, &registers)) == 0) {
		out_item(view->out, NULL, "registers: 0x%" PRIx64 ", 0x%" PRIx64 " bytes",
			 registers.base, registers.size);
		out_hex(view->out, "base", registers.base);
		out_hex(view->out, "size", registers.size);
		out_close(view->out);
		index++;
	}
	out_close(view->out);
	if (status != IOMMU_ENOENT || index == 0)
		note(view, "an IOMMU without registers that a processor can reach");
}

static void show_unit(struct view *view, const struct iommu_fdt_node *node)
{
	const uint32_t phandle = iommu_fdt_phandle(&view->fdt, node);

	show_registers(view, node);
	if (phandle == 0)
		note(view, "an IOMMU without a phandle: no device can name it");
	else
		out_hex(view->out, "phandle", phandle);
	out_flag(view->out, "marked dma-coherent", has(view, node, "dma-coherent"));
	show_interrupts(view, node);
}

/* The name of a node with those above, "/soc/iommu@3010000"; what does not fit is cut. */
static const char *path_of(struct view *view, const struct iommu_fdt_node *node, char *text,
			   size_t size)
{
	size_t used = 0;

	view->names[node->depth] = node->name;
	text[0] = '\0';
	for (unsigned int depth = 2; depth <= node->depth && used < size; depth++)
		used += (size_t)snprintf(text + used, size - used, "/%s", view->names[depth]);
	return node->depth < 2 ? "/" : text;
}

static void show_node(struct view *view, const struct iommu_fdt_node *node)
{
	char path[256];
	const bool is_unit = has(view, node, "#iommu-cells");

	(void)path_of(view, node, path, sizeof(path));
	if (!is_unit && !has(view, node, "iommus") && !has(view, node, "iommu-map"))
		return;
	out_open(view->out, NULL, "%s  %s", path, is_unit ? "IOMMU" : "behind an IOMMU");
	if (view->out->format == OUT_JSON) {
		out_text(view->out, "path", "%s", path);
		out_flag(view->out, "is unit", is_unit);
	}
	show_compatible(view, node);
	out_flag(view->out, "enabled", iommu_fdt_is_available(&view->fdt, node));
	if (is_unit)
		show_unit(view, node);
	show_references(view, node);
	show_maps(view, node);
	show_problems(view);
	out_close(view->out);
}

unsigned int device_tree_show(struct out *out, const uint8_t *bytes, size_t size)
{
	struct view view = {.out = out};
	struct iommu_fdt_node node = {0};

	if (iommu_fdt_open(&view.fdt, bytes, size) != 0) {
		out_problem(out, "library", "the library refuses the tree: %s", view.fdt.refusal);
		return 1;
	}
	out_list(out, "nodes");
	while (iommu_fdt_next(&view.fdt, &node))
		show_node(&view, &node);
	out_close(out);
	free(view.pending);
	return view.problems;
}

int inspect_dtb(struct out *out, int count, char **words)
{
	const struct option options[] = {{NULL, OPTION_FLAG, NULL, NULL}};
	struct input input;
	unsigned int problems;
	int status;

	count = options_take(options, count, words);
	if (count < 0)
		return INSPECT_USAGE;
	if (count != 1)
		return inspect_complain(INSPECT_USAGE, "dtb: expected one FILE");
	status = input_open(&input, words[0]);
	if (status != INSPECT_FINE)
		return status;
	out_start(out);
	out_text(out, "file", "%s", words[0]);
	problems = device_tree_show(out, input.bytes, input.size);
	out_number(out, "number of problems", problems);
	input_close(&input);
	return problems == 0 ? INSPECT_FINE : INSPECT_BROKEN;
}
