/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include <libiommu/hw/tce.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "numbers.h"
#include "pages.h"

/* --- VT-d's second stage ---------------------------------------------------------------------- */

static uint64_t ss_address(uint64_t entry)
{
	return entry & VTD_SS_ADDRESS_MASK;
}

static unsigned int ss_allows(uint64_t entry)
{
	return ((entry & VTD_SS_READ) != 0 ? PAGE_READ : 0U) |
	       ((entry & VTD_SS_WRITE) != 0 ? PAGE_WRITE : 0U) | PAGE_USER | PAGE_EXECUTE;
}

static const char *ss_marks(char text[64], uint64_t entry, bool is_leaf)
{
	(void)snprintf(text, 64, "%s%s%s%s", (entry & VTD_SS_ACCESSED) != 0 ? " accessed" : "",
		       is_leaf && (entry & VTD_SS_DIRTY) != 0 ? " dirty" : "",
		       (entry & VTD_SS_SNOOP) != 0 ? " snoop" : "",
		       (entry & VTD_SS_TRANSIENT) != 0 ? " transient" : "");
	return text;
}

static const char *const ss_levels[] = {"SS-PTE", "SS-PDE", "SS-PDPE", "SS-PML4E", "SS-PML5E"};

const struct page_format pages_second_stage = {
	.name = "second stage",
	.levels = ss_levels,
	.rights = PAGE_READ | PAGE_WRITE,
	.is_present = vtd_ss_is_present,
	.is_leaf = vtd_ss_is_leaf,
	.address = ss_address,
	.allows = ss_allows,
	.marks = ss_marks,
};

/* --- VT-d's first stage, and processors ------------------------------------------------------- */

static uint64_t fs_address(uint64_t entry)
{
	return entry & VTD_FS_ADDRESS_MASK;
}

static unsigned int fs_allows(uint64_t entry)
{
	return PAGE_READ | ((entry & VTD_FS_WRITE) != 0 ? PAGE_WRITE : 0U) |
	       ((entry & VTD_FS_USER) != 0 ? PAGE_USER : 0U) |
	       ((entry & VTD_FS_NO_EXECUTE) == 0 ? PAGE_EXECUTE : 0U);
}

static const char *fs_marks(char text[64], uint64_t entry, bool is_leaf)
{
	(void)snprintf(text, 64, "%s%s%s%s%s", (entry & VTD_FS_ACCESSED) != 0 ? " accessed" : "",
		       is_leaf && (entry & VTD_FS_DIRTY) != 0 ? " dirty" : "",
		       is_leaf && (entry & VTD_FS_GLOBAL) != 0 ? " global" : "",
		       (entry & VTD_FS_PCD) != 0 ? " uncached" : "",
		       (entry & VTD_FS_PWT) != 0 ? " write-through" : "");
	return text;
}

static const char *const fs_levels[] = {"FS-PTE", "FS-PDE", "FS-PDPE", "FS-PML4E", "FS-PML5E"};

const struct page_format pages_first_stage = {
	.name = "first stage",
	.levels = fs_levels,
	.rights = PAGE_ALL,
	.is_present = vtd_fs_is_present,
	.is_leaf = vtd_fs_is_leaf,
	.address = fs_address,
	.allows = fs_allows,
	.marks = fs_marks,
};

/* --- POWER ------------------------------------------------------------------------------------ */

static bool tce_is_leaf(uint64_t entry, unsigned int level)
{
	(void)entry;
	return level == 1;
}

static unsigned int tce_allows(uint64_t entry)
{
	return ((entry & TCE_READ) != 0 ? PAGE_READ : 0U) |
	       ((entry & TCE_WRITE) != 0 ? PAGE_WRITE : 0U) | PAGE_USER | PAGE_EXECUTE;
}

static const char *no_marks(char text[64], uint64_t entry, bool is_leaf)
{
	(void)entry, (void)is_leaf;
	text[0] = '\0';
	return text;
}

static const char *const tce_levels[] = {"TCE", "level 2", "level 3", "level 4", "level 5"};

const struct page_format pages_tce = {
	.name = "TCE window",
	.levels = tce_levels,
	.rights = PAGE_READ | PAGE_WRITE,
	.is_big_endian = true,
	.is_present = tce_is_valid,
	.is_leaf = tce_is_leaf,
	.address = tce_address,
	.allows = tce_allows,
	.marks = no_marks,
};

