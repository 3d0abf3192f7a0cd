/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: page requests of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 3.3,
 * "Page-Request-Queue").
 *
 * Two 64-bit words, in the byte order that FCTL.BE says. The second is the message that PCI Express
 * has.
 */
#ifndef LIBIOMMU_HW_RISCV_PAGE_REQUEST_H
#define LIBIOMMU_HW_RISCV_PAGE_REQUEST_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_PAGE_REQUEST_SIZE 16U

struct riscv_page_request {
	riscv_entry_word_t low;
	riscv_entry_word_t high;
};

/* Low: 31:12 process id, 63:40 device id, and: */
#define RISCV_PAGE_REQUEST_HAS_PROCESS (1ULL << 32)
#define RISCV_PAGE_REQUEST_PRIVILEGED  (1ULL << 33)
#define RISCV_PAGE_REQUEST_EXECUTE     (1ULL << 34)

/* High: 11:3 group, 63:12 address, and: */
#define RISCV_PAGE_REQUEST_READ   (1ULL << 0)
#define RISCV_PAGE_REQUEST_WRITE  (1ULL << 1)
#define RISCV_PAGE_REQUEST_LAST   (1ULL << 2)
#define RISCV_PAGE_REQUEST_GROUPS 512

static inline uint64_t riscv_page_request_low(uint32_t device_id)
{
	return (uint64_t)(device_id & 0xffffff) << 40;
}

static inline uint64_t riscv_page_request_low_process(uint32_t device_id, uint32_t process_id,
						      uint64_t flags)
{
	return riscv_page_request_low(device_id) | (uint64_t)(process_id & 0xfffff) << 12 | flags |
	       RISCV_PAGE_REQUEST_HAS_PROCESS;
}

static inline uint64_t riscv_page_request_high(uint64_t address, uint16_t group, uint64_t flags)
{
	return (address & 0xfffffffffffff000ULL) | (uint64_t)(group & 0x1ff) << 3 | flags;
}

static inline uint32_t riscv_page_request_device_id(uint64_t low)
{
	return (uint32_t)(low >> 40);
}

static inline uint32_t riscv_page_request_process_id(uint64_t low)
{
	return (uint32_t)(low >> 12) & 0xfffff;
}

static inline uint16_t riscv_page_request_group(uint64_t high)
{
	return (uint16_t)(high >> 3 & 0x1ff);
}

static inline uint64_t riscv_page_request_address(uint64_t high)
{
	return high & 0xfffffffffffff000ULL;
}

/*
 * A stop marker (the last of a group, without an access): the device has stopped using the PASID,
 * and expects no answer.
 */
static inline bool riscv_page_request_is_stop(uint64_t high)
{
	return (high & (RISCV_PAGE_REQUEST_READ | RISCV_PAGE_REQUEST_WRITE |
			RISCV_PAGE_REQUEST_LAST)) == RISCV_PAGE_REQUEST_LAST;
}

#endif
