/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "enumerate.h"
#include "inspect.h"
#include "place.h"
#include "table_graph.h"

/* More tables make a picture that shows nothing. */
#define TABLES_MAX 200U

struct graph {
	FILE *file;
	const struct page_table *table;
	unsigned int tables;
};

static void draw_table(void *ctx, uint64_t where, uint64_t above, unsigned int level,
		       unsigned int filled)
{
	struct graph *graph = ctx;
	const unsigned int entries = 1U << pages_index_bits(graph->table, level);

	if (graph->tables++ >= TABLES_MAX)
		return;
	(void)fprintf(graph->file,
		      "  t%u_%" PRIx64 " [label=\"%s table\\n0x%" PRIx64
		      "\\n%u of %u filled\", style=filled, fillcolor=\"0.33 %u.%02u 1\"];\n",
		      level, where, graph->table->format->levels[level - 1], where, filled, entries,
		      filled / entries, filled % entries * 100 / entries);
	if (level < graph->table->levels)
		(void)fprintf(graph->file, "  t%u_%" PRIx64 " -> t%u_%" PRIx64 ";\n", level + 1,
			      above, level, where);
}

static int draw(FILE *file, struct query *query, const struct page_table *table,
		const struct page_table *second)
{
	struct graph graph = {.file = file, .table = table};
	struct enumeration e = {.memory = &query->memory,
				.table = table,
				.second = second,
				.left = query->limit,
				.tell = draw_table,
				.ctx = &graph};

	(void)fputs("digraph tables {\n  node [shape=box, fontname=monospace];\n", file);
	enumerate(&e);
	(void)fputs("}\n", file);
	if (graph.tables > TABLES_MAX)
		return inspect_complain(INSPECT_BROKEN, "only %u of %u tables are drawn",
					TABLES_MAX, graph.tables);
	if (query->memory.has_missed)
		return inspect_complain(INSPECT_UNREADABLE, "0x%" PRIx64 " is not in the dump",
					query->memory.missed);
	return e.is_cut ? inspect_complain(INSPECT_BROKEN, "stopped at the limit of entries")
			: INSPECT_FINE;
}

int table_graph_draw(FILE *file, struct query *query)
{
	struct out silent = {.file = file, .levels = {{.is_item = true}}};
	struct place place;

	if (!query->by_unit)
		return draw(file, query, &query->table, NULL);
	if (!place_find(&silent, query, &place) || place.passes)
		return query->memory.has_missed
			       ? inspect_complain(INSPECT_UNREADABLE,
						  "0x%" PRIx64 " is not in the dump",
						  query->memory.missed)
			       : inspect_complain(INSPECT_BROKEN, "the device has no page tables");
	return place.has_first
		       ? draw(file, query, &place.first, place.has_second ? &place.second : NULL)
		       : draw(file, query, &place.second, NULL);
}
