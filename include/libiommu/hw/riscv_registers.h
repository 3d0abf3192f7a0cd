/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: registers of the RISC-V IOMMU (RISC-V IOMMU specification 1.0.0, chapter 5,
 * "Memory-mapped register interface"; the capabilities NL and S: chapter "IOMMU Extensions" of
 * later texts).
 *
 * Offsets in bytes from a naturally aligned page of 4 KiB; registers are little-endian always, and
 * have 32 or 64 bits. A register of 32 bits is accessed by 4 bytes, one of 64 bits by 8 bytes or by
 * its high half and then its low half. Absent optional registers read 0.
 */
#ifndef LIBIOMMU_HW_RISCV_REGISTERS_H
#define LIBIOMMU_HW_RISCV_REGISTERS_H

#include <libiommu/hw/riscv_ppn.h>

#define RISCV_REGISTERS_SIZE 4096

#define RISCV_CAPABILITIES   0x000 /* 64: read only */
#define RISCV_FCTL           0x008 /* 32: features control */
#define RISCV_DDTP           0x010 /* 64: device directory table pointer */
#define RISCV_CQB            0x018 /* 64: command queue base */
#define RISCV_CQH            0x020 /* 32: command queue head: hardware's */
#define RISCV_CQT            0x024 /* 32: command queue tail: software's */
#define RISCV_FQB            0x028 /* 64: fault queue base */
#define RISCV_FQH            0x030 /* 32: fault queue head: software's */
#define RISCV_FQT            0x034 /* 32: fault queue tail: hardware's */
#define RISCV_PQB            0x038 /* 64: page request queue base (ATS) */
#define RISCV_PQH            0x040 /* 32: page request queue head: software's (ATS) */
#define RISCV_PQT            0x044 /* 32: page request queue tail: hardware's (ATS) */
#define RISCV_CQCSR          0x048 /* 32: command queue control and status */
#define RISCV_FQCSR          0x04c /* 32: fault queue control and status */
#define RISCV_PQCSR          0x050 /* 32: page request queue control and status (ATS) */
#define RISCV_IPSR           0x054 /* 32: interrupt pending status (write 1 to clear) */
#define RISCV_IOCOUNTOVF     0x058 /* 32: counters that overflowed, read only (HPM) */
#define RISCV_IOCOUNTINH     0x05c /* 32: counters that are stopped (HPM) */
#define RISCV_IOHPMCYCLES    0x060 /* 64: cycles (HPM) */
#define RISCV_IOHPMCTR       0x068 /* 64 each: counters 1 to 31 (HPM) */
#define RISCV_IOHPMEVT       0x160 /* 64 each: what counters 1 to 31 count (HPM) */
#define RISCV_TR_REQ_IOVA    0x258 /* 64: translation request: the address (DBG) */
#define RISCV_TR_REQ_CTL     0x260 /* 64: … who asks, and go (DBG) */
#define RISCV_TR_RESPONSE    0x268 /* 64: … the answer, read only (DBG) */
#define RISCV_IOMMU_QOSID    0x270 /* 32: quality of service of the unit's accesses (QOSID) */
#define RISCV_ICVEC          0x2f8 /* 64: interrupt cause to vector */
#define RISCV_MSI_CFG_TBL    0x300 /* 16 entries of 16 bytes; not there if IGS is WSI */

/* --- 5.3 capabilities ------------------------------------------------------------------------- */

#define RISCV_CAP_SV32        (1ULL << 8)
#define RISCV_CAP_SV39        (1ULL << 9)
#define RISCV_CAP_SV48        (1ULL << 10) /* implies SV39 */
#define RISCV_CAP_SV57        (1ULL << 11) /* implies SV48 */
#define RISCV_CAP_SVRSW60T59B (1ULL << 14) /* bits 60:59 of page-table entries are software's */
#define RISCV_CAP_SVPBMT      (1ULL << 15) /* memory types in page-table entries */
#define RISCV_CAP_SV32X4      (1ULL << 16)
#define RISCV_CAP_SV39X4      (1ULL << 17)
#define RISCV_CAP_SV48X4      (1ULL << 18)
#define RISCV_CAP_SV57X4      (1ULL << 19)
#define RISCV_CAP_AMO_MRIF    (1ULL << 21) /* interrupt files in memory are updated atomically */
#define RISCV_CAP_MSI_FLAT    (1ULL << 22) /* MSI page tables: contexts have 64 bytes */
#define RISCV_CAP_MSI_MRIF    (1ULL << 23) /* … with interrupt files in memory */
#define RISCV_CAP_AMO_HWAD    (1ULL << 24) /* hardware sets A and D in page-table entries */
#define RISCV_CAP_ATS         (1ULL << 25) /* translated requests, and page requests */
#define RISCV_CAP_T2GPA       (1ULL << 26) /* … with guest addresses */
#define RISCV_CAP_END         (1ULL << 27) /* both byte orders; see FCTL.BE */
#define RISCV_CAP_HPM         (1ULL << 30) /* performance counters */
#define RISCV_CAP_DBG         (1ULL << 31) /* translation requests by registers */
#define RISCV_CAP_PD8         (1ULL << 38) /* process directories of 1 level … */
#define RISCV_CAP_PD17        (1ULL << 39) /* … 2 … */
#define RISCV_CAP_PD20        (1ULL << 40) /* … 3 levels */
#define RISCV_CAP_QOSID       (1ULL << 41) /* quality-of-service ids */
#define RISCV_CAP_NL          (1ULL << 42) /* invalidation of entries that lead to tables, too */
#define RISCV_CAP_S           (1ULL << 43) /* invalidation of ranges of addresses */

