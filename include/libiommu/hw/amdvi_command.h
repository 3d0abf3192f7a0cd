/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: commands of the AMD IOMMU (AMD I/O Virtualization Technology Specification, 48882,
 * section "Commands").
 *
 * Two 64-bit words, little-endian; 63:60 of the first is the opcode. All bits that are not named
 * must be 0. Commands are complete when a COMPLETION_WAIT behind them is.
 */
#ifndef LIBIOMMU_HW_AMDVI_COMMAND_H
#define LIBIOMMU_HW_AMDVI_COMMAND_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_COMMAND_SIZE  16U
#define AMDVI_COMMAND_WORDS 2

struct amdvi_command {
	amdvi_word_t words[AMDVI_COMMAND_WORDS];
};

enum amdvi_opcode {
	AMDVI_COMPLETION_WAIT = 1,
	AMDVI_INVALIDATE_DEVTAB_ENTRY = 2,
	AMDVI_INVALIDATE_IOMMU_PAGES = 3,
	AMDVI_INVALIDATE_IOTLB_PAGES = 4, /* with AMDVI_CAP_IOTLB */
	AMDVI_INVALIDATE_INTERRUPT_TABLE = 5,
	AMDVI_PREFETCH_IOMMU_PAGES = 6, /* with EFR.PreFSup */
	AMDVI_COMPLETE_PPR_REQUEST = 7, /* with EFR.PPRSup */
	AMDVI_INVALIDATE_IOMMU_ALL = 8, /* with EFR.IASup */
	AMDVI_INSERT_GUEST_EVENT = 9,   /* of virtual units, as the next one */
	AMDVI_RESET_VMMIO = 10,
};

#define AMDVI_COMMAND_OPCODE AMDVI_FIELD(63, 60)
#define AMDVI_COMMAND_DEVID  AMDVI_FIELD(15, 0) /* of all that name a device */

/* From its words; a function, because these headers are C++, too. */
static inline struct amdvi_command amdvi_command_of(uint64_t word0, uint64_t word1)
{
	struct amdvi_command c;

	c.words[0] = word0;
	c.words[1] = word1;
	return c;
}

static inline unsigned int amdvi_command_opcode(const struct amdvi_command *c)
{
	return (unsigned int)amdvi_get(c->words, AMDVI_COMMAND_OPCODE);
}

static inline uint16_t amdvi_command_devid(const struct amdvi_command *c)
{
	return (uint16_t)amdvi_get(c->words, AMDVI_COMMAND_DEVID);
}

/* A command that names a device, or 0. */
static inline struct amdvi_command amdvi_command_for(enum amdvi_opcode opcode, uint16_t devid)
{
	return amdvi_command_of(amdvi_place(AMDVI_COMMAND_OPCODE, (uint64_t)opcode) | devid, 0);
}

/* --- COMPLETION_WAIT -------------------------------------------------------------------------- */

#define AMDVI_WAIT_STORE     AMDVI_BIT(0) /* S: the second word is stored */
#define AMDVI_WAIT_INTERRUPT AMDVI_BIT(1) /* I: sets status ComWaitInt */
#define AMDVI_WAIT_FLUSH     AMDVI_BIT(2) /* F: no command behind starts before it is complete */
#define AMDVI_WAIT_ADDRESS   AMDVI_FIELD(51, 3)

/* … that stores 64 bits at an address that is a multiple of 8. */
static inline struct amdvi_command amdvi_completion_wait(uint64_t address, uint64_t data)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_COMPLETION_WAIT, 0);

	amdvi_set(c.words, AMDVI_WAIT_STORE, 1);
	amdvi_set_address(c.words, AMDVI_WAIT_ADDRESS, address);
	c.words[1] = data;
	return c;
}

/* --- Device table and interrupt tables -------------------------------------------------------- */

static inline struct amdvi_command amdvi_invalidate_devtab_entry(uint16_t devid)
{
	return amdvi_command_for(AMDVI_INVALIDATE_DEVTAB_ENTRY, devid);
}

static inline struct amdvi_command amdvi_invalidate_interrupt_table(uint16_t devid)
{
	return amdvi_command_for(AMDVI_INVALIDATE_INTERRUPT_TABLE, devid);
}

static inline struct amdvi_command amdvi_invalidate_all(void)
{
	return amdvi_command_for(AMDVI_INVALIDATE_IOMMU_ALL, 0);
}

/* --- Pages ------------------------------------------------------------------------------------ */

/* Of both INVALIDATE_…_PAGES, and of PREFETCH_IOMMU_PAGES. */
#define AMDVI_PAGES_S            AMDVI_BIT(64) /* the address codes a size: see amdvi_coded */
#define AMDVI_PAGES_PDE          AMDVI_BIT(65) /* IOMMU_PAGES: entries that lead to tables, too */
#define AMDVI_PAGES_GN           AMDVI_BIT(66) /* an address of a guest table: there is a PASID */
#define AMDVI_PAGES_ADDRESS      AMDVI_FIELD(127, 76)

#define AMDVI_IOMMU_PAGES_PASID  AMDVI_FIELD(19, 0)
#define AMDVI_IOMMU_PAGES_DOMAIN AMDVI_FIELD(47, 32)

/* The address is one page of 4 KiB, or with a shift above 12 the 2^shift bytes around it. */
static inline void amdvi_command_set_range(struct amdvi_command *c, uint64_t address,
					   unsigned int shift)
{
	const bool coded = shift >= AMDVI_CODED_SHIFT_MIN;

	amdvi_set(c->words, AMDVI_PAGES_S, coded ? 1 : 0);
	amdvi_set_address(c->words, AMDVI_PAGES_ADDRESS,
			  coded ? amdvi_coded(address, shift) : address);
}

