/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups as an SVG picture: a row for each function, indented below its bridge, in the colour of
 * its group.
 */
#include "groups.h"
#include "numbers.h"

#define ROW    24U
#define INDENT 28U
#define WIDTH  420U

struct picture {
	FILE *file;
	const struct group_reasons *reasons;
	struct iommu_pci_topology view;
	unsigned int row;
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

/* Hues of neighbouring groups are far apart: steps of the golden angle. */
static void draw_row(struct picture *picture, size_t index, unsigned int depth)
{
	const struct iommu_pci_function *function = &picture->view.functions[index];
	const size_t group = number_of(picture, index);
	const unsigned int x = 8 + depth * INDENT, y = 8 + picture->row++ * ROW;
	char place[NUMBERS_PLACE_TEXT];

	(void)fprintf(picture->file,
		      "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
		      "fill=\"hsl(%zu,70%%,82%%)\" stroke=\"#555\"/>\n"
		      "<text x=\"%u\" y=\"%u\">%s %s, group %zu ",
		      x, y, WIDTH, ROW - 4, group * 137 % 360, x + 6, y + 14,
		      numbers_place(place, function->segment, iommu_pci_id(function)),
		      topology_type_name(function->type), group);
	put_text(picture->file, picture->reasons->topology->names[index]);
	(void)fputs("</text>\n", picture->file);
}

/* Ways up end (the library has checked), and so do ways down. */
static void draw_below(struct picture *picture, size_t bridge, unsigned int depth)
{
	for (size_t i = 0; i < picture->view.count; i++) {
		if (iommu_pci_bridge_above(&picture->view, i) != bridge)
			continue;
		draw_row(picture, i, depth);
		if (picture->view.functions[i].secondary_bus != 0)
			draw_below(picture, i, depth + 1);
	}
}

void group_picture_draw(FILE *file, const struct group_reasons *reasons)
{
	struct picture picture = {file, reasons, topology_view(reasons->topology), 0};
	const unsigned int height = 16 + (unsigned int)picture.view.count * ROW;

	(void)fprintf(file,
		      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		      "font-family=\"monospace\" font-size=\"12\">\n",
		      WIDTH + 8 * INDENT, height);
	draw_below(&picture, picture.view.count, 0);
	(void)fputs("</svg>\n", file);
}
