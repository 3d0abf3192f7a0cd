/* SPDX-License-Identifier: BSD-2-Clause */
/* tables: everything that is mapped, as ranges, and where the memory of the tables goes. */
#include <inttypes.h>

#include <libiommu/hw/vtd_fault.h>
#include <libiommu/vtd.h>

#include "enumerate.h"
#include "inspect.h"
#include "numbers.h"
#include "ranges.h"
#include "table_graph.h"
#include "tables.h"
#include "unit.h"

/* Mappings that the unit does not use, by its reason. */
struct refused {
	unsigned int reason;
	uint64_t first, count;
};

#define REFUSED_MAX 16U

struct listing {
	struct ranges ranges;
	struct unit *unit; /* NULL: a table alone, which has no judge */
	unsigned int reasons;
	struct refused refused[REFUSED_MAX];
};

/* --- Mappings --------------------------------------------------------------------------------- */

static void refuse(struct listing *listing, uint64_t iova, unsigned int reason)
{
	struct refused *refused = listing->refused;
	unsigned int i = 0;

	while (i < listing->reasons && refused[i].reason != reason)
		i++;
	if (i == REFUSED_MAX)
		return;
	if (i == listing->reasons)
		refused[listing->reasons++] = (struct refused){.reason = reason, .first = iova};
	refused[i].count++;
}

static void visit(void *ctx, const struct mapping *mapping)
{
	struct listing *listing = ctx;
	struct iommu_model_translation result;

	if (listing->unit != NULL && !unit_ask(listing->unit, mapping->iova, 0, &result))
		refuse(listing, mapping->iova, result.reason);
	else
		ranges_add(&listing->ranges, mapping);
}

/* Of mappings that are as they should be, though no request of the device gets there. */
static bool is_harmless(unsigned int reason)
{
	return reason == VTD_REASON_INTERRUPT_RANGE ||
	       reason == VTD_REASON_SCALABLE_INTERRUPT_RANGE ||
	       reason == VTD_REASON_USER_ON_SUPERVISOR;
}

static int show_refused(struct out *out, const struct listing *listing)
{
	int status = INSPECT_FINE;

	out_list(out, "refused");
	for (unsigned int i = 0; i < listing->reasons; i++) {
		const struct refused *refused = &listing->refused[i];

		if (!is_harmless(refused->reason))
			status = INSPECT_BROKEN;
		out_item(out, NULL,
			 "left out: %" PRIu64 " mappings, the first at 0x%" PRIx64 ": 0x%02x, %s",
			 refused->count, refused->first, refused->reason,
			 iommu_vtd_fault_explanation(refused->reason));
		out_number(out, "count", refused->count);
		out_hex(out, "first", refused->first);
		out_text(out, "reason", "0x%02x", refused->reason);
		out_text(out, "explanation", "%s", iommu_vtd_fault_explanation(refused->reason));
		out_close(out);
	}
	out_close(out);
	return status;
}

/* --- Tables ----------------------------------------------------------------------------------- */

static void show_classes(struct out *out, const struct table_usage *usage, uint64_t entries)
{
	out_list(out, "by filled entries");
	for (unsigned int class = 0; class < FILL_CLASSES; class ++) {
		const uint64_t least = class == 0 ? 0 : 1ULL << (class - 1);
		const uint64_t end = class == 0 ? 0 : (least << 1) - 1;
		const uint64_t most = end < entries ? end : entries;

		if (usage->classes[class] == 0)
			continue;
		if (least == most)
			out_item(out, NULL, "with %" PRIu64 " filled: %" PRIu64, least,
				 usage->classes[class]);
		else
			out_item(out, NULL, "with %" PRIu64 " to %" PRIu64 " filled: %" PRIu64,
				 least, most, usage->classes[class]);
		out_number(out, "least", least);
		out_number(out, "most", most);
		out_number(out, "tables", usage->classes[class]);
		out_close(out);
	}
	out_close(out);
}

static void show_level(struct out *out, const struct page_table *table, unsigned int level,
		       const struct table_usage *usage)
{
	const unsigned int bits = pages_index_bits(table, level);
	const uint64_t entries = usage->tables << bits;
	char bytes[NUMBERS_SIZE_TEXT];

	out_open(out, NULL,
		 "%s: %" PRIu64 " tables, %s; %" PRIu64 " of %" PRIu64 " entries filled (%" PRIu64
		 " %%), %" PRIu64 " of them pages",
		 table->format->levels[level - 1], usage->tables, numbers_size(bytes, entries * 8),
		 usage->filled, entries, usage->filled * 100 / (entries == 0 ? 1 : entries),
		 usage->leaves);
	if (out->format == OUT_JSON) {
		out_text(out, "entries are", "%s", table->format->levels[level - 1]);
		out_number(out, "level", level);
		out_number(out, "tables", usage->tables);
		out_number(out, "bytes", entries * 8);
		out_number(out, "entries", entries);
		out_number(out, "filled", usage->filled);
		out_number(out, "pages", usage->leaves);
	}
	if (usage->repeats != 0)
		out_number(out, "reached again", usage->repeats);
	show_classes(out, usage, 1ULL << bits);
	out_close(out);
}

