/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d invalidation descriptors (VT-d specification, "Queued Invalidation Interface").
 *
 * 128-bit descriptors, two 64-bit words, little-endian in the queue; in a queue of 256-bit ones,
 * which scalable mode needs, two words of 0 follow. The type is in bits 3:0 of the low word. All
 * bits that are not named must be 0.
 */
#ifndef LIBIOMMU_HW_VTD_INVALIDATION_H
#define LIBIOMMU_HW_VTD_INVALIDATION_H

#include <stdbool.h>
#include <stdint.h>

struct vtd_descriptor {
	uint64_t low;
	uint64_t high;
};

enum vtd_descriptor_type {
	VTD_DESCRIPTOR_CONTEXT = 1,
	VTD_DESCRIPTOR_IOTLB = 2,
	VTD_DESCRIPTOR_DEVICE_TLB = 3,
	VTD_DESCRIPTOR_IEC = 4,
	VTD_DESCRIPTOR_WAIT = 5,
	/* Scalable mode. */
	VTD_DESCRIPTOR_PASID_IOTLB = 6,
	VTD_DESCRIPTOR_PASID_CACHE = 7,
	VTD_DESCRIPTOR_PASID_DEVICE_TLB = 8,
	VTD_DESCRIPTOR_PAGE_RESPONSE = 9,
};

/* The same numbers in descriptors and in CCMD and IOTLB_REG. */
enum vtd_granularity {
	VTD_GRANULARITY_GLOBAL = 1,
	VTD_GRANULARITY_DOMAIN = 2,
	VTD_GRANULARITY_DEVICE = 3, /* context cache */
	VTD_GRANULARITY_PAGE = 3,   /* IOTLB */
};

/* From its words; a function, because these headers are C++, too. */
static inline struct vtd_descriptor vtd_descriptor_of(uint64_t low, uint64_t high)
{
	struct vtd_descriptor d;

	d.low = low;
	d.high = high;
	return d;
}

static inline enum vtd_descriptor_type vtd_descriptor_type(struct vtd_descriptor d)
{
	return (enum vtd_descriptor_type)(d.low & 0xf);
}

/* Of a context-cache or IOTLB descriptor. */
static inline unsigned int vtd_descriptor_granularity(struct vtd_descriptor d)
{
	return (unsigned int)(d.low >> 4) & 3;
}

static inline uint16_t vtd_descriptor_domain_id(struct vtd_descriptor d)
{
	return (uint16_t)(d.low >> 16);
}

/*
 * Context cache: 5:4 granularity, 31:16 domain id, 47:32 source id, 49:48 function mask: 1 ignores
 * bit 2 of the function, 2 bits 2:1, 3 all three.
 */
static inline struct vtd_descriptor vtd_descriptor_context(enum vtd_granularity granularity,
							   uint16_t domain_id, uint16_t source_id)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_CONTEXT | (uint64_t)granularity << 4 |
					 (uint64_t)domain_id << 16 | (uint64_t)source_id << 32,
				 0);
}

/* Device-selective, and the functions that differ only in the `ignored` highest function bits. */
static inline struct vtd_descriptor
vtd_descriptor_context_functions(uint16_t domain_id, uint16_t source_id, unsigned int ignored)
{
	struct vtd_descriptor d =
		vtd_descriptor_context(VTD_GRANULARITY_DEVICE, domain_id, source_id);

	d.low |= (uint64_t)(ignored & 3) << 48;
	return d;
}

static inline uint16_t vtd_descriptor_source_id(struct vtd_descriptor d)
{
	return (uint16_t)(d.low >> 32);
}

static inline unsigned int vtd_descriptor_function_mask(struct vtd_descriptor d)
{
	return (unsigned int)(d.low >> 48) & 3;
}

/*
 * IOTLB: low 5:4 granularity, 6 drain writes, 7 drain reads, 31:16 domain id; high 5:0 address mask
 * (2^mask pages), 6 invalidation hint (only leaves changed), 63:12 address.
 */
#define VTD_IOTLB_DRAIN_WRITES (1ULL << 6)
#define VTD_IOTLB_DRAIN_READS  (1ULL << 7)
#define VTD_IOTLB_HINT         (1ULL << 6)

static inline struct vtd_descriptor vtd_descriptor_iotlb(enum vtd_granularity granularity,
							 uint16_t domain_id, uint64_t drain)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_IOTLB | (uint64_t)granularity << 4 | drain |
					 (uint64_t)domain_id << 16,
				 0);
}

