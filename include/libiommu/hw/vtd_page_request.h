/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d page request descriptors (VT-d specification, "Page Request Descriptor" in "Page
 * Requests").
 *
 * 32 bytes, four little-endian 64-bit words, in the ring that PQA names; the two high words are
 * private data of the device, and 0 without.
 */
#ifndef LIBIOMMU_HW_VTD_PAGE_REQUEST_H
#define LIBIOMMU_HW_VTD_PAGE_REQUEST_H

#include <libiommu/hw/vtd_context.h>

struct vtd_page_request {
	vtd_entry_word_t words[4];
};

/* Word 0: 7:0 type, 8 has a PASID, 31:16 source id, 51:32 PASID, and: */
#define VTD_PAGE_REQUEST_TYPE       1ULL
#define VTD_PAGE_REQUEST_HAS_PASID  (1ULL << 8)
#define VTD_PAGE_REQUEST_EXECUTE    (1ULL << 52)
#define VTD_PAGE_REQUEST_PRIVILEGED (1ULL << 53)

/* Word 1: 11:3 group, 63:12 address, and: */
#define VTD_PAGE_REQUEST_READ   (1ULL << 0)
#define VTD_PAGE_REQUEST_WRITE  (1ULL << 1)
#define VTD_PAGE_REQUEST_LAST   (1ULL << 2)
#define VTD_PAGE_REQUEST_GROUPS 512

static inline unsigned int vtd_page_request_type(uint64_t word0)
{
	return (unsigned int)(word0 & 0xff);
}

static inline uint16_t vtd_page_request_source_id(uint64_t word0)
{
	return (uint16_t)(word0 >> 16);
}

static inline uint32_t vtd_page_request_pasid(uint64_t word0)
{
	return (uint32_t)(word0 >> 32) & 0xfffff;
}

static inline uint16_t vtd_page_request_group(uint64_t word1)
{
	return (uint16_t)(word1 >> 3 & 0x1ff);
}

/*
 * A stop marker (the last of a group, without an access): the device has stopped using the PASID,
 * and expects no answer.
 */
static inline bool vtd_page_request_is_stop(uint64_t word1)
{
	return (word1 & (VTD_PAGE_REQUEST_READ | VTD_PAGE_REQUEST_WRITE | VTD_PAGE_REQUEST_LAST)) ==
	       VTD_PAGE_REQUEST_LAST;
}

#endif
