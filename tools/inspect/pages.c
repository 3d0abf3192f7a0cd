/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include <libiommu/hw/arm_page_table.h>
#include <libiommu/hw/riscv_page_table.h>
#include <libiommu/hw/tce.h>
#include <libiommu/hw/vtd_first_stage.h>
#include <libiommu/hw/vtd_second_stage.h>

#include "numbers.h"
#include "pages.h"

static unsigned int right(const struct page_entry *entry, uint64_t bits, enum page_right right)
{
	return (entry->value & bits) != 0 ? (unsigned int)right : 0;
}

/* A word more, where one of these bits is set. */
static void mark(char text[64], const struct page_entry *entry, uint64_t bits, const char *word)
{
	const size_t used = strlen(text);

	if ((entry->value & bits) != 0)
		(void)snprintf(text + used, 64 - used, "%s", word);
}

/* Bits of an address that a page of its size does not have. */
static bool is_aligned(const struct page_table *table, const struct page_entry *entry,
		       uint64_t address)
{
	return !entry->is_leaf || (address & ((1ULL << pages_shift(table, entry->level)) - 1)) == 0;
}

#define NOT_ALIGNED "the page is not aligned to its size"
#define TOO_DEEP    "an entry of the last level leads to a table"

/* --- VT-d's second stage ---------------------------------------------------------------------- */

static bool ss_is_present(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vtd_ss_is_present(entry->value);
}

static bool ss_is_leaf(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vtd_ss_is_leaf(entry->value, entry->level);
}

static uint64_t ss_address(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return entry->value & VTD_SS_ADDRESS_MASK;
}

static unsigned int ss_allows(const struct page_entry *entry)
{
	return right(entry, VTD_SS_READ, PAGE_READ) | right(entry, VTD_SS_WRITE, PAGE_WRITE) |
	       PAGE_USER | PAGE_EXECUTE;
}

static const char *ss_defect(const struct page_table *table, const struct page_entry *entry)
{
	return is_aligned(table, entry, ss_address(table, entry)) ? NULL : NOT_ALIGNED;
}

static void ss_marks(char text[64], const struct page_entry *entry)
{
	mark(text, entry, VTD_SS_ACCESSED, " accessed");
	if (entry->is_leaf)
		mark(text, entry, VTD_SS_DIRTY, " dirty");
	mark(text, entry, VTD_SS_SNOOP, " snoop");
	mark(text, entry, VTD_SS_TRANSIENT, " transient");
}

static const char *const ss_levels[] = {"SS-PTE", "SS-PDE", "SS-PDPE", "SS-PML4E", "SS-PML5E"};

const struct page_format pages_second_stage = {
	.name = "second stage",
	.levels = ss_levels,
	.rights = PAGE_READ | PAGE_WRITE,
	.is_present = ss_is_present,
	.is_leaf = ss_is_leaf,
	.address = ss_address,
	.allows = ss_allows,
	.marks = ss_marks,
	.defect = ss_defect,
};

/* --- VT-d's first stage, and processors ------------------------------------------------------- */

static bool fs_is_present(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vtd_fs_is_present(entry->value);
}

static bool fs_is_leaf(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vtd_fs_is_leaf(entry->value, entry->level);
}

static uint64_t fs_address(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return entry->value & VTD_FS_ADDRESS_MASK;
}

static unsigned int fs_allows(const struct page_entry *entry)
{
	return PAGE_READ | right(entry, VTD_FS_WRITE, PAGE_WRITE) |
	       right(entry, VTD_FS_USER, PAGE_USER) |
	       ((entry->value & VTD_FS_NO_EXECUTE) == 0 ? PAGE_EXECUTE : 0U);
}

/* Bit 12 of a large page is a memory type's. */
static const char *fs_defect(const struct page_table *table, const struct page_entry *entry)
{
	const uint64_t type = entry->level > 1 ? 1ULL << 12 : 0;

	return is_aligned(table, entry, fs_address(table, entry) & ~type) ? NULL : NOT_ALIGNED;
}

static void fs_marks(char text[64], const struct page_entry *entry)
{
	mark(text, entry, VTD_FS_ACCESSED, " accessed");
	if (entry->is_leaf) {
		mark(text, entry, VTD_FS_DIRTY, " dirty");
		mark(text, entry, VTD_FS_GLOBAL, " global");
	}
	mark(text, entry, VTD_FS_PCD, " uncached");
	mark(text, entry, VTD_FS_PWT, " write-through");
}

