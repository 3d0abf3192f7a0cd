/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dynamic DMA windows: read from the device tree, requested from and returned to a hypervisor.
 * (Linux on Power Architecture Reference, "DMA Window Manipulation Calls".)
 */
#include <libiommu/hw/tce.h>
#include <libiommu/papr.h>
#include <libiommu/status.h>

#include "base/bits.h"
#include "base/log.h"
#include "tce/answer.h"
#include "tce/papr_rtas.h"
#include "tce/papr_window.h"

#define FIRST_SHIFT 12

/* --- The device tree -------------------------------------------------------------------------- */

static uint64_t number_of(const void *property, unsigned int index, unsigned int cells)
{
	uint64_t number = papr_cell(property, index);

	return cells == 1 ? number : number << 32 | papr_cell(property, index + 1);
}

int iommu_papr_parse_window(const void *property, size_t size, unsigned int address_cells,
			    unsigned int size_cells, struct iommu_papr_window *window)
{
	struct iommu_papr_window found;

	if (property == NULL || address_cells < 1 || address_cells > 2 || size_cells < 1 ||
	    size_cells > 2 || size < (1 + address_cells + size_cells) * sizeof(uint32_t))
		return IOMMU_EINVAL;
	found = (struct iommu_papr_window){
		.liobn = papr_cell(property, 0),
		.address = number_of(property, 1, address_cells),
		.size = number_of(property, 1 + address_cells, size_cells),
		.page_shift = FIRST_SHIFT,
	};
	if (!papr_can_be(&found))
		return IOMMU_EINVAL;
	*window = found;
	return 0;
}

int iommu_papr_parse_ddw(const void *applicable, size_t applicable_size, const void *extensions,
			 size_t extensions_size, struct iommu_papr_ddw *ddw)
{
	const size_t cell = sizeof(uint32_t);
	uint32_t count = 0;

	if (applicable == NULL || applicable_size < 3 * cell ||
	    (extensions != NULL && extensions_size < cell))
		return IOMMU_EINVAL;
	ddw->query_token = papr_cell(applicable, 0);
	ddw->create_token = papr_cell(applicable, 1);
	ddw->remove_token = papr_cell(applicable, 2);
	/* The first cell is the number of those that follow. */
	if (extensions != NULL) {
		count = papr_cell(extensions, 0);
		if (count > extensions_size / cell - 1)
			return IOMMU_EINVAL;
	}
	ddw->reset_token = count >= 1 ? papr_cell(extensions, 1) : 0;
	ddw->has_wide_query = count >= 2 && papr_cell(extensions, 2) == 1;
	ddw->limit_token = count >= 3 ? papr_cell(extensions, 3) : 0;
	return 0;
}

/* --- Calls ------------------------------------------------------------------------------------ */

static int refuse(const struct iommu_papr_ddw *ddw, const char *call, int status, const char *why)
{
	return iommu_log_refusal(ddw->platform, call, "", why, status);
}

static int call(const struct iommu_papr_ddw *ddw, const char *name, uint32_t token,
		unsigned int input_count, const uint32_t *inputs, unsigned int output_count,
		uint32_t *outputs)
{
	const struct papr_rtas rtas = {ddw->platform, ddw->rtas, ddw->ctx};

	switch (iommu_rtas_answer(
		iommu_papr_rtas_call(&rtas, token, input_count, inputs, output_count, outputs))) {
	case 0:
		return 0;
	case IOMMU_EINVAL:
		return refuse(ddw, name, IOMMU_EINVAL,
			      IOMMU_WHY("the hypervisor refuses a parameter"));
	case IOMMU_ETIMEDOUT:
		return refuse(ddw, name, IOMMU_ETIMEDOUT,
			      IOMMU_WHY("the hypervisor has been busy for a second"));
	default:
		return refuse(ddw, name, IOMMU_EIO, IOMMU_WHY("the hypervisor reports an error"));
	}
}

