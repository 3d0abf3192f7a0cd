/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: POWER translation control entries (TCE), as host bridges of POWER8 and later walk them
 * and as hypervisor calls carry them.
 *
 * 64-bit big-endian entries. An entry allows nothing, and is not valid, while both permission bits
 * are clear. A table of one level holds entries of pages; of several, entries of the upper levels
 * lead to tables, all of one size, with both permissions set.
 */
#ifndef LIBIOMMU_HW_TCE_H
#define LIBIOMMU_HW_TCE_H

#include <stdbool.h>
#include <stdint.h>

#define TCE_READ           (1ULL << 0) /* the device may read memory */
#define TCE_WRITE          (1ULL << 1)
#define TCE_ADDRESS_MASK   0xfffffffffffff000ULL
#define TCE_PAGE_SHIFT_MIN 12
#define TCE_PAGE_SHIFT_MAX 34
#define TCE_LEVELS_MAX     5
/* The largest sum of the page shift and the index bits of all levels: of a bridge's address. */
#define TCE_ADDRESS_BITS_MAX 54

static inline bool tce_is_valid(uint64_t entry)
{
	return (entry & (TCE_READ | TCE_WRITE)) != 0;
}

static inline uint64_t tce_page(uint64_t paddr, bool read, bool write)
{
	return paddr | (read ? TCE_READ : 0) | (write ? TCE_WRITE : 0);
}

static inline uint64_t tce_table(uint64_t table_paddr)
{
	return table_paddr | TCE_READ | TCE_WRITE;
}

static inline uint64_t tce_address(uint64_t entry)
{
	return entry & TCE_ADDRESS_MASK;
}

#endif