#define RISCV_VERSION_1_0     0x10U

/* IGS: how interrupts are told. */
enum riscv_interrupt_generation {
	RISCV_INTERRUPTS_MSI = 0,
	RISCV_INTERRUPTS_WIRED = 1,
	RISCV_INTERRUPTS_BOTH = 2,
};

/* 7:4 major, 3:0 minor. */
static inline unsigned int riscv_cap_version(uint64_t capabilities)
{
	return (unsigned int)(capabilities & 0xff);
}

static inline enum riscv_interrupt_generation riscv_cap_interrupts(uint64_t capabilities)
{
	return (enum riscv_interrupt_generation)(capabilities >> 28 & 3);
}

/* PAS: bits of a physical address. */
static inline unsigned int riscv_cap_physical_bits(uint64_t capabilities)
{
	return (unsigned int)(capabilities >> 32) & 0x3f;
}

/* --- 5.4 fctl --------------------------------------------------------------------------------- */

#define RISCV_FCTL_BE  (1U << 0) /* structures and queues in memory are big-endian */
#define RISCV_FCTL_WSI (1U << 1) /* interrupts by wires rather than messages */
#define RISCV_FCTL_GXL (1U << 2) /* the second stage is Sv32x4 */

/* --- 5.5 ddtp: 3:0 mode, 4 busy, 53:10 root --------------------------------------------------- */

enum riscv_ddtp_mode {
	RISCV_DDTP_OFF = 0,  /* every request is refused */
	RISCV_DDTP_BARE = 1, /* every untranslated request passes */
	RISCV_DDTP_1LVL = 2,
	RISCV_DDTP_2LVL = 3,
	RISCV_DDTP_3LVL = 4,
};

#define RISCV_DDTP_BUSY (1ULL << 4) /* a write is taking effect (read only) */

static inline uint64_t riscv_ddtp(enum riscv_ddtp_mode mode, uint64_t root)
{
	return riscv_ppn(root) | (uint64_t)mode;
}

static inline enum riscv_ddtp_mode riscv_ddtp_mode(uint64_t ddtp)
{
	return (enum riscv_ddtp_mode)(ddtp & 0xf);
}

/* --- 5.6 to 5.14 queues: 4:0 log2 of the entries, less 1; 53:10 base -------------------------- */

#define RISCV_QUEUE_ORDER_MAX 32

/* 2^order entries, 1 to 32; the base is aligned to their size, and to 4 KiB. */
static inline uint64_t riscv_queue_base(uint64_t base, unsigned int order)
{
	return riscv_ppn(base) | ((order - 1) & 0x1f);
}

static inline unsigned int riscv_queue_order(uint64_t queue_base)
{
	return (unsigned int)(queue_base & 0x1f) + 1;
}

/* --- 5.15 to 5.17 cqcsr, fqcsr, pqcsr --------------------------------------------------------- */

/* Of all three. A write that clears an error repeats ENABLE and INTERRUPT. */
#define RISCV_QUEUE_ENABLE    (1U << 0)
#define RISCV_QUEUE_INTERRUPT (1U << 1)  /* interrupts are sent */
#define RISCV_QUEUE_FAULT     (1U << 8)  /* memory could not be accessed (write 1 to clear) */
#define RISCV_QUEUE_ON        (1U << 16) /* active (read only) */
#define RISCV_QUEUE_BUSY      (1U << 17) /* a write is taking effect (read only) */

/* Of cqcsr. */
#define RISCV_CQCSR_TIMEOUT (1U << 9)  /* cmd_to: a device did not answer (write 1 to clear) */
#define RISCV_CQCSR_ILLEGAL (1U << 10) /* cmd_ill: a command was refused (write 1 to clear) */
#define RISCV_CQCSR_FENCE   (1U << 11) /* fence_w_ip: a fence with WSI is complete (likewise) */

/* Of fqcsr and pqcsr: the queue was full, and records were dropped (write 1 to clear). */
#define RISCV_QUEUE_OVERFLOW (1U << 9)

#define RISCV_CQCSR_ERRORS   (RISCV_QUEUE_FAULT | RISCV_CQCSR_TIMEOUT | RISCV_CQCSR_ILLEGAL)
#define RISCV_QUEUE_ERRORS   (RISCV_QUEUE_FAULT | RISCV_QUEUE_OVERFLOW) /* of fqcsr and pqcsr */