static void show_usage(struct out *out, const struct enumeration *e)
{
	uint64_t bytes = 0;

	out_open(out, NULL, "tables: %s", e->table->format->name);
	if (out->format == OUT_JSON)
		out_text(out, "format", "%s", e->table->format->name);
	out_list(out, "levels");
	for (unsigned int level = e->table->levels; level > 0; level--) {
		show_level(out, e->table, level, &e->usage[level]);
		bytes += e->usage[level].tables * 8 << pages_index_bits(e->table, level);
	}
	out_close(out);
	out_size(out, "memory of all", bytes);
	if (e->unmapped_tables != 0)
		out_number(out, "tables that the second stage does not map", e->unmapped_tables);
	out_close(out);
}

/* --- Both ------------------------------------------------------------------------------------- */

static int conclude(struct out *out, const struct enumeration *e, int status)
{
	if (e->is_cut) {
		out_problem(out, "cut",
			    "stopped at the limit of entries (--limit): the tables are "
			    "larger, or lead to themselves");
		status = INSPECT_BROKEN;
	}
	if (e->defects != 0) {
		out_problem(out, "defects",
			    "%" PRIu64 " entries at which hardware faults, the first at 0x%" PRIx64
			    ": %s",
			    e->defects, e->defect_at, e->defect);
		status = INSPECT_BROKEN;
	}
	if (e->unmapped_tables != 0)
		status = INSPECT_BROKEN;
	if (!e->memory->has_missed)
		return status;
	memory_show_missed(out, e->memory);
	return INSPECT_UNREADABLE;
}

static void show_totals(struct out *out, const struct ranges *ranges)
{
	out_number(out, "number of ranges", ranges->count);
	out_size(out, "mapped", ranges->bytes);
}

static int list(struct out *out, struct query *query, const struct page_table *table,
		const struct page_table *second, struct unit *unit)
{
	struct listing listing = {.ranges = {.out = out, .format = table->format}, .unit = unit};
	struct enumeration e = {.memory = &query->memory,
				.table = table,
				.second = second,
				.left = query->limit,
				.visit = visit,
				.ctx = &listing};
	/* Of a stage that only serves the other: what its tables take, not what they map. */
	struct enumeration parent = {
		.memory = &query->memory, .table = second, .left = query->limit};
	int status;

	out_list(out, "ranges");
	enumerate(&e);
	ranges_end(&listing.ranges);
	out_close(out);
	show_totals(out, &listing.ranges);
	status = show_refused(out, &listing);
	out_list(out, "tables");
	show_usage(out, &e);
	if (second != NULL) {
		enumerate(&parent);
		show_usage(out, &parent);
		e.is_cut = e.is_cut || parent.is_cut;
	}
	out_close(out);
	return conclude(out, &e, status);
}

static int list_by_unit(struct out *out, struct query *query, const struct place *place)
{
	struct unit unit;
	int status = unit_open(&unit, query, place);

	if (status != INSPECT_FINE)
		return status;
	status = place->has_first ? list(out, query, &place->first,
					 place->has_second ? &place->second : NULL, &unit)
				  : list(out, query, &place->second, NULL, &unit);
	unit_close(&unit);
	return status;
}

static int show_unit(struct out *out, struct query *query)
{
	struct place place;
	bool is_found;

	out_list(out, "entries");
	is_found = place_find(out, query, &place);
	out_close(out);
	if (query->memory.has_missed) {
		memory_show_missed(out, &query->memory);
		return INSPECT_UNREADABLE;
	}
	if (!is_found) {
		out_problem(out, "note", "the device's requests are blocked: it has no tables");
		return INSPECT_BROKEN;
	}
	if (place.passes) {
		out_text(out, "note", "the device's requests pass: all of memory is reached");
		return INSPECT_FINE;
	}
	return list_by_unit(out, query, &place);
}

int tables_show(struct out *out, struct query *query)
{
	if (query->by_unit)
		return show_unit(out, query);
	query_show_table(out, &query->table);
	return list(out, query, &query->table, NULL, NULL);
}

int inspect_tables(struct out *out, int count, char **words)
{
	struct query query;
	int status = query_read(&query, QUERY_OF_ALL, &count, words);

	if (status != INSPECT_FINE)
		return status;
	if (count != 0)
		status = inspect_complain(INSPECT_USAGE, "tables: %s is no option", words[0]);
	else if (query.dot && out->format == OUT_JSON)
		status = inspect_complain(INSPECT_USAGE, "tables: one of --json and --dot");
	else
		status = unit_check(&query);
	if (status == INSPECT_FINE && query.dot) {
		status = table_graph_draw(out->file, &query);
	} else if (status == INSPECT_FINE) {
		out_start(out);
		status = tables_show(out, &query);
	}
	memory_close(&query.memory);
	return status;
}
