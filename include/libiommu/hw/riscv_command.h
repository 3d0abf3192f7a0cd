/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: commands of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, 3.1, "Command-Queue";
 * NL and S: chapter "IOMMU Extensions" of later texts).
 *
 * Two 64-bit words, in the byte order that FCTL.BE says: 6:0 of the low word the opcode, 9:7 the
 * function. All bits that are not named must be 0, or the command is illegal.
 */
#ifndef LIBIOMMU_HW_RISCV_COMMAND_H
#define LIBIOMMU_HW_RISCV_COMMAND_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_COMMAND_SIZE 16U

struct riscv_command {
	uint64_t low;
	uint64_t high;
};

/* Opcode and function in one number. */
enum riscv_command_kind {
	RISCV_IOTINVAL_VMA = 1,
	RISCV_IOTINVAL_GVMA = 1 | 1 << 7,
	RISCV_IOFENCE_C = 2,
	RISCV_INVAL_DDT = 3,
	RISCV_INVAL_PDT = 3 | 1 << 7,
	RISCV_ATS_INVAL = 4,
	RISCV_ATS_PRGR = 4 | 1 << 7,
};

#define RISCV_COMMAND_KIND 0x3ffULL

/* From its words; a function, because these headers are C++, too. */
static inline struct riscv_command riscv_command_of(uint64_t low, uint64_t high)
{
	struct riscv_command c;

	c.low = low;
	c.high = high;
	return c;
}

static inline enum riscv_command_kind riscv_command_kind(struct riscv_command c)
{
	return (enum riscv_command_kind)(c.low & RISCV_COMMAND_KIND);
}

/* --- 3.1.1 IOTINVAL: what was cached of page tables ------------------------------------------- */

/*
 * Low 10 AV: an address, 31:12 PSCID, 32 PSCV: of one process, 33 GV: of one guest, 34 NL, 59:44
 * GSCID; high 9 S, 61:10 address 63:12. Without GV: of all contexts whose second stage is Bare
 * (VMA), or of all guests (GVMA). PSCV is illegal in GVMA. With an address only leaves go, unless
 * NL.
 */
#define RISCV_IOTINVAL_AV            (1ULL << 10)
#define RISCV_IOTINVAL_PSCV          (1ULL << 32)
#define RISCV_IOTINVAL_GV            (1ULL << 33)
#define RISCV_IOTINVAL_NL            (1ULL << 34) /* entries of tables, too; reserved without NL */
#define RISCV_IOTINVAL_S             (1ULL << 9)  /* high: a range; reserved without S */
#define RISCV_IOTINVAL_LOW_RESERVED  0xf0000ff800000800ULL
#define RISCV_IOTINVAL_HIGH_RESERVED 0xc0000000000001ffULL

static inline struct riscv_command riscv_command_vma(void)
{
	return riscv_command_of(RISCV_IOTINVAL_VMA, 0);
}

static inline struct riscv_command riscv_command_gvma(void)
{
	return riscv_command_of(RISCV_IOTINVAL_GVMA, 0);
}

/* … of one guest. */
static inline struct riscv_command riscv_command_of_guest(struct riscv_command c, uint16_t gscid)
{
	return riscv_command_of(c.low | RISCV_IOTINVAL_GV | (uint64_t)gscid << 44, c.high);
}

/* … of one process; entries with G stay. */
static inline struct riscv_command riscv_command_of_process(struct riscv_command c, uint32_t pscid)
{
	return riscv_command_of(c.low | RISCV_IOTINVAL_PSCV | (uint64_t)(pscid & 0xfffff) << 12,
				c.high);
}

/* … of the page, of whatever size, at an address. */
static inline struct riscv_command riscv_command_at(struct riscv_command c, uint64_t address)
{
	return riscv_command_of(c.low | RISCV_IOTINVAL_AV, address >> 12 << 10);
}

/*
 * … of the 2^order pages around an address, for a unit with S. The low bits of the page number say
 * the size: a zero below order - 1 ones. Orders of 52 and above are all addresses.
 */