static const char *const fs_levels[] = {"FS-PTE", "FS-PDE", "FS-PDPE", "FS-PML4E", "FS-PML5E"};

const struct page_format pages_first_stage = {
	.name = "first stage",
	.levels = fs_levels,
	.rights = PAGE_ALL,
	.is_signed = true,
	.is_present = fs_is_present,
	.is_leaf = fs_is_leaf,
	.address = fs_address,
	.allows = fs_allows,
	.marks = fs_marks,
	.defect = fs_defect,
};

/* --- POWER ------------------------------------------------------------------------------------ */

static bool tce_is_present(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return tce_is_valid(entry->value);
}

static bool tce_is_leaf(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return entry->level == 1;
}

static uint64_t tce_target(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return tce_address(entry->value);
}

static unsigned int tce_allows(const struct page_entry *entry)
{
	return right(entry, TCE_READ, PAGE_READ) | right(entry, TCE_WRITE, PAGE_WRITE) | PAGE_USER |
	       PAGE_EXECUTE;
}

/* Bridges ignore what is below a page's size. */
static const char *tce_defect(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	(void)entry;
	return NULL;
}

static void no_marks(char text[64], const struct page_entry *entry)
{
	(void)text;
	(void)entry;
}

static const char *const tce_levels[] = {"TCE", "level 2", "level 3", "level 4", "level 5"};

const struct page_format pages_tce = {
	.name = "TCE window",
	.levels = tce_levels,
	.rights = PAGE_READ | PAGE_WRITE,
	.is_big_endian = true,
	.is_present = tce_is_present,
	.is_leaf = tce_is_leaf,
	.address = tce_target,
	.allows = tce_allows,
	.marks = no_marks,
	.defect = tce_defect,
};

/* --- RISC-V ----------------------------------------------------------------------------------- */

static bool riscv_is_present(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return riscv_pte_is_valid(entry->value);
}

static bool riscv_is_leaf(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return riscv_pte_is_leaf(entry->value);
}

/* Each entry of a run leads to its own part of it. */
static uint64_t riscv_address(const struct page_table *table, const struct page_entry *entry)
{
	const unsigned int part = entry->index & ((1U << RISCV_NAPOT_BITS) - 1);
	const uint64_t address = riscv_pte_address(entry->value);

	return entry->is_leaf && riscv_pte_is_napot(entry->value)
		       ? address + ((uint64_t)part << table->page_shift)
		       : address;
}

/* Of an entry that leads to a table. */
static const char *riscv_table_defect(const struct page_entry *entry)
{
	if (entry->level == 1)
		return TOO_DEEP;
	return (entry->value & RISCV_PTE_TABLE_ZERO) == 0
		       ? NULL
		       : "reserved bits of an entry that leads to a table are set (U, A, D, PBMT "
			 "or N)";
}

static const char *riscv_defect(const struct page_table *table, const struct page_entry *entry)
{
	const bool is_run = riscv_pte_is_napot(entry->value);

	if ((entry->value & RISCV_PTE_RESERVED) != 0)
		return "reserved bits are set (58:54)";
	if ((entry->value & (RISCV_PTE_READ | RISCV_PTE_WRITE)) == RISCV_PTE_WRITE)
		return "it can be written and not read, which is reserved";
	if (!entry->is_leaf)
		return riscv_table_defect(entry);
	if (riscv_pte_memory_type(entry->value) > RISCV_MEMORY_IO)
		return "its memory type is reserved (PBMT 3)";
	if (is_run &&
	    (entry->level != 1 || (entry->value & RISCV_NAPOT_PPN_MASK) != RISCV_NAPOT_PPN))
		return "N is set, and its page number is not that of a run of 64 KiB";
	return is_run || is_aligned(table, entry, riscv_pte_address(entry->value)) ? NULL
										   : NOT_ALIGNED;
}

static unsigned int riscv_run(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return riscv_pte_is_napot(entry->value) ? RISCV_NAPOT_BITS : 0;
}

static unsigned int riscv_allows(const struct page_entry *entry)
{
	if (!entry->is_leaf)
		return PAGE_ALL;
	return right(entry, RISCV_PTE_READ, PAGE_READ) | right(entry, RISCV_PTE_WRITE, PAGE_WRITE) |
	       right(entry, RISCV_PTE_EXECUTE, PAGE_EXECUTE) |
	       right(entry, RISCV_PTE_USER, PAGE_USER);
}

