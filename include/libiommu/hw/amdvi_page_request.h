/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the log of page requests of the AMD IOMMU (AMD I/O Virtualization Technology
 * Specification, 48882, section "Peripheral Page Request (PPR) Logging").
 *
 * Two 64-bit words, little-endian; 63:60 of the first is the code, which is written last (erratum
 * 733: see amdvi_event.h). A group of requests has one tag, and one answer after its last.
 */
#ifndef LIBIOMMU_HW_AMDVI_PAGE_REQUEST_H
#define LIBIOMMU_HW_AMDVI_PAGE_REQUEST_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_PAGE_REQUEST_SIZE  16U
#define AMDVI_PAGE_REQUEST_WORDS 2

struct amdvi_page_request {
	amdvi_word_t words[AMDVI_PAGE_REQUEST_WORDS];
};

#define AMDVI_PPR_DEVID       AMDVI_FIELD(15, 0)
#define AMDVI_PPR_PASID_15_0  AMDVI_FIELD(31, 16)
#define AMDVI_PPR_TAG         AMDVI_FIELD(40, 32)
#define AMDVI_PPR_LAST        AMDVI_BIT(41)
#define AMDVI_PPR_PASID_19_16 AMDVI_FIELD(45, 42)
#define AMDVI_PPR_EXECUTE     AMDVI_BIT(49)
#define AMDVI_PPR_READ        AMDVI_BIT(50)
#define AMDVI_PPR_WRITE       AMDVI_BIT(53)
#define AMDVI_PPR_USER        AMDVI_BIT(54) /* not privileged */
#define AMDVI_PPR_RESERVED    AMDVI_BIT(55) /* the entry had a reserved bit */
#define AMDVI_PPR_GN          AMDVI_BIT(56) /* there is a PASID */
#define AMDVI_PPR_CODE        AMDVI_FIELD(63, 60)
#define AMDVI_PPR_ADDRESS     AMDVI_FIELD(127, 76)

#define AMDVI_PPR_CODE_FAULT  1U
#define AMDVI_PPR_TAGS        512U

static inline uint32_t amdvi_page_request_pasid(const struct amdvi_page_request *request)
{
	return (uint32_t)(amdvi_get(request->words, AMDVI_PPR_PASID_15_0) |
			  amdvi_get(request->words, AMDVI_PPR_PASID_19_16) << 16);
}

static inline void amdvi_page_request_set_pasid(struct amdvi_page_request *request, uint32_t pasid)
{
	amdvi_set(request->words, AMDVI_PPR_GN, 1);
	amdvi_set(request->words, AMDVI_PPR_PASID_15_0, pasid);
	amdvi_set(request->words, AMDVI_PPR_PASID_19_16, pasid >> 16);
}

#endif
