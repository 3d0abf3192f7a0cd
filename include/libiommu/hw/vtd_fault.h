/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d fault recording registers and fault reasons (VT-d specification, "Fault Recording
 * Registers" and "Fault Conditions").
 *
 * One record is 16 bytes: low word 63:12 faulting page (interrupt index in 63:48 for reasons 0x20
 * to 0x26); high word below.
 */
#ifndef LIBIOMMU_HW_VTD_FAULT_H
#define LIBIOMMU_HW_VTD_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define VTD_FAULT_RECORD_SIZE 16
#define VTD_FAULT_RECORD_HIGH 8
/* The dword with F, which is cleared by writing 1 << 31 to it. */
#define VTD_FAULT_RECORD_TOP 12

#define VTD_FAULT_F          (1ULL << 63) /* the record is valid */

enum vtd_fault_type {
	VTD_FAULT_WRITE = 0,
	VTD_FAULT_PAGE_REQUEST = 1,
	VTD_FAULT_READ = 2,
	VTD_FAULT_ATOMIC = 3,
};

static inline uint64_t vtd_fault_address(uint64_t low)
{
	return low & 0xfffffffffffff000ULL;
}

static inline uint16_t vtd_fault_source_id(uint64_t high)
{
	return (uint16_t)high;
}

/* Bit 62 is T1 (read rather than write), bit 28 is T2. */
static inline enum vtd_fault_type vtd_fault_type(uint64_t high)
{
	return (enum vtd_fault_type)((high >> 62 & 1) << 1 | (high >> 28 & 1));
}

static inline bool vtd_fault_privileged(uint64_t high)
{
	return (high >> 29 & 1) != 0;
}

static inline bool vtd_fault_execute(uint64_t high)
{
	return (high >> 30 & 1) != 0;
}

/* PP: only with it does the PASID field mean anything. */
static inline bool vtd_fault_has_pasid(uint64_t high)
{
	return (high >> 31 & 1) != 0;
}

static inline uint32_t vtd_fault_pasid(uint64_t high)
{
	return (uint32_t)(high >> 40) & 0xfffff;
}

static inline uint8_t vtd_fault_reason(uint64_t high)
{
	return (uint8_t)(high >> 32);
}

#endif