static void riscv_marks(char text[64], const struct page_entry *entry)
{
	mark(text, entry, RISCV_PTE_ACCESSED, " accessed");
	mark(text, entry, RISCV_PTE_DIRTY, " dirty");
	mark(text, entry, RISCV_PTE_GLOBAL, " global");
	mark(text, entry, RISCV_PTE_NC, " not-cached");
	mark(text, entry, RISCV_PTE_IO, " i/o");
	mark(text, entry, RISCV_PTE_NAPOT, " of-64K");
}

static const char *const riscv_levels[] = {"PTE[0]", "PTE[1]", "PTE[2]", "PTE[3]", "PTE[4]"};

const struct page_format pages_riscv_first = {
	.name = "RISC-V's first stage",
	.levels = riscv_levels,
	.rights = PAGE_ALL,
	.is_signed = true,
	.is_present = riscv_is_present,
	.is_leaf = riscv_is_leaf,
	.address = riscv_address,
	.allows = riscv_allows,
	.marks = riscv_marks,
	.defect = riscv_defect,
	.run_bits = riscv_run,
};

const struct page_format pages_riscv_second = {
	.name = "RISC-V's second stage",
	.levels = riscv_levels,
	.rights = PAGE_ALL,
	.is_present = riscv_is_present,
	.is_leaf = riscv_is_leaf,
	.address = riscv_address,
	.allows = riscv_allows,
	.marks = riscv_marks,
	.defect = riscv_defect,
	.run_bits = riscv_run,
};

/* --- Arm -------------------------------------------------------------------------------------- */

static bool arm_is_present(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vmsa_is_valid(entry->value);
}

/* A block stands only where the granule has blocks. */
static const char *arm_defect(const struct page_table *table, const struct page_entry *entry)
{
	const unsigned int granule = table->page_shift;

	if (!entry->is_leaf)
		return NULL;
	if (entry->level == 1)
		return (entry->value & VMSA_PAGE_OR_TABLE) != 0
			       ? NULL
			       : "it is a block, where there are only pages";
	if (!vmsa_level_has_leaves(granule, entry->level, table->is_wide || granule == 16))
		return "it is a block, at a level that has none";
	return is_aligned(
		       table, entry,
		       vmsa_address(granule, entry->value & ~VMSA_NO_TRANSLATION, table->is_wide))
		       ? NULL
		       : NOT_ALIGNED;
}

static unsigned int arm_run(const struct page_table *table, const struct page_entry *entry)
{
	return vmsa_is_contiguous(entry->value, entry->level)
		       ? vmsa_contiguous_bits(table->page_shift, entry->level)
		       : 0;
}

static bool arm_is_leaf(const struct page_table *table, const struct page_entry *entry)
{
	(void)table;
	return vmsa_is_leaf(entry->value, entry->level);
}

static uint64_t arm_address(const struct page_table *table, const struct page_entry *entry)
{
	return vmsa_address(table->page_shift, entry->value, table->is_wide);
}

/* APTable[1:0], UXNTable: limits to all below. */
#define ARM_TABLE_READ_ONLY  (1ULL << 62)
#define ARM_TABLE_PRIVILEGED (1ULL << 61)
#define ARM_TABLE_UXN        (1ULL << 60)

static unsigned int arm_table_allows(const struct page_entry *entry)
{
	return PAGE_ALL & ~(right(entry, ARM_TABLE_READ_ONLY, PAGE_WRITE) |
			    right(entry, ARM_TABLE_PRIVILEGED, PAGE_USER) |
			    right(entry, ARM_TABLE_UXN, PAGE_EXECUTE));
}

static unsigned int arm_first_allows(const struct page_entry *entry)
{
	if (!entry->is_leaf)
		return arm_table_allows(entry);
	return PAGE_READ | (vmsa_s1_is_writable(entry->value) ? PAGE_WRITE : 0U) |
	       right(entry, VMSA_S1_UNPRIVILEGED, PAGE_USER) |
	       ((entry->value & VMSA_S1_UXN) == 0 ? PAGE_EXECUTE : 0U);
}

static unsigned int arm_second_allows(const struct page_entry *entry)
{
	if (!entry->is_leaf)
		return PAGE_ALL;
	return right(entry, VMSA_S2_READ, PAGE_READ) |
	       (vmsa_s2_is_writable(entry->value) ? PAGE_WRITE : 0U) |
	       ((entry->value & VMSA_S2_NO_EXECUTE) == 0 ? PAGE_EXECUTE : 0U) | PAGE_USER;
}

