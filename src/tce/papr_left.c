/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Windows that an earlier kernel has left: read from the device tree, looked for at the hypervisor,
 * adopted or removed; and one window as two.
 */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"
#include "tce/papr_calls.h"
#include "tce/papr_window.h"

/* Number; two cells of address, before them one of padding or none; two shifts. */
#define PROPERTY_CELLS_PADDED 6
#define PROPERTY_CELLS        5

int iommu_papr_parse_left_window(const void *property, size_t size,
				 struct iommu_papr_window *window)
{
	const unsigned int padding = size == PROPERTY_CELLS_PADDED * sizeof(uint32_t);
	struct iommu_papr_window found;
	uint32_t size_shift;

	if (property == NULL || (padding == 0 && size != PROPERTY_CELLS * sizeof(uint32_t)))
		return IOMMU_EINVAL;
	size_shift = papr_cell(property, 4 + padding);
	found = (struct iommu_papr_window){
		.liobn = papr_cell(property, 0),
		.address = (uint64_t)papr_cell(property, 1 + padding) << 32 |
			   papr_cell(property, 2 + padding),
		.size = size_shift < 64 ? 1ULL << size_shift : 0,
		.page_shift = papr_cell(property, 3 + padding),
	};
	if (!papr_can_be(&found))
		return IOMMU_EINVAL;
	*window = found;
	return 0;
}

static void put_cell(unsigned char *property, unsigned int index, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		property[index * 4 + i] = (unsigned char)(value >> (24 - 8 * i));
}

int iommu_papr_describe_window(const struct iommu_papr_window *window,
			       unsigned char property[IOMMU_PAPR_LEFT_WINDOW_SIZE])
{
	if (!papr_can_be(window) || (window->size & (window->size - 1)) != 0)
		return IOMMU_EINVAL;
	put_cell(property, 0, window->liobn);
	put_cell(property, 1, 0);
	put_cell(property, 2, (uint32_t)(window->address >> 32));
	put_cell(property, 3, (uint32_t)window->address);
	put_cell(property, 4, window->page_shift);
	put_cell(property, 5, iommu_highest_bit(window->size));
	return 0;
}

int iommu_papr_split_window(const struct iommu_papr_window *whole, iommu_paddr_t memory_limit,
			    struct iommu_papr_window *direct, struct iommu_papr_window *rest)
{
	const uint64_t page = 1ULL << (whole->page_shift & 63);
	uint64_t size;

	if (!papr_can_be(whole) || memory_limit == 0 || memory_limit > whole->size)
		return IOMMU_EINVAL;
	size = (memory_limit + (page - 1)) & -page;
	if (size >= whole->size)
		return IOMMU_EINVAL;
	*direct = *whole;
	direct->size = size;
	*rest = *whole;
	rest->address += size;
	rest->size -= size;
	return 0;
}

/* --- At the hypervisor ------------------------------------------------------------------------ */

static struct papr_calls calls_to(const struct iommu_platform *platform,
				  const struct iommu_papr_config *hypervisor,
				  const struct iommu_papr_window *window, unsigned int page_shift)
{
	return (struct papr_calls){
		.platform = platform,
		.call = hypervisor->call,
		.ctx = hypervisor->ctx,
		.liobn = window->liobn,
		.first_page = window->address >> page_shift,
		.page_shift = page_shift,
	};
}

/* What a call's result says of a window. */
static int as_found(int status)
{
	switch (status) {
	case 0:
		return 0;
	case IOMMU_EINVAL:
		return IOMMU_ENOENT;
	case IOMMU_ETIMEDOUT:
		return IOMMU_ETIMEDOUT;
	default:
		return IOMMU_EIO;
	}
}

/* Its first and its last page have entries: 0, IOMMU_ENOENT, IOMMU_EIO or IOMMU_ETIMEDOUT. */
static int find_window(const struct iommu_platform *platform,
		       const struct iommu_papr_config *hypervisor,
		       const struct iommu_papr_window *window)
{
	struct papr_calls calls = calls_to(platform, hypervisor, window, window->page_shift);
	uint64_t entry;
	int status = iommu_papr_get_entry(&calls, 0, &entry);

	if (status == 0)
		status = iommu_papr_get_entry(&calls, papr_pages(window) - 1, &entry);
	return as_found(status);
}

/* No permission, so that it leads nowhere, and an address that is one of pages of every size. */
#define MARK (1ULL << TCE_PAGE_SHIFT_MAX)