/* The bytes that a command is for; 0: all addresses there are. */
static inline uint64_t amdvi_command_size(const struct amdvi_command *c)
{
	return amdvi_has(c->words, AMDVI_PAGES_S)
		       ? amdvi_coded_size(amdvi_address(c->words, AMDVI_PAGES_ADDRESS))
		       : 4096;
}

/* Where they begin. */
static inline uint64_t amdvi_command_address(const struct amdvi_command *c)
{
	const uint64_t address = amdvi_address(c->words, AMDVI_PAGES_ADDRESS);

	return amdvi_has(c->words, AMDVI_PAGES_S) ? amdvi_coded_base(address) : address;
}

/* The 2^shift bytes around an address of a domain, shift from 12 to 64; tables: PDE. */
static inline struct amdvi_command amdvi_invalidate_pages(uint16_t domain, uint64_t address,
							  unsigned int shift, bool tables)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_INVALIDATE_IOMMU_PAGES, 0);

	amdvi_set(c.words, AMDVI_IOMMU_PAGES_DOMAIN, domain);
	amdvi_set(c.words, AMDVI_PAGES_PDE, tables ? 1 : 0);
	amdvi_command_set_range(&c, address, shift);
	return c;
}

/* … of a guest table. */
static inline struct amdvi_command amdvi_pages_with_pasid(struct amdvi_command c, uint32_t pasid)
{
	amdvi_set(c.words, AMDVI_PAGES_GN, 1);
	amdvi_set(c.words, AMDVI_IOMMU_PAGES_PASID, pasid);
	return c;
}

/*
 * INVALIDATE_IOTLB_PAGES: to the cache of a device (ATS). Three fields hold the PASID. Maxpend is
 * the depth of the device's queue, modulo 256; the queue is named by the device's id.
 */
#define AMDVI_IOTLB_PASID_15_8  AMDVI_FIELD(23, 16)
#define AMDVI_IOTLB_MAXPEND     AMDVI_FIELD(31, 24)
#define AMDVI_IOTLB_QUEUE       AMDVI_FIELD(47, 32)
#define AMDVI_IOTLB_PASID_7_0   AMDVI_FIELD(55, 48)
#define AMDVI_IOTLB_PASID_19_16 AMDVI_FIELD(59, 56)
#define AMDVI_IOTLB_TYPE        AMDVI_FIELD(69, 68) /* with EFR.InvIotlbTypeSup */

static inline struct amdvi_command amdvi_invalidate_iotlb(uint16_t devid, unsigned int queue_depth,
							  uint64_t address, unsigned int shift)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_INVALIDATE_IOTLB_PAGES, devid);

	amdvi_set(c.words, AMDVI_IOTLB_MAXPEND, queue_depth);
	amdvi_set(c.words, AMDVI_IOTLB_QUEUE, devid);
	amdvi_command_set_range(&c, address, shift);
	return c;
}

static inline struct amdvi_command amdvi_iotlb_with_pasid(struct amdvi_command c, uint32_t pasid)
{
	amdvi_set(c.words, AMDVI_PAGES_GN, 1);
	amdvi_set(c.words, AMDVI_IOTLB_PASID_7_0, pasid);
	amdvi_set(c.words, AMDVI_IOTLB_PASID_15_8, pasid >> 8);
	amdvi_set(c.words, AMDVI_IOTLB_PASID_19_16, pasid >> 16);
	return c;
}

static inline uint32_t amdvi_iotlb_pasid(const struct amdvi_command *c)
{
	return (uint32_t)(amdvi_get(c->words, AMDVI_IOTLB_PASID_7_0) |
			  amdvi_get(c->words, AMDVI_IOTLB_PASID_15_8) << 8 |
			  amdvi_get(c->words, AMDVI_IOTLB_PASID_19_16) << 16);
}

#define AMDVI_PREFETCH_COUNT AMDVI_FIELD(31, 24)
#define AMDVI_PREFETCH_PASID AMDVI_FIELD(51, 32)
#define AMDVI_PREFETCH_INV   AMDVI_BIT(68) /* what is cached of the range is dropped first */

/* --- COMPLETE_PPR_REQUEST --------------------------------------------------------------------- */

#define AMDVI_PPR_ANSWER_PASID  AMDVI_FIELD(51, 32)
#define AMDVI_PPR_ANSWER_GN     AMDVI_BIT(66)
#define AMDVI_PPR_ANSWER_TAG    AMDVI_FIELD(104, 96)
#define AMDVI_PPR_ANSWER_STATUS AMDVI_FIELD(111, 108) /* enum amdvi_page_response */

enum amdvi_page_response {
	AMDVI_PAGE_SUCCESS = 0,
	AMDVI_PAGE_INVALID = 1,
	AMDVI_PAGE_FAILURE = 15,
};

static inline struct amdvi_command amdvi_complete_ppr(uint16_t devid, unsigned int tag,
						      enum amdvi_page_response response)
{
	struct amdvi_command c = amdvi_command_for(AMDVI_COMPLETE_PPR_REQUEST, devid);

	amdvi_set(c.words, AMDVI_PPR_ANSWER_TAG, tag);
	amdvi_set(c.words, AMDVI_PPR_ANSWER_STATUS, (uint64_t)response);
	return c;
}

static inline struct amdvi_command amdvi_ppr_with_pasid(struct amdvi_command c, uint32_t pasid)
{
	amdvi_set(c.words, AMDVI_PPR_ANSWER_GN, 1);
	amdvi_set(c.words, AMDVI_PPR_ANSWER_PASID, pasid);
	return c;
}

#endif
