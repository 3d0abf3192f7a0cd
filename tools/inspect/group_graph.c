/* SPDX-License-Identifier: BSD-2-Clause */
#include "groups.h"
#include "numbers.h"

/* A name may hold anything: what DOT would take for more than a character is left out. */
static void put_name(FILE *file, const char *name)
{
	for (; *name != '\0'; name++)
		if (*name >= ' ' && *name <= '~' && *name != '"' && *name != '\\')
			(void)fputc(*name, file);
}

static void draw_function(FILE *file, const struct group_reasons *reasons, size_t index)
{
	const struct iommu_pci_function *function = &reasons->topology->functions[index];
	char place[NUMBERS_PLACE_TEXT];

	(void)fprintf(file, "    f%zu [label=\"%s\\n%s\\n", index,
		      numbers_place(place, function->segment, iommu_pci_id(function)),
		      topology_type_name(function->type));
	put_name(file, reasons->topology->names[index]);
	(void)fputs("\"];\n", file);
}

static void draw_group(FILE *file, const struct group_reasons *reasons, size_t group, size_t number)
{
	(void)fprintf(file, "  subgraph cluster_%zu {\n    label=\"group %zu\";\n", number, number);
	for (size_t i = 0; i < reasons->topology->count; i++)
		if (reasons->groups[i] == group)
			draw_function(file, reasons, i);
	(void)fputs("  }\n", file);
}

void group_graph_draw(FILE *file, const struct group_reasons *reasons)
{
	const struct iommu_pci_topology view = topology_view(reasons->topology);
	size_t number = 0;

	(void)fputs("digraph groups {\n  rankdir=LR;\n  node [shape=box, fontname=monospace];\n",
		    file);
	for (size_t i = 0; i < view.count; i++)
		if (reasons->groups[i] == i)
			draw_group(file, reasons, i, number++);
	for (size_t i = 0; i < view.count; i++) {
		const size_t bridge = iommu_pci_bridge_above(&view, i);

		if (bridge < view.count)
			(void)fprintf(file, "  f%zu -> f%zu;\n", bridge, i);
	}
	(void)fputs("}\n", file);
}
