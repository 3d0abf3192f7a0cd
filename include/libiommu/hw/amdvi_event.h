/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: the event log of the AMD IOMMU (AMD I/O Virtualization Technology Specification,
 * 48882, section "Event Logging").
 *
 * Two 64-bit words, little-endian; 63:60 of the first is the code. Which fields a record has
 * depends on it; fields that it has not are 0. A tail may move before its record is written
 * (erratum 732): code 0 is a record that is still to come, so a record that was read is zeroed.
 */
#ifndef LIBIOMMU_HW_AMDVI_EVENT_H
#define LIBIOMMU_HW_AMDVI_EVENT_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_EVENT_SIZE  16U
#define AMDVI_EVENT_WORDS 2

struct amdvi_event {
	amdvi_word_t words[AMDVI_EVENT_WORDS];
};

enum amdvi_event_code {
	AMDVI_ILLEGAL_DEV_TABLE_ENTRY = 1,
	AMDVI_IO_PAGE_FAULT = 2,
	AMDVI_DEV_TAB_HARDWARE_ERROR = 3,
	AMDVI_PAGE_TAB_HARDWARE_ERROR = 4,
	AMDVI_ILLEGAL_COMMAND_ERROR = 5,  /* the command buffer stops, as with the next one */
	AMDVI_COMMAND_HARDWARE_ERROR = 6, /* a command could not be read */
	AMDVI_IOTLB_INV_TIMEOUT = 7,      /* a device did not answer an invalidation */
	AMDVI_INVALID_DEVICE_REQUEST = 8,
	AMDVI_INVALID_PPR_REQUEST = 9,
	AMDVI_EVENT_COUNTER_ZERO = 10,
	AMDVI_RMP_FAULT = 13, /* of SNP, as the next one */
	AMDVI_RMP_HARDWARE_ERROR = 14,
};

#define AMDVI_EVENT_CODE  AMDVI_FIELD(63, 60)
#define AMDVI_EVENT_DEVID AMDVI_FIELD(15, 0)

/* Word 0 of those that tell of a request. */
#define AMDVI_EVENT_PASID_19_16 AMDVI_FIELD(19, 16)
#define AMDVI_EVENT_PASID_15_0  AMDVI_FIELD(47, 32) /* with GN */
#define AMDVI_EVENT_DOMAIN      AMDVI_FIELD(47, 32) /* without GN, where there is one */
#define AMDVI_EVENT_GN          AMDVI_BIT(48)       /* an address of a guest table */
#define AMDVI_EVENT_NX          AMDVI_BIT(49)
#define AMDVI_EVENT_US          AMDVI_BIT(50)
#define AMDVI_EVENT_I           AMDVI_BIT(51) /* an interrupt */
#define AMDVI_EVENT_PR          AMDVI_BIT(52) /* the entry was present */
#define AMDVI_EVENT_RW          AMDVI_BIT(53) /* a write */
#define AMDVI_EVENT_PE          AMDVI_BIT(54) /* the entry did not permit it */
#define AMDVI_EVENT_RZ          AMDVI_BIT(55) /* a reserved bit; 0: an illegal code of a level */
#define AMDVI_EVENT_TR          AMDVI_BIT(56) /* a translation request (ATS) */
#define AMDVI_EVENT_TYPE        AMDVI_FIELD(58, 57) /* of hardware errors: enum amdvi_error_type */
#define AMDVI_EVENT_KIND        AMDVI_FIELD(59, 57) /* of INVALID_DEVICE_REQUEST */

/*
 * Word 1. IO_PAGE_FAULT: the address of the request, of an interrupt that of its message. Hardware
 * errors, illegal commands: the address of what could not be read, or executed.
 */
#define AMDVI_EVENT_ADDRESS AMDVI_FIELD(127, 64)
#define AMDVI_EVENT_COMMAND AMDVI_FIELD(127, 68)

/* INVALID_PPR_REQUEST. */
#define AMDVI_EVENT_PPR_PASID_15_0  AMDVI_FIELD(31, 16)
#define AMDVI_EVENT_PPR_TAG         AMDVI_FIELD(41, 32)
#define AMDVI_EVENT_PPR_PASID_19_16 AMDVI_FIELD(45, 42)
#define AMDVI_EVENT_PPR_RX          AMDVI_BIT(48) /* no answer is wanted */
#define AMDVI_EVENT_PPR_GN          AMDVI_BIT(57)

/* EVENT_COUNTER_ZERO: which counter. */
#define AMDVI_EVENT_COUNTER_LOW  AMDVI_FIELD(83, 64)
#define AMDVI_EVENT_COUNTER_HIGH AMDVI_FIELD(127, 96)

enum amdvi_error_type {
	AMDVI_ERROR_MASTER_ABORT = 1,
	AMDVI_ERROR_TARGET_ABORT = 2,
	AMDVI_ERROR_DATA = 3,
};

static inline unsigned int amdvi_event_code(const struct amdvi_event *event)
{
	return (unsigned int)amdvi_get(event->words, AMDVI_EVENT_CODE);
}

static inline uint16_t amdvi_event_devid(const struct amdvi_event *event)
{
	return (uint16_t)amdvi_get(event->words, AMDVI_EVENT_DEVID);
}

/* Of a record with GN. */
static inline uint32_t amdvi_event_pasid(const struct amdvi_event *event)
{
	return (uint32_t)(amdvi_get(event->words, AMDVI_EVENT_PASID_15_0) |
			  amdvi_get(event->words, AMDVI_EVENT_PASID_19_16) << 16);
}

static inline void amdvi_event_set_pasid(struct amdvi_event *event, uint32_t pasid)
{
	amdvi_set(event->words, AMDVI_EVENT_GN, 1);
	amdvi_set(event->words, AMDVI_EVENT_PASID_15_0, pasid);
	amdvi_set(event->words, AMDVI_EVENT_PASID_19_16, pasid >> 16);
}

/* Of INVALID_PPR_REQUEST. */
static inline uint32_t amdvi_event_ppr_pasid(const struct amdvi_event *event)
{
	return (uint32_t)(amdvi_get(event->words, AMDVI_EVENT_PPR_PASID_15_0) |
			  amdvi_get(event->words, AMDVI_EVENT_PPR_PASID_19_16) << 16);
}

/* A record with what all have. */
static inline struct amdvi_event amdvi_event_of(enum amdvi_event_code code, uint16_t devid,
						uint64_t address)
{
	struct amdvi_event event;

	event.words[0] = amdvi_place(AMDVI_EVENT_CODE, (uint64_t)code) | devid;
	event.words[1] = address;
	return event;
}

#endif
