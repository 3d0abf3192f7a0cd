/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: performance counters of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 5.19 to
 * 5.23: iocountovf, iocountinh, iohpmcycles, iohpmctr, iohpmevt).
 *
 * Counter 0 counts cycles, counters 1 to 31 the event that is chosen for each. In iocountovf and
 * iocountinh bit n is that of counter n.
 */
#ifndef LIBIOMMU_HW_RISCV_COUNTERS_H
#define LIBIOMMU_HW_RISCV_COUNTERS_H

#include <libiommu/hw/riscv_registers.h>

#define RISCV_COUNTERS        31
#define RISCV_COUNT_BITS_MIN  32 /* of a count; the rest reads as 0 */

#define RISCV_CYCLES_COUNT    0x7fffffffffffffffULL
#define RISCV_CYCLES_OVERFLOW (1ULL << 63)

/* Counter and event register of a number from 1 to 31. */
static inline uint32_t riscv_counter(unsigned int number)
{
	return RISCV_IOHPMCTR + 8 * (number - 1);
}

static inline uint32_t riscv_counter_event(unsigned int number)
{
	return RISCV_IOHPMEVT + 8 * (number - 1);
}

enum riscv_event {
	RISCV_EVENT_NONE = 0,
	RISCV_EVENT_UNTRANSLATED = 1,
	RISCV_EVENT_TRANSLATED = 2,
	RISCV_EVENT_ATS_REQUEST = 3,
	RISCV_EVENT_TLB_MISS = 4,
	RISCV_EVENT_DEVICE_WALK = 5,
	RISCV_EVENT_PROCESS_WALK = 6,
	RISCV_EVENT_FIRST_STAGE_WALK = 7,
	RISCV_EVENT_SECOND_STAGE_WALK = 8,
};
#define RISCV_EVENT_NUMBER_MAX 0x7fffU /* from 0x4000 on a maker's own */

/*
 * Event register: 14:0 event, 35:16 process id or PSCID, 59:36 device id or GSCID, and: which of
 * the two are compared. The ids are PSCID and GSCID with BY_CONTEXT (IDT), which the events of TLB
 * misses and of page-table walks know alone.
 */
#define RISCV_EVENT_PARTLY (1ULL << 15) /* DMASK: the low bits of the device id, up to and with */
					/* its first 0, are not compared */
#define RISCV_EVENT_HAS_PROCESS (1ULL << 60)
#define RISCV_EVENT_HAS_DEVICE  (1ULL << 61)
#define RISCV_EVENT_BY_CONTEXT  (1ULL << 62)
#define RISCV_EVENT_OVERFLOW    (1ULL << 63) /* sticky: while 1, no further interrupt */

static inline uint64_t riscv_event(enum riscv_event event, uint32_t device_id, uint32_t process_id,
				   uint64_t flags)
{
	return (uint64_t)event | (uint64_t)(process_id & 0xfffff) << 16 |
	       (uint64_t)(device_id & 0xffffff) << 36 | flags;
}

static inline unsigned int riscv_event_number(uint64_t event)
{
	return (unsigned int)(event & 0x7fff);
}

static inline uint32_t riscv_event_process_id(uint64_t event)
{
	return (uint32_t)(event >> 16) & 0xfffff;
}

static inline uint32_t riscv_event_device_id(uint64_t event)
{
	return (uint32_t)(event >> 36) & 0xffffff;
}

#endif
