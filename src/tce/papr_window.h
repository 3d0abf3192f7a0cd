/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows of a hypervisor: what one can be, and how the device tree describes them. */
#ifndef IOMMU_TCE_PAPR_WINDOW_H
#define IOMMU_TCE_PAPR_WINDOW_H

#include <libiommu/hw/tce.h>
#include <libiommu/papr.h>

#define PAPR_PAGES_MAX (1ULL << 28)

static inline uint64_t papr_pages(const struct iommu_papr_window *window)
{
	return window->size >> window->page_shift;
}

/* Whole pages, that do not wrap and are not too many. */
static inline bool papr_can_be(const struct iommu_papr_window *window)
{
	const uint64_t page = 1ULL << (window->page_shift & 63);

	return window->page_shift >= TCE_PAGE_SHIFT_MIN &&
	       window->page_shift <= TCE_PAGE_SHIFT_MAX && window->size != 0 &&
	       ((window->address | window->size) & (page - 1)) == 0 &&
	       papr_pages(window) <= PAPR_PAGES_MAX &&
	       window->size - 1 <= UINT64_MAX - window->address;
}

/* A cell of a property, which is big-endian. */
static inline uint32_t papr_cell(const void *property, unsigned int index)
{
	const unsigned char *bytes = (const unsigned char *)property + (size_t)index * 4;

	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

#endif
