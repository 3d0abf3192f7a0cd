/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d remapping hardware registers (VT-d specification, chapter "Register
 * Descriptions"). Offsets in bytes from the unit's register base; widths of 32 or 64 bits.
 */
#ifndef LIBIOMMU_HW_VTD_REGISTERS_H
#define LIBIOMMU_HW_VTD_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define VTD_VER      0x000 /* 32: version */
#define VTD_CAP      0x008 /* 64: capability */
#define VTD_ECAP     0x010 /* 64: extended capability */
#define VTD_GCMD     0x018 /* 32: global command */
#define VTD_GSTS     0x01c /* 32: global status */
#define VTD_RTADDR   0x020 /* 64: root table address */
#define VTD_CCMD     0x028 /* 64: context command */
#define VTD_FSTS     0x034 /* 32: fault status */
#define VTD_FECTL    0x038 /* 32: fault event control */
#define VTD_FEDATA   0x03c /* 32: fault event data */
#define VTD_FEADDR   0x040 /* 32: fault event address */
#define VTD_FEUADDR  0x044 /* 32: fault event upper address */
#define VTD_PMEN     0x064 /* 32: protected memory enable */
#define VTD_PLMBASE  0x068 /* 32: protected low memory base */
#define VTD_PLMLIMIT 0x06c /* 32: protected low memory limit */
#define VTD_PHMBASE  0x070 /* 64: protected high memory base */
#define VTD_PHMLIMIT 0x078 /* 64: protected high memory limit */
#define VTD_IQH      0x080 /* 64: invalidation queue head */
#define VTD_IQT      0x088 /* 64: invalidation queue tail */
#define VTD_IQA      0x090 /* 64: invalidation queue address */
#define VTD_ICS      0x09c /* 32: invalidation completion status */
#define VTD_IECTL    0x0a0 /* 32: invalidation event control */
#define VTD_IEDATA   0x0a4 /* 32: invalidation event data */
#define VTD_IEADDR   0x0a8 /* 32: invalidation event address */
#define VTD_IEUADDR  0x0ac /* 32: invalidation event upper address */
#define VTD_IQERCD   0x0b0 /* 64: invalidation queue error record */
#define VTD_IRTA     0x0b8 /* 64: interrupt remapping table address */
#define VTD_PQH      0x0c0 /* 64: page request queue head: software's */
#define VTD_PQT      0x0c8 /* 64: page request queue tail: hardware's */
#define VTD_PQA      0x0d0 /* 64: page request queue address */
#define VTD_PRS      0x0dc /* 32: page request status */
#define VTD_PECTL    0x0e0 /* 32: page request event control */
#define VTD_PEDATA   0x0e4 /* 32: page request event data */
#define VTD_PEADDR   0x0e8 /* 32: page request event address */
#define VTD_PEUADDR  0x0ec /* 32: page request event upper address */

/* VER */
static inline unsigned int vtd_version_major(uint32_t version)
{
	return version >> 4 & 0xf;
}

static inline unsigned int vtd_version_minor(uint32_t version)
{
	return version & 0xf;
}

/* From this major version on CCMD and IOTLB_REG do nothing: queued invalidation is mandatory. */
#define VTD_VERSION_QUEUE_ONLY 6

/* CAP: bits, then fields in units. */
#define VTD_CAP_AFL     (1ULL << 3)  /* advanced fault log */
#define VTD_CAP_RWBF    (1ULL << 4)  /* software must flush the write buffer */
#define VTD_CAP_PLMR    (1ULL << 5)  /* protected low memory region */
#define VTD_CAP_PHMR    (1ULL << 6)  /* protected high memory region */
#define VTD_CAP_CM      (1ULL << 7)  /* caching mode: not-present entries may be cached */
#define VTD_CAP_ZLR     (1ULL << 22) /* zero-length reads of write-only pages */
#define VTD_CAP_PSI     (1ULL << 39) /* page-selective IOTLB invalidation */
#define VTD_CAP_DWD     (1ULL << 54) /* write draining */
#define VTD_CAP_DRD     (1ULL << 55) /* read draining */
#define VTD_CAP_FS1GP   (1ULL << 56) /* first-stage 1G pages */
#define VTD_CAP_PI      (1ULL << 59) /* posted interrupts */
#define VTD_CAP_FS5LP   (1ULL << 60) /* first-stage 5 levels */
#define VTD_CAP_ESIRTPS (1ULL << 62) /* setting the interrupt table invalidates by itself */
#define VTD_CAP_ESRTPS  (1ULL << 63) /* setting the root table invalidates by itself */

/* SAGAW: bit n set means tables of n + 2 levels, 30 + 9 n bits wide. Bits 1 to 3 are defined. */
#define VTD_SAGAW_3_LEVELS (1U << 1)
#define VTD_SAGAW_4_LEVELS (1U << 2)
#define VTD_SAGAW_5_LEVELS (1U << 3)

/* Number of domain ids; 0 for the reserved encoding. */
static inline uint32_t vtd_cap_domains(uint64_t cap)
{
	unsigned int nd = (unsigned int)(cap & 7);

	return nd == 7 ? 0 : 1U << (4 + 2 * nd);
}

static inline unsigned int vtd_cap_sagaw(uint64_t cap)
{
	return (unsigned int)(cap >> 8) & 0x1f;
}

/* Widest guest address, in bits. */
static inline unsigned int vtd_cap_guest_address_width(uint64_t cap)
{
	return ((unsigned int)(cap >> 16) & 0x3f) + 1;
}

/* Byte offset and number of the fault recording registers. */
static inline uint32_t vtd_cap_fault_offset(uint64_t cap)
{
	return ((uint32_t)(cap >> 24) & 0x3ff) * 16;
}

static inline unsigned int vtd_cap_fault_records(uint64_t cap)
{
	return ((unsigned int)(cap >> 40) & 0xff) + 1;
}

/* Second-stage large pages, as a page-size bitmap. */
static inline uint64_t vtd_cap_second_stage_large_pages(uint64_t cap)
{
	return ((cap >> 34 & 1) << 21) | ((cap >> 35 & 1) << 30);
}

/* Largest address mask of a page-selective invalidation: 2^MAMV pages at once. */
static inline unsigned int vtd_cap_max_address_mask(uint64_t cap)
{
	return (unsigned int)(cap >> 48) & 0x3f;
}

/* ECAP */
#define VTD_ECAP_C     (1ULL << 0) /* page walks are coherent */
#define VTD_ECAP_QI    (1ULL << 1) /* queued invalidation */
#define VTD_ECAP_DT    (1ULL << 2) /* device-TLBs */
#define VTD_ECAP_IR    (1ULL << 3) /* interrupt remapping */
#define VTD_ECAP_EIM   (1ULL << 4) /* x2APIC destinations */
#define VTD_ECAP_PT    (1ULL << 6) /* pass-through */
#define VTD_ECAP_SC    (1ULL << 7) /* snoop control */
#define VTD_ECAP_MTS   (1ULL << 25)
#define VTD_ECAP_NEST  (1ULL << 26) /* nested translation */
#define VTD_ECAP_PRS   (1ULL << 29) /* page requests */
#define VTD_ECAP_ERS   (1ULL << 30) /* execute requests */
#define VTD_ECAP_SRS   (1ULL << 31) /* privileged requests */
#define VTD_ECAP_EAFS  (1ULL << 34) /* extended accessed bit in the first stage */
#define VTD_ECAP_PASID (1ULL << 40)
#define VTD_ECAP_DIT   (1ULL << 41)
#define VTD_ECAP_PDS   (1ULL << 42)
#define VTD_ECAP_SMTS  (1ULL << 43) /* scalable mode */
#define VTD_ECAP_SSADS (1ULL << 45) /* access and dirty bits in the second stage */
#define VTD_ECAP_SSTS  (1ULL << 46) /* second stage in scalable mode */
#define VTD_ECAP_FSTS  (1ULL << 47) /* first stage */
#define VTD_ECAP_SMPWCS                                                                            \
	(1ULL << 48)              /* walks of PASID and page tables in scalable mode are coherent */
#define VTD_ECAP_RPS (1ULL << 49) /* the PASID of requests without one can be set */

/* Bits of a PASID. */
static inline unsigned int vtd_ecap_pasid_bits(uint64_t ecap)
{
	return ((unsigned int)(ecap >> 35) & 0x1f) + 1;
}

/* The most entries of the interrupt table that one invalidation covers, as a power of two. */
static inline unsigned int vtd_ecap_max_handle_mask(uint64_t ecap)
{
	return (unsigned int)(ecap >> 20) & 0xf;
}

/* Byte offset of IVA_REG; IOTLB_REG follows 8 bytes later. */
static inline uint32_t vtd_ecap_iotlb_offset(uint64_t ecap)
{
	return ((uint32_t)(ecap >> 8) & 0x3ff) * 16;
}

/* GCMD and GSTS have the same bit positions. */
#define VTD_GLOBAL_TE    (1U << 31) /* translation enable */
#define VTD_GLOBAL_SRTP  (1U << 30) /* set root table pointer (one-shot) */
#define VTD_GLOBAL_SFL   (1U << 29) /* set fault log (one-shot) */
#define VTD_GLOBAL_EAFL  (1U << 28) /* enable advanced fault log */
#define VTD_GLOBAL_WBF   (1U << 27) /* write buffer flush (one-shot) */
#define VTD_GLOBAL_QIE   (1U << 26) /* queued invalidation enable */
#define VTD_GLOBAL_IRE   (1U << 25) /* interrupt remapping enable */
#define VTD_GLOBAL_SIRTP (1U << 24) /* set interrupt table pointer (one-shot) */
#define VTD_GLOBAL_CFI   (1U << 23) /* compatibility format interrupts */
/* The status bits that state a lasting condition: a command register write repeats these alone. */
#define VTD_GLOBAL_LASTING                                                                         \
	(VTD_GLOBAL_TE | VTD_GLOBAL_EAFL | VTD_GLOBAL_QIE | VTD_GLOBAL_IRE | VTD_GLOBAL_CFI)

/* RTADDR: 63:12 table, 11:10 translation table mode. */
#define VTD_RTADDR_LEGACY   (0ULL << 10)
#define VTD_RTADDR_SCALABLE (1ULL << 10)
#define VTD_RTADDR_MODE     (3ULL << 10)

/* CCMD: context-cache invalidation by register. */
#define VTD_CCMD_ICC (1ULL << 63) /* start; clear again when done */

static inline uint64_t vtd_ccmd(unsigned int granularity, uint16_t domain_id, uint16_t source_id,
				unsigned int function_mask)
{
	return VTD_CCMD_ICC | (uint64_t)granularity << 61 | (uint64_t)function_mask << 32 |
	       (uint64_t)source_id << 16 | domain_id;
}

/* What was actually done: 0 means nothing was. */
static inline unsigned int vtd_ccmd_actual_granularity(uint64_t ccmd)
{
	return (unsigned int)(ccmd >> 59) & 3;
}

/* IOTLB_REG and IVA_REG: IOTLB invalidation by register. */
#define VTD_IOTLB_IVT (1ULL << 63) /* start; clear again when done */

static inline uint64_t vtd_iotlb(unsigned int granularity, uint16_t domain_id, bool drain_reads,
				 bool drain_writes)
{
	return VTD_IOTLB_IVT | (uint64_t)granularity << 60 | (drain_reads ? 1ULL << 49 : 0) |
	       (drain_writes ? 1ULL << 48 : 0) | (uint64_t)domain_id << 32;
}

static inline unsigned int vtd_iotlb_actual_granularity(uint64_t iotlb)
{
	return (unsigned int)(iotlb >> 57) & 3;
}

/* FSTS */
#define VTD_FSTS_PFO (1U << 0) /* primary fault overflow (write 1 to clear) */
#define VTD_FSTS_PPF (1U << 1) /* a primary fault is pending (read only) */
#define VTD_FSTS_AFO (1U << 2)
#define VTD_FSTS_APF (1U << 3)
#define VTD_FSTS_IQE (1U << 4) /* invalidation queue error (write 1 to clear) */
#define VTD_FSTS_ICE (1U << 5) /* invalidation completion error (write 1 to clear) */
#define VTD_FSTS_ITE (1U << 6) /* invalidation time-out error (write 1 to clear) */

static inline unsigned int vtd_fsts_record_index(uint32_t fsts)
{
	return fsts >> 8 & 0xff;
}

/* FECTL, IECTL and PECTL */
#define VTD_EVENT_MASK    (1U << 31) /* IM: no interrupt is sent */
#define VTD_EVENT_PENDING (1U << 30) /* IP: one is held back (read only) */

/* ICS */
#define VTD_ICS_IWC (1U << 0) /* a wait with an interrupt has completed (write 1 to clear) */

/* IRTA: 63:12 table, 11 x2APIC mode, 3:0 size: 2^(size + 1) entries. */
#define VTD_IRTA_X2APIC      (1ULL << 11)
#define VTD_IRTA_ENTRIES_MAX 65536U

static inline uint64_t vtd_irta(uint64_t table, unsigned int order, bool x2apic)
{
	return table | (x2apic ? VTD_IRTA_X2APIC : 0) | (order - 1);
}

static inline uint32_t vtd_irta_entries(uint64_t irta)
{
	return 2U << (irta & 0xf);
}

/* PMEN */
#define VTD_PMEN_EPM (1U << 31) /* enable protected memory */
#define VTD_PMEN_PRS (1U << 0)  /* protected region status */

/* IQA: 63:12 base, 11 descriptor width, 2:0 size: 2^size pages. */
#define VTD_IQA_WIDE (1ULL << 11) /* 256-bit descriptors */
#define VTD_IQA_SIZE 0x7ULL

static inline uint64_t vtd_iqa(uint64_t base, unsigned int size)
{
	return base | size;
}

/* IQH, IQT: byte offsets into the queue, of descriptors of 128 bits, or of 256 in a wide one. */
static inline uint64_t vtd_queue_offset(unsigned int index, bool wide)
{
	return (uint64_t)index << (wide ? 5 : 4);
}

static inline unsigned int vtd_queue_index(uint64_t offset, bool wide)
{
	return (unsigned int)(offset & 0x7fff0) >> (wide ? 5 : 4);
}

/* PQA: 63:12 base, 2:0 size: 2^size pages of 128 requests. PQH, PQT: byte offsets, 18:5. */
#define VTD_PAGE_QUEUE_OFFSETS 0x7ffe0ULL

/* PRS */
#define VTD_PRS_PPR (1U << 0) /* a page request is pending (write 1 to clear) */
#define VTD_PRS_PRO (1U << 1) /* the queue was full, and requests were dropped (write 1 to clear) */

/* IQERCD: 3:0 why the queue stopped, 47:32 source id of a time-out, 63:48 of a wrong answer. */
enum vtd_queue_error {
	VTD_QUEUE_ERROR_NONE = 0,      /* none, or the unit does not say which */
	VTD_QUEUE_ERROR_TAIL = 1,      /* tail beyond the queue */
	VTD_QUEUE_ERROR_FETCH = 2,     /* a descriptor could not be read */
	VTD_QUEUE_ERROR_TYPE = 3,      /* unknown or unsupported type */
	VTD_QUEUE_ERROR_RESERVED = 4,  /* a reserved field is set */
	VTD_QUEUE_ERROR_WIDTH = 5,     /* the descriptor width is not supported */
	VTD_QUEUE_ERROR_ALIGNMENT = 6, /* the tail does not point at a descriptor */
};

static inline uint64_t vtd_iqercd(enum vtd_queue_error error, uint16_t silent_source_id)
{
	return (uint64_t)error | (uint64_t)silent_source_id << 32;
}

static inline uint16_t vtd_iqercd_silent(uint64_t iqercd)
{
	return (uint16_t)(iqercd >> 32);
}

#endif