static void arm_marks(char text[64], const struct page_entry *entry)
{
	if (!entry->is_leaf)
		return;
	mark(text, entry, VMSA_ACCESS_FLAG, " accessed");
	mark(text, entry, VMSA_CONTIGUOUS, " contiguous");
}

static void arm_first_marks(char text[64], const struct page_entry *entry)
{
	arm_marks(text, entry);
	if (entry->is_leaf && vmsa_s1_is_dirty(entry->value))
		mark(text, entry, VMSA_VALID, " dirty");
	if (entry->is_leaf && (entry->value & VMSA_S1_NOT_GLOBAL) == 0)
		mark(text, entry, VMSA_VALID, " global");
}

static void arm_second_marks(char text[64], const struct page_entry *entry)
{
	arm_marks(text, entry);
	if (entry->is_leaf && vmsa_s2_is_dirty(entry->value))
		mark(text, entry, VMSA_VALID, " dirty");
	if (entry->is_leaf && vmsa_s2_is_device(entry->value))
		mark(text, entry, VMSA_VALID, " device");
}

/* Arm counts from the root. */
static const char *const arm_levels[] = {"L3", "L2", "L1", "L0", "L-1"};

const struct page_format pages_arm_first = {
	.name = "Arm's stage 1",
	.levels = arm_levels,
	.rights = PAGE_ALL,
	.is_present = arm_is_present,
	.is_leaf = arm_is_leaf,
	.address = arm_address,
	.allows = arm_first_allows,
	.marks = arm_first_marks,
	.defect = arm_defect,
	.run_bits = arm_run,
};

const struct page_format pages_arm_second = {
	.name = "Arm's stage 2",
	.levels = arm_levels,
	.rights = PAGE_READ | PAGE_WRITE | PAGE_EXECUTE,
	.is_present = arm_is_present,
	.is_leaf = arm_is_leaf,
	.address = arm_address,
	.allows = arm_second_allows,
	.marks = arm_second_marks,
	.defect = arm_defect,
	.run_bits = arm_run,
};

/* --- Entries ---------------------------------------------------------------------------------- */

unsigned int pages_index_bits(const struct page_table *table, unsigned int level)
{
	return level == table->levels && table->root_bits != 0 ? table->root_bits
							       : table->index_bits;
}

unsigned int pages_shift(const struct page_table *table, unsigned int level)
{
	return table->page_shift + (level - 1) * table->index_bits;
}

unsigned int pages_width(const struct page_table *table)
{
	return pages_shift(table, table->levels) + pages_index_bits(table, table->levels);
}

unsigned int pages_index(const struct page_table *table, unsigned int level, uint64_t address)
{
	return (unsigned int)(address >> pages_shift(table, level)) &
	       ((1U << pages_index_bits(table, level)) - 1);
}

bool pages_is_outside(const struct page_table *table, uint64_t address)
{
	const unsigned int width = pages_width(table);
	const uint64_t upper = address >> (width - 1);

	if (table->format->is_signed)
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
	entry->is_present = format->is_present(table, entry);
	entry->is_leaf = entry->is_present && format->is_leaf(table, entry);
	entry->allows = format->allows(entry);
	entry->target = format->address(table, entry);
	entry->run = pages_shift(table, level);
	if (entry->is_leaf) {
		entry->target &= UINT64_MAX << entry->run;
		entry->run += format->run_bits != NULL ? format->run_bits(table, entry) : 0;
	}
	if (entry->is_present && table->is_judged)
		entry->defect = format->defect(table, entry);
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
	if (entry->defect != NULL)
		return entry->defect;
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

	if (entry->is_present && entry->defect == NULL)
		table->format->marks(marks, entry);
	out_item(out, NULL, "%-9s 0x%" PRIx64 " [%u]: 0x%016" PRIx64 "  %s%s", name, entry->where,
		 entry->index, entry->value, words_of(words, table, entry), marks);
	out_text(out, "entry", "%s", name);
	out_number(out, "level", entry->level);
	out_number(out, "index", entry->index);
	out_hex(out, "where", entry->where);
	out_hex(out, "value", entry->value);
	out_flag(out, "present", entry->is_present);
	if (entry->defect != NULL) {
		out_text(out, "defect", "%s", entry->defect);
	} else if (entry->is_present) {
		out_text(out, "leads to", "%s", entry->is_leaf ? "page" : "table");
		out_hex(out, "target", entry->target);
		out_text(out, "permissions", "%s",
			 pages_rights(rights, table->format, entry->allows));
		out_text(out, "marks", "%s", marks[0] == ' ' ? marks + 1 : marks);
	}
	out_close(out);
}
