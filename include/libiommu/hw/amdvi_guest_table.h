/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: GCR3 tables of the AMD IOMMU (AMD I/O Virtualization Technology Specification, 48882,
 * section "Guest and Nested Address Translation": GCR3 Table).
 *
 * A device table entry with GV leads to a table that is indexed by the PASID, in 1, 2 or 3 levels
 * of 9 bits each; entries of the last level hold the roots of guest tables (v2), which are those
 * of x86-64 processors, of 4 or 5 levels. Where there is a host table, too, all of these addresses
 * are guest addresses, which it translates.
 */
#ifndef LIBIOMMU_HW_AMDVI_GUEST_TABLE_H
#define LIBIOMMU_HW_AMDVI_GUEST_TABLE_H

#include <libiommu/hw/amdvi_field.h>

#define AMDVI_GCR3_VALID      (1ULL << 0)
#define AMDVI_GCR3_ADDRESS    0x000ffffffffff000ULL /* 51:12 */
#define AMDVI_GCR3_BITS       9
#define AMDVI_GCR3_ENTRIES    (1U << AMDVI_GCR3_BITS)
#define AMDVI_GCR3_LEVELS_MAX 3U

/* An entry that leads to the next level, or to the root of a guest table. */
static inline uint64_t amdvi_gcr3_entry(uint64_t address)
{
	return (address & AMDVI_GCR3_ADDRESS) | AMDVI_GCR3_VALID;
}

static inline bool amdvi_gcr3_is_valid(uint64_t entry)
{
	return (entry & AMDVI_GCR3_VALID) != 0;
}

static inline uint64_t amdvi_gcr3_address(uint64_t entry)
{
	return entry & AMDVI_GCR3_ADDRESS;
}

/* Bits of the PASIDs that a table of so many levels has: 9, 18 or 20. */
static inline unsigned int amdvi_gcr3_pasid_bits(unsigned int levels)
{
	return levels >= AMDVI_GCR3_LEVELS_MAX ? 20 : levels * AMDVI_GCR3_BITS;
}

/* Index of a PASID in a table of level 1 (the last), 2 or 3. */
static inline unsigned int amdvi_gcr3_index(uint32_t pasid, unsigned int level)
{
	return pasid >> (level - 1) * AMDVI_GCR3_BITS & (AMDVI_GCR3_ENTRIES - 1);
}

#endif
