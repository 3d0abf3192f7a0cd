/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d scalable mode: root and context entries, PASID directories and PASID tables (VT-d
 * specification, "Scalable-Mode Root Entry", "Scalable-Mode Context Entry", "Scalable-Mode PASID
 * Directory Entry" and "Scalable-Mode PASID Table Entry" in "Translation Structure Formats").
 *
 * A root entry leads to two context tables, one for each half of a bus; a context entry to the
 * PASID directory of a device; a directory entry to a table of 64 PASIDs; an entry there to the
 * page tables. Requests without a PASID use the one that their context entry names.
 */
#ifndef LIBIOMMU_HW_VTD_SCALABLE_H
#define LIBIOMMU_HW_VTD_SCALABLE_H

#include <libiommu/hw/vtd_context.h>

/* Root entries: the low word leads to devices 0 to 15, the high word, alike, to 16 to 31. */
#define VTD_SCALABLE_ROOT_RESERVED   VTD_ROOT_LOW_RESERVED

#define VTD_SCALABLE_CONTEXT_ENTRIES 128 /* to a table; index: the low 7 bits of the source id */
#define VTD_SCALABLE_CONTEXT_WORDS   4   /* of 64 bits; the two high ones are 0 */

/*
 * Context entry, low word: 0 present, 1 fault processing disable, 11:9 size, 63:12 PASID directory,
 * and:
 */
#define VTD_CONTEXT_DEVICE_TLB        (1ULL << 2) /* DTE: translation and translated requests */
#define VTD_CONTEXT_PASIDS            (1ULL << 3) /* PASIDE: requests with a PASID */
#define VTD_CONTEXT_PAGE_REQUESTS     (1ULL << 4) /* PRE */
#define VTD_SCALABLE_CONTEXT_RESERVED 0x1e0ULL

/* High word: 19:0 the PASID of requests without one, 20 whether those are privileged. */
#define VTD_SCALABLE_CONTEXT_HIGH_RESERVED 0xffffffffffe00000ULL

/* 2^order pages of directory, of 512 entries each: at most 5. */
static inline uint64_t vtd_scalable_context_low(uint64_t directory, unsigned int order,
						uint64_t flags)
{
	return directory | (uint64_t)(order + 2) << 9 | flags | VTD_CONTEXT_PRESENT;
}

static inline uint32_t vtd_scalable_directory_entries(uint64_t context_low)
{
	return 128U << (context_low >> 9 & 7);
}

static inline uint32_t vtd_scalable_request_pasid(uint64_t context_high)
{
	return (uint32_t)context_high & 0xfffff;
}

/* --- PASID directory: 0 present, 1 fault processing disable, 63:12 table ---------------------- */

#define VTD_PASID_BITS_MAX               20
#define VTD_PASID_TABLE_ENTRIES          64
#define VTD_PASID_DIRECTORY_PRESENT      (1ULL << 0)
#define VTD_PASID_DIRECTORY_FPD          (1ULL << 1)
#define VTD_PASID_DIRECTORY_RESERVED     0xffcULL
#define VTD_PASID_DIRECTORY_PAGE_ENTRIES 512 /* of 8 bytes, to a page */

static inline uint32_t vtd_pasid_directory_index(uint32_t pasid)
{
	return pasid / VTD_PASID_TABLE_ENTRIES;
}

/* --- PASID table entry: 64 bytes ------------------------------------------------------------- */

#define VTD_PASID_ENTRY_WORDS 8

struct vtd_pasid_entry {
	vtd_entry_word_t words[VTD_PASID_ENTRY_WORDS];
};

enum vtd_pasid_type {
	VTD_PASID_FIRST_STAGE = 1,
	VTD_PASID_SECOND_STAGE = 2,
	VTD_PASID_NESTED = 3, /* output addresses of the first stage are translated by the second */
	VTD_PASID_PASS_THROUGH = 4,
};

/* Word 0: 4:2 levels - 2, 8:6 type, 63:12 second-stage table, and: */
#define VTD_PASID_PRESENT    (1ULL << 0)
#define VTD_PASID_FPD        (1ULL << 1)
#define VTD_PASID_SSEE       (1ULL << 5) /* the second stage has execute permission */
#define VTD_PASID_SSADE      (1ULL << 9) /* … and accessed and dirty bits */
#define VTD_PASID_RESERVED_0 0xc00ULL

/* Word 1: 15:0 domain id, 63:32 page attribute table, and: */
#define VTD_PASID_PWSNP      (1ULL << 23) /* walks snoop the CPU caches */
#define VTD_PASID_PGSNP      (1ULL << 24) /* so does every access */
#define VTD_PASID_RESERVED_1 0x7f0000ULL

/* Word 2: 3:2 levels - 4 of the first stage, 63:12 its table, and: */
#define VTD_PASID_SRE        (1ULL << 0) /* privileged requests are served */
#define VTD_PASID_ERE        (1ULL << 1) /* execute requests are served */
#define VTD_PASID_WPE        (1ULL << 4) /* privileged requests obey write protection */
#define VTD_PASID_NXE        (1ULL << 5) /* execute-disable */
#define VTD_PASID_SMEP       (1ULL << 6) /* privileged requests do not execute user pages */
#define VTD_PASID_EAFE       (1ULL << 7) /* extended access flag */
#define VTD_PASID_RESERVED_2 0xf00ULL

static inline enum vtd_pasid_type vtd_pasid_type(uint64_t word0)
{
	return (enum vtd_pasid_type)(word0 >> 6 & 7);
}

static inline uint64_t vtd_pasid_word0(enum vtd_pasid_type type, unsigned int levels,
				       uint64_t table, uint64_t flags)
{
	return table | (uint64_t)type << 6 | (uint64_t)(levels - 2) << 2 | flags |
	       VTD_PASID_PRESENT;
}

static inline unsigned int vtd_pasid_levels(uint64_t word0)
{
	return (unsigned int)(word0 >> 2 & 7) + 2;
}

static inline uint16_t vtd_pasid_domain_id(uint64_t word1)
{
	return (uint16_t)word1;
}

static inline uint64_t vtd_pasid_word2(unsigned int levels, uint64_t table, uint64_t flags)
{
	return table | (uint64_t)(levels - 4) << 2 | flags;
}

/* Of the first stage: 4 or 5; 6 and 7 are invalid. */
static inline unsigned int vtd_pasid_first_levels(uint64_t word2)
{
	return (unsigned int)(word2 >> 2 & 3) + 4;
}

#endif
