/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_registers.h>
#include <libiommu/hw/vtd_scalable.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "numbers.h"
#include "place.h"

struct search {
	struct out *out;
	struct query *query;
	struct place *place;
};

/* --- Entries ---------------------------------------------------------------------------------- */

static bool read_words(struct search *s, uint64_t where, uint64_t *words, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (!memory_read_le64(&s->query->memory, where + i * 8ULL, &words[i]))
			return false;
	return true;
}

/*
 * The beginning of what is shown of an entry; its caller adds members, and closes it. Zeros at its
 * end are left out of the text.
 */
static void open_entry(struct out *out, const char *name, uint64_t where, const uint64_t *words,
		       unsigned int count)
{
	char text[8 * 20], *at = text;
	unsigned int shown = count;

	while (shown > 2 && words[shown - 1] == 0)
		shown--;
	for (unsigned int i = 0; i < shown; i++)
		at += snprintf(at, 20, " 0x%016" PRIx64, words[i]);
	out_open(out, NULL, "%-9s 0x%" PRIx64 ":%s", name, where, text);
	if (out->format == OUT_JSON) {
		out_text(out, "entry", "%s", name);
		out_hex(out, "where", where);
		out_list(out, "words");
		for (unsigned int i = 0; i < count; i++)
			out_hex(out, NULL, words[i]);
		out_close(out);
	}
}

static void show_reserved(struct out *out, uint64_t bits)
{
	if (bits != 0)
		out_hex(out, "reserved bits that are set", bits);
}

/* Of an entry that leads to a table; returns whether it is present. */
static bool show_pointer(struct search *s, const char *name, uint64_t where, const uint64_t *words,
			 uint64_t reserved)
{
	const bool is_present = (words[0] & VTD_ROOT_PRESENT) != 0;

	open_entry(s->out, name, where, words, 1);
	out_flag(s->out, "present", is_present);
	if (is_present) {
		out_hex(s->out, "table", words[0] & VTD_ENTRY_ADDRESS_MASK);
		show_reserved(s->out, words[0] & reserved);
	}
	out_close(s->out);
	return is_present;
}

static void use_second(struct place *place, uint64_t address, unsigned int levels)
{
	place->has_second = levels <= VTD_SS_LEVELS_MAX && levels >= 2;
	place->second = (struct page_table){.format = &pages_second_stage,
					    .root = address,
					    .levels = levels,
					    .page_shift = 12,
					    .index_bits = VTD_SS_TABLE_BITS};
}

static void use_first(struct place *place, uint64_t address, unsigned int levels)
{
	place->has_first = levels <= VTD_FS_LEVELS_MAX;
	place->first = (struct page_table){.format = &pages_first_stage,
					   .root = address,
					   .levels = levels,
					   .page_shift = 12,
					   .index_bits = VTD_FS_TABLE_BITS};
}

/* --- Legacy mode ------------------------------------------------------------------------------ */

static const char *type_name(enum vtd_translation_type type)
{
	switch (type) {
	case VTD_TRANSLATE_UNTRANSLATED:
		return "translated, device-TLBs not allowed";
	case VTD_TRANSLATE_ALL:
		return "translated, device-TLBs allowed";
	case VTD_PASS_THROUGH:
		return "passed through";
	default:
		return "reserved value";
	}
}

static bool find_context(struct search *s, uint64_t table)
{
	const uint64_t where = table + (s->query->source_id & 0xff) * 16ULL;
	enum vtd_translation_type type;
	uint64_t words[2];

	if (!read_words(s, where, words, 2))
		return false;
	type = vtd_context_type(words[0]);
	open_entry(s->out, "context", where, words, 2);
	out_flag(s->out, "present", (words[0] & VTD_CONTEXT_PRESENT) != 0);
	if ((words[0] & VTD_CONTEXT_PRESENT) != 0) {
		s->place->domain_id = vtd_context_domain_id(words[1]);
		out_text(s->out, "requests are", "%s", type_name(type));
		out_number(s->out, "domain id", s->place->domain_id);
		out_number(s->out, "levels", vtd_context_levels(words[1]));
		out_hex(s->out, "page table", words[0] & VTD_ENTRY_ADDRESS_MASK);
		out_flag(s->out, "faults are hidden", (words[0] & VTD_CONTEXT_FPD) != 0);
		show_reserved(s->out, (words[0] & VTD_CONTEXT_LOW_RESERVED) |
					      (words[1] & VTD_CONTEXT_HIGH_RESERVED));
		s->place->passes = type == VTD_PASS_THROUGH;
		use_second(s->place, words[0] & VTD_ENTRY_ADDRESS_MASK,
			   vtd_context_levels(words[1]));
	}
	out_close(s->out);
	return s->place->has_second || s->place->passes;
}