static uint64_t wide(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

#define BRIDGE_INPUTS(ddw)                                                                         \
	(ddw)->config_address, (uint32_t)((ddw)->bridge >> 32), (uint32_t)(ddw)->bridge

/* The hypervisor's bits for page sizes, from the lowest on. */
static uint64_t sizes_of(uint32_t bits)
{
	static const unsigned char shifts[] = {12, 16, 24, 25, 26, 27, 28, 34, 21};
	uint64_t sizes = 0;
	unsigned int i;

	for (i = 0; i < sizeof(shifts); i++)
		if ((bits >> i & 1) != 0)
			sizes |= 1ULL << shifts[i];
	return sizes;
}

int iommu_papr_query_windows(const struct iommu_papr_ddw *ddw, struct iommu_papr_grant *grant)
{
	const uint32_t inputs[] = {BRIDGE_INPUTS(ddw)};
	const unsigned int outputs = ddw->has_wide_query ? 6 : 5;
	uint32_t output[6] = {0};
	int status = call(ddw, IOMMU_CALL, ddw->query_token, 3, inputs, outputs, output);

	if (status != 0)
		return status;
	*grant = (struct iommu_papr_grant){
		.windows = output[1],
		.largest_pages = ddw->has_wide_query ? wide(output[2], output[3]) : output[2],
		.page_sizes = sizes_of(output[outputs - 2]),
	};
	return 0;
}

int iommu_papr_create_window(const struct iommu_papr_ddw *ddw, unsigned int page_shift,
			     unsigned int size_shift, struct iommu_papr_window *window)
{
	const uint32_t inputs[] = {BRIDGE_INPUTS(ddw), page_shift, size_shift};
	uint32_t outputs[4] = {0};
	struct iommu_papr_window made;
	int status;

	if (page_shift < TCE_PAGE_SHIFT_MIN || page_shift > TCE_PAGE_SHIFT_MAX ||
	    size_shift < page_shift || size_shift > 62 || size_shift - page_shift > 28)
		return refuse(ddw, IOMMU_CALL, IOMMU_EINVAL,
			      IOMMU_WHY("such pages, or so many of them, do not make a window"));
	status = call(ddw, IOMMU_CALL, ddw->create_token, 5, inputs, 4, outputs);
	if (status != 0)
		return status;
	made = (struct iommu_papr_window){
		.liobn = outputs[1],
		.address = wide(outputs[2], outputs[3]),
		.size = 1ULL << size_shift,
		.page_shift = page_shift,
	};
	/* The hypervisor's answer must be a valid window. */
	if ((made.address & ((1ULL << page_shift) - 1)) != 0 ||
	    made.size - 1 > UINT64_MAX - made.address) {
		(void)iommu_papr_remove_window(ddw, made.liobn);
		return refuse(ddw, IOMMU_CALL, IOMMU_EIO,
			      IOMMU_WHY("what the hypervisor has made is no window"));
	}
	*window = made;
	return 0;
}

int iommu_papr_remove_window(const struct iommu_papr_ddw *ddw, uint32_t liobn)
{
	uint32_t output = 0;

	return call(ddw, IOMMU_CALL, ddw->remove_token, 1, &liobn, 1, &output);
}

int iommu_papr_reset_windows(const struct iommu_papr_ddw *ddw)
{
	const uint32_t inputs[] = {BRIDGE_INPUTS(ddw)};
	uint32_t output = 0;

	if (ddw->reset_token == 0)
		return refuse(ddw, IOMMU_CALL, IOMMU_EOPNOTSUPP,
			      IOMMU_WHY("the hypervisor has no such call"));
	return call(ddw, IOMMU_CALL, ddw->reset_token, 3, inputs, 1, &output);
}

int iommu_papr_query_anew(const struct iommu_papr_ddw *ddw, struct iommu_papr_grant *grant)
{
	int status = iommu_papr_reset_windows(ddw);

	return status == 0 ? iommu_papr_query_windows(ddw, grant) : status;
}

#define LIMIT_ON 1

int iommu_papr_limit_addresses(const struct iommu_papr_ddw *ddw)
{
	const uint32_t inputs[] = {BRIDGE_INPUTS(ddw), LIMIT_ON};
	uint32_t output = 0;

	if (ddw->limit_token == 0)
		return refuse(ddw, IOMMU_CALL, IOMMU_EOPNOTSUPP,
			      IOMMU_WHY("the hypervisor has no such call"));
	return call(ddw, IOMMU_CALL, ddw->limit_token, 4, inputs, 1, &output);
}

/* --- The window that suits best --------------------------------------------------------------- */

/* The largest size that both support; 0: none. */
static unsigned int largest_page(uint64_t offered, uint64_t wanted)
{
	const uint64_t sizes = offered & wanted;

	return sizes != 0 ? iommu_highest_bit(sizes) : 0;
}

/* A window for all of memory, if there are enough pages. */
static unsigned int size_for(const struct iommu_papr_grant *grant, unsigned int page_shift,
			     iommu_paddr_t memory_end, bool *holds_memory)
{
	const uint64_t largest =
		grant->largest_pages < PAPR_PAGES_MAX ? grant->largest_pages : PAPR_PAGES_MAX;
	const unsigned int most = iommu_highest_bit(largest) + page_shift;
	unsigned int needed = memory_end == 1 ? 0 : iommu_highest_bit(memory_end - 1) + 1;

	if (needed < page_shift)
		needed = page_shift;
	*holds_memory = needed <= most;
	return *holds_memory ? needed : most;
}

/* The properties of the window to be made. */
struct wish {
	uint64_t page_sizes;
	iommu_paddr_t memory_end;
	uint64_t mask;
};

static int open_window(const struct iommu_papr_ddw *ddw, const char *call,
		       const struct iommu_papr_grant *grant, const struct wish *wish,
		       struct iommu_papr_window *window, bool *holds_memory)
{
	const unsigned int page_shift = largest_page(grant->page_sizes, wish->page_sizes);
	struct iommu_papr_window made = {0};
	unsigned int size_shift;
	bool holds;
	int status;

	if (grant->windows == 0 || grant->largest_pages == 0 || page_shift < TCE_PAGE_SHIFT_MIN)
		return refuse(ddw, call, IOMMU_ENOSPC,
			      IOMMU_WHY("the hypervisor grants no window, or none of these pages"));
	size_shift = size_for(grant, page_shift, wish->memory_end, &holds);
	status = iommu_papr_create_window(ddw, page_shift, size_shift, &made);
	if (status != 0)
		return status;
	if (made.address + (made.size - 1) > wish->mask) {
		status = iommu_papr_remove_window(ddw, made.liobn);
		return status != 0 ? status
				   : refuse(ddw, call, IOMMU_ERANGE,
					    IOMMU_WHY("the window lies beyond the device's mask"));
	}
	*window = made;
	*holds_memory = holds;
	return 0;
}

/* One at lower addresses, where the hypervisor can make one, if the first lay beyond the mask. */
static int open_within_mask(const struct iommu_papr_ddw *ddw, const char *call,
			    struct iommu_papr_grant *grant, const struct wish *wish,
			    struct iommu_papr_window *window, bool *holds_memory)
{
	int status = open_window(ddw, call, grant, wish, window, holds_memory);

	if (status != IOMMU_ERANGE || ddw->limit_token == 0)
		return status;
	status = iommu_papr_limit_addresses(ddw);
	if (status == 0)
		status = iommu_papr_query_windows(ddw, grant);
	return status == 0 ? open_window(ddw, call, grant, wish, window, holds_memory) : status;
}

int iommu_papr_open_window(const struct iommu_papr_ddw *ddw, uint64_t page_sizes,
			   iommu_paddr_t memory_end, uint64_t mask, struct iommu_papr_window *first,
			   struct iommu_papr_window *window, bool *holds_memory)
{
	const struct wish wish = {page_sizes, memory_end, mask};
	struct iommu_papr_grant grant;
	bool gave_up = false;
	int status;

	if (memory_end == 0 || page_sizes == 0)
		return refuse(ddw, IOMMU_CALL, IOMMU_EINVAL,
			      IOMMU_WHY("no memory, or no page sizes"));
	status = iommu_papr_query_windows(ddw, &grant);
	if (status == 0 && grant.windows == 0 && first != NULL && first->size != 0 &&
	    ddw->reset_token != 0) {
		/* Whatever the result: the window may be gone. */
		gave_up = true;
		status = iommu_papr_remove_window(ddw, first->liobn);
		if (status == 0)
			status = iommu_papr_query_windows(ddw, &grant);
	}
	if (status == 0)
		status = open_within_mask(ddw, IOMMU_CALL, &grant, &wish, window, holds_memory);
	if (!gave_up)
		return status;
	if (status == 0 || iommu_papr_reset_windows(ddw) != 0)
		first->size = 0;
	return status;
}
