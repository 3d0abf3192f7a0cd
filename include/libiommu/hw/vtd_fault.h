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

/*
 * Fault reasons: up to 0x0e of legacy mode, then of interrupt remapping, of either mode's root, of
 * scalable mode's structures, of its stages, and of the resulting address. "Access": hardware could
 * not read the structure. "Reserved": a reserved bit is set in it.
 */
enum vtd_fault_reason {
	VTD_REASON_ROOT_NOT_PRESENT = 0x01,
	VTD_REASON_CONTEXT_NOT_PRESENT = 0x02,
	VTD_REASON_CONTEXT_INVALID = 0x03,
	VTD_REASON_ADDRESS_TOO_WIDE = 0x04,
	VTD_REASON_WRITE_DENIED = 0x05,
	VTD_REASON_READ_DENIED = 0x06,
	VTD_REASON_TABLE_ACCESS = 0x07,
	VTD_REASON_ROOT_ACCESS = 0x08,
	VTD_REASON_CONTEXT_ACCESS = 0x09,
	VTD_REASON_ROOT_RESERVED = 0x0a,
	VTD_REASON_CONTEXT_RESERVED = 0x0b,
	VTD_REASON_TABLE_RESERVED = 0x0c,
	VTD_REASON_REQUEST_TYPE_BLOCKED = 0x0d,
	VTD_REASON_INTERRUPT_RANGE = 0x0e,
	VTD_REASON_INTERRUPT_RESERVED = 0x20,
	VTD_REASON_INTERRUPT_INDEX = 0x21,
	VTD_REASON_INTERRUPT_ENTRY_NOT_PRESENT = 0x22,
	VTD_REASON_INTERRUPT_ENTRY_ACCESS = 0x23,
	VTD_REASON_INTERRUPT_ENTRY_RESERVED = 0x24,
	VTD_REASON_INTERRUPT_COMPATIBILITY = 0x25,
	VTD_REASON_INTERRUPT_SOURCE = 0x26,
	VTD_REASON_POSTED_ACCESS = 0x27,
	VTD_REASON_POSTED_RESERVED = 0x28,
	VTD_REASON_INTERRUPT_UNTRANSLATED = 0x29,
	VTD_REASON_ROOT_ADDRESS_INVALID = 0x30,
	VTD_REASON_LEGACY_PASID = 0x31,
	VTD_REASON_LEGACY_PAGE_REQUEST = 0x32,
	VTD_REASON_SCALABLE_ROOT_ACCESS = 0x38,
	VTD_REASON_SCALABLE_ROOT_NOT_PRESENT = 0x39,
	VTD_REASON_SCALABLE_ROOT_RESERVED = 0x3a,
	VTD_REASON_SCALABLE_CONTEXT_ACCESS = 0x40,
	VTD_REASON_SCALABLE_CONTEXT_NOT_PRESENT = 0x41,
	VTD_REASON_SCALABLE_CONTEXT_RESERVED = 0x42,
	VTD_REASON_SCALABLE_CONTEXT_INVALID = 0x43,
	VTD_REASON_DEVICE_TLB_DISABLED = 0x44,
	VTD_REASON_PASID_DISABLED = 0x45,
	VTD_REASON_PASID_TOO_LARGE = 0x46,
	VTD_REASON_PAGE_REQUESTS_DISABLED = 0x47,
	VTD_REASON_RID_PASID_INVALID = 0x48,
	VTD_REASON_DIRECTORY_ACCESS = 0x50,
	VTD_REASON_DIRECTORY_NOT_PRESENT = 0x51,
	VTD_REASON_DIRECTORY_RESERVED = 0x52,
	VTD_REASON_PASID_ENTRY_ACCESS = 0x58,
	VTD_REASON_PASID_ENTRY_NOT_PRESENT = 0x59,
	VTD_REASON_PASID_ENTRY_RESERVED = 0x5a,
	VTD_REASON_PASID_ENTRY_INVALID = 0x5b,
	VTD_REASON_EXECUTE_DISABLED = 0x5c,
	VTD_REASON_SUPERVISOR_DISABLED = 0x5d,
	VTD_REASON_FIRST_STAGE_ACCESS = 0x70,
	VTD_REASON_FIRST_STAGE_NOT_PRESENT = 0x71,
	VTD_REASON_FIRST_STAGE_RESERVED = 0x72,
	VTD_REASON_FIRST_STAGE_ROOT_ACCESS = 0x73,
	VTD_REASON_FIRST_STAGE_TOO_WIDE = 0x74,
	VTD_REASON_NESTED_ROOT_NOT_READABLE = 0x75,
	VTD_REASON_NESTED_TABLE_NOT_READABLE = 0x76,
	VTD_REASON_NESTED_TABLE_NOT_WRITABLE = 0x77,
	VTD_REASON_SECOND_STAGE_ACCESS = 0x78,
	VTD_REASON_SECOND_STAGE_DENIED = 0x79,
	VTD_REASON_SECOND_STAGE_RESERVED = 0x7a,
	VTD_REASON_SECOND_STAGE_ROOT_INVALID = 0x7b,
	VTD_REASON_SECOND_STAGE_DIRTY_NO_SNOOP = 0x7c,
	VTD_REASON_NOT_CANONICAL = 0x80,
	VTD_REASON_USER_ON_SUPERVISOR = 0x81,
	VTD_REASON_NOT_EXECUTABLE = 0x82,
	VTD_REASON_BEYOND_HARDWARE = 0x83,
	VTD_REASON_SECOND_STAGE_TOO_WIDE = 0x84,
	VTD_REASON_SCALABLE_WRITE_DENIED = 0x85,
	VTD_REASON_SCALABLE_READ_DENIED = 0x86,
	VTD_REASON_SCALABLE_INTERRUPT_RANGE = 0x87,
	VTD_REASON_FIRST_STAGE_DIRTY_NO_SNOOP = 0x90,
	VTD_REASON_FIRST_STAGE_DIRTY_FAILED = 0x91,
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

/* PP: the PASID field is valid. */
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
