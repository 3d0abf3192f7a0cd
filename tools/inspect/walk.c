/* SPDX-License-Identifier: BSD-2-Clause */
/* walk: how one address is translated, entry by entry, and what comes out. */
#include "walk.h"
#include "follow.h"
#include "inspect.h"
#include "numbers.h"
#include "reason.h"
#include "unit.h"

/* --- By a unit -------------------------------------------------------------------------------- */

static unsigned int access_of(const struct query *query)
{
	return query->write ? IOMMU_PROT_WRITE : IOMMU_PROT_READ;
}

static void show_rights(struct out *out, unsigned int prot)
{
	out_text(out, "permissions", "%c%c", (prot & IOMMU_PROT_READ) != 0 ? 'r' : '-',
		 (prot & IOMMU_PROT_WRITE) != 0 ? 'w' : '-');
}

static int show_translation(struct out *out, const struct iommu_model_translation *result)
{
	out_open(out, "result", "the request is %s",
		 result->is_interrupt ? "an interrupt" : "translated");
	out_text(out, "outcome", "%s", result->is_interrupt ? "interrupt" : "translated");
	if (!result->is_interrupt) {
		out_hex(out, "address", result->paddr);
		out_size(out, "block", result->size);
		show_rights(out, result->prot);
		out_flag(out, "snoops", result->snoop);
	}
	out_close(out);
	return INSPECT_FINE;
}

static int show_missed(struct out *out, const struct memory *memory)
{
	out_open(out, "result", "the dump is too small to say");
	out_text(out, "outcome", "unknown");
	memory_show_missed(out, memory);
	out_close(out);
	return INSPECT_UNREADABLE;
}

static int show_fault(struct out *out, unsigned int reason)
{
	out_open(out, "result", "the request faults");
	out_text(out, "outcome", "fault");
	reason_show(out, REASON_VTD, reason);
	out_close(out);
	return INSPECT_BROKEN;
}

static int judge(struct out *out, struct query *query, const struct place *place, uint64_t address)
{
	struct iommu_model_translation result;
	struct unit unit;
	bool is_fine;
	int status = unit_open(&unit, query, place);

	if (status != INSPECT_FINE)
		return status;
	query->memory.has_missed = false;
	is_fine = unit_ask(&unit, address, access_of(query), &result);
	unit_close(&unit);
	if (is_fine)
		return show_translation(out, &result);
	return query->memory.has_missed ? show_missed(out, &query->memory)
					: show_fault(out, result.reason);
}

/* The levels that a reader sees, as far as they lead. */
static void show_levels(struct out *out, struct query *query, const struct place *place,
			uint64_t address)
{
	struct follow follow = {.out = out,
				.memory = &query->memory,
				.second = place->has_second ? &place->second : NULL};
	struct follow_end end;

	if (place->passes)
		return;
	if (place->has_first)
		(void)follow_address(&follow, &place->first, address, &end);
	else if (place->has_second) {
		follow.second = NULL;
		(void)follow_address(&follow, &place->second, address, &end);
	}
}

static int walk_unit(struct out *out, struct query *query, uint64_t address)
{
	struct place place;

	out_list(out, "entries");
	if (place_find(out, query, &place))
		show_levels(out, query, &place, address);
	out_close(out);
	return judge(out, query, &place, address);
}

/* --- A table alone ---------------------------------------------------------------------------- */

static const char *refusal(const struct query *query, const struct follow_end *end)
{
	if (!end->is_mapped)
		return end->defect != NULL ? end->defect : "the address is not mapped";
	if (query->write && (end->rights & PAGE_WRITE) == 0)
		return "the address is mapped without write permission";
	if (!query->write && (end->rights & PAGE_READ) == 0)
		return "the address is mapped without read permission";
	return NULL;
}

static int show_end(struct out *out, const struct query *query, const struct follow_end *end)
{
	const char *problem = refusal(query, end);
	char rights[8];

	if (problem != NULL) {
		out_open(out, "result", "the access faults");
		out_text(out, "outcome", "fault");
		out_text(out, "explanation", "%s", problem);
	} else {
		out_open(out, "result", "the access is translated");
		out_text(out, "outcome", "translated");
		out_hex(out, "address", end->address);
		out_size(out, "page", end->size);
		out_text(out, "permissions", "%s",
			 pages_rights(rights, query->table.format, end->rights));
	}
	out_close(out);
	return problem == NULL ? INSPECT_FINE : INSPECT_BROKEN;
}

static int walk_table(struct out *out, struct query *query, uint64_t address)
{
	struct follow follow = {.out = out, .memory = &query->memory};
	struct follow_end end = {0};

	out_list(out, "entries");
	(void)follow_address(&follow, &query->table, address, &end);
	out_close(out);
	if (query->memory.has_missed)
		return show_missed(out, &query->memory);
	if (!pages_is_outside(&query->table, address))
		return show_end(out, query, &end);
	out_open(out, "result", "the access faults");
	out_text(out, "outcome", "fault");
	if (query->table.format->is_signed)
		out_text(out, "explanation", "the address is not canonical, of %u bits",
			 pages_width(&query->table));
	else
		out_text(out, "explanation",
			 "the table translates %u bits, and the address has more",
			 pages_width(&query->table));
	out_close(out);
	return INSPECT_BROKEN;
}

/* --- The command ------------------------------------------------------------------------------ */

static void show_question(struct out *out, const struct query *query, uint64_t address)
{
	char place[NUMBERS_PLACE_TEXT];

	out_hex(out, "iova", address);
	out_text(out, "access", "%s", query->write ? "write" : "read");
	if (!query->by_unit) {
		query_show_table(out, &query->table);
		return;
	}
	out_text(out, "device", "%s", numbers_place(place, 0, query->source_id));
	if (query->has_pasid)
		out_number(out, "pasid", query->pasid);
}

int walk_show(struct out *out, struct query *query, uint64_t address)
{
	show_question(out, query, address);
	return query->by_unit ? walk_unit(out, query, address) : walk_table(out, query, address);
}

int inspect_walk(struct out *out, int count, char **words)
{
	struct query query;
	uint64_t address;
	int status = query_read(&query, QUERY_OF_ADDRESS, &count, words);

	if (status != INSPECT_FINE)
		return status;
	if (count != 1 || !numbers_read(words[0], &address))
		status = inspect_complain(INSPECT_USAGE, "walk: expected one address (IOVA)");
	else
		status = unit_check(&query);
	if (status == INSPECT_FINE) {
		out_start(out);
		status = walk_show(out, &query, address);
	}
	memory_close(&query.memory);
	return status;
}
