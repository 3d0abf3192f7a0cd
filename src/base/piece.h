/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of memory that are one. */
#ifndef IOMMU_BASE_PIECE_H
#define IOMMU_BASE_PIECE_H

#include <libiommu/types.h>
#include <stdbool.h>

/*
 * Does memory at `next` begin where a piece ends? The end is the address behind the last byte: it
 * is 0 at the end of all addresses, where nothing adjoins.
 */
static inline bool iommu_adjoins(iommu_paddr_t end, iommu_paddr_t next)
{
	return next == end && next != 0;
}

#endif