static bool find_legacy(struct search *s, uint64_t root)
{
	const uint64_t where = root + (s->query->source_id >> 8) * 16ULL;
	uint64_t words[2];

	return read_words(s, where, words, 2) &&
	       show_pointer(s, "root", where, words, VTD_ROOT_LOW_RESERVED) &&
	       find_context(s, words[0] & VTD_ENTRY_ADDRESS_MASK);
}

/* --- Scalable mode ---------------------------------------------------------------------------- */

static const char *stages_name(enum vtd_pasid_type type)
{
	switch (type) {
	case VTD_PASID_FIRST_STAGE:
		return "first stage";
	case VTD_PASID_SECOND_STAGE:
		return "second stage";
	case VTD_PASID_NESTED:
		return "first stage, nested in the second";
	case VTD_PASID_PASS_THROUGH:
		return "passed through";
	default:
		return "reserved value";
	}
}

static void use_pasid(struct place *place, const uint64_t *words)
{
	const enum vtd_pasid_type type = vtd_pasid_type(words[0]);

	place->domain_id = vtd_pasid_domain_id(words[1]);
	place->passes = type == VTD_PASID_PASS_THROUGH;
	if (type == VTD_PASID_FIRST_STAGE || type == VTD_PASID_NESTED)
		use_first(place, words[2] & VTD_ENTRY_ADDRESS_MASK,
			  vtd_pasid_first_levels(words[2]));
	if (type == VTD_PASID_SECOND_STAGE || type == VTD_PASID_NESTED)
		use_second(place, words[0] & VTD_ENTRY_ADDRESS_MASK, vtd_pasid_levels(words[0]));
}

static void show_pasid_members(struct out *out, const struct place *place, const uint64_t *words)
{
	out_text(out, "requests are", "%s", stages_name(vtd_pasid_type(words[0])));
	out_number(out, "domain id", place->domain_id);
	if (place->has_second) {
		out_number(out, "levels of the second stage", place->second.levels);
		out_hex(out, "table of the second stage", place->second.root);
		out_flag(out, "accessed and dirty bits", (words[0] & VTD_PASID_SSADE) != 0);
	}
	if (place->has_first) {
		out_number(out, "levels of the first stage", place->first.levels);
		out_hex(out, "table of the first stage", place->first.root);
		out_flag(out, "serves privileged requests", (words[2] & VTD_PASID_SRE) != 0);
		out_flag(out, "serves execute requests", (words[2] & VTD_PASID_ERE) != 0);
		out_flag(out, "execute-disable", (words[2] & VTD_PASID_NXE) != 0);
		out_flag(out, "write protection for privileged requests",
			 (words[2] & VTD_PASID_WPE) != 0);
	}
	out_flag(out, "accesses snoop", (words[1] & VTD_PASID_PGSNP) != 0);
	out_flag(out, "walks snoop", (words[1] & VTD_PASID_PWSNP) != 0);
	out_flag(out, "faults are hidden", (words[0] & VTD_PASID_FPD) != 0);
	show_reserved(out, (words[0] & VTD_PASID_RESERVED_0) | (words[1] & VTD_PASID_RESERVED_1) |
				   (words[2] & VTD_PASID_RESERVED_2));
}