/* The address must be aligned to 2^mask pages. */
static inline struct vtd_descriptor vtd_descriptor_iotlb_pages(uint16_t domain_id, uint64_t address,
							       unsigned int mask, bool leaves_only,
							       uint64_t drain)
{
	struct vtd_descriptor d = vtd_descriptor_iotlb(VTD_GRANULARITY_PAGE, domain_id, drain);

	d.high = address | mask | (leaves_only ? VTD_IOTLB_HINT : 0);
	return d;
}

/*
 * Device-TLB: low 15:12 and 63:52 physical function, 20:16 how many invalidations the device
 * queues (0: 32), 47:32 source id; high 0 size, 63:12 address. With the size bit the range is
 * 2^(ones + 1) pages, where "ones" is the number of consecutive ones from bit 12 upwards.
 */
#define VTD_DEVICE_TLB_SIZE (1ULL << 0)

/*
 * The 2^order pages around an address; order >= 52: all addresses. With ECAP.DIT the descriptor
 * names the physical function that the device belongs to; without, that field is reserved.
 */
static inline struct vtd_descriptor
vtd_descriptor_device_tlb(uint16_t source_id, uint64_t address, unsigned int order,
			  unsigned int queue_depth, bool name_function, uint16_t physical_function)
{
	struct vtd_descriptor d =
		vtd_descriptor_of(VTD_DESCRIPTOR_DEVICE_TLB | (uint64_t)(queue_depth & 31) << 16 |
					  (uint64_t)source_id << 32,
				  0);

	if (name_function)
		d.low |= (uint64_t)(physical_function & 0xf) << 12 |
			 (uint64_t)(physical_function >> 4) << 52;
	if (order >= 52)
		d.high = 0x7ffffffffffff000ULL | VTD_DEVICE_TLB_SIZE;
	else if (order != 0)
		d.high = (address & ~((4096ULL << order) - 1)) | ((2048ULL << order) - 4096) |
			 VTD_DEVICE_TLB_SIZE;
	else
		d.high = address & ~4095ULL;
	return d;
}

/* Interrupt entry cache: low 4 by index, 31:27 mask (2^mask entries), 47:32 index. */
#define VTD_IEC_BY_INDEX (1ULL << 4)

static inline struct vtd_descriptor vtd_descriptor_interrupts(uint16_t index, unsigned int mask)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_IEC | VTD_IEC_BY_INDEX | (uint64_t)mask << 27 |
					 (uint64_t)index << 32,
				 0);
}

static inline struct vtd_descriptor vtd_descriptor_all_interrupts(void)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_IEC, 0);
}

/*
 * Wait: 4 interrupt, 5 write status, 6 fence, 63:32 status value; high: status address (dword
 * aligned).
 */
#define VTD_WAIT_INTERRUPT    (1ULL << 4)
#define VTD_WAIT_STATUS_WRITE (1ULL << 5)
#define VTD_WAIT_FENCE        (1ULL << 6)
#define VTD_WAIT_DRAIN        (1ULL << 7) /* page requests that the unit holds are queued before */

static inline struct vtd_descriptor vtd_descriptor_wait(uint64_t status_address, uint32_t value)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_WAIT | VTD_WAIT_STATUS_WRITE | VTD_WAIT_FENCE |
					 (uint64_t)value << 32,
				 status_address);
}

/* --- Scalable mode ---------------------------------------------------------------------------- */

/* Of a PASID-IOTLB, PASID-cache, PASID-device-TLB or response descriptor. */
static inline uint32_t vtd_descriptor_pasid(struct vtd_descriptor d)
{
	return (uint32_t)(d.low >> 32) & 0xfffff;
}

/*
 * PASID-IOTLB: translations of the first stage, alone or nested. 5:4 granularity, 31:16 domain id,
 * 51:32 PASID; high word as in IOTLB descriptors. The address mask has no bound.
 */
#define VTD_PASID_IOTLB_ALL  2U
#define VTD_PASID_IOTLB_PAGE 3U

static inline struct vtd_descriptor vtd_descriptor_pasid_iotlb(uint16_t domain_id, uint32_t pasid)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_PASID_IOTLB | (uint64_t)VTD_PASID_IOTLB_ALL << 4 |
					 (uint64_t)domain_id << 16 | (uint64_t)pasid << 32,
				 0);
}

