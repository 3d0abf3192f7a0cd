/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: event records of Arm's SMMUv3 (IHI 0070, 7.3, "Event records").
 *
 * Four 64-bit words, little-endian. Which fields a record has depends on its code; fields that it
 * has not are 0. "Configuration": 2 to 4, 6, 8 to 10. "Stage": the faults of translation, 16 to 19.
 */
#ifndef LIBIOMMU_HW_SMMU_EVENT_H
#define LIBIOMMU_HW_SMMU_EVENT_H

#include <libiommu/hw/smmu_field.h>

#define SMMU_EVENT_WORDS 4
#define SMMU_EVENT_SIZE  32U

struct smmu_event {
	smmu_word_t words[SMMU_EVENT_WORDS];
};

enum smmu_event_code {
	SMMU_F_UUT = 0x01, /* a transaction that the unit cannot serve */
	SMMU_C_BAD_STREAMID = 0x02,
	SMMU_F_STE_FETCH = 0x03,
	SMMU_C_BAD_STE = 0x04,
	SMMU_F_BAD_ATS_TREQ = 0x05,
	SMMU_F_STREAM_DISABLED = 0x06,
	SMMU_F_TRANSL_FORBIDDEN = 0x07,
	SMMU_C_BAD_SUBSTREAMID = 0x08,
	SMMU_F_CD_FETCH = 0x09,
	SMMU_C_BAD_CD = 0x0a,
	SMMU_F_WALK_EABT = 0x0b,
	SMMU_F_TRANSLATION = 0x10,
	SMMU_F_ADDR_SIZE = 0x11,
	SMMU_F_ACCESS = 0x12,
	SMMU_F_PERMISSION = 0x13,
	SMMU_F_TLB_CONFLICT = 0x20,
	SMMU_F_CFG_CONFLICT = 0x21,
	SMMU_E_PAGE_REQUEST = 0x24, /* a hint; wants no answer */
	SMMU_F_VMS_FETCH = 0x25,
};

/* Of all records. C_BAD_SUBSTREAMID has a SubstreamID without SSV. */
#define SMMU_EVENT_CODE SMMU_FIELD(0, 7, 0)
#define SMMU_EVENT_SSV  SMMU_BIT(0, 11)
#define SMMU_EVENT_SSID SMMU_FIELD(0, 31, 12)
#define SMMU_EVENT_SID  SMMU_FIELD(0, 63, 32)

/*
 * Of the faults of a stage. F_WALK_EABT has those from PNU to CLASS; F_TRANSL_FORBIDDEN has RNW
 * alone. F_BAD_ATS_TREQ has other fields in this word.
 */
#define SMMU_EVENT_STAG  SMMU_FIELD(1, 15, 0) /* of a stalled transaction: for CMD_RESUME */
#define SMMU_EVENT_STALL SMMU_BIT(1, 31)
#define SMMU_EVENT_PNU   SMMU_BIT(1, 33) /* privileged, after the STE's overrides */
#define SMMU_EVENT_IND   SMMU_BIT(1, 34) /* an instruction, likewise */
#define SMMU_EVENT_RNW   SMMU_BIT(1, 35) /* a read */
#define SMMU_EVENT_NSIPA SMMU_BIT(1, 36) /* Secure streams alone */
#define SMMU_EVENT_S2    SMMU_BIT(1, 39) /* of stage 2 */
#define SMMU_EVENT_CLASS SMMU_FIELD(1, 41, 40)
#define SMMU_EVENT_TTRNW SMMU_BIT(1, 44) /* F_PERMISSION of class TT: a read of the table */

/* What was accessed when it happened. */
enum smmu_event_class {
	SMMU_CLASS_CD = 0,
	SMMU_CLASS_TT = 1, /* a table of stage 1 */
	SMMU_CLASS_IN = 2, /* the address of the transaction */
};

/* The implementation's own: of fetches that failed, and of conflicts. */
#define SMMU_EVENT_REASON SMMU_FIELD(1, 15, 0)
/* Of the faults of a stage, of walks, F_TRANSL_FORBIDDEN, F_UUT: the whole word. */
#define SMMU_EVENT_INPUT 2
/* With S2: the IPA of the transaction, or by CLASS of a table or CD. */
#define SMMU_EVENT_IPA SMMU_FIELD(3, 55, 12)
/* Of F_STE_FETCH, F_CD_FETCH, F_WALK_EABT and F_VMS_FETCH: what could not be read. */
#define SMMU_EVENT_FETCH SMMU_FIELD(3, 55, 3)

static inline unsigned int smmu_event_code(const struct smmu_event *event)
{
	return (unsigned int)smmu_get(event->words, SMMU_EVENT_CODE);
}

static inline uint32_t smmu_event_sid(const struct smmu_event *event)
{
	return (uint32_t)smmu_get(event->words, SMMU_EVENT_SID);
}

/* Can a record with this code say that a transaction is stalled? */
static inline bool smmu_event_may_stall(unsigned int code)
{
	return code >= SMMU_F_TRANSLATION && code <= SMMU_F_PERMISSION;
}

/* Is there an address in word 2? */
static inline bool smmu_event_has_input(unsigned int code)
{
	return smmu_event_may_stall(code) || code == SMMU_F_WALK_EABT ||
	       code == SMMU_F_TRANSL_FORBIDDEN || code == SMMU_F_UUT ||
	       code == SMMU_F_BAD_ATS_TREQ || code == SMMU_F_TLB_CONFLICT ||
	       code == SMMU_E_PAGE_REQUEST;
}

/* Is there the address of a fetch in word 3? */
static inline bool smmu_event_has_fetch(unsigned int code)
{
	return code == SMMU_F_STE_FETCH || code == SMMU_F_CD_FETCH || code == SMMU_F_WALK_EABT ||
	       code == SMMU_F_VMS_FETCH;
}

/* A record with what all have. */
static inline struct smmu_event smmu_event_of(enum smmu_event_code code, uint32_t sid)
{
	struct smmu_event event = {{0, 0, 0, 0}};

	event.words[0] = (uint64_t)code | smmu_place(SMMU_EVENT_SID, sid);
	return event;
}

#endif