static bool find_pasid(struct search *s, uint64_t table, uint32_t pasid)
{
	const uint64_t where = table + (uint64_t)(pasid % VTD_PASID_TABLE_ENTRIES) *
					       sizeof(struct vtd_pasid_entry);
	uint64_t words[VTD_PASID_ENTRY_WORDS];

	if (!read_words(s, where, words, VTD_PASID_ENTRY_WORDS))
		return false;
	open_entry(s->out, "PASID", where, words, VTD_PASID_ENTRY_WORDS);
	out_flag(s->out, "present", (words[0] & VTD_PASID_PRESENT) != 0);
	if ((words[0] & VTD_PASID_PRESENT) != 0) {
		use_pasid(s->place, words);
		show_pasid_members(s->out, s->place, words);
	}
	out_close(s->out);
	return s->place->has_first || s->place->has_second || s->place->passes;
}

static bool find_directory(struct search *s, uint64_t directory, uint32_t pasid)
{
	const uint64_t where = directory + vtd_pasid_directory_index(pasid) * 8ULL;
	uint64_t word;

	return read_words(s, where, &word, 1) &&
	       show_pointer(s, "PASID dir", where, &word, VTD_PASID_DIRECTORY_RESERVED) &&
	       find_pasid(s, word & VTD_ENTRY_ADDRESS_MASK, pasid);
}

static bool find_scalable_context(struct search *s, uint64_t table)
{
	const uint64_t where = table + (s->query->source_id & 0x7f) * 32ULL;
	uint64_t words[VTD_SCALABLE_CONTEXT_WORDS];
	bool is_present;
	uint32_t pasid;

	if (!read_words(s, where, words, VTD_SCALABLE_CONTEXT_WORDS))
		return false;
	is_present = (words[0] & VTD_CONTEXT_PRESENT) != 0;
	open_entry(s->out, "context", where, words, VTD_SCALABLE_CONTEXT_WORDS);
	out_flag(s->out, "present", is_present);
	if (is_present) {
		out_hex(s->out, "PASID directory", words[0] & VTD_ENTRY_ADDRESS_MASK);
		out_number(s->out, "its entries", vtd_scalable_directory_entries(words[0]));
		out_number(s->out, "PASID of requests without one",
			   vtd_scalable_request_pasid(words[1]));
		out_flag(s->out, "device-TLB", (words[0] & VTD_CONTEXT_DEVICE_TLB) != 0);
		out_flag(s->out, "PASIDs", (words[0] & VTD_CONTEXT_PASIDS) != 0);
		out_flag(s->out, "page requests", (words[0] & VTD_CONTEXT_PAGE_REQUESTS) != 0);
		out_flag(s->out, "faults are hidden", (words[0] & VTD_CONTEXT_FPD) != 0);
		show_reserved(s->out, (words[0] & VTD_SCALABLE_CONTEXT_RESERVED) |
					      (words[1] & VTD_SCALABLE_CONTEXT_HIGH_RESERVED) |
					      words[2] | words[3]);
	}
	out_close(s->out);
	pasid = s->query->has_pasid ? s->query->pasid : vtd_scalable_request_pasid(words[1]);
	return is_present &&
	       vtd_pasid_directory_index(pasid) < vtd_scalable_directory_entries(words[0]) &&
	       find_directory(s, words[0] & VTD_ENTRY_ADDRESS_MASK, pasid);
}

static bool find_scalable(struct search *s, uint64_t root)
{
	const bool is_upper = (s->query->source_id & 0x80) != 0;
	const uint64_t where = root + (s->query->source_id >> 8) * 16ULL + (is_upper ? 8U : 0U);
	uint64_t word;

	return read_words(s, where, &word, 1) &&
	       show_pointer(s, "root", where, &word, VTD_SCALABLE_ROOT_RESERVED) &&
	       find_scalable_context(s, word & VTD_ENTRY_ADDRESS_MASK);
}

bool place_find(struct out *out, struct query *query, struct place *place)
{
	struct search s = {out, query, place};
	const uint64_t root = query->rtaddr & VTD_ENTRY_ADDRESS_MASK;

	*place = (struct place){0};
	switch (query->rtaddr & VTD_RTADDR_MODE) {
	case VTD_RTADDR_LEGACY:
		return find_legacy(&s, root);
	case VTD_RTADDR_SCALABLE:
		return find_scalable(&s, root);
	default:
		return false;
	}
}
