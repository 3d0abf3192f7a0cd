/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: page requests of Arm's SMMUv3 (IHI 0070, chapter 8, "Page request queue").
 *
 * Two 64-bit words, little-endian. A group of requests is answered once, by CMD_PRI_RESP after its
 * last. A request with LAST and SSV that asks for nothing is a stop marker, and has no answer.
 */
#ifndef LIBIOMMU_HW_SMMU_PAGE_REQUEST_H
#define LIBIOMMU_HW_SMMU_PAGE_REQUEST_H

#include <libiommu/hw/smmu_field.h>

#define SMMU_PAGE_REQUEST_SIZE  16U
#define SMMU_PAGE_REQUEST_WORDS 2

struct smmu_page_request {
	smmu_word_t words[SMMU_PAGE_REQUEST_WORDS];
};

#define SMMU_PPR_SID        SMMU_FIELD(0, 31, 0)
#define SMMU_PPR_SSID       SMMU_FIELD(0, 51, 32)
#define SMMU_PPR_PRIVILEGED SMMU_BIT(0, 58)
#define SMMU_PPR_EXECUTE    SMMU_BIT(0, 59)
#define SMMU_PPR_READ       SMMU_BIT(0, 60)
#define SMMU_PPR_WRITE      SMMU_BIT(0, 61)
#define SMMU_PPR_LAST       SMMU_BIT(0, 62)
#define SMMU_PPR_SSV        SMMU_BIT(0, 63)
#define SMMU_PPR_GROUP      SMMU_FIELD(1, 8, 0)
#define SMMU_PPR_ADDRESS    SMMU_FIELD(1, 63, 12)

#define SMMU_PAGE_GROUPS    512U

static inline bool smmu_page_request_is_stop_marker(const struct smmu_page_request *request)
{
	return smmu_has(request->words, SMMU_PPR_LAST) && smmu_has(request->words, SMMU_PPR_SSV) &&
	       !smmu_has(request->words, SMMU_PPR_READ) &&
	       !smmu_has(request->words, SMMU_PPR_WRITE);
}

#endif