static inline struct riscv_command riscv_command_range(struct riscv_command c, uint64_t address,
						       unsigned int order)
{
	uint64_t page;

	if (order == 0)
		return riscv_command_at(c, address);
	if (order >= 52)
		page = 0x0007ffffffffffffULL;
	else
		page = (address >> 12 & ~((1ULL << order) - 1)) | ((1ULL << (order - 1)) - 1);
	return riscv_command_of(c.low | RISCV_IOTINVAL_AV, page << 10 | RISCV_IOTINVAL_S);
}

/* … with the entries that lead to tables, for a unit with NL. */
static inline struct riscv_command riscv_command_with_tables(struct riscv_command c)
{
	return riscv_command_of(c.low | RISCV_IOTINVAL_NL, c.high);
}

static inline uint16_t riscv_command_gscid(struct riscv_command c)
{
	return (uint16_t)(c.low >> 44);
}

static inline uint32_t riscv_command_pscid(struct riscv_command c)
{
	return (uint32_t)(c.low >> 12) & 0xfffff;
}

/* Bytes that the address of a command with AV stands for; 0: all there are. */
static inline uint64_t riscv_command_size(struct riscv_command c)
{
	const uint64_t page = c.high >> 10 & 0x000fffffffffffffULL;

	return (c.high & RISCV_IOTINVAL_S) == 0 ? 4096 : ((page ^ (page + 1)) + 1) << 12;
}

/* Where they begin. */
static inline uint64_t riscv_command_address(struct riscv_command c)
{
	const uint64_t size = riscv_command_size(c);

	return size == 0 ? 0 : c.high >> 10 << 12 & ~(size - 1);
}

/* --- 3.1.2 IOFENCE.C: all earlier commands are complete --------------------------------------- */

/* Low 63:32 data of the store; high 61:0 its address 63:2. */
#define RISCV_IOFENCE_AV            (1ULL << 10) /* 32 bits are stored in memory */
#define RISCV_IOFENCE_WSI           (1ULL << 11) /* sets cqcsr.fence_w_ip; only with FCTL.WSI */
#define RISCV_IOFENCE_PR            (1ULL << 12) /* reads of devices before are globally ordered */
#define RISCV_IOFENCE_PW            (1ULL << 13) /* writes, likewise */
#define RISCV_IOFENCE_LOW_RESERVED  0x00000000ffffc000ULL
#define RISCV_IOFENCE_HIGH_RESERVED 0xc000000000000000ULL

static inline struct riscv_command riscv_command_fence(uint64_t flags)
{
	return riscv_command_of(RISCV_IOFENCE_C | flags, 0);
}

/* … with a store to an address that is a multiple of 4. */
static inline struct riscv_command riscv_command_fence_store(uint64_t flags, uint64_t address,
							     uint32_t data)
{
	return riscv_command_of(RISCV_IOFENCE_C | RISCV_IOFENCE_AV | flags | (uint64_t)data << 32,
				address >> 2);
}

static inline uint64_t riscv_command_store_address(struct riscv_command c)
{
	return c.high << 2;
}

static inline uint32_t riscv_command_store_data(struct riscv_command c)
{
	return (uint32_t)(c.low >> 32);
}

/* --- 3.1.3 IODIR: what was cached of directories ---------------------------------------------- */

/* Low 31:12 process id (INVAL_PDT), 33 DV: of one device, 63:40 device id; high 0. */
#define RISCV_INVAL_DDT_DV           (1ULL << 33)
#define RISCV_INVAL_DDT_LOW_RESERVED 0x000000fdfffffc00ULL
#define RISCV_INVAL_PDT_LOW_RESERVED 0x000000fd00000c00ULL

static inline struct riscv_command riscv_command_inval_directories(void)
{
	return riscv_command_of(RISCV_INVAL_DDT, 0);
}

