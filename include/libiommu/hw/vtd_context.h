/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d root and context entries, legacy mode (VT-d specification, "Root Entry" and
 * "Context Entry" in "Translation Structure Formats").
 *
 * Two little-endian 64-bit words each, 256 to a 4 KiB table: the root table is indexed by bus, a
 * context table by device and function.
 */
#ifndef LIBIOMMU_HW_VTD_CONTEXT_H
#define LIBIOMMU_HW_VTD_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#define VTD_ROOT_ENTRIES    256
#define VTD_CONTEXT_ENTRIES 256

/* Aligned, so that on every host a word is stored in one piece. */
typedef uint64_t vtd_entry_word_t __attribute__((aligned(8)));

struct vtd_root_entry {
	vtd_entry_word_t low;
	vtd_entry_word_t high;
};

struct vtd_context_entry {
	vtd_entry_word_t low;
	vtd_entry_word_t high;
};

#define VTD_ENTRY_ADDRESS_MASK 0xfffffffffffff000ULL

/* Root entry, low word: 0 present, 63:12 context table. */
#define VTD_ROOT_PRESENT (1ULL << 0)

static inline uint64_t vtd_root_low(uint64_t context_table)
{
	return context_table | VTD_ROOT_PRESENT;
}

/* Context entry, low word: 0 present, 1 fault processing disable, 3:2 type, 63:12 page table. */
#define VTD_CONTEXT_PRESENT (1ULL << 0)
#define VTD_CONTEXT_FPD     (1ULL << 1)

enum vtd_translation_type {
	VTD_TRANSLATE_UNTRANSLATED = 0, /* walk; requests that claim to be translated are blocked */
	VTD_TRANSLATE_ALL = 1,          /* walk; device-TLBs allowed */
	VTD_PASS_THROUGH = 2,           /* no walk: the address is physical */
};

static inline uint64_t vtd_context_low(uint64_t page_table, enum vtd_translation_type type)
{
	return page_table | (uint64_t)type << 2 | VTD_CONTEXT_PRESENT;
}

/* What must be zero in a present entry. */
#define VTD_ROOT_LOW_RESERVED     0xffeULL
#define VTD_CONTEXT_LOW_RESERVED  0xff0ULL
#define VTD_CONTEXT_HIGH_RESERVED 0xffffffffff000080ULL

static inline enum vtd_translation_type vtd_context_type(uint64_t low)
{
	return (enum vtd_translation_type)(low >> 2 & 3);
}

/* High word: 2:0 address width (levels - 2), 6:3 ignored by hardware, 23:8 domain id. */
#define VTD_CONTEXT_INHERITED (1ULL << 3) /* ours: copied from a kernel before us */

static inline uint64_t vtd_context_high(unsigned int levels, uint16_t domain_id)
{
	return (levels - 2) | (uint64_t)domain_id << 8;
}

static inline unsigned int vtd_context_levels(uint64_t high)
{
	return (unsigned int)(high & 7) + 2;
}

static inline uint16_t vtd_context_domain_id(uint64_t high)
{
	return (uint16_t)(high >> 8);
}

/* A source id (requester id): bus, device, function. */
static inline uint16_t vtd_source_id(unsigned int bus, unsigned int device, unsigned int function)
{
	return (uint16_t)(bus << 8 | device << 3 | function);
}

#endif
