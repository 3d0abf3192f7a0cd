/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d performance counters and enhanced commands (VT-d specification, "Performance
 * Monitoring" and "Enhanced Command Register").
 *
 * A unit has fixed registers, which say how many counters there are and where: each counter has a
 * block of configuration, and a register with its count; all have a bit each in a status of
 * overflows. Counters are started and stopped by enhanced commands, which are for other uses, too.
 */
#ifndef LIBIOMMU_HW_VTD_COUNTERS_H
#define LIBIOMMU_HW_VTD_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of CAP and ECAP. */
#define VTD_CAP_ECMDS     (1ULL << 61) /* enhanced commands */
#define VTD_ECAP_PMS      (1ULL << 51) /* performance counters */

#define VTD_PERFCAP       0x300 /* 64: capability */
#define VTD_PERFCFGOFF    0x310 /* 32: offset of the configuration blocks, a multiple of 256 */
#define VTD_PERFFRZOFF    0x314 /* 32: offset of the status of freezes, a multiple of 8 */
#define VTD_PERFOVFOFF    0x318 /* 32: offset of the status of overflows, a multiple of 8 */
#define VTD_PERFCNTROFF   0x31c /* 32: offset of the counts, a multiple of 8 */
#define VTD_PERFINTRSTS   0x324 /* 32: interrupt status */
#define VTD_PERFINTRCTL   0x328 /* 32: interrupt control, as FECTL; data, address, upper address */
#define VTD_PERFINTRDATA  0x32c
#define VTD_PERFINTRADDR  0x330
#define VTD_PERFINTRUADDR 0x334
#define VTD_PERFEVNTCAP   0x380 /* 64 each: 27:0 the events of a group, by all counters */
#define VTD_ECMD          0x400 /* 64: 7:0 command, 31:16 operand */
#define VTD_ECEO          0x408 /* 64: extended operand */
#define VTD_ECRSP         0x410 /* 64: response */
#define VTD_ECCAP         0x430 /* 64 each, 4: a bit for each command that the unit has */
/* The fixed registers, these and all others, end below. */
#define VTD_FIXED_REGISTERS 0x500

/* --- PERFCAP ---------------------------------------------------------------------------------- */

/* 36:32 filters (enum vtd_counter_filter, as bits), and: */
#define VTD_PERFCAP_FREEZES    (1ULL << 49) /* a counter that overflows can freeze all */
#define VTD_PERFCAP_INTERRUPTS (1ULL << 50) /* a counter that overflows can send the interrupt */
#define VTD_PERFCAP_UNLIKE     (1ULL << 51) /* blocks say what their counters can do */

static inline uint32_t vtd_perfcap_counters(uint64_t perfcap)
{
	return (uint32_t)perfcap & 0xffff;
}

static inline unsigned int vtd_perfcap_width(uint64_t perfcap)
{
	return (unsigned int)(perfcap >> 16) & 0x7f;
}

static inline unsigned int vtd_perfcap_groups(uint64_t perfcap)
{
	return (unsigned int)(perfcap >> 24) & 0x1f;
}

static inline unsigned int vtd_perfcap_filters(uint64_t perfcap)
{
	return (unsigned int)(perfcap >> 32) & 0x1f;
}

/* Bytes from one counter's count to the next one's. */
static inline uint32_t vtd_perfcap_stride(uint64_t perfcap)
{
	return 1024U << (perfcap >> 52 & 7);
}

/* --- A counter's block of configuration ------------------------------------------------------- */

#define VTD_COUNTER_BLOCK        0x100
#define VTD_COUNTER_CONFIG       0x00 /* 64 */
#define VTD_COUNTER_FILTERS      0x08 /* 32 each: enum vtd_counter_filter */
#define VTD_COUNTER_CAPABILITY   0x80 /* 32; where VTD_PERFCAP_UNLIKE is set */
#define VTD_COUNTER_EVENTS       0x84 /* 32 each: 27:0 events, 31:28 their group */
#define VTD_COUNTER_EVENTS_GROUP 28

/* Configuration: 11:8 group, 59:32 events, and: */
#define VTD_COUNTER_INTERRUPT (1ULL << 1) /* overflow sends the interrupt */
#define VTD_COUNTER_FREEZE    (1ULL << 2) /* overflow freezes all counters */

/* As many groups as a configuration can name, and events of one. */
#define VTD_COUNTER_GROUPS_MAX 16
#define VTD_COUNTER_EVENTS_MAX 28

static inline uint64_t vtd_counter_config(unsigned int group, unsigned int event, bool interrupt)
{
	return (uint64_t)group << 8 | 1ULL << (32 + event) |
	       (interrupt ? VTD_COUNTER_INTERRUPT : 0);
}

enum vtd_counter_filter {
	VTD_FILTER_SOURCE, /* 15:0 source id */
	VTD_FILTER_DOMAIN, /* 15:0 domain id */
	VTD_FILTER_PASID,  /* 19:0 PASID, 21:20 mode: 0, requests with this PASID */
	VTD_FILTER_TYPE,   /* bit n: requests whose type (the AT field of PCIe) is n; not 3 */
	VTD_FILTER_LEVEL,  /* bit n: tables of level n + 1 */
	VTD_FILTERS,
};
#define VTD_FILTER_ENABLE (1U << 31)

/* Of one counter: 0 it is valid, 15:8 width, 31:28 number of VTD_COUNTER_EVENTS, and: */
#define VTD_COUNTER_OWN            (1U << 0)
#define VTD_COUNTER_HAS_INTERRUPTS (1U << 16)

static inline unsigned int vtd_counter_width(uint32_t capability)
{
	return capability >> 8 & 0xff;
}

static inline unsigned int vtd_counter_groups(uint32_t capability)
{
	return capability >> 28;
}

/* --- Interrupt, and enhanced commands --------------------------------------------------------- */

/* PERFINTRSTS */
#define VTD_PERFINTRSTS_PIS (1U << 0) /* a counter has overflowed (write 1 to clear) */

enum vtd_enhanced_command {
	VTD_COMMAND_START_COUNTER = 0xf0, /* the operand is the counter */
	VTD_COMMAND_STOP_COUNTER = 0xf1,
	VTD_COMMAND_FREEZE_COUNTERS = 0xf4,
	VTD_COMMAND_UNFREEZE_COUNTERS = 0xf5,
};

static inline uint64_t vtd_ecmd(enum vtd_enhanced_command command, uint16_t operand)
{
	return (uint64_t)command | (uint64_t)operand << 16;
}

/* ECRSP: 7:1 status, 0: the command was carried out; and: */
#define VTD_ECRSP_BUSY (1ULL << 0) /* the command is in progress */

static inline unsigned int vtd_ecrsp_status(uint64_t ecrsp)
{
	return (unsigned int)(ecrsp >> 1) & 0x7f;
}

/* --- Events: by group, the numbers of their bits ---------------------------------------------- */

enum vtd_counter_group {
	VTD_EVENTS_OF_UNIT = 0,
	VTD_EVENTS_OF_MEMORY = 1,
	VTD_EVENTS_OF_TABLES = 2, /* look-ups and hits in caches of entries that lead to others */
	VTD_EVENTS_OF_IOTLB = 3,
	VTD_EVENTS_OF_INTERRUPTS = 4,
};

enum vtd_counter_event {
	/* of the unit */
	VTD_EVENT_CLOCKS = 0,
	VTD_EVENT_REQUESTS = 1,
	VTD_EVENT_WALKS_AT_WORK = 2, /* the walks in progress, summed up over clocks */
	VTD_EVENT_ATS_BLOCKED = 3,
	/* of memory */
	VTD_EVENT_READS = 0,
	VTD_EVENT_READS_BLOCKED = 5,
	VTD_EVENT_PAGE_REQUESTS = 6,
	/* of tables */
	VTD_EVENT_CONTEXT_LOOKUPS = 0,
	VTD_EVENT_CONTEXT_HITS = 1,
	VTD_EVENT_PASID_LOOKUPS = 2,
	VTD_EVENT_PASID_HITS = 3,
	VTD_EVENT_SECOND_STAGE_LOOKUPS = 4,
	VTD_EVENT_SECOND_STAGE_HITS = 5,
	VTD_EVENT_FIRST_STAGE_LOOKUPS = 6,
	VTD_EVENT_FIRST_STAGE_HITS = 7,
	VTD_EVENT_PERMISSION_LOOKUPS = 8,
	VTD_EVENT_PERMISSION_HITS = 9,
	/* of the IOTLB */
	VTD_EVENT_IOTLB_LOOKUPS = 0,
	VTD_EVENT_IOTLB_HITS = 1,
	VTD_EVENT_PERMISSION_LEAF_LOOKUPS = 2,
	VTD_EVENT_PERMISSION_LEAF_HITS = 3,
	/* of interrupts: the cache of entries of the interrupt table */
	VTD_EVENT_ENTRY_LOOKUPS = 0,
	VTD_EVENT_ENTRY_HITS = 1,        /* … of interrupts that are remapped */
	VTD_EVENT_POSTED_ENTRY_HITS = 2, /* … of those that are posted */
};

#endif