/* With the mark in the last entry: does a half of the page, or the page before, have it, too? */
static int compare_marked(const struct iommu_platform *platform,
			  const struct iommu_papr_config *hypervisor,
			  const struct iommu_papr_window *window)
{
	const unsigned int shift = window->page_shift;
	const uint64_t last = papr_pages(window) - 1;
	struct papr_calls calls = calls_to(platform, hypervisor, window, shift);
	struct papr_calls halves = calls_to(platform, hypervisor, window, shift - 1);
	uint64_t entry = 0;
	int status = iommu_papr_get_entry(&calls, last, &entry);

	/* A hypervisor that does not keep it says nothing. */
	if (status != 0 || entry != MARK)
		return as_found(status);
	if (last != 0) {
		status = iommu_papr_get_entry(&calls, last - 1, &entry);
		if (status != 0 || entry == MARK)
			return status != 0 ? as_found(status) : IOMMU_ENOENT;
	}
	status = shift > IOMMU_PAGE_SHIFT ? iommu_papr_get_entry(&halves, 2 * last + 1, &entry)
					  : IOMMU_EINVAL;
	/* One that refuses addresses within a page has answered, too. */
	if (status == IOMMU_EINVAL)
		return 0;
	return status != 0 || entry == MARK ? as_found(status) : IOMMU_ENOENT;
}

/*
 * Are its pages as large as the property says? In pages that are larger than that, more would be
 * reached than is mapped. The last entry is set for that, and set back. 0, IOMMU_ENOENT, IOMMU_EIO
 * or IOMMU_ETIMEDOUT.
 */
static int check_pages(const struct iommu_platform *platform,
		       const struct iommu_papr_config *hypervisor,
		       const struct iommu_papr_window *window)
{
	struct papr_calls calls = calls_to(platform, hypervisor, window, window->page_shift);
	const uint64_t last = papr_pages(window) - 1;
	uint64_t before = 0;
	int status = iommu_papr_get_entry(&calls, last, &before);
	int found, back;

	if (status != 0)
		return as_found(status);
	status = iommu_papr_put_entry(&calls, last, MARK);
	/* One that takes no such entry. */
	if (status == IOMMU_EINVAL)
		return 0;
	found = status == 0 ? compare_marked(platform, hypervisor, window) : as_found(status);
	back = as_found(iommu_papr_put_entry(&calls, last, before));
	return found != 0 ? found : back;
}

int iommu_papr_find_window(const struct iommu_platform *platform,
			   const struct iommu_papr_config *hypervisor,
			   const struct iommu_papr_window *window)
{
	if (!papr_can_be(window) || hypervisor->call == NULL)
		return iommu_log_refusal(platform, IOMMU_CALL, "",
					 IOMMU_WHY("this is no window, or there is no call"),
					 IOMMU_EINVAL);
	return find_window(platform, hypervisor, window);
}

int iommu_papr_adopt_window(const struct iommu_papr_ddw *ddw,
			    const struct iommu_papr_config *hypervisor, const void *property,
			    size_t size, const struct iommu_papr_wanted *wanted,
			    struct iommu_papr_window *window, bool *holds_memory)
{
	struct iommu_papr_window left = {0};
	int status;

	if (hypervisor->call == NULL || iommu_papr_parse_left_window(property, size, &left) != 0)
		return iommu_log_refusal(ddw->platform, IOMMU_CALL, "",
					 IOMMU_WHY("the property describes no window"),
					 IOMMU_EINVAL);
	/* What is not exactly so is left alone: its number may be another window's. */
	status = find_window(ddw->platform, hypervisor, &left);
	if (status == 0)
		status = check_pages(ddw->platform, hypervisor, &left);
	if (status != 0)
		return iommu_log_refusal(ddw->platform, IOMMU_CALL, "",
					 status == IOMMU_ENOENT
						 ? IOMMU_WHY("the hypervisor has no such window")
						 : "",
					 status);
	if ((wanted->page_sizes >> left.page_shift & 1) != 0 &&
	    left.address + (left.size - 1) <= wanted->mask) {
		*window = left;
		*holds_memory = left.size >= wanted->memory_end;
		return 0;
	}
	status = iommu_papr_remove_window(ddw, left.liobn);
	if (status != 0)
		return status;
	return iommu_log_refusal(ddw->platform, IOMMU_CALL, "",
				 IOMMU_WHY("the window does not suit, and was removed"),
				 IOMMU_ENOENT);
}
