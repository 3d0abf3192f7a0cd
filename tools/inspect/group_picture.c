/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups as an SVG picture: a row for each function, indented below its bridge, in the colour of
 * its group.
 */
#include <string.h>

#include "groups.h"
#include "numbers.h"

#define ROW    24U
#define INDENT 28U
#define MARGIN 8U
#define TEXT   128U /* of a row, without the function's name */
/* The advance of a character of a monospaced font of 12 pixels, in tenths, as the widest has it. */
#define ADVANCE 74U

struct picture {
	FILE *file;
	const struct group_reasons *reasons;
	struct iommu_pci_topology view;
	unsigned int row;
	unsigned int box, width; /* of a row, and of the picture: the widest */
};

static void put_text(FILE *file, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<' || *text == '>' || *text == '&')
			(void)fprintf(file, "&#%d;", *text);
		else if (*text >= ' ' && *text <= '~')
			(void)fputc(*text, file);
	}
}

static size_t number_of(const struct picture *picture, size_t index)
{
	size_t number = 0;

	for (size_t i = 0; i < picture->reasons->groups[index]; i++)
		number += picture->reasons->groups[i] == i ? 1 : 0;
	return number;
}

static const char *row_text(const struct picture *picture, size_t index, char text[TEXT])
{
	const struct iommu_pci_function *function = &picture->view.functions[index];
	char place[NUMBERS_PLACE_TEXT];

	(void)snprintf(text, TEXT, "%s %s, group %zu ",
		       numbers_place(place, function->segment, iommu_pci_id(function)),
		       topology_type_name(function->type), number_of(picture, index));
	return text;
}

static unsigned int x_of(unsigned int depth)
{
	return MARGIN + depth * INDENT;
}

typedef void (*row_visit)(struct picture *picture, size_t index, unsigned int depth);

static void measure_row(struct picture *picture, size_t index, unsigned int depth)
{
	char text[TEXT];
	const size_t length = strlen(row_text(picture, index, text)) +
			      strlen(picture->reasons->topology->names[index]);
	const unsigned int box = (unsigned int)(length * ADVANCE / 10) + 12;

	picture->box = box > picture->box ? box : picture->box;
	picture->width = x_of(depth) > picture->width ? x_of(depth) : picture->width;
}

/* Hues of neighbouring groups are far apart: steps of the golden angle. */
static void draw_row(struct picture *picture, size_t index, unsigned int depth)
{
	const unsigned int x = x_of(depth), y = MARGIN + picture->row++ * ROW;
	char text[TEXT];

	(void)fprintf(picture->file,
		      "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
		      "fill=\"hsl(%zu,70%%,82%%)\" stroke=\"#555\"/>\n"
		      "<text x=\"%u\" y=\"%u\">%s",
		      x, y, picture->box, ROW - 4, number_of(picture, index) * 137 % 360, x + 6,
		      y + 14, row_text(picture, index, text));
	put_text(picture->file, picture->reasons->topology->names[index]);
	(void)fputs("</text>\n", picture->file);
}

/* Ways up end (the library has checked), and so do ways down. */
static void visit_below(struct picture *picture, size_t bridge, unsigned int depth, row_visit visit)
{
	for (size_t i = 0; i < picture->view.count; i++) {
		if (iommu_pci_bridge_above(&picture->view, i) != bridge)
			continue;
		visit(picture, i, depth);
		if (picture->view.functions[i].secondary_bus != 0)
			visit_below(picture, i, depth + 1, visit);
	}
}

void group_picture_draw(FILE *file, const struct group_reasons *reasons)
{
	struct picture picture = {
		.file = file, .reasons = reasons, .view = topology_view(reasons->topology)};
	const unsigned int height = 2 * MARGIN + (unsigned int)picture.view.count * ROW;

	visit_below(&picture, picture.view.count, 0, measure_row);
	picture.width += picture.box + MARGIN;

	(void)fprintf(file,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		      "font-family=\"monospace\" font-size=\"12\">\n",
		      picture.width, height);
	visit_below(&picture, picture.view.count, 0, draw_row);
	(void)fputs("</svg>\n", file);
}