/* The context of a device, and all that was cached of its processes. */
static inline struct riscv_command riscv_command_inval_device(uint32_t device_id)
{
	return riscv_command_of(
		RISCV_INVAL_DDT | RISCV_INVAL_DDT_DV | (uint64_t)(device_id & 0xffffff) << 40, 0);
}

/* The context of a process of a device. */
static inline struct riscv_command riscv_command_inval_process(uint32_t device_id,
							       uint32_t process_id)
{
	return riscv_command_of(RISCV_INVAL_PDT | RISCV_INVAL_DDT_DV |
					(uint64_t)(device_id & 0xffffff) << 40 |
					(uint64_t)(process_id & 0xfffff) << 12,
				0);
}

/* Of IODIR and of ATS commands. */
static inline uint32_t riscv_command_device_id(struct riscv_command c)
{
	return (uint32_t)(c.low >> 40);
}

static inline uint32_t riscv_command_process_id(struct riscv_command c)
{
	return (uint32_t)(c.low >> 12) & 0xfffff;
}

/* --- 3.1.4 ATS: messages to devices ----------------------------------------------------------- */

/* Low 31:12 process id, 32 PV: has one, 33 DSV: has a segment, 55:40 requester, 63:56 segment. */
#define RISCV_ATS_PV           (1ULL << 32)
#define RISCV_ATS_DSV          (1ULL << 33)
#define RISCV_ATS_LOW_RESERVED 0x000000fc00000c00ULL

/* … with a PASID. */
static inline struct riscv_command riscv_command_with_pasid(struct riscv_command c, uint32_t pasid)
{
	return riscv_command_of(c.low | RISCV_ATS_PV | (uint64_t)(pasid & 0xfffff) << 12, c.high);
}

/* … to a device of a segment. */
static inline struct riscv_command riscv_command_to_segment(struct riscv_command c,
							    unsigned int segment)
{
	return riscv_command_of(c.low | RISCV_ATS_DSV | (uint64_t)(segment & 0xff) << 56, c.high);
}

/* Invalidation: high 0 G: of all PASIDs, 11 S, 63:12 address: as VT-d has it, by PCI Express. */
#define RISCV_ATS_INVAL_GLOBAL        (1ULL << 0)
#define RISCV_ATS_INVAL_SIZE          (1ULL << 11)
#define RISCV_ATS_INVAL_HIGH_RESERVED 0x7feULL

/* The 2^order pages around an address; order >= 52: all addresses. */
static inline struct riscv_command riscv_command_ats_inval(uint16_t requester, uint64_t address,
							   unsigned int order)
{
	struct riscv_command c = riscv_command_of(RISCV_ATS_INVAL | (uint64_t)requester << 40, 0);

	if (order >= 52)
		c.high = 0x7ffffffffffff000ULL | RISCV_ATS_INVAL_SIZE;
	else if (order != 0)
		c.high = (address & ~((4096ULL << order) - 1)) | ((2048ULL << order) - 4096) |
			 RISCV_ATS_INVAL_SIZE;
	else
		c.high = address & ~4095ULL;
	return c;
}

/* Answer to a page request group: high 40:32 group, 47:44 code. */
#define RISCV_ATS_PRGR_HIGH_RESERVED 0xffff0e00ffffffffULL

enum riscv_page_response {
	RISCV_PAGE_SUCCESS = 0,
	RISCV_PAGE_INVALID = 1,
	RISCV_PAGE_FAILURE = 15,
};

static inline struct riscv_command riscv_command_page_response(uint16_t requester, uint16_t group,
							       enum riscv_page_response response)
{
	return riscv_command_of(RISCV_ATS_PRGR | (uint64_t)requester << 40,
				(uint64_t)(group & 0x1ff) << 32 | (uint64_t)response << 44);
}

static inline uint16_t riscv_command_response_group(struct riscv_command c)
{
	return (uint16_t)(c.high >> 32 & 0x1ff);
}

static inline enum riscv_page_response riscv_command_response(struct riscv_command c)
{
	return (enum riscv_page_response)(c.high >> 44 & 0xf);
}

#endif