static inline struct vtd_descriptor
vtd_descriptor_pasid_iotlb_pages(uint16_t domain_id, uint32_t pasid, uint64_t address,
				 unsigned int mask, bool leaves_only)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_PASID_IOTLB | (uint64_t)VTD_PASID_IOTLB_PAGE << 4 |
					 (uint64_t)domain_id << 16 | (uint64_t)pasid << 32,
				 address | mask | (leaves_only ? VTD_IOTLB_HINT : 0));
}

/* PASID cache: 5:4 granularity, 31:16 domain id, 51:32 PASID. */
#define VTD_PASID_CACHE_DOMAIN 0U
#define VTD_PASID_CACHE_PASID  1U
#define VTD_PASID_CACHE_GLOBAL 3U

static inline struct vtd_descriptor vtd_descriptor_pasid_cache(unsigned int granularity,
							       uint16_t domain_id, uint32_t pasid)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_PASID_CACHE | (uint64_t)granularity << 4 |
					 (uint64_t)domain_id << 16 | (uint64_t)pasid << 32,
				 0);
}

/*
 * PASID-device-TLB: a device's translations for a PASID. 8:4 queue depth, 15:12 and 63:52 physical
 * function, 31:16 source id, 51:32 PASID; high 0 all PASIDs, 11 size, 63:12 address, as in
 * device-TLB descriptors.
 */
#define VTD_PASID_DEVICE_TLB_SIZE (1ULL << 11)
#define VTD_PASID_DEVICE_TLB_ALL  (1ULL << 0)

static inline struct vtd_descriptor
vtd_descriptor_pasid_device_tlb(uint16_t source_id, uint32_t pasid, uint64_t address,
				unsigned int order, unsigned int queue_depth, bool name_function,
				uint16_t physical_function)
{
	struct vtd_descriptor d = vtd_descriptor_device_tlb(source_id, address, order, queue_depth,
							    name_function, physical_function);

	d.low = VTD_DESCRIPTOR_PASID_DEVICE_TLB | (d.low & 0xfff000000000f000ULL) |
		(uint64_t)(queue_depth & 31) << 4 | (uint64_t)source_id << 16 |
		(uint64_t)pasid << 32;
	if ((d.high & VTD_DEVICE_TLB_SIZE) != 0)
		d.high = (d.high & ~VTD_DEVICE_TLB_SIZE) | VTD_PASID_DEVICE_TLB_SIZE;
	return d;
}

/* The same for all PASIDs: for devices with "Global Invalidate" in their ATS capability. */
static inline struct vtd_descriptor vtd_descriptor_all_pasids_device_tlb(uint16_t source_id,
									 unsigned int queue_depth,
									 bool name_function,
									 uint16_t physical_function)
{
	struct vtd_descriptor d = vtd_descriptor_pasid_device_tlb(source_id, 0, 0, 64, queue_depth,
								  name_function, physical_function);

	d.high |= VTD_PASID_DEVICE_TLB_ALL;
	return d;
}

static inline uint16_t vtd_descriptor_pasid_source_id(struct vtd_descriptor d)
{
	return (uint16_t)(d.low >> 16);
}

/*
 * Answer to a page request group: 4 has a PASID, 15:12 code, 31:16 source id, 51:32 PASID; high
 * 11:3 group.
 */
#define VTD_PAGE_RESPONSE_HAS_PASID (1ULL << 4)
#define VTD_PAGE_RESPONSE_LAST      (1ULL << 2)

enum vtd_page_response_code {
	VTD_PAGE_SUCCESS = 0,
	VTD_PAGE_INVALID = 1,
	VTD_PAGE_FAILURE = 15,
};

static inline struct vtd_descriptor vtd_descriptor_page_response(uint16_t source_id, bool has_pasid,
								 uint32_t pasid, uint16_t group,
								 enum vtd_page_response_code code)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_PAGE_RESPONSE |
					 (has_pasid ? VTD_PAGE_RESPONSE_HAS_PASID : 0) |
					 (uint64_t)code << 12 | (uint64_t)source_id << 16 |
					 (has_pasid ? (uint64_t)pasid << 32 : 0),
				 VTD_PAGE_RESPONSE_LAST | (uint64_t)group << 3);
}

/* A wait that is complete when the unit has drained its page requests. */
static inline struct vtd_descriptor vtd_descriptor_drain(void)
{
	return vtd_descriptor_of(VTD_DESCRIPTOR_WAIT | VTD_WAIT_FENCE | VTD_WAIT_DRAIN, 0);
}

#endif