/* --- Entries ---------------------------------------------------------------------------------- */

unsigned int pages_shift(const struct page_table *table, unsigned int level)
{
	return table->page_shift + (level - 1) * table->index_bits;
}

unsigned int pages_width(const struct page_table *table)
{
	return pages_shift(table, table->levels + 1);
}

unsigned int pages_index(const struct page_table *table, unsigned int level, uint64_t address)
{
	return (unsigned int)(address >> pages_shift(table, level)) &
	       ((1U << table->index_bits) - 1);
}

bool pages_is_outside(const struct page_table *table, uint64_t address)
{
	const unsigned int width = pages_width(table);
	const uint64_t upper = address >> (width - 1);

	if (table->format == &pages_first_stage)
		return upper != 0 && upper != UINT64_MAX >> (width - 1);
	return upper > 1;
}

bool pages_read(const struct page_table *table, struct memory *memory, uint64_t where,
		unsigned int level, unsigned int index, struct page_entry *entry)
{
	const struct page_format *format = table->format;
	bool is_there;

	*entry = (struct page_entry){.level = level, .index = index};
	entry->where = where + (uint64_t)index * 8;
	is_there = format->is_big_endian ? memory_read_be64(memory, entry->where, &entry->value)
					 : memory_read_le64(memory, entry->where, &entry->value);
	if (!is_there)
		return false;
	entry->is_present = format->is_present(entry->value);
	entry->is_leaf = entry->is_present && format->is_leaf(entry->value, level);
	entry->allows = format->allows(entry->value);
	entry->target = format->address(entry->value);
	if (entry->is_leaf)
		entry->target &= UINT64_MAX << pages_shift(table, level);
	return true;
}

const char *pages_rights(char text[8], const struct page_format *format, unsigned int rights)
{
	char *at = text;

	*at++ = (rights & PAGE_READ) != 0 ? 'r' : '-';
	*at++ = (rights & PAGE_WRITE) != 0 ? 'w' : '-';
	if ((format->rights & PAGE_EXECUTE) != 0)
		*at++ = (rights & PAGE_EXECUTE) != 0 ? 'x' : '-';
	if ((format->rights & PAGE_USER) != 0)
		*at++ = (rights & PAGE_USER) != 0 ? 'u' : '-';
	*at = '\0';
	return text;
}

static const char *words_of(char text[96], const struct page_table *table,
			    const struct page_entry *entry)
{
	char size[NUMBERS_SIZE_TEXT], rights[8];

	if (!entry->is_present)
		return "not present";
	(void)pages_rights(rights, table->format, entry->allows);
	if (entry->is_leaf)
		(void)snprintf(text, 96, "%s at 0x%" PRIx64 ", %s",
			       numbers_size(size, 1ULL << pages_shift(table, entry->level)),
			       entry->target, rights);
	else
		(void)snprintf(text, 96, "table at 0x%" PRIx64 ", %s", entry->target, rights);
	return text;
}

void pages_show_entry(struct out *out, const struct page_table *table,
		      const struct page_entry *entry)
{
	const char *name = table->format->levels[entry->level - 1];
	char words[96], marks[64] = "", rights[8];

	if (entry->is_present)
		(void)table->format->marks(marks, entry->value, entry->is_leaf);
	out_item(out, NULL, "%-9s 0x%" PRIx64 " [%u]: 0x%016" PRIx64 "  %s%s", name, entry->where,
		 entry->index, entry->value, words_of(words, table, entry), marks);
	out_text(out, "entry", "%s", name);
	out_number(out, "level", entry->level);
	out_number(out, "index", entry->index);
	out_hex(out, "where", entry->where);
	out_hex(out, "value", entry->value);
	out_flag(out, "present", entry->is_present);
	if (entry->is_present) {
		out_text(out, "leads to", "%s", entry->is_leaf ? "page" : "table");
		out_hex(out, "target", entry->target);
		out_text(out, "permissions", "%s",
			 pages_rights(rights, table->format, entry->allows));
		out_text(out, "marks", "%s", marks[0] == ' ' ? marks + 1 : marks);
	}
	out_close(out);
}
