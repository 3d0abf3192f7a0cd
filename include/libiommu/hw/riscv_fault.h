/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: fault records of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 3.2,
 * "Fault/Event-Queue", and 2.5, "Faults from virtual address translation process").
 *
 * Four 64-bit words, in the byte order that FCTL.BE says. Word 0: 11:0 cause, 31:12 process id, 32
 * has one, 33 privileged, 39:34 kind of request, 63:40 device id. Word 1: 31:0 the
 * implementation's. Word 2: the address, or what the kind or cause says. Word 3: of guest page
 * faults the guest address.
 */
#ifndef LIBIOMMU_HW_RISCV_FAULT_H
#define LIBIOMMU_HW_RISCV_FAULT_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_FAULT_WORDS 4
#define RISCV_FAULT_SIZE  32U

struct riscv_fault {
	riscv_entry_word_t words[RISCV_FAULT_WORDS];
};

/*
 * "Load": the entry could not be read. "Misconfigured": a bit is set that must not be, or a mode is
 * not there. Faults have the cause of the request itself, also where a table caused them.
 */
enum riscv_fault_cause {
	RISCV_FAULT_EXECUTE_ACCESS = 1,
	RISCV_FAULT_READ_MISALIGNED = 4,
	RISCV_FAULT_READ_ACCESS = 5,
	RISCV_FAULT_WRITE_MISALIGNED = 6,
	RISCV_FAULT_WRITE_ACCESS = 7,
	RISCV_FAULT_EXECUTE_PAGE = 12,
	RISCV_FAULT_READ_PAGE = 13,
	RISCV_FAULT_WRITE_PAGE = 15,
	RISCV_FAULT_EXECUTE_GUEST_PAGE = 20,
	RISCV_FAULT_READ_GUEST_PAGE = 21,
	RISCV_FAULT_WRITE_GUEST_PAGE = 23,
	RISCV_FAULT_ALL_DISALLOWED = 256, /* the unit is off */
	RISCV_FAULT_DEVICE_LOAD = 257,
	RISCV_FAULT_DEVICE_NOT_VALID = 258,
	RISCV_FAULT_DEVICE_MISCONFIGURED = 259,
	RISCV_FAULT_TYPE_DISALLOWED = 260, /* or an id is too wide */
	RISCV_FAULT_MSI_LOAD = 261,
	RISCV_FAULT_MSI_NOT_VALID = 262,
	RISCV_FAULT_MSI_MISCONFIGURED = 263,
	RISCV_FAULT_MRIF_ACCESS = 264,
	RISCV_FAULT_PROCESS_LOAD = 265,
	RISCV_FAULT_PROCESS_NOT_VALID = 266,
	RISCV_FAULT_PROCESS_MISCONFIGURED = 267,
	RISCV_FAULT_DEVICE_CORRUPT = 268,
	RISCV_FAULT_PROCESS_CORRUPT = 269,
	RISCV_FAULT_MSI_CORRUPT = 270,
	RISCV_FAULT_MRIF_CORRUPT = 271,
	RISCV_FAULT_INTERNAL = 272,
	RISCV_FAULT_MSI_WRITE = 273, /* of the unit's own interrupt; word 2 is its address */
	RISCV_FAULT_TABLE_CORRUPT = 274,
};

enum riscv_transaction {
	RISCV_TRANSACTION_NONE = 0, /* no request; the ids are 0 */
	RISCV_TRANSACTION_EXECUTE = 1,
	RISCV_TRANSACTION_READ = 2,
	RISCV_TRANSACTION_WRITE = 3, /* or an atomic operation */
	RISCV_TRANSACTION_TRANSLATED_EXECUTE = 5,
	RISCV_TRANSACTION_TRANSLATED_READ = 6,
	RISCV_TRANSACTION_TRANSLATED_WRITE = 7,
	RISCV_TRANSACTION_ATS = 8,
	RISCV_TRANSACTION_MESSAGE = 9, /* word 2 is its code */
};

#define RISCV_FAULT_HAS_PROCESS (1ULL << 32)
#define RISCV_FAULT_PRIVILEGED  (1ULL << 33)

/* Word 3 of a guest page fault: bits 63:2 of the guest address, and: */
#define RISCV_FAULT_IMPLICIT       (1ULL << 0) /* of a first-stage table or process directory … */
#define RISCV_FAULT_IMPLICIT_WRITE (1ULL << 1) /* … when A or D was to be set there */

static inline uint64_t riscv_fault_word0(enum riscv_fault_cause cause,
					 enum riscv_transaction transaction, uint32_t device_id)
{
	return (uint64_t)cause | (uint64_t)transaction << 34 |
	       (uint64_t)(device_id & 0xffffff) << 40;
}

static inline uint64_t riscv_fault_of_process(uint64_t word0, uint32_t process_id, bool privileged)
{
	return word0 | (uint64_t)(process_id & 0xfffff) << 12 | RISCV_FAULT_HAS_PROCESS |
	       (privileged ? RISCV_FAULT_PRIVILEGED : 0);
}

static inline unsigned int riscv_fault_cause(uint64_t word0)
{
	return (unsigned int)(word0 & 0xfff);
}

static inline unsigned int riscv_fault_transaction(uint64_t word0)
{
	return (unsigned int)(word0 >> 34) & 0x3f;
}

static inline uint32_t riscv_fault_process_id(uint64_t word0)
{
	return (uint32_t)(word0 >> 12) & 0xfffff;
}

static inline uint32_t riscv_fault_device_id(uint64_t word0)
{
	return (uint32_t)(word0 >> 40);
}

/* Recorded although the device context has DTF. */
static inline bool riscv_fault_is_always_recorded(unsigned int cause)
{
	return (cause >= RISCV_FAULT_ALL_DISALLOWED && cause <= RISCV_FAULT_DEVICE_MISCONFIGURED) ||
	       cause == RISCV_FAULT_DEVICE_CORRUPT || cause == RISCV_FAULT_INTERNAL ||
	       cause == RISCV_FAULT_MSI_WRITE;
}

#endif
