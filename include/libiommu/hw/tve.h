/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Datasheet: translation validation entries (TVE) of POWER host bridges (IODA2 and later), two for
 * each partitionable endpoint: number 2 * PE + bit 59 of the address. And the kill register, which
 * invalidates a bridge's cache of TCEs.
 *
 * The TVE of a window with tables has a page size. The TVE of a bypass window, which passes
 * addresses on untranslated, has bounds instead: address bits 49 to 24 of start and end.
 */
#ifndef LIBIOMMU_HW_TVE_H
#define LIBIOMMU_HW_TVE_H

#include <stdbool.h>
#include <stdint.h>

/* --- Bus addresses ---------------------------------------------------------------------------- */

#define TVE_WINDOW_BIT       59   /* of an address: which window */
#define TVE_BYPASS_BITS      50   /* of an address that is passed on untranslated */
#define TVE_BYPASS_GRANULE   24   /* bounds are multiples of 2^24 */
#define PHB_MESSAGE_SPACE    1ULL /* bits 63 to 60 of an address that is an interrupt */
#define PHB_MESSAGE_32_START 0xffff0000ULL
#define PHB_MESSAGE_32_LAST  0xffffffffULL

/* --- Entries ---------------------------------------------------------------------------------- */

#define TVE_TABLE_SIZE_BASE 11 /* bytes of a table = 2^(field + 11); field 0: closed */
#define TVE_PAGE_SIZE_BASE  11 /* page shift = field + 11, except 0: not translated */
#define TVE_BYPASS          (1ULL << 12)
#define TVE_BYPASS_50       (1ULL << 7) /* from generation 4 on */

static inline uint64_t tve_table(uint64_t paddr, unsigned int levels, unsigned int table_shift,
				 unsigned int page_shift)
{
	return paddr >> 12 << 16 | (uint64_t)(levels - 1) << 13 |
	       (uint64_t)(table_shift - TVE_TABLE_SIZE_BASE) << 8 |
	       (page_shift - TVE_PAGE_SIZE_BASE);
}

/* Addresses from start to end - 1 pass untranslated; both are multiples of 16 MiB. */
static inline uint64_t tve_bypass(uint64_t start, uint64_t end)
{
	return (start >> 24 & 0xffffff) << 40 | (end >> 24 & 0xffffff) << 16 |
	       (start >> 48 & 3) << 10 | (end >> 48 & 3) << 8 | TVE_BYPASS;
}

static inline uint64_t tve_table_address(uint64_t tve)
{
	return tve >> 16 << 12;
}

static inline unsigned int tve_levels(uint64_t tve)
{
	return (unsigned int)(tve >> 13 & 7) + 1;
}

/* log2 of a table's bytes; 0: closed. */
static inline unsigned int tve_table_shift(uint64_t tve)
{
	const unsigned int field = tve >> 8 & 0x1f;

	return field == 0 ? 0 : field + TVE_TABLE_SIZE_BASE;
}

/* 0: not translated, or closed. */
static inline unsigned int tve_page_shift(uint64_t tve)
{
	const unsigned int field = tve & 0x1f;

	return field == 0 ? 0 : field + TVE_PAGE_SIZE_BASE;
}

static inline bool tve_is_bypass(uint64_t tve)
{
	return tve_page_shift(tve) == 0 && (tve & TVE_BYPASS) != 0;
}

static inline uint64_t tve_bypass_start(uint64_t tve)
{
	return (tve >> 40 & 0xffffff) << 24 | (tve >> 10 & 3) << 48;
}

static inline uint64_t tve_bypass_end(uint64_t tve)
{
	return (tve >> 16 & 0xffffff) << 24 | (tve >> 8 & 3) << 48;
}

/* --- The kill register ------------------------------------------------------------------------ */

#define PHB_KILL_REGISTER     0x210
#define PHB_KILL_ALL          (1ULL << 63)
#define PHB_KILL_PE           (1ULL << 62)
#define PHB_KILL_PAGE         (1ULL << 61)
#define PHB_KILL_BUSY         (PHB_KILL_ALL | PHB_KILL_PE | PHB_KILL_PAGE)
#define PHB_KILL_SIZED        (1ULL << 60) /* from generation 4 on: the page is not one of 4 KiB */
#define PHB_KILL_PE_MASK      0x1ffULL
#define PHB_KILL_ADDRESS_MASK 0x0ffffffffffff000ULL

/* With PHB_KILL_SIZED bits 12 and 13 hold the size of the page to be invalidated. */
static inline unsigned int phb_kill_page_shift(uint64_t value)
{
	static const unsigned char shifts[4] = {12, 16, 21, 30};

	return (value & PHB_KILL_SIZED) == 0 ? 12 : shifts[value >> 12 & 3];
}

#endif
