/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "follow.h"

static void open_second(struct out *out, const char *what, uint64_t address)
{
	if (out == NULL)
		return;
	out_open(out, NULL, "second stage, for the %s at 0x%" PRIx64 ":", what, address);
	if (out->format == OUT_JSON) {
		out_text(out, "second stage for", "%s", what);
		out_hex(out, "address", address);
	}
	out_list(out, "entries");
}

static void close_second(struct out *out)
{
	if (out == NULL)
		return;
	out_close(out);
	out_close(out);
}

/* An address of the table's, through the second stage if there is one. */
static bool through_second(const struct follow *follow, const char *what, uint64_t address,
			   struct follow_end *end)
{
	const struct follow plain = {.out = follow->out, .memory = follow->memory};
	bool is_there;

	*end = (struct follow_end){true, address, UINT64_MAX, PAGE_ALL, NULL};
	if (follow->second == NULL)
		return true;
	open_second(follow->out, what, address);
	is_there = follow_address(&plain, follow->second, address, end);
	close_second(follow->out);
	return is_there;
}

static bool use_leaf(const struct follow *follow, const struct page_table *table,
		     const struct page_entry *entry, uint64_t address, struct follow_end *end)
{
	const uint64_t size = 1ULL << pages_shift(table, entry->level);
	const unsigned int rights = end->rights & entry->allows;

	if (!through_second(follow, "page", entry->target | (address & (size - 1)), end))
		return false;
	end->rights &= rights;
	if (end->size > size)
		end->size = size;
	return true;
}

bool follow_address(const struct follow *follow, const struct page_table *table, uint64_t address,
		    struct follow_end *end)
{
	uint64_t at = table->root;
	struct follow_end where;
	struct page_entry entry;

	*end = (struct follow_end){.rights = PAGE_ALL, .size = 1ULL << (pages_width(table) - 1)};
	if (pages_is_outside(table, address))
		return true;
	for (unsigned int level = table->levels; level > 0; level--) {
		end->size = 1ULL << pages_shift(table, level);
		if (!through_second(follow, "table", at, &where))
			return false;
		if (!where.is_mapped)
			return true;
		if (!pages_read(table, follow->memory, where.address, level,
				pages_index(table, level, address), &entry))
			return false;
		if (follow->out != NULL)
			pages_show_entry(follow->out, table, &entry);
		end->defect = entry.defect;
		if (!entry.is_present || entry.defect != NULL)
			return true;
		if (entry.is_leaf)
			return use_leaf(follow, table, &entry, address, end);
		end->rights &= entry.allows;
		at = entry.target;
	}
	return true;
}
