/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: interrupt remapping of the AMD IOMMU (AMD I/O Virtualization Technology Specification,
 * 48882, section "Interrupt Remapping Tables"; GA: guest virtual APIC).
 *
 * A device table entry with IV and IntCtl 2 leads to a table of 2^IntTabLen entries, of 32 bits, or
 * of 128 bits where the unit's control register has GAEn. The index of an interrupt request is
 * 10:0 of its data; the destination in its address is ignored.
 */
#ifndef LIBIOMMU_HW_AMDVI_INTERRUPT_H
#define LIBIOMMU_HW_AMDVI_INTERRUPT_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_IRTE_SIZE       4U
#define AMDVI_IRTE_LONG_SIZE  16U
#define AMDVI_IRTE_LONG_WORDS 2
#define AMDVI_IRTE_MAX        2048U

/* Of both sizes, in their first 32 bits. */
#define AMDVI_IRTE_REMAP_EN   AMDVI_BIT(0)
#define AMDVI_IRTE_SUP_IOPF   AMDVI_BIT(1)      /* faults of it are not logged */
#define AMDVI_IRTE_INT_TYPE   AMDVI_FIELD(4, 2) /* enum amdvi_int_type */
#define AMDVI_IRTE_RQ_EOI     AMDVI_BIT(5)
#define AMDVI_IRTE_DM         AMDVI_BIT(6) /* the destination is logical */
#define AMDVI_IRTE_GUEST_MODE AMDVI_BIT(7) /* 128 bits: posted to a virtual APIC */

/* 32 bits. */
#define AMDVI_IRTE_DESTINATION AMDVI_FIELD(15, 8)
#define AMDVI_IRTE_VECTOR      AMDVI_FIELD(23, 16)
#define AMDVI_IRTE_RESERVED    0xff000000U

/* 128 bits. Without XTEn a destination has 8 bits. */
#define AMDVI_IRTE_DESTINATION_LOW  AMDVI_FIELD(31, 8)
#define AMDVI_IRTE_LONG_VECTOR      AMDVI_FIELD(71, 64)
#define AMDVI_IRTE_DESTINATION_HIGH AMDVI_FIELD(127, 120)

/* 128 bits with GuestMode. */
#define AMDVI_IRTE_GA_LOG_INTR AMDVI_BIT(2)
#define AMDVI_IRTE_GAPPI_DIS   AMDVI_BIT(5)
#define AMDVI_IRTE_IS_RUN      AMDVI_BIT(6)
#define AMDVI_IRTE_GA_TAG      AMDVI_FIELD(63, 32)
#define AMDVI_IRTE_VAPIC_PAGE  AMDVI_FIELD(115, 76) /* address 51:12 */

/* Other types are reserved. */
enum amdvi_int_type {
	AMDVI_INT_TYPE_FIXED = 0,
	AMDVI_INT_TYPE_ARBITRATED = 1,
};

struct amdvi_irte_long {
	amdvi_word_t words[AMDVI_IRTE_LONG_WORDS];
};

/* An entry of 32 bits that delivers a vector. */
static inline uint32_t amdvi_irte_of(enum amdvi_int_type type, bool logical, uint32_t destination,
				     unsigned int vector)
{
	return (uint32_t)(amdvi_place(AMDVI_IRTE_REMAP_EN, 1) |
			  amdvi_place(AMDVI_IRTE_INT_TYPE, (uint64_t)type) |
			  amdvi_place(AMDVI_IRTE_DM, logical ? 1 : 0) |
			  amdvi_place(AMDVI_IRTE_DESTINATION, destination) |
			  amdvi_place(AMDVI_IRTE_VECTOR, vector));
}

/* … of 128 bits. */
static inline struct amdvi_irte_long amdvi_irte_long_of(enum amdvi_int_type type, bool logical,
							uint32_t destination, unsigned int vector)
{
	struct amdvi_irte_long irte;

	irte.words[0] = amdvi_place(AMDVI_IRTE_REMAP_EN, 1) |
			amdvi_place(AMDVI_IRTE_INT_TYPE, (uint64_t)type) |
			amdvi_place(AMDVI_IRTE_DM, logical ? 1 : 0) |
			amdvi_place(AMDVI_IRTE_DESTINATION_LOW, destination);
	irte.words[1] = amdvi_place(AMDVI_IRTE_LONG_VECTOR, vector) |
			amdvi_place(AMDVI_IRTE_DESTINATION_HIGH, destination >> 24);
	return irte;
}

static inline uint32_t amdvi_irte_long_destination(const struct amdvi_irte_long *irte)
{
	return (uint32_t)(amdvi_get(irte->words, AMDVI_IRTE_DESTINATION_LOW) |
			  amdvi_get(irte->words, AMDVI_IRTE_DESTINATION_HIGH) << 24);
}

/* The index of a request, from its data. */
#define AMDVI_MSI_INDEX AMDVI_FIELD(10, 0)

/* In an entry of an I/O APIC: 7:0 (vector) index 7:0, 10:8 (delivery mode) index 10:8. */
#define AMDVI_IOAPIC_INDEX AMDVI_FIELD(10, 0)

/* The GA log: 8 bytes, of a virtual APIC whose processor does not run. */
#define AMDVI_GA_LOG_SIZE  8U
#define AMDVI_GA_LOG_TAG   AMDVI_FIELD(31, 0)
#define AMDVI_GA_LOG_DEVID AMDVI_FIELD(47, 32)
#define AMDVI_GA_LOG_CODE  AMDVI_FIELD(63, 60) /* 1 */

#endif
