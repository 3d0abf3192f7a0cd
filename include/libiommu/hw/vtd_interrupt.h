/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: VT-d interrupt remapping (VT-d specification, chapter "Interrupt Remapping and
 * Interrupt Posting", and "Interrupt Remapping Table Entry").
 *
 * An interrupt request is a write to 0xFEEx_xxxx. In the remappable format its address holds an
 * index ("handle") into a table of 128-bit entries; the entry says which interrupt is delivered,
 * and which device may request it.
 */
#ifndef LIBIOMMU_HW_VTD_INTERRUPT_H
#define LIBIOMMU_HW_VTD_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommu/hw/vtd_context.h>

/* The addresses that are interrupt requests and never memory. */
#define VTD_INTERRUPT_RANGE_START 0xfee00000ULL
#define VTD_INTERRUPT_RANGE_LAST  0xfeefffffULL

struct vtd_interrupt_entry {
	vtd_entry_word_t low;
	vtd_entry_word_t high;
};

/*
 * Low word of both forms: 0 present, 1 fault processing disable, 15 posted, 23:16 vector.
 * Remapped: 2 logical destination, 3 redirection hint, 4 level triggered, 7:5 delivery mode,
 * 63:32 destination (x2APIC; 47:40 of the word otherwise). Posted: 14 urgent, 63:38 bits 31:6 of
 * the descriptor's address, whose bits 63:32 are in 63:32 of the high word.
 */
#define VTD_IRTE_PRESENT                 (1ULL << 0)
#define VTD_IRTE_FPD                     (1ULL << 1)
#define VTD_IRTE_LOGICAL                 (1ULL << 2)
#define VTD_IRTE_REDIRECTION_HINT        (1ULL << 3)
#define VTD_IRTE_LEVEL                   (1ULL << 4)
#define VTD_IRTE_URGENT                  (1ULL << 14)
#define VTD_IRTE_POSTED                  (1ULL << 15)

#define VTD_IRTE_REMAPPED_RESERVED       0x00000000ff007000ULL
#define VTD_IRTE_REMAPPED_XAPIC_RESERVED 0xffff00ff00000000ULL
#define VTD_IRTE_REMAPPED_HIGH_RESERVED  0xfffffffffff00000ULL
#define VTD_IRTE_POSTED_RESERVED         0x0000003fff0030fcULL
#define VTD_IRTE_POSTED_HIGH_RESERVED    0x00000000fff00000ULL

static inline unsigned int vtd_irte_vector(uint64_t low)
{
	return (unsigned int)(low >> 16) & 0xff;
}

static inline unsigned int vtd_irte_delivery_mode(uint64_t low)
{
	return (unsigned int)(low >> 5) & 7;
}

static inline uint32_t vtd_irte_destination(uint64_t low, bool x2apic)
{
	return x2apic ? (uint32_t)(low >> 32) : (uint32_t)(low >> 40) & 0xff;
}

static inline uint64_t vtd_irte_descriptor(uint64_t low, uint64_t high)
{
	return (high & 0xffffffff00000000ULL) | (low >> 32 & 0xffffffc0ULL);
}

static inline uint64_t vtd_irte_remapped_low(unsigned int vector, unsigned int delivery_mode,
					     bool logical, bool redirection_hint, bool level,
					     uint32_t destination, bool x2apic)
{
	return VTD_IRTE_PRESENT | (logical ? VTD_IRTE_LOGICAL : 0) |
	       (redirection_hint ? VTD_IRTE_REDIRECTION_HINT : 0) | (level ? VTD_IRTE_LEVEL : 0) |
	       (uint64_t)(delivery_mode & 7) << 5 | (uint64_t)(vector & 0xff) << 16 |
	       (x2apic ? (uint64_t)destination << 32 : (uint64_t)(destination & 0xff) << 40);
}

/* A remapped entry for another destination, or for the same one in the other APIC mode. */
static inline uint64_t vtd_irte_with_destination(uint64_t low, uint32_t destination, bool x2apic)
{
	return (low & 0xffffffffULL) |
	       (x2apic ? (uint64_t)destination << 32 : (uint64_t)(destination & 0xff) << 40);
}

static inline uint64_t vtd_irte_posted_low(unsigned int vector, bool urgent, uint64_t descriptor)
{
	return VTD_IRTE_PRESENT | VTD_IRTE_POSTED | (urgent ? VTD_IRTE_URGENT : 0) |
	       (uint64_t)(vector & 0xff) << 16 | (descriptor & 0xffffffc0ULL) << 32;
}

/* High word: 15:0 source id, 17:16 which of its bits count, 19:18 how it is validated. */
enum vtd_source_validation {
	VTD_SOURCE_ANY = 0,
	VTD_SOURCE_ID = 1,  /* equal, but for the function bits that the qualifier ignores */
	VTD_SOURCE_BUS = 2, /* the bus lies in [15:8, 7:0] */
};

static inline uint64_t vtd_irte_high(enum vtd_source_validation validation, unsigned int qualifier,
				     uint16_t source_id)
{
	return (uint64_t)validation << 18 | (uint64_t)(qualifier & 3) << 16 | source_id;
}

static inline unsigned int vtd_irte_validation(uint64_t high)
{
	return (unsigned int)(high >> 18) & 3;
}

/* The source id bits that a qualifier compares. */
static inline uint16_t vtd_irte_compared_bits(uint64_t high)
{
	static const uint8_t ignored[] = {0, 4, 6, 7};

	return (uint16_t)~ignored[high >> 16 & 3];
}

/*
 * The request. Address: 31:20 0xfee, 19:5 handle 14:0, 4 remappable, 3 the data's sub-handle is
 * added, 2 handle 15. Data: 15:0 sub-handle, 31:16 reserved. In an I/O APIC's redirection entry:
 * 63:49 index 14:0, 48 remappable, 11 index 15, the vector and trigger mode as in the table.
 */
#define VTD_MSI_REMAPPABLE (1U << 4)
#define VTD_MSI_SUBHANDLE  (1U << 3)

static inline uint32_t vtd_msi_address(uint16_t handle, bool subhandle)
{
	return (uint32_t)VTD_INTERRUPT_RANGE_START | (uint32_t)(handle & 0x7fff) << 5 |
	       VTD_MSI_REMAPPABLE | (subhandle ? VTD_MSI_SUBHANDLE : 0) |
	       (uint32_t)(handle >> 15) << 2;
}

static inline uint16_t vtd_msi_handle(uint32_t address)
{
	return (uint16_t)((address >> 5 & 0x7fff) | (address >> 2 & 1) << 15);
}

static inline uint64_t vtd_ioapic_entry(uint16_t index, unsigned int vector, bool level,
					bool active_low)
{
	return (uint64_t)(index & 0x7fff) << 49 | 1ULL << 48 | (uint64_t)(index >> 15) << 11 |
	       (level ? 1ULL << 15 : 0) | (active_low ? 1ULL << 13 : 0) | (vector & 0xff);
}

/*
 * Posted-interrupt descriptor: 64 bytes, aligned to them. 255:0 one bit for each vector; then 256
 * outstanding notification, 257 suppress, 279:272 notification vector, 319:288 destination.
 */
#define VTD_POSTED_CONTROL_OFFSET 32
#define VTD_POSTED_OUTSTANDING    (1ULL << 0)
#define VTD_POSTED_SUPPRESS       (1ULL << 1)
#define VTD_POSTED_RESERVED       0x00000000ff00fffcULL

#endif
