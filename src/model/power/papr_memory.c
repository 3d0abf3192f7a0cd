/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of a partition, which comes and goes: ranges that do not overlap, in no order. */
#include <libiommu/hw/tce.h>
#include <libiommu/status.h>

#include "base/log.h"
#include "model/power/papr.h"

#define ENTRIES_PER_PAGE (IOMMU_PAGE_SIZE / sizeof(uint64_t))

/* So many bytes of a range are memory, less one; none: false. */
static bool overlap(const struct papr_range *range, iommu_paddr_t start, iommu_paddr_t last,
		    struct papr_range *common)
{
	common->start = range->start > start ? range->start : start;
	common->last = range->last < last ? range->last : last;
	return common->start <= common->last;
}

static bool touches_memory(const struct iommu_model_papr *papr, iommu_paddr_t start,
			   iommu_paddr_t last)
{
	struct papr_range unused;
	unsigned int i;

	for (i = 0; i < papr->memory_count; i++)
		if (overlap(&papr->memory[i], start, last, &unused))
			return true;
	return false;
}

bool iommu_papr_model_is_memory(const struct iommu_model_papr *papr, iommu_paddr_t start,
				iommu_paddr_t last)
{
	uint64_t missing = last - start + 1;
	struct papr_range common;
	unsigned int i;

	for (i = 0; i < papr->memory_count; i++)
		if (overlap(&papr->memory[i], start, last, &common))
			missing -= common.last - common.start + 1;
	return missing == 0;
}

/* --- Entries that lead there ------------------------------------------------------------------ */

static bool window_leads_to(const struct papr_window *window, iommu_paddr_t start,
			    iommu_paddr_t last)
{
	const uint64_t page = 1ULL << window->page_shift;
	uint64_t i;

	for (i = 0; i < window->pages; i++) {
		const uint64_t *entries = window->entries[i / ENTRIES_PER_PAGE];
		iommu_paddr_t paddr;

		if (entries == NULL) {
			i |= ENTRIES_PER_PAGE - 1;
			continue;
		}
		paddr = tce_address(entries[i % ENTRIES_PER_PAGE]);
		if (tce_is_valid(entries[i % ENTRIES_PER_PAGE]) && paddr <= last &&
		    paddr + (page - 1) >= start)
			return true;
	}
	return false;
}

static bool is_reached(const struct iommu_model_papr *papr, iommu_paddr_t start, iommu_paddr_t last)
{
	const struct iommu_list_node *node;

	iommu_list_for_each (node, &papr->windows)
		if (window_leads_to(iommu_container_of((uintptr_t)node, struct papr_window, link),
				    start, last))
			return true;
	return false;
}

/* --- Changes ---------------------------------------------------------------------------------- */

static int add_memory(struct iommu_model_papr *papr, iommu_paddr_t start, iommu_paddr_t last)
{
	if (touches_memory(papr, start, last))
		return IOMMU_EEXIST;
	if (papr->memory_count == PAPR_RANGES_MAX)
		return IOMMU_ENOSPC;
	papr->knows_memory = true;
	papr->memory[papr->memory_count++] = (struct papr_range){start, last};
	return 0;
}

/* One range without a part of it: none, one or two are left. */
static void cut(struct iommu_model_papr *papr, unsigned int index, const struct papr_range *part)
{
	const struct papr_range whole = papr->memory[index];

	papr->memory[index] = papr->memory[--papr->memory_count];
	if (whole.start < part->start)
		papr->memory[papr->memory_count++] =
			(struct papr_range){whole.start, part->start - 1};
	if (whole.last > part->last)
		papr->memory[papr->memory_count++] =
			(struct papr_range){part->last + 1, whole.last};
}

static int remove_memory(struct iommu_model_papr *papr, iommu_paddr_t start, iommu_paddr_t last)
{
	struct papr_range part;
	unsigned int i;

	if (!iommu_papr_model_is_memory(papr, start, last))
		return IOMMU_ENOENT;
	if (papr->memory_count == PAPR_RANGES_MAX)
		return IOMMU_ENOSPC; /* one range may become two */
	if (is_reached(papr, start, last))
		return IOMMU_EBUSY;
	/* From the end: what is cut leaves ranges that no longer touch. */
	for (i = papr->memory_count; i-- > 0;)
		if (overlap(&papr->memory[i], start, last, &part))
			cut(papr, i, &part);
	return 0;
}

static int
change(struct iommu_model_papr *papr, const char *call, iommu_paddr_t start, uint64_t size,
       int (*run)(struct iommu_model_papr *papr, iommu_paddr_t start, iommu_paddr_t last))
{
	int status = IOMMU_EINVAL;

	if (size != 0 && size - 1 <= UINT64_MAX - start) {
		uintptr_t state = iommu_spin_lock(papr->platform, &papr->lock);

		status = run(papr, start, start + (size - 1));
		iommu_spin_unlock(papr->platform, &papr->lock, state);
	}
	return status == 0 ? 0 : iommu_log_refusal(papr->platform, call, "", "", status);
}

int iommu_model_papr_add_memory(struct iommu_model_papr *papr, iommu_paddr_t start, uint64_t size)
{
	return change(papr, IOMMU_CALL, start, size, add_memory);
}

int iommu_model_papr_remove_memory(struct iommu_model_papr *papr, iommu_paddr_t start,
				   uint64_t size)
{
	return change(papr, IOMMU_CALL, start, size, remove_memory);
}