/* --- 5.18 ipsr, 5.28 icvec, 5.29 msi_cfg_tbl -------------------------------------------------- */

#define RISCV_IPSR_COMMANDS      (1U << 0)
#define RISCV_IPSR_FAULTS        (1U << 1)
#define RISCV_IPSR_COUNTERS      (1U << 2)
#define RISCV_IPSR_PAGE_REQUESTS (1U << 3)

/* The vectors of the four causes: 3:0, 7:4, 11:8 and 15:12. */
static inline uint64_t riscv_icvec(unsigned int commands, unsigned int faults,
				   unsigned int counters, unsigned int page_requests)
{
	return (commands & 0xf) | (uint64_t)(faults & 0xf) << 4 | (uint64_t)(counters & 0xf) << 8 |
	       (uint64_t)(page_requests & 0xf) << 12;
}

/* Of the cause with the bit `cause` in ipsr, 0 to 3. */
static inline unsigned int riscv_icvec_vector(uint64_t icvec, unsigned int cause)
{
	return (unsigned int)(icvec >> 4 * (cause & 3)) & 0xf;
}

#define RISCV_MSI_VECTORS      16
#define RISCV_MSI_ADDRESS      0  /* 64: 55:2 address */
#define RISCV_MSI_DATA         8  /* 32 */
#define RISCV_MSI_CONTROL      12 /* 32 */
#define RISCV_MSI_MASKED       (1U << 0)
#define RISCV_MSI_ADDRESS_MASK 0x00fffffffffffffcULL

static inline uint32_t riscv_msi_entry(unsigned int vector)
{
	return RISCV_MSI_CFG_TBL + 16 * (vector & 0xf);
}

/* --- 5.24 to 5.26 translation requests: write the address, then the control, then read -------- */

#define RISCV_TR_GO          (1ULL << 0) /* start; clear again when done */
#define RISCV_TR_PRIVILEGED  (1ULL << 1) /* only with a process id */
#define RISCV_TR_EXECUTE     (1ULL << 2) /* only with READ_ONLY */
#define RISCV_TR_READ_ONLY   (1ULL << 3) /* NW; otherwise read and write */
#define RISCV_TR_HAS_PROCESS (1ULL << 32)

static inline uint64_t riscv_tr_req_ctl(uint32_t device_id, uint64_t flags)
{
	return RISCV_TR_GO | flags | (uint64_t)(device_id & 0xffffff) << 40;
}

static inline uint64_t riscv_tr_req_ctl_process(uint32_t device_id, uint32_t process_id,
						uint64_t flags)
{
	return riscv_tr_req_ctl(device_id, flags) | RISCV_TR_HAS_PROCESS |
	       (uint64_t)(process_id & 0xfffff) << 12;
}

static inline uint32_t riscv_tr_device_id(uint64_t tr_req_ctl)
{
	return (uint32_t)(tr_req_ctl >> 40);
}

static inline uint32_t riscv_tr_process_id(uint64_t tr_req_ctl)
{
	return (uint32_t)(tr_req_ctl >> 12) & 0xfffff;
}

#define RISCV_TR_FAULT     (1ULL << 0) /* no translation; the cause is in the fault queue */
#define RISCV_TR_SUPERPAGE (1ULL << 9) /* S: the page number says the size, too */

/* PBMT: the memory type, as in page-table entries. */
static inline unsigned int riscv_tr_memory_type(uint64_t tr_response)
{
	return (unsigned int)(tr_response >> 7) & 3;
}

/*
 * Bytes that the answer holds for. With S the ones at the low end of the page number, and the zero
 * above, are no address: of X ones the size is 2^(X + 1) pages.
 */
static inline uint64_t riscv_tr_size(uint64_t tr_response)
{
	const uint64_t page = (tr_response & RISCV_PPN_MASK) >> 10;

	return (tr_response & RISCV_TR_SUPERPAGE) == 0 ? 4096 : ((page ^ (page + 1)) + 1) << 12;
}

/* Where they begin. */
static inline uint64_t riscv_tr_address(uint64_t tr_response)
{
	return riscv_ppn_address(tr_response) & ~(riscv_tr_size(tr_response) - 1);
}

/* The answer for 2^order pages at an address that is aligned to them. */
static inline uint64_t riscv_tr_response(uint64_t address, unsigned int order,
					 unsigned int memory_type)
{
	const uint64_t ones = order == 0 ? 0 : (1ULL << (order - 1)) - 1;

	return riscv_ppn(address) | ones << 10 | (order == 0 ? 0 : RISCV_TR_SUPERPAGE) |
	       (uint64_t)(memory_type & 3) << 7;
}

/* --- 5.27 iommu_qosid: 11:0 RCID, 27:16 MCID -------------------------------------------------- */

static inline uint32_t riscv_qosid(uint32_t rcid, uint32_t mcid)
{
	return (rcid & 0xfff) | (mcid & 0xfff) << 16;
}

#endif
